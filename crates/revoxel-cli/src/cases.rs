//! `revoxel cases`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use revoxel_pipeline::Pipeline;
use revoxel_runner::dataset::Case;
use serde_json::{Map, Value, json};

use super::failure::{Failure, Outcome};
use super::pipeline_file::load;
use super::table::table;
use super::{chosen, show};

/// What follows the options in the help.
const AFTER_HELP: &str = "\
The table of --csv and the document of --json can be given to a pipeline as `cases: { from: FILE }`.

Examples:
  revoxel cases pipeline.yaml --data data
  revoxel cases pipeline.yaml --data data --csv > data/cases.csv";

/// List the cases of a dataset, with the files that each input would be read from.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The pipeline file.
    pipeline: PathBuf,
    /// Folder that input paths are relative to.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    chosen: chosen::Args,
    /// Set a value of the pipeline, such as cases.split=test; repeatable.
    #[arg(long = "set", help_heading = "Pipeline", value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Print a CSV table instead of text.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Print one JSON document instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut pipeline = load(&args.pipeline, &args.set)?;
    let cases = args.chosen.discover(&mut pipeline, &args.data, None)?;
    let cases = args.chosen.select(cases, &args.data)?;
    let listing = Listing::of(&pipeline, &args.data, &cases);
    match (args.json, args.csv) {
        (true, _) => show::json(&listing.document())?,
        (_, true) => show::text(&listing.csv()?)?,
        _ => show::text(&listing.people())?,
    }
    let problems: Vec<String> = cases.iter().flat_map(problems).collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{} cannot run:\n{}",
        show::counted(cases.iter().filter(|c| !ready(c)).count(), "case"),
        problems.join("\n")
    )))
}

fn ready(case: &Case) -> bool {
    case.missing.is_empty() && case.problems.is_empty()
}

/// What keeps a case from being run.
fn problems(case: &Case) -> Vec<String> {
    let missing = case.missing.iter().map(|(key, path)| format!("missing input: {key} ({})", path.display()));
    let all = case.problems.iter().cloned().chain(missing);
    all.map(|problem| format!("case {}: {problem}", case.name)).collect()
}

struct Listing<'a> {
    pipeline: &'a Pipeline,
    data: &'a Path,
    cases: &'a [Case],
    /// The placeholders of the paths, other than those that cases have anyway.
    fields: Vec<&'a str>,
    /// The inputs of which a DICOM series is named, besides its folder.
    series: BTreeSet<&'a str>,
}

/// What the column of an input's series is called.
fn column_of_series(key: &str) -> String {
    format!("{key}.series")
}

impl<'a> Listing<'a> {
    fn of(pipeline: &'a Pipeline, data: &'a Path, cases: &'a [Case]) -> Self {
        let all: BTreeSet<&str> = cases.iter().flat_map(|case| case.name.fields.keys()).map(String::as_str).collect();
        let fields = all.into_iter().filter(|name| pipeline.input(name).is_none()).collect();
        let series = cases.iter().flat_map(|case| case.series.keys()).map(String::as_str).collect();
        Self { pipeline, data, cases, fields, series }
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.pipeline.inputs.iter().map(|input| input.key.as_str())
    }

    fn files(&self, case: &Case, key: &str) -> Vec<String> {
        let relative = |path: &PathBuf| match path.strip_prefix(self.data).unwrap_or(path) {
            whole if whole.as_os_str().is_empty() => ".".to_owned(),
            path => path.to_string_lossy().into_owned(),
        };
        case.files(key).map(relative).collect()
    }

    fn head(&self) -> Vec<String> {
        let of_key = |key: &str| {
            let series = self.series.contains(key).then(|| column_of_series(key));
            [key.to_owned()].into_iter().chain(series).collect::<Vec<_>>()
        };
        let fields = self.fields.iter().map(|field| (*field).to_owned());
        ["case".to_owned()].into_iter().chain(fields).chain(self.keys().flat_map(of_key)).collect()
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let row = |case: &Case| {
            let fields = self.fields.iter().map(|name| case.name.fields.get(*name).cloned().unwrap_or_default());
            let files = self.keys().flat_map(|key| {
                let uid = case.series.get(key).map(|own| own.uid.clone()).unwrap_or_default();
                let series = self.series.contains(key).then_some(uid);
                [self.files(case, key).join(";")].into_iter().chain(series).collect::<Vec<_>>()
            });
            [case.name.case.clone()].into_iter().chain(fields).chain(files).collect()
        };
        self.cases.iter().map(row).collect()
    }

    fn people(&self) -> String {
        let rows = self.rows();
        let head = self.head();
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        format!("{}{}\n", table(&head, &rows), show::counted(rows.len(), "case"))
    }

    fn csv(&self) -> Result<String, Failure> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.head()).map_err(Failure::work)?;
        let names = self.cases.iter().flat_map(|case| self.keys().flat_map(|key| self.files(case, key)));
        if let Some(name) = names.into_iter().find(|name| name.contains(';')) {
            return Err(Failure::usage(format!("{name}: `;` stands between files in a table: use --json")));
        }
        for row in self.rows() {
            // Blanks around a cell do not count where it is read.
            if let Some(cell) = row[..=self.fields.len()].iter().find(|cell| cell.trim().len() < cell.len()) {
                return Err(Failure::usage(format!("{cell:?} begins or ends with a blank: use --json")));
            }
            writer.write_record(row).map_err(Failure::work)?;
        }
        let bytes = writer.into_inner().map_err(|e| Failure::work(e.to_string()))?;
        String::from_utf8(bytes).map_err(Failure::work)
    }

    fn document(&self) -> Value {
        let one = |case: &Case| {
            let mut entry = Map::from_iter([("case".to_owned(), Value::from(case.name.case.as_str()))]);
            for name in &self.fields {
                entry.extend(case.name.fields.get(*name).map(|value| ((*name).to_owned(), value.as_str().into())));
            }
            for key in self.keys() {
                let mut files = self.files(case, key);
                match files.len() {
                    0 => {}
                    1 => drop(entry.insert(key.to_owned(), files.remove(0).into())),
                    _ => drop(entry.insert(key.to_owned(), files.into())),
                }
                let uid = case.series.get(key).map(|own| (column_of_series(key), own.uid.as_str().into()));
                entry.extend(uid);
            }
            entry
        };
        let problems: Vec<Value> = self
            .cases
            .iter()
            .flat_map(|case| problems(case).into_iter().map(|p| json!({ "case": case.name.to_string(), "problem": p })))
            .collect();
        let mut all = json!({ "cases": self.cases.iter().map(one).collect::<Vec<_>>(), "problems": problems });
        // A list that is given back declares what its source declared.
        let declared = self.pipeline.inputs.iter().find(|input| input.labels_from.is_some());
        if let Some(labels) = declared.and_then(|input| self.pipeline.labels_as_written(&input.key)) {
            all["labels"] = labels.clone();
        }
        all
    }
}
