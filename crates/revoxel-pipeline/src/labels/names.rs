//! Names of labels: those that an input declares, and what they are called after the steps.

use std::collections::{BTreeMap, BTreeSet};

use revoxel_transforms::{LabelSet, Renumbering};

use crate::drawn::{PlainChange, PlainStep};
use crate::model::Pipeline;
use crate::node::{Data, Node};
use crate::state::{SeenLabels, VolumeStates};

/// The names in a map of names to labels, by label: of names with one label each. A label with two such names has none,
/// and the background, 0, needs none.
pub(crate) fn of(node: &Node) -> BTreeMap<i64, String> {
    let Data::Map(map) = &node.data else { return BTreeMap::new() };
    let (mut names, mut twice) = (BTreeMap::new(), BTreeSet::from([0]));
    for (key, value) in map {
        let single = match &value.data {
            Data::List(list) if list.len() == 1 => list.first(),
            _ => Some(value),
        };
        let label = single.and_then(|node| match &node.data {
            Data::Number(number) => number.as_i64(),
            _ => None,
        });
        let Some(label) = label else { continue };
        if names.insert(label, key.name.clone()).is_some() {
            twice.insert(label);
        }
    }
    names.retain(|label, _| !twice.contains(label));
    names
}

impl Pipeline {
    /// What is known of the labels of an input, by their numbers after the steps of a case; what is not certain is left
    /// out. `held` are the labels that the label map of the input may hold before the first step.
    pub fn after_steps<T>(
        &self,
        key: &str,
        case: &str,
        held: &LabelSet,
        mut known: BTreeMap<i64, T>,
    ) -> BTreeMap<i64, T> {
        let seen = SeenLabels { labels: held.clone(), channels: 1 };
        let mut states = VolumeStates::of_maps(&self.inputs, &BTreeMap::from([(key.to_owned(), seen)]));
        for (step, plain) in self.drawn_for(Some(case)) {
            let before = states.get(key).and_then(|state| state.labels.clone());
            if let Some(renumbering) = plain.as_ref().and_then(|plain| renumbering(plain, key)) {
                known = renumbering.carry(known, before.as_ref());
            }
            if known.is_empty() || states.advance(step, plain.as_ref(), self.fuse).is_err() {
                return BTreeMap::new();
            }
        }
        known
    }

    /// Whether [`after_steps`](Self::after_steps) needs the labels that a label map of an input holds.
    pub fn renumbers(&self, key: &str, case: &str) -> bool {
        let changes = |plain: PlainStep<'_>| renumbering(&plain, key).is_some_and(|numbers| !numbers.is_kept());
        self.drawn(case).any(changes)
    }
}

/// What a step does to the numbers of the labels of an input; `None` where it changes none of its values.
fn renumbering(plain: &PlainStep<'_>, key: &str) -> Option<Renumbering> {
    match plain.change() {
        PlainChange::Value(transform) if plain.keys().iter().any(|of| of == key) => Some(transform.renumbering()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipeline(labels: &str, steps: &str) -> Pipeline {
        let text = format!(
            "version: 1\ninputs:\n  image: {{ kind: image, path: \"{{case}}/i.nii\" }}\n  \
             label: {{ kind: label, path: \"{{case}}/l.nii\"{labels} }}\nsteps: [{steps}]\noutputs: {{}}\n\
             trace: \"{{case}}.json\"\n"
        );
        Pipeline::parse("p.yaml", &text, &[], &crate::testing::registry()).unwrap()
    }

    #[test]
    fn a_name_of_one_label_is_its_name() {
        let t = |labels: &str, expected: &[(i64, &str)]| {
            let pipeline = pipeline(&format!(", labels: {labels}"), "");
            let expected = expected.iter().map(|(label, name)| (*label, (*name).to_owned())).collect();
            assert_eq!(pipeline.input("label").unwrap().names, expected, "{labels}");
        };
        t("[0, 1, 2]", &[]);
        t("{ background: 0, liver: 1, spleen: [2] }", &[(1, "liver"), (2, "spleen")]);
        t("{ whole: [1, 2], core: 2 }", &[(2, "core")]);
        t("{ core: 2, nucleus: 2, liver: 1, ignore: -1 }", &[(-1, "ignore"), (1, "liver")]);
    }

    #[test]
    fn names_are_hashed_where_there_are_any() {
        let hash = |labels: &str| pipeline(labels, "").hash();
        assert_eq!(hash(", labels: [1, 2]"), hash(", labels: { a: [1, 2] }"));
        assert_eq!(hash(", labels: [0, 1]"), hash(", labels: { background: 0, all: [0, 1] }"));
        assert_ne!(hash(", labels: [1, 2]"), hash(", labels: { a: 1, b: 2 }"));
        assert_ne!(hash(", labels: { a: 2, b: 1 }"), hash(", labels: { a: 1, b: 2 }"));
        assert_eq!(hash(", labels: { b: 2, a: 1 }"), hash(", labels: { a: 1, b: 2 }"));
    }

    #[test]
    fn names_follow_the_steps_that_are_certain() {
        let t = |steps: &str, held: &[f64], expected: &[(i64, &str)]| {
            let known = BTreeMap::from([(1, "liver"), (2, "spleen")]);
            let pipeline = pipeline("", steps);
            let after = pipeline.after_steps("label", "c", &held.iter().copied().collect(), known);
            assert_eq!(after, expected.iter().copied().collect(), "{steps}");
        };
        let both = [(1, "liver"), (2, "spleen")];
        let held = [1.0, 2.0];
        t("", &held, &both);
        t("{ orientation: { axcodes: LPS } }, { flip: { spatial_axis: [0] } }", &held, &both);
        t("{ keep_largest_connected_component: {} }, { fill_holes: {} }", &held, &both);
        t("{ fill_holes: { is_onehot: true } }", &held, &[]);
        t("{ map_label_value: { orig_labels: [1, 2], target_labels: [2, 1] } }", &held, &[(1, "spleen"), (2, "liver")]);
        t("{ map_label_value: { orig_labels: [1], target_labels: [2] } }", &held, &[]);
        let twice = "{ map_label_value: { orig_labels: [1], target_labels: [7] } }, \
                     { map_label_value: { orig_labels: [2], target_labels: [1] } }";
        t(twice, &held, &[(1, "spleen"), (7, "liver")]);
        t("{ map_label_value: { orig_labels: [1], target_labels: [7] } }", &[1.0, 2.0, 7.0], &[(2, "spleen")]);
        // The steps of other volumes do not matter.
        t("{ scale_intensity: { keys: image } }", &held, &both);
        t("{ sequential_labels: {} }", &held, &[]);
        t("{ one_hot: {} }, { as_discrete: { argmax: true } }", &held, &[]);
        t("{ as_discrete: { keys: label, threshold: 1 } }", &held, &[]);
        t("{ remove_labels: { labels: 1 } }", &held, &[(2, "spleen")]);
        t("{ label_filter: { applied_labels: [1] } }", &held, &[(1, "liver")]);
        t("{ mark_outside: { nonzero_of: [image], label: 2 } }", &held, &[(1, "liver")]);
        t("{ mark_outside: { nonzero_of: [image] } }", &held, &both);
        assert!(!pipeline("", "{ fill_holes: {} }, { flip: { spatial_axis: [0] } }").renumbers("label", "c"));
        assert!(pipeline("", "{ remove_labels: { labels: 1 } }").renumbers("label", "c"));
    }
}
