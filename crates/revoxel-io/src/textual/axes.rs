//! Which axes of the file are of space, and which become channels.

use std::str::FromStr;

use revoxel_core::{Buffer, Voxel};

use super::interleave;

/// The role of an axis of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// An axis of the grid.
    Space,
    /// Red, green, blue (and alpha).
    Colour,
    /// Frames, segments, gradients: any list of volumes.
    Frames,
    /// Components of a vector or tensor.
    Vector,
}

/// The order in which axes become slowest, as `Facts` defines it for colours with frames and vectors with frames.
const ORDER: [Role; 3] = [Role::Colour, Role::Frames, Role::Vector];

/// The axes of the file, fastest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Axes(pub(crate) Vec<(usize, Role)>);

impl Axes {
    /// Voxels along x, y, z; 1 if the file has fewer axes of space.
    pub(crate) fn shape(&self) -> [usize; 3] {
        let mut sizes = self.0.iter().filter(|(_, role)| *role == Role::Space).map(|(size, _)| *size);
        [(); 3].map(|()| sizes.next().unwrap_or(1))
    }

    /// How many axes are of space.
    pub(crate) fn of_space(&self) -> usize {
        self.0.iter().filter(|(_, role)| *role == Role::Space).count()
    }

    /// The product of the sizes of the axes with a role.
    pub(crate) fn count(&self, role: Role) -> usize {
        self.0.iter().filter(|(_, r)| *r == role).map(|(size, _)| size).product()
    }

    /// Channels of the volume.
    pub(crate) fn channels(&self) -> usize {
        ORDER.iter().map(|role| self.count(*role)).product()
    }

    /// Converts from the order of the file to that of a volume: channels slowest.
    pub(crate) fn to_volume<T: Voxel + FromStr>(&self, mut values: Buffer<T>) -> Option<Buffer<T>> {
        for (inner, moved, outer) in self.moves() {
            values = interleave::to_slowest(&values, inner, moved, outer)?.into();
        }
        Some(values)
    }

    /// Converts from the order of a volume to that of the file; `Ok(None)` if they are the same.
    pub(crate) fn to_file<T: Voxel>(&self, values: &[T]) -> Option<Option<Vec<T>>> {
        let mut moved_back: Option<Vec<T>> = None;
        for (inner, moved, outer) in self.moves().into_iter().rev() {
            let from = moved_back.as_deref().unwrap_or(values);
            moved_back = Some(interleave::from_slowest(from, inner, moved, outer)?);
        }
        Some(moved_back)
    }

    /// The moves (elements before, along and after the axis) that make channels slowest.
    fn moves(&self) -> Vec<(usize, usize, usize)> {
        // Numbered, because axes may be alike; those of one element are wherever one likes.
        let mut axes: Vec<_> = self.0.iter().copied().enumerate().filter(|(_, (size, _))| *size > 1).collect();
        let mut target = axes.clone();
        target.sort_by_key(|(_, (_, role))| ORDER.iter().position(|r| r == role).map_or(0, |at| at + 1));
        let mut moves = Vec::new();
        for (number, (moved, role)) in target.clone() {
            let at = axes.iter().position(|(n, _)| *n == number).unwrap_or_default();
            if role == Role::Space || axes == target {
                continue;
            }
            let product = |axes: &[(usize, (usize, Role))]| axes.iter().map(|(_, (size, _))| size).product::<usize>();
            let (inner, outer) = (product(&axes[..at]), product(&axes[at + 1..]));
            let axis = axes.remove(at);
            axes.push(axis);
            if outer > 1 {
                moves.push((inner, moved, outer));
            }
        }
        moves
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Role::{Colour, Frames, Space, Vector};

    #[test]
    fn channels_become_slowest() {
        fn t(axes: &[(usize, Role)], moves: usize, expected: &[u8]) {
            let axes = Axes(axes.to_vec());
            let count: usize = axes.0.iter().map(|(size, _)| size).product();
            let values: Vec<u8> = (0..count as u8).collect();
            assert_eq!(axes.moves().len(), moves, "{axes:?}");
            let volume = axes.to_volume(values.clone().into()).unwrap().into_vec();
            assert_eq!(volume, expected, "{axes:?}");
            assert_eq!(axes.to_file(&volume).unwrap().unwrap_or(volume), values);
        }
        t(&[(2, Space), (3, Space)], 0, &[0, 1, 2, 3, 4, 5]);
        t(&[(2, Space), (3, Frames)], 0, &[0, 1, 2, 3, 4, 5]);
        t(&[(3, Vector), (2, Space)], 1, &[0, 3, 1, 4, 2, 5]);
        t(&[(2, Space), (3, Vector), (2, Space)], 1, &[0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]);
        // component + components × frame for colours, frame + frames × component for vectors
        t(&[(2, Colour), (2, Space), (2, Frames)], 2, &[0, 2, 1, 3, 4, 6, 5, 7]);
        t(&[(2, Vector), (2, Space), (2, Frames)], 1, &[0, 2, 4, 6, 1, 3, 5, 7]);
        t(&[(2, Space), (2, Frames), (2, Vector)], 0, &[0, 1, 2, 3, 4, 5, 6, 7]);
        t(&[(1, Vector), (2, Space), (1, Frames)], 0, &[0, 1]);
        assert_eq!(Axes(vec![(3, Vector), (4, Space), (5, Space)]).shape(), [4, 5, 1]);
        assert_eq!(Axes(vec![(3, Vector), (4, Space), (5, Frames)]).channels(), 15);
    }
}
