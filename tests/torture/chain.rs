//! What the checks share: a pipeline of spatial steps that was planned and run, and its trace as read from its file.

use std::collections::{BTreeMap, BTreeSet};

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Grid, Kind, Volume};
use revoxel_invert::points::{PointMap, Side, Space};
use revoxel_invert::{Inverted, Recipe, TraceStep, VolumeTrace};
use revoxel_pipeline::{KnownGrid, Pipeline};
use revoxel_runner::engine::Engine;
use serde_json::{Value, json};

use crate::support::{pipeline_text, traced, values};

/// What padding puts into volumes.
pub(super) const PADDING: [f64; 2] = [0.0, 9.0];

/// A grid of up to `most` voxels along each axis: sometimes thin, sometimes 2-D.
pub(super) fn grid(draw: &mut Draw, most: i64) -> Grid {
    let affine = draw.affine();
    let mut shape = [0; 3].map(|_| draw.int(most / 2, most) as usize);
    match draw.int(0, 7) {
        0 => shape[draw.int(0, 2) as usize] = draw.int(1, 2) as usize,
        1 => {
            // A 2-D file knows nothing of its third axis: it is at right angles to the others.
            let [x, y, _] = columns(&affine);
            let normal = [x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]];
            let length = normal.iter().map(|v| v * v).sum::<f64>().sqrt();
            let rows = [0, 1, 2].map(|r| [x[r], y[r], normal[r] / length, affine.rows()[r][3]]);
            shape[2] = 1;
            return Grid::new(shape, Affine::from_rows(rows)).unwrap().planar();
        }
        _ => {}
    }
    Grid::new(shape, affine).unwrap()
}

/// The columns of an affine: one voxel along each axis, mm.
pub(super) fn columns(affine: &Affine) -> [[f64; 3]; 3] {
    let rows = affine.rows();
    [0, 1, 2].map(|a| [0, 1, 2].map(|r| rows[r][a]))
}

/// A step that only copies voxels.
pub(super) fn exact_step(draw: &mut Draw, axes: usize) -> Value {
    let letters = ["RAS", "LPS", "PIR", "SLA", "ASR", "IPL"][draw.int(0, 5) as usize];
    let sizes: Vec<i64> = (0..axes).map(|_| draw.int(3, 18)).collect();
    let value = PADDING[draw.int(0, 1) as usize];
    let turn = [[2, 0, 1], [1, 2, 0], [0, 2, 1]][draw.int(0, 2) as usize];
    let (a, b) = [(0, 1), (1, 0), (0, axes - 1)][draw.int(0, 2) as usize];
    match draw.int(0, 9) {
        0 if axes == 3 => json!({ "orientation": { "axcodes": letters } }),
        0 | 1 => json!({ "flip": { "spatial_axis": draw.int(0, axes as i64 - 1) } }),
        2 => json!({ "rotate90": { "k": draw.int(1, 3), "spatial_axes": [a, b] } }),
        3 if axes == 3 => {
            json!({ "transpose": { "indices": turn } })
        }
        3 | 4 => json!({ "spatial_pad": { "spatial_size": sizes, "value": value } }),
        5 => json!({ "border_pad": { "spatial_border": draw.int(1, 4), "value": value } }),
        6 => json!({ "divisible_pad": { "k": draw.int(2, 5), "value": value } }),
        7 => json!({ "center_spatial_crop": { "roi_size": sizes } }),
        8 => json!({ "resize_with_pad_or_crop": { "spatial_size": sizes, "value": value } }),
        _ => {
            let start: Vec<i64> = (0..axes).map(|_| draw.int(0, 3)).collect();
            let end: Vec<i64> = start.iter().map(|s| s + draw.int(3, 12)).collect();
            json!({ "spatial_crop": { "roi_start": start, "roi_end": end } })
        }
    }
}

/// A pipeline that ran.
pub(super) struct Ran {
    pub(super) text: String,
    /// By key: the volume after the last step.
    pub(super) results: BTreeMap<String, Volume>,
    /// By key, as another program reads it.
    pub(super) traces: BTreeMap<String, VolumeTrace>,
}

