//! Writing a volume slab by slab, without holding all of it in memory.

use std::io;
use std::path::{Path, PathBuf};

use revoxel_core::{Dtype, Kind, Volume, Voxels};

use crate::by_name::format_for_writing;
use crate::format::{Format, Wrote};
use crate::open::has_extension;
use crate::sink::{Head, Slabs};
use crate::{Facts, Partial, Warning, WriteError, npy};

/// Writes a volume, or with the extension `.npy` an array of shape (channels, z, y, x), slab by slab. The file appears
/// under its name at [`finish`](Self::finish), and not at all without it.
///
/// Formats that store voxels in another order need the whole volume, which is then held until the end.
pub struct SlabWriter {
    path: PathBuf,
    file: Partial,
    head: Head,
    facts: Facts,
    written: usize,
    half: bool,
    body: Body,
}

/// A volume file that is complete except for its name, with the other file of a pair. If dropped, it vanishes.
#[derive(Debug)]
pub struct Complete {
    /// Files in the order in which they get their names: the file that a reader opens comes last.
    files: Vec<Partial>,
    warnings: Vec<Warning>,
}

impl Complete {
    pub(crate) fn new(file: Partial, wrote: Wrote) -> Self {
        Self { files: wrote.beside.into_iter().chain([file]).collect(), warnings: wrote.warnings }
    }

    /// Its files; the requested one is last.
    pub fn files(&self) -> &[Partial] {
        &self.files
    }

    /// Waits until the content is on the disk.
    ///
    /// # Errors
    /// On an I/O error.
    pub fn sync(&self) -> Result<(), WriteError> {
        self.files.iter().try_for_each(Partial::sync)
    }

    /// Gives the files their names.
    ///
    /// # Errors
    /// On an I/O error.
    pub fn persist(self) -> Result<Vec<Warning>, WriteError> {
        self.files.into_iter().try_for_each(Partial::persist)?;
        Ok(self.warnings)
    }
}

/// The first magnitude that float16 rounds to infinity.
const BEYOND_HALF: f32 = 65520.0;

enum Body {
    Slabs(Slabs),
    Whole(&'static dyn Format, Vec<u8>),
}

impl SlabWriter {
    /// Begins a file. With `half` an array is stored as float16.
    ///
    /// # Errors
    /// If the name has no known extension, the folder is missing, an I/O error occurs, the format cannot store
    /// the volume, or `half` is set for anything but an `.npy` file of float32.
    pub fn create(path: impl AsRef<Path>, head: Head, facts: &Facts, half: bool) -> Result<Self, WriteError> {
        let path = path.as_ref();
        let failed = |reason| WriteError::Io { path: path.to_owned(), reason };
        let is_array = has_extension(path, "npy");
        if half && !(is_array && head.dtype == Dtype::F32) {
            return Err(WriteError::Half { path: path.to_owned() });
        }
        let file = Partial::create(path)?;
        let to = file.reopen()?;
        let body = if is_array {
            Body::Slabs(npy::slabs(to, &head, half).map_err(failed)?)
        } else {
            let format = format_for_writing(path)?;
            match format.slabs(path, to, &head, facts)? {
                Some(slabs) => Body::Slabs(slabs),
                None => Body::Whole(format, Vec::new()),
            }
        };
        Ok(Self { path: path.to_owned(), file, head, facts: facts.clone(), written: 0, half, body })
    }

    /// Writes the next voxels, of the head's type.
    ///
    /// # Errors
    /// If an I/O error occurs, the voxels have another type, or float16 does not hold one of them.
    pub fn push(&mut self, voxels: &Voxels) -> Result<(), WriteError> {
        if voxels.dtype() != self.head.dtype {
            return Err(self.misfit(self.written + voxels.len()));
        }
        if let (true, Voxels::F32(values)) = (self.half, voxels)
            && let Some(value) = values.iter().find(|v| v.abs() >= BEYOND_HALF && v.is_finite())
        {
            return Err(WriteError::HalfRange { path: self.path.clone(), value: *value });
        }
        self.written += voxels.len();
        match &mut self.body {
            Body::Slabs(slabs) => {
                let pushed = slabs.to.push(voxels.bytes());
                pushed.map_err(|reason| WriteError::Io { path: self.path.clone(), reason })
            }
            Body::Whole(_, bytes) => {
                bytes.extend_from_slice(voxels.bytes());
                Ok(())
            }
        }
    }

    /// Whether all voxels are held until the end, because the format stores them in another order.
    pub const fn holds_all(&self) -> bool {
        matches!(self.body, Body::Whole(..))
    }

