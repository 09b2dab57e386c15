//! Patches of a sweep: each copy of a case takes one, and each goes back to its place.

use revoxel_core::testing::Draw;
use revoxel_core::{Grid, Kind, Volume};
use serde_json::Value;

use crate::support::{Place, values};

const PIPELINE: &str = "\
version: 1
seed: 3
copies: 10
inputs:
  image: { kind: image, path: \"{case}.nrrd\" }
  mask: { kind: label, path: \"mask/{case}.nrrd\", grid: own }
steps:
  - STEP
outputs:
  image: { path: \"{case}/{copy}.nii.gz\" }
  mask: { path: \"{case}/{copy}.mask.nii.gz\" }
trace: \"{case}/{copy}.json\"
";

/// Runs the step on a volume of 11×9×7 voxels; how each copy ended.
fn run(place: &Place, step: &str) -> Vec<String> {
    let affine = Draw::new(4).affine();
    let grid = Grid::new([11, 9, 7], affine).unwrap();
    place.volume("data/a.nrrd", &Draw::new(1).volume(grid, Kind::Image, 1));
    // The same place in voxels half as large.
    let fine = revoxel_core::Affine::scaling([0.5; 3]);
    let fine = affine.after(&revoxel_core::Affine::translation_by([-0.25; 3])).after(&fine);
    place.volume("data/mask/a.nrrd", &Draw::new(2).volume(Grid::new([22, 18, 14], fine).unwrap(), Kind::Label, 1));
    place.text("p.yaml", &PIPELINE.replace("STEP", step));
    let planned = place.revoxel(&["plan", "p.yaml", "--data", "data"]).good().out;
    assert!(planned.contains("10 copies of each case"), "{planned}");
    let said = place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out", "--json"]).good().json();
    said["cases"].as_array().unwrap().iter().map(|case| case["outcome"].as_str().unwrap().to_owned()).collect()
}

/// How often each voxel of the source is in a patch, where the patches have been brought back.
fn brought_back(place: &Place, count: usize) -> Vec<u32> {
    let source = values(&place.read("data/a.nrrd", Kind::Image));
    let mut times = vec![0; source.len()];
    for copy in 0..count {
        let (trace, patch) = (format!("out/a/{copy}.json"), format!("out/a/{copy}.nii.gz"));
        let back = ["invert", &trace, &patch, "--kind", "image", "--coverage", "seen.nii.gz", "-o", "back.nii.gz"];
        place.revoxel(&[&back[..], &["--overwrite"]].concat()).good();
        let (seen, there) = (place.read("seen.nii.gz", Kind::Label), place.read("back.nii.gz", Kind::Image));
        for (i, seen) in values(&seen).into_iter().enumerate() {
            times[i] += seen as u32;
            assert!(seen == 0.0 || values(&there)[i] == source[i], "copy {copy}, voxel {i}");
        }
    }
    times
}

#[test]
fn each_copy_takes_a_window_and_brings_it_back() {
    let place = Place::new();
    let ended = run(&place, "grid_patch: { keys: [image, mask], patch_size: [4, 0, 3] }");
    // Two windows along axis 0, one along 1, two along 2.
    assert_eq!(ended, [["done"; 4].as_slice(), &["skipped"; 6]].concat());
    let times = brought_back(&place, 4);
    let expected = (0..11 * 9 * 7).map(|i| u32::from(i % 11 < 8 && i / 99 < 6));
    assert!(times.into_iter().eq(expected));
    let mask = place.read("out/a/3.mask.nii.gz", Kind::Label);
    assert_eq!(mask.grid().shape(), [8, 18, 6]);
    // The faces of both lie in the same place.
    let (image, corner) = (place.read("out/a/3.nii.gz", Kind::Image), [-0.5; 3]);
    let far = (0..3).map(|a| mask.grid().index_to_world(corner)[a] - image.grid().index_to_world(corner)[a]);
    assert!(far.map(f64::abs).fold(0.0, f64::max) < 1e-4);
    assert!(!place.path("out/a/4.json").exists() && !place.path("out/a/4.nii.gz").exists());
}

#[test]
fn copies_without_a_window_are_not_read() {
    let place = Place::new();
    let step = "grid_patch: { keys: [image, mask], patch_size: [4, 0, 3], num_patches: 3 }";
    assert_eq!(run(&place, step), [["done"; 3].as_slice(), &["skipped"; 7]].concat());
    let planned = place.revoxel(&["plan", "p.yaml", "--data", "data", "--json"]).good().json();
    let skipped = |copy: usize| planned["plans"][copy]["skipped"].as_str();
    assert_eq!(skipped(2), None);
    assert!(skipped(3).unwrap().contains("it has 3 patches, and this copy needs number 3 (counted from 0)"));
    // Voxels that cannot be read fail the copies that need them, and no other.
    let whole = std::fs::read(place.path("data/a.nrrd")).unwrap();
    std::fs::write(place.path("data/a.nrrd"), &whole[..whole.len() - 9]).unwrap();
    let told = place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "cut", "--json", "--keep-going"]);
    let ended: Vec<String> =
        told.json()["cases"].as_array().unwrap().iter().map(|c| c["outcome"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ended, [["failed"; 3].as_slice(), &["skipped"; 7]].concat());
}

#[test]
fn windows_that_stick_out_are_padded_and_a_split_covers_the_volume() {
    let place = Place::new();
    let ended =
        run(&place, "grid_patch: { keys: [image, mask], patch_size: [6, 9, 4], pad_mode: constant, value: -7 }");
    assert_eq!(ended.iter().filter(|e| *e == "done").count(), 4);
    assert!(brought_back(&place, 4).into_iter().all(|times| times == 1));
    let last = place.read("out/a/3.nii.gz", Kind::Image);
    assert_eq!(last.grid().shape(), [6, 9, 4]);
    assert!((0..9).all(|y| last.value([5, y, 0], 0) == -7.0 && last.value([0, y, 3], 0) == -7.0));
    let place = Place::new();
    assert_eq!(run(&place, "grid_split: { keys: [image, mask], grid: [1, 3, 7] }"), ["done"; 10]);
    assert_eq!(brought_back(&place, 10).into_iter().sum::<u32>(), 10 * 11 * 3);
}

#[test]
fn predictions_of_overlapping_patches_are_averaged_where_the_case_came_from() {
    let place = Place::new();
    let step = "grid_patch: { keys: [image, mask], patch_size: [6, 9, 7], overlap: 0.5, pad_mode: constant }";
    let ended = run(&place, step);
    // Windows begin at 0, 3, 6 and 9 along axis 0, at 0, 4 and 8 along axis 1, and at 0 and 4 along axis 2.
    assert_eq!(ended.iter().filter(|e| *e == "done").count(), 10);
    let of = |name: &str, copy: usize| format!("{name}{copy}.nii.gz");
    // Each patch is predicted as its own number, in all voxels.
    for copy in 0..10 {
        let grid = *place.read(&format!("out/a/{copy}.nii.gz"), Kind::Image).grid();
        let all = vec![copy as f32; grid.voxel_count()];
        place.volume(&of("p", copy), &Volume::new(all.into(), grid, Kind::Image, 1).unwrap());
    }
    let mut command = vec!["invert".to_owned(), "out/a/0.json".to_owned(), of("p", 0)];
    for copy in 1..10 {
        command.extend(["--with".to_owned(), format!("out/a/{copy}.json"), of("p", copy)]);
    }
    command.extend(["--kind", "image", "-o", "mean.nrrd"].map(str::to_owned));
    place.revoxel(&command.iter().map(String::as_str).collect::<Vec<_>>()).good();
    let mean = place.read("mean.nrrd", Kind::Image);
    assert_eq!(mean.grid(), place.read("data/a.nrrd", Kind::Image).grid());
    for x in 0..11 {
        for y in 0..9 {
            for z in 0..7 {
                let inside = |copy: usize| {
                    let start = [copy / 6 * 3, copy / 2 % 3 * 4, copy % 2 * 4];
                    (0..3).all(|a| (start[a]..start[a] + [6, 9, 7][a]).contains(&[x, y, z][a]))
                };
                let seen: Vec<f64> = (0..10).filter(|copy| inside(*copy)).map(|copy| copy as f64).collect();
                if seen.is_empty() {
                    continue;
                }
                let expected = seen.iter().sum::<f64>() / seen.len() as f64;
                assert!((mean.value([x, y, z], 0) - expected).abs() < 1e-5, "{x} {y} {z}: {expected}");
            }
        }
    }
}

#[test]
fn what_leaves_no_window_at_all_is_an_error_before_any_work() {
    for (step, part) in [
        ("grid_patch: { patch_size: 4, offset: [8, 0, 0] }", "no window of [4, 4, 4] voxels"),
        ("grid_split: { grid: [1, 10] }", "grid [1, 10, 1]: cannot split a volume of [11, 9, 7] voxels"),
        ("grid_split: { grid: [2], size: 12 }", "size [12, 9, 7]"),
    ] {
        let place = Place::new();
        run(&place, "grid_patch: { keys: [image, mask], patch_size: 4 }");
        let text = PIPELINE.replace("STEP", step);
        place.text("q.yaml", &text);
        let step = step.split(':').next().unwrap();
        let said = place.revoxel(&["run", "q.yaml", "--data", "data", "--out", "none"]);
        said.bad(2, &[step, part]);
        assert!(!place.path("none").exists());
    }
}

#[test]
fn all_copies_sweep_from_the_place_that_was_drawn() {
    let place = Place::new();
    let ended = run(&place, "rand_grid_patch: { keys: [image, mask], patch_size: [4, 5, 4] }");
    let done = ended.iter().filter(|e| *e == "done").count();
    assert!((1..=4).contains(&done), "{ended:?}");
    let times = brought_back(&place, done);
    assert!(times.iter().all(|times| *times <= 1) && times.iter().sum::<u32>() as usize == done * 4 * 5 * 4);
    let drawn = |copy: usize| -> Value {
        let trace = std::fs::read_to_string(place.path(&format!("out/a/{copy}.json"))).unwrap();
        let trace: Value = serde_json::from_str(&trace).unwrap();
        trace["volumes"]["image"]["steps"][0]["params"]["drawn"].clone()
    };
    for copy in 1..done {
        assert_eq!(drawn(copy)["start"], drawn(0)["start"]);
        assert_eq!(drawn(copy)["patch"], copy);
    }
}

#[test]
fn copies_take_windows_by_what_an_input_holds() {
    let place = Place::new();
    // Of the windows on the finer grid of the labels, those with the most; the image is cropped to the same places.
    let step = "grid_patch: { keys: [image, mask], patch_size: [6, 5, 4], source: mask, sort_fn: max, num_patches: 4 }";
    let ended = run(&place, step);
    assert_eq!(ended, [["done"; 4].as_slice(), &["skipped"; 6]].concat());
    let whole = place.read("data/mask/a.nrrd", Kind::Label);
    let mut expected = Vec::new();
    for x in [0, 6, 12] {
        for y in [0, 5, 10] {
            for z in [0, 4, 8] {
                let inside = |i: usize| {
                    (x..x + 6).contains(&(i % 22))
                        && (y..y + 5).contains(&(i / 22 % 18))
                        && (z..z + 4).contains(&(i / 396))
                };
                let all = values(&whole).into_iter().enumerate();
                let sum: f64 = all.filter(|(i, _)| inside(*i)).map(|(_, v)| v).sum();
                expected.push((sum, [x, y, z]));
            }
        }
    }
    expected.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (copy, (sum, start)) in expected.into_iter().take(4).enumerate() {
        let mask = place.read(&format!("out/a/{copy}.mask.nii.gz"), Kind::Label);
        assert_eq!(values(&mask).into_iter().sum::<f64>(), sum, "copy {copy}");
        let there = whole.grid().index_to_world(start.map(|i| i as f64));
        let here = mask.grid().index_to_world([0.0; 3]);
        assert!((0..3).all(|a| (there[a] - here[a]).abs() < 1e-4), "copy {copy}");
        // Half as many voxels of the image, or one more where the window begins inside of one.
        let shape = place.read(&format!("out/a/{copy}.nii.gz"), Kind::Image).grid().shape();
        assert!((0..3).all(|a| shape[a] * 2 >= [6, 5, 4][a] && shape[a] * 2 <= [6, 5, 4][a] + 2), "{shape:?}");
    }
    let none = "grid_patch: { keys: [image, mask], patch_size: 4, source: mask, threshold: 0 }";
    let place = Place::new();
    assert_eq!(run(&place, none), ["skipped"; 10]);
    assert!(!place.path("out/a").exists());
}

#[test]
fn copies_share_an_order_that_is_drawn() {
    let place = Place::new();
    let step = "rand_grid_patch: { keys: [image, mask], patch_size: [4, 0, 2], max_offset: 0, sort_fn: random }";
    let ended = run(&place, step);
    // Two windows along axis 0 and three along axis 2.
    assert_eq!(ended, [["done"; 6].as_slice(), &["skipped"; 4]].concat());
    let times = brought_back(&place, 6);
    assert!(times.iter().all(|times| *times <= 1) && times.iter().sum::<u32>() == 6 * 4 * 9 * 2);
    let corners: Vec<[f64; 3]> = (0..6)
        .map(|copy| place.read(&format!("out/a/{copy}.nii.gz"), Kind::Image).grid().index_to_world([0.0; 3]))
        .collect();
    let grid = *place.read("data/a.nrrd", Kind::Image).grid();
    let number = |corner: &[f64; 3]| {
        let [x, _, z] = grid.world_to_index().apply(*corner).map(|i| i.round() as usize);
        x / 4 * 3 + z / 2
    };
    let order: Vec<usize> = corners.iter().map(number).collect();
    assert_ne!(order, [0, 1, 2, 3, 4, 5]);
}
