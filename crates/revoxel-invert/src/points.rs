//! Points and boxes through a trace, in both directions.
//!
//! Most ops do not move a point of the world: only its index changes. So a point in millimetres stays as it is, but where
//! a step bends the world, or where the pipeline put the source on another grid before the first step (snapped). Indices
//! follow the same map as voxels, uneven slices and warps included.

use revoxel_core::{Frame, Grid, Sampling};

use crate::error::InvertError;
use crate::trace::VolumeTrace;

/// On which side of the pipeline a point lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// On the grid that the volume came from.
    Native,
    /// On the grid that the model sees.
    Model,
}

/// What three numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// A voxel index of the grid, with fractions; (0, 0, 0) is the centre of the first voxel.
    Index,
    /// Millimetres in a frame.
    World(Frame),
}

impl Space {
    /// All spaces, in the order in which they are listed to people.
    pub const ALL: [Self; 3] = [Self::Index, Self::World(Frame::Ras), Self::World(Frame::Lps)];

    /// The name as written in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::World(Frame::Ras) => "ras",
            Self::World(Frame::Lps) => "lps",
        }
    }
}

impl std::str::FromStr for Space {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|s| s.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| format!("{name:?} is not a space: use index, ras or lps"))
    }
}

/// What is known of the place of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The model saw the place.
    Seen,
    /// Of boxes: the model saw some of it.
    Partly,
    /// The place is in the source, but the model never saw it.
    Unseen,
    /// The place is not in the source.
    Outside,
}

impl Status {
    /// The name as written in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Partly => "partly",
            Self::Unseen => "unseen",
            Self::Outside => "outside",
        }
    }
}

/// A box with its faces parallel to the axes of its space. In index space `low` and `high` are the first index and
/// one past the last, so that whole numbers name whole voxels; in the world they are the faces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Lowest corner.
    pub low: [f64; 3],
    /// Highest corner.
    pub high: [f64; 3],
}

/// The map between the indices of a source and of what a pipeline made of it.
#[derive(Clone, Debug)]
pub struct PointMap {
    back: Sampling,
    native: Grid,
}

/// Faces that lie this close to a voxel's face are on it, voxels.
const ROUNDING: f64 = 1e-6;

impl PointMap {
    /// The map of a volume's trace.
    ///
    /// # Errors
    /// If the trace contradicts itself.
    pub fn new(trace: &VolumeTrace) -> Result<Self, InvertError> {
        let (steps, native, model) = trace.ends()?;
        Ok(Self { back: Sampling::inverse_of(&steps).unwrap_or(Sampling::identity(model)), native })
    }

    /// The grid on a side. Of uneven slices: the even grid against which they are placed.
    pub const fn grid(&self, side: Side) -> &Grid {
        match side {
            Side::Native => &self.native,
            Side::Model => self.back.source(),
        }
    }

    /// A point of the side `from`, given in `space`, on the other side, in the space `to`.
    pub fn point(&self, point: [f64; 3], from: Side, space: Space, to: Space) -> ([f64; 3], Status) {
        let native = self.native_index(point, from, space);
        (self.other_side(point, native, from, space, to), self.status(native))
    }

    /// A box of the side `from`, given in `space`, on the other side, in the space `to`: the smallest one that holds
    /// its eight corners. A box of whole voxels becomes a box of whole voxels.
    pub fn bounds(&self, bounds: &Bounds, from: Side, space: Space, to: Space) -> (Bounds, Status) {
        let half = if space == Space::Index { 0.5 } else { 0.0 };
        let corners: [[f64; 3]; 8] = std::array::from_fn(|bits| {
            [0, 1, 2].map(|a| (if bits >> a & 1 == 0 { bounds.low[a] } else { bounds.high[a] }) - half)
        });
        let native = corners.map(|c| self.native_index(c, from, space));
        let status = self.status_of_box(&native);
        if let (Space::World(a), Space::World(b), false) = (space, to, self.moved()) {
            let ends = [bounds.low, bounds.high].map(|p| if a == b { p } else { b.point_from_ras(a.point_to_ras(p)) });
            let (low, high) = revoxel_core::grid::bounds_of(&ends);
            return (Bounds { low, high }, status);
        }
        let mapped: [[f64; 3]; 8] = std::array::from_fn(|i| self.other_side(corners[i], native[i], from, space, to));
        let (mut low, mut high) = revoxel_core::grid::bounds_of(&mapped);
        if to == Space::Index {
            (low, high) = (low.map(|v| v + 0.5), high.map(|v| v + 0.5));
            let whole = |p: [f64; 3]| p.iter().all(|v| v.fract() == 0.0);
            if space == Space::Index && whole(bounds.low) && whole(bounds.high) {
                // `+ 0.0`: no negative zeros in what people read.
                (low, high) = (low.map(|v| (v + ROUNDING).floor() + 0.0), high.map(|v| (v - ROUNDING).ceil() + 0.0));
            }
        }
        (Bounds { low, high }, status)
    }

