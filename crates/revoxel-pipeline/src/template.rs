//! Paths with `{case}` and `{copy}`.

use std::fmt;

/// A case, or one of the copies that a pipeline makes of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseName {
    /// Replaces `{case}`.
    pub case: String,
    /// Replaces `{copy}`, from 0; `None` if the pipeline makes no copies.
    pub copy: Option<u32>,
}

impl CaseName {
    /// A case without copies.
    pub fn alone(case: impl Into<String>) -> Self {
        Self { case: case.into(), copy: None }
    }
}

/// What people are told, and what random steps draw by: the case, or the case and the copy, as in `liver_7/2`. No case
/// has a slash in its name, since it is a part of the name of a file.
impl fmt::Display for CaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.copy {
            Some(copy) => write!(f, "{}/{copy}", self.case),
            None => f.write_str(&self.case),
        }
    }
}

/// A relative path in which `{case}` stands for the name of a case, and `{copy}` for the number of a copy of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template(String);

const CASE: &str = "{case}";
const COPY: &str = "{copy}";

impl Template {
    /// Checks a path template.
    ///
    /// # Errors
    /// What is wrong with it: empty, braces around anything but `case` and `copy`, absolute, or leading out of its
    /// folder.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the path is empty".to_owned());
        }
        let rest = text.replace(CASE, "").replace(COPY, "");
        if rest.contains(['{', '}']) {
            return Err(format!("{text:?}: the only placeholders are {CASE} and, in outputs with copies, {COPY}"));
        }
        let path = std::path::Path::new(text);
        if path.is_absolute() {
            return Err(format!(
                "{text:?} is absolute: paths are relative to the folders of the data and of the outputs"
            ));
        }
        if path.components().any(|c| matches!(c, std::path::Component::ParentDir)) {
            return Err(format!("{text:?} leaves its folder: `..` is not allowed"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether the path depends on the case.
    pub fn has_case(&self) -> bool {
        self.0.contains(CASE)
    }

    /// Whether the path depends on the copy.
    pub(crate) fn has_copy(&self) -> bool {
        self.0.contains(COPY)
    }

    /// The path of a case, or of a copy of it.
    pub fn path(&self, name: &CaseName) -> String {
        let numbered = name.copy.map(|copy| self.0.replace(COPY, &copy.to_string()));
        numbered.as_ref().unwrap_or(&self.0).replace(CASE, &name.case)
    }

    /// The template as written.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The case of which this file or folder name could be a part: `component` is the template's path component,
    /// `name` what stands on disk. `Some(None)` where the component names no case and is equal.
    pub fn match_component<'a>(component: &str, name: &'a str) -> Option<Option<&'a str>> {
        let Some((before, after)) = component.split_once(CASE) else {
            return (component == name).then_some(None);
        };
        // With several placeholders in one component the first two decide how long the case is.
        let case = match after.split_once(CASE) {
            None => name.strip_prefix(before)?.strip_suffix(after)?,
            Some(_) => {
                let fixed = component.replace(CASE, "").len();
                let count = component.matches(CASE).count();
                let length = name.len().checked_sub(fixed)? / count;
                let case = name.strip_prefix(before)?.get(..length)?;
                (component.replace(CASE, case) == name).then_some(case)?
            }
        };
        (!case.is_empty()).then_some(Some(case))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_checked() {
        for good in ["a/{case}.nii.gz", "{case}/{case}_seg.nii", "one.nii"] {
            assert!(Template::new(good).is_ok());
        }
        for bad in ["", "a/{name}.nii", "/abs/{case}", "../{case}", "a/{case", "a/../b"] {
            assert!(Template::new(bad).is_err(), "{bad}");
        }
        assert_eq!(Template::new("{case}/{case}.nii").unwrap().path(&CaseName::alone("x1")), "x1/x1.nii");
        let copy = CaseName { case: "x1".to_owned(), copy: Some(12) };
        assert_eq!(Template::new("{case}/{copy}_{case}.nii").unwrap().path(&copy), "x1/12_x1.nii");
        assert_eq!([copy.to_string(), CaseName::alone("x1").to_string()], ["x1/12", "x1"]);
    }

    #[test]
    fn names_give_cases() {
        let t = Template::match_component;
        assert_eq!(t("{case}_0000.nii.gz", "la_003_0000.nii.gz"), Some(Some("la_003")));
        assert_eq!(t("{case}_0000.nii.gz", "_0000.nii.gz"), None);
        assert_eq!(t("images", "images"), Some(None));
        assert_eq!(t("images", "labels"), None);
        assert_eq!(t("{case}-{case}.nii", "ab-ab.nii"), Some(Some("ab")));
        assert_eq!(t("{case}-{case}.nii", "ab-cd.nii"), None);
    }
}
