//! How many recorded answers each transform agrees with, and how well: the table `docs/parity.md`.

use std::collections::BTreeMap;

use revoxel_transforms::peers::Program;

use crate::parity::{Outcome, compare};
use crate::support::root;

/// Makes the table anew.
const COMMAND: &str = "INSTA_UPDATE=always cargo test -p revoxel-tests parity_counts";

/// Names of peers for transforms without a recorded case, with the reason.
const UNRECORDED: &[(&str, &str, &str)] = &[
    ("normalize_intensity", "TorchIO", "ZNormalization divides by another deviation; z_score has it, and its cases"),
    ("rand_bias_field", "TorchIO", "RandomBiasField has another polynomial; it is named as a difference"),
    ("rand_crop_by_label_classes", "TorchIO", "LabelSampler draws patches during training, by other numbers"),
    ("rand_elastic", "TorchIO", "it bends by SimpleITK, with which it is compared; what is drawn differs"),
    ("rand_gamma", "TorchIO", "RandomGamma does not scale values first; it is named as a difference"),
    ("rand_gaussian_smooth", "TorchIO", "RandomBlur draws millimetres; it is named as a difference"),
    ("rand_spatial_crop", "TorchIO", "UniformSampler draws patches during training, by other numbers"),
    ("rand_weighted_crop", "TorchIO", "WeightedSampler draws patches during training, by other numbers"),
    ("spacing", "nnU-Net", "recorded by itself, as nnunet_resampling"),
    ("transpose", "nnU-Net", "transpose_forward is an entry of its plans; the import of plans is tested with it"),
];

/// One row of the table.
#[derive(Debug, Default, PartialEq)]
struct Row {
    cases: usize,
    wrong: usize,
    worst: f64,
}

/// The rows by transform (or `several steps`), program and its name for what it did.
fn rows() -> BTreeMap<(String, &'static str, String), Row> {
    let mut rows: BTreeMap<_, Row> = BTreeMap::new();
    let folder = root().join("tests/parity");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    for path in files.filter(|path| path.extension().is_some_and(|e| e == "json")) {
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        let (outcomes, _) = compare(&file);
        for Outcome { steps, op, peer_is_wrong, worst } in outcomes {
            let (name, op) = match &steps[..] {
                [one] => (one.clone(), op),
                // What MONAI does in a row, mostly there and back.
                _ => ("several steps".to_owned(), "Compose, Invertd".to_owned()),
            };
            let program = program(&file, &op);
            let row = rows.entry((name, program, op)).or_default();
            row.cases += 1;
            row.wrong += usize::from(peer_is_wrong);
            row.worst = row.worst.max(worst);
        }
    }
    rows
}

/// Whose answer it is: some files hold those of several programs.
fn program(file: &str, op: &str) -> &'static str {
    match (file, op) {
        ("spatial", "Resample(antialias)") | ("splines", "Resample(bspline)") => "TorchIO",
        ("spatial", "Resample(transform)") | ("splines", "Resample(sitkBSpline)") => "SimpleITK",
        ("random", "Resample(BSplineTransform)") => "SimpleITK",
        ("random", "crop_to_nonzero(seg)") => "nnU-Net",
        ("spatial", "crop_to_nonzero") => "nnU-Net",
        (
            "vocabulary",
            "Contour"
            | "EnsureShapeMultiple"
            | "CopyAffine"
            | "Crop"
            | "ToOrientation"
            | "PCA"
            | "Resize"
            | "Transpose",
        ) => "TorchIO",
        (
            "crops" | "elastic" | "landmarks" | "masks" | "monai" | "monai_values" | "patches" | "random" | "planar"
            | "random_values" | "spatial" | "splines" | "vocabulary",
            _,
        ) => "MONAI",
        ("nnunet" | "nnunet_resampling", _) => "nnU-Net",
        ("torchio" | "torchio_values", _) => "TorchIO",
        ("scipy" | "scipy_values", "percentile") => "NumPy",
        ("scipy" | "scipy_values", _) => "SciPy",
        ("sitk", _) => "SimpleITK",
        ("nibabel", _) => "nibabel",
        _ => panic!("whose answers are in {file}.json?"),
    }
}

/// Rounded up to one digit, so that the last bits of one machine are not those of the table.
fn rounded_up(error: f64) -> f64 {
    if error <= 0.0 {
        return 0.0;
    }
    let unit = 10f64.powf(error.log10().floor());
    // 3.0000000000000004 is 3.
    let digit = (error / unit - 1e-9).ceil().max(1.0);
    format!("{:.0e}", digit * unit).parse().unwrap()
}

/// An error as the table shows it.
fn shown(error: f64) -> String {
    if error == 0.0 { "0".to_owned() } else { format!("{:e}", rounded_up(error)) }
}

