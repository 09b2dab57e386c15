//! Licence expressions (SPDX): `MIT OR Apache-2.0`, `(MIT OR Apache-2.0) AND Unicode-3.0`, and the older `MIT/Apache-2.0`.

/// Whether a list of licences satisfies an expression; `None` where it is not an expression.
///
/// An exception is a part of the licence: `Apache-2.0 WITH LLVM-exception` has to be in the list as it stands.
pub(super) fn is_satisfied(expression: &str, allowed: &[String]) -> Option<bool> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut reader = Reader { words: spaced.split_whitespace().collect(), at: 0, allowed };
    let satisfied = reader.either()?;
    (reader.at == reader.words.len()).then_some(satisfied)
}

struct Reader<'a> {
    words: Vec<&'a str>,
    at: usize,
    allowed: &'a [String],
}

impl Reader<'_> {
    /// `a OR b OR ..`
    fn either(&mut self) -> Option<bool> {
        let mut satisfied = self.all()?;
        while self.take("OR") {
            satisfied |= self.all()?;
        }
        Some(satisfied)
    }

    /// `a AND b AND ..`, which binds more closely.
    fn all(&mut self) -> Option<bool> {
        let mut satisfied = self.one()?;
        while self.take("AND") {
            satisfied &= self.one()?;
        }
        Some(satisfied)
    }

    /// A licence, perhaps with an exception, or an expression in brackets.
    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let satisfied = self.either()?;
            return self.take(")").then_some(satisfied);
        }
        let mut licence = self.name()?;
        if self.take("WITH") {
            licence = format!("{licence} WITH {}", self.name()?);
        }
        Some(self.allowed.contains(&licence))
    }

    fn name(&mut self) -> Option<String> {
        let word = self.words.get(self.at).filter(|word| !["AND", "OR", "WITH", "(", ")"].contains(word))?;
        self.at += 1;
        Some((*word).to_owned())
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.words.get(self.at) == Some(&word);
        self.at += usize::from(found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(expression: &str, expected: Option<bool>) {
        let allowed = ["MIT", "Zlib", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
        assert_eq!(is_satisfied(expression, &allowed), expected, "{expression}");
    }

    #[test]
    fn expressions_are_satisfied_by_what_is_allowed() {
        t("MIT", Some(true));
        t("GPL-3.0-only", Some(false));
        t("MIT OR GPL-3.0-only", Some(true));
        t("GPL-3.0-only/MIT", Some(true));
        t("MIT AND GPL-3.0-only", Some(false));
        t("MIT AND Zlib", Some(true));
        t("mit", Some(false));
    }

    #[test]
    fn and_binds_more_closely_than_or() {
        t("MIT OR GPL-3.0-only AND Zlib", Some(true));
        t("(MIT OR GPL-3.0-only) AND Zlib", Some(true));
        t("(MIT OR Zlib) AND GPL-3.0-only", Some(false));
        t("MIT AND (GPL-3.0-only OR (Zlib))", Some(true));
    }

    #[test]
    fn an_exception_is_a_part_of_the_licence() {
        t("Apache-2.0 WITH LLVM-exception", Some(true));
        t("Apache-2.0", Some(false));
        t("MIT WITH LLVM-exception", Some(false));
        t("Apache-2.0 WITH LLVM-exception OR GPL-3.0-only", Some(true));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in ["", "MIT Zlib", "MIT OR", "OR MIT", "(MIT", "MIT)", "MIT WITH", "()"] {
            t(text, None);
        }
    }
}
