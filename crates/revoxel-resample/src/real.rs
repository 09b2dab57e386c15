//! The two types in which values are averaged.

use std::ops::{Add, Mul, Sub};

use revoxel_core::Voxel;

/// f32, in which up to 16-bit integers and f32 voxels are averaged, or f64, for everything wider.
pub(crate) trait Real: Voxel + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    /// A voxel of any type as this one.
    fn of<T: Voxel>(voxel: T) -> Self;

    /// A weight.
    fn weight(value: f64) -> Self;
}

impl Real for f32 {
    #[inline(always)]
    fn of<T: Voxel>(voxel: T) -> Self {
        voxel.to_f32()
    }

    #[inline(always)]
    fn weight(value: f64) -> Self {
        value as Self
    }
}

impl Real for f64 {
    #[inline(always)]
    fn of<T: Voxel>(voxel: T) -> Self {
        voxel.to_f64()
    }

    #[inline(always)]
    fn weight(value: f64) -> Self {
        value
    }
}
