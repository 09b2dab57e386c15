//! Times reading and writing in a folder that `cargo xtask bench` prepared, and prints one JSON object: median seconds by
//! work, and sizes in bytes.
//!
//! ```text
//! cargo run --release -p revoxel-io --example files -- FOLDER [REPEATS]
//! ```
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use rayon::prelude::*;
use revoxel_core::{Dtype, Kind};
use revoxel_io::{Facts, read, write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("give a folder")?;
    let repeats: usize = arguments.next().map_or(Ok(5), |n| n.parse())?;
    let folder = Path::new(&folder);
    let mut rows = Vec::new();
    let mut time = |name: &str, work: &mut dyn FnMut() -> Result<(), Box<dyn std::error::Error>>| {
        let mut seconds = Vec::new();
        for _ in 0..repeats {
            let start = Instant::now();
            work()?;
            seconds.push(start.elapsed().as_secs_f64());
        }
        seconds.sort_by(f64::total_cmp);
        eprintln!("{name}: {:.3} s", seconds[repeats / 2]);
        rows.push(format!("\"{name}\": {:.4}", seconds[repeats / 2]));
        Ok::<_, Box<dyn std::error::Error>>(())
    };
    let image = read(folder.join("ct.nii"), Kind::Image)?;
    let labels = read(folder.join("seg.nii"), Kind::Label)?;
    let means = image.volume.clone().cast(Dtype::F32);
    // A mapped file costs nothing before somebody looks at it.
    time("read_nii", &mut || {
        let file = read(folder.join("ct.nii"), Kind::Image)?;
        let sum = |bytes: &[u8]| bytes.iter().map(|b| u64::from(*b)).sum::<u64>();
        black_box(file.volume.voxels().bytes().par_chunks(1 << 20).map(sum).sum::<u64>());
        Ok(())
    })?;
    for (name, file) in [("read_nii_gz", "ct.nii.gz"), ("read_labels_nii_gz", "seg.nii.gz")] {
        time(name, &mut || read(folder.join(file), Kind::Image).map(|f| drop(black_box(f))).map_err(Into::into))?;
    }
    if folder.join("dcm").is_dir() {
        time("read_dicom_300", &mut || {
            read(folder.join("dcm"), Kind::Image).map(|f| drop(black_box(f))).map_err(Into::into)
        })?;
    }
    let scratch = folder.join("written");
    std::fs::create_dir_all(&scratch)?;
    for (name, volume, file) in [
        ("write_nii", &image.volume, "ct.nii"),
        ("write_nii_gz", &image.volume, "ct.nii.gz"),
        ("write_f32_nii_gz", &means, "f32.nii.gz"),
        ("write_labels_nii_gz", &labels.volume, "seg.nii.gz"),
    ] {
        time(name, &mut || write(scratch.join(file), volume, &Facts::default()).map(drop).map_err(Into::into))?;
    }
    for (name, file) in
        [("size_nii_gz", "ct.nii.gz"), ("size_f32_nii_gz", "f32.nii.gz"), ("size_labels_nii_gz", "seg.nii.gz")]
    {
        rows.push(format!("\"{name}\": {}", std::fs::metadata(scratch.join(file))?.len()));
    }
    println!("{{{}}}", rows.join(", "));
    Ok(())
}
