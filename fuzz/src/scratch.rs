//! A folder of this process for the files that the library is to read.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// The folder: below `REVOXEL_FUZZ_SCRATCH`, which `cargo xtask fuzz` makes and removes, else below the system's
/// folder for temporary files.
pub fn folder() -> &'static PathBuf {
    FOLDER.get_or_init(|| {
        let above = std::env::var_os("REVOXEL_FUZZ_SCRATCH").map_or_else(std::env::temp_dir, PathBuf::from);
        let folder = above.join(format!("revoxel-fuzz-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("the folder for temporary files can be written to");
        folder
    })
}

/// A file in the folder with these bytes.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder().join(name);
    fs::write(&path, bytes).expect("the folder for temporary files can be written to");
    path
}

/// A new, empty folder in it.
pub fn empty_folder(name: &str) -> PathBuf {
    let path = folder().join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("the folder for temporary files can be written to");
    path
}
