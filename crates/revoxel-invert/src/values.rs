//! Values back to the units of the source.

use rayon::prelude::*;
use revoxel_core::{Dtype, Kind, ValueUndo, Volume, Voxels};

use crate::carry::BLOCK;
use crate::inversion::{InvertError, on_model_grid};
use crate::trace::VolumeTrace;

/// What to do with the intensities of a prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Values {
    /// Leave them: the prediction's own units.
    #[default]
    Keep,
    /// Undo the recorded changes, last first; refuse what was cut off.
    Undo,
    /// The same, and take the limit itself for what was cut off.
    Clamp,
}

impl Values {
    /// The name as written in pipelines and traces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Undo => "undo",
            Self::Clamp => "clamp",
        }
    }
}

impl VolumeTrace {
    /// The recorded changes of values with the number of the step (from 1) and its name, last first, without those
    /// that changed nothing.
    ///
    /// # Errors
    /// Where a record makes no sense.
    pub fn undos(&self) -> Result<Vec<(usize, &str, ValueUndo)>, InvertError> {
        let mut undos = Vec::new();
        for (number, step) in self.steps.iter().enumerate().rev() {
            let Some(record) = &step.values else { continue };
            let undo = record.undo().map_err(|problem| InvertError::Trace {
                place: format!("steps[{number}] ({}).values", step.transform),
                problem,
            })?;
            if !undo.is_nothing() {
                undos.push((number + 1, step.transform.as_str(), undo));
            }
        }
        Ok(undos)
    }

    /// The first step after `step` (from 1) that kept values within a range, by its position, and how many it changed.
    fn clipped_after(&self, step: usize) -> Option<(usize, usize)> {
        let clipped = |(number, step): (usize, &crate::TraceStep)| Some((number, step.sampled?.clipped?));
        self.steps.iter().enumerate().skip(step).find_map(clipped)
    }

    /// A prediction in the units of the source: the recorded changes of values are undone, last first. Images become
    /// float32 (float64 stays); of labels, exchanged names are put back.
    ///
    /// # Errors
    /// The step whose values are lost, or were cut off and `values` does not say `Clamp`; a prediction that does not
    /// lie on the trace's result grid.
    pub fn undo_values(&self, volume: Volume, values: Values) -> Result<Volume, InvertError> {
        if values == Values::Keep {
            return Ok(volume);
        }
        let kind = volume.kind();
        if !matches!(kind, Kind::Image | Kind::Label) {
            return Err(InvertError::NoUnits(kind));
        }
        let undos = self.undos()?;
        for (step, transform, undo) in &undos {
            let refused =
                |reason: String| InvertError::Lost { step: *step, transform: (*transform).to_owned(), reason };
            match undo {
                ValueUndo::Lost { reason } => return Err(refused(format!("its values are lost: {reason}"))),
                ValueUndo::RescaleClipped { limits, .. } if values == Values::Undo => {
                    let limit = |l: Option<f64>| l.map_or_else(|| "…".to_owned(), |v| v.to_string());
                    let ranges: Vec<String> =
                        limits.iter().map(|[a, b]| format!("[{}, {}]", limit(*a), limit(*b))).collect();
                    let problem = format!(
                        "clipped to {}: what lay beyond is not known; use --clamp to get the limits in its place",
                        ranges.join(", ")
                    );
                    return Err(refused(problem));
                }
                ValueUndo::Noise { .. } | ValueUndo::BiasField { .. }
                    if values == Values::Undo && kind == Kind::Image =>
                {
                    if let Some((later, clipped)) = self.clipped_after(*step) {
                        let place = format!("step {} ({})", later + 1, self.steps[later].transform);
                        let problem = format!(
                            "cannot be undone exactly: {place} kept values within the range of the changed voxels (clip: \
                             true; {clipped} voxel(s) were cut); use --clamp to undo it as far as it is known"
                        );
                        return Err(refused(problem));
                    }
                }
                ValueUndo::Relabel { .. } if kind == Kind::Image => {
                    return Err(refused("it changed names of labels, and this is an image".to_owned()));
                }
                ValueUndo::Relabel { .. } => {}
                _ if kind == Kind::Label => {
                    return Err(refused("it changed intensities, and these are labels".to_owned()));
                }
                _ => {}
            }
            if let Some(n) = undo.channels()
                && n > 1
                && n != volume.channels()
            {
                let problem = format!("it was recorded for {n} channels, and the prediction has {}", volume.channels());
                return Err(refused(problem));
            }
        }
        if undos.is_empty() {
            return Ok(volume);
        }
        let model = self.result.grid.grid()?;
        let (volume, _) = on_model_grid(volume, &model, false)?;
        let (size, channels) = (model.voxel_count(), volume.channels());
        let wide = volume.dtype() == Dtype::F64;
        let mut numbers = match volume.cast(Dtype::F64).into_voxels() {
            Voxels::F64(numbers) => numbers,
            _ => unreachable!("cast to float64"),
        };
        for (step, _, undo) in &undos {
            if let Some(carried) = self.carried(step - 1, undo)? {
                carried.undo(&mut numbers);
                continue;
            }
            for (channel, values) in numbers.chunks_mut(size).enumerate() {
                let before = |value: &mut f64| *value = undo.before(channel, *value).unwrap_or(*value);
                values.par_iter_mut().with_min_len(BLOCK).for_each(before);
            }
        }
        let dtype = match kind {
            Kind::Label => {
                let (lowest, highest) = numbers.iter().fold((0.0f64, 0.0f64), |(l, h), v| (l.min(*v), h.max(*v)));
                Dtype::smallest_for_label_range(lowest, highest)
            }
            _ if wide => Dtype::F64,
            _ => Dtype::F32,
        };
        Ok(Volume::new(Voxels::from(numbers).cast(dtype), model, kind, channels)?)
    }
}

#[cfg(test)]
mod tests;
