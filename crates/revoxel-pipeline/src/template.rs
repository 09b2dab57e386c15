//! Paths with placeholders: `{case}`, `{copy}`, and names of one's own such as `{sub}`.

mod matching;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A case, or one of the copies that a pipeline makes of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseName {
    /// Replaces `{case}`.
    pub case: String,
    /// Replaces `{copy}`, from 0; `None` if the pipeline makes no copies.
    pub copy: Option<u32>,
    /// Replace the other placeholders, by name.
    pub fields: BTreeMap<String, String>,
}

impl CaseName {
    /// A case without copies.
    pub fn alone(case: impl Into<String>) -> Self {
        Self { case: case.into(), copy: None, fields: BTreeMap::new() }
    }

    /// What replaces a placeholder; `None` if this case has no such field.
    fn value(&self, name: &str) -> Option<String> {
        match name {
            CASE => Some(self.case.clone()),
            COPY => self.copy.map(|copy| copy.to_string()),
            _ => self.fields.get(name).cloned(),
        }
    }
}

/// What people are told, and what random steps draw by: the case, or the case and the copy, as in `liver_7/2`. No case
/// has a slash in its name, since it is a part of the name of a file.
impl fmt::Display for CaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.copy {
            Some(copy) => write!(f, "{}/{copy}", self.case),
            None => f.write_str(&self.case),
        }
    }
}

/// The placeholder for the name of a case.
pub const CASE: &str = "case";
/// The placeholder for the number of a copy.
pub const COPY: &str = "copy";
/// The placeholder of inputs whose channels are separate files: each value is a channel of the case.
pub const CHANNEL: &str = "channel";

/// A part of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    /// Text, as it is.
    Text(String),
    /// `{name}`: text without a slash, the same wherever the name is written.
    Name(String),
    /// `*`: any text without a slash, which may be empty.
    Any,
}

/// A relative path with placeholders. What is in brackets, such as `[ses-{ses}/]`, is there for the cases that have its
/// placeholders, and left out for others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template {
    text: String,
    /// The parts, and whether they are in brackets.
    parts: Vec<Part>,
}

/// Pieces that are there together or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Part {
    pieces: Vec<Piece>,
    optional: bool,
}

impl Part {
    fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(Piece::name)
    }
}

impl Piece {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }
}

/// A path without brackets: its folders and its last name, each as pieces.
pub type Components = Vec<Vec<Piece>>;

