//! Keys that are made within a list: copies of other keys, and masks of boxes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Fault;
use super::brats::SOURCES;
use super::call::Call;
use super::ignored::ignored;

/// What became of the keys that a list makes.
#[derive(Debug, Default)]
pub(super) struct Derived {
    /// For each copy, the key whose file it is.
    pub(super) copies: BTreeMap<String, String>,
    /// Remarks on keys that were left out.
    pub(super) notes: Vec<String>,
}

/// Makes an input of each copy: the file of its original, with all that is done to the original before. Copies that code
/// changes and masks of boxes are left out where no other key needs them.
///
/// # Errors
/// Where a copy is not supported.
pub(super) fn resolve(calls: &mut Vec<Call>) -> Result<Derived, Fault> {
    let mut derived = Derived::default();
    while let Some(at) = calls.iter().position(|c| c.base == "CopyItems" || c.base == "BoxToMask") {
        let made = calls.remove(at);
        if made.base == "BoxToMask" {
            for mask in names(&made, "box_mask_keys")? {
                let why = "it only carries boxes";
                derived.leave_out(&mask, calls, at, why).ok_or_else(|| made.needed(&mask))?;
            }
            continue;
        }
        for (key, copy) in made.pairs()? {
            if calls[..at].iter().any(|c| c.is_random() && c.keys.contains(&key)) {
                let problem =
                    format!("{}: a random transform changes {key} first, and a copy would draw again", made.name);
                return Err(Fault::new(made.place, problem).help("put it before random transforms"));
            }
            let code = calls[at..].iter().find(|c| c.code.is_some() && c.keys.contains(&copy));
            if let Some(code) = code.map(|c| format!("code makes it ({}, line {})", c.name, c.place.line))
                && derived.leave_out(&copy, calls, at, &code).is_some()
            {
                continue;
            }
            calls[..at].iter_mut().for_each(|c| c.spread(&key, &[key.clone(), copy.clone()]));
            let original = derived.copies.get(&key).unwrap_or(&key).clone();
            derived.copies.insert(copy, original);
        }
    }
    Ok(derived)
}

impl Derived {
    /// Takes a key out of all calls from a position on; `None` where one of them needs it for another key.
    fn leave_out(&mut self, key: &str, calls: &mut Vec<Call>, from: usize, why: &str) -> Option<()> {
        let needed = |call: &&Call| call.args.iter().any(|(name, _, v)| SOURCES.contains(&name.as_str()) && v == key);
        if calls[from..].iter().any(|call| needed(&call)) {
            return None;
        }
        for call in &mut calls[from..] {
            call.spread(key, &[]);
        }
        // What is left out by itself need not say any keys.
        let mut at = 0;
        calls.retain(|call| {
            at += 1;
            at <= from || !call.keys.is_empty() || ignored(&call.base).is_some()
        });
        self.notes.push(format!("{key} is left out, because {why} and no other transform needs it."));
        Some(())
    }
}

impl Call {
    /// Each key with its copies, as `CopyItemsd` pairs them.
    fn pairs(&self) -> Result<Vec<(String, String)>, Fault> {
        for (name, place, value) in &self.args {
            if !["times", "names"].contains(&name.as_str()) {
                return Err(Fault::new(*place, format!("{}: {name}: {value} is not supported", self.name)));
            }
        }
        let times = self.argument("times").map_or(Some(1), Value::as_u64).unwrap_or(0);
        let names = names(self, "names")?;
        if times == 0 || names.len() as u64 != times * self.keys.len() as u64 {
            let problem = format!("{}: names: expected one name per key and copy", self.name);
            return Err(Fault::new(self.place, problem).help("list as many names as there are copies"));
        }
        Ok(self.keys.iter().cloned().cycle().zip(names).collect())
    }

    fn needed(&self, key: &str) -> Fault {
        let problem = format!("{}: {key} is not supported, but another transform needs it", self.name);
        Fault::new(self.place, problem).help("boxes are not imported: use `revoxel points` to map them")
    }
}

/// The names that an argument gives; none where it is left out.
fn names(call: &Call, argument: &str) -> Result<Vec<String>, Fault> {
    let Some((_, place, value)) = call.args.iter().find(|(name, ..)| name == argument) else { return Ok(Vec::new()) };
    let names = match value {
        Value::String(name) => Some(vec![name.clone()]),
        Value::Array(list) => list.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
        Value::Null => Some(Vec::new()),
        _ => None,
    };
    names.ok_or_else(|| Fault::new(*place, format!("{}: {argument}: {value}: expected names", call.name)))
}
