//! How two snapshots differ, in words: which grid, which step or output, what was and what is.

use serde_json::{Value, json};

use super::passage::GRID;
use super::text::flow;
use super::{MARK, SEAL, is_edited};

/// Characters of a value that are shown.
const SHOWN: usize = 160;

/// Characters of a hash that are shown.
const HASH: usize = 12;

/// What is said of a parameter, by where it comes from.
const A_DEFAULT: &str = " (a default: the pipeline does not set it)";
const OF_A_FILE: &str = " (from a file named in the pipeline)";

/// One fact that two snapshots do not have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The keys that lead to it, from the outside in.
    pub path: Vec<String>,
    /// The fact in the snapshot on disk; `None` where it is new.
    pub was: Option<Value>,
    /// The fact now; `None` where it is gone.
    pub is: Option<Value>,
    /// What else there is to say.
    pub note: &'static str,
}

/// What came out of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// All differences, in the order of the snapshot.
    pub differences: Vec<Difference>,
    /// Why they are there, where there are any.
    pub reason: String,
}

/// Compares a snapshot on disk with one of now. `written` is the pipeline as it is written, so that defaults can be told
/// from what it sets.
pub fn compare(was: &Value, is: &Value, written: &Value) -> Verdict {
    let mut differences = Vec::new();
    compare_at(&mut Vec::new(), Some(was), Some(is), &mut differences);
    differences.retain(|difference| difference.path != [SEAL]);
    for difference in &mut differences {
        difference.note = match origin_of(&difference.path, written, is) {
            Origin::Written => "",
            Origin::Default => A_DEFAULT,
            Origin::File => OF_A_FILE,
        };
    }
    let differs = |field: &str| was.get(field) != is.get(field);
    let noted = |note: &str| differences.iter().filter(|d| d.note == note).count();
    let resolved = differences.iter().filter(|d| d.path.first().is_some_and(|p| p == "resolved")).count();
    let number = |value: &Value| value["results"].as_u64().unwrap_or_default();
    let reason = if differences.is_empty() {
        String::new()
    } else if is_edited(was) {
        "the snapshot was edited or merged after the program wrote it".to_owned()
    } else if differs(MARK) || differs("made_up_content") {
        "this version of the program writes snapshots in another format".to_owned()
    } else if differs("results") {
        let (before, now) = (number(was), number(is));
        format!("this version of the program gives results number {now}, but the snapshot has {before}")
    } else if differs("set") {
        "it was made with other settings or another seed".to_owned()
    } else if differs("made_on") || differs("left_out") || other_grids(was, is) {
        "it was made on other grids".to_owned()
    } else if resolved > 0 && resolved == noted(A_DEFAULT) {
        "a default of the program has changed; the pipeline file has not".to_owned()
    } else if resolved > 0 && resolved == noted(OF_A_FILE) {
        "a file named in the pipeline has changed; the pipeline file has not".to_owned()
    } else if differs("pipeline") {
        "the pipeline was changed".to_owned()
    } else {
        "the pipeline is the same, but the program gives other results".to_owned()
    };
    Verdict { differences, reason }
}

/// Whether the grids are not those of the other snapshot, as far as they are made up of the same file.
fn other_grids(was: &Value, is: &Value) -> bool {
    let names = |document: &Value| -> Vec<String> {
        document["grids"].as_object().map(|grids| grids.keys().cloned().collect()).unwrap_or_default()
    };
    let given = |document: &Value| document["made_on"] == "given";
    given(was) && given(is) && names(was) != names(is)
}

fn compare_at(path: &mut Vec<String>, was: Option<&Value>, is: Option<&Value>, found: &mut Vec<Difference>) {
    match (was, is) {
        (Some(was), Some(is)) if was == is => {}
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let gone = a.keys().filter(|key| !b.contains_key(*key));
            for key in b.keys().chain(gone) {
                path.push(key.clone());
                compare_at(path, a.get(key), b.get(key), found);
                path.pop();
            }
        }
        // The rows of an affine, one by one.
        (Some(Value::Array(a)), Some(Value::Array(b)))
            if a.len() == b.len() && path.last().is_some_and(|key| key == "affine") =>
        {
            for (row, name) in ["R", "A", "S", ""].into_iter().enumerate().take(a.len()) {
                path.push(format!("row {name}"));
                compare_at(path, Some(&a[row]), Some(&b[row]), found);
                path.pop();
            }
        }
        (was, is) => {
            let (path, was, is) = (path.clone(), was.cloned(), is.cloned());
            found.push(Difference { path, was, is, note: "" });
        }
    }
}

/// Where a parameter comes from.
enum Origin {
    /// The pipeline says it, or it is no parameter.
    Written,
    /// The pipeline does not set it.
    Default,
    /// It is the content of a file that the pipeline names.
    File,
}

