//! What is recorded of cases that a step leaves out.

use std::collections::BTreeMap;
use std::path::Path;

use revoxel_invert::SourceRecord;
use revoxel_pipeline::{CaseName, Pipeline};

use super::{CaseError, source_record};
use crate::RESULTS;
use crate::identity::Identity;
use crate::journal::{self, LeftOut};
use crate::preflight::Checked;
use crate::reading::options_of;

/// What is recorded of a case that is left out.
pub(super) fn left_out(
    pipeline: &Pipeline,
    checked: &Checked,
    sources: BTreeMap<String, SourceRecord>,
    why: String,
) -> LeftOut {
    let CaseName { case, copy, .. } = checked.case.name.clone();
    LeftOut {
        case,
        copy,
        results: RESULTS,
        pipeline: format!("blake3:{}", pipeline.hash()),
        seed: pipeline.is_random().then_some(pipeline.seed),
        snap: checked.snap,
        sources,
        why,
        time: journal::now(),
    }
}

/// The inputs of a case whose voxels are not read: told by names, sizes and times alone.
pub(super) fn stamped(
    pipeline: &Pipeline,
    checked: &Checked,
    data: &Path,
) -> Result<BTreeMap<String, SourceRecord>, CaseError> {
    let mut sources = BTreeMap::new();
    for (key, info) in &checked.infos {
        let (Some(input), Some(path)) = (pipeline.input(key), checked.case.inputs.get(key)) else { continue };
        let stamp = Identity::stamp_of(&checked.case, key, &options_of(pipeline, input, &checked.case))?;
        let identity = Identity { hash: String::new(), parts: Vec::new(), stamp };
        let record = source_record(info, path, data, identity);
        sources.insert(key.clone(), SourceRecord { hash: None, ..record });
    }
    Ok(sources)
}
