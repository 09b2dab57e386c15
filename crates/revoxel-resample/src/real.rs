//! The two types in which values are averaged.

use std::ops::{Add, Mul, Sub};

use revoxel_core::{Dtype, Voxel};

/// f32, for averaging f32 voxels and integers of up to 16 bits, or f64, for everything wider.
pub(crate) trait Real: Voxel + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    /// The voxel types whose means are computed in this one.
    const SOURCES: [Dtype; 5];

    /// A voxel of any type as this one.
    fn of<T: Voxel>(voxel: T) -> Self;

    /// A weight.
    fn weight(value: f64) -> Self;

    /// Of two tables, the one of this type.
    fn choose<'a>(single: &'a [f32], double: &'a [f64]) -> &'a [Self];

    /// The nearest value of an output type.
    fn output<O: Voxel>(self) -> O;
}

impl Real for f32 {
    const SOURCES: [Dtype; 5] = [Dtype::U8, Dtype::I8, Dtype::U16, Dtype::I16, Dtype::F32];

    #[inline(always)]
    fn of<T: Voxel>(voxel: T) -> Self {
        voxel.to_f32()
    }

    #[inline(always)]
    fn weight(value: f64) -> Self {
        value as Self
    }

    #[inline(always)]
    fn choose<'a>(single: &'a [f32], _: &'a [f64]) -> &'a [Self] {
        single
    }

    #[inline(always)]
    fn output<O: Voxel>(self) -> O {
        O::from_f32(self)
    }
}

impl Real for f64 {
    const SOURCES: [Dtype; 5] = [Dtype::U32, Dtype::I32, Dtype::U64, Dtype::I64, Dtype::F64];

    #[inline(always)]
    fn of<T: Voxel>(voxel: T) -> Self {
        voxel.to_f64()
    }

    #[inline(always)]
    fn weight(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn choose<'a>(_: &'a [f32], double: &'a [f64]) -> &'a [Self] {
        double
    }

    #[inline(always)]
    fn output<O: Voxel>(self) -> O {
        O::from_f64(self)
    }
}
