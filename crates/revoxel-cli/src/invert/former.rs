//! What `invert` did before there were commands for it.

use revoxel_invert::points::Space;

use super::super::failure::{Failure, Outcome};
use super::super::{points, scores};
use super::Args;

/// What `invert` did before there were commands for it. It works for one version more.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub(super) struct Former {
    /// `revoxel points` does it.
    #[arg(long, hide = true, conflicts_with_all = [
        "out", "with", "weights", "restore", "kind", "interpolation", "activation", "argmax", "regions", "threshold",
        "values", "clamp", "axes", "assume_grid", "fill", "dtype", "coverage",
    ])]
    points: bool,
    #[arg(long, hide = true, requires = "points")]
    forward: bool,
    #[arg(long, hide = true, requires = "points")]
    space: Option<Space>,
    #[arg(long, hide = true, requires = "points")]
    to: Option<Space>,
    /// `revoxel scores` does it.
    #[arg(long, hide = true, conflicts_with_all = [
        "out", "restore", "kind", "interpolation", "activation", "argmax", "regions", "threshold", "values", "clamp",
        "axes", "assume_grid", "fill", "dtype", "coverage", "points", "forward", "space", "to",
    ])]
    scores: bool,
    #[arg(long, hide = true, requires = "scores", conflicts_with = "overwrite")]
    append: bool,
}

impl Args {
    /// The command that does what is asked for, where it is another one by now.
    pub(super) fn former(&self) -> Option<Outcome> {
        let where_to = || Failure::usage("missing output: pass -o FILE");
        let Former { points, forward, space, to, scores, append } = self.former;
        if points {
            tracing::warn!("`invert --points` is deprecated: use `revoxel points TRACE POINTS -o FILE`");
            let ([input], Some(output)) = (&self.predictions[..], &self.output) else {
                let one = self.predictions.len() == 1;
                return Some(Err(if one {
                    where_to()
                } else {
                    Failure::usage("--points maps one file: pass only one")
                }));
            };
            return Some(points::run(&points::Args {
                trace: self.trace.clone(),
                input: input.clone(),
                output: output.clone(),
                volume: self.said.volume.clone(),
                forward,
                space,
                to,
                onto: self.onto,
                overwrite: self.overwrite,
                json: self.json,
            }));
        }
        scores.then(|| {
            tracing::warn!("`invert --scores` is deprecated: use `revoxel scores TRACE PREDICTION -o TABLE`");
            scores::run(&scores::Args {
                trace: self.trace.clone(),
                predictions: self.predictions.clone(),
                output: self.output.clone().ok_or_else(where_to)?,
                with: self.with.clone(),
                weights: self.weights.clone(),
                volume: self.said.volume.clone(),
                append,
                overwrite: self.overwrite,
                json: self.json,
            })
        })
    }
}
