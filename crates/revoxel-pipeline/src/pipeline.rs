//! A pipeline as resolved: names looked up, parameters typed and checked, defaults filled in.

mod canonical;
mod dicom_inputs;
mod paths;
mod portable;
mod unwritten;

use std::sync::OnceLock;

use paths::{check_copies, check_inputs, check_paths};
use revoxel_core::{Kind, StoredDtype};
use revoxel_transforms::Registry;
use serde_json::{Value, json};

use crate::error::{Fault, PipelineError, Place};
use crate::labels;
use crate::model::{Input, Output, Pipeline, ReadFile, Restore, Step};
use crate::node::{Data, Node};
use crate::rules::GridRule;
use crate::spec::{InputSpec, PipelineSpec};
use crate::state::VolumeStates;
use crate::steps::{resolve_step, stored_dtype};
use crate::template::{CaseName, Template};
use crate::typed::{check_maps, typed};
use crate::{cases, non_finite, restore, segments, series, substitute, yaml};

impl Pipeline {
    /// Reads and checks a pipeline. `file` is what errors call it; `set` are `path=value` assignments.
    ///
    /// # Errors
    /// The first fault, with its place.
    pub fn parse(file: &str, text: &str, set: &[String], registry: &Registry) -> Result<Self, PipelineError> {
        Self::parse_with(file, text, set, registry, &|_, _| Err("no files are read here".to_owned()))
    }

