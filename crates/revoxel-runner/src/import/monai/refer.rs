//! References within a configuration.

use revoxel_pipeline::{Data, Node};

use super::Fault;

/// How far references may lead on.
const DEPTH: usize = 32;

/// A configuration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Document<'a>(pub(super) &'a Node);

impl Document<'_> {
    /// The value itself, or what it refers to.
    pub(super) fn resolve(&self, node: &Node) -> Result<Node, Fault> {
        let (mut found, mut depth) = (node.clone(), 0);
        while let Data::Text(text) = &found.data {
            if text.starts_with('$') {
                return Err(code(&found, text));
            }
            let macros = text.starts_with('%');
            let Some(id) = text.strip_prefix('@').or_else(|| text.strip_prefix('%')) else { break };
            depth += 1;
            let to = self.at(id).filter(|_| depth <= DEPTH);
            let Some(to) = to else {
                let problem = if depth > DEPTH { "leads round in a circle" } else { "is not in this file" };
                let fault = Fault::new(node.place, format!("{text:?} {problem}"));
                return Err(if macros {
                    fault.help("other files are not read: write what it stands for")
                } else {
                    fault
                });
            };
            found = to.clone();
        }
        Ok(found)
    }

    /// The value with everything in it resolved.
    pub(super) fn deep(&self, node: &Node) -> Result<Node, Fault> {
        self.deeper(node, 0)
    }

    fn deeper(&self, node: &Node, depth: usize) -> Result<Node, Fault> {
        if depth > DEPTH {
            return Err(Fault::new(node.place, "references lead round in a circle"));
        }
        let mut found = self.resolve(node)?;
        match &mut found.data {
            Data::List(list) => {
                for item in list {
                    *item = self.deeper(item, depth + 1)?;
                }
            }
            Data::Map(entries) => {
                if let Some((key, value)) = entries.iter().find(|(k, _)| k.name == "_target_") {
                    let what = value.json();
                    return Err(Fault::new(key.place, format!("{what} as an argument has no counterpart")));
                }
                for (_, value) in entries {
                    *value = self.deeper(value, depth + 1)?;
                }
            }
            _ => {}
        }
        Ok(found)
    }

    /// What an id leads to: names and positions, with `#` or `::` between them.
    fn at(&self, id: &str) -> Option<&Node> {
        let id = id.replace("::", "#");
        id.split('#').filter(|part| !part.is_empty()).try_fold(self.0, |node, part| node.child(part))
    }

    /// The list of transforms, and its id.
    pub(super) fn transforms(&self, wanted: Option<&str>) -> Result<(String, Vec<Node>), Fault> {
        if let Some(id) = wanted {
            let Some(node) = self.at(id) else {
                return Err(Fault::new(self.0.place, format!("there is no {id:?} in this file")));
            };
            return Ok((id.to_owned(), self.list(node)?));
        }
        let mut found = Vec::new();
        composed(self.0, "", &mut found);
        // Where there is no Compose the whole file may be the list, or its first entry.
        let whole = matches!(self.0.data, Data::List(_)) || is_compose(self.0);
        let first = found.iter().find(|(id, _)| !id.to_lowercase().contains("post"));
        match first {
            _ if whole => Ok(("the file".to_owned(), self.list(self.0)?)),
            Some((id, node)) => Ok((id.clone(), self.list(node)?)),
            None => {
                let fault = Fault::new(self.0.place, "there is no Compose of transforms in this file");
                Err(fault.help("say which list with --transforms ID"))
            }
        }
    }

    /// The list of transforms of predictions, and its id: `wanted`, or the first whose id has `post` in it, unless
    /// that is the list of the steps, `taken`. `None` for `none` and where there is none.
    pub(super) fn postprocessing(
        &self,
        wanted: Option<&str>,
        taken: &str,
    ) -> Result<Option<(String, Vec<Node>)>, Fault> {
        match wanted {
            Some("none") => Ok(None),
            Some(id) => self.transforms(Some(id)).map(Some),
            None => {
                let mut found = Vec::new();
                composed(self.0, "", &mut found);
                let first = found.into_iter().find(|(id, _)| id.to_lowercase().contains("post") && id != taken);
                first.map(|(id, node)| Ok((id, self.list(node)?))).transpose()
            }
        }
    }

    /// The transforms of a list or a `Compose`; one `Compose` in another is opened.
    fn list(&self, node: &Node) -> Result<Vec<Node>, Fault> {
        let node = self.resolve(node)?;
        match &node.data {
            Data::List(items) => {
                let mut list = Vec::new();
                for item in items {
                    let item = self.resolve(item)?;
                    match is_compose(&item) {
                        true => list.extend(self.list(&item)?),
                        false => list.push(item),
                    }
                }
                Ok(list)
            }
            Data::Map(_) if is_compose(&node) => match node.child("transforms") {
                Some(transforms) => self.list(transforms),
                None => Err(Fault::new(node.place, "a Compose without transforms")),
            },
            _ => Err(Fault::new(node.place, "expected a list of transforms, or a Compose")),
        }
    }
}

fn code(node: &Node, text: &str) -> Fault {
    let fault = Fault::new(node.place, format!("{text:?} is code"));
    fault.help("expressions are not run: write the value, or choose a list without them with --transforms ID")
}

fn is_compose(node: &Node) -> bool {
    let target = node.child("_target_").map(|t| &t.data);
    matches!(target, Some(Data::Text(text)) if text.rsplit('.').next() == Some("Compose"))
}

/// All `Compose` in a value with their ids, from the top down.
fn composed<'a>(node: &'a Node, id: &str, found: &mut Vec<(String, &'a Node)>) {
    if is_compose(node) {
        found.push((id.to_owned(), node));
        return;
    }
    let below = |part: &str| if id.is_empty() { part.to_owned() } else { format!("{id}#{part}") };
    match &node.data {
        Data::Map(entries) => entries.iter().for_each(|(key, value)| composed(value, &below(&key.name), found)),
        Data::List(items) => {
            items.iter().enumerate().for_each(|(at, item)| composed(item, &below(&at.to_string()), found));
        }
        _ => {}
    }
}
