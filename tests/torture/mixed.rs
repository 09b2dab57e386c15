//! Steps of all sorts, random ones and such that change values among them: plan and run agree, no label is invented,
//! and what comes back lies on the grid of the source.

use std::collections::BTreeSet;

use revoxel_core::testing::Draw;
use revoxel_core::{Kind, Volume};
use revoxel_invert::{Recipe, Values};
use serde_json::json;

use super::Tally;
use super::chain::grid;
use crate::plan_is_run::{agree, step};
use crate::support::{run_drawing, traced, values};

pub(super) fn check(draw: &mut Draw) -> Tally {
    agree(draw.bits()).unwrap_or_else(|e| panic!("{e}"));
    let native = grid(draw, 12);
    let image: Vec<i16> = (0..native.voxel_count()).map(|_| draw.int(0, 100) as i16).collect();
    let image = Volume::new(image.into(), native, Kind::Image, 1).unwrap();
    let label: Vec<u8> = (0..native.voxel_count()).map(|_| 20 + draw.int(0, 3) as u8).collect();
    let label = Volume::new(label.into(), native, Kind::Label, 1).unwrap();
    let other = Volume::new(vec![1u8; 60].into(), small(draw, &native), Kind::Image, 1).unwrap();
    let mut steps: Vec<_> = (0..draw.int(1, 4)).map(|_| step(draw)).collect();
    for step in &mut steps {
        let keys = if step.get("scale_intensity").is_some() { json!(["image"]) } else { json!(["image", "label"]) };
        step.as_object_mut().unwrap().values_mut().for_each(|p| p["keys"] = keys.clone());
    }
    let volumes = vec![("image", image), ("label", label), ("other", other)];
    let seed = draw.bits();
    let Ok(results) = run_drawing(volumes, &steps, seed, "case") else {
        return Tally { refused: 1, plans: 1, ..Tally::default() };
    };
    for (key, done) in results.into_iter().filter(|(key, _)| key != "other") {
        let kind = done.volume.kind();
        let trace = traced((kind, 1, &native), done.volume.grid(), &done.steps);
        let back = trace
            .invert(done.volume.clone(), Recipe { coverage: true, ..Recipe::default() })
            .unwrap_or_else(|e| panic!("{steps:?}: {e}"));
        assert_eq!(back.volume.grid(), &native, "{steps:?}");
        if key == "label" {
            let known: BTreeSet<i64> = values(&done.volume).iter().map(|v| *v as i64).collect();
            let invented = known.iter().find(|v| !(20..=23).contains(*v) && ![0, -7].contains(*v));
            assert!(invented.is_none(), "{steps:?}: {invented:?}");
            let came = values(&back.volume).iter().map(|v| *v as i64).find(|v| !known.contains(v) && *v != 0);
            assert!(came.is_none(), "{steps:?}: {came:?} came back");
        } else {
            // Values in the units of the source, or a refusal that names the step.
            if let Err(e) = trace.undo_values(done.volume.clone(), Values::Undo) {
                assert!(e.to_string().contains("step "), "{steps:?}: {e}");
            }
        }
    }
    Tally { plans: 1, ..Tally::default() }
}

/// A grid of 60 voxels near another.
fn small(draw: &mut Draw, native: &revoxel_core::Grid) -> revoxel_core::Grid {
    let near = draw.grid_near(native, true);
    revoxel_core::Grid::new([5, 4, 3], *near.affine()).unwrap()
}
