//! Lists of cases as people have them: with odd names, in other encodings, and of datasets that are not in order.

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Dtype, Grid, Kind, Volume};
use serde_json::Value;

use crate::support::Place;

fn grid() -> Grid {
    let rows = [[0.25, -1.5, 0.5, 12.5], [-1.25, -0.25, 0.0, -30.0], [0.0, 0.25, -2.5, 40.25]];
    Grid::new([5, 4, 3], Affine::from_rows(rows)).unwrap()
}

fn image(seed: u64) -> Volume {
    Draw::new(seed).volume(grid(), Kind::Image, 1).cast(Dtype::I16)
}

fn label(seed: u64) -> Volume {
    Draw::new(seed).volume(grid(), Kind::Label, 1)
}

/// A pipeline with a list, or the paths of the inputs.
fn pipeline(cases: &str, inputs: &str) -> String {
    let cases = if cases.is_empty() { String::new() } else { format!("cases: {cases}\n") };
    format!(
        "version: 1\n{cases}inputs:\n{inputs}steps:\n  - orientation: {{ axcodes: LPS }}\noutputs:\n  \
         image: {{ path: \"{{case}}.nii.gz\" }}\ntrace: \"{{case}}.json\"\n"
    )
}

const IMAGE: &str = "  image: { kind: image }\n";

fn names(report: &Value) -> Vec<&str> {
    report["cases"].as_array().unwrap().iter().map(|case| case["case"].as_str().unwrap()).collect()
}

#[cfg(unix)]
#[test]
fn lists_take_the_names_that_files_have() {
    let place = Place::new();
    for (number, case) in ["a*b", "back\\slash", "t\tab", ".dot"].iter().enumerate() {
        place.volume(&format!("data/i_{case}.nii.gz"), &image(number as u64));
    }
    place.text("p.yaml", &pipeline("", "  image: { kind: image, path: \"i_{case}.nii.gz\" }\n"));
    let run = |out: &str, more: &[&str]| {
        place.revoxel(&[&["run", "p.yaml", "--data", "data", "--json", "--out", out], more].concat()).good().json()
    };
    let by_paths = run("by-paths", &[]);
    assert_eq!(names(&by_paths), [".dot", "a*b", "back\\slash", "t\tab"]);
    let table = place.revoxel(&["cases", "p.yaml", "--data", "data", "--csv"]).good().out;
    place.text("data/frozen.csv", &table);
    let document = place.revoxel(&["cases", "p.yaml", "--data", "data", "--json"]).good().out;
    place.text("data/frozen.json", &document);
    for list in ["frozen.csv", "frozen.json"] {
        let by_list = run(list, &["--set", &format!("cases={{from: {list}}}")]);
        assert_eq!(names(&by_list), names(&by_paths), "{list}");
    }
    for name in ["a/b", "..", "."] {
        place.text("data/bad.csv", &format!("case,image\n{name},i_a*b.nii.gz\n"));
        place.text("bad.yaml", &pipeline("{ from: bad.csv }", IMAGE));
        place.revoxel(&["cases", "bad.yaml", "--data", "data"]).bad(2, &["cannot be a part of a file name"]);
    }
    // A star in a path is a name if there is a file of that name, and is not looked for.
    place.text("data/bad.csv", "case,image\na,i_*.nii.gz\n");
    place.revoxel(&["cases", "bad.yaml", "--data", "data"]).bad(2, &["`*` is not looked for with a list"]);
}

#[test]
fn blanks_in_a_table_count_if_a_file_has_them() {
    let place = Place::new();
    place.volume("data/ a.nii.gz", &image(1));
    place.volume("data/a.nii.gz", &image(2));
    place.volume("data/b.nii.gz", &image(3));
    place.text("data/list.csv", "case , image\n x , a.nii.gz\n y ,  b.nii.gz \n");
    place.text("p.yaml", &pipeline("{ from: list.csv }", IMAGE));
    let report = place.revoxel(&["cases", "p.yaml", "--data", "data", "--json"]).good().json();
    assert_eq!(
        (report["cases"][0]["case"].as_str(), report["cases"][0]["image"].as_str()),
        (Some("x"), Some(" a.nii.gz"))
    );
    assert_eq!(
        (report["cases"][1]["case"].as_str(), report["cases"][1]["image"].as_str()),
        (Some("y"), Some("b.nii.gz"))
    );
    // A name with blanks would not come back from a table.
    place.text("paths.yaml", &pipeline("", "  image: { kind: image, path: \"{case}.nii.gz\" }\n"));
    place
        .revoxel(&["cases", "paths.yaml", "--data", "data", "--csv"])
        .bad(2, &["\" a\" begins or ends with a blank", "--json"]);
}

