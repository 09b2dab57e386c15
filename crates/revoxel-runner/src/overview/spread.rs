//! How the cases of a dataset differ.

use std::collections::BTreeMap;

use revoxel_core::Grid;

use super::CaseOverview;

/// What is kept of each case. Three numbers are those along R/L, A/P and S/I.
#[derive(Clone, Debug)]
struct Kept {
    name: String,
    shape: [f64; 3],
    spacing: [f64; 3],
    extent: [f64; 3],
    axes: String,
    dtype: String,
    channels: usize,
    shear: f64,
    result: Option<[f64; 3]>,
    memory: f64,
    seconds: f64,
    bytes: f64,
}

/// Gathers the cases of a dataset.
#[derive(Clone, Debug, Default)]
pub struct Spreads {
    cases: Vec<Kept>,
}

/// A number of all cases, or one for each axis of the patient.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// What it is.
    pub name: &'static str,
    /// The lowest.
    pub min: Vec<f64>,
    /// The median.
    pub median: Vec<f64>,
    /// The highest.
    pub max: Vec<f64>,
}

/// A case that is unlike most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlier {
    /// The case.
    pub case: String,
    /// In which way, for people.
    pub what: String,
}

/// An empty gathering.
pub fn spreads() -> Spreads {
    Spreads::default()
}

/// Fewer cases have no outliers.
const ENOUGH: usize = 4;

impl Spreads {
    /// Adds a case, by its first volume.
    pub fn add(&mut self, case: &CaseOverview) {
        let Some(volume) = case.volumes.first() else { return };
        let grid = &volume.source;
        let shape = grid.shape().map(|n| n as f64);
        let spacing = grid.spacing();
        let turned = |numbers: [f64; 3]| by_patient(grid, numbers);
        let result = volume.result.outline().and_then(|outline| {
            let shape = outline.shape()?.map(|n| n as f64);
            // A shape behind a resize has no axes of the patient; its own order is as good.
            Some(if outline.orientation().is_some() { by_patient(outline.like(), shape) } else { shape })
        });
        self.cases.push(Kept {
            name: case.name.to_string(),
            shape: turned(shape),
            spacing: turned(spacing),
            extent: turned([0, 1, 2].map(|a| shape[a] * spacing[a])),
            axes: grid.orientation().to_string(),
            dtype: volume.dtype.to_string(),
            channels: volume.channels,
            shear: grid.affine().shear(),
            result,
            memory: case.memory as f64,
            seconds: case.seconds,
            bytes: case.bytes as f64,
        });
    }

    /// The numbers of all cases: voxels, voxel size (mm) and extent (mm) of the sources, voxels of the results as far as
    /// they are known, memory (bytes), time (s) and size of the outputs (bytes).
    pub fn measures(&self) -> Vec<Measure> {
        let three = |name, of: fn(&Kept) -> Option<[f64; 3]>| {
            let axis = |a: usize| sorted(self.cases.iter().filter_map(|case| Some(of(case)?[a])));
            measure(name, &[axis(0), axis(1), axis(2)])
        };
        let one = |name, of: fn(&Kept) -> f64| measure(name, &[sorted(self.cases.iter().map(of))]);
        let all = [
            three("voxels", |case| Some(case.shape)),
            three("voxel_mm", |case| Some(case.spacing)),
            three("extent_mm", |case| Some(case.extent)),
            three("result_voxels", |case| case.result),
            one("memory", |case| case.memory),
            one("seconds", |case| case.seconds),
            one("bytes", |case| case.bytes),
        ];
        all.into_iter().flatten().collect()
    }

    /// How many cases have which axes, the most frequent first.
    pub fn axes(&self) -> Vec<(String, usize)> {
        frequent(self.cases.iter().map(|case| case.axes.clone()))
    }

    /// How many cases have which voxel type, the most frequent first.
    pub fn dtypes(&self) -> Vec<(String, usize)> {
        frequent(self.cases.iter().map(|case| case.dtype.clone()))
    }

