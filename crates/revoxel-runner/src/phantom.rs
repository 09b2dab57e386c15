//! A phantom of known volumes: asymmetric, oblique and anisotropic, so that every flip and every lost millimetre
//! shows.

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Grid, GridError, Kind, Volume, VolumeError};

/// A solid in the world, RAS+ mm.
#[derive(Clone, Copy, Debug)]
pub enum Solid {
    /// An ellipsoid with axes along the world's.
    Ellipsoid {
        /// Half lengths of the axes, mm.
        radii: [f64; 3],
    },
    /// A box with edges along the world's axes.
    Cuboid {
        /// Half lengths of the edges, mm.
        half: [f64; 3],
    },
    /// A cylinder along a direction.
    Cylinder {
        /// Unit vector of its axis.
        axis: [f64; 3],
        /// Radius, mm.
        radius: f64,
        /// Half its length, mm.
        half: f64,
    },
}

/// A solid at a place, with the label and the intensity of its inside.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Its label.
    pub label: u8,
    /// Its name.
    pub name: &'static str,
    /// Its centre, RAS+ mm.
    pub centre: [f64; 3],
    /// Its shape.
    pub solid: Solid,
    /// The intensity inside, HU.
    pub hounsfield: f64,
}

/// The labelled parts. They do not touch, none is the mirror image of another.
pub const PARTS: [Part; 4] = [
    Part {
        label: 1,
        name: "liver",
        centre: [38.0, 8.0, -6.0],
        solid: Solid::Ellipsoid { radii: [34.0, 27.0, 30.0] },
        hounsfield: 110.0,
    },
    Part {
        label: 2,
        name: "stomach",
        centre: [-36.0, 14.0, 12.0],
        solid: Solid::Cuboid { half: [17.0, 12.0, 20.0] },
        hounsfield: 20.0,
    },
    Part {
        label: 3,
        name: "aorta",
        centre: [-10.0, -32.0, -2.0],
        solid: Solid::Cylinder { axis: [0.28, 0.0, 0.96], radius: 11.0, half: 38.0 },
        hounsfield: 280.0,
    },
    Part {
        label: 4,
        name: "kidney",
        centre: [-46.0, -26.0, -14.0],
        solid: Solid::Ellipsoid { radii: [13.0, 11.0, 19.0] },
        hounsfield: 180.0,
    },
];

/// The body around the parts.
const BODY: Part = Part {
    label: 0,
    name: "body",
    centre: [0.0, 0.0, 0.0],
    solid: Solid::Ellipsoid { radii: [92.0, 66.0, 120.0] },
    hounsfield: 40.0,
};

const AIR: f64 = -1000.0;

impl Part {
    /// Its volume, mm³.
    pub fn volume(&self) -> f64 {
        use std::f64::consts::PI;
        match self.solid {
            Solid::Ellipsoid { radii: [a, b, c] } => 4.0 / 3.0 * PI * a * b * c,
            Solid::Cuboid { half: [a, b, c] } => 8.0 * a * b * c,
            Solid::Cylinder { radius, half, .. } => 2.0 * PI * radius * radius * half,
        }
    }

    /// Whether a point (RAS+ mm) lies inside.
    pub fn contains(&self, point: [f64; 3]) -> bool {
        let p = [0, 1, 2].map(|i| point[i] - self.centre[i]);
        match self.solid {
            Solid::Ellipsoid { radii } => (0..3).map(|i| (p[i] / radii[i]).powi(2)).sum::<f64>() <= 1.0,
            Solid::Cuboid { half } => (0..3).all(|i| p[i].abs() <= half[i]),
            Solid::Cylinder { axis, radius, half } => {
                let along: f64 = (0..3).map(|i| p[i] * axis[i]).sum();
                let square: f64 = (0..3).map(|i| p[i] * p[i]).sum();
                along.abs() <= half && square - along * along <= radius * radius
            }
        }
    }
}

