//! Names of labels: from the pipeline and from files, through steps and conversions, into files that hold them.

use std::fs;
use std::path::Path;

use revoxel_core::{Affine, Grid, Kind, Volume};
use revoxel_io::{Extension, Facts};
use serde_json::{Value, json};

use crate::support::{Place, Said};

/// Oblique and anisotropic, in numbers that single precision holds.
fn grid() -> Grid {
    let rows = [[-1.5, 0.5625, -0.75, 12.5], [-0.5, -1.125, -1.125, 30.0], [-0.75, -0.375, 2.25, -40.25]];
    Grid::new([8, 7, 6], Affine::from_rows(rows)).unwrap()
}

/// Blocks of labels 1, 2 and 3.
fn map() -> Volume {
    let mut voxels = vec![0u8; grid().voxel_count()];
    for (label, from) in [(1u8, [0, 0, 0]), (2, [4, 0, 0]), (3, [0, 3, 3])] {
        for at in 0..27 {
            let [x, y, z] = [from[0] + at % 3, from[1] + at / 3 % 3, from[2] + at / 9];
            voxels[x + 8 * (y + 7 * z)] = label;
        }
    }
    Volume::new(voxels.into(), grid(), Kind::Label, 1).unwrap()
}

/// Runs steps on the label map of a case.
fn run(place: &Place, (source, output): (&str, &str), declared: &str, steps: &str) -> Said {
    place.text("p.yaml", &pipeline((source, output), declared, steps));
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out", "--overwrite", "--json"])
}

fn pipeline((source, output): (&str, &str), declared: &str, steps: &str) -> String {
    let declared = if declared.is_empty() { String::new() } else { format!(", labels: {declared}") };
    format!(
        "version: 1\ninputs:\n  label: {{ kind: label, path: \"{{case}}/{source}\"{declared} }}\nsteps: [{steps}]\n\
         outputs:\n  label: {{ path: \"{{case}}/{output}\" }}\ntrace: \"{{case}}/trace.json\"\n"
    )
}

/// What `info` says of the labels of a file: a list of numbers and names.
fn names(place: &Place, file: &str) -> Vec<(i64, String)> {
    let document = place.revoxel(&["info", file, "--json"]).good().json();
    let labels = document[0]["labels"].as_array().unwrap_or_else(|| panic!("{document}")).clone();
    labels.iter().map(|label| (label["label"].as_i64().unwrap(), label["name"].as_str().unwrap().to_owned())).collect()
}

fn named(list: &[(i64, &str)]) -> Vec<(i64, String)> {
    list.iter().map(|(label, name)| (*label, (*name).to_owned())).collect()
}

const ORGANS: [(i64, &str); 3] = [(1, "liver"), (2, "spleen"), (3, "aorta")];
const DECLARED: &str = "{ background: 0, liver: 1, spleen: [2], aorta: 3, all: [1, 2, 3] }";

/// The XML that TotalSegmentator writes, under its code.
fn table(names: &[(i64, &str)]) -> Extension {
    let labels: String = names
        .iter()
        .map(|(label, name)| {
            format!(
                "<Label Key=\"{label}\" Red=\"1.0\" Green=\"0.0\" Blue=\"0.5\" Alpha=\"1\"><![CDATA[{name}]]></Label>\n"
            )
        })
        .collect();
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?> <CaretExtension>  <Date><![CDATA[2013-07-14T05:45:09]]></Date>   \
         <VolumeInformation Index=\"0\">   <LabelTable>\n{labels}\n  </LabelTable>  <StudyMetaDataLinkSet>  \
         </StudyMetaDataLinkSet>  <VolumeType><![CDATA[Label]]></VolumeType>   </VolumeInformation></CaretExtension>\n"
    );
    Extension { code: 0, content: text.into_bytes() }
}

