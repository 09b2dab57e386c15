//! `revoxel trace export`: what is written, what is refused, and what is said to be left out.

use revoxel_core::{Affine, Grid, Kind, Volume};
use serde_json::{Value, json};

use crate::support::{Place, values};

/// An oblique grid without shear that NIfTI's single-precision numbers hold exactly.
fn grid() -> Grid {
    let rows = [[0.75, -1.0, 0.0, 12.5], [-1.0, -0.75, 0.0, -30.0], [0.0, 0.0, -2.5, 40.25]];
    Grid::new([13, 11, 9], Affine::from_rows(rows)).unwrap()
}

/// A case whose every voxel has its own value.
fn run(steps: &str) -> Place {
    let place = Place::new();
    let numbers: Vec<i16> = (1..=13 * 11 * 9).collect();
    place.volume("data/a.nii.gz", &Volume::new(numbers.into(), grid(), Kind::Image, 1).unwrap());
    let text = format!(
        "version: 1\ninputs:\n  image: {{ kind: image, path: \"{{case}}.nii.gz\" }}\nsteps:\n{steps}outputs:\n  image: \
         {{ path: \"{{case}}.nii.gz\" }}\ntrace: \"{{case}}.json\"\n"
    );
    place.text("p.yaml", &text);
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    place
}

const EXACT: &str = "  - orientation: { axcodes: LPS }\n  - spatial_crop: { roi_start: [1, 2, 1], roi_end: [9, 9, 6] }\n  \
                     - divisible_pad: { k: 4 }\n";

fn edit(place: &Place, change: impl Fn(&mut Value)) {
    let mut trace = read(place, "out/a.json");
    change(&mut trace);
    place.text("out/a.json", &trace.to_string());
}

fn read(place: &Place, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(place.path(name)).unwrap()).unwrap()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect()
}

const AFFINE: [&str; 7] = ["trace", "export", "out/a.json", "--to", "affine", "-o", "a.json"];
const ITK: [&str; 7] = ["trace", "export", "out/a.json", "--to", "itk", "-o", "new/a.tfm"];

#[test]
fn the_matrix_names_the_voxel_of_the_scan_that_each_voxel_comes_from() {
    let place = run(EXACT);
    place.revoxel(&AFFINE).good();
    let document = read(&place, "a.json");
    let rows: [[f64; 4]; 4] = serde_json::from_value(document["model_index_to_source_index"].clone()).unwrap();
    assert_eq!((document["case"].as_str(), document["volume"].as_str()), (Some("a"), Some("image")));
    assert_eq!(document["copies"], true);
    assert_eq!(names(&document["not_exported"]), ["coverage", "padding", "copies"]);
    let (before, after) = (place.read("data/a.nii.gz", Kind::Image), place.read("out/a.nii.gz", Kind::Image));
    let shape = after.grid().shape();
    assert_eq!(document["model"]["shape"], json!(shape));
    assert_eq!(document["source"]["shape"], json!([13, 11, 9]));
    let mut copied = 0;
    for (number, value) in values(&after).into_iter().enumerate() {
        let at = [number % shape[0], number / shape[0] % shape[1], number / shape[0] / shape[1], 1].map(|v| v as f64);
        let [i, j, k] = [0, 1, 2].map(|r| (0..4).map(|c| rows[r][c] * at[c]).sum::<f64>());
        if value != 0.0 {
            assert_eq!(before.value([i, j, k].map(|v| v as usize), 0), value);
            copied += 1;
        }
    }
    assert_eq!(copied, 8 * 7 * 5);
    place.revoxel(&AFFINE).bad(2, &["a.json exists already"]);
    place.revoxel(&[&AFFINE[..], &["--overwrite"]].concat()).good();
}

