//! DICOM through the program: which series is read, what has to be said first, and predictions on uneven slices.

use revoxel_core::Kind;
use revoxel_io::dicom::testing::Object;
use serde_json::{Value, json};

use crate::support::Place;

const PIPELINE: &str = "version: 1\ninputs:\n  image: { kind: image, path: \"{case}/s\", OPTIONS }\nsteps:\n  - orientation: { \
                        axcodes: RAS }\noutputs:\n  image: { path: \"{case}.nii.gz\" }\ntrace: \"{case}.json\"\n";

/// Writes files into the folder of a case.
fn put(place: &Place, objects: impl IntoIterator<Item = Object>) {
    std::fs::create_dir_all(place.path("data/c/s")).unwrap();
    for (i, object) in objects.into_iter().enumerate() {
        std::fs::write(place.path(&format!("data/c/s/{i}.dcm")), object.bytes()).unwrap();
    }
}

fn run(place: &Place, options: &str) -> crate::support::Said {
    place.text("p.yaml", &PIPELINE.replace("OPTIONS", options));
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out", "--overwrite"])
}

/// Values of the first voxel of each slice along S, of the result of the case.
fn slices(place: &Place) -> Vec<f64> {
    let volume = place.read("out/c.nii.gz", Kind::Image);
    let [x, y, z] = volume.grid().shape();
    // RAS, from LPS: the first voxel is the last one along x and y.
    (0..z).map(|k| volume.value([x - 1, y - 1, k], 0)).collect()
}

#[test]
fn inputs_say_which_images_they_are() {
    let place = Place::new();
    let series = |uid: &'static str, description: &'static str, first: usize, count: usize| {
        (0..count).map(move |i| {
            let object = Object::slice(first + i, [1.0, 2.0, 3.0 * i as f64]).text(0x0020_000e, "UI", uid);
            object.text(0x0008_103e, "LO", description).text(0x0008_0018, "UI", &format!("{uid}.{i}"))
        })
    };
    put(&place, series("1.5", "Lung thin", 0, 4).chain(series("1.6", "Lung thick", 4, 2)));
    run(&place, "optional: false").bad(2, &["contains 2 series", "`series:`", "\"Lung thick\", 2 slices"]);
    for options in ["series: \"*thin\"", "series: { description: \"*THIN\" }", "series: { largest: true }", "series: 1"]
    {
        run(&place, options).good();
        assert_eq!(slices(&place), [-1000.0, -900.0, -800.0, -700.0], "{options}");
    }
    run(&place, "series: { number: 7, min_slices: 2, modality: CT, uid: \"1.6\" }").good();
    assert_eq!(slices(&place), [-600.0, -500.0]);
    run(&place, "series: { size: 3 }").bad(2, &["series: there is no field \"size\"", "p.yaml:3"]);
    run(&place, "series: { min_slices: many }")
        .bad(2, &["series.min_slices: expected a number of slices, not \"many\""]);
    run(&place, "series: \"number=7\"").bad(2, &["series: write the field as a map: { number: 7 }"]);
    run(&place, "series: []").bad(2, &["series: expected a number from the list"]);
    run(&place, "frames: both").bad(2, &["both", "separate"]);
}