/// The raw data of nnU-Net: these files, and this `dataset.json`.
fn raw(files: &[&str], document: &str) -> Place {
    let place = Place::new();
    for (number, file) in files.iter().enumerate() {
        let volume = if file.starts_with("labels") { label(number as u64) } else { image(number as u64) };
        place.volume(&format!("raw/{file}"), &volume);
    }
    place.text("raw/dataset.json", document);
    let inputs = "  image: { kind: image }\n  label: { kind: label, optional: true }\n";
    let both =
        |cases: &str| pipeline(cases, inputs).replace("trace:", "  label: { path: \"{case}_seg.nii.gz\" }\ntrace:");
    place.text("p.yaml", &both("{ from: dataset.json, split: training }"));
    place.text("all.yaml", &both("{ from: dataset.json }"));
    place.text("image.yaml", &pipeline("{ from: dataset.json, split: training }", IMAGE));
    place
}

fn channel_names(keys: &[&str]) -> String {
    let names: Vec<String> = keys.iter().map(|key| format!("\"{key}\": \"x\"")).collect();
    format!(
        "{{\"channel_names\": {{{}}}, \"labels\": {{\"background\": 0}}, \"numTraining\": 2, \"file_ending\": \".nii.gz\"}}",
        names.join(", ")
    )
}

#[test]
fn files_of_nnunet_folders_that_belong_to_no_case_are_counted() {
    let good = ["imagesTr/a_0000.nii.gz", "imagesTr/b_0000.nii.gz", "labelsTr/a.nii.gz", "labelsTr/b.nii.gz"];
    let place = raw(&good, &channel_names(&["0"]));
    let cases = |place: &Place| place.revoxel(&["cases", "p.yaml", "--data", "raw", "--json"]);
    let said = cases(&place).good();
    assert_eq!((names(&said.json()), said.err.as_str()), (vec!["a", "b"], ""));
    place.volume("raw/imagesTr/a_0001.nii.gz", &image(5));
    place.volume("raw/imagesTr/odd.nii.gz", &image(5));
    place.volume("raw/imagesTr/c_0000.nrrd", &image(5));
    place.text("raw/imagesTr/notes.txt", "not a volume");
    place.volume("raw/labelsTr/z.nii.gz", &label(5));
    let text = channel_names(&["0"]).replace("\"numTraining\": 2", "\"numTraining\": 7");
    place.text("raw/dataset.json", &text);
    let said = cases(&place).good();
    for part in [
        "imagesTr: 3 files belong to no case: a_0001.nii.gz, c_0000.nrrd, odd.nii.gz\n",
        "labelsTr: 1 file belongs to no case: z.nii.gz\n",
        "numTraining is 7, but the number of training cases is 2",
    ] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    assert_eq!(names(&said.json()), ["a", "b"]);
}

