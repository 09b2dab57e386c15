//! What `plan` says of random pipelines is what a run does: grids, passes, interpolations and voxel types.

use std::collections::BTreeMap;

use proptest::prelude::*;
use revoxel_core::testing::Draw;
use revoxel_core::{Grid, Kind, Volume};
use revoxel_pipeline::{KnownGrid, Pipeline};
use revoxel_runner::engine::Engine;
use serde_json::{Value, json};

use crate::support::pipeline_text;

/// Steps of all sorts: exact, padded, lossy, of values, and such that look at voxels.
pub(crate) fn step(draw: &mut Draw) -> Value {
    let mut pick = |all: &[&str]| all[draw.int(0, all.len() as i64 - 1) as usize].to_owned();
    let (letters, mode) =
        (pick(&["RAS", "LPS", "PIR", "SLA"]), pick(&["constant", "edge", "mean", "reflect", "minimum"]));
    let (rule, padding) =
        (pick(&["monai", "nnunet", "torchio", "center"]), pick(&["border", "reflection", "zeros", "minimum"]));
    let interpolation = pick(&["linear", "cubic", "nearest"]);
    let mut size = || 4 + draw.int(0, 9);
    let sizes = json!([size(), size(), size()]);
    let real = |draw: &mut Draw, low: f64, high: f64| (draw.real(low, high) * 10.0).round() / 10.0;
    let pixdim = json!([real(draw, 0.5, 3.0), real(draw, 0.5, 3.0), real(draw, 0.5, 3.0)]);
    match draw.int(0, 17) {
        0 => json!({ "orientation": { "axcodes": letters } }),
        1 => json!({ "flip": { "spatial_axis": draw.int(0, 2) } }),
        2 => json!({ "spatial_pad": { "spatial_size": sizes, "mode": mode } }),
        3 if mode == "constant" => json!({ "border_pad": { "spatial_border": draw.int(1, 3), "value": -7 } }),
        3 => json!({ "border_pad": { "spatial_border": draw.int(1, 3), "mode": mode } }),
        4 => json!({ "resize_with_pad_or_crop": { "spatial_size": sizes } }),
        5 => json!({ "center_spatial_crop": { "roi_size": sizes } }),
        6 => json!({ "spacing": { "pixdim": pixdim, "rule": rule, "padding": padding } }),
        7 => {
            json!({ "spacing": { "pixdim": pixdim, "interpolation": { "image": interpolation }, "clip": interpolation == "cubic" } })
        }
        8 => {
            json!({ "spacing": { "pixdim": pixdim, "rule": "nnunet", "interpolation": { "image": "cubic", "label": "label_nearest" },
            "boundary": "edge", "separate_z": "auto", "anisotropy_threshold": 1.5, "through_plane": "nearest" } })
        }
        9 => json!({ "spacing": { "pixdim": pixdim, "anti_alias": true } }),
        10 => json!({ "resize": { "spatial_size": sizes, "interpolation": { "label": "label" } } }),
        11 => json!({ "resize": { "spatial_size": sizes, "area": true } }),
        12 => json!({ "rotate": { "angle": [0.2, -0.1, 0.3], "padding": padding } }),
        13 => json!({ "resample_to": { "reference": "other" } }),
        14 => json!({ "scale_intensity": { "minv": 0, "maxv": 1 } }),
        15 => json!({ "rand_flip": { "prob": 0.5, "spatial_axis": 0 } }),
        16 => json!({ "rand_zoom": { "prob": 0.5, "min_zoom": 0.8, "max_zoom": 1.2 } }),
        _ => {
            json!({ "crop_foreground": { "source": "image", "above": 50, "allow_smaller": true, "on_empty": "keep" } })
        }
    }
}

fn volume(draw: &mut Draw, grid: Grid, kind: Kind) -> Volume {
    let high = if kind == Kind::Label { 3 } else { 100 };
    let values: Vec<i16> = (0..grid.voxel_count()).map(|_| draw.int(0, high) as i16).collect();
    Volume::new(values.into(), grid, kind, 1).unwrap()
}

/// Whether the pipeline of this seed does what its plan says.
pub(crate) fn agree(seed: u64) -> Result<(), TestCaseError> {
    agree_after(&[], seed)
}