#[test]
fn what_has_to_be_said_first_is_said_in_the_pipeline() {
    let kinds = |i: usize| {
        let kind = if i < 3 { "M" } else { "P" };
        Object::slice(i, [0.0, 0.0, (i % 3) as f64]).text(0x0008_0008, "CS", &format!("ORIGINAL\\PRIMARY\\{kind}"))
    };
    let place = Place::new();
    put(&place, (0..6).map(kinds));
    run(&place, "optional: false").bad(2, &["contains 2 volumes in one series", "magnitude", "`frames: stack`"]);
    run(&place, "select: phase").good();
    assert_eq!(slices(&place), [-700.0, -600.0, -500.0]);
    run(&place, "frames: stack").good();
    assert_eq!(place.read("out/c.nii.gz", Kind::Image).channels(), 2);

    let place = Place::new();
    let bare = |o: Object| o.without(0x0028_1052).without(0x0028_1053);
    put(
        &place,
        (0..4)
            .map(|i| Object::slice(i, [0.0, 0.0, i as f64]))
            .map(|o| if o.elements[&0x0020_0013].1 == b"49" { bare(o) } else { o }),
    );
    run(&place, "optional: false").bad(2, &["1.dcm: RescaleSlope", "`rescale: assume`"]);
    run(&place, "rescale: assume").good();
    assert_eq!(slices(&place), [-1000.0, -900.0, -800.0, -700.0]);

    let place = Place::new();
    put(
        &place,
        (0..8).map(|i| Object::slice(i, [0.0, 0.0, (i % 3) as f64]).text(0x0020_0100, "IS", &(i / 3).to_string())),
    );
    run(&place, "optional: false").bad(2, &["frame 3, the last by temporal position", "`incomplete: drop`"]);
    run(&place, "incomplete: drop").good();
    assert_eq!(place.read("out/c.nii.gz", Kind::Image).channels(), 2);

    let place = Place::new();
    put(&place, [0.0, 2.0, 6.0, 8.0].into_iter().enumerate().map(|(i, z)| Object::slice(i, [0.0, 0.0, z])));
    run(&place, "missing: interpolate").good();
    let trace: Value = serde_json::from_str(&std::fs::read_to_string(place.path("out/c.json")).unwrap()).unwrap();
    assert_eq!(trace["volumes"]["image"]["source"]["facts"]["dicom"]["filled_slices"], json!([2]));
}

/// A file of two stacks: three slices along z, then four along x.
fn two_stacks() -> Object {
    let place = |stack: usize, k: usize| {
        let at = if stack == 0 { [0.0, 0.0, 4.0 * k as f64] } else { [4.0 * k as f64, 0.0, 0.0] };
        let turn = if stack == 0 { [1., 0., 0., 0., 1., 0.] } else { [0., 1., 0., 0., 0., -1.] };
        let content = Object::empty().text(0x0020_9056, "SH", &(stack + 1).to_string());
        Object::empty()
            .sequence(0x0020_9111, &[content])
            .sequence(0x0020_9113, &[Object::empty().numbers(0x0020_0032, &at)])
            .sequence(0x0020_9116, &[Object::empty().numbers(0x0020_0037, &turn)])
    };
    let size = Object::empty().numbers(0x0028_0030, &[0.75, 0.5]);
    let frames: Vec<Object> = (0..3).map(|k| place(0, k)).chain((0..4).map(|k| place(1, k))).collect();
    let pixels: Vec<u16> = (0..7 * 12).map(|i| i / 12 * 100).collect();
    let mut object = Object::slice(0, [0.0; 3]).text(0x0008_0016, "UI", "1.2.840.10008.5.1.4.1.1.4.1");
    for tag in [0x0020_0032, 0x0020_0037, 0x0028_0030] {
        object = object.without(tag);
    }
    let shared = Object::empty().sequence(0x0028_9110, &[size]);
    object.text(0x0028_0008, "IS", "7").sequence(0x5200_9229, &[shared]).sequence(0x5200_9230, &frames).pixels(&pixels)
}

#[test]
fn a_file_of_several_stacks_is_chosen_from_as_a_folder_is() {
    let place = Place::new();
    put(&place, [two_stacks()]);
    for input in ["data/c/s", "data/c/s/0.dcm"] {
        place
            .revoxel(&["convert", input, "a.nii", "--overwrite"])
            .bad(2, &["contains 2 volumes", "1: CT 7", "3 slices", "stack 2"]);
        // The normal of the second points to the right: its last frame is its first slice.
        for (how, expected) in
            [(["--series", "1"], -1000.0), (["--series", "2"], -400.0), (["--select", "stack 2"], -400.0)]
        {
            place.revoxel(&["convert", input, "a.nii", "--overwrite", how[0], how[1]]).good();
            assert_eq!(place.read("a.nii", Kind::Image).value([0; 3], 0), expected, "{input} {how:?}");
        }
    }
    // Series are listed in the order of the file.
    let list = place.revoxel(&["info", "data/c/s", "--json"]).json();
    let found: Vec<u64> = list[0]["series"].as_array().unwrap().iter().map(|s| s["slices"].as_u64().unwrap()).collect();
    assert_eq!(found, [3, 4]);
}

