//! Real series, against what pydicom recorded (fixtures/make_dicom_expected.py).

use std::fs::File;

use serde_json::Value;

use super::*;
use crate::dicom::bytes::Bytes;
use crate::dicom::fragments::fragments;
use crate::dicom::image::ImageFile;
use crate::dicom::{codec, convert, parse};

fn expected(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/dicom_expected.json");
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    all[name].clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Compares values and geometry with the record; `noise` is what orthogonalising may move, mm.
fn like_pydicom(name: &str, options: &ReadOptions, noise: f64) -> Option<Loaded> {
    let loaded = read(&real(name)?, options).unwrap();
    let expected = expected(name);
    let shape = loaded.info.grid.shape();
    assert_eq!(shape.map(|n| n as f64).to_vec(), numbers(&expected["shape"]), "{name}");
    let (low, high) = loaded.volume.voxels().min_max().unwrap();
    let sum: f64 = (0..loaded.volume.voxels().len()).map(|i| loaded.volume.voxels().get(i)).sum();
    close(&[low, high], &[expected["min"].as_f64().unwrap(), expected["max"].as_f64().unwrap()], high.abs() * 1e-6);
    let wanted = expected["sum"].as_f64().unwrap();
    assert!((sum / wanted - 1.0).abs() < 1e-6, "{name}: {sum} is not {wanted}");
    let middle = loaded.volume.value(shape.map(|n| n / 2), 0);
    close(&[middle], &numbers(&expected["middle"]), middle.abs() * 1e-6);
    let affine = loaded.info.grid.affine();
    close(&affine.translation(), &numbers(&expected["first"]), 1e-9);
    close(&affine.apply([0.0, 0.0, (shape[2] - 1) as f64]), &numbers(&expected["last"]), noise);
    for axis in 0..3 {
        close(&affine.column(axis), &numbers(&expected["columns"][axis]), if axis < 2 { 1e-3 } else { noise });
    }
    Some(loaded)
}

fn default(name: &str, noise: f64) -> Option<Loaded> {
    like_pydicom(name, &ReadOptions::default(), noise)
}

#[test]
fn plain_series_and_enhanced_files() {
    default("siemens_mr", 1e-6);
    default("compressed/uncompressed_reference", 1e-6);
    if let Some(loaded) = default("per_slice_slopes_non_square", 1e-3) {
        close(&loaded.info.grid.spacing(), &[6.39995861053464, 4.0, 0.5], 1e-5);
        assert_eq!(loaded.volume.dtype(), revoxel_core::Dtype::F32);
    }
    // 0.047° between the slices is noise: the affine is a rotation.
    if let Some(loaded) = default("hitachi_oblique", 0.02) {
        assert!(loaded.info.grid.affine().shear() < 1e-12 && warnings(&loaded).is_empty());
        close(&loaded.info.grid.spacing(), &[2.34375, 2.34375, 4.0], 1e-4);
    }
    default("enhanced/philips_mr/IM-0001-0170-0001.dcm", 0.01);
    default("enhanced/siemens_mr/IM-0001-0001-0001.dcm", 0.01);
    default("enhanced/hyperfine/001.dcm", 1e-9);
    default("transfer_syntax/eCT_Supplemental.dcm", 1e-9);
    if let Some(loaded) = default("failing/gantrytilting/001", 1e-9) {
        assert!(warnings(&loaded)[0].contains("gantry tilt of 14.00°"));
    }
}

#[test]
fn the_tilted_and_irregular_ct() {
    let Some(path) = real("ct_ge_tilt_irregular") else { return };
    let text = read(&path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(text.contains("1.0811 mm found between slices 14 and 15") && text.contains("6.9986 mm found"), "{text}");
    let scan = crate::dicom::scan(&path, &ReadOptions::default()).unwrap();
    let geometry = scan.series[0].geometry.as_ref().unwrap();
    assert!((geometry.tilt_degrees - 18.5).abs() < 0.01);
    assert_eq!((scan.series.len(), geometry.gaps.len(), geometry.gaps[0].after), (1, 14, 14));
    close(&[geometry.gaps[0].expected, geometry.gaps[1].found], &[4.0019, 6.9986], 1e-3);
    let options = ReadOptions { slices: SlicePolicy::Regularize, ..ReadOptions::default() };
    let loaded = like_pydicom("ct_ge_tilt_irregular", &options, 1e-9).unwrap();
    let positions = &loaded.info.slices.as_ref().unwrap().positions;
    assert_eq!(positions.len(), 28);
    close(&positions[15], &[125.0, 123.5404569, 69.2160586], 1e-9);
    assert_eq!(loaded.info.facts.dicom.unwrap().padding, Some(-1500.0));
}

#[test]
fn series_that_are_no_volume() {
    let t = |name: &str, fragments: &[&str]| {
        if let Some(path) = real(name) {
            refused(read(&path, &ReadOptions::default()), fragments);
        }
    };
    t("failing/sliceincrement/001", &["1 slice is missing (between slices 3 and 4", "33.107"]);
    t("failing/sliceincrement/002", &["1 slice is missing (between slices 3 and 4", "-50.358"]);
    t("failing/sliceorientation/001", &["contains 2 volumes in one series", "orientation 0.016", "orientation 0.999"]);
    t("failing/notavolume/001", &["all 4 images share the position", "not a volume"]);
    t("transfer_syntax/JPEG-LL.dcm", &["JPEG-LL.dcm: ImagePositionPatient (0020,0032) is missing"]);
    t("transfer_syntax/emri_small.dcm", &["PerFrameFunctionalGroupsSequence (5200,9230) is missing"]);
    if let Some(path) = real("failing/sliceincrement/002") {
        let loaded = read(&path, &filling()).unwrap();
        assert_eq!(loaded.info.grid.shape()[2], 5);
        assert!(warnings(&loaded)[0].contains("tilt of 15.50°"), "{:?}", warnings(&loaded));
    }
    // Two slices are few, but they are a volume.
    if let Some(path) = real("failing/slicecount/001") {
        assert_eq!(read(&path, &ReadOptions::default()).unwrap().info.grid.shape(), [256, 256, 2]);
    }
}

#[test]
fn repeated_positions_are_frames() {
    let Some(path) = real("ge_fmri_4d") else { return };
    let loaded = read(&path, &ReadOptions::default()).unwrap();
    assert_eq!((loaded.info.channels, loaded.info.grid.shape()), (2, [64, 64, 4]));
    assert!(warnings(&loaded)[0].contains("distinguished by instance number"));
}

#[test]
fn compressed_series_agree_bit_for_bit() {
    let folders = ["compressed_rle", "compressed", "compressed_j2k", "compressed_jpeg", "compressed_jpegls"];
    let all: Vec<Loaded> = folders
        .iter()
        .filter_map(|name| real(&format!("compressed/{name}")))
        .map(|path| read(&path, &ReadOptions::default()).unwrap())
        .collect();
    assert!(all.windows(2).all(|w| w[0].volume == w[1].volume));
    if let Some(path) = real("rgb") {
        let loaded = read(&path, &ReadOptions::default()).unwrap();
        assert_eq!((loaded.info.channels, loaded.info.grid.shape(), loaded.info.facts.colour), (3, [52, 77, 4], true));
    }
}

/// The stored values of all frames of a file, whatever it says about places.
fn stored(path: &Path) -> Result<Vec<f64>, String> {
    let mut file = File::open(path).unwrap();
    let length = file.metadata().unwrap().len();
    let header = parse::parse(&mut file, Some(length), u64::MAX).unwrap();
    let data = header.data.clone();
    let syntax = header.syntax.unwrap();
    let image = ImageFile::new(header, Some(length)).unwrap();
    let format = crate::dicom::format::PixelFormat::from_data(&data, &image.pixels).unwrap();
    let frames = data.whole(crate::dicom::tags::FRAMES).unwrap().unwrap_or(1) as usize;
    let bytes = Bytes::Disk { file, length };
    let count = format.plane();
    let mut values = vec![0.0; count * frames];
    let parts = match image.pixels.length {
        None => fragments(&bytes, image.pixels.offset, frames).unwrap(),
        Some(_) => Vec::new(),
    };
    for (frame, to) in values.chunks_mut(count).enumerate() {
        let place = match parts.get(frame) {
            Some(parts) => parts.iter().map(|p| (p.offset, p.length)).collect(),
            None => vec![(image.pixels.offset + (frame * count * 2) as u64, count as u64 * 2)],
        };
        let mut raw = Vec::new();
        for (offset, length) in place {
            let start = raw.len();
            raw.resize(start + length as usize, 0);
            bytes.read_at(offset, &mut raw[start..]).unwrap();
        }
        let decoded = codec::decode(syntax.coding, raw, &format)?;
        convert::to_real(&decoded.bytes, syntax.big_endian, &format, (1.0, 0.0), to);
    }
    Ok(values)
}

#[test]
fn transfer_syntaxes_agree_with_their_uncompressed_twins() {
    let t = |twin: &str, original: &str| {
        let path = |name: &str| real(&format!("transfer_syntax/{name}"));
        if let (Some(twin), Some(original)) = (path(twin), path(original)) {
            assert!(stored(&twin).unwrap() == stored(&original).unwrap(), "{}", twin.display());
        }
    };
    t("emri_small_big_endian.dcm", "emri_small.dcm");
    t("emri_small_RLE.dcm", "emri_small.dcm");
    t("emri_small_jpeg_2k_lossless.dcm", "emri_small.dcm");
    t("emri_small_jpeg_ls_lossless.dcm", "emri_small.dcm");
    t("693_J2KR.dcm", "693_UNCR.dcm");
    t("MR2_J2KR.dcm", "MR2_UNCR.dcm");
    if let Some(path) = real("transfer_syntax/JPEG-LL.dcm") {
        assert_eq!(stored(&path).unwrap().len(), 256 * 1024);
    }
}
