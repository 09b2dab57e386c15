//! Structure sets, against the voxel centres that shapely (and plastimatch) find inside their contours
//! (fixtures/make_dicom_structures.py).

use serde_json::Value;

use super::*;
use crate::{LabelOptions, OverlapPolicy};

const NAMES: [&str; 4] = ["ring", "keyhole", "two parts", "thin"];

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/dicom_structures")
}

fn file(name: &str) -> PathBuf {
    fixtures().join(name).join("rtstruct.dcm")
}

fn mask(of: &str, structure: &str) -> Vec<f64> {
    let all: Value = serde_json::from_slice(&std::fs::read(fixtures().join("expected.json")).unwrap()).unwrap();
    let mut mask = vec![0.0; 9 * 11 * 5];
    all[of][structure].as_array().unwrap().iter().for_each(|v| mask[v.as_u64().unwrap() as usize] = 1.0);
    mask
}

fn asking(structures: &[&str]) -> ReadOptions {
    let structures = structures.iter().map(|s| (*s).to_owned()).collect();
    ReadOptions { labels: LabelOptions { structures, ..LabelOptions::default() }, ..ReadOptions::default() }
}

fn read_labels(path: &Path, options: &ReadOptions) -> Result<Loaded, ReadError> {
    let options = ReadOptions { kind: Some(Kind::Label), ..options.clone() };
    let loaded = crate::read_with(path, Kind::Label, &options)?;
    let info = crate::info_with(path, &options).unwrap();
    assert_eq!((info.grid, info.dtype, &info.facts), (loaded.info.grid, loaded.volume.dtype(), &loaded.info.facts));
    Ok(loaded)
}

fn values(loaded: &Loaded) -> Vec<f64> {
    (0..loaded.volume.voxels().len()).map(|i| loaded.volume.voxels().get(i)).collect()
}

#[test]
fn structures_are_the_voxels_whose_centres_are_inside() {
    for name in ["axial", "oblique"] {
        for structure in NAMES {
            let loaded = read_labels(&file(name), &asking(&[structure])).unwrap();
            assert_eq!(values(&loaded), mask(name, structure), "{name} {structure}");
            assert_eq!((warnings(&loaded).len(), loaded.info.format), (0, "DICOM RTSTRUCT"), "{:?}", warnings(&loaded));
            let image = read(&fixtures().join(name).join("ct"), &ReadOptions::default()).unwrap();
            assert_eq!(loaded.info.grid, image.info.grid);
        }
        // Several become labels in the order in which they are asked for, by name or number.
        let loaded = read_labels(&file(name), &asking(&["thin", "11"])).unwrap();
        let both: Vec<f64> = mask(name, "thin").iter().zip(mask(name, "ring")).map(|(a, b)| a + 2.0 * b).collect();
        assert_eq!(values(&loaded), both, "{name}");
        let facts = loaded.info.facts.dicom.unwrap().labels;
        let facts: Vec<_> = facts.iter().map(|l| (l.label, l.number, l.name.as_str())).collect();
        assert_eq!(facts, [(1, 14, "thin"), (2, 11, "ring")]);
    }
}

#[test]
fn structures_on_uneven_slices() {
    let path = file("uneven");
    refused(read_labels(&path, &asking(&["ring"])), &["the referenced series", "slices"]);
    let options = ReadOptions { slices: SlicePolicy::Regularize, ..asking(&["ring"]) };
    let loaded = read_labels(&path, &options).unwrap();
    assert_eq!(values(&loaded), mask("uneven", "ring"));
    let places = loaded.info.slices.unwrap().positions;
    assert_eq!(places.iter().map(|p| p[2] + 17.125).collect::<Vec<_>>(), [0.0, 2.5, 5.0, 9.0, 11.5]);
}