/// A label map of a program that names labels in an extension.
fn write_with_table(place: &Place, file: &str, names: &[(i64, &str)]) {
    let path = place.path(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    revoxel_io::write(path, &map(), &Facts { extensions: vec![table(names)], ..Facts::default() }).unwrap();
}

/// A label map as 3D Slicer writes it, with the segments of `ORGANS`.
fn write_with_segments(place: &Place, file: &str) {
    let pairs = ORGANS.iter().enumerate().flat_map(|(number, (label, name))| {
        let pair = move |key: &str, value: String| (format!("Segment{number}_{key}"), value);
        [
            pair("Name", (*name).to_owned()),
            pair("LabelValue", label.to_string()),
            pair("Color", format!("0.{label} 0.5 1")),
            pair("Tags", "Segmentation.Status:inprogress|".to_owned()),
            pair("Extent", String::new()),
            pair("Layer", "0".to_owned()),
        ]
    });
    let own = revoxel_io::nrrd::NrrdFacts { key_values: pairs.collect(), ..Default::default() };
    fs::create_dir_all(place.path(file).parent().unwrap()).unwrap();
    revoxel_io::write(place.path(file), &map(), &Facts { nrrd: Some(Box::new(own)), ..Facts::default() }).unwrap();
}

/// The lines of an NRRD header.
fn lines(place: &Place, file: &str) -> Vec<String> {
    let bytes = fs::read(place.path(file)).unwrap();
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap();
    String::from_utf8_lossy(&bytes[..end]).lines().map(str::to_owned).collect()
}

#[test]
fn names_go_into_nifti_and_leave_all_else_as_it_was() {
    let place = Place::new();
    place.volume("data/c/l.nii", &map());
    let bytes = |declared: &str, output: &str| {
        run(&place, ("l.nii", output), declared, "").good();
        fs::read(place.path(&format!("out/c/{output}"))).unwrap()
    };
    // Without names nothing is written: an offset of 352, no extension, the voxels.
    let plain = bytes("", "o.nii");
    assert_eq!((plain.len(), f32::from_le_bytes(plain[108..112].try_into().unwrap())), (352 + 336, 352.0));
    assert_eq!(plain[348..352], [0; 4]);
    assert_eq!(bytes("[0, 1, 2, 3]", "o.nii"), plain);
    assert_eq!(bytes("{ all: [1, 2, 3], background: 0 }", "o.nii"), plain);
    let with = bytes(DECLARED, "o.nii");
    let offset = f32::from_le_bytes(with[108..112].try_into().unwrap()) as usize;
    let number = |at: usize| i32::from_le_bytes(with[at..at + 4].try_into().unwrap());
    // The table is there twice: for readers of the first extension, and for those of code 30.
    let size = number(352) as usize;
    assert_eq!((with[348], number(356), number(352 + size) as usize, number(356 + size)), (1, 0, size, 30));
    assert_eq!((offset, size % 16), (352 + 2 * size, 0));
    assert_eq!(with[360..352 + size], with[360 + size..offset]);
    assert_eq!([&with[..108], &with[112..348], &with[offset..]], [&plain[..108], &plain[112..348], &plain[352..]]);
    let text = std::str::from_utf8(&with[360..352 + size]).unwrap();
    assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CaretExtension>"), "{text}");
    assert!(!text.contains('\0') && text.contains("><![CDATA[liver]]></Label>") && !text.contains("background"));
    let files = ["o.nii.gz", "o.hdr", "o.nii"];
    for output in files {
        bytes(DECLARED, output);
        assert_eq!(names(&place, &format!("out/c/{output}")), named(&ORGANS), "{output}");
        assert_eq!(place.read(&format!("out/c/{output}"), Kind::Label), map(), "{output}");
    }
    let said = place.revoxel(&["info", "out/c/o.nii"]).good().out;
    assert!(said.contains("  labels       1 \"liver\"\n               2 \"spleen\"\n"), "{said}");
    place.revoxel(&["verify", "out"]).good();
}

#[test]
fn names_become_segments_of_3d_slicer() {
    let place = Place::new();
    place.volume("data/c/l.nii", &map());
    run(&place, ("l.nii", "o.seg.nrrd"), "[1, 2, 3]", "").good();
    assert!(!lines(&place, "out/c/o.seg.nrrd").iter().any(|line| line.contains(":=")));
    run(&place, ("l.nii", "o.seg.nrrd"), DECLARED, "").good();
    let lines = lines(&place, "out/c/o.seg.nrrd");
    let expected = [
        "space: left-posterior-superior",
        "kinds: domain domain domain",
        "Segmentation_ContainedRepresentationNames:=Binary labelmap|",
        "Segmentation_SourceRepresentation:=Binary labelmap",
        "Segmentation_ReferenceImageExtentOffset:=0 0 0",
        "Segment0_ID:=Segment_1",
        "Segment0_Name:=liver",
        "Segment0_NameAutoGenerated:=0",
        "Segment0_ColorAutoGenerated:=1",
        "Segment0_LabelValue:=1",
        "Segment0_Layer:=0",
        "Segment0_Extent:=0 2 0 2 0 2",
        "Segment1_Extent:=4 6 0 2 0 2",
        "Segment2_Name:=aorta",
        "Segment2_Extent:=0 2 3 5 3 5",
    ];
    for line in expected {
        assert!(lines.iter().any(|found| found == line), "{line}: {lines:?}");
    }
    let color = lines.iter().find_map(|line| line.strip_prefix("Segment0_Color:=")).unwrap();
    assert!(color.split(' ').all(|part| (0.0..=1.0).contains(&part.parse::<f64>().unwrap())), "{color}");
    assert_eq!(names(&place, "out/c/o.seg.nrrd"), named(&ORGANS));
}

#[test]
fn names_follow_the_numbers_through_steps() {
    let place = Place::new();
    place.volume("data/c/l.nii", &map());
    let t = |declared: &str, steps: &str, expected: &[(i64, &str)]| {
        for output in ["o.nii.gz", "o.seg.nrrd"] {
            run(&place, ("l.nii", output), declared, steps).good();
            assert_eq!(names(&place, &format!("out/c/{output}")), named(expected), "{steps}");
        }
    };
    let [liver, spleen, aorta] = ORGANS;
    t(DECLARED, "{ orientation: { axcodes: RAS } }, { flip: { spatial_axis: [0] } }, { rotate90: {} }", &ORGANS);
    t(DECLARED, "{ spacing: { pixdim: [1, 1, 1], interpolation: label } }", &ORGANS);
    t(
        DECLARED,
        "{ rand_flip: { prob: 1.0, spatial_axis: [0] } }, { rand_rotate: { prob: 1.0, range_x: 0.2 } }",
        &ORGANS,
    );
    t(DECLARED, "{ keep_largest_connected_component: {} }, { fill_holes: {} }, { label_to_contour: {} }", &ORGANS);
    t(DECLARED, "{ remove_small_objects: { min_size_voxels: 2 } }", &ORGANS);
    let swap = "{ map_label_value: { orig_labels: [1, 2], target_labels: [2, 1] } }";
    t(DECLARED, swap, &[(1, "spleen"), (2, "liver"), aorta]);
    t(DECLARED, &format!("{swap}, {swap}"), &ORGANS);
    t(DECLARED, "{ map_label_value: { orig_labels: [3], target_labels: [7] } }", &[liver, spleen, (7, "aorta")]);
    // Two labels become one: it is neither of them.
    t(DECLARED, "{ map_label_value: { orig_labels: [2], target_labels: [1] } }", &[aorta]);
    t(DECLARED, "{ map_label_value: { orig_labels: [1, 2], target_labels: [9, 9] } }", &[aorta]);
    t(DECLARED, "{ remove_labels: { labels: [2] } }", &[liver, aorta]);
    t(DECLARED, "{ remove_labels: { labels: [2], background_label: 3 } }", &[liver]);
    t(DECLARED, "{ label_filter: { applied_labels: [3] } }", &[aorta]);
    t(
        "{ liver: 1, spleen: 2, aorta: 3, more: 8 }",
        "{ map_label_value: { orig_labels: [8], target_labels: [3] } }",
        &[liver, spleen],
    );
    // What the numbers are after these nobody knows before.
    t(DECLARED, "{ sequential_labels: {} }", &[]);
    t(DECLARED, "{ one_hot: {} }, { as_discrete: { argmax: true } }", &[]);
    t(DECLARED, "{ as_discrete: { keys: label, threshold: 2 } }", &[]);
    t(DECLARED, "{ fill_holes: { is_onehot: true } }", &[]);
}

#[test]
fn names_of_files_are_used_where_the_pipeline_has_none() {
    let place = Place::new();
    write_with_segments(&place, "data/c/s.seg.nrrd");
    write_with_table(&place, "data/c/t.nii.gz", &ORGANS);
    assert_eq!(names(&place, "data/c/t.nii.gz"), named(&ORGANS));
    let resampled = "{ spacing: { pixdim: [1, 1, 1] } }";
    for source in ["s.seg.nrrd", "t.nii.gz"] {
        for (output, steps) in [("o.nii.gz", ""), ("o.nii", resampled), ("o.seg.nrrd", ""), ("o.nrrd", resampled)] {
            let answer = run(&place, (source, output), "", steps).good().json();
            assert_eq!(names(&place, &format!("out/c/{output}")), named(&ORGANS), "{source} {output}");
            let lost = answer["cases"][0]["dropped"].to_string();
            assert!(!lost.contains("_Name") && !lost.contains("names of labels"), "{lost}");
        }
        let swap = "{ map_label_value: { orig_labels: [1, 3], target_labels: [3, 1] } }";
        for output in ["o.nii", "o.seg.nrrd"] {
            run(&place, (source, output), "", swap).good();
            let swapped = [(1, "aorta"), (2, "spleen"), (3, "liver")];
            assert_eq!(names(&place, &format!("out/c/{output}")), named(&swapped), "{source} {output}");
            // No step leaves a name with a number that means something else.
            run(&place, (source, output), "", "{ sequential_labels: {} }").good();
            run(&place, (source, output), "", "{ remove_labels: { labels: 1 } }, { sequential_labels: {} }").good();
            assert_eq!(names(&place, &format!("out/c/{output}")), named(&[]), "{source} {output}");
        }
        // A label that the file holds and does not name may be met.
        run(&place, (source, "o.nii"), "", "{ map_label_value: { orig_labels: [1], target_labels: [2] } }").good();
        assert_eq!(names(&place, "out/c/o.nii"), named(&[(3, "aorta")]));
    }
    // An extension that is written already stays as it is.
    run(&place, ("t.nii.gz", "o.nii"), "", "").good();
    let written = revoxel_io::info(place.path("out/c/o.nii")).unwrap().facts.extensions;
    assert_eq!(written, revoxel_io::info(place.path("data/c/t.nii.gz")).unwrap().facts.extensions);
    assert_eq!(written[0].code, 0);
    // A format without room for names says so.
    let answer = run(&place, ("t.nii.gz", "o.mha"), "", "").good().json();
    assert!(answer["cases"][0]["dropped"].to_string().contains("names of labels"), "{answer}");
}

#[test]
fn names_of_the_pipeline_count_before_those_of_the_file() {
    let place = Place::new();
    write_with_table(&place, "data/c/t.nii.gz", &ORGANS);
    let said = run(&place, ("t.nii.gz", "o.nii"), "{ Liver: 1, mass: 2, aorta: 3, more: 4 }", "").good();
    assert_eq!(names(&place, "out/c/o.nii"), named(&[(1, "Liver"), (2, "mass"), (3, "aorta"), (4, "more")]));
    let warnings: Vec<&str> = said.err.lines().filter(|line| line.contains("in the pipeline")).collect();
    assert_eq!(warnings.len(), 1, "{}", said.err);
    assert!(
        warnings[0].contains("label 2 is \"spleen\" in the file and \"mass\" in the pipeline: check"),
        "{}",
        said.err
    );
    let said = run(&place, ("t.nii.gz", "o.nii"), DECLARED, "").good();
    assert!(!said.err.contains("in the pipeline"), "{}", said.err);
}

#[test]
fn a_run_is_resumed_only_with_the_same_names() {
    let place = Place::new();
    place.volume("data/c/l.nii", &map());
    place.volume("data/d/l.nii", &map());
    run(&place, ("l.nii", "o.nii.gz"), DECLARED, "").good();
    let resume = |declared: &str| {
        place.text("p.yaml", &pipeline(("l.nii", "o.nii.gz"), declared, ""));
        let answer =
            place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out", "--resume", "--json"]).good().json();
        answer["done_already"].as_array().map(Vec::len)
    };
    assert_eq!(resume(DECLARED), Some(2));
    assert_eq!(resume("{ liver: 1, spleen: 2, trachea: 3 }"), Some(0));
    assert_eq!(names(&place, "out/d/o.nii.gz"), named(&[(1, "liver"), (2, "spleen"), (3, "trachea")]));
    place.revoxel(&["verify", "out"]).good();
    assert_eq!(place.files().iter().filter(|file| file.starts_with("out/c/")).count(), 2, "no file beside the output");
}

#[test]
fn conversions_keep_names() {
    let place = Place::new();
    write_with_segments(&place, "s.seg.nrrd");
    for kind in [&["--kind", "label"][..], &[]] {
        let convert = |from: &str, to: &str, more: &[&str]| {
            place.revoxel(&[&["convert", from, to, "--overwrite", "--json"], kind, more].concat()).good().json()
        };
        convert("s.seg.nrrd", "t.nii.gz", &[]);
        assert_eq!(names(&place, "t.nii.gz"), named(&ORGANS));
        convert("t.nii.gz", "back.seg.nrrd", &["--orientation", "RAS"]);
        assert_eq!(names(&place, "back.seg.nrrd"), named(&ORGANS));
        let lines = lines(&place, "back.seg.nrrd");
        // Colours come along, and extents are those of the turned volume.
        assert!(lines.contains(&"Segment1_Color:=0.200000 0.500000 1.000000".to_owned()), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("Segment1_Extent:=")));
        let answer = convert("t.nii.gz", "t.mgz", &[]);
        assert!(answer["dropped"].to_string().contains("names of labels"), "{answer}");
        assert!(names(&place, "t.mgz").is_empty());
    }
    // Without its kind, a cast could make another label of one.
    place.revoxel(&["convert", "t.nii.gz", "c.nrrd", "--dtype", "int16"]).good();
    assert!(names(&place, "c.nrrd").is_empty());
    place.revoxel(&["convert", "t.nii.gz", "d.nrrd", "--dtype", "int16", "--kind", "label"]).good();
    assert_eq!(names(&place, "d.nrrd"), named(&ORGANS));
}