#[test]
fn the_keys_of_channel_names_are_the_numbers_of_the_channels() {
    let files =
        ["imagesTr/a_0000.nii.gz", "imagesTr/a_0002.nii.gz", "imagesTr/b_0000.nii.gz", "imagesTr/b_0002.nii.gz"];
    let place = raw(&files, &channel_names(&["0", "2"]));
    let report = place.revoxel(&["cases", "image.yaml", "--data", "raw", "--json"]).good().json();
    assert_eq!(report["cases"][1]["image"], serde_json::json!(["imagesTr/b_0000.nii.gz", "imagesTr/b_0002.nii.gz"]));
    // What is not there is missing, also if it is the first channel.
    std::fs::remove_file(place.path("raw/imagesTr/b_0000.nii.gz")).unwrap();
    place
        .revoxel(&["run", "image.yaml", "--data", "raw", "--out", "out"])
        .bad(2, &["case b: missing input: image", "b_0000.nii.gz"]);
    assert!(!place.path("out").exists());
    for (keys, part) in [
        (&["1", "01"][..], "are the same channel: keep one"),
        (&["T1"], "the key \"T1\" is not the number of a channel"),
        (&[], "it has no \"channel_names\""),
    ] {
        place.text("raw/dataset.json", &channel_names(keys));
        place.revoxel(&["cases", "image.yaml", "--data", "raw"]).bad(2, &[part]);
    }
    let text = channel_names(&["0"]).replace("\".nii.gz\"", "\"nii.gz\"");
    place.text("raw/dataset.json", &text);
    place
        .revoxel(&["cases", "image.yaml", "--data", "raw"])
        .bad(2, &["file_ending \"nii.gz\" has no dot in front: write \".nii.gz\""]);
    // By paths, too, a number is there once.
    place.volume("data/a_1.nii.gz", &image(1));
    place.volume("data/a_01.nii.gz", &image(2));
    place.text("paths.yaml", &pipeline("", "  image: { kind: image, path: \"{case}_{channel}.nii.gz\" }\n"));
    let parts = ["two files have the same channel number: ", "a_01.nii.gz, a_1.nii.gz"];
    place.revoxel(&["run", "paths.yaml", "--data", "data", "--out", "out"]).bad(2, &parts);
}

#[test]
fn a_case_of_two_splits_needs_one_of_them() {
    let place = raw(&["imagesTr/a_0000.nii.gz", "imagesTs/a_0000.nii.gz"], &channel_names(&["0"]));
    let parts = ["both are case \"a\", one in training, one in test", "`split: training`"];
    place.revoxel(&["cases", "all.yaml", "--data", "raw"]).bad(2, &parts);
    assert_eq!(names(&place.revoxel(&["cases", "image.yaml", "--data", "raw", "--json"]).good().json()), ["a"]);
}

#[test]
fn numbers_are_compared_as_numbers_and_the_values_there_are_named() {
    let place = Place::new();
    ["a", "b", "c"].iter().for_each(|case| drop(place.volume(&format!("data/{case}.nii.gz"), &image(1))));
    place.text("data/list.csv", "case,image,fold,site\na,a.nii.gz,0,n1\nb,b.nii.gz,01,n2\nc,c.nii.gz,2.0,n1\n");
    let t = |cases: &str| {
        place.text("p.yaml", &pipeline(&format!("{{ from: list.csv, {cases} }}"), IMAGE));
        place.revoxel(&["cases", "p.yaml", "--data", "data", "--json"])
    };
    for (fold, case) in
        [("0", "a"), ("\"0\"", "a"), ("0.0", "a"), ("1", "b"), ("01", "b"), ("2", "c"), ("\"2.0\"", "c")]
    {
        assert_eq!(names(&t(&format!("fold: {fold}")).good().json()), [case], "{fold}");
    }
    t("fold: 5").bad(2, &["none of its 3 cases", "the values of fold are 0, 01, 2.0"]);
    t("fold: x").bad(2, &["the values of fold are 0, 01, 2.0"]);
    t("where: { site: n3 }").bad(2, &["the values of site are n1, n2"]);
}

