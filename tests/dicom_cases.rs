//! DICOM series as cases: which there are, what they are called, and that each reads its own files and no others.

use std::collections::BTreeMap;
use std::path::Path;

use revoxel_core::Kind;
use revoxel_io::dicom::testing::Object;
use serde_json::Value;

use crate::support::{Place, Said};

const THIN: &str = "1.2.826.0.1.11.100001";
const THICK: &str = "1.2.826.0.1.11.100002";
const OTHER: &str = "1.2.826.0.1.22.200001";
const SCOUT: &str = "1.2.826.0.1.11.100000";

/// What the files of a series share.
#[derive(Clone, Copy)]
struct Series {
    patient: &'static str,
    study: &'static str,
    date: &'static str,
    uid: &'static str,
    number: &'static str,
    description: &'static str,
    /// Number of the first slice, which its values tell.
    first: usize,
    count: usize,
    gap: f64,
}

const SERIES: [Series; 3] = [
    Series {
        patient: "P 01",
        study: "1.2.826.0.1.11",
        date: "20240131",
        uid: THIN,
        number: "2",
        description: "Lung thin",
        first: 0,
        count: 4,
        gap: 1.5,
    },
    Series {
        patient: "P 01",
        study: "1.2.826.0.1.11",
        date: "20240131",
        uid: THICK,
        number: "3",
        description: "Lung thick",
        first: 10,
        count: 2,
        gap: 5.0,
    },
    Series {
        patient: "P/02",
        study: "1.2.826.0.1.22",
        date: "20240215",
        uid: OTHER,
        number: "2",
        description: "Lung THIN (B70f)",
        first: 20,
        count: 3,
        gap: 2.0,
    },
];

impl Series {
    fn slice(&self, k: usize) -> Object {
        let position = [5.0, -3.0, self.gap * k as f64];
        self.named(Object::slice(self.first + k, position).text(0x0008_0018, "UI", &format!("{}.{k}", self.uid))).text(
            0x0020_0052,
            "UI",
            &format!("{}.7", self.study),
        )
    }

    fn named(&self, object: Object) -> Object {
        object
            .text(0x0008_0020, "DA", self.date)
            .text(0x0008_103e, "LO", self.description)
            .text(0x0010_0020, "LO", self.patient)
            .text(0x0020_000d, "UI", self.study)
            .text(0x0020_000e, "UI", self.uid)
            .text(0x0020_0011, "IS", self.number)
    }

    fn slices(&self) -> impl Iterator<Item = Object> + '_ {
        (0..self.count).map(|k| self.slice(k))
    }
}

/// A label map of the first series: label 1 in one voxel of slice 1, label 2 in two of slice 3.
fn labels(of: &Series) -> Object {
    let on = [(1usize, vec![(5usize, 1u8)]), (3, vec![(0, 2), (7, 2)])];
    let frame = |k: usize| {
        let position = [5.0, -3.0, of.gap * k as f64];
        Object::empty()
            .sequence(0x0020_9111, &[Object::empty().text(0x0020_9056, "SH", "1")])
            .sequence(0x0020_9113, &[Object::empty().numbers(0x0020_0032, &position)])
    };
    let shared = Object::empty()
        .sequence(0x0020_9116, &[Object::empty().numbers(0x0020_0037, &[1., 0., 0., 0., 1., 0.])])
        .sequence(0x0028_9110, &[Object::empty().numbers(0x0028_0030, &[0.75, 0.5])]);
    let segment = |number: u16, name: &str| {
        Object::empty().short(0x0062_0004, number).text(0x0062_0005, "LO", name).text(0x0062_0008, "CS", "MANUAL")
    };
    let mut pixels = vec![0u8; 24];
    for (frame, (_, voxels)) in on.iter().enumerate() {
        for (at, label) in voxels {
            pixels[12 * frame + at] = *label;
        }
    }
    let frames: Vec<Object> = on.iter().map(|(k, _)| frame(*k)).collect();
    let object = of.named(Object::slice(0, [0.0; 3]));
    let object = [0x0020_0032, 0x0020_0037, 0x0028_0030, 0x0028_1052, 0x0028_1053]
        .into_iter()
        .fold(object, |object, tag| object.without(tag));
    object
        .text(0x0008_0016, "UI", "1.2.840.10008.5.1.4.1.1.66.7")
        .text(0x0008_0018, "UI", "1.2.826.0.1.11.9.1")
        .text(0x0008_0060, "CS", "SEG")
        .text(0x0008_103e, "LO", "manual")
        .sequence(0x0008_1115, &[Object::empty().text(0x0020_000e, "UI", of.uid)])
        .text(0x0020_000e, "UI", "1.2.826.0.1.11.9")
        .text(0x0020_0011, "IS", "900")
        .text(0x0020_0052, "UI", &format!("{}.7", of.study))
        .text(0x0028_0008, "IS", "2")
        .short(0x0028_0100, 8)
        .short(0x0028_0101, 8)
        .short(0x0028_0102, 7)
        .text(0x0062_0001, "CS", "LABELMAP")
        .sequence(0x0062_0002, &[segment(1, "nodule"), segment(2, "vessel")])
        .sequence(0x5200_9229, &[shared])
        .sequence(0x5200_9230, &frames)
        .raw(0x7fe0_0010, "OB", pixels)
}