#[test]
fn which_structures_must_be_said() {
    let path = file("axial");
    refused(
        read_labels(&path, &ReadOptions::default()),
        &["4 structures", "structures:", "\"ring\", \"keyhole\", \"two parts\""],
    );
    refused(read_labels(&path, &asking(&["rung"])), &["\"rung\"", "\"ring\""]);
    // In upper or lower case, and as a pattern that fits one.
    for name in ["RING", "ri*"] {
        assert_eq!(values(&read_labels(&path, &asking(&[name])).unwrap()), mask("axial", "ring"));
    }
    refused(read_labels(&path, &asking(&["t*"])), &["2 segments or structures", "\"t*\"", "13, 14"]);
    refused(
        read_labels(&path, &asking(&["ring", "keyhole"])),
        &["11 \"ring\" and 12 \"keyhole\" in", "overlap: channels"],
    );
    let channels = LabelOptions { overlap: OverlapPolicy::Channels, ..LabelOptions::default() };
    let loaded = read_labels(&path, &ReadOptions { labels: channels, ..ReadOptions::default() }).unwrap();
    assert_eq!(values(&loaded), NAMES.iter().flat_map(|n| mask("axial", n)).collect::<Vec<_>>());
    refused(crate::read_with(&path, Kind::Image, &ReadOptions::default()), &["structure set", "kind: label"]);
}

/// The axial structure set with its CT, changed at one place.
fn changed(from: &[u8], to: &[u8]) -> tempfile::TempDir {
    with_ct(&edited(from, to))
}

