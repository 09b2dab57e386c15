//! One pipeline at a time writes into a folder.
//!
//! Parts of one run (`--shard`) may: they hold the lock together. The system takes it from a program that ends, however
//! that ends, so a crash leaves no lock behind. Where locks hold on one machine only, programs on other machines are not
//! seen.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The name of the file that is locked, while a run lasts.
const NAME: &str = ".revoxel-lock";

/// The files that this program holds locked.
static LOCKED: Mutex<Vec<Arc<LockedFile>>> = Mutex::new(Vec::new());

/// A file that is locked.
#[derive(Debug)]
struct LockedFile {
    path: PathBuf,
    file: File,
}

/// The right to write into a folder. Dropped, it is given back.
#[derive(Debug)]
pub struct Lock {
    /// `None` where the file system has no locks.
    held: Option<Arc<LockedFile>>,
}

/// Why a folder cannot be written into.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another pipeline is at work.
    #[error(
        "{folder}: another run with another pipeline ({other}) is writing here: wait for it, or use another \
         output folder"
    )]
    Busy {
        /// The folder.
        folder: PathBuf,
        /// What the other run says of itself.
        other: String,
    },
    /// The system refuses.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// How often a lock is tried that others are letting go.
const TRIES: usize = 100;

impl Lock {
    /// Takes the right to write into a folder. `pipeline` names what is run: those that name the same share it.
    ///
    /// # Errors
    /// Where another pipeline is at work in the folder, or the system refuses.
    pub fn take(folder: &Path, pipeline: &str) -> Result<Self, LockError> {
        let path = folder.join(NAME);
        if let Some(system) = revoxel_io::locks::of_one_machine(folder) {
            tracing::warn!(
                "{}: locks of this file system ({system}) may hold on one machine only: do not run another pipeline \
                 into this folder from another machine",
                folder.display()
            );
        }
        let failed = |error| LockError::Io { path: path.clone(), error };
        let mut other = String::new();
        for _ in 0..TRIES {
            // A link would have another file written.
            if path.is_symlink() {
                return Err(failed(io::Error::other("a symbolic link: remove it")));
            }
            let mut options = File::options();
            let mut file = options.read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
            match file.try_lock() {
                // Nobody else is there: it is ours to say what is run.
                Ok(()) => {
                    if !is_at(&file, &path) {
                        continue;
                    }
                    let said = file.set_len(0).and_then(|()| file.write_all(pipeline.as_bytes()));
                    let said = said.and_then(|()| file.unlock());
                    said.inspect_err(|_| _ = fs::remove_file(&path)).map_err(failed)?;
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(e)) => {
                    tracing::warn!(
                        "{}: the file system has no locks ({e}): do not run another pipeline into this folder",
                        path.display()
                    );
                    let _ = fs::remove_file(&path);
                    return Ok(Self { held: None });
                }
            }
            match file.try_lock_shared() {
                Ok(()) if is_at(&file, &path) => {
                    other.clear();
                    file.seek(SeekFrom::Start(0)).map_err(failed)?;
                    let _ = Read::by_ref(&mut file).take(4096).read_to_string(&mut other);
                    if other == pipeline {
                        let held = Arc::new(LockedFile { path, file });
                        all().push(Arc::clone(&held));
                        return Ok(Self { held: Some(held) });
                    }
                    if !other.is_empty() {
                        break;
                    }
                }
                Err(TryLockError::Error(e)) => return Err(failed(e)),
                // Somebody is writing what it runs, or has just ended.
                Ok(()) | Err(TryLockError::WouldBlock) => {}
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let other = if other.is_empty() { "unknown".to_owned() } else { other };
        Err(LockError::Busy { folder: folder.to_owned(), other })
    }
}

/// Removes the file of a run that was killed: nobody holds it.
pub fn remove_left_over(folder: &Path) {
    let path = folder.join(NAME);
    if path.is_symlink() {
        return;
    }
    if let Ok(file) = File::options().read(true).write(true).open(&path) {
        LockedFile { path, file }.give_back();
    }
}

/// Whether a file that was opened is still the one of that name.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let id = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
        matches!((file.metadata(), fs::metadata(path)), (Ok(a), Ok(b)) if id(&a) == id(&b))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        path.exists()
    }
}

fn all() -> MutexGuard<'static, Vec<Arc<LockedFile>>> {
    LOCKED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LockedFile {
    /// Gives the right back; the last one takes the file away.
    fn give_back(&self) {
        if self.file.unlock().is_ok() && self.file.try_lock().is_ok() && is_at(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
        let _ = self.file.unlock();
    }
}

/// Gives all rights back: the program is to end.
pub(crate) fn give_all_back() {
    all().drain(..).for_each(|held| held.give_back());
}

impl Drop for Lock {
    fn drop(&mut self) {
        let Some(held) = &self.held else { return };
        let mut all = all();
        if let Some(position) = all.iter().position(|other| Arc::ptr_eq(other, held)) {
            all.remove(position).give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_pipeline_shares_a_folder_and_another_waits() {
        let folder = tempfile::tempdir().unwrap();
        let take = |pipeline: &str| Lock::take(folder.path(), pipeline);
        let first = take("a.yaml 1").unwrap();
        let second = take("a.yaml 1").unwrap();
        let refused = take("b.yaml 2").unwrap_err().to_string();
        assert!(refused.contains("another pipeline (a.yaml 1)"), "{refused}");
        drop(first);
        take("b.yaml 2").unwrap_err();
        drop(second);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        // What a run that was killed says is no lock.
        fs::write(folder.path().join(NAME), "c.yaml 3").unwrap();
        drop(take("b.yaml 2").unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        // It goes where there is nothing left to be run, too; one that is held stays.
        fs::write(folder.path().join(NAME), "c.yaml 3").unwrap();
        remove_left_over(folder.path());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let held = take("a.yaml 1").unwrap();
        remove_left_over(folder.path());
        take("b.yaml 2").unwrap_err();
        drop(held);
    }

    #[test]
    fn many_take_and_give_it_at_once() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..20).for_each(|_| drop(Lock::take(folder.path(), "a").unwrap())));
            }
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
