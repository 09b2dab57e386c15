//! References within a configuration.
//!
//! Their order is MONAI's: relative ids (`@##a`) and macros (`%a`) are replaced first, from the top of the file down;
//! references (`@a`) are followed afterwards.

use std::cell::{Cell, RefCell};

use revoxel_pipeline::{Data, Key, Node};
use revoxel_transforms::Registry;

use super::overlay::Texts;
use super::{Fault, scalars};

/// How deep values may lie, references counted; without them the reader of the file sees to it.
const DEPTH: usize = 64;

/// How many values may be looked at: references can repeat each other.
const VALUES: usize = 50_000;

/// A configuration.
#[derive(Debug)]
pub(super) struct Document<'a> {
    pub(super) root: &'a Node,
    pub(super) texts: &'a Texts<'a>,
    /// The transforms that there are.
    pub(super) registry: &'a Registry,
    looked_at: Cell<usize>,
    /// Whether random transforms are left out.
    pub(super) skip_random: bool,
    /// Those that were.
    pub(super) skipped: RefCell<Vec<String>>,
}

/// A value and where it stands, from where relative references count.
#[derive(Clone, Debug)]
pub(super) struct At<'a> {
    pub(super) node: &'a Node,
    /// Names and positions from the outside in.
    pub(super) id: Vec<String>,
    /// The ids that were followed to it.
    via: Vec<String>,
    depth: usize,
    /// Whether a macro that stands before it leads to it: MONAI copies it as it is written, and replaces nothing in it.
    raw: bool,
}

impl<'a> At<'a> {
    fn below(&self, part: String, node: &'a Node) -> Self {
        let mut below = Self { node, depth: self.depth + 1, ..self.clone() };
        below.id.push(part);
        below
    }

    /// The entries of a map; none of anything else.
    pub(super) fn entries(&self) -> Vec<(&'a Key, Self)> {
        let Data::Map(entries) = &self.node.data else { return Vec::new() };
        entries.iter().map(|(key, value)| (key, self.below(key.name.clone(), value))).collect()
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> Vec<Self> {
        let Data::List(items) = &self.node.data else { return Vec::new() };
        items.iter().enumerate().map(|(at, item)| self.below(at.to_string(), item)).collect()
    }

    pub(super) fn child(&self, name: &str) -> Option<Self> {
        self.entries().into_iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }

    /// Names and positions with `#` between them.
    pub(super) fn id(&self) -> String {
        self.id.join("#")
    }
}

/// What happens to code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// It is an error.
    Refused,
    /// It stays as text.
    Kept,
}

impl<'a> Document<'a> {
    pub(super) fn new(root: &'a Node, texts: &'a Texts<'a>, registry: &'a Registry, skip_random: bool) -> Self {
        Self { root, texts, registry, looked_at: Cell::new(0), skip_random, skipped: RefCell::default() }
    }

