//! All formats through the program: converted, planned, run and inverted, with the geometry intact.

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Dtype, Grid, Kind, Relation, Volume};
use revoxel_io::{ReadOptions, SlicePolicy};

use crate::support::{Place, real_data, values};

/// Oblique, mirrored and anisotropic, in numbers that single precision holds.
fn grid() -> Grid {
    let rows = [[0.25, -1.5, 0.5, 12.5], [-1.25, -0.25, 0.0, -30.0], [0.0, 0.25, 2.5, 40.25]];
    Grid::new([9, 7, 5], Affine::from_rows(rows)).unwrap()
}

#[test]
fn volumes_keep_place_and_voxels_from_any_format_to_any_other() {
    let names = ["a.nii", "a.nii.gz", "a.hdr", "a.nrrd", "a.nhdr", "a.mha", "a.mhd"];
    for (number, dtype) in [Dtype::U8, Dtype::I16, Dtype::I32, Dtype::F32, Dtype::F64].into_iter().enumerate() {
        let place = Place::new();
        let volume = Draw::new(number as u64).volume(grid(), Kind::Image, 1).cast(dtype);
        place.volume("source.nii.gz", &volume);
        let mut last = "source.nii.gz".to_owned();
        for (step, name) in names.iter().cycle().take(2 * names.len()).enumerate() {
            let next = format!("{step}-{name}");
            place.revoxel(&["convert", &last, &next]).good();
            let read = place.read(&next, Kind::Image);
            assert_eq!((read.dtype(), values(&read)), (dtype, values(&volume)), "{last} -> {next}");
            let relation = Relation::between(read.grid(), volume.grid());
            assert!(relation.worst_corner_mm < 1e-6, "{last} -> {next}: {relation}");
            last = next;
        }
    }
}

#[test]
fn pipelines_read_and_write_any_format() {
    let place = Place::new();
    let mut draw = Draw::new(4);
    let (image, label) = (draw.volume(grid(), Kind::Image, 1), draw.volume(grid(), Kind::Label, 1));
    place.volume("data/a/ct.nrrd", &image);
    place.volume("data/a/seg.mha", &label);
    let text = "version: 1\ninputs:\n  image: { kind: image, path: '{case}/ct.nrrd' }\n  label: { kind: label, path: '{case}/seg.mha' }\n\
                steps:\n  - orientation: { axcodes: PIR }\n  - divisible_pad: { k: 4 }\n\
                outputs:\n  image: { path: '{case}.mhd' }\n  label: { path: '{case}.nrrd' }\ntrace: '{case}.json'\n";
    place.text("p.yaml", text);
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    place.revoxel(&["invert", "out/a.json", "out/a.nrrd", "-o", "back.nii.gz"]).good();
    let back = place.read("back.nii.gz", Kind::Label);
    assert_eq!(values(&back), values(&label));
    assert!(Relation::between(back.grid(), label.grid()).worst_corner_mm < 1e-6);
    for name in ["data/a/ct.nrrd", "data/a/seg.mha", "out/a.mhd", "out/a.nrrd"] {
        assert!(place.revoxel(&["info", name, "--json"]).good().json()[0]["grid"]["shape"].is_array(), "{name}");
    }
    let compared = place.revoxel(&["compare", "back.nii.gz", "data/a/seg.mha", "--json"]).good().json();
    assert_eq!(compared["values"]["different"], 0);
    assert_eq!(
        place.revoxel(&["measure", "data/a/seg.mha", "--json"]).good().json()["labels"].as_array().unwrap().len(),
        4
    );
}

