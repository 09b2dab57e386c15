//! Rotations as NIfTI's qform stores them: three components of a unit quaternion whose first, a = √(1 − b² − c² − d²),
//! is not negative and left out (NIfTI-1 standard, METHOD 2).

use super::header::Version;

type Rotation = [[f64; 3]; 3];

/// How far b² + c² + d² may exceed 1, and how small a² is taken as 0: three times the relative rounding of the
/// version's floats, as nibabel does.
const fn rounding(version: Version) -> f64 {
    match version {
        Version::One => 3.0 * f32::EPSILON as f64,
        Version::Two => 3.0 * f64::EPSILON,
    }
}

/// The rotation (rows) of the components b, c, d, or `None` if their norm exceeds 1.
pub(super) fn rotation(bcd: [f64; 3], version: Version) -> Option<Rotation> {
    let squares = 1.0 - bcd.iter().map(|v| v * v).sum::<f64>();
    let a = match squares {
        _ if squares.abs() < rounding(version) => 0.0,
        _ if squares > 0.0 => squares.sqrt(),
        _ => return None,
    };
    let [b, c, d] = bcd;
    let s = 2.0 / (a * a + b * b + c * c + d * d);
    Some([
        [1.0 - s * (c * c + d * d), s * (b * c - a * d), s * (b * d + a * c)],
        [s * (b * c + a * d), 1.0 - s * (b * b + d * d), s * (c * d - a * b)],
        [s * (b * d - a * c), s * (c * d + a * b), 1.0 - s * (b * b + c * c)],
    ])
}

/// The uncertainty of the angle (radians) of such a rotation: rounding affects a, and close to half a turn nothing of
/// a is left.
pub(super) fn uncertainty(bcd: [f64; 3]) -> f64 {
    let squares = 1.0 - bcd.iter().map(|v| v * v).sum::<f64>();
    let rounding = rounding(Version::One);
    let lost = if squares < 2.0 * rounding { rounding } else { f64::from(f32::EPSILON).powi(2) / (4.0 * squares) };
    2e-6 + 2.0 * lost.sqrt()
}

/// The components b, c, d of a rotation (rows, determinant 1), in f64.
pub(super) fn components(r: &Rotation) -> [f64; 3] {
    // 4 × the square of each component; the largest is taken from the diagonal, the others relative to it.
    let trace = r[0][0] + r[1][1] + r[2][2];
    let squares = [1.0 + trace, 1.0 + 2.0 * r[0][0] - trace, 1.0 + 2.0 * r[1][1] - trace, 1.0 + 2.0 * r[2][2] - trace];
    let largest = (0..4).max_by(|x, y| squares[*x].total_cmp(&squares[*y])).unwrap_or(0);
    let [ab, ac, ad] = [r[2][1] - r[1][2], r[0][2] - r[2][0], r[1][0] - r[0][1]];
    let [bc, bd, cd] = [r[1][0] + r[0][1], r[0][2] + r[2][0], r[2][1] + r[1][2]];
    let s = squares[largest];
    let [a, b, c, d] = match largest {
        0 => [s, ab, ac, ad],
        1 => [ab, s, bc, bd],
        2 => [ac, bc, s, cd],
        _ => [ad, bd, cd, s],
    };
    let length = (a * a + b * b + c * c + d * d).sqrt().copysign(if a < 0.0 { -1.0 } else { 1.0 });
    [b, c, d].map(|v| v / length)
}

/// The 32-bit components whose rotation, read back, is closest. A small a is lost in the rounding of the other
/// components, so their neighbours are tried, too.
pub(super) fn components_f32(r: &Rotation) -> [f64; 3] {
    let nearest = components(r).map(|v| v as f32);
    let choices = nearest.map(|v| {
        let (up, down) = (v.next_up(), v.next_down());
        if v == 0.0 { [v; 5] } else { [v, up, down, up.next_up(), down.next_down()] }
    });
    let error = |bcd: [f64; 3]| match rotation(bcd, Version::One) {
        Some(read) => (0..9).map(|i| (read[i / 3][i % 3] - r[i / 3][i % 3]).abs()).fold(0.0, f64::max),
        None => f64::INFINITY,
    };
    let tried = (0..125).map(|n| [choices[0][n / 25], choices[1][n / 5 % 5], choices[2][n % 5]].map(f64::from));
    tried.min_by(|x, y| error(*x).total_cmp(&error(*y))).unwrap_or(nearest.map(f64::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turned(axis: [f64; 3], degrees: f64) -> Rotation {
        let length = axis.iter().map(|v| v * v).sum::<f64>().sqrt();
        let (s, c) = degrees.to_radians().sin_cos();
        let [x, y, z] = axis.map(|v| v / length);
        let t = 1.0 - c;
        [
            [t * x * x + c, t * x * y - s * z, t * x * z + s * y],
            [t * x * y + s * z, t * y * y + c, t * y * z - s * x],
            [t * x * z - s * y, t * y * z + s * x, t * z * z + c],
        ]
    }

    fn difference(p: &Rotation, q: &Rotation) -> f64 {
        (0..9).map(|i| (p[i / 3][i % 3] - q[i / 3][i % 3]).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn rotations_come_back() {
        for axis in [[0., 0., 1.], [1., 0., 0.], [0., -1., 0.], [1., 2., 3.], [-3., 0.1, 2.], [1., 1., 0.]] {
            for degrees in [0., 1e-3, 30., 90., 120., 170., 179., 179.99] {
                let r = turned(axis, degrees);
                assert!(difference(&rotation(components(&r), Version::Two).unwrap(), &r) < 1e-11, "{axis:?} {degrees}");
                let single = components_f32(&r);
                assert!(
                    difference(&rotation(single, Version::One).unwrap(), &r) < uncertainty(single),
                    "{axis:?} {degrees}"
                );
            }
            // Half a turn is stored well; close to it the format itself is at its limit.
            let half = turned(axis, 180.);
            assert!(difference(&rotation(components_f32(&half), Version::One).unwrap(), &half) < 2e-7, "{axis:?}");
        }
    }

    #[test]
    fn the_length_is_checked_as_nibabel_does() {
        let rotation = |bcd| rotation(bcd, Version::One);
        assert_eq!(rotation([0., 0., 1.]), Some([[-1., 0., 0.], [0., -1., 0.], [0., 0., 1.]]));
        assert!(rotation([0., 0., 1.0000001]).is_some());
        assert!(rotation([0., 0., 1.00001]).is_none());
        assert!(rotation([0.9, 0.9, 0.9]).is_none());
        assert!(rotation([f64::NAN, 0., 0.]).is_none());
    }
}
