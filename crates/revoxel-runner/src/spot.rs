//! The place of one voxel, as errors and answers name it.

use std::fmt;

use revoxel_core::Volume;

/// The place of one voxel in a volume.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// Its channel, from 0.
    pub channel: usize,
    /// How many channels the volume has.
    pub channels: usize,
    /// Its index.
    pub index: [usize; 3],
    /// The centre of the voxel, RAS+ mm.
    pub ras: [f64; 3],
}

impl Spot {
    /// The voxel at a position in the buffer of a volume.
    pub fn at(volume: &Volume, position: usize) -> Self {
        let (grid, channels) = (volume.grid(), volume.channels());
        let [nx, ny, _] = grid.shape();
        let (channel, place) = (position / grid.voxel_count(), position % grid.voxel_count());
        let index = [place % nx, place / nx % ny, place / (nx * ny)];
        Self { channel, channels, index, ras: grid.index_to_world(index.map(|i| i as f64)) }
    }
}

/// `index (1, 2, 3), RAS (10.000, -4.500, 7.250) mm`; with the channel where there are several.
impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([i, j, k], [x, y, z]) = (self.index, self.ras);
        write!(f, "index ({i}, {j}, {k})")?;
        if self.channels > 1 {
            write!(f, " of channel {}", self.channel)?;
        }
        write!(f, ", RAS ({x:.3}, {y:.3}, {z:.3}) mm")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Affine, Grid, Kind};

    #[test]
    fn positions_become_channel_index_and_millimetres() {
        let grid = Grid::new([2, 3, 4], Affine::scaling([1.0, 2.0, 0.5])).unwrap();
        let one = Volume::new(vec![0u8; 24].into(), grid, Kind::Image, 1).unwrap();
        assert_eq!(Spot::at(&one, 23).to_string(), "index (1, 2, 3), RAS (1.000, 4.000, 1.500) mm");
        let two = Volume::new(vec![0u8; 48].into(), grid, Kind::Image, 2).unwrap();
        assert_eq!(Spot::at(&two, 24 + 2).to_string(), "index (0, 1, 0) of channel 1, RAS (0.000, 2.000, 0.000) mm");
    }
}
