//! Numbers in text.

use super::problem::{FieldError, Problem};

/// A whole number.
pub(crate) fn integer(field: &str, text: &str) -> Result<i64, FieldError> {
    text.trim().parse().map_err(|_| FieldError::new(field, text, Problem::NotANumber("a whole number")))
}

/// A whole number of at least 0.
pub(crate) fn natural(field: &str, text: &str) -> Result<u64, FieldError> {
    text.trim().parse().map_err(|_| FieldError::new(field, text, Problem::NotANumber("a whole number of 0 or more")))
}

/// Real numbers between blanks.
pub(crate) fn reals(field: &str, text: &str) -> Result<Vec<f64>, FieldError> {
    let parse = |word: &str| word.parse::<f64>().ok();
    let numbers: Option<Vec<f64>> = text.split_whitespace().map(parse).collect();
    numbers.ok_or_else(|| FieldError::new(field, text, Problem::NotANumber("numbers separated by spaces")))
}

/// The required number of finite real numbers.
pub(crate) fn finite(field: &str, text: &str, count: usize) -> Result<Vec<f64>, FieldError> {
    let numbers = reals(field, text)?;
    counted(field, text, numbers.len(), count)?;
    match numbers.iter().all(|v| v.is_finite()) {
        true => Ok(numbers),
        false => Err(FieldError::new(field, text, Problem::NotFinite)),
    }
}

/// Checks the number of values.
pub(crate) fn counted(field: &str, text: &str, found: usize, expected: usize) -> Result<(), FieldError> {
    match found == expected {
        true => Ok(()),
        false => Err(FieldError::new(field, text, Problem::Count { expected, found })),
    }
}

/// Sizes of axes: at least 1 each; 16 times their product can be addressed.
pub(crate) fn sizes(field: &str, text: &str, axes: usize) -> Result<Vec<usize>, FieldError> {
    let words: Vec<&str> = text.split_whitespace().collect();
    counted(field, text, words.len(), axes)?;
    let fail = |problem| FieldError::new(field, text, problem);
    let size = |word: &&str| match word.parse::<i128>() {
        Ok(n) if n < 1 => Err(fail(Problem::EmptyAxis)),
        Ok(n) => usize::try_from(n).map_err(|_| fail(Problem::TooManyValues)),
        Err(_) => Err(fail(Problem::NotANumber("whole numbers separated by spaces"))),
    };
    let sizes: Vec<usize> = words.iter().map(size).collect::<Result<_, _>>()?;
    checked_product(sizes.iter().copied().chain([16])).ok_or_else(|| fail(Problem::TooManyValues))?;
    Ok(sizes)
}

/// A product that fits into the address space.
pub(crate) fn checked_product(factors: impl IntoIterator<Item = usize>) -> Option<usize> {
    let product = factors.into_iter().try_fold(1usize, usize::checked_mul)?;
    isize::try_from(product).ok().map(|_| product)
}

/// Numbers separated by blanks; the text gives every f64 back exactly.
pub(crate) fn spaced(numbers: impl IntoIterator<Item = f64>) -> String {
    // Adding 0 makes a negative zero positive.
    numbers.into_iter().map(|v| number(v + 0.0)).collect::<Vec<_>>().join(" ")
}

/// The shortest text that gives the number back.
pub(crate) fn number(value: f64) -> String {
    let (plain, scientific) = (format!("{value}"), format!("{value:e}"));
    if plain.len() <= scientific.len() + 6 { plain } else { scientific }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_numbers() {
        for (value, text) in [(0.1, "0.1"), (-3.0, "-3"), (1e-30, "1e-30"), (6.02e23, "6.02e23"), (150_000.0, "150000")]
        {
            assert_eq!(number(value), text);
        }
        assert_eq!(spaced([-0.0, 1.5]), "0 1.5");
    }

    #[test]
    fn sizes_are_checked() {
        assert_eq!(sizes("sizes", " 3 4\t5 ", 3), Ok(vec![3, 4, 5]));
        let text = |t: &str, n| sizes("sizes", t, n).unwrap_err().to_string();
        assert_eq!(text("3 4", 3), "sizes is 3 4: expected 3 values, found 2");
        assert_eq!(text("3 0", 2), "sizes is 3 0: every axis must have at least 1 sample");
        assert!(text("3 -1", 2).contains("at least 1 sample"));
        assert!(text("3 x", 2).contains("whole numbers"));
        assert!(text("1099511627776 1099511627776", 2).contains("addressed"));
        assert!(text("99999999999999999999999", 1).contains("addressed"));
    }
}
