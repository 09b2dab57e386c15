//! The recorded answers of MONAI, nibabel, nnU-Net, SimpleITK, scipy and TorchIO, compared with ours.
//!
//! `cargo xtask parity` records them; `tests/parity/README.md` says what is in them. No Python is needed here.

use std::collections::BTreeMap;

use revoxel_core::{Affine, Dtype, Grid, GridOp, Kind, Orientation, Volume, Voxels};
use revoxel_invert::{Recipe, VolumeTrace};
use revoxel_io::{Limits, npy};
use revoxel_resample::Interpolation;
use revoxel_runner::engine::Processed;
use serde::Deserialize;
use serde_json::Value;

use crate::support::{root, run_drawing, traced, values};

#[derive(Deserialize)]
struct Record {
    cases: Vec<Case>,
    #[serde(default)]
    geometry: Vec<Geometry>,
    #[serde(default)]
    ties: Vec<Tie>,
    #[serde(default)]
    turns: Vec<Turn>,
}

/// What nibabel's `ornt_transform` says at a tie: for each axis of the source, which axis it becomes, and 1 or -1.
#[derive(Deserialize)]
struct Turn {
    affine: [[f64; 4]; 4],
    target: String,
    axes: [[i64; 2]; 3],
    stable: bool,
}

/// An affine with an axis at 45°.
#[derive(Deserialize)]
struct Tie {
    affine: [[f64; 4]; 4],
    axcodes: String,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    op: String,
    input: Array,
    source: Option<Array>,
    reference: Option<Place>,
    steps: Vec<Value>,
    draws: Option<Draws>,
    expected: Expected,
    compare: Compare,
    peer_is_wrong: Option<String>,
    #[serde(default)]
    wrong_in: Vec<String>,
    invert: Option<Inversion>,
}

/// What a case draws from, and what was drawn by step when it was recorded.
#[derive(Deserialize)]
struct Draws {
    seed: u64,
    case: String,
    drawn: Vec<Value>,
}

/// A volume as recorded.
#[derive(Deserialize)]
pub(crate) struct Array {
    array: String,
    shape: [usize; 3],
    channels: usize,
    dtype: String,
    affine: [[f64; 4]; 4],
    kind: String,
    /// Whether it is 2-D.
    #[serde(default)]
    planar: bool,
}

#[derive(Deserialize)]
struct Place {
    shape: [usize; 3],
    affine: [[f64; 4]; 4],
}

/// An answer as recorded.
#[derive(Deserialize)]
pub(crate) struct Expected {
    pub(crate) array: String,
    pub(crate) shape: [usize; 3],
    pub(crate) affine: [[f64; 4]; 4],
}

#[derive(Deserialize)]
struct Compare {
    values: String,
    tolerance: Option<f64>,
    mask: Option<String>,
    affine_mm: Option<f64>,
}

#[derive(Deserialize)]
struct Inversion {
    prediction: Prediction,
    interpolation: String,
    expected: Expected,
    compare: Compare,
    peer_is_wrong: Option<String>,
    #[serde(default)]
    wrong_in: Vec<String>,
}

#[derive(Deserialize)]
struct Prediction {
    array: String,
    channels: usize,
    dtype: String,
    kind: String,
}

#[derive(Deserialize)]
struct Geometry {
    affine: [[f64; 4]; 4],
    axcodes: String,
    zooms: [f64; 3],
}

/// Reads the arrays of a peer as they are needed.
pub(crate) struct Arrays {
    path: std::path::PathBuf,
    known: BTreeMap<String, Voxels>,
}

impl Arrays {
    /// The arrays of a recorded file.
    pub(crate) fn of(peer: &str) -> Self {
        let path = root().join("tests/parity").join(format!("{peer}.npz"));
        Self { path, known: BTreeMap::new() }
    }

    pub(crate) fn get(&mut self, name: &str) -> Voxels {
        let path = &self.path;
        let read = || npy::read_npz(path, Some(name), &Limits::default()).unwrap().voxels;
        self.known.entry(name.to_owned()).or_insert_with(read).clone()
    }
}

fn load(peer: &str) -> (Record, Arrays) {
    let folder = root().join("tests/parity");
    let text = std::fs::read_to_string(folder.join(format!("{peer}.json"))).unwrap();
    let record = serde_json::from_str(&text).unwrap();
    (record, Arrays::of(peer))
}

pub(crate) fn affine(rows: &[[f64; 4]; 4]) -> Affine {
    Affine::from_rows([rows[0], rows[1], rows[2]])
}

