//! The label that most predictions give.

use std::borrow::Cow;

use rayon::prelude::*;
use revoxel_core::{Dtype, Voxel, Voxels, dispatch_dtype};

/// One member's labels, its weight, and where it saw anything (everywhere without a mask).
pub(crate) struct Ballot<'a> {
    pub(crate) labels: Cow<'a, Voxels>,
    /// One for all channels, or one for each.
    pub(crate) weight: Cow<'a, [f64]>,
    /// One byte per voxel, not 0 where it saw something.
    pub(crate) seen: Option<&'a [u8]>,
}

/// For every voxel the label with the greatest weight, the lowest of several; `fill` where nobody saw anything. The
/// voxel type is that of the members where they agree, else float64.
pub(crate) fn vote(ballots: Vec<Ballot<'_>>, fill: f64) -> Voxels {
    let Some(first) = ballots.first() else { return Voxels::from(Vec::<u8>::new()) };
    let (dtype, length) = (first.labels.dtype(), first.labels.len());
    let common = if ballots.iter().all(|b| b.labels.dtype() == dtype) { dtype } else { Dtype::F64 };
    // A type that cannot hold the fill would turn it into another label.
    let common = if dispatch_dtype!(common, T => T::from_f64(fill).to_f64() == fill) { common } else { Dtype::F64 };
    let ballots: Vec<Ballot<'_>> = ballots
        .into_iter()
        .map(|b| match b.labels.dtype() == common {
            true => b,
            false => Ballot { labels: Cow::Owned(b.labels.into_owned().cast(common)), ..b },
        })
        .collect();
    dispatch_dtype!(common, T => counted::<T>(&ballots, length, T::from_f64(fill)).into())
}

fn counted<T: Voxel>(ballots: &[Ballot<'_>], length: usize, fill: T) -> Vec<T> {
    const CHUNK: usize = 1 << 16;
    let labels: Vec<&[T]> = ballots.iter().map(|b| bytemuck::cast_slice(b.labels.bytes())).collect();
    let mut winners = vec![fill; length];
    winners.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, winners)| {
        // Labels of one voxel with their weights; as many as there are members at most.
        let mut counts: Vec<(T, f64)> = Vec::with_capacity(ballots.len());
        for (i, winner) in winners.iter_mut().enumerate() {
            let at = chunk * CHUNK + i;
            counts.clear();
            for (labels, Ballot { weight, seen, .. }) in labels.iter().zip(ballots) {
                let weight = &weight[at / length.div_ceil(weight.len())];
                if seen.is_some_and(|seen| seen[at] == 0) {
                    continue;
                }
                match counts.iter_mut().find(|(label, _)| *label == labels[at]) {
                    Some((_, total)) => *total += weight,
                    None => counts.push((labels[at], *weight)),
                }
            }
            let mut best: Option<(T, f64)> = None;
            for (label, total) in &counts {
                let wins = best.is_none_or(|(other, most)| *total > most || (*total == most && *label < other));
                best = if wins { Some((*label, *total)) } else { best };
            }
            *winner = best.map_or(fill, |(label, _)| label);
        }
    });
    winners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_votes_win_and_the_lowest_label_of_several() {
        let labels: [Voxels; 3] =
            [vec![1u8, 2, 9, 4, 7].into(), vec![1u8, 3, 9, 5, 7].into(), vec![2u8, 3, 8, 4, 7].into()];
        let masks: [&[u8]; 3] = [&[1, 1, 1, 1, 0], &[1, 1, 1, 0, 0], &[1, 1, 1, 0, 0]];
        let ballots = |weights: [f64; 3], masked: bool| {
            (0..3)
                .map(|i| Ballot {
                    labels: Cow::Borrowed(&labels[i]),
                    weight: vec![weights[i]].into(),
                    seen: masked.then_some(masks[i]),
                })
                .collect()
        };
        assert_eq!(vote(ballots([1.0; 3], false), 0.0), vec![1u8, 3, 9, 4, 7].into());
        assert_eq!(vote(ballots([1.0, 1.0, 2.0], false), 0.0), vec![1u8, 3, 8, 4, 7].into());
        assert_eq!(vote(ballots([5.0, 1.0, 1.0], false), 0.0), vec![1u8, 2, 9, 4, 7].into());
        assert_eq!(vote(ballots([1.0; 3], true), 0.0), vec![1u8, 3, 9, 4, 0].into());
        assert_eq!(vote(ballots([1.0; 3], true), -1.0), vec![1.0f64, 3., 9., 4., -1.].into());
    }

    #[test]
    fn each_channel_has_weights_of_its_own() {
        let labels: [Voxels; 2] = [vec![1u8, 1, 1, 1].into(), vec![2u8, 2, 2, 2].into()];
        let weights = [[2.0, 1.0], [1.0, 2.0]];
        let ballot = |(l, w): (&Voxels, &[f64; 2])| Ballot {
            labels: Cow::Owned(l.clone()),
            weight: w.to_vec().into(),
            seen: None,
        };
        assert_eq!(vote(labels.iter().zip(&weights).map(ballot).collect(), 0.0), vec![1u8, 1, 2, 2].into());
    }

    #[test]
    fn members_of_several_types_meet() {
        let labels: [Voxels; 2] = [vec![300u16, 1].into(), vec![-3i8, 1].into()];
        let ballots =
            labels.iter().map(|l| Ballot { labels: Cow::Borrowed(l), weight: vec![1.0].into(), seen: None }).collect();
        assert_eq!(vote(ballots, 0.0), vec![-3.0f64, 1.0].into());
    }
}
