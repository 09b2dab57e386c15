//! The files of `examples/cluster`: run by hand as their schedulers run them, and by the schedulers where they are
//! installed. And what the records of parts say: which are missing, which were made of other cases.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Grid, Kind, Volume};
use revoxel_pipeline::Node;
use serde_json::{Value, json};

use crate::disturbed::dataset::{assert_same, files};
use crate::support::{Place, Said, root};

const PIPELINE: &str = "\
version: 1
inputs:
  image: { kind: image, path: \"scans/{case}.nii.gz\" }
steps:
  - orientation: { axcodes: PIR }
  - normalize_intensity: {}
outputs:
  image: { path: \"images/{case}.nii.gz\", dtype: float32 }
trace: \"traces/{case}.json\"
";

/// A file of the examples.
fn example(name: &str) -> PathBuf {
    root().join("examples/cluster").join(name)
}

/// A scan of some size.
fn scan(seed: u64) -> Volume {
    let shape = [7, 6, 4 + (seed % 3) as usize];
    let grid = Grid::new(shape, Affine::scaling([1.0, 2.0, 4.0])).unwrap();
    Draw::new(seed).volume(grid, Kind::Image, 1)
}

/// Eight scans in a folder with a blank in its name, a pipeline with one, the program, and what a whole run makes.
fn dataset() -> Place {
    let place = Place::new();
    for case in 0..8 {
        place.volume(&format!("my data/scans/c {case}.nii.gz"), &scan(case));
    }
    place.text("my pipeline.yaml", PIPELINE);
    place.revoxel(&["run", "my pipeline.yaml", "--data", "my data", "--out", "whole"]).good();
    std::fs::create_dir(place.path("bin")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_revoxel-under-test"), place.path("bin/revoxel")).unwrap();
    place
}

/// A program in a place, which finds ours as `revoxel`.
fn command(place: &Place, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command.current_dir(place.path("")).env("PATH", format!("{}:{path}", place.path("bin").display()));
    // Whoever runs the tests may be in a job of a scheduler.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("SLURM_ARRAY") || text.starts_with("SLURM_MEM") || text.starts_with("SLURM_CPUS") {
            command.env_remove(&name);
        }
    }
    command.env("NO_COLOR", "1").env_remove("REVOXEL_LOG");
    command
}

fn said(output: &Output) -> String {
    format!("{}: {}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Whether a program is installed and answers; a printed line where not.
fn is_there(program: &str, arguments: &[&str]) -> bool {
    let answer = Command::new(program).args(arguments).output();
    let is_there = answer.is_ok_and(|answer| answer.status.success());
    if !is_there {
        println!("skipped: {program} is not installed or does not answer");
    }
    is_there
}

/// Asserts that all cases are there as a whole run makes them, and nothing else.
fn assert_complete(place: &Place, out: &str) {
    assert_same(&files(&place.path(out)), &files(&place.path("whole")), out);
    for command in ["status", "verify"] {
        place.revoxel(&[command, out]).good();
    }
}

/// Undoes what a part has done, as if it had been killed early.
fn undo_part(place: &Place, out: &str, part: &str) {
    let path = place.path(&format!("{out}/.revoxel/run-{}.json", part.replace('/', "-of-")));
    let mut record: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    record["ended"] = Value::Null;
    std::fs::write(&path, record.to_string()).unwrap();
    let report =
        place.revoxel(&["run", "my pipeline.yaml", "--data", "my data", "--out", "x", "--shard", part, "--json"]);
    for case in report.good().json()["cases"].as_array().unwrap() {
        let case = case["case"].as_str().unwrap();
        std::fs::remove_file(place.path(&format!("{out}/images/{case}.nii.gz"))).unwrap();
        std::fs::remove_file(place.path(&format!("{out}/traces/{case}.json"))).unwrap();
    }
    std::fs::remove_dir_all(place.path("x")).unwrap();
}

/// The scripts for SLURM, run by hand with the variables that SLURM sets.
#[test]
#[cfg(unix)]
fn scripts_for_slurm_run_a_dataset_in_parts() {
    let place = dataset();
    for script in ["preprocess.sbatch", "status.sbatch", "submit.sh"] {
        let checked = command(&place, "bash").arg("-n").arg(example("slurm").join(script)).output().unwrap();
        assert!(checked.status.success(), "{}", said(&checked));
    }
    let script = |name: &str| {
        let mut bash = command(&place, "bash");
        bash.arg(example("slurm").join(name));
        bash
    };
    let part = |number: u32, more: &[(&str, &str)]| {
        let mut bash = script("preprocess.sbatch");
        bash.args(["my pipeline.yaml", "my data", "my out"]);
        bash.env("SLURM_ARRAY_TASK_ID", number.to_string()).env("SLURM_ARRAY_TASK_COUNT", "4");
        bash.env("SLURM_ARRAY_TASK_MIN", "1").env("SLURM_ARRAY_TASK_MAX", "4");
        bash.env("SLURM_CPUS_PER_TASK", "2").env("SLURM_MEM_PER_NODE", "1000");
        bash.envs(more.iter().copied());
        bash
    };
    let good = |mut command: Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    };
    // Three of four at once.
    let three: Vec<_> = [1, 2, 4].map(|number| part(number, &[]).spawn().unwrap()).into();
    three.into_iter().for_each(|mut child| assert!(child.wait().unwrap().success()));
    let status = |code: i32, text: &str| {
        let output = script("status.sbatch").arg("my out").output().unwrap();
        assert!(output.status.code() == Some(code) && said(&output).contains(text), "{}", said(&output));
    };
    status(1, "part 3 of 4 has not been run");
    good(part(3, &[]));
    status(0, "8 cases, 8 files: all as written");
    assert_complete(&place, "my out");
    // One that was killed is submitted again, alone and with the memory of each core.
    undo_part(&place, "my out", "2/4");
    status(1, "part 2 of 4 was started on ");
    let alone = [("SLURM_ARRAY_TASK_COUNT", "1"), ("SLURM_ARRAY_TASK_MIN", "2"), ("SLURM_ARRAY_TASK_MAX", "2")];
    let refused = part(2, &alone).output().unwrap();
    assert!(refused.status.code() == Some(2) && said(&refused).contains("set PARTS"), "{}", said(&refused));
    let mut again = part(2, &alone);
    again.env("PARTS", "4").env("SLURM_MEM_PER_CPU", "600").env_remove("SLURM_MEM_PER_NODE");
    good(again);
    assert_complete(&place, "my out");
    // The limits are handed on.
    let limited = part(1, &[("SLURM_MEM_PER_NODE", "1000"), ("REVOXEL", "/bin/echo")]).output().unwrap();
    let limits = "--shard 1/4 --resume --keep-going --retries 2 --jobs 2 --threads 2 --memory 800M";
    assert!(said(&limited).contains(limits), "{}", said(&limited));
    // What is missing is named before anything is run.
    for (name, value, text) in [
        ("PIPELINE", "none.yaml", "none.yaml: no such file"),
        ("DATA", "none", "none: no such folder"),
        ("OUT", "", "missing output folder"),
        ("REVOXEL", "none", "none is not on the PATH"),
        ("SLURM_ARRAY_TASK_ID", "", "not an array job"),
    ] {
        let mut bash = script("preprocess.sbatch");
        bash.env("PIPELINE", "my pipeline.yaml").env("DATA", "my data").env("OUT", "o").env("SLURM_ARRAY_TASK_ID", "1");
        let output = bash.env(name, value).output().unwrap();
        assert!(output.status.code() == Some(2) && said(&output).contains(text), "{text}: {}", said(&output));
    }
    assert_eq!(script("submit.sh").arg("p").output().unwrap().status.code(), Some(2));
}

/// Both jobs are submitted with what they need: here by a program that only writes down what it is asked for.
#[test]
#[cfg(unix)]
fn parts_and_status_are_submitted_with_the_same_options() {
    let place = dataset();
    let stand_in = "#!/bin/sh\nfor word; do printf '<%s>' \"$word\"; done >> asked\necho >> asked\necho '7;cluster'\n";
    executable(&place.text("bin/sbatch", stand_in));
    let mut submit = command(&place, "bash");
    submit.arg(example("slurm/submit.sh"));
    let output = submit.args(["my pipeline.yaml", "my data", "my out", "3", "--partition=p"]).output().unwrap();
    assert!(output.status.success() && said(&output).contains("job 7, tasks 1-3"), "{}", said(&output));
    let asked = std::fs::read_to_string(place.path("asked")).unwrap();
    let (parts, status) = asked.trim().split_once('\n').unwrap();
    assert!(parts.contains("<--array=1-3><--partition=p>") && parts.ends_with("<my pipeline.yaml><my data><my out>"));
    assert!(status.contains("<--dependency=afterany:7><--partition=p>") && status.ends_with("status.sbatch><my out>"));
}

#[cfg(unix)]
fn executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// SLURM itself: dry, and for real if all nodes are this machine.
#[test]
#[cfg(unix)]
fn slurm_runs_the_array() {
    if !is_there("sinfo", &["--noheader"]) {
        return;
    }
    let place = dataset();
    let options = ["--cpus-per-task=1", "--mem=200M"];
    let words = ["my pipeline.yaml", "my data", "my out"];
    let mut dry = command(&place, "sbatch");
    let dry =
        dry.arg("--test-only").args(options).arg(example("slurm/preprocess.sbatch")).args(words).output().unwrap();
    assert!(dry.status.success() && said(&dry).contains("to start at"), "{}", said(&dry));
    let nodes = command(&place, "sinfo").args(["--noheader", "--format=%n"]).output().unwrap();
    let host = command(&place, "hostname").arg("-s").output().unwrap();
    if nodes.stdout != host.stdout {
        println!("skipped: a cluster of several machines may not see the folders of a test");
        return;
    }
    let mut array = command(&place, "sbatch");
    array.args(["--wait", "--array=1-4"]).args(options).arg(example("slurm/preprocess.sbatch")).args(words);
    let ran = array.output().unwrap();
    assert!(ran.status.success(), "{}", said(&ran));
    assert_complete(&place, "my out");
}

/// The YAML of an example, as JSON.
fn yaml(name: &str) -> Value {
    Node::read(name, &std::fs::read_to_string(example(name)).unwrap()).unwrap().json()
}

/// The command of the container of a job, to be run here: its paths are ours.
#[cfg(unix)]
fn container(place: &Place, job: &Value, ours: &[(&str, &str)]) -> Command {
    let container = &job["spec"]["template"]["spec"]["containers"][0];
    let words = |key: &str| container[key].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned());
    let mut all = words("command").chain(words("args"));
    let mut command = command(place, all.next().unwrap());
    command.args(all);
    for variable in container["env"].as_array().unwrap() {
        let name = variable["name"].as_str().unwrap();
        let here = ours.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        command.env(name, here.unwrap_or_else(|| variable["value"].as_str().unwrap()));
    }
    command
}

/// The jobs for Kubernetes: their fields, and their commands run as their containers run them.
#[test]
#[cfg(unix)]
fn jobs_of_kubernetes_run_a_dataset_in_parts() {
    let (place, job, status) = (dataset(), yaml("kubernetes/job.yaml"), yaml("kubernetes/status.yaml"));
    let spec = &job["spec"];
    assert_eq!((&job["apiVersion"], &job["kind"]), (&json!("batch/v1"), &json!("Job")));
    assert_eq!(spec["completionMode"], "Indexed");
    // FailIndex and backoffLimitPerIndex need pods that are not restarted in place.
    assert_eq!(spec["template"]["spec"]["restartPolicy"], "Never");
    assert!(spec["backoffLimitPerIndex"].as_u64().unwrap() > 0);
    let container_of = |job: &Value| job["spec"]["template"]["spec"]["containers"][0].clone();
    let parts = container_of(&job)["env"].as_array().unwrap().iter().find(|v| v["name"] == "PARTS").unwrap().clone();
    assert_eq!(spec["completions"].to_string(), parts["value"].as_str().unwrap());
    assert_eq!(spec["parallelism"], spec["completions"]);
    assert_eq!(spec["podFailurePolicy"]["rules"][1]["onExitCodes"]["values"], json!([2]));
    for job in [&job, &status] {
        let container = container_of(job);
        assert!(container["resources"]["limits"]["memory"].is_string(), "{container}");
        // Every mount has its volume.
        let volumes = job["spec"]["template"]["spec"]["volumes"].as_array().unwrap();
        for mount in container["volumeMounts"].as_array().unwrap() {
            assert!(volumes.iter().any(|volume| volume["name"] == mount["name"]), "{mount}");
            let paths = container["env"].as_array().unwrap().iter().filter_map(|v| v["value"].as_str());
            let path = mount["mountPath"].as_str().unwrap();
            // The status finds the data where the parts found them.
            assert!(paths.chain(["/data"]).any(|value| value.starts_with(path)), "{mount}");
        }
    }
    let ours = [("PIPELINE", "my pipeline.yaml"), ("DATA", "my data"), ("OUT", "my out"), ("PARTS", "4")];
    let pod = |index: u32| {
        let mut pod = container(&place, &job, &ours);
        pod.env("JOB_COMPLETION_INDEX", index.to_string());
        pod
    };
    let status = |code: i32, text: &str| {
        let output = container(&place, &status, &ours).output().unwrap();
        assert!(output.status.code() == Some(code) && said(&output).contains(text), "{}", said(&output));
    };
    let three: Vec<_> = [0, 1, 2].map(|index| pod(index).spawn().unwrap()).into();
    three.into_iter().for_each(|mut child| assert!(child.wait().unwrap().success()));
    status(1, "part 4 of 4 has not been run");
    assert!(pod(3).status().unwrap().success());
    undo_part(&place, "my out", "1/4");
    assert!(pod(0).status().unwrap().success());
    status(0, "8 cases: 8 done");
    assert_complete(&place, "my out");
    // An index that is none ends with the exit code that is not tried again.
    assert_eq!(pod(4).status().unwrap().code(), Some(2));
}

/// A program that is killed the first time it runs part 2.
#[cfg(unix)]
fn killed_once(place: &Place) {
    let text = "#!/bin/sh\ncase \"$*\" in\n*'--shard 2/4'*) [ -e killed ] || { touch killed; kill -9 $$; } ;;\nesac\n\
                exec revoxel \"$@\"\n";
    executable(&place.text("bin/killed once", text));
}

#[test]
#[cfg(unix)]
fn snakemake_runs_the_parts() {
    if !is_there("snakemake", &["--version"]) {
        return;
    }
    let place = dataset();
    killed_once(&place);
    let text = std::fs::read_to_string(example("snakemake/config.yaml")).unwrap();
    let ours = ["my pipeline.yaml", "my data", "my out", "4", "1", "500", "killed once"];
    let keys = ["pipeline", "data", "out", "parts", "threads", "mem_mb", "revoxel"];
    for key in keys {
        assert!(text.lines().any(|line| line.starts_with(&format!("{key}: "))), "{key}: {text}");
    }
    let config: Vec<String> = keys.iter().zip(ours).map(|(key, value)| format!("{key}: {value}\n")).collect();
    place.text("config.yaml", &config.concat());
    let snakemake = |more: &[&str]| {
        let mut snakemake = command(&place, "snakemake");
        let output = snakemake.arg("-s").arg(example("snakemake/Snakefile")).args(more).output().unwrap();
        (output.status.code(), said(&output))
    };
    let (code, text) = snakemake(&["-n"]);
    assert!(code == Some(0) && text.contains("part          4"), "{text}");
    assert!(!place.path("my out").exists());
    // Not tried again by Snakemake: the other parts and their flags stay.
    let (code, text) = snakemake(&["--cores", "2", "--keep-going", "--retries", "0"]);
    assert!(code == Some(0) || text.contains("part 2 of 4 has not been run"), "{text}");
    let (code, text) = snakemake(&["--cores", "2", "--keep-going"]);
    assert!(code == Some(0), "{text}");
    assert!(place.path("killed").exists() && place.path("status.json").exists());
    assert_complete(&place, "my out");
}

#[test]
#[cfg(unix)]
fn nextflow_runs_the_parts() {
    let main = std::fs::read_to_string(example("nextflow/main.nf")).unwrap();
    let config = std::fs::read_to_string(example("nextflow/nextflow.config")).unwrap();
    for text in [&main, &config] {
        let count = |c: char| text.chars().filter(|x| *x == c).count();
        assert!(count('{') == count('}') && count('(') == count(')'), "{text}");
    }
    // Every parameter that is used has a default.
    for (at, _) in main.match_indices("params.") {
        let name: String = main[at + 7..].chars().take_while(|c| c.is_alphanumeric()).collect();
        assert!(config.contains(&format!("    {name} = ")), "{name}");
    }
    if !is_there("nextflow", &["-version"]) {
        return;
    }
    let place = dataset();
    killed_once(&place);
    let limits = "process {\n    withName: 'part|status' {\n        cpus = 1\n        memory = 500.MB\n    }\n}\n";
    place.text("limits.config", limits);
    let mut nextflow = command(&place, "nextflow");
    nextflow.arg("run").arg(example("nextflow/main.nf")).args([
        "-c",
        "limits.config",
        "--pipeline",
        "my pipeline.yaml",
    ]);
    nextflow.args(["--data", "my data", "--out", "my out", "--parts", "4"]);
    let output = nextflow.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_complete(&place, "my out");
}

/// Every option of revoxel that an example uses exists: they are in the help of the command.
#[test]
fn examples_use_options_that_exist() {
    let place = Place::new();
    let help = place.revoxel(&["run", "--help"]).good().out;
    let mut used = 0;
    for name in ["slurm/preprocess.sbatch", "kubernetes/job.yaml", "snakemake/Snakefile", "nextflow/main.nf"] {
        let text = std::fs::read_to_string(example(name)).unwrap();
        let from = text.lines().filter(|line| !line.trim_start().starts_with(['#', '/']));
        let own = ["--array", "--cores", "--keep-going"];
        for line in from {
            for option in line.split([' ', '"', '(', '\'']).filter(|word| word.starts_with("--") && word.len() > 2) {
                let known = own.iter().any(|own| option.starts_with(own)) || option.contains('$');
                assert!(known || help.contains(option), "{name}: {option}");
                used += 1;
            }
        }
    }
    assert!(used > 20, "{used}");
}

/// Runs a part, or all, of the dataset of [`dataset`].
fn run(place: &Place, more: &[&str]) -> Said {
    let arguments = ["run", "my pipeline.yaml", "--data", "my data", "--out", "out", "--keep-going", "--resume"];
    place.revoxel(&[&arguments[..], more].concat())
}

/// The rows of the status that are not done: case, state, part.
fn undone(place: &Place) -> Vec<String> {
    let report = place.revoxel(&["status", "out", "--json"]).json();
    let rows = report["cases"].as_array().unwrap().iter().filter(|row| row["state"] != "done");
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    rows.map(|row| ["case", "state", "part"].map(|key| text(&row[key])).join(" ")).collect()
}

#[test]
fn the_status_names_the_parts_that_are_missing() {
    let place = dataset();
    let said = |code: i32| place.revoxel(&["status", "out"]).told(code).out;
    run(&place, &["--shard", "1/4"]).good();
    assert_eq!(undone(&place).len(), 6);
    assert!(said(1).contains("part 2 of 4 has not been run"), "{}", said(1));
    // Parts of another number: those of eight are not those of four.
    run(&place, &["--shard", "2/8"]).good();
    let text = said(1);
    assert!(text.contains("part 3 of 8 has not been run") && !text.contains("part 2 of 8 has not"), "{text}");
    assert!(undone(&place).iter().all(|row| row.contains("missing ") && row.ends_with("/8")), "{:?}", undone(&place));
    // What is named is what is to be run.
    let parts: Vec<String> = undone(&place).iter().map(|row| row.rsplit(' ').next().unwrap().to_owned()).collect();
    for part in &parts {
        run(&place, &["--shard", part]).good();
    }
    assert!(said(0).contains("8 cases: 8 done"));
    // One that was killed.
    let last = parts.last().unwrap();
    undo_part(&place, "out", last);
    let (text, named) = (said(1), last.replace('/', " of "));
    assert!(
        text.contains(&format!("missing: part {named} was started on ")) && text.contains("and has not ended"),
        "{text}"
    );
    run(&place, &["--shard", last]).good();
    said(0);
    // Another pipeline: what the first one made does not count, and its parts are no parts of it.
    place.text("my pipeline.yaml", &PIPELINE.replace("PIR", "LAS"));
    run(&place, &["--shard", last]).good();
    let report = place.revoxel(&["status", "out"]).told(1);
    assert!(report.out.contains("stale: the pipeline has changed"), "{report:?}");
    assert!(report.err.contains("runs of another pipeline or data folder"), "{report:?}");
    assert!(report.out.contains("1 done, 7 stale"), "{report:?}");
    // The record of the first pipeline is kept.
    let kept = std::fs::read_dir(place.path("out/.revoxel")).unwrap().map(|entry| entry.unwrap().file_name());
    let name = format!("run-{}-", last.replace('/', "-of-"));
    assert_eq!(kept.filter(|kept| kept.to_string_lossy().starts_with(&name)).count(), 1);
}

#[test]
fn parts_that_were_made_of_other_cases_are_named() {
    let place = dataset();
    run(&place, &["--shard", "1/2"]).good();
    // A scan comes late, and is larger than all others: the second part is another one.
    let grid = Grid::new([30, 30, 30], Affine::scaling([1.0, 1.0, 1.0])).unwrap();
    place.volume("my data/scans/a.nii.gz", &Draw::new(9).volume(grid, Kind::Image, 1));
    let said = run(&place, &["--shard", "2/2"]).good();
    assert!(said.err.contains("part 1/2 was made of 8 cases, but part 2/2 was made of 9 cases"), "{}", said.err);
    let text = place.revoxel(&["status", "out"]).told(1).out;
    assert!(text.contains("part 1 of 2 was run when the dataset had 8 cases; it has 9 now: run it again"), "{text}");
    run(&place, &["--shard", "1/2"]).good();
    place.revoxel(&["status", "out"]).good();
    // A frozen list does not change with the folder.
    let list = place.revoxel(&["cases", "my pipeline.yaml", "--data", "my data", "--csv"]).good().out;
    place.text("my data/frozen.csv", &list);
    let part = |part: &str| run(&place, &["--shard", part, "--set", "cases={from: frozen.csv}"]).good();
    part("1/2");
    place.volume("my data/scans/late.nii.gz", &scan(5));
    let said = part("2/2");
    assert!(!said.err.contains("the data folder has changed"), "{}", said.err);
}

#[test]
fn a_broken_file_changes_the_parts_of_no_machine_and_is_recorded() {
    let place = dataset();
    place.text("my data/scans/c 3.nii.gz", "no scan");
    let parts = ["1/4", "2/4", "3/4", "4/4"];
    let cases = |more: &[&str]| -> Vec<String> {
        let report = place
            .revoxel(&[&["run", "my pipeline.yaml", "--data", "my data", "--keep-going", "--json"], more].concat());
        let names = |report: &Value| -> Vec<String> {
            report["cases"].as_array().unwrap().iter().map(|case| case["case"].as_str().unwrap().to_owned()).collect()
        };
        names(&report.json())
    };
    let mut all: Vec<String> = parts.iter().flat_map(|part| cases(&["--out", "all", "--shard", part])).collect();
    all.sort();
    assert_eq!(all, (0..8).map(|case| format!("c {case}")).collect::<Vec<_>>());
    // A part of such a case alone says so, too, and its record names the case as failed, not the part as missing.
    let codes = (1..=8).map(|part| run(&place, &["--shard", &format!("{part}/8")]).code).collect::<Vec<_>>();
    assert_eq!(codes.iter().filter(|code| **code == 1).count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 7, "{codes:?}");
    let text = place.revoxel(&["status", "out"]).told(1).out;
    assert!(text.contains("case c 3: failed: ") && text.contains("8 cases: 7 done, 1 failed"), "{text}");
    place.volume("my data/scans/c 3.nii.gz", &scan(3));
    // Its size is known now, so it may be in another part.
    (1..=8).for_each(|part| drop(run(&place, &["--shard", &format!("{part}/8")]).good()));
    ["status", "verify"].iter().for_each(|command| drop(place.revoxel(&[command, "out"]).good()));
    assert!(!place.path("out/.revoxel/failed").exists());
}

#[test]
#[cfg(unix)]
fn a_file_that_one_machine_may_not_read_is_no_empty_case() {
    use std::os::unix::fs::PermissionsExt;
    let place = dataset();
    let scan = place.path("my data/scans/c 2.nii.gz");
    std::fs::set_permissions(&scan, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&scan).is_ok() {
        println!("skipped: this user reads every file");
        return;
    }
    let part = ["run", "my pipeline.yaml", "--data", "my data", "--out", "out", "--shard", "1/4"];
    place.revoxel(&part).bad(2, &["this machine cannot read all headers", "case c 2: "]);
    assert!(!place.path("out").exists());
    let codes: Vec<i32> = (1..=4)
        .map(|part| {
            let said = run(&place, &["--shard", &format!("{part}/4")]);
            assert!(said.err.contains("does not know which cases are in its part"), "{}", said.err);
            said.code
        })
        .collect();
    assert_eq!(codes.iter().sum::<i32>(), 1, "{codes:?}");
}
