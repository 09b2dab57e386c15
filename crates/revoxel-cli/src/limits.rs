//! Options for what may be read, which all commands have.

use revoxel_io::Limits;
use revoxel_runner::limits;

/// What may be read.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Args {
    /// The most bytes that the voxels of one file may have, such as 8G. By default three quarters of the memory of this
    /// machine, container or process (ulimit -v); voxels that are used where they lie in an uncompressed file count
    /// only where this is given.
    #[arg(long, global = true, value_name = "SIZE", value_parser = super::run::bytes)]
    max_volume: Option<u64>,
    /// How many times its size a compressed file, or an archive, may grow when it is decoded [default: 1100, which no
    /// honest file of gzip, zlib or zip reaches; of bzip2 and of DICOM's codecs some do]. Up to 64 MiB are always
    /// allowed.
    #[arg(long, global = true, value_name = "TIMES", value_parser = clap::value_parser!(u64).range(1..))]
    max_expansion: Option<u64>,
    /// Let headers name files of values outside their own folder (NRRD, MetaImage). Only for files that can be trusted:
    /// such a header can name any file of this machine.
    #[arg(long, global = true)]
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
