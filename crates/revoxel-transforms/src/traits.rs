//! What a transform can be asked.

use std::fmt::Debug;

use revoxel_core::{Grid, GridOp, ValueUndo, Volume};

use crate::error::{ApplyError, PlanError};
use crate::label_set::LabelSet;
use crate::named::{NamedLabel, RefusedLabel};
use crate::outline::Outline;
use crate::renumbering::Renumbering;
use crate::resampling::{PaddingRule, Resampling};
use crate::sources::{Evidence, Observed, Sources};
use crate::values::{KnownShape, ValueState, ValueTraits};

/// Plans what happens to where voxels are. Contains no voxel loop.
pub trait SpatialTransform: Debug + Send + Sync {
    /// The ops that this transform makes of a grid.
    ///
    /// # Errors
    /// Where the grid cannot be treated as asked, or the answer depends on voxels that are not there yet.
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError>;

    /// What is known of the grid after, where the one before is not wholly known, or the ops depend on voxels.
    fn outline(&self, _before: Outline) -> Option<Outline> {
        None
    }

    /// The inputs whose voxels or grid must be in the evidence.
    fn sources(&self) -> Sources<'_> {
        Sources::Nothing
    }

    /// What is seen in the voxels of a source, and in those of the one beside it, if [`sources`](Self::sources) names
    /// one.
    ///
    /// # Errors
    /// Where the voxels do not allow an answer.
    fn observe(&self, source: &Volume, _beside: Option<&Volume>) -> Result<Observed, PlanError> {
        Ok(Observed { grid: *source.grid(), region: Some(source.grid().index_box()) })
    }

    /// Whether there is room for what it takes in a source on this grid.
    ///
    /// # Errors
    /// Where the grid is too small, whatever the voxels are.
    fn fits(&self, _source: &Grid) -> Result<(), PlanError> {
        Ok(())
    }

    /// How ops of this transform that interpolate do it.
    fn resampling(&self) -> Resampling<'_> {
        Resampling::default()
    }

    /// What windows of this transform hold where they stick out.
    fn padding(&self) -> PaddingRule<'_> {
        PaddingRule::default()
    }

    /// The labels that parameters name, of the inputs whose voxels it looks at.
    fn named_labels(&self) -> Vec<NamedLabel> {
        Vec::new()
    }
}

/// Changes values, not places; says how to undo it where it can be undone.
pub trait ValueTransform: Debug + Send + Sync {
    /// The volume with changed values on the same grid, and what undoes the change.
    ///
    /// # Errors
    /// Where the values do not allow it.
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError>;

    /// The other inputs whose voxels it looks at.
    fn sources(&self) -> Sources<'_> {
        Sources::Nothing
    }

    /// [`apply`](Self::apply) with the source, or the mask of the sources, which lies on the same grid.
    ///
    /// # Errors
    /// Where the values do not allow it.
    fn apply_with(&self, volume: Volume, _source: &Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        self.apply(volume)
    }

    /// The mask of the sources, where [`sources`](Self::sources) names them as a [mask](Sources::Mask). They lie on one
    /// grid.
    ///
    /// # Errors
    /// Where no mask can be made.
    fn mask(&self, _sources: &[&Volume]) -> Result<Volume, ApplyError> {
        Err(ApplyError::MissingInput(self.sources().keys().collect::<Vec<_>>().join(", ")))
    }

    /// What holds of it whatever the volume is.
    fn traits(&self) -> ValueTraits {
        ValueTraits::default()
    }

    /// What is known of the values of a volume after the step.
    fn after(&self, before: &ValueState) -> ValueState {
        before.changed()
    }

    /// What it does to the numbers of labels. Names of labels are written after steps only where this is known.
    fn renumbering(&self) -> Renumbering {
        Renumbering::Unknown
    }

    /// Refuses volumes of a shape or of so many channels, as [`apply`](Self::apply) does.
    ///
    /// # Errors
    /// Where parameters do not fit them.
    fn fits(&self, _volume: &KnownShape) -> Result<(), ApplyError> {
        Ok(())
    }

    /// The labels that parameters name: of the source, where there is one, else of the volumes that are changed. Not
    /// those that the step makes.
    fn named_labels(&self) -> Vec<NamedLabel> {
        Vec::new()
    }

    /// A label among these, which a volume may hold before the step, that the step refuses. Of a one-hot map of
    /// probabilities they are the numbers of its channels.
    fn refuses(&self, _labels: &LabelSet) -> Option<RefusedLabel> {
        None
    }
}
