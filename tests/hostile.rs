//! Small files that claim or hold gigabytes: each is refused, or answered, in less than 200 MB of memory. The fixtures are
//! made by `tests/fixtures/make_hostile.py`; those that take a megabyte are made here.

use std::fs;

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Grid, Kind, Volume, Voxels};
use revoxel_io::codecs::deflate::Effort;
use revoxel_io::codecs::{gzip, zlib};
use serde_json::{Value, json};

use crate::support::{Place, Said, root};

/// The most memory, MB.
const MOST: f64 = 200.0;

/// Whether standard error has these words, wherever its lines are broken.
fn says(said: &Said, words: &str) -> bool {
    let plain = |text: &str| text.chars().filter(|c| !c.is_whitespace() && *c != '│').collect::<String>();
    plain(&said.err).contains(&plain(words))
}

/// Asserts exit code 2 and words of standard error.
fn bad(said: &Said, parts: &[&str]) {
    assert_eq!(said.code, 2, "{said:?}");
    for part in parts {
        assert!(says(said, part), "{part:?} is not in {said:?}");
    }
}

/// Runs the program, which must end by itself with an exit code of its own, and little memory.
fn small(place: &Place, arguments: &[&str]) -> Said {
    let said = place.revoxel(&[&["-v"], arguments].concat());
    assert!((0..=2).contains(&said.code), "{arguments:?}: {said:?}");
    let peak = said.err.split("peak memory ").nth(1).and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    if let Some(peak) = peak {
        println!("{arguments:?}: {peak} MB, exit {}", said.code);
        assert!(peak < MOST, "{arguments:?}: {peak} MB, {said:?}");
    }
    said
}

/// A file that `info` answers or refuses, and `convert` refuses.
fn refused(place: &Place, name: &str, parts: &[&str]) {
    assert!(fs::metadata(place.path(name)).unwrap().len() <= 1 << 20, "{name}");
    small(place, &["info", name]);
    let said = small(place, &["convert", name, "o.nii.gz"]);
    assert_eq!(said.code, 2, "{name}: {said:?}");
    for part in parts {
        assert!(says(&said, part), "{name}: {part:?} is not in {said:?}");
    }
    assert!(!place.path("o.nii.gz").exists(), "{name}");
}

#[test]
fn small_files_that_claim_or_hold_gigabytes() {
    let folder = root().join("tests/fixtures/hostile");
    let words = |name: &str| -> &[&str] {
        match name {
            "claims.nii.gz" | "claims.nrrd" | "claims.mha" => &["bytes"],
            "impossible.nii.gz" => &["decode to at most"],
            "bomb.nrrd" | "behind.nrrd" => &["limit", "--max-expansion"],
            "pixels.tar.bz2" | "deflated.zip" | "deflated.tar.bz2" => &["0.dcm"],
            "twice.zip" => &["no DICOM image"],
            "name.tar.bz2" => &["64 KiB"],
            "members.tar.bz2" => &["members"],
            _ => &["--max-expansion"],
        }
    };
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let place = Place::new();
        fs::copy(&path, place.path(name)).unwrap();
        let first = match name {
            "pixels.tar.bz2" | "deflated.tar.bz2" => &["--max-expansion"],
            "deflated.zip" => &["deflated.zip"],
            _ => words(name),
        };
        refused(&place, name, first);
        count += 1;
    }
    assert!(count >= 16, "{count}");
}

static ZEROS: [u8; 1 << 20] = [0; 1 << 20];

/// gzip of these bytes and so many mebibytes of zeros.
fn gzipped(head: &[u8], mebibytes: usize) -> Vec<u8> {
    let mut parts = vec![head];
    parts.extend(std::iter::repeat_n(&ZEROS[..], mebibytes));
    let mut bytes = Vec::new();
    gzip::compress(&parts, Effort::Usual, &mut bytes).unwrap();
    bytes
}

