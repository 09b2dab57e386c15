//! Configuration files laid over each other, as `monai.bundle run` reads a list of them.
//!
//! Entries of later files replace those of earlier ones. `a#b` (or `a::b`) as a key is an entry within another, and
//! `+a` adds to a map or a list that is there.

use revoxel_pipeline::{Data, Key, Node, PipelineError, Place};

use super::Fault;

/// A file: its name and its text.
pub type File<'a> = (&'a str, &'a str);

/// The texts of all files, one behind the other: offsets of places count from the first.
#[derive(Debug)]
pub(super) struct Texts<'a>(Vec<(File<'a>, usize)>);

impl<'a> Texts<'a> {
    /// The file of a place, and where its text begins.
    fn of(&self, place: Place) -> (File<'a>, usize) {
        let found = self.0.iter().rev().find(|(_, begin)| *begin <= place.offset);
        found.or(self.0.first()).copied().unwrap_or((("", ""), 0))
    }

    /// How an unquoted scalar is written; `None` in JSON, which has its own numbers, and where it was computed.
    pub(super) fn written(&self, place: Place) -> Option<&'a str> {
        let ((name, text), begin) = self.of(place);
        if name.to_lowercase().ends_with(".json") {
            return None;
        }
        let at = place.offset - begin;
        text.get(at..at + place.length).map(str::trim).filter(|written| !written.is_empty())
    }

    /// A place in words; with its file where there are several.
    pub(super) fn words(&self, place: Place) -> String {
        let at = format!("line {}, column {}", place.line, place.column);
        if self.0.len() > 1 { format!("{}, {at}", self.of(place).0.0) } else { at }
    }

    pub(super) fn error(&self, fault: Fault) -> PipelineError {
        let ((file, text), begin) = self.of(fault.place);
        let place = Place { offset: fault.place.offset - begin, ..fault.place };
        PipelineError { file: file.to_owned(), text: text.into(), place, problem: fault.problem, help: fault.help }
    }
}

/// Reads all files and lays later ones over earlier ones.
///
/// # Errors
/// Where a text is no YAML, or an entry changes what is not there.
pub(super) fn read<'a>(files: &[File<'a>]) -> Result<(Texts<'a>, Node), PipelineError> {
    let mut begin = 0;
    let (mut texts, mut roots) = (Texts(Vec::new()), Vec::new());
    for (name, text) in files.iter().copied() {
        let mut root = Node::read(name, text)?;
        shift(&mut root, begin);
        texts.0.push(((name, text), begin));
        roots.push(root);
        // A place right behind the end still belongs to its file.
        begin += text.len() + 1;
    }
    let several = roots.len() > 1;
    let mut merged: Option<Node> = None;
    for root in roots {
        let place = root.place;
        match root.data {
            Data::Map(entries) => {
                let merged = merged.get_or_insert(Node { place, data: Data::Map(Vec::new()) });
                for (key, value) in entries {
                    merge(merged, &key, value).map_err(|fault| texts.error(fault))?;
                }
            }
            _ if several => {
                let fault = Fault::new(place, "expected a map: only maps can be merged with other files");
                return Err(texts.error(fault));
            }
            data => merged = Some(Node { place, data }),
        }
    }
    let root = merged.unwrap_or(Node { place: Place::default(), data: Data::Null });
    Ok((texts, root))
}

fn shift(node: &mut Node, by: usize) {
    node.place.offset += by;
    match &mut node.data {
        Data::List(items) => items.iter_mut().for_each(|item| shift(item, by)),
        Data::Map(entries) => {
            for (key, value) in entries {
                key.place.offset += by;
                shift(value, by);
            }
        }
        _ => {}
    }
}

fn merge(root: &mut Node, key: &Key, value: Node) -> Result<(), Fault> {
    let (adds, id) = key.name.strip_prefix('+').map_or((false, key.name.as_str()), |id| (true, id));
    let id = id.replace("::", "#");
    let mut parts: Vec<&str> = id.split('#').collect();
    let last = parts.pop().unwrap_or_default();
    let missing = |part: &str| {
        let problem = format!("{:?} changes a nested entry, but no {part:?} comes before it", key.name);
        Fault::new(key.place, problem).help("write it after the entry, or pass the file with the entry first")
    };
    let mut place = root;
    for part in parts {
        place = entry(place, part).ok_or_else(|| missing(part))?;
    }
    if let Some(there) = entry(place, last) {
        return match (adds, &mut there.data, value) {
            (false, _, value) => {
                *there = value;
                Ok(())
            }
            (true, Data::Map(_), Node { data: Data::Map(new), .. }) => {
                new.into_iter().for_each(|(key, value)| set(there, key, value));
                Ok(())
            }
            (true, Data::List(old), Node { data: Data::List(new), .. }) => {
                old.extend(new);
                Ok(())
            }
            (true, ..) => {
                let problem = format!("{:?} adds to a value: both must be maps, or both lists", key.name);
                Err(Fault::new(key.place, problem).help("leave out the + to replace the value"))
            }
        };
    }
    if !matches!(place.data, Data::Map(_)) {
        return Err(missing(last));
    }
    set(place, Key { place: key.place, name: last.to_owned() }, value);
    Ok(())
}

/// An entry of a map by its name, or of a list by its position.
fn entry<'n>(node: &'n mut Node, part: &str) -> Option<&'n mut Node> {
    match &mut node.data {
        Data::Map(entries) => entries.iter_mut().find(|(key, _)| key.name == part).map(|(_, value)| value),
        Data::List(items) => items.get_mut(part.parse::<usize>().ok()?),
        _ => None,
    }
}

/// Replaces an entry of a map in its place, or adds it at the end.
fn set(map: &mut Node, key: Key, value: Node) {
    let Data::Map(entries) = &mut map.data else { return };
    match entries.iter_mut().find(|(other, _)| other.name == key.name) {
        Some((_, old)) => *old = value,
        None => entries.push((key, value)),
    }
}
