//! Other files in folders of pictures, and several series in one.

use super::*;
use crate::dicom::testing::Object;

/// Copies of a small picture under these names.
fn folder(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let source = if name.ends_with("png") { "png8/s8.png" } else { "jpeg/s8.jpg" };
        fs::copy(fixture(source), folder.path().join(name)).unwrap();
    }
    folder
}

#[test]
fn litter_is_passed_over_and_other_files_are_set_aside() {
    let folder = folder(&["s1.png", "s2.png"]);
    let at = |name: &str| folder.path().join(name);
    for name in [".DS_Store", "Thumbs.db", "thumbs.db", "desktop.ini", "._s1.png", "s.json"] {
        fs::write(at(name), "x").unwrap();
    }
    fs::create_dir(at("__MACOSX")).unwrap();
    assert_eq!(read(folder.path()).unwrap().info.grid.shape(), [5, 4, 2]);
    assert_eq!(warnings(folder.path()), Vec::<String>::new());
    fs::write(at("notes.txt"), "x").unwrap();
    assert_eq!(warnings(folder.path()), ["1 other file or folder is left out: notes.txt"]);
    for name in ["a.csv", "c.xlsx", "empty"] {
        fs::write(at(name), if name == "c.xlsx" { &b"PK\x03\x04"[..] } else { b"" }).unwrap();
    }
    fs::create_dir(at("b")).unwrap();
    fs::copy(fixture("png8/s8.png"), at("b/s3.png")).unwrap();
    assert_eq!(warnings(folder.path()), ["5 other files and folders are left out: a.csv, b, c.xlsx and 2 more"]);
    assert_eq!(crate::parts(folder.path(), &spaced()).unwrap(), [at("s1.png"), at("s2.png")]);
}

#[test]
fn volumes_among_pictures_are_not_left_out() {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for name in ["a.nii", "sub/a.nii", "sub/b/a", "a.dcm", "sub/a"] {
        let folder = folder(&["s1.png", "s2.png"]);
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match name {
            "a.dcm" | "sub/a" => fs::write(&path, Object::slice(0, [0.0; 3]).bytes()).unwrap(),
            _ => fs::copy(fixtures.join("dtype_i2.nii"), &path).map(|_| ()).unwrap(),
        }
        assert_eq!(crate::format_of(folder.path()).unwrap(), "dicom", "{name}");
        assert!(read(folder.path()).is_err(), "{name}");
    }
}

#[test]
fn a_damaged_picture_is_not_left_out() {
    let folder = folder(&["s1.png", "s3.png"]);
    fs::write(folder.path().join("s2.png"), "").unwrap();
    refused(folder.path(), &["s2.png: ", "not a TIFF, PNG or JPEG file"]);
}

#[test]
fn several_series_in_a_folder_are_refused_and_one_can_be_chosen() {
    let several = folder(&["a_001.png", "a_002.png", "b_001.png", "b_002.png", "b_003.png"]);
    let list = "\n  1: a_*.png, 2 pictures\n  2: b_*.png, 3 pictures";
    refused(several.path(), &["contains 2 series of pictures", "`series:`", list]);
    for (choice, slices) in [("b_*", 3), ("a_*.png", 2), ("1", 2), ("largest", 3)] {
        let options = ReadOptions { series: Some(choice.parse().unwrap()), ..spaced() };
        let info = crate::info_with(several.path(), &options).unwrap();
        assert_eq!(info.grid.shape(), [5, 4, slices], "{choice}");
        assert_eq!(crate::parts(several.path(), &options).unwrap().len(), slices, "{choice}");
    }
    let options = ReadOptions { series: Some("c*".parse().unwrap()), ..spaced() };
    let error = crate::info_with(several.path(), &options).unwrap_err().to_string();
    assert!(error.contains("no series of pictures matches c*") && error.ends_with(list), "{error}");
    refused(folder(&["s1.png", "s01.png", "s2.png"]).path(), &["s01.png and s1.png have the same number"]);
    refused(folder(&["s1.png", "s1.jpg"]).path(), &["1: s1.jpg, 1 picture", "2: s1.png, 1 picture"]);
}
