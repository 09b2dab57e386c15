//! Real scans, where they are at hand.

use revoxel_core::{Kind, Volume};

use crate::support::{Place, real_data, root, values};

/// The 2 mm average brain and a label map of it: head, brain, and what is bright.
fn brain(place: &Place) -> Option<Volume> {
    let image = revoxel_io::read(real_data()?.join("nifti/avg152T1_LR_nifti.nii.gz"), Kind::Image).unwrap().volume;
    let labels: Vec<u8> = values(&image).into_iter().map(|v| u8::from(v > 20.0) + u8::from(v > 90.0)).collect();
    let label = Volume::new(labels.into(), *image.grid(), Kind::Label, 1).unwrap();
    place.volume("data/b/t1.nii.gz", &image);
    place.volume("data/b/label.nii.gz", &label);
    Some(label)
}

#[test]
fn a_real_brain_goes_through_the_shipped_pipeline_and_its_label_comes_back() {
    let place = Place::new();
    let Some(label) = brain(&place) else { return };
    let pipeline = root().join("pipelines/brain-t1-1mm.yaml").to_string_lossy().into_owned();
    place.revoxel(&["run", &pipeline, "--data", "data", "--out", "out", "--set", "vars.spacing=3"]).good();
    place
        .revoxel(&["invert", "out/b/trace.json", "out/b/label.nii.gz", "-o", "back.nii.gz", "--interpolation", "label"])
        .good();
    let compared = place.revoxel(&["compare", "back.nii.gz", "data/b/label.nii.gz", "--json"]).told(1).json();
    assert_eq!(compared["geometry"], "identical");
    println!("2 mm -> 3 mm -> 2 mm: Dice {}", compared["values"]["dice"]);
    // A round trip through coarser voxels: 1.5 times the size along each axis.
    let dice = |label: &str| compared["values"]["dice"][label].as_f64().unwrap();
    assert!(dice("1") > 0.85 && dice("2") > 0.9, "{compared}");
    assert_eq!(place.read("back.nii.gz", Kind::Label).grid(), label.grid());
}

#[test]
fn a_real_brain_comes_back_bit_for_bit_through_exact_steps() {
    let place = Place::new();
    let Some(label) = brain(&place) else { return };
    let pipeline = "version: 1\ninputs:\n  label: { kind: label, path: '{case}/label.nii.gz' }\nsteps:\n  \
                    - orientation: { axcodes: PIL }\n  - crop_foreground: { source: label, nonzero: true }\n  \
                    - rotate90: { k: 3, spatial_axes: [0, 2] }\n  - resize_with_pad_or_crop: { spatial_size: [200, 128, 160] }\n\
                    outputs:\n  label: { path: '{case}.nii.gz' }\ntrace: '{case}.json'\n";
    place.text("p.yaml", pipeline);
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    place.revoxel(&["invert", "out/b.json", "out/b.nii.gz", "-o", "back.nii.gz"]).good();
    let back = place.read("back.nii.gz", Kind::Label);
    assert_eq!((back.grid(), back.voxels()), (label.grid(), label.voxels()));
}