const HEAD: &str = "\
# Parity

This page counts the recorded answers of other programs that `tests/parity.rs` compares with ours, and gives the \
worst error among them. The error is the largest difference of a value, as a share of the range of the values in the \
other program's answer, rounded up to one digit; 0 means equal. The column *differs* counts cases without an error: \
the other program's answer is wrong, or follows another rule, which the transform's documentation names. Such a case \
only checks that our answer differs in exactly that. The versions are those of `xtask/parity/requirements.txt`. \
[tests/parity/README.md](../tests/parity/README.md) says how a case is compared.

`INSTA_UPDATE=always cargo test -p revoxel-tests parity_counts` writes this page: do not edit it.

| transform | program | its name there | cases | differs | worst error |
|---|---|---|---|---|---|
";

fn page(rows: &BTreeMap<(String, &'static str, String), Row>) -> String {
    let mut page = HEAD.to_owned();
    for ((name, program, op), row) in rows {
        let Row { cases, wrong, worst } = row;
        let name = if name.contains(' ') { name.clone() } else { format!("`{name}`") };
        page.push_str(&format!("| {name} | {program} | `{op}` | {cases} | {wrong} | {} |\n", shown(*worst)));
    }
    let (cases, wrong) = rows.values().fold((0, 0), |(c, w), row| (c + row.cases, w + row.wrong));
    page.push_str(&format!("\n{cases} cases; in {wrong} of them the other program's answer differs.\n"));
    page
}

/// The lines without their errors, and the errors.
fn split(page: &str) -> (Vec<String>, Vec<f64>) {
    let mut errors = Vec::new();
    let lines = page
        .lines()
        .map(|line| {
            let (before, last) = line.trim_end_matches(" |").rsplit_once(" | ").unwrap_or((line, ""));
            match last.parse::<f64>() {
                Ok(error) if line.starts_with('|') => {
                    errors.push(error);
                    before.to_owned()
                }
                _ => line.to_owned(),
            }
        })
        .collect();
    (lines, errors)
}

#[test]
fn the_table_of_cases_and_errors_is_current() {
    let rows = rows();
    let (page, path) = (page(&rows), root().join("docs/parity.md"));
    if std::env::var("INSTA_UPDATE").is_ok_and(|v| v == "always") {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let ((ours, errors), (theirs, known)) = (split(&page), split(&written));
    assert_eq!(ours, theirs, "docs/parity.md is out of date; make it anew with\n  {COMMAND}\n");
    for (row, (error, known)) in rows.keys().zip(errors.iter().zip(&known)) {
        assert!(error <= known, "{row:?}: the error is {error}, and docs/parity.md says known; see {COMMAND}");
    }
    assert!(rows.values().map(|r| r.cases).sum::<usize>() > 1100);
}

#[test]
fn every_peer_that_a_transform_names_has_a_recorded_case() {
    let mut recorded: Vec<(String, &str)> = Vec::new();
    for (name, program, _) in rows().into_keys() {
        recorded.push((name, program));
    }
    let mut missing = Vec::new();
    for transform in revoxel::registry().iter() {
        for program in Program::IN_TABLE.into_iter().filter(|program| !transform.peer_names(*program).is_empty()) {
            let peer = program.name();
            let has = recorded.iter().any(|(name, program)| name == transform.name && *program == peer);
            let excused = UNRECORDED.iter().any(|(name, program, _)| *name == transform.name && *program == peer);
            if !has && !excused {
                missing.push(format!("{} of {peer}", transform.name));
            }
        }
    }
    assert!(missing.is_empty(), "no recorded case for {}", missing.join(", "));
    for (name, peer, why) in UNRECORDED {
        let transform = *revoxel::registry().get(name).unwrap_or_else(|| panic!("there is no {name}"));
        let named = transform.peers.iter().any(|p| p.program.name() == *peer && !p.name.is_empty());
        assert!(named && !why.is_empty(), "{name} does not name {peer}");
    }
    // Without any peer at all: what nobody else has.
    let alone: Vec<&str> = revoxel::registry()
        .iter()
        .filter(|t| !recorded.iter().any(|(name, _)| name == t.name))
        .map(|t| t.name)
        .collect();
    assert_eq!(alone, ["deshear"], "transforms without a recorded case");
}

#[test]
fn errors_are_rounded_up_to_one_digit() {
    let t = |error: f64, expected: &str| assert_eq!(format!("{:e}", rounded_up(error)), expected, "{error}");
    t(0.0, "0e0");
    t(3e-6, "3e-6");
    t(3.000001e-6, "4e-6");
    t(9.5e-3, "1e-2");
    t(0.12, "2e-1");
}
