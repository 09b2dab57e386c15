//! Values back to the units of the source.

use revoxel_core::{Dtype, Kind, Number, ValueUndo, Volume, Voxel, Voxels, dispatch, parallel};

use crate::carry::BLOCK;
use crate::error::InvertError;
use crate::inversion::on_model_grid;
use crate::recipe::Values;
use crate::trace::VolumeTrace;

impl VolumeTrace {
    /// The recorded changes of values with the number of the step (from 1) and its name, last first, without those
    /// that changed nothing.
    ///
    /// # Errors
    /// If a record makes no sense.
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

    /// The first step after `step` (from 1) whose result does not follow what was put on the voxels, by its position, and
    /// why.
    fn bound_after(&self, step: usize) -> Option<(usize, String)> {
        self.steps.iter().enumerate().skip(step).find_map(|(number, step)| {
            let sampled = step.sampled?;
            let why = match (sampled.clipped, sampled.computed) {
                (Some(count), _) => {
                    format!("kept values within the range of the changed voxels (clip: true; clipped voxels: {count})")
                }
                (None, true) => "padded with values computed from the changed voxels".to_owned(),
                (None, false) => return None,
            };
            Some((number, why))
        })
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
        let undos = self.check_undo(kind, volume.channels(), values)?;
        if undos.is_empty() {
            return Ok(volume);
        }
        let model = self.result.grid.grid()?;
        let (volume, _) = on_model_grid(volume, &model, false)?;
        if kind == Kind::Label {
            return undos.iter().try_fold(volume, |volume, (step, transform, undo)| match undo {
                ValueUndo::Relabel { pairs } => relabelled(volume, pairs).map_err(|reason| InvertError::Lost {
                    step: *step,
                    transform: (*transform).to_owned(),
                    reason,
                }),
                _ => Ok(volume),
            });
        }
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
                parallel::each(values.chunks_mut(BLOCK), |values| values.iter_mut().for_each(before));
            }
        }
        let dtype = if wide { Dtype::F64 } else { Dtype::F32 };
        Ok(Volume::new(Voxels::from(numbers).cast(dtype), model, kind, channels)?)
    }

    /// The changes to undo in a prediction of some kind with so many channels.
    ///
    /// # Errors
    /// If the kind has none, or values were lost or cut off.
    pub(crate) fn check_undo(
        &self,
        kind: Kind,
        channels: usize,
        values: Values,
    ) -> Result<Vec<(usize, &str, ValueUndo)>, InvertError> {
        if !matches!(kind, Kind::Image | Kind::Label) {
            return Err(InvertError::NoUnits(kind));
        }
        let undos = self.undos()?;
        for (step, transform, undo) in &undos {
            let refused =
                |reason: String| InvertError::Lost { step: *step, transform: (*transform).to_owned(), reason };
            let clipped =
                |reason: String| InvertError::Clipped { step: *step, transform: (*transform).to_owned(), reason };
            match undo {
                ValueUndo::Lost { reason } => return Err(refused(format!("the values are lost: {reason}"))),
                ValueUndo::RescaleClipped { limits, .. } if values == Values::Undo => {
                    let limit = |l: Option<f64>| l.map_or_else(|| "…".to_owned(), |v| v.to_string());
                    let ranges: Vec<String> =
                        limits.iter().map(|[a, b]| format!("[{}, {}]", limit(*a), limit(*b))).collect();
                    let problem = format!(
                        "clipped to {}: values beyond are unknown; use the limits with `values: clamp`",
                        ranges.join(", ")
                    );
                    return Err(clipped(problem));
                }
                ValueUndo::Noise { .. } | ValueUndo::BiasField { .. }
                    if values == Values::Undo && kind == Kind::Image =>
                {
                    if let Some((later, why)) = self.bound_after(*step) {
                        let place = format!("step {} ({})", later + 1, self.steps[later].transform);
                        return Err(clipped(format!(
                            "cannot be undone exactly, because {place} {why}; undo it as far as possible with `values: \
                             clamp`"
                        )));
                    }
                }
                ValueUndo::Relabel { .. } if kind == Kind::Image => {
                    return Err(refused("it exchanged labels, but the prediction is an image".to_owned()));
                }
                ValueUndo::Relabel { .. } => {}
                _ if kind == Kind::Label => {
                    return Err(refused("it changed intensities, but the prediction holds labels".to_owned()));
                }
                _ => {}
            }
            if let Some(n) = undo.channels()
                && n > 1
                && n != channels
            {
                let problem = format!("recorded for {n} channels, but the prediction has {channels}");
                return Err(refused(problem));
            }
        }
        Ok(undos)
    }
}

/// A label map with labels exchanged by pairs of (after, before), in the smallest voxel type that holds the result. The
/// other labels stay to the last digit.
fn relabelled(volume: Volume, pairs: &[[f64; 2]]) -> Result<Volume, String> {
    let whole = |label: f64| match Number::from(label) {
        Number::Whole(label) => Ok(label),
        Number::Real(label) => Err(format!("it exchanged {label}, which is not a label: labels are whole numbers")),
    };
    let pairs: Vec<(i128, i128)> =
        pairs.iter().map(|[a, b]| Ok((whole(*a)?, whole(*b)?))).collect::<Result<_, String>>()?;
    let (lowest, highest) = volume.voxels().whole_range().unwrap_or_default();
    let befores = pairs.iter().map(|(_, before)| *before);
    let lowest = befores.clone().fold(lowest, i128::min).min(0);
    let highest = befores.fold(highest, i128::max).max(0);
    let Some(wide) = Dtype::smallest_for_whole(lowest, highest) else {
        return Err(format!("no voxel type can store both labels {lowest} and {highest}"));
    };
    fn exchange<T: Voxel>(values: &mut [T], pairs: &[(i128, i128)]) {
        parallel::each(values.chunks_mut(BLOCK), |values| {
            let mut last: Option<(T, T)> = None;
            for value in values {
                let to = match last {
                    Some((from, to)) if from == *value => to,
                    _ => {
                        let pair = pairs.iter().find(|(after, _)| value.whole() == Some(*after));
                        pair.map_or(*value, |(_, before)| T::near_whole(*before))
                    }
                };
                last = Some((*value, to));
                *value = to;
            }
        });
    }
    let (grid, kind, channels) = (*volume.grid(), volume.kind(), volume.channels());
    let mut voxels = volume.into_voxels().cast(wide);
    dispatch!(&mut voxels, v => exchange(v, &pairs));
    let (lowest, highest) = voxels.whole_range().unwrap_or_default();
    let dtype = Dtype::smallest_for_whole(lowest.min(0), highest.max(0)).unwrap_or(wide);
    Volume::new(voxels.cast(dtype), grid, kind, channels).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests;
