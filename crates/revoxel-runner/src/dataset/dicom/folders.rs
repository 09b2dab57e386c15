//! The folders that a pattern names, and the files in them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use wildmatch::WildMatch;

use super::super::DatasetError;

/// A pattern of folders below the data folder.
pub(super) struct Pattern(Vec<Part>);

/// A part between slashes.
enum Part {
    /// `**`: any folders, also none.
    AnyDepth,
    /// A name with `*` and `?`.
    Name(WildMatch),
}

/// What lies in the folders.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) files: Vec<PathBuf>,
    /// Links to folders, which are not followed: they could lead in a circle.
    pub(super) links: Vec<PathBuf>,
}

/// How far a folder is through a pattern: the parts that may come next.
type State = BTreeSet<usize>;

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        let part = |part: &str| match part {
            "**" => Part::AnyDepth,
            name => Part::Name(WildMatch::new(name)),
        };
        Self(text.split('/').filter(|part| !["", "."].contains(part)).map(part).collect())
    }

    fn start(&self) -> State {
        self.closed([0].into())
    }

    /// The same state with what may be left out.
    fn closed(&self, mut state: State) -> State {
        for (number, part) in self.0.iter().enumerate() {
            if matches!(part, Part::AnyDepth) && state.contains(&number) {
                state.insert(number + 1);
            }
        }
        state
    }

    /// The state of a folder in a folder.
    fn into(&self, state: &State, name: &str) -> State {
        let next = |number: &usize| match self.0.get(*number)? {
            Part::AnyDepth => Some(*number),
            Part::Name(pattern) => pattern.matches(name).then_some(number + 1),
        };
        self.closed(state.iter().filter_map(next).collect())
    }

    /// Whether the files of a folder are looked at.
    fn is_whole(&self, state: &State) -> bool {
        state.contains(&self.0.len())
    }

    /// Whether all folders below this one are looked into; its path is relative to the data folder.
    pub(super) fn covers(&self, folder: &Path) -> bool {
        let names = folder.components().filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_string_lossy()),
            _ => None,
        });
        let state = names.fold(self.start(), |state, name| self.into(&state, &name));
        let last = self.0.len().wrapping_sub(1);
        matches!(self.0.last(), Some(Part::AnyDepth)) && state.contains(&last)
    }

    /// The files of all folders that match.
    pub(super) fn files(&self, folder: &Path) -> Result<Found, DatasetError> {
        let mut found = Found::default();
        let mut open = vec![(folder.to_owned(), self.start())];
        while let Some((place, state)) = open.pop() {
            let error = |error| DatasetError::Folder { path: place.clone(), error };
            for entry in fs::read_dir(&place).map_err(error)? {
                let entry = entry.map_err(error)?;
                let path = entry.path();
                let kind = entry.file_type().map_err(error)?;
                let target =
                    if kind.is_symlink() { fs::metadata(&path).ok().map(|m| m.file_type()) } else { Some(kind) };
                let Some(target) = target else { continue };
                if target.is_file() && self.is_whole(&state) {
                    found.files.push(path);
                } else if target.is_dir() {
                    let below = self.into(&state, &entry.file_name().to_string_lossy());
                    match kind.is_symlink() {
                        _ if below.is_empty() => {}
                        true => found.links.push(path),
                        false => open.push((path, below)),
                    }
                }
            }
        }
        found.links.sort();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_folders() {
        let data = tempfile::tempdir().unwrap();
        for file in ["0", "a/1", "a/b/2", "a/b/c/3", "ct/4", "ct/b/5", "d/a/6"] {
            let path = data.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let t = |pattern: &str| {
            let found = Pattern::new(pattern).files(data.path()).unwrap().files;
            let mut names: Vec<String> =
                found.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
            names.sort();
            names.concat()
        };
        for (pattern, files) in [
            ("**", "0123456"),
            (".", "0"),
            ("*", "14"),
            ("*/b", "25"),
            ("a/**", "123"),
            ("**/b", "25"),
            ("**/b/**", "235"),
            ("a/**/c", "3"),
            ("**/a", "16"),
            ("?", "1"),
            ("c?/*", "5"),
            ("./a/b/", "2"),
            ("none/**", ""),
        ] {
            assert_eq!(t(pattern), files, "{pattern}");
        }
        let covers = |pattern: &str, folder: &str| Pattern::new(pattern).covers(Path::new(folder));
        assert!(covers("**", "") && covers("**", "a/b") && covers("a/**", "a/b") && covers("**/b/**", "x/b"));
        assert!(!covers("a/*", "a") && !covers("a/**", "") && !covers("a/**", "c") && !covers("**/b", "b"));
    }
}
