//! `revoxel score`

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use revoxel_runner::files::write_text;
use revoxel_runner::places::Places;
use revoxel_runner::score::{Pairs, Row, Scored, Scoring, Spread, pairs, pairs_of_run, score};
use serde_json::{Value, json};

use super::compare::share;
use super::failure::{Failure, Outcome};
use super::progress::progress;
use super::show;
use super::table::table;

/// What follows the options in the help.
const AFTER_HELP: &str = "\
A folder names a case by its file (CASE.nii.gz) or, if all files have one name, by their folder (CASE/label.nii.gz). \
With --run, the references are the label maps that the run read; they must not have changed since. \
Pieces are connected voxels of a label: found if the result has one voxel of it, made up if only the result has it. \
Exit code 1 if a case could not be scored or a mean is below a threshold.

Examples:
  revoxel score restored --run preprocessed
  revoxel score restored --reference data/labels
  revoxel score \"restored/{case}/seg.nii.gz\" --reference \"data/labels/{case}.nii.gz\" --csv scores.csv --min-dice 0.8";

/// Score label maps against references, case by case and label by label: Dice, surface distances, volumes, and connected
/// pieces that were found or missed.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The label maps to score: a folder, or a path with {case}.
    results: PathBuf,
    /// The reference label maps: a folder, or a path with {case}.
    #[arg(long, value_name = "DIR", conflicts_with = "run", required_unless_present = "run")]
    reference: Option<PathBuf>,
    /// The output folder of `run`: the references are the label maps that it read.
    #[arg(long, value_name = "OUT")]
    run: Option<PathBuf>,
    /// With --run: the label input to compare with [default: the only one].
    #[arg(long, value_name = "NAME", requires = "run")]
    key: Option<String>,
    /// With --run: the data folder, if it is not where it was when the run started, or the run had a single case.
    #[arg(long, value_name = "DIR", requires = "run")]
    data: Option<PathBuf>,
    /// Tolerance of the surface Dice (NSD), in mm.
    #[arg(long, value_name = "MM", default_value_t = 1.0)]
    tolerance_mm: f64,
    /// Fail if the mean Dice of a label is below this, or if there is no label.
    #[arg(long, value_name = "DICE", value_parser = share)]
    min_dice: Option<f64>,
    /// Also write a table of all cases and labels.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Replace an existing table.
    #[arg(long)]
    overwrite: bool,
    /// Print one JSON document instead of text.
    #[arg(long)]
    json: bool,
}