/// Where the parameter of a step that a path leads to comes from. `is` is the document of now.
fn origin_of(path: &[String], written: &Value, is: &Value) -> Origin {
    let [first, second, step, parameter, ..] = path else { return Origin::Written };
    if first != "resolved" || second != "steps" {
        return Origin::Written;
    }
    let Some((number, name)) = step.split_once(' ') else { return Origin::Written };
    let position = number.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
    let Some(in_file) = position.and_then(|n| written["steps"].get(n)) else { return Origin::Written };
    let Some(params) = in_file.get(name).or((in_file.as_str() == Some(name)).then_some(&Value::Null)) else {
        return Origin::Written;
    };
    let resolved = &is["resolved"]["steps"][step];
    match params.get(parameter) {
        // The name of a file in the place of what is in it.
        Some(Value::String(text)) => match &resolved[parameter] {
            Value::Array(list) if !list.contains(&text.as_str().into()) => Origin::File,
            Value::Object(_) => Origin::File,
            _ => Origin::Written,
        },
        Some(_) => Origin::Written,
        // Or a parameter for the name, which another one has replaced.
        None if params.get("file").is_some()
            && resolved.get("file").is_none()
            && matches!(resolved[parameter], Value::Array(_) | Value::Object(_)) =>
        {
            Origin::File
        }
        None => Origin::Default,
    }
}

impl Verdict {
    /// Whether nothing differs.
    pub fn is_same(&self) -> bool {
        self.differences.is_empty()
    }

    /// The differences as lines, at most so many, and one that says how many more there are. Facts that only number the
    /// others (the hash of the pipeline) are left out where there are others.
    pub fn lines(&self, most: usize) -> Vec<String> {
        let told = |d: &&Difference| d.path.len() > 1;
        let mut shown: Vec<&Difference> = self.differences.iter().filter(told).collect();
        if shown.is_empty() {
            shown = self.differences.iter().collect();
        }
        let mut lines: Vec<String> = shown.iter().take(most).map(|d| d.words()).collect();
        if shown.len() > most {
            lines.push(format!("… and {} more", shown.len() - most));
        }
        lines
    }

    /// The differences as data.
    pub fn json(&self) -> Value {
        let one = |d: &Difference| json!({ "path": d.path, "was": d.was, "is": d.is, "words": d.words() });
        self.differences.iter().map(one).collect()
    }
}

impl Difference {
    /// The difference as a sentence.
    pub fn words(&self) -> String {
        let (mut places, fields) = place(&self.path);
        let (last, outer) = fields.split_last().map_or(("", &[][..]), |(last, outer)| (last.as_str(), outer));
        places.extend(outer.iter().cloned());
        let whole = |value: &Value| matches!(value, Value::Object(map) if !map.is_empty());
        let said = match (&self.was, &self.is) {
            (Some(was), Some(is)) if last == "voxels" && is.is_string() => {
                format!("the voxels differ: hash {}, was {}", shown(last, is), shown(last, was))
            }
            (Some(was), Some(is)) => match origin(last, was, is) {
                Some(said) => said,
                None => format!("{last} was {}, is {}", shown(last, was), shown(last, is)),
            },
            (None, Some(is)) if whole(is) || last.is_empty() => format!("{last} is new"),
            (None, Some(is)) => format!("{last} is new: {}", shown(last, is)),
            (Some(was), None) if whole(was) || last.is_empty() => format!("{last} is missing"),
            (Some(was), None) => format!("{last} is missing, was {}", shown(last, was)),
            (None, None) => String::new(),
        };
        let place = places.join(", ");
        let said = said.trim_start();
        if place.is_empty() { format!("{said}{}", self.note) } else { format!("{place}: {said}{}", self.note) }
    }
}

/// What is said of the row of an affine of which the origin alone is another one.
fn origin(field: &str, was: &Value, is: &Value) -> Option<String> {
    let axis = field.strip_prefix("affine (row ")?.strip_suffix(')')?;
    match (was.as_array()?.split_last()?, is.as_array()?.split_last()?) {
        ((was, before), (is, now)) if before == now => Some(format!("origin {axis} was {was}, is {is} mm")),
        _ => None,
    }
}

/// Where a path leads to, in words, and the rest of it.
fn place(path: &[String]) -> (Vec<String>, Vec<String>) {
    let mut places = Vec::new();
    let mut rest = match path {
        [section, rest @ ..] if section == "resolved" => {
            places.push("pipeline".to_owned());
            match rest {
                [part, name, rest @ ..] if !rest.is_empty() || part == "steps" => {
                    places.push(format!("{} {name}", part.trim_end_matches('s')));
                    rest.to_vec()
                }
                _ => rest.to_vec(),
            }
        }
        [section, name, rest @ ..] if section == "grids" => {
            places.push(format!("grid {name}"));
            match rest {
                [part, name, rest @ ..] if part.starts_with("steps") || part == "plan" => {
                    let before = if part == "plan" { "plan, " } else { "" };
                    let after = part.strip_prefix("steps").unwrap_or_default();
                    places.push(format!("{before}step {name}{after}"));
                    rest.to_vec()
                }
                [part, name, rest @ ..] if part.starts_with("outputs") => {
                    places.push(format!("output {name}{}", part.trim_start_matches("outputs")));
                    rest.to_vec()
                }
                [part, name, rest @ ..] if part.starts_with("back") => {
                    places.push(format!("prediction {part}, {name}"));
                    rest.to_vec()
                }
                rest => rest.to_vec(),
            }
        }
        path => path.to_vec(),
    };
    rest.retain(|key| key != GRID);
    if rest.len() > 1 && rest[rest.len() - 2] == "affine" {
        let row = rest.pop().unwrap_or_default();
        rest.pop();
        rest.push(format!("affine ({row})"));
    }
    if rest.is_empty()
        && let Some(last) = places.pop()
    {
        rest.push(last);
    }
    (places, rest)
}

