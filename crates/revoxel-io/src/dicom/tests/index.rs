//! What a dataset holds, by a part of each header.

use super::*;
use crate::SeriesChoice;
use crate::dicom::scan;
use crate::dicom_index::{DicomIndex, Keyword, KeywordError, SeriesSort, choose_labels, choose_series};

const NAMES: [&str; 4] = ["PatientID", "SliceThickness", "Rows", "WindowCenter"];

fn index(folder: &Path) -> DicomIndex {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    let keywords = NAMES.map(|name| Keyword::find(name).unwrap());
    DicomIndex::of(folder, files, &keywords, &ReadOptions::default()).unwrap()
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(folder.join(name), bytes).unwrap();
}

#[test]
fn an_index_agrees_with_the_list_of_a_folder() {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for name in ["dicom_labels", "dicom_structures/axial", "dicom_structures/oblique", "dicom_mosaic"] {
        let folder = fixtures.join(name);
        let (index, scan) = (index(&folder), scan(&folder, &ReadOptions::default()).unwrap());
        let mut found: Vec<(&str, usize)> = index.series.iter().map(|s| (s.uid.as_str(), s.files.len())).collect();
        let mut listed: Vec<(&str, usize)> = scan.series.iter().map(|s| (s.uid.as_str(), s.files)).collect();
        found.sort();
        listed.sort();
        assert_eq!(found, listed, "{name}");
        let found: Vec<(&PathBuf, &Vec<String>)> = index.labels.iter().map(|l| (&l.path, &l.references)).collect();
        let listed: Vec<(&PathBuf, &Vec<String>)> = scan.labels.iter().map(|l| (&l.path, &l.references)).collect();
        assert_eq!(found, listed, "{name}");
    }
}

#[test]
fn series_are_what_their_slices_say() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let named = |object: Object| object.text(0x0010_0020, "LO", "p").text(0x0028_1050, "DS", "40.5\\400");
    let planning = "ORIGINAL\\PRIMARY\\LOCALIZER";
    // The first file of a series is for planning: the next ones say what the series is.
    put(at, "a0", &Object::slice(0, [0.0; 3]).text(0x0008_0008, "CS", planning).text(0x0018_0050, "DS", "7").bytes());
    put(at, "a1", &named(Object::slice(1, [0.0; 3])).text(0x0010_0020, "LO", "").bytes());
    let other = |i: usize| Object::slice(i, [0.0; 3]).text(0x0020_000e, "UI", "1.5");
    put(at, "b0", &other(2).text(0x0008_0008, "CS", planning).bytes());
    let bare = Object::slice(3, [0.0; 3]).text(0x0020_000e, "UI", "1.6").without(0x0020_0032);
    put(at, "c0", &bare.bytes());
    put(at, "d0", &named(Object::slice(4, [0.0; 3])).text(0x0020_000e, "UI", "1.7").bytes());
    put(at, "d1", &Object::slice(5, [0.0; 3]).text(0x0020_000e, "UI", "1.7").text(0x0010_0020, "LO", "q").bytes());
    put(at, "e0", &Object::slice(6, [0.0; 3]).without(0x0020_000e).bytes());
    put(at, "f0", &Object::slice(7, [0.0; 3]).bytes()[..400]);
    put(at, "g0", b"not DICOM, but long enough to be looked at");
    // Attributes in the wrong order: the pixels' size before the series.
    let (head, tail) =
        (Object::slice(8, [0.0; 3]).text(0x0020_000e, "UI", "1.8"), Object::empty().short(0x0028_0010, 3));
    let sorted = head.clone().without(0x0028_0010).bytes();
    let start = head.head().len();
    put(at, "h0", &[&sorted[..start], &tail.data(), &sorted[start..]].concat());
    let index = index(at);
    let found: Vec<(&str, SeriesSort, usize)> =
        index.series.iter().map(|s| (s.uid.as_str(), s.sort, s.files.len())).collect();
    let sorts = [
        ("1.2.3", SeriesSort::Volume, 2),
        ("1.5", SeriesSort::Localizer, 1),
        ("1.6", SeriesSort::Unplaced, 1),
        ("1.7", SeriesSort::Volume, 2),
        ("1.8", SeriesSort::Volume, 1),
    ];
    assert_eq!(found, sorts);
    let values =
        |number: usize| index.series[number].values.iter().map(|v| v.as_deref().unwrap_or("-")).collect::<Vec<_>>();
    assert_eq!(values(0), ["-", "99", "3", "40.5\\400"]);
    assert_eq!(values(3), ["p", "99", "3", "40.5\\400"]);
    assert_eq!(values(4)[2], "3");
    assert!(index.series[3].contradiction.as_ref().is_some_and(|why| why.contains("PatientID is \"p\"")), "{index:?}");
    assert_eq!(index.series[0].contradiction, None);
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(index.without_series.iter().map(name).collect::<Vec<_>>(), ["e0"]);
    assert_eq!(index.unreadable.iter().map(|(path, _)| name(path)).collect::<Vec<_>>(), ["f0"]);
}