fn put(folder: &Path, name: &str, object: &Object) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, object.bytes()).unwrap();
}

/// Two patients: of one, a folder with two series and a localizer, and a segmentation beside it; of the other, a series.
pub(crate) fn scans(folder: &Path) {
    let [thin, thick, other] = SERIES;
    // The files of the two series are mixed.
    for (k, slice) in thin.slices().chain(thick.slices()).enumerate() {
        put(folder, &format!("first/ct/{}.dcm", (k * 5) % 6), &slice);
    }
    let scout = Series { uid: SCOUT, number: "1", description: "Scout", ..thin };
    put(folder, "first/ct/scout.dcm", &scout.slice(0).text(0x0008_0008, "CS", "ORIGINAL\\PRIMARY\\LOCALIZER"));
    put(folder, "first/labels/1", &labels(&thin));
    for (k, slice) in other.slices().enumerate() {
        put(folder, &format!("second/{k}"), &slice);
    }
    std::fs::write(folder.join("second/readme.txt"), "not DICOM").unwrap();
    put(folder, "DICOMDIR", &Object::empty().text(0x0008_0016, "UI", "1.2.840.10008.1.3.10"));
}

const INPUTS: &str = "  image: { kind: image }\n  label: { kind: label, reference: image, optional: true }\n";
const OUTPUTS: &str = "  image: { path: \"{case}/image.nii.gz\" }\n  label: { path: \"{case}/label.nii.gz\" }\n";

fn pipeline(cases: &str, inputs: &str, outputs: &str) -> String {
    let outputs = if outputs.is_empty() { "  {}\n" } else { outputs };
    format!(
        "version: 1\ncases: {cases}\ninputs:\n{inputs}steps:\n  - orientation: {{ axcodes: LPS }}\noutputs:\n{outputs}\
         trace: \"{{case}}/trace.json\"\n"
    )
}

/// A dataset with a pipeline.
fn dataset(cases: &str, inputs: &str, outputs: &str) -> Place {
    let place = Place::new();
    scans(&place.path("data"));
    place.text("p.yaml", &pipeline(cases, inputs, outputs));
    place
}

fn cases(place: &Place, more: &[&str]) -> Said {
    place.revoxel(&[&["cases", "p.yaml", "--data", "data"], more].concat())
}

/// Asserts that cases are listed, but cannot run, for these reasons.
fn refused(said: &Said, parts: &[&str]) {
    assert_eq!(said.code, 2, "{said:?}");
    assert!(parts.iter().all(|part| said.err.contains(part)), "{parts:?} is not in {}", said.err);
}

/// The names of the cases.
fn names(place: &Place, more: &[&str]) -> Vec<String> {
    let found = cases(place, &[&["--json"], more].concat()).good().json();
    found["cases"].as_array().unwrap().iter().map(|case| case["case"].as_str().unwrap().to_owned()).collect()
}

fn run(place: &Place, more: &[&str]) -> Said {
    place.revoxel(&[&["run", "p.yaml", "--data", "data", "--out", "out"], more].concat())
}

/// The first voxel of each slice.
fn slices(place: &Place, file: &str) -> Vec<f64> {
    let volume = place.read(file, Kind::Image);
    (0..volume.grid().shape()[2]).map(|k| volume.value([0, 0, k], 0)).collect()
}

/// All files below a folder with their bytes; times and places of runs are left out.
fn content(place: &Place, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let below = |name: &String| name.strip_prefix(&format!("{folder}/")).map(str::to_owned);
    place.files().iter().filter_map(below).map(|n| (n.clone(), content_of(&place.path(folder).join(n)))).collect()
}

