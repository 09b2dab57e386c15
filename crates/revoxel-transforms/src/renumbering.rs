//! What a value transform does to the numbers of labels.

use std::collections::{BTreeMap, BTreeSet};

use crate::label_set::LabelSet;

/// What a step does to the numbers of labels, whatever a volume holds. It says what a number means after the step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Renumbering {
    /// Not known, or different from volume to volume.
    #[default]
    Unknown,
    /// Voxels of the first label of a pair may become the second one, all at once; labels that are not listed stay.
    Exchanged(Vec<(i64, i64)>),
    /// Voxels of the first label of a pair may become the second one, and others of them stay.
    Added(Vec<(i64, i64)>),
    /// These labels stay, and all others become 0.
    Only(Vec<i64>),
}

impl Renumbering {
    /// Every label keeps its number; voxels may become background, or another label that is already there.
    pub const KEPT: Self = Self::Exchanged(Vec::new());

    /// Whether some labels may get other numbers.
    pub fn is_kept(&self) -> bool {
        *self == Self::KEPT
    }

    /// What is known of labels, by the numbers after the step. `held` are the labels that a volume may hold before it, if
    /// they are known. A number that several labels share after the step is left out: it means none of them.
    pub fn carry<T>(&self, known: BTreeMap<i64, T>, held: Option<&LabelSet>) -> BTreeMap<i64, T> {
        match self {
            Self::Unknown => BTreeMap::new(),
            Self::Exchanged(pairs) if pairs.is_empty() => known,
            Self::Exchanged(pairs) => held.map_or_else(BTreeMap::new, |held| exchanged(pairs, known, held)),
            Self::Added(pairs) => {
                let taken = |label: &i64| pairs.iter().any(|(from, to)| to == label && from != to);
                known.into_iter().filter(|(label, _)| !taken(label)).collect()
            }
            Self::Only(labels) => known.into_iter().filter(|(label, _)| labels.contains(label)).collect(),
        }
    }
}

fn exchanged<T>(pairs: &[(i64, i64)], known: BTreeMap<i64, T>, held: &LabelSet) -> BTreeMap<i64, T> {
    let after = |label: i64| pairs.iter().find(|(from, _)| *from == label).map_or(label, |(_, to)| *to);
    // Labels that nothing is known of count too: they may become one that has a name.
    let listed = pairs.iter().map(|(from, _)| *from);
    let before: BTreeSet<i64> =
        known.keys().copied().chain(listed).chain(held.iter().map(|label| label as i64)).collect();
    let mut sources: BTreeMap<i64, usize> = BTreeMap::new();
    for label in before {
        *sources.entry(after(label)).or_default() += 1;
    }
    let alone = |label: &i64| sources.get(label) == Some(&1);
    known.into_iter().map(|(label, what)| (after(label), what)).filter(|(label, _)| alone(label)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(renumbering: &Renumbering, expected: &[(i64, &str)]) {
        let known = BTreeMap::from([(1, "liver"), (2, "spleen"), (3, "aorta")]);
        let held = [0.0, 1.0, 2.0, 3.0, 5.0].into_iter().collect();
        assert_eq!(renumbering.carry(known, Some(&held)), expected.iter().copied().collect(), "{renumbering:?}");
    }

    #[test]
    fn names_go_where_the_numbers_go() {
        t(&Renumbering::KEPT, &[(1, "liver"), (2, "spleen"), (3, "aorta")]);
        t(&Renumbering::Unknown, &[]);
        t(&Renumbering::Exchanged(vec![(1, 2), (2, 1)]), &[(1, "spleen"), (2, "liver"), (3, "aorta")]);
        t(&Renumbering::Exchanged(vec![(1, 7), (2, 0)]), &[(3, "aorta"), (7, "liver")]);
        t(&Renumbering::Exchanged(vec![(1, 2), (2, 3), (3, 1)]), &[(1, "aorta"), (2, "liver"), (3, "spleen")]);
        t(&Renumbering::Only(vec![3, 9]), &[(3, "aorta")]);
    }

    #[test]
    fn a_number_of_several_labels_means_none_of_them() {
        t(&Renumbering::Exchanged(vec![(1, 2)]), &[(3, "aorta")]);
        t(&Renumbering::Exchanged(vec![(1, 9), (2, 9)]), &[(3, "aorta")]);
        t(&Renumbering::Exchanged(vec![(1, 0), (2, 0)]), &[(3, "aorta")]);
        // A label without a name joins one that has a name.
        t(&Renumbering::Exchanged(vec![(8, 2)]), &[(1, "liver"), (3, "aorta")]);
        t(&Renumbering::Exchanged(vec![(0, 2)]), &[(1, "liver"), (3, "aorta")]);
        // A label becomes one that the volume holds already.
        t(&Renumbering::Exchanged(vec![(1, 5)]), &[(2, "spleen"), (3, "aorta")]);
        t(&Renumbering::Added(vec![(0, 3)]), &[(1, "liver"), (2, "spleen")]);
        t(&Renumbering::Added(vec![(0, -1)]), &[(1, "liver"), (2, "spleen"), (3, "aorta")]);
    }

    #[test]
    fn where_the_labels_are_not_known_no_number_is_certain() {
        let known = BTreeMap::from([(1, "liver")]);
        assert!(Renumbering::Exchanged(vec![(1, 5)]).carry(known.clone(), None).is_empty());
        assert_eq!(Renumbering::KEPT.carry(known.clone(), None), known);
    }
}
