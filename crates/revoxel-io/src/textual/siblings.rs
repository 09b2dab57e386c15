//! The files that a header names: beside it, or below its folder.

use std::path::{Component, Path, PathBuf};

use super::problem::{FieldError, Problem};

/// The path of a file that a header names. Unless the caller allows it, neither the path nor a link may leave the
/// header's folder. (If the header itself is a link, the folder that it leads to counts as well: data stores keep
/// files that belong together elsewhere, and link to them.)
pub(crate) fn sibling(header: &Path, field: &str, name: &str, allow_outside: bool) -> Result<PathBuf, FieldError> {
    let fail = |problem| FieldError::new(field, name, problem);
    let name_path = Path::new(name);
    if name.is_empty() || name.contains('\0') {
        return Err(fail(Problem::NotANumber("the name of a file")));
    }
    if !allow_outside && climbs_out(name_path) {
        return Err(fail(Problem::Outside));
    }
    let folder = match header.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let path = folder.join(name_path);
    if !allow_outside && leads_out(&path, &[folder, header]) {
        return Err(fail(Problem::Outside));
    }
    let same = |a: &Path, b: &Path| Some(a.canonicalize().ok()? == b.canonicalize().ok()?);
    match same(&path, header) {
        Some(true) => Err(fail(Problem::Itself)),
        _ => Ok(path),
    }
}

/// Whether a file, with all links followed, lies neither below the folder nor beside the header.
fn leads_out(path: &Path, [folder, header]: &[&Path; 2]) -> bool {
    // What cannot be followed cannot be opened either.
    let Ok(target) = path.canonicalize() else { return false };
    let below = |folder: Option<&Path>| folder.is_some_and(|folder| target.starts_with(folder));
    let beside = header.canonicalize().is_ok_and(|header| below(header.parent()));
    !beside && !folder.canonicalize().is_ok_and(|folder| below(Some(&folder)))
}

/// Whether a path is absolute or goes above where it starts.
fn climbs_out(path: &Path) -> bool {
    let mut depth = 0i64;
    path.components().any(|component| {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir => depth -= 1,
            Component::RootDir | Component::Prefix(_) => depth = i64::MIN,
        }
        depth < 0
    })
}

/// A pattern of file names with one number, such as `slice%03d.raw 1 40 1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    before: String,
    after: String,
    width: usize,
    zeros: bool,
    first: i64,
    step: i64,
    /// The number of names.
    pub(crate) count: u64,
}

impl Pattern {
    /// Whether a text looks like a pattern: a percent sign in its first word, and more words.
    pub(crate) fn is_pattern(text: &str) -> bool {
        let mut words = text.split_whitespace();
        words.next().is_some_and(|first| first.contains('%')) && words.next().is_some()
    }

    /// A pattern, and the words after its step.
    pub(crate) fn parse<'a>(field: &str, text: &'a str) -> Result<(Self, Vec<&'a str>), FieldError> {
        let fail = |why| FieldError::new(field, text, Problem::Pattern(why));
        let words: Vec<&str> = text.split_whitespace().collect();
        let number = |at: usize, default: Option<i64>| match words.get(at) {
            Some(word) => word.parse::<i64>().ok().filter(|n| n.unsigned_abs() <= 1 << 40),
            None => default,
        };
        let (Some(first), Some(last), Some(step)) = (number(1, None), number(2, None), number(3, Some(1))) else {
            return Err(fail("the numbers must be whole numbers"));
        };
        if step == 0 || (last - first).signum() * step.signum() < 0 {
            return Err(fail("the step must lead from the minimum to the maximum"));
        }
        let (before, zeros, width, after) = split(words.first().copied().unwrap_or_default())
            .ok_or_else(|| fail("the name must have exactly one number"))?;
        let count = ((last - first) / step) as u64 + 1;
        Ok((Self { before, after, width, zeros, first, step, count }, words[words.len().min(4)..].to_vec()))
    }

    /// The names, in order, generated lazily.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> + '_ {
        (0..self.count).map(|i| {
            let (number, width) = (self.first + i as i64 * self.step, self.width);
            let digits = if self.zeros { format!("{number:0width$}") } else { format!("{number:width$}") };
            format!("{}{digits}{}", self.before, self.after)
        })
    }
}

/// Splits a name with exactly one `%d`, `%3d` or `%03d`.
fn split(name: &str) -> Option<(String, bool, usize, String)> {
    let (before, rest) = name.split_once('%')?;
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    let (digits, rest) = rest.split_at(end);
    let after = rest.strip_prefix(['d', 'i', 'u'])?;
    let width = if digits.is_empty() { 0 } else { digits.parse().ok().filter(|w| *w <= 64)? };
    (!after.contains('%')).then(|| (before.to_owned(), digits.starts_with('0'), width, after.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        fn t(text: &str, expected: &[&str], more: &[&str]) {
            let (pattern, rest) = Pattern::parse("data file", text).unwrap();
            assert_eq!(
                (pattern.names().collect::<Vec<_>>(), rest),
                (expected.iter().map(|s| (*s).to_owned()).collect(), more.to_vec())
            );
        }
        t("s%03d.raw 1 3 1", &["s001.raw", "s002.raw", "s003.raw"], &[]);
        t("s%d.raw 10 6 -2 2", &["s10.raw", "s8.raw", "s6.raw"], &["2"]);
        t("s%d.raw 5 5", &["s5.raw"], &[]);
        for bad in ["s%s%n 1 2 1", "s%d%d 1 2 1", "s%999999d 1 2 1", "s%d 1 2 0", "s%d 1 2 -1", "s%d 1 x 1", "s% 1 2 1"]
        {
            assert!(Pattern::parse("data file", bad).is_err(), "{bad}");
        }
        assert!(Pattern::is_pattern("a%d 1 2") && !Pattern::is_pattern("a%d") && !Pattern::is_pattern("a b"));
        assert_eq!(Pattern::parse("", "a%d 0 1000000000 1").unwrap().0.count, 1_000_000_001);
    }

    #[test]
    fn climbing_out() {
        for (path, expected) in
            [("a/b", false), ("a/../b", false), ("./a", false), ("../a", true), ("a/../../b", true), ("/a", true)]
        {
            assert_eq!(climbs_out(Path::new(path)), expected, "{path}");
        }
    }
}
