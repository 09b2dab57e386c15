//! Files of world matrices: text, JSON, ITK's transforms as text and as MATLAB files.

use revoxel_core::testing::Draw;
use revoxel_runner::matrix_file::parse;

use crate::mutate::{plain, put};
use crate::text;

/// Parses an input; the matrix that is found can be written as text and read again.
pub fn check(data: &[u8]) {
    match parse(data) {
        Ok(found) => {
            let rows = found.map.rows();
            assert!(rows.iter().flatten().all(|v| v.is_finite()), "{rows:?}");
            let numbers: Vec<String> = rows.iter().flatten().map(f64::to_string).collect();
            let again = parse(format!("{} 0 0 0 1", numbers.join(" ")).as_bytes());
            assert_eq!(again.map(|m| m.map), Ok(found.map));
        }
        Err(e) => assert!(!e.to_string().is_empty()),
    }
}

const KNOWN: &[&str] = &[
    "#Insight Transform File V1.0",
    "Transform: AffineTransform_double_3_3",
    "Transform: Euler3DTransform_double_3_3",
    "Transform: VersorRigid3DTransform_double_3_3",
    "Transform: Similarity3DTransform_double_3_3",
    "Transform: TranslationTransform_double_3_3",
    "Transform: MatrixOffsetTransformBase_double_3_3",
    "Transform: ScaleTransform_double_3_3",
    "Transform: IdentityTransform_double_3_3",
    "Transform: QuaternionRigidTransform_double_3_3",
    "Transform: ScaleVersor3DTransform_double_3_3",
    "Transform: ScaleSkewVersor3DTransform_double_3_3",
    "Transform: VersorTransform_float_3_3",
    "Transform: CompositeTransform_double_3_3",
    "Parameters: 1 0 0 0 1 0 0 0 1 1 2 3",
    "Parameters: 0.1 0.2 0.3 1 2 3",
    "Parameters: 0.1 0.2 0.3 1 2 3 1.1",
    "Parameters: 1 2 3",
    "FixedParameters: 0 0 0",
    "FixedParameters: 1 2 3 1",
    "{\"frame\": \"LPS\", \"matrix\": [[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]}",
    "1 0 0 0",
    "0 0 0 1",
];

/// Changes a line; of MATLAB files a field of a head, or a number.
pub fn mutate(bytes: &mut Vec<u8>, draw: &mut Draw) {
    if !bytes.iter().take(20).any(|b| *b == 0) {
        return text::in_bytes(bytes, KNOWN, draw);
    }
    match draw.int(0, 3) {
        0 => plain(bytes, draw),
        1 => put(bytes, 4 * draw.int(0, 4) as usize, 4, false, draw.int(0, 40)),
        _ => {
            let at = draw.int(0, bytes.len() as i64 / 8) as usize * 8 + bytes.len() % 8;
            put(bytes, at, 8, false, draw.real(-2.0, 2.0).to_bits() as i64);
        }
    }
}

/// One for each kind of transform.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = vec![
        b"1 0 0 2.5\n0 1 0.5 0\n0 0 1 -3\n0 0 0 1\n".to_vec(),
        b"[[1,0,0,2.5],[0,1,0.5,0],[0,0,1,-3],[0,0,0,1]]".to_vec(),
        KNOWN[20].as_bytes().to_vec(),
    ];
    for (transform, parameters) in KNOWN[1..12].iter().zip([14, 15, 15, 16, 17, 14, 17, 17, 15, 16, 15]) {
        let lines = [KNOWN[0], transform, KNOWN[parameters], KNOWN[18], ""];
        seeds.push(lines.join("\n").into_bytes());
    }
    // MATLAB, version 4: a head of five numbers, a name, values.
    let variable = |name: &str, values: &[f64]| {
        let head: Vec<u8> =
            [0, values.len() as u32, 1, 0, name.len() as u32 + 1].iter().flat_map(|n| n.to_le_bytes()).collect();
        let values: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        [&head, name.as_bytes(), &[0], &values].concat()
    };
    let euler = variable("Euler3DTransform_double_3_3", &[0.1, 0.2, 0.3, 1.0, 2.0, 3.0]);
    seeds.push([euler, variable("fixed", &[1.0, 2.0, 3.0, 0.0])].concat());
    seeds
}
