//! A dataset that is run in four parts at once. One of them is killed at random moments and started again, while the
//! others work on: in the end there is what one undisturbed run gives. `cargo xtask kill` does it any number of times.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use revoxel_core::testing::Draw;

use super::dataset::{assert_same, files, program, share_folders, write};
use super::kill::{number, wait};
use crate::support::Place;

const PARTS: i64 = 4;

/// Starts a part; what it says goes into a file.
fn start(place: &Place, part: i64) -> Child {
    let said = std::fs::File::create(place.path(&format!("said-{part}"))).unwrap();
    let shard = format!("{part}/{PARTS}");
    let arguments =
        ["run", "p.yaml", "--data", "data", "--out", "out", "--resume", "--keep-going", "--jobs", "2", "--shard"];
    program(place, &[&arguments[..], &[&shard]].concat()).stdout(Stdio::null()).stderr(said).spawn().unwrap()
}

/// Waits for a part, which ends well.
fn finish(place: &Place, mut child: Child, part: i64, when: &str) {
    let ended = wait(&mut child);
    let said = std::fs::read_to_string(place.path(&format!("said-{part}"))).unwrap();
    assert!(ended.success(), "{when}: part {part}: {ended}: {said}");
}

/// Kills a part after some time; whether it was at work still.
fn kill(mut child: Child, moment: Duration) -> bool {
    use std::os::unix::process::ExitStatusExt;
    std::thread::sleep(moment);
    child.kill().unwrap();
    child.wait().unwrap().signal() == Some(9)
}

/// What has its name is whole.
fn assert_whole(out: &Path, expected: &std::collections::BTreeMap<String, Vec<u8>>, when: &str) {
    for (name, bytes) in files(out).iter().filter(|(name, _)| expected.contains_key(*name)) {
        assert!(bytes == &expected[name], "{when}: {name} is not whole");
    }
}

/// The files of one undisturbed run of all cases.
fn undisturbed(place: &Place) -> std::collections::BTreeMap<String, Vec<u8>> {
    let whole = program(place, &["run", "p.yaml", "--data", "data", "--out", "whole"]).output().unwrap();
    assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));
    files(&place.path("whole"))
}

/// Asserts that all is there, and nothing else.
fn assert_complete(place: &Place, expected: &std::collections::BTreeMap<String, Vec<u8>>, when: &str) {
    assert_same(&files(&place.path("out")), expected, when);
    assert!(!place.path("out/.revoxel/failed").exists(), "{when}");
    for command in ["status", "verify"] {
        let said = place.revoxel(&[command, "out"]);
        assert!(said.code == 0, "{when}: {said:?}");
    }
}

#[test]
fn a_part_that_is_killed_while_others_work_leaves_no_trace_of_it() {
    let (times, seed) = (number("REVOXEL_KILL_TIMES", 8), number("REVOXEL_KILL_SEED", 1));
    let place = Place::new();
    write(&place, 12, 20);
    share_folders(&place);
    let expected = undisturbed(&place);
    assert_eq!(expected.len(), 12 * 3, "{:?}", expected.keys());
    // Four parts at once, undisturbed.
    let begun = Instant::now();
    let parts: Vec<(i64, Child)> = (1..=PARTS).map(|part| (part, start(&place, part))).collect();
    parts.into_iter().for_each(|(part, child)| finish(&place, child, part, "undisturbed"));
    let usual = begun.elapsed();
    assert_complete(&place, &expected, "undisturbed");
    let (mut kills, mut rounds, mut half) = (0, 0, 0);
    while kills < times {
        let mut draw = Draw::new(seed + rounds);
        rounds += 1;
        assert!(rounds < 20 + 10 * times, "hardly a part was killed: {kills} in {rounds} rounds");
        std::fs::remove_dir_all(place.path("out")).unwrap();
        let victim = draw.int(1, PARTS);
        let others: Vec<(i64, Child)> =
            (1..=PARTS).filter(|part| *part != victim).map(|part| (part, start(&place, part))).collect();
        let mut story = format!("round {rounds} (seed {seed}): part {victim}");
        for _ in 0..draw.int(1, 4) {
            let moment = usual.mul_f64(draw.real(0.0, 1.0));
            let was_at_work = kill(start(&place, victim), moment);
            kills += u64::from(was_at_work);
            story.push_str(&format!(", killed after {} ms ({was_at_work})", moment.as_millis()));
            assert_whole(&place.path("out"), &expected, &story);
            half += u64::from(files(&place.path("out")).keys().any(|name| name.contains("partial")));
        }
        // A scheduler may start a part again while it is at work elsewhere still.
        let twice = (draw.int(0, 3) == 0).then(|| (victim, start(&place, victim)));
        let last = (victim, start(&place, victim));
        for (part, child) in others.into_iter().chain(twice).chain([last]) {
            finish(&place, child, part, &story);
        }
        assert_complete(&place, &expected, &story);
    }
    println!("{kills} kills in {rounds} rounds from seed {seed}: {half} times there were partial files behind them");
}
