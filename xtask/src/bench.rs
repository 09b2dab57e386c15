//! `cargo xtask bench`: what the program takes for real work, beside its peers where a Python with them is given.
//!
//! Makes the test volume, runs our side and each peer in turn (so that a slow minute of the machine hits both), and
//! prints a table in Markdown: medians, the fastest peer, the ratio. No test asserts a time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

pub(crate) const USAGE: &str = "[--python PYTHON] [--folder DIR] [--only main|kernels|files]";

/// The main job as a pipeline.
const PIPELINE: &str = "\
version: 1
inputs:
  image: { kind: image, path: \"{case}.nii.gz\" }
  label: { kind: label, path: \"seg.nii.gz\", optional: true }
steps:
  - orientation: { axcodes: RAS }
  - spacing: { pixdim: [1, 1, 1] }
outputs:
  image: { path: \"{case}/i.nii.gz\", dtype: float32 }
  label: { path: \"{case}/l.nii.gz\" }
trace: \"{case}/trace.json\"
";

/// The model's grid of the export.
const MODEL: &str = "\
version: 1
inputs:
  image: { kind: image, path: \"{case}.nii.gz\" }
steps:
  - orientation: { axcodes: RAS }
  - resize: { spatial_size: [120, 120, 150] }
outputs: {}
trace: \"{case}-model.json\"
";

/// A row of the table: its name in the measurements, what people read, the voxels that a kernel reads and writes in MB
/// (0 for whole programs and files), and what it must beat: (peer, times as fast).
struct Row(&'static str, &'static str, f64, &'static [(&'static str, f64)]);

const ROWS: &[Row] = &[
    Row(
        "main_job",
        "main job: .nii.gz image and labels to RAS, 1 mm, written; a mask back",
        0.0,
        &[("SimpleITK", 5.0), ("MONAI", 25.0)],
    ),
    Row("linear_axis", "linear, axes aligned, to 359×359×450", 389.3, &[("torch", 2.0), ("SimpleITK", 4.0)]),
    Row("linear_oblique", "linear, oblique", 389.3, &[("SimpleITK", 2.0)]),
    Row("cubic_axis", "cubic B-spline, axes aligned", 389.3, &[("SimpleITK", 15.0), ("nnU-Net", 25.0)]),
    Row("nearest_axis", "nearest, labels, axes aligned", 136.6, &[("torch", 2.5)]),
    Row("label_axis", "label (one-hot, linear, argmax)", 136.6, &[("nnU-Net", 20.0)]),
    Row(
        "logits14_argmax",
        "14 channels 120×120×150 to 512×512×300, argmax",
        199.6,
        &[("nnU-Net", 100.0), ("torch", 30.0)],
    ),
    Row("read_nii_gz", "read .nii.gz (157 MB decoded)", 0.0, &[("SimpleITK", 1.0)]),
    Row("write_nii_gz", "write .nii.gz, int16", 0.0, &[("nibabel", 3.5)]),
    Row("read_dicom_300", "DICOM folder, 300 × 512², to a volume", 0.0, &[("SimpleITK", 3.0)]),
    Row("export", "the program on 14 channels 120×120×150 (.npy) to a label map 512×512×300 (.nii.gz)", 0.0, &[]),
    Row("linear_axis_turned", "linear, axes aligned but in another order", 389.3, &[]),
    Row("cubic_oblique", "cubic B-spline, oblique", 389.3, &[]),
    Row("nearest_oblique", "nearest, oblique", 136.6, &[]),
    Row("label104_axis", "label, 104 labels, axes aligned", 136.6, &[]),
    Row("label_oblique", "label, oblique", 136.6, &[]),
    Row("flip_i16", "flip two axes, int16", 314.6, &[]),
    Row("transpose_i16_102", "exchange axes 0 and 1, int16", 314.6, &[]),
    Row("transpose_i16_210", "exchange axes 0 and 2, int16", 314.6, &[]),
    Row("read_nii", "map .nii (157 MB), and add up all its bytes", 0.0, &[]),
    Row("write_nii", "write .nii (157 MB)", 0.0, &[]),
    Row("write_f32_nii_gz", "write .nii.gz, float32 (315 MB)", 0.0, &[]),
    Row("write_labels_nii_gz", "write .nii.gz, labels", 0.0, &[]),
    Row("info", "`revoxel info` on a header", 0.0, &[]),
    Row("copy_f32_58M", "a plain copy of 58 million float32 into fresh memory, for comparison", 464.0, &[]),
];

/// Groups of `xtask/bench/peers.py`, the peer's name, and which of ours runs beside it.
const PEERS: &[(&str, &str, Ours)] = &[
    ("main_sitk", "SimpleITK", Ours::Main),
    ("main_nibabel", "nibabel", Ours::Main),
    ("main_torchio", "TorchIO", Ours::Main),
    ("main_monai", "MONAI", Ours::Main),
    ("sitk", "SimpleITK", Ours::Kernels),
    ("torch", "torch", Ours::Kernels),
    ("scipy", "scipy", Ours::Kernels),
    ("nnunet", "nnU-Net", Ours::Kernels),
    ("files", "", Ours::Files),
    ("dicom", "SimpleITK", Ours::Files),
];

#[derive(Clone, Copy, PartialEq)]
enum Ours {
    Main,
    Kernels,
    Files,
}

#[derive(Default)]
struct Measured {
    ours: BTreeMap<String, Vec<f64>>,
    peers: BTreeMap<String, BTreeMap<String, f64>>,
    peak: BTreeMap<String, f64>,
    peer_peak: BTreeMap<String, f64>,
}

pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<bool> {
    let (mut python, mut folder, mut only) = (None, root.join("target/bench"), None);
    let mut rest = arguments.iter();
    while let Some(option) = rest.next() {
        let value = rest.next().with_context(|| format!("{option} needs a value: bench {USAGE}"))?;
        match option.as_str() {
            "--python" => python = Some(PathBuf::from(value)),
            "--folder" => folder = PathBuf::from(value),
            "--only" => {
                let all = [("main", Ours::Main), ("kernels", Ours::Kernels), ("files", Ours::Files)];
                let found = all.into_iter().find(|(name, _)| name == value);
                only = Some(found.with_context(|| format!("--only {value}: bench {USAGE}"))?.1);
            }
            _ => bail!("there is no option {option}: bench {USAGE}"),
        }
    }
    fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    build(root)?;
    let release = root.join("target/dist");
    logits(&folder.join("logits.npy"))?;
    prepare(root, &release, &folder, python.as_deref())?;
    let mut measured = Measured::default();
    for (group, peer, beside) in PEERS.iter().filter(|(.., beside)| only.is_none_or(|o| o == *beside)) {
        ours(*beside, &release, &folder, &mut measured)?;
        let Some(python) = &python else { continue };
        let script = root.join("xtask/bench/peers.py");
        settle();
        match json(Command::new(python).arg(script).arg(group).arg(&folder)) {
            Ok(rows) => measured.peer(peer, &rows, *beside),
            Err(error) => eprintln!("{group}: left out: {error:#}"),
        }
    }
    println!("{}\n", machine());
    print!("{}", measured.table());
    for level in ["portable", "avx2", "avx512"].into_iter().filter(|_| only.is_none_or(|o| o == Ours::Kernels)) {
        let kernels = Command::new(release.join("examples/kernels")).arg(&folder).args(["3", level]).output()?;
        if kernels.status.success() {
            println!("\n{level}: {}", String::from_utf8_lossy(&kernels.stdout).trim());
        } else {
            println!("\n{level}: this processor does not have it");
        }
    }
    Ok(true)
}

fn build(root: &Path) -> Result<()> {
    for what in [
        &["-p", "revoxel-cli", "--bin", "revoxel"][..],
        &["-p", "revoxel-resample", "--example", "kernels"],
        &["-p", "revoxel-io", "--example", "files", "--example", "bench_data"],
    ] {
        let status =
            Command::new("cargo").args(["build", "--profile", "dist"]).args(what).current_dir(root).status()?;
        ensure!(status.success(), "cargo build --profile dist {} failed", what.join(" "));
    }
    Ok(())
}

fn prepare(root: &Path, release: &Path, folder: &Path, python: Option<&Path>) -> Result<()> {
    if !folder.join("seg.nii.gz").exists() {
        let made = Command::new(release.join("examples/bench_data")).arg(folder).status()?;
        ensure!(made.success(), "the test volume could not be made");
    }
    if let Some(python) = python.filter(|_| !folder.join("dcm").exists()) {
        let script = root.join("xtask/bench/peers.py");
        json(Command::new(python).arg(script).arg("make_dicom").arg(folder))?;
    }
    fs::write(folder.join("main.yaml"), PIPELINE)?;
    fs::write(folder.join("model.yaml"), MODEL)?;
    let data = folder.join("data");
    fs::create_dir_all(&data)?;
    for name in ["ct.nii.gz", "seg.nii.gz"] {
        let _ = fs::remove_file(data.join(name));
        fs::hard_link(folder.join(name), data.join(name))
            .or_else(|_| fs::copy(folder.join(name), data.join(name)).map(drop))?;
    }
    let run = ["run", "model.yaml", "--data", "data", "--out", "ours", "--case", "ct", "--overwrite"];
    let output = Command::new(release.join("revoxel")).args(run).current_dir(folder).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// 14 channels of noise on the model's grid, float32 in the order (channels, z, y, x).
fn logits(path: &Path) -> Result<()> {
    let mut head =
        b"\x93NUMPY\x01\0\x76\0{'descr': '<f4', 'fortran_order': False, 'shape': (14, 150, 120, 120), }".to_vec();
    head.resize(127, b' ');
    head.push(b'\n');
    let mut state = 1u64;
    let values = (0..14 * 150 * 120 * 120).flat_map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1u64 << 24) as f32 - 0.5).to_le_bytes()
    });
    head.extend(values);
    Ok(fs::write(path, head)?)
}