    /// Completes the file and gives it its name.
    ///
    /// # Errors
    /// If there are too few or too many voxels, or an I/O error occurs.
    pub fn finish(self) -> Result<Vec<Warning>, WriteError> {
        self.complete()?.persist()
    }

    /// Completes the file, which gets its name later.
    ///
    /// # Errors
    /// If there are too few or too many voxels, or an I/O error occurs.
    pub fn complete(self) -> Result<Complete, WriteError> {
        if self.written != self.head.grid.voxel_count() * self.head.channels {
            return Err(self.misfit(self.written));
        }
        let wrote = match self.body {
            Body::Slabs(slabs) => {
                slabs.to.finish().map_err(|reason| WriteError::Io { path: self.path.clone(), reason })?;
                slabs.warnings.into()
            }
            Body::Whole(format, bytes) => {
                let voxels = revoxel_core::dispatch_dtype!(self.head.dtype, T => {
                    Voxels::from(bytemuck::pod_collect_to_vec::<u8, T>(&bytes))
                });
                let Head { grid, channels, .. } = self.head;
                let volume = Volume::new(voxels, grid, Kind::Image, channels)
                    .map_err(|e| WriteError::Io { path: self.path.clone(), reason: io::Error::other(e.to_string()) })?;
                format.write(&self.path, self.file.place(), &volume, &self.facts)?
            }
        };
        Ok(Complete::new(self.file, wrote))
    }

    fn misfit(&self, values: usize) -> WriteError {
        let [x, y, z] = self.head.grid.shape();
        WriteError::Shape { path: self.path.clone(), shape: vec![self.head.channels, z, y, x], values }
    }
}

#[cfg(test)]
mod tests {
    use revoxel_core::testing::Draw;

    use super::*;
    use revoxel_core::Grid;

    #[test]
    fn slabs_give_the_bytes_that_the_whole_gives() {
        let folder = tempfile::tempdir().unwrap();
        let mut draw = Draw::new(5);
        let grid = crate::nifti::stored_grid(&draw.grid(9));
        let volume = draw.volume(grid, Kind::Image, 3);
        for name in ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.hdr"] {
            let (whole, parts) = (folder.path().join(name), folder.path().join(format!("b{name}")));
            crate::write(&whole, &volume, &Facts::default()).unwrap();
            let mut writer = SlabWriter::create(&parts, Head::of(&volume), &Facts::default(), false).unwrap();
            let count = volume.voxels().len();
            revoxel_core::dispatch!(volume.voxels(), v => {
                for slab in v.chunks(count / 4 + 1) {
                    writer.push(&slab.to_vec().into()).unwrap();
                }
            });
            assert!(!parts.exists());
            writer.finish().unwrap();
            assert_eq!(std::fs::read(&whole).unwrap(), std::fs::read(&parts).unwrap(), "{name}");
        }
    }

    #[test]
    fn arrays_come_with_channels_first_and_in_half_precision_where_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let grid = Grid::without_geometry([2, 3, 1]).unwrap();
        let values: Vec<f32> = (0..12).map(|i| i as f32 * 0.1).collect();
        let head = Head { grid, dtype: Dtype::F32, channels: 2 };
        for (half, error) in [(false, 0.0), (true, 1e-3)] {
            let path = folder.path().join(format!("{half}.npy"));
            let mut writer = SlabWriter::create(&path, head, &Facts::default(), half).unwrap();
            writer.push(&values.clone().into()).unwrap();
            writer.finish().unwrap();
            let tensor = npy::read_npy(&path, &Default::default()).unwrap();
            assert_eq!(tensor.shape, [2, 1, 3, 2]);
            for (i, v) in values.iter().enumerate() {
                assert!((tensor.voxels.get(i) - f64::from(*v)).abs() <= error);
            }
            let size = std::fs::metadata(&path).unwrap().len() as usize;
            assert_eq!(size, 128 + 12 * if half { 2 } else { 4 });
        }
        let mut large = SlabWriter::create(folder.path().join("z.npy"), head, &Facts::default(), true).unwrap();
        large.push(&vec![65519.0f32, f32::NEG_INFINITY, f32::NAN].into()).unwrap();
        let beyond = large.push(&vec![1.0f32, -65520.0].into()).unwrap_err().to_string();
        assert!(beyond.contains("z.npy: the value -65520 is beyond the range of float16"), "{beyond}");
        drop(large);
        let wrong = SlabWriter::create(folder.path().join("x.nii"), head, &Facts::default(), true).err().unwrap();
        assert!(wrong.to_string().contains("float16"), "{wrong}");
        let short = SlabWriter::create(folder.path().join("y.npy"), head, &Facts::default(), false).unwrap();
        assert!(short.finish().unwrap_err().to_string().contains("does not match 0 values"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing half-written is left");
    }
}
