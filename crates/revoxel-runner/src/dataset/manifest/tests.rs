//! Lists of cases: tables, and documents of other programs.

use std::fs;

use revoxel_transforms::Registry;

use super::*;
use crate::dataset::{discover, discover_with};

struct Place(tempfile::TempDir);

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            let path = place.0.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        place
    }

    /// The cases with their files, or what is wrong.
    fn cases(&self, cases: &str, inputs: &str, finding: Finding) -> Result<Vec<String>, String> {
        let text = format!(
            "version: 1\ncases: {cases}\ninputs:\n{inputs}\noutputs: {{}}\ntrace: '[{{site}}/]{{case}}.json'\n"
        );
        let pipeline = Pipeline::parse("p.yaml", &text, &[], &Registry::basic());
        let mut pipeline = pipeline.map_err(|error| error.to_string())?;
        let cases = discover_with(&mut pipeline, self.0.path(), finding).map_err(|error| error.to_string())?;
        let shown = |path: &PathBuf| path.strip_prefix(self.0.path()).unwrap_or(path).display().to_string();
        let one = |case: &Case| {
            let files = case
                .inputs
                .keys()
                .map(|key| format!("{key}={}", case.files(key).map(shown).collect::<Vec<_>>().join("+")));
            let missing = case.missing.iter().map(|(key, path)| format!("{key}?{}", shown(path)));
            format!(
                "{} {} {}",
                pipeline.trace.path(&case.name),
                case.name,
                files.chain(missing).collect::<Vec<_>>().join(" ")
            )
        };
        Ok(cases.iter().map(one).collect())
    }
}

const BOTH: &str = "  image: { kind: image }\n  label: { kind: label, optional: true }";

#[test]
fn tables_name_files_and_columns() {
    let table = "case,image,label,site,fold\nb,i/2.nii,,north,1\na,i/1.nii; i/3.nii,l/1.nii,south,0\nc,i/4.nii,l/9.nii,south,1\n";
    let place = Place::new(&[
        ("cases.csv", table),
        ("i/1.nii", ""),
        ("i/2.nii", ""),
        ("i/3.nii", ""),
        ("i/4.nii", ""),
        ("l/1.nii", ""),
    ]);
    let t = |cases: &str| place.cases(cases, BOTH, Finding::default());
    let (a, b) = ("south/a.json a image=i/1.nii+i/3.nii label=l/1.nii", "north/b.json b image=i/2.nii");
    let c = "south/c.json c image=i/4.nii label?l/9.nii";
    assert_eq!(t("{ from: cases.csv }").unwrap(), [a, b, c]);
    assert_eq!(t("{ from: cases.csv, fold: 1 }").unwrap(), [b, c]);
    assert_eq!(t("{ from: cases.csv, where: { site: [south], fold: [1, 2] } }").unwrap(), [c]);
    assert!(t("{ from: cases.csv, name: site }").unwrap_err().contains("line 3 and line 4: both are case \"south\""));
    let other = place.cases("{ from: cases.csv }", "  ct: { kind: image, path: 'i/{n}.nii' }", Finding::default());
    assert!(other.unwrap_err().contains("no column \"n\"; its columns are case, image"));
    assert!(t("{ from: cases.csv, where: { sight: north } }").unwrap_err().contains("no column \"sight\""));
    assert!(t("{ from: cases.csv, fold: 7 }").unwrap_err().contains("none of its 3 cases"));
    assert!(t("{ from: none.csv }").unwrap_err().contains("none.csv"));
    assert!(t("{ from: cases.csv, folds: 7 }").unwrap_err().contains("did you mean \"fold\""));
}

#[test]
fn what_is_wrong_with_a_table_is_said_at_once() {
    let place = Place::new(&[
        ("a.csv", "case,image\na,/etc/x.nii\nb,../x.nii\n../c,x.nii\n,x.nii\nd,\n"),
        ("b.csv", "name,image\na,b\n"),
        ("c.csv", "case,image\na,b,c\n"),
        ("d.csv", "case,image,image\na,b,c\n"),
        ("e.csv", "case,image,site\na,a.nii,n/s\n"),
        ("f.csv", ""),
        ("g.doc", ""),
    ]);
    let t = |name: &str, finding| place.cases(&format!("{{ from: {name} }}"), "  image: { kind: image }", finding);
    let problems = t("a.csv", Finding::default()).unwrap_err();
    for part in [
        "line 2: \"/etc/x.nii\" is outside",
        "line 3: \"../x.nii\" is outside",
        "line 4: case \"../c\" cannot",
        "line 5: the case has no name",
        "line 6: the column image is empty, and the input image needs it",
    ] {
        assert!(problems.contains(part), "{part}: {problems}");
    }
    let outside = t("a.csv", Finding { allow_outside: true }).unwrap_err();
    assert!(!outside.contains("outside") && outside.contains("line 4"), "{outside}");
    for (name, part) in [
        ("b.csv", "write `name: COLUMN`"),
        ("c.csv", "3 fields"),
        ("d.csv", "two columns have the name \"image\""),
        ("e.csv", "site \"n/s\" cannot be a part of a file name"),
        ("f.csv", "no column \"case\""),
        ("g.doc", "expected .csv, .tsv or .json"),
        ("../a.csv", "outside the data folder"),
    ] {
        let problem = t(name, Finding::default()).unwrap_err();
        assert!(problem.contains(part), "{name}: {problem}");
    }
}