    /// The whole file.
    pub(super) fn whole(&self) -> At<'a> {
        At { node: self.root, id: Vec::new(), via: Vec::new(), depth: 0, raw: false }
    }

    /// The value itself, or what it refers to.
    pub(super) fn resolve(&self, at: &At<'a>) -> Result<At<'a>, Fault> {
        self.resolve_with(at, Code::Refused)
    }

    fn resolve_with(&self, at: &At<'a>, code: Code) -> Result<At<'a>, Fault> {
        let mut at = at.clone();
        loop {
            self.looked_at.set(self.looked_at.get() + 1);
            if self.looked_at.get() > VALUES {
                let problem = format!("references lead to more than {VALUES} values");
                return Err(Fault::new(at.node.place, problem));
            }
            if at.depth > DEPTH {
                let problem = format!("references are nested more than {DEPTH} levels deep");
                return Err(Fault::new(at.node.place, problem));
            }
            scalars::check(at.node, self.texts.written(at.node.place))?;
            let Data::Text(text) = &at.node.data else { return Ok(at) };
            if let Some(reference) = only_reference(text) {
                at = self.follow(&at, reference)?;
                continue;
            }
            if text.starts_with('$') {
                return if code == Code::Kept { Ok(at) } else { Err(is_code(at.node, text)) };
            }
            if !text.starts_with(['@', '%']) {
                return Ok(at);
            }
            at = self.follow(&at, text)?;
        }
    }

    /// What a reference or a macro that stands at a place leads to.
    pub(super) fn follow(&self, at: &At<'a>, text: &str) -> Result<At<'a>, Fault> {
        let fault = |problem: &str| Fault::new(at.node.place, format!("{text:?} {problem}"));
        let macros = text.starts_with('%');
        let id = text[1..].replace('#', "::");
        let path = id.trim_start_matches("::");
        let up = (id.len() - path.len()) / 2;
        if at.raw && (macros || up > 0) {
            let fault = fault("is inside the value of an earlier macro, where MONAI does not replace it");
            return Err(fault.help("write its value"));
        }
        let mut to = Vec::new();
        if up > 0 {
            let Some(base) = at.id.len().checked_sub(up) else { return Err(fault("leads out of the file")) };
            if self.aliased(at) {
                let fault = fault("is relative, but a YAML alias repeats it here");
                return Err(fault.help("write the absolute id"));
            }
            to.extend_from_slice(&at.id[..base]);
        }
        to.extend(path.split("::").map(str::to_owned));
        // Whatever else is in a reference makes plain text of it in MONAI.
        let word = |part: &String| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
        let file = |part: &String| [".json", ".yaml", ".yml"].iter().any(|end| part.to_lowercase().ends_with(end));
        let readable = if macros { !to.iter().any(file) } else { to.iter().all(word) };
        let Some((node, order)) = self.find(&to).filter(|_| readable) else {
            let fault = fault("is not in this file");
            return Err(if macros { fault.help("other files are not read: write its value") } else { fault });
        };
        let name = to.join("#");
        let mut via = at.via.clone();
        via.push(name.clone());
        if at.via.contains(&name) {
            return Err(fault(&format!("is circular: {}", via.join(" -> "))));
        }
        let here = self.find(&at.id).map(|(_, order)| order).unwrap_or_default();
        Ok(At { node, id: to, via, depth: at.depth + 1, raw: macros && here < order })
    }

    /// The value with everything in it resolved.
    pub(super) fn deep(&self, at: &At<'a>, code: Code) -> Result<Node, Fault> {
        let at = self.resolve_with(at, code)?;
        let place = at.node.place;
        let data = match &at.node.data {
            Data::List(_) => Data::List(at.items().iter().map(|item| self.deep(item, code)).collect::<Result<_, _>>()?),
            Data::Map(_) => {
                let mut entries = Vec::new();
                for (key, value) in at.entries() {
                    if key.name == "_target_" {
                        let what = value.node.json();
                        return Err(Fault::new(key.place, format!("{what} as an argument is not supported")));
                    }
                    entries.push((key.clone(), self.deep(&value, code)?));
                }
                Data::Map(entries)
            }
            other => other.clone(),
        };
        Ok(Node { place, data })
    }

    /// What an id leads to: names and positions, with `#` or `::` between them.
    pub(super) fn at(&self, id: &str) -> Option<At<'a>> {
        let id: Vec<String> = id.replace("::", "#").split('#').map(str::to_owned).collect();
        self.find(&id).map(|(node, _)| At { node, id, ..self.whole() })
    }

    /// What stands at a place, and its position in the file: earlier places have lower ones.
    fn find(&self, id: &[String]) -> Option<(&'a Node, Vec<usize>)> {
        let (mut node, mut order) = (self.root, Vec::new());
        for part in id {
            let (position, child) = match &node.data {
                Data::Map(entries) => {
                    let position = entries.iter().position(|(key, _)| key.name == *part)?;
                    (position, &entries[position].1)
                }
                Data::List(items) => {
                    let position = part.parse::<usize>().ok().filter(|position| position.to_string() == *part)?;
                    (position, items.get(position)?)
                }
                _ => return None,
            };
            order.push(position);
            node = child;
        }
        Some((node, order))
    }

    /// Whether an alias brings a text to its place: everything in one stands exactly where the alias does.
    fn aliased(&self, text: &At<'a>) -> bool {
        let above = text.id.split_last().and_then(|(_, above)| self.find(above));
        above.is_some_and(|(above, _)| above.place == text.node.place)
    }
}

/// The reference that an expression is and nothing else.
pub(super) fn only_reference(text: &str) -> Option<&str> {
    let reference = text.strip_prefix('$')?.trim();
    let id = reference.strip_prefix('@')?;
    (!id.is_empty() && id.chars().all(|c| c.is_alphanumeric() || "_#:".contains(c))).then_some(reference)
}

fn is_code(node: &Node, text: &str) -> Fault {
    let fault = Fault::new(node.place, format!("{text:?} is code"));
    if text.contains("lambda") {
        return fault
            .help("functions are not run: leave out the transform and write a step instead, see `revoxel transforms`");
    }
    fault.help("expressions are not run: write the value, or choose a list without them with --transforms ID")
}
