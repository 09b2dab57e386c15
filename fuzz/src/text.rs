//! Changes of texts: lines, words, numbers.

use revoxel_core::testing::Draw;

use crate::mutate::{WORDS, one};

/// Changes one line of a text, or puts in one of `known`.
pub fn lines(text: &mut String, known: &[&str], draw: &mut Draw) {
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let last = lines.len() as i64 - 1;
    let (a, b) = (draw.int(0, last) as usize, draw.int(0, last) as usize);
    match draw.int(0, 9) {
        0 => {
            lines.remove(a);
        }
        1 => lines.insert(b, lines[a].clone()),
        2 => lines.swap(a, b),
        3 | 4 if !known.is_empty() => {
            let line = (*one(draw, known)).to_owned();
            if draw.int(0, 1) == 0 { lines[a] = line } else { lines.insert(a, line) }
        }
        5 => {
            let joined = lines[b].clone();
            lines[a].push_str(&joined);
        }
        _ => numbers(&mut lines[a], draw),
    }
    *text = lines.join("\n");
}

/// Replaces one number of a text, or one word.
pub fn numbers(text: &mut String, draw: &mut Draw) {
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+');
    let whole_words = draw.int(0, 3) == 0;
    let wanted = |c: char| if whole_words { c.is_ascii_alphanumeric() || c == '_' } else { is_number(c) };
    let mut places = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), '\n')]) {
        match (wanted(c), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                places.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    if places.is_empty() {
        return;
    }
    let place = one(draw, &places).clone();
    let new = match draw.int(0, 3) {
        0 => draw.int(0, 20).to_string(),
        1 => format!("{:.3}", draw.real(-10.0, 10.0)),
        // Another one of the same text.
        2 => text[one(draw, &places).clone()].to_owned(),
        _ => (*one(draw, &WORDS)).to_owned(),
    };
    text.replace_range(place, &new);
}

/// Changes the part of bytes that is text.
pub fn in_bytes(bytes: &mut Vec<u8>, known: &[&str], draw: &mut Draw) {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    lines(&mut text, known, draw);
    *bytes = text.into_bytes();
}
