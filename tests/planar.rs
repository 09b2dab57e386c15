//! 2-D files: steps are about their two axes, and they come back 2-D, in every format.

use std::path::Path;

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Grid, Kind, Volume};
use revoxel_io::Facts;
use revoxel_io::npy::{Tensor, write_npy};
use serde_json::{Value, json};

use crate::support::{Place, run_steps, values};

/// Formats that hold 2-D images; those behind NIfTI only in the plane z = 0 of their world.
const FORMATS: [&str; 6] = ["nii.gz", "nii", "hdr", "nrrd", "nhdr", "mha"];

/// Axes in any order and direction in an oblique plane, 5 mm thick; single precision holds it.
fn oblique() -> Grid {
    let rows = [[0.25, -0.75, 1.5, 12.5], [-1.0, -0.25, 0.5, -30.0], [0.5, 0.25, 4.5, 40.25]];
    Grid::new([24, 20, 1], Affine::from_rows(rows)).unwrap().planar()
}

/// In the plane z = 0, with axes that are turned within it.
fn level() -> Grid {
    let rows = [[0.25, -0.75, 0.0, 12.5], [-1.0, -0.25, 0.0, -30.0], [0.0, 0.0, 1.0, 0.0]];
    Grid::new([24, 20, 1], Affine::from_rows(rows)).unwrap().planar()
}

fn grid_for(format: &str) -> Grid {
    if matches!(format, "nii.gz" | "nii" | "hdr") { oblique() } else { level() }
}

/// How many axes the file itself says that it has.
fn axes_of(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    if bytes[..2] == [0x1f, 0x8b] {
        // The same header as in the file that is not compressed, which is looked at.
        return revoxel_io::info(path).unwrap().grid.axes().to_string();
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(1500)]).into_owned();
    let after = |key: &str| text.lines().find_map(|l| l.strip_prefix(key)).map(|v| v.trim().to_owned());
    // NIfTI: dim[0].
    after("dimension:").or_else(|| after("NDims =")).unwrap_or_else(|| bytes[40].to_string())
}

fn pipeline(format: &str, steps: &[Value]) -> String {
    let path = |name: &str| format!("{{case}}/{name}.{format}");
    json!({
        "version": 1,
        "inputs": {
            "image": { "kind": "image", "path": path("image") },
            "label": { "kind": "label", "path": path("label") },
        },
        "steps": steps,
        "outputs": { "image": { "path": path("image") }, "label": { "path": path("label") } },
        "trace": "{case}/trace.json",
        "seed": 5,
    })
    .to_string()
}

fn case(place: &Place, format: &str, grid: Grid) -> (Volume, Volume) {
    let mut draw = Draw::new(3);
    let image = draw.volume(grid, Kind::Image, 1);
    let label = draw.volume(grid, Kind::Label, 1);
    place.volume(&format!("data/c/image.{format}"), &image);
    place.volume(&format!("data/c/label.{format}"), &label);
    (image, label)
}

