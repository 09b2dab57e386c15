//! The DICOM keywords that a pipeline uses, and what they say of cases.

use std::collections::{BTreeMap, BTreeSet};

use revoxel_io::dicom_index::{IndexedSeries, Keyword, KeywordError};
use revoxel_pipeline::{
    CASE, COPY, CaseName, Condition, DicomCases, Grouping, Pipeline, PipelineError, Place, Template, Wanted,
};
use revoxel_transforms::params::closest;
use wildmatch::WildMatch;

use super::super::text::{plain, safe};

/// The keywords that are read of every file.
pub(super) struct Keywords<'a> {
    pub(super) all: Vec<Keyword>,
    conditions: &'a [Condition],
    name: Template,
    /// Whether the pipeline gives the name.
    pub(super) named: bool,
    /// What outputs need, with the path that needs it.
    needed: BTreeMap<&'a str, &'a Template>,
}

/// What a keyword says of several series.
enum Said<'a> {
    One(&'a str),
    Nothing,
    Different(&'a str, &'a str),
}

/// What cases are called if the pipeline does not say it. What is in brackets may be absent.
const fn usual_name(group: Grouping) -> &'static str {
    match group {
        Grouping::Series => "[{PatientID}][_{StudyDate}][_{SeriesNumber}]",
        Grouping::Study => "[{PatientID}][_{StudyDate}]",
        Grouping::Patient => "{PatientID}",
    }
}

impl<'a> Keywords<'a> {
    /// The keywords of a pipeline.
    ///
    /// # Errors
    /// A name that is not a keyword, at its place.
    pub(super) fn of(pipeline: &'a Pipeline, dicom: &'a DicomCases) -> Result<Self, PipelineError> {
        let name = match &dicom.name {
            Some(name) => name.clone(),
            None => Template::new(usual_name(dicom.group)).map_err(|e| pipeline.error_at(dicom.place, e))?,
        };
        let mut keywords = Self {
            all: Vec::new(),
            conditions: &dicom.conditions,
            name,
            named: dicom.name.is_some(),
            needed: BTreeMap::new(),
        };
        for condition in &dicom.conditions {
            keywords.add(&condition.column, &|problem| {
                pipeline.error_at(condition.place, format!("cases.where: {problem}"))
            })?;
        }
        let at = |place: Place, field: &'static str| {
            move |problem: String| pipeline.error_at(place, format!("{field}: {problem}"))
        };
        let names: Vec<String> = keywords.name.names().into_iter().map(str::to_owned).collect();
        for name in names {
            keywords.add(&name, &at(dicom.name_place, "cases.name"))?;
        }
        for output in &pipeline.outputs {
            keywords.add_path(&output.path, &|problem| pipeline.output_error(output, problem))?;
        }
        for restore in &pipeline.restore {
            if let Some(path) = &restore.path {
                keywords.add_path(path, &|problem| pipeline.restore_error(restore, problem))?;
            }
        }
        keywords.add_path(&pipeline.trace, &at(dicom.place, "trace"))?;
        Ok(keywords)
    }

    fn add_path(&mut self, path: &'a Template, error: &dyn Fn(String) -> PipelineError) -> Result<(), PipelineError> {
        for name in path.names().into_iter().filter(|name| ![CASE, COPY].contains(name)) {
            self.add(name, error)?;
        }
        let required = path.required().into_iter().filter(|name| ![CASE, COPY].contains(name));
        self.needed.extend(required.map(|name| (name, path)));
        Ok(())
    }

    fn add(&mut self, name: &str, error: &dyn Fn(String) -> PipelineError) -> Result<(), PipelineError> {
        let keyword = Keyword::find(name).map_err(|problem| {
            let help = matches!(problem, KeywordError::Unknown(_)).then(|| meant(name)).flatten();
            PipelineError { help, ..error(problem.to_string()) }
        })?;
        if !self.all.contains(&keyword) {
            self.all.push(keyword);
        }
        Ok(())
    }

    /// Whether a series has the values that the pipeline asks for.
    pub(super) fn take(&self, series: &IndexedSeries) -> bool {
        self.conditions.iter().all(|condition| {
            let Some(at) = self.position(&condition.column) else { return false };
            holds(self.all[at], series.values[at].as_deref().unwrap_or_default(), &condition.any_of)
        })
    }

    /// Whether the pipeline asks for types of images, of which planning images are one.
    pub(super) fn asks_for_image_type(&self) -> bool {
        self.conditions.iter().any(|condition| condition.column == "ImageType")
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.all.iter().position(|keyword| keyword.name == name)
    }

    fn said<'s>(&self, name: &str, series: &[&'s IndexedSeries]) -> Said<'s> {
        let Some(at) = self.position(name) else { return Said::Nothing };
        let mut values = series.iter().map(|series| series.values[at].as_deref().unwrap_or_default());
        let first = values.next().unwrap_or_default();
        match values.find(|value| *value != first) {
            Some(other) => Said::Different(first, other),
            None if first.is_empty() => Said::Nothing,
            None => Said::One(first),
        }
    }

    /// The name of the case that these series are, with what the keywords say of all of them.
    ///
    /// # Errors
    /// What the name or an output needs and the series do not say.
    pub(super) fn name_of(&self, series: &[&IndexedSeries]) -> Result<CaseName, String> {
        let mut fields = BTreeMap::new();
        let of_name: BTreeSet<&str> = self.name.names();
        let needed = |name: &str| match self.name.required().contains(name) {
            true => Some(("the name", &self.name)),
            false => self.needed.get(name).map(|path| ("a path", *path)),
        };
        for keyword in &self.all {
            let name = keyword.name;
            let value = match self.said(name, series) {
                Said::One(value) => safe(value),
                Said::Nothing => None,
                Said::Different(one, other) if of_name.contains(name) || needed(name).is_some() => {
                    return Err(format!("{name} differs between its series ({one:?}, {other:?}): use another keyword"));
                }
                Said::Different(..) => None,
            };
            match (value, needed(name)) {
                (Some(value), _) => drop(fields.insert(name.to_owned(), value)),
                (None, None) => {}
                (None, Some((what, template))) => {
                    return Err(format!(
                        "it has no {name}, which {what} {:?} needs: write it in brackets, such as [{{{name}}}_], or \
                         use another keyword",
                        template.text()
                    ));
                }
            }
        }
        let text = self.name.path(&CaseName { fields: fields.clone(), ..CaseName::alone("") });
        let case = if self.named { text } else { text.trim_start_matches('_').to_owned() };
        plain("the name", &case)?;
        Ok(CaseName { fields, ..CaseName::alone(case) })
    }
}

