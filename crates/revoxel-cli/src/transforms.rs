//! `revoxel transforms`

mod elsewhere;

use elsewhere::elsewhere;
use revoxel_transforms::docs::{Docs, HEADINGS};
use revoxel_transforms::manual::{self, Parameter};
use revoxel_transforms::peers::Argument;
use revoxel_transforms::schemas::schema;
use revoxel_transforms::{Peer, TransformDef};
use serde_json::{Value, json};

use super::failure::{Failure, Outcome};
use super::show;
use super::table::table;

/// List the transforms, or explain one: what it does, its parameters, its inverse, and what MONAI, TorchIO and
/// nnU-Net call it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The transform to explain, by its name in revoxel, MONAI, TorchIO or nnU-Net.
    name: Option<String>,
    /// Print one JSON document instead of text.
    #[arg(long)]
    json: bool,
    /// Print all transforms with their parameters as Markdown (docs/transforms.md).
    #[arg(long, conflicts_with_all = ["name", "json"])]
    markdown: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let registry = revoxel::registry();
    if args.markdown {
        return show::text(&manual::markdown(&registry));
    }
    let Some(name) = &args.name else {
        if args.json {
            return show::json(&registry.iter().map(document).collect::<Vec<_>>());
        }
        return show::text(&list(registry.iter()));
    };
    let found = registry.get(name).map_or_else(|| registry.called(name), |own| vec![own]);
    match &found[..] {
        [] if elsewhere(name).is_some() => show::text(&format!("{name}: {}\n", elsewhere(name).unwrap_or_default())),
        [] => {
            let near = registry.closest(name).map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
            Err(Failure::usage(format!("no transform {name:?}{near}")))
        }
        [transform] if args.json => show::json(&document(transform)),
        [transform] => show::text(&people(transform)),
        several if args.json => show::json(&several.iter().copied().map(document).collect::<Vec<_>>()),
        several => show::text(&format!(
            "{name} corresponds to:\n\n{}\nRun `revoxel transforms NAME` for one of these to see how it differs.\n",
            list(several.iter().copied())
        )),
    }
}

fn list<'a>(transforms: impl Iterator<Item = &'a TransformDef>) -> String {
    let row = |t: &TransformDef| {
        let summary = Docs::of(t).summary.replace('\n', " ");
        vec![t.name.to_owned(), t.class.name().to_owned(), summary]
    };
    table(&["transform", "class", "what it does"], &transforms.map(row).collect::<Vec<_>>())
}

fn document(transform: &TransformDef) -> Value {
    let docs = Docs::of(transform);
    let sections: serde_json::Map<String, Value> = docs.sections.into_iter().map(|(h, t)| (h, t.into())).collect();
    json!({
        "name": transform.name,
        "class": transform.class.name(),
        "summary": docs.summary,
        "sections": sections,
        "peers": transform.peers.iter().map(peer).collect::<Vec<_>>(),
        "parameters": schema(transform).0.get("properties").cloned().unwrap_or_else(|| json!({})),
    })
}

/// What another program calls a transform, with its arguments and the parameters that they become.
fn peer(peer: &Peer) -> Value {
    let argument = |argument: Argument| {
        let mut entry = json!({ "theirs": argument.theirs(), "ours": argument.ours() });
        if let Argument::Fixed(_, value) = argument {
            entry["only"] = serde_json::from_str(value).unwrap_or_default();
        }
        entry
    };
    let always = peer.always.iter().map(|(name, value)| {
        let value: Value = serde_json::from_str(value).unwrap_or_default();
        ((*name).to_owned(), value)
    });
    json!({
        "program": peer.program.name(),
        "name": peer.name,
        "arguments": peer.arguments().map(argument).collect::<Vec<_>>(),
        "always": always.collect::<serde_json::Map<_, _>>(),
        "ignored": peer.ignored.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        "imported": peer.imported,
        "notes": peer.notes,
    })
}

fn people(transform: &TransformDef) -> String {
    let docs = Docs::of(transform);
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