/// The bytes of a file; of a trace, without where its pipeline found the case.
fn content_of(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_none_or(|ending| ending != "json") {
        return bytes;
    }
    let mut trace: Value = serde_json::from_slice(&bytes).unwrap();
    assert!(trace["pipeline"]["document"].as_object_mut().unwrap().remove("cases").is_some());
    trace.to_string().into_bytes()
}

const ALL: [&str; 3] = ["P_01_20240131_2", "P_01_20240131_3", "P_02_20240215_2"];

#[test]
fn each_series_is_a_case_with_its_own_files_and_labels() {
    let place = dataset("{ dicom: \"**\" }", INPUTS, OUTPUTS);
    let said = cases(&place, &["--csv"]).good();
    assert_eq!(
        said.out,
        format!(
            "case,PatientID,SeriesNumber,StudyDate,image,image.series,label\n\
             P_01_20240131_2,P_01,2,20240131,first/ct,{THIN},first/labels/1\n\
             P_01_20240131_3,P_01,3,20240131,first/ct,{THICK},\n\
             P_02_20240215_2,P_02,2,20240215,second,{OTHER},\n"
        )
    );
    assert!(said.err.contains("1 series left out, because all images are for planning (LOCALIZER)"), "{}", said.err);
    run(&place, &[]).good();
    assert_eq!(slices(&place, "out/P_01_20240131_2/image.nii.gz"), [-1000.0, -900.0, -800.0, -700.0]);
    assert_eq!(slices(&place, "out/P_01_20240131_3/image.nii.gz"), [0.0, 100.0]);
    assert_eq!(slices(&place, "out/P_02_20240215_2/image.nii.gz"), [1000.0, 1100.0, 1200.0]);
    assert_eq!(place.files().iter().filter(|name| name.ends_with("label.nii.gz")).count(), 1);
    let label = place.read("out/P_01_20240131_2/label.nii.gz", Kind::Label);
    let found: Vec<([usize; 3], f64)> = (0..48)
        .map(|at| [at % 4, at / 4 % 3, at / 12])
        .map(|index| (index, label.value(index, 0)))
        .filter(|(_, value)| *value != 0.0)
        .collect();
    assert_eq!(found, [([1, 1, 1], 1.0), ([0, 0, 3], 2.0), ([3, 1, 3], 2.0)]);
    // The same voxels and grid as with the series named by hand.
    place.revoxel(&["convert", "data/first/ct", "thin.nii.gz", "--series", THIN, "--orientation", "LPS"]).good();
    let (by_hand, of_case) =
        (place.read("thin.nii.gz", Kind::Image), place.read("out/P_01_20240131_2/image.nii.gz", Kind::Image));
    assert_eq!(by_hand, of_case);
    // A model's answer finds its way back.
    place.revoxel(&["verify", "out"]).good();
    place.revoxel(&["status", "out"]).good();
    place
        .revoxel(&["invert", "out/P_01_20240131_2/trace.json", "out/P_01_20240131_2/label.nii.gz", "-o", "back.nii.gz"])
        .good();
    assert_eq!(place.read("back.nii.gz", Kind::Label).grid(), label.grid());
}

#[test]
fn a_frozen_list_of_series_gives_the_same_files() {
    let place = dataset("{ dicom: \"**\" }", INPUTS, OUTPUTS);
    run(&place, &[]).good();
    let first = content(&place, "out");
    for (form, name) in [("--csv", "frozen.csv"), ("--json", "frozen.json")] {
        let list = cases(&place, &[form]).good().out;
        place.text(&format!("data/{name}"), &list);
        let set = format!("cases={{from: {name}}}");
        let report = run(&place, &["--set", &set, "--resume", "--json"]).good().json();
        assert_eq!(report["done_already"].as_array().unwrap().len(), 3, "{report}");
        place.revoxel(&["run", "p.yaml", "--data", "data", "--out", name, "--set", &set]).good();
        assert_eq!(content(&place, name), first, "{name}");
        // And it names the same series again.
        let again = cases(&place, &[form, "--set", &set]).good().out;
        assert!([THIN, THICK, OTHER].iter().all(|uid| again.contains(uid)), "{again}");
    }
    // A copy of the dataset at another place is the same dataset.
    std::fs::rename(place.path("data"), place.path("moved")).unwrap();
    scans(&place.path("data"));
    let copied = ["run", "p.yaml", "--data", "moved", "--out", "out", "--resume", "--json"];
    assert_eq!(place.revoxel(&copied).good().json()["done_already"].as_array().unwrap().len(), 3);
    let copied = run(&place, &["--resume", "--json"]).good().json();
    assert_eq!(copied["done_already"].as_array().unwrap().len(), 3, "{copied}");
    std::fs::copy(place.path("moved/frozen.csv"), place.path("data/frozen.csv")).unwrap();
    // A slice that came later in the folder of both series makes one case stale; another series none.
    let [thin, thick, _] = SERIES;
    put(&place.path("data/first/ct"), "late.dcm", &Series { count: 3, ..thick }.slice(2));
    put(&place.path("data/first/ct"), "new.dcm", &Series { uid: "1.2.826.0.1.11.5", number: "5", ..thin }.slice(0));
    let set = ["--set", "cases={from: frozen.csv}"];
    let said = run(&place, &[&set[..], &["--resume"]].concat()).good();
    assert!(said.err.contains("case P_01_20240131_3: run again") && said.err.contains("2 of 3 cases"), "{}", said.err);
    assert_eq!(slices(&place, "out/P_01_20240131_3/image.nii.gz"), [0.0, 100.0, 200.0]);
    place.text("data/wrong.csv", "case,image,image.series\na,first/ct,1.2.3\nb,first/ct,\nc,second;first/ct,1.2\n");
    cases(&place, &["--set", "cases={from: wrong.csv}"]).bad(
        2,
        &[
            "line 2: image.series: data/first/ct has no series 1.2.3; it has CT \"Lung",
            THICK,
            "line 4: image.series: expected one SeriesInstanceUID beside one folder",
        ],
    );
}

