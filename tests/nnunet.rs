//! Plans of nnU-Net imported, run and inverted, against what nnU-Net answered: `xtask/nnunet/check.py --record`.

use revoxel_core::{Kind, Voxel, Voxels, dispatch};
use revoxel_io::Limits;
use revoxel_io::npy::read_npz;
use serde_json::Value;

use crate::support::{Place, root, values};

/// A recorded array: its shape, slowest axis first, and its values.
fn array(case: &str, file: &str, name: &str) -> (Vec<usize>, Vec<f64>) {
    let path = root().join("tests/fixtures/nnunet").join(case).join(file);
    let tensor = read_npz(path, Some(name), &Limits::default()).unwrap();
    (tensor.shape, dispatch!(&tensor.voxels, v => v.iter().map(|x| x.to_f64()).collect()))
}

fn copied(place: &Place, from: &str) {
    let from = root().join("tests/fixtures/nnunet").join(from);
    for folder in ["imagesTr", "labelsTr", "."] {
        std::fs::create_dir_all(place.path(folder)).unwrap();
        for entry in std::fs::read_dir(from.join(folder)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), place.path(folder).join(entry.file_name())).unwrap();
            }
        }
    }
}

/// Imports, runs, inverts and compares; `channels` images.
fn agrees(case: &str, channels: usize) {
    let place = Place::new();
    copied(&place, case);
    place.revoxel(&["import", "nnunet", "plans.json", "dataset.json", "-o", "p.yaml"]).good();
    let pipeline = std::fs::read_to_string(place.path("p.yaml")).unwrap();
    assert!(pipeline.contains("optional: true, labels: { background: 0, "), "{pipeline}");
    place.revoxel(&["run", "p.yaml", "--data", ".", "--out", "out"]).good();
    let (shape, expected) = array(case, "expected.npz", "data");
    let size = expected.len() / channels;
    for (channel, expected) in expected.chunks(size).enumerate() {
        let image = place.read(&format!("out/images/case_{channel:04}.nii.gz"), Kind::Image);
        let [x, y, z] = image.grid().shape();
        assert_eq!(shape, [channels, z, y, x], "{case}");
        let (low, high) = expected.iter().fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
        let found = values(&image);
        let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst <= 1e-5 * (high - low), "{case} {channel}: {worst} of {}", high - low);
    }
    let label = place.read("out/labels/case.nii.gz", Kind::Label);
    let (_, seg) = array(case, "expected.npz", "seg");
    assert_eq!(values(&label), seg, "{case}");
    let (_, logits) = array(case, "logits.npz", "logits");
    assert!(logits.len() > size);
    let logits = root().join("tests/fixtures/nnunet").join(case).join("logits.npz");
    let logits = logits.to_string_lossy();
    place.revoxel(&["invert", "out/traces/case.json", &logits, "--axes", "czyx", "--out", "back"]).good();
    let (ours, theirs) =
        (place.read("back/segmentations/case.nii.gz", Kind::Label), place.read("exported.nii.gz", Kind::Label));
    let relation = revoxel_core::Relation::between(ours.grid(), theirs.grid());
    assert!(relation.agrees(), "{case}: {relation}");
    assert_eq!(values(&ours), values(&theirs), "{case}");
    // Not all of it is one label.
    assert!([0.0, 1.0, 2.0].iter().all(|label| values(&ours).contains(label)), "{case}");
}

#[test]
fn thick_slices_and_a_mask() {
    agrees("thick", 1);
}

#[test]
fn turned_axes_and_regions() {
    agrees("turned", 1);
}

#[test]
fn two_channels() {
    agrees("two", 2);
}

/// nnU-Net crops nothing where all is 0, and labels outside of what is not 0 are −1: its answer for these files is a
/// volume of zeros and a segmentation with these numbers of voxels.
#[test]
fn an_image_of_zeros() {
    let place = Place::new();
    copied(&place, "thick");
    let image = place.read("imagesTr/case_0000.nii.gz", Kind::Image);
    let zeros: Voxels = vec![0.0_f32; values(&image).len()].into();
    place.volume("imagesTr/case_0000.nii.gz", &image.with_voxels(zeros).unwrap());
    place.revoxel(&["import", "nnunet", "plans.json", "dataset.json", "-o", "p.yaml"]).good();
    place.revoxel(&["run", "p.yaml", "--data", ".", "--out", "out"]).good();
    let image = place.read("out/images/case_0000.nii.gz", Kind::Image);
    assert_eq!(image.grid().shape(), [17, 18, 12]);
    assert!(values(&image).iter().all(|v| *v == 0.0));
    let label = values(&place.read("out/labels/case.nii.gz", Kind::Label));
    let count = |wanted: f64| label.iter().filter(|v| **v == wanted).count();
    assert_eq!([-1.0, 1.0, 2.0].map(count), [1086, 985, 1601]);
}

#[test]
fn a_fault_is_said_of_the_file_that_it_is_in() {
    let place = Place::new();
    copied(&place, "thick");
    let t = |dataset: &str, says: &str| {
        place.text("dataset.json", dataset);
        let said = place.revoxel(&["import", "nnunet", "plans.json", "dataset.json", "-o", "p.yaml"]);
        let text = said.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.code == 2 && text.contains(says) && !text.contains("plans.json"), "{text}");
        assert!(!place.path("p.yaml").exists());
    };
    t("{}", "dataset.json: labels: missing");
    t(r#"{ "labels": { "0": "background" } }"#, "dataset.json: labels.0: \"background\": expected a whole number");
    t(
        r#"{ "labels": { "background": 0 }, "file_ending": ".gipl" }"#,
        "dataset.json: file_ending: \".gipl\" cannot be written: convert the files to .nii.gz",
    );
}

/// nnU-Net draws labelled voxels at random, so its own numbers have noise.
fn fingerprint(name: &str) {
    let folder = root().join("tests/fixtures/nnunet").join(format!("fingerprint_{name}"));
    let expected: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("expected.json")).unwrap()).unwrap();
    let folder = folder.to_string_lossy();
    let place = Place::new();
    let found = place.revoxel(&["fingerprint", &folder, "--json"]).good().json();
    assert_eq!(found["shapes_after_crop"], expected["shapes_after_crop"]);
    fn numbers(value: &Value) -> Vec<f64> {
        match value {
            Value::Array(list) => list.iter().flat_map(numbers).collect(),
            other => vec![other.as_f64().unwrap()],
        }
    }
    for key in ["spacings", "target_spacing", "median_relative_size_after_cropping"] {
        let (a, b) = (numbers(&found[key]), numbers(&expected[key]));
        assert!(a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-6 * b), "{key}: {a:?} {b:?}");
    }
    let key = "foreground_intensity_properties_per_channel";
    for channel in ["0", "1"] {
        let known = expected[key][channel].as_object().unwrap();
        let range = known["max"].as_f64().unwrap() - known["min"].as_f64().unwrap();
        assert_eq!(known.len(), 7);
        for (name, value) in known {
            let (a, b) = (found[key][channel][name].as_f64().unwrap(), value.as_f64().unwrap());
            assert!((a - b).abs() < 2e-3 * range, "{channel} {name}: {a} {b}");
        }
    }
}

#[test]
fn fingerprint_of_even_spacings() {
    fingerprint("even");
}

#[test]
fn fingerprint_of_thick_slices() {
    fingerprint("uneven");
}
