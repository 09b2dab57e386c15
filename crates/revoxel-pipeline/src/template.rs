//! Paths with `{case}`.

/// A relative path in which `{case}` stands for the name of a case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template(String);

const CASE: &str = "{case}";

impl Template {
    /// Checks a path template.
    ///
    /// # Errors
    /// What is wrong with it: empty, braces around anything but `case`, absolute, or leading out of its folder.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the path is empty".to_owned());
        }
        let rest = text.replace(CASE, "");
        if rest.contains(['{', '}']) {
            return Err(format!("{text:?}: the only placeholder is {CASE}"));
        }
        let path = std::path::Path::new(text);
        if path.is_absolute() {
            return Err(format!("{text:?} is absolute: paths are relative to --data and --out"));
        }
        if path.components().any(|c| matches!(c, std::path::Component::ParentDir)) {
            return Err(format!("{text:?} leads out of its folder"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether the path depends on the case.
    pub fn has_case(&self) -> bool {
        self.0.contains(CASE)
    }

    /// The path of a case.
    pub fn path(&self, case: &str) -> String {
        self.0.replace(CASE, case)
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
        assert_eq!(Template::new("{case}/{case}.nii").unwrap().path("x1"), "x1/x1.nii");
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
