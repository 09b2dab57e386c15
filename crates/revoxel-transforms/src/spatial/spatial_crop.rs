//! The transform `spatial_crop`.

use revoxel_core::{Grid, GridOp, IndexBox};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::{IntVector, RealVector, WorldFrame};
use crate::peers::Argument::{Listed, Special};
use crate::peers::{LAZY, Peer};
use crate::planning::boxes::{carried, clipped, of_world, source_grid};
use crate::planning::{finite, window};
use crate::transform::{Evidence, Outline, PlanError, Sources, SpatialTransform, Transform};

/// Crops to a box given in voxels or in millimetres.
///
/// # What it does
/// Keeps a box, clipped to the volume. In voxels, give one of these:
///
/// * `roi_center` with `roi_size`,
/// * `roi_start` to `roi_end` (exclusive), or
/// * `roi_slices`, a pair of start and end per axis. Both may be negative (counted from the end) or null; axes without
///   a pair stay whole.
///
/// One number applies to all axes, and a list that is too short repeats its last number.
///
/// In millimetres of the world, with `frame` RAS or LPS, the box is the same for inputs on any grid. Give one of these:
///
/// * `center_mm`, a point, with `size_mm`, lengths along the volume's own axes: round(size / voxel size) voxels,
///   centred as close to the point as possible; or
/// * `start_world` and `end_world`, opposite corners of a box with faces parallel to the world's axes: every voxel that
///   the box overlaps. On an oblique grid that is the box of voxels around it.
///
/// With `source`, a box in voxels refers to the voxels of that input, and inputs on other grids are cropped to the same
/// world region. Otherwise it refers to each input's own voxels.
///
/// ```text
/// [ . . . . . . ]   roi_start 1, roi_end 4   [ . . . ]
///     └─────┘              ──►
/// ```
///
/// # YAML
/// ```yaml
/// spatial_crop: { roi_center: [64, 64, 40], roi_size: [96, 96, 32] }
/// ```
/// ```yaml
/// spatial_crop: { roi_start: [10, 0, 5], roi_end: [90, 100, 60], source: ct }
/// ```
/// ```yaml
/// spatial_crop: { roi_slices: [[10, -10], [null, 100]] }
/// ```
/// ```yaml
/// spatial_crop: { center_mm: [-12.5, 40, 1033], size_mm: 80, frame: LPS }
/// ```
/// ```yaml
/// spatial_crop: { start_world: [-60, -90, 0], end_world: [60, 50, 120], frame: RAS }
/// ```
///
/// # Inverse
/// Restores the previous grid: exact inside the box, the kind's fill outside it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpatialCrop {
    /// The central voxel of the box.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roi_center: Option<IntVector>,
    /// Voxels of the box, by axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roi_size: Option<IntVector>,
    /// First voxel of the box, by axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roi_start: Option<IntVector>,
    /// One past the last voxel of the box, by axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roi_end: Option<IntVector>,
    /// Start and end by axis; negative numbers count from the end, null is the end of the axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roi_slices: Option<Vec<[Option<i64>; 2]>>,
    /// Centre of the box, mm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    center_mm: Option<[f64; 3]>,
    /// Lengths of the box along the volume's own axes, mm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size_mm: Option<RealVector>,
    /// One corner of the box, mm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start_world: Option<[f64; 3]>,
    /// The opposite corner of the box, mm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end_world: Option<[f64; 3]>,
    /// Frame of the numbers in mm: RAS or LPS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frame: Option<WorldFrame>,
    /// The input whose grid the box refers to; by default each input's own grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

const WAYS: &str = "give roi_center and roi_size, roi_start and roi_end, roi_slices, center_mm and size_mm, or \
                    start_world and end_world";

