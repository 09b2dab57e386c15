//! What is refused before anything is read: results beyond the limits, and outputs that would replace something.

use std::path::Path;

use revoxel_core::StoredDtype;
use revoxel_invert::{Trace, VolumeTrace};
use revoxel_runner::files::stamp;
use revoxel_runner::limits::limits;
use revoxel_runner::memory;
use revoxel_runner::places::Places;

use super::{Args, Failure, Outcome, show};

/// Refuses a trace whose source is beyond the limits, or whose way back takes more memory than there is.
pub(super) fn bounded(args: &Args, record: &VolumeTrace, undoes: bool) -> Result<(), Failure> {
    let [x, y, z] = record.source.grid.shape;
    let trace = args.trace.display();
    let refused = |problem: String| Failure::usage(format!("{trace}: {problem}"));
    let voxels = [x, y, z].iter().fold(1u64, |count, n| count.saturating_mul(*n as u64));
    let made = record.memory(undoes);
    // A result goes to its file slab by slab, but for decisions; in float32 it may be, by far, too much all the same.
    if let Some(problem) = memory::beyond(made, voxels.saturating_mul(4).saturating_add(made), None) {
        return Err(refused(match made >= voxels {
            true => {
                let steps = record.made_again(undoes).join(", ");
                format!("the effect of {steps} has to be computed again: {problem}")
            }
            false => format!("the source has {x} × {y} × {z} voxels: {problem}"),
        }));
    }
    let size = record.source.dtype.size() as u64;
    limits().check_volume(&args.trace, voxels.saturating_mul(size), true).map_err(Failure::usage)
}

/// Refuses to replace a file that the trace was made of. Its stamp tells: the result may well have the same content.
fn is_no_source(trace: &Trace, path: &Path) -> Outcome {
    if !path.is_file() {
        return Ok(());
    }
    let now = stamp(&[path.to_owned()]).map_err(Failure::usage)?;
    let source = trace.volumes.iter().find(|(_, volume)| volume.source.stamp.as_ref() == Some(&now));
    let Some((key, _)) = source else { return Ok(()) };
    let problem = format!("{}: the file that {key} of the case was read from is not replaced", path.display());
    Err(Failure::usage(format!("{problem}: choose another name")))
}

/// Refuses names that cannot be written, that are taken, or that are two things at once.
pub(super) fn check_outputs(args: &Args, trace: &Trace, output: &Path) -> Outcome {
    for path in [Some(output), args.coverage.as_deref()].into_iter().flatten() {
        revoxel_io::check_name_for_writing(path).map_err(Failure::usage)?;
        show::free(path, args.overwrite)?;
        is_no_source(trace, path)?;
    }
    if args.said.dtype == Some(StoredDtype::Half) && !revoxel_io::is_array_name(output) {
        let problem = format!("{}: float16 needs an .npy file", output.display());
        return Err(Failure::usage(problem));
    }
    let mut places = Places::default();
    places.read(&args.trace, &[], "the trace");
    for prediction in &args.predictions {
        let parts = revoxel_io::parts(prediction, &Default::default()).unwrap_or_default();
        places.read(prediction, &parts, "a prediction");
    }
    places.add(output, "the output").map_err(Failure::usage)?;
    args.coverage.as_ref().map_or(Ok(()), |coverage| places.add(coverage, "the coverage")).map_err(Failure::usage)?;
    Ok(())
}