/// Whether a value is one of these patterns, as a whole or in one of its parts. Where the pipeline has a number, the
/// values of attributes that hold numbers are compared as such.
fn holds(keyword: Keyword, value: &str, any_of: &[Wanted]) -> bool {
    let parts = || value.split('\\').chain([value]);
    any_of.iter().any(|Wanted { text, is_number }| {
        let pattern = WildMatch::new(&text.trim().to_lowercase());
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|_| keyword.is_number && *is_number);
        parts().any(|part| {
            pattern.matches(&part.to_lowercase()) || number(text).is_some_and(|wanted| number(part) == Some(wanted))
        })
    })
}

/// The keyword that may have been meant.
fn meant(name: &str) -> Option<String> {
    let all = Keyword::all();
    let lower: BTreeMap<String, &str> = all.iter().map(|name| (name.to_lowercase(), *name)).collect();
    let near = lower.get(&name.to_lowercase()).copied();
    let near = near.or_else(|| lower.get(closest(name, lower.keys().map(String::as_str))?).copied());
    near.map(|near| format!("did you mean {near:?}?"))
}

/// Adds the ends of UIDs to names that are the same: as much of them as tells them apart.
pub(super) fn told_apart(cases: &mut [(CaseName, String)]) {
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (number, (name, _)) in cases.iter().enumerate() {
        by_name.entry(name.case.clone()).or_default().push(number);
    }
    for (name, same) in by_name.into_iter().filter(|(name, same)| same.len() > 1 || name.is_empty()) {
        let longest = same.iter().map(|number| cases[*number].1.len()).max().unwrap_or(0);
        // Without any other name it is the whole UID.
        let first = if name.is_empty() { longest } else { SHORTEST_END.min(longest) };
        let ends = |length: usize| -> Vec<&str> { same.iter().map(|number| end(&cases[*number].1, length)).collect() };
        let apart = |length: &usize| {
            let ends = ends(*length);
            ends.iter().collect::<BTreeSet<_>>().len() == ends.len()
        };
        let Some(length) = (first..=longest).find(apart) else { continue };
        let ends: Vec<String> = ends(length).into_iter().map(str::to_owned).collect();
        for (number, end) in same.into_iter().zip(ends) {
            let before = if name.is_empty() { "" } else { "_" };
            cases[number].0.case.push_str(&format!("{before}{end}"));
        }
    }
}

