//! Files that say odd things are read as nibabel or ITK reads them (`fixtures/make_odd.py` recorded it), with a remark.

use std::collections::BTreeMap;
use std::fs;

use revoxel_core::testing::Draw;
use revoxel_core::{Dtype, Grid, Kind, Volume};
use serde::Deserialize;

use super::fixture;
use crate::{ComplexPolicy, Facts, Loaded, ReadError, ReadOptions};

#[derive(Debug, Deserialize)]
struct Recorded {
    shape: Vec<usize>,
    affine: Option<[[f64; 4]; 3]>,
    values: Vec<f64>,
}

fn recorded() -> BTreeMap<String, Recorded> {
    serde_json::from_slice(&fs::read(fixture("odd/expected.json")).unwrap()).unwrap()
}

fn read(name: &str, complex: ComplexPolicy) -> Result<Loaded, ReadError> {
    let options = ReadOptions { complex, ..ReadOptions::default() };
    crate::read_with(fixture(&format!("odd/{name}")), Kind::Image, &options)
}

fn refused(name: &str, fragments: &[&str]) {
    let text = read(name, ComplexPolicy::Error).unwrap_err().to_string();
    assert!(fragments.iter().all(|f| text.contains(f)), "{text} lacks one of {fragments:?}");
}

#[test]
fn odd_files_are_read_as_others_read_them() {
    for (name, expected) in recorded() {
        let loaded = read(&name, ComplexPolicy::Channels).unwrap();
        let Loaded { volume, info } = &loaded;
        let parts = if name.starts_with("complex") { 2 } else { 1 };
        let shape: Vec<usize> = expected.shape.iter().copied().chain([1; 3]).take(3).collect();
        assert_eq!(info.grid.shape()[..], shape, "{name}");
        assert_eq!(info.channels, expected.shape.iter().skip(3).product::<usize>() * parts, "{name}");
        for (ours, theirs) in info.grid.affine().rows().iter().flatten().zip(expected.affine.iter().flatten().flatten())
        {
            assert!((ours - theirs).abs() < 1e-4, "{name}: {:?} and {:?}", info.grid.affine(), expected.affine);
        }
        let values: Vec<f64> = (0..volume.voxels().len()).map(|i| volume.voxels().get(i)).collect();
        assert_eq!(values, expected.values, "{name}");
        let options = ReadOptions { complex: ComplexPolicy::Channels, ..ReadOptions::default() };
        assert_eq!(crate::info_with(fixture(&format!("odd/{name}")), &options).unwrap(), *info, "{name}");
    }
}

#[test]
fn what_is_odd_is_said() {
    let names = recorded().into_keys().collect::<Vec<_>>();
    let remarks = |name: &str| -> Vec<&str> {
        match name {
            "sform_zero.nii" | "sform_singular.nii" => vec!["the sform cannot be used (srow_x, srow_y, srow_z is"],
            "sform_nan.nii" => vec!["the sform cannot be used (srow_z is (", "NaN"],
            "qform_norm.nii" => vec!["the qform cannot be used (quatern_b"],
            "qform_offset.nii" => vec!["the qform cannot be used (qoffset_x"],
            "qform_size.nii" => vec!["the qform cannot be used (pixdim[2] is 0.0"],
            "pixdim_0.nii" => vec!["voxel sizes disagree (pixdim (2.0, 1.5, 2.0), sform (2.0, 1.5, 3.0))"],
            "pixdim_1.nii" => vec!["sform and qform disagree by up to", "voxel sizes disagree (pixdim (2.0, 1.5, 2.0)"],
            "dim_2.nii" => vec!["dim[2] is 0: taken as 1"],
            "dim_3.nii" => vec!["dim[3] is 0: taken as 1"],
            "dim_4.nii" | "dim_4_of_5.nii" => vec!["dim[4] is 0: taken as 1"],
            "dim_of_7.nii" => vec!["dim[4], dim[5], dim[6], dim[7] are 0: taken as 1"],
            "complex64.nii" | "complex_frames.nii" => vec!["the voxels are complex64: read as channels"],
            "complex128.nii" => vec!["the voxels are complex128: read as channels"],
            "analyze_negative.hdr" => vec!["pixdim[1] is -2.0: taken as 2.0", "pixdim[3] is -3.0: taken as 3.0"],
            "spm_origin.hdr" => vec!["originator is [2, 4, 1]: read as the voxel at the origin of the world"],
            "spm_mat4.hdr" | "spm_mat5.hdr" | "spm_m.hdr" => vec!["affine read from", ".mat, written by SPM"],
            _ => vec![],
        }
    };
    for name in names {
        let loaded = read(&name, ComplexPolicy::Channels).unwrap();
        let said = loaded.info.warnings.iter().map(|w| w.to_string()).collect::<Vec<_>>().join("; ");
        for remark in remarks(&name) {
            assert!(said.contains(remark), "{name}: {said} lacks {remark}");
        }
        if name == "frames.nii.bz2" {
            assert_eq!(said, "");
        }
    }
    let text = read("text_mat.hdr", ComplexPolicy::Error).unwrap();
    let said = text.info.warnings.iter().map(|w| w.to_string()).collect::<Vec<_>>().join("; ");
    assert!(said.contains("text_mat.mat contains no usable SPM affine (not a MATLAB file"), "{said}");
    assert_eq!(text.info.grid.origin(), [4.0, -2.25, -3.0]);
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    refused("both.nii", &["sform_code, qform_code is 1 and 1", "srow_x, srow_y, srow_z is", "quatern_d is (0.9, 0.8"]);
    refused("dim_1.nii", &["dim[1] is 0: every dimension must be at least 1"]);
    refused("complex64.nii", &["datatype is 32", "complex64", "`complex: channels`"]);
    refused("complex128.nii", &["datatype is 1792", "complex128", "`complex: channels`"]);
    let parts = crate::parts(fixture("odd/spm_m.hdr"), &ReadOptions::default()).unwrap();
    assert_eq!(parts, [fixture("odd/spm_m.img"), fixture("odd/spm_m.mat")]);
}

