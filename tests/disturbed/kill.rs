//! Runs that are killed at a random moment and resumed end as if nothing had happened. `cargo xtask kill` does it any
//! number of times.

use std::process::Stdio;
use std::time::{Duration, Instant};

use revoxel_core::testing::Draw;

use super::dataset::{assert_same, files, program, write};
use crate::support::Place;

/// A number from the environment, which `cargo xtask kill` sets.
pub(super) fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

const RUN: [&str; 7] = ["run", "p.yaml", "--data", "data", "--out", "out", "--resume"];

#[test]
#[cfg(unix)]
fn killed_runs_resume_to_the_same_bytes() {
    let (times, seed) = (number("REVOXEL_KILL_TIMES", 30), number("REVOXEL_KILL_SEED", 1));
    let place = Place::new();
    write(&place, 6, 40);
    let start = Instant::now();
    let whole = program(&place, &["run", "p.yaml", "--data", "data", "--out", "whole"]).output().unwrap();
    assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));
    let usual = start.elapsed();
    let expected = files(&place.path("whole"));
    let (mut hit, mut half) = (0, 0);
    for time in 0..times {
        let mut draw = Draw::new(seed + time);
        let _ = std::fs::remove_dir_all(place.path("out"));
        let mut story = Vec::new();
        // A resumed run may be killed again.
        for _ in 0..draw.int(1, 3) {
            let signal = ["KILL", "KILL", "TERM", "INT"][draw.int(0, 3) as usize];
            let moment = usual.mul_f64(draw.real(0.0, 1.1));
            let before = files(&place.path("out"));
            let mut child = program(&place, &RUN).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(moment);
            let kill = std::process::Command::new("sh")
                .args(["-c", &format!("kill -{signal} {}", child.id())])
                .stderr(Stdio::null())
                .status()
                .unwrap();
            let ended = wait(&mut child);
            story.push(format!("SIG{signal} after {} ms: {ended}", moment.as_millis()));
            hit += u64::from(kill.success() && !ended.success());
            let clean = ["TERM", "INT"].contains(&signal) && ended.code().is_some();
            let code = ended.code().unwrap_or_default();
            assert!(!clean || [0, 130, 143].contains(&code), "time {time}: {story:?}");
            let there = files(&place.path("out"));
            // What has its name is whole.
            for (name, bytes) in there.iter().filter(|(name, _)| expected.contains_key(*name)) {
                assert!(bytes == &expected[name], "time {time}: {story:?}: {name} is not whole");
            }
            half += u64::from(there.keys().any(|name| !expected.contains_key(name)));
            if clean {
                // What a killed run left is removed by the next; that one may end before it begins with that.
                let own = there.keys().filter(|name| !before.contains_key(*name));
                let left: Vec<&String> = own.filter(|name| name.contains("partial")).collect();
                assert!(left.is_empty(), "time {time}: {story:?} leaves {left:?}");
            }
        }
        let resumed = program(&place, &RUN).output().unwrap();
        assert!(resumed.status.success(), "time {time}: {story:?}: {}", String::from_utf8_lossy(&resumed.stderr));
        assert_same(&files(&place.path("out")), &expected, &format!("time {time} (seed {}): {story:?}", seed + time));
    }
    println!(
        "{times} times from seed {seed}: {hit} runs were killed, {half} of them left files that the next one removed"
    );
    assert!(times < 10 || hit * 2 > times, "hardly a run was killed: {hit} of {times}");
}

/// Waits for a program that was told to end; one that does not is killed, and that is a fault.
#[cfg(unix)]
pub(super) fn wait(child: &mut std::process::Child) -> std::process::ExitStatus {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("the program does not end within a minute of its signal");
}