impl Template {
    /// Checks a path template.
    ///
    /// # Errors
    /// What is wrong with it: empty, with a brace or bracket that is not closed, absolute, or leading out of its folder.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the path is empty".to_owned());
        }
        let path = std::path::Path::new(text);
        if path.is_absolute() {
            return Err(format!(
                "{text:?} is absolute: paths are relative to the folders of the data and of the outputs"
            ));
        }
        if path.components().any(|c| matches!(c, std::path::Component::ParentDir)) {
            return Err(format!("{text:?} leaves its folder: `..` is not allowed"));
        }
        Ok(Self { text: text.to_owned(), parts: parts(text)? })
    }

    /// The template as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names of all placeholders.
    pub fn names(&self) -> BTreeSet<&str> {
        self.parts.iter().flat_map(Part::names).collect()
    }

    /// The names of placeholders in the order in which they are written first.
    pub fn names_in_order(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for name in self.parts.iter().flat_map(Part::names) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The names of the placeholders outside brackets, without which there is no path.
    pub fn required(&self) -> BTreeSet<&str> {
        self.parts.iter().filter(|part| !part.optional).flat_map(Part::names).collect()
    }

    /// Whether the path depends on the case.
    pub fn has_case(&self) -> bool {
        self.parts.iter().flat_map(Part::names).any(|name| name != COPY)
    }

    /// Whether the path depends on the copy.
    pub(crate) fn has_copy(&self) -> bool {
        self.names().contains(COPY)
    }

    /// Whether a part of the path may be anything.
    pub fn has_any(&self) -> bool {
        self.parts.iter().flat_map(|part| &part.pieces).any(|piece| *piece == Piece::Any)
    }

    /// The path of a case, or of a copy of it. Placeholders that the case does not have stay as they are written.
    pub fn path(&self, name: &CaseName) -> String {
        let mut path = String::new();
        for piece in self.pieces(&|placeholder| name.value(placeholder).is_some()) {
            match piece {
                Piece::Text(text) => path.push_str(text),
                Piece::Name(placeholder) => match name.value(placeholder) {
                    Some(value) => path.push_str(&value),
                    None => path.push_str(&format!("{{{placeholder}}}")),
                },
                Piece::Any => path.push('*'),
            }
        }
        path
    }

    /// The pieces of a case with these placeholders.
    fn pieces<'a>(&'a self, has: &dyn Fn(&str) -> bool) -> Vec<&'a Piece> {
        let there = |part: &&Part| !part.optional || part.names().all(has);
        self.parts.iter().filter(there).flat_map(|part| &part.pieces).collect()
    }

    /// The path of a case with these placeholders, component by component.
    pub fn components(&self, has: &dyn Fn(&str) -> bool) -> Components {
        let mut components: Components = vec![Vec::new()];
        let push = |components: &mut Components, piece: Piece| {
            if let Some(last) = components.last_mut() {
                match (last.last_mut(), piece) {
                    (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
                    (_, piece) => last.push(piece),
                }
            }
        };
        for piece in self.pieces(has) {
            let Piece::Text(text) = piece else {
                push(&mut components, piece.clone());
                continue;
            };
            for (number, text) in text.split('/').enumerate() {
                if number > 0 {
                    components.push(Vec::new());
                }
                if !text.is_empty() {
                    push(&mut components, Piece::Text(text.to_owned()));
                }
            }
        }
        let nothing = |component: &Vec<Piece>| match &component[..] {
            [] => true,
            [Piece::Text(text)] => text == ".",
            _ => false,
        };
        components.retain(|component| !nothing(component));
        components
    }

    /// Every choice of brackets that are there or not, those with most of them first. Brackets with the same
    /// placeholders are there together.
    pub fn variants(&self) -> Vec<Components> {
        let mut groups: Vec<BTreeSet<&str>> = Vec::new();
        for part in self.parts.iter().filter(|part| part.optional) {
            let names: BTreeSet<&str> = part.names().collect();
            if !groups.contains(&names) {
                groups.push(names);
            }
        }
        let required = self.required();
        let mut choices: Vec<u32> = (0..1u32 << groups.len()).collect();
        choices.sort_by_key(|choice| (choice.count_ones(), *choice));
        let mut variants: Vec<Components> = Vec::new();
        for choice in choices.into_iter().rev() {
            let chosen = groups.iter().enumerate().filter(|(number, _)| choice >> number & 1 == 1);
            let names: BTreeSet<&str> = chosen.flat_map(|(_, names)| names.iter().copied()).collect();
            let components = self.components(&|name| required.contains(name) || names.contains(name));
            if !variants.contains(&components) {
                variants.push(components);
            }
        }
        variants
    }

    /// Refuses a path by which no files can be found: with placeholders side by side, or too many in brackets.
    pub(crate) fn check_for_finding(&self) -> Result<(), String> {
        const MOST: usize = 6;
        if self.parts.iter().filter(|part| part.optional).count() > MOST {
            return Err(format!("{:?} has more than {MOST} parts in brackets", self.text));
        }
        let open = |piece: &Piece| !matches!(piece, Piece::Text(_));
        for component in self.variants().iter().flatten() {
            if component.windows(2).any(|two| two.iter().all(open)) {
                return Err(format!("{:?}: put text between placeholders that stand side by side", self.text));
            }
            if component.iter().filter(|piece| open(piece)).count() > MOST {
                return Err(format!("{:?} has more than {MOST} placeholders in one name", self.text));
            }
        }
        Ok(())
    }
}

/// Takes a template apart.
fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts: Vec<Part> = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('[') {
        let end = rest[start..].find(']').map(|length| start + length);
        let Some(end) = end.filter(|end| rest[start..*end].contains('{')) else {
            // Brackets without a placeholder are text.
            let end = end.map_or(rest.len(), |end| end + 1);
            parts.push(Part { pieces: pieces(text, &rest[..end])?, optional: false });
            rest = &rest[end..];
            continue;
        };
        let inner = &rest[start + 1..end];
        if inner.contains('[') {
            return Err(format!("{text:?}: brackets in brackets are not allowed"));
        }
        parts.push(Part { pieces: pieces(text, &rest[..start])?, optional: false });
        parts.push(Part { pieces: pieces(text, inner)?, optional: true });
        rest = &rest[end + 1..];
    }
    parts.push(Part { pieces: pieces(text, rest)?, optional: false });
    parts.retain(|part| !part.pieces.is_empty());
    Ok(parts)
}

/// Takes a part apart; `whole` is the template that errors show.
fn pieces(whole: &str, text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}', '*']) {
        if at > 0 {
            pieces.push(Piece::Text(rest[..at].to_owned()));
        }
        if rest[at..].starts_with('*') {
            pieces.push(Piece::Any);
            rest = &rest[at + 1..];
            continue;
        }
        let closed = rest[at..].strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let Some((name, after)) = closed else {
            return Err(format!("{whole:?}: a brace is not closed; placeholders are written {{case}}"));
        };
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(good) {
            return Err(format!(
                "{whole:?}: {{{name}}} is not a placeholder; a name has letters, digits and _, such as {{case}} or {{sub}}"
            ));
        }
        pieces.push(Piece::Name(name.to_owned()));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests;
