//! Files that belong to another case, or that are read, and so are neither removed nor replaced.

use std::fs;

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Grid, Kind, Volume};

use crate::support::{Place, root};

fn scan(seed: u64) -> Volume {
    let rows = [[0.25, -1.5, 0.5, 12.5], [-1.25, -0.25, 0.0, -30.0], [0.0, 0.25, -2.5, 40.25]];
    Draw::new(seed).volume(Grid::new([5, 4, 3], Affine::from_rows(rows)).unwrap(), Kind::Image, 1)
}

fn pipeline(place: &Place, output: &str, trace: &str) {
    place.text(
        "p.yaml",
        &format!(
            "version: 1\ninputs:\n  image: {{ kind: image, path: \"{{case}}/image.nii\" }}\nsteps:\n  - flip: {{ spatial_axis: [0] }}\n\
             outputs:\n  image: {{ path: \"{output}\" }}\ntrace: \"{trace}\"\n"
        ),
    );
}

/// The one case `c`, run.
fn ran() -> Place {
    let place = Place::new();
    place.volume("in/c/image.nii", &scan(1));
    pipeline(&place, "{case}/image.nii", "{case}/trace.json");
    place.revoxel(&["run", "p.yaml", "--data", "in", "--out", "out"]).good();
    place
}

#[test]
fn what_a_trace_of_another_case_lists_is_left() {
    for arguments in [&["--resume"][..], &["--overwrite", "--case", "b"]] {
        let place = Place::new();
        ["a", "b", "c"].iter().zip(1..).for_each(|(case, seed)| {
            place.volume(&format!("in/{case}/image.nii"), &scan(seed));
        });
        pipeline(&place, "{case}/image.nii", "{case}/trace.json");
        let run = ["run", "p.yaml", "--data", "in", "--out", "out"];
        place.revoxel(&run).good();
        let before = fs::read(place.path("out/a/image.nii")).unwrap();
        fs::copy(place.path("out/a/trace.json"), place.path("out/b/trace.json")).unwrap();
        place.revoxel(&[&run[..], arguments].concat()).good();
        assert_eq!(fs::read(place.path("out/a/image.nii")).unwrap(), before, "{arguments:?}");
        place.revoxel(&["status", "out"]).good();
    }
}

#[test]
fn what_another_case_has_just_written_is_left() {
    for again in ["--resume", "--overwrite"] {
        for output in ["nii", "mhd"] {
            let place = Place::new();
            ["ab", "b"].iter().zip(1..).for_each(|(case, seed)| {
                place.volume(&format!("in/{case}/image.nii"), &scan(seed));
            });
            pipeline(&place, &format!("a{{case}}.{output}"), "{case}.json");
            let run = ["run", "p.yaml", "--data", "in", "--out", "out", "--jobs", "1"];
            place.revoxel(&run).good();
            assert!(place.path(&format!("out/aab.{output}")).exists());
            // The output of b had the name that the one of ab has now.
            pipeline(&place, &format!("{{case}}.{output}"), "{case}.json");
            place.revoxel(&[&run[..], &[again]].concat()).good();
            place.revoxel(&["status", "out"]).good();
            let data: &[&str] = if output == "mhd" { &["ab.zraw", "b.zraw"] } else { &[] };
            for file in [&["ab.json", "b.json"], data].concat() {
                assert!(place.path(&format!("out/{file}")).exists(), "{again} {file}: {:?}", place.files());
            }
            for case in ["ab", "b"] {
                assert!(place.path(&format!("out/{case}.{output}")).exists(), "{again} {case}: {:?}", place.files());
            }
            // What no case writes any more is gone.
            assert!(!place.path(&format!("out/aab.{output}")).exists(), "{again}");
        }
    }
}

#[test]
fn a_data_file_of_an_earlier_run_goes_with_it() {
    let place = Place::new();
    place.volume("in/c/image.nii", &scan(1));
    pipeline(&place, "{case}/image.mhd", "{case}/trace.json");
    let run = ["run", "p.yaml", "--data", "in", "--out", "out"];
    place.revoxel(&run).good();
    // As if it had been written uncompressed, under the other name of the data file.
    let (trace, old) = (place.path("out/c/trace.json"), place.path("out/c/image.raw"));
    fs::rename(place.path("out/c/image.zraw"), &old).unwrap();
    let text = fs::read_to_string(&trace).unwrap();
    assert!(text.contains("image.zraw"));
    fs::write(&trace, text.replace("image.zraw", "image.raw")).unwrap();
    place.revoxel(&[&run[..], &["--overwrite"]].concat()).good();
    assert!(place.path("out/c/image.zraw").exists() && !old.exists(), "{:?}", place.files());
}

