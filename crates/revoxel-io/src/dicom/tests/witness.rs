//! What dicom-object reads of the same files: every attribute that is used here is equal.

use std::fs::File;

use dicom_object::{InMemDicomObject, OpenFileOptions};

use super::*;
use crate::dicom::dataset::{DataSet, Value};
use crate::dicom::tags::Tag;
use crate::dicom::{parse, tags};

fn files(folder: &Path, to: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        match path.is_dir() {
            true => files(&path, to),
            false if path.extension().is_some_and(|e| e == "dcm") => to.push(path),
            false => {}
        }
    }
}

fn tag(of: dicom_object::Tag) -> Tag {
    Tag(u32::from(of.group()) << 16 | u32::from(of.element()))
}

/// How many attributes were compared.
fn compare(ours: &DataSet, theirs: &InMemDicomObject, what: &str) -> usize {
    let big_endian = ours.big_endian;
    let used = |t: Tag| t.wanted().is_some() && !t.is_pixels() && !t.is_csa() && !t.is_contour() && t.group() > 2;
    let theirs: Vec<_> = theirs.iter().filter(|e| used(tag(e.header().tag))).collect();
    let ours: Vec<_> = ours.elements.iter().filter(|e| used(e.tag)).collect::<Vec<_>>();
    let tags = |of: &[Tag]| of.to_vec();
    assert_eq!(
        tags(&ours.iter().map(|e| e.tag).collect::<Vec<_>>()),
        tags(&theirs.iter().map(|e| tag(e.header().tag)).collect::<Vec<_>>()),
        "{what}"
    );
    let mut count = 0;
    for (ours, theirs) in ours.iter().zip(theirs) {
        let what = format!("{what}: {}", ours.tag);
        count += 1;
        match &ours.value {
            Value::Items(items) => {
                let others = theirs.items().unwrap_or_else(|| panic!("{what}: no sequence"));
                assert_eq!(items.len(), others.len(), "{what}");
                count += items.iter().zip(others).map(|(a, b)| compare(a, b, &what)).sum::<usize>();
            }
            Value::Bytes(_) => {
                let set = DataSet { elements: vec![(*ours).clone()], big_endian };
                match set.numbers(ours.tag) {
                    Ok(Some(numbers))
                        if theirs.header().vr.to_string() != "UN" && theirs.to_multi_float64().is_ok() =>
                    {
                        let other = theirs.to_multi_float64().unwrap();
                        assert_eq!(numbers, other, "{what}");
                    }
                    _ => {
                        let text = set.text(ours.tag).unwrap_or_default();
                        let other = theirs.to_str().map(|t| t.into_owned()).unwrap_or_default();
                        let plain = |t: &str| t.chars().filter(|c| c.is_ascii_graphic()).collect::<String>();
                        let bytes = theirs.header().vr.to_string() == "UN" || plain(&text) == plain(&other);
                        assert!(bytes, "{what}: {text:?} {other:?}");
                    }
                }
            }
        }
    }
    count
}

/// Compares a file; `None` where dicom-object cannot read it.
fn both(path: &Path) -> Option<usize> {
    let mut file = File::open(path).unwrap();
    let length = file.metadata().unwrap().len();
    let ours = parse::parse(&mut file, Some(length), u64::MAX).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let until = dicom_object::Tag(0x7fe0, 0x0008);
    let theirs = OpenFileOptions::new().read_until(until).open_file(path).ok()?;
    Some(compare(&ours.data, &theirs, &path.display().to_string()))
}

#[test]
fn recorded_and_generated_files() {
    let mut paths = Vec::new();
    files(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures"), &mut paths);
    let frames: Vec<Object> = [0.0, 4.0]
        .iter()
        .map(|z| Object::empty().sequence(0x0020_9113, &[Object::empty().numbers(0x0020_0032, &[0.0, 0.0, *z])]))
        .collect();
    let made = folder([
        Object::slice(0, [0.1, -2.5e-7, 1e3]),
        Object::slice(1, [0.0; 3]).sequence(0x5200_9230, &frames),
        Object::slice(2, [0.0; 3]).raw(0x0028_0120, "SS", (-5i16).to_le_bytes()),
        Object::slice(3, [0.0; 3]).raw(0x0020_9157, "UL", [1, 0, 0, 0, 2, 1, 0, 0]),
    ]);
    files(made.path(), &mut paths);
    assert!(paths.len() >= 12);
    for path in &paths {
        let count = both(path).unwrap_or_else(|| panic!("{}: not read by dicom-object", path.display()));
        assert!(count > 20, "{}: {count}", path.display());
    }
    assert_eq!(tags::ROWS, Tag(0x0028_0010));
}

#[test]
fn real_files() {
    let Some(root) = real("") else { return };
    let mut paths = Vec::new();
    files(&root, &mut paths);
    let compared: Vec<usize> = paths.iter().filter_map(|path| both(path)).collect();
    assert!(compared.len() * 10 > paths.len() * 9, "{} of {} files", compared.len(), paths.len());
    eprintln!("{} attributes of {} files", compared.iter().sum::<usize>(), compared.len());
}
