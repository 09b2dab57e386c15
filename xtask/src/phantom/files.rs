//! The few files that the phantom needs: uncompressed NIfTI-1 with an sform, and NumPy arrays.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// Where voxels lie: shape, and rows of the map from indices to millimetres (RAS).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Grid {
    pub(super) shape: [usize; 3],
    pub(super) rows: [[f64; 4]; 3],
}

impl Grid {
    pub(super) fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// The place (mm) of an index.
    pub(super) fn world(&self, i: [f64; 3]) -> [f64; 3] {
        self.rows.map(|r| r[0] * i[0] + r[1] * i[1] + r[2] * i[2] + r[3])
    }

    /// The volume of a voxel, mm³.
    pub(super) fn voxel(&self) -> f64 {
        let [a, b, c] = self.rows.map(|r| [r[0], r[1], r[2]]);
        let cross = [b[1] * c[2] - b[2] * c[1], b[2] * c[0] - b[0] * c[2], b[0] * c[1] - b[1] * c[0]];
        (a[0] * cross[0] + a[1] * cross[1] + a[2] * cross[2]).abs()
    }

    /// All indices, axis 0 fastest.
    pub(super) fn indices(&self) -> impl Iterator<Item = [f64; 3]> {
        let [nx, ny, nz] = self.shape;
        (0..nz).flat_map(move |z| (0..ny).flat_map(move |y| (0..nx).map(move |x| [x, y, z].map(|v| v as f64))))
    }
}

/// Writes int16 voxels as an uncompressed NIfTI-1 file.
pub(super) fn write_nifti(path: &Path, grid: &Grid, voxels: &[i16]) -> Result<()> {
    let mut head = vec![0u8; 352];
    let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &348i32.to_le_bytes());
    let dims = [3, grid.shape[0], grid.shape[1], grid.shape[2], 1, 1, 1, 1];
    dims.iter().enumerate().for_each(|(i, n)| put(40 + 2 * i, &(*n as i16).to_le_bytes()));
    put(70, &4i16.to_le_bytes());
    put(72, &16i16.to_le_bytes());
    let length = |axis: usize| grid.rows.iter().map(|r| r[axis] * r[axis]).sum::<f64>().sqrt();
    let sizes = [1.0, length(0), length(1), length(2)];
    sizes.iter().enumerate().for_each(|(i, s)| put(76 + 4 * i, &(*s as f32).to_le_bytes()));
    put(108, &352f32.to_le_bytes());
    put(123, &[2]);
    put(254, &1i16.to_le_bytes());
    for (row, numbers) in grid.rows.iter().enumerate() {
        numbers.iter().enumerate().for_each(|(i, v)| put(280 + 16 * row + 4 * i, &(*v as f32).to_le_bytes()));
    }
    put(344, b"n+1\0");
    head.extend(voxels.iter().flat_map(|v| v.to_le_bytes()));
    fs::write(path, head).with_context(|| path.display().to_string())
}

/// Reads the grid and the voxels of an uncompressed NIfTI-1 file with an sform.
pub(super) fn read_nifti(path: &Path) -> Result<(Grid, Vec<f64>)> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    ensure!(bytes.len() >= 352 && bytes[344..348] == *b"n+1\0", "{}: no single NIfTI-1 file", path.display());
    let short = |at: usize| i16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let float = |at: usize| f32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let shape = [42, 44, 46].map(|at| short(at) as usize);
    let rows = [0, 1, 2].map(|r| [0, 1, 2, 3].map(|c| f64::from(float(280 + 16 * r + 4 * c))));
    let grid = Grid { shape, rows };
    let data = &bytes[float(108) as usize..];
    let voxels: Vec<f64> = match short(70) {
        2 => data.iter().map(|v| f64::from(*v)).collect(),
        4 => data.chunks_exact(2).map(|v| f64::from(i16::from_le_bytes([v[0], v[1]]))).collect(),
        16 => data.chunks_exact(4).map(|v| f64::from(f32::from_le_bytes([v[0], v[1], v[2], v[3]]))).collect(),
        other => anyhow::bail!("{}: voxel type {other}", path.display()),
    };
    ensure!(voxels.len() >= grid.count(), "{}: ends early", path.display());
    Ok((grid, voxels[..grid.count()].to_vec()))
}

/// Writes an array in C order.
pub(super) fn write_npy(path: &Path, shape: &[usize], kind: &str, data: &[u8]) -> Result<()> {
    let shape: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let mut text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}");
    text.push_str(&" ".repeat(63 - (10 + text.len()) % 64));
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\0".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(data);
    fs::write(path, bytes).with_context(|| path.display().to_string())
}