#[test]
fn keywords_are_those_of_the_standard() {
    assert!(Keyword::find("SliceThickness").unwrap().is_number && !Keyword::find("PatientID").unwrap().is_number);
    assert_eq!(Keyword::find("patientid"), Err(KeywordError::Unknown("patientid".to_owned())));
    assert_eq!(Keyword::find("PixelData"), Err(KeywordError::NoText("PixelData")));
    assert_eq!(Keyword::find("ReferencedSeriesSequence"), Err(KeywordError::NoText("ReferencedSeriesSequence")));
    assert_eq!(Keyword::find("TransferSyntaxUID"), Err(KeywordError::Meta("TransferSyntaxUID")));
    let all = Keyword::all();
    assert!(
        ["PatientID", "ProtocolName", "BodyPartExamined"].iter().all(|name| all.contains(name)) && all.len() > 1000
    );
}

#[test]
fn only_the_files_of_a_choice_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for i in 0..3 {
        let object = Object::slice(i, [0.0, 0.0, i as f64]);
        put(at, &format!("a{i}"), &object.clone().text(0x0020_000e, "UI", "1.5").bytes());
        put(at, &format!("b{i}"), &object.text(0x0020_000e, "UI", "1.6").bytes());
    }
    let those = |names: &[&str]| {
        let files: Vec<PathBuf> = names.iter().map(|name| at.join(name)).collect();
        let series = SeriesChoice { files: Some(files.into()), ..SeriesChoice::default() };
        ReadOptions { series: Some(series), ..ReadOptions::default() }
    };
    let read = |options: &ReadOptions| {
        crate::read_with(at, Kind::Image, options).map(|loaded| loaded.volume.grid().shape()[2])
    };
    assert_eq!(read(&those(&["a0", "a1", "a2"])).unwrap(), 3);
    assert_eq!(read(&those(&["b0", "b1"])).unwrap(), 2);
    assert_eq!(choose_series(at, &those(&["a0", "a1", "a2"])).unwrap().as_deref(), Some("1.5"));
    let error = choose_series(at, &those(&["a0", "a1", "b1", "b2"])).unwrap_err().to_string();
    assert!(error.contains("contains 2 series"), "{error}");
    let mut none = those(&["a0", "a1"]);
    none.series.as_mut().unwrap().modality = Some("MR".to_owned());
    assert_eq!(choose_series(at, &none).unwrap(), None);
    assert_eq!(choose_labels(at, &those(&["a0"])).unwrap(), None);
    // A slice that is lost or damaged is not left out.
    std::fs::remove_file(at.join("a1")).unwrap();
    let error = read(&those(&["a0", "a1", "a2"])).unwrap_err().to_string();
    assert!(error.contains("a1"), "{error}");
    put(at, "a1", &Object::slice(1, [0.0; 3]).bytes()[..300]);
    assert!(read(&those(&["a0", "a1", "a2"])).is_err());
}
