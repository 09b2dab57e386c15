//! Files that hold an affine map of the world: ITK transforms, JSON, plain numbers.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use revoxel_core::Affine;
use serde_json::Value;

/// No file of a matrix is longer.
const LONGEST: u64 = 1 << 20;

/// A map of points, and the frame of the points where the file says it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorldMatrix {
    /// The map, in mm.
    pub map: Affine,
    /// Whether points are LPS+ (`Some(true)`) or RAS+; `None` where the file does not say.
    pub lps: Option<bool>,
}

/// Why a file is no matrix.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MatrixError {
    /// A transform that is no affine map of three dimensions, or one that is not known.
    #[error("{0} is not supported: use a linear transform of ITK in three dimensions")]
    Unsupported(String),
    /// Too few or too many numbers.
    #[error("{what}: expected {expected} numbers, found {found}")]
    Count {
        /// What has them.
        what: String,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: &'static str,
    },
    /// Something that is no finite number.
    #[error("{0:?} is not a finite number")]
    Number(String),
    /// Not a file of this kind at all.
    #[error("{0}")]
    Content(String),
}

/// The bytes of a small file.
///
/// # Errors
/// Where it cannot be read or is too long to be what is wanted.
pub(crate) fn bytes_of(path: &Path) -> Result<Vec<u8>, String> {
    let file = fs::File::open(path).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > LONGEST {
        return Err(format!("longer than {LONGEST} bytes: expected a small file of numbers"));
    }
    Ok(bytes)
}

/// The map that a file holds, by its content.
///
/// # Errors
/// Where it holds none.
pub fn parse(bytes: &[u8]) -> Result<WorldMatrix, MatrixError> {
    if bytes.starts_with(b"\x89HDF") {
        let problem = "an HDF5 transform: write it as .tfm or .mat, with SimpleITK.WriteTransform";
        return Err(MatrixError::Content(problem.to_owned()));
    }
    // The head of a .mat file is five numbers of four bytes, all small; text has no zeros.
    if bytes.iter().take(20).any(|b| *b == 0) {
        return matlab(bytes);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| MatrixError::Content("neither text nor .mat".to_owned()))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.starts_with("#Insight Transform File") {
        insight(text)
    } else if text.starts_with(['[', '{']) {
        json_matrix(text)
    } else {
        Ok(WorldMatrix { map: sixteen(&numbers(text)?)?, lps: None })
    }
}

/// The numbers of a text, between spaces, commas or lines.
///
/// # Errors
/// Where a word is no finite number.
pub(crate) fn numbers(text: &str) -> Result<Vec<f64>, MatrixError> {
    let number = |word: &str| {
        let value = word.parse::<f64>().ok().filter(|v| v.is_finite());
        value.ok_or_else(|| MatrixError::Number(word.chars().take(40).collect()))
    };
    text.split(|c: char| c.is_whitespace() || c == ',').filter(|w| !w.is_empty()).map(number).collect()
}

fn sixteen(n: &[f64]) -> Result<Affine, MatrixError> {
    if n.len() != 16 {
        return Err(MatrixError::Count { what: "the matrix".to_owned(), found: n.len(), expected: "16" });
    }
    if n[12..] != [0.0, 0.0, 0.0, 1.0] {
        return Err(MatrixError::Content(format!("the last row is {:?}, not [0, 0, 0, 1]", &n[12..])));
    }
    let row = |r: usize| [n[4 * r], n[4 * r + 1], n[4 * r + 2], n[4 * r + 3]];
    Ok(Affine::from_rows([row(0), row(1), row(2)]))
}

fn json_matrix(text: &str) -> Result<WorldMatrix, MatrixError> {
    let value: Value = serde_json::from_str(text).map_err(|e| MatrixError::Content(format!("JSON: {e}")))?;
    let rows = value.get("matrix").unwrap_or(&value);
    let rows: [[f64; 4]; 4] = serde_json::from_value(rows.clone())
        .map_err(|e| MatrixError::Content(format!("not four rows of four numbers: {e}")))?;
    let lps = match value.get("frame").map(|f| f.as_str()) {
        None => None,
        Some(Some("RAS")) => Some(false),
        Some(Some("LPS")) => Some(true),
        Some(_) => return Err(MatrixError::Content("frame is neither \"RAS\" nor \"LPS\"".to_owned())),
    };
    Ok(WorldMatrix { map: sixteen(rows.as_flattened())?, lps })
}

