//! The labels that a `dataset.json` declares: `name: label` in nnU-Net v2, `label: name` in nnU-Net v1 and the Medical
//! Segmentation Decathlon.

use serde_json::{Map, Value, json};

/// The labels of a document by their names, each with its label or a list of labels; `None` if it declares none.
pub(super) fn declared(document: &Map<String, Value>) -> Option<Result<Map<String, Value>, String>> {
    // Datalists may have names without labels there, or none.
    let labels = document.get("labels")?.as_object().filter(|labels| !labels.is_empty())?;
    let v2 = ["channel_names", "file_ending"].iter().any(|field| document.contains_key(*field));
    Some(read(labels, v2))
}

fn read(labels: &Map<String, Value>, v2: bool) -> Result<Map<String, Value>, String> {
    let mut read: Map<String, Value> = Map::new();
    for (key, value) in labels {
        if key == "ignore" && value.is_null() {
            continue;
        }
        let Some((name, mut all)) = entry(key, value, v2) else {
            return Err(format!(
                "labels: {key:?}: {value}: expected names with their labels, such as {{ \"liver\": 1 }}, or labels with \
                 their names, such as {{ \"1\": \"liver\" }}"
            ));
        };
        // In the older form several labels may have one name.
        let before = read.get(&name).and_then(Value::as_array).cloned().unwrap_or_default();
        all.splice(0..0, before.iter().filter_map(Value::as_i64));
        read.insert(name, json!(all));
    }
    Ok(read)
}

/// A name and its labels.
fn entry(key: &str, value: &Value, v2: bool) -> Option<(String, Vec<i64>)> {
    let by_label = || Some((value.as_str()?.to_owned(), vec![in_range(key.trim().parse().ok()?)?]));
    let by_name = || {
        let all = match value {
            Value::Array(all) if !all.is_empty() => all.iter().map(whole).collect::<Option<Vec<i64>>>()?,
            one => vec![whole(one)?],
        };
        Some((key.to_owned(), all))
    };
    // Both fit a text of digits under another.
    if v2 { by_name().or_else(by_label) } else { by_label().or_else(by_name) }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(n) => n.as_i64().or_else(|| n.as_f64().filter(|x| x.fract() == 0.0).map(|x| x as i64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .and_then(in_range)
}

/// What every voxel type of labels can be asked for exactly.
fn in_range(label: i64) -> Option<i64> {
    (label.unsigned_abs() < 1 << 32).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let t = |document: &str, expected: &str| {
            let document: Map<String, Value> = serde_json::from_str(document).unwrap();
            let found = match declared(&document) {
                None => "none".to_owned(),
                Some(Ok(labels)) => Value::from(labels).to_string(),
                Some(Err(problem)) => problem,
            };
            assert!(found.contains(expected), "{expected}: {found}");
        };
        let v2 = |labels: &str| format!("{{\"file_ending\": \".nii\", \"labels\": {labels}}}");
        let v1 = |labels: &str| format!("{{\"training\": [], \"labels\": {labels}}}");
        t(&v2("{\"background\": 0, \"liver\": 1}"), "{\"background\":[0],\"liver\":[1]}");
        t(&v2("{\"background\": \"0\", \"all\": [1, \"2\"], \"ignore\": null}"), "{\"background\":[0],\"all\":[1,2]}");
        t(&v2("{\"1\": \"2\"}"), "{\"1\":[2]}");
        t(&v2("{\"0\": \"background\", \"1\": \"liver\"}"), "{\"background\":[0],\"liver\":[1]}");
        t(&v1("{\"0\": \"background\", \"1\": \"liver\"}"), "{\"background\":[0],\"liver\":[1]}");
        t(&v1("{\"1\": \"2\"}"), "{\"2\":[1]}");
        t(&v1("{\"1\": \"lesion\", \"2\": \"lesion\"}"), "{\"lesion\":[1,2]}");
        t(&v1("{\"liver\": 1}"), "{\"liver\":[1]}");
        for labels in ["{}", "[]", "[\"a\"]", "\"x\""] {
            t(&v1(labels), "none");
        }
        for labels in ["{\"a\": 1.5}", "{\"a\": \"b\"}", "{\"a\": []}", "{\"a\": {}}", "{\"a\": 4294967296}"] {
            t(&v2(labels), "expected names with their labels");
            t(&v1(labels), "expected names with their labels");
        }
    }
}
