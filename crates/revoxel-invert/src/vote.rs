//! The label that most predictions give.

use std::borrow::Cow;

use revoxel_core::{Dtype, Voxel, Voxels, dispatch_dtype, parallel};

use crate::error::InvertError;

/// One member's labels, its weight, and where it saw anything (everywhere without a mask).
pub(crate) struct Ballot<'a> {
    pub(crate) labels: Cow<'a, Voxels>,
    /// One for all channels, or one for each.
    pub(crate) weight: Cow<'a, [f64]>,
    /// One byte per voxel, not 0 where it saw something.
    pub(crate) seen: Option<&'a [u8]>,
}

/// The label with the greatest weight at each voxel, the lowest at a tie; `fill` at unseen voxels. The
/// voxel type is that of the members where they agree and it holds the fill, else the smallest that holds all.
///
/// # Errors
/// If no type can store all labels.
pub(crate) fn vote(ballots: Vec<Ballot<'_>>, fill: f64) -> Result<Voxels, InvertError> {
    let Some(first) = ballots.first() else { return Ok(Voxels::from(Vec::<u8>::new())) };
    let length = first.labels.len();
    let common = common_type(ballots.iter().map(|b| &*b.labels), fill)?;
    let ballots: Vec<Ballot<'_>> = ballots
        .into_iter()
        .map(|b| match b.labels.dtype() == common {
            true => b,
            false => Ballot { labels: Cow::Owned(b.labels.into_owned().cast(common)), ..b },
        })
        .collect();
    Ok(dispatch_dtype!(common, T => counted::<T>(&ballots, length, T::from_f64(fill)).into()))
}

/// The voxel type of all these labels and a fill: their own where they agree and it holds the fill, else the smallest
/// of whole numbers that holds all.
///
/// # Errors
/// If no type can store all labels.
pub(crate) fn common_type<'a>(maps: impl Iterator<Item = &'a Voxels> + Clone, fill: f64) -> Result<Dtype, InvertError> {
    let types = maps.clone().map(Voxels::dtype);
    if let Some(first) = types.clone().next()
        && types.clone().all(|dtype| dtype == first)
        && first.holds_label(fill)
    {
        return Ok(first);
    }
    let ranges = maps.clone().filter_map(Voxels::whole_range).chain(Voxels::from(vec![fill]).whole_range());
    let (lowest, highest) = ranges.fold((0, 0), |all, range| (all.0.min(range.0), all.1.max(range.1)));
    let apart = InvertError::LabelsApart { lowest, highest };
    if types.clone().all(Dtype::is_integer) {
        return Dtype::smallest_for_whole(lowest, highest).ok_or(apart);
    }
    match maps.clone().all(|map| map.label_lost_in(Dtype::F64).is_none()) {
        true => Ok(Dtype::F64),
        false => Err(apart),
    }
}

fn counted<T: Voxel>(ballots: &[Ballot<'_>], length: usize, fill: T) -> Vec<T> {
    const CHUNK: usize = 1 << 16;
    let labels: Vec<&[T]> = ballots.iter().map(|b| bytemuck::cast_slice(b.labels.bytes())).collect();
    let mut winners = vec![fill; length];
    parallel::each(winners.chunks_mut(CHUNK).enumerate(), |(chunk, winners)| {
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
        assert_eq!(vote(ballots([1.0; 3], false), 0.0).unwrap(), vec![1u8, 3, 9, 4, 7].into());
        assert_eq!(vote(ballots([1.0, 1.0, 2.0], false), 0.0).unwrap(), vec![1u8, 3, 8, 4, 7].into());
        assert_eq!(vote(ballots([5.0, 1.0, 1.0], false), 0.0).unwrap(), vec![1u8, 2, 9, 4, 7].into());
        assert_eq!(vote(ballots([1.0; 3], true), 0.0).unwrap(), vec![1u8, 3, 9, 4, 0].into());
        assert_eq!(vote(ballots([1.0; 3], true), -1.0).unwrap(), vec![1i8, 3, 9, 4, -1].into());
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
        assert_eq!(vote(labels.iter().zip(&weights).map(ballot).collect(), 0.0).unwrap(), vec![1u8, 1, 2, 2].into());
    }

    #[test]
    fn members_of_several_types_meet_in_one_that_holds_every_label() {
        let t = |labels: [Voxels; 2], fill: f64| {
            // The first one decides.
            let ballot = |(l, w)| Ballot { labels: Cow::Borrowed(l), weight: vec![w].into(), seen: None };
            vote(labels.iter().zip([2.0, 1.0]).map(ballot).collect(), fill).map_err(|e| e.to_string())
        };
        assert_eq!(t([vec![300u16, 1].into(), vec![-3i8, 1].into()], 0.0), Ok(vec![300i16, 1].into()));
        assert_eq!(t([vec![300.0f32, 1.0].into(), vec![-3i8, 1].into()], 0.0), Ok(vec![300.0f64, 1.0].into()));
        // Beyond 2^53 every digit counts.
        let long = (1u64 << 53) + 1;
        let expected: Voxels = vec![5, long as i64].into();
        assert_eq!(t([vec![5, long].into(), vec![-1i8, 9].into()], 0.0), Ok(expected.clone()));
        let signed: Voxels = vec![-1, long as i64].into();
        assert_eq!(t([vec![5, long].into(), signed], -7.0), Ok(expected));
        let apart = t([vec![u64::MAX].into(), vec![-1i8].into()], 0.0).unwrap_err();
        assert!(apart.contains("labels of all label maps range from -1 to 18446744073709551615"), "{apart}");
        assert!(t([vec![long].into(), vec![0.0f32].into()], 0.0).is_err());
    }
}
