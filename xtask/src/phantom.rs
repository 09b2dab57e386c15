//! `cargo xtask phantom`: how far label maps are from the truth after their way back, by interpolation.
//!
//! Three ellipsoids that are known in millimetres, 11 pipelines, one oblique scan with thick slices. On each model's
//! grid stands a perfect prediction, as a label map and as logits; brought back, it is compared with the ellipsoids.

mod files;
mod shapes;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use files::{Grid, read_nifti, write_nifti, write_npy};
use shapes::{Error, ellipsoids, error};

pub(crate) const USAGE: &str = "[--python PYTHON] [--binary REVOXEL] [--write]";

/// Name and steps of each pipeline.
const PIPELINES: [(&str, &str); 11] = [
    ("1 mm", "spacing: { pixdim: 1 }"),
    ("1.5 mm", "spacing: { pixdim: 1.5 }"),
    ("2 mm", "spacing: { pixdim: 2 }"),
    ("1.5 mm, nnU-Net's rule", "spacing: { pixdim: 1.5, rule: nnunet }"),
    ("1.5 mm, TorchIO's rule", "spacing: { pixdim: 1.5, rule: torchio }"),
    ("half in z", "spacing: { pixdim: [0.9, 0.9, 1.5] }"),
    ("double in plane", "spacing: { pixdim: [1.8, 1.8, 3] }"),
    ("RAS, 1.2 mm", "orientation: { axcodes: RAS }; spacing: { pixdim: 1.2 }"),
    (
        "RAS, 1 mm, cropped",
        "orientation: { axcodes: RAS }; spacing: { pixdim: 1 }; crop_foreground: { source: image, above: 0, margin: 6 }",
    ),
    ("96 × 96 × 64 voxels", "resize: { spatial_size: [96, 96, 64] }"),
    ("turned, 1.5 mm", "rotate: { angle: [0.1, -0.2, 0.3] }; spacing: { pixdim: 1.5 }"),
];

/// The ways back: name in the table, name of the file, prediction and options.
const WAYS: [(&str, &str, &str, &[&str]); 4] = [
    ("label map, `nearest`", "nearest", "labels.npy", &["--kind", "label", "--axes", "xyz"]),
    ("label map, `label`", "label", "labels.npy", &["--kind", "label", "--axes", "xyz", "--interpolation", "label"]),
    ("logits, `linear`, argmax", "linear", "logits.npy", &["--kind", "logit", "--axes", "cxyz", "--argmax"]),
    (
        "logits, `cubic`, argmax",
        "cubic",
        "logits.npy",
        &["--kind", "logit", "--axes", "cxyz", "--argmax", "--interpolation", "cubic"],
    ),
];

pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<bool> {
    let (mut python, mut binary, mut write) = (None, None, false);
    let mut rest = arguments.iter();
    while let Some(option) = rest.next() {
        let mut value = || rest.next().map(PathBuf::from).with_context(|| format!("{option} needs a value"));
        match option.as_str() {
            "--python" => python = Some(value()?),
            "--binary" => binary = Some(value()?),
            "--write" => write = true,
            _ => bail!("there is no option {option}: phantom {USAGE}"),
        }
    }
    let binary = match binary {
        Some(binary) => binary.canonicalize()?,
        None => {
            let built = ["build", "--release", "-p", "revoxel-cli", "--bin", "revoxel"];
            ensure!(Command::new("cargo").args(built).current_dir(root).status()?.success(), "the build failed");
            root.join("target/release/revoxel")
        }
    };
    let folder = root.join("target/phantom");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("data"))?;
    let native = native();
    let scan: Vec<i16> = native.indices().map(|i| if label(native.world(i)) > 0 { 300 } else { -20 }).collect();
    write_nifti(&folder.join("data/scan.nii"), &native, &scan)?;
    let (native, _) = read_nifti(&folder.join("data/scan.nii"))?;
    let mut rows: Vec<Row> = Vec::new();
    let perfect: Vec<f64> = native.indices().map(|i| f64::from(label(native.world(i)))).collect();
    add(&mut rows, "none", "the truth on the scan's grid", &native, &perfect);
    for (number, (_, steps)) in PIPELINES.iter().enumerate() {
        let place = folder.join(format!("p{number}"));
        predict(&binary, &folder, &place, steps)?;
        for (name, file, prediction, options) in WAYS {
            let result = place.join(format!("{file}.nii"));
            let mut command = Command::new(&binary);
            command.arg("invert").arg(place.join("scan.json")).arg(place.join(prediction)).args(options);
            said(command.arg("-o").arg(&result))?;
            measure(&mut rows, "revoxel", name, &result)?;
        }
    }
    if let Some(python) = python {
        let script = root.join("xtask/phantom/peers.py");
        let found = said(Command::new(python).arg(script).arg(&folder))?;
        for line in found.lines() {
            let [program, name, file] = line.split('\t').collect::<Vec<_>>()[..] else { continue };
            measure(&mut rows, program, name, Path::new(file))?;
        }
    }
    let table = table(&rows);
    println!("{table}");
    if write {
        let page = root.join("docs/phantom.md");
        let text = fs::read_to_string(&page)?;
        let (head, tail) = text.split_once(BEGIN).context("docs/phantom.md has no begin of the table")?;
        let (_, tail) = tail.split_once(END).context("docs/phantom.md has no end of the table")?;
        fs::write(page, format!("{head}{BEGIN}\n{table}{END}{tail}"))?;
    }
    Ok(true)
}

const BEGIN: &str = "<!-- made by cargo xtask phantom: do not edit -->";
const END: &str = "<!-- end -->";

