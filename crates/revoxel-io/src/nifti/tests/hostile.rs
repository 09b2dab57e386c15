//! Files that lie: each gives an error that names the file, the field and the value, or a reading that is stated.

use std::time::{Duration, Instant};

use revoxel_core::{Dtype, Kind};

use super::{changed, good, gz, read_as};
use crate::nifti::header::{Header, Magic, Order, Version};
use crate::{Limits, Loaded, ReadError, ReadOptions};

/// Reads within bounded time; the file's name is in every message.
fn outcome(name: &str, bytes: &[u8]) -> Result<Loaded, String> {
    let start = Instant::now();
    let result = read_as(name, bytes).map_err(|e| e.to_string());
    assert!(start.elapsed() < Duration::from_secs(5), "{name}");
    if let Err(text) = &result {
        assert!(text.contains(&format!("/{name}: ")), "{text}");
    }
    result
}

/// An error with all of these fragments.
fn refused(name: &str, bytes: &[u8], fragments: &[&str]) {
    let text = outcome(name, bytes).expect_err(&fragments.join(" "));
    assert!(fragments.iter().all(|f| text.contains(f)), "{text} lacks one of {fragments:?}");
}

/// A good reading with just this remark (none where it is empty).
fn accepted(name: &str, bytes: &[u8], remark: &str) -> Loaded {
    let loaded = outcome(name, bytes).unwrap();
    let remarks: Vec<String> = loaded.info.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(loaded.volume.voxels().get(23), 23.0, "{remarks:?}");
    match remark {
        "" => assert_eq!(remarks, [""; 0]),
        _ => assert!(remarks.len() == 1 && remarks[0].contains(remark), "{remarks:?} is not {remark}"),
    }
    loaded
}

fn refused_header(change: impl FnOnce(&mut Header), fragments: &[&str]) {
    refused("brain.nii", &changed(1, change), fragments);
}

fn accepted_header(change: impl FnOnce(&mut Header), remark: &str) -> Loaded {
    accepted("brain.nii", &changed(1, change), remark)
}

#[test]
fn row_1_too_short() {
    refused("brain.nii", &[], &["file length is 0", "348 bytes"]);
    refused("brain.nii", &good(1)[..347], &["file length is 347", "348 bytes"]);
    refused("brain.nii", &good(1)[..348], &["vox_offset is 352.0", "348 bytes"]);
    refused("brain.nii", &good(2)[..400], &["file length is 400", "540 bytes"]);
    refused("brain.nii", b"not a NIfTI file at all", &["sizeof_hdr", "348"]);
    refused("brain.nii", &good(1)[..399], &["dim is 4×3×2 (int16)", "48 bytes from byte 352 on", "ends after 399"]);
    refused("brain.txt", b"not a NIfTI file at all", &["unknown format; supported are NIfTI"]);
}

#[test]
fn rows_2_to_4_dimensions() {
    for axes in [0, 8, -1, 200] {
        refused_header(|h| h.dim[0] = axes, &[&format!("dim[0] is {axes}: must be 1 to 7")]);
    }
    refused_header(|h| h.dim[3] = -4, &["dim[3] is -4: every dimension must be at least 1"]);
    refused_header(|h| h.dim[1] = 0, &["dim[1] is 0: every dimension"]);
    accepted_header(|h| h.dim = [4, 4, 3, 2, 0, 1, 1, 1], "dim[4] is 0: taken as 1");
    refused_header(|h| h.dim = [6, 4, 3, 2, 1, 1, 2, 1], &["dim[6] is 2: axes beyond the fifth"]);
    refused_header(|h| h.dim = [5, 32767, 32767, 32767, 32767, 32767, 1, 1], &["dim is 32767×32767", "addressed"]);
    refused_header(|h| h.dim = [7, 32767, 32767, 32767, 32767, 32767, 32767, 32767], &["dim[6] is 32767"]);
    refused_header(|h| h.dim[1] = 32767, &["dim is 32767×3×2 (int16)", "ends after 400"]);
    accepted_header(|h| h.dim = [7, 4, 3, 2, 1, 1, 1, 1], "");
    accepted_header(|h| h.dim[4] = -7, "");
}