/// Every step that is about axes, with short lists or one number, and the shape that it makes of 24 × 20.
fn steps() -> Vec<(Value, Option<[usize; 2]>)> {
    vec![
        (json!({ "resize": { "spatial_size": [12, 10] } }), Some([12, 10])),
        (json!({ "resize": { "spatial_size": 29 } }), Some([29, 29])),
        (json!({ "resize": { "spatial_size": 48, "size_mode": "longest" } }), Some([48, 40])),
        (json!({ "spacing": { "pixdim": [0.5, 0.5] } }), None),
        (json!({ "spacing": { "pixdim": 0.7, "rule": "nnunet" } }), None),
        (json!({ "spacing": { "pixdim": 0.7, "rule": "torchio" } }), None),
        (json!({ "spacing": { "pixdim": 0.7, "rule": "center", "anti_alias": true } }), None),
        (json!({ "spacing": { "pixdim": [2, 2], "interpolation": { "image": "cubic" } } }), None),
        (json!({ "zoom": { "zoom": 1.5, "keep_size": false } }), Some([36, 30])),
        (json!({ "zoom": { "zoom": [0.5, 2] } }), Some([24, 20])),
        (json!({ "spatial_pad": { "spatial_size": 32 } }), Some([32, 32])),
        (json!({ "border_pad": { "spatial_border": 3 } }), Some([30, 26])),
        (json!({ "border_pad": { "spatial_border": [1, 2] } }), Some([26, 24])),
        (json!({ "border_pad": { "spatial_border": [1, 2, 0, 4] } }), Some([27, 24])),
        (json!({ "divisible_pad": { "k": 16 } }), Some([32, 32])),
        (json!({ "divisible_crop": { "k": 7 } }), Some([21, 14])),
        (json!({ "resize_with_pad_or_crop": { "spatial_size": [30, 9] } }), Some([30, 9])),
        (json!({ "crop_or_pad": { "target_shape": 22 } }), Some([22, 22])),
        (json!({ "center_spatial_crop": { "roi_size": 9 } }), Some([9, 9])),
        (json!({ "center_scale_crop": { "roi_scale": 0.5 } }), Some([12, 10])),
        (json!({ "spatial_crop": { "roi_start": [2, 3], "roi_end": [9, 8] } }), Some([7, 5])),
        (json!({ "spatial_crop": { "roi_center": [9, 8], "roi_size": 4 } }), Some([4, 4])),
        (json!({ "spatial_crop": { "roi_slices": [[1, 5]] } }), Some([4, 20])),
        (json!({ "crop_foreground": { "source": "label", "nonzero": true, "margin": 2 } }), Some([28, 24])),
        (json!({ "crop_foreground": { "source": "label", "margin_mm": 3, "k_divisible": 8 } }), None),
        (json!({ "grid_patch": { "patch_size": 8, "offset": [2, 1], "patch": 1 } }), Some([8, 8])),
        (json!({ "grid_split": { "grid": [2, 2], "patch": 3 } }), Some([12, 10])),
        (json!({ "grid_split": { "grid": [2, 2], "size": 10, "patch": 3 } }), Some([10, 10])),
        (json!({ "rand_grid_patch": { "patch_size": 7, "max_offset": [3, 3], "patch": 0 } }), Some([7, 7])),
        (json!({ "rand_spatial_crop": { "roi_size": 11 } }), Some([11, 11])),
        (json!({ "rand_spatial_crop": { "roi_size": 8, "max_roi_size": 14, "random_size": true } }), None),
        (json!({ "rand_scale_crop": { "roi_scale": 0.5 } }), Some([12, 10])),
        (json!({ "rand_crop_by_pos_neg_label": { "source": "label", "spatial_size": 9 } }), Some([9, 9])),
        (
            json!({ "rand_crop_by_label_classes": { "source": "label", "spatial_size": [9, 7], "num_classes": 5 } }),
            Some([9, 7]),
        ),
        (json!({ "rand_weighted_crop": { "source": "label", "spatial_size": 6 } }), Some([6, 6])),
        (json!({ "flip": {} }), Some([24, 20])),
        (json!({ "flip": { "spatial_axis": -1 } }), Some([24, 20])),
        (json!({ "rotate90": { "spatial_axes": [-2, -1] } }), Some([20, 24])),
        (json!({ "transpose": { "indices": [1, 0] } }), Some([20, 24])),
        (json!({ "rand_flip": { "prob": 1 } }), Some([24, 20])),
        (json!({ "rand_axis_flip": { "prob": 1 } }), Some([24, 20])),
        (json!({ "rand_rotate90": { "prob": 1, "max_k": 1 } }), Some([20, 24])),
        (json!({ "rotate": { "angle": 0.3 } }), Some([24, 20])),
        (json!({ "rotate": { "degrees": 30, "keep_size": false } }), None),
        (json!({ "rotate": { "degrees": 30, "about": "world" } }), Some([24, 20])),
        (json!({ "rotate": { "degrees": [0, 0, 20] } }), Some([24, 20])),
        (
            json!({ "affine": { "rotate_params": 0.2, "shear_params": [0.1, 0.1], "scale_params": [1.1, 0.9] } }),
            Some([24, 20]),
        ),
        (json!({ "affine": { "translate_params": [2], "spatial_size": 18 } }), Some([18, 18])),
        (json!({ "rand_rotate": { "prob": 1, "range_x": 0.3, "range_y": 0.3, "range_z": 0.3 } }), Some([24, 20])),
        (
            json!({ "rand_affine": { "prob": 1, "rotate_range": [0.3], "shear_range": [0.1, 0.1],
                                     "translate_range": [3, 3, 3], "scale_range": [0.1, 0.1, 0.1] } }),
            Some([24, 20]),
        ),
        (json!({ "rand_zoom": { "prob": 1, "min_zoom": 1.2, "max_zoom": 1.5, "keep_size": false } }), None),
        (json!({ "rand_elastic": { "prob": 1, "max_displacement_mm": 2 } }), Some([24, 20])),
        (
            json!({ "rand_2d_elastic": { "prob": 1, "spacing": 5, "magnitude_range": [0.5, 1], "rotate_range": [0.2] } }),
            Some([24, 20]),
        ),
        (json!({ "rand_grid_distortion": { "prob": 1, "num_cells": 4, "distort_limit": 0.1 } }), Some([24, 20])),
        (
            json!({ "grid_distortion": { "num_cells": 2, "distort_steps": [[1.1, 0.9, 1], [0.95, 1.05, 1]] } }),
            Some([24, 20]),
        ),
        (json!({ "deshear": {} }), None),
    ]
}

