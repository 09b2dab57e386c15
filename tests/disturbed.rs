//! What a run promises whatever happens to it: the same bytes for any number of threads and any instruction set, and
//! whole files or none when it is killed or a file call fails.

pub(crate) mod dataset;
mod determinism;
mod faults;
mod kill;
#[cfg(unix)]
mod shards;
