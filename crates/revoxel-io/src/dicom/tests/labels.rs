//! Segmentations, against what highdicom (and dcmqi) read from the files that they wrote
//! (fixtures/make_dicom_labels.py).

use std::collections::BTreeMap;

use revoxel_core::{Dtype, Frame, Grid};
use serde_json::Value;

use super::*;
use crate::dicom::scan;
use crate::{LabelOptions, OverlapPolicy, Threshold};

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/dicom_labels")
}

fn fixture(name: &str) -> PathBuf {
    fixtures().join(format!("{name}.dcm"))
}

fn expected(name: &str) -> Value {
    let all: Value = serde_json::from_slice(&std::fs::read(fixtures().join("expected.json")).unwrap()).unwrap();
    all[name].clone()
}

fn with(labels: LabelOptions) -> ReadOptions {
    ReadOptions { labels, ..ReadOptions::default() }
}

/// Reads as labels; the header alone says the same.
fn read_labels(path: &Path, options: &ReadOptions) -> Result<Loaded, ReadError> {
    let options = ReadOptions { kind: Some(Kind::Label), ..options.clone() };
    let loaded = crate::read_with(path, Kind::Label, &options)?;
    // What no voxel has is only known when they are read.
    let mut known = loaded.info.clone();
    known.warnings.retain(|w| !w.to_string().contains("no voxel gets"));
    assert_eq!(crate::info_with(path, &options).unwrap(), known);
    assert_eq!((loaded.info.dtype, loaded.volume.kind()), (loaded.volume.dtype(), Kind::Label));
    Ok(loaded)
}

fn values(loaded: &Loaded) -> Vec<f64> {
    (0..loaded.volume.voxels().len()).map(|i| loaded.volume.voxels().get(i)).collect()
}

