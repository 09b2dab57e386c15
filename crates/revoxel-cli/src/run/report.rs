//! What is said of a run when it has ended.

use std::path::Path;

use revoxel_pipeline::CaseName;
use revoxel_resample::NonFinite;
use revoxel_runner::case::Done;
use revoxel_runner::engine::Vanished;
use revoxel_runner::executor;
use revoxel_runner::non_finite::Note;
use revoxel_runner::preflight::{Checked, Refused};
use serde_json::{Value, json};

use super::super::{flags, show};

/// What became of the cases, as JSON.
pub(super) fn report(checked: &[Checked], outcomes: &[executor::Outcome], refused: &[Refused], out: &Path) -> Value {
    let checked = checked.iter().zip(outcomes).map(|(checked, outcome)| {
        let said = match outcome {
            executor::Outcome::Done(done) => match &done.skipped {
                Some(why) => json!({ "outcome": "skipped", "problem": why }),
                None => ran(done),
            },
            executor::Outcome::Failed(problem) => json!({ "outcome": "failed", "problem": flags::of_case(problem) }),
            executor::Outcome::NotRun => json!({ "outcome": "not_run" }),
        };
        of_case(&checked.case.name, said)
    });
    let refused =
        refused.iter().map(|r| of_case(&r.case, json!({ "outcome": "failed", "problem": flags::of_case(&r.problem) })));
    json!({ "out": out, "cases": checked.chain(refused).collect::<Vec<_>>() })
}

/// What is said of a case that ran.
fn ran(done: &Done) -> Value {
    let mut said = json!({
        "outcome": "done",
        "seconds": done.time.as_secs_f64(),
        "files": done.files,
        "dropped": done.dropped,
        "vanished": done.vanished.iter().map(vanished).collect::<Vec<_>>(),
    });
    if !done.non_finite.is_empty() {
        let note = |note: &Note| {
            let NonFinite { nan, infinite, index, channel, place, .. } = &note.found;
            let first = json!({ "index": index, "channel": channel, "ras": place });
            let what = note.replaced_by.map_or("keep".into(), Value::from);
            (note.key.clone(), json!({ "nan": nan, "infinite": infinite, "first": first, "non_finite": what }))
        };
        said["non_finite"] = done.non_finite.iter().map(note).collect::<serde_json::Map<_, _>>().into();
    }
    said
}

/// A label that is gone, with the key of its map in front.
fn vanished(label: &Vanished) -> Value {
    let mut all = json!({ "key": label.key });
    if let (Value::Object(all), Value::Object(said)) = (&mut all, revoxel_runner::vanished::json(&label.gone)) {
        all.extend(said);
    }
    all
}

/// What is said of a case, with its name in front.
pub(super) fn of_case(name: &CaseName, said: Value) -> Value {
    let mut all = json!({ "case": name.case });
    if let (Value::Object(all), Value::Object(said)) = (&mut all, said) {
        all.extend(name.copy.map(|copy| ("copy".to_owned(), copy.into())));
        all.extend(said);
    }
    all
}

/// Says what became of the cases.
pub(super) fn people(summary: &Value, checked: &[Checked], outcomes: &[executor::Outcome], refused: &[Refused]) {
    let count = |name: &str| {
        let cases = summary["cases"].as_array().into_iter().flatten();
        cases.filter(|c| c["outcome"] == name).count()
    };
    for (checked, outcome) in checked.iter().zip(outcomes) {
        if let executor::Outcome::Done(done) = outcome
            && let Some(why) = &done.skipped
        {
            say!("case {}: {why}", checked.case.name);
        }
    }
    for refused in refused {
        say!("case {}: {}", refused.case, flags::of_case(&refused.problem));
    }
    let parts = [("done", "done"), ("skipped", "skipped"), ("failed", "failed"), ("not_run", "not run")];
    let parts: Vec<String> =
        parts.iter().filter(|(k, _)| count(k) > 0).map(|(k, n)| format!("{} {n}", count(k))).collect();
    let cases = show::counted(summary["cases"].as_array().map_or(0, Vec::len), "case");
    say!("{cases}: {}", if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") });
}