/// [`agree`] of a pipeline that begins with these steps.
fn agree_after(first: &[Value], seed: u64) -> Result<(), TestCaseError> {
    let mut draw = Draw::new(seed);
    let grid = draw.grid(9);
    let other = draw.grid_near(&grid, false);
    let volumes = BTreeMap::from([
        ("image".to_owned(), volume(&mut draw, grid, Kind::Image)),
        ("label".to_owned(), volume(&mut draw, grid, Kind::Label)),
        ("other".to_owned(), volume(&mut draw, other, Kind::Image)),
    ]);
    let others: Vec<Value> = (0..draw.int(1, 6)).map(|_| step(&mut draw)).collect();
    let mut steps: Vec<Value> = first.iter().cloned().chain(others).collect();
    for step in &mut steps {
        let spatial = step.get("scale_intensity").is_none();
        let keys = if spatial { json!(["image", "label"]) } else { json!(["image"]) };
        step.as_object_mut().unwrap().values_mut().for_each(|p| p["keys"] = keys.clone());
    }
    if draw.int(0, 4) == 0 {
        steps.push(json!({ "resize": { "keys": ["label"], "spatial_size": 7 } }));
    }
    let kinds = [("image", Kind::Image), ("label", Kind::Label), ("other", Kind::Image)];
    let mut document: Value = serde_json::from_str(&pipeline_text(&kinds, &steps)).unwrap();
    if draw.int(0, 3) == 0 {
        document["fuse"] = json!("resampling");
    }
    let text = document.to_string();
    let pipeline = Pipeline::parse("test.yaml", &text, &[], &revoxel::registry()).unwrap_or_else(|e| panic!("{e}"));
    prop_assert!(pipeline.portable().is_some(), "{}", text);
    let known = |(key, v): (&String, &Volume)| {
        let known = KnownGrid { grid: *v.grid(), kind: v.kind(), channels: Some(1), dtype: Some(v.dtype()) };
        (key.clone(), known)
    };
    let plan = pipeline.plan_volumes(&volumes.iter().map(known).collect(), Some("case"));
    let mut engine = Engine::new(volumes, pipeline.fuse);
    let run = engine.run(pipeline.drawn("case"));
    let plan = match (plan, run) {
        (Ok(plan), Ok(())) => plan,
        // Only a step that looks at voxels may fail in the run alone.
        (Ok(plan), Err(failure)) => {
            let step = &plan.steps[failure.step];
            let known = step.volumes.iter().all(|(_, p)| p.after.is_some());
            prop_assert!(!known, "{}: {}", text, failure);
            return Ok(());
        }
        (Err(failure), Err(_)) => {
            let _ = failure;
            return Ok(());
        }
        (Err(failure), Ok(())) => return Err(TestCaseError::fail(format!("{text}: {failure}"))),
    };
    for (key, last) in engine.last() {
        let mut records = last.steps.iter();
        for (number, step) in plan.steps.iter().enumerate() {
            let Some((_, planned)) = step.volumes.iter().find(|(k, _)| *k == key) else { continue };
            let Some(record) = records.next() else { break };
            prop_assert_eq!(step.name, &record.transform, "{}", text);
            if let Some(after) = planned.after {
                prop_assert_eq!(after, record.after.grid().unwrap(), "step {} of {}: {}", number + 1, key, text);
                prop_assert_eq!(planned.interpolation, record.interpolation.map(|i| i.name()), "{} {}", key, text);
            } else if let Some(outline) = planned.outline {
                let grid = record.after.grid().unwrap();
                let place = format!("step {} of {key}: {text}", number + 1);
                outline.shape().map_or(Ok(()), |shape| {
                    prop_assert_eq!(shape, grid.shape(), "{}", place);
                    Ok(())
                })?;
                outline.orientation().map_or(Ok(()), |axes| {
                    prop_assert_eq!(axes, grid.orientation(), "{}", place);
                    Ok(())
                })?;
                let near = |mm: [f64; 3]| (0..3).all(|a| (mm[a] - grid.spacing()[a]).abs() < 1e-9 * mm[a]);
                prop_assert!(outline.spacing().is_none_or(near), "{outline:?}, {grid}: {place}");
            }
        }
        let (passes, dtype, end) = (last.passes(), last.dtype(None), *last.grid());
        let done = last.whole(None).unwrap();
        prop_assert_eq!((done.volume.dtype(), done.volume.grid()), (dtype, &end));
        let Some(planned) = &plan.volumes[&key] else { continue };
        prop_assert_eq!((planned.grid, planned.passes), (end, passes), "{}: {}", key, text);
        prop_assert_eq!(planned.kind, done.volume.kind());
        planned.dtype.map_or(Ok(()), |planned| {
            prop_assert_eq!(planned, dtype, "{}: {}", key, text);
            Ok(())
        })?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn plan_and_run_agree(seed: u64) {
        agree(seed)?;
    }

    #[test]
    fn what_is_known_behind_a_crop_that_depends_on_voxels_is_so(seed: u64) {
        let crop = json!({ "crop_foreground": { "source": "image", "above": 80, "allow_smaller": true, "on_empty": "keep" } });
        agree_after(&[crop], seed)?;
    }
}