pub(crate) fn volume(array: &Array, arrays: &mut Arrays) -> Volume {
    let voxels = arrays.get(&array.array).cast(array.dtype.parse::<Dtype>().unwrap());
    let grid = Grid::new(array.shape, affine(&array.affine)).unwrap();
    let grid = if array.planar { grid.planar() } else { grid };
    Volume::new(voxels, grid, array.kind.parse().unwrap(), array.channels).unwrap()
}

/// What came of the comparison of one volume.
#[derive(Default)]
struct Compared {
    /// What differs: `shape`, `affine` or `values`, with the numbers.
    found: Vec<(&'static str, String)>,
    /// The largest distance of the values that were compared, as a share of the range of the peer's.
    worst: f64,
}

/// What differs between a result and the peer's answer.
fn differences(result: &Volume, expected: &Expected, compare: &Compare, range: f64, arrays: &mut Arrays) -> Compared {
    let mut found = Vec::new();
    if result.grid().shape() != expected.shape {
        found.push(("shape", format!("{:?}, peer {:?}", result.grid().shape(), expected.shape)));
        return Compared { found, worst: 0.0 };
    }
    // Shapes and affines agree to 1e-9 mm at every corner (to `affine_mm` where the peer computes in float32).
    let theirs = Grid::new(expected.shape, affine(&expected.affine)).unwrap();
    let relation = revoxel_core::Relation::between(result.grid(), &theirs);
    if relation.worst_corner_mm > compare.affine_mm.unwrap_or(1e-9) {
        found.push(("affine", format!("corners {} mm apart", relation.worst_corner_mm)));
    }
    let (ours, theirs) = (values(result), arrays.get(&expected.array));
    if ours.len() != theirs.len() {
        found.push(("values", format!("{} values, peer {}", ours.len(), theirs.len())));
        return Compared { found, worst: 0.0 };
    }
    let mask = compare.mask.as_ref().map(|m| arrays.get(m));
    let tolerance = match compare.values.as_str() {
        "close" => compare.tolerance.unwrap_or(1e-4) * range,
        _ => 0.0,
    };
    let voxels = result.grid().voxel_count();
    let counts = |i: &usize| mask.as_ref().is_none_or(|m| m.get(i % voxels) == 1.0);
    let distance = |i: usize| {
        let (a, b) = (ours[i], theirs.get(i));
        if a == b { 0.0 } else { (a - b).abs() }
    };
    let worst = (0..ours.len()).filter(counts).max_by(|a, b| distance(*a).total_cmp(&distance(*b)));
    let compared = (0..ours.len()).filter(counts).count();
    assert!(compared > 0, "the mask leaves nothing to compare");
    if let Some(i) = worst
        && distance(i).is_nan() | (distance(i) > tolerance)
    {
        found.push(("values", format!("value {i}: {}, peer {} (tolerance {tolerance})", ours[i], theirs.get(i))));
    }
    let extent = theirs.min_max().map_or(0.0, |(low, high)| high - low);
    let worst = worst.map_or(0.0, distance) / if extent > 0.0 { extent } else { range };
    Compared { found, worst }
}

fn range(voxels: &Voxels) -> f64 {
    voxels.min_max().map_or(1.0, |(low, high)| (high - low).max(f64::MIN_POSITIVE))
}

/// Checks one case; the problems, and the worst error where the peer is right.
fn check(case: &Case, arrays: &mut Arrays) -> (Vec<String>, f64) {
    let input = volume(&case.input, arrays);
    let (native, kind) = (*input.grid(), input.kind());
    let scale = range(input.voxels());
    let mut volumes = vec![("image", input)];
    if let Some(source) = &case.source {
        volumes.push(("source", volume(source, arrays)));
    }
    if let Some(place) = &case.reference {
        let grid = Grid::new(place.shape, affine(&place.affine)).unwrap();
        let empty = Volume::new(vec![0u8; grid.voxel_count()].into(), grid, Kind::Image, 1).unwrap();
        volumes.push(("reference", empty));
    }
    // Steps are meant for the input; others only give a box or a grid.
    let mut steps = case.steps.clone();
    for step in &mut steps {
        if let Some(params) = step.as_object_mut().and_then(|s| s.values_mut().next()).and_then(Value::as_object_mut) {
            params.insert("keys".to_owned(), "image".into());
        }
    }
    let (seed, name) = case.draws.as_ref().map_or((0, ""), |draws| (draws.seed, draws.case.as_str()));
    let result = match run_drawing(volumes, &steps, seed, name) {
        Ok(results) => results.into_iter().find(|(key, _)| key == "image").map(|(_, processed)| processed),
        Err(error) if case.peer_is_wrong.is_some() => {
            assert!(!error.is_empty());
            return (Vec::new(), 0.0);
        }
        Err(error) => return (vec![error], 0.0),
    };
    let Some(Processed { volume: result, steps }) = result else { return (vec!["no result".to_owned()], 0.0) };
    if result.grid().is_planar() != case.input.planar {
        return (vec!["it is 2-D before or after, but not both".to_owned()], 0.0);
    }
    if let Some(draws) = &case.draws {
        let drawn: Vec<&Value> = steps.iter().map(|step| &step.params["drawn"]).collect();
        if drawn != draws.drawn.iter().collect::<Vec<_>>() {
            return (vec![format!("draws {drawn:?}, recorded {:?}", draws.drawn)], 0.0);
        }
    }
    let compared = differences(&result, &case.expected, &case.compare, scale, arrays);
    let (mut problems, mut worst) = judge(compared, case.peer_is_wrong.as_deref(), &case.wrong_in);
    if let Some(inversion) = &case.invert {
        let record = traced((kind, case.input.channels, &native), result.grid(), &steps);
        let (back, error) = check_inversion(inversion, &record, &native, arrays);
        problems.extend(back.into_iter().map(|p| format!("inverse: {p}")));
        worst = worst.max(error);
    }
    (problems, worst)
}

fn check_inversion(
    inversion: &Inversion,
    record: &VolumeTrace,
    native: &Grid,
    arrays: &mut Arrays,
) -> (Vec<String>, f64) {
    let model = record.result.grid.grid().unwrap();
    let Prediction { array, channels, dtype, kind } = &inversion.prediction;
    let voxels = arrays.get(array).cast(dtype.parse().unwrap());
    let scale = range(&voxels);
    let prediction = Volume::new(voxels, model, kind.parse().unwrap(), *channels).unwrap();
    let interpolation: Interpolation = inversion.interpolation.parse().unwrap();
    let options = Recipe { interpolation: Some(interpolation), ..Default::default() };
    let back = record.invert(prediction.clone(), options).unwrap().volume;
    assert_eq!(back.grid(), native, "the grid comes back bit for bit");
    assert_eq!(back.grid().axes(), native.axes());
    judge(
        differences(&back, &inversion.expected, &inversion.compare, scale, arrays),
        inversion.peer_is_wrong.as_deref(),
        &inversion.wrong_in,
    )
}

/// What is wrong given what differs, and the error: where the peer is wrong, we must differ in just what it is wrong
/// in, and there is no error.
fn judge(compared: Compared, peer_is_wrong: Option<&str>, wrong_in: &[String]) -> (Vec<String>, f64) {
    let Compared { found, worst } = compared;
    let expected = |what: &str| wrong_in.iter().any(|w| w == what);
    let mut problems: Vec<String> =
        found.iter().filter(|(what, _)| !expected(what)).map(|(what, detail)| format!("{what}: {detail}")).collect();
    if let Some(why) = peer_is_wrong
        && found.is_empty()
    {
        problems.push(format!("we give the peer's wrong answer too: {why}"));
    }
    (problems, if peer_is_wrong.is_some() { 0.0 } else { worst })
}

/// What a case says about parity.
pub(crate) struct Outcome {
    /// The names of its transforms.
    pub(crate) steps: Vec<String>,
    /// What the peer calls what it did.
    pub(crate) op: String,
    /// Whether the peer's answer is known to be wrong.
    pub(crate) peer_is_wrong: bool,
    /// The largest difference, as a share of the range of the peer's answer.
    pub(crate) worst: f64,
}

/// Compares all cases of a recorded file; what they say, and what went wrong.
pub(crate) fn compare(peer: &str) -> (Vec<Outcome>, Vec<String>) {
    let (record, mut arrays) = load(peer);
    let (mut outcomes, mut failures) = (Vec::new(), Vec::new());
    for case in &record.cases {
        let (problems, worst) = check(case, &mut arrays);
        if !problems.is_empty() {
            failures.push(format!("{} ({}): {}", case.name, case.op, problems.join("; ")));
        }
        let name = |step: &Value| step.as_object().and_then(|s| s.keys().next().cloned()).unwrap_or_default();
        let inverse_wrong = case.invert.as_ref().is_some_and(|i| i.peer_is_wrong.is_some());
        outcomes.push(Outcome {
            steps: case.steps.iter().map(name).collect(),
            op: case.op.clone(),
            peer_is_wrong: case.peer_is_wrong.is_some() || inverse_wrong,
            worst,
        });
    }
    (outcomes, failures)
}

fn check_peer(peer: &str, at_least: usize) {
    let (outcomes, failures) = compare(peer);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for outcome in &outcomes {
        *counts.entry(outcome.op.as_str()).or_default() += 1;
    }
    println!("{peer}: {} cases: {counts:?}", outcomes.len());
    assert!(outcomes.len() >= at_least, "only {} cases", outcomes.len());
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), outcomes.len(), failures.join("\n"));
}

