//! Files told apart by where they are, whatever they are called.

use std::collections::HashMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// Where a file is or will be: links followed, as far as there is anything.
pub fn place(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// [`place`] for many files of few folders: a folder is looked up once. Folders must not change in the meantime.
#[derive(Debug, Default)]
pub(crate) struct Folders(HashMap<PathBuf, Option<PathBuf>>);

impl Folders {
    /// Where a file is or will be, and what the system says of it, links not followed, where there is one.
    pub(crate) fn place(&mut self, path: &Path) -> (PathBuf, Option<Metadata>) {
        let about = path.symlink_metadata().ok();
        let (Some(name), Some(folder), true) =
            (path.file_name(), path.parent(), about.as_ref().is_none_or(Metadata::is_file))
        else {
            return (place(path), about);
        };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if !self.0.contains_key(folder) {
            self.0.insert(folder.to_owned(), folder.canonicalize().ok());
        }
        let real = self.0.get(folder).and_then(Option::as_ref);
        (real.map_or_else(|| path.to_owned(), |real| real.join(name)), about)
    }
}

/// Files, and what each of them is.
#[derive(Debug, Default)]
pub struct Places(HashMap<PathBuf, String>);

impl Places {
    /// Adds a file, with those that are written beside it.
    ///
    /// # Errors
    /// Where one of them is among the others already; the problem, for people.
    pub fn add(&mut self, path: &Path, what: &str) -> Result<(), String> {
        for file in [path.to_owned()].into_iter().chain(revoxel_io::written_beside(path)) {
            if let Some(other) = self.0.insert(place(&file), what.to_owned()) {
                return Err(format!("{} is {other} and cannot also be {what}: use another name", file.display()));
            }
        }
        Ok(())
    }

    /// Adds a file that is read, and the files that belong to it.
    pub fn read(&mut self, path: &Path, parts: &[PathBuf], what: &str) {
        for file in [path].into_iter().chain(parts.iter().map(PathBuf::as_path)) {
            self.0.insert(place(file), what.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn many_files_have_the_places_of_each() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("real")).unwrap();
        std::fs::write(at("real/file"), "").unwrap();
        for (to, name) in [("real", "linked"), ("real/file", "link"), ("none", "dead")] {
            std::os::unix::fs::symlink(at(to), at(name)).unwrap();
        }
        let mut folders = Folders::default();
        for name in ["real/file", "linked/file", "linked/new", "link", "dead", "none/new", "real", "linked", "real/.."]
        {
            assert_eq!(folders.place(&at(name)).0, place(&at(name)), "{name}");
        }
        assert!(folders.place(&at("dead")).1.is_some() && folders.place(&at("new")).1.is_none());
    }

    #[test]
    fn one_file_has_many_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("a")).unwrap();
        std::fs::write(at("in.raw"), "").unwrap();
        let mut places = Places::default();
        places.read(&at("in.mhd"), &[at("in.raw")], "the input");
        places.add(&at("a/x.mhd"), "the output").unwrap();
        for same in ["a/x.mhd", "a/../a/x.mhd", "a/x.zraw", "a/../in.raw", "in.mhd"] {
            assert!(places.add(&at(same), "the trace").unwrap_err().contains("is the "), "{same}");
        }
        places.add(&at("a/x.json"), "the trace").unwrap();
    }
}
