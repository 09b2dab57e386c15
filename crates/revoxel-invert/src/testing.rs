//! Traces made from a number, for the tests of this crate.

use std::collections::BTreeMap;

use revoxel_core::testing::Draw;
use revoxel_core::{Dtype, Grid, Kind, StoredDtype};
use serde_json::Value;

use crate::*;

impl From<Decision> for Recipe {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Channels => Self::default(),
            Decision::Argmax => Self { argmax: true, ..Self::default() },
            Decision::Regions(regions) => Self { regions: Some(regions), ..Self::default() },
        }
    }
}

/// A trace of random ops on a random grid.
pub(crate) fn trace(draw: &mut Draw, exact: bool) -> (Trace, Grid, Grid) {
    let native = draw.grid(8);
    let mut grid = native;
    let mut steps = Vec::new();
    for number in 0..draw.int(0, 4) {
        let op = loop {
            let op = draw.op(&grid);
            if !(exact && op.interpolates()) {
                break op;
            }
        };
        let (step, after) = TraceStep::spatial(&format!("step{number}"), Value::Null, &grid, &[op]).unwrap();
        steps.push(step);
        grid = after;
    }
    let source = SourceRecord {
        parts: Vec::new(),
        stamp: None,
        path: "a.nii.gz".into(),
        format: "nifti".into(),
        hash: None,
        grid: (&native).into(),
        dtype: Dtype::I16,
        channels: 1,
        facts: Value::Null,
    };
    let result = ResultRecord {
        path: None,
        hash: None,
        parts: Vec::new(),
        grid: (&grid).into(),
        dtype: StoredDtype::Plain(Dtype::F32),
    };
    let volume = VolumeTrace { kind: Kind::Image, source, snapped: None, ties: Default::default(), steps, result };
    let trace = Trace {
        results: None,
        schema: SCHEMA.into(),
        version: VERSION,
        tool: "test".into(),
        case: "a".into(),
        copy: None,
        fields: BTreeMap::new(),
        pipeline: PipelineRecord {
            name: "p.yaml".into(),
            hash: String::new(),
            seed: None,
            snap: false,
            document: None,
        },
        volumes: BTreeMap::from([("image".to_owned(), volume)]),
        restore: BTreeMap::new(),
    };
    (trace, native, grid)
}
