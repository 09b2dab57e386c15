//! Pipelines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use revoxel_core::{Dtype, Grid, Kind, Orientation};
use revoxel_io::{FileInfo, Loaded};
use revoxel_pipeline::CaseName;
use revoxel_runner::case::CaseError;
use revoxel_runner::dataset::{Finding, copies, discover_with};
use revoxel_runner::executor::{self, Execution};
use revoxel_runner::files::read_text;
use revoxel_runner::in_memory::{self, Outcome, Source, process};
use revoxel_runner::older::Owners;
use revoxel_runner::parameter_files::parameters;
use revoxel_runner::preflight::{Checked, Refused, Strictness, check};
use revoxel_runner::snapshot::{self, Grids};
use revoxel_runner::uneven;
use revoxel_transforms::{KnownGrid, Outline, Registry};

use crate::Error;

/// What is known of a volume before a step, or at the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Planned {
    /// Where its voxels lie; `None` where that depends on voxels, or on chance and no case was named.
    pub grid: Option<Grid>,
    /// The number of voxels along each axis, where it is known: also of some grids that are not.
    pub shape: Option<[usize; 3]>,
    /// The voxel size, mm, where it is known.
    pub spacing: Option<[f64; 3]>,
    /// The axes, where they are known.
    pub orientation: Option<Orientation>,
    /// What its values mean.
    pub kind: Kind,
    /// Its channels, where they are known.
    pub channels: Option<usize>,
    /// Its voxel type, where it is known.
    pub dtype: Option<Dtype>,
}

/// A pipeline, checked and ready to run.
#[derive(Debug)]
pub struct Pipeline {
    inner: revoxel_pipeline::Pipeline,
    set: Vec<String>,
}