    /// [`parse`](Self::parse) for pipelines that name files: `read` is asked for what a file holds, by the path as
    /// written, and answers with parameters that take the place of the one that named the file. They are part of the
    /// resolved pipeline and of traces; the path is not.
    ///
    /// # Errors
    /// The first fault, with its place.
    pub fn parse_with(
        file: &str,
        text: &str,
        set: &[String],
        registry: &Registry,
        read: &ReadFile<'_>,
    ) -> Result<Self, PipelineError> {
        let named = |fault: Fault| PipelineError {
            file: file.to_owned(),
            text: text.into(),
            place: fault.place,
            problem: fault.problem,
            help: fault.help,
        };
        resolve(file, text, set, registry, read).map_err(named)
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The folder of the file.
    pub fn folder(&self) -> &std::path::Path {
        std::path::Path::new(&self.file).parent().unwrap_or(std::path::Path::new(""))
    }

    /// An input by key.
    pub fn input(&self, key: &str) -> Option<&Input> {
        self.inputs.iter().find(|i| i.key == key)
    }

    /// BLAKE3 of the canonical form: what is done, not how it is written or where the file lies.
    pub fn hash(&self) -> String {
        blake3::hash(self.canonical().to_string().as_bytes()).to_hex().to_string()
    }

    /// The resolved pipeline as data.
    pub fn canonical(&self) -> Value {
        let inputs: Value = self.inputs.iter().map(canonical::input).collect::<serde_json::Map<_, _>>().into();
        let steps: Value = self.steps.iter().map(|s| json!({ s.name: s.params, "keys": s.keys })).collect();
        let outputs: Value = self
            .outputs
            .iter()
            .map(|o| (o.key.clone(), json!({ "path": o.path.text(), "dtype": o.dtype.map(StoredDtype::name) })))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let mut all = json!({ "version": 1, "inputs": inputs, "steps": steps, "outputs": outputs, "trace": self.trace.text(), "fuse": self.fuse });
        // Pipelines that say nothing of predictions, or draw nothing, keep the hash that they always had.
        if !self.restore.is_empty() {
            all["restore"] = self.restore.iter().map(|r| (r.name.clone(), r.canonical())).collect();
        }
        if self.is_random() {
            all["seed"] = self.seed.into();
        }
        if let Some(copies) = self.copies {
            all["copies"] = copies.into();
        }
        all
    }

    /// The pipeline as a document that can be read again without any other file: with what was set and what files held in
    /// place, and without texts for people. `None` where what is read again would not be the same.
    pub fn portable(&self) -> Option<&Value> {
        let same = || {
            let again = Self::parse(&self.name, &self.document.to_string(), &[], &self.registry).ok()?;
            (again.hash() == self.hash()).then(|| self.document.clone())
        };
        self.portable.get_or_init(same).as_ref()
    }

    /// The case, or its copies.
    pub fn copies_of(&self, case: &CaseName) -> Vec<CaseName> {
        let name = |copy| CaseName { copy, ..case.clone() };
        self.copies.map_or_else(|| vec![name(None)], |copies| (0..copies).map(|copy| name(Some(copy))).collect())
    }

    /// Whether a step draws.
    pub fn is_random(&self) -> bool {
        self.steps.iter().any(Step::is_random)
    }

    /// An error at a step.
    pub fn step_error(&self, step: usize, problem: impl Into<String>) -> PipelineError {
        self.error_at(self.steps[step].place, problem)
    }

    /// An error at an output.
    pub fn output_error(&self, output: &Output, problem: impl Into<String>) -> PipelineError {
        self.error_at(output.place, problem)
    }

    /// An error at an entry of `restore`.
    pub fn restore_error(&self, restore: &Restore, problem: impl Into<String>) -> PipelineError {
        self.error_at(restore.place, problem)
    }

    /// An error at a place of the file.
    pub fn error_at(&self, place: Place, problem: impl Into<String>) -> PipelineError {
        PipelineError { file: self.file.clone(), text: self.text.clone(), place, problem: problem.into(), help: None }
    }
}

fn resolve(
    file: &str,
    text: &str,
    set: &[String],
    registry: &Registry,
    read: &ReadFile<'_>,
) -> Result<Pipeline, Fault> {
    let mut document = yaml::parse(text)?;
    substitute::set(&mut document, set)?;
    substitute::variables(&mut document)?;
    if !matches!(document.data, Data::Map(_)) {
        return Err(Fault::new(document.place, "not a pipeline: expected fields such as version, inputs and steps"));
    }
    check_maps(&document)?;
    restore::strict::check(&document)?;
    let spec: PipelineSpec = typed(&document)?;
    let place = |path: &[&str]| document.locate(&path.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>(), false);
    if spec.version != 1 {
        let problem = format!("version {} is not supported: this program reads version 1", spec.version);
        return Err(Fault::new(place(&["version"]), problem));
    }
    if spec.inputs.is_empty() {
        return Err(Fault::new(place(&["inputs"]), "the pipeline has no inputs"));
    }
    let mut inputs = Vec::new();
    for (key, input) in &spec.inputs {
        inputs.push(resolve_input(key, input, &document)?);
    }
    let cases = document.child("cases").filter(|node| node.data != Data::Null).map(cases::source).transpose()?;
    if let Some(cases::CaseSource::Dicom(dicom)) = &cases {
        dicom_inputs::check(dicom.group, &inputs, &document)?;
    }
    segments::check_references(inputs.iter().map(|i| (i.key.as_str(), &i.segments)), &document)?;
    let mut steps = Vec::new();
    let mut reach = VolumeStates::of_text(&inputs);
    for (number, _) in spec.steps.iter().enumerate() {
        if let Some(node) = document.child("steps").and_then(|s| s.child(&number.to_string())) {
            let states = reach.states(inputs.iter().map(|input| input.key.as_str()));
            let step = resolve_step(node, &states, registry, read)?;
            reach.check(&step, Some(node))?;
            if let Some(absent) = reach.absent(steps.len(), &step).first() {
                return Err(absent.fault(&labels::quoted(&absent.keys)));
            }
            reach.pass(&step)?;
            steps.push(step);
        }
    }
    let outputs = resolve_outputs(&spec, &inputs, &document)?;
    for output in &outputs {
        if let Some(lost) = output.dtype.and_then(|dtype| reach.lost(&output.key, dtype)) {
            return Err(labels::lost(&lost, place(&["outputs", &output.key, "dtype"])));
        }
    }
    let mut restores = Vec::new();
    for (name, spec) in &spec.restore {
        restores.push(restore::resolve(name, spec, &document, (&inputs, &steps), registry, read)?);
    }
    let trace_place = place(&["trace"]);
    let trace = Template::new(&spec.trace).map_err(|e| Fault::new(trace_place, e))?;
    check_copies(spec.copies, &steps, place(&["copies"]))?;
    check_paths(&inputs, &outputs, &restores, (&trace, trace_place), (spec.copies.is_some(), cases.is_some()))?;
    if cases.is_none() {
        check_inputs(&inputs, &document)?;
    }
    let name = std::path::Path::new(file).file_name().map_or(file, |n| n.to_str().unwrap_or(file)).to_owned();
    let description = spec.description;
    let (file, text) = (file.to_owned(), text.into());
    let (fuse, seed, copies) = (spec.fuse, spec.seed, spec.copies);
    let (document, portable) = (portable::document(&document, &steps, registry), OnceLock::new());
    Ok(Pipeline {
        name,
        description,
        cases,
        inputs,
        steps,
        outputs,
        restore: restores,
        trace,
        fuse,
        seed,
        copies,
        document,
        portable,
        registry: registry.clone(),
        file,
        text,
    })
}

fn resolve_input(key: &str, input: &InputSpec, document: &Node) -> Result<Input, Fault> {
    let place =
        |path: &[&str], of_key| document.locate(&path.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>(), of_key);
    let kind: Kind = input.kind.parse().map_err(|e: revoxel_core::kind::KindError| {
        Fault::new(place(&["inputs", key, "kind"], false), e.to_string())
            .meant(&input.kind, Kind::ALL.iter().map(|k| k.name()))
    })?;
    let of_key = ["inputs", key].iter().try_fold(document, |node, segment| node.child(segment));
    let (path, more_paths) = cases::paths(key, of_key.unwrap_or(document), document.child("cases").is_some())?;
    if path.has_copy() || more_paths.iter().any(Template::has_copy) {
        let problem = format!("{:?}: {{copy}} is for outputs only, because inputs have no copies", path.text());
        return Err(Fault::new(place(&["inputs", key, "path"], false), problem));
    }
    let own_grid = input.grid == GridRule::Own;
    let node = |field| ["inputs", key, field].iter().try_fold(document, |node, segment| node.child(segment));
    let labels = node("labels").map(|node| labels::declared(node, kind)).transpose()?;
    let names = node("labels").map(labels::names::of).unwrap_or_default();
    let non_finite = node("non_finite").map(|node| non_finite::rule(node, kind)).transpose()?.unwrap_or_default();
    let series = node("series").map(series::rule).transpose()?;
    if let Some(sizes) = input.spacing.filter(|sizes| sizes.iter().any(|v| !(v.is_finite() && *v > 0.0))) {
        let problem = format!("spacing: {sizes:?} must be three positive numbers in mm");
        return Err(Fault::new(place(&["inputs", key, "spacing"], false), problem));
    }
    Ok(Input {
        key: key.to_owned(),
        kind,
        path,
        more_paths,
        optional: input.optional,
        own_grid,
        labels,
        names,
        labels_from: None,
        non_finite,
        channel: input.channel,
        series,
        select: input.select.clone(),
        frames: input.frames,
        rescale: input.rescale,
        incomplete: input.incomplete,
        slices: input.slices,
        missing: input.missing,
        allow_outside: input.allow_outside,
        complex: input.complex,
        spacing: input.spacing,
        segments: segments::resolve(key, input, kind, document)?,
    })
}

fn resolve_outputs(spec: &PipelineSpec, inputs: &[Input], document: &Node) -> Result<Vec<Output>, Fault> {
    let mut outputs = Vec::new();
    for (key, output) in &spec.outputs {
        let place = |field: &str, of_key| {
            let path = ["outputs", key, field].into_iter().filter(|s| !s.is_empty());
            document.locate(&path.map(ToOwned::to_owned).collect::<Vec<_>>(), of_key)
        };
        if !inputs.iter().any(|i| i.key == *key) {
            let known = inputs.iter().map(|i| i.key.as_str());
            return Err(Fault::new(place("", true), format!("there is no input {key:?}")).meant(key, known));
        }
        let path = Template::new(&output.path).map_err(|e| Fault::new(place("path", false), e))?;
        let dtype = stored_dtype(&output.path, output.dtype.as_deref())
            .map_err(|fault| Fault { place: place("dtype", false), ..fault })?;
        outputs.push(Output { key: key.clone(), path, dtype, place: place("path", false) });
    }
    Ok(outputs)
}

#[cfg(test)]
mod tests;