/// 0.9 × 0.9 × 3 mm, oblique, one axis mirrored.
fn native() -> Grid {
    let ((s, c), (t, d)) = (0.3f64.sin_cos(), (-0.2f64).sin_cos());
    let (axes, size) = ([[-c, -s, 0.0], [-s * d, c * d, t], [s * t, -c * t, d]], [0.9, 0.9, 3.0]);
    let shape = [124, 118, 34];
    let mut rows = [[0.0; 4]; 3];
    for (row, out) in rows.iter_mut().enumerate() {
        (0..3).for_each(|axis| out[axis] = axes[axis][row] * size[axis]);
        out[3] = -(0..3).map(|axis| out[axis] * (shape[axis] as f64 - 1.0) / 2.0).sum::<f64>();
    }
    Grid { shape, rows }
}

/// The label at a place: 0, or the number of the ellipsoid from 1.
fn label(world: [f64; 3]) -> u8 {
    ellipsoids().iter().position(|e| e.distance(world) < 0.0).map_or(0, |i| i as u8 + 1)
}

/// Runs a pipeline on the scan and writes perfect predictions on the grid where it ends.
fn predict(binary: &Path, folder: &Path, place: &Path, steps: &str) -> Result<()> {
    fs::create_dir_all(place)?;
    let steps: String = steps.split("; ").map(|step| format!("  - {step}\n")).collect();
    let pipeline = format!(
        "version: 1\ninputs:\n  image: {{ kind: image, path: \"{{case}}.nii\" }}\nsteps:\n{steps}outputs:\n  image: {{ \
         path: \"{{case}}.nii\", dtype: float32 }}\ntrace: \"{{case}}.json\"\n"
    );
    fs::write(place.join("pipeline.yaml"), pipeline)?;
    let mut command = Command::new(binary);
    command.arg("run").arg(place.join("pipeline.yaml")).arg("--data").arg(folder.join("data"));
    said(command.arg("--out").arg(place))?;
    let (model, _) = read_nifti(&place.join("scan.nii"))?;
    let [nx, ny, nz] = model.shape;
    let (mut labels, mut logits) = (vec![0u8; nx * ny * nz], vec![0f32; 4 * nx * ny * nz]);
    for (number, index) in model.indices().enumerate() {
        let world = model.world(index);
        // C order: the last axis is the fastest.
        let (x, y, z) = (number % nx, number / nx % ny, number / (nx * ny));
        let at = (x * ny + y) * nz + z;
        labels[at] = label(world);
        for (channel, ellipsoid) in ellipsoids().iter().enumerate() {
            // As of a network that is sure a few millimetres off the surface.
            let score = (-2.0 * ellipsoid.distance(world)).clamp(-10.0, 10.0);
            logits[(channel + 1) * nx * ny * nz + at] = score as f32;
        }
    }
    write_npy(&place.join("labels.npy"), &[nx, ny, nz], "|u1", &labels)?;
    let bytes: Vec<u8> = logits.iter().flat_map(|v| v.to_le_bytes()).collect();
    write_npy(&place.join("logits.npy"), &[4, nx, ny, nz], "<f4", &bytes)
}

/// Errors of one way back, over all pipelines and ellipsoids.
struct Row {
    program: String,
    way: String,
    errors: Vec<Error>,
}

fn measure(rows: &mut Vec<Row>, program: &str, way: &str, result: &Path) -> Result<()> {
    let (grid, map) = read_nifti(result)?;
    add(rows, program, way, &grid, &map);
    Ok(())
}

fn add(rows: &mut Vec<Row>, program: &str, way: &str, grid: &Grid, map: &[f64]) {
    let errors = ellipsoids().iter().enumerate().map(|(i, e)| error(grid, map, i as f64 + 1.0, e)).collect::<Vec<_>>();
    match rows.iter_mut().find(|row| row.program == program && row.way == way) {
        Some(row) => row.errors.extend(errors),
        None => rows.push(Row { program: program.to_owned(), way: way.to_owned(), errors }),
    }
}

fn table(rows: &[Row]) -> String {
    let mut text = "| way back | by | surface, mean (mm) | surface, worst | volume, mean (%) | volume, worst |\n\
                    |---|---|---|---|---|---|\n"
        .to_owned();
    for Row { program, way, errors } in rows {
        let over = |value: fn(&Error) -> f64| {
            let all: Vec<f64> = errors.iter().map(|e| value(e).abs()).collect();
            (all.iter().sum::<f64>() / all.len() as f64, all.iter().copied().fold(0.0, f64::max))
        };
        let (surface, volume) = (over(|e| e.surface), over(|e| e.volume));
        text += &format!(
            "| {way} | {program} | {:.3} | {:.3} | {:.2} | {:.2} |\n",
            surface.0,
            surface.1,
            100.0 * volume.0,
            100.0 * volume.1
        );
    }
    text
}

/// What a program printed on standard output; an error with what it said where it failed.
fn said(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fine_map_is_close_to_the_truth() {
        let ellipsoid = &ellipsoids()[1];
        let rows = [[0.5, 0.0, 0.0, 10.0], [0.0, 0.5, 0.0, -30.0], [0.0, 0.0, 0.5, -6.0]];
        let grid = Grid { shape: [58, 62, 70], rows };
        let map: Vec<f64> =
            grid.indices().map(|i| f64::from(u8::from(ellipsoid.distance(grid.world(i)) < 0.0))).collect();
        let found = error(&grid, &map, 1.0, ellipsoid);
        assert!(found.surface < 0.15 && found.volume.abs() < 0.005, "{found:?}");
        // Shifted by 2 voxels along an axis: a millimetre where the surface faces it.
        let shifted = Grid { rows: [[0.5, 0.0, 0.0, 11.0], rows[1], rows[2]], ..grid };
        assert!(error(&shifted, &map, 1.0, ellipsoid).surface > 0.35);
    }
}
