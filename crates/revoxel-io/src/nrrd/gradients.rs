//! Gradients of diffusion volumes: key/value pairs with vectors.
//!
//! `DWMRI_gradient_NNNN` is a vector of the measurement frame, which a header field places in the world; turning axes
//! changes neither. Without that field, the numbers are along the axes of the file's space, which are those of the
//! voxels if the file is not oblique. They are then turned with the axes, and a measurement frame is written that maps
//! the turned axes back to those of the space.

use super::NrrdFacts;
use crate::facts::axis_map::AxisMap;
use crate::facts::dropped::Dropped;

const GRADIENT: &str = "DWMRI_gradient_";
const MATRIX: &str = "DWMRI_B-matrix_";

/// Whether a key refers to single channels.
pub(super) fn is_of_channels(key: &str) -> bool {
    [GRADIENT, MATRIX, "DWMRI_NEX_"].iter().any(|start| key.starts_with(start))
}

fn is_vector(key: &str) -> bool {
    key.starts_with(GRADIENT) || key.starts_with(MATRIX)
}

/// Whether there are any.
pub(super) fn any(key_values: &[(String, String)]) -> bool {
    key_values.iter().any(|(key, _)| is_vector(key))
}

/// The gradients of a result.
pub(super) fn carry(held: &mut NrrdFacts, map: &AxisMap, dropped: &mut Vec<Dropped>) {
    if map.warped {
        let why = "voxels were moved by a deformation, but vectors were not turned with them";
        let keys = held.key_values.iter().filter(|(key, _)| is_vector(key)).map(|(key, _)| key.clone());
        let frame = held.measurement_frame.take().map(|_| "measurement frame".to_owned());
        dropped.extend(keys.chain(frame).map(|fact| Dropped::new(fact, why)));
        held.key_values.retain(|(key, _)| !is_vector(key));
    }
    if held.measurement_frame.is_some() || !any(&held.key_values) || !map.turns() {
        return;
    }
    if !map.aligned {
        // The axes of the space are the world's: they stay.
        held.measurement_frame = Some(LPS);
        return;
    }
    for (key, value) in &mut held.key_values {
        if key.starts_with(GRADIENT)
            && let Some(v) = numbers::<3>(value)
        {
            *value = text(&map.vector(v));
        } else if key.starts_with(MATRIX)
            && let Some([xx, xy, xz, yy, yz, zz]) = numbers::<6>(value)
        {
            let rows = [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]].map(|row| map.vector(row));
            let [x, y, z] = [0, 1, 2].map(|column| map.vector([0, 1, 2].map(|row| rows[row][column])));
            // Columns of a symmetric matrix are its rows.
            *value = text(&[x[0], x[1], x[2], y[1], y[2], z[2]]);
        }
    }
    // Column a of the frame is where axis a of the result points in the space of the file.
    held.measurement_frame = Some([0, 1, 2].map(|axis| {
        let source = map.from(axis);
        LPS[source].map(|v| if map.reversed(source) { 0.0 - v } else { v })
    }));
}

/// The axes of a left-posterior-superior space, in RAS.
const LPS: [[f64; 3]; 3] = [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]];

fn numbers<const N: usize>(text: &str) -> Option<[f64; N]> {
    let numbers: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    numbers.try_into().ok()
}

fn text(numbers: &[f64]) -> String {
    // Zeros have no sign.
    numbers.iter().map(|v| (v + 0.0).to_string()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Move;
    use revoxel_core::SignedPermutation;

    fn dwi(frame: Option<[[f64; 3]; 3]>) -> NrrdFacts {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let key_values = vec![
            pair("DWMRI_b-value", "1000"),
            pair("DWMRI_gradient_0001", "0.6  0 0.8"),
            pair("DWMRI_B-matrix_0001", "1 2 3 4 5 6"),
            pair("DWMRI_gradient_0002", "odd"),
        ];
        NrrdFacts { measurement_frame: frame, key_values, ..NrrdFacts::default() }
    }

    fn on(source: &NrrdFacts, step: Move) -> (NrrdFacts, Vec<Dropped>) {
        let mut held = source.clone();
        let mut dropped = Vec::new();
        carry(&mut held, &AxisMap::of([4, 5, 6], &[step]), &mut dropped);
        (held, dropped)
    }

    /// A vector of the frame in RAS.
    fn in_world(facts: &NrrdFacts, v: [f64; 3]) -> [f64; 3] {
        let columns = facts.measurement_frame.unwrap_or(LPS);
        [0, 1, 2].map(|row| (0..3).map(|a| columns[a][row] * v[a]).sum())
    }

    #[test]
    fn vectors_in_the_world_stay() {
        let frame = Some([[0.6, 0.8, 0.0], [-0.8, 0.6, 0.0], [0.0, 0.0, 1.0]]);
        for turn in SignedPermutation::all() {
            assert_eq!(on(&dwi(frame), Move::Turn(turn)), (dwi(frame), vec![]));
        }
    }

    #[test]
    fn vectors_along_axes_turn_with_them_and_point_where_they_did() {
        for turn in SignedPermutation::all().filter(|turn| !turn.is_identity()) {
            let (held, dropped) = on(&dwi(None), Move::Turn(turn));
            assert!(dropped.is_empty());
            let g = numbers::<3>(&held.key_values[1].1).unwrap();
            let map = AxisMap::of([4, 5, 6], &[Move::Turn(turn)]);
            assert_eq!(g, map.vector([0.6, 0.0, 0.8]).map(|v| v + 0.0));
            assert_eq!(in_world(&held, g), in_world(&dwi(None), [0.6, 0.0, 0.8]), "{turn:?}");
            // The matrix as a quadratic form of a vector that turns with it.
            let [xx, xy, xz, yy, yz, zz] = numbers::<6>(&held.key_values[2].1).unwrap();
            let [x, y, z] = map.vector([1.0, -2.0, 0.5]);
            let form = xx * x * x + yy * y * y + zz * z * z + 2.0 * (xy * x * y + xz * x * z + yz * y * z);
            assert_eq!(form, 1.0 + 16.0 + 1.5 + 2.0 * (-4.0 + 1.5 - 5.0), "{turn:?}");
            assert_eq!(held.key_values[3].1, "odd");
        }
        assert_eq!(on(&dwi(None), Move::Window { start: [1; 3], shape: [3; 3] }).0, dwi(None));
    }

    #[test]
    fn deformations_end_them() {
        let (held, dropped) = on(&dwi(Some(LPS)), Move::Warp);
        assert_eq!((held.measurement_frame, held.key_values.len(), dropped.len()), (None, 1, 4));
        // Resampled onto other axes, the world is still the world.
        let flip = SignedPermutation::flips([true, false, false]);
        let (held, _) = on(&dwi(None), Move::Resample { axes: Some(flip), shape: [2, 2, 2] });
        assert_eq!(held.key_values[1].1, "-0.6 0 0.8");
        let mut held = dwi(None);
        let moves = [Move::Turn(flip), Move::Resample { axes: None, shape: [2, 2, 2] }];
        carry(&mut held, &AxisMap::of([4, 5, 6], &moves), &mut Vec::new());
        assert_eq!((held.measurement_frame, &held.key_values), (Some(LPS), &dwi(None).key_values));
    }
}