#[test]
fn rows_5_and_6_types() {
    accepted_header(|h| h.bitpix = 32, "bitpix is 32, but datatype has 16 bits");
    for (code, text) in
        [(0, "\"unknown\""), (1, "binary"), (255, "not the number of a NIfTI data type"), (1536, "float128")]
    {
        refused_header(|h| h.datatype = code, &[&format!("datatype is {code}: "), text]);
    }
    for (code, text) in [(32, "complex64"), (1792, "complex128 "), (2048, "complex256")] {
        refused_header(|h| h.datatype = code, &[&format!("datatype is {code}: "), text]);
    }
}

#[test]
fn rows_7_and_8_offset() {
    for (value, fragments) in [
        (f64::NAN, ["vox_offset is NaN", "whole number"]),
        (f64::INFINITY, ["vox_offset is inf", "whole number"]),
        (-1.0, ["vox_offset is -1.0", "whole number"]),
        (1e30, ["vox_offset is 1e30", "has 400 bytes"]),
        (352.5, ["vox_offset is 352.5", "whole number"]),
        (100.0, ["vox_offset is 100.0", "must be at least 352"]),
        (401.0, ["vox_offset is 401.0", "has 400 bytes"]),
        (353.0, ["dim is 4×3×2", "ends after 400"]),
    ] {
        refused_header(|h| h.vox_offset = value, &fragments);
    }
    accepted_header(|h| h.vox_offset = 0.0, "vox_offset is 0: voxels are read from byte 352 on");
    let mut late = changed(1, |h| h.vox_offset = 400.0);
    let voxels = late.split_off(352);
    late.resize(400, 0);
    accepted("brain.nii", &[late, voxels].concat(), "");
    let two = changed(2, |h| h.vox_offset = -16.0);
    refused("brain.nii", &two, &["vox_offset is -16.0", "whole number"]);
    refused("brain.nii.gz", &gz(&changed(1, |h| h.vox_offset = 1e30)), &["vox_offset is 1e30", "past the end"]);
}

/// Bytes 348 to 351 are the flag of extensions, which ITK and MRtrix take for voxels; nibabel refuses such files.
#[test]
fn offsets_before_the_end_of_the_extension_flag() {
    for version in [1, 2] {
        let length = good(version).len() - 52;
        let with = |offset: usize, flag: u8, gap: usize| {
            let bytes = changed(version, |h| h.vox_offset = offset as f64);
            [&bytes[..length], &[flag, 0, 0, 0][..gap], &bytes[length + 4..]].concat()
        };
        let least = format!("must be at least {}", length + 4);
        for offset in [length - 4, length, length + 2, length + 3] {
            for name in ["brain.nii", "brain.nii.gz"] {
                let bytes = with(offset, 0, 4);
                let bytes = if name == "brain.nii" { bytes } else { gz(&bytes) };
                refused(name, &bytes, &[&format!("vox_offset is {offset}"), &least]);
            }
        }
        refused("brain.nii", &[with(length, 0, 0), vec![0; 3]].concat(), &[&least]);
        refused("brain.nii.gz", &gz(&with(length, 0, 0)), &[&least]);
        let loaded = accepted("brain.nii", &with(length, 0, 0), &format!("vox_offset is {length}: no room"));
        assert_eq!((loaded.volume.voxels().get(0), loaded.volume.voxels().get(1)), (0.0, 1.0));
        accepted("brain.nii", &with(0, 0, 4), &format!("voxels are read from byte {} on", length + 4));
        refused("brain.nii", &with(0, 0, 0), &["the voxels need 48 bytes"]);
        refused("brain.nii", &with(0, 1, 4), &["vox_offset is 0", "has header extensions"]);
    }
}