#[test]
fn files_that_are_called_almost_like_those_of_an_input_are_told() {
    let told = |path: &str, other: &str| {
        let place = Place::new();
        place.volume(&format!("in/{}", path.replace("{case}", "a")), &scan(1));
        place.volume("other.nii", &scan(2));
        let copy = place.path(&format!("in/{other}"));
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(place.path("other.nii"), copy).unwrap();
        place.text(
            "p.yaml",
            &format!("version: 1\ninputs: {{ image: {{ kind: image, path: \"{path}\" }} }}\nsteps: []\noutputs: {{}}\ntrace: \"{{case}}.json\"\n"),
        );
        place.revoxel(&["cases", "p.yaml", "--data", "in"]).good().err
    };
    for (path, other) in [
        ("images/img_{case}.nii.gz", "images/img_z.NII.GZ"),
        ("images/img_{case}.nii.gz", "images/img_z.nii.gz "),
        ("images/img_{case}.nii.gz", "images/img_z.nii"),
        ("images/img_{case}.nii", "images/img_z.nii.bz2"),
        ("images/img_{case}.nii.gz", "images/img_z.nrrd"),
        ("images/{case}.nii.gz", "images/z.nii"),
        ("{case}/image.nii.gz", "z/image.mha"),
        ("{case}/image.nii.gz", "z/Image.nii"),
    ] {
        let said = told(path, other);
        assert!(said.contains("1 file with a name like an input matches no input path"), "{path} {other}: {said}");
    }
    for (path, other) in [
        ("images/{case}.nii.gz", "images/z.nrrd"),
        ("images/{case}.nii.gz", "images/a.nii"),
        ("images/img_{case}.nii.gz", "images/seg_z.nii"),
        ("images/img_{case}.nii.gz", "images/img_z.txt"),
        ("{case}/image.nii.gz", "a/label.nii"),
    ] {
        assert_eq!(told(path, other), "", "{path} {other}");
    }
}

#[test]
fn what_is_read_is_never_written() {
    let place = ran();
    place.text("points.csv", "name,x,y,z\na,1,1,1\n");
    place.text("labels.yaml", &fs::read_to_string(place.path("p.yaml")).unwrap().replace("kind: image", "kind: label"));
    place.text("scores.csv", "case,a\nc,0.5\n");
    place.volume("scan.hdr", &scan(3));
    place.text("monai.json", "{\"transforms\": []}");
    place.text("plans.json", "{}");
    let before: Vec<_> = place.files().into_iter().map(|f| (fs::read(place.path(&f)).unwrap(), f)).collect();
    let trace = "out/c/trace.json";
    for arguments in [
        &["convert", "points.csv", "--like", "in/c/image.nii", "-o", "in/c/image.nii", "--space", "index"][..],
        &["convert", "points.csv", "--like", "scan.hdr", "-o", "scan.img", "--space", "index"],
        &["trace", "export", trace, "--to", "affine", "-o", trace],
        &["roundtrip", "labels.yaml", "--data", "in", "--csv", "labels.yaml"],
        &["points", trace, "points.csv", "-o", "points.csv"],
        &["points", trace, "points.csv", "-o", "./out/../points.csv"],
        &["import", "monai", "monai.json", "-o", "monai.json"],
        &["import", "nnunet", "plans.json", "-o", "plans.json"],
    ] {
        place
            .revoxel(&[arguments, &["--overwrite"]].concat())
            .bad(2, &["and cannot also be the output: use another name"]);
    }
    for (bytes, file) in before {
        assert!(fs::read(place.path(&file)).unwrap() == bytes, "{file}");
    }
}

#[test]
fn a_file_beside_a_result_is_not_removed_without_a_word() {
    let place = ran();
    place.text("back.nii.slices.json", "mine");
    let invert = ["invert", "out/c/trace.json", "out/c/image.nii", "-o", "back.nii", "--kind", "image"];
    place.revoxel(&invert).bad(2, &["back.nii.slices.json exists already: pass --overwrite"]);
    assert_eq!(fs::read_to_string(place.path("back.nii.slices.json")).unwrap(), "mine");
    // It would say something else than the result.
    place.revoxel(&[&invert[..], &["--overwrite"]].concat()).good();
    assert!(!place.path("back.nii.slices.json").exists());
}

