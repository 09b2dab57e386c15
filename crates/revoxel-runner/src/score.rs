//! Label maps of many cases against their references: overlap, distances, volumes and pieces of each label.

mod pairs;
mod sources;

use std::collections::BTreeMap;
use std::path::PathBuf;

use rayon::prelude::*;
use revoxel_core::{Kind, Volume};
use revoxel_transforms::label::pieces::{Pieces, pieces};

use crate::compare::{Criteria, LabelDifference, NoLabels, compare};
use crate::kind_values::{SaidBy, as_whole_numbers, checked};
use crate::limits::options;

pub use pairs::{Pair, Pairs, pairs};
pub use sources::{SourcesError, pairs_of_run};

/// A label of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The case.
    pub case: String,
    /// Its overlap, distances and volumes: the result first, then the reference.
    pub label: LabelDifference,
    /// Its connected pieces: those of the result first, then those of the reference.
    pub pieces: Pieces,
}

/// What became of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// The case.
    pub case: String,
    /// Its labels, or why it has no scores.
    pub rows: Result<Vec<Row>, String>,
}

/// A number of a label over all cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Of how many cases; those without the number do not count.
    pub cases: usize,
    /// The mean.
    pub mean: f64,
    /// The standard deviation (of the sample); 0 for one case.
    pub sd: f64,
    /// The median.
    pub median: f64,
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
}

impl Spread {
    /// Of these numbers; those that are not finite are left out.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut numbers: Vec<f64> = numbers.into_iter().filter(|number| number.is_finite()).collect();
        numbers.sort_by(f64::total_cmp);
        let count = numbers.len();
        let (min, max) = (*numbers.first()?, *numbers.last()?);
        let mean = numbers.iter().sum::<f64>() / count as f64;
        let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
        let sd = if count > 1 { (squares / (count - 1) as f64).sqrt() } else { 0.0 };
        let median = f64::midpoint(numbers[(count - 1) / 2], numbers[count / 2]);
        Some(Self { cases: count, mean, sd, median, min, max })
    }
}

/// How cases are scored.
#[derive(Clone, Copy, Debug)]
pub struct Scoring {
    /// The tolerance of the surface Dice, mm.
    pub tolerance_mm: f64,
}

/// Scores all pairs, several at once; `tell` hears of each. The order is kept.
pub fn score(pairs: &[Pair], scoring: Scoring, tell: &(dyn Fn() + Sync)) -> Vec<Scored> {
    let one = |pair: &Pair| {
        let rows = rows(pair, scoring);
        tell();
        Scored { case: pair.case.clone(), rows }
    };
    pairs.par_iter().map(one).collect()
}

fn rows(pair: &Pair, scoring: Scoring) -> Result<Vec<Row>, String> {
    let (result, reference) = (read(&pair.result)?, read(&pair.reference)?);
    rows_of(&pair.case, &result, &reference, scoring)
        .map_err(|problem| format!("{} and {}: {problem}", pair.result.display(), pair.reference.display()))
}

/// The labels of two maps on one grid.
///
/// # Errors
/// Where they are not on one grid, differ in channels, or one of them is no label map.
pub fn rows_of(case: &str, result: &Volume, reference: &Volume, scoring: Scoring) -> Result<Vec<Row>, String> {
    let criteria = Criteria { tolerance_mm: Some(scoring.tolerance_mm), min_dice: Some(0.0), ..Criteria::default() };
    let found = compare(result, reference, &criteria);
    if !found.places_agree {
        return Err(format!("they are not on one grid ({})", found.relation));
    }
    if found.channels[0] != found.channels[1] {
        return Err(format!("they have {} and {} channels", found.channels[0], found.channels[1]));
    }
    let labels = match found.labels {
        Some(Ok(labels)) => labels,
        Some(Err(NoLabels::NotWhole(side, error))) => {
            return Err(format!("the {} is no label map: {error}", ["result", "reference"][side]));
        }
        Some(Err(NoLabels::TooMany(most))) => return Err(format!("they have more than {most} labels")),
        None => return Err("they have different shapes".to_owned()),
    };
    let by_channel: Vec<BTreeMap<i64, Pieces>> =
        (0..result.channels()).map(|channel| pieces(result, reference, channel)).collect();
    let row = |label: LabelDifference| {
        let known = i64::try_from(label.label).ok().and_then(|number| by_channel[label.channel].get(&number).copied());
        Row { case: case.to_owned(), label, pieces: known.unwrap_or_default() }
    };
    Ok(labels.rows.into_iter().map(row).collect())
}

fn read(path: &PathBuf) -> Result<Volume, String> {
    let loaded = revoxel_io::read_with(path, Kind::Label, &options()).map_err(|e| e.to_string())?;
    let stored = Some(loaded.info.stored);
    let volume = checked(path, loaded.volume, stored, SaidBy::Command).map_err(|e| e.to_string())?;
    // Maps that were stored as floating point.
    as_whole_numbers(path, volume).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_leave_out_what_is_infinite() {
        let spread = Spread::of([3.0, f64::INFINITY, 1.0, 2.0, 6.0]).unwrap();
        assert_eq!((spread.cases, spread.mean, spread.median, spread.min, spread.max), (4, 3.0, 2.5, 1.0, 6.0));
        assert!((spread.sd - (14f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(Spread::of([f64::NAN]), None);
        assert_eq!(Spread::of([2.0]).unwrap().sd, 0.0);
    }
}