#[test]
fn row_9_extensions() {
    for size in [0i32, 7, -16, i32::MIN] {
        let mut bytes = changed(1, |h| h.vox_offset = 384.0);
        let voxels = bytes.split_off(352);
        bytes[348] = 1;
        bytes.extend(size.to_le_bytes());
        bytes.extend([6; 28]);
        let loaded = accepted("brain.nii", &[bytes, voxels].concat(), &format!("extension[0].esize is {size}"));
        assert!(loaded.info.facts.extensions.is_empty());
    }
}

#[test]
fn row_10_voxel_sizes() {
    let qform = |h: &mut Header| h.sform_code = 0;
    for (value, fragments) in [
        (0.0, ["pixdim[2] is 0.0", "positive"]),
        (f64::NAN, ["pixdim[2] is NaN", "finite"]),
        (-1.5, ["pixdim[2] is -1.5", "positive"]),
        (1e-40, ["pixdim[2] is 1e-40", "too small"]),
    ] {
        for q in [0, 1] {
            refused_header(
                |h| {
                    qform(h);
                    h.qform_code = q;
                    h.pixdim[2] = value;
                },
                &fragments,
            );
        }
        // The sform does not need it; that the qform is out of use is said.
        accepted_header(|h| h.pixdim[2] = value, "the qform cannot be used (pixdim[2] is");
    }
    let flat = |h: &mut Header| {
        qform(h);
        h.dim = [3, 8, 3, 1, 1, 1, 1, 1];
        h.pixdim[3] = 0.0;
    };
    accepted_header(flat, "pixdim[3] is 0.0: taken as 1, as the axis has one voxel");
}

#[test]
fn row_11_qfac() {
    let with = |qfac: f64| {
        move |h: &mut Header| {
            h.sform_code = 0;
            h.pixdim[0] = qfac;
        }
    };
    let right = accepted_header(with(1.0), "").info.grid;
    assert_eq!(accepted_header(with(0.0), "").info.grid, right);
    assert_eq!(accepted_header(with(2.0), "pixdim[0] (qfac) is 2.0: taken as 1").info.grid, right);
    assert_eq!(accepted_header(with(f64::NAN), "pixdim[0] (qfac) is NaN: taken as 1").info.grid, right);
    assert!(accepted_header(with(-1.0), "").info.grid.affine().determinant() < 0.0);
}

#[test]
fn row_12_quaternion() {
    let with = |quatern: [f64; 3]| {
        move |h: &mut Header| {
            h.sform_code = 0;
            h.quatern = quatern;
        }
    };
    accepted_header(with([0.0, 0.0, 1.000_000_1]), "");
    refused_header(with([0.9, 0.8, 0.1]), &["quatern_b, quatern_c, quatern_d is (0.9, 0.8, 0.1)", "above 1"]);
    refused_header(with([f64::NAN, 0.0, 0.0]), &["quatern_d is (NaN, 0.0, 0.0)", "finite"]);
    accepted_header(|h| h.quatern = [0.9, 0.8, 0.1], "the qform cannot be used (quatern_b");
    let far = |h: &mut Header| {
        h.sform_code = 0;
        h.qoffset[1] = f64::INFINITY;
    };
    refused_header(far, &["qoffset_z is (-80.25, inf, 12.125)", "finite"]);
}

