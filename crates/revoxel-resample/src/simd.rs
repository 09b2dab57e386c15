//! Which vector instructions the kernels use, found at run time.
//!
//! A kernel is written once, in plain Rust, and compiled for each [`Level`]; the compiler vectorises it with the
//! instructions of the level. No level fuses multiplications with additions, so all of them give the same bits.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

/// A set of vector instructions that kernels are compiled for; ordered from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The instructions that every processor of the target architecture has.
    Portable,
    /// x86-64 with AVX2.
    Avx2,
    /// x86-64 with AVX-512 (F, BW, DQ, VL).
    Avx512,
}

impl Level {
    /// All of them, from least to most.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// The name, as in the environment variable `REVOXEL_SIMD`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// Whether this processor supports it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// The level in use: the best that this processor supports, or a lower one that `REVOXEL_SIMD` selects.
    #[inline]
    pub fn current() -> Self {
        match CURRENT.load(Ordering::Relaxed) {
            0 => Self::first(),
            n => Self::ALL[usize::from(n - 1).min(2)],
        }
    }

    #[cold]
    fn first() -> Self {
        let wanted = std::env::var("REVOXEL_SIMD").unwrap_or_default();
        let most = Self::ALL.into_iter().find(|l| l.name() == wanted).unwrap_or(Self::Avx512);
        let level = Self::ALL.into_iter().rev().find(|l| *l <= most && l.is_available()).unwrap_or(Self::Portable);
        level.select();
        level
    }

    /// Makes all kernels of this process use the level, if the processor supports it; returns whether it does. For
    /// tests and benchmarks: the results are the same.
    pub fn select(self) -> bool {
        let available = self.is_available();
        if available {
            CURRENT.store(self as u8 + 1, Ordering::Relaxed);
        }
        available
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// 0 before the first use, then the level's position in [`Level::ALL`] plus one.
static CURRENT: AtomicU8 = AtomicU8::new(0);

/// Defines a function that is compiled once for each [`Level`] and calls the version of the current one.
///
/// `vectorised! { fn name[T: Bound](argument: Type) { body } }`; functions that the body calls must be
/// `#[inline(always)]`, so that they are compiled for the level, too.
macro_rules! vectorised {
    ($($(#[$meta:meta])* $visible:vis fn $name:ident[$($generics:tt)*]($($argument:ident: $type:ty),* $(,)?) $body:block)*) => {$(
        $(#[$meta])*
        #[allow(unsafe_code, clippy::too_many_arguments)]
        $visible fn $name<$($generics)*>($($argument: $type),*) {
            #[inline(always)]
            fn portable<$($generics)*>($($argument: $type),*) $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2<$($generics)*>($($argument: $type),*) {
                portable($($argument),*);
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512<$($generics)*>($($argument: $type),*) {
                portable($($argument),*);
            }
            match $crate::simd::Level::current() {
                // SAFETY: a level is only current where the processor has its instructions.
                #[cfg(target_arch = "x86_64")]
                $crate::simd::Level::Avx512 => unsafe { avx512($($argument),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::simd::Level::Avx2 => unsafe { avx2($($argument),*) },
                _ => portable($($argument),*),
            }
        }
    )*};
}

pub(crate) use vectorised;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_level_is_one_that_the_processor_has() {
        assert!(Level::current().is_available());
        assert!(Level::Portable.is_available());
        assert_eq!(Level::ALL.map(Level::name), ["portable", "avx2", "avx512"]);
    }
}
