//! Outputs that the next run would take for inputs.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use revoxel_pipeline::{Pipeline, Template};

use super::Case;
use crate::places::place;

/// Cases that are looked at: their paths differ in names only.
const LOOKED_AT: usize = 3;

/// Outputs are called like inputs where both lie in one folder: the next run would take them for cases. The problem, for
/// people.
pub fn taken_next_time(pipeline: &Pipeline, cases: &[Case], data: &Path, out: &Path) -> Option<String> {
    if pipeline.cases.is_some() {
        return None;
    }
    let (data, out) = (place(data), place(out));
    for case in cases.iter().take(LOOKED_AT) {
        for output in pipeline.outputs.iter().filter(|output| case.inputs.contains_key(&output.key)) {
            let path = out.join(output.path.path(&case.name));
            let Ok(relative) = path.strip_prefix(&data) else { continue };
            let is_input = |path: &Path| case.inputs.values().any(|input| place(input) == path);
            for (input, template) in pipeline.inputs.iter().flat_map(|i| i.paths().map(move |path| (i, path))) {
                if (template.has_case() || template.has_any()) && fits(template, relative) && !is_input(&path) {
                    return Some(format!(
                        "case {}: {} lies in the data folder and is called like the input {} ({}), so the next run would \
                         take it for one: use another folder for --out, or another name",
                        case.name,
                        path.display(),
                        input.key,
                        template.text()
                    ));
                }
            }
        }
    }
    None
}

/// Whether a relative path is one that a template matches.
fn fits(template: &Template, path: &Path) -> bool {
    let names: Option<Vec<&str>> = path
        .components()
        .map(|component| match component {
            Component::Normal(name) => name.to_str(),
            _ => None,
        })
        .collect();
    let Some(names) = names else { return false };
    template.variants().iter().any(|components| {
        let mut known = BTreeMap::new();
        components.len() == names.len()
            && components.iter().zip(&names).all(|(component, name)| {
                let found = Template::match_component(component, name, &known);
                found.map(|found| known.extend(found)).is_some()
            })
    })
}
