//! Label maps keep their place and their volume where voxel sizes halve, double or meet half way: an analytic sphere,
//! there and back, on oblique grids.

use revoxel_core::{Affine, Grid, Kind, Volume};
use revoxel_invert::Recipe;
use revoxel_resample::Interpolation;
use serde_json::json;

use crate::support::{run_steps, traced, values};

/// Voxel sizes (mm) before and after, both ways.
const PAIRS: [([f64; 3], [f64; 3]); 12] = [
    ([1.0, 1.0, 3.0], [1.5, 1.5, 1.5]),
    ([2.0, 2.0, 2.0], [1.0, 1.0, 1.0]),
    ([1.0, 1.0, 1.0], [2.0, 2.0, 2.0]),
    ([0.75, 0.75, 3.0], [1.5, 1.5, 3.0]),
    ([1.2, 1.2, 1.2], [2.4, 2.4, 2.4]),
    ([1.0, 1.0, 4.0], [1.0, 1.0, 2.0]),
    ([0.5, 0.5, 1.0], [1.0, 1.0, 1.0]),
    ([3.0, 3.0, 3.0], [1.5, 1.5, 1.5]),
    ([0.7, 0.7, 1.4], [1.4, 1.4, 1.4]),
    ([1.0, 1.0, 1.0], [1.5, 1.5, 1.5]),
    ([1.0, 1.0, 3.0], [2.0, 2.0, 2.0]),
    ([0.8, 0.8, 2.4], [1.6, 1.6, 1.2]),
];
const RADIUS: f64 = 20.0;

/// Axes turned about two axes, one of them mirrored.
fn turned(spacing: [f64; 3]) -> [[f64; 3]; 3] {
    let ((s, c), (t, d)) = (0.4f64.sin_cos(), (-0.25f64).sin_cos());
    let axes = [[c, s, 0.0], [-s * d, c * d, t], [-s * t, c * t, -d]];
    [0, 1, 2].map(|a| axes[a].map(|v| v * spacing[a]))
}

/// A grid of 50 mm and more, and the centre of the sphere in the world (mm). Rules that keep the extent get as many voxels
/// as give the voxel size that was asked for.
fn place(spacing: [f64; 3], rule: &str, number: usize) -> (Grid, [f64; 3]) {
    let columns = turned(spacing);
    let rows =
        [0, 1, 2].map(|r| [columns[0][r], columns[1][r], columns[2][r], [31.0, -17.5, 6.25][r] + number as f64 * 0.3]);
    let shape = spacing.map(|s| match rule {
        "monai" => (50.0 / s).ceil() as usize + 1 + number / 4,
        _ => 12 * (50.0 / s / 12.0).ceil() as usize,
    });
    let grid = Grid::new(shape, Affine::from_rows(rows)).unwrap();
    // Up to 3 mm off the centre, spread evenly.
    let shift = [0.618, 0.755, 0.570].map(|v| 6.0 * ((number as f64 + 0.5) * v).fract() - 3.0);
    let middle = [0, 1, 2].map(|a| (shape[a] - 1) as f64 / 2.0 + shift[a] / spacing[a]);
    (grid, grid.index_to_world(middle))
}

fn sphere(grid: Grid, centre: [f64; 3]) -> Volume {
    let [nx, ny, nz] = grid.shape();
    let inside = |i: usize| {
        let world = grid.index_to_world([i % nx, i / nx % ny, i / (nx * ny)].map(|v| v as f64));
        let squared: f64 = (0..3).map(|a| (world[a] - centre[a]).powi(2)).sum();
        u8::from(squared < RADIUS * RADIUS)
    };
    Volume::new((0..nx * ny * nz).map(inside).collect::<Vec<u8>>().into(), grid, Kind::Label, 1).unwrap()
}

/// How far the centroid lies from the centre along each axis of the grid (mm), and the volume against the formula's.
fn off(map: &Volume, centre: [f64; 3]) -> ([f64; 3], f64) {
    let grid = map.grid();
    let [nx, ny, _] = grid.shape();
    let (mut sum, mut count) = ([0.0; 3], 0.0);
    for (i, value) in values(map).into_iter().enumerate().filter(|(_, v)| *v != 0.0) {
        assert_eq!(value, 1.0);
        let index = [i % nx, i / nx % ny, i / (nx * ny)];
        (0..3).for_each(|a| sum[a] += index[a] as f64);
        count += 1.0;
    }
    let at = grid.world_to_index().apply(centre);
    let spacing = grid.spacing();
    let ball = 4.0 / 3.0 * std::f64::consts::PI * RADIUS.powi(3);
    let voxel = spacing[0] * spacing[1] * spacing[2];
    ([0, 1, 2].map(|a| (sum[a] / count - at[a]) * spacing[a]), count * voxel / ball - 1.0)
}

