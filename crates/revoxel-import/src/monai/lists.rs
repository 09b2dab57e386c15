//! Which transforms a list or a `Compose` holds.

use revoxel_pipeline::{Data, Key};

use super::Fault;
use super::call::{nothing_to_do, random_name};
use super::refer::{At, Code, Document};

/// A list of transforms.
#[derive(Debug)]
pub(super) struct List<'a> {
    /// Its id.
    pub(super) id: String,
    /// Its transforms, without those that are switched off.
    pub(super) items: Vec<At<'a>>,
}

impl<'a> Document<'a> {
    /// The list of transforms.
    pub(super) fn transforms(&self, wanted: Option<&str>) -> Result<List<'a>, Fault> {
        if let Some(id) = wanted {
            let Some(at) = self.at(id) else {
                return Err(Fault::new(self.root.place, format!("no {id:?} in this file")));
            };
            return Ok(List { id: id.to_owned(), items: self.list(&at)? });
        }
        let whole = self.whole();
        // Where there is no Compose the whole file may be the list, or its first entry.
        if matches!(self.root.data, Data::List(_)) || is_compose(&whole) {
            return Ok(List { id: "the file".to_owned(), items: self.list(&whole)? });
        }
        let found = self.composed();
        let Some(at) = found.iter().find(|at| !at.id().to_lowercase().contains("post")) else {
            let fault = Fault::new(self.root.place, "no Compose of transforms in this file");
            return Err(fault.help("choose a list with --transforms ID"));
        };
        Ok(List { id: at.id(), items: self.list(at)? })
    }

    /// The list of transforms of predictions. That is `wanted` if it is given. Otherwise it is the first list beside
    /// the list of the steps (`taken`) that has `post` in its id, or the first such list of the file. `None` where there
    /// is no such list, or where `wanted` is `none`.
    pub(super) fn postprocessing(&self, wanted: Option<&str>, taken: &str) -> Result<Option<List<'a>>, Fault> {
        match wanted {
            Some("none") => Ok(None),
            Some(id) => self.transforms(Some(id)).map(Some),
            None => {
                let found = self.composed();
                let post = |at: &&At<'a>| at.id().to_lowercase().contains("post") && at.id() != taken;
                let beside = |at: &&At<'a>| post(at) && folder(&at.id()) == folder(taken);
                let first = found.iter().find(beside).or_else(|| found.iter().find(post));
                first.map(|at| Ok(List { id: at.id(), items: self.list(at)? })).transpose()
            }
        }
    }

    /// Whether a transform or a `Compose` is switched off.
    pub(super) fn disabled(&self, at: &At<'a>) -> Result<bool, Fault> {
        let Some(value) = at.child("_disabled_") else { return Ok(false) };
        let value = match self.resolve(&value) {
            Ok(value) => value,
            // What has nothing to do here is left out in any case.
            Err(_) if at.child("_target_").is_some_and(|t| t.node.json().as_str().is_some_and(nothing_to_do)) => {
                return Ok(false);
            }
            Err(fault) => return Err(fault),
        };
        match &value.node.data {
            Data::Null => Ok(false),
            Data::Bool(off) => Ok(*off),
            Data::Number(number) => Ok(number.as_f64() != Some(0.0)),
            Data::Text(text) => Ok(text.trim().eq_ignore_ascii_case("true")),
            _ => Err(Fault::new(value.node.place, "_disabled_: expected true or false")),
        }
    }

    /// The transforms of a list or a `Compose`; one `Compose` in another is opened.
    pub(super) fn list(&self, at: &At<'a>) -> Result<Vec<At<'a>>, Fault> {
        let at = self.resolve(at)?;
        match &at.node.data {
            Data::List(_) => {
                let mut list = Vec::new();
                for item in at.items() {
                    let found = self.resolve(&item)?;
                    if self.disabled(&found)? {
                        // MONAI leaves out what stands in the list itself; a reference becomes nothing that it can call.
                        if matches!(&item.node.data, Data::Text(text) if text.starts_with('@')) {
                            return Err(Fault::new(item.node.place, "this reference leads to a disabled transform"));
                        }
                    } else if is_compose(&found) {
                        list.extend(self.list(&found)?);
                    } else if let Some(name) = random_name(&found).filter(|_| self.skip_random) {
                        let mut skipped = self.skipped.borrow_mut();
                        if !skipped.contains(&name) {
                            skipped.push(name);
                        }
                    } else {
                        list.push(found);
                    }
                }
                Ok(list)
            }
            Data::Map(_) if is_compose(&at) => {
                if self.disabled(&at)? {
                    return Err(Fault::new(at.node.place, "this Compose is disabled"));
                }
                let mut list = None;
                for (key, value) in at.entries() {
                    match key.name.as_str() {
                        "transforms" => list = Some(self.list(&value)?),
                        _ => self.check_argument(key, &value)?,
                    }
                }
                list.ok_or_else(|| Fault::new(at.node.place, "missing transforms of a Compose"))
            }
            _ => Err(Fault::new(at.node.place, "expected a list of transforms, or a Compose")),
        }
    }

    /// Checks an argument of a `Compose` that is not its list.
    fn check_argument(&self, key: &Key, value: &At<'a>) -> Result<(), Fault> {
        match key.name.as_str() {
            // A case is one map here, never a list of maps; without lazy nothing is overridden.
            "_target_" | "_disabled_" | "_desc_" | "map_items" | "log_stats" | "overrides" => return Ok(()),
            "lazy" | "unpack_items" => {}
            other => return Err(Fault::new(key.place, format!("Compose: {other} is not supported"))),
        }
        let value = self.deep(value, Code::Refused)?;
        if matches!(value.data, Data::Null | Data::Bool(false)) {
            return Ok(());
        }
        let fault = Fault::new(key.place, format!("Compose: {}: {} is not supported", key.name, value.json()));
        Err(if key.name == "lazy" {
            fault.help("write lazy: false; `fuse: resampling` in a pipeline also interpolates only once")
        } else {
            fault
        })
    }

    /// All `Compose` that are not switched off, from the top down.
    fn composed(&self) -> Vec<At<'a>> {
        let mut found = Vec::new();
        let mut open = vec![self.whole()];
        while let Some(at) = open.pop() {
            if is_compose(&at) {
                // A fault in the switch is told where the list is read.
                if !self.disabled(&at).unwrap_or(false) {
                    found.push(at);
                }
                continue;
            }
            open.extend(at.entries().into_iter().map(|(_, value)| value).rev());
            open.extend(at.items().into_iter().rev());
        }
        found
    }
}

/// What an id has before its last name: `validate` of `validate#preprocessing`.
fn folder(id: &str) -> &str {
    id.rsplit_once(['#', ':']).map_or("", |(before, _)| before.trim_end_matches(':'))
}

fn is_compose(at: &At<'_>) -> bool {
    let target = at.child("_target_").map(|t| &t.node.data);
    matches!(target, Some(Data::Text(text)) if text.strip_prefix("monai.transforms.").unwrap_or(text) == "Compose"
        || text == "monai.transforms.compose.Compose")
}
