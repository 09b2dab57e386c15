//! What is checked: the text of every file, and the packages of the workspace.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::metadata::{self, Package};

/// Files and folders that are not ours to check: build output and what tools leave behind.
const SKIPPED: &[&str] = &[
    ".git",
    "target",
    "__pycache__",
    ".venv",
    ".pytest_cache",
    ".ruff_cache",
    ".idea",
    ".vscode",
    "corpus",
    "artifacts",
];

/// A workspace, held in memory so that checks can be tested on made-up ones.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// By path, relative to the root with forward slashes; `None` for what is not text.
    files: BTreeMap<String, Option<String>>,
    packages: Vec<Package>,
}

impl Tree {
    /// Reads the workspace below a folder.
    ///
    /// # Errors
    /// Where a file cannot be read or cargo does not know the packages.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut tree = Self { files: BTreeMap::new(), packages: metadata::read(root)? };
        tree.walk(root, "")?;
        Ok(tree)
    }

    fn walk(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if SKIPPED.contains(&name.as_str()) || name.ends_with(".snap.new") {
                continue;
            }
            let path = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.walk(&entry.path(), &format!("{path}/"))?;
            } else if kind.is_file() {
                let bytes = fs::read(entry.path()).with_context(|| path.clone())?;
                let text = if bytes.contains(&0) { None } else { String::from_utf8(bytes).ok() };
                self.files.insert(path, text);
            }
        }
        Ok(())
    }

    /// How many files there are.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// The packages of the workspace.
    pub(super) fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// The text of a file; `None` where there is no such file or it is not text.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// Every text file with its path.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// The text files whose names end in one of the extensions (without dot).
    pub(super) fn with_extension<'a>(&'a self, extensions: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.texts().filter(|(path, _)| path.rsplit_once('.').is_some_and(|(_, last)| extensions.contains(&last)))
    }

    /// The Rust files with their text.
    pub(super) fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.with_extension(&["rs"])
    }

    /// Whether there is a file or folder of that path; the empty path is the root.
    pub(super) fn exists(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty() || self.files.keys().any(|file| file == path || file.starts_with(&folder))
    }
}

#[cfg(test)]
impl Tree {
    /// A tree of these files.
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let text = |(path, text): &(&str, &str)| ((*path).to_owned(), Some((*text).to_owned()));
        Self { files: files.iter().map(text).collect(), packages: Vec::new() }
    }

    /// The same tree with these packages.
    pub(super) fn with_packages(mut self, packages: Vec<Package>) -> Self {
        self.packages = packages;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_extension_and_folder() {
        let tree = Tree::of(&[("docs/a.md", ""), ("src/a.rs", ""), ("src/b.rs", ""), ("LICENSE", "")]);
        assert_eq!(tree.rust().map(|(path, _)| path).collect::<Vec<_>>(), ["src/a.rs", "src/b.rs"]);
        assert!(tree.exists("docs") && tree.exists("docs/a.md") && tree.exists(""));
        assert!(!tree.exists("doc") && !tree.exists("docs/b.md"));
    }
}