#[test]
fn what_is_asked_for_is_taken() {
    let place = dataset("{ dicom: \"**\" }", INPUTS, OUTPUTS);
    let t = |cases: &str, expected: &[&str]| {
        place.text("p.yaml", &pipeline(cases, INPUTS, OUTPUTS));
        assert_eq!(names(&place, &[]), expected, "{cases}");
    };
    t("{ dicom: \"**\", where: { Modality: ct, SeriesDescription: \"*thin*\" } }", &[ALL[0], ALL[2]]);
    t("{ dicom: \"**\", where: { SeriesNumber: 3 } }", &[ALL[1]]);
    t("{ dicom: \"**\", where: { SeriesNumber: [3, 2], PatientID: \"P?01\" } }", &[ALL[0], ALL[1]]);
    t("{ dicom: first/* }", &[ALL[0], ALL[1]]);
    t("{ dicom: \"se*\" }", &[ALL[2]]);
    // Planning images are a case where they are asked for.
    t("{ dicom: \"**\", where: { ImageType: LOCALIZER } }", &["P_01_20240131_1"]);
    t(
        "{ dicom: \"**\", name: \"{PatientID}[-{SeriesDescription}]\" }",
        &["P_01-Lung_thick", "P_01-Lung_thin", "P_02-Lung_THIN_B70f_"],
    );
    t("{ dicom: \"**\" }", &ALL);
    assert_eq!(names(&place, &["--case", "P_01*"]), ALL[..2]);
    // Parts are the same everywhere, and together all of it.
    for part in ["1/2", "2/2"] {
        run(&place, &["--shard", part]).good();
    }
    place.revoxel(&["status", "out"]).good();
    let plan = place.revoxel(&["plan", "p.yaml", "--data", "data", "--json"]).good().out;
    assert!(ALL.iter().all(|name| plan.contains(name)), "{plan}");
    // Keywords are placeholders of outputs.
    let outputs = "  image: { path: \"{PatientID}/{StudyDate}/{SeriesDescription}.nii.gz\" }\n";
    place.text("p.yaml", &pipeline("{ dicom: \"**\" }", "  image: { kind: image }\n", outputs));
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "named"]).good();
    assert_eq!(slices(&place, "named/P_02/20240215/Lung_THIN_B70f_.nii.gz"), [1000.0, 1100.0, 1200.0]);
    // Two cases never write one file.
    place.text(
        "p.yaml",
        &pipeline("{ dicom: \"**\" }", "  image: { kind: image }\n", "  image: { path: \"{PatientID}.nii.gz\" }\n"),
    );
    run(&place, &[]).bad(2, &["both write out/P_01.nii.gz"]);
    place.revoxel(&["plan", "p.yaml", "--data", "data"]).bad(2, &["both write P_01.nii.gz"]);
}

