//! Checksums: in files of every kind that has one, each bit is changed. Such a file is refused, or read as if it were
//! whole (the bit is of no consequence, such as the time in the header of gzip). The fixtures are made by
//! `tests/fixtures/make_hostile.py`.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use revoxel_core::{Kind, Volume, Voxels};
use revoxel_io::{Limits, npy};

use crate::support::{Place, root};

fn fixture(name: &str) -> PathBuf {
    root().join("tests/fixtures/checked").join(name)
}

/// What is read of a file under test.
fn read(path: &Path) -> Result<(Voxels, Option<Volume>), String> {
    if path.extension().is_some_and(|e| e == "npz") {
        let tensor = npy::read(path, &Limits::default()).map_err(|e| e.to_string())?;
        return Ok((tensor.voxels, None));
    }
    let volume = revoxel_io::read(path, Kind::Image).map_err(|e| e.to_string())?.volume;
    Ok((volume.voxels().clone(), Some(volume)))
}

/// Changes every bit of a file (of long ones a sample), with `beside` in the same folder. How many damaged files were
/// refused.
fn t(name: &str, beside: Option<&str>) -> usize {
    let good = fs::read(fixture(name)).unwrap();
    let beside = beside.map(|name| (name, fs::read(fixture(name)).unwrap()));
    let place = |bytes: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        beside.iter().for_each(|(name, bytes)| fs::write(folder.path().join(name), bytes).unwrap());
        read(&path)
    };
    let expected = place(&good).unwrap();
    let step = (good.len() * 8 / 8000).max(1) | 1;
    let bits: Vec<usize> = (0..good.len() * 8).step_by(step).collect();
    let refused = |bit: &usize| {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        match place(&bytes) {
            Ok(found) => assert!(found == expected, "{name}: bit {bit} gives other voxels"),
            Err(_) => return true,
        }
        false
    };
    let count = bits.par_iter().filter(|bit| refused(bit)).count();
    // Cut off anywhere within the last member it is refused as well.
    for cut in 1..8.min(good.len()) {
        assert!(place(&good[..good.len() - cut]).is_err(), "{name} without its last {cut} bytes");
    }
    println!("{name}: {count} of {} damaged files are refused", bits.len());
    assert!(count * 10 > bits.len() * 8, "{name}: {count} of {}", bits.len());
    count
}

#[test]
fn every_bit_of_a_compressed_volume_is_checked() {
    for name in ["a.nii.gz", "members.nii.gz", "more.nii.gz"] {
        t(name, None);
    }
    t("pair.img.gz", Some("pair.hdr.gz"));
    t("pair.hdr.gz", Some("pair.img.gz"));
}

/// In these, the header is plain text without a checksum: only what is compressed is changed.
#[test]
fn every_bit_of_compressed_values_is_checked() {
    for (name, behind) in [("gzip.nrrd", &b"\n\n"[..]), ("bzip2.nrrd", b"\n\n"), ("zlib.mha", b"LOCAL\n")] {
        let good = fs::read(fixture(name)).unwrap();
        let start = good.windows(behind.len()).position(|w| w == behind).unwrap() + behind.len();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let expected = read(&fixture(name)).unwrap();
        let mut refused = 0;
        for bit in start * 8..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &bytes).unwrap();
            match read(&path) {
                Ok(found) => assert!(found == expected, "{name}: bit {bit} gives other voxels"),
                Err(_) => refused += 1,
            }
        }
        let all = (good.len() - start) * 8;
        println!("{name}: {refused} of {all} damaged files are refused");
        assert!(refused * 10 > all * 8, "{name}");
    }
}

#[test]
fn every_bit_of_an_archive_of_dicom_is_checked() {
    for name in ["series.tar.gz", "stored.tar.gz", "series.tar.bz2", "series.zip", "stored.zip"] {
        t(name, None);
    }
}

#[test]
fn every_bit_of_an_archive_of_arrays_is_checked() {
    for name in ["deflated.npz", "stored.npz", "more.npz"] {
        t(name, None);
    }
}

#[test]
fn damage_is_named() {
    for (name, at, words) in [
        ("stored.tar.gz", 4000, ["gzip", "checksum"]),
        ("stored.zip", 500, ["archive", "checksum"]),
        ("a.nii.gz", 200, ["gzip", "a.nii.gz"]),
    ] {
        let place = Place::new();
        let mut bytes = fs::read(fixture(name)).unwrap();
        bytes[at] ^= 4;
        fs::write(place.path(name), bytes).unwrap();
        let mut parts = vec![name];
        parts.extend(words);
        place.revoxel(&["convert", name, "o.nii"]).bad(2, &parts);
        assert_eq!(place.files(), [name]);
    }
}
