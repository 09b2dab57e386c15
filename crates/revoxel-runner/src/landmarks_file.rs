//! Files that hold the landmarks of a histogram: arrays of NumPy, JSON, plain numbers.

use std::path::Path;

use revoxel_core::{Voxel, dispatch};
use revoxel_io::{Limits, npy};
use serde_json::{Map, Value, json};

use crate::matrix_file::{bytes_of, numbers};

/// The parameter `landmarks` out of a file. Behind a `#` may stand which of several lists is meant.
///
/// # Errors
/// Where the file cannot be read or holds no landmarks; for people, with the file.
pub(crate) fn parameters(place: &Path) -> Result<Map<String, Value>, String> {
    // A file may have a # in its name.
    let text = place.to_string_lossy();
    let (path, chosen) = match text.rsplit_once('#') {
        Some((path, chosen)) if !place.exists() => (Path::new(path), Some(chosen)),
        _ => (place, None),
    };
    let found = read(path, chosen)?;
    Ok(Map::from_iter([("landmarks".to_owned(), json!(found))]))
}

/// Landmarks are a few numbers.
const FEW: Limits = Limits { max_volume: 1 << 20, memory: 1 << 20, max_expansion: 1100, free_expansion: 1 << 20 };

fn read(path: &Path, chosen: Option<&str>) -> Result<Vec<f64>, String> {
    let named = |problem: String| format!("{}: {problem}", path.display());
    let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let array = match ending.as_str() {
        "npz" if chosen.is_some() => npy::read_npz(path, chosen, &FEW),
        "npy" | "npz" => npy::read(path, &FEW),
        "pt" | "pth" => {
            let problem = "PyTorch files are not supported: save the array of one image with numpy.save";
            return Err(named(problem.to_owned()));
        }
        _ => return bytes_of(path).and_then(|bytes| parse(&bytes, chosen)).map_err(named),
    };
    // The error says which file it is of.
    let values = array.map_err(|e| e.to_string())?.voxels;
    finite(dispatch!(&values, v => v.iter().map(|x| x.to_f64()).collect())).map_err(named)
}

fn finite(values: Vec<f64>) -> Result<Vec<f64>, String> {
    match values.iter().find(|v| !v.is_finite()) {
        Some(wrong) => Err(format!("{wrong} is not a finite number")),
        None => Ok(values),
    }
}

/// The landmarks of a text.
fn parse(bytes: &[u8], chosen: Option<&str>) -> Result<Vec<f64>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "neither text nor an array of NumPy (.npy)".to_owned())?;
    let text = text.trim_start_matches('\u{feff}').trim();
    let value: Value = if text.starts_with(['[', '{']) {
        serde_json::from_str(text).map_err(|e| format!("JSON: {e}"))?
    } else if starts_with_name(text) {
        Value::Object(named_lines(text)?)
    } else {
        return match chosen {
            Some(name) => Err(format!("no landmarks named {name:?}: the file holds numbers without names")),
            None => numbers(text).map_err(|e| e.to_string()),
        };
    };
    let list = match (&value, chosen) {
        (Value::Object(lists), Some(name)) => {
            lists.get(name).ok_or_else(|| format!("no landmarks named {name:?}; the file has {}", names(lists)))?
        }
        (Value::Object(lists), None) if lists.len() == 1 => lists.values().next().unwrap_or(&value),
        (Value::Object(lists), None) => {
            return Err(format!("several landmarks ({}): choose one with #, such as FILE.json#NAME", names(lists)));
        }
        (_, Some(name)) => return Err(format!("no landmarks named {name:?}: the file holds one list without a name")),
        (list, None) => list,
    };
    serde_json::from_value(list.clone()).map_err(|e| format!("not a list of numbers: {e}")).and_then(finite)
}

/// Lists by name, one a line, as TorchIO's training writes them: the name and then the numbers.
fn named_lines(text: &str) -> Result<Map<String, Value>, String> {
    let mut lists = Map::new();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let (name, list) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        if !starts_with_name(line) {
            return Err(format!("the line that begins with {name:?} has no name, unlike the others"));
        }
        let list = numbers(list).map_err(|e| e.to_string())?;
        if list.is_empty() {
            return Err(format!("{:?} has no numbers", name.chars().take(40).collect::<String>()));
        }
        if lists.insert(name.to_owned(), json!(list)).is_some() {
            return Err(format!("{name:?} occurs twice"));
        }
    }
    Ok(lists)
}