#[test]
fn studies_and_patients_choose_among_their_series() {
    let inputs = "  thin: { kind: image, series: { description: \"*thin*\" } }\n  thick: { kind: image, grid: own, optional: true, series: { number: 3 } }\n  \
                  label: { kind: label, reference: thin, optional: true }\n";
    let outputs = "  thin: { path: \"{case}/thin.nii.gz\" }\n  thick: { path: \"{case}/thick.nii.gz\" }\n";
    for (group, names) in [("study", ["P_01_20240131", "P_02_20240215"]), ("patient", ["P_01", "P_02"])] {
        let place = dataset(&format!("{{ dicom: \"**\", group: {group} }}"), inputs, outputs);
        let list = cases(&place, &["--csv"]).good().out;
        let first = format!("first/ct,{THIN},first/ct,{THICK},first/labels/1");
        assert!(list.lines().next().unwrap().ends_with("thin,thin.series,thick,thick.series,label"), "{list}");
        assert!(list.contains(&first) && list.contains(&format!("second,{OTHER},,,\n")), "{list}");
        assert_eq!(self::names(&place, &[]), names);
        run(&place, &[]).good();
        assert_eq!(slices(&place, &format!("out/{}/thick.nii.gz", names[0])), [0.0, 100.0]);
        assert!(!place.path(&format!("out/{}/thick.nii.gz", names[1])).exists());
        // The list says which series it is, whatever the pipeline chooses.
        place.text("data/frozen.csv", &list);
        let set = ["--set", "cases={from: frozen.csv}", "--resume", "--json"];
        assert_eq!(run(&place, &set).good().json()["done_already"].as_array().unwrap().len(), 2);
        // A study without a series that is wanted is no case.
        let place =
            dataset(&format!("{{ dicom: \"**\", group: {group}, where: {{ PatientID: \"*02\" }} }}"), inputs, outputs);
        assert_eq!(self::names(&place, &[]), names[1..]);
    }
    let one = "  image: { kind: image }\n";
    let out = "  image: { path: \"{case}.nii.gz\" }\n";
    let place = dataset("{ dicom: \"**\", group: study }", one, out);
    refused(&cases(&place, &[]), &["1 case cannot run", "case P_01_20240131: image: data/first/ct: contains 2 series"]);
    let report = run(&place, &["--keep-going", "--json"]).told(1).json();
    assert_eq!(report["cases"].as_array().unwrap().iter().filter(|c| c["outcome"] == "done").count(), 1, "{report}");
    let place = dataset("{ dicom: \"**\", group: study }", "  image: { kind: image, series: { modality: MR } }\n", out);
    refused(
        &cases(&place, &[]),
        &["image: none of its series is the one that `series` of this input asks for: CT \"Lung"],
    );
}

#[test]
fn wrong_sections_are_told_with_their_place() {
    let place = dataset("{ dicom: \"**\" }", INPUTS, OUTPUTS);
    let t = |cases: &str, inputs: &str, outputs: &str, parts: &[&str]| {
        place.text("p.yaml", &pipeline(cases, inputs, outputs));
        self::cases(&place, &[]).bad(2, parts);
        let document = self::cases(&place, &["--json"]);
        let place = document.json()["place"].clone();
        assert_eq!(place.as_str(), Some(parts[0]), "{document:?}");
    };
    let c = |cases: &str, parts: &[&str]| t(cases, INPUTS, OUTPUTS, parts);
    c("{ dicom: \"**\", from: a.csv }", &["p.yaml:2:23", "`from` and `dicom` exclude each other"]);
    c("{ from: a.csv, dicom: \"**\" }", &["p.yaml:2:23", "`from` and `dicom` exclude each other"]);
    c("{ dicom: \"**\", split: test }", &["p.yaml:2:23", "split has no meaning beside `dicom`"]);
    c("{ dicom: \"**\", gruop: study }", &["p.yaml:2:23", "did you mean \"group\"?"]);
    c("{ group: study }", &["p.yaml:2:8", "or the folders of DICOM series, such as `dicom: \"**\"`"]);
    c("{ dicom: \"**\", group: studies }", &["p.yaml:2:30", "expected series, study, patient, not \"studies\""]);
    c("{ dicom: ../other }", &["p.yaml:2:17", "leaves the data folder"]);
    c("{ dicom: \"a**\" }", &["p.yaml:2:17", "has `**` within a name"]);
    c("{ dicom: \"{case}\" }", &["p.yaml:2:17", "has a placeholder"]);
    c("{ dicom: \"**\", name: \"a/{PatientID}\" }", &["p.yaml:2:29", "is no part of a file name"]);
    c("{ dicom: \"**\", name: \"all\" }", &["p.yaml:2:29", "is the same for every case"]);
    c("{ dicom: \"**\", name: \"{case}\" }", &["p.yaml:2:29", "{case} is not a DICOM keyword"]);
    c(
        "{ dicom: \"**\", name: \"{Patient}\" }",
        &["p.yaml:2:29", "cases.name: \"Patient\" is not a DICOM keyword", "did you mean"],
    );
    c(
        "{ dicom: \"**\", where: { modality: CT } }",
        &["p.yaml:2:32", "\"modality\" is not a DICOM keyword", "did you mean \"Modality\"?"],
    );
    c("{ dicom: \"**\", where: { PixelData: 1 } }", &["p.yaml:2:32", "PixelData holds a sequence or bytes"]);
    c("{ dicom: \"**\", where: CT }", &["p.yaml:2:30", "expected a map of DICOM keywords"]);
    let dicom = "{ dicom: \"**\" }";
    t(dicom, "  image: { kind: image, path: \"{case}\" }\n", "", &["p.yaml:4:25", "has no path"]);
    t(
        dicom,
        "  image: { kind: image, series: 2 }\n",
        "",
        &["p.yaml:4:25", "with `group: series` each series is a case"],
    );
    t(dicom, "  a: { kind: image }\n  b: { kind: image }\n", "", &["p.yaml:5:3", "which a reads: set `group: study`"]);
    t(dicom, "  image: { kind: image }\n  label: { kind: label }\n", "", &["p.yaml:5:3", "needs `reference: KEY`"]);
    let outputs = "  image: { path: \"{patient}/{case}.nii.gz\" }\n";
    t(dicom, INPUTS, outputs, &["p.yaml:9:18", "\"patient\" is not a DICOM keyword", "did you mean \"Patient"]);
}

