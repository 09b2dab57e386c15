//! `${name}` from `vars:`, and `--set a.b=v`.

use crate::error::{Fault, Place};
use crate::node::{Data, Key, Node};
use crate::yaml;

/// Sets values by path, such as `steps.1.spacing.pixdim=[2, 2, 2]`; values are YAML.
pub(crate) fn set(document: &mut Node, assignments: &[String]) -> Result<(), Fault> {
    for assignment in assignments {
        let fault = |problem: String| Fault::new(Place::default(), format!("set {assignment}: {problem}"));
        let (path, value) = assignment.split_once('=').ok_or_else(|| fault("expected path=value".to_owned()))?;
        let text = value;
        let value = yaml::parse(text).map_err(|f| match text.contains('{') {
            true => fault(f.problem).help(quotes(path, text)),
            false => fault(f.problem),
        })?;
        let segments: Vec<&str> = path.trim().split('.').collect();
        let (last, parents) = segments.split_last().unwrap_or((&"", &[]));
        // A path is never a map.
        if ["path", "trace"].contains(last) && value.placeholder().is_some() {
            return Err(fault("braces begin a map in YAML, and a path is text".to_owned()).help(quotes(path, text)));
        }
        // A list of cases may be given to a pipeline that has none.
        if let ["cases"] = parents
            && document.child("cases").is_none()
            && let Data::Map(map) = &mut document.data
        {
            let place = document.place;
            map.push((Key { place, name: "cases".to_owned() }, Node { place, data: Data::Map(Vec::new()) }));
        }
        let mut node = &mut *document;
        for segment in parents {
            node = node
                .child_mut(segment)
                .ok_or_else(|| fault(format!("the pipeline has no {segment:?} at this path{}", counted(path))))?;
        }
        let place = node.place;
        if let Some(child) = node.child_mut(last) {
            child.data = value.data;
        } else if let Data::Map(map) = &mut node.data {
            map.push((Key { place, name: (*last).to_owned() }, Node { place, data: value.data }));
        } else {
            return Err(fault(format!("the pipeline has no {last:?} at this path{}", counted(path))));
        }
    }
    Ok(())
}

/// How a value with braces is typed: in quotes for YAML, and all of it in other quotes for the shell.
fn quotes(path: &str, value: &str) -> String {
    format!(
        "braces begin a map in YAML: put a text with braces in quotes, --set '{}=\"{}\"'",
        path.trim(),
        value.trim()
    )
}

/// How the steps of a path are counted.
fn counted(path: &str) -> &'static str {
    if path.trim_start().starts_with("steps.") { "; steps are counted from 0 here" } else { "" }
}

/// Replaces `${name}` by the values of `vars:` everywhere else in the document.
pub(crate) fn variables(document: &mut Node) -> Result<(), Fault> {
    let vars: Vec<(String, Node)> = match document.child("vars").map(|v| &v.data) {
        Some(Data::Map(map)) => map.iter().map(|(k, v)| (k.name.clone(), v.clone())).collect(),
        _ => Vec::new(),
    };
    if let Data::Map(map) = &mut document.data {
        for (_, value) in map.iter_mut().filter(|(k, _)| k.name != "vars") {
            replace(value, &vars)?;
        }
    }
    Ok(())
}

fn replace(node: &mut Node, vars: &[(String, Node)]) -> Result<(), Fault> {
    match &mut node.data {
        Data::List(list) => list.iter_mut().try_for_each(|n| replace(n, vars)),
        Data::Map(map) => map.iter_mut().try_for_each(|(_, n)| replace(n, vars)),
        Data::Text(text) if text.contains("${") => {
            let place = node.place;
            node.data = expand(text, vars, place)?;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A text that is one variable becomes its value, of whatever type; inside other text it becomes text.
fn expand(text: &str, vars: &[(String, Node)], place: Place) -> Result<Data, Fault> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else {
            return Err(Fault::new(place, format!("{text:?}: \"${{\" without \"}}\"")));
        };
        let name = &rest[start + 2..start + length];
        let value = vars.iter().find(|(n, _)| n == name).map(|(_, v)| v).ok_or_else(|| {
            Fault::new(place, format!("there is no variable {name:?} in vars:"))
                .meant(name, vars.iter().map(|(n, _)| n.as_str()))
        })?;
        if start == 0 && length + 1 == text.len() {
            return Ok(value.data.clone());
        }
        out.push_str(&rest[..start]);
        match &value.data {
            Data::Text(text) => out.push_str(text),
            Data::Number(number) => out.push_str(&number.to_string()),
            Data::Bool(value) => out.push_str(&value.to_string()),
            _ => {
                return Err(Fault::new(
                    place,
                    format!("the variable {name:?} is a list or a map: it cannot be part of a text"),
                ));
            }
        }
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    Ok(Data::Text(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_keep_their_type_and_can_be_set() {
        let mut document =
            yaml::parse("vars: { size: [1, 2], name: x, n: 3 }\na: ${size}\nb: ${name}-${n}.nii\n").unwrap();
        set(&mut document, &["vars.size=[4, 5, 6]".to_owned(), "c=7".to_owned()]).unwrap();
        variables(&mut document).unwrap();
        let json = document.json();
        assert_eq!((&json["a"], &json["b"], &json["c"]), (&serde_json::json!([4, 5, 6]), &"x-3.nii".into(), &7.into()));
    }

    #[test]
    fn unknown_variables_and_paths_are_faults() {
        let mut document = yaml::parse("vars: { spacing: 1 }\na: [0, \"${spacin}\"]\n").unwrap();
        let fault = variables(&mut document).unwrap_err();
        assert_eq!((fault.place.line, fault.place.column), (2, 8));
        assert_eq!(fault.help.as_deref(), Some("did you mean \"spacing\"?"));
        assert!(set(&mut document, &["x.y=1".to_owned()]).is_err());
        assert!(set(&mut document, &["a.9=1".to_owned()]).is_err());
        assert!(set(&mut document, &["a".to_owned()]).is_err());
    }
}
