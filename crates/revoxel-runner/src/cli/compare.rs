//! `revoxel compare`

use std::path::PathBuf;

use revoxel_core::Kind;
use serde_json::json;

use super::failure::{Failure, Outcome};
use super::show;
use crate::compare::compare;

/// Show how two volumes differ: the relation of their grids (identical, noise, header differs, other grid,
/// disjoint) with the worst corner in mm, and, where the shapes agree, their values voxel by voxel.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A volume file.
    a: PathBuf,
    /// Another.
    b: PathBuf,
    /// One JSON document instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let read = |path: &PathBuf| revoxel_io::read(path, Kind::Label).map_err(Failure::work);
    let (a, b) = (read(&args.a)?, read(&args.b)?);
    let found = compare(&a.volume, &b.volume);
    let relation = found.relation;
    if args.json {
        return show::json(&json!({
            "a": { "path": args.a, "grid": show::grid(a.volume.grid()), "dtype": a.info.stored.name() },
            "b": { "path": args.b, "grid": show::grid(b.volume.grid()), "dtype": b.info.stored.name() },
            "geometry": relation.agreement.name(),
            "worst_corner_mm": relation.worst_corner_mm,
            "worst_corner_voxels": relation.worst_corner_voxels,
            "values": found.values.map(|v| json!({
                "voxels": v.voxels,
                "different": v.different,
                "largest_difference": v.largest,
                "mean_difference": v.mean,
                "dice": v.dice,
            })),
        }));
    }
    let mut text = format!("geometry  {relation}\n  a: {}\n  b: {}\n", a.volume.grid(), b.volume.grid());
    match found.values {
        None => text.push_str("values    not compared: the shapes or channels differ\n"),
        Some(v) if v.different == 0 => text.push_str(&format!("values    equal in all {} voxels\n", v.voxels)),
        Some(v) => {
            text.push_str(&format!(
                "values    {} of {} voxels differ; largest difference {}, mean {:.6}\n",
                v.different, v.voxels, v.largest, v.mean
            ));
            for (label, dice) in v.dice {
                text.push_str(&format!("  label {label}: Dice {dice:.4}\n"));
            }
        }
    }
    show::text(&text)
}