#[test]
fn segments_and_structures_of_dicom_give_their_names() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/revoxel-io/fixtures");
    let place = Place::new();
    let convert = |from: &Path, to: &str, more: &[&str]| {
        place.revoxel(&[&["convert", from.to_str().unwrap(), to, "--kind", "label"], more].concat()).good();
        names(&place, to)
    };
    let structures = fixtures.join("dicom_structures/axial");
    let chosen = ["--structure", "thin", "--structure", "ring"];
    for to in ["a.nii.gz", "a.seg.nrrd"] {
        assert_eq!(convert(&structures, to, &chosen), named(&[(1, "thin"), (2, "ring")]), "{to}");
    }
    let segmentation = fixtures.join("dicom_labels/labelmap.dcm");
    let reference = fixtures.join("dicom_labels/ct");
    let found = convert(&segmentation, "b.nii.gz", &["--reference", reference.to_str().unwrap()]);
    let facts = place.revoxel(&["info", segmentation.to_str().unwrap(), "--json"]).good().json();
    let expected: Vec<(i64, String)> = facts[0]["labels"][0]["labels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|label| (label["number"].as_i64().unwrap(), label["name"].as_str().unwrap().to_owned()))
        .filter(|(number, _)| *number != 0)
        .collect();
    assert!(!expected.is_empty());
    assert_eq!(found, expected);
}

