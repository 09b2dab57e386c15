//! The files that a path with placeholders matches.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use revoxel_pipeline::{Piece, Template};

use super::DatasetError;

/// What a placeholder stands for in a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Value {
    /// As text.
    pub(super) text: String,
    /// As it stands in the names of files.
    pub(super) raw: OsString,
}

/// What the placeholders stand for, by name.
pub(super) type Values = BTreeMap<String, Value>;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The files and folders that match, with the values of the placeholders.
    pub(super) matches: Vec<(Values, PathBuf)>,
    /// Files and folders that would have matched, but for their names.
    hidden: Vec<(PathBuf, &'static str)>,
}

impl Found {
    /// Everything that matches a template. Of the choices of brackets the fullest comes first: a file that it matches
    /// is not matched again.
    pub(super) fn by(template: &Template, folder: &Path) -> Result<Self, DatasetError> {
        let mut found = Self::default();
        let mut claimed = BTreeSet::new();
        for components in template.variants() {
            let mut one = Self::default();
            one.walk(folder, &components, &Values::new())?;
            one.matches.retain(|(_, path)| !claimed.contains(path));
            claimed.extend(one.matches.iter().map(|(_, path)| path.clone()));
            found.matches.append(&mut one.matches);
            found.hidden.append(&mut one.hidden);
        }
        // The voxel size of a folder of pictures may lie beside it: `a.json` is no case beside the folder `a`.
        let is_sidecar = |path: &Path| {
            let folder = path.with_extension("");
            path.extension().is_some_and(|e| e == "json") && claimed.contains(&folder) && folder.is_dir()
        };
        found.matches.retain(|(_, path)| !is_sidecar(path));
        Ok(found)
    }

    /// Says what was passed over because of its name.
    pub(super) fn tell(&self) {
        const MOST: usize = 5;
        for (path, why) in self.hidden.iter().take(MOST) {
            tracing::warn!("{}: ignored, because {why}", text_of(path.as_os_str()));
        }
        if self.hidden.len() > MOST {
            tracing::warn!("… and {} more ignored", self.hidden.len() - MOST);
        }
    }

    /// Walks the folders that the remaining components lead through.
    fn walk(&mut self, folder: &Path, components: &[Vec<Piece>], values: &Values) -> Result<(), DatasetError> {
        let Some((component, rest)) = components.split_first() else {
            self.matches.push((values.clone(), folder.to_owned()));
            return Ok(());
        };
        // A name that is known already needs no listing.
        if let Some(name) = known(component, values) {
            let next = folder.join(name);
            let there = if rest.is_empty() { next.exists() } else { next.is_dir() };
            return if there { self.walk(&next, rest, values) } else { Ok(()) };
        }
        let error = |error| DatasetError::Folder { path: folder.to_owned(), error };
        for entry in fs::read_dir(folder).map_err(error)? {
            let entry = entry.map_err(error)?;
            let file = entry.file_name();
            let Some(new) = values_in(component, &file, values) else { continue };
            let next = folder.join(&file);
            if !rest.is_empty() && !is_folder(&entry, &next) {
                continue;
            }
            let why = match () {
                () if new.iter().any(|(_, v)| [".", ".."].contains(&v.text.as_str())) => {
                    Some("\".\" and \"..\" are not valid case names")
                }
                () if file.as_encoded_bytes().starts_with(b".") && !begins_with_dot(component) => {
                    Some("it is a hidden file")
                }
                () => None,
            };
            let mut values = values.clone();
            values.extend(new);
            match why {
                // Only what leads to a file would have been a case.
                Some(why) => {
                    let mut hidden = Self::default();
                    hidden.walk(&next, rest, &values)?;
                    self.hidden.extend((!hidden.matches.is_empty()).then_some((next, why)));
                }
                None => self.walk(&next, rest, &values)?,
            }
        }
        Ok(())
    }
}

fn is_folder(entry: &fs::DirEntry, path: &Path) -> bool {
    match entry.file_type() {
        Ok(kind) if !kind.is_symlink() => kind.is_dir(),
        _ => path.is_dir(),
    }
}

fn begins_with_dot(component: &[Piece]) -> bool {
    matches!(component.first(), Some(Piece::Text(text)) if text.starts_with('.'))
}

/// The name that a component stands for; `None` if a placeholder has no value yet, or it has a `*`.
fn known(component: &[Piece], values: &Values) -> Option<OsString> {
    let mut name = OsString::new();
    for piece in component {
        match piece {
            Piece::Text(text) => name.push(text),
            Piece::Name(placeholder) => name.push(&values.get(placeholder)?.raw),
            Piece::Any => return None,
        }
    }
    Some(name)
}

/// A name as text. Where it is not UTF-8, each byte that is no character becomes a percent sign and two digits.
pub(super) fn text_of(name: &OsStr) -> String {
    if let Some(text) = name.to_str() {
        return text.to_owned();
    }
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("%{byte:02X}")));
    }
    text
}

/// The values of the placeholders that are not known yet, where a name fits a component.
fn values_in(component: &[Piece], name: &OsStr, values: &Values) -> Option<Vec<(String, Value)>> {
    if let Some(text) = name.to_str() {
        let known = values.iter().map(|(name, value)| (name.clone(), value.text.clone())).collect();
        let found = Template::match_component(component, text, &known)?;
        let value = |(name, text): (String, String)| (name, Value { raw: text.clone().into(), text });
        return Some(found.into_iter().map(value).collect());
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        // Bytes that are no text are looked for in names with one open placeholder only.
        let open = |piece: &Piece| known(std::slice::from_ref(piece), values).is_none();
        let at = component.iter().position(open)?;
        let (before, after) = (known(&component[..at], values)?, known(&component[at + 1..], values)?);
        let raw = name.as_bytes().strip_prefix(before.as_bytes())?.strip_suffix(after.as_bytes())?;
        let raw = OsStr::from_bytes(raw);
        match &component[at] {
            Piece::Name(_) if raw.is_empty() => None,
            Piece::Name(name) => Some(vec![(name.clone(), Value { text: text_of(raw), raw: raw.to_owned() })]),
            _ => Some(Vec::new()),
        }
    }
    #[cfg(not(unix))]
    None
}
