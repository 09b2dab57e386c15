//! What the labels of a map are called, as far as formats say it: the table of labels in an extension of NIfTI, the
//! segments of 3D Slicer in NRRD, and the segments and structures of DICOM.

mod palette;
mod segments;
mod table;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Extension, Facts};
use crate::nrrd::facts::NrrdFacts;

/// What a label is called.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LabelName {
    /// Its name.
    pub name: String,
    /// Its colour, red, green and blue from 0 to 1, if a file gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<[f64; 3]>,
}

/// Names by label. The background, 0, has none.
pub type LabelNames = BTreeMap<i64, LabelName>;

impl Facts {
    /// The names of the labels of a map of one channel. A label with several names has none. If each channel is a
    /// label, no label has a name.
    pub fn label_names(&self) -> LabelNames {
        let own = table::of(&self.extensions)
            .or_else(|| self.nrrd.as_deref().and_then(|own| segments::of(&own.key_values)))
            .or_else(|| self.of_dicom());
        let (mut names, mut several) = (LabelNames::new(), Vec::new());
        for (label, name) in own.unwrap_or_default().into_iter().filter(|(_, name)| !name.name.is_empty()) {
            if names.insert(label, name).is_some() {
                several.push(label);
            }
        }
        names.retain(|label, _| *label != 0 && !several.contains(label));
        names
    }

    /// Puts names where a format of this name has room for them; whether it has. Other facts stay, also names of other
    /// labels.
    pub fn put_label_names(&mut self, format: &str, names: &LabelNames) -> bool {
        match format {
            _ if names.is_empty() => matches!(format, "NIfTI" | "NRRD"),
            "NIfTI" => {
                let table = table::of(&self.extensions).unwrap_or_default();
                if !names.iter().all(|(label, name)| table.iter().any(|(l, n)| (l, n) == (label, name))) {
                    self.extensions.retain(|extension| !table::is_table(extension));
                    // Some readers look at the first extension only.
                    self.extensions.splice(0..0, table::extensions(names));
                }
                true
            }
            "NRRD" => {
                let own = self.nrrd.get_or_insert_with(|| Box::new(NrrdFacts::default()));
                segments::put(&mut own.key_values, names);
                true
            }
            _ => false,
        }
    }

    #[cfg(feature = "dicom")]
    fn of_dicom(&self) -> Option<Vec<(i64, LabelName)>> {
        let labels = &self.dicom.as_ref()?.labels;
        let told_apart = labels.iter().any(|label| label.channel.is_some());
        let named = |name: &str| LabelName { name: name.trim().to_owned(), color: None };
        (!told_apart).then(|| labels.iter().map(|label| (i64::from(label.label), named(&label.name))).collect())
    }

    #[cfg(not(feature = "dicom"))]
    fn of_dicom(&self) -> Option<Vec<(i64, LabelName)>> {
        None
    }
}

/// Whether an extension gives labels names by their numbers.
pub(crate) fn names_labels(extension: &Extension) -> bool {
    table::is_table(extension) || table::is_of_afni(extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[(i64, &str)]) -> LabelNames {
        let named = |name: &str| LabelName { name: name.to_owned(), color: None };
        list.iter().map(|(label, name)| (*label, named(name))).collect()
    }

    /// The names without the colours that were found for them.
    fn put(format: &str, facts: &Facts, list: &[(i64, &str)]) -> (Facts, Vec<(i64, String)>) {
        let mut facts = facts.clone();
        assert!(facts.put_label_names(format, &names(list)));
        let back = facts.label_names().into_iter().map(|(label, name)| (label, name.name)).collect();
        (facts, back)
    }

    const ODD: [(i64, &str); 4] =
        [(-1, "ignore"), (1, "left lung \\ a & <b> \"c\""), (2, "]]> Größe 肝"), (300, "two words")];

    #[test]
    fn names_come_back_from_every_format_that_holds_them() {
        for format in ["NIfTI", "NRRD"] {
            let (facts, back) = put(format, &Facts::default(), &ODD);
            assert_eq!(back, ODD.map(|(label, name)| (label, name.to_owned())), "{format}");
            // They are written once, and the same names change nothing.
            let mut again = facts.clone();
            again.put_label_names(format, &facts.label_names());
            assert_eq!(again, facts);
        }
        assert!(!Facts::default().put_label_names("MetaImage", &names(&ODD)));
        assert!(Facts::default().label_names().is_empty());
    }

    #[test]
    fn other_names_take_the_place_of_names() {
        for format in ["NIfTI", "NRRD"] {
            let (facts, _) = put(format, &Facts::default(), &[(1, "liver"), (2, "spleen")]);
            let (_, back) = put(format, &facts, &[(1, "liver"), (2, "Spleen"), (3, "aorta")]);
            let all = [(1, "liver"), (2, "Spleen"), (3, "aorta")];
            assert_eq!(back, all.map(|(label, name)| (label, name.to_owned())), "{format}");
        }
    }

    #[test]
    #[cfg(feature = "dicom")]
    fn segments_of_dicom_have_names() {
        use crate::dicom::facts::DicomFacts;
        let label = |label, channel, name: &str| crate::dicom::LabelFacts {
            label,
            channel,
            name: name.to_owned(),
            ..Default::default()
        };
        let of = |labels: Vec<_>| {
            let facts = Facts { dicom: Some(DicomFacts { labels, ..DicomFacts::default() }), ..Facts::default() };
            facts.label_names()
        };
        let found = of(vec![label(1, None, " Liver "), label(3, None, "Mass"), label(0, None, "Background")]);
        assert_eq!(found, names(&[(1, "Liver"), (3, "Mass")]));
        assert_eq!(of(vec![label(1, None, "a"), label(1, None, "b"), label(2, None, "c")]), names(&[(2, "c")]));
        assert!(of(vec![label(1, Some(0), "a"), label(1, Some(1), "b")]).is_empty());
    }
}