/// The mean shift by axis and the mean change of volume over some places, there and back.
fn means(spacing: [f64; 3], pixdim: [f64; 3], rule: &str, interpolation: Interpolation) -> [([f64; 3], f64); 2] {
    const PLACES: usize = 12;
    let mut all = [([0.0; 3], 0.0); 2];
    for number in 0..PLACES {
        let (grid, centre) = place(spacing, rule, number);
        let step = json!({ "spacing": { "pixdim": pixdim, "rule": rule, "interpolation": { "label": interpolation.name() } } });
        let source = sphere(grid, centre);
        let done = run_steps(vec![("label", source)], &[step]).unwrap().remove(0).1;
        // As a model would see it: the sphere on its own grid, not what was resampled.
        let prediction = sphere(*done.volume.grid(), centre);
        let trace = traced((Kind::Label, 1, &grid), done.volume.grid(), &done.steps);
        let options = Recipe { interpolation: Some(interpolation), ..Default::default() };
        let back = trace.invert(prediction.clone(), options).unwrap().volume;
        for (mean, map) in all.iter_mut().zip([&done.volume, &back]) {
            let (shift, volume) = off(map, centre);
            (0..3).for_each(|a| mean.0[a] += shift[a] / PLACES as f64);
            mean.1 += volume / PLACES as f64;
        }
    }
    all
}