    /// Whether the source's world is not the model's: a step bends it, or the source was put on another grid before the
    /// first step.
    fn moved(&self) -> bool {
        *self.back.target() != self.native || self.back.bends().next().is_some()
    }

    /// The index in the source, of its slices as they lie.
    fn native_index(&self, point: [f64; 3], from: Side, space: Space) -> [f64; 3] {
        let even = match (from, space) {
            (Side::Native, Space::Index) => return point,
            (Side::Native, Space::World(frame)) => self.native.world_to_index().apply(frame.point_to_ras(point)),
            (Side::Model, space) => {
                let model = self.back.source();
                let index = match space {
                    Space::Index => point,
                    Space::World(frame) => model.world_to_index().apply(frame.point_to_ras(point)),
                };
                return self.back.target_of(index);
            }
        };
        self.back.to_slices().map_or(even, |slices| slices.from_even(even))
    }

    fn other_side(&self, point: [f64; 3], native: [f64; 3], from: Side, space: Space, to: Space) -> [f64; 3] {
        let (index, grid) = match from {
            Side::Native => (self.back.position(native), self.back.source()),
            Side::Model => (native, &self.native),
        };
        let Space::World(frame) = to else { return index.map(tidy) };
        if self.moved() {
            // An index of uneven slices is turned into one of the grid against which they are placed.
            let even = if from == Side::Model { self.back.even_target(index) } else { index };
            return frame.point_from_ras(grid.index_to_world(even));
        }
        match space {
            Space::World(same) if same == frame => point,
            Space::World(other) => frame.point_from_ras(other.point_to_ras(point)),
            Space::Index => {
                let even = if from == Side::Native { self.back.even_target(point) } else { point };
                frame.point_from_ras(self.grid(from).index_to_world(even))
            }
        }
    }

    fn status(&self, native: [f64; 3]) -> Status {
        if !self.native.index_box().covers(native) {
            return Status::Outside;
        }
        // A place is seen where its voxel is.
        let shape = self.native.shape();
        let voxel = [0, 1, 2].map(|a| native[a].round().clamp(0.0, (shape[a] - 1) as f64));
        let seen = self.back.within_limits(voxel) && self.back.written().covers(native);
        if seen && !self.back.readable().is_empty() { Status::Seen } else { Status::Unseen }
    }

    fn status_of_box(&self, native: &[[f64; 3]; 8]) -> Status {
        if native.iter().all(|c| self.status(*c) == Status::Seen) {
            return Status::Seen;
        }
        let beyond = |corners: &[[f64; 3]; 8], inside: &revoxel_core::IndexBox| {
            let ((low, high), end) = (revoxel_core::grid::bounds_of(corners), inside.end());
            (0..3)
                .any(|a| high[a] <= inside.start[a] as f64 - 0.5 + ROUNDING || low[a] >= end[a] as f64 - 0.5 - ROUNDING)
        };
        if beyond(native, &self.native.index_box()) {
            return Status::Outside;
        }
        let model = native.map(|c| self.back.position(c));
        let unseen = beyond(native, self.back.written()) || beyond(&model, &self.back.source().index_box());
        if unseen { Status::Unseen } else { Status::Partly }
    }
}

/// An index without the noise of the arithmetic: who counts voxels may cut the fraction off. No negative zeros.
fn tidy(v: f64) -> f64 {
    const NOISE: f64 = 1e-9;
    let whole = v.round();
    if (v - whole).abs() < NOISE { whole + 0.0 } else { v }
}

#[cfg(test)]
mod tests;
