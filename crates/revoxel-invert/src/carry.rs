//! What a step put on voxels by their place, taken through the steps after it.
//!
//! ```text
//! source --steps--> x --noise--> x + n --steps--> S(x + n) = S(x) + S(n)   model's grid
//!                                n ------steps--> S(n)                     made again, to be subtracted
//! ```
//!
//! Interpolation is linear in the values, so noise that goes the way of the volume is what the volume has of it. Of a
//! field of factors that holds where voxels are copied; else it is as smooth as the field.

use rayon::prelude::*;
use revoxel_core::{Dtype, Grid, GridOp, IndexBox, Kind, Sampling, ValueUndo, Volume, Voxels};
use revoxel_resample::{BiasField, FilterEdge, How, Interpolation, Noise, area, execute, gaussian_smooth_as, pad};

use crate::inversion::InvertError;
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
            channel.par_iter_mut().zip(&self.values).with_min_len(BLOCK).for_each(|(number, value)| {
                let value = f64::from(*value);
                *number = if self.divides { *number / value } else { *number - value };
            });
        }
    }
}

impl VolumeTrace {
    /// What the change of values of a step (from 0) put on voxels by their place, on the result's grid; `None` where
    /// a place does not matter.
    ///
    /// # Errors
    /// Where the record makes no sense, or the volume does not fit in memory.
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
            let problem = format!("{channels} channel(s) of {:?} voxels do not fit in memory", grid.shape());
            return Err(trouble("after", problem));
        }
        values.resize(count.unwrap_or_default(), 0.0);
        let nothing = match undo {
            ValueUndo::Noise { key, mean, std, .. } => {
                let noise = Noise::new(*key);
                let made = |(i, value): (usize, &mut f32)| *value = (mean + std * noise.normal(i as u64)) as f32;
                values.par_iter_mut().enumerate().with_min_len(BLOCK).for_each(made);
                0.0
            }
            ValueUndo::BiasField { degree, coefficients } => {
                let field = BiasField::new(*degree, coefficients.clone());
                let field = field.ok_or_else(|| trouble("values", format!("no field of degree {degree}")))?;
                let (factors, length) = (field.over(grid.shape()), grid.shape()[0]);
                values.par_chunks_mut(length).enumerate().for_each(|(line, row)| {
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
        let mut ops = geometry[before..].iter();
        let mut way = Way::new(volume, nothing);
        for (number, step) in self.steps.iter().enumerate().skip(first) {
            let refused = |problem: String| InvertError::Trace {
                place: format!("steps[{number}] ({}).interpolation", step.transform),
                problem,
            };
            let mut sampled = false;
            for op in ops.by_ref().take(step.ops.len()) {
                match op.op() {
                    GridOp::Window { start, shape } => way.window(op.op(), *start, *shape, step)?,
                    op if !op.interpolates() => way.push(op)?,
                    // What one step samples, it samples once.
                    op if sampled => way.pass.push(op)?,
                    op => {
                        let interpolation = match step.interpolation.as_deref() {
                            Some(name) => name
                                .parse()
                                .map_err(|e: revoxel_resample::InterpolationError| refused(e.to_string()))?,
                            None => return Err(refused("is missing".to_owned())),
                        };
                        way.resample(op, interpolation, step, number)?;
                        sampled = true;
                    }
                }
            }
        }
        way.settle()?;
        let model = self.result.grid.grid()?;
        Ok(way.volume.on_grid(model)?)
    }
}

/// A volume on its way, and the pass that waits for it.
struct Way {
    volume: Volume,
    pass: Sampling,
    how: How,
    /// What changes nothing: 0 for what is added, 1 for what is multiplied.
    nothing: f64,
}

impl Way {
    fn new(volume: Volume, nothing: f64) -> Self {
        let pass = Sampling::identity(*volume.grid());
        Self { volume, pass, how: Self::how(nothing, Interpolation::Nearest), nothing }
    }

    fn how(nothing: f64, interpolation: Interpolation) -> How {
        How { fill: vec![nothing], padding: vec![nothing], ..How::border(interpolation) }
    }

    fn grid(&self) -> &Grid {
        self.pass.target()
    }

    fn settle(&mut self) -> Result<(), InvertError> {
        if !self.pass.is_identity() {
            self.put(execute(&self.volume, &self.pass, &self.how)?);
        }
        Ok(())
    }

    fn put(&mut self, volume: Volume) {
        self.pass = Sampling::identity(*volume.grid());
        self.volume = volume;
    }

    /// An exact op.
    fn push(&mut self, op: &GridOp) -> Result<(), InvertError> {
        if !self.pass.fuses(op, false) {
            self.settle()?;
        }
        Ok(self.pass.push(op)?)
    }

    fn window(&mut self, op: &GridOp, start: [i64; 3], shape: [usize; 3], step: &TraceStep) -> Result<(), InvertError> {
        let pads = !self.grid().index_box().contains(&IndexBox { start, shape });
        match step.sampled.and_then(|s| s.repeats).filter(|_| pads) {
            Some(repeats) => {
                self.settle()?;
                self.put(pad(&self.volume, start, shape, repeats.mode(), &[self.nothing])?);
                Ok(())
            }
            None => self.push(op),
        }
    }

    /// The op of a step that interpolates.
    fn resample(
        &mut self,
        op: &GridOp,
        interpolation: Interpolation,
        step: &TraceStep,
        number: usize,
    ) -> Result<(), InvertError> {
        let sampled = step.sampled.unwrap_or_default();
        let mut through = None;
        if let GridOp::Resample { grid } = op {
            if let Some(rule) = sampled.smoothed.map(|s| s.rule()) {
                self.settle()?;
                let (sigma, mut gaussian) = (rule.sigma(self.grid(), grid), rule.gaussian());
                if self.nothing != 0.0 {
                    // Zeros beyond the volume make values smaller, but not what they were multiplied by.
                    gaussian.edge = FilterEdge::Nearest;
                }
                self.put(gaussian_smooth_as(&self.volume, sigma, &gaussian)?);
            }
            if sampled.area {
                self.settle()?;
                self.put(area(&self.volume, grid)?);
                return Ok(());
            }
            let problem = |problem: String| InvertError::Trace {
                place: format!("steps[{number}] ({}).separate", step.transform),
                problem,
            };
            let separate = step.separate.as_ref().map(|s| s.rule()).transpose().map_err(problem)?;
            through = separate.and_then(|s| s.forth(self.grid().nominal_spacing(), grid.nominal_spacing()));
        }
        if through.is_some() || !self.pass.fuses(op, sampled.fused) {
            self.settle()?;
        }
        self.pass.push(op)?;
        let (outside, boundary) = (sampled.outside, sampled.boundary);
        self.how = How { outside, boundary, through, ..Self::how(self.nothing, interpolation) };
        Ok(())
    }
}