/// The slice axis: where it points, and how thick it is.
fn slice_axis(grid: &Grid) -> [f64; 3] {
    grid.affine().column(2)
}

fn close(a: [f64; 3], b: [f64; 3]) -> bool {
    (0..3).all(|i| (a[i] - b[i]).abs() < 1e-4)
}

/// Whether both are 2-D and the same; MetaImage holds directions of length 1, which rounds.
fn same(a: &Grid, b: &Grid) -> bool {
    a.is_planar()
        && b.is_planar()
        && a.shape() == b.shape()
        && Affine::max_abs_difference(a.affine(), b.affine()) < 1e-12
}

/// Runs a pipeline on a 2-D case and brings what it made back; `plan` must have known the grids.
fn there_and_back(format: &str, step: &Value, shape: Option<[usize; 2]>) {
    let native = grid_for(format);
    let place = Place::new();
    place.text("p.yaml", &pipeline(format, std::slice::from_ref(step)));
    case(&place, format, native);
    let name = format!("{format} {step}");
    let plan = place.revoxel(&["plan", "p.yaml", "--data", "data", "--json"]).good().json();
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    for (key, kind) in [("image", Kind::Image), ("label", Kind::Label)] {
        let file = format!("out/c/{key}.{format}");
        let made = place.read(&file, kind);
        let grid = *made.grid();
        assert!(grid.is_planar() && grid.shape()[2] == 1, "{name}: {grid}");
        assert_eq!(axes_of(&place.path(&file)), "2", "{name}");
        if let Some([x, y]) = shape {
            assert_eq!(grid.shape(), [x, y, 1], "{name}");
        }
        if step.get("deshear").is_none() {
            assert!(close(slice_axis(&grid), slice_axis(&native)), "{name}: {grid}");
        }
        let planned = &plan["plans"][0]["steps"][0]["volumes"][key]["after"];
        if !planned.is_null() {
            assert_eq!((&planned["shape"], &planned["planar"]), (&json!(grid.shape()), &json!(true)), "{name}");
        }
        // As a file, and as an array of two axes.
        let [x, y, _] = grid.shape();
        let reversed = made.voxels().clone().cast(revoxel_core::Dtype::F32);
        write_npy(place.path(&format!("{key}.npy")), &Tensor { shape: vec![y, x], voxels: reversed }).unwrap();
        for prediction in [file.clone(), format!("{key}.npy")] {
            let back = format!("back.{format}");
            let kind = kind.name();
            place
                .revoxel(&[
                    "invert",
                    "out/c/trace.json",
                    &prediction,
                    "-o",
                    &back,
                    "--volume",
                    key,
                    "--kind",
                    kind,
                    "--axes",
                    "yx",
                    "--overwrite",
                ])
                .good();
            let returned = place.read(&back, Kind::Image);
            assert!(same(returned.grid(), &native), "{name}: {}", returned.grid());
            assert_eq!(axes_of(&place.path(&back)), "2", "{name}");
        }
    }
}