/// A value for people: shapes as people write them, hashes by their first digits.
fn shown(field: &str, value: &Value) -> String {
    let text = match value {
        Value::Array(list) if field == "shape" => list.iter().map(flow).collect::<Vec<_>>().join("×"),
        Value::String(text) => match text.strip_prefix("blake3:") {
            Some(hash) => format!("{}…", hash.chars().take(HASH).collect::<String>()),
            None => text.clone(),
        },
        other => flow(other),
    };
    if text.chars().count() <= SHOWN {
        return text;
    }
    format!("{}…", text.chars().take(SHOWN).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        json!({
            "revoxel_snapshot": 1, "results": 2, "made_up_content": 1, "pipeline": "blake3:aa", "made_on": "built-in",
            "resolved": { "inputs": { "image": { "path": "a" } }, "steps": { "1 orientation": { "axcodes": "RAS" },
                "2 spacing": { "pixdim": [1.0], "padding": "border" } }, "fuse": "exact" },
            "grids": { "ct-axial": {
                "steps": { "2 spacing": { "grid": { "shape": [64, 60, 33], "affine": [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]] },
                    "image": { "dtype": "float32" } } },
                "outputs": { "image": { "voxels": "blake3:0123456789abcdef", "mean": 2.0, "label 3": { "voxels": 5 } } },
                "back": { "label map onto image": { "unseen voxels": 0 } } } },
        })
    }

    #[test]
    fn differences_are_said_in_words() {
        let written = json!({ "steps": [{ "orientation": { "axcodes": "RAS" } }, { "spacing": { "pixdim": 1 } }] });
        let t = |pointer: &str, value: Value, words: &str, reason: &str| {
            let (was, mut is) = (document(), document());
            *is.pointer_mut(pointer).unwrap() = value;
            let verdict = compare(&was, &is, &written);
            assert_eq!(verdict.lines(9), [words]);
            assert!(verdict.reason.contains(reason), "{}", verdict.reason);
            assert!(compare(&is, &is, &written).is_same());
        };
        let grid = "/grids/ct-axial";
        let program = "gives other results";
        let at = |rest: &str| format!("{grid}/{rest}");
        let shape = "grid ct-axial, step 2 spacing: shape was 64×60×33, is 64×60×34";
        t(&at("steps/2 spacing/grid/shape"), json!([64, 60, 34]), shape, program);
        let row = "grid ct-axial, step 2 spacing: affine (row A) was [0.0, 1.0], is [0.5, 1.0]";
        t(&at("steps/2 spacing/grid/affine/1/0"), json!(0.5), row, program);
        let origin = "grid ct-axial, step 2 spacing: origin R was 0.0, is -2.5 mm";
        t(&at("steps/2 spacing/grid/affine/0/1"), json!(-2.5), origin, program);
        let dtype = "grid ct-axial, step 2 spacing, image: dtype was float32, is int16";
        t(&at("steps/2 spacing/image/dtype"), "int16".into(), dtype, program);
        let hash = "grid ct-axial, output image: the voxels differ: hash ff…, was 0123456789ab…";
        t(&at("outputs/image/voxels"), "blake3:ff".into(), hash, program);
        let label = "grid ct-axial, output image, label 3: voxels was 5, is 6";
        t(&at("outputs/image/label 3/voxels"), json!(6), label, program);
        let back = "grid ct-axial, prediction back, label map onto image: unseen voxels was 0, is 7";
        t(&at("back/label map onto image/unseen voxels"), json!(7), back, program);
        t("/results", json!(3), "results was 2, is 3", "gives results number 3, but the snapshot has 2");
        let default =
            "pipeline, step 2 spacing: padding was border, is zeros (a default: the pipeline does not set it)";
        t("/resolved/steps/2 spacing/padding", "zeros".into(), default, "a default of the program");
        t("/pipeline", "blake3:bb".into(), "pipeline was aa…, is bb…", "the pipeline was changed");
    }

    #[test]
    fn what_is_new_and_what_is_gone_is_said() {
        let (was, mut is) = (document(), document());
        is["resolved"]["steps"].as_object_mut().unwrap().remove("1 orientation");
        is["grids"]["mr"] = json!({ "steps": {} });
        is["resolved"]["inputs"]["image"]["channel"] = 2.into();
        let lines = compare(&was, &is, &Value::Null).lines(9);
        assert_eq!(
            lines,
            ["pipeline, input image: channel is new: 2", "pipeline: step 1 orientation is missing", "grid mr is new"]
        );
        let verdict = compare(&was, &is, &Value::Null);
        assert_eq!(verdict.lines(1)[1], "… and 2 more");
        assert_eq!(verdict.json()[0]["is"], 2);
    }
}