/// The numbers of a row that are summed up, with their names.
type Numbers = [(&'static str, fn(&Row) -> Option<f64>); 5];

const NUMBERS: Numbers = [
    ("dice", |row| Some(row.label.overlap.dice())),
    ("hd95_mm", |row| row.label.surface.map(|s| s.hd95_mm)),
    ("surface_dice", |row| row.label.surface.map(|s| s.surface_dice)),
    ("volume_difference_mm3", |row| Some(row.label.volume_difference_mm3())),
    ("relative_volume_difference", |row| row.label.relative_volume_difference()),
];

/// How many of the worst cases are shown.
const WORST: usize = 5;

pub(super) fn run(args: &Args) -> Outcome {
    if !(args.tolerance_mm.is_finite() && args.tolerance_mm >= 0.0) {
        return Err(Failure::usage("--tolerance-mm: expected a number of at least 0"));
    }
    let Pairs { pairs, no_reference, no_result } = found(args)?;
    if let Some(path) = &args.csv {
        show::free(path, args.overwrite)?;
        let mut places = Places::default();
        pairs.iter().for_each(|pair| places.read(&pair.result, std::slice::from_ref(&pair.reference), "a label map"));
        places.add(path, "the table").map_err(Failure::usage)?;
    }
    let bar = progress(pairs.len(), "cases");
    let scored = score(&pairs, Scoring { tolerance_mm: args.tolerance_mm }, &|| bar.one());
    bar.end();
    let rows: Vec<&Row> = scored.iter().filter_map(|s| s.rows.as_ref().ok()).flatten().collect();
    let labels = by_label(&rows);
    let below = below(args, &labels);
    if let Some(path) = &args.csv {
        write_text(path, &csv_of(&rows)?).map_err(Failure::work)?;
    }
    for path in no_reference.iter().chain(&no_result) {
        let what = if no_reference.contains(path) { "reference" } else { "result" };
        say!("{}: no {what} for it", path.display());
    }
    let failed: Vec<(&str, &String)> =
        scored.iter().filter_map(|s| Some((s.case.as_str(), s.rows.as_ref().err()?))).collect();
    if args.json {
        show::json(&json!({
            "tolerance_mm": args.tolerance_mm,
            "cases": scored.iter().map(case_document).collect::<Vec<_>>(),
            "labels": labels.iter().map(|(key, rows)| label_document(*key, rows)).collect::<Vec<_>>(),
            "no_reference": no_reference,
            "no_result": no_result,
            "below": below,
        }))?;
    } else {
        for (case, problem) in &failed {
            say!("case {case}: {problem}");
        }
        show::text(&people(&labels, scored.len() - failed.len()))?;
        below.iter().try_for_each(|text| show::text(&format!("{text}\n")))?;
    }
    let good = failed.is_empty() && below.is_empty() && no_reference.is_empty() && no_result.is_empty();
    if good { Ok(()) } else { Err(Failure::told()) }
}

/// The results with their references.
fn found(args: &Args) -> Result<Pairs, Failure> {
    let (found, references) = match (&args.run, &args.reference) {
        (Some(out), _) => {
            let found = pairs_of_run(&args.results, out, args.data.as_deref(), args.key.as_deref());
            (found.map_err(Failure::usage)?, format!("the cases of {}", out.display()))
        }
        (None, Some(reference)) => {
            (pairs(&args.results, reference).map_err(Failure::usage)?, reference.display().to_string())
        }
        (None, None) => return Err(Failure::usage("missing references: pass --reference DIR or --run OUT")),
    };
    if found.pairs.is_empty() {
        let results = args.results.display();
        return Err(Failure::usage(format!(
            "no file of {results} has the name of one of {references}: write paths with {{case}} to say which belong \
             together"
        )));
    }
    Ok(found)
}

/// The rows of each label of each channel.
pub(super) fn by_label<'a>(rows: &[&'a Row]) -> BTreeMap<(usize, i128), Vec<&'a Row>> {
    let mut all: BTreeMap<(usize, i128), Vec<&Row>> = BTreeMap::new();
    for row in rows {
        all.entry((row.label.channel, row.label.label)).or_default().push(row);
    }
    all
}

fn below(args: &Args, labels: &BTreeMap<(usize, i128), Vec<&Row>>) -> Vec<String> {
    let Some(least) = args.min_dice else { return Vec::new() };
    if labels.is_empty() {
        return vec!["no label was compared, so that --min-dice says nothing".to_owned()];
    }
    let mean = |rows: &[&Row]| Spread::of(rows.iter().map(|row| row.label.overlap.dice())).map(|spread| spread.mean);
    let low =
        labels.iter().filter_map(|((_, label), rows)| Some((label, mean(rows)?))).filter(|(_, mean)| *mean < least);
    low.map(|(label, mean)| format!("label {label}: the mean Dice {mean:.4} is below --min-dice {least}")).collect()
}

fn several_channels(labels: &BTreeMap<(usize, i128), Vec<&Row>>) -> bool {
    labels.keys().map(|(channel, _)| channel).collect::<BTreeSet<_>>().len() > 1
}

fn name((channel, label): (usize, i128), several: bool) -> String {
    if several { format!("{channel}:{label}") } else { label.to_string() }
}

