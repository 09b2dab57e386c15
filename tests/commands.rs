//! Every command of the program, run as people run it.

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Dtype, Grid, Kind, Volume};
use revoxel_io::npy::{Tensor, write_npy};

use crate::support::{Place, values};

const EXACT: &str = "\
version: 1
inputs:
  image: { kind: image, path: \"{case}/image.nii.gz\" }
  label: { kind: label, path: \"{case}/label.nii.gz\" }
steps:
  - orientation: { axcodes: RAS }
  - crop_foreground: { source: label, nonzero: true, margin: 1 }
  - divisible_pad: { k: 8, value: { image: -1000 } }
outputs:
  image: { path: \"{case}/image.nii.gz\" }
  label: { path: \"{case}/label.nii.gz\" }
trace: \"{case}/trace.json\"
";

/// A grid that NIfTI's single-precision numbers hold exactly.
fn grid() -> Grid {
    let rows = [[0.25, -1.5, 0.5, 12.5], [-1.25, -0.25, 0.0, -30.0], [0.0, 0.25, -2.5, 40.25]];
    Grid::new([13, 11, 9], Affine::from_rows(rows)).unwrap()
}

/// A case with an asymmetric label in the middle of noise.
fn write_case(place: &Place, name: &str, seed: u64) -> Volume {
    let mut draw = Draw::new(seed);
    let image = draw.volume(grid(), Kind::Image, 1);
    let noise = draw.volume(grid(), Kind::Label, 1);
    let inner = |i: usize| {
        let (x, y, z) = (i % 13, i / 13 % 11, i / 143);
        (3..9).contains(&x) && (2..8).contains(&y) && (2..6).contains(&z)
    };
    let labels: Vec<u8> = values(&noise).iter().enumerate().map(|(i, v)| if inner(i) { *v as u8 } else { 0 }).collect();
    let label = Volume::new(labels.into(), grid(), Kind::Label, 1).unwrap();
    place.volume(&format!("data/{name}/image.nii.gz"), &image);
    place.volume(&format!("data/{name}/label.nii.gz"), &label);
    label
}

#[test]
fn a_dataset_is_run_in_parts_and_gone_on_with() {
    let place = Place::new();
    place.text("p.yaml", EXACT);
    (0..5).for_each(|i| drop(write_case(&place, &format!("c{i}"), i)));
    let run = |more: &[&str]| {
        let command = ["run", "p.yaml", "--data", "data", "--out", "out", "--json"];
        let said = place.revoxel(&[&command[..], more].concat()).good().json();
        let cases = said["cases"].as_array().unwrap().iter();
        cases.map(|c| c["case"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(run(&["--shard", "2/2", "--threads", "1"]), ["c1", "c3"]);
    assert_eq!(run(&["--resume", "--shard", "1/3"]), ["c0"]);
    assert_eq!(run(&["--resume"]), ["c2", "c4"]);
    assert!(run(&["--resume"]).is_empty());
    let wrong = place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out", "--shard", "3/2"]);
    wrong.bad(2, &["I/N"]);
    // The number of threads does not change a byte.
    let again = ["run", "p.yaml", "--data", "data", "--out", "other", "--threads", "3", "--jobs", "2"];
    place.revoxel(&again).good();
    for file in ["c1/image.nii.gz", "c3/label.nii.gz", "c1/trace.json"] {
        let bytes = |folder: &str| std::fs::read(place.path(folder).join(file)).unwrap();
        assert_eq!(bytes("out"), bytes("other"), "{file}");
    }
}

#[test]
fn a_dataset_goes_through_a_pipeline_and_predictions_come_back_bit_for_bit() {
    let place = Place::new();
    place.text("p.yaml", EXACT);
    let labels: Vec<Volume> = (0..3).map(|i| write_case(&place, &format!("c{i}"), i)).collect();
    let report = place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out", "--json"]).good().json();
    assert_eq!(report["cases"].as_array().unwrap().len(), 3);
    assert!(report["cases"].as_array().unwrap().iter().all(|c| c["outcome"] == "done"), "{report}");
    for (number, label) in labels.iter().enumerate() {
        let folder = format!("out/c{number}");
        let processed = place.read(&format!("{folder}/label.nii.gz"), Kind::Label);
        assert_eq!(processed.grid().orientation().to_string(), "RAS");
        assert!(processed.grid().shape().iter().all(|n| n % 8 == 0));
        // The processed label stands for a perfect prediction; --volume says whose grid, the image's is the same.
        let (trace, prediction) = (format!("{folder}/trace.json"), format!("{folder}/label.nii.gz"));
        let back = format!("back{number}.nii.gz");
        let said = place.revoxel(&["invert", &trace, &prediction, "-o", &back, "--json"]).good().json();
        assert_eq!((said["kind"].as_str(), said["interpolation"].is_null()), (Some("label"), true));
        let restored = place.read(&back, Kind::Label);
        assert_eq!(restored.grid(), label.grid());
        assert_eq!(restored.voxels(), label.voxels());
        let compared =
            place.revoxel(&["compare", &back, &format!("data/c{number}/label.nii.gz"), "--json"]).good().json();
        assert_eq!(
            (compared["geometry"].as_str(), compared["values"]["different"].as_u64()),
            (Some("identical"), Some(0))
        );
    }
    assert!(place.files().iter().all(|f| !f.contains("partial") && !f.contains(".tmp")), "{:?}", place.files());
}

#[test]
fn runs_are_the_same_for_any_number_of_jobs_and_do_not_overwrite() {
    let place = Place::new();
    place.text("p.yaml", EXACT);
    (0..4).for_each(|i| drop(write_case(&place, &format!("c{i}"), i)));
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "one", "--jobs", "1"]).good();
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "two", "--jobs", "4", "--memory", "1M"]).good();
    for file in place.files().iter().filter(|f| f.starts_with("one/")) {
        let other = file.replacen("one/", "two/", 1);
        assert_eq!(std::fs::read(place.path(file)).unwrap(), std::fs::read(place.path(&other)).unwrap(), "{file}");
    }
    let again = ["run", "p.yaml", "--data", "data", "--out", "one"];
    place.revoxel(&again).bad(2, &["one/c0/image.nii.gz exists already", "--overwrite"]);
    place.revoxel(&[&again[..], &["--overwrite", "--case", "c2"]].concat()).good();
    place.revoxel(&[&again[..], &["--case", "c9"]].concat()).bad(2, &["no case \"c9\"", "cases are: c0, c1, c2, c3"]);
}

#[test]
fn array_predictions_come_back_with_argmax_and_coverage() {
    let place = Place::new();
    place.text(
        "p.yaml",
        &EXACT.replace("  - divisible_pad: { k: 8", "  - spacing: { pixdim: 1 }\n  - divisible_pad: { k: [8, 6, 5]"),
    );
    let label = write_case(&place, "a", 5);
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    let processed = place.read("out/a/label.nii.gz", Kind::Label);
    let [nx, ny, nz] = processed.grid().shape();
    let numbers = values(&processed);
    // MONAI's order of axes: channels, x, y, z, the last fastest.
    let mut logits = Vec::new();
    for c in 0..5 {
        for (x, y, z) in (0..nx).flat_map(|x| (0..ny).flat_map(move |y| (0..nz).map(move |z| (x, y, z)))) {
            logits.push(if numbers[x + nx * (y + ny * z)] == f64::from(c) { 4.0f32 } else { -4.0 });
        }
    }
    let tensor = Tensor { shape: vec![1, 5, nx, ny, nz], voxels: logits.into() };
    write_npy(place.path("logits.npy"), &tensor).unwrap();
    let arguments =
        ["invert", "out/a/trace.json", "logits.npy", "-o", "back.nii", "--argmax", "--coverage", "seen.nii.gz"];
    place.revoxel(&arguments).good();
    let (back, seen) = (place.read("back.nii", Kind::Label), place.read("seen.nii.gz", Kind::Label));
    assert_eq!((back.grid(), seen.grid()), (label.grid(), label.grid()));
    let (back, seen, label) = (values(&back), values(&seen), values(&label));
    let agree = back.iter().zip(&label).filter(|(a, b)| a == b).count() as f64 / label.len() as f64;
    assert!(agree > 0.97, "{agree}");
    let unseen = (0..seen.len()).filter(|i| seen[*i] == 0.0).count();
    assert!(unseen > 0 && unseen < seen.len());
    assert!((0..seen.len()).all(|i| seen[i] == 1.0 || back[i] == 0.0), "what was not seen is background");
    place.revoxel(&arguments).bad(2, &["back.nii exists already"]);
    let other = ["invert", "out/a/trace.json", "logits.npy", "-o", "b.nii", "--argmax", "--axes", "zyx"];
    place.revoxel(&other).bad(2, &["does not fit", "as zyx"]);
    let kindless = ["invert", "out/a/trace.json", "logits.npy", "-o", "b.nii"];
    place.revoxel(&kindless).bad(2, &["--kind label, probability, logit or image"]);
    place.revoxel(&[&kindless[..], &["--kind", "probability"]].concat()).bad(2, &["(from -4 to 4)", "--kind logit"]);
    place.revoxel(&[&kindless[..], &["--kind", "logit"]].concat()).good();
    assert_eq!(place.read("b.nii", Kind::Logit).channels(), 5);
}

#[test]
fn plan_reads_headers_only_and_agrees_with_the_run() {
    let place = Place::new();
    let text =
        EXACT.replace("crop_foreground: { source: label, nonzero: true, margin: 1 }", "spacing: { pixdim: [1, 2, 3] }");
    place.text("p.yaml", &text);
    write_case(&place, "a", 1);
    let plan = place.revoxel(&["plan", "p.yaml", "--data", "data", "--json"]).good().json();
    // The voxels are garbage from here on: a plan must not notice.
    let file = place.path("data/a/image.nii.gz");
    let mut bytes = std::fs::read(&file).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0);
    let good = std::fs::read(&file).unwrap();
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(place.revoxel(&["plan", "p.yaml", "--data", "data", "--json"]).good().json(), plan);
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).bad(1, &["case a", "image.nii.gz"]);
    assert!(!place.files().iter().any(|f| f.starts_with("out/")), "{:?}", place.files());
    std::fs::write(&file, good).unwrap();
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    let last = &plan["plans"][0]["steps"][2]["volumes"]["image"]["after"];
    let trace: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(place.path("out/a/trace.json")).unwrap()).unwrap();
    let result = &trace["volumes"]["image"]["result"]["grid"];
    assert_eq!((&last["shape"], &last["affine_ras"]), (&result["shape"], &result["affine"]));
    let people = place.revoxel(&["plan", "p.yaml", "--like", "data/a/label.nii.gz"]).good().out;
    assert!(people.contains("orientation") && people.contains("lossy, in one pass with the step before"), "{people}");
}