/// ITK's text: `Transform:`, `Parameters:` and `FixedParameters:`, once or several times. The transforms of a composite
/// act on a point from the last to the first.
fn insight(text: &str) -> Result<WorldMatrix, MatrixError> {
    let mut parts: Vec<(String, Vec<f64>, Vec<f64>)> = Vec::new();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let Some((name, rest)) = line.split_once(':') else {
            return Err(MatrixError::Content(format!("{line:?} is not a line of an ITK transform")));
        };
        match (name.trim(), parts.last_mut()) {
            ("Transform", _) => parts.push((rest.trim().to_owned(), Vec::new(), Vec::new())),
            ("Parameters", Some((_, parameters, _))) => *parameters = numbers(rest)?,
            ("FixedParameters", Some((_, _, fixed))) => *fixed = numbers(rest)?,
            _ => return Err(MatrixError::Content(format!("{name:?} before any transform"))),
        }
    }
    let composite = parts.first().is_some_and(|(name, ..)| name.starts_with("CompositeTransform"));
    let parts = if composite { &parts[1..] } else { &parts[..] };
    if parts.is_empty() || (parts.len() > 1 && !composite) {
        return Err(MatrixError::Content(format!("expected one transform or a composite, found {}", parts.len())));
    }
    let mut map = Affine::IDENTITY;
    for (name, parameters, fixed) in parts {
        map = map.after(&linear(name, parameters, fixed)?);
    }
    Ok(WorldMatrix { map, lps: Some(true) })
}

/// A MATLAB file of version 4 with two variables: the parameters, called as the transform, and `fixed`.
fn matlab(bytes: &[u8]) -> Result<WorldMatrix, MatrixError> {
    let short = || MatrixError::Content("the .mat file ends too early".to_owned());
    let mut rest = bytes;
    let mut variables: Vec<(String, Vec<f64>)> = Vec::new();
    while !rest.is_empty() {
        if variables.len() == 2 {
            return Err(MatrixError::Content("the .mat file holds more than one transform".to_owned()));
        }
        let head = rest.get(..20).ok_or_else(short)?;
        // The type in the other byte order: 1000 and 1010 of a file that says so.
        let big = head[..2] == [0, 0] && head[2] != 0;
        let whole = |at: usize| {
            let four = [head[at], head[at + 1], head[at + 2], head[at + 3]];
            (if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }) as usize
        };
        let kind = whole(0) % 1000;
        let single = match kind {
            0 => false,
            10 => true,
            _ => return Err(MatrixError::Content(format!("a .mat variable of type {kind}: expected real numbers"))),
        };
        let (count, name) = (whole(4).saturating_mul(whole(8)), whole(16));
        let width = if single { 4 } else { 8 };
        let end = count.checked_mul(width).and_then(|n| n.checked_add(name)).and_then(|n| n.checked_add(20));
        let body = end.and_then(|end| rest.get(20..end)).ok_or_else(short)?;
        let (label, data) = body.split_at(name);
        let label = String::from_utf8_lossy(label).trim_end_matches('\0').to_owned();
        let value = |chunk: &[u8]| {
            let mut eight = [0u8; 8];
            eight[..chunk.len()].copy_from_slice(chunk);
            if big {
                eight[..chunk.len()].reverse();
            }
            if single {
                f64::from(f32::from_le_bytes([eight[0], eight[1], eight[2], eight[3]]))
            } else {
                f64::from_le_bytes(eight)
            }
        };
        let values: Vec<f64> = data.chunks_exact(width).map(value).collect();
        if let Some(wrong) = values.iter().find(|v| !v.is_finite()) {
            return Err(MatrixError::Number(wrong.to_string()));
        }
        variables.push((label, values));
        rest = &rest[20 + body.len()..];
    }
    let fixed = variables.iter().find(|(name, _)| name == "fixed").map(|(_, v)| v.clone()).unwrap_or_default();
    let (name, parameters) = variables
        .iter()
        .find(|(name, _)| name != "fixed")
        .ok_or_else(|| MatrixError::Content("the .mat file holds no transform".to_owned()))?;
    Ok(WorldMatrix { map: linear(name, parameters, &fixed)?, lps: Some(true) })
}

