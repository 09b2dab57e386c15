//! Archives of DICOM files: zip, tar, tar.gz and tar.bz2. The last byte of an input chooses options.

use std::io::Read;

use revoxel_core::testing::Draw;

use crate::mutate::{bunzip, bzip, gunzip, gzip, one, plain};
use crate::object::Object;
use crate::{dicom_file, numpy, scratch, volume};

/// Reads an input as an archive.
pub fn check(data: &[u8]) {
    let Some((choice, bytes)) = data.split_last() else { return };
    let path = scratch::file("in.bin", bytes);
    let options = volume::options(*choice);
    if let Ok(scan) = revoxel_io::dicom::scan(&path, &options) {
        assert!(scan.skipped.iter().all(|s| !s.reason.to_string().is_empty()));
    }
    volume::check(&path, &options, *choice);
}

/// The members of a tar file.
fn members(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(bytes);
    let Ok(entries) = archive.entries() else { return Vec::new() };
    let mut members = Vec::new();
    for mut entry in entries.map_while(Result::ok).take(16) {
        let mut content = Vec::new();
        let _ = (&mut entry).take(1 << 16).read_to_end(&mut content);
        members.push((String::from_utf8_lossy(&entry.path_bytes()).into_owned(), content));
    }
    members
}

/// A tar file with the right checksums.
fn tar_of(members: &[(String, Vec<u8>)], draw: &mut Draw) -> Vec<u8> {
    let mut to = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        let kinds =
            [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::GNULongName, tar::EntryType::XHeader];
        if draw.int(0, 15) == 0 {
            header.set_entry_type(*one(draw, &kinds));
        }
        let field = header.as_old_mut();
        name.bytes().take(99).enumerate().for_each(|(i, b)| field.name[i] = b);
        if draw.int(0, 15) == 0 {
            header.set_size(content.len() as u64 + draw.int(0, 2000) as u64);
        }
        header.set_cksum();
        let _ = to.append(&header, &content[..]);
    }
    to.into_inner().unwrap_or_default()
}

/// Changes a member, a name or which members there are, and packs them again.
pub fn mutate(bytes: &mut Vec<u8>, draw: &mut Draw) {
    let choice = bytes.pop().unwrap_or_default();
    let content = match bytes.get(..2) {
        Some([0x1f, 0x8b]) => gunzip(bytes),
        Some(b"BZ") => bunzip(bytes),
        _ => bytes.clone(),
    };
    let is_zip = content.starts_with(b"PK");
    let mut all = if is_zip { numpy::unzip(&content).unwrap_or_default() } else { members(&content) };
    match draw.int(0, 11) {
        0 => plain(bytes, draw),
        1 => {
            let mut content = content;
            plain(&mut content, draw);
            *bytes = if draw.int(0, 1) == 0 { gzip(&content) } else { bzip(&content) };
        }
        way => {
            if let Some(at) = all.len().checked_sub(1).map(|last| draw.int(0, last as i64) as usize) {
                match way {
                    2 => all.push(("again.dcm".to_owned(), all[at].1.clone())),
                    3 => drop(all.remove(at)),
                    4 => {
                        all[at].0 =
                            (*one(draw, &["../../x.dcm", "/etc/x", "", "a/", "s/0.dcm", "DICOMDIR", "a\\b"])).to_owned()
                    }
                    _ => match Object::parse(&all[at].1) {
                        Some(mut object) => {
                            dicom_file::change(&mut object, draw);
                            all[at].1 = object.bytes();
                        }
                        None => plain(&mut all[at].1, draw),
                    },
                }
            }
            *bytes = match draw.int(0, 3) {
                0 => numpy::zip(&all, draw),
                1 => gzip(&tar_of(&all, draw)),
                2 => bzip(&tar_of(&all, draw)),
                _ => tar_of(&all, draw),
            };
        }
    }
    bytes.push(if draw.int(0, 7) == 0 { draw.int(0, 255) as u8 } else { choice });
}

/// A series and a text in each kind of archive.
pub fn seeds() -> Vec<Vec<u8>> {
    let slice = |i: usize| (format!("s/{i}.dcm"), Object::slice(i, [0.0, 0.0, i as f64 * 2.0]).bytes());
    let mut all: Vec<_> = (0..3).map(slice).collect();
    all.push(("readme.txt".to_owned(), b"hello".to_vec()));
    let draw = || Draw::new(2);
    let tar = tar_of(&all, &mut draw());
    let seeds = [numpy::zip(&all, &mut draw()), gzip(&tar), bzip(&tar), tar];
    seeds.into_iter().enumerate().map(|(i, mut bytes)| (bytes.push((i as u8).wrapping_mul(16)), bytes).1).collect()
}