impl Define for SpatialCrop {
    const NAME: &'static str = "spatial_crop";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[
        Peer::imported("SpatialCropd")
            .others(&[
                Special("roi_center", "roi_center"),
                Special("roi_size", "roi_size"),
                Special("roi_start", "roi_start"),
                Special("roi_end", "roi_end"),
                Listed("roi_slices"),
            ])
            .ignored(&[LAZY])
            .notes(
                "An empty box is an error here, and slices have no step. If there are fewer numbers than axes, MONAI \
                 leaves the other axes whole.",
            ),
        Peer::torchio("Crop")
            .others(&[Listed("cropping")])
            .notes("It takes the number of voxels to remove at each end."),
    ];

    fn check(&self) -> Result<(), Invalid> {
        let given = [
            self.roi_center.is_some() || self.roi_size.is_some(),
            self.roi_start.is_some() || self.roi_end.is_some(),
            self.roi_slices.is_some(),
            self.center_mm.is_some() || self.size_mm.is_some(),
            self.start_world.is_some() || self.end_world.is_some(),
        ];
        if given.into_iter().filter(|g| *g).count() != 1 {
            return Err(Invalid::new("", WAYS));
        }
        let world = given[3] || given[4];
        match (world, self.frame) {
            (true, None) => {
                return Err(Invalid::new("frame", "set the frame of the numbers: frame: RAS or frame: LPS"));
            }
            (false, Some(_)) => return Err(Invalid::new("frame", "numbers of voxels have no frame: leave it out")),
            _ => {}
        }
        if world && self.source.is_some() {
            return Err(Invalid::new("source", "a box in mm is the same for every grid: leave source out"));
        }
        self.check_voxels()?;
        self.check_world()
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialCrop {
    fn check_voxels(&self) -> Result<(), Invalid> {
        match (&self.roi_center, &self.roi_size) {
            (Some(center), Some(size)) => {
                center.by_axis("roi_center")?;
                size.by_axis("roi_size")?;
                if let Some(small) = size.0.iter().find(|s| **s < 1) {
                    return Err(Invalid::new("roi_size", format!("{small} must be at least 1")));
                }
            }
            (None, None) => {}
            _ => return Err(Invalid::new("", WAYS)),
        }
        match (&self.roi_start, &self.roi_end) {
            (Some(start), Some(end)) => {
                start.by_axis("roi_start")?;
                end.by_axis("roi_end")?;
                let (start, end) = (start.repeated(), end.repeated());
                if let Some(a) = (0..3).find(|a| end[*a] <= start[*a].max(0)) {
                    let problem = format!("{} along axis {a} leaves nothing after roi_start, {}", end[a], start[a]);
                    return Err(Invalid::new("roi_end", problem));
                }
            }
            (None, None) => {}
            _ => return Err(Invalid::new("", WAYS)),
        }
        match &self.roi_slices {
            Some(slices) if !(1..=3).contains(&slices.len()) => {
                Err(Invalid::new("roi_slices", format!("{} pairs for three axes: give 1 to 3", slices.len())))
            }
            Some(slices) => {
                // Ends that are both counted from the same side can be compared without a volume.
                let empty = |pair: &&[Option<i64>; 2]| matches!(pair, [Some(from), Some(to)] if (*from < 0) == (*to < 0) && from >= to);
                slices.iter().find(empty).map_or(Ok(()), |pair| {
                    let [from, to] = pair.map(Option::unwrap_or_default);
                    Err(Invalid::new("roi_slices", format!("[{from}, {to}] leaves nothing of its axis")))
                })
            }
            _ => Ok(()),
        }
    }

    fn check_world(&self) -> Result<(), Invalid> {
        match (&self.center_mm, &self.size_mm) {
            (Some(center), Some(size)) => {
                finite("center_mm", center)?;
                size.by_axis("size_mm")?;
                if let Some(wrong) = size.0.iter().find(|s| !(**s > 0.0 && s.is_finite())) {
                    return Err(Invalid::new("size_mm", format!("{wrong} mm is not a size: use a number above 0")));
                }
            }
            (None, None) => {}
            _ => return Err(Invalid::new("", WAYS)),
        }
        match (&self.start_world, &self.end_world) {
            (Some(start), Some(end)) => {
                finite("start_world", start)?;
                finite("end_world", end)?;
                match (0..3).find(|a| start[*a] == end[*a]) {
                    Some(a) => {
                        let problem = format!("{} mm is also the start along that axis: the box is flat", end[a]);
                        Err(Invalid::new("end_world", problem))
                    }
                    None => Ok(()),
                }
            }
            (None, None) => Ok(()),
            _ => Err(Invalid::new("", WAYS)),
        }
    }

    /// The box in voxels of a grid, as asked for: not clipped at its end.
    fn in_voxels(&self, grid: &Grid) -> ([i64; 3], [i64; 3]) {
        let shape = grid.shape();
        let (mut start, mut end) = ([0; 3], shape.map(|n| n as i64));
        let numbers = [&self.roi_center, &self.roi_size, &self.roi_start, &self.roi_end];
        let third = self.roi_slices.is_some() || numbers.into_iter().flatten().any(|n| n.0.len() > 2);
        // Without a number for it, the slice axis of a 2-D volume stays.
        for axis in 0..if third { 3 } else { grid.axes() } {
            let n = shape[axis] as i64;
            if let (Some(center), Some(size)) = (&self.roi_center, &self.roi_size) {
                let size = size.repeated()[axis];
                start[axis] = center.repeated()[axis].saturating_sub(size / 2).max(0);
                end[axis] = start[axis].saturating_add(size);
            } else if let (Some(from), Some(to)) = (&self.roi_start, &self.roi_end) {
                (start[axis], end[axis]) = (from.repeated()[axis].max(0), to.repeated()[axis]);
            } else if let Some([from, to]) = self.roi_slices.as_ref().and_then(|s| s.get(axis)) {
                let place = |i: i64| if i < 0 { i.saturating_add(n).max(0) } else { i };
                (start[axis], end[axis]) = (from.map_or(0, place), to.map_or(n, place));
            }
            end[axis] = end[axis].min(n);
        }
        (start, end)
    }

    /// The box in voxels of a grid, where it is given in mm.
    fn in_world(&self, grid: &Grid) -> Option<IndexBox> {
        let frame = self.frame?.frame();
        if let (Some(start), Some(end)) = (self.start_world, self.end_world) {
            return Some(of_world([start, end], frame, grid));
        }
        let (center, size) = (self.center_mm?, self.size_mm.as_ref()?.repeated());
        let (mut middle, spacing) = (grid.world_to_index().apply(frame.point_to_ras(center)), grid.spacing());
        let mut count = [0, 1, 2].map(|a| (size[a] / spacing[a]).round_ties_even().clamp(1.0, 1e12));
        // A box around a point of the slice of a 2-D volume has that slice.
        if grid.is_planar() && middle[2].abs() <= (size[2] / spacing[2]).max(1.0) / 2.0 {
            (middle[2], count[2]) = (0.0, 1.0);
        }
        let start = [0, 1, 2].map(|a| (middle[a] - (count[a] - 1.0) / 2.0).round_ties_even() as i64);
        Some(IndexBox { start, shape: count.map(|c| c as usize) })
    }
}

impl SpatialTransform for SpatialCrop {
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let region = match self.in_world(grid) {
            Some(region) => region,
            None => {
                let there = source_grid(self.source.as_deref(), grid, evidence)?;
                let (start, end) = self.in_voxels(there);
                if (0..3).any(|a| end[a] <= start[a]) {
                    return Err(PlanError::NothingLeft { start, end, shape: there.shape() });
                }
                carried(&IndexBox::from_bounds(start, end), there, grid)
            }
        };
        let region = clipped(&region, grid)?;
        Ok(window(grid.shape(), region.start, region.end()))
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        // How much of a box in the world lies in the volume depends on its place.
        let planned = || before.cropped(|grid| self.plan(grid, &Evidence::default()));
        Some(if self.frame.is_some() { before.window(None) } else { planned() })
    }

    fn sources(&self) -> Sources<'_> {
        self.source.as_deref().map_or(Sources::Nothing, Sources::grid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::Affine;
    use serde_json::json;

    /// 2 mm voxels, the first axis to the left, the second to the anterior, the third to the superior end.
    fn grid() -> Grid {
        let affine = Affine::from_rows([[-2., 0., 0., 20.], [0., 2., 0., -10.], [0., 0., 4., 100.]]);
        Grid::new([20, 16, 10], affine).unwrap()
    }

    fn plan(value: serde_json::Value, grid: &Grid, source: Option<&Grid>) -> Result<Vec<GridOp>, PlanError> {
        let crop: SpatialCrop = serde_json::from_value(value).unwrap();
        crop.check().unwrap();
        crop.plan(grid, &Evidence { observed: None, reference: source })
    }

    #[test]
    fn boxes_in_millimetres() {
        fn t(value: serde_json::Value, start: [i64; 3], shape: [usize; 3]) {
            assert_eq!(plan(value.clone(), &grid(), None), Ok(vec![GridOp::Window { start, shape }]), "{value}");
        }
        // (10, 0, 112) mm is index (5, 5, 3).
        t(json!({ "center_mm": [10, 0, 112], "size_mm": [6, 10, 4], "frame": "RAS" }), [4, 3, 3], [3, 5, 1]);
        t(json!({ "center_mm": [-10, 0, 112], "size_mm": [6, 10, 4], "frame": "LPS" }), [4, 3, 3], [3, 5, 1]);
        t(json!({ "center_mm": [20, -10, 100], "size_mm": 20, "frame": "RAS" }), [0, 0, 0], [6, 6, 3]);
        // Voxel 3 reaches from x 13 to 15, voxel 8 from 3 to 5.
        t(
            json!({ "start_world": [4.9, -3.5, 105], "end_world": [14, 1.5, 109], "frame": "RAS" }),
            [3, 3, 1],
            [6, 4, 2],
        );
        let outside = json!({ "center_mm": [500, 0, 0], "size_mm": 10, "frame": "RAS" });
        assert!(matches!(plan(outside, &grid(), None), Err(PlanError::NothingLeft { .. })));
    }

    #[test]
    fn a_box_of_another_input_is_carried_through_the_world() {
        // Half the voxels of `grid` along each axis, with the same outer faces.
        let affine = Affine::from_rows([[-4., 0., 0., 19.], [0., 4., 0., -9.], [0., 0., 8., 102.]]);
        let coarse = Grid::new([10, 8, 5], affine).unwrap();
        let value = json!({ "roi_start": [4, 2, 1], "roi_end": [10, 8, 5], "source": "ct" });
        let expected = vec![GridOp::Window { start: [2, 1, 0], shape: [3, 3, 3] }];
        assert_eq!(plan(value.clone(), &coarse, Some(&grid())), Ok(expected));
        let expected = vec![GridOp::Window { start: [4, 2, 1], shape: [6, 6, 4] }];
        assert_eq!(plan(value.clone(), &grid(), Some(&grid())), Ok(expected));
        assert!(matches!(plan(value, &grid(), None), Err(PlanError::MissingInput(_))));
    }

    #[test]
    fn contradictions_are_refused() {
        fn t(value: serde_json::Value, field: &str, part: &str) {
            let crop: SpatialCrop = serde_json::from_value(value).unwrap();
            let error = crop.check().unwrap_err();
            assert!(error.field == field && error.problem.contains(part), "{error:?}");
        }
        t(json!({}), "", "roi_center and roi_size");
        t(json!({ "roi_start": 1 }), "", "roi_start and roi_end");
        t(json!({ "roi_start": 1, "roi_end": 3, "roi_slices": [[1, 2]] }), "", "roi_start and roi_end");
        t(json!({ "center_mm": [1, 2, 3], "size_mm": 3 }), "frame", "frame: RAS");
        t(json!({ "center_mm": [1, 2, 3], "size_mm": [3, 0], "frame": "RAS" }), "size_mm", "0 mm is not a size");
        t(json!({ "roi_start": 1, "roi_end": 3, "frame": "LPS" }), "frame", "no frame");
        t(json!({ "start_world": [0, 0, 0], "end_world": [1, 0, 1], "frame": "LPS" }), "end_world", "flat");
        let both = json!({ "start_world": [0, 0, 0], "end_world": [1, 1, 1], "frame": "LPS", "source": "ct" });
        t(both, "source", "leave source out");
    }
}