#[test]
fn a_tilted_uneven_ct_is_diagnosed_evened_out_and_inverted_onto_its_slices() {
    let Some(data) = real_data() else { return };
    let folder = data.join("dicom/ct_ge_tilt_irregular");
    let folder = folder.to_str().unwrap();
    let place = Place::new();
    let said = place.revoxel(&["info", folder]).good().out;
    for part in ["28 slices", "18.50°", "4.0019", "1.0811", "6.9986"] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    place.revoxel(&["convert", folder, "x.nii.gz"]).bad(2, &["6.9986", "4.0019"]);
    assert!(!place.path("x.nii.gz").exists());
    place.revoxel(&["convert", folder, "even.nii.gz", "--slices", "regularize"]).good();
    assert!(place.read("even.nii.gz", Kind::Image).grid().affine().shear() < 1e-6);

    // A mask drawn on the slices: the head (and what holds it), and bone.
    let options = ReadOptions { slices: SlicePolicy::Regularize, ..ReadOptions::default() };
    let scan = revoxel_io::read_with(folder, Kind::Image, &options).unwrap();
    let hounsfield = values(&scan.volume);
    let drawn: Vec<u8> = hounsfield.iter().map(|v| u8::from(*v > -300.0) + u8::from(*v > 200.0)).collect();
    let native = *scan.volume.grid();
    let mask = Volume::new(drawn.clone().into(), native, Kind::Label, 1).unwrap();

    // The scan through a pipeline; the mask the same way, as a network would see it.
    let text = "version: 1\ninputs:\n  image: { kind: image, path: '{case}', slices: regularize }\nsteps:\n  \
         - orientation: { axcodes: RAS }\n  - crop_foreground: { source: image, above: -700, margin: 4 }\n\
         outputs:\n  image: { path: '{case}.nii.gz' }\ntrace: '{case}.json'\n";
    place.text("p.yaml", text);
    let parent = data.join("dicom");
    let run = ["run", "p.yaml", "--data", parent.to_str().unwrap(), "--out", "out", "--case", "ct_ge_tilt_irregular"];
    place.revoxel(&run).good();
    let trace_text = std::fs::read_to_string(place.path("out/ct_ge_tilt_irregular.json")).unwrap();
    let trace = revoxel_invert::Trace::from_json(&trace_text).unwrap();
    let mut prediction = mask;
    for step in trace.steps("image").unwrap() {
        let mut pass = revoxel_core::Sampling::identity(*prediction.grid());
        pass.push(step.op()).unwrap();
        let how = revoxel_resample::How::filled(revoxel_resample::Interpolation::Label, vec![0.0]);
        prediction = revoxel_resample::execute(&prediction, &pass, &how).unwrap();
    }
    place.volume("prediction.nii.gz", &prediction);
    let arguments = [
        "invert",
        "out/ct_ge_tilt_irregular.json",
        "prediction.nii.gz",
        "-o",
        "back.nii.gz",
        "--interpolation",
        "label",
    ];
    place.revoxel(&arguments).good();
    let back = values(&place.read("back.nii.gz", Kind::Label));
    assert_eq!(back.len(), drawn.len());
    let plane = native.shape()[0] * native.shape()[1];
    let mut worst = 1.0f64;
    for (k, (before, after)) in drawn.chunks(plane).zip(back.chunks(plane)).enumerate() {
        let count = |f: &dyn Fn(usize) -> bool| (0..plane).filter(|i| f(*i)).count() as f64;
        let (a, b) = (count(&|i| before[i] > 0), count(&|i| after[i] > 0.0));
        let both = count(&|i| before[i] > 0 && after[i] > 0.0);
        if a > 0.0 {
            let dice = 2.0 * both / (a + b);
            worst = worst.min(dice);
            assert!(dice >= 0.9, "slice {k}: Dice {dice}");
        }
    }
    println!("28 uneven slices there and back: worst Dice of a slice {worst:.4}");
}

