//! A transform of one's own, used in a pipeline by its name, recorded and inverted as the others are.

#![allow(clippy::print_stdout, reason = "an example says what it did")]

use std::error::Error;

use revoxel::geometry::{Grid, GridOp, IndexBox};
use revoxel::transforms::{Class, Define, Evidence, PlanError, SpatialTransform, Transform, define};
use revoxel::{Kind, Pipeline, Recipe, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Takes the lower part of a volume along its third axis.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LowerPart {
    /// The share of the slices that is kept, above 0 and at most 1.
    share: f64,
}

impl Define for LowerPart {
    const NAME: &'static str = "lower_part";
    const CLASS: Class = Class::Spatial;

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for LowerPart {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let IndexBox { start, mut shape } = grid.index_box();
        shape[2] = ((shape[2] as f64 * self.share).round() as usize).max(1);
        Ok(vec![GridOp::Window { start, shape }])
    }
}

const PIPELINE: &str = "
version: 1
inputs: { image: { kind: image, path: '{case}.nii.gz' } }
steps:
  - lower_part: { share: 0.5 }
outputs: { image: { path: '{case}/image.nii.gz' } }
trace: '{case}/trace.json'
";

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let registry = revoxel::registry().with(define::<LowerPart>());
    let pipeline = Pipeline::parse_with(PIPELINE, &registry)?;
    let grid = Grid::without_geometry([3, 2, 4])?;
    let scan = Volume::new((1..25u8).collect::<Vec<_>>().into(), grid, Kind::Image, 1)?;
    let case = pipeline.run([("image", scan)])?;
    let half = case.volumes["image"].clone();
    assert_eq!(half.grid().shape(), [3, 2, 2]);
    // The way back knows nothing of the transform: the trace says what it did to the grid.
    let back = case.trace.invert(half.with_kind(Kind::Label), Recipe { coverage: true, ..Recipe::default() })?;
    assert_eq!((*back.volume.grid(), back.unseen), (grid, 12));
    println!("{} of {} voxels came back", grid.voxel_count() - back.unseen, grid.voxel_count());
    Ok(())
}
