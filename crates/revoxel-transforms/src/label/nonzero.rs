//! The region in which something was measured: what is not 0, holes filled, as nnU-Net has it.

use revoxel_core::{Kind, Volume, Voxel, dispatch};

use super::fill_holes;
use crate::transform::ApplyError;

/// 1 where any of the images is not 0 in any channel, in the holes of that, and where any label map is above 0.
///
/// # Errors
/// Where there is no volume.
pub(crate) fn region(sources: &[&Volume]) -> Result<Volume, ApplyError> {
    let Some(first) = sources.first() else { return Err(ApplyError::MissingInput("nonzero_of".to_owned())) };
    let grid = *first.grid();
    let size = grid.voxel_count();
    let mut region = vec![0u8; size];
    let add = |volume: &Volume, counts: fn(f64) -> bool, region: &mut [u8]| {
        dispatch!(volume.voxels(), v => for channel in v.chunks(size) {
            region.iter_mut().zip(channel).for_each(|(r, x)| *r |= u8::from(counts(x.to_f64())));
        });
    };
    let (labels, images): (Vec<&Volume>, Vec<&Volume>) = sources.iter().partition(|v| v.kind() == Kind::Label);
    images.iter().for_each(|volume| add(volume, |x| x != 0.0 && x.is_finite(), &mut region));
    fill_holes::fill(&mut region, grid.shape());
    labels.iter().for_each(|volume| add(volume, |x| x > 0.0, &mut region));
    Ok(Volume::new(region.into(), grid, Kind::Label, 1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::Grid;

    #[test]
    fn holes_are_filled_and_labels_are_added() {
        let grid = Grid::without_geometry([5, 5, 3]).unwrap();
        let at = |x: usize, y: usize, z: usize| x + 5 * (y + 5 * z);
        // A closed shell around (2, 2, 1), in two images, negative and positive; one gap lets nothing in diagonally.
        let (mut a, mut b, mut label) = (vec![0i16; 75], vec![0.0f32; 75], vec![0u8; 75]);
        for (x, y, z) in [(1, 2, 1), (3, 2, 1), (2, 1, 1)] {
            a[at(x, y, z)] = -4;
        }
        for (x, y, z) in [(2, 3, 1), (2, 2, 0), (2, 2, 2)] {
            b[at(x, y, z)] = 0.5;
        }
        label[at(4, 4, 2)] = 3;
        let image = |v: revoxel_core::Voxels| Volume::new(v, grid, Kind::Image, 1).unwrap();
        let (a, b) = (image(a.into()), image(b.into()));
        let label = Volume::new(label.into(), grid, Kind::Label, 1).unwrap();
        let count = |sources: &[&Volume]| {
            let found = region(sources).unwrap();
            dispatch!(found.voxels(), v => v.iter().filter(|x| x.to_f64() > 0.0).count())
        };
        assert_eq!((count(&[&a]), count(&[&a, &b]), count(&[&a, &b, &label])), (3, 7, 8));
        assert!(region(&[]).is_err());
    }
}
