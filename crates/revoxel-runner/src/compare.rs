//! How two volumes differ: in place, in values and label by label; and whether that is more than is allowed.

mod labels;
mod nearest;
mod overlap;
mod surface;
mod values;

pub use labels::{LabelDifference, LabelDifferences, NoLabels, Unmeasured};
pub use overlap::Overlap;
pub use surface::SurfaceDistance;
pub use values::{FirstDifference, ValueDifference, Within};

use labels::Scope;
use revoxel_core::{Relation, Volume};

/// What may differ. By default nothing may but the noise of a rounded affine.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Criteria {
    /// How far values may lie apart.
    pub within: Within,
    /// How far corresponding corners may lie apart, mm. `None`: as [`Relation::agrees`] says.
    pub max_corner_mm: Option<f64>,
    /// Values agree where no label of any channel has a lower Dice coefficient than this, whatever the voxels.
    pub min_dice: Option<f64>,
    /// The tolerance of the surface Dice, mm. `None`: [`TOLERANCE_MM`], and surfaces are measured only where that takes
    /// seconds.
    pub tolerance_mm: Option<f64>,
}

/// The tolerance of the surface Dice where none is given, mm.
pub const TOLERANCE_MM: f64 = 1.0;

/// Where nobody asked for labels, what has more different values is an image.
const MOST_LABELS: usize = 256;

/// Where nobody asked for distances, more surface voxels than this are not measured: few organs have as many, noise
/// does.
const MOST_SURFACE: u64 = 10_000_000;

/// How two volumes differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// How their grids relate.
    pub relation: Relation,
    /// The axes of each file, 2 or 3. A file of two axes and one of three with a single slice lie at the same place, and
    /// programs read them as arrays of other shapes.
    pub axes: [usize; 2],
    /// Whether they lie at the same place, as far as the criteria want it, with as many axes.
    pub places_agree: bool,
    /// The channels of each.
    pub channels: [usize; 2],
    /// How their values differ, voxel by voxel; `None` where the shapes or channels differ.
    pub values: Option<ValueDifference>,
    /// How their labels differ; `None` where the shapes or channels differ.
    pub labels: Option<Result<LabelDifferences, NoLabels>>,
    /// Whether their values agree, as far as the criteria want it. `None` where that cannot be said: the shapes differ,
    /// or a Dice coefficient is wanted and a volume is no label map.
    pub values_agree: Option<bool>,
}

/// Whether two volumes agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Places and values agree.
    Agree,
    /// Places or values differ.
    Differ,
    /// The places agree, and nobody can say whether the values do.
    Unknown,
}

impl Comparison {
    /// Whether places and values agree.
    pub fn verdict(&self) -> Verdict {
        match (self.places_agree, self.values_agree) {
            (false, _) | (true, Some(false)) => Verdict::Differ,
            (true, Some(true)) => Verdict::Agree,
            (true, None) => Verdict::Unknown,
        }
    }

    /// The label with the lowest Dice coefficient, and its channel; the first of several.
    pub fn worst(&self) -> Option<&LabelDifference> {
        let rows = &self.labels.as_ref()?.as_ref().ok()?.rows;
        rows.iter().min_by(|p, q| p.overlap.dice().total_cmp(&q.overlap.dice()))
    }
}