    /// The time and the size of the outputs of all cases together: seconds and bytes.
    pub fn total(&self) -> (f64, f64) {
        let sum = |of: fn(&Kept) -> f64| self.cases.iter().map(of).sum();
        (sum(|case| case.seconds), sum(|case| case.bytes))
    }

    /// The cases that are unlike most, in the order of the cases.
    pub fn outliers(&self) -> Vec<Outlier> {
        let mut found: Vec<Vec<String>> = vec![Vec::new(); self.cases.len()];
        self.numbers_apart(&mut found, "voxels of", |case| case.spacing);
        self.numbers_apart(&mut found, "an extent of", |case| case.extent);
        let channels = frequent(self.cases.iter().map(|case| case.channels));
        let usual = channels.first().copied();
        for (case, found) in self.cases.iter().zip(&mut found) {
            if let Some((most, count)) =
                usual.filter(|(most, count)| *most != case.channels && 2 * count > self.cases.len())
            {
                let channels = case.channels;
                found.push(format!("{channels} channels, where {count} of {} cases have {most}", self.cases.len()));
            }
            if case.shear > SHEAR {
                found.push("its axes are not at right angles (shear)".to_owned());
            }
        }
        let named = |(case, found): (&Kept, Vec<String>)| {
            let outlier = |what| Outlier { case: case.name.clone(), what };
            found.into_iter().map(outlier).collect::<Vec<_>>()
        };
        self.cases.iter().zip(found).flat_map(named).collect()
    }

    /// Notes numbers that are far from those of most cases: twice or half the median at least, and far outside of the
    /// middle half.
    fn numbers_apart(&self, found: &mut [Vec<String>], what: &str, of: fn(&Kept) -> [f64; 3]) {
        if self.cases.len() < ENOUGH {
            return;
        }
        for axis in 0..3 {
            let all = sorted(self.cases.iter().map(|case| of(case)[axis]));
            let quantile = |share: f64| all[((all.len() - 1) as f64 * share).round() as usize];
            let (low, median, high) = (quantile(0.25), middle(&all), quantile(0.75));
            let reach = FENCE * (high - low);
            for (case, found) in self.cases.iter().zip(found.iter_mut()) {
                let own = of(case)[axis];
                let apart = own >= 2.0 * median || own <= 0.5 * median;
                if apart && !(low - reach..=high + reach).contains(&own) {
                    let (own, median) = (short(own), short(median));
                    found.push(format!("{what} {own} mm along {}; the median is {median} mm", PATIENT[axis]));
                }
            }
        }
    }
}

/// The axes of the patient.
const PATIENT: [&str; 3] = ["R/L", "A/P", "S/I"];

/// How many times the width of the middle half an outlier lies outside of it.
const FENCE: f64 = 3.0;

/// A shear that is more than rounding of a header.
const SHEAR: f64 = 1e-3;

/// Numbers of the axes of a grid along the axes of the patient.
fn by_patient(grid: &Grid, numbers: [f64; 3]) -> [f64; 3] {
    let mut turned = numbers;
    for (letter, number) in grid.orientation().to_string().chars().zip(numbers) {
        let axis = match letter {
            'R' | 'L' => 0,
            'A' | 'P' => 1,
            _ => 2,
        };
        turned[axis] = number;
    }
    turned
}

fn sorted(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut all: Vec<f64> = numbers.collect();
    all.sort_by(f64::total_cmp);
    all
}

/// The median of sorted numbers; 0 of none.
fn middle(sorted: &[f64]) -> f64 {
    let n = sorted.len();
    if n == 0 { 0.0 } else { f64::midpoint(sorted[(n - 1) / 2], sorted[n / 2]) }
}

fn measure(name: &'static str, axes: &[Vec<f64>]) -> Option<Measure> {
    let first: Option<Vec<f64>> = axes.iter().map(|all| all.first().copied()).collect();
    let last: Option<Vec<f64>> = axes.iter().map(|all| all.last().copied()).collect();
    Some(Measure { name, min: first?, median: axes.iter().map(|all| middle(all)).collect(), max: last? })
}