#[test]
fn every_step_keeps_a_flat_file_flat() {
    for (step, shape) in steps() {
        there_and_back("nii.gz", &step, shape);
    }
}

#[test]
fn every_format_keeps_a_flat_file_flat() {
    let chosen = ["resize", "spacing", "rotate", "spatial_pad", "crop_foreground", "transpose"];
    for format in FORMATS {
        for name in chosen {
            let (step, shape) = steps().into_iter().find(|(step, _)| step.get(name).is_some()).unwrap();
            there_and_back(format, &step, shape);
        }
    }
}

#[test]
fn exact_steps_bring_every_voxel_back() {
    for format in FORMATS {
        let place = Place::new();
        let steps = [
            json!({ "flip": { "spatial_axis": 0 } }),
            json!({ "rotate90": {} }),
            json!({ "spatial_pad": { "spatial_size": 33, "value": { "image": -7 } } }),
            json!({ "divisible_pad": { "k": 10 } }),
        ];
        place.text("p.yaml", &pipeline(format, &steps));
        let (image, label) = case(&place, format, grid_for(format));
        place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
        for (key, kind, source) in [("image", Kind::Image, &image), ("label", Kind::Label, &label)] {
            let (file, back) = (format!("out/c/{key}.{format}"), format!("{key}.{format}"));
            let command = ["invert", "out/c/trace.json", &file, "-o", &back, "--volume", key, "--kind", kind.name()];
            place.revoxel(&command).good();
            let back = place.read(&back, kind);
            assert_eq!(values(&back), values(source), "{format} {key}");
            assert!(same(back.grid(), source.grid()), "{format} {key}: {}", back.grid());
        }
    }
}

#[test]
fn what_would_leave_the_plane_is_refused() {
    let refused: &[(Value, &[&str])] = &[
        (json!({ "resize": { "spatial_size": [12, 10, 8] } }), &["spatial_size", "8 for a third axis", "2-D"]),
        (json!({ "spacing": { "pixdim": [1, 1, 1] } }), &["pixdim", "1 for a third axis", "2-D"]),
        (json!({ "spatial_pad": { "spatial_size": [32, 32, 32] } }), &["spatial_size", "third axis"]),
        (json!({ "border_pad": { "spatial_border": [1, 1, 1] } }), &["2-D", "neither cropped nor padded"]),
        (json!({ "divisible_pad": { "k": [8, 8, 8] } }), &["k: 8", "third axis"]),
        (json!({ "zoom": { "zoom": [1, 1, 2] } }), &["zoom: 2", "third axis"]),
        (json!({ "crop_foreground": { "source": "label", "margin": [1, 1, 1] } }), &["margin: 1", "third axis"]),
        (json!({ "rotate": { "angle": [0.1, 0, 0] } }), &["2-D", "outside of its plane"]),
        (json!({ "rotate90": { "spatial_axes": [0, 2] } }), &["spatial_axes", "not one of its axes"]),
        (json!({ "flip": { "spatial_axis": 2 } }), &["spatial_axis", "not one of its axes"]),
        (json!({ "transpose": { "indices": [0, 2, 1] } }), &["2-D", "slice axis"]),
        (json!({ "affine": { "rotate_params": [0.2, 0.1] } }), &["2-D", "outside of its plane"]),
        (
            json!({ "rand_3d_elastic": { "prob": 1, "sigma_range": [3, 4], "magnitude_range": [9, 9] } }),
            &["rand_2d_elastic"],
        ),
        (json!({ "orientation": { "axcodes": "SRA" } }), &["2-D", "slice axis", "SRA"]),
        (json!({ "k_space_spike_noise": { "loc": [3, 4, 0] } }), &["loc", "the first of three numbers", "channel"]),
        (json!({ "k_space_spike_noise": { "loc": [0, 3, 4, 0] } }), &["[0, 3, 4, 0]", "2 axes", "give 2 indices"]),
    ];
    for (step, words) in refused {
        let place = Place::new();
        place.text("p.yaml", &pipeline("nii", std::slice::from_ref(step)));
        case(&place, "nii", oblique());
        let said = place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]);
        assert_ne!(said.code, 0, "{step}");
        let plain = said.err.split_whitespace().filter(|w| *w != "│").collect::<Vec<_>>().join(" ");
        words.iter().for_each(|word| assert!(plain.contains(word), "{step}: {word}: {plain}"));
        assert!(!place.files().iter().any(|f| f.starts_with("out/") && f.contains("image")), "{step}");
    }
    // Two axes are not enough for three.
    let solid = Grid::new([24, 20, 3], *oblique().affine()).unwrap();
    let short: &[Value] = &[
        json!({ "border_pad": { "spatial_border": [1, 2] } }),
        json!({ "transpose": { "indices": [1, 0] } }),
        json!({ "orientation": { "axcodes": "RA" } }),
        json!({ "grid_distortion": { "num_cells": 2, "distort_steps": [[1, 1, 1], [1, 1, 1]] } }),
    ];
    for step in short {
        let place = Place::new();
        place.text("p.yaml", &pipeline("nii", std::slice::from_ref(step)));
        case(&place, "nii", solid);
        place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).bad(2, &["not 2-D"]);
    }
}