/// A pipeline with an entry of `restore`, and a prediction for it.
fn restoring(place: &Place, entry: &str) -> Said {
    place.volume("data/c/i.nii", &map().with_kind(Kind::Image));
    place.text(
        "r.yaml",
        &format!(
            "version: 1\ninputs:\n  image: {{ kind: image, path: \"{{case}}/i.nii\" }}\nsteps:\n  - flip: {{ spatial_axis: [0] }}\n\
             outputs:\n  image: {{ path: \"{{case}}/i.nii\" }}\nrestore:\n  p: {{ {entry} }}\ntrace: \"{{case}}/trace.json\"\n"
        ),
    );
    place.revoxel(&["run", "r.yaml", "--data", "data", "--out", "out", "--overwrite"])
}

#[test]
fn predictions_get_the_names_of_their_entry() {
    let place = Place::new();
    let invert = |more: &[&str]| {
        let arguments = ["invert", "out/c/trace.json", "out/c/i.nii", "-o", "back.nii.gz", "--overwrite"];
        place.revoxel(&[&arguments[..], more].concat()).good();
        names(&place, "back.nii.gz")
    };
    restoring(&place, "kind: label, labels: { background: 0, liver: 1, spleen: 2, aorta: 3 }").good();
    assert_eq!(invert(&[]), named(&ORGANS));
    assert_eq!(place.read("back.nii.gz", Kind::Label), map());
    let trace: Value = serde_json::from_slice(&fs::read(place.path("out/c/trace.json")).unwrap()).unwrap();
    let expected = json!({ "aorta": 3, "background": 0, "liver": 1, "spleen": 2 });
    assert_eq!(trace["restore"]["p"]["labels"], expected);
    // What is said on the command line makes labels of its own.
    assert_eq!(invert(&["--restore", "none", "--kind", "label"]), named(&[]));
    assert_eq!(invert(&["--kind", "label"]), named(&[]));
    restoring(&place, "kind: label").good();
    assert_eq!(invert(&[]), named(&[]));
    let trace = fs::read_to_string(place.path("out/c/trace.json")).unwrap();
    assert!(!trace.contains("\"labels\""), "{trace}");
    // A prediction that has names of its own keeps them.
    place.volume("data/c/l.nii", &map());
    run(&place, ("l.nii", "l.nii.gz"), DECLARED, "{ flip: { spatial_axis: [0] } }").good();
    place.revoxel(&["invert", "out/c/trace.json", "out/c/l.nii.gz", "-o", "own.nii.gz"]).good();
    assert_eq!(names(&place, "own.nii.gz"), named(&ORGANS));
    assert_eq!(place.read("own.nii.gz", Kind::Label), map());
}

#[test]
fn names_of_predictions_are_checked() {
    let place = Place::new();
    let bad = |entry: &str, parts: &[&str]| restoring(&place, entry).bad(2, &[&["r.yaml:9:"], parts].concat());
    bad("kind: image, labels: { a: 1 }", &["labels: only labels have names", "kind image"]);
    bad("kind: label, labels: [1, 2]", &["labels: expected names with a label each"]);
    bad("kind: label, labels: { a: 1, b: 1 }", &["labels: 1 has two names"]);
    bad("kind: label, labels: { a: [1, 2] }", &["[1,2] is not a label"]);
    let regions = "kind: logit, regions: { paint: [{ channel: 0, label: 1 }] }";
    bad(&format!("{regions}, labels: {{ a: 2 }}"), &["the result cannot have label 2 (\"a\"): it contains 0, 1"]);
    restoring(&place, &format!("{regions}, labels: {{ a: 1 }}")).good();
}