/// Compares two volumes.
pub fn compare(a: &Volume, b: &Volume, criteria: &Criteria) -> Comparison {
    let relation = Relation::between(a.grid(), b.grid());
    let same_shape = a.grid().shape() == b.grid().shape();
    let near = |mm: f64| same_shape && relation.worst_corner_mm <= mm;
    let axes = [a.grid().axes(), b.grid().axes()];
    let same_place = criteria.max_corner_mm.map_or_else(|| relation.agrees(), near);
    let places_agree = same_place && (axes[0] == axes[1] || criteria.max_corner_mm.is_some());
    let channels = [a.channels(), b.channels()];
    let mut found =
        Comparison { relation, axes, places_agree, channels, values: None, labels: None, values_agree: None };
    if channels[0] != channels[1] {
        found.values_agree = Some(false);
    } else if same_shape {
        let asked = criteria.min_dice.is_some() || criteria.tolerance_mm.is_some();
        let scope = Scope {
            same_place,
            most_labels: if asked { usize::MAX } else { MOST_LABELS },
            most_surface: if criteria.tolerance_mm.is_some() { u64::MAX } else { MOST_SURFACE },
            tolerance_mm: criteria.tolerance_mm.unwrap_or(TOLERANCE_MM),
        };
        let values = values::differences(a, b, criteria.within);
        let equal = values.beyond == 0;
        (found.values, found.labels) = (Some(values), Some(labels::labels(a, b, &scope)));
        let known = matches!(found.labels, Some(Ok(_)));
        found.values_agree = match criteria.min_dice {
            None => Some(equal),
            Some(least) => known.then(|| found.worst().is_none_or(|worst| worst.overlap.dice() >= least)),
        };
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Affine, Grid, Kind, Voxels};

    fn line(voxels: impl Into<Voxels>, channels: usize) -> Volume {
        let voxels = voxels.into();
        let grid = Grid::without_geometry([voxels.len() / channels, 1, 1]).unwrap();
        Volume::new(voxels, grid, Kind::Label, channels).unwrap()
    }

    fn exact(a: &Volume, b: &Volume) -> Comparison {
        compare(a, b, &Criteria::default())
    }

    #[test]
    fn labels_and_values_are_compared() {
        let found = exact(&line(vec![0f32, 1., 1., 2.], 1), &line(vec![0f32, 1., 3., 2.], 1));
        let values = found.values.as_ref().unwrap();
        assert_eq!((values.different, values.largest, values.mean), (1, 2.0, 0.5));
        let labels = found.labels.as_ref().unwrap().as_ref().unwrap();
        let dice: Vec<_> = labels.overlaps.iter().map(|(l, o)| (*l, o.dice())).collect();
        assert_eq!(dice, [(1, 2.0 / 3.0), (2, 1.0), (3, 0.0)]);
        let surfaces: Vec<_> = labels.rows.iter().map(|r| r.surface.unwrap()).collect();
        assert_eq!(surfaces[1..], [SurfaceDistance::NONE, SurfaceDistance::ONE_SIDED]);
        assert_eq!(surfaces[0], SurfaceDistance { hausdorff_mm: 1.0, hd95_mm: 0.95, surface_dice: 1.0 });
        assert_eq!(labels.rows[2].relative_volume_difference(), Some(-1.0));
        assert_eq!((found.verdict(), found.worst().unwrap().label), (Verdict::Differ, 3));
        let other = exact(&line(vec![0u8; 4], 1), &line(vec![0u8; 3], 1));
        assert!(other.values.is_none() && other.verdict() == Verdict::Differ);
        let channels = exact(&line(vec![0u8; 4], 1), &line(vec![0u8; 8], 2));
        assert!(channels.values.is_none() && channels.places_agree && channels.verdict() == Verdict::Differ);
        let (a, b) = (line(vec![0u8; 4], 1), line(vec![0u8; 4], 1));
        let flat = a.clone().on_grid(a.grid().planar()).unwrap();
        let found = exact(&flat, &b);
        assert_eq!((found.axes, found.verdict(), found.values_agree), ([2, 3], Verdict::Differ, Some(true)));
        let far = Criteria { max_corner_mm: Some(0.0), ..Criteria::default() };
        assert_eq!(compare(&flat, &b, &far).verdict(), Verdict::Agree);
        assert_eq!(exact(&flat, &flat).verdict(), Verdict::Agree);
    }

    #[test]
    fn the_worst_label_of_the_worst_channel_decides() {
        // One hot: together the channels agree in 5 of 8 voxels, the second one in 1 of 3.
        let (a, b) = (line(vec![1u8, 1, 0, 0, 0, 0, 1, 1], 2), line(vec![1u8, 1, 1, 0, 0, 0, 0, 1], 2));
        let with = |least| compare(&a, &b, &Criteria { min_dice: Some(least), ..Criteria::default() });
        assert_eq!(with(2.0 / 3.0).verdict(), Verdict::Agree);
        assert_eq!(with(0.67).verdict(), Verdict::Differ);
        let found = with(0.5);
        let worst = found.worst().unwrap();
        assert_eq!((worst.channel, worst.label, worst.overlap.dice()), (1, 1, 2.0 / 3.0));
        let pooled = &found.labels.as_ref().unwrap().as_ref().unwrap().overlaps;
        assert_eq!(pooled[&1], Overlap { a: 4, b: 4, both: 3 });
        // No label in either map: they agree.
        let none = line(vec![0u8; 4], 1);
        assert_eq!(
            compare(&none, &none, &Criteria { min_dice: Some(1.0), ..Criteria::default() }).verdict(),
            Verdict::Agree
        );
    }

    #[test]
    fn dice_of_no_label_map_cannot_be_said() {
        let criteria = Criteria { min_dice: Some(0.5), ..Criteria::default() };
        let found = compare(&line(vec![1u8, 2], 1), &line(vec![1.0f32, 0.5], 1), &criteria);
        assert_eq!(found.verdict(), Verdict::Unknown);
        assert!(matches!(found.labels, Some(Err(NoLabels::NotWhole(1, _)))));
        // Where the places differ there is nothing to be asked.
        let moved = Grid::new([2, 1, 1], Affine::IDENTITY.with_translation([0.5, 0.0, 0.0])).unwrap();
        let moved = line(vec![1.0f32, 0.5], 1).on_grid(moved).unwrap();
        assert_eq!(compare(&line(vec![1u8, 2], 1), &moved, &criteria).verdict(), Verdict::Differ);
    }

    #[test]
    fn places_agree_within_a_distance_of_corners() {
        let at = |x: f64| {
            let affine = Affine::scaling([1.0, 2.0, 3.0]).with_translation([x, 0.0, 0.0]);
            let values = vec![0u8, 1, 1, 0, 1, 1, 0, 0];
            Volume::new(values.into(), Grid::new([2, 2, 2], affine).unwrap(), Kind::Label, 1).unwrap()
        };
        let with = |x: f64, mm| compare(&at(0.0), &at(x), &Criteria { max_corner_mm: mm, ..Criteria::default() });
        assert_eq!(with(1e-4, None).verdict(), Verdict::Agree);
        assert_eq!(with(1e-4, Some(1e-5)).verdict(), Verdict::Differ);
        assert_eq!(with(0.4, Some(0.5)).verdict(), Verdict::Agree);
        let far = with(0.4, None);
        let labels = far.labels.as_ref().unwrap().as_ref().unwrap();
        assert_eq!((far.verdict(), labels.unmeasured), (Verdict::Differ, Some(Unmeasured::Places)));
        assert!(labels.rows[0].surface.is_none() && labels.rows[0].overlap.dice() == 1.0);
    }

    #[test]
    fn images_are_no_label_maps_unless_somebody_asks() {
        let (a, b) = (line((0..600).collect::<Vec<i32>>(), 1), line((1..601).collect::<Vec<i32>>(), 1));
        assert_eq!(exact(&a, &b).labels, Some(Err(NoLabels::TooMany(256))));
        let asked = compare(&a, &b, &Criteria { tolerance_mm: Some(2.0), ..Criteria::default() });
        let labels = asked.labels.as_ref().unwrap().as_ref().unwrap();
        assert_eq!(labels.rows.len(), 600);
        assert_eq!(
            labels.rows[0].surface.unwrap(),
            SurfaceDistance { hausdorff_mm: 1.0, hd95_mm: 1.0, surface_dice: 1.0 }
        );
    }
}