/// One of ITK's linear transforms as a map of LPS points.
fn linear(name: &str, p: &[f64], fixed: &[f64]) -> Result<Affine, MatrixError> {
    let mut words = name.split('_');
    let kind = words.next().unwrap_or_default();
    if words.nth(1).is_some_and(|dimension| dimension != "3") {
        return Err(MatrixError::Unsupported(name.to_owned()));
    }
    let count = |expected: &'static str, fits: bool| {
        let what = name.to_owned();
        if fits { Ok(()) } else { Err(MatrixError::Count { what, found: p.len(), expected }) }
    };
    let exactly = |n: usize, text| count(text, p.len() == n);
    let three = |at: usize| [p[at], p[at + 1], p[at + 2]];
    let (matrix, translation) = match kind {
        "IdentityTransform" => return Ok(Affine::IDENTITY),
        "TranslationTransform" => {
            exactly(3, "3")?;
            return Ok(Affine::translation_by(three(0)));
        }
        "AffineTransform" | "MatrixOffsetTransformBase" | "Rigid3DTransform" => {
            exactly(12, "12")?;
            ([three(0), three(3), three(6)], three(9))
        }
        "Euler3DTransform" => {
            exactly(6, "6")?;
            (euler(three(0), fixed.get(3).is_some_and(|zyx| *zyx != 0.0)), three(3))
        }
        "VersorTransform" => {
            exactly(3, "3")?;
            (versor(three(0)), [0.0; 3])
        }
        "VersorRigid3DTransform" => {
            exactly(6, "6")?;
            (versor(three(0)), three(3))
        }
        "Similarity3DTransform" => {
            exactly(7, "7")?;
            (versor(three(0)).map(|row| row.map(|v| v * p[6])), three(3))
        }
        "QuaternionRigidTransform" => {
            exactly(7, "7")?;
            let length = (p[0] * p[0] + p[1] * p[1] + p[2] * p[2] + p[3] * p[3]).sqrt();
            (quaternion([p[0] / length, p[1] / length, p[2] / length, p[3] / length]), three(4))
        }
        "ScaleTransform" => {
            exactly(3, "3")?;
            (Affine::scaling(three(0)).linear(), [0.0; 3])
        }
        _ => return Err(MatrixError::Unsupported(name.to_owned())),
    };
    // x becomes M (x − c) + c + t.
    let centre = match fixed.len() {
        0 => [0.0; 3],
        3 | 4 => [fixed[0], fixed[1], fixed[2]],
        found => {
            return Err(MatrixError::Count { what: format!("the centre of {name}"), found, expected: "3" });
        }
    };
    let turned = Affine::from_linear(matrix, [0.0; 3]).apply(centre);
    let map = Affine::from_linear(matrix, [0, 1, 2].map(|a| centre[a] + translation[a] - turned[a]));
    if !map.is_regular() {
        return Err(MatrixError::Content(format!("{name} is singular and cannot be inverted")));
    }
    Ok(map)
}

/// Angles about x, y and z: Z·X·Y, as ITK has it unless told otherwise, or Z·Y·X.
fn euler(angles: [f64; 3], zyx: bool) -> [[f64; 3]; 3] {
    let about = |axis: usize| {
        let ((sin, cos), (a, b)) = (angles[axis].sin_cos(), ((axis + 1) % 3, (axis + 2) % 3));
        let mut linear = [[0.0; 3]; 3];
        linear[axis][axis] = 1.0;
        (linear[a][a], linear[a][b], linear[b][a], linear[b][b]) = (cos, -sin, sin, cos);
        Affine::from_linear(linear, [0.0; 3])
    };
    let [x, y, z] = [about(0), about(1), about(2)];
    (if zyx { z.after(&y).after(&x) } else { z.after(&x).after(&y) }).linear()
}

