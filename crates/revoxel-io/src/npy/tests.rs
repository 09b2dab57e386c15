//! Tests against files that numpy wrote (`fixtures/make.py`), and against hostile ones.

use std::path::PathBuf;

use revoxel_core::{Dtype, Voxels, dispatch_dtype};

use super::{Tensor, head, npz_names, preamble, read, read_npy, read_npz, write_npy};
use crate::Limits;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn limits() -> Limits {
    Limits::default()
}

/// 0, 1, 2, … 23 in shape 2×3×4.
fn cube(dtype: Dtype) -> Tensor {
    let voxels: Voxels = dispatch_dtype!(dtype, T => (0..24u8).map(|v| v as T).collect::<Vec<T>>().into());
    Tensor { shape: vec![2, 3, 4], voxels }
}

#[test]
fn files_of_numpy() {
    fn t(name: &str, expected: &Tensor) {
        assert_eq!(read(fixture(name), &limits()).unwrap(), *expected, "{name}");
        let head = head(fixture(name)).unwrap();
        assert_eq!((&head.shape, head.dtype), (&expected.shape, expected.voxels.dtype()), "{name}");
    }
    for version in ["version1.npy", "version2.npy", "version3.npy"] {
        t(version, &cube(Dtype::U16));
    }
    t("fortran_big.npy", &cube(Dtype::I32));
    t("half.npy", &cube(Dtype::F32));
    t("half_big_fortran.npy", &cube(Dtype::F32));
    t("bool.npy", &Tensor { shape: vec![3], voxels: vec![1u8, 0, 1].into() });
    t("scalar.npy", &Tensor { shape: vec![], voxels: vec![2.5f64].into() });
    t("empty.npy", &Tensor { shape: vec![0, 3], voxels: Vec::<f32>::from([]).into() });
    t("deflated.npz", &cube(Dtype::F64));
    assert_eq!(npz_names(fixture("stored.npz")).unwrap(), ["logits", "labels"]);
    assert_eq!(read_npz(fixture("stored.npz"), Some("logits"), &limits()).unwrap(), cube(Dtype::F32));
    assert_eq!(read_npz(fixture("stored.npz"), Some("labels.npy"), &limits()).unwrap(), cube(Dtype::U8));
}

#[test]
fn every_type_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    for dtype in Dtype::ALL {
        write_npy(&path, &cube(dtype)).unwrap();
        assert_eq!(read_npy(&path, &limits()).unwrap(), cube(dtype));
    }
    for shape in [vec![], vec![1], vec![1; 30_000]] {
        let tensor = Tensor { shape, voxels: vec![7i16].into() };
        write_npy(&path, &tensor).unwrap();
        assert_eq!(read_npy(&path, &limits()).unwrap(), tensor);
        assert_eq!(preamble::encode(&tensor.shape, Dtype::I16).len() % 64, 0);
    }
    let wrong = Tensor { shape: vec![2, 2], voxels: vec![0u8; 3].into() };
    let error = write_npy(&path, &wrong).unwrap_err().to_string();
    assert!(error.ends_with("a.npy: shape is [2, 2]: does not match 3 values"), "{error}");
}

#[test]
fn what_is_no_tensor_is_refused() {
    fn t(name: &str, bytes: Option<&[u8]>, fragment: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = match bytes {
            Some(bytes) => {
                let path = folder.path().join(name);
                std::fs::write(&path, bytes).unwrap();
                path
            }
            None => fixture(name),
        };
        let error = read(&path, &limits()).unwrap_err().to_string();
        assert!(error.starts_with(&path.display().to_string()) && error.contains(fragment), "{error}");
    }
    t("complex.npy", None, "descr is \"<c8\": complex numbers");
    t("object.npy", None, "Python objects");
    t("structured.npy", None, "structured elements");
    t("text.npy", None, "text");
    t("stored.npz", None, "name one");
    let good = std::fs::read(fixture("version1.npy")).unwrap();
    t("a.npy", Some(&[]), "does not start with");
    t("a.npy", Some(b"NUMPY and more"), "does not start with");
    t("a.npy", Some(&[&good[..6], &[9, 0], &good[8..]].concat()), "version is 9.0");
    t("a.npy", Some(&[&good[..8], &[255, 255], &good[10..]].concat()), "header length is 65535");
    t("a.npy", Some(&good[..good.len() - 1]), "needs 48 bytes, but 47 follow");
    let with = |header: &str| {
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        [b"\x93NUMPY\x01\0", &length[..], header.as_bytes()].concat()
    };
    let shaped = |shape: &str| with(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"));
    t("a.npy", Some(&shaped("(9223372036854775807, 9)")), "addressed");
    t("a.npy", Some(&shaped("(1000000000, 100)")), "needs 400000000000 bytes, but 0 follow");
    t("a.npy", Some(&shaped("(-1,)")), "not a dictionary");
    t("a.npy", Some(&with("{'descr': '<f4'}")), "not a dictionary");
    t("a.npy", Some(&with("{'descr': '<f16', 'fortran_order': False, 'shape': ()}")), "longdouble");
}

#[test]
fn a_header_that_promises_too_much_is_seen_without_the_values() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("short.npy");
    write_npy(&path, &cube(Dtype::F32)).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(head(&path).unwrap_err().to_string(), read(&path, &limits()).unwrap_err().to_string());
    assert!(head(fixture("stored.npz")).is_err(), "which of two arrays?");
}

#[test]
fn arrays_are_no_volumes() {
    for name in ["version1.npy", "stored.npz"] {
        let error = crate::read(fixture(name), revoxel_core::Kind::Image).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn archives_that_lie() {
    let missing = read_npz(fixture("stored.npz"), Some("x"), &limits()).unwrap_err().to_string();
    assert!(missing.contains("no array is named \"x\"; available: [\"logits\", \"labels\"]"), "{missing}");
    let small = Limits { max_volume: 100, ..Limits::default() };
    let limited = read_npz(fixture("deflated.npz"), None, &small).unwrap_err().to_string();
    assert!(limited.contains("needs 192 bytes, more than the limit of 100: raise the limit"), "{limited}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let good = std::fs::read(fixture("stored.npz")).unwrap();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x5a;
        std::fs::write(&path, &bytes).unwrap();
        for name in ["logits", "labels"] {
            // Either an error, or the damage was elsewhere.
            if let Ok(tensor) = read_npz(&path, Some(name), &limits()) {
                assert_eq!(tensor.shape.iter().product::<usize>(), tensor.voxels.len());
            }
        }
        std::fs::write(&path, &good[..at]).unwrap();
        assert!(npz_names(&path).is_err());
    }
}