#[test]
fn info_measure_and_compare_answer_people_and_machines() {
    let place = Place::new();
    write_case(&place, "a", 3);
    let info = place.revoxel(&["info", "data/a/image.nii.gz"]).good().out;
    for part in ["int16", "13 × 11 × 9", "RAS (12.500, -30.000, 40.250), LPS (-12.500, 30.000, 40.250)"] {
        assert!(info.contains(part), "{part:?} is not in {info}");
    }
    let json = place.revoxel(&["info", "data/a/image.nii.gz", "data/a/label.nii.gz", "--json"]).good().json();
    assert_eq!(json[1]["grid"]["orientation"], grid().orientation().to_string());
    let measured = place.revoxel(&["measure", "data/a/label.nii.gz", "--json"]).good().json();
    let label = place.read("data/a/label.nii.gz", Kind::Label);
    let ones = values(&label).iter().filter(|v| **v == 1.0).count() as f64;
    let first = &measured["labels"][0];
    assert_eq!(first["label"], 1);
    assert!((first["mm3"].as_f64().unwrap() - ones * grid().voxel_volume()).abs() < 1e-9);
    let csv = place.revoxel(&["measure", "data/a/label.nii.gz", "--csv"]).good().out;
    assert_eq!(csv.lines().count(), 5);
    let compared = place.revoxel(&["compare", "data/a/image.nii.gz", "data/a/label.nii.gz"]).told(1).out;
    assert!(compared.contains("identical") && compared.contains("voxels differ"), "{compared}");
    place.revoxel(&["info", "none.nii"]).bad(2, &["none.nii"]);
    place.revoxel(&["measure", "none.nii"]).bad(2, &["none.nii"]);
}