#[test]
fn cases_that_cannot_be_told_apart_or_trusted_are_refused() {
    let place = dataset("{ dicom: \"**\" }", "  image: { kind: image }\n", "  image: { path: \"{case}.nii.gz\" }\n");
    let [thin, _, other] = SERIES;
    // Another series of the same number: the end of the UID tells them apart, whichever comes first.
    for (k, slice) in (Series { uid: "1.2.826.0.1.99.300001", ..thin }).slices().enumerate() {
        put(&place.path("data/again"), &k.to_string(), &slice);
    }
    assert_eq!(names(&place, &[]), ["P_01_20240131_2_100001", "P_01_20240131_2_300001", ALL[1], ALL[2]]);
    place.text("p.yaml", &pipeline("{ dicom: \"**\", name: \"{PatientID}\" }", "  image: { kind: image }\n", ""));
    cases(&place, &[]).bad(2, &["two cases have the name \"P_01\"", THIN, "write more DICOM keywords into `name`"]);
    // What a name or a path needs is there, or it is told where it is not.
    place.text(
        "p.yaml",
        &pipeline("{ dicom: \"**\", name: \"{PatientID}_{ProtocolName}\" }", "  image: { kind: image }\n", ""),
    );
    cases(&place, &[]).bad(2, &["series 1.2.826.0.1.99.300001 (again): it has no ProtocolName, which the name"]);
    let outputs = "  image: { path: \"{BodyPartExamined}/{case}.nii.gz\" }\n";
    place.text("p.yaml", &pipeline("{ dicom: second }", "  image: { kind: image }\n", outputs));
    cases(&place, &[]).bad(2, &["it has no BodyPartExamined, which a path \"{BodyPartExamined}/{case}.nii.gz\" needs"]);
    let outputs = "  image: { path: \"[{BodyPartExamined}/]{case}.nii.gz\" }\n";
    place.text("p.yaml", &pipeline("{ dicom: second }", "  image: { kind: image }\n", outputs));
    run(&place, &[]).good();
    assert!(place.path(&format!("out/{}.nii.gz", ALL[2])).exists());

    // One UID for two patients.
    let plain = |place: &Place, dicom: &str| {
        let cases = format!("{{ dicom: {dicom:?} }}");
        place.text("p.yaml", &pipeline(&cases, "  image: { kind: image }\n", "  image: { path: \"{case}.nii.gz\" }\n"));
    };
    put(&place.path("data/second"), "x", &Series { patient: "P 03", ..other }.slice(3));
    plain(&place, "second");
    refused(
        &cases(&place, &[]),
        &["are not of one patient and study: PatientID is \"P/02\" in data/second/0 and \"P 03\""],
    );

    // A series in two folders is read as a whole, unless a part of it may be elsewhere.
    let place = Place::new();
    for (k, slice) in other.slices().enumerate() {
        put(&place.path("data"), &format!("x/{}/{k}", if k < 2 { "a" } else { "b" }), &slice);
    }
    plain(&place, "**");
    let said = run(&place, &[]).good();
    assert!(said.err.contains("lie in 2 folders (data/x/a, data/x/b)"), "{}", said.err);
    assert_eq!(slices(&place, &format!("out/{}.nii.gz", ALL[2])), [1000.0, 1100.0, 1200.0]);
    place.text("data/list.csv", &cases(&place, &["--csv"]).good().out);
    let again = run(&place, &["--set", "cases={from: list.csv}", "--resume", "--json"]).good().json();
    assert_eq!(again["done_already"].as_array().unwrap().len(), 1, "{again}");
    plain(&place, "x/*");
    refused(&cases(&place, &[]), &["lie in several folders (data/x/a, data/x/b)", "end its pattern with `**`"]);
    // Files directly in the data folder, of a patient without a name.
    let place = Place::new();
    for (k, slice) in other.slices().enumerate() {
        put(&place.path("data"), &k.to_string(), &slice.without(0x0010_0020).without(0x0008_0020).without(0x0020_0011));
    }
    plain(&place, "**");
    assert_eq!(cases(&place, &["--csv"]).good().out, format!("case,image,image.series\n{OTHER},.,{OTHER}\n"));
    run(&place, &[]).good();
    place.text("data/list.csv", &cases(&place, &["--csv"]).good().out);
    let again = run(&place, &["--set", "cases={from: list.csv}", "--resume", "--json"]).good().json();
    assert_eq!(again["done_already"].as_array().unwrap().len(), 1, "{again}");
    place.text("p.yaml", &pipeline("{ dicom: \"**\", group: patient }", "  image: { kind: image }\n", ""));
    cases(&place, &[]).bad(2, &["data/0: it has no PatientID, by which `group: patient`"]);
    // Damage is told, and nothing where there is nothing.
    let whole = other.slice(0).bytes();
    std::fs::write(place.path("data/cut.dcm"), &whole[..300]).unwrap();
    plain(&place, "**");
    let said = cases(&place, &[]).good();
    assert!(said.err.contains("1 DICOM file cannot be read, such as data/cut.dcm"), "{}", said.err);
    place.text("p.yaml", &pipeline("{ dicom: \"**\", where: { Modality: MR } }", "  image: { kind: image }\n", ""));
    cases(&place, &[]).bad(2, &["no series has what `where` asks for: there are CT \"Lung THIN (B70f)\""]);
    plain(&place, "none/**");
    cases(&place, &[]).bad(2, &["no cases: none of the 0 files in the folders \"none/**\" is a DICOM image"]);
}

