//! Archives: rows 65 to 68 of the hostile inputs.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::*;
use crate::{FileInfo, Limits};

/// Files for an archive: a series, a text, and a member with a name that climbs out.
fn members() -> Vec<(String, Vec<u8>)> {
    let mut members: Vec<(String, Vec<u8>)> =
        stack(&[2.0, 0.0, 1.0]).iter().enumerate().map(|(i, o)| (format!("s/{i}.dcm"), o.bytes())).collect();
    members[2].0 = "../../../tmp/climbs.dcm".to_owned();
    members.push(("readme.txt".to_owned(), b"hello".to_vec()));
    members
}

fn tar() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members() {
        let mut header = tar::Header::new_ustar();
        header.as_ustar_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        builder.append(&header, &bytes[..]).unwrap();
    }
    let mut link = tar::Header::new_ustar();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    builder.append_link(&mut link, "link.dcm", "/etc/passwd").unwrap();
    builder.into_inner().unwrap()
}

fn zip() -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members() {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(&bytes).unwrap();
    }
    writer.add_symlink("link.dcm", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    writer.finish().unwrap().into_inner()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bz2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read_archive(bytes: &[u8], options: &ReadOptions) -> Result<Loaded, ReadError> {
    let folder = tempfile::tempdir().unwrap();
    // Recognised by content, whatever the name.
    let path = folder.path().join("series.bin");
    std::fs::write(&path, bytes).unwrap();
    let before = std::fs::read_dir(folder.path()).unwrap().count();
    let result = read(&path, options);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before);
    if let Ok(loaded) = &result {
        let scan = crate::dicom::scan(&path, options).unwrap();
        let skipped: Vec<String> = scan.skipped.iter().map(|s| format!("{}: {}", s.path.display(), s.reason)).collect();
        assert!(skipped.len() == 2 && skipped[0].ends_with("series.bin/readme.txt: not DICOM"), "{skipped:?}");
        assert!(skipped[1].ends_with("series.bin/link.dcm: link, not followed"), "{skipped:?}");
        assert_eq!(loaded.info.grid.shape(), scan.series[0].geometry.as_ref().unwrap().shape);
    }
    result
}

#[test]
fn archives_are_read_like_folders() {
    let expected = read_default(stack(&[2.0, 0.0, 1.0])).unwrap();
    for bytes in [zip(), tar(), gz(&tar()), bz2(&tar())] {
        let Loaded { volume, info } = read_archive(&bytes, &ReadOptions::default()).unwrap();
        // A link that is called like a slice may be one.
        let (told, others): (Vec<_>, Vec<_>) =
            info.warnings.into_iter().partition(|warning| warning.to_string().contains("link.dcm: link, not followed"));
        assert_eq!(told.len(), 1);
        assert_eq!(Loaded { volume, info: FileInfo { warnings: others, ..info } }, expected);
    }
}

#[test]
fn row_54_copies_in_archives_are_left_out() {
    let again = Object::slice(1, [0.0, 0.0, 0.0]).text(0x0008_0018, "UI", "1.2.3.99").bytes();
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members().into_iter().filter(|(n, _)| !n.contains("..")).chain([("again".to_owned(), again)]) {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    std::fs::write(&path, builder.into_inner().unwrap()).unwrap();
    let loaded = read(&path, &ReadOptions::default()).unwrap();
    assert_eq!(loaded.info.grid.shape()[2], 2);
    assert!(warnings(&loaded)[0].contains("1 file is a copy"), "{:?}", warnings(&loaded));
}

#[test]
fn row_66_bombs_end_at_the_limit() {
    let options = ReadOptions {
        limits: Limits { max_expansion: 1, free_expansion: 1500, ..Limits::default() },
        ..ReadOptions::default()
    };
    for bytes in [zip(), gz(&tar()), bz2(&tar())] {
        refused(
            read_archive(&bytes, &options),
            &["/series.bin: the archive decodes to more than the limit of 1500 bytes"],
        );
    }
}

#[test]
fn row_67_truncated() {
    let tar = tar();
    for bytes in [tar[..2000].to_vec(), gz(&tar)[..300].to_vec(), zip()[..900].to_vec()] {
        refused(read_archive(&bytes, &ReadOptions::default()), &["/series.bin: the archive is damaged"]);
    }
    let empty = zip::write::ZipWriter::new(std::io::Cursor::new(Vec::new())).finish().unwrap().into_inner();
    refused(read_archive(&empty, &ReadOptions::default()), &["no DICOM image in 0 files"]);
}