pub(super) fn people(labels: &BTreeMap<(usize, i128), Vec<&Row>>, cases: usize) -> String {
    let several = several_channels(labels);
    let shown = |rows: &[&Row], of: fn(&Row) -> Option<f64>, digits: usize| {
        let spread = Spread::of(rows.iter().filter_map(|row| of(row)));
        spread.map_or_else(|| "-".to_owned(), |s| format!("{:.digits$} ± {:.digits$}", s.mean, s.sd))
    };
    let row = |(key, rows): (&(usize, i128), &Vec<&Row>)| {
        let sum = |of: fn(&Row) -> usize| rows.iter().map(|row| of(row)).sum::<usize>();
        let worst = rows.iter().min_by(|a, b| a.label.overlap.dice().total_cmp(&b.label.overlap.dice()));
        let worst = worst.map_or_else(String::new, |row| format!("{:.4} {}", row.label.overlap.dice(), row.case));
        vec![
            name(*key, several),
            rows.len().to_string(),
            shown(rows, NUMBERS[0].1, 4),
            shown(rows, NUMBERS[1].1, 2),
            shown(rows, NUMBERS[2].1, 4),
            shown(rows, NUMBERS[3].1, 1),
            format!("{}/{}", sum(|r| r.pieces.b_found), sum(|r| r.pieces.b)),
            sum(|r| r.pieces.a - r.pieces.a_found).to_string(),
            worst,
        ]
    };
    let head = ["label", "cases", "Dice", "HD95 mm", "NSD", "volume ± mm³", "pieces found", "made up", "lowest Dice"];
    let rows: Vec<Vec<String>> = labels.iter().map(row).collect();
    format!("{}{} scored; mean ± standard deviation\n", table(&head, &rows), show::counted(cases, "case"))
}

pub(super) fn csv_of(rows: &[&Row]) -> Result<String, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let counts = ["pieces", "pieces_found", "pieces_made_up"];
    let head = ["case", "channel", "label"].into_iter().chain(NUMBERS.iter().map(|(name, _)| *name));
    let head = head.chain(["mm3", "reference_mm3"]).chain(counts);
    writer.write_record(head).map_err(Failure::work)?;
    for row in rows {
        let numbers = NUMBERS.iter().map(|(_, of)| of(row).map_or_else(String::new, |number| number.to_string()));
        let place = [row.case.clone(), row.label.channel.to_string(), row.label.label.to_string()];
        let rest = [row.label.mm3[0].to_string(), row.label.mm3[1].to_string()];
        let pieces =
            [row.pieces.b, row.pieces.b_found, row.pieces.a - row.pieces.a_found].map(|count| count.to_string());
        writer.write_record(place.into_iter().chain(numbers).chain(rest).chain(pieces)).map_err(Failure::work)?;
    }
    let bytes = writer.into_inner().map_err(|e| Failure::work(e.to_string()))?;
    String::from_utf8(bytes).map_err(Failure::work)
}

pub(super) fn row_document(row: &Row) -> Value {
    let mut document = json!({
        "channel": row.label.channel,
        "label": show::label(row.label.label),
        "mm3": row.label.mm3[0],
        "reference_mm3": row.label.mm3[1],
        "pieces": row.pieces.b,
        "pieces_found": row.pieces.b_found,
        "pieces_made_up": row.pieces.a - row.pieces.a_found,
    });
    for (name, of) in NUMBERS {
        document[name] = of(row).into();
    }
    document
}

fn case_document(scored: &Scored) -> Value {
    match &scored.rows {
        Ok(rows) => json!({ "case": scored.case, "labels": rows.iter().map(row_document).collect::<Vec<_>>() }),
        Err(problem) => json!({ "case": scored.case, "problem": problem }),
    }
}

pub(super) fn label_document((channel, label): (usize, i128), rows: &[&Row]) -> Value {
    let mut document = json!({ "channel": channel, "label": show::label(label), "cases": rows.len() });
    for (name, of) in NUMBERS {
        let spread = Spread::of(rows.iter().filter_map(|row| of(row)));
        document[name] = spread.map_or(
            Value::Null,
            |s| json!({ "cases": s.cases, "mean": s.mean, "sd": s.sd, "median": s.median, "min": s.min, "max": s.max }),
        );
    }
    let mut worst: Vec<&&Row> = rows.iter().collect();
    worst.sort_by(|a, b| a.label.overlap.dice().total_cmp(&b.label.overlap.dice()));
    document["worst"] = worst.iter().take(WORST).map(|row| row.case.as_str()).collect();
    document
}