/// How much of a UID is added at least.
const SHORTEST_END: usize = 6;

/// The last letters of a UID.
fn end(uid: &str, length: usize) -> &str {
    let start = uid.char_indices().rev().nth(length.saturating_sub(1)).map_or(0, |(at, _)| at);
    uid[start..].trim_start_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_with_patterns_without_case_and_numbers_as_numbers() {
        let of = |is_number: bool, name: &str, value: &str, wanted: &[&str]| {
            let wanted: Vec<Wanted> =
                wanted.iter().map(|text| Wanted { text: (*text).to_owned(), is_number }).collect();
            holds(Keyword::find(name).unwrap(), value, &wanted)
        };
        let t = |name: &str, value: &str, wanted: &[&str]| of(false, name, value, wanted);
        let number = |name: &str, value: &str, wanted: &[&str]| of(true, name, value, wanted);
        assert!(t("Modality", "CT", &["ct"]) && t("Modality", "CT", &["MR", "CT"]) && !t("Modality", "CT", &["C"]));
        assert!(t("SeriesDescription", "Lung THIN 1mm", &["*thin*"]) && t("Modality", "MR", &["?R"]));
        assert!(number("SliceThickness", "1.250", &["1.25"]) && !number("SliceThickness", "1.250", &["1.2"]));
        assert!(!t("SliceThickness", "1.250", &["1.25"]) && t("SliceThickness", "1.250", &["1.25*"]));
        assert!(number("SeriesNumber", "007", &["7"]) && !t("SeriesNumber", "7", &["007"]));
        // Numbers are texts where they stand for names.
        assert!(
            !number("PatientID", "007", &["7"]) && !t("PatientID", "7", &["007"]) && t("PatientID", "007", &["007"])
        );
        assert!(t("ImageType", "ORIGINAL\\PRIMARY\\AXIAL", &["axial"]));
        assert!(t("ImageType", "ORIGINAL\\PRIMARY\\AXIAL", &["original\\*"]));
        assert!(number("PixelSpacing", "0.5\\0.75", &["0.750"]));
        assert!(t("ProtocolName", "", &[""]) && !t("ProtocolName", "", &["?*"]));
        assert_eq!(meant("modality").as_deref(), Some("did you mean \"Modality\"?"));
        assert_eq!(meant("SeriesDescripton").as_deref(), Some("did you mean \"SeriesDescription\"?"));
        assert_eq!(meant("patient_id").as_deref(), Some("did you mean \"PatientID\"?"));
    }

    #[test]
    fn equal_names_get_the_ends_of_uids() {
        let t = |cases: &[(&str, &str)]| {
            let mut cases: Vec<(CaseName, String)> =
                cases.iter().map(|(name, uid)| (CaseName::alone(*name), (*uid).to_owned())).collect();
            told_apart(&mut cases);
            cases.into_iter().map(|(name, _)| name.case).collect::<Vec<_>>()
        };
        assert_eq!(t(&[("a", "1.2.3"), ("b", "1.2.3")]), ["a", "b"]);
        assert_eq!(t(&[("a", "1.2.840.123456"), ("a", "1.2.840.654321"), ("b", "1")]), ["a_123456", "a_654321", "b"]);
        assert_eq!(t(&[("a", "1.2.99.123456"), ("a", "1.2.98.123456")]), ["a_9.123456", "a_8.123456"]);
        assert_eq!(t(&[("a", "1.2.3"), ("a", "1.2.30")]), ["a_1.2.3", "a_1.2.30"]);
        assert_eq!(t(&[("", "1.2.3")]), ["1.2.3"]);
        assert_eq!(t(&[("", "1.2.3"), ("", "1.2.34")]), ["1.2.3", "1.2.34"]);
        assert_eq!(t(&[("a", "1.12345.6"), ("a", "2.98765.6")]), ["a_2345.6", "a_8765.6"]);
    }
}