#[test]
fn orientation_is_that_of_the_plane() {
    // A coronal slice: axes to the feet and to the left, the slice to the back.
    let affine = Affine::from_rows([[0.0, -0.75, 0.0, 4.0], [0.0, 0.0, -5.0, 2.0], [-1.25, 0.0, 0.0, 3.0]]);
    let grid = Grid::new([24, 20, 1], affine).unwrap().planar();
    for (codes, expected) in [("RS", "RSP"), ("SR", "SRP"), ("RSP", "RSP"), ("IRA", "IRA")] {
        let place = Place::new();
        place.text("p.yaml", &pipeline("nii", &[json!({ "orientation": { "axcodes": codes } })]));
        let (image, _) = case(&place, "nii", grid);
        place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
        let made = place.read("out/c/image.nii", Kind::Image);
        assert_eq!(made.grid().orientation().to_string(), expected);
        assert!(made.grid().is_planar());
        place.revoxel(&["invert", "out/c/trace.json", "out/c/image.nii", "-o", "b.nii", "--kind", "image"]).good();
        let back = place.read("b.nii", Kind::Image);
        assert_eq!((values(&back), back.grid()), (values(&image), &grid));
    }
    let place = Place::new();
    case(&place, "nii", grid);
    place
        .revoxel(&["convert", "data/c/image.nii", "o.nii", "--orientation", "RAS"])
        .bad(2, &["RAS", "2-D", "slice axis"]);
    place.revoxel(&["convert", "data/c/image.nii", "o.nii", "--orientation", "RSA"]).good();
    assert!(place.read("o.nii", Kind::Image).grid().is_planar());
}

