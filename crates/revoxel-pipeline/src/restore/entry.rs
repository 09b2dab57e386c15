//! An entry of `restore` as written: what each field holds, and what contradicts it.

use std::collections::BTreeMap;

use revoxel_core::{Kind, StoredDtype};
use revoxel_invert::{Activation, Values, check_label_fill};
use revoxel_transforms::LabelSet;
use revoxel_transforms::params::Interpolation;

use super::undo;
use crate::error::{Fault, Place};
use crate::labels;
use crate::model::{Input, Step};
use crate::node::{Data, Node};
use crate::restore_spec::RestoreSpec;
use crate::steps::stored_dtype;
use crate::template::Template;

/// An entry with its place.
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) spec: &'a RestoreSpec,
    pub(super) document: &'a Node,
}

impl Entry<'_> {
    pub(super) fn place(&self, path: &[&str]) -> Place {
        let path = ["restore", self.name].iter().chain(path).map(|s| (*s).to_owned()).collect::<Vec<_>>();
        self.document.locate(&path, false)
    }

    pub(super) fn node(&self, field: &str) -> Option<&Node> {
        self.document.child("restore")?.child(self.name)?.child(field)
    }

    fn fault(&self, field: &str, problem: impl std::fmt::Display) -> Fault {
        Fault::new(self.place(&[field]), format!("{field}: {problem}"))
    }

    pub(super) fn kind(&self) -> Result<Kind, Fault> {
        self.spec.kind.parse().map_err(|e: revoxel_core::kind::KindError| {
            let fault = Fault::new(self.place(&["kind"]), e.to_string());
            fault.meant(&self.spec.kind, Kind::ALL.iter().map(|k| k.name()))
        })
    }

    pub(super) fn check_volume(&self, inputs: &[Input]) -> Result<(), Fault> {
        match &self.spec.volume {
            Some(key) if !inputs.iter().any(|i| i.key == *key) => {
                let fault = Fault::new(self.place(&["volume"]), format!("there is no input {key:?}"));
                Err(fault.meant(key, inputs.iter().map(|i| i.key.as_str())))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn check_activation(&self, kind: Kind) -> Result<(), Fault> {
        if self.spec.recipe.activation.is_some_and(|a| a != Activation::None) && kind != Kind::Logit {
            return Err(self.fault("activation", format!("only logits have an activation, and the kind is {kind}")));
        }
        Ok(())
    }

    pub(super) fn check_regions(&self) -> Result<(), Fault> {
        let regions = self.spec.recipe.regions.as_ref();
        regions.map_or(Ok(()), |regions| regions.check(None)).map_err(|e| self.fault("regions", e))
    }

    /// Whether labels are decided.
    pub(super) fn decides(&self, kind: Kind) -> Result<bool, Fault> {
        let field = match (self.spec.recipe.argmax, &self.spec.recipe.regions) {
            (true, Some(_)) => {
                return Err(self.fault("regions", "argmax and regions exclude each other: keep one of them"));
            }
            (true, None) => "argmax",
            (false, Some(_)) => "regions",
            (false, None) => return Ok(false),
        };
        if !matches!(kind, Kind::Probability | Kind::Logit) {
            return Err(self.fault(field, format!("expected probabilities or logits, and the kind is {kind}")));
        }
        Ok(true)
    }

    /// Whether values are undone.
    pub(super) fn undoes(&self, kind: Kind, inputs: &[Input], steps: &[Step]) -> Result<bool, Fault> {
        if self.spec.recipe.values == Values::Keep {
            return Ok(false);
        }
        if !matches!(kind, Kind::Image | Kind::Label) {
            return Err(self.fault("values", format!("only images and labels can be undone, and the kind is {kind}")));
        }
        let checked = undo::check(inputs, steps, self.spec.volume.as_deref(), kind);
        checked.map_err(|undo::Refused { problem, help }| self.fault("values", problem).help(help))?;
        Ok(true)
    }

    /// Refuses an interpolation that does not fit what is resampled.
    pub(super) fn check_interpolation(
        &self,
        chosen: Interpolation,
        kind: Kind,
        carried: Kind,
        last_in_model: Option<&Step>,
    ) -> Result<(), Fault> {
        if chosen.averages() && carried == Kind::Label {
            let why = last_in_model.filter(|_| kind != Kind::Label).map_or(String::new(), |step| {
                format!(", which are made before resampling because {} is a step in: model", step.name)
            });
            let problem = format!("{chosen} would average labels{why}; use nearest, label or label_nearest");
            return Err(self.fault("interpolation", problem));
        }
        if chosen.weighs_labels() && carried != Kind::Label {
            let problem = format!(
                "{chosen} is for labels, and the resampled values are of kind {carried}: use nearest, linear or cubic"
            );
            return Err(self.fault("interpolation", problem));
        }
        Ok(())
    }

    /// The names of the labels of a result of this kind, which may hold `possible` if that is known.
    pub(super) fn labels(&self, kind: Kind, possible: Option<&LabelSet>) -> Result<BTreeMap<String, i64>, Fault> {
        let Some(node) = self.node("labels").filter(|node| node.data != Data::Null) else { return Ok(BTreeMap::new()) };
        if kind != Kind::Label {
            return Err(self.fault("labels", format!("only labels have names, and the result is of kind {kind}")));
        }
        let Data::Map(map) = &node.data else {
            return Err(self.fault("labels", "expected names with a label each, such as { liver: 1, spleen: 2 }"));
        };
        let mut labels: BTreeMap<String, i64> = BTreeMap::new();
        for (name, value) in map {
            let label = labels::whole(value)?;
            let problem = match possible {
                _ if labels.values().any(|other| *other == label) => format!("{label} has two names"),
                Some(possible) if !possible.has(label as f64) => {
                    format!("the result cannot have label {label} ({:?}): it contains {possible}", name.name)
                }
                _ => {
                    labels.insert(name.name.clone(), label);
                    continue;
                }
            };
            return Err(Fault::new(value.place, format!("labels: {problem}")));
        }
        Ok(labels)
    }

    pub(super) fn dtype(&self) -> Result<Option<StoredDtype>, Fault> {
        let dtype = self.spec.output.as_ref().map(|o| stored_dtype(&o.path, o.dtype.as_deref())).transpose();
        Ok(dtype.map_err(|fault| Fault { place: self.place(&["output", "dtype"]), ..fault })?.flatten())
    }

    /// Refuses a fill that is not a label, or that the voxel type which it is written in cannot store.
    pub(super) fn check_label_fill(&self, written: Option<StoredDtype>) -> Result<(), Fault> {
        let Some(fill) = self.spec.recipe.fill else { return Ok(()) };
        if check_label_fill(fill).is_err() {
            let problem = format!("{fill} is not a label: the result is a label map, and labels are whole numbers");
            return Err(self.fault("fill", problem));
        }
        match written.filter(|dtype| dtype.check_labels([fill]).is_err()) {
            Some(dtype) => {
                Err(self.fault("fill", format!("the dtype of the output, {dtype}, cannot store label {fill}")))
            }
            None => Ok(()),
        }
    }

    pub(super) fn path(&self) -> Result<Option<Template>, Fault> {
        let path = self.spec.output.as_ref().map(|o| Template::new(&o.path)).transpose();
        path.map_err(|e| Fault::new(self.place(&["output", "path"]), e))
    }
}
