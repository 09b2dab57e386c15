//! `revoxel transforms`

use revoxel_transforms::docs::{Docs, HEADINGS};
use revoxel_transforms::manual::{self, Parameter};
use revoxel_transforms::{Registry, TransformDef};
use schemars::SchemaGenerator;
use serde_json::{Value, json};

use super::failure::{Failure, Outcome};
use super::show;
use super::table::table;

/// List the transforms, or explain one: what it does, its parameters, its inverse, and what MONAI, TorchIO and
/// nnU-Net call it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The transform to explain, by its name here or by that of MONAI, TorchIO or nnU-Net.
    name: Option<String>,
    /// One JSON document instead of text.
    #[arg(long)]
    json: bool,
    /// All of them with their parameters, as a page of Markdown (docs/transforms.md).
    #[arg(long, conflicts_with_all = ["name", "json"])]
    markdown: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let registry = Registry::builtin();
    if args.markdown {
        return show::text(&manual::markdown(&registry));
    }
    let Some(name) = &args.name else {
        if args.json {
            return show::json(&registry.iter().map(document).collect::<Vec<_>>());
        }
        return show::text(&list(registry.iter()));
    };
    let found = registry.get(name).map_or_else(|| manual::called(&registry, name), |own| vec![own]);
    match &found[..] {
        [] if elsewhere(name).is_some() => show::text(&format!("{name}: {}\n", elsewhere(name).unwrap_or_default())),
        [] => {
            let near = registry.closest(name).map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
            Err(Failure::usage(format!("there is no transform {name:?}{near}")))
        }
        [transform] if args.json => show::json(&document(transform)),
        [transform] => show::text(&people(transform)),
        several if args.json => show::json(&several.iter().copied().map(document).collect::<Vec<_>>()),
        several => show::text(&format!(
            "{name} is what others call, or nearly:\n\n{}\n`revoxel transforms NAME` with one of these explains it, and \
             says how it differs.\n",
            list(several.iter().copied())
        )),
    }
}

/// What of the peers is no step here, and where it is. Any case, and with MONAI's `d` or `Dict` behind it.
const ELSEWHERE: [(&str, &str); 15] = [
    ("Invert", "every step is recorded, and `revoxel invert TRACE PREDICTION -o FILE` brings a prediction back"),
    ("MeanEnsemble", "`revoxel invert TRACE PREDICTION PREDICTION … -o FILE` averages predictions on the way back"),
    ("VoteEnsemble", "`revoxel invert TRACE LABELS LABELS … -o FILE` lets label maps vote on the way back"),
    ("Ensemble", "`revoxel invert TRACE PREDICTION PREDICTION … -o FILE` takes predictions together on the way back"),
    ("LoadImage", "files are read as `inputs` of a pipeline; there is no step for it"),
    ("SaveImage", "files are written as `outputs` of a pipeline; there is no step for it"),
    ("EnsureChannelFirst", "channels are always apart from the axes of space; there is nothing to do"),
    ("EnsureType", "an output's `dtype` says in which type it is written"),
    ("To", "an output's `dtype` says in which type it is written"),
    ("FgBgToIndices", "`rand_crop_by_pos_neg_label` looks for its voxels itself, and `image` narrows the background"),
    ("ClassesToIndices", "`rand_crop_by_label_classes` looks for its voxels itself, and `image` narrows the classes"),
    ("NoNormalization", "there is nothing to do: leave the step out"),
    ("DefaultPreprocessor", "`revoxel import nnunet plans.json` writes its steps as a pipeline"),
    ("resample_data_or_seg_to_shape", "`spacing` with `rule: nnunet`, as `revoxel import nnunet` writes it"),
    ("Compose", "the list `steps` of a pipeline"),
];

/// Where something of a peer is that is no step here.
fn elsewhere(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let is = |known: &str| {
        let known = known.to_lowercase();
        name.strip_prefix(&known).is_some_and(|rest| ["", "d", "dict"].contains(&rest))
    };
    ELSEWHERE.into_iter().find(|(known, _)| is(known)).map(|(_, what)| what)
}

fn list<'a>(transforms: impl Iterator<Item = &'a TransformDef>) -> String {
    let row = |t: &TransformDef| {
        let summary = Docs::of(t.source).summary.replace('\n', " ");
        vec![t.name.to_owned(), t.class.name().to_owned(), summary]
    };
    table(&["transform", "class", "what it does"], &transforms.map(row).collect::<Vec<_>>())
}

fn document(transform: &TransformDef) -> Value {
    let docs = Docs::of(transform.source);
    let sections: serde_json::Map<String, Value> = docs.sections.into_iter().map(|(h, t)| (h, t.into())).collect();
    json!({
        "name": transform.name,
        "class": transform.class.name(),
        "summary": docs.summary,
        "sections": sections,
        "parameters": parameters(transform),
    })
}

fn people(transform: &TransformDef) -> String {
    let docs = Docs::of(transform.source);
    let mut text = format!("{} ({})\n{}\n", transform.name, transform.class.name(), docs.summary);
    for heading in HEADINGS {
        text.push_str(&format!("\n{heading}\n{}\n", indented(docs.section(heading).unwrap_or_default())));
        if heading == "YAML" {
            text.push_str("\nParameters\n");
            for Parameter { name, values, default, required, about } in manual::parameters(transform) {
                let default = default.map(|d| format!(" [default: {d}]")).unwrap_or_default();
                let required = if required { " [required]" } else { "" };
                let values = values.replace('`', "");
                text.push_str(&format!("  {name} ({values}): {about}{default}{required}\n"));
            }
        }
    }
    text
}

fn indented(text: &str) -> String {
    let lines = text.lines().filter(|l| !l.starts_with("```"));
    lines.map(|l| if l.is_empty() { String::new() } else { format!("  {l}") }).collect::<Vec<_>>().join("\n")
}

/// The parameters with their schemas, in the order of the type.
fn parameters(transform: &TransformDef) -> serde_json::Map<String, Value> {
    let mut generator = SchemaGenerator::default();
    let schema = (transform.schema)(&mut generator).to_value();
    let name = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.rsplit('/').next()).unwrap_or_default();
    let properties = generator.definitions().get(name).and_then(|d| d.get("properties")).and_then(Value::as_object);
    properties.cloned().unwrap_or_default()
}