#[test]
fn lists_in_other_forms_are_named() {
    let place = Place::new();
    place.volume("data/a.nii.gz", &image(1));
    let t = |name: &str, bytes: &[u8]| {
        std::fs::write(place.path("data").join(name), bytes).unwrap();
        place.text("p.yaml", &pipeline(&format!("{{ from: {name} }}"), IMAGE));
        place.revoxel(&["cases", "p.yaml", "--data", "data", "--json"])
    };
    let bad = |name: &str, bytes: &[u8], parts: &[&str]| t(name, bytes).bad(2, parts);
    // A byte order mark is no part of the first column.
    for (name, text) in [
        ("list.csv", "\u{feff}case,image\na,a.nii.gz\n"),
        ("list.tsv", "\u{feff}case\timage\na\ta.nii.gz\n"),
        ("list.json", "\u{feff}{\"training\": [{\"image\": \"a.nii.gz\"}]}"),
    ] {
        assert_eq!(names(&t(name, text.as_bytes()).good().json()), ["a"], "{name}");
    }
    bad("list.csv", b"case;image\na;a.nii.gz\n", &["the cells seem to be separated by ';'"]);
    bad("list.csv", b"case\timage\na\ta.nii.gz\n", &["the cells seem to be separated by tabs"]);
    bad("list.tsv", b"case,image\na,a.nii.gz\n", &["the cells seem to be separated by ','", "tabs in a .tsv"]);
    bad("list.csv", b"id,image\na,a.nii.gz\n", &["write `name: COLUMN`"]);
    let utf16: Vec<u8> = "\u{feff}case,image\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    bad("list.csv", &utf16, &["the file is in UTF-16: save it as UTF-8"]);
    bad("list.json", &utf16, &["the file is in UTF-16"]);
    bad("list.csv", b"case,image\nM\xfcller,a.nii.gz\n", &["line 2 is not UTF-8", "Latin-1", "CSV UTF-8"]);
    // A key that is there twice has no value.
    let twice = b"{\"training\": [{\"image\": \"a.nii.gz\"}],\n \"training\": []}";
    bad("list.json", twice, &["two values under the key \"training\": keep one at line 2"]);
    bad(
        "list.json",
        b"{\"training\": [{\"image\": \"a.nii.gz\", \"image\": \"b.nii.gz\"}]}",
        &["under the key \"image\""],
    );
}

#[test]
fn advice_for_two_cases_of_one_name_fits_the_pipeline() {
    let place = Place::new();
    for file in ["n/1.nii.gz", "s/1.nii.gz"] {
        place.volume(&format!("data/{file}"), &image(1));
    }
    let t = |path: &str| {
        place.text("p.yaml", &pipeline("", &format!("  image: {{ kind: image, path: \"{path}\" }}\n")));
        place.revoxel(&["cases", "p.yaml", "--data", "data"])
    };
    t("{site}/{case}.nii.gz").bad(2, &["two cases have the name \"1\"", "write another placeholder for {case}"]);
    // Names that are made of all placeholders.
    place.volume("data/n/1_b-2/x.nii.gz", &image(1));
    place.volume("data/n/1/b-2/x.nii.gz", &image(1));
    let said = t("n/{a}/[b-{b}/]x.nii.gz");
    said.bad(2, &["two cases have the name \"a-1_b-2\"", "the name is made of all placeholders: rename one"]);
    assert!(!said.err.contains("another placeholder for {case}"), "{}", said.err);
}

#[test]
fn a_fingerprint_reads_the_dataset_json_of_the_decathlon() {
    let place = Place::new();
    for case in ["la_1", "la_2"] {
        place.volume(&format!("msd/imagesTr/{case}.nii.gz"), &image(1));
        place.volume(&format!("msd/labelsTr/{case}.nii.gz"), &label(1));
        place.volume(&format!("two/imagesTr/{case}.nii.gz"), &Draw::new(3).volume(grid(), Kind::Image, 2));
        place.volume(&format!("two/labelsTr/{case}.nii.gz"), &label(1));
    }
    let entry =
        |case: &str| format!("{{\"image\": \"./imagesTr/{case}.nii.gz\", \"label\": \"./labelsTr/{case}.nii.gz\"}}");
    let training = format!("[{}, {}]", entry("la_1"), entry("la_2"));
    place.text(
        "msd/dataset.json",
        &format!("{{\"modality\": {{\"0\": \"CT\"}}, \"training\": {training}, \"test\": []}}"),
    );
    place.text(
        "two/dataset.json",
        &format!("{{\"modality\": {{\"0\": \"A\", \"1\": \"B\"}}, \"training\": {training}}}"),
    );
    let count = |list: &str| {
        let report = place.revoxel(&["fingerprint", list, "--json"]).good().json();
        let channels = report["foreground_intensity_properties_per_channel"].as_object().unwrap().len();
        (report["spacings"].as_array().unwrap().len(), channels)
    };
    assert_eq!([count("msd/dataset.json"), count("two/dataset.json")], [(2, 1), (2, 2)]);
    place.text("none.json", "{\"labels\": {}}");
    place.revoxel(&["fingerprint", "none.json"]).bad(2, &["none.json: it has no list \"training\""]);
    place.revoxel(&["fingerprint", "msd"]).bad(2, &["no file ends in _0000.nii.gz", "dataset.json of the Decathlon"]);
}

