//! Faults of the file system: each file call of a small run fails once, in several ways. Outputs are whole or not
//! there, the exit code says which, and the run can be resumed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use rayon::prelude::*;

use super::dataset::{files, write};
use crate::support::Place;

const EIO: i32 = 5;
const ENOENT: i32 = 2;
const ENOMEM: i32 = 12;
const EACCES: i32 = 13;
const ENOSPC: i32 = 28;

/// Which calls fail, and how; 0 does a part only.
const FAULTS: [(&str, i32); 15] = [
    ("open", ENOENT),
    ("open", EACCES),
    ("open", ENOSPC),
    ("read", EIO),
    ("read", 0),
    ("write", ENOSPC),
    ("write", EIO),
    ("write", 0),
    ("rename", EIO),
    ("sync", EIO),
    ("map", ENOMEM),
    ("stat", ENOENT),
    ("mkdir", EACCES),
    ("size", ENOSPC),
    ("list", EIO),
];

/// The program that lets a call fail, compiled; `None` with a printed line where that cannot be done.
fn injector(place: &Place) -> Option<PathBuf> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        println!("skipped: faults are injected on Linux on x86-64 only");
        return None;
    }
    let program = place.path("inject");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("disturbed/inject.c");
    let compiled = Command::new("cc").args(["-O1", "-o"]).arg(&program).arg(source).status();
    if !compiled.is_ok_and(|status| status.success()) {
        println!("skipped: no C compiler (cc) for the program that injects faults");
        return None;
    }
    let report = place.path("report");
    let mut trial = Command::new(&program);
    trial.arg(place.path("")).args(["open", "5", "1"]).arg(&report).args(["/bin/sh", "-c", "exit 7"]);
    let works = trial.status().is_ok_and(|status| status.code() == Some(7));
    if !works {
        println!("skipped: this system does not let programs trace others");
        return None;
    }
    Some(program)
}

#[test]
fn every_file_call_may_fail() {
    let tools = Place::new();
    let Some(injector) = injector(&tools) else { return };
    let counts: Vec<(String, u64, u64)> =
        FAULTS.par_iter().map(|(calls, fault)| every_call(&injector, calls, *fault)).collect();
    for (name, disturbed, failed) in &counts {
        println!("{name}: {disturbed} calls, {failed} runs failed");
    }
    let all: u64 = counts.iter().map(|(_, disturbed, _)| disturbed).sum();
    assert!(all > 60, "hardly a call was disturbed: {counts:?}");
    // A run that reads, writes and renames does each of it at least once, and cannot do without.
    for needed in ["open", "read", "write", "rename"] {
        assert!(counts.iter().any(|(name, _, failed)| name.starts_with(needed) && *failed > 0), "{counts:?}");
    }
}

/// Lets the first, second, … call fail until there is none left; how many there were, and in how many the run failed.
fn every_call(injector: &Path, calls: &str, fault: i32) -> (String, u64, u64) {
    let name = format!("{calls} {fault}");
    let place = Place::new();
    write(&place, 1, 12);
    let root = place.path("").canonicalize().unwrap();
    // The report lies outside, so that it is no file of the run.
    let outside = tempfile::tempdir().unwrap();
    let report = outside.path().join("report");
    let run = |calls: &str, number: u64, out: &str, resume: bool| {
        let mut command = Command::new(injector);
        command.arg(&root).args([calls, &fault.to_string(), &number.to_string()]).arg(&report);
        command.arg(env!("CARGO_BIN_EXE_revoxel-under-test"));
        command.args(["run", "p.yaml", "--data", "data", "--out", out, "--jobs", "1"]);
        if resume {
            command.arg("--resume");
        }
        let output = command.current_dir(&root).env("RAYON_NUM_THREADS", "1").env("NO_COLOR", "1").output().unwrap();
        let disturbed = std::fs::read_to_string(&report).unwrap() == "1";
        (output.status.code().unwrap_or(-1), disturbed, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(run(calls, u64::MAX >> 1, "whole", false).0, 0);
    let expected = files(&root.join("whole"));
    assert_eq!(expected.len(), 3);
    let mut failed = 0;
    for number in 1..10_000 {
        let _ = std::fs::remove_dir_all(root.join("out"));
        let (code, disturbed, said) = run(calls, number, "out", false);
        let found = files(&root.join("out"));
        let when = format!("{name}, call {number}: exit code {code}, {said}");
        judge(&found, &expected, code, &when);
        if !disturbed {
            assert_eq!(code, 0, "{when}");
            return (name, number - 1, failed);
        }
        if code != 0 {
            failed += 1;
            assert!(!said.trim().is_empty() && !said.contains("panicked"), "{when}");
            // Nothing of it is in the way of the next run.
            let (code, _, said) = run(calls, u64::MAX >> 1, "out", true);
            assert_eq!(code, 0, "{when}; resumed: {said}");
            assert!(files(&root.join("out")) == expected, "{when}; resumed, but other files");
        }
    }
    panic!("{name}: the run does not end");
}

/// What has its name is whole; the trace comes last; exit code 0 means that all is there.
fn judge(found: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>, code: i32, when: &str) {
    for (file, bytes) in found.iter().filter(|(file, _)| expected.contains_key(*file)) {
        assert!(bytes == &expected[file], "{when}: {file} is not whole");
    }
    let complete = expected.keys().all(|file| found.contains_key(file));
    assert!((0..=2).contains(&code), "{when}");
    assert!(code != 0 || complete, "{when}: {:?}", found.keys());
    // Where the last sync fails, all is there, but nobody knows whether it outlives a crash of the system.
    assert!(code == 0 || !complete || ["sync", "open"].iter().any(|calls| when.starts_with(calls)), "{when}");
    let trace = found.keys().any(|file| file.ends_with("trace.json"));
    assert!(!trace || complete, "{when}: a trace, but {:?}", found.keys());
}