/// What is there how often, the most frequent first.
fn frequent<T: Ord>(all: impl Iterator<Item = T>) -> Vec<(T, usize)> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    all.for_each(|one| *counts.entry(one).or_default() += 1);
    let mut counts: Vec<(T, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// A number with the digits that matter.
pub(super) fn short(number: f64) -> String {
    let text = if number.abs() >= 100.0 { format!("{number:.0}") } else { format!("{number:.2}") };
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use revoxel_core::{Affine, Dtype, Kind};
    use revoxel_pipeline::CaseName;

    use super::*;
    use crate::overview::{ResultGrid, VolumeOverview};

    fn case(name: &str, affine: Affine, channels: usize) -> CaseOverview {
        let source = Grid::new([40, 30, 20], affine).unwrap();
        let volume = VolumeOverview {
            key: "image".to_owned(),
            kind: Kind::Image,
            source,
            channels,
            dtype: Dtype::I16,
            result: ResultGrid::Unknown,
            fidelity: None,
        };
        let (memory, seconds, bytes) = (1 << 20, 0.5, 1000);
        let name = CaseName::alone(name.to_owned());
        CaseOverview { name, volumes: vec![volume], fidelity: None, memory, seconds, bytes, skipped: None }
    }

    #[test]
    fn cases_are_compared_along_the_axes_of_the_patient() {
        // Axis 0 to the feet, axis 1 to the left, axis 2 to the front.
        let turned = Affine::from_rows([[0.0, -0.8, 0.0, 1.0], [0.0, 0.0, 0.9, 2.0], [-5.0, 0.0, 0.0, 3.0]]);
        let straight = Affine::scaling([0.8, 0.9, 5.0]);
        let mut all = spreads();
        for number in 0..5 {
            all.add(&case(&number.to_string(), straight, 1));
        }
        all.add(&case("turned", turned, 1));
        assert_eq!(
            all.outliers().iter().map(|o| o.what.as_str()).collect::<Vec<_>>(),
            ["an extent of 200 mm along S/I; the median is 100 mm"]
        );
        let measures = all.measures();
        let spacing = measures.iter().find(|m| m.name == "voxel_mm").unwrap();
        assert_eq!((&spacing.min[..], &spacing.max[..]), (&[0.8, 0.9, 5.0][..], &[0.8, 0.9, 5.0][..]));
        assert!(measures.iter().all(|m| m.name != "result_voxels"), "no result is known");
        assert_eq!(all.axes(), [("RAS".to_owned(), 5), ("ILA".to_owned(), 1)]);
        assert_eq!(all.total(), (3.0, 6000.0));
    }

    #[test]
    fn outliers_are_far_from_most_and_many_different_cases_are_none() {
        let mut all = spreads();
        for number in 0..9 {
            let mm = 1.0 + 0.01 * f64::from(number);
            all.add(&case(&number.to_string(), Affine::scaling([mm, 1.0, 1.0]), 1));
        }
        assert_eq!(all.outliers(), []);
        all.add(&case("thick", Affine::scaling([1.0, 1.0, 5.0]), 1));
        all.add(&case("two", Affine::scaling([1.0, 1.0, 1.0]), 2));
        all.add(&case(
            "sheared",
            Affine::from_rows([[1.0, 0.2, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]),
            1,
        ));
        let found: Vec<(String, String)> = all.outliers().into_iter().map(|o| (o.case, o.what)).collect();
        let of = |case: &str| found.iter().filter(|(c, _)| c == case).map(|(_, w)| w.as_str()).collect::<Vec<_>>();
        assert_eq!(
            of("thick"),
            ["voxels of 5 mm along S/I; the median is 1 mm", "an extent of 100 mm along S/I; the median is 20 mm"]
        );
        assert_eq!(of("two"), ["2 channels, where 11 of 12 cases have 1"]);
        assert_eq!(of("sheared"), ["its axes are not at right angles (shear)"]);
        assert_eq!(found.len(), 4);
        // Every second case is thick: that is what the dataset is like.
        let mut half = spreads();
        for number in 0..8 {
            let mm = if number % 2 == 0 { 1.0 } else { 5.0 };
            half.add(&case(&number.to_string(), Affine::scaling([1.0, 1.0, mm]), 1));
        }
        assert_eq!(half.outliers(), []);
    }
}
