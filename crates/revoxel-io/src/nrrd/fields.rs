//! The values of fields with their own syntax.

use revoxel_core::Dtype;

use crate::textual::{FieldError, Problem, numbers};

/// The voxel type of a name.
pub(super) fn dtype(text: &str) -> Result<Dtype, FieldError> {
    const KNOWN: &str = "int8, uint8, int16, uint16, int32, uint32, int64, uint64, float, double and their C names";
    let words = text.to_ascii_lowercase();
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(match words.as_str() {
        "signed char" | "int8" | "int8_t" | "char" => Dtype::I8,
        "uchar" | "unsigned char" | "uint8" | "uint8_t" => Dtype::U8,
        "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => Dtype::I16,
        "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => Dtype::U16,
        "int" | "signed int" | "int32" | "int32_t" => Dtype::I32,
        "uint" | "unsigned int" | "uint32" | "uint32_t" => Dtype::U32,
        "longlong"
        | "long long"
        | "long long int"
        | "signed long long"
        | "signed long long int"
        | "int64"
        | "int64_t" => Dtype::I64,
        "ulonglong" | "unsigned long long" | "unsigned long long int" | "uint64" | "uint64_t" => Dtype::U64,
        "float" | "float32" => Dtype::F32,
        "double" | "float64" => Dtype::F64,
        "block" => return Err(FieldError::new("type", text, Problem::Unsupported("blocks of bytes are not numbers"))),
        _ => return Err(FieldError::new("type", text, Problem::UnknownWord(KNOWN))),
    })
}

/// One vector or `none` per axis; vectors of NaN are `none`.
pub(super) fn directions(text: &str, axes: usize, length: usize) -> Result<Vec<Option<Vec<f64>>>, FieldError> {
    let field = "space directions";
    let vectors = vectors(field, text)?;
    numbers::counted(field, text, vectors.len(), axes)?;
    let check = |vector: Option<Vec<f64>>| match vector {
        Some(v) if v.iter().all(|x| x.is_nan()) => Ok(None),
        Some(v) if v.len() != length => {
            Err(FieldError::new(field, text, Problem::Count { expected: length, found: v.len() }))
        }
        Some(v) if v.iter().any(|x| !x.is_finite()) => Err(FieldError::new(field, text, Problem::NotFinite)),
        vector => Ok(vector),
    };
    vectors.into_iter().map(check).collect()
}

/// Parses a number of finite vectors of equal length.
pub(super) fn finite_vectors(
    field: &str,
    text: &str,
    count: usize,
    length: usize,
) -> Result<Vec<Vec<f64>>, FieldError> {
    let vectors: Vec<Vec<f64>> = vectors(field, text)?.into_iter().flatten().collect();
    numbers::counted(field, text, vectors.len(), count)?;
    for vector in &vectors {
        numbers::counted(field, text, vector.len(), length)?;
        if vector.iter().any(|v| !v.is_finite()) {
            return Err(FieldError::new(field, text, Problem::NotFinite));
        }
    }
    Ok(vectors)
}

/// `(1,2,3)` or `none`, any number of times.
fn vectors(field: &str, text: &str) -> Result<Vec<Option<Vec<f64>>>, FieldError> {
    let fail = || FieldError::new(field, text, Problem::NotANumber("vectors such as (1,0,0), or none"));
    let mut vectors = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix('(') {
            let (inside, behind) = behind.split_once(')').ok_or_else(fail)?;
            let parse = |word: &str| word.trim().parse::<f64>().map_err(|_| fail());
            vectors.push(Some(inside.split(',').map(parse).collect::<Result<_, _>>()?));
            rest = behind.trim_start();
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || c == '(').unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            if !word.eq_ignore_ascii_case("none") {
                return Err(fail());
            }
            vectors.push(None);
            rest = behind.trim_start();
        }
    }
    Ok(vectors)
}

/// One word per axis.
pub(super) fn words(field: &str, text: &str, axes: usize) -> Result<Vec<String>, FieldError> {
    let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    numbers::counted(field, text, words.len(), axes)?;
    Ok(words)
}

/// One quoted text per axis; `\"` is a quote.
pub(super) fn quoted(field: &str, text: &str, count: usize) -> Result<Vec<String>, FieldError> {
    let fail = || FieldError::new(field, text, Problem::NotANumber("texts in double quotes"));
    let mut texts = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let mut inside = String::new();
        let mut chars = rest.strip_prefix('"').ok_or_else(fail)?.chars();
        loop {
            match chars.next().ok_or_else(fail)? {
                '"' => break,
                '\\' if chars.as_str().starts_with('"') => inside.extend(chars.next()),
                c => inside.push(c),
            }
        }
        texts.push(inside);
        rest = chars.as_str().trim_start();
    }
    numbers::counted(field, text, texts.len(), count)?;
    Ok(texts)
}

/// The millimetres in a unit of length, or `None` if it is not a unit of length.
pub(super) fn millimetres(unit: &str) -> Option<f64> {
    match unit.trim() {
        "mm" | "millimeter" | "millimeters" | "millimetre" | "millimetres" => Some(1.0),
        "m" | "meter" | "meters" | "metre" | "metres" => Some(1e3),
        "cm" | "centimeter" | "centimeters" | "centimetre" | "centimetres" => Some(10.0),
        "um" | "µm" | "μm" | "micron" | "microns" | "micrometer" | "micrometers" | "micrometre" | "micrometres" => {
            Some(1e-3)
        }
        "nm" | "nanometer" | "nanometers" | "nanometre" | "nanometres" => Some(1e-6),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types() {
        for dtype in Dtype::ALL {
            assert_eq!(super::dtype(dtype.name()), Ok(dtype));
        }
        assert_eq!(dtype("Unsigned  Short int"), Ok(Dtype::U16));
        assert!(dtype("block").unwrap_err().to_string().starts_with("type is block: not supported"));
        assert!(dtype("float16").unwrap_err().to_string().contains("unknown; supported are int8"));
    }

    #[test]
    fn vectors_and_texts() {
        assert_eq!(
            vectors("f", "(1, 2,3)none (4,0,1e-3) "),
            Ok(vec![Some(vec![1., 2., 3.]), None, Some(vec![4., 0., 1e-3])])
        );
        for bad in ["(1,2", "1,2,3", "(a)", "()", "nonsense"] {
            assert!(vectors("f", bad).is_err(), "{bad}");
        }
        assert_eq!(quoted("f", "\"mm\" \"\" \"a \\\" b\"", 3), Ok(vec!["mm".into(), String::new(), "a \" b".into()]));
        assert!(quoted("f", "mm mm", 2).is_err() && quoted("f", "\"mm", 1).is_err());
        assert_eq!(directions("(nan,nan) (1,2) none", 3, 2), Ok(vec![None, Some(vec![1., 2.]), None]));
        assert!(directions("(nan,1)", 1, 2).is_err() && directions("(1,2,3)", 1, 2).is_err());
    }
}