#[test]
fn several_segmentations_of_a_series_are_chosen_from() {
    let place = dataset("{ dicom: \"**\" }", INPUTS, OUTPUTS);
    let second = labels(&SERIES[0]).text(0x0008_0018, "UI", "1.2.826.0.1.11.9.2").text(0x0008_103e, "LO", "automatic");
    put(&place.path("data/second"), "seg", &second);
    refused(&cases(&place, &[]), &["case P_01_20240131_2: label:", "manual", "automatic"]);
    let chosen = INPUTS.replace("optional: true", "optional: true, series: { description: \"auto*\" }");
    place.text("p.yaml", &pipeline("{ dicom: \"**\" }", &chosen, OUTPUTS));
    assert!(cases(&place, &["--csv"]).good().out.contains(&format!("{THIN},second/seg\n")));
    // One that refers to no series that is there goes to the only one in its frame of reference, or to none.
    put(&place.path("data/second"), "seg", &second.clone().sequence(0x0008_1115, &[]));
    let said = cases(&place, &["--csv"]).good();
    assert!(said.err.contains("1 segmentation or structure set of no series that was found"), "{}", said.err);
    assert!(!said.out.contains("second/seg"), "{}", said.out);
    let required = INPUTS.replace(", optional: true", "");
    place.text("p.yaml", &pipeline("{ dicom: \"**\" }", &required, OUTPUTS));
    refused(
        &cases(&place, &[]),
        &["2 cases cannot run", "label: no segmentation or structure set in the folders \"**\" refers"],
    );
    let other = second.sequence(0x0008_1115, &[]).text(0x0020_0052, "UI", "1.2.826.0.1.22.7");
    put(&place.path("data/second"), "seg", &other);
    place.text("p.yaml", &pipeline("{ dicom: \"**\" }", INPUTS, OUTPUTS));
    refused(&cases(&place, &[]), &["case P_02_20240215_2: label: PatientID is \"P 01\" in data/second/seg"]);
    put(&place.path("data/second"), "seg", &other.text(0x0010_0020, "LO", "P/02"));
    assert!(cases(&place, &["--csv"]).good().out.contains(&format!("second,{OTHER},second/seg\n")));
}

