//! The JSON Schema of traces: it holds for every trace, and unknown ops are no traces.

use std::path::PathBuf;

use jsonschema::Validator;
use revoxel_core::{Affine, Grid, Kind, Volume};
use serde_json::{Value, json};

use crate::support::{Place, root, run_steps, traced};
use crate::trace_vectors::cases;

fn validator() -> Validator {
    let schema = Place::new().revoxel(&["schema", "--trace"]).good().json();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    jsonschema::draft202012::new(&schema).unwrap()
}

fn read(path: PathBuf) -> Value {
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The places of a trace that the schema refuses.
fn refused(validator: &Validator, trace: &Value) -> Vec<String> {
    validator.iter_errors(trace).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

#[test]
fn trace_schema_holds_for_fixtures_and_vectors() {
    let validator = validator();
    let old = read(root().join("tests/fixtures/trace-version-1.json"));
    assert_eq!(refused(&validator, &old), [""; 0]);
    for case in cases().iter().filter(|case| !case.is_refused()) {
        let trace = read(case.folder.join("trace.json"));
        assert_eq!(refused(&validator, &trace), [""; 0], "{}", case.name());
    }
    // Of what must be refused, a schema sees what one field says.
    for name in ["unknown-op", "unknown-op-field", "version"] {
        let trace = read(root().join("tests/trace-vectors").join(format!("refused-{name}")).join("trace.json"));
        assert!(!validator.is_valid(&trace), "{name}");
    }
}

#[test]
fn trace_schema_holds_for_what_a_run_records() {
    let validator = validator();
    let affine = Affine::from_rows([[0.0, -0.9, 0.5, 7.0], [1.1, 0.0, 0.3, -3.0], [0.1, 0.2, 1.5, 11.0]]);
    let grid = Grid::new([9, 8, 7], affine).unwrap();
    let values: Vec<f32> = (0..504u16).map(|i| f32::from(i * 37 % 101)).collect();
    let steps = [
        json!({ "orientation": { "axcodes": "LPS" } }),
        json!({ "rand_gaussian_noise": { "prob": 1.0 } }),
        json!({ "spacing": { "pixdim": [1.5, 1.0, 2.0], "anti_alias": true } }),
        json!({ "scale_intensity_range": { "a_min": 0, "a_max": 80, "b_min": 0, "b_max": 1, "clip": true } }),
        json!({ "rand_elastic": { "prob": 1.0 } }),
        json!({ "rand_3d_elastic": { "prob": 1.0, "sigma_range": [1, 2], "magnitude_range": [1, 2] } }),
        json!({ "rand_grid_distortion": { "prob": 1.0 } }),
        json!({ "rand_bias_field": { "prob": 1.0 } }),
        json!({ "spatial_pad": { "spatial_size": 12, "mode": "reflect" } }),
    ];
    let mut tried = 0;
    for step in &steps {
        let image = Volume::new(values.clone().into(), grid, Kind::Image, 1).unwrap();
        let done =
            run_steps(vec![("image", image)], std::slice::from_ref(step)).unwrap_or_else(|e| panic!("{step}: {e}"));
        let volume = traced((Kind::Image, 1, &grid), done[0].1.volume.grid(), &done[0].1.steps);
        let trace = json!({
            "schema": "revoxel-trace", "version": 1, "tool": "", "case": "", "pipeline": { "name": "", "hash": "" },
            "volumes": { "image": volume },
            "restore": { "a": { "kind": "logit", "argmax": true, "interpolation": "linear", "dtype": "uint8" } },
        });
        assert_eq!(refused(&validator, &trace), [""; 0], "{step}");
        tried += done[0].1.steps.len();
    }
    assert_eq!(tried, steps.len());
}

#[test]
fn trace_schema_is_closed_where_readers_refuse() {
    let validator = validator();
    let trace = read(root().join("tests/trace-vectors/crop/trace.json"));
    let grid = trace["volumes"]["volume"]["result"]["grid"].clone();
    let with = |pointer: &str, value: Value| {
        let mut trace = trace.clone();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        match trace.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[field.parse::<usize>().unwrap()] = value,
            object => object[field] = value,
        }
        trace
    };
    assert!(validator.is_valid(&trace));
    // Unknown fields are ignored.
    assert!(validator.is_valid(&with("/unknown", json!(1))));
    assert!(validator.is_valid(&with("/volumes/volume/steps/0/unknown", json!({}))));
    assert!(validator.is_valid(&with("/volumes/volume/source/grid/unknown", json!(""))));
    let volume = "/volumes/volume";
    let bad = |pointer: &str, value: Value| {
        assert!(!validator.is_valid(&with(&format!("{volume}{pointer}"), value.clone())), "{pointer}: {value}");
    };
    let op = |op: Value| bad("/steps/0/ops/0", op);
    op(json!({ "shear": { "by": 0.5 } }));
    op(json!("window"));
    op(json!({}));
    op(
        json!({ "window": { "start": [0, 0, 0], "shape": [1, 1, 1] }, "reorient": { "source": [0, 1, 2], "flipped": [false, false, false] } }),
    );
    op(json!({ "window": { "start": [0, 0, 0], "shape": [1, 1, 0] } }));
    op(json!({ "window": { "start": [0.5, 0, 0], "shape": [1, 1, 1] } }));
    op(json!({ "window": { "start": [0, 0, 0], "shape": [1, 1, 1], "stride": 2 } }));
    op(json!({ "reorient": { "source": [0, 1, 1], "flipped": [false, false, false] } }));
    op(json!({ "reorient": { "source": [0, 1, 3], "flipped": [false, false, false] } }));
    op(json!({ "reslice": { "from": [[0, 0, 0]], "grid": grid } }));
    op(json!({ "reslice": { "from": [[0, 0, 0], [0, 0, 0]], "to": [[0, 0, 0], [0, 0, 0]], "grid": grid } }));
    op(
        json!({ "elastic": { "region": grid, "noise": [1, 2, 3, 4_294_967_296u64], "magnitude": 1, "smoothing": { "gaussian": 1 } } }),
    );
    op(json!({ "elastic": { "region": grid, "noise": [1, 2, 3, 4], "magnitude": 1, "smoothing": { "box": 1 } } }));
    op(json!({ "elastic": { "region": grid, "noise": [1, 2, 3, 4], "magnitude": 1, "smoothing": { "gaussian": 0 } } }));
    op(json!({ "stretch": { "region": grid, "nodes": [[[0, 0], [1, 1]], [[0, 0]], [[0, 0], [1, 1]]] } }));
    bad("/ties", json!("lower"));
    bad("/steps/0/values", json!({ "forget": {} }));
    bad("/steps/0/values", json!({ "rescale": { "scale": [1], "shift": [0], "more": 1 } }));
    bad("/steps/0/values", json!({ "rescale": { "scale": [], "shift": [] } }));
    bad("/steps/0/sampled", json!({ "outside": "elsewhere" }));
    bad("/steps/0/sampled", json!({ "more": true }));
    bad("/steps/0/separate", json!({ "interpolation": "label" }));
    bad("/result/grid/affine/3", json!([0, 0, 1, 1]));
    bad("/result/grid/shape", json!([3, 4]));
    assert!(!validator.is_valid(&with("/version", json!(2))));
    assert!(!validator.is_valid(&with("/schema", json!("other"))));
    assert!(!validator.is_valid(&with("/restore", json!({ "a": { "kind": "score" } }))));
}