#[test]
fn tilt_is_kept_unless_it_is_to_be_resampled_away() {
    // Slices 3 mm apart, each 0.8 mm further back than the one before; values are places along y.
    let rows = [[0.5, 0.0, 0.0, -4.0], [0.0, 0.5, 0.8, 6.0], [0.0, 0.0, 3.0, 20.0]];
    let tilted = Grid::new([12, 16, 6], Affine::from_rows(rows)).unwrap();
    let along_y = |grid: &Grid| -> Vec<f64> {
        let [nx, ny, nz] = grid.shape();
        let at = |i| [(i % nx) as f64, (i / nx % ny) as f64, (i / nx / ny) as f64];
        (0..nx * ny * nz).map(|i| grid.index_to_world(at(i))[1]).collect()
    };
    let as_f32 = |values: Vec<f64>| values.into_iter().map(|v| v as f32).collect::<Vec<f32>>();
    let place = Place::new();
    place.volume("a.nrrd", &Volume::new(as_f32(along_y(&tilted)).into(), tilted, Kind::Image, 1).unwrap());
    let kept = place.revoxel(&["convert", "a.nrrd", "kept.nrrd", "--json"]).good().json();
    assert_eq!(place.read("kept.nrrd", Kind::Image).grid(), &tilted);
    assert_eq!(kept["resampled"], false);

    let said = place.revoxel(&["convert", "a.nrrd", "b.nrrd", "--deshear", "--json"]).good().json();
    assert_eq!(said["resampled"], true);
    assert_eq!(said["source_grid"]["shape"], serde_json::json!([12, 16, 6]));
    let straight = place.read("b.nrrd", Kind::Image);
    let grid = straight.grid();
    assert!(grid.affine().shear() < 1e-9 && grid.spacing() == [0.5, 0.5, 3.0], "{grid}");
    // Eight more rows hold the slices that were moved by 4 mm, and the first slice has not moved.
    assert_eq!((grid.shape(), grid.index_to_world([0.0; 3])), ([12, 24, 6], [-4.0, 6.0, 20.0]));
    let (values, expected) = (values(&straight), along_y(grid));
    let mut inside = 0;
    for (index, (value, expected)) in values.iter().zip(&expected).enumerate() {
        let (row, slice) = ((index / 12 % 24) as f64, (index / (12 * 24)) as f64);
        let in_slice = row - 1.6 * slice;
        if (0.0..=15.0).contains(&in_slice) {
            assert!((value - expected).abs() < 1e-5, "{index}: {value} is not {expected}");
            inside += 1;
        } else if !(-1.0..=16.0).contains(&in_slice) {
            assert_eq!(*value, 6.0, "outside the slices lies the lowest value");
        }
    }
    assert!(inside >= 12 * 15 * 6);
    // What was done is recorded: labels drawn on the straight volume come back onto the tilted slices.
    let recorded = ["convert", "a.nrrd", "t.nrrd", "--deshear", "--orientation", "RAS", "--trace", "t.json"];
    place.revoxel(&recorded).good();
    let turned = place.read("t.nrrd", Kind::Image);
    let drawn: Vec<u8> = along_y(turned.grid()).iter().map(|y| u8::from(*y > 2.0)).collect();
    place.volume("drawn.nrrd", &Volume::new(drawn.into(), *turned.grid(), Kind::Label, 1).unwrap());
    place.revoxel(&["invert", "t.json", "drawn.nrrd", "-o", "back.nrrd"]).good();
    let back = place.read("back.nrrd", Kind::Label);
    assert_eq!(back.grid(), &tilted);
    let there = along_y(&tilted);
    let came = crate::support::values(&back);
    let wrong = came.iter().zip(&there).filter(|(v, y)| (**y - 2.0).abs() > 0.5 && (**v > 0.0) != (**y > 2.0));
    assert_eq!(wrong.count(), 0);
    place.revoxel(&recorded).bad(2, &["t.nrrd exists already"]);
    // An even, straight volume stays as it is.
    place.revoxel(&["convert", "b.nrrd", "c.nrrd", "--deshear"]).good();
    assert_eq!(place.read("c.nrrd", Kind::Image), straight);
}

#[test]
fn real_dicom_folders_get_their_verdict() {
    let Some(data) = real_data() else { return };
    let place = Place::new();
    let info = |name: &str| place.revoxel(&["info", data.join("dicom").join(name).to_str().unwrap(), "--json"]).json();
    let compressed: Vec<Volume> =
        ["compressed", "compressed_j2k", "compressed_jpegls", "compressed_rle", "compressed_jpeg"]
            .iter()
            .map(|name| data.join("dicom/compressed").join(name))
            .filter(|path| path.is_dir())
            .map(|path| revoxel_io::read(path, Kind::Image).unwrap().volume)
            .collect();
    assert!(compressed.len() >= 4);
    assert!(compressed.windows(2).all(|w| w[0] == w[1]), "the compressed series differ");
    let tilted = info("ct_ge_tilt_irregular");
    assert!(tilted[0]["series"][0]["problem"].is_string());
    let regular = info("siemens_mr");
    assert!(regular[0]["series"][0]["problem"].is_null(), "{regular}");
}