#[test]
fn documents_of_other_programs_are_told_by_their_keys() {
    let images = ["imagesTr/a_0000.nii", "imagesTr/a_0001.nii", "imagesTr/b_0000.nii", "imagesTr/b_0001.nii"];
    let mut files: Vec<(&str, &str)> = images.iter().map(|name| (*name, "")).collect();
    files.extend([
        ("labelsTr/a.nii", ""),
        ("labelsTr/b.nii", ""),
        ("imagesTs/t_0000.nii", ""),
        ("imagesTs/t_0001.nii", ""),
    ]);
    files.push((
        "dataset.json",
        r#"{"channel_names": {"0": "T1", "1": "T2"}, "labels": {"background": 0}, "file_ending": ".nii"}"#,
    ));
    files.push(("splits_final.json", r#"[{"train": ["a"], "val": ["b"]}, {"train": ["b"], "val": ["a"]}]"#));
    files.push((
        "msd.json",
        r#"{"modality": {"0": "MR"}, "labels": {"0": "background"},
            "training": [{"image": "./imagesTr/a_0000.nii", "label": "./labelsTr/a.nii"}], "test": ["./imagesTs/t_0000.nii"]}"#,
    ));
    files.push((
        "monai.json",
        r#"{"training": [{"image": ["imagesTr/a_0000.nii", "imagesTr/a_0001.nii"], "label": "labelsTr/a.nii", "fold": 0},
                         {"image": ["imagesTr/b_0000.nii", "imagesTr/b_0001.nii"], "label": "labelsTr/b.nii", "fold": 1}],
            "validation": [], "classes": ["x", "y"]}"#,
    ));
    files.push(("none.json", r#"{"labels": []}"#));
    let place = Place::new(&files);
    let t = |cases: &str| place.cases(cases, BOTH, Finding::default());
    let a = "a.json a image=imagesTr/a_0000.nii+imagesTr/a_0001.nii label=labelsTr/a.nii";
    let b = "b.json b image=imagesTr/b_0000.nii+imagesTr/b_0001.nii label=labelsTr/b.nii";
    assert_eq!(t("{ from: dataset.json, split: training }").unwrap(), [a, b]);
    assert_eq!(t("{ from: dataset.json, fold: 0 }").unwrap(), [b]);
    assert_eq!(
        t("{ from: dataset.json, split: test }").unwrap(),
        ["t.json t image=imagesTs/t_0000.nii+imagesTs/t_0001.nii"]
    );
    assert_eq!(t("{ from: monai.json, fold: 1 }").unwrap(), [b]);
    assert_eq!(t("{ from: monai.json }").unwrap(), [a, b]);
    let msd = "a_0000.json a_0000 image=imagesTr/a_0000.nii label=labelsTr/a.nii";
    assert_eq!(t("{ from: msd.json, split: train }").unwrap(), [msd]);
    assert!(
        t("{ from: msd.json, split: val }").unwrap_err().contains("no split \"val\"; its splits are test, training")
    );
    assert!(t("{ from: none.json }").unwrap_err().contains("no list of cases"));
    let one = place.cases(
        "{ from: dataset.json, split: tr }",
        "  t2: { kind: image, path: '{image_0001}' }",
        Finding::default(),
    );
    assert_eq!(one.unwrap()[1], "b.json b t2=imagesTr/b_0001.nii");
    assert!(discover(&Pipeline::parse("p.yaml", "version: 1\ncases: { from: dataset.json }\ninputs: { i: { kind: image, path: '{image}' } }\noutputs: {}\ntrace: '{case}.json'\n", &[], &Registry::basic()).unwrap(), place.0.path()).is_ok());
}

#[test]
fn an_empty_cell_is_no_part_of_a_path() {
    let place = Place::new(&[("a.csv", "case,image,site\na,1.nii,n\nb,1.nii,\n"), ("1.nii", "")]);
    let text = "version: 1\ncases: { from: a.csv }\ninputs: { image: { kind: image } }\n\
                outputs: { image: { path: 'PATH' } }\ntrace: '{case}.json'\n";
    let t = |path: &str| {
        let pipeline = Pipeline::parse("p.yaml", &text.replace("PATH", path), &[], &Registry::basic()).unwrap();
        let cases = discover(&pipeline, place.0.path()).map_err(|error| error.to_string())?;
        Ok::<_, String>(cases.iter().map(|case| pipeline.outputs[0].path.path(&case.name)).collect::<Vec<_>>())
    };
    let error = t("{site}/{case}.nii").unwrap_err();
    assert!(error.contains("line 3: the column site is empty") && error.contains("[{site}/]"), "{error}");
    assert_eq!(t("[{site}/]{case}.nii").unwrap(), ["n/a.nii", "b.nii"]);
}