#[test]
fn conversion_keeps_two_axes_where_the_format_can() {
    let place = Place::new();
    for from in FORMATS {
        let (image, _) = case(&place, from, level());
        for to in FORMATS {
            let (source, result) = (format!("data/c/image.{from}"), format!("o.{to}"));
            place.revoxel(&["convert", &source, &result, "--overwrite"]).good();
            assert_eq!(axes_of(&place.path(&result)), "2", "{from} to {to}");
            let back = place.read(&result, Kind::Image);
            assert_eq!(values(&back), values(&image), "{from} to {to}");
            // NIfTI holds single precision.
            assert!(close(back.grid().origin(), image.grid().origin()), "{from} to {to}");
            assert!((0..3).all(|a| close(back.grid().affine().column(a), image.grid().affine().column(a))));
        }
    }
    // Elsewhere, two axes of NRRD and MetaImage would lose the place: a third axis keeps it, and that is said.
    let (image, _) = case(&place, "nii", oblique());
    for to in ["nrrd", "mha"] {
        let result = format!("x.{to}");
        let said = place.revoxel(&["convert", "data/c/image.nii", &result]).good();
        assert!(said.err.contains("third axis of one slice"), "{}", said.err);
        let back = place.read(&result, Kind::Image);
        assert_eq!((values(&back), back.grid().axes()), (values(&image), 3));
        let relation =
            revoxel_core::Relation::between(back.grid(), &Grid::new([24, 20, 1], *image.grid().affine()).unwrap());
        assert!(relation.worst_corner_mm < 1e-9, "{relation}");
    }
    // An NRRD file of two axes in a space of three dimensions stays one.
    let head = "NRRD0005\ntype: uint8\ndimension: 2\nspace: right-anterior-superior\nsizes: 3 2\n\
                space directions: (0.5,0,1) (0,2,0)\nspace origin: (1,2,3)\nencoding: raw\n\n";
    std::fs::write(place.path("s.nrrd"), [head.as_bytes(), &[1, 2, 3, 4, 5, 6]].concat()).unwrap();
    place.revoxel(&["convert", "s.nrrd", "t.nrrd"]).good();
    let (s, t) = (place.read("s.nrrd", Kind::Image), place.read("t.nrrd", Kind::Image));
    assert_eq!((s.grid(), values(&s), t.grid().is_planar()), (t.grid(), values(&t), true));
    let info = place.revoxel(&["info", "t.nrrd", "--json"]).good().json();
    assert_eq!(info[0]["grid"]["planar"], json!(true));
    assert!(place.revoxel(&["info", "t.nrrd"]).good().out.contains("3 × 2 (2-D)"));
}

#[test]
fn several_channels_of_a_flat_file_come_back() {
    for format in ["nrrd", "mha"] {
        let place = Place::new();
        let volume = Draw::new(9).volume(level(), Kind::Image, 2);
        place.volume(&format!("data/c/image.{format}"), &volume);
        let text = pipeline(format, &[json!({ "resize": { "spatial_size": [12, 10] } })]);
        let mut document: Value = serde_json::from_str(&text).unwrap();
        document["inputs"].as_object_mut().unwrap().remove("label");
        document["outputs"].as_object_mut().unwrap().remove("label");
        place.text("p.yaml", &document.to_string());
        place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
        let file = format!("out/c/image.{format}");
        let made = place.read(&file, Kind::Image);
        assert_eq!((made.grid().shape(), made.channels(), made.grid().is_planar()), ([12, 10, 1], 2, true), "{format}");
        let back = format!("b.{format}");
        place.revoxel(&["invert", "out/c/trace.json", &file, "-o", &back, "--kind", "image"]).good();
        let back = place.read(&back, Kind::Image);
        assert!(same(back.grid(), &level()) && back.channels() == 2, "{format}: {}", back.grid());
    }
}

#[test]
fn a_volume_of_one_slice_goes_along_with_a_flat_image() {
    // The same place, but the label's file has three axes: steps are about the two, and each comes back as it was.
    let place = Place::new();
    let step = json!({ "resize": { "spatial_size": 30 } });
    place.text("p.yaml", &pipeline("nii", &[step]));
    let (_, label) = case(&place, "nii", oblique());
    let solid = Grid::new([24, 20, 1], *oblique().affine()).unwrap();
    place.volume("data/c/label.nii", &label.on_grid(solid).unwrap());
    assert_eq!(axes_of(&place.path("data/c/label.nii")), "3");
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    for (key, axes) in [("image", "2"), ("label", "3")] {
        let file = format!("out/c/{key}.nii");
        assert_eq!(place.read(&file, Kind::Image).grid().shape(), [30, 30, 1]);
        let back = format!("{key}.nii");
        place.revoxel(&["invert", "out/c/trace.json", &file, "-o", &back, "--volume", key, "--kind", "image"]).good();
        assert_eq!(axes_of(&place.path(&back)), axes);
        assert_eq!(place.read(&back, Kind::Image).grid().shape(), [24, 20, 1]);
    }
    // A volume of several slices is another grid, and its own with `grid: own`.
    let place = Place::new();
    let text = pipeline("nii", &[json!({ "resize": { "spatial_size": [12, 10] } })]);
    place.text("p.yaml", &text);
    case(&place, "nii", oblique());
    let thick = Grid::new([24, 20, 4], *oblique().affine()).unwrap();
    place.volume("data/c/label.nii", &Draw::new(4).volume(thick, Kind::Label, 1));
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).bad(2, &["must be on one grid"]);
    let mut document: Value = serde_json::from_str(&text).unwrap();
    document["inputs"]["label"]["grid"] = "own".into();
    place.text("p.yaml", &document.to_string());
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    assert_eq!(place.read("out/c/image.nii", Kind::Image).grid().shape(), [12, 10, 1]);
    assert_eq!(place.read("out/c/label.nii", Kind::Image).grid().shape(), [12, 10, 10]);
}

