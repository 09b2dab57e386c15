//! Names of files and folders against a component of a template.

use std::collections::BTreeMap;

use super::{Piece, Template};

impl Template {
    /// The values of the placeholders of a component that make it this name; `known` are those that are decided already.
    /// Where several values fit, earlier placeholders take as much as they can.
    pub fn match_component(
        component: &[Piece],
        name: &str,
        known: &BTreeMap<String, String>,
    ) -> Option<Vec<(String, String)>> {
        let mut found = Vec::new();
        fits(component, name, known, &mut found).then_some(found)
    }
}

fn fits(pieces: &[Piece], name: &str, known: &BTreeMap<String, String>, found: &mut Vec<(String, String)>) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return name.is_empty() };
    let decided = |name: &str, found: &[(String, String)]| {
        let now = found.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
        now.or_else(|| known.get(name).cloned())
    };
    match first {
        Piece::Text(text) => name.strip_prefix(text.as_str()).is_some_and(|after| fits(rest, after, known, found)),
        Piece::Any => {
            let mut ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.any(|end| fits(rest, &name[end..], known, found))
        }
        Piece::Name(placeholder) => {
            if let Some(value) = decided(placeholder, found) {
                return name.strip_prefix(value.as_str()).is_some_and(|after| fits(rest, after, known, found));
            }
            let ends: Vec<usize> = name.char_indices().map(|(at, _)| at).skip(1).chain([name.len()]).collect();
            for end in ends.into_iter().rev().filter(|end| *end > 0) {
                let before = found.len();
                found.push((placeholder.clone(), name[..end].to_owned()));
                if fits(rest, &name[end..], known, found) {
                    return true;
                }
                found.truncate(before);
            }
            false
        }
    }
}
