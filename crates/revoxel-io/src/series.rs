//! The choice of one of several series: by name, by properties, or by requirements.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use wildmatch::WildMatch;

/// Which series of a DICOM folder or archive to read: the series must satisfy all given fields. For a folder of
/// pictures, `name` is a number in the list of series or the name of the files, and of the other fields only
/// `min_slices` (files) and `largest` apply.
///
/// ```
/// use revoxel_io::SeriesChoice;
/// let choice: SeriesChoice = "description=*thin*, modality=CT, largest".parse().unwrap();
/// assert_eq!((choice.description.as_deref(), choice.largest), (Some("*thin*"), true));
/// assert_eq!("2".parse::<SeriesChoice>().unwrap().name.as_deref(), Some("2"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeriesChoice {
    /// Its number (from 1) in the list of series, its UID, or its description, with `*` for any text and `?` for any
    /// character.
    pub name: Option<String>,
    /// SeriesInstanceUID.
    pub uid: Option<String>,
    /// SeriesDescription, with `*` and `?`; case does not matter.
    pub description: Option<String>,
    /// Modality, such as `CT`.
    pub modality: Option<String>,
    /// SeriesNumber.
    pub number: Option<i64>,
    /// The smallest number of slices.
    pub min_slices: Option<usize>,
    /// Of all matching series, the one with the most images.
    pub largest: bool,
    /// The only files of a DICOM folder to look at, in the order of their paths; all of them must be readable. `None`:
    /// everything below the folder.
    pub files: Option<Arc<[PathBuf]>>,
}

/// A choice that cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}: pass a number, a UID or a description, or FIELD=VALUE pairs with commas between them; fields are uid, \
     description, modality, number, min_slices and largest"
)]
pub struct SeriesChoiceError(String);

impl FromStr for SeriesChoice {
    type Err = SeriesChoiceError;

    fn from_str(text: &str) -> Result<Self, SeriesChoiceError> {
        const FIELDS: [&str; 6] = ["uid", "description", "modality", "number", "min_slices", "largest"];
        let mut choice = Self::default();
        let field = |part: &str| part.split('=').next().unwrap_or_default().trim().to_owned();
        if !text.contains('=') && text.trim() != "largest" && !text.trim().is_empty() {
            return Ok(Self { name: Some(text.trim().to_owned()), ..choice });
        }
        let mut parts: Vec<String> = Vec::new();
        for part in text.split(',') {
            // A description may have commas.
            match parts.last_mut() {
                Some(last) if !FIELDS.contains(&&*field(part)) => *last = format!("{last},{part}"),
                _ => parts.push(part.to_owned()),
            }
        }
        for part in &parts {
            let value = part.split_once('=').map(|(_, value)| value.trim().to_owned());
            let whole = |value: &Option<String>| value.as_ref().and_then(|v| v.parse::<i64>().ok());
            let wrong = |what: &str| SeriesChoiceError(format!("{:?} {what}", part.trim()));
            match field(part).as_str() {
                "uid" if value.is_some() => choice.uid = value,
                "description" if value.is_some() => choice.description = value,
                "modality" if value.is_some() => choice.modality = value,
                "number" => choice.number = Some(whole(&value).ok_or_else(|| wrong("needs a whole number"))?),
                "min_slices" => {
                    let slices = whole(&value).and_then(|n| usize::try_from(n).ok());
                    choice.min_slices = Some(slices.ok_or_else(|| wrong("needs a number of slices"))?);
                }
                "largest" => match value.as_deref() {
                    None | Some("true") => choice.largest = true,
                    Some("false") => {}
                    Some(_) => return Err(wrong("must be true or false")),
                },
                _ => return Err(wrong("is not a field of a series")),
            }
        }
        Ok(choice)
    }
}

impl fmt::Display for SeriesChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.name.iter().cloned().collect();
        let texts = [("uid", &self.uid), ("description", &self.description), ("modality", &self.modality)];
        parts.extend(texts.into_iter().filter_map(|(name, text)| Some(format!("{name}={}", text.as_ref()?))));
        parts.extend(self.number.map(|n| format!("number={n}")));
        parts.extend(self.min_slices.map(|n| format!("min_slices={n}")));
        parts.extend(self.largest.then(|| "largest".to_owned()));
        f.write_str(&parts.join(","))
    }
}

/// Whether a text matches a pattern with `*` and `?`; case does not matter.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    WildMatch::new(&pattern.to_lowercase()).matches(&text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_and_shown() {
        let t = |text: &str| text.parse::<SeriesChoice>().unwrap().to_string();
        for text in
            ["3", "1.2.840.1", "*thin*", "largest", "description=a,b,modality=CT,number=-3,min_slices=40,largest"]
        {
            assert_eq!(t(text), text);
        }
        assert_eq!(t("largest=false, uid=1.2"), "uid=1.2");
        let e = |text: &str| text.parse::<SeriesChoice>().unwrap_err().to_string();
        assert!(e("size=3").starts_with("\"size=3\" is not a field of a series: pass a number"));
        assert!(
            e("number=x").contains("needs a whole number") && e("min_slices=-1").contains("needs a number of slices")
        );
        assert!(e("").contains("not a field") && e("largest=perhaps").contains("must be true or false"));
        assert!(fits("*THIN*", "Lung thin B70f") && !fits("thin", "Lung thin") && fits("t?in", "Thin"));
    }
}