/// The first bytes of a NIfTI-1 file.
fn nifti(shape: [i16; 3], offset: f32, flag: u8) -> Vec<u8> {
    let mut bytes = vec![0u8; 352];
    bytes[..4].copy_from_slice(&348i32.to_le_bytes());
    for (i, n) in [3, shape[0], shape[1], shape[2], 1, 1, 1, 1].into_iter().enumerate() {
        bytes[40 + 2 * i..42 + 2 * i].copy_from_slice(&n.to_le_bytes());
    }
    bytes[70..72].copy_from_slice(&2i16.to_le_bytes());
    bytes[72..74].copy_from_slice(&8i16.to_le_bytes());
    (0..8).for_each(|i| bytes[76 + 4 * i..80 + 4 * i].copy_from_slice(&1f32.to_le_bytes()));
    bytes[108..112].copy_from_slice(&offset.to_le_bytes());
    bytes[254..256].copy_from_slice(&1i16.to_le_bytes());
    for axis in 0..3 {
        let at = 280 + 20 * axis;
        bytes[at..at + 4].copy_from_slice(&1f32.to_le_bytes());
    }
    bytes[344..348].copy_from_slice(b"n+1\0");
    bytes[348] = flag;
    bytes
}

#[test]
fn files_of_a_megabyte_stay_small() {
    let place = Place::new();
    let write = |name: &str, bytes: &[u8]| {
        assert!(bytes.len() <= 1 << 20, "{name}: {}", bytes.len());
        fs::write(place.path(name), bytes).unwrap();
    };
    // Voxels, or extensions of the header, far behind the header.
    write("far.nii.gz", &gzipped(&nifti([8, 8, 8], 200e6, 0), 200));
    small(&place, &["info", "far.nii.gz"]);
    small(&place, &["convert", "far.nii.gz", "far.nii"]);
    write("long.nii.gz", &gzipped(&nifti([8, 8, 8], 352.0 + 62e6, 1), 64));
    small(&place, &["info", "--json", "long.nii.gz"]);
    small(&place, &["convert", "long.nii.gz", "long.nii"]);
    // More behind the values than in them.
    let mut stream = Vec::new();
    zlib::compress(&vec![&ZEROS[..]; 200], Effort::Usual, &mut stream).unwrap();
    let head = format!(
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = True\nCompressedDataSize = {}\n\
         DimSize = 10 10 10\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n",
        stream.len()
    );
    write("behind.mha", &[head.as_bytes(), &stream].concat());
    small(&place, &["convert", "behind.mha", "behind.nii"]);
}

#[test]
fn large_honest_zeros_pass_and_the_options_bound_them() {
    let place = Place::new();
    // 96 MiB out of 100 KB.
    fs::write(place.path("z.nii.gz"), gzipped(&nifti([512, 512, 384], 352.0, 0), 96)).unwrap();
    place.revoxel(&["convert", "z.nii.gz", "z.nii"]).good();
    assert_eq!(place.read("z.nii", Kind::Label).voxels().min_max(), Some((0.0, 0.0)));
    let t = |arguments: &[&str], parts: &[&str]| {
        bad(&place.revoxel(&[arguments, &["z.nii.gz", "o.nii"]].concat()), parts);
    };
    t(&["--max-expansion", "100", "convert"], &["z.nii.gz", "would expand to 100663648", "--max-expansion"]);
    t(&["convert", "--max-volume", "64M"], &["z.nii.gz", "needs 100663296 bytes", "limit of 67108864", "--max-volume"]);
    place.revoxel(&["--max-volume", "96M", "info", "z.nii.gz"]).good();
    // Also where voxels are used as they lie in the file, and where an array has no geometry.
    bad(&place.revoxel(&["measure", "z.nii", "--max-volume", "64M"]), &["z.nii", "--max-volume"]);
    bad(&place.revoxel(&["compare", "z.nii", "z.nii", "--max-volume", "64M"]), &["z.nii", "--max-volume"]);
    for text in ["0", "much", "-1"] {
        let said = place.revoxel(&["convert", "z.nii", "o.nii", &format!("--max-volume={text}")]);
        assert_eq!(said.code, 2, "{said:?}");
    }
}

fn grid_of(shape: [usize; 3]) -> Value {
    json!({ "shape": shape, "affine": [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]] })
}

fn trace(source: [usize; 3], steps: &Value) -> String {
    let volume = json!({
        "kind": "image",
        "source": { "path": "x.nii", "format": "NIfTI-1", "grid": grid_of(source), "dtype": "uint8", "channels": 1 },
        "steps": steps,
        "result": { "grid": grid_of([8, 8, 8]), "dtype": "uint8" },
    });
    json!({
        "schema": "revoxel-trace", "version": 1, "tool": "x", "case": "c",
        "pipeline": { "name": "p", "hash": "h" }, "volumes": { "image": volume },
    })
    .to_string()
}