#[test]
fn placeholders_without_quotes_are_told_apart_from_maps() {
    let place = Place::new();
    let t = |image: &str, output: &str, rest: &str, trace: &str| {
        let text = format!(
            "version: 1\ninputs:\n  image: {image}\nsteps:\n  - orientation: {{ axcodes: RAS }}\noutputs:\n  \
             image: {output}\n{rest}trace: {trace}\n"
        );
        place.text("p.yaml", &text);
        let said = place.revoxel(&["plan", "p.yaml"]);
        for name in ["Spec", "struct ", "enum", "u32", "u64"] {
            assert!(!said.err.contains(name), "{name}: {}", said.err);
        }
        said
    };
    let (image, output, trace) =
        ("{ kind: image, path: \"{case}.nii\" }", "{ path: \"{case}_o.nii\" }", "\"{case}.json\"");
    t(image, output, "", trace).good();
    let quotes = |said: crate::support::Said| said.bad(2, &["in quotes, \"", "{case}"]);
    for path in [
        "{ kind: image, path: {case}.nii.gz }",
        "{ kind: image, path: {case} }",
        "{ kind: image, path: images/{case}.nii }",
        "{ kind: image, path: [ {case}_0000.nii.gz, {case}_0001.nii.gz ] }",
        "{ kind: image, path: [ {case} ] }",
        "\n    kind: image\n    path: {case}/image.nii.gz",
        "\n    kind: image\n    path:\n      - {case}_0000.nii",
        "\n    kind: image\n    path: [a/{case}.nii, b/{case}.nii]",
    ] {
        quotes(t(path, output, "", trace));
    }
    for path in ["{ path: {case}_o.nii }", "{ path: {case} }", "\n    path: {case}/o.nii"] {
        quotes(t(image, path, "", trace));
        quotes(t(
            image,
            output,
            &format!("restore:\n  seg:\n    kind: logit\n    output: {}\n", path.replace("\n  ", "\n      ")),
            trace,
        ));
    }
    for path in ["{case}.json", "{case}", "[{case}.json]"] {
        quotes(t(image, output, "", path));
    }
    // Messages have no names of Rust's types, and lists are no maps.
    t("x.nii", output, "", trace).bad(2, &["expected a map of fields"]);
    t(image, "x.nii", "", trace).bad(2, &["expected a map of fields"]);
    t(image, "[\"{case}.nii\"]", "", trace).bad(2, &["expected a map of fields, not a list"]);
    t(image, output, "restore: { seg: [logit] }\n", trace).bad(2, &["expected a map of fields, not a list"]);
    t(image, output, "seed: x\n", trace).bad(2, &["expected a whole number of at least 0"]);
    let structures = image.replace(" }", ", structures: [[1]] }");
    t(&structures, output, "", trace).bad(2, &["expected a text or a number"]);
}

/// A label map that holds 0, 1 and 2.
fn organs() -> Volume {
    let voxels: Vec<u8> = (0..grid().voxel_count()).map(|at| (at % 7 % 3) as u8).collect();
    Volume::new(voxels.into(), grid(), Kind::Label, 1).unwrap()
}

/// A dataset with this `dataset.json`, whose label maps hold 0, 1 and 2.
fn with_organs(document: &str) -> Place {
    let place = Place::new();
    for case in ["a", "b"] {
        place.volume(&format!("raw/imagesTr/{case}_0000.nii.gz"), &image(1));
        place.volume(&format!("raw/labelsTr/{case}.nii.gz"), &organs());
    }
    place.text("raw/dataset.json", document);
    place.text("p.yaml", &labelled(""));
    place
}

fn labelled(labels: &str) -> String {
    let inputs = format!("{IMAGE}  label: {{ kind: label{labels} }}\n");
    pipeline("{ from: dataset.json }", &inputs).replace("trace:", "  label: { path: \"{case}_seg.nii.gz\" }\ntrace:")
}

