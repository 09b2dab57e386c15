//! Chains that interpolate: a sine over the world keeps its values up to the bound of linear interpolation, there and
//! back.
//!
//! Linear interpolation along an axis with voxels h apart is off by at most h²/8 times the largest second derivative;
//! along three axes the errors add up, and each pass adds its own. For sin(k·p + φ) the second derivative along a
//! column c of the affine is at most (k·c)².

use revoxel_core::testing::Draw;
use revoxel_core::{Grid, Kind, Volume};
use revoxel_invert::Recipe;
use revoxel_resample::Interpolation;
use serde_json::{Value, json};

use super::Tally;
use super::chain::{Ran, columns, exact_step, grid, place, run};
use crate::support::values;

/// A step that samples on another grid.
fn step(draw: &mut Draw, native: &Grid) -> Value {
    let axes = native.axes();
    let sizes: Vec<f64> = native.nominal_spacing()[..axes].iter().map(|s| s * draw.real(0.6, 1.5)).collect();
    let rule = ["monai", "monai_strict", "nnunet", "torchio", "center"][draw.int(0, 4) as usize];
    let shape: Vec<i64> = native.shape()[..axes].iter().map(|n| (*n as i64 + draw.int(-4, 6)).max(2)).collect();
    let angles = [0; 3].map(|_| draw.real(-0.4, 0.4));
    match draw.int(0, 6) {
        0 | 1 => json!({ "spacing": { "pixdim": sizes, "rule": rule } }),
        2 => json!({ "resize": { "spatial_size": shape } }),
        3 => json!({ "zoom": { "zoom": draw.real(0.8, 1.3) } }),
        4 if axes == 3 => json!({ "rotate": { "angle": angles, "padding": "border" } }),
        4 => json!({ "rotate": { "angle": draw.real(-0.4, 0.4) } }),
        5 if axes == 3 => json!({ "deshear": {} }),
        5 => json!({ "flip": { "spatial_axis": 0 } }),
        _ => json!({ "resample_to": { "reference": "other" } }),
    }
}

pub(super) fn check(draw: &mut Draw) -> Tally {
    let native = grid(draw, 24);
    let other = draw.grid_near(&native, false);
    let steps: Vec<Value> = (0..draw.int(1, 4))
        .map(|_| match draw.int(0, 2) {
            0 => exact_step(draw, native.axes()),
            _ => step(draw, &native),
        })
        .map(|mut step| {
            step.as_object_mut().unwrap().values_mut().for_each(|p| p["keys"] = json!(["image", "label"]));
            step
        })
        .collect();
    // A period of 8 to 40 voxels of the source.
    let pace = 2.0 * std::f64::consts::PI / draw.real(8.0, 40.0);
    let direction = [0; 3].map(|_| draw.real(-1.0, 1.0));
    let spacing = native.spacing().into_iter().fold(0.0, f64::max);
    let wave = direction.map(|v| v * pace / spacing);
    let phase = draw.real(0.0, 6.0);
    let field = |world: [f64; 3]| (0..3).map(|a| wave[a] * world[a]).sum::<f64>() + phase;
    let centre = native.index_to_world(native.shape().map(|n| n as f64 / 2.0));
    let field = |world: [f64; 3]| field([0, 1, 2].map(|a| world[a] - centre[a])).sin();
    let samples: Vec<f64> =
        (0..native.voxel_count()).map(|i| field(native.index_to_world(place(i, native.shape())))).collect();
    let image = Volume::new(samples.into(), native, Kind::Image, 1).unwrap();
    let label: Vec<u8> = (0..native.voxel_count()).map(|_| 20 + draw.int(0, 3) as u8).collect();
    let label = Volume::new(label.into(), native, Kind::Label, 1).unwrap();
    let reference = Volume::new(vec![0u8; other.voxel_count()].into(), other, Kind::Image, 1).unwrap();
    let volumes = [("image", &image), ("label", &label), ("other", &reference)];
    let Some(ran) = run(&volumes, &steps, draw.int(0, 1) == 0) else {
        return Tally { refused: 1, ..Tally::default() };
    };
    let mut tally = Tally { plans: 1, ..Tally::default() };
    let grids = ran.grids("image", &native);
    let (reads, bound) = passes(&ran, &native, &wave);
    let result = &ran.results["image"];
    for (position, value) in values(result).into_iter().enumerate() {
        let world = result.grid().index_to_world(place(position, result.grid().shape()));
        if deep(&grids, &reads, 0.0, world) {
            let off = (value - field(world)).abs();
            assert!(off <= bound + 1e-6, "{}: voxel {position} is off by {off}, bound {bound}", ran.text);
            tally.bounded += 1;
            tally.share = tally.share.max(off / (bound + 1e-6));
        }
    }
    let back = ran.back("image", &Recipe { interpolation: Some(Interpolation::Linear), ..Default::default() });
    assert_eq!(back.volume.grid(), &native, "{}", ran.text);
    let model = result.grid();
    let bound = bound + if back.interpolation.is_some() { error(model, &wave) } else { 0.0 };
    for (position, value) in values(&back.volume).into_iter().enumerate() {
        let world = native.index_to_world(place(position, native.shape()));
        if deep(&grids, &reads, diagonal(model), world) {
            let off = (value - field(world)).abs();
            assert!(off <= bound + 1e-6, "{}: voxel {position} comes back off by {off}, bound {bound}", ran.text);
            tally.bounded += 1;
            tally.share = tally.share.max(off / (bound + 1e-6));
        }
    }
    tally.unseen = ran.unseen_is_unseen("image", &native, &back.coverage.unwrap());
    tally.points = ran.points_follow("image", &native, draw);
    ran.no_label_is_invented("label", &label);
    tally
}