fn step(before: [usize; 3], after: [usize; 3], op: &Value) -> Value {
    json!({ "transform": "t", "params": {}, "before": grid_of(before), "after": grid_of(after), "ops": [op],
        "fidelity": "lossy", "interpolation": "linear" })
}

#[test]
fn small_traces_that_speak_of_large_things() {
    let place = Place::new();
    let prediction = revoxel_io::npy::Tensor { shape: vec![8, 8, 8], voxels: vec![1f32; 512].into() };
    revoxel_io::npy::write_npy(place.path("p.npy"), &prediction).unwrap();
    let few = [8, 8, 8];
    let elastic = |smoothing: Value, back: bool| {
        let elastic = json!({ "region": grid_of([600, 600, 600]), "noise": [1, 2, 3, 4], "magnitude": 3.0,
            "smoothing": smoothing, "back": back });
        json!([step(few, few, &json!({ "elastic": elastic }))])
    };
    let far = |n: usize| json!([step([n, n, n], few, &json!({ "resample": { "grid": grid_of(few) } }))]);
    let there = json!({ "resample": { "grid": grid_of([3000, 3000, 3000]) } });
    let mut noisy = step(few, [3000, 3000, 3000], &there);
    noisy["values"] = json!({ "noise": { "noise": [1, 2, 3, 4], "mean": 0.0, "std": 1.0, "channels": 1 } });
    let back = step([3000, 3000, 3000], few, &json!({ "resample": { "grid": grid_of(few) } }));
    let long = [1 << 24, 1, 1];
    for (text, words) in [
        (trace(few, &elastic(json!({ "gaussian": 2.0 }), false)), "region of [600, 600, 600] voxels"),
        (trace(few, &elastic(json!({ "gaussian": 2.0 }), true)), "region of [600, 600, 600] voxels"),
        (trace(few, &elastic(json!({ "bicubic": [4.0, 5.0] }), false)), "region of [600, 600, 600] voxels"),
        (trace([100_000; 3], &far(100_000)), "the source has 100000 × 100000 × 100000 voxels"),
        (
            trace(long, &json!([step(long, few, &json!({ "resample": { "grid": grid_of(few) } }))])),
            "at most 1048576 voxels",
        ),
        (trace(few, &json!([noisy, back])), "of memory, but "),
    ] {
        place.text("t.json", &text);
        let said = small(
            &place,
            &["invert", "t.json", "p.npy", "-o", "o.nii", "--axes", "xyz", "--kind", "image", "--values"],
        );
        assert_eq!(said.code, 2, "{words}: {said:?}");
        assert!(says(&said, words), "{words}: {said:?}");
        assert!(!place.path("o.nii").exists());
    }
}

#[test]
fn an_array_of_another_shape_is_refused_before_it_is_read() {
    let place = Place::new();
    place.text("t.json", &trace([8, 8, 8], &json!([])));
    // The elements of the first are not even there.
    let array = |shape: &str, elements: usize| {
        let text = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}");
        let text = format!("{text:<117}\n");
        [&b"\x93NUMPY\x01\0"[..], &118u16.to_le_bytes(), text.as_bytes(), &vec![0; elements]].concat()
    };
    fs::write(place.path("p.npy"), array("(8, 8, 9)", 10)).unwrap();
    let invert = ["invert", "t.json", "p.npy", "-o", "o.nii", "--kind", "image"];
    place.revoxel(&invert).bad(2, &["p.npy", "[8, 8, 9]", "does not fit"]);
    fs::write(place.path("p.npy"), array("(70000, 8, 8, 8)", 10)).unwrap();
    place.revoxel(&[&invert[..], &["--axes", "cxyz"]].concat()).bad(2, &["p.npy", "70000 channels"]);
}