#[test]
fn monai() {
    check_peer("monai", 400);
}

#[test]
fn random_steps_with_one_possibility() {
    check_peer("random", 60);
}

#[test]
fn random_crops_with_one_possibility() {
    check_peer("crops", 150);
}

#[test]
fn nibabel() {
    check_peer("nibabel", 20);
}

#[test]
fn simpleitk() {
    check_peer("sitk", 50);
}

#[test]
fn scipy() {
    check_peer("scipy", 40);
}

#[test]
fn torchio() {
    check_peer("torchio", 40);
}

#[test]
fn spatial() {
    check_peer("spatial", 180);
}

#[test]
fn monai_values() {
    check_peer("monai_values", 140);
}

#[test]
fn random_values() {
    check_peer("random_values", 100);
}

#[test]
fn nnunet() {
    check_peer("nnunet", 15);
}

#[test]
fn scipy_values() {
    check_peer("scipy_values", 40);
}

#[test]
fn torchio_values() {
    check_peer("torchio_values", 50);
}

#[test]
fn vocabulary() {
    check_peer("vocabulary", 130);
}

#[test]
fn patches() {
    check_peer("patches", 60);
}

#[test]
fn elastic() {
    check_peer("elastic", 20);
}

#[test]
fn splines() {
    check_peer("splines", 85);
}