#[test]
fn spheres_keep_their_place_and_volume() {
    let mut failures = Vec::new();
    for interpolation in [Interpolation::Nearest, Interpolation::Label] {
        let (mut farthest, mut largest) = (0.0f64, 0.0f64);
        for (a, b) in PAIRS.into_iter().chain(PAIRS.map(|(a, b)| (b, a))) {
            for rule in ["monai", "nnunet", "center"] {
                for (way, (shift, volume)) in ["there", "back"].iter().zip(means(a, b, rule, interpolation)) {
                    let worst = shift.iter().fold(0.0f64, |w, s| w.max(s.abs()));
                    if worst > 0.2 || volume.abs() > 0.02 {
                        failures
                            .push(format!("{interpolation} {a:?} to {b:?}, {rule}, {way}: {shift:?} mm, {volume:+.4}"));
                    }
                    (farthest, largest) = (farthest.max(worst), largest.max(volume.abs()));
                }
            }
        }
        println!(
            "{interpolation}: mean shift up to {farthest:.3} mm on an axis, volume up to {:.2} %",
            largest * 100.0
        );
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn traces_of_before_keep_the_upper_voxel() {
    let grid = Grid::new([5, 1, 1], Affine::scaling([1.0; 3])).unwrap();
    let source = Volume::new(vec![1u8, 2, 3, 4, 5].into(), grid, Kind::Label, 1).unwrap();
    let step = json!({ "spacing": { "pixdim": [2, 1, 1] } });
    let done = run_steps(vec![("label", source)], &[step]).unwrap().remove(0).1;
    assert_eq!(values(&done.volume), [1.0, 3.0, 5.0]);
    let trace = traced((Kind::Label, 1, &grid), done.volume.grid(), &done.steps);
    let back = |trace: &revoxel_invert::VolumeTrace| {
        values(&trace.invert(done.volume.clone(), Recipe::default()).unwrap().volume)
    };
    assert_eq!(back(&trace), [1.0, 1.0, 3.0, 5.0, 5.0]);
    // A trace without the rule.
    let text = serde_json::to_string(&trace).unwrap().replace(r#""ties":"alternate","#, "");
    assert_eq!(back(&serde_json::from_str(&text).unwrap()), [1.0, 3.0, 3.0, 5.0, 5.0]);
}

#[test]
fn one_hot_scores_keep_their_place_and_volume() {
    for (a, b) in PAIRS {
        let mut mean = ([0.0; 3], 0.0);
        for number in 0..12 {
            let (grid, centre) = place(a, "monai", number);
            let step = json!({ "spacing": { "pixdim": b } });
            let done = run_steps(vec![("label", sphere(grid, centre))], &[step]).unwrap().remove(0).1;
            let model = *done.volume.grid();
            let inside = values(&sphere(model, centre));
            let scores: Vec<f32> =
                inside.iter().map(|v| 1.0 - v).chain(inside.iter().copied()).map(|v| v as f32).collect();
            let prediction = Volume::new(scores.into(), model, Kind::Probability, 2).unwrap();
            let trace = traced((Kind::Label, 1, &grid), &model, &done.steps);
            let options = Recipe { argmax: true, ..Default::default() };
            let (shift, volume) = off(&trace.invert(prediction.clone(), options).unwrap().volume, centre);
            (0..3).for_each(|axis| mean.0[axis] += shift[axis] / 12.0);
            mean.1 += volume / 12.0;
        }
        let worst = mean.0.iter().fold(0.0f64, |w, s| w.max(s.abs()));
        assert!(worst <= 0.2 && mean.1.abs() <= 0.02, "{a:?} to {b:?}: {mean:?}");
    }
}

#[test]
fn headers_in_single_precision_have_the_same_ties() {
    // Far along an axis, float32 voxel sizes move a place by a hundred-thousandth of a voxel off the half.
    let columns = turned([2.0, 2.0, 2.0]);
    let rows = [0, 1, 2].map(|r| [columns[0][r], columns[1][r], columns[2][r], -200.0].map(|v| f64::from(v as f32)));
    let grid = Grid::new([3, 4, 300], Affine::from_rows(rows)).unwrap();
    let planes: Vec<u16> = (0..3 * 4 * 300).map(|i| (i / 12) as u16).collect();
    for interpolation in ["nearest", "label"] {
        let step = json!({ "spacing": { "pixdim": [2, 2, 1], "interpolation": { "label": interpolation } } });
        let source = Volume::new(planes.clone().into(), grid, Kind::Label, 1).unwrap();
        let done = run_steps(vec![("label", source)], &[step]).unwrap().remove(0).1.volume;
        let [nx, ny, nz] = done.grid().shape();
        let found: Vec<f64> = values(&done).into_iter().step_by(nx * ny).collect();
        let expected: Vec<f64> = (0..nz).map(|z| (z as f64 / 2.0).round_ties_even().min(299.0)).collect();
        assert_eq!(found, expected, "{interpolation}");
    }
}

#[test]
fn one_interpolation_of_labels_leaves_images_alone() {
    let grid = Grid::new([9, 8, 7], Affine::scaling([1.0, 1.0, 2.0])).unwrap();
    let image: Vec<f32> = (0..9 * 8 * 7).map(|i| (i * 37 % 101) as f32).collect();
    let volume = || Volume::new(image.clone().into(), grid, Kind::Image, 1).unwrap();
    let run = |step| run_steps(vec![("image", volume())], &[step]).unwrap().remove(0).1.volume;
    let spaced = run(json!({ "spacing": { "pixdim": 1.3, "interpolation": "label" } }));
    assert_eq!(spaced, run(json!({ "spacing": { "pixdim": 1.3 } })));
}

/// A sphere keeps its place and its volume where the coarsest axis is treated apart, whichever axis that is, there and
/// back: labels are never averaged along it.
#[test]
fn labels_are_kept_where_an_axis_is_treated_apart() {
    for axis in 0..3 {
        let mut spacing = [1.0; 3];
        spacing[axis] = 5.0;
        let mut pixdim = [1.0; 3];
        pixdim[axis] = 2.0;
        for (interpolation, through) in
            ["label", "label_nearest", "nearest"].into_iter().flat_map(|i| ["linear", "nearest"].map(|t| (i, t)))
        {
            let shape = [0, 1, 2].map(|a| if a == axis { 9 } else { 41 });
            let affine = Affine::from_linear(
                [0, 1, 2].map(|a| [0, 1, 2].map(|b| if a == b { spacing[a] } else { 0.0 })),
                [3.0; 3],
            );
            let grid = Grid::new(shape, affine).unwrap();
            let centre = grid.index_to_world(shape.map(|n| (n - 1) as f64 / 2.0 + 0.21));
            let step = json!({ "spacing": { "pixdim": pixdim, "interpolation": { "label": interpolation }, "separate_z": true,
                "through_plane": through } });
            let source = sphere(grid, centre);
            let count =
                |map: &Volume| values(map).iter().filter(|v| **v == 1.0).count() as f64 * map.grid().voxel_volume();
            let done = run_steps(vec![("label", source.clone())], &[step]).unwrap().remove(0).1;
            let trace = traced((Kind::Label, 1, &grid), done.volume.grid(), &done.steps);
            let recipe = Recipe { interpolation: interpolation.parse().ok(), ..Default::default() };
            let back = trace.invert(done.volume.clone(), recipe).unwrap().volume;
            for map in [&done.volume, &back] {
                let share = count(map) / count(&source);
                assert!((0.7..1.3).contains(&share), "axis {axis}, {interpolation}, {through}: {share}");
                let (shift, _) = off(map, centre);
                assert!((0..3).all(|a| shift[a].abs() <= map.grid().spacing()[a] / 2.0), "axis {axis}: {shift:?}");
            }
        }
    }
}
