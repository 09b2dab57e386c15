//! Scalars that MONAI's reader of YAML (version 1.1 of the language) takes for something else than ours (1.2).

use revoxel_pipeline::{Data, Node};

use super::Fault;

/// Refuses a scalar that means something else in MONAI. `written` is how it stands in a file of YAML.
///
/// # Errors
/// At the scalar, with what it is there.
pub(super) fn check(node: &Node, written: Option<&str>) -> Result<(), Fault> {
    let place = node.place;
    // Quoted texts are texts everywhere, and of an alias the words stand elsewhere.
    let Some(written) = written.filter(|w| !w.is_empty() && !w.starts_with(['"', '\'', '*', '&', '|', '>'])) else {
        return Ok(());
    };
    let fault = |problem: String, help: String| Err(Fault::new(place, format!("{written} {problem}")).help(help));
    match &node.data {
        Data::Text(_) if ["yes", "no", "on", "off"].contains(&written.to_lowercase().as_str()) => {
            fault("is true or false in MONAI, but text in revoxel".to_owned(), "write true or false".to_owned())
        }
        Data::Text(_) => match number(written) {
            Some(there) => {
                fault(format!("is the number {there} in MONAI, but text in revoxel"), format!("write {there}"))
            }
            None => Ok(()),
        },
        Data::Number(here) => match (number(written), here.as_f64()) {
            (Some(there), Some(here)) if there == here => Ok(()),
            (Some(there), _) => fault(format!("is {there} in MONAI, but {here} in revoxel"), format!("write {there}")),
            (None, _) => fault(
                format!("is text in MONAI, but {here} in revoxel"),
                "write numbers with a decimal point and a sign of the exponent: 1.0e+3".to_owned(),
            ),
        },
        _ => Ok(()),
    }
}

/// The number that an unquoted scalar is in YAML 1.1; `None` for words.
fn number(written: &str) -> Option<f64> {
    let (sign, digits) = match written.strip_prefix(['+', '-']) {
        Some(digits) => (if written.starts_with('-') { -1.0 } else { 1.0 }, digits),
        None => (1.0, written),
    };
    let plain = digits.replace('_', "");
    let whole = |radix| u64::from_str_radix(&plain[if radix == 8 { 1 } else { 2 }..], radix).ok().map(|n| n as f64);
    let of = |chars: &str, text: &str| !text.is_empty() && text.chars().all(|c| chars.contains(c));
    let decimal = |text: &str| of("0123456789_", text);
    let value = if let Some(hex) = digits.strip_prefix("0x") {
        of("0123456789abcdefABCDEF_", hex).then(|| whole(16)).flatten()
    } else if let Some(binary) = digits.strip_prefix("0b") {
        of("01_", binary).then(|| whole(2)).flatten()
    } else if digits.len() > 1 && digits.starts_with('0') && of("01234567_", digits) {
        whole(8)
    } else if decimal(digits) && (digits == "0" || !digits.starts_with(['0', '_'])) {
        plain.parse().ok()
    } else if let Some((first, rest)) = digits.split_once(':') {
        sexagesimal(first, rest)
    } else {
        let (mantissa, exponent) = digits.split_once(['e', 'E']).map_or((digits, None), |(m, e)| (m, Some(e)));
        let signed = |e: &str| e.strip_prefix(['+', '-']).is_some_and(|e| of("0123456789", e));
        let (before, after) = mantissa.split_once('.')?;
        // Without a digit before the point there is no sign.
        let bare = written == digits && !after.is_empty() && !after.starts_with('_');
        let begins = if before.is_empty() { bare } else { decimal(before) };
        let fits = begins && !before.starts_with('_') && (after.is_empty() || decimal(after));
        (fits && exponent.is_none_or(signed)).then(|| plain.parse().ok()).flatten()
    };
    value.map(|value: f64| sign * value)
}

/// Digits in the base of 60, with colons between them.
fn sexagesimal(first: &str, rest: &str) -> Option<f64> {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let leads = digits(first) && !first.starts_with('0');
    let parts: Option<Vec<f64>> = rest
        .split(':')
        .map(|part| if digits(part) && part.len() <= 2 { part.parse().ok().filter(|n| *n < 60.0) } else { None })
        .collect();
    Some(parts.filter(|_| leads)?.iter().fold(first.parse().ok()?, |sum: f64, part| sum * 60.0 + part))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What PyYAML 6.0.3 `safe_load` makes of them.
    #[test]
    fn numbers_of_yaml_1_1() {
        let t = |written: &str, expected: Option<f64>| assert_eq!(number(written), expected, "{written}");
        t("10", Some(10.0));
        t("010", Some(8.0));
        t("-017", Some(-15.0));
        t("0", Some(0.0));
        t("-0", Some(-0.0));
        t("08", None);
        t("0o10", None);
        t("1_000", Some(1000.0));
        t("0x1F", Some(31.0));
        t("0b101", Some(5.0));
        t("1:30", Some(90.0));
        t("1:75", None);
        t("0:30", None);
        t("1e3", None);
        t("1.5e3", None);
        t("1.5e+3", Some(1500.0));
        t("1.", Some(1.0));
        t(".5", Some(0.5));
        t("-.5", None);
        t("1.5E-2", Some(0.015));
        t("1_0.2_5", Some(10.25));
        t("1e+3", None);
        t("word", None);
        t("1.2.3", None);
        t("._5", None);
        t("-", None);
        t("+", None);
        t("0x", None);
    }
}