#[test]
fn complex_voxels_have_the_scale_of_both_parts_and_no_intercept() {
    let options = ReadOptions { complex: ComplexPolicy::Channels, ..ReadOptions::default() };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii");
    let mut bytes = fs::read(fixture("odd/complex64.nii")).unwrap();
    bytes[112..116].copy_from_slice(&2f32.to_le_bytes());
    bytes[116..120].copy_from_slice(&0f32.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let (plain, scaled) = (
        read("complex64.nii", ComplexPolicy::Channels).unwrap(),
        crate::read_with(&path, Kind::Image, &options).unwrap(),
    );
    assert_eq!(scaled.volume.dtype(), Dtype::F32);
    for i in 0..120 {
        assert_eq!(scaled.volume.voxels().get(i), 2.0 * plain.volume.voxels().get(i));
    }
    bytes[116..120].copy_from_slice(&3f32.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let error = crate::read_with(&path, Kind::Image, &options).unwrap_err().to_string();
    assert!(error.contains("scl_inter is 3.0") && error.contains("imaginary"), "{error}");
}

#[test]
fn damaged_bzip2_is_told() {
    let whole = fs::read(fixture("odd/frames.nii.bz2")).unwrap();
    let of = |bytes: &[u8]| super::read_as("a.nii.bz2", bytes).map(|_| ()).map_err(|e| e.to_string());
    of(&whole).unwrap();
    let error = of(&whole[..whole.len() / 2]).unwrap_err();
    assert!(error.contains("unknown format") || error.contains("bzip2 stream is truncated"), "{error}");
    let mut damaged = whole.clone();
    damaged[200] ^= 1;
    let error = of(&damaged).unwrap_err();
    assert!(error.contains("a.nii.bz2"), "{error}");
    // A small file that claims much: the limit holds.
    let limits = crate::Limits { max_volume: 1 << 20, memory: 1 << 20, max_expansion: 1, free_expansion: 1 << 20 };
    let bomb = {
        use std::io::Write;
        let mut header = super::good(1);
        header[42..50].copy_from_slice(&[0, 4, 0, 4, 1, 0, 1, 0]);
        header.resize(352 + (2 << 20), 0);
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
        encoder.write_all(&header).unwrap();
        encoder.finish().unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.nii.bz2");
    fs::write(&path, bomb).unwrap();
    let error = crate::read_with(&path, Kind::Image, &ReadOptions { limits, ..ReadOptions::default() }).unwrap_err();
    assert!(error.to_string().contains("more than the limit of 1048576"), "{error}");
}

#[test]
fn the_voxels_of_a_pair_are_compressed_if_their_first_bytes_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // Noise, so that the compressed file can be made as long as the voxels: gzip keeps it, and headers fill it up.
    let noise: Vec<u8> = (0..400u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as u8).collect();
    let written = revoxel_core::Volume::new(noise.clone().into(), super::grid([20, 5, 4]), Kind::Image, 1).unwrap();
    crate::write(at("a.hdr"), &written, &crate::Facts::default()).unwrap();
    let halves: Vec<u8> = noise[..200].iter().chain(&noise[..200]).copied().collect();
    let mut packed = super::gz(&halves);
    assert!(packed.len() < 400);
    // A comment of the right length makes them equally long.
    let rest = packed.split_off(10);
    packed[3] |= 16;
    packed.resize(400 - rest.len() - 1, b'c');
    packed.push(0);
    packed.extend(rest);
    assert_eq!(packed.len(), 400);
    for name in ["a.img", "a.img.gz"] {
        let _ = fs::remove_file(at("a.img"));
        fs::write(at(name), &packed).unwrap();
        for given in ["a.hdr", name] {
            let read = crate::read(at(given), Kind::Image).unwrap();
            assert_eq!(read.volume.voxels().bytes(), halves, "{name} {given}");
        }
        fs::remove_file(at(name)).unwrap();
    }
    // Voxels that begin like gzip are voxels.
    let mut like = noise;
    like[..4].copy_from_slice(&[0x1f, 0x8b, 8, 0]);
    fs::write(at("a.img"), &like).unwrap();
    assert_eq!(crate::read(at("a.hdr"), Kind::Image).unwrap().volume.voxels().bytes(), like);
}

#[test]
fn scaled_whole_numbers_are_not_rounded() {
    // 16777217 is no float32.
    let grid = Grid::new([2, 1, 2], *Draw::new(3).grid(4).affine()).unwrap();
    let values: Vec<i32> = vec![16_777_216, 16_777_217, 16_777_219, -5];
    let volume = Volume::new(values.into(), grid, Kind::Image, 1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii");
    crate::write(&path, &volume, &Facts::default()).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[112..120].copy_from_slice(&[1f32.to_le_bytes(), 1f32.to_le_bytes()].concat());
    std::fs::write(&path, bytes).unwrap();
    let read = crate::read(&path, Kind::Image).unwrap();
    assert_eq!((read.info.dtype, read.volume.dtype()), (Dtype::F64, Dtype::F64));
    let found: Vec<f64> = [[0, 0, 0], [1, 0, 0], [0, 0, 1], [1, 0, 1]].map(|at| read.volume.value(at, 0)).to_vec();
    assert_eq!(found, [16_777_217.0, 16_777_218.0, 16_777_220.0, -4.0]);
}
