//! Traces: what can be parsed prints and parses again the same, and predictions on small grids come back onto the grid
//! of the source, as do points.

use revoxel_core::testing::Draw;
use revoxel_core::{Grid, Kind, Volume};
use revoxel_invert::points::{PointMap, Side, Space};
use revoxel_invert::{Recipe, Trace, TraceStep, VolumeTrace};
use serde_json::{Value, json};

use crate::mutate::{NUMBERS, one, plain};

/// The most voxels of a grid that is inverted.
const MOST_VOXELS: usize = 4096;

/// Parses an input, and inverts tiny predictions.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let trace = match Trace::from_json(text) {
        Ok(trace) => trace,
        Err(e) => {
            assert!(!e.to_string().is_empty());
            return;
        }
    };
    let printed = trace.to_json();
    let again = Trace::from_json(&printed).unwrap_or_else(|e| panic!("what was printed is refused: {e}\n{printed}"));
    assert_eq!(again.to_json(), printed);
    for (key, volume) in trace.volumes.iter().take(2) {
        let steps = trace.steps(key).expect("the steps were checked");
        let grids = steps.iter().flat_map(|s| [*s.before(), *s.after()]);
        let (Ok(native), Ok(model)) = (volume.native(), volume.result.grid.grid()) else { continue };
        let small = |grid: &Grid| grid.voxel_count() <= MOST_VOXELS;
        if !grids.chain([native, model]).all(|g| small(&g)) || steps.len() > 12 {
            continue;
        }
        back(volume, &native, &model);
    }
}

fn back(volume: &VolumeTrace, native: &Grid, model: &Grid) {
    for (kind, channels) in [(Kind::Label, 1), (Kind::Logit, 2), (Kind::Image, 1)] {
        let count = model.voxel_count() * channels;
        let prediction = match kind {
            Kind::Label => Volume::new((0..count).map(|i| (i % 3) as u8).collect::<Vec<_>>().into(), *model, kind, 1),
            _ => Volume::new((0..count).map(|i| (i % 7) as f32).collect::<Vec<_>>().into(), *model, kind, channels),
        };
        let prediction = prediction.expect("as many values as voxels");
        let options = Recipe { argmax: kind == Kind::Logit, coverage: true, ..Recipe::default() };
        let Ok(inverted) = volume.invert(prediction.clone(), options) else { continue };
        assert_eq!(inverted.volume.grid(), native);
        let coverage = inverted.coverage.expect("it was asked for");
        let unseen = coverage.voxels().bytes().iter().filter(|b| **b == 0).count();
        assert_eq!(unseen, inverted.unseen);
        if kind == Kind::Label {
            let invented = (0..inverted.volume.voxels().len()).find(|i| inverted.volume.voxels().get(*i) > 2.0);
            assert!(invented.is_none(), "a label that the prediction does not have");
        }
    }
    if let Ok(map) = PointMap::new(volume) {
        let (point, _) = map.point([1.0, 0.5, 0.25], Side::Native, Space::Index, Space::Index);
        let _ = map.point(point, Side::Model, Space::Index, Space::Index);
    }
    let _ = volume.undos();
}

/// Changes one node of the document.
pub fn mutate(bytes: &mut Vec<u8>, draw: &mut Draw) {
    let Ok(mut document) = serde_json::from_slice::<Value>(bytes) else { return plain(bytes, draw) };
    let donor = document.clone();
    let depth = draw.int(1, 9);
    change(&mut document, &donor, depth, draw);
    *bytes = document.to_string().into_bytes();
}

fn change(node: &mut Value, donor: &Value, depth: i64, draw: &mut Draw) {
    let inner = depth > 0;
    match node {
        Value::Object(map) if inner && !map.is_empty() => {
            let keys: Vec<String> = map.keys().cloned().collect();
            let key = one(draw, &keys);
            if draw.int(0, 24) == 0 {
                map.remove(key);
            } else {
                change(&mut map[key], donor, depth - 1, draw);
            }
        }
        Value::Array(list) if inner && !list.is_empty() => {
            let at = draw.int(0, list.len() as i64 - 1) as usize;
            match draw.int(0, 24) {
                0 => drop(list.remove(at)),
                1 => list.push(list[at].clone()),
                2 => list.swap(at, 0),
                _ => change(&mut list[at], donor, depth - 1, draw),
            }
        }
        Value::Number(_) => {
            *node = match draw.int(0, 4) {
                0 => (*one(draw, &NUMBERS)).into(),
                1 => json!(draw.real(-3.0, 3.0)),
                2 => json!(*one(draw, &[1e308, 1e-308, 1e30, 0.5, 1e-9])),
                _ => draw.int(-2, 9).into(),
            }
        }
        Value::Bool(b) => *b = !*b,
        Value::String(text) if draw.int(0, 1) == 0 => {
            let words =
                ["image", "label", "logit", "linear", "nearest", "cubic", "exact", "lossy", "uint8", "float32", ""];
            *text = (*one(draw, &words)).to_owned();
        }
        _ => *node = other(donor, draw),
    }
}