#[test]
fn planar() {
    check_peer("planar", 63);
}

#[test]
fn landmarks() {
    check_peer("landmarks", 20);
}

#[test]
fn masks() {
    check_peer("masks", 240);
}

#[test]
fn nnunet_resampling() {
    check_peer("nnunet_resampling", 12);
}

#[test]
fn nibabel_orientations_and_spacings() {
    let (record, _) = load("nibabel");
    assert!(record.geometry.len() >= 60);
    for geometry in &record.geometry {
        let a = affine(&geometry.affine);
        assert_eq!(Orientation::closest(&a).to_string(), geometry.axcodes, "{a:?}");
        let spacing = a.spacing();
        assert!((0..3).all(|i| (spacing[i] - geometry.zooms[i]).abs() < 1e-12), "{a:?}");
    }
}

/// Where nibabel leaves alone what it has turned, its turn is ours. Where it does not, both cannot be had.
#[test]
fn nibabel_turns_at_ties() {
    let (record, _) = load("nibabel");
    let (mut stable, mut other) = (0, 0);
    for turn in &record.turns {
        let grid = Grid::new([3, 4, 5], affine(&turn.affine)).unwrap();
        let target: Orientation = turn.target.parse().unwrap();
        let ours = grid.turn_to(&target);
        let once = GridOp::Reorient(ours).after(&grid).unwrap();
        assert!(once.turn_to(&target).is_identity(), "{target}: {:?}", turn.affine);
        let same = (0..3).all(|axis| {
            let to = turn.axes[axis][0] as usize;
            ours.source(to) == axis && ours.flipped(to) == (turn.axes[axis][1] < 0)
        });
        if turn.stable {
            stable += 1;
            assert!(same, "{target}: {:?} {:?} {ours:?}", turn.affine, turn.axes);
        } else {
            other += usize::from(!same);
        }
    }
    assert!(stable >= 180 && other <= 60, "{stable} {other}");
}

#[test]
fn nibabel_orientations_at_ties() {
    let (record, _) = load("nibabel");
    assert!(record.ties.len() >= 200);
    for tie in &record.ties {
        let a = affine(&tie.affine);
        assert_eq!(Orientation::closest(&a).to_string(), tie.axcodes, "{a:?}");
        let grid = Grid::new([3, 4, 5], a).unwrap();
        let mut moved = 0;
        for target in Orientation::all() {
            let turn = |grid: &Grid| GridOp::Reorient(grid.turn_to(&target)).after(grid).unwrap();
            let once = turn(&grid);
            assert_eq!(turn(&once), once, "{target}: {a:?}");
            moved += usize::from(once != grid);
        }
        // At most two axes change places without being turned.
        assert!(moved >= 40, "{moved} of 48 turns of {a:?}");
    }
}