#[test]
fn transforms_and_schema_are_printed() {
    let place = Place::new();
    let list = place.revoxel(&["transforms"]).good().out;
    assert!(list.contains("spacing") && list.lines().count() > 17, "{list}");
    let one = place.revoxel(&["transforms", "spacing"]).good().out;
    for part in ["pixdim", "MONAI", "Inverse", "[default: \"monai\"]"] {
        assert!(one.contains(part), "{part:?} is not in {one}");
    }
    assert_eq!(place.revoxel(&["transforms", "flip", "--json"]).good().json()["name"], "flip");
    for name in ["ScaleIntensityRanged", "ScaleIntensityRange", "scaleintensityrange"] {
        assert!(place.revoxel(&["transforms", name]).good().out.starts_with("scale_intensity_range (intensity)"));
        assert_eq!(place.revoxel(&["transforms", name, "--json"]).good().json()["name"], "scale_intensity_range");
    }
    let several = place.revoxel(&["transforms", "ZNormalization"]).good().out;
    assert!(["normalize_intensity", "z_score"].iter().all(|name| several.contains(name)), "{several}");
    assert_eq!(place.revoxel(&["transforms", "ZNormalization", "--json"]).good().json()[1]["name"], "z_score");
    let heatmap = place.revoxel(&["transforms", "GenerateHeatmapd"]).good().out;
    assert!(heatmap.starts_with("generate_heatmap (label)"), "{heatmap}");
    for (name, part) in [
        ("Invertd", "revoxel invert"),
        ("voteensemble", "vote"),
        ("LoadImaged", "`inputs`"),
        ("To", "dtype"),
        ("ProbNMSd", "`revoxel measure FILE --peaks`"),
    ] {
        assert!(place.revoxel(&["transforms", name]).good().out.contains(part), "{name}");
    }
    place.revoxel(&["transforms", "flp"]).bad(2, &["no transform \"flp\"", "did you mean \"flip\"?"]);
    let schema = place.revoxel(&["schema"]).good().json();
    assert_eq!(schema["title"], "revoxel pipeline");
    for command in ["info", "compare", "measure", "plan", "run", "invert", "transforms", "schema", "demo"] {
        place.revoxel(&[command, "--help"]).good();
    }
    assert_eq!(place.revoxel(&["run"]).code, 2);
    assert_eq!(place.revoxel(&["nothing"]).code, 2);
}