fn ours(what: Ours, release: &Path, folder: &Path, measured: &mut Measured) -> Result<()> {
    settle();
    let rows = match what {
        Ours::Main => return main_job(release, folder, measured),
        Ours::Kernels => json(Command::new(release.join("examples/kernels")).arg(folder).arg("3"))?,
        Ours::Files => json(Command::new(release.join("examples/files")).arg(folder).arg("7"))?,
    };
    for (name, value) in rows {
        measured.ours.entry(name).or_default().push(value);
    }
    Ok(())
}

/// Waits until what was written before is on the disk, or the system would do that during the next measurement.
fn settle() {
    // Where there is no such command, times are noisier, no more.
    let _ = Command::new("sync").status();
}

/// The whole program on the main job, three times.
fn main_job(release: &Path, folder: &Path, measured: &mut Measured) -> Result<()> {
    let revoxel = release.join("revoxel");
    for _ in 0..3 {
        let start = Instant::now();
        let run = ["-v", "run", "main.yaml", "--data", "data", "--out", "ours", "--case", "ct", "--overwrite"];
        let back = ["-v", "invert", "ours/ct/trace.json", "ours/ct/l.nii.gz", "-o", "ours/b.nii.gz", "--overwrite"];
        for arguments in [&run[..], &back[..]] {
            measured.program(&revoxel, folder, "main_job", arguments)?;
        }
        measured.ours.entry("main_job".to_owned()).or_default().push(start.elapsed().as_secs_f64());
        let export =
            ["-v", "invert", "ours/ct-model.json", "logits.npy", "-o", "ours/e.nii.gz", "--argmax", "--overwrite"];
        let start = Instant::now();
        measured.program(
            &revoxel,
            folder,
            "export",
            &[&export[..], &["--kind", "logit", "--axes", "czyx"]].concat(),
        )?;
        measured.ours.entry("export".to_owned()).or_default().push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        let info =
            Command::new(&revoxel).args(["info", "ct.nii.gz"]).current_dir(folder).stdout(Stdio::null()).status()?;
        ensure!(info.success(), "revoxel info failed");
        measured.ours.entry("info".to_owned()).or_default().push(start.elapsed().as_secs_f64());
    }
    Ok(())
}