#[test]
fn even_grids_are_within_the_limit() {
    let place = Place::new();
    let z = [0.0, 0.01, 0.02, 0.03, 300.0];
    put(&place, z.into_iter().enumerate().map(|(i, z)| Object::slice(i, [0.0, 0.0, z])));
    let convert = ["convert", "data/c/s", "a.nii", "--slices", "regularize", "--max-volume", "1M"];
    place.revoxel(&convert).bad(2, &["an even grid with slices 0.0100 mm apart", "--max-volume"]);
    run(&place, "slices: regularize").good();
    let image = ["convert", "out/c.nii.gz", "b.nii", "--series", "2"];
    place.revoxel(&image).bad(2, &["out/c.nii.gz: not DICOM: leave out --series"]);
}

#[test]
fn predictions_on_uneven_slices_say_where_they_lie() {
    let place = Place::new();
    let z = [0.0, 2.0, 4.0, 9.0, 11.0, 17.0];
    put(&place, z.into_iter().enumerate().map(|(i, z)| Object::slice(i, [5.0, -3.0, z])));
    let said = place.revoxel(&["info", "data/c/s"]).told(0);
    assert_eq!(said.out.matches("--slices regularize").count(), 1, "{said:?}");
    run(&place, "slices: regularize").good();
    let model = place.read("out/c.nii.gz", Kind::Image);
    let prediction = model.clone().with_kind(Kind::Label);
    place.volume("p.nii.gz", &prediction.cast(revoxel_core::Dtype::U8));
    let invert = |more: &[&str]| {
        place.revoxel(&[&["invert", "out/c.json", "p.nii.gz", "-o", "back.nii.gz", "--kind", "label"], more].concat())
    };
    let said = invert(&[]).good();
    assert!(said.err.contains("back.nii.gz.slices.json") && said.err.contains("misplaces slices"), "{said:?}");
    assert_eq!(place.read("back.nii.gz", Kind::Label).grid().shape(), [4, 3, 6]);
    let text = std::fs::read_to_string(place.path("back.nii.gz.slices.json")).unwrap();
    let places: Value = serde_json::from_str(&text).unwrap();
    let found: Vec<f64> =
        places["positions_ras_mm"].as_array().unwrap().iter().map(|p| p[2].as_f64().unwrap()).collect();
    assert!(found.iter().zip(z).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
    assert_eq!((&places["positions_ras_mm"][3][0], &places["volume"]), (&json!(-5.0), &json!("back.nii.gz")));
    // 17 mm over 5 gaps, of which the third slice should lie at 6.8 mm.
    assert!((places["affine_off_by_mm"].as_f64().unwrap() - 2.8).abs() < 1e-9, "{places}");
    let said = place.revoxel(&["measure", "back.nii.gz"]).good();
    assert!(said.err.contains("its slices are unevenly spaced (back.nii.gz.slices.json)"), "{said:?}");
    // What the pipeline says of reading holds for --like, too.
    let plan = place.revoxel(&["plan", "p.yaml", "--like", "data/c/s", "--json"]).json();
    assert!(plan.to_string().contains(&format!("[4,3,{}]", model.grid().shape()[2])), "{plan}");
    // Neither is replaced without a word.
    std::fs::remove_file(place.path("back.nii.gz")).unwrap();
    invert(&[]).bad(2, &["back.nii.gz.slices.json"]);
    let said = invert(&["--onto", "regular", "--overwrite"]).good();
    assert!(!said.err.contains("misplaces slices"), "{said:?}");
    // What lay beside the result of before is gone with it; `measure` warns where it is there.
    assert!(!place.path("back.nii.gz.slices.json").exists());
    let back = place.read("back.nii.gz", Kind::Label);
    assert_eq!((back.grid().shape()[2], back.grid().spacing()[2]), (model.grid().shape()[2], 2.0));
    // Even slices have no other grid.
    put(&place, (0..6).map(|i| Object::slice(i, [5.0, -3.0, 2.0 * i as f64])));
    run(&place, "slices: regularize").good();
    invert(&["--onto", "regular", "--overwrite"]).bad(2, &["leave out --onto regular"]);
}

/// The CT and the structure set of the fixtures in the folder of a case, with the same slices as a second series.
fn structures(place: &Place) {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/revoxel-io/fixtures");
    let axial = fixtures.join("dicom_structures/axial");
    std::fs::create_dir_all(place.path("data/c/s")).unwrap();
    for slice in 0..5 {
        let mut bytes = std::fs::read(axial.join(format!("ct/{slice}.dcm"))).unwrap();
        std::fs::write(place.path(&format!("data/c/s/{slice}.dcm")), &bytes).unwrap();
        while let Some(at) = bytes.windows(7).position(|w| w == b"1801.20") {
            bytes[at + 6] = b'1';
        }
        std::fs::write(place.path(&format!("data/c/s/other{slice}.dcm")), &bytes).unwrap();
    }
    std::fs::copy(axial.join("rtstruct.dcm"), place.path("data/c/s/rt.dcm")).unwrap();
}

#[test]
fn labels_of_structure_sets_follow_what_the_pipeline_says() {
    let place = Place::new();
    structures(&place);
    let pipeline = |series: &str, labels: &str| {
        format!(
            "version: 1\ninputs:\n  image: {{ kind: image, path: \"{{case}}/s\", series: {{ uid: {series} }} }}\n  mask: {{ \
             kind: label, path: \"{{case}}/s\", {labels} }}\nsteps:\n  - orientation: {{ axcodes: RAS }}\noutputs:\n  mask: \
             {{ path: \"{{case}}.nii.gz\" }}\ntrace: \"{{case}}.json\"\n"
        )
    };
    let go = |series: &str, labels: &str| {
        place.text("p.yaml", &pipeline(series, labels));
        place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out", "--overwrite"])
    };
    let uid = "1.2.826.0.1.3680043.8.498.1801.2";
    let voxels = || {
        let volume = place.read("out/c.nii.gz", Kind::Label);
        (0..volume.voxels().len()).map(|i| volume.voxels().get(i)).collect::<Vec<_>>()
    };
    // By number as by name.
    let said = go(&format!("{uid}0"), "structures: [11, thin]").good();
    // The labels of this folder are read, so that none are left out.
    assert!(!said.err.contains("left out"), "{}", said.err);
    let by_number = voxels();
    go(&format!("{uid}0"), "structures: [ring, thin]").good();
    assert_eq!(by_number, voxels());
    assert!([1.0, 2.0].iter().all(|label| by_number.contains(label)));
    // The reference is the series of that input, not the one that the structures name.
    go(&format!("{uid}0"), "structures: [ring], reference: image").good();
    let said = go(&format!("{uid}1"), "structures: [ring], reference: image").good();
    assert!(said.err.contains("refer to the series 1.2.826.0.1.3680043.8.498.1801.20"), "{}", said.err);
    let trace: Value = serde_json::from_slice(&std::fs::read(place.path("out/c.json")).unwrap()).unwrap();
    let text = trace.to_string();
    assert!(text.contains(&format!("\"reference\":\"{uid}1\"")), "{text}");
    // A label map that is no structure set does not pass.
    place.revoxel(&["convert", "data/c/s", "a.nii.gz", "--series", &format!("{uid}0")]).good();
    place.text(
        "q.yaml",
        &pipeline(&format!("{uid}0"), "structures: [ring]")
            .replace("mask: { kind: label, path: \"{case}/s\"", "mask: { kind: label, path: \"{case}/m.nii.gz\""),
    );
    std::fs::rename(place.path("a.nii.gz"), place.path("data/c/m.nii.gz")).unwrap();
    place
        .revoxel(&["run", "q.yaml", "--data", "data", "--out", "out2"])
        .bad(2, &["m.nii.gz", "`structures:`", "NIfTI"]);
}

#[test]
fn compare_and_measure_choose_as_convert_does() {
    let place = Place::new();
    structures(&place);
    let uid = "1.2.826.0.1.3680043.8.498.1801.20";
    place.revoxel(&["convert", "data/c/s", "ct.nii.gz", "--series", uid]).good();
    place.revoxel(&["convert", "data/c/s", "ring.nii.gz", "--kind", "label", "--structure", "ring"]).good();
    // Of a folder with both, images are compared where nothing else is said.
    let compare = |file: &str, more: &[&str]| place.revoxel(&[&["compare", "data/c/s", file][..], more].concat());
    compare("ct.nii.gz", &[]).bad(2, &["contains 2 series"]);
    let said = compare("ct.nii.gz", &["--series", uid]).good();
    assert!(said.err.contains("left out"), "{}", said.err);
    compare("ring.nii.gz", &["--kind", "label", "--structure", "ring"]).good();
    compare("ring.nii.gz", &["--structure", "ring", "--min-dice", "1"]).good();
    let thin = compare("ring.nii.gz", &["--structure", "thin"]);
    assert_eq!(thin.code, 1, "{}", thin.err);
    place.revoxel(&["compare", "ct.nii.gz", "ring.nii.gz", "--series", "1"]).bad(2, &["not DICOM: leave out --series"]);
    place.revoxel(&["compare", "ct.nii.gz", "ring.nii.gz", "--structure", "ring"]).bad(2, &["--structure"]);
    place
        .revoxel(&["compare", "ct.nii.gz", "ring.nii.gz", "--spacing", "1,1,1"])
        .bad(2, &["--spacing is only for TIFF"]);

    let of = |arguments: &[&str]| {
        let said = place.revoxel(&[&["measure"], arguments, &["--json"]].concat()).good();
        serde_json::from_str::<Value>(&said.out).unwrap()["labels"].clone()
    };
    assert_eq!(of(&["data/c/s", "--structure", "ring"]), of(&["ring.nii.gz"]));
    place.revoxel(&["measure", "data/c/s"]).bad(2, &["contains 4 structures", "--structure"]);
}

#[test]
fn uneven_slices_are_not_measured_as_even_ones() {
    let place = Place::new();
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/revoxel-io/fixtures");
    let uneven = fixtures.join("dicom_structures/uneven");
    let folder = uneven.to_str().unwrap();
    let with = |arguments: &[&str]| place.revoxel(&[arguments, &["--slices", "regularize"]].concat());
    with(&["convert", folder, "even.nii.gz", "--kind", "label", "--structure", "ring"]).good();
    let says = ["slices are unevenly spaced", "convert it with --slices regularize first"];
    with(&["measure", folder, "--structure", "ring"]).bad(2, &says);
    with(&["compare", folder, "even.nii.gz", "--structure", "ring"]).bad(2, &says);
    place.revoxel(&["measure", folder, "--structure", "ring", "--slices", "nominal"]).good();
}

#[test]
fn convert_never_makes_one_label_of_another() {
    let place = Place::new();
    let grid = revoxel_core::Grid::without_geometry([4, 2, 1]).unwrap();
    let labels = vec![0i16, 1, 255, 256, 1000, 2000, -3, 300];
    place.volume("l.nii", &revoxel_core::Volume::new(labels.into(), grid, Kind::Label, 1).unwrap());
    let convert = |dtype: &str| place.revoxel(&["convert", "l.nii", "o.nii", "--kind", "label", "--dtype", dtype]);
    convert("uint8").bad(2, &["l.nii", "label 256", "uint8", "--dtype"]);
    convert("int16").good();
    // Fractions are no labels.
    let fractions = vec![0.0f32, 1.0, 0.5, 2.0, 0.0, 0.0, 1.0, 3.0];
    place.volume("f.nii", &revoxel_core::Volume::new(fractions.into(), grid, Kind::Image, 1).unwrap());
    place
        .revoxel(&["convert", "f.nii", "g.nii", "--kind", "label"])
        .bad(2, &["f.nii", "0.5 at index (2, 0, 0)", "--kind probability"]);
    assert!(!place.path("g.nii").exists());
    place.revoxel(&["convert", "f.nii", "g.nii"]).good();
}
