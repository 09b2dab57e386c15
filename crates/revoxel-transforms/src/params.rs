//! Types of parameters that several transforms share.

mod axes;
mod choice;
mod frame;
mod named;
mod on_empty;
mod per_key;
mod separate;
mod vector;

pub use axes::Axes;
pub use choice::{PadMethod, Padding};
pub use frame::WorldFrame;
pub use named::{Named, Names};
pub use on_empty::OnEmpty;
pub use per_key::PerKey;
pub use revoxel_resample::{Boundary, Interpolation, PadMode, Separate};
pub use separate::SeparateZ;
pub use vector::{IntVector, Numbers, RealVector};

pub use axes::axis;

/// For switches that are on where they are left out.
pub const fn yes() -> bool {
    true
}

/// For switches that are left out of records where they are off.
pub fn is_false(value: &bool) -> bool {
    !value
}

/// The name closest to a misspelt one, if any is close.
pub fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let scored = known.into_iter().map(|k| (strsim::jaro_winkler(&wanted, k), k));
    scored.filter(|(score, _)| *score > 0.75).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, k)| k)
}

/// What may have been meant, out of serde's message about an unknown name (it lists the known ones).
pub(crate) fn suggestion(problem: &str) -> Option<String> {
    let names: Vec<&str> = problem.split('`').skip(1).step_by(2).collect();
    let (unknown, known) = names.split_first()?;
    if !problem.starts_with("unknown") {
        return None;
    }
    closest(unknown, known.iter().copied()).map(|name| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        assert_eq!(closest("pixdims", ["pixdim", "rule"]), Some("pixdim"));
        assert_eq!(closest("voxels", ["pixdim", "rule"]), None);
        let problem = "unknown field `pixdm`, expected one of `pixdim`, `rule`";
        assert_eq!(suggestion(problem).as_deref(), Some("did you mean `pixdim`?"));
        assert_eq!(suggestion("missing field `pixdim`"), None);
    }
}