#[test]
fn monai_configurations_of_two_axes_are_followed() {
    let place = Place::new();
    let config = json!({
        "preprocessing": {
            "_target_": "Compose",
            "transforms": [
                { "_target_": "LoadImaged", "keys": "image", "reader": "NibabelReader" },
                { "_target_": "EnsureChannelFirstd", "keys": "image" },
                { "_target_": "Orientationd", "keys": "image", "axcodes": "RA" },
                { "_target_": "Spacingd", "keys": "image", "pixdim": [0.5, 0.5], "mode": "bilinear" },
                { "_target_": "Resized", "keys": "image", "spatial_size": [40, 30], "mode": "bilinear" },
                { "_target_": "BorderPadd", "keys": "image", "spatial_border": [1, 2] },
                { "_target_": "SpatialPadd", "keys": "image", "spatial_size": [48, 48] },
            ],
        },
    });
    place.text("b/configs/inference.json", &config.to_string());
    place.revoxel(&["import", "monai", "b/configs/inference.json", "-o", "p.yaml"]).good();
    let affine = Affine::from_rows([[-1.0, 0.25, 0.0, 4.0], [0.25, -0.75, 0.0, 2.0], [0.0, 0.0, 5.0, 3.0]]);
    let grid = Grid::new([24, 20, 1], affine).unwrap().planar();
    place.volume("image.nii", &Draw::new(2).volume(grid, Kind::Image, 1));
    let plan = place.revoxel(&["plan", "p.yaml", "--like", "image.nii", "--json"]).good().json();
    let steps = plan["plans"][0]["steps"].as_array().unwrap();
    let shapes: Vec<&Value> = steps
        .iter()
        .flat_map(|s| s["volumes"].as_object().unwrap().values())
        .map(|v| &v["after"])
        .filter(|after| !after.is_null())
        .inspect(|after| assert_eq!(after["planar"], json!(true)))
        .map(|after| &after["shape"])
        .collect();
    assert!(shapes.contains(&&json!([40, 30, 1])), "{shapes:?}");
    assert_eq!(shapes.last(), Some(&&json!([48, 48, 1])), "{shapes:?}");
}

#[test]
fn changes_of_values_look_within_the_plane() {
    let inside = |x: usize, y: usize| (5..12).contains(&x) && (4..9).contains(&y);
    let inner = |x: usize, y: usize| (6..11).contains(&x) && (5..8).contains(&y);
    let labels: Vec<u8> = (0..480).map(|i| if inside(i % 24, i / 24) { 2 } else { 0 }).collect();
    let label = Volume::new(labels.into(), oblique(), Kind::Label, 1).unwrap();
    let run = |step: Value, volume: &Volume| {
        let made = run_steps(vec![("label", volume.clone())], &[step]).unwrap();
        values(&made[0].1.volume)
    };
    for border in [true, false] {
        let contour = run(json!({ "label_to_contour": { "border": border } }), &label);
        for (i, value) in contour.iter().enumerate() {
            let (x, y) = (i % 24, i / 24);
            assert_eq!(*value, if inside(x, y) && !inner(x, y) { 2.0 } else { 0.0 }, "{border} {x} {y}");
        }
    }
    let filled = run(
        json!({ "fill_holes": {} }),
        &label
            .clone()
            .with_voxels(
                (0..480).map(|i| u8::from(inside(i % 24, i / 24) && !inner(i % 24, i / 24))).collect::<Vec<_>>().into(),
            )
            .unwrap(),
    );
    assert!((0..480).all(|i| filled[i] == f64::from(u8::from(inside(i % 24, i / 24)))));
    // The highest value of a heatmap is 1 with or without slices beside it.
    let heat = run(json!({ "generate_heatmap": { "sigma": 1, "normalize": false, "labels": [2] } }), &label);
    let sum: f64 = heat.iter().sum();
    assert!((sum - 1.0).abs() < 1e-3, "{sum}");
}

