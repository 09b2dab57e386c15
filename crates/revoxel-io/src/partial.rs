//! Files that are being written have another name until they are complete.
//!
//! So nobody sees an incomplete file under its own name. A partial file is locked as long as its program lives, and
//! the system unlocks it when the program ends. This distinguishes leftovers of a stopped program from files that are
//! being written. Where locks may not reach other machines, the age of a file does.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

use crate::{WriteError, locks};

const BEFORE: &str = ".revoxel-";
const AFTER: &str = ".partial";

/// The partial files of this program; `None` once the program is about to end.
static OPEN: Mutex<Option<BTreeSet<PathBuf>>> = Mutex::new(Some(BTreeSet::new()));

fn open() -> MutexGuard<'static, Option<BTreeSet<PathBuf>>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that does not have its name yet. It vanishes unless it gets the name.
#[derive(Debug)]
pub struct Partial {
    /// The name that it will get.
    path: PathBuf,
    file: NamedTempFile,
    /// Dropped after the file.
    listed: Listed,
}

/// The name of a partial file; it is listed as long as this value lives.
#[derive(Debug)]
struct Listed(PathBuf);

impl Drop for Listed {
    fn drop(&mut self) {
        if let Some(all) = open().as_mut() {
            all.remove(&self.0);
        }
    }
}

impl Partial {
    /// A new file in the folder of `path`, with the usual permissions of new files.
    ///
    /// # Errors
    /// If the folder is missing, or an I/O error occurs.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, WriteError> {
        let path = path.as_ref();
        let folder = folder_of(path);
        let failed = |reason: io::Error| match reason.kind() {
            io::ErrorKind::NotFound if !folder.exists() => {
                WriteError::NoFolder { path: path.to_owned(), folder: folder.to_owned() }
            }
            _ => WriteError::Io { path: path.to_owned(), reason },
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(BEFORE).suffix(AFTER);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut all = open();
        let Some(all) = all.as_mut() else { return Err(failed(io::ErrorKind::Interrupted.into())) };
        let file = locked_in(folder, &builder).map_err(failed)?;
        all.insert(file.path().to_owned());
        let listed = Listed(file.path().to_owned());
        Ok(Self { path: path.to_owned(), file, listed })
    }

    /// The name that it will get.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its path until then.
    pub fn place(&self) -> &Path {
        self.file.path()
    }

    /// The file.
    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Another handle of the file, at its beginning.
    ///
    /// # Errors
    /// On an I/O error.
    pub(crate) fn reopen(&self) -> Result<File, WriteError> {
        self.file.reopen().map_err(|reason| WriteError::Io { path: self.path.clone(), reason })
    }

    /// Waits until the content is on the disk.
    ///
    /// # Errors
    /// On an I/O error.
    pub fn sync(&self) -> Result<(), WriteError> {
        self.file().sync_all().map_err(|reason| WriteError::Io { path: self.path.clone(), reason })
    }

    /// Gives a complete file its name, in one step.
    ///
    /// # Errors
    /// On an I/O error; the file is gone then.
    pub fn persist(self) -> Result<(), WriteError> {
        let Self { path, file, listed } = self;
        let done = file.persist(&path).map(|_| ()).map_err(|e| e.error);
        drop(listed);
        done.map_err(|reason| WriteError::Io { path, reason })
    }
}

/// How often a partial file is created that another program takes for a leftover before it is locked.
const TRIES: usize = 100;

/// A new partial file, locked.
fn locked_in(folder: &Path, builder: &tempfile::Builder<'_, '_>) -> io::Result<NamedTempFile> {
    for _ in 0..TRIES {
        let file = builder.tempfile_in(folder)?;
        match file.as_file().try_lock() {
            // It may have been removed between its creation and its lock.
            Ok(()) if file.path().exists() => return Ok(file),
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            // File systems without locks have none to tell by; see `remove_left_over`.
            Err(TryLockError::Error(_)) => return Ok(file),
        }
    }
    Err(io::Error::other("other programs remove new files from this folder"))
}

