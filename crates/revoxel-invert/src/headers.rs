//! What the headers of predictions contradict, before their values are read.

use revoxel_core::{Grid, Kind, Relation};

use crate::decide::Decision;
use crate::ensemble::{same_bits, weights_of};
use crate::error::InvertError;
use crate::inversion::interpolation_for;
use crate::recipe::{Recipe, Values};
use crate::trace::VolumeTrace;

/// A prediction of a case, as its header and its trace describe it.
#[derive(Clone, Copy, Debug)]
pub struct MemberHead<'a> {
    /// What errors call it.
    pub name: &'a str,
    /// The trace of its run.
    pub trace: &'a VolumeTrace,
    /// What its values are; `None` if only the values themselves tell.
    pub kind: Option<Kind>,
    /// Its channels.
    pub channels: usize,
    /// Its weight, or one for each channel.
    pub weights: &'a [f64],
}

impl Recipe {
    /// Finds what [`Ensemble`](crate::Ensemble) would refuse in these predictions whatever their values are. Where the
    /// predictions lie is left out, and so are steps on the model's grid.
    ///
    /// # Errors
    /// The position of the prediction, and what is wrong.
    pub fn check_heads(&self, heads: &[MemberHead<'_>]) -> Result<(), (usize, InvertError)> {
        let mut native: Option<(&str, Grid)> = None;
        let mut first = None;
        for (at, head) in heads.iter().enumerate() {
            let kind = self.check_head(head, &mut native).map_err(|error| (at, error))?;
            if at > 0 && kind == Some(Kind::Logit) && self.activation.is_none() {
                return Err((at, InvertError::NoActivation));
            }
            first = first.or(kind);
        }
        // What is decided on the model's grid comes back as labels.
        let decided = self.decide_in_model && self.decision() != Decision::Channels;
        let back = if decided { Some(Kind::Label) } else { first };
        back.map_or(Ok(()), |kind| interpolation_for(kind, self.interpolation).map(drop)).map_err(|error| (0, error))
    }

    /// What the values are when they are averaged.
    fn check_head<'a>(
        &self,
        head: &MemberHead<'a>,
        first: &mut Option<(&'a str, Grid)>,
    ) -> Result<Option<Kind>, InvertError> {
        let (_, native, _) = head.trace.ends()?;
        let (name, grid) = first.get_or_insert((head.name, native));
        if !same_bits(grid, &native) {
            return Err(InvertError::OtherCase {
                relation: Relation::between(grid, &native),
                first: (*name).to_owned(),
                first_grid: Box::new(*grid),
                second: head.name.to_owned(),
                second_grid: Box::new(native),
            });
        }
        weights_of(head.weights, head.channels)?;
        let (decision, mut kind) = (self.decision(), head.kind);
        if let Some(own) = kind {
            if self.values != Values::Keep {
                head.trace.check_undo(own, head.channels, self.values)?;
            }
            let activated = self.activation.unwrap_or_default().check(own)?;
            decision.check_kind(activated)?;
            kind = Some(activated);
        }
        decision.check_channels(head.channels)?;
        Ok(kind)
    }
}

#[cfg(test)]
mod tests {
    use revoxel_core::testing::Draw;
    use revoxel_core::{Dtype, Volume, Voxels};
    use revoxel_resample::Interpolation;

    use super::*;
    use crate::{Activation, Ensemble, Paint, Regions};

    #[test]
    fn headers_are_refused_exactly_as_the_predictions_are() {
        let mut counts = [0usize; 2];
        for seed in 0..600 {
            let mut draw = Draw::new(seed);
            let (trace, _, model) = crate::testing::trace(&mut draw, true);
            let (record, members) = (&trace.volumes["image"], draw.int(1, 2) as usize);
            let kind = Kind::ALL[draw.int(0, 3) as usize];
            let channels = draw.int(1, 3) as usize;
            let paint = [Paint { channel: 0, label: 3 }, Paint { channel: 1, label: 1 }];
            let regions = Regions { threshold: 0.5, paint: paint[..draw.int(1, 2) as usize].to_vec() };
            let decision = draw.int(0, 3);
            let interpolations = [Interpolation::Nearest, Interpolation::Linear, Interpolation::Label];
            let recipe = Recipe {
                argmax: decision == 1,
                regions: (decision == 2).then_some(regions),
                decide_in_model: matches!(decision, 1 | 2) && draw.int(0, 1) == 0,
                activation: [None, Some(Activation::None), Some(Activation::Softmax)][draw.int(0, 2) as usize],
                interpolation: (draw.int(0, 1) == 0).then(|| interpolations[draw.int(0, 2) as usize]),
                values: if draw.int(0, 2) == 0 { Values::Undo } else { Values::Keep },
                ..Recipe::default()
            };
            let weights = vec![1.0; draw.int(1, 2) as usize];
            let dtype = if kind == Kind::Label { Dtype::U8 } else { Dtype::F32 };
            let voxels = Voxels::from(vec![0u8; channels * model.voxel_count()]).cast(dtype);
            let volume = Volume::new(voxels, model, kind, channels).unwrap();
            let head = MemberHead { name: "p", trace: record, kind: Some(kind), channels, weights: &weights };
            let told = recipe.check_heads(&vec![head; members]).map_err(|(_, error)| error.to_string());
            let mut all = Ensemble::new(recipe);
            let added = (0..members).try_for_each(|_| all.add("p", record, volume.clone(), &weights));
            let done = added.and_then(|()| all.ready().map(drop)).map_err(|error| error.to_string());
            counts[usize::from(done.is_ok())] += 1;
            assert_eq!(told, done, "seed {seed}");
        }
        assert!(counts.iter().all(|count| *count > 50), "{counts:?}");
    }
}