#[test]
fn the_schema_knows_both_ways() {
    let place = Place::new();
    let schema: Value = place.revoxel(&["schema"]).good().json();
    let text = schema.to_string();
    assert!(text.contains("ListSchema") && text.contains("DicomSchema"), "{text}");
    let dicom = &schema["$defs"]["DicomSchema"];
    assert_eq!(dicom["required"], serde_json::json!(["dicom"]));
    assert!(["dicom", "group", "name", "where"].iter().all(|field| dicom["properties"][field].is_object()), "{dicom}");
}

#[test]
fn a_slice_that_is_no_dicom_file_any_more_is_told() {
    let place = dataset("{ dicom: \"**\" }", INPUTS, OUTPUTS);
    let folder = place.path("data/first/ct");
    std::fs::write(folder.join("zeros.dcm"), [0u8; 5000]).unwrap();
    std::fs::write(folder.join("notes.txt"), "read me").unwrap();
    let said = run(&place, &[]).good();
    assert!(said.err.contains("zeros.dcm: not DICOM") && !said.err.contains("notes.txt"), "{}", said.err);
    let by_path = "version: 1\ninputs:\n  image: { kind: image, path: \"{case}/ct\", series: { number: 2 } }\n\
                   outputs:\n  image: { path: \"{case}.nii\" }\ntrace: \"{case}.json\"\n";
    place.text("path.yaml", by_path);
    let said = place.revoxel(&["run", "path.yaml", "--data", "data", "--out", "by-path"]).good();
    assert!(said.err.contains("zeros.dcm: not DICOM") && !said.err.contains("notes.txt"), "{}", said.err);
}

#[test]
fn labels_of_another_patient_are_refused() {
    let place = dataset("{ dicom: \"**\" }", INPUTS, OUTPUTS);
    let other = Series { patient: "P 07", ..SERIES[0] };
    put(&place.path("data"), "first/labels/1", &labels(&other));
    let parts = [
        "case P_01_20240131_2: label: PatientID is \"P 07\" in data/first/labels/1 and \"P 01\" in data/first/ct/",
        "to whose series it refers",
        "remove the labels",
    ];
    refused(&cases(&place, &[]), &parts);
    let said = run(&place, &[]);
    refused(&said, &["nothing was written", parts[0]]);
    assert!(!place.path("out").exists());
    refused(&place.revoxel(&["plan", "p.yaml", "--data", "data"]), &parts);
    // The other cases can be run.
    run(&place, &["--keep-going"]).told(1);
    assert!(place.path("out/P_02_20240215_2/image.nii.gz").exists() && !place.path("out/P_01_20240131_2").exists());
    // Without a PatientID nothing is contradicted.
    put(&place.path("data"), "first/labels/1", &labels(&other).without(0x0010_0020));
    cases(&place, &[]).good();
}

#[test]
fn one_patient_with_two_names_is_told() {
    let place = dataset("{ dicom: \"**\" }", INPUTS, OUTPUTS);
    let [thin, _, other] = SERIES;
    let named = |series: &Series, k: usize, name: &str| series.slice(k).text(0x0010_0010, "PN", name);
    let warned = |place: &Place| {
        let said = [
            cases(place, &[]).good().err,
            place.revoxel(&["plan", "p.yaml", "--data", "data"]).good().err,
            run(place, &["--overwrite"]).good().err,
        ];
        let told: Vec<bool> = said.iter().map(|err| err.contains("PatientNames")).collect();
        assert!(told.windows(2).all(|two| two[0] == two[1]), "{said:?}");
        said[0].lines().find(|line| line.contains("PatientNames")).map(str::to_owned)
    };
    // Capital letters and empty parts make no other name.
    put(&place.path("data"), "first/ct/0.dcm", &named(&thin, 0, "Doe^Jane"));
    put(&place.path("data"), "first/ct/5.dcm", &named(&thin, 1, "DOE^JANE^^"));
    put(&place.path("data"), "second/0", &named(&other, 0, "Roe^Rita"));
    assert_eq!(warned(&place), None);
    put(&place.path("data"), "first/labels/1", &labels(&thin).text(0x0010_0010, "PN", "Doe^John"));
    let line = warned(&place).unwrap();
    let parts = ["1 PatientID has several PatientNames, such as \"P 01\": ", "\"Doe^Jane\" in data/first/ct/0.dcm"];
    assert!(
        parts.iter().all(|part| line.contains(part)) && line.contains("\"Doe^John\" in data/first/labels/1"),
        "{line}"
    );
}
