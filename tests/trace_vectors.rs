//! The cases of tests/trace-vectors, which were made by another reader: the program gives what is expected, and refuses
//! what must be refused.

use std::path::PathBuf;

use revoxel_core::{Kind, Volume};
use revoxel_invert::Trace;
use serde_json::Value;

use crate::support::{Place, root, values};

/// A folder of tests/trace-vectors.
pub(crate) struct Case {
    pub(crate) folder: PathBuf,
    what: Value,
}

/// All of them, by name.
pub(crate) fn cases() -> Vec<Case> {
    let entries = std::fs::read_dir(root().join("tests/trace-vectors")).unwrap();
    let folders = entries.map(|entry| entry.unwrap().path()).filter(|path| path.join("case.json").is_file());
    let mut folders: Vec<PathBuf> = folders.collect();
    folders.sort();
    let what = |folder: &PathBuf| std::fs::read_to_string(folder.join("case.json")).unwrap();
    let case = |folder: PathBuf| Case { what: serde_json::from_str(&what(&folder)).unwrap(), folder };
    folders.into_iter().map(case).collect()
}

impl Case {
    pub(crate) fn name(&self) -> String {
        self.folder.file_name().unwrap().to_string_lossy().into_owned()
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.what["refused"].is_array()
    }

    fn texts(&self, field: &str) -> Vec<&str> {
        self.what[field].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }

    /// The command that brings the prediction back.
    fn command(&self) -> Vec<String> {
        let prediction = self.path(self.what["prediction"].as_str().unwrap());
        let mut command = vec!["invert".to_owned(), self.path("trace.json"), prediction];
        command.extend(self.texts("options").into_iter().map(str::to_owned));
        command.extend(["-o", "back.nii", "--coverage", "seen.nii"].map(str::to_owned));
        command
    }

    fn said(&self, place: &Place) -> crate::support::Said {
        let command = self.command();
        place.revoxel(&command.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

#[test]
fn trace_vectors_come_back_as_expected() {
    let cases: Vec<Case> = cases().into_iter().filter(|case| !case.is_refused()).collect();
    assert!(cases.len() >= 14, "{}", cases.len());
    let mut failures = Vec::new();
    for case in &cases {
        let place = Place::new();
        let said = case.said(&place);
        if said.code != 0 {
            failures.push(format!("{}: {}", case.name(), said.err));
            continue;
        }
        let expected = |name: &str| revoxel_io::read(case.folder.join(name), Kind::Image).unwrap().volume;
        let trace = Trace::from_json(&std::fs::read_to_string(case.folder.join("trace.json")).unwrap()).unwrap();
        let source = trace.volume(trace.main_volume().unwrap()).unwrap().native().unwrap();
        let bits = |volume: &Volume| volume.grid().affine().rows().map(|row| row.map(f64::to_bits));
        let tolerance = case.what["tolerance"].as_f64().unwrap();
        for (found, name, tolerance) in [("back.nii", "expected.nii", tolerance), ("seen.nii", "coverage.nii", 0.0)] {
            let (back, expected) = (place.read(found, Kind::Image), expected(name));
            assert_eq!(bits(&expected), source.affine().rows().map(|row| row.map(f64::to_bits)), "{}", case.name());
            let same = back.grid().shape() == expected.grid().shape() && back.channels() == expected.channels();
            if !same || bits(&back) != bits(&expected) || back.grid().axes() != expected.grid().axes() {
                failures.push(format!("{}, {found}: ({}) instead of ({})", case.name(), back.grid(), expected.grid()));
                continue;
            }
            let (back, expected) = (values(&back), values(&expected));
            let largest = expected.iter().fold(0.0f64, |most, v| most.max(v.abs()));
            let off = |(a, b): &(&f64, &f64)| (*a - *b).abs() > tolerance * largest || a.is_nan();
            let count = back.iter().zip(&expected).filter(off).count();
            if count > 0 {
                failures.push(format!("{}, {found}: {count} of {} values differ", case.name(), expected.len()));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    println!("{} cases", cases.len());
}

#[test]
fn trace_vectors_that_are_no_traces_are_refused() {
    let cases: Vec<Case> = cases().into_iter().filter(Case::is_refused).collect();
    assert!(cases.len() >= 4, "{}", cases.len());
    for case in &cases {
        let place = Place::new();
        case.said(&place).bad(2, &case.texts("refused"));
        assert!(place.files().is_empty(), "{}: {:?}", case.name(), place.files());
    }
}

#[test]
fn the_page_lists_every_trace_vector() {
    let page = std::fs::read_to_string(root().join("tests/trace-vectors/README.md")).unwrap();
    for case in cases() {
        let row = format!("| [{0}]({0}) | {1} |", case.name(), case.what["shows"].as_str().unwrap());
        assert!(page.contains(&row), "{row}");
    }
}