/// A rotation from the vector part of a unit quaternion.
fn versor(v: [f64; 3]) -> [[f64; 3]; 3] {
    quaternion([v[0], v[1], v[2], (1.0 - v[0] * v[0] - v[1] * v[1] - v[2] * v[2]).max(0.0).sqrt()])
}

fn quaternion([x, y, z, w]: [f64; 4]) -> [[f64; 3]; 3] {
    [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - z * w), 2.0 * (x * z + y * w)],
        [2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w)],
        [2.0 * (x * z - y * w), 2.0 * (y * z + x * w), 1.0 - 2.0 * (x * x + y * y)],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn fixtures() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/transforms")
    }

    #[test]
    fn points_go_where_simpleitk_takes_them() {
        let expected = fs::read_to_string(fixtures().join("expected.json")).unwrap();
        let expected: Value = serde_json::from_str(&expected).unwrap();
        let points: Vec<[f64; 3]> = serde_json::from_value(expected["points"].clone()).unwrap();
        let files = expected["files"].as_object().unwrap();
        assert!(files.len() >= 17);
        for (name, taken) in files {
            let matrix = parse(&fs::read(fixtures().join(name)).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(matrix.lps, Some(true));
            let taken: Vec<[f64; 3]> = serde_json::from_value(taken.clone()).unwrap();
            for (point, expected) in points.iter().zip(taken) {
                let found = matrix.map.apply(*point);
                assert!(revoxel_core::affine::distance(found, expected) < 1e-9, "{name}: {found:?}, {expected:?}");
            }
        }
    }

    #[test]
    fn other_texts() {
        let map = Affine::from_rows([[1., 0., 0., 2.5], [0., 1., 0.5, 0.], [0., 0., 1., -3.]]);
        let t = |text: &str, lps| assert_eq!(parse(text.as_bytes()), Ok(WorldMatrix { map, lps }), "{text}");
        t("[[1,0,0,2.5],[0,1,0.5,0],[0,0,1,-3],[0,0,0,1]]", None);
        t(r#"{"frame": "RAS", "matrix": [[1,0,0,2.5],[0,1,0.5,0],[0,0,1,-3],[0,0,0,1]]}"#, Some(false));
        t("1 0 0 2.5\n0 1 0.5 0\n0 0 1 -3\n0 0 0 1\n", None);
    }

    #[test]
    fn what_is_no_matrix_is_refused() {
        fn t(bytes: &[u8], part: &str) {
            let error = parse(bytes).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let head = "#Insight Transform File V1.0\n";
        let itk = |rest: &str| format!("{head}{rest}").into_bytes();
        t(b"", "found 0");
        t(b"1 2 3", "expected 16 numbers, found 3");
        t(b"1 2 x", "\"x\" is not a finite number");
        t(b"[[1,2],[3,4]]", "four rows of four");
        t(b"\x89HDF\r\n", "HDF5");
        t(b"\xff\xfe\x01", "neither text");
        t(&itk(""), "found 0");
        t(&itk("Parameters: 1\n"), "before any transform");
        t(
            &itk("Transform: BSplineTransform_double_3_3\nParameters: 1\n"),
            "BSplineTransform_double_3_3 is not supported",
        );
        t(&itk("Transform: Euler2DTransform_double_2_2\nParameters: 1 2 3\n"), "is not supported");
        t(&itk("Transform: AffineTransform_double_3_3\nParameters: 1 2 3\n"), "expected 12 numbers, found 3");
        t(&itk("Transform: AffineTransform_double_3_3\nParameters: 1 2 nan\n"), "\"nan\"");
        let flat = "Transform: AffineTransform_double_3_3\nParameters: 1 0 0 2 0 0 0 0 1 0 0 0\n";
        t(&itk(flat), "cannot be inverted");
        t(&itk("Transform: TranslationTransform_double_3_3\nParameters: 1 2 3\nTransform: x\n"), "found 2");
        let good = fs::read(fixtures().join("euler.mat")).unwrap();
        for length in 1..good.len() {
            assert!(parse(&good[..length]).is_err() || length == 96, "{length}");
        }
        let mut huge = good.clone();
        huge[4..12].fill(0xff);
        t(&huge, "ends too early");
        huge[0] = 51;
        t(&huge, "type 51");
    }
}