/// Plans and runs steps, and holds the plan against the run. `None` where both refuse.
pub(super) fn run(volumes: &[(&str, &Volume)], steps: &[Value], fuse: bool) -> Option<Ran> {
    let kinds: Vec<(&str, Kind)> = volumes.iter().map(|(key, v)| (*key, v.kind())).collect();
    let mut document: Value = serde_json::from_str(&pipeline_text(&kinds, steps)).unwrap();
    if fuse {
        document["fuse"] = json!("resampling");
    }
    let text = document.to_string();
    let pipeline = Pipeline::parse("torture.yaml", &text, &[], &revoxel::registry()).unwrap_or_else(|e| panic!("{e}"));
    let volumes: BTreeMap<String, Volume> = volumes.iter().map(|(key, v)| ((*key).to_owned(), (*v).clone())).collect();
    let known = |(key, v): (&String, &Volume)| {
        let known = KnownGrid { grid: *v.grid(), kind: v.kind(), channels: Some(1), dtype: Some(v.dtype()) };
        (key.clone(), known)
    };
    let plan = pipeline.plan_volumes(&volumes.iter().map(known).collect(), Some("case"));
    let mut engine = Engine::new(volumes.clone(), pipeline.fuse);
    let ran = engine.run(pipeline.drawn("case"));
    let plan = match (plan, ran) {
        (Ok(plan), Ok(())) => plan,
        (Err(_), Err(_)) => return None,
        (Ok(_), Err(e)) => panic!("{text}: planned, but it does not run: {e}"),
        (Err(e), Ok(())) => panic!("{text}: runs, but the plan refuses it: {e}"),
    };
    let (mut results, mut traces) = (BTreeMap::new(), BTreeMap::new());
    for (key, last) in engine.last() {
        let planned = plan.volumes[&key].unwrap_or_else(|| panic!("{text}: {key} has no planned grid"));
        let dtype = last.dtype(None);
        assert_eq!((planned.grid, planned.passes), (*last.grid(), last.passes()), "{text}: {key}");
        assert!(planned.dtype.is_none_or(|d| d == dtype), "{text}: {key}: {:?}, {dtype:?}", planned.dtype);
        let source = &volumes[&key];
        let done = last.whole(None).unwrap();
        assert_eq!((*done.volume.grid(), done.volume.dtype()), (planned.grid, dtype), "{text}: {key}");
        let trace = traced((source.kind(), 1, source.grid()), done.volume.grid(), &done.steps);
        traces.insert(key.clone(), trace);
        results.insert(key, done.volume);
    }
    Some(Ran { text, results, traces })
}

impl Ran {
    /// The result of a volume, brought back by the trace's file.
    pub(super) fn back(&self, key: &str, options: &Recipe) -> Inverted {
        let options = Recipe { coverage: true, ..options.clone() };
        self.traces[key].invert(self.results[key].clone(), options).unwrap_or_else(|e| panic!("{}: {e}", self.text))
    }

    /// The grids on the way of a volume, from the first to the last.
    pub(super) fn grids(&self, key: &str, native: &Grid) -> Vec<Grid> {
        let after = |step: &TraceStep| step.after.grid().unwrap();
        std::iter::once(*native).chain(self.traces[key].steps.iter().map(after)).collect()
    }

    /// No label but those that the source has and padding puts in, there and back.
    pub(super) fn no_label_is_invented(&self, key: &str, source: &Volume) {
        let set = |v: &Volume| -> BTreeSet<i64> { values(v).iter().map(|x| *x as i64).collect() };
        let mut known = set(source);
        known.extend(PADDING.map(|v| v as i64));
        let found = set(&self.results[key]);
        assert!(found.is_subset(&known), "{}: {found:?}, known {known:?}", self.text);
        let back = set(&self.back(key, &Recipe::default()).volume);
        assert!(back.is_subset(&known), "{}: back {back:?}, known {known:?}", self.text);
    }

    /// Points of the source stay where they are in the world, and come back. How many there were.
    pub(super) fn points_follow(&self, key: &str, native: &Grid, draw: &mut Draw) -> u64 {
        let map = PointMap::new(&self.traces[key]).unwrap();
        let model = *self.results[key].grid();
        let scale = native.corner_centres().iter().flatten().fold(1.0, |m: f64, v| m.max(v.abs()));
        for _ in 0..8 {
            let index = native.shape().map(|n| draw.real(-1.0, n as f64));
            let world = native.index_to_world(index);
            let (there, _) = map.point(index, Side::Native, Space::Index, Space::Index);
            let moved = distance(model.index_to_world(there), world);
            assert!(moved <= 1e-9 * scale, "{}: {index:?} went to {there:?}, off by {moved} mm", self.text);
            let (back, _) = map.point(there, Side::Model, Space::Index, Space::Index);
            assert!(distance(native.index_to_world(back), world) <= 1e-9 * scale, "{}: {back:?}", self.text);
        }
        8
    }

    /// A voxel that was not seen has no place in it that all grids on the way cover. How many there are.
    pub(super) fn unseen_is_unseen(&self, key: &str, native: &Grid, coverage: &Volume) -> u64 {
        let grids = self.grids(key, native);
        let maps: Vec<(Affine, [usize; 3])> = grids.iter().map(|g| (native.index_map_to(g), g.shape())).collect();
        let inside = |index: [f64; 3]| {
            maps.iter().all(|(map, shape)| {
                let at = map.apply(index);
                (0..3).all(|a| at[a] > -0.499 && at[a] < shape[a] as f64 - 0.501)
            })
        };
        let mut unseen = 0;
        for (position, _) in values(coverage).iter().enumerate().filter(|(_, seen)| **seen == 0.0) {
            let index = place(position, native.shape());
            for sample in 0..27 {
                let shift = place(sample, [3; 3]).map(|v| (v - 1.0) * 0.49);
                let at = [0, 1, 2].map(|a| index[a] + shift[a]);
                assert!(!inside(at), "{}: voxel {index:?} counts as unseen, but {at:?} was covered", self.text);
            }
            unseen += 1;
        }
        unseen
    }
}

/// The index of a position in a volume's order.
pub(super) fn place(position: usize, [nx, ny, _]: [usize; 3]) -> [f64; 3] {
    [position % nx, position / nx % ny, position / (nx * ny)].map(|v| v as f64)
}

/// How far two places are apart, mm.
pub(super) fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
}