#[test]
fn row_13_sform() {
    let zero = |h: &mut Header| h.srow = [[0.0; 4]; 3];
    let flat = |h: &mut Header| h.srow[1] = h.srow[0];
    let nan = |h: &mut Header| h.srow[2][1] = f64::NAN;
    type Change<'a> = (&'a dyn Fn(&mut Header), &'a str, &'a str);
    let changes: [Change<'_>; 3] = [
        (&zero, "srow_x, srow_y, srow_z is (0.0, 0.0", "singular"),
        (&flat, "srow_x, srow_y, srow_z is (", "singular"),
        (&nan, "srow_z is (", "finite"),
    ];
    let by_qform = accepted_header(|h| h.sform_code = 0, "").info.grid;
    for (change, value, problem) in changes {
        let loaded = accepted_header(change, &format!("the sform cannot be used ({value}"));
        assert_eq!(loaded.info.grid, by_qform);
        for (q, more) in [(0, ""), (1, "quatern_b")] {
            let both = |h: &mut Header| {
                change(h);
                h.qform_code = q;
                h.quatern[0] = 3.0;
            };
            refused_header(both, &[value, problem, more]);
        }
    }
    let sheared = |h: &mut Header| {
        h.srow = [[1., 0.3, 0., 1.], [0., 1., 0., 2.], [0., 0., 1., 3.]];
        h.qform_code = 0;
    };
    assert!(
        accepted_header(sheared, "voxel sizes disagree (pixdim (2.0, 1.5, 3.0), sform (1.0, 1.044")
            .info
            .grid
            .affine()
            .shear()
            > 0.2
    );
    let mirrored = |h: &mut Header| {
        h.srow = [[-1., 0., 0., 1.], [0., 1., 0., 2.], [0., 0., 1., 3.]];
        h.qform_code = 0;
    };
    assert!(accepted_header(mirrored, "voxel sizes disagree").info.grid.affine().determinant() < 0.0);
}

#[test]
fn row_14_scaling() {
    let remarks = |slope: f64, intercept: f64| -> Vec<String> {
        let change = |h: &mut Header| (h.scl_slope, h.scl_inter) = (slope, intercept);
        let Loaded { volume, info } = outcome("brain.nii", &changed(1, change)).unwrap();
        assert_eq!((volume.dtype(), volume.voxels().get(23)), (Dtype::I16, 23.0));
        info.warnings.iter().map(ToString::to_string).collect()
    };
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    // nibabel writes NaN and NaN where there is no scaling.
    for (slope, intercept) in [(0.0, 0.0), (0.0, nan), (nan, 0.0), (nan, nan), (nan, inf)] {
        assert_eq!(remarks(slope, intercept), [""; 0]);
    }
    for intercept in [0.0, nan, inf] {
        assert_eq!(remarks(inf, intercept), ["scl_slope is inf: not applied, the voxels are used as stored"]);
        assert!(remarks(-inf, intercept)[0].starts_with("scl_slope is -inf: not applied"));
    }
    // nibabel takes the stored values, ITK adds the intercept.
    for slope in [0.0, nan] {
        let remarks = remarks(slope, 5.0);
        assert!(remarks.len() == 1 && remarks[0].starts_with("scl_inter is 5.0: not applied"), "{remarks:?}");
    }
    assert_eq!(remarks(inf, 5.0).len(), 2);
    for (slope, intercept, field) in [(1.0, inf, "scl_inter is inf"), (2.0, nan, "scl_inter is NaN")] {
        refused_header(|h| (h.scl_slope, h.scl_inter) = (slope, intercept), &[field, "finite"]);
    }
    let loaded = accepted_header(
        |h| {
            h.scl_slope = 2.0;
            h.scl_inter = -23.0;
        },
        "",
    );
    assert_eq!((loaded.info.stored, loaded.info.dtype), (Dtype::I16, Dtype::F32));
}

#[test]
fn rows_15_and_16_transforms() {
    let turned = |h: &mut Header| h.quatern[2] += 0.2;
    accepted_header(turned, "sform and qform disagree by up to");
    let none = |h: &mut Header| {
        h.sform_code = 0;
        h.qform_code = 0;
    };
    accepted_header(none, "neither sform nor qform is set");
    accepted_header(|h| h.sform_code = 99, "sform_code is 99: the standard has 0 to 5; taken as set");
    accepted_header(|h| h.qform_code = -3, "qform_code is -3: the standard has 0 to 5; taken as 0");
    accepted_header(|h| h.xyzt_units = 7, "xyzt_units is 7");
}