/// The object that a command prints.
fn json(command: &mut Command) -> Result<BTreeMap<String, f64>> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{command:?}: {}", err.lines().last().unwrap_or_default());
    let last = out.lines().last().unwrap_or_default();
    let value: Value = serde_json::from_str(last).with_context(|| format!("{command:?} printed {last:?}"))?;
    let object = value.as_object().context("no object")?;
    Ok(object.iter().filter_map(|(name, value)| Some((name.clone(), value.as_f64()?))).collect())
}

impl Measured {
    /// Runs the program and keeps the most memory that the system says it had.
    fn program(&mut self, revoxel: &Path, folder: &Path, name: &str, arguments: &[&str]) -> Result<()> {
        let output = Command::new(revoxel).args(arguments).current_dir(folder).output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "revoxel {}: {said}", arguments.join(" "));
        let peak = said.lines().find_map(|line| line.split("peak memory ").nth(1));
        let peak = peak.and_then(|text| text.split(' ').next()).and_then(|number| number.parse::<f64>().ok());
        let most = self.peak.entry(name.to_owned()).or_default();
        *most = most.max(peak.unwrap_or(f64::NAN));
        Ok(())
    }

    fn peer(&mut self, peer: &str, rows: &BTreeMap<String, f64>, beside: Ours) {
        for (name, value) in rows {
            if name == "peak_mb" {
                if beside == Ours::Main {
                    self.peer_peak.insert(peer.to_owned(), *value);
                }
                continue;
            }
            let (name, peer) = name.split_once(':').unwrap_or((name, peer));
            self.peers.entry(name.to_owned()).or_default().insert(peer.to_owned(), *value);
        }
    }

    fn table(&self) -> String {
        let mut text =
            String::from("| work | revoxel | peers | ratio, goal | of a copy's speed |\n|---|---|---|---|---|\n");
        let copied = ROWS.iter().find(|row| row.0 == "copy_f32_58M").map_or(f64::NAN, |row| row.2);
        let copied = copied / self.ours.get("copy_f32_58M").map_or(f64::NAN, |s| median(s));
        for Row(name, what, moved, goals) in ROWS {
            let Some(seconds) = self.ours.get(*name).map(|s| median(s)) else { continue };
            let none = BTreeMap::new();
            let peers = self.peers.get(*name).unwrap_or(&none);
            let each = peers.iter().map(|(peer, s)| format!("{peer} {s:.2} s")).collect::<Vec<_>>().join(" · ");
            let ratio = |(peer, goal): &(&str, f64)| {
                let times = peers.get(*peer).map(|s| s / seconds)?;
                let verdict = if times >= *goal { "met" } else { "missed" };
                Some(format!("{times:.1} × {peer} (goal {goal}, {verdict})"))
            };
            let ratios: Vec<String> = goals.iter().filter_map(ratio).collect();
            let share = moved / seconds / copied;
            let share = if *moved > 0.0 { format!("{:.0} %", 100.0 * share) } else { String::new() };
            text += &format!("| {what} | {seconds:.3} s | {each} | {} | {share} |\n", ratios.join(" · "));
        }
        let peers =
            self.peer_peak.iter().map(|(peer, mb)| format!("{peer} {mb:.0} MB")).collect::<Vec<_>>().join(" · ");
        for (name, what, peers) in [("main_job", "the main job", peers.as_str()), ("export", "the 14 channels", "")] {
            let Some(peak) = self.peak.get(name) else { continue };
            text += &format!("| peak memory of {what} | {peak:.0} MB | {peers} | | |\n");
        }
        for (name, values) in self.ours.iter().filter(|(name, _)| name.starts_with("size_")) {
            let peers = self.peers.get(name).into_iter().flatten();
            let peers: Vec<String> = peers.map(|(peer, size)| format!("{peer} {:.1} MB", size / 1e6)).collect();
            text += &format!("| {name} | {:.1} MB | {} | | |\n", median(values) / 1e6, peers.join(" · "));
        }
        text
    }
}