impl Pipeline {
    /// Reads a pipeline file.
    ///
    /// # Errors
    /// The first fault in it, with file, line and column.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::load_with(path, &[], &crate::registry())
    }

    /// The same with assignments such as `vars.spacing=1.5`, and with transforms of one's own in the registry.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_with(path: impl AsRef<Path>, set: &[String], registry: &Registry) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = read_text(path).map_err(|e| Error::File(e.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let read = |content, name: &str| parameters(folder, content, name);
        let inner = revoxel_pipeline::Pipeline::parse_with(&path.to_string_lossy(), &text, set, registry, &read)?;
        Ok(Self { inner, set: set.to_vec() })
    }

    /// A pipeline of a text.
    ///
    /// # Errors
    /// As [`load`](Self::load). Parameters that name files are refused: nobody knows where these would lie.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::parse_with(text, &crate::registry())
    }

    /// The same with transforms of one's own in the registry.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with(text: &str, registry: &Registry) -> Result<Self, Error> {
        Ok(Self { inner: revoxel_pipeline::Pipeline::parse("the pipeline", text, &[], registry)?, set: Vec::new() })
    }

    /// A pipeline of a text that has a name, with assignments such as `vars.spacing=1.5`.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_named(name: &str, text: &str, set: &[String]) -> Result<Self, Error> {
        let inner = revoxel_pipeline::Pipeline::parse(name, text, set, &crate::registry())?;
        Ok(Self { inner, set: set.to_vec() })
    }

    /// What the steps make of volumes of which the headers alone are known, by the keys of the inputs; with the name of a
    /// case, random steps are drawn as they are for it.
    ///
    /// # Errors
    /// Where a key is no input, or a step cannot be done.
    pub fn plan(
        &self,
        headers: &BTreeMap<String, FileInfo>,
        case: Option<&str>,
    ) -> Result<BTreeMap<String, Planned>, Error> {
        let mut known = BTreeMap::new();
        for (key, info) in headers {
            let Some(input) = self.inner.input(key) else {
                let inputs = self.inner.inputs.iter().map(|i| i.key.as_str()).collect::<Vec<_>>().join(", ");
                return Err(Error::Wish(format!("the pipeline has no input {key:?}; it has: {inputs}")));
            };
            let (kind, grid) = (input.kind, uneven::start(info)?);
            let dtype = Some(info.dtype);
            known.insert(key.clone(), KnownGrid { grid, kind, channels: Some(info.channels), dtype });
        }
        let plan = self.inner.plan_volumes(&known, case).map_err(|e| self.inner.step_error(e.step, e.to_string()))?;
        let end = |(key, (kind, channels)): (&String, &(Kind, Option<usize>))| {
            let settled = plan.volumes.get(key).and_then(Option::as_ref);
            let outline = settled.map(|v| Outline::of(&v.grid)).or_else(|| plan.outlines.get(key).copied());
            let planned = Planned {
                grid: settled.map(|v| v.grid),
                shape: outline.and_then(|outline| outline.shape()),
                spacing: outline.and_then(|outline| outline.spacing()),
                orientation: outline.and_then(|outline| outline.orientation()),
                kind: settled.map_or(*kind, |v| v.kind),
                channels: settled.map_or(*channels, |v| v.channels),
                dtype: settled.and_then(|v| v.dtype),
            };
            (key.clone(), planned)
        };
        Ok(plan.ends.iter().map(end).collect())
    }

    /// What the pipeline does to synthetic scans on built-in grids, as the text that `revoxel snapshot` writes.
    ///
    /// # Errors
    /// Where the text cannot be read again.
    pub fn snapshot(&self) -> Result<String, Error> {
        let document = snapshot::take(&self.inner, &Grids::BuiltIn, &self.set);
        Ok(snapshot::sealed(&self.inner, document, Path::new("the snapshot"))?.0)
    }

    /// Reads the files of inputs, by their keys, as a run reads them: with what the inputs say of series, slices and the like.
    /// Several files of an input are its channels. What is read can be given to [`run_case`](Self::run_case).
    ///
    /// # Errors
    /// Where a file cannot be read, or the files of an input do not belong together.
    pub fn read(&self, case: &str, files: BTreeMap<String, Vec<PathBuf>>) -> Result<BTreeMap<String, Loaded>, Error> {
        Ok(in_memory::load(&self.inner, &CaseName::alone(case), files)?)
    }

    /// The headers of the files of inputs, as [`read`](Self::read) would read them: what [`plan`](Self::plan) needs.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn infos(
        &self,
        case: &str,
        files: BTreeMap<String, Vec<PathBuf>>,
    ) -> Result<BTreeMap<String, FileInfo>, Error> {
        Ok(in_memory::infos(&self.inner, &CaseName::alone(case), files)?)
    }

    /// The pipeline in all details: inputs, steps with all parameters, outputs.
    pub const fn resolved(&self) -> &revoxel_pipeline::Pipeline {
        &self.inner
    }

    /// Takes volumes through the pipeline, by the keys of its inputs. Nothing is read or written.
    ///
    /// # Errors
    /// Where an input is missing or does not fit, or a step fails.
    pub fn run<K: Into<String>, V: Into<Source>>(
        &self,
        volumes: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Outcome, CaseError> {
        self.run_case("case", volumes)
    }

    /// The same for a case with a name: random steps draw by it, and the trace has it.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_case<K: Into<String>, V: Into<Source>>(
        &self,
        case: &str,
        volumes: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Outcome, CaseError> {
        let name = CaseName::alone(case);
        let volumes: BTreeMap<String, Source> = volumes.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        process(&self.inner, &name, volumes, Strictness::default())
    }

    /// The cases of a folder, all checked by their headers: those that can run, and those that cannot with the reason. If
    /// the pipeline takes its cases from a list that declares labels, such as a `dataset.json`, these become the labels
    /// of inputs that declare none.
    ///
    /// # Errors
    /// Where the folder cannot be listed or holds no case.
    pub fn cases(&mut self, data: impl AsRef<Path>) -> Result<(Vec<Checked>, Vec<Refused>), Error> {
        let cases = discover_with(&mut self.inner, data.as_ref(), Finding::default())?;
        let cases = copies(&self.inner, cases);
        let (mut ready, mut refused) = (Vec::new(), Vec::new());
        for case in check(&self.inner, cases, Strictness::default()) {
            match case {
                Ok(case) => ready.push(case),
                Err(problem) => refused.push(problem),
            }
        }
        Ok((ready, refused))
    }

    /// Runs cases of the folder `data`, several at once, and writes their outputs and traces under `out`; each case appears
    /// whole or not at all. `tell` hears of each case as it ends. The outcomes are in the order of the cases.
    pub fn run_cases(
        &self,
        cases: &[Checked],
        data: impl AsRef<Path>,
        out: impl AsRef<Path>,
        execution: &Execution,
        tell: &(dyn Fn(&str, &executor::Outcome) + Sync),
    ) -> Vec<executor::Outcome> {
        let tell = |name: &CaseName, outcome: &executor::Outcome| tell(&name.to_string(), outcome);
        let owners = Owners::new(cases.iter().map(|checked| checked.case.clone()).collect());
        executor::run(&self.inner, cases, (data.as_ref(), out.as_ref()), &owners, execution, &tell)
    }
}