fn starts_with_name(line: &str) -> bool {
    let word = line.split(|c: char| c.is_whitespace() || c == ',').next().unwrap_or_default();
    word.starts_with(char::is_alphabetic) && word.parse::<f64>().is_err()
}

fn names(lists: &Map<String, Value>) -> String {
    lists.keys().map(|k| format!("{k:?}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANDMARKS: [f64; 13] = [0.0, 3.5, 6.25, 8.0, 9.75, 14.0, 22.5, 34.0, 48.25, 55.0, 63.0, 79.5, 100.0];

    #[test]
    fn landmarks_are_read_from_arrays_text_and_json() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let t = |name: &str| {
            let found = parameters(&path(name)).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(found["landmarks"], json!(LANDMARKS), "{name}");
        };
        let tensor = npy::Tensor { shape: vec![13], voxels: LANDMARKS.to_vec().into() };
        npy::write_npy(path("t1.npy"), &tensor).unwrap();
        t("t1.npy");
        // As numpy.savetxt writes them.
        let lines: Vec<String> = LANDMARKS.iter().map(|v| format!("{v:.18e}")).collect();
        std::fs::write(path("t1.txt"), lines.join("\n")).unwrap();
        t("t1.txt");
        // As `HistogramStandardization.train(output_path="l.txt")` writes them, TorchIO 1.2.1.
        let line = |name: &str| format!("{name} {}", LANDMARKS.map(|v| format!("{v:?}")).join(" "));
        assert!(line("image").starts_with("image 0.0 3.5 6.25 "), "{}", line("image"));
        std::fs::write(path("l.txt"), line("image")).unwrap();
        t("l.txt");
        t("l.txt#image");
        std::fs::write(path("two.txt"), format!("t2 0 1 2\n\n{}\n", line("t1"))).unwrap();
        t("two.txt#t1");
        std::fs::write(path("t1.json"), json!(LANDMARKS).to_string()).unwrap();
        t("t1.json");
        std::fs::write(path("one.json"), json!({ "t1": LANDMARKS }).to_string()).unwrap();
        t("one.json");
        std::fs::write(path("all#2.json"), json!({ "t2": [1, 2], "t1": LANDMARKS }).to_string()).unwrap();
        t("all#2.json#t1");
        let error = |name: &str, part: &str| {
            let said = parameters(&path(name)).unwrap_err();
            // The file is named once.
            assert_eq!(said.matches(name.split('#').next().unwrap()).count(), 1, "{said}");
            assert!(said.contains(part), "{said}");
        };
        error("all#2.json", "(\"t2\", \"t1\"): choose one");
        error("all#2.json#flair", "no landmarks named \"flair\"");
        error("t1.txt#t1", "without names");
        error("l.txt#t1", "no landmarks named \"t1\"; the file has \"image\"");
        error("two.txt", "(\"t2\", \"t1\"): choose one");
        error("t1.json#t1", "without a name");
        error("there_is_none.npy", "");
        error("landmarks.pth", "numpy.save");
        for (name, text, part) in [
            ("a.txt", "1 2 x", "\"x\""),
            ("b.txt", "image 1 x", "\"x\""),
            ("c.txt", "image", "no numbers"),
            ("d.txt", "a 1 2\na 3 4", "twice"),
            ("e.txt", "t2 1 2\n3 4", "\"3\" has no name"),
            ("f.txt", "nan 1 2", "\"nan\""),
            ("a.json", "{", "JSON"),
            ("b.json", "[[1]]", "not a list"),
        ] {
            std::fs::write(path(name), text).unwrap();
            error(name, part);
        }
        std::fs::write(path("a.bin"), b"\x93NUMPY").unwrap();
        error("a.bin", "neither text");
        npy::write_npy(path("n.npy"), &npy::Tensor { shape: vec![1], voxels: vec![f64::NAN].into() }).unwrap();
        error("n.npy", "finite");
    }
}