/// Changes bytes of a NIfTI-1 header.
fn patch(place: &Place, name: &str, changes: &[(usize, &[u8])]) {
    let mut bytes = std::fs::read(place.path(name)).unwrap();
    for (at, new) in changes {
        bytes[*at..at + new.len()].copy_from_slice(new);
    }
    std::fs::write(place.path(name), bytes).unwrap();
}

#[test]
fn a_quaternion_gives_a_2d_image_its_thickness() {
    const SFORM_CODE: usize = 254;
    const THICKNESS: usize = 76 + 3 * 4;
    const UNITS: usize = 123;
    let grid = Grid::new([24, 20, 1], Affine::scaling([1.5, 0.75, 5.0])).unwrap().planar();
    let place = Place::new();
    for (name, changes, expected) in [
        ("both.nii", &[][..], 5.0),
        ("qform.nii", &[(SFORM_CODE, &[0, 0][..])], 5.0),
        ("none.nii", &[(SFORM_CODE, &[0, 0]), (THICKNESS, &[0; 4])], 1.0),
        // Without a size, it is 1 mm, not 1 m.
        ("metres.nii", &[(SFORM_CODE, &[0, 0]), (THICKNESS, &[0; 4]), (UNITS, &[1])], 1.0),
    ] {
        place.volume(name, &Draw::new(1).volume(grid, Kind::Image, 1));
        patch(&place, name, changes);
        let said = place.revoxel(&["info", name, "--json"]).good();
        assert_eq!(said.json()[0]["grid"]["spacing_mm"][2], json!(expected), "{name}");
        assert!(!said.err.contains("disagree"), "{name}: {said:?}");
    }
}

#[test]
fn vectors_of_a_2d_image_stay_2d_in_nifti() {
    let planar = Grid::new([24, 20, 1], Affine::from_rows(PLANE)).unwrap().planar();
    let place = Place::new();
    place.text(
        "p.yaml",
        &pipeline("nii", &[json!({ "resize": { "spatial_size": [12, 10] } })]).replace("label", "other"),
    );
    let vectors = Facts { vector: true, ..Facts::default() };
    std::fs::create_dir_all(place.path("data/c")).unwrap();
    for key in ["image", "other"] {
        let volume = Draw::new(3).volume(planar, Kind::Image, 3);
        revoxel_io::write(place.path(&format!("data/c/{key}.nii")), &volume, &vectors).unwrap();
    }
    let header = std::fs::read(place.path("data/c/image.nii")).unwrap();
    let dim = |axis: usize| i16::from_le_bytes([header[40 + 2 * axis], header[41 + 2 * axis]]);
    assert_eq!([0, 1, 2, 3, 4, 5].map(dim), [5, 24, 20, 1, 1, 3], "as ITK writes them");
    assert!(place.read("data/c/image.nii", Kind::Image).grid().is_planar());
    // A slice of a volume lies elsewhere, or has another thickness.
    for (rows, shape) in [
        ([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 5.0, 0.0]], [24, 20, 1]),
        ([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 30.0]], [24, 20, 1]),
        (PLANE, [24, 20, 2]),
    ] {
        let grid = Grid::new(shape, Affine::from_rows(rows)).unwrap();
        let volume = Draw::new(4).volume(grid, Kind::Image, 3);
        revoxel_io::write(place.path("volume.nii"), &volume, &vectors).unwrap();
        assert!(!place.read("volume.nii", Kind::Image).grid().is_planar(), "{grid}");
    }
}

/// A plane that ITK's 2-D images can lie in.
const PLANE: [[f64; 4]; 3] = [[-1.5, 0.0, 0.0, 4.0], [0.0, -0.75, 0.0, 2.0], [0.0, 0.0, 1.0, 0.0]];
