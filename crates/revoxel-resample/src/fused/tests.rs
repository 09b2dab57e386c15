//! What is planned is what is run, and a fused pass gives what step by step gives.

use proptest::prelude::*;
use revoxel_core::testing::Draw;
use revoxel_core::{Grid, GridOp, Kind, Volume};

use super::*;
use crate::KnownGrid;

fn rule(draw: &mut Draw, kind: Kind) -> StepRule {
    let choose = |draw: &mut Draw, n: i64| draw.int(0, n - 1) as usize;
    let interpolations: &[Interpolation] = match kind {
        Kind::Label => &[Interpolation::Nearest, Interpolation::Label, Interpolation::LabelNearest],
        _ => &[Interpolation::Nearest, Interpolation::Linear, Interpolation::Cubic],
    };
    let interpolation = interpolations[choose(draw, 3)];
    let beyond = [Beyond::Border, Beyond::Reflection, Beyond::Fill(vec![7.0]), Beyond::Minimum];
    let modes = [PadMode::Constant, PadMode::Edge, PadMode::Mean, PadMode::Symmetric];
    StepRule {
        beyond: beyond[choose(draw, if kind == Kind::Label { 3 } else { 4 })].clone(),
        clip: choose(draw, 2) == 0,
        area: choose(draw, 6) == 0,
        separate: (choose(draw, 4) == 0).then_some(Separate {
            threshold: Some(1.5),
            interpolation: Interpolation::Nearest,
            pixdim: None,
        }),
        smoothing: (choose(draw, 4) == 0).then_some(AntiAlias::Cardoso),
        pad_mode: modes[choose(draw, 4)],
        padding: vec![[0.0, -3.0, 0.25][choose(draw, 3)]],
        fuse_resampling: choose(draw, 5) == 0,
        ..StepRule::plain(interpolation)
    }
}

fn ops(draw: &mut Draw, grid: &Grid) -> Vec<GridOp> {
    vec![match draw.int(0, 4) {
        0 => GridOp::Reorient(draw.permutation()),
        1 | 2 => draw.window(grid),
        _ => GridOp::Resample { grid: draw.grid_near(grid, true) },
    }]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_known_goes_the_way_of_the_voxels(seed: u64) {
        let mut draw = Draw::new(seed);
        let grid = draw.grid(8);
        let kind = if draw.int(0, 1) == 0 { Kind::Image } else { Kind::Label };
        let values: Vec<i16> = (0..grid.voxel_count()).map(|_| draw.int(-3, 30) as i16).collect();
        let volume = Volume::new(values.into(), grid, kind, 1).unwrap();
        let known = KnownGrid { grid, kind, channels: Some(1), dtype: Some(volume.dtype()) };
        let (mut voxels, mut planned) = (FusedPass::new(volume), FusedPass::new(known));
        for _ in 0..draw.int(1, 6) {
            let (ops, rule) = (ops(&mut draw, voxels.grid()), rule(&mut draw, kind));
            let (run, plan) = (voxels.apply(&ops, &rule).unwrap(), planned.apply(&ops, &rule).unwrap());
            prop_assert_eq!(Applied { clipped: None, ..run }, Applied { clipped: None, ..plan });
            prop_assert_eq!(run.clipped.is_some(), plan.clipped.is_some());
            prop_assert_eq!(voxels.pass(), planned.pass());
            prop_assert_eq!(voxels.how().interpolation, planned.how().interpolation);
            prop_assert_eq!(voxels.executed(), planned.executed());
        }
        voxels.settle().unwrap();
        planned.settle().unwrap();
        prop_assert_eq!(voxels.executed(), planned.executed());
        prop_assert_eq!(voxels.subject().grid(), &planned.subject().grid);
        prop_assert_eq!(Some(voxels.subject().dtype()), planned.subject().dtype);
    }

    #[test]
    fn steps_that_share_a_pass_give_what_each_gives_by_itself(seed: u64) {
        let mut draw = Draw::new(seed);
        let grid = draw.grid(8);
        let kind = if draw.int(0, 2) == 0 { Kind::Image } else { Kind::Label };
        let values: Vec<i16> = (0..grid.voxel_count()).map(|_| draw.int(-3, 3) as i16).collect();
        let volume = Volume::new(values.into(), grid, kind, 1).unwrap();
        let (mut fused, mut alone) = (FusedPass::new(volume.clone()), FusedPass::new(volume));
        for _ in 0..draw.int(1, 5) {
            let ops = ops(&mut draw, fused.grid());
            let rule = StepRule { fuse_resampling: false, ..rule(&mut draw, kind) };
            fused.apply(&ops, &rule).unwrap();
            alone.apply(&ops, &rule).unwrap();
            alone.settle().unwrap();
        }
        let (fused, alone) = (fused.settle().unwrap().clone(), alone.settle().unwrap().clone());
        prop_assert_eq!(fused.grid().shape(), alone.grid().shape());
        let values = |v: &Volume| -> Vec<f64> {
            revoxel_core::dispatch!(v.voxels(), x => x.iter().map(|x| revoxel_core::Voxel::to_f64(*x)).collect())
        };
        // Values that are chosen are the same bit for bit; means to rounding.
        let tolerance = if kind == Kind::Label { 0.0 } else { 1e-3 };
        for (position, (a, b)) in values(&fused).into_iter().zip(values(&alone)).enumerate() {
            prop_assert!((a - b).abs() <= tolerance, "voxel {}: {} fused, {} step by step", position, a, b);
        }
    }
}
