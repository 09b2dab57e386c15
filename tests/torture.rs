//! Random pipelines on random grids: oblique, sheared, mirrored, anisotropic, thin and 2-D. `cargo xtask torture` runs
//! any number of them; docs/testing.md says what is checked.

mod chain;
mod exact;
mod linear;
mod mixed;

use std::panic::{AssertUnwindSafe, catch_unwind};

use rayon::prelude::*;
use revoxel_core::testing::Draw;

/// A number from the environment, which `cargo xtask torture` sets.
fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// What one pipeline showed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Pipelines that were refused, by plan and run alike.
    refused: u64,
    /// Voxels that came out as they went in.
    copied: u64,
    /// Voxels whose interpolated value was held against its bound.
    bounded: u64,
    /// Voxels of the source that the model's grid does not cover.
    unseen: u64,
    /// Points that were followed there and back.
    points: u64,
    /// Plans that were held against their run.
    plans: u64,
    /// The largest share of a bound that was used: a bound that nothing comes near would show nothing.
    share: f64,
}

impl Tally {
    fn and(self, other: Self) -> Self {
        Self {
            refused: self.refused + other.refused,
            copied: self.copied + other.copied,
            bounded: self.bounded + other.bounded,
            unseen: self.unseen + other.unseen,
            points: self.points + other.points,
            plans: self.plans + other.plans,
            share: self.share.max(other.share),
        }
    }
}

/// The pipeline of a number, checked.
fn check(number: u64) -> Tally {
    let mut draw = Draw::new(number);
    match draw.int(0, 3) {
        0 => exact::check(&mut draw),
        1 | 2 => linear::check(&mut draw),
        _ => mixed::check(&mut draw),
    }
}

#[test]
fn random_pipelines_keep_their_promises() {
    let (count, seed) = (number("REVOXEL_TORTURE_PIPELINES", 200), number("REVOXEL_TORTURE_SEED", 1));
    let one = |number: u64| catch_unwind(AssertUnwindSafe(|| check(number))).map_err(|_| number);
    let results: Vec<Result<Tally, u64>> = (seed..seed + count).into_par_iter().map(one).collect();
    let failed: Vec<u64> = results.iter().filter_map(|r| r.as_ref().err().copied()).collect();
    let all = results.iter().flatten().fold(Tally::default(), |a, b| a.and(*b));
    println!("{count} pipelines from seed {seed}: {all:?}");
    assert!(
        failed.is_empty(),
        "{} fail; one of them again: cargo xtask torture --pipelines 1 --seed {}",
        failed.len(),
        failed[0]
    );
    // Checks that check nothing would pass as well.
    if count >= 200 {
        assert!(all.refused * 4 < count && all.copied > 100 * count && all.bounded > 100 * count, "{all:?}");
        assert!(all.unseen > count && all.points > count && all.plans * 8 > count, "{all:?}");
        assert!(all.share > 0.3, "{all:?}");
    }
}