/// The voxels of each segment by the record, as a label map.
fn wanted(record: &Value) -> Vec<f64> {
    let count: u64 = record["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).product();
    let mut labels = vec![0.0; count as usize];
    for segment in record["segments"].as_array().unwrap() {
        for voxel in segment["channel"].as_array().unwrap() {
            labels[voxel.as_u64().unwrap() as usize] = segment["number"].as_f64().unwrap();
        }
    }
    labels
}

fn check_grid(grid: &Grid, record: &Value) {
    for (row, wanted) in grid.affine().rows().iter().zip(record["affine"].as_array().unwrap()) {
        let wanted: Vec<f64> = wanted.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        close(row, &wanted, 1e-5);
    }
    assert_eq!(serde_json::json!(grid.shape()), record["shape"]);
}

#[test]
fn segmentations_are_what_highdicom_and_dcmqi_read() {
    let names =
        ["binary", "shuffled", "all_frames", "shared", "labelmap", "labelmap_rle", "labelmap_wide", "dcmqi_binary"];
    for name in names.into_iter().chain(["dcmqi_labelmap", "dcmqi_deflated", "big_endian"]) {
        let loaded = read_labels(&fixture(name), &ReadOptions::default()).unwrap();
        let record = expected(name);
        check_grid(&loaded.info.grid, &record);
        assert_eq!(values(&loaded), wanted(&record), "{name}");
        assert_eq!(warnings(&loaded), [""; 0], "{name}");
        assert_eq!(loaded.volume.dtype(), if name == "labelmap_wide" { Dtype::U16 } else { Dtype::U8 });
        let facts = loaded.info.facts.dicom.unwrap();
        assert_eq!(facts.reference.as_deref(), Some("1.2.826.0.1.3680043.8.498.1800.2"));
        let found: Vec<Value> = facts
            .labels
            .iter()
            .map(|l| serde_json::json!([l.number, l.label, l.name, l.property.as_ref().unwrap().value]))
            .collect();
        let segments = record["segments"].as_array().unwrap().iter();
        let wanted: Vec<Value> =
            segments.map(|s| serde_json::json!([s["number"], s["number"], s["name"], s["property"]])).collect();
        assert_eq!(found, wanted, "{name}");
    }
    // No other program here reads frames that are deflated one by one; they are those of `binary`.
    let deflated = read_labels(&fixture("deflated_frames"), &ReadOptions::default()).unwrap();
    assert_eq!(values(&deflated), wanted(&expected("binary")));
}

#[test]
fn fractions_become_labels_from_a_threshold_on() {
    for name in ["fractional", "fractional_rle"] {
        let loaded = read_labels(&fixture(name), &ReadOptions::default()).unwrap();
        assert_eq!(values(&loaded), wanted(&expected(name)), "{name}");
        assert!(warnings(&loaded)[0].contains("at least 0.5"), "{name}");
    }
    // The fractions are 1, 0.25 and 0.5; 0.25 · 255 is stored as 64, which is a little more.
    let t = |name: &str, threshold: f64, labels: &[f64]| {
        let threshold = Threshold::new(threshold).unwrap();
        let loaded = read_labels(&fixture(name), &with(LabelOptions { threshold, ..LabelOptions::default() })).unwrap();
        let mut found = values(&loaded);
        found.sort_by(f64::total_cmp);
        found.dedup();
        assert_eq!(found, labels, "{name} {threshold:?}");
    };
    t("fractional", 0.25, &[0.0, 1.0, 2.0, 3.0]);
    t("fractional", 0.26, &[0.0, 1.0, 3.0]);
    t("fractional", 0.51, &[0.0, 1.0]);
    t("fractional_rle", 0.0001, &[0.0, 1.0, 2.0, 3.0]);
    t("fractional_rle", 1.0, &[0.0, 1.0]);
    assert_eq!(read_labels(&fixture("binary"), &ReadOptions::default()).map(|l| warnings(&l).len()).unwrap(), 0);
}

#[test]
fn overlapping_segments_are_named_or_become_channels() {
    let path = fixture("overlapping");
    let error = read_labels(&path, &ReadOptions::default());
    refused(
        error,
        &["overlapping.dcm", "1 \"liver\" and 2 \"spleen\" in 2 voxels; 2 \"spleen\" and 3 \"neoplasm\" in 1 voxel"],
    );
    let channels = LabelOptions { overlap: OverlapPolicy::Channels, ..LabelOptions::default() };
    let loaded = read_labels(&path, &with(channels.clone())).unwrap();
    assert_eq!((loaded.volume.channels(), loaded.info.channels), (3, 3));
    let record = expected("overlapping");
    let mut wanted = Vec::new();
    for segment in record["segments"].as_array().unwrap() {
        let mut mask = vec![0.0; 5 * 7 * 6];
        segment["channel"].as_array().unwrap().iter().for_each(|v| mask[v.as_u64().unwrap() as usize] = 1.0);
        wanted.extend(mask);
    }
    assert_eq!(values(&loaded), wanted);
    let facts = loaded.info.facts.dicom.unwrap().labels;
    assert_eq!(
        facts.iter().map(|l| (l.label, l.channel)).collect::<Vec<_>>(),
        [(1, Some(0)), (1, Some(1)), (1, Some(2))]
    );
    // Those that do not overlap can be chosen, by name or by number; they keep their labels.
    let choose = |names: &[&str]| LabelOptions {
        structures: names.iter().map(|n| (*n).to_owned()).collect(),
        ..LabelOptions::default()
    };
    let loaded = read_labels(&path, &with(choose(&["3", "liver"]))).unwrap();
    let only: Vec<f64> = wanted[..210].iter().zip(&wanted[420..]).map(|(a, b)| a + 3.0 * b).collect();
    assert_eq!(values(&loaded), only);
    refused(read_labels(&path, &with(choose(&["lever"]))), &["\"lever\"", "\"liver\", \"spleen\", \"neoplasm\""]);
    refused(read_labels(&path, &with(choose(&["1", "liver"]))), &["listed twice"]);
    // In a label map, too.
    let loaded = read_labels(&fixture("labelmap"), &with(choose(&["spleen"]))).unwrap();
    let all = super::labels::wanted(&expected("labelmap"));
    assert_eq!(values(&loaded), all.iter().map(|v| if *v == 2.0 { 2.0 } else { 0.0 }).collect::<Vec<_>>());
    let channels = LabelOptions { structures: vec!["neoplasm".into(), "liver".into()], ..channels };
    let loaded = read_labels(&fixture("labelmap"), &with(channels)).unwrap();
    let masks = [3.0, 1.0].iter().flat_map(|n| all.iter().map(move |v| f64::from(v == n)));
    assert_eq!(values(&loaded), masks.collect::<Vec<_>>());
}

#[test]
fn a_segmentation_is_no_image() {
    for name in ["binary", "labelmap", "fractional", "dcmqi_labelmap"] {
        let path = fixture(name);
        for kind in [Kind::Image, Kind::Probability, Kind::Logit] {
            let what = ["segmentation", "kind: label", name];
            refused(crate::read_with(&path, kind, &ReadOptions::default()), &what);
            refused(crate::info_with(&path, &ReadOptions { kind: Some(kind), ..ReadOptions::default() }), &what);
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(&path, folder.path().join("x")).unwrap();
        refused(
            crate::read_with(folder.path(), Kind::Image, &ReadOptions::default()),
            &["segmentation", "kind: label"],
        );
        assert_eq!(crate::info_with(folder.path(), &ReadOptions::default()).unwrap().format, "DICOM SEG");
    }
}

/// A folder with the CT and these files.
fn together(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copy = |from: &Path, to: &str| std::fs::copy(from, folder.path().join(to)).unwrap();
    for slice in 0..6 {
        copy(&fixtures().join(format!("ct/{slice}.dcm")), &format!("ct{slice}"));
    }
    names.iter().for_each(|name| _ = copy(&fixture(name), &format!("{name}.dcm")));
    folder
}

#[test]
fn folders_hold_images_and_segmentations() {
    let folder = together(&["binary"]);
    let labels = read_labels(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!(values(&labels), wanted(&expected("binary")));
    let image = read(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!((image.info.grid, image.info.format), (labels.info.grid, "DICOM"));
    assert!(warnings(&image)[0].contains("1 segmentation"), "{:?}", warnings(&image));
    // The whole folder is hashed; of a single file the series belongs to it.
    let kind = ReadOptions { kind: Some(Kind::Label), ..ReadOptions::default() };
    assert_eq!(crate::parts(folder.path(), &kind).unwrap(), [""; 0].map(PathBuf::from));
    assert_eq!(crate::parts(folder.path().join("binary.dcm"), &kind).unwrap().len(), 6);

    let folder = together(&["binary", "labelmap"]);
    let error = read_labels(folder.path(), &ReadOptions::default());
    refused(
        error,
        &["2 segmentations", "series:", "\n  2: segmentation", "\n  3: label map segmentation", "\"spleen\""],
    );
    let report = scan(folder.path(), &ReadOptions::default()).unwrap();
    let found: Vec<_> = report.labels.iter().map(|l| (l.number, l.what, l.labels.len())).collect();
    assert_eq!(found, [(2, "segmentation (SEG)", 3), (3, "label map segmentation (SEG)", 4)]);
    assert_eq!((report.series.len(), report.labels[0].references.len()), (1, 1));
    let third = ReadOptions { series: "3".parse().ok(), ..ReadOptions::default() };
    assert_eq!(values(&read_labels(folder.path(), &third).unwrap()), wanted(&expected("labelmap")));
    refused(crate::read_with(folder.path(), Kind::Image, &third), &["labelmap.dcm", "kind: label"]);
    let first = ReadOptions { series: "1".parse().ok(), ..ReadOptions::default() };
    // Images are no labels where there are some.
    refused(read_labels(folder.path(), &first), &["no match for series \"1\"", "2: segmentation"]);
}

#[test]
fn copies_of_a_segmentation_are_one() {
    let folder = together(&["binary"]);
    let copy = folder.path().join("copy.dcm");
    std::fs::copy(fixture("binary"), &copy).unwrap();
    let labels = read_labels(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!(values(&labels), wanted(&expected("binary")));
    // One that was changed is another one.
    let mut bytes = std::fs::read(&copy).unwrap();
    let end = bytes.len();
    bytes[end - 2] ^= 1;
    std::fs::write(&copy, bytes).unwrap();
    refused(read_labels(folder.path(), &ReadOptions::default()), &["2 segmentations"]);
}

#[test]
fn archives_hold_segmentations() {
    let folder = together(&["binary", "labelmap"]);
    let path = folder.path().join("all.tar");
    let mut archive = tar::Builder::new(std::fs::File::create(&path).unwrap());
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        if entry.path() != path {
            archive.append_path_with_name(entry.path(), entry.file_name()).unwrap();
        }
    }
    archive.finish().unwrap();
    drop(archive);
    let by_uid = |uid: &str| ReadOptions { series: uid.parse().ok(), ..ReadOptions::default() };
    let report = scan(&path, &ReadOptions::default()).unwrap();
    for labels in report.labels {
        let name = if labels.what.contains("label map") { "labelmap" } else { "binary" };
        let loaded = read_labels(&path, &by_uid(&labels.number.to_string())).unwrap();
        assert_eq!(values(&loaded), wanted(&expected(name)));
    }
}

/// World position (LPS, hundredths of mm) of every labelled voxel.
fn places(loaded: &Loaded) -> BTreeMap<[i64; 3], u32> {
    let (shape, all) = (loaded.info.grid.shape(), values(loaded));
    let place = |i: usize| {
        let index = [i % shape[0], i / shape[0] % shape[1], i / shape[0] / shape[1]].map(|v| v as f64);
        Frame::Lps.point_from_ras(loaded.info.grid.index_to_world(index)).map(|v| (v * 100.0).round() as i64)
    };
    all.iter().enumerate().filter(|(_, v)| **v != 0.0).map(|(i, v)| (place(i), *v as u32)).collect()
}

#[test]
fn without_the_series_the_frames_have_a_grid_of_their_own() {
    for name in ["binary", "shuffled", "labelmap", "dcmqi_binary"] {
        let whole = read_labels(&fixture(name), &ReadOptions::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let alone = folder.path().join("alone.dcm");
        std::fs::copy(fixture(name), &alone).unwrap();
        let loaded = read_labels(&alone, &ReadOptions::default()).unwrap();
        assert!(warnings(&loaded)[0].contains("`reference:`"), "{:?}", warnings(&loaded));
        // No frame is at the third slice, which is empty, and at the last one.
        assert_eq!(loaded.info.grid.shape(), [7, 5, 5], "{name}");
        close(&loaded.info.grid.spacing(), &[0.75, 1.5, 2.5], 1e-5);
        assert_eq!(places(&loaded), places(&whole), "{name}");
        // The series may be elsewhere.
        let reference = LabelOptions { reference: Some(fixtures().join("ct")), ..LabelOptions::default() };
        let loaded = read_labels(&alone, &with(reference.clone())).unwrap();
        assert_eq!((loaded.info.grid, values(&loaded)), (whole.info.grid, values(&whole)));
        let parts = crate::parts(&alone, &with(reference)).unwrap();
        assert!(parts.len() == 6 && parts[0] == fixtures().join("ct/0.dcm"), "{parts:?}");
    }
}

/// The CT with changed places, and `binary.dcm`.
fn moved(change: impl Fn(usize, [f64; 3]) -> [f64; 3]) -> tempfile::TempDir {
    let folder = together(&["binary"]);
    for slice in 0..6 {
        let path = folder.path().join(format!("ct{slice}"));
        let mut bytes = std::fs::read(&path).unwrap();
        let at = bytes.windows(6).position(|w| w == [0x20, 0, 0x32, 0, b'D', b'S']).unwrap();
        let length = usize::from(bytes[at + 6]);
        let text = String::from_utf8(bytes[at + 8..at + 8 + length].to_vec()).unwrap();
        let place: Vec<f64> = text.split('\\').map(|v| v.trim().parse().unwrap()).collect();
        let along = (place[2] + 17.125) / 0.917;
        let place = change(along.round() as usize, place.try_into().unwrap());
        let mut new = place.map(|v| format!("{v:.5}")).join("\\");
        if new.len() % 2 == 1 {
            new.push(' ');
        }
        bytes[at + 6] = new.len() as u8;
        bytes.splice(at + 8..at + 8 + length, new.into_bytes());
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

#[test]
fn a_series_that_does_not_fit_is_no_reference() {
    // Within a twentieth of a pixel it is the same place.
    let near = moved(|_, p| [p[0] + 0.01, p[1], p[2]]);
    let loaded = read_labels(near.path(), &ReadOptions::default()).unwrap();
    assert_eq!((warnings(&loaded).len(), values(&loaded)), (0, wanted(&expected("binary"))));
    let far = moved(|_, p| [p[0] + 0.3, p[1], p[2]]);
    let loaded = read_labels(far.path(), &ReadOptions::default()).unwrap();
    assert!(warnings(&loaded)[0].contains("frame 1") && warnings(&loaded)[0].contains("own frames"));
    assert_eq!(places(&loaded), places(&read_labels(&fixture("binary"), &ReadOptions::default()).unwrap()));
    let reference = LabelOptions { reference: Some(far.path().to_owned()), ..LabelOptions::default() };
    let error = read_labels(&fixture("binary"), &with(reference));
    refused(error, &["does not match", "frame 1", "off"]);
    let none = tempfile::tempdir().unwrap();
    let reference = LabelOptions { reference: Some(none.path().to_owned()), ..LabelOptions::default() };
    refused(read_labels(&fixture("binary"), &with(reference)), &["contains no series", "1800.2"]);
}

#[test]
fn broken_segmentations_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.dcm");
    let original = std::fs::read(fixture("binary")).unwrap();
    let t = |from: &[u8], to: &[u8], says: &[&str]| {
        let mut bytes = original.clone();
        let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to);
        std::fs::write(&path, bytes).unwrap();
        refused(read_labels(&path, &ReadOptions::default()), says);
    };
    t(b"BINARY", b"BANARY", &["SegmentationType (0062,0001) is BANARY with 1 bits"]);
    t(b"BINARY", b"LABELMAP".split_at(6).0, &["SegmentationType (0062,0001) is LABELM"]);
    // SegmentNumber 1 becomes 2, and 9; BitsAllocated 1 becomes 2.
    t(b"\x62\x00\x04\x00US\x02\x00\x01", b"\x62\x00\x04\x00US\x02\x00\x02", &["SegmentNumber (0062,0004) is 2"]);
    t(
        b"\x62\x00\x04\x00US\x02\x00\x01",
        b"\x62\x00\x04\x00US\x02\x00\x09",
        &["ReferencedSegmentNumber (0062,000B) of frame 1 is 1"],
    );
    t(b"\x62\x00\x04\x00US\x02\x00\x01", b"\x62\x00\x04\x00US\x02\x00\x00", &["SegmentNumber (0062,0004) is 0"]);
    t(b"\x28\x00\x00\x01US\x02\x00\x01", b"\x28\x00\x00\x01US\x02\x00\x02", &["BitsAllocated (0028,0100) is 2"]);
    t(b"\x28\x00\x10\x00US\x02\x00\x05", b"\x28\x00\x10\x00US\x02\x00\xff", &["PixelData (7FE0,0010)", "bytes"]);
    t(b"\x28\x00\x08\x00IS\x02\x007", b"\x28\x00\x08\x00IS\x02\x006", &["PerFrameFunctionalGroupsSequence"]);
    std::fs::write(&path, &original[..original.len() - 8]).unwrap();
    refused(read_labels(&path, &ReadOptions::default()), &["PixelData (7FE0,0010)", "past the end of the file"]);
    let mut labelmap = std::fs::read(fixture("labelmap")).unwrap();
    let end = labelmap.len();
    labelmap[end - 5] = 77;
    std::fs::write(&path, &labelmap).unwrap();
    refused(read_labels(&path, &ReadOptions::default()), &["77", "SegmentSequence (0062,0002) does not describe"]);
}

#[test]
fn damage_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.dcm");
    let mut draw = 88172645463325252u64;
    let mut next = |below: usize| {
        draw ^= draw << 13;
        draw ^= draw >> 7;
        draw ^= draw << 17;
        (draw % below as u64) as usize
    };
    let (mut read, mut refused) = (0, 0);
    for name in ["binary", "labelmap_rle", "fractional", "dcmqi_deflated", "deflated_frames"] {
        let original = std::fs::read(fixture(name)).unwrap();
        for _ in 0..60 {
            let mut bytes = original.clone();
            for _ in 0..=next(6) {
                let at = 132 + next(bytes.len() - 132);
                bytes[at] = next(256) as u8;
            }
            bytes.truncate(bytes.len() - next(2) * next(200));
            std::fs::write(&path, bytes).unwrap();
            let limits = crate::Limits { memory: 1 << 26, ..crate::Limits::default() };
            match read_labels(&path, &ReadOptions { limits, ..ReadOptions::default() }) {
                Ok(_) => read += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(read > 20 && refused > 20, "{read} read, {refused} refused");
}

#[test]
fn what_is_asked_for_holds_for_a_file_too() {
    let folder = together(&["binary", "labelmap"]);
    let of = |name: &str, options: &ReadOptions| read_labels(&folder.path().join(name), options);
    let series = |text: &str| ReadOptions { series: text.parse().ok(), ..ReadOptions::default() };
    refused(of("binary.dcm", &series("nonsense")), &["no match for series \"nonsense\"", "1: segmentation"]);
    refused(of("binary.dcm", &series("3")), &["no match for series \"3\""]);
    assert_eq!(values(&of("binary.dcm", &series("1")).unwrap()), wanted(&expected("binary")));
    let select = ReadOptions { select: Some("phase".to_owned()), ..ReadOptions::default() };
    refused(of("binary.dcm", &select), &["`select:` chooses among images"]);
    // The background of a label map is no label.
    let mut bytes = std::fs::read(fixture("labelmap")).unwrap();
    let tag = b"\x62\x00\x04\x00US\x02\x00";
    let at = bytes.windows(tag.len()).position(|w| w == tag).unwrap() + tag.len();
    if bytes[at] != 0 {
        return;
    }
    let tag = b"\x62\x00\x05\x00LO";
    let name = bytes.windows(tag.len()).position(|w| w == tag).unwrap() + tag.len();
    let length = usize::from(bytes[name]);
    bytes[name + 2..name + 2 + length].fill(b'b');
    std::fs::write(folder.path().join("labelmap.dcm"), &bytes).unwrap();
    let structures = vec!["b".repeat(length)];
    let asked = with(LabelOptions { structures, ..LabelOptions::default() });
    refused(of("labelmap.dcm", &asked), &["segment 0", "is the background"]);
}
