//! Which voxels of the source a model saw: those whose extent meets what the grids on the way cover.

use proptest::prelude::*;
use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Grid, Kind, Volume};
use revoxel_invert::Recipe;
use serde_json::{Value, json};

use crate::support::{Place, run_steps, traced, values};

/// The part of each native voxel's box (along the axes of `covered`, whose axes are parallel to those of `native`) that
/// lies in the box of `covered`, at least, along each axis.
fn overlap(native: &Grid, covered: &Grid, index: [f64; 3]) -> f64 {
    let map = native.index_map_to(covered);
    let (centre, shape) = (map.apply(index), covered.shape());
    let rows = map.rows();
    (0..3)
        .map(|a| {
            let half = rows[a][..3].iter().map(|v| v.abs()).sum::<f64>() / 2.0;
            (centre[a] + half).min(shape[a] as f64 - 0.5) - (centre[a] - half).max(-0.5)
        })
        .fold(f64::INFINITY, f64::min)
}

fn check(native: Grid, steps: &[Value]) -> Result<(), TestCaseError> {
    let source = Volume::new(vec![1u8; native.voxel_count()].into(), native, Kind::Label, 1).unwrap();
    let done = run_steps(vec![("label", source)], steps).unwrap().remove(0).1;
    let trace = traced((Kind::Label, 1, &native), done.volume.grid(), &done.steps);
    let ones = vec![1u8; done.volume.grid().voxel_count()];
    let prediction = Volume::new(ones.into(), *done.volume.grid(), Kind::Label, 1).unwrap();
    let options = Recipe { coverage: true, fill: Some(9.0), ..Default::default() };
    let back = trace.invert(prediction.clone(), options).unwrap();
    let grids: Vec<Grid> = done.steps.iter().map(|s| s.after.grid().unwrap()).collect();
    let ([nx, ny, _], seen) = (native.shape(), values(&back.coverage.unwrap()));
    for (i, (seen, value)) in seen.iter().zip(values(&back.volume)).enumerate() {
        let index = [i % nx, i / nx % ny, i / (nx * ny)].map(|v| v as f64);
        let least = grids.iter().map(|g| overlap(&native, g, index)).fold(f64::INFINITY, f64::min);
        // What hardly touches may be either.
        if least.abs() > 1e-3 {
            prop_assert_eq!(*seen, f64::from(u8::from(least > 0.0)), "{:?}: voxel {:?}", steps, index);
        }
        prop_assert_eq!(value, if *seen == 1.0 { 1.0 } else { 9.0 }, "{:?}: voxel {:?}", steps, index);
    }
    prop_assert_eq!(back.unseen, seen.iter().filter(|s| **s == 0.0).count());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn seen_is_what_meets_the_grids_on_the_way(seed: u64) {
        let mut draw = Draw::new(seed);
        // Oblique, with thick slices along any axis.
        let (shape, spacing) = ([0; 3].map(|_| draw.int(3, 13) as usize), [0; 3].map(|_| draw.real(0.5, 5.0)));
        let ((s, c), (t, d)) = (draw.real(-0.6, 0.6).sin_cos(), draw.real(-0.6, 0.6).sin_cos());
        let axes = [[c, s, 0.0], [-s * d, c * d, t], [-s * t, c * t, -d]];
        let row = |r: usize| [0, 1, 2].map(|a: usize| axes[a][r] * spacing[a]);
        let rows = [0, 1, 2].map(|r| { let [x, y, z] = row(r); [x, y, z, 10.0 * r as f64 - 7.0] });
        let native = Grid::new(shape, Affine::from_rows(rows)).unwrap();
        let rule = ["monai", "monai_strict", "nnunet", "torchio", "center"][draw.int(0, 4) as usize];
        let pixdim = [0; 3].map(|_| (draw.real(0.5, 4.0) * 4.0).round() / 4.0);
        let spaced = json!({ "spacing": { "pixdim": pixdim, "rule": rule } });
        let mut steps = vec![spaced];
        if draw.int(0, 2) == 0 {
            steps.insert(0, json!({ "border_pad": { "spatial_border": draw.int(1, 4) } }));
        }
        if draw.int(0, 2) == 0 {
            steps.insert(0, json!({ "orientation": { "axcodes": "RAS" } }));
        }
        let (crop, end) = ([0; 3].map(|_| draw.int(2, 9)), [0; 3].map(|_| draw.int(2, 20)));
        if draw.int(0, 2) == 0 {
            steps.insert(0, json!({ "center_spatial_crop": { "roi_size": crop } }));
        }
        if draw.int(0, 2) == 0 {
            steps.push(json!({ "resize_with_pad_or_crop": { "spatial_size": end } }));
        }
        check(native, &steps)?;
    }
}

#[test]
fn invert_says_the_share_that_was_not_seen() {
    let place = Place::new();
    let grid = Grid::new([10, 8, 5], Affine::scaling([1.0, 1.0, 2.0])).unwrap();
    let labels: Vec<u8> = (0..400).map(|i| (i % 7 == 0).into()).collect();
    place.volume("d/c/label.nii", &Volume::new(labels.into(), grid, Kind::Label, 1).unwrap());
    place.text(
        "p.yaml",
        "version: 1\ninputs:\n  label: { kind: label, path: \"{case}/label.nii\" }\nsteps:\n  - spatial_crop: { \
         roi_start: [0, 0, 0], roi_end: [10, 8, 4] }\noutputs:\n  label: { path: \"{case}/label.nii\" }\ntrace: \
         \"{case}/trace.json\"\n",
    );
    place.revoxel(&["run", "p.yaml", "--data", "d", "--out", "o"]).good();
    let invert = ["invert", "o/c/trace.json", "o/c/label.nii", "-o", "back.nii", "--overwrite"];
    let said = place.revoxel(&invert);
    assert!(said.err.contains("20.00 % of the voxels (80)"), "{}", said.err);
    let json: Value = serde_json::from_str(&place.revoxel(&[&invert[..], &["--json"]].concat()).out).unwrap();
    assert_eq!((&json["unseen_voxels"], &json["unseen_share"]), (&json!(80), &json!(0.2)));
}