/// The axial structure set, changed at one place.
fn edited(from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = std::fs::read(file("axial")).unwrap();
    let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

/// A structure set beside the CT of the axial one.
fn with_ct(structures: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for slice in 0..5 {
        let name = format!("{slice}.dcm");
        std::fs::copy(fixtures().join("axial/ct").join(&name), folder.path().join(&name)).unwrap();
    }
    std::fs::write(folder.path().join("rt.dcm"), structures).unwrap();
    folder
}

#[test]
fn contours_that_cannot_be_followed_are_named() {
    let t = |from: &[u8], to: &[u8], says: &[&str]| {
        refused(read_labels(changed(from, to).path(), &asking(&["ring"])), says);
    };
    // The first point of the first contour leaves its slice; by a little, to another one, and it is no number.
    t(b"\\-17.125", b"\\-16.125", &["contour 1 of structure \"ring\"", "off the nearest slice", "1.000 mm"]);
    t(b"\\-17.125\\", b"\\-14.625\\", &["contour 1 of structure \"ring\"", "different slices"]);
    t(b"\\-17.125\\", b"\\-17.nan\\", &["ContourData (3006,0050)"]);
    t(
        b"\x06\x30\x46\x00IS\x02\x005 ",
        b"\x06\x30\x46\x00IS\x02\x004 ",
        &["contour 1", "NumberOfContourPoints (3006,0046) is 4"],
    );
    t(b"\x06\x30\x22\x00IS\x02\x0012", b"\x06\x30\x22\x00IS\x02\x0011", &["ROINumber (3006,0022) is 11"]);
    // Within a twentieth of the distance of the slices it is on the slice.
    let near = changed(b"\\-17.125\\", b"\\-17.045\\");
    assert_eq!(values(&read_labels(near.path(), &asking(&["ring"])).unwrap()), mask("axial", "ring"));
    // A point is no area.
    let other = changed(b"CLOSED_PLANAR ", b"OPEN_PLANAR   ");
    let loaded = read_labels(other.path(), &asking(&["ring"])).unwrap();
    assert!(warnings(&loaded)[0].contains("structure \"ring\": 1 contour is left out"), "{:?}", warnings(&loaded));
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("rt.dcm");
    std::fs::copy(file("axial"), &alone).unwrap();
    refused(read_labels(&alone, &asking(&["ring"])), &["1801.20", "was not found", "`reference:`"]);
    let reference = |name: &str| {
        let mut options = asking(&["ring"]);
        options.labels.reference = Some(fixtures().join(name).join("ct"));
        read_labels(&alone, &options)
    };
    assert_eq!(values(&reference("axial").unwrap()), mask("axial", "ring"));
    // Contours do not lie on the slices of another series, though it was given.
    refused(reference("oblique"), &["contour 1 of structure \"ring\"", "off the nearest slice"]);
}

#[test]
fn damage_never_panics() {
    let folder = changed(b"DICM", b"DICM");
    let path = folder.path().join("rt.dcm");
    let original = std::fs::read(&path).unwrap();
    let mut draw = 88172645463325252u64;
    let mut next = |below: usize| {
        draw ^= draw << 13;
        draw ^= draw >> 7;
        draw ^= draw << 17;
        (draw % below as u64) as usize
    };
    let (mut read, mut refused) = (0, 0);
    for _ in 0..200 {
        let mut bytes = original.clone();
        for _ in 0..=next(6) {
            let at = 132 + next(bytes.len() - 132);
            bytes[at] = next(256) as u8;
        }
        bytes.truncate(bytes.len() - next(2) * next(200));
        std::fs::write(&path, bytes).unwrap();
        match crate::read_with(&path, Kind::Label, &asking(&["two parts"])) {
            Ok(_) => read += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(read > 20 && refused > 20, "{read} read, {refused} refused");
}

#[test]
fn contours_with_an_offset_are_refused() {
    let offset = changed(b"\x06\x30\x46\x00IS\x02\x005 ", b"\x06\x30\x45\x00DS\x02\x005 ");
    refused(read_labels(offset.path(), &asking(&["ring"])), &["contour 1", "ContourOffsetVector (3006,0045) is 5"]);
    let none = changed(b"\x06\x30\x46\x00IS\x02\x005 ", b"\x06\x30\x45\x00DS\x02\x000 ");
    assert_eq!(values(&read_labels(none.path(), &asking(&["ring"])).unwrap()), mask("axial", "ring"));
}

#[test]
fn a_structure_that_holds_no_voxel_is_named() {
    let mut bytes = std::fs::read(file("axial")).unwrap();
    let tag = b"\x06\x30\x50\x00DS";
    let at = bytes.windows(tag.len()).rposition(|w| w == tag).unwrap() + tag.len();
    let length = usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let text = String::from_utf8(bytes[at + 2..at + 2 + length].to_vec()).unwrap();
    let numbers: Vec<f64> = text.split('\\').map(|v| v.trim().parse().unwrap()).collect();
    // Four corners within a hundredth of a mm.
    let corner = |i: usize| [[0.0, 0.0], [0.01, 0.0], [0.01, 0.01], [0.0, 0.01]][i];
    let point =
        |i: usize| format!("{:.2}\\{:.2}\\{:.3}", numbers[0] + corner(i)[0], numbers[1] + corner(i)[1], numbers[2]);
    let small = (0..4).map(point).collect::<Vec<_>>().join("\\");
    bytes[at + 2..at + 2 + length].copy_from_slice(format!("{small:length$}").as_bytes());
    let loaded = read_labels(with_ct(&bytes).path(), &asking(&["thin"])).unwrap();
    assert_eq!(values(&loaded).iter().sum::<f64>(), 0.0);
    assert!(warnings(&loaded)[0].contains("no voxel gets the label of \"thin\""), "{:?}", warnings(&loaded));
}

#[test]
fn another_frame_of_reference_is_said() {
    let mut bytes = std::fs::read(file("axial")).unwrap();
    while let Some(at) = bytes.windows(9).position(|w| w == b"1801.20.9") {
        bytes[at + 8] = b'8';
    }
    let loaded = read_labels(with_ct(&bytes).path(), &asking(&["ring"])).unwrap();
    assert_eq!(values(&loaded), mask("axial", "ring"));
    let said = warnings(&loaded);
    assert!(said.len() == 1 && said[0].contains("1801.20.8") && said[0].contains("1801.20.9"), "{said:?}");
}

#[test]
fn the_reference_may_be_one_of_several_series() {
    let structures = with_ct(&std::fs::read(file("axial")).unwrap());
    // The same slices as another series.
    for slice in 0..5 {
        let mut bytes = std::fs::read(fixtures().join(format!("axial/ct/{slice}.dcm"))).unwrap();
        while let Some(at) = bytes.windows(7).position(|w| w == b"1801.20") {
            bytes[at + 6] = b'1';
        }
        std::fs::write(structures.path().join(format!("other{slice}.dcm")), bytes).unwrap();
    }
    let uid = "1.2.826.0.1.3680043.8.498.1801.2";
    let onto = |last: &str| {
        let mut options = asking(&["ring"]);
        options.labels.reference = Some(structures.path().to_owned());
        options.labels.reference_series = Some(format!("{uid}{last}").parse().unwrap());
        read_labels(&structures.path().join("rt.dcm"), &options)
    };
    let named = onto("0").unwrap();
    assert_eq!((values(&named), warnings(&named).len()), (mask("axial", "ring"), 0), "{:?}", warnings(&named));
    let other = onto("1").unwrap();
    let said = warnings(&other);
    assert!(said[0].contains("refer to the series") && said[0].contains("1801.21"), "{said:?}");
    assert_eq!(other.info.facts.dicom.unwrap().reference.unwrap(), format!("{uid}1"));
    refused(onto("9"), &["contains no series"]);
}

#[test]
fn options_for_structures_do_not_pass_over_other_files() {
    for options in [
        asking(&["liver"]).labels,
        LabelOptions { threshold: crate::Threshold::new(0.25).unwrap(), ..LabelOptions::default() },
        LabelOptions { overlap: OverlapPolicy::Channels, ..LabelOptions::default() },
        LabelOptions { reference: Some(fixtures()), ..LabelOptions::default() },
    ] {
        let options = ReadOptions { labels: options, ..ReadOptions::default() };
        let ct = fixtures().join("axial/ct");
        refused(read_labels(&ct, &options), &["DICOM segmentations and structure sets", "a series of images"]);
        refused(read_labels(&ct.join("0.dcm"), &options), &["0.dcm", "a series of images"]);
        let folder = tempfile::tempdir().unwrap();
        let nifti = folder.path().join("a.nii");
        let ct = read(&ct, &ReadOptions::default()).unwrap();
        crate::write(&nifti, &ct.volume, &crate::Facts::default()).unwrap();
        refused(read_labels(&nifti, &options), &["DICOM segmentations and structure sets", "NIfTI"]);
    }
}

#[test]
fn a_structure_may_have_a_frame_of_its_own() {
    // The frame of the first structure; those of the file and of the others stay.
    let tag = b"\x06\x30\x24\x00UI";
    let mut bytes = std::fs::read(file("axial")).unwrap();
    let at = bytes.windows(tag.len()).position(|w| w == tag).unwrap();
    let end = at + bytes[at..].windows(9).position(|w| w == b"1801.20.9").unwrap() + 8;
    bytes[end] = b'7';
    let folder = with_ct(&bytes);
    let said = |name: &str| warnings(&read_labels(folder.path(), &asking(&[name])).unwrap());
    let ring = said("ring");
    assert!(ring.len() == 1 && ring[0].contains("1801.20.7") && ring[0].contains("1801.20.9"), "{ring:?}");
    assert_eq!(said("thin").len(), 0);
}

#[test]
fn a_number_that_is_a_name_is_neither_without_a_word() {
    // The structure 12 gets the name of the number of another one.
    let named = changed(b"keyhole ", b"11      ");
    refused(read_labels(named.path(), &asking(&["11"])), &["\"11\" is the name", "number 12", "`#11`", "`#12`"]);
    for (asked, structure) in [("#11", "ring"), ("#12", "keyhole"), ("ring", "ring")] {
        let loaded = read_labels(named.path(), &asking(&[asked])).unwrap();
        assert_eq!(values(&loaded), mask("axial", structure), "{asked}");
    }
}