const V2: &str = "{\"channel_names\": {\"0\": \"CT\"}, \"labels\": {\"background\": 0, \"liver\": 1, \"both\": [1, 2], \
                  \"spleen\": 2}, \"numTraining\": 2, \"file_ending\": \".nii.gz\"}";

/// The Decathlon's form of the same dataset.
fn v1() -> String {
    let entry = |case: &str| {
        format!("{{\"image\": \"./imagesTr/{case}_0000.nii.gz\", \"label\": \"./labelsTr/{case}.nii.gz\"}}")
    };
    format!(
        "{{\"modality\": {{\"0\": \"CT\"}}, \"labels\": {{\"0\": \"background\", \"1\": \"liver\", \"2\": \"spleen\"}}, \
         \"numTraining\": 2, \"numTest\": 0, \"training\": [{}, {}], \"test\": []}}",
        entry("a"),
        entry("b")
    )
}

/// The names of labels in a file.
fn names_in(place: &Place, file: &str) -> Vec<String> {
    let document = place.revoxel(&["info", file, "--json"]).good().json();
    let label = |label: &Value| format!("{} {}", label["label"], label["name"].as_str().unwrap());
    document[0]["labels"].as_array().into_iter().flatten().map(label).collect()
}

#[test]
fn labels_of_a_dataset_json_are_those_of_the_label_input() {
    let run = |place: &Place, more: &[&str]| {
        place.revoxel(&[&["run", "p.yaml", "--data", "raw", "--out", "out"], more].concat())
    };
    for (document, first) in [(V2.to_owned(), "a"), (v1(), "a_0000")] {
        let place = with_organs(&document);
        run(&place, &[]).good();
        let written = format!("out/{first}_seg.nii.gz");
        assert_eq!(names_in(&place, &written), ["1 liver", "2 spleen"], "{document}");
        // The trace holds them, so that its case can be repeated without the list.
        std::fs::rename(place.path("raw/dataset.json"), place.path("raw/aside.json")).unwrap();
        let trace = format!("out/{first}.json");
        let again = place.revoxel(&["run", "--from-trace", &trace, "--data", "raw", "--out", "again"]).good();
        assert!(again.err.contains("the same as before, bit for bit"), "{}", again.err);
        // What the pipeline declares counts.
        std::fs::rename(place.path("raw/aside.json"), place.path("raw/dataset.json")).unwrap();
        place.text("p.yaml", &labelled(", labels: { hepar: 1, lien: 2 }"));
        run(&place, &["--overwrite"]).good();
        assert_eq!(names_in(&place, &written), ["1 hepar", "2 lien"]);
        // A map that holds more than is declared is refused, by whichever declares it.
        place.text("p.yaml", &labelled(""));
        place.text(
            "raw/dataset.json",
            &document.replace(", \"both\": [1, 2], \"spleen\": 2", "").replace(", \"2\": \"spleen\"", ""),
        );
        let said = run(&place, &["--overwrite"]).told(1);
        for part in ["the label map holds 2, but raw/dataset.json declares 0, 1", "add the labels there"] {
            assert!(said.err.contains(part), "{part}: {}", said.err);
        }
    }
}

#[test]
fn a_changed_dataset_json_makes_cases_stale() {
    let place = with_organs(V2);
    let run = |more: &[&str]| place.revoxel(&[&["run", "p.yaml", "--data", "raw", "--out", "out"], more].concat());
    run(&[]).good();
    place.revoxel(&["status", "out"]).good();
    let said = run(&["--resume"]).good();
    assert!(said.err.contains("2 of 2 cases: done already"), "{}", said.err);
    // Other fields do not matter.
    place.text("raw/dataset.json", &V2.replace("\"CT\"", "\"MR\""));
    place.revoxel(&["status", "out"]).good();
    place.text("raw/dataset.json", &V2.replace("spleen", "splenium"));
    let said = place.revoxel(&["status", "out"]).told(1).out;
    let why = "the pipeline has changed, or the labels that dataset.json declares";
    assert!(said.contains(&format!("case a: stale: {why}")), "{said}");
    let said = run(&["--resume"]).good();
    assert!(said.err.contains(&format!("case b: run again, because {why}")), "{}", said.err);
    assert_eq!(names_in(&place, "out/b_seg.nii.gz"), ["1 liver", "2 splenium"]);
    // A frozen list keeps them.
    let frozen = place.revoxel(&["cases", "p.yaml", "--data", "raw", "--json"]).good().out;
    place.text("raw/frozen.json", &frozen);
    let said = run(&["--resume", "--set", "cases={from: frozen.json}"]).good();
    assert!(said.err.contains("2 of 2 cases: done already"), "{}", said.err);
    // Steps are checked against them, without a look at the maps.
    place.text("p.yaml", &labelled("").replace("steps:\n", "steps:\n  - remove_labels: { labels: 9 }\n"));
    let parts = ["label 9 is not declared for \"label\"", "the labels of \"label\" are those of raw/dataset.json"];
    place.revoxel(&["plan", "p.yaml", "--data", "raw"]).bad(2, &parts);
}