#[test]
fn itk_gets_the_identity_and_a_reference_on_the_grid_of_the_scan() {
    let place = run(
        "  - spacing: { pixdim: [1, 1.5, 2] }\n  - scale_intensity_range: { a_min: 0, a_max: 9, b_min: 0, b_max: 1 }\n",
    );
    let said = place.revoxel(&[&ITK[..], &["--json"]].concat()).good().json();
    assert_eq!(names(&said["not_exported"]), ["coverage", "ties", "values"]);
    assert!(said["not_exported"][2]["what"].as_str().unwrap().contains("steps[1] (scale_intensity_range)"), "{said}");
    let text = std::fs::read_to_string(place.path("new/a.tfm")).unwrap();
    assert_eq!(
        text,
        "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\nParameters: 1 0 0 0 1 0 0 0 \
         1 0 0 0\nFixedParameters: 0 0 0\n"
    );
    let reference = place.read("new/a.nrrd", Kind::Label);
    assert_eq!(reference.grid(), &grid());
    assert!(values(&reference).iter().all(|v| *v == 0.0));
    place.revoxel(&ITK).bad(2, &["new/a.tfm exists already"]);
    std::fs::remove_file(place.path("new/a.tfm")).unwrap();
    place.revoxel(&ITK).bad(2, &["new/a.nrrd exists already"]);
}

#[test]
fn a_source_that_was_put_on_another_grid_has_a_transform_of_its_own() {
    let place = run("  - orientation: { axcodes: RAS }\n");
    // The steps begin 2 mm to the right, 1 mm to the back and 4 mm up.
    edit(&place, |trace| {
        let volume = &mut trace["volumes"]["image"];
        volume["snapped"] = volume["source"]["grid"].clone();
        for (row, by) in [2.0, -1.0, 4.0].into_iter().enumerate() {
            let value = volume["source"]["grid"]["affine"][row][3].as_f64().unwrap() - by;
            volume["source"]["grid"]["affine"][row][3] = json!(value);
        }
    });
    place.revoxel(&ITK).good();
    let text = std::fs::read_to_string(place.path("new/a.tfm")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Parameters: ")).unwrap();
    let found: Vec<f64> = line.split(' ').map(|v| v.parse().unwrap()).collect();
    // LPS: x and y change their signs.
    let expected = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, -2.0, 1.0, 4.0];
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{line}");
    place.revoxel(&AFFINE).good();
    let rows = read(&place, "a.json")["model_index_to_source_index"].clone();
    assert_eq!(
        rows,
        json!([[0.0, -1.0, 0.0, 12.0], [-1.0, 0.0, 0.0, 10.0], [0.0, 0.0, -1.0, 8.0], [0.0, 0.0, 0.0, 1.0]])
    );
}

#[test]
fn what_is_not_affine_is_refused() {
    let place = run(
        "  - orientation: { axcodes: RAS }\n  - rand_2d_elastic: { prob: 1, spacing: [5, 5], magnitude_range: [0.5, 1] }\n",
    );
    for command in [AFFINE, ITK] {
        place.revoxel(&command).bad(2, &["out/a.json", "steps[1] (rand_2d_elastic)", "elastic", "revoxel invert"]);
    }
    let place = run(EXACT);
    place.revoxel(&["trace", "export", "out/a.json", "--to", "itk", "-o", "a.json"]).bad(2, &["a.json", ".tfm"]);
    place.revoxel(&["trace", "export", "out/a.json", "--to", "x5", "-o", "a.x5"]).bad(2, &["itk", "affine"]);
    place.revoxel(&[&AFFINE[..], &["--volume", "mask"]].concat()).bad(2, &["mask", "image"]);
    let shear = |trace: &mut Value| {
        let mut edit = |record: &mut Value| {
            // Along the first voxel axis, some of the second.
            for row in 0..3 {
                let by = record["affine"][row][1].as_f64().unwrap() * 0.25;
                record["affine"][row][0] = json!(record["affine"][row][0].as_f64().unwrap() + by);
            }
        };
        let volume = &mut trace["volumes"]["image"];
        volume["steps"] = json!([]);
        edit(&mut volume["source"]["grid"]);
        volume["result"]["grid"] = volume["source"]["grid"].clone();
    };
    edit(&place, shear);
    place.revoxel(&ITK).bad(2, &["source.grid", "sheared"]);
    place.revoxel(&AFFINE).good();
    edit(&place, |trace| {
        let grid = json!({ "shape": [1_048_576, 1_048_576, 1024], "affine": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]] });
        trace["volumes"]["image"]["source"]["grid"] = grid.clone();
        trace["volumes"]["image"]["result"]["grid"] = grid;
    });
    place.revoxel(&ITK).bad(2, &["source.grid", "voxels"]);
    assert!(place.files().iter().all(|file| !file.starts_with("new")), "{:?}", place.files());
}
