//! A small dataset with a pipeline that does something of everything, and the files that come out.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use revoxel_core::testing::Draw;
use revoxel_core::{Grid, Kind, Volume};

use crate::support::Place;

/// Reads two formats, copies, interpolates, draws, changes values; writes compressed and raw files.
const PIPELINE: &str = "version: 1\ninputs:\n  image: { kind: image, path: \"{case}/image.nii.gz\" }\n  label: { kind: \
                        label, path: \"{case}/label.nii\" }\nsteps:\n  - orientation: { axcodes: RAS }\n  - spacing: { \
                        pixdim: [1.5, 1.2, 2] }\n  - rand_affine: { prob: 1, rotate_range: [0.1, 0.2, 0.1] }\n  - \
                        spatial_pad: { spatial_size: [24, 24, 24] }\n  - rand_gaussian_noise: { prob: 1, std: 0.1, \
                        keys: [image] }\n  - normalize_intensity: { keys: [image] }\noutputs:\n  image: { path: \
                        \"{case}/image.nii.gz\", dtype: float32 }\n  label: { path: \"{case}/label.nrrd\" }\ntrace: \
                        \"{case}/trace.json\"\n";

/// Writes `cases` cases of about `edge`³ voxels on oblique grids below `data`, and the pipeline.
pub(crate) fn write(place: &Place, cases: u64, edge: usize) {
    place.text("p.yaml", PIPELINE);
    for case in 0..cases {
        let mut draw = Draw::new(case + 1);
        let grid = Grid::new([edge, edge - 2, edge - 4], *draw.grid(4).affine()).unwrap();
        let count = grid.voxel_count();
        let image: Vec<i16> = (0..count).map(|i| (i % 251 * 7 + i / 600) as i16).collect();
        let label: Vec<u8> = (0..count).map(|i| (i / 37 % 4) as u8).collect();
        let folder = format!("data/c{case}");
        place.volume(&format!("{folder}/image.nii.gz"), &Volume::new(image.into(), grid, Kind::Image, 1).unwrap());
        place.volume(&format!("{folder}/label.nii"), &Volume::new(label.into(), grid, Kind::Label, 1).unwrap());
    }
}

/// Lets the pipeline write into folders that all cases share.
pub(crate) fn share_folders(place: &Place) {
    let own = [
        "image: { path: \"{case}/image.nii.gz\"",
        "label: { path: \"{case}/label.nrrd\"",
        "trace: \"{case}/trace.json\"",
    ];
    let shared = [
        "image: { path: \"images/{case}.nii.gz\"",
        "label: { path: \"labels/{case}.nrrd\"",
        "trace: \"traces/{case}.json\"",
    ];
    let text = own.iter().zip(shared).fold(PIPELINE.to_owned(), |text, (own, shared)| {
        assert!(text.contains(own), "{own}");
        text.replace(own, shared)
    });
    place.text("p.yaml", &text);
}

/// The program with its arguments, in a place; nothing of the environment changes what it does.
pub(crate) fn program(place: &Place, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_revoxel-under-test"));
    command.args(arguments).current_dir(place.path("")).env("NO_COLOR", "1").env_remove("REVOXEL_LOG");
    command
}

/// All files below a folder, by relative path; empty where there is no folder.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, root: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let record = path.parent().is_some_and(|folder| folder.components().any(|c| c.as_os_str() == ".revoxel"));
            if path.is_dir() {
                walk(&path, root, found);
            } else if record && path.extension().is_some_and(|e| e == "json") {
                // What runs say of themselves has times in it.
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                match fs::read(&path) {
                    // A program that is at work gives it its name at this moment.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    bytes => drop(found.insert(name, bytes.unwrap())),
                }
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, folder, &mut found);
    found
}

/// Asserts that two folders hold the same files, and names what differs.
pub(crate) fn assert_same(found: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>, when: &str) {
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected), "{when}");
    let other: Vec<&String> = found.iter().filter(|(name, bytes)| expected[*name] != **bytes).map(|(n, _)| n).collect();
    assert!(other.is_empty(), "{when}: other bytes in {other:?}");
}
