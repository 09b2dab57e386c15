//! The recorded answers hold on every dispatch path: the comparisons with the peers are run once more by this same
//! binary with the kernels held to each lesser instruction set. (The kernels' own tests go through all of them.)

use std::process::Command;

use revoxel_resample::Level;

#[test]
fn recorded_answers_hold_at_every_instruction_set() {
    let best = Level::ALL.into_iter().rev().find(|l| l.is_available()).unwrap();
    for level in Level::ALL.into_iter().filter(|l| *l < best) {
        let mut tests = Command::new(std::env::current_exe().unwrap());
        let output =
            tests.args(["parity::", "levels::the_instruction_set"]).env("REVOXEL_SIMD", level.name()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{level}:\n{said}{}", String::from_utf8_lossy(&output.stderr));
        // A filter that finds nothing succeeds as well.
        let passed = said.split("test result: ok. ").nth(1).and_then(|s| s.split(' ').next()?.parse::<usize>().ok());
        assert!(passed.is_some_and(|count| count >= 10), "{level}: {said}");
        println!("{level}: {} comparisons with peers", passed.unwrap());
    }
}

#[test]
fn the_instruction_set_is_the_one_asked_for() {
    match std::env::var("REVOXEL_SIMD") {
        Ok(wanted) => assert_eq!(Level::current().name(), wanted),
        Err(_) => assert!(Level::current().is_available()),
    }
}