#[test]
fn labels_of_a_dataset_json_that_make_no_sense_are_refused() {
    let place = with_organs(&V2.replace("\"liver\": 1", "\"liver\": \"one\""));
    let cases = || place.revoxel(&["cases", "p.yaml", "--data", "raw"]);
    cases()
        .bad(2, &["dataset.json: labels: \"liver\": \"one\": expected names with their labels", "declare `labels:`"]);
    place.text("p.yaml", &labelled(", labels: [0, 1, 2]"));
    cases().good();
}

#[test]
fn the_numbers_of_cases_of_the_decathlon_are_those_of_its_lists() {
    let place = with_organs(&v1());
    let t = |from: &str, to: &str| {
        place.text("raw/dataset.json", &v1().replace(from, to));
        place.revoxel(&["cases", "p.yaml", "--data", "raw"])
    };
    t("", "").good();
    t("\"numTraining\": 2", "\"numTraining\": \"2\"").good();
    t("\"numTraining\": 2", "\"numTraining\": 3").bad(2, &["numTraining is 3, but the list \"training\" has 2"]);
    t("\"numTest\": 0", "\"numTest\": 4").bad(2, &["numTest is 4, but the list \"test\" has 0"]);
    // A list that was divided by hand keeps the numbers of its source.
    t("\"numTraining\": 2", "\"numTraining\": 80, \"validation\": []").good();
}

#[test]
fn a_missing_label_of_nnunet_folders_may_be_optional() {
    let place = with_organs(V2);
    std::fs::remove_file(place.path("raw/labelsTr/b.nii.gz")).unwrap();
    let missing = |case: &str| {
        let said = place.revoxel(&["cases", "p.yaml", "--data", "raw"]).told(2).err;
        assert!(said.contains(&format!("case {case}: missing input: label (raw/labelsTr/b.nii.gz)")), "{said}");
    };
    missing("b");
    place.text("p.yaml", &labelled(", optional: true"));
    let report = place.revoxel(&["cases", "p.yaml", "--data", "raw", "--json"]).good().json();
    assert_eq!(
        (report["cases"][0]["label"].as_str(), report["cases"][1].get("label")),
        (Some("labelsTr/a.nii.gz"), None)
    );
    place.revoxel(&["run", "p.yaml", "--data", "raw", "--out", "out"]).good();
    assert!(place.path("out/b.nii.gz").exists() && !place.path("out/b_seg.nii.gz").exists());
    // What a list names must be there.
    place.text("raw/dataset.json", &v1());
    missing("b_0000");
}

#[test]
fn text_is_compared_as_text() {
    let place = Place::new();
    place.volume("data/a.nii.gz", &image(1));
    place.text("data/list.csv", "case,image,id\na,a.nii.gz,7\nb,a.nii.gz,007\nc,a.nii.gz,7.0\n");
    let t = |id: &str| {
        place.text("p.yaml", &pipeline(&format!("{{ from: list.csv, where: {{ id: {id} }} }}"), IMAGE));
        let report = place.revoxel(&["cases", "p.yaml", "--data", "data", "--json"]).good().json();
        names(&report).concat()
    };
    for (id, cases) in [("\"007\"", "b"), ("\"7\"", "a"), ("7", "abc"), ("7.0", "abc"), ("[\"007\", \"7.0\"]", "bc")] {
        assert_eq!(t(id), cases, "{id}");
    }
}