#[test]
fn landmarks_come_from_a_file_beside_the_pipeline() {
    let place = Place::new();
    let grid = Grid::without_geometry([10, 9, 8]).unwrap();
    let values: Vec<f32> = (0..720u32).map(|i| (i * 7919 % 720) as f32).collect();
    place.volume("data/a/t1.nii", &Volume::new(values.into(), grid, Kind::Image, 1).unwrap());
    let landmarks = [0.0, 3.5, 6.25, 8.0, 9.75, 14.0, 22.5, 34.0, 48.25, 55.0, 63.0, 79.5, 100.0];
    let tensor = Tensor { shape: vec![13], voxels: landmarks.to_vec().into() };
    std::fs::create_dir(place.path("p")).unwrap();
    write_npy(place.path("p/t1.npy"), &tensor).unwrap();
    let run = |name: &str, landmarks: &str| {
        let text = format!(
            "version: 1\ninputs:\n  t1: {{ kind: image, path: \"{{case}}/t1.nii\" }}\nsteps:\n  - \
             histogram_standardization: {{ landmarks: {landmarks} }}\noutputs:\n  t1: {{ path: \"{{case}}.nii\" }}\ntrace: \
             \"{{case}}.json\"\n"
        );
        place.text("p/p.yaml", &text);
        place.revoxel(&["run", "p/p.yaml", "--data", "data", "--out", name])
    };
    run("file", "t1.npy").good();
    run("list", &format!("{landmarks:?}")).good();
    let read = |name: &str| std::fs::read(place.path(name)).unwrap();
    assert_eq!(read("file/a.nii"), read("list/a.nii"));
    let trace: serde_json::Value = serde_json::from_slice(&read("file/a.json")).unwrap();
    assert_eq!(trace["volumes"]["t1"]["steps"][0]["params"]["landmarks"], serde_json::json!(landmarks));
    // What the file holds is part of the pipeline.
    let hash =
        |name: &str| serde_json::from_slice::<serde_json::Value>(&read(name)).unwrap()["pipeline"]["hash"].clone();
    assert_eq!(hash("file/a.json"), hash("list/a.json"));
    run("none", "t2.npy").bad(2, &["p/p.yaml:5:45", "histogram_standardization: p/t2.npy: "]);
    write_npy(place.path("p/t1.npy"), &Tensor { shape: vec![2], voxels: vec![0.0, 1.0].into() }).unwrap();
    run("short", "t1.npy").bad(2, &["p/p.yaml:5:45", "2 numbers: give 13 landmarks"]);
}

