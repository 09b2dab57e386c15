//! Lists as text: UTF-8, with or without a byte order mark.

use std::path::Path;

/// Reads a list.
///
/// # Errors
/// If the system refuses, or the file is in another encoding: which, and what to do.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
    decoded(bytes)
}

const SAVE: &str = "save it as UTF-8 (in Excel: CSV UTF-8)";

fn decoded(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(format!("the file is in UTF-16: {SAVE}"));
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => {
            let before = &e.as_bytes()[..e.utf8_error().valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            return Err(format!("line {line} is not UTF-8, but perhaps Latin-1 or Windows-1252: {SAVE}"));
        }
    };
    if text.contains('\0') {
        return Err(format!("the file has zero bytes, as UTF-16 has: {SAVE}"));
    }
    Ok(text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_named() {
        let t = |bytes: &[u8]| decoded(bytes.to_vec());
        assert_eq!(t("\u{feff}case,é\n".as_bytes()).unwrap(), "case,é\n");
        assert_eq!(t(b"").unwrap(), "");
        let utf16: Vec<u8> = "\u{feff}case\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (bytes, part) in [
            (&utf16[..], "the file is in UTF-16: save it as UTF-8"),
            (&utf16[2..], "zero bytes"),
            (b"case\nM\xfcller\n", "line 2 is not UTF-8, but perhaps Latin-1"),
        ] {
            let problem = t(bytes).unwrap_err();
            assert!(problem.contains(part), "{part}: {problem}");
        }
    }
}