/// The folder of a file.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Waits until the names in a folder are on the disk, if the system supports it.
///
/// # Errors
/// On an I/O error.
pub fn sync_folder_of(path: impl AsRef<Path>) -> Result<(), WriteError> {
    #[cfg(unix)]
    {
        let path = path.as_ref();
        let synced = File::open(folder_of(path)).and_then(|folder| folder.sync_all());
        match synced {
            // Some file systems cannot sync a folder, and say so in one of these ways.
            Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {}
            other => other.map_err(|reason| WriteError::Io { path: path.to_owned(), reason })?,
        }
    }
    let _ = path;
    Ok(())
}

/// Removes the partial files of this program and prevents new ones, because the program is about to end.
pub fn remove_all() {
    for path in open().take().into_iter().flatten() {
        let _ = fs::remove_file(path);
    }
}

/// Where locks do not tell, a partial file of this age in seconds counts as a leftover.
const OLD: u64 = 24 * 3600;

/// Removes leftovers of stopped programs from a folder: partial files that nobody holds any more. Returns their
/// number. Where a lock may not reach other machines, files of the last day stay.
///
/// # Errors
/// If the folder cannot be listed. A folder that does not exist has none.
pub fn remove_left_over(folder: impl AsRef<Path>) -> io::Result<usize> {
    let folder = folder.as_ref();
    let mut doubtful = None;
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(0),
        other => other?,
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let is_partial = name.to_str().is_some_and(|name| name.starts_with(BEFORE) && name.ends_with(AFTER));
        if !is_partial || !entry.file_type()?.is_file() {
            continue;
        }
        let path = entry.path();
        let Ok(file) = File::options().write(true).open(&path) else { continue };
        // The lock is held until the file is gone: its program may be about to take it.
        let locks_tell = match file.try_lock() {
            Ok(()) => !*doubtful.get_or_insert_with(|| locks::of_one_machine(folder).is_some()),
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(_)) => false,
        };
        let is_old =
            || -> io::Result<bool> { Ok(entry.metadata()?.modified()?.elapsed().unwrap_or_default().as_secs() > OLD) };
        if (locks_tell || is_old().unwrap_or(false)) && fs::remove_file(&path).is_ok() {
            removed += 1;
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_is_left_behind_goes_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [".revoxel-abc.partial", ".revoxel-abc.other", "abc.partial"] {
            fs::write(at(name), "left").unwrap();
        }
        fs::create_dir(at(".revoxel-folder.partial")).unwrap();
        let partial = Partial::create(at("new.txt")).unwrap();
        partial.file().write_all(b"new").unwrap();
        assert_eq!(remove_left_over(folder.path()).unwrap(), 1);
        assert!(partial.place().exists() && !at(".revoxel-abc.partial").exists());
        assert!(at(".revoxel-abc.other").exists() && at("abc.partial").exists());
        partial.sync().unwrap();
        partial.persist().unwrap();
        assert_eq!(fs::read(at("new.txt")).unwrap(), b"new");
        assert_eq!(remove_left_over(at("none")).unwrap(), 0);
        sync_folder_of(at("new.txt")).unwrap();
    }

    #[test]
    fn no_new_file_is_taken_for_a_leftover() {
        let folder = tempfile::tempdir().unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(std::sync::atomic::Ordering::SeqCst) {
                        let _ = remove_left_over(folder.path());
                    }
                });
            }
            let write =
                |number: usize| Partial::create(folder.path().join(format!("{number}.txt"))).and_then(Partial::persist);
            let written: Vec<_> = (0..2000).map(write).collect();
            done.store(true, std::sync::atomic::Ordering::SeqCst);
            written.into_iter().for_each(|one| one.unwrap());
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2000);
    }

    #[test]
    fn files_that_get_no_name_vanish() {
        let folder = tempfile::tempdir().unwrap();
        let place = Partial::create(folder.path().join("a")).unwrap().place().to_owned();
        assert!(!place.exists());
        fs::create_dir(folder.path().join("b")).unwrap();
        let partial = Partial::create(folder.path().join("b")).unwrap();
        let place = partial.place().to_owned();
        partial.persist().unwrap_err();
        assert!(!place.exists() && open().as_ref().is_some_and(|all| !all.contains(&place)));
        assert!(matches!(Partial::create(folder.path().join("none/x")), Err(WriteError::NoFolder { .. })));
    }
}
