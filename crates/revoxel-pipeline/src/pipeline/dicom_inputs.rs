//! The inputs of cases that are DICOM series.

use revoxel_core::Kind;

use crate::cases::Grouping;
use crate::error::Fault;
use crate::model::Input;
use crate::node::Node;

/// Refuses inputs whose place is not said by the series of a case: with a path, labels of no series, or several that
/// would all be the same series.
pub(super) fn check(group: Grouping, inputs: &[Input], document: &Node) -> Result<(), Fault> {
    let fault = |key: &str, field: &str, problem: String| {
        let of_key = ["inputs", key].map(str::to_owned);
        let field_of: Vec<String> = of_key.iter().cloned().chain([field.to_owned()]).collect();
        let place = match field {
            "" => document.locate(&of_key, true),
            _ => document.locate(&field_of, true),
        };
        Fault::new(place, format!("inputs.{key}: {problem}"))
    };
    let has = |key: &str, field: &str| {
        ["inputs", key, field].iter().try_fold(document, |node, segment| node.child(segment)).is_some()
    };
    let mut first: Option<&str> = None;
    for input in inputs {
        let key = input.key.as_str();
        if has(key, "path") {
            let problem = "an input of `cases: { dicom: … }` has no path: its files are those of the series";
            return Err(fault(key, "path", problem.to_owned()));
        }
        if input.kind == Kind::Label {
            let Some(reference) = &input.segments.reference else {
                let problem = "a label input of `cases: { dicom: … }` needs `reference: KEY`, the input whose series \
                               the segmentation or structure set refers to";
                return Err(fault(key, "", problem.to_owned()));
            };
            if inputs.iter().any(|other| other.key == *reference && other.kind == Kind::Label) {
                return Err(fault(key, "reference", format!("{reference} is a label input, not a series of images")));
            }
            continue;
        }
        if group != Grouping::Series {
            continue;
        }
        if input.series.is_some() {
            let problem = "with `group: series` each series is a case: choose series with `where` of `cases`, or set \
                           `group: study`";
            return Err(fault(key, "series", problem.to_owned()));
        }
        if let Some(first) = first {
            let problem = format!(
                "with `group: series` a case has one series, which {first} reads: set `group: study`, and choose with \
                 `series` of each input"
            );
            return Err(fault(key, "", problem));
        }
        first = Some(key);
    }
    Ok(())
}