#[test]
fn the_demonstration_restores_grid_and_volumes() {
    let place = Place::new();
    let demo = place.revoxel(&["demo", "d", "--json"]).good().json();
    assert_eq!(demo["grid_restored"], true);
    let rows = demo["labels"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    for row in rows {
        let number = |key: &str| row[key].as_f64().unwrap();
        for stage in ["source_mm3", "preprocessed_mm3", "inverted_mm3"] {
            assert!((number(stage) / number("true_mm3") - 1.0).abs() < 0.02, "{row}");
        }
        assert!(number("dice") > 0.99, "{row}");
    }
    place.revoxel(&["demo", "d"]).bad(2, &["d is not empty"]);
    // The commands that the demonstration stands for do the same.
    place.revoxel(&["run", "d/ct-1mm.yaml", "--data", "d/data", "--out", "again"]).good();
    let arguments = ["invert", "again/phantom/trace.json", "d/prediction.npy", "-o", "r.nii.gz", "--argmax"];
    place.revoxel(&arguments).good();
    assert_eq!(std::fs::read(place.path("r.nii.gz")).unwrap(), std::fs::read(place.path("d/restored.nii.gz")).unwrap());
}

/// What follows a text in what the program said, as a number.
fn number_after(said: &str, text: &str) -> f64 {
    let rest = said.split(text).nth(1).unwrap_or_else(|| panic!("no {text:?} in {said}"));
    rest.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{said}"))
}

#[test]
fn a_case_needs_no_more_memory_than_its_headers_say() {
    let place = Place::new();
    let grid = Grid::new([120, 110, 100], Affine::scaling([1.0, 1.0, 1.5])).unwrap();
    place.volume("data/a.nii.gz", &Draw::new(5).volume(grid, Kind::Image, 1).cast(Dtype::I16));
    let empty = place.revoxel(&["-v", "transforms"]).good();
    let program = number_after(&empty.err, "peak memory ");
    for (number, steps) in [
        "- spacing: { pixdim: [0.5, 0.5, 0.5] }",
        "- spacing: { pixdim: [0.5, 0.5, 0.5], interpolation: cubic }",
        "- spacing: { pixdim: [0.5, 0.5, 0.5] }\n  - normalize_intensity",
        "- spacing: { pixdim: [0.5, 0.5, 0.5] }\n  - spacing: { pixdim: [0.6, 0.6, 0.6] }\n  - orientation: { axcodes: SPL }",
        "- gaussian_smooth: { sigma: 2 }\n  - median_smooth: { radius: 1 }",
        "- rand_3d_elastic: { prob: 1, sigma_range: [5, 5], magnitude_range: [50, 90], rotate_range: [0.1] }",
        "- orientation: { axcodes: IPR }\n  - divisible_pad: { k: 96 }\n  - scale_intensity: { minv: 0, maxv: 1 }",
    ]
    .into_iter()
    .enumerate()
    {
        let file = format!("p{number}.yaml");
        place.text(
            &file,
            &format!(
                "version: 1\ninputs:\n  image: {{ kind: image, path: \"{{case}}.nii.gz\" }}\nsteps:\n  {steps}\noutputs:\n  \
                 image: {{ path: \"{{case}}.nii.gz\" }}\ntrace: \"{{case}}.json\"\n"
            ),
        );
        let said = place.revoxel(&["-v", "run", &file, "--data", "data", "--out", &format!("o{number}")]).good().err;
        let (most, peak) = (number_after(&said, "needs at most "), number_after(&said, "peak memory "));
        println!("{steps}: at most {most} MB, {peak} MB with the program's own {program} MB");
        assert!(peak <= most + program, "{steps}: {peak} MB, and not {most} MB as estimated");
    }
}

#[test]
fn folders_of_outputs_are_made() {
    let place = Place::new();
    write_case(&place, "a", 1);
    place.text("p.yaml", EXACT);
    place.revoxel(&["convert", "data/a/image.nii.gz", "-o", "new/deep/a.nrrd"]).good();
    assert_eq!(place.read("new/deep/a.nrrd", Kind::Image), place.read("data/a/image.nii.gz", Kind::Image));
    place.text("points.csv", "x,y,z\n4,5,3\n");
    let marks = ["convert", "points.csv", "-o", "marks/a.nii.gz", "--like", "data/a/image.nii.gz", "--space", "index"];
    place.revoxel(&marks).good();
    place.revoxel(&["snapshot", "p.yaml", "-o", "snapshots/of/p.yaml"]).good();
    assert!(["new/deep/a.nrrd", "marks/a.nii.gz", "snapshots/of/p.yaml"].iter().all(|file| place.path(file).exists()));
}

#[test]
fn set_says_how_braces_are_typed() {
    let place = Place::new();
    place.text("p.yaml", EXACT);
    let t = |set: &str, quoted: &str| {
        place.revoxel(&["plan", "p.yaml", "--set", set]).bad(2, &["braces begin a map", &format!("--set '{quoted}'")]);
    };
    t("outputs.image.path={case}.nii.gz", "outputs.image.path=\"{case}.nii.gz\"");
    t("outputs.image.path={case}", "outputs.image.path=\"{case}\"");
    t("trace={case}/{case}.json", "trace=\"{case}/{case}.json\"");
    place.revoxel(&["plan", "p.yaml", "--set", "outputs.image.path=\"{case}.nii.gz\""]).good();
    place.revoxel(&["plan", "p.yaml", "--set", "steps.0={flip: {spatial_axis: 0}}"]).good();
}