#[test]
fn a_folder_without_images_says_why() {
    let place = Place::new();
    place.text("empty/note.txt", "no image");
    let said = place.revoxel(&["info", "empty"]).told(2);
    assert!(said.err.contains("no DICOM image in 1 file (1 not DICOM)"), "{said:?}");
    let said = place.revoxel(&["info", "empty", "--json"]).told(2).json();
    assert!(said[0]["error"].as_str().unwrap().contains("no DICOM image"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_file_that_grows_too_large_for_the_system_is_an_error() {
    let place = Place::new();
    let grid = Grid::new([80, 80, 80], Affine::scaling([1.0, 2.0, 3.0])).unwrap();
    place.volume("large.nii", &Draw::new(5).volume(grid, Kind::Image, 1));
    fs::create_dir(place.path("out")).unwrap();
    // 512 or 1024 bytes each, by the shell.
    let script = "ulimit -f 100; exec \"$0\" convert large.nii out/small.nii";
    let program = env!("CARGO_BIN_EXE_revoxel-under-test");
    let said =
        std::process::Command::new("sh").args(["-c", script, program]).current_dir(place.path("")).output().unwrap();
    let err = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(1), "{err}");
    assert!(err.contains("small.nii") && err.contains("File too large"), "{err}");
    assert_eq!(fs::read_dir(place.path("out")).unwrap().count(), 0);
}

#[test]
fn outputs_do_not_become_cases() {
    for (input, output, is_refused) in [
        ("{case}.nii", "{case}_pre.nii", true),
        ("sub-{case}.nii", "sub-{case}_pre.nii", true),
        ("{case}/*.nii", "{case}/pre.nii", true),
        ("{case}/image.nii", "{case}_pre/image.nii", true),
        ("{case}/image.nii", "{case}/pre.nii", false),
        ("{case}.nii", "pre/{case}.nii", false),
        ("{case}.nii", "{case}_pre.nii.gz", false),
    ] {
        let place = Place::new();
        let name = input.replace("{case}", "a").replace('*', "image");
        place.volume(&format!("in/{name}"), &scan(1));
        place.text(
            "p.yaml",
            &format!(
                "version: 1\ninputs:\n  image: {{ kind: image, path: \"{input}\" }}\nsteps:\n  - flip: {{ spatial_axis: [0] }}\n\
                 outputs:\n  image: {{ path: \"{output}\" }}\ntrace: \"{{case}}.json\"\n"
            ),
        );
        let said = place.revoxel(&["run", "p.yaml", "--data", "in", "--out", "in"]);
        if is_refused {
            said.bad(
                2,
                &["lies in the data folder and is called like the input image", "use another folder for --out"],
            );
            assert_eq!(place.files().len(), 2, "{input}: {:?}", place.files());
        } else {
            said.good();
        }
        place.revoxel(&["run", "p.yaml", "--data", "in", "--out", "out"]).good();
    }
}

#[test]
fn advice_names_options_that_there_are() {
    let place = ran();
    // A NIfTI-1 file of complex numbers.
    let mut complex = fs::read(place.path("in/c/image.nii")).unwrap();
    complex[70..74].copy_from_slice(&[32, 0, 64, 0]);
    complex.resize(352 + 60 * 8, 0);
    fs::write(place.path("complex.nii"), complex).unwrap();
    let invert = ["invert", "out/c/trace.json", "complex.nii", "-o", "back.nii", "--kind", "image"];
    place.revoxel(&invert).bad(2, &["`revoxel convert` has --complex channels: convert the file first"]);
    place.revoxel(&["convert", "complex.nii", "o.nii"]).bad(2, &["the option is --complex channels"]);
    fs::write(place.path("a.tar.xz"), b"\xfd7zXZ\0and so on").unwrap();
    place.revoxel(&["convert", "a.tar.xz", "o.nii"]).bad(2, &["xz", "unpack it first"]);
}

#[test]
fn the_voxel_size_beside_a_folder_of_pictures_is_no_case() {
    let place = Place::new();
    let pictures = root().join("crates/revoxel-io/fixtures/pictures/png8");
    for folder in ["in/a", "in/b"] {
        fs::create_dir_all(place.path(folder)).unwrap();
        place.text(&format!("{folder}.json"), "{\"spacing\": [2, 1, 0.5]}");
        for picture in fs::read_dir(&pictures).unwrap().map(|entry| entry.unwrap().path()) {
            fs::copy(&picture, place.path(folder).join(picture.file_name().unwrap())).unwrap();
        }
    }
    place.text(
        "p.yaml",
        "version: 1\ninputs: { image: { kind: image, path: \"{case}\" } }\nsteps: []\noutputs: { image: { path: \"{case}.nii\" } }\ntrace: \"{case}.json\"\n",
    );
    let cases = place.revoxel(&["cases", "p.yaml", "--data", "in", "--json"]).good().json();
    let names: Vec<&str> =
        cases["cases"].as_array().unwrap().iter().map(|case| case["case"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b"]);
    place.revoxel(&["run", "p.yaml", "--data", "in", "--out", "out"]).good();
    assert_eq!(place.read("out/b.nii", Kind::Image).grid().spacing(), [0.5, 1.0, 2.0]);
}
