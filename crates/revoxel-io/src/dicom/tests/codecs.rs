//! Frames that other programs wrote, against what they read of them (fixtures/make_dicom_codecs.py).

use serde::Deserialize;

use super::writer::Object;
use super::*;

#[derive(Deserialize)]
struct Case {
    name: String,
    syntax: String,
    photometric: String,
    rows: u16,
    columns: u16,
    samples: u16,
    bits: u16,
    planar: u16,
    /// Place and length in the file of bytes.
    coded: [usize; 2],
    want: [usize; 2],
}

fn cases() -> (Vec<Case>, Vec<u8>) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let index = std::fs::read_to_string(folder.join("dicom_codecs.json")).unwrap();
    (serde_json::from_str(&index).unwrap(), std::fs::read(folder.join("dicom_codecs.bin")).unwrap())
}

fn object(case: &Case, coded: &[u8]) -> Object {
    let allocated = if case.bits > 8 { 16 } else { 8 };
    let mut object = Object::slice(0, [0.0; 3])
        .without(0x0028_1052)
        .without(0x0028_1053)
        .text(0x0028_0004, "CS", &case.photometric)
        .short(0x0028_0002, case.samples)
        .short(0x0028_0010, case.rows)
        .short(0x0028_0011, case.columns)
        .short(0x0028_0100, allocated)
        .short(0x0028_0101, case.bits)
        .short(0x0028_0102, case.bits - 1);
    if case.samples == 3 {
        object = object.short(0x0028_0006, case.planar);
    }
    let mut coded = coded.to_vec();
    coded.resize(coded.len().next_multiple_of(2), 0);
    match case.syntax.as_str() {
        super::writer::EXPLICIT => object.raw(0x7fe0_0010, "OW", coded),
        compressed => object.fragments(compressed, &[], &[coded]),
    }
}

/// The samples as a volume has them: a plane for each channel.
fn planes(want: &[u8], samples: usize) -> Vec<f64> {
    let words: Vec<f64> = want.chunks_exact(2).map(|c| f64::from(u16::from_le_bytes([c[0], c[1]]))).collect();
    (0..samples).flat_map(|c| words[c..].iter().step_by(samples).copied().collect::<Vec<_>>()).collect()
}

#[test]
fn every_codec_with_every_kind_of_colour() {
    let (cases, bytes) = cases();
    let part = |[start, length]: [usize; 2]| &bytes[start..start + length];
    let mut interleaved = 0;
    for case in &cases {
        let result = read_default([object(case, part(case.coded))]);
        if case.name.starts_with("ls") && (case.name.contains("interleave 1") || case.name.contains("interleave 2")) {
            refused(result, &["frame 1 cannot be decoded (JPEG-LS", "interleaved by line or by pixel", "convert"]);
            interleaved += 1;
            continue;
        }
        let loaded = result.unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let want = planes(part(case.want), usize::from(case.samples));
        let voxels = loaded.volume.voxels();
        assert_eq!((voxels.len(), loaded.info.channels), (want.len(), usize::from(case.samples)), "{}", case.name);
        // Conversions from YBR that are ours round once, those of pydicom and libjpeg elsewhere.
        let tolerance = if case.name.starts_with("raw ybr") { 1.0 } else { 0.0 };
        let worst = want.iter().enumerate().map(|(i, w)| (voxels.get(i) - w).abs()).fold(0.0, f64::max);
        assert!(worst <= tolerance, "{}: off by {worst}", case.name);
    }
    assert_eq!((cases.len(), interleaved), (88, 12));
}

#[test]
fn damaged_frames_are_refused_or_read_in_bounded_time() {
    let (cases, bytes) = cases();
    let mut draw = 1u64;
    let mut next = |below: usize| {
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (draw >> 33) as usize % below
    };
    for case in cases.iter().filter(|c| c.syntax != super::writer::EXPLICIT) {
        let [start, length] = case.coded;
        for round in 0..12 {
            let mut coded = bytes[start..start + length].to_vec();
            match round {
                0..6 => (0..=round).for_each(|_| coded[next(length)] = next(256) as u8),
                _ => coded.truncate(next(length).max(1)),
            }
            // An error or some pixels; a panic would be an error that says so.
            if let Err(error) = read_default([object(case, &coded)]) {
                let text = error.to_string();
                assert!(text.contains("cannot be decoded"), "{}: {text}", case.name);
                assert!(!text.contains("the decoder failed"), "{}: {text}", case.name);
            }
        }
    }
}
