//! Options for what may be read, which all commands have.

use revoxel_io::Limits;
use revoxel_runner::limits;

/// The heading of limits in the help.
pub(super) const HEADING: &str = "Limits";

/// What may be read.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Args {
    /// Maximum size of one file's voxels, such as 8G [default: three quarters of the memory of this machine, container
    /// or process (ulimit -v)]. The default does not apply to voxels that are mapped from an uncompressed file.
    #[arg(long, global = true, help_heading = HEADING, value_name = "SIZE", value_parser = bytes)]
    max_volume: Option<u64>,
    /// Maximum ratio of decoded to compressed size of a file or archive [default: 1100]. gzip, zlib and zip stay below
    /// the default; bzip2 and DICOM codecs can exceed it. 64 MiB are always allowed.
    #[arg(long, global = true, help_heading = HEADING, value_name = "TIMES")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    max_expansion: Option<u64>,
    /// Let headers name data files outside their own folder (NRRD, MetaImage). Only for trusted files: such a header
    /// can name any file of this machine.
    #[arg(long, global = true, help_heading = HEADING)]
    allow_outside: bool,
}

impl Args {
    /// Makes the limits hold for the whole process.
    pub(super) fn apply(self) {
        if self.allow_outside {
            limits::allow_outside();
        }
        let usual = limits::of_machine(revoxel_runner::memory::whole().map(|room| room.bytes));
        limits::set(Limits {
            max_volume: self.max_volume.unwrap_or(usual.max_volume),
            memory: self.max_volume.unwrap_or(usual.memory),
            max_expansion: self.max_expansion.unwrap_or(usual.max_expansion),
            ..usual
        });
    }
}

/// A size such as `500M` or `8G`, in bytes.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let error = || format!("{text:?} is not a size: expected a number of bytes, 500M or 8G");
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()));
    let number: f64 = number.parse().map_err(|_| error())?;
    let factor = match unit.trim().to_ascii_uppercase().trim_end_matches('B').trim_end_matches('I') {
        "" => 1.0,
        "K" => 1024.0,
        "M" => 1024.0 * 1024.0,
        "G" => 1024.0 * 1024.0 * 1024.0,
        "T" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(error()),
    };
    let total = number * factor;
    if total >= 1.0 { Ok(total as u64) } else { Err(error()) }
}
