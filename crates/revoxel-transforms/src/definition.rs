//! A transform as the registry knows it: name, documentation, parameters, and how to make it.

use std::fmt;

use revoxel_core::Kind;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use crate::error::Invalid;
use crate::peers::{Peer, Program};
use crate::transform::Transform;

/// What a transform works on, and so which inputs it applies to when a step does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Changes places; applies to every input.
    Spatial,
    /// Changes intensities; applies to images.
    Intensity,
    /// Changes labels; applies to label maps.
    Label,
}

impl Class {
    /// The name, also the folder of the transform's file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spatial => "spatial",
            Self::Intensity => "intensity",
            Self::Label => "label",
        }
    }

    /// The kinds of volumes of which it makes sense.
    pub const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Spatial => &Kind::ALL,
            Self::Intensity => &[Kind::Image],
            Self::Label => &[Kind::Label],
        }
    }
}

/// What a file holds that a parameter names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Content {
    /// A map of world points. It is replaced by the parameters `matrix`, four rows of four numbers, and `frame`, RAS
    /// or LPS, where the file says which.
    WorldMatrix,
    /// A volume of any format. It is replaced by the parameter `grid`: `shape`, three numbers, and `affine`, index to
    /// RAS+ mm, four rows of four.
    Grid,
    /// The landmarks of a histogram. The name is replaced by the numbers, under the same parameter: a list instead of a
    /// name is the numbers themselves.
    Landmarks,
}

/// What a transform's file says of it. The doc comment of the type is its [documentation](crate::docs).
pub trait Define: Serialize + DeserializeOwned + JsonSchema {
    /// The name in pipelines.
    const NAME: &'static str;
    /// What it works on.
    const CLASS: Class;
    /// What other programs call it.
    const PEERS: &'static [Peer] = &[];
    /// The kinds of volumes of which it makes sense: those of the class.
    const KINDS: &'static [Kind] = Self::CLASS.kinds();
    /// Further kinds, of volumes that a step names in its `keys`.
    const NAMED_KINDS: &'static [Kind] = &[];
    /// Whether it works on one-hot maps too that steps before it made, which are of kind probability.
    const ONE_HOT: bool = false;

    /// Parameters that name files, with what is in them. Who loads a pipeline reads the file and puts what it found
    /// in its place, so that [`check`](Self::check) and the transform never see a file.
    const FILES: &'static [(&'static str, Content)] = &[];

    /// Whether the parameters make sense.
    ///
    /// # Errors
    /// The field that does not, with its value and what to do.
    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }

    /// The transform with these parameters.
    fn transform(self) -> Transform;
}

/// Why parameters were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ParamsError {
    /// Where in the parameters: keys and positions from the outside in; empty for the parameters as a whole.
    pub path: Vec<String>,
    /// What is wrong.
    pub problem: String,
    /// What may have been meant.
    pub help: Option<String>,
}

impl fmt::Display for ParamsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.problem)
        } else {
            write!(f, "{}: {}", self.path.join("."), self.problem)
        }
    }
}

/// A transform, ready to use, with its parameters as resolved (defaults filled in).
#[derive(Debug)]
pub struct Built {
    /// The transform.
    pub transform: Transform,
    /// All parameters with their values.
    pub params: Value,
}

/// An entry of the registry.
#[derive(Clone, Copy)]
pub struct TransformDef {
    /// The name in pipelines.
    pub name: &'static str,
    /// What it works on.
    pub class: Class,
    /// The kinds of volumes of which it makes sense.
    pub kinds: &'static [Kind],
    /// Further kinds, of volumes that a step names in its `keys`.
    pub named_kinds: &'static [Kind],
    /// Whether it works on one-hot maps too that steps before it made, which are of kind probability.
    pub one_hot: bool,
    /// What other programs call it.
    pub peers: &'static [Peer],
    /// Parameters that name files, with what is in them.
    pub files: &'static [(&'static str, Content)],
    /// The JSON Schema of its parameters; its description is the documentation.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Makes the transform from parameters.
    pub build: fn(Value) -> Result<Built, ParamsError>,
}

impl TransformDef {
    /// What a program calls it, each name once.
    pub fn peer_names(&self, program: Program) -> Vec<&'static str> {
        let mut names = Vec::new();
        for peer in self.peers.iter().filter(|peer| peer.program == program && !peer.name.is_empty()) {
            if !names.contains(&peer.name) {
                names.push(peer.name);
            }
        }
        names
    }
}

impl fmt::Debug for TransformDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransformDef").field("name", &self.name).field("class", &self.class).finish_non_exhaustive()
    }
}

/// The registry entry of a transform's parameter type.
pub const fn define<T: Define>() -> TransformDef {
    TransformDef {
        name: T::NAME,
        class: T::CLASS,
        kinds: T::KINDS,
        named_kinds: T::NAMED_KINDS,
        one_hot: T::ONE_HOT,
        peers: T::PEERS,
        files: T::FILES,
        schema: |generator| generator.subschema_for::<T>(),
        build: build::<T>,
    }
}

fn build<T: Define>(params: Value) -> Result<Built, ParamsError> {
    // `- flip:` without parameters means: all defaults.
    let params = if params.is_null() { Value::Object(serde_json::Map::new()) } else { params };
    let typed: T = serde_path_to_error::deserialize(params).map_err(|error| {
        let path: Vec<String> = error.path().iter().map(ToString::to_string).collect();
        let problem = error.inner().to_string();
        let help = crate::params::suggestion(&problem);
        let path = if path == ["."] { Vec::new() } else { path };
        ParamsError { path, problem, help }
    })?;
    typed.check().map_err(|Invalid { field, problem }| {
        let path = if field.is_empty() { Vec::new() } else { vec![field.to_owned()] };
        ParamsError { path, problem, help: None }
    })?;
    let params = serde_json::to_value(&typed).unwrap_or(Value::Null);
    Ok(Built { transform: typed.transform(), params })
}