const PIPELINE: &str = "\
version: 1
inputs:
  image: { kind: image, path: \"{case}/image.nii.gz\" }
steps:
  - spacing: { pixdim: PIXDIM }
  - gaussian_smooth: { sigma: 1.0 }
outputs:
  image: { path: \"{case}/image.nii\" }
trace: \"{case}/trace.json\"
";

/// A case with a volume that becomes 75 MB at 0.5 mm, asymmetric and oblique, and a small one.
fn dataset(place: &Place, pixdim: &str) {
    let affine = Affine::from_rows([[0.9, 0.1, 0.0, -40.0], [-0.1, 1.1, 0.2, -30.0], [0.0, -0.2, 2.0, 5.0]]);
    let grid = Grid::new([120, 108, 90], affine).unwrap();
    let values: Vec<i16> = (0..grid.voxel_count()).map(|i| (i % 1009) as i16).collect();
    let large = Volume::new(values.into(), grid, Kind::Image, 1).unwrap();
    place.volume("data/large/image.nii.gz", &large);
    place.volume("data/small/image.nii.gz", &Draw::new(4).volume(Draw::new(5).grid(9), Kind::Image, 1));
    place.text("p.yaml", &PIPELINE.replace("PIXDIM", pixdim));
}

/// Runs the program under a limit of its address space, in KiB.
#[cfg(target_os = "linux")]
fn limited(place: &Place, kibibytes: u64, arguments: &[&str]) -> (Option<i32>, String) {
    let program = env!("CARGO_BIN_EXE_revoxel-under-test");
    let output = std::process::Command::new("sh")
        .args(["-c", &format!("ulimit -v {kibibytes}; exec \"$0\" \"$@\""), program])
        .args(arguments)
        .current_dir(place.path(""))
        .env("NO_COLOR", "1")
        .env("MALLOC_ARENA_MAX", "1")
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
#[cfg(target_os = "linux")]
fn under_a_limit_of_the_address_space_a_case_fails_and_not_the_program() {
    let place = Place::new();
    dataset(&place, "0.5");
    let run = [
        "run",
        "p.yaml",
        "--data",
        "data",
        "--out",
        "out",
        "--overwrite",
        "--keep-going",
        "--threads",
        "2",
        "--jobs",
        "1",
    ];
    let mut seen = Vec::new();
    for mebibytes in [140u64, 170, 200, 230, 260, 300, 350, 420, 600] {
        let (code, text) = limited(&place, mebibytes << 10, &run);
        // Below the size of the program itself and of its threads it cannot start.
        let started = !text.contains("error while loading") && !text.contains("spawn") && code != Some(127);
        if started {
            assert!(matches!(code, Some(0..=2)), "{mebibytes} MiB: {code:?} {text}");
        }
        seen.push((mebibytes, code, text));
    }
    let refused = |(_, code, text): &&(u64, Option<i32>, String)| *code == Some(1) && text.contains("case large");
    let refused: Vec<_> = seen.iter().filter(refused).collect();
    assert!(!refused.is_empty(), "{seen:?}");
    let named = |text: &str| text.contains("memory") || text.contains("ulimit -v");
    assert!(refused.iter().all(|(_, _, text)| named(text)), "{refused:?}");
    // The small case ran all the same.
    assert!(place.path("out/small/trace.json").exists());
    // Given more by somebody who knows better, the case is tried.
    let (code, _) = limited(&place, 350 << 10, &[&run[..], &["--memory", "8G"]].concat());
    assert!(matches!(code, Some(0..=1)), "{code:?}");
}

#[test]
fn a_plan_that_cannot_fit_is_refused_by_name() {
    let place = Place::new();
    dataset(&place, "0.004");
    let said = place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]);
    bad(&said, &["case large: step 1 (spacing) makes", "of memory, but ", "--memory"]);
    assert!(!place.path("out").exists());
}

#[test]
fn help_says_the_limits() {
    let place = Place::new();
    for command in ["info", "convert", "run", "invert", "measure", "compare", "plan", "fingerprint"] {
        let said = place.revoxel(&[command, "--help"]).good();
        let text = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("--max-volume <SIZE>") && text.contains("three quarters of the memory"), "{text}");
        assert!(text.contains("--max-expansion <TIMES>") && text.contains("[default: 1100"), "{text}");
    }
}

#[test]
fn the_limits_hold_for_headers_beside_their_values() {
    let place = Place::new();
    fs::write(place.path("v.raw.gz"), gzipped(b"", 96)).unwrap();
    let header = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 512 512 384\nencoding: gzip\ndata file: v.raw.gz\n";
    place.text("v.nhdr", header);
    place.revoxel(&["convert", "v.nhdr", "v.nii"]).good();
    assert!(matches!(place.read("v.nii", Kind::Image).voxels(), Voxels::U8(v) if v.iter().all(|v| *v == 0)));
    let said = place.revoxel(&["convert", "v.nhdr", "w.nii", "--max-expansion", "64"]);
    bad(&said, &["v.raw.gz", "--max-expansion"]);
    bad(&place.revoxel(&["convert", "v.nhdr", "w.nii", "--max-volume", "10M"]), &["v.nhdr", "--max-volume"]);
}