#[test]
fn rows_17_and_19_gzip() {
    let (raw, whole) = (good(1), gz(&good(1)));
    accepted("brain.nii.gz", &whole, "");
    accepted("brain.nii", &whole, "");
    accepted("brain.nii.gz", &raw, "");
    for cut in [whole.len() - 1, whole.len() - 9, whole.len() / 2] {
        refused("brain.nii.gz", &whole[..cut], &["truncated"]);
    }
    refused("brain.nii.gz", &whole[..5], &["truncated: it decodes to 0 of 348 bytes"]);
    refused("brain.nii.gz", &whole[..40], &["truncated", "of 348 bytes"]);
    let damage = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        bytes
    };
    refused("brain.nii.gz", &damage(whole.len() - 6), &["checksum"]);
    accepted("brain.nii.gz", &[gz(&raw[..200]), gz(&raw[200..]), gz(&[])].concat(), "");
    accepted("brain.nii.gz", &[&whole[..], b"junk"].concat(), "4 bytes after the end of the gzip stream");
    accepted("brain.nii.gz", &gz(&[&raw[..], &[0; 7]].concat()), "7 bytes after the voxels");
    accepted("brain.nii", &[&raw[..], &[0; 7]].concat(), "7 bytes after the voxels");
    refused("brain.nii.gz", &gz(&raw[..390]), &["decodes to 390 bytes, but the header requires 400"]);
}

#[test]
fn row_18_bombs() {
    // A small file that claims much: refused before anything is allocated.
    let claim = gz(&changed(1, |h| h.dim[1..4].copy_from_slice(&[32767, 32767, 20])));
    refused("brain.nii.gz", &claim, &["compressed bytes decode to at most", "are needed"]);
    // A file that decodes to much more than it claims: what is too much is not kept.
    let bomb = gz(&[good(1), vec![0; 200 << 20]].concat());
    assert!(bomb.len() < 1 << 20);
    let loaded = outcome("brain.nii.gz", &bomb).unwrap();
    assert!(loaded.info.warnings[0].to_string().contains("bytes after the voxels"));
    // One that keeps its promise is bounded by the limit.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("brain.nii.gz");
    let promise = changed(1, |h| h.dim[1..4].copy_from_slice(&[4096, 4096, 6]));
    std::fs::write(&path, gz(&[promise, vec![0; (192 << 20) + 352]].concat())).unwrap();
    let error = crate::read_with(
        &path,
        Kind::Image,
        &ReadOptions { limits: Limits { max_volume: 100 << 20, ..Limits::default() }, ..Default::default() },
    )
    .unwrap_err();
    assert!(matches!(error, ReadError::Limit { limit: 104_857_600, .. }), "{error}");
}

#[test]
fn row_20_lone_halves() {
    let lone = changed(1, |h| h.magic = Magic::Pair);
    refused("brain.nii", &lone, &["magic is \"ni1\"", ".hdr/.img pair"]);
    refused("brain.hdr", &lone, &["brain.img, is missing"]);
    refused("brain.img", &[0; 400], &["brain.hdr, is missing"]);
    accepted("brain.hdr", &good(1), "");
}

#[test]
fn rows_21_and_22_big_endian_and_version_2() {
    accepted_header(|h| h.order = Order::Big, "");
    accepted("brain.nii", &changed(2, |h| h.order = Order::Big), "");
    let with = |n: i64| changed(2, move |h| h.dim[2] = n);
    refused("brain.nii", &with(1 << 62), &["dim is 4×4611686018427387904×2 (int16)", "addressed"]);
    refused("brain.nii", &with(i64::MIN), &["dim[2] is -9223372036854775808"]);
    refused("brain.nii", &with(1 << 40), &["ends after 592"]);
    let mut damaged = good(2);
    damaged[8] = b'\n';
    refused("brain.nii", &damaged, &["magic is \"n+2\\x00\\n\\n\\x1a\\n\"", "transfer in text mode"]);
    assert_eq!(Header::parse(&good(2), 0).unwrap().version, Version::Two);
}

#[test]
fn folders_and_missing_files() {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str| crate::info(folder.path().join(name)).unwrap_err().to_string();
    // A folder may be a DICOM series; this one holds nothing.
    assert!(text("").contains("DICOM"), "{}", text(""));
    #[cfg(unix)]
    assert!(crate::info("/dev/null").unwrap_err().to_string().ends_with("not a regular file"));
    assert!(text("none.nii").contains("none.nii: "));
}
