//! The same bytes, outputs and traces, for any number of threads, on each instruction set, and from shards.

use revoxel_resample::Level;

use super::dataset::{assert_same, files, program, write};
use crate::support::Place;

/// Runs and inverts with variables of the environment; the files of both.
fn run(
    place: &Place,
    out: &str,
    jobs: &str,
    environment: &[(&str, &str)],
) -> std::collections::BTreeMap<String, Vec<u8>> {
    let good = |arguments: &[&str]| {
        let output = program(place, arguments).envs(environment.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{environment:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    good(&["run", "p.yaml", "--data", "data", "--out", out, "--jobs", jobs]);
    for case in ["c0", "c1"] {
        let (trace, label) = (format!("{out}/{case}/trace.json"), format!("{out}/{case}/label.nrrd"));
        good(&["invert", &trace, &label, "--kind", "label", "-o", &format!("{out}/{case}/label.back.nii.gz")]);
        let image = format!("{out}/{case}/image.nii.gz");
        good(&["invert", &trace, &image, "--kind", "image", "-o", &format!("{out}/{case}/image.back.mha")]);
    }
    files(&place.path(out))
}

#[test]
fn threads_and_instruction_sets_give_the_same_bytes() {
    let place = Place::new();
    // Large enough to be divided among threads.
    write(&place, 3, 60);
    let expected = run(&place, "one", "1", &[("RAYON_NUM_THREADS", "1")]);
    assert_eq!(expected.len(), 3 * 3 + 2 * 2, "{:?}", expected.keys());
    for threads in ["2", "8"] {
        let found = run(&place, &format!("threads{threads}"), threads, &[("RAYON_NUM_THREADS", threads)]);
        assert_same(&found, &expected, &format!("{threads} threads"));
    }
    for level in Level::ALL {
        if !level.is_available() {
            println!("skipped: this processor has no {level}");
            continue;
        }
        let found = run(&place, level.name(), "2", &[("REVOXEL_SIMD", level.name())]);
        assert_same(&found, &expected, level.name());
    }
}

#[test]
fn shards_together_give_what_one_run_gives() {
    let place = Place::new();
    write(&place, 7, 20);
    let run = |out: &str, more: &[&str]| {
        let arguments = [&["run", "p.yaml", "--data", "data", "--out", out][..], more].concat();
        let output = program(&place, &arguments).output().unwrap();
        assert!(output.status.success(), "{more:?}: {}", String::from_utf8_lossy(&output.stderr));
        files(&place.path(out)).len()
    };
    assert_eq!(run("whole", &[]), 21);
    let counts = ["1/3", "2/3", "3/3"].map(|shard| run("shards", &["--shard", shard]));
    assert!(counts[0] < counts[1] && counts[1] < counts[2], "{counts:?}");
    assert_same(&files(&place.path("shards")), &files(&place.path("whole")), "shards");
}