/// What the machine is, in a line.
fn machine() -> String {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|l| l.starts_with(name))?;
        Some(line.split(':').nth(1)?.trim().to_owned())
    };
    let (processor, memory) = (text("/proc/cpuinfo"), text("/proc/meminfo"));
    let flags = field(&processor, "flags").unwrap_or_default();
    let best = ["avx512vl", "avx2"].into_iter().find(|wanted| flags.split(' ').any(|f| f == *wanted));
    let gigabytes = field(&memory, "MemTotal").and_then(|m| m.split(' ').next()?.parse::<f64>().ok());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{}, {cores} cores, {}, {:.0} GB of memory, {} {}",
        field(&processor, "model name").unwrap_or_else(|| "a processor that does not tell its name".to_owned()),
        best.unwrap_or("neither AVX2 nor AVX-512"),
        gigabytes.map_or(f64::NAN, |kb| kb / 1e6),
        std::env::consts::OS,
        std::env::consts::ARCH,
    )
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN);
    if sorted.len().is_multiple_of(2) && !sorted.is_empty() {
        (sorted[sorted.len() / 2 - 1] + upper) / 2.0
    } else {
        upper
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_which_goals_are_met() {
        let mut measured = Measured::default();
        measured.ours.insert("linear_axis".to_owned(), vec![0.2, 0.1, 0.4]);
        let rows = BTreeMap::from([("linear_axis".to_owned(), 0.5)]);
        measured.peer("torch", &rows, Ours::Kernels);
        measured.peer("SimpleITK", &rows, Ours::Kernels);
        let table = measured.table();
        assert!(table.contains("2.5 × torch (goal 2, met) · 2.5 × SimpleITK (goal 4, missed)"), "{table}");
        assert!(table.contains("| 0.200 s |"), "{table}");
    }
}