/// Some node of a document.
fn other(node: &Value, draw: &mut Draw) -> Value {
    match node {
        Value::Object(map) if draw.int(0, 4) > 0 && !map.is_empty() => {
            let all: Vec<&Value> = map.values().collect();
            other(*one(draw, &all), draw)
        }
        Value::Array(list) if draw.int(0, 4) > 0 && !list.is_empty() => other(one(draw, list), draw),
        found => found.clone(),
    }
}

/// Traces of random ops on random grids, and of the steps that record more than ops.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = (1..9).map(|n| random(&mut Draw::new(n)).to_string().into_bytes()).collect();
    for steps in [
        json!([{ "spacing": { "pixdim": [1, 2, 1] } }, { "scale_intensity": { "minv": 0, "maxv": 1 } }]),
        json!([{ "rand_elastic": { "prob": 1, "max_displacement_mm": 2, "num_control_points": 5 } }]),
        json!([{ "rand_gaussian_noise": { "prob": 1, "std": 0.05 } }, { "rand_bias_field": { "prob": 1 } }]),
        json!([{ "spatial_pad": { "spatial_size": 8, "mode": "reflect" } }, { "orientation": { "axcodes": "LPS" } }]),
        json!([{ "rotate": { "angle": [0.1, 0.2, 0.3], "padding": "reflection" } }, { "normalize_intensity": {} }]),
        json!([{ "spacing": { "pixdim": [2, 2, 2], "rule": "nnunet", "separate_z": "auto", "interpolation": { "image": "cubic" } } }]),
    ] {
        if let Some(trace) = ran(&steps) {
            seeds.push(trace.to_string().into_bytes());
        }
    }
    seeds
}

fn document(native: &Grid, model: &Grid, steps: &[TraceStep]) -> Value {
    let grid = |g: &Grid| json!(revoxel_invert::GridRecord::from(g));
    json!({
        "schema": "revoxel-trace", "version": 1, "tool": "t", "case": "a", "pipeline": { "name": "p", "hash": "h" },
        "volumes": { "image": {
            "kind": "image",
            "source": { "path": "a.nii", "format": "NIfTI-1", "grid": grid(native), "dtype": "int16", "channels": 1 },
            "ties": "alternate",
            "steps": steps,
            "result": { "grid": grid(model), "dtype": "float32" },
        } },
    })
}

fn random(draw: &mut Draw) -> Value {
    let native = draw.grid(6);
    let mut grid = native;
    let mut steps = Vec::new();
    for number in 0..draw.int(1, 4) {
        let op = draw.op(&grid);
        let Ok((step, after)) = TraceStep::spatial(&format!("s{number}"), Value::Null, &grid, &[op]) else { break };
        steps.push(step);
        grid = after;
    }
    document(&native, &grid, &steps)
}

/// The trace of steps that were run.
fn ran(steps: &Value) -> Option<Value> {
    use revoxel_pipeline::Pipeline;
    use revoxel_runner::engine::Engine;

    let text = json!({
        "version": 1, "inputs": { "image": { "kind": "image", "path": "{case}.nii" } }, "steps": steps, "outputs": {},
        "trace": "{case}.json",
    });
    let registry = revoxel::registry();
    let pipeline = Pipeline::parse("p", &text.to_string(), &[], &registry).ok()?;
    let native = Draw::new(5).grid(6);
    let values: Vec<i16> = (0..native.voxel_count()).map(|i| (i * 7 % 50) as i16).collect();
    let volume = Volume::new(values.into(), native, Kind::Image, 1).ok()?;
    let mut engine = Engine::new([("image".to_owned(), volume)].into(), pipeline.fuse);
    engine.run(pipeline.drawn("a")).ok()?;
    let done = engine.finish(&Default::default()).ok()?.remove("image")?;
    Some(document(&native, done.volume.grid(), &done.steps))
}