/// The grid of the phantom: 1.4 × 1.4 × 3 mm, axes to the left, posterior and superior, turned about all axes.
///
/// # Errors
/// None: the grid is fixed. The signature is that of making a grid.
pub fn grid() -> Result<Grid, GridError> {
    let turn = |axis: usize, degrees: f64| {
        let (sin, cos) = f64::to_radians(degrees).sin_cos();
        let (a, b) = ((axis + 1) % 3, (axis + 2) % 3);
        let mut m = [[0.0; 3]; 3];
        m[axis][axis] = 1.0;
        (m[a][a], m[a][b], m[b][a], m[b][b]) = (cos, -sin, sin, cos);
        Affine::from_linear(m, [0.0; 3])
    };
    let shape = [144, 112, 60];
    let direction = turn(2, 9.0).after(&turn(1, -6.0)).after(&turn(0, 12.0));
    let linear = direction.after(&Affine::scaling([-1.4, -1.4, 3.0]));
    let middle = linear.apply_vector(shape.map(|n| (n as f64 - 1.0) / 2.0));
    // What a file with single-precision numbers gives back, so that nothing is lost by writing it.
    let single = |v: f64| f64::from(v as f32);
    let rows = linear.with_translation([3.0 - middle[0], -2.0 - middle[1], 4.0 - middle[2]]).rows();
    Grid::new(shape, Affine::from_rows(rows.map(|r| r.map(single))))
}

/// The scan (int16, HU, with noise and partial volumes) and its label map (uint8).
///
/// # Errors
/// None for the fixed grid; the signature is that of making volumes.
pub fn phantom() -> Result<(Volume, Volume), VolumeError> {
    let grid = grid().unwrap_or_else(|e| unreachable!("the phantom's grid is fixed: {e}"));
    let [nx, ny, nz] = grid.shape();
    let mut image = Vec::with_capacity(grid.voxel_count());
    let mut labels = Vec::with_capacity(grid.voxel_count());
    let mut draw = Draw::new(2026);
    for (z, y, x) in (0..nz).flat_map(|z| (0..ny).flat_map(move |y| (0..nx).map(move |x| (z, y, x)))) {
        let centre = [x as f64, y as f64, z as f64];
        labels.push(part_at(grid.index_to_world(centre)).map_or(0, |p| p.label));
        // Eight samples a voxel: edges are blurred as in a scan.
        let samples = (0..8).map(|bits| {
            let offset = |a: usize| if bits >> a & 1 == 0 { -0.25 } else { 0.25 };
            hounsfield(grid.index_to_world([0, 1, 2].map(|a| centre[a] + offset(a))))
        });
        let noise = (0..4).map(|_| draw.real(-12.0, 12.0)).sum::<f64>();
        image.push((samples.sum::<f64>() / 8.0 + noise).round() as i16);
    }
    Ok((Volume::new(image.into(), grid, Kind::Image, 1)?, Volume::new(labels.into(), grid, Kind::Label, 1)?))
}

fn part_at(point: [f64; 3]) -> Option<&'static Part> {
    PARTS.iter().find(|p| p.contains(point))
}

fn hounsfield(point: [f64; 3]) -> f64 {
    let inside = part_at(point).map(|p| p.hounsfield);
    inside.unwrap_or(if BODY.contains(point) { BODY.hounsfield } else { AIR })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voxel_counts_agree_with_the_formulas() {
        let (image, labels) = phantom().unwrap();
        let measured = crate::measure::measure(&labels).unwrap().labels;
        assert_eq!(measured.len(), PARTS.len());
        for (part, found) in PARTS.iter().zip(&measured) {
            assert_eq!(i128::from(part.label), found.label);
            assert!(
                (found.mm3 / part.volume() - 1.0).abs() < 0.02,
                "{}: {} of {}",
                part.name,
                found.mm3,
                part.volume()
            );
            assert!((0..3).all(|i| (found.centroid_ras[i] - part.centre[i]).abs() < 0.5), "{}", part.name);
        }
        let (low, high) = image.voxels().min_max().unwrap();
        assert!((-1050.0..-900.0).contains(&low) && (250.0..350.0).contains(&high));
        assert_eq!(image.grid().orientation().to_string(), "LPS");
    }
}
