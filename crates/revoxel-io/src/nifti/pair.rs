//! The two files of an .hdr/.img pair.

use std::path::{Path, PathBuf};

use crate::open::has_extension;

/// Whether a name is that of the header of a pair.
pub(super) fn is_header(path: &Path) -> bool {
    has_extension(path, "hdr") || has_extension(path, "hdr.gz")
}

/// Whether a name is that of the voxels of a pair.
pub(super) fn is_voxels(path: &Path) -> bool {
    has_extension(path, "img") || has_extension(path, "img.gz")
}

/// Whether a name says that the file is compressed.
pub(super) fn is_packed_name(path: &Path) -> bool {
    has_extension(path, "gz")
}

/// Whether a file of voxels has its header beside it.
pub(super) fn has_header(path: &Path) -> bool {
    existing(path, "hdr").is_ok()
}

/// The other file of a pair that exists, compressed or not; or else the name it should have.
pub(super) fn existing(path: &Path, extension: &str) -> Result<PathBuf, PathBuf> {
    let names = [partner(path, extension, false), partner(path, extension, true)];
    names.iter().find(|p| p.is_file()).cloned().ok_or_else(|| names[0].clone())
}

/// The name of the other file: the same with `hdr` or `img`, in the same case, and compressed in the same way (or in
/// the opposite way with `change_gz`).
pub(super) fn partner(path: &Path, extension: &str, change_gz: bool) -> PathBuf {
    let gz = has_extension(path, "gz");
    let stem = if gz { path.with_extension("") } else { path.to_owned() };
    let upper = stem.extension().is_some_and(|e| e.to_string_lossy().chars().all(|c| c.is_ascii_uppercase()));
    let (extension, gz_suffix) = if upper { (extension.to_uppercase(), ".GZ") } else { (extension.to_owned(), ".gz") };
    let mut name = stem.with_extension(extension).into_os_string();
    if gz != change_gz {
        name.push(if path.extension().is_some_and(|e| e == "gz") { ".gz" } else { gz_suffix });
    }
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partners() {
        fn t(path: &str, extension: &str, expected: &str, expected_other: &str) {
            assert_eq!(partner(Path::new(path), extension, false), Path::new(expected));
            assert_eq!(partner(Path::new(path), extension, true), Path::new(expected_other));
        }
        t("a/b.x.hdr", "img", "a/b.x.img", "a/b.x.img.gz");
        t("a/b.img.gz", "hdr", "a/b.hdr.gz", "a/b.hdr");
        t("B.HDR", "img", "B.IMG", "B.IMG.GZ");
        t("B.HDR.gz", "img", "B.IMG.gz", "B.IMG");
    }
}
