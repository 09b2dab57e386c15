//! `cargo xtask fuzz`: builds the targets of `fuzz/` with coverage counters, runs them, and says what they found.
//!
//! Works on the stable toolchain: the counters are a pass of LLVM that `-C passes` switches on, and libFuzzer is
//! compiled from the source that the crate libfuzzer-sys holds.

mod report;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use report::Report;

pub(crate) const USAGE: &str = "[--seconds N] [--target NAME] [--address]";

const HELP: &str = "\
  --seconds N    how long each target runs (default 60)
  --target NAME  only this target; may be repeated
  --address      with AddressSanitizer too, which finds reads and writes out of bounds (slower; builds anew)
  --list         only list the targets

Inputs that reach new code are kept in fuzz/corpus/TARGET and are where the next run starts; an input that fails is
kept in fuzz/artifacts/TARGET. Exit code 1 where a target failed.
";

/// Coverage of edges, as counters and with the places of the code, and the operands of comparisons.
const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];

/// Limits of each input: memory in MB, seconds, bytes.
const LIMITS: [&str; 4] = ["-rss_limit_mb=1024", "-timeout=100", "-max_len=32768", "-print_final_stats=1"];

struct Options {
    seconds: u64,
    targets: Vec<String>,
    address: bool,
}

pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<bool> {
    let fuzz = root.join("fuzz");
    let all = targets(&fuzz)?;
    let mut options = Options { seconds: 60, targets: Vec::new(), address: false };
    let mut rest = arguments.iter();
    while let Some(option) = rest.next() {
        let mut value = || rest.next().with_context(|| format!("{option} needs a value"));
        match option.as_str() {
            "--seconds" => options.seconds = value()?.parse().context("--seconds takes a whole number")?,
            "--target" => options.targets.push(value()?.clone()),
            "--address" => options.address = true,
            "--list" => {
                all.iter().for_each(|name| println!("{name}"));
                return Ok(true);
            }
            "--help" => {
                print!("cargo xtask fuzz {USAGE}\n\n{HELP}");
                return Ok(true);
            }
            _ => bail!("there is no option {option}: fuzz {USAGE}"),
        }
    }
    if let Some(unknown) = options.targets.iter().find(|name| !all.contains(name)) {
        bail!("there is no target {unknown}; there are {}", all.join(", "));
    }
    let chosen = if options.targets.is_empty() { &all } else { &options.targets };
    let programs = build(&fuzz, options.address)?;
    let mut reports = Vec::new();
    for name in chosen {
        println!("{name}: {} s", options.seconds);
        reports.push(fuzz_one(&fuzz, &programs.join(name), name, options.seconds)?);
    }
    print!("\n{}", report::table(&reports));
    for report in &reports {
        for file in &report.findings {
            println!("\n{}: {}\n  the input: {}", report.name, report.problem, file.display());
            println!("  again: cargo xtask fuzz --seconds 1 --target {} (it starts with the kept inputs)", report.name);
        }
    }
    Ok(reports.iter().all(|r| r.findings.is_empty()))
}

/// The names of the targets.
fn targets(fuzz: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(fuzz.join("fuzz_targets")).context("fuzz/fuzz_targets cannot be read")? {
        let path = entry?.path();
        if let (Some("rs"), Some(name)) = (path.extension().and_then(|e| e.to_str()), path.file_stem()) {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Builds all targets; the folder of the programs.
fn build(fuzz: &Path, address: bool) -> Result<PathBuf> {
    let version = Command::new("rustc").arg("-vV").output().context("rustc does not start")?;
    let version = String::from_utf8(version.stdout)?;
    let host = version.lines().find_map(|l| l.strip_prefix("host: ")).context("rustc does not say its host")?;
    let mut flags = FLAGS.join(" ");
    let mut cargo = Command::new("cargo");
    let folder = if address {
        flags += " -Zsanitizer=address";
        // Sanitizers are no part of the stable language.
        cargo.env("RUSTC_BOOTSTRAP", "1");
        fuzz.join("target/address")
    } else {
        fuzz.join("target")
    };
    // With a target named, build scripts and macros are built without the counters.
    let status = cargo
        .args(["build", "--release", "--quiet", "--bins", "--target", host, "--target-dir"])
        .arg(&folder)
        .env("RUSTFLAGS", flags)
        .current_dir(fuzz)
        .status()
        .context("cargo does not start")?;
    ensure!(status.success(), "the targets do not build");
    Ok(folder.join(host).join("release"))
}

fn fuzz_one(fuzz: &Path, program: &Path, name: &str, seconds: u64) -> Result<Report> {
    let (corpus, artifacts) = (fuzz.join("corpus").join(name), fuzz.join("artifacts").join(name));
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&artifacts)?;
    let scratch = Scratch::new(name)?;
    let command = || {
        let mut command = Command::new(program);
        // One thread: coverage of an input should not depend on chance.
        command.env("RAYON_NUM_THREADS", "1").env("REVOXEL_FUZZ_SCRATCH", &scratch.0).current_dir(fuzz);
        command
    };
    let seeded = command().env("REVOXEL_FUZZ_SEEDS", &corpus).output().context("the target does not start")?;
    ensure!(seeded.status.success(), "{name}: seeds: {}", String::from_utf8_lossy(&seeded.stderr));
    let before = findings(&artifacts)?;
    let log = artifacts.join("log.txt");
    let output = File::create(&log)?;
    let status = command()
        .arg(&corpus)
        .args(LIMITS)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .stdout(output.try_clone()?)
        .stderr(output)
        .status()?;
    let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    let mut report = Report::of(name, &text);
    report.findings = findings(&artifacts)?.into_iter().filter(|file| !before.contains(file)).collect();
    if !status.success() && report.findings.is_empty() {
        // An input that was found before fails again: libFuzzer keeps it under the same name.
        report.findings = report.kept.clone().map_or_else(|| vec![log], |file| vec![file]);
    }
    Ok(report)
}

/// Inputs that failed. Slow ones are only kept.
fn findings(artifacts: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(artifacts)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if ["crash-", "oom-", "timeout-", "leak-"].iter().any(|kind| name.starts_with(kind)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A folder for the files that targets write, in memory where the system has such a place; removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Result<Self> {
        let memory = Path::new("/dev/shm");
        let above = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = above.join(format!("revoxel-fuzz-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
