//! Sets of labels: what label maps hold, or can hold.

use std::fmt;

use revoxel_core::{Volume, Voxel, Voxels, dispatch, parallel};

/// Labels, rising, each once. The background, 0, is always among them.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelSet(Vec<f64>);

impl Default for LabelSet {
    fn default() -> Self {
        Self(vec![0.0])
    }
}

impl FromIterator<f64> for LabelSet {
    fn from_iter<I: IntoIterator<Item = f64>>(labels: I) -> Self {
        let mut set = Self::default();
        set.extend(labels);
        set
    }
}

impl Extend<f64> for LabelSet {
    /// Adds labels; what is no number is left out.
    fn extend<I: IntoIterator<Item = f64>>(&mut self, labels: I) {
        // Both zeros are one label.
        self.0.extend(labels.into_iter().filter(|l| !l.is_nan()).map(|l| l + 0.0));
        self.0.sort_by(f64::total_cmp);
        self.0.dedup();
    }
}

impl LabelSet {
    /// The labels of a volume, of all its channels.
    pub fn of(volume: &Volume) -> Self {
        distinct(volume.voxels()).into_iter().collect()
    }

    /// Whether a label is among them.
    pub fn has(&self, label: f64) -> bool {
        self.0.contains(&label)
    }

    /// The labels, rising.
    pub fn iter(&self) -> impl Iterator<Item = f64> + '_ {
        self.0.iter().copied()
    }

    /// How many labels there are, 0 included.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// The channels of a one-hot map.
#[derive(Clone, Debug, PartialEq)]
pub struct Channels {
    /// How many there are.
    pub count: usize,
    /// Whether there are as many in every volume; else at most.
    pub exact: bool,
    /// The numbers of those that may hold anything.
    pub held: LabelSet,
}

impl Channels {
    /// So many, any of which may hold something.
    pub fn all(count: usize) -> Self {
        Self { count, exact: true, held: (0..count).map(|channel| channel as f64).collect() }
    }

    /// As many, any of which may hold something.
    pub fn filled(&self) -> Self {
        Self { exact: self.exact, ..Self::all(self.count) }
    }
}

/// Neighbouring whole numbers are put together, and long lists are cut: `0 to 4, 7, 9`.
impl fmt::Display for LabelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 16;
        let mut runs: Vec<(f64, f64)> = Vec::new();
        for label in self.iter() {
            match runs.last_mut() {
                Some((_, last)) if *last + 1.0 == label => *last = label,
                _ => runs.push((label, label)),
            }
        }
        let mut parts = Vec::new();
        for (first, last) in runs {
            match (last - first) as u64 {
                0 => parts.push(first.to_string()),
                1 | 2 => parts.extend((0..=(last - first) as u64).map(|i| (first + i as f64).to_string())),
                _ => parts.push(format!("{first} to {last}")),
            }
        }
        f.write_str(&parts[..parts.len().min(MOST)].join(", "))?;
        if parts.len() > MOST { write!(f, ", … ({} labels)", self.count()) } else { Ok(()) }
    }
}

/// All labels of a volume, rising; background included, what is no number left out.
pub(crate) fn distinct(voxels: &Voxels) -> Vec<f64> {
    fn add(found: &mut Vec<f64>, label: f64) {
        if let Err(at) = found.binary_search_by(|l| l.total_cmp(&label)) {
            found.insert(at, label);
        }
    }
    /// Puts what was found by the way in order.
    fn settle(found: &mut Vec<f64>, more: &mut Vec<f64>) {
        found.append(more);
        found.sort_by(f64::total_cmp);
        found.dedup();
    }
    fn of<T: Voxel>(values: &[T]) -> Vec<f64> {
        // More than label maps have: an image that was taken for one must not take for ever.
        const FEW: usize = 1 << 12;
        let block = |block: &[T]| {
            let (mut found, mut more, mut last) = (Vec::new(), Vec::new(), None);
            for value in block {
                if last != Some(*value) {
                    last = Some(*value);
                    let label = value.to_f64();
                    // Both zeros are one label.
                    if found.len() < FEW && !label.is_nan() {
                        add(&mut found, label + 0.0);
                    } else if !label.is_nan() {
                        more.push(label + 0.0);
                    }
                }
            }
            settle(&mut found, &mut more);
            found
        };
        let blocks = parallel::map(values.chunks(1 << 18), block);
        let mut all = Vec::new();
        settle(&mut all, &mut blocks.concat());
        all
    }
    dispatch!(voxels, v => of(v))
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Grid, Kind};

    #[test]
    fn labels_are_told_in_short() {
        fn t(labels: &[f64], expected: &str) {
            assert_eq!(labels.iter().copied().collect::<LabelSet>().to_string(), expected);
        }
        t(&[], "0");
        t(&[2.0, 1.0, 1.0], "0, 1, 2");
        t(&[5.0, 1.0, 2.0, 3.0, 4.0, 9.0], "0 to 5, 9");
        t(&[-1.0, 3.0, 3.5, -0.0, f64::NAN], "-1, 0, 3, 3.5");
        let odd: Vec<f64> = (0..20).map(|i| f64::from(2 * i + 1)).collect();
        assert!(odd.into_iter().collect::<LabelSet>().to_string().ends_with("27, 29, … (21 labels)"));
    }

    #[test]
    fn labels_of_all_channels_count() {
        let grid = Grid::without_geometry([2, 1, 1]).unwrap();
        let volume = Volume::new(vec![7i16, -1, 3, 7].into(), grid, Kind::Label, 2).unwrap();
        let labels = LabelSet::of(&volume);
        assert_eq!(labels.iter().collect::<Vec<_>>(), [-1.0, 0.0, 3.0, 7.0]);
        assert!(labels.has(3.0) && labels.has(0.0) && !labels.has(1.0));
    }
}