/// What a pass that reads from a grid can be off by.
fn error(grid: &Grid, wave: &[f64; 3]) -> f64 {
    let along = |column: [f64; 3]| (0..3).map(|r| wave[r] * column[r]).sum::<f64>().powi(2);
    columns(grid.affine()).into_iter().map(along).sum::<f64>() / 8.0
}

/// The longest way through a voxel, mm: what a pass reads lies no farther from where it reads.
fn diagonal(grid: &Grid) -> f64 {
    columns(grid.affine()).into_iter().map(|c| c.iter().map(|v| v * v).sum::<f64>().sqrt()).sum()
}

/// By step, how far it reads (0 where it only copies), and the sum of the errors of those that interpolate.
fn passes(ran: &Ran, native: &Grid, wave: &[f64; 3]) -> (Vec<f64>, f64) {
    let grids = ran.grids("image", native);
    let (mut reads, mut bound) = (Vec::new(), 0.0);
    for (step, before) in ran.traces["image"].steps.iter().zip(&grids) {
        let lossy = step.fidelity == revoxel_core::Fidelity::Lossy;
        reads.push(if lossy { diagonal(before) } else { 0.0 });
        bound += if lossy { error(before, wave) } else { 0.0 };
    }
    (reads, bound)
}

/// Whether a place, and all that is read for it, lies between voxels of every grid on the way. `reach` is how far the
/// pass reads that asks.
fn deep(grids: &[Grid], reads: &[f64], reach: f64, world: [f64; 3]) -> bool {
    let mut reach = reach;
    for (number, grid) in grids.iter().enumerate().rev() {
        // The step that made this grid reads around what is wanted of it.
        let inverse = grid.world_to_index();
        let (at, rows) = (inverse.apply(world), inverse.rows());
        for a in 0..3 {
            let margin = rows[a][..3].iter().map(|v| v * v).sum::<f64>().sqrt() * reach;
            let end = grid.shape()[a] as f64 - 1.0;
            // Across a single slice there is nothing to read between.
            if at[a] - margin < -1e-6 || at[a] + margin > end + 1e-6 {
                return false;
            }
        }
        if let Some(before) = number.checked_sub(1) {
            reach += reads[before];
        }
    }
    true
}
