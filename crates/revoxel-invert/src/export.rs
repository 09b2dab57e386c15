//! The part of a trace that other programs can hold: an affine map between indices, or between points of the world
//! together with a reference grid.

use revoxel_core::{Affine, Frame, Grid, GridOp};
use serde_json::{Value, json};

use crate::error::InvertError;
use crate::record::{GridRecord, OpRecord};
use crate::trace::{Trace, TraceError, VolumeTrace};

/// Axes that are further from right angles than this have no place in the files of ITK, which keep a rotation.
const MOST_SHEAR: f64 = 1e-4;

/// Why a trace cannot be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The volume is not in the trace, or it is not clear which one is meant.
    #[error(transparent)]
    Volume(#[from] TraceError),
    /// The trace contradicts itself.
    #[error(transparent)]
    Damaged(#[from] InvertError),
    /// An op that no affine map holds.
    #[error("{place} ({transform}): {op} is not affine, so that it cannot be exported; use `revoxel invert`")]
    NotAffine {
        /// The step.
        place: String,
        /// Its transform.
        transform: String,
        /// The op.
        op: &'static str,
    },
    /// A grid that ITK cannot hold.
    #[error("{place}: {problem}, which the files of ITK cannot hold; export an affine map instead")]
    NotItk {
        /// Which grid.
        place: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// What is in a trace and not in its export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotExported {
    /// The part of the trace.
    pub name: &'static str,
    /// What follows from that.
    pub what: String,
}

/// The affine map of a volume's trace.
#[derive(Clone, Debug, PartialEq)]
pub struct AffineMap {
    model: Grid,
    source: Grid,
    placed: Grid,
    copies: bool,
    dropped: Vec<NotExported>,
}

impl Trace {
    /// The affine map of a volume.
    ///
    /// # Errors
    /// If there is no such volume, or a step is not affine.
    pub fn affine_map(&self, key: &str) -> Result<AffineMap, ExportError> {
        let volume = self.volume(key)?;
        let mut map = volume.affine_map()?;
        if !self.restore.is_empty() {
            let names = self.restore.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let what = format!("what the pipeline does with predictions ({names}) is left to the caller");
            map.dropped.push(NotExported { name: "restore", what });
        }
        Ok(map)
    }
}

impl VolumeTrace {
    fn affine_map(&self) -> Result<AffineMap, ExportError> {
        let (steps, source, model) = self.ends()?;
        for (number, step) in self.steps.iter().enumerate() {
            let op = step.ops.iter().find_map(|op| match op {
                OpRecord::Reslice { .. } => Some("reslice"),
                OpRecord::Warp { .. } => Some("warp"),
                OpRecord::Elastic { .. } => Some("elastic"),
                OpRecord::Stretch { .. } => Some("stretch"),
                OpRecord::Reorient { .. } | OpRecord::Window { .. } | OpRecord::Resample { .. } => None,
            });
            if let Some(op) = op {
                let (place, transform) = (format!("steps[{number}]"), step.transform.clone());
                return Err(ExportError::NotAffine { place, transform, op });
            }
        }
        let placed = match &self.snapped {
            Some(record) => record.grid().map_err(|e| {
                let (place, problem) = ("snapped".to_owned(), e.to_string());
                InvertError::Trace { place, problem }
            })?,
            None => source,
        };
        let copies = steps.iter().all(|step| !matches!(step.op(), GridOp::Resample { .. }));
        let pads = steps.iter().any(|step| match *step.op() {
            GridOp::Window { start, shape } => {
                let before = step.before().shape();
                (0..3).any(|a| start[a] < 0 || start[a] + shape[a] as i64 > before[a] as i64)
            }
            _ => false,
        });
        let mut dropped = Vec::new();
        let mut leave = |name, what: String| dropped.push(NotExported { name, what });
        leave(
            "coverage",
            "which voxels the model saw, and their fill; other programs fill where the prediction ends".to_owned(),
        );
        if pads {
            leave(
                "padding",
                "other programs read the padding beside the content; `revoxel invert` does not".to_owned(),
            );
        }
        if copies {
            leave("copies", "voxels that `revoxel invert` copies are interpolated; choose nearest".to_owned());
        } else {
            leave("ties", "which of two equally close voxels is taken".to_owned());
        }
        if self.steps.iter().any(|step| step.separate.is_some()) {
            leave("separate", "the other interpolation along thick slices".to_owned());
        }
        let changed = |(number, step): (usize, &crate::TraceStep)| {
            let undo = step.values.as_ref()?;
            let nothing = undo.undo().is_ok_and(|undo| undo.is_nothing());
            (!nothing).then(|| format!("steps[{number}] ({})", step.transform))
        };
        let changed: Vec<String> = self.steps.iter().enumerate().filter_map(changed).collect();
        if !changed.is_empty() {
            leave("values", format!("how changes of values are undone: {}", changed.join(", ")));
        }
        Ok(AffineMap { model, source, placed, copies, dropped })
    }
}

impl AffineMap {
    /// The grid of the prediction.
    pub const fn model(&self) -> &Grid {
        &self.model
    }

    /// The grid of the source.
    pub const fn source(&self) -> &Grid {
        &self.source
    }

    /// What is in the trace and not in the map.
    pub fn dropped(&self) -> &[NotExported] {
        &self.dropped
    }

    /// From indices of the prediction to indices of the source: whole numbers where voxels are copied.
    pub fn model_to_source(&self) -> Affine {
        let map = self.model.index_map_to(&self.placed);
        // Adding 0 makes 0 of -0.
        if self.copies { Affine::from_rows(map.rows().map(|row| row.map(|v| v.round() + 0.0))) } else { map }
    }

    /// From points of the source's world to points of the prediction's, LPS mm: the identity, unless the source was put on
    /// another grid before the first step.
    pub fn world(&self) -> Affine {
        if self.placed.affine() == self.source.affine() {
            return Affine::IDENTITY;
        }
        let [placed, source] = [&self.placed, &self.source].map(|grid| Frame::Lps.affine_from_ras(grid.affine()));
        placed.after(&source.inverse().unwrap_or(Affine::IDENTITY))
    }

    /// The map of indices, with both grids, as a JSON document.
    pub fn to_json(&self, case: &str, volume: &str) -> Value {
        let [a, b, c] = self.model_to_source().rows();
        json!({
            "case": case,
            "volume": volume,
            "model_index_to_source_index": [a, b, c, [0.0, 0.0, 0.0, 1.0]],
            "model": GridRecord::from(&self.model),
            "source": GridRecord::from(&self.source),
            "copies": self.copies,
            "not_exported": self.dropped.iter().map(|d| json!({ "name": d.name, "what": d.what })).collect::<Vec<_>>(),
        })
    }

    /// The map of the world as a file of ITK: what `ReadTransform` reads, and `Resample` takes together with the prediction
    /// and a file on the grid of the source.
    ///
    /// # Errors
    /// If a grid has no place in the files of ITK: sheared, or 2-D.
    pub fn to_itk(&self) -> Result<String, ExportError> {
        for (place, grid) in [("source.grid", &self.source), ("result.grid", &self.model)] {
            let problem = match grid.affine().shear() {
                _ if grid.is_planar() => "the volume is 2-D, and the transform is 3-D".to_owned(),
                shear if shear > MOST_SHEAR => format!("the axes are sheared by {shear:.4}"),
                _ => continue,
            };
            return Err(ExportError::NotItk { place, problem });
        }
        let rows = self.world().rows();
        let linear = rows.iter().flat_map(|row| row[..3].iter());
        let parameters: Vec<String> = linear.chain(rows.iter().map(|row| &row[3])).map(f64::to_string).collect();
        Ok(format!(
            "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\nParameters: {}\n\
             FixedParameters: 0 0 0\n",
            parameters.join(" ")
        ))
    }
}
