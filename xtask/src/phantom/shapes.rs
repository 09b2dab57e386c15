//! Ellipsoids in the world, and how far a label map is from them.

use super::files::Grid;

/// An ellipsoid: centre, semi-axes (mm) and the directions of the latter.
pub(super) struct Ellipsoid {
    pub(super) centre: [f64; 3],
    pub(super) axes: [f64; 3],
    pub(super) directions: [[f64; 3]; 3],
}

/// Three of them, none on a voxel, turned against the axes of every grid.
pub(super) fn ellipsoids() -> [Ellipsoid; 3] {
    let turned = |angle: f64, tilt: f64| {
        let ((s, c), (t, d)) = (angle.sin_cos(), tilt.sin_cos());
        [[c, s, 0.0], [-s * d, c * d, t], [s * t, -c * t, d]]
    };
    let one = |centre, axes, angle, tilt| Ellipsoid { centre, axes, directions: turned(angle, tilt) };
    [
        one([-21.37, 8.61, -4.83], [22.0, 17.0, 13.0], 0.5, 0.3),
        one([24.19, -14.72, 11.46], [9.0, 9.0, 14.0], -0.2, 0.7),
        one([17.53, 21.94, -19.27], [16.0, 6.0, 8.0], 1.1, -0.4),
    ]
}

impl Ellipsoid {
    /// The volume, mm³.
    pub(super) fn volume(&self) -> f64 {
        4.0 / 3.0 * std::f64::consts::PI * self.axes.iter().product::<f64>()
    }

    /// The distance from the surface (mm), negative inside: exact on the surface, to first order beside it.
    pub(super) fn distance(&self, world: [f64; 3]) -> f64 {
        let p = [0, 1, 2].map(|a| world[a] - self.centre[a]);
        let along = self.directions.map(|d| d[0] * p[0] + d[1] * p[1] + d[2] * p[2]);
        let length = |power: i32| (0..3).map(|a| (along[a] / self.axes[a].powi(power)).powi(2)).sum::<f64>().sqrt();
        let (first, second) = (length(1), length(2));
        if second < 1e-9 {
            -self.axes.iter().copied().fold(f64::INFINITY, f64::min)
        } else {
            first * (first - 1.0) / second
        }
    }
}

/// How far a label of a map is from its ellipsoid.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Error {
    /// The mean distance (mm) of the map's surface (the middles of faces between inside and outside) from the true one.
    pub(super) surface: f64,
    /// The volume against the true one, as a share.
    pub(super) volume: f64,
}

pub(super) fn error(grid: &Grid, map: &[f64], label: f64, truth: &Ellipsoid) -> Error {
    let [nx, ny, nz] = grid.shape;
    let steps = [1, nx, nx * ny];
    let (mut count, mut faces, mut sum) = (0usize, 0usize, 0.0);
    for (i, at) in grid.indices().enumerate() {
        let inside = map[i] == label;
        count += usize::from(inside);
        for axis in 0..3 {
            let last = at[axis] as usize + 1 == [nx, ny, nz][axis];
            if !last && inside != (map[i + steps[axis]] == label) {
                let mut middle = at;
                middle[axis] += 0.5;
                sum += truth.distance(grid.world(middle)).abs();
                faces += 1;
            }
        }
    }
    Error { surface: sum / faces.max(1) as f64, volume: count as f64 * grid.voxel() / truth.volume() - 1.0 }
}
