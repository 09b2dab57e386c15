//! Chains that only copy voxels: each voxel is the source's at the same place of the world, bit for bit, or padding;
//! and so it is on the way back.

use revoxel_core::testing::Draw;
use revoxel_core::{Grid, Kind, Volume};
use revoxel_invert::Recipe;

use super::Tally;
use super::chain::{PADDING, exact_step, grid, place, run};
use crate::support::values;

/// What the way back puts where the model saw nothing.
const FILL: f64 = 77.0;

pub(super) fn check(draw: &mut Draw) -> Tally {
    let native = grid(draw, 14);
    let axes = native.axes();
    // Every voxel of the image has a value of its own, so that none can be mistaken for another.
    let image: Vec<i32> = (0..native.voxel_count()).map(|i| 1000 + i as i32).collect();
    let image = Volume::new(image.into(), native, Kind::Image, 1).unwrap();
    let label: Vec<u8> = (0..native.voxel_count()).map(|_| draw.int(1, 5) as u8).collect();
    let label = Volume::new(label.into(), native, Kind::Label, 1).unwrap();
    let steps: Vec<_> = (0..draw.int(1, 6)).map(|_| exact_step(draw, axes)).collect();
    let Some(ran) = run(&[("image", &image), ("label", &label)], &steps, draw.int(0, 1) == 0) else {
        return Tally { refused: 1, ..Tally::default() };
    };
    let mut copied = 0;
    for (key, source) in [("image", &image), ("label", &label)] {
        let (result, grids) = (&ran.results[key], ran.grids(key, &native));
        let all = values(source);
        let cell = |index: [f64; 3], of: &Grid| cell(&grids, index, of);
        for (position, value) in values(result).into_iter().enumerate() {
            let index = place(position, result.grid().shape());
            match cell(index, result.grid()) {
                Some(from) => assert_eq!(value, all[from], "{}: {key} at {index:?}", ran.text),
                None => assert!(PADDING.contains(&value), "{}: {key} at {index:?} holds {value}", ran.text),
            }
            copied += 1;
        }
        let back = ran.back(key, &Recipe { fill: Some(FILL), ..Recipe::default() });
        assert_eq!((back.volume.grid(), back.interpolation), (&native, None), "{}", ran.text);
        let seen = values(&back.coverage.unwrap());
        for (position, value) in values(&back.volume).into_iter().enumerate() {
            let index = place(position, native.shape());
            let expected = cell(index, &native).map(|from| all[from]);
            assert_eq!(value, expected.unwrap_or(FILL), "{}: {key} back at {index:?}", ran.text);
            assert_eq!(seen[position] == 1.0, expected.is_some(), "{}: {key} at {index:?}", ran.text);
        }
        assert_eq!(back.unseen, seen.iter().filter(|s| **s == 0.0).count(), "{}", ran.text);
    }
    ran.no_label_is_invented("label", &label);
    let back = ran.back("image", &Recipe::default());
    let unseen = ran.unseen_is_unseen("image", &native, &back.coverage.unwrap());
    Tally { copied, unseen, points: ran.points_follow("image", &native, draw), plans: 1, ..Tally::default() }
}

/// The voxel of the first grid at the place of a voxel of another one, where no grid on the way leaves it out.
fn cell(grids: &[Grid], index: [f64; 3], of: &Grid) -> Option<usize> {
    let mut found = None;
    for grid in grids {
        let at = of.index_map_to(grid).apply(index);
        let whole = at.map(f64::round);
        for a in 0..3 {
            assert!((at[a] - whole[a]).abs() < 1e-6, "{at:?} is between voxels");
            if whole[a] < 0.0 || whole[a] >= grid.shape()[a] as f64 {
                return None;
            }
        }
        let [nx, ny, _] = grids[0].shape();
        found = found.or(Some(whole[0] as usize + nx * (whole[1] as usize + ny * whole[2] as usize)));
    }
    found
}
