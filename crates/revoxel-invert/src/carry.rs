//! What a step put on voxels by their place, taken through the steps after it.
//!
//! ```text
//! source --steps--> x --noise--> x + n --steps--> S(x + n) = S(x) + S(n)   model's grid
//!                                n ------steps--> S(n)                     made again, to be subtracted
//! ```
//!
//! Interpolation is linear in the values, so noise that goes the way of the volume is what the volume has of it. Of a
//! field of factors that holds where voxels are copied; else it is as smooth as the field.

use revoxel_core::{Dtype, GridOp, Kind, ValueUndo, Volume, Voxels, parallel};
use revoxel_resample::{Beyond, BiasField, FilterEdge, FusedPass, Interpolation, Noise, Outside, PadMode, StepRule};

use crate::error::InvertError;
use crate::trace::{TraceStep, VolumeTrace};

/// Values per task, at least.
pub(crate) const BLOCK: usize = 1 << 14;

/// What is subtracted from, or divides, each value on the model's grid.
#[derive(Debug)]
pub(crate) struct Carried {
    values: Vec<f32>,
    divides: bool,
}

impl Carried {
    /// Undoes the change in all channels; what was made for one channel holds for each.
    pub(crate) fn undo(&self, numbers: &mut [f64]) {
        for channel in numbers.chunks_mut(self.values.len()) {
            parallel::each(channel.chunks_mut(BLOCK).zip(self.values.chunks(BLOCK)), |(numbers, values)| {
                for (number, value) in numbers.iter_mut().zip(values) {
                    let value = f64::from(*value);
                    *number = if self.divides { *number / value } else { *number - value };
                }
            });
        }
    }
}

impl VolumeTrace {
    /// What the change of values of a step (from 0) put on voxels by their place, on the result's grid; `None` where
    /// a place does not matter.
    ///
    /// # Errors
    /// If the record makes no sense, or the volume does not fit in memory.
    pub(crate) fn carried(&self, number: usize, undo: &ValueUndo) -> Result<Option<Carried>, InvertError> {
        let place = |field: &str| format!("steps[{number}] ({}).{field}", self.steps[number].transform);
        let trouble = |field: &str, problem: String| InvertError::Trace { place: place(field), problem };
        let channels = match undo {
            ValueUndo::Noise { channels, .. } => *channels,
            ValueUndo::BiasField { .. } => 1,
            _ => return Ok(None),
        };
        let grid = self.steps[number].after.grid().map_err(|e| trouble("after", e.to_string()))?;
        let mut values: Vec<f32> = Vec::new();
        let count = grid.voxel_count().checked_mul(channels);
        if count.is_none_or(|count| values.try_reserve_exact(count).is_err()) {
            let problem = format!("not enough memory for {channels} channels of {:?} voxels", grid.shape());
            return Err(trouble("after", problem));
        }
        values.resize(count.unwrap_or_default(), 0.0);
        let nothing = match undo {
            ValueUndo::Noise { key, mean, std, .. } => {
                let noise = Noise::new(*key);
                let made = |(i, value): (usize, &mut f32)| *value = (mean + std * noise.normal(i as u64)) as f32;
                parallel::each(values.chunks_mut(BLOCK).enumerate(), |(block, values)| {
                    (block * BLOCK..).zip(values).for_each(made);
                });
                0.0
            }
            ValueUndo::BiasField { degree, coefficients } => {
                let field = BiasField::new(*degree, coefficients.clone());
                let field = field.ok_or_else(|| trouble("values", format!("invalid bias field of degree {degree}")))?;
                let (factors, length) = (field.over(grid.shape()), grid.shape()[0]);
                parallel::each_row(&mut values, length, |line, row| {
                    row.iter_mut().zip(factors.row(line)).for_each(|(value, factor)| *value = factor as f32);
                });
                1.0
            }
            _ => return Ok(None),
        };
        let volume = Volume::new(values.into(), grid, Kind::Image, channels)?;
        let values = match self.taken_on(number + 1, volume, nothing)?.into_voxels().cast(Dtype::F32) {
            Voxels::F32(values) => values,
            _ => unreachable!("cast to float32"),
        };
        Ok(Some(Carried { values: values.into_vec(), divides: matches!(undo, ValueUndo::BiasField { .. }) }))
    }

    /// A volume on the grid before step `first` (from 0), taken through it and the steps after it as the traced volume
    /// was. `nothing` stands where they put values of their own.
    fn taken_on(&self, first: usize, volume: Volume, nothing: f64) -> Result<Volume, InvertError> {
        let geometry = self.geometry().map_err(|(place, problem)| InvertError::Trace { place, problem })?;
        let before: usize = self.steps[..first].iter().map(|step| step.ops.len()).sum();
        let mut ops = geometry[before..].iter().map(|step| step.op().clone());
        let mut fused = FusedPass::new(volume);
        for (number, step) in self.steps.iter().enumerate().skip(first) {
            let ops: Vec<GridOp> = ops.by_ref().take(step.ops.len()).collect();
            fused.apply(&ops, &self.rule_of(number, step, &ops, nothing)?)?;
        }
        let model = self.result.grid.grid()?;
        Ok(fused.settle()?.clone().on_grid(model)?)
    }

    /// How a step was executed, for a volume in which `nothing` changes nothing: 0 for what is added, 1 for what is
    /// multiplied.
    fn rule_of(&self, number: usize, step: &TraceStep, ops: &[GridOp], nothing: f64) -> Result<StepRule, InvertError> {
        let refused = |field: &str, problem: String| InvertError::Trace {
            place: format!("steps[{number}] ({}).{field}", step.transform),
            problem,
        };
        let interpolation = match step.interpolation {
            Some(interpolation) => interpolation,
            None if ops.iter().any(GridOp::interpolates) => {
                return Err(refused("interpolation", "is missing".to_owned()));
            }
            None => Interpolation::Nearest,
        };
        let separate = step.separate.as_ref().map(crate::SeparateRecord::rule).transpose();
        let sampled = step.sampled.unwrap_or_default();
        Ok(StepRule {
            beyond: match sampled.outside {
                Outside::Border => Beyond::Border,
                Outside::Reflection => Beyond::Reflection,
                Outside::Fill => Beyond::Fill(vec![nothing]),
            },
            boundary: sampled.boundary,
            area: sampled.area,
            separate: separate.map_err(|problem| refused("separate", problem))?,
            smoothing: sampled.smoothed.map(|s| s.rule()),
            // Zeros beyond the volume make values smaller, but not what they were multiplied by.
            smoothing_edge: (nothing != 0.0).then_some(FilterEdge::Nearest),
            ties: self.ties,
            pad_mode: sampled.repeats.map_or(PadMode::Constant, |r| r.mode()),
            padding: vec![nothing],
            fuse_resampling: sampled.fused,
            ..StepRule::plain(interpolation)
        })
    }
}
