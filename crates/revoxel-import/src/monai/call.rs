//! A transform as a configuration says it.

use std::collections::BTreeMap;

use revoxel_core::Kind;
use revoxel_pipeline::{Data, Key, Node, Place};
use revoxel_transforms::peers::Program;
use revoxel_transforms::{Built, Peer, Registry, Transform, TransformDef, ValueState};
use serde_json::{Map, Value, json};

use super::ignored::{NO_EFFECT, PREDICTIONS, ignored};
use super::refer::{At, Code, Document};
use super::written::Origin;
use super::{Fault, paint};
use crate::flow;

/// A transform with its arguments.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// As written, without its module.
    pub(super) name: String,
    /// Without the ending that marks dictionary transforms.
    pub(super) base: String,
    pub(super) keys: Vec<String>,
    pub(super) args: Vec<(String, Place, Value)>,
    pub(super) place: Place,
    /// Whether a key may be missing.
    pub(super) lenient: bool,
    /// Arguments that were left out, as they change nothing.
    pub(super) no_effect: Vec<String>,
    /// Whether it works on an array instead of a dictionary: the array is the volume `image`.
    pub(super) array: bool,
    /// The fault of code in it, which counts unless its keys are left out.
    pub(super) code: Option<Fault>,
}

/// What volumes hold by then; images, where nothing is said.
#[derive(Clone, Debug)]
pub(super) struct KnownKinds<'a> {
    kinds: BTreeMap<String, Kind>,
    registry: &'a Registry,
}

impl<'a> KnownKinds<'a> {
    pub(super) fn images(registry: &'a Registry) -> Self {
        Self { kinds: BTreeMap::new(), registry }
    }

    pub(super) fn labels(keys: &[String], registry: &'a Registry) -> Self {
        Self { kinds: keys.iter().map(|key| (key.clone(), Kind::Label)).collect(), registry }
    }

    pub(super) fn registry(&self) -> &Registry {
        self.registry
    }

    pub(super) fn kind(&self, key: &str) -> Kind {
        self.kinds.get(key).copied().unwrap_or(Kind::Image)
    }

    pub(super) fn is(&self, key: &str, kind: Kind) -> bool {
        self.kind(key) == kind
    }

    /// After a step of ours.
    pub(super) fn pass(&mut self, keys: &[String], name: &str, params: &Map<String, Value>) {
        let built = self.registry.get(name).map(|t| (t.build)(Value::Object(params.clone())));
        let Some(Ok(Built { transform: Transform::Value(transform), .. })) = built else { return };
        for key in keys {
            self.kinds.insert(key.clone(), transform.after(&ValueState::of(self.kind(key))).kind);
        }
    }
}

impl Call {
    /// The transform of a map that is not switched off.
    pub(super) fn read<'a>(at: &At<'a>, document: &Document<'a>) -> Result<Self, Fault> {
        let at = document.resolve(at)?;
        if !matches!(at.node.data, Data::Map(_)) {
            return Err(Fault::new(at.node.place, "expected a transform: a map with _target_"));
        }
        let Some(target) = at.child("_target_") else {
            return Err(Fault::new(at.node.place, "missing _target_ of a transform"));
        };
        let mut call = Self::without_arguments(document.resolve(&target)?.node, document.registry)?;
        let harmless = ignored(&call.base);
        for (key, value) in at.entries() {
            if let Some(code) = call.code_allowed(key, &value, harmless, document)? {
                let value = document.deep(&value, code).map_err(|fault| call.fault_at(key, fault))?;
                call.take(key, &value)?;
            }
        }
        call.check(at.node.place, harmless.is_some(), document.registry)?;
        if call.array {
            call.keys = vec![ARRAY.to_owned()];
        }
        Ok(call)
    }

    /// The transform that a `_target_` names.
    fn without_arguments(target: &Node, registry: &Registry) -> Result<Self, Fault> {
        let place = target.place;
        let Data::Text(text) = &target.data else {
            return Err(Fault::new(place, "_target_: expected the name of a transform"));
        };
        let name = match text.rsplit_once('.') {
            None => text.clone(),
            Some((module, name)) if format!("{module}.").starts_with("monai.transforms.") => name.to_owned(),
            Some(_) => {
                let fault = Fault::new(place, format!("{text} is not supported: it is not in monai.transforms"));
                return Err(fault.help("the code of a bundle is not run: write the step by hand"));
            }
        };
        let array = is_known(&name, registry);
        let base = if array { name.clone() } else { base_of(&name).to_owned() };
        let (keys, args, no_effect) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { name, base, keys, args, place, lenient: false, no_effect, array, code: None })
    }

    /// A fault of an argument's value.
    fn fault_at(&self, key: &Key, fault: Fault) -> Fault {
        Fault { problem: format!("{}: {}: {}", self.name, key.name, fault.problem), ..fault }
    }

    /// What happens to code in the value of an argument; `None` for an argument that needs no further reading.
    /// `harmless` are the arguments that change nothing, of a transform that has nothing to do here.
    fn code_allowed<'a>(
        &mut self,
        key: &Key,
        value: &At<'a>,
        harmless: Option<&[&str]>,
        document: &Document<'a>,
    ) -> Result<Option<Code>, Fault> {
        let base = self.base.as_str();
        match key.name.as_str() {
            "_target_" | "_desc_" | "_disabled_" => Ok(None),
            // What is left out may be made by code, such as the device; only what changes values matters.
            "dtype" => Ok(Some(Code::Kept)),
            "keys" | "allow_missing_keys" => Ok(Some(Code::Refused)),
            // What is undone is compared, not read.
            "transform" if base == "Invert" => Ok(None),
            name if harmless.is_none() && NO_EFFECT.contains(&name)
                || base == "RandZoom" && MISTAKEN.contains(&name) =>
            {
                self.no_effect.push(key.name.clone());
                Ok(None)
            }
            // Of readers only the name matters.
            "reader" if base == "LoadImage" => {
                if let Ok(reader) = document.deep(value, Code::Kept) {
                    self.args.push((key.name.clone(), key.place, reader.json()));
                }
                Ok(None)
            }
            "as_closest_canonical" if base == "LoadImage" => Ok(Some(Code::Refused)),
            "func" if base == "Lambda" => self.function(key, value, document),
            "box_mask_keys" if base == "BoxToMask" => Ok(Some(Code::Refused)),
            "overwrite" if base == "Lambda" && value.node.data == Data::Bool(true) => Ok(None),
            other if other.starts_with('_') => Err(Fault::new(key.place, format!("{other} is not supported"))),
            other => match harmless {
                None => Ok(Some(Code::Refused)),
                Some(known) if known.contains(&other) || known.contains(&"*") => Ok(None),
                // So it is in any case.
                Some(_) if other == "affine_lps_to_ras" && value.node.data == Data::Bool(true) => Ok(None),
                Some(_) => Err(Fault::new(key.place, format!("{}: {other} is not supported", self.name))),
            },
        }
    }

    /// The function of a `Lambda`: one that takes a channel is read here.
    fn function<'a>(&mut self, key: &Key, value: &At<'a>, document: &Document<'a>) -> Result<Option<Code>, Fault> {
        if let Data::Text(text) = &value.node.data {
            if let Some(index) = paint::channel(text) {
                let index = channel(&index, value, document).map_err(|fault| self.fault_at(key, fault))?;
                self.args.push((CHANNEL.to_owned(), key.place, index.into()));
                return Ok(None);
            }
            if paint::is_read(text) {
                return Ok(Some(Code::Kept));
            }
        }
        match document.deep(value, Code::Refused) {
            Ok(_) => Ok(Some(Code::Refused)),
            Err(fault) => {
                self.args.push((key.name.clone(), key.place, value.node.json()));
                self.code = Some(self.fault_at(key, fault));
                Ok(None)
            }
        }
    }

    /// Takes an argument with its value.
    fn take(&mut self, key: &Key, value: &Node) -> Result<(), Fault> {
        match (key.name.as_str(), &value.data) {
            ("keys", Data::Text(text)) => self.keys = vec![text.clone()],
            ("keys", Data::List(list)) => {
                for item in list {
                    let Data::Text(text) = &item.data else {
                        return Err(Fault::new(item.place, "keys: expected names"));
                    };
                    if self.keys.contains(text) {
                        let problem = format!("{}: keys: {text:?} occurs twice", self.name);
                        let help = "MONAI applies the transform twice: write two transforms";
                        return Err(Fault::new(item.place, problem).help(help));
                    }
                    self.keys.push(text.clone());
                }
            }
            ("allow_missing_keys", Data::Bool(lenient)) => self.lenient = *lenient,
            ("allow_missing_keys", _) => {
                return Err(self.fault_at(key, Fault::new(key.place, "expected true or false")));
            }
            (name, _) => self.args.push((name.to_owned(), key.place, value.json())),
        }
        Ok(())
    }

    /// Whether there is anything for it here.
    fn check(&self, at: Place, left_out: bool, registry: &Registry) -> Result<(), Fault> {
        let Self { name, base, place, .. } = self;
        if base == "Transpose" {
            return Err(transposed(name, *place, &self.args));
        }
        if self.array && (DICTIONARY.contains(&name.as_str()) || !self.keys.is_empty()) {
            return Err(self.on_an_array());
        }
        if !is_known(base, registry) {
            let fault = Fault::new(*place, format!("{name} is not supported"));
            return Err(if name.starts_with("Rand") {
                fault.help("leave out random transforms with --skip-random, or choose a list with --transforms ID")
            } else {
                let near: Vec<&str> = registry.called(name).iter().map(|transform| transform.name).collect();
                if near.is_empty() {
                    return Err(fault.help("see `revoxel transforms`, or write the step by hand"));
                }
                let problem = format!("{name} is not supported: no step does exactly the same");
                let (names, first) = (near.join(" or "), near[0]);
                let help = format!(
                    "write {names} by hand, which is similar; `revoxel transforms {first}` explains the differences"
                );
                Fault::new(*place, problem).help(help)
            });
        }
        if self.keys.is_empty() && !left_out && !self.array {
            return Err(Fault::new(at, format!("{name}: missing keys")));
        }
        Ok(())
    }

    /// Why a transform of arrays is not supported where it stands.
    pub(super) fn on_an_array(&self) -> Fault {
        let name = &self.name;
        Fault::new(self.place, format!("{name} is not supported"))
            .help(format!("it works on arrays: use the dictionary transform {name}d"))
    }

    pub(super) fn origin(&self) -> Origin {
        Origin { place: self.place, name: self.name.clone() }
    }

    pub(super) fn argument(&self, name: &str) -> Option<&Value> {
        self.args.iter().find(|(n, ..)| n == name).map(|(_, _, v)| v)
    }

    /// The transform without chance whose arguments it has too.
    pub(super) fn like(&self) -> &str {
        self.base.strip_prefix("Rand").unwrap_or(&self.base)
    }

    /// A value for each key: one for all, or a list.
    pub(super) fn by_key(&self, value: &Value) -> Option<Vec<Value>> {
        match value {
            Value::Array(list) if list.len() == self.keys.len() => Some(list.clone()),
            Value::Array(list) if list.len() == 1 => Some(vec![list[0].clone(); self.keys.len()]),
            Value::Array(_) => None,
            one => Some(vec![one.clone(); self.keys.len()]),
        }
    }

    /// The value for all keys: the only one, or that of a list of equal ones.
    pub(super) fn for_all(&self, value: &Value) -> Option<Value> {
        let values = self.by_key(value)?;
        values.windows(2).all(|w| w[0] == w[1]).then(|| values.into_iter().next())?
    }

    /// The same, key by key where it pads each in another way.
    pub(super) fn by_mode(&self) -> Vec<Self> {
        let pads = matches!(self.base.as_str(), "SpatialPad" | "BorderPad" | "DivisiblePad" | "ResizeWithPadOrCrop");
        let list = |(name, _, value): &&(String, Place, Value)| name == "mode" && value.is_array();
        let Some((_, _, value)) = self.args.iter().find(list).filter(|_| pads) else { return vec![self.clone()] };
        let Some(modes) = self.by_key(value).filter(|_| self.for_all(value).is_none()) else {
            return vec![self.clone()];
        };
        let one = |(key, mode): (&String, Value)| {
            let mut call = Self { keys: vec![key.clone()], ..self.clone() };
            call.args.iter_mut().filter(|(name, ..)| name == "mode").for_each(|(.., value)| *value = mode.clone());
            call
        };
        self.keys.iter().zip(modes).map(one).collect()
    }

    /// Whether it does what another does.
    pub(super) fn same(&self, other: &Self) -> bool {
        let args = |call: &Self| {
            let mut args: Vec<_> = call.args.iter().map(|(name, _, value)| (name.clone(), value.clone())).collect();
            args.sort_by(|a, b| a.0.cmp(&b.0));
            args
        };
        self.base == other.base && self.keys == other.keys && args(self) == args(other)
    }
}

/// The volume of transforms of arrays.
pub(super) const ARRAY: &str = "image";

/// Transforms that need more than one array, or a prediction beside its scan.
const DICTIONARY: &[&str] = &[
    "Activations",
    "ConvertToMultiChannelBasedOnBratsClasses",
    "CopyItems",
    "CropForeground",
    "DeleteItems",
    "Invert",
    "Lambda",
    "MaskIntensity",
    "RandCropByLabelClasses",
    "RandCropByPosNegLabel",
    "RandWeightedCrop",
    "ResampleToMatch",
    "SelectItems",
];

/// The channel that a `Lambda` takes.
pub(super) const CHANNEL: &str = "channel";

/// The number of a channel, or what a reference to one leads to.
fn channel<'a>(index: &str, at: &At<'a>, document: &Document<'a>) -> Result<u64, Fault> {
    if let Ok(index) = index.parse() {
        return Ok(index);
    }
    let found = document.resolve(&document.follow(at, index)?)?;
    let fault = || Fault::new(at.node.place, format!("{index}: expected the number of a channel, from 0"));
    found.node.json().as_u64().ok_or_else(fault)
}

/// What `RandZoom` is called with by mistake, and passes on to its padding.
pub(super) const MISTAKEN: &[&str] = &["max", "min"];

/// Whether there is something for a transform, by its name without an ending.
fn is_known(base: &str, registry: &Registry) -> bool {
    let also = ["ConvertToMultiChannelBasedOnBratsClasses", "CopyItems"].contains(&base);
    also || PREDICTIONS.contains(&base) || translation(base, registry).is_some() || ignored(base).is_some()
}

/// The step that a transform becomes, by its name without an ending, and what is known of the two.
pub(super) fn translation<'a>(base: &str, registry: &'a Registry) -> Option<(&'a TransformDef, &'static Peer)> {
    registry.imported(Program::Monai, &format!("{base}d"))
}

/// The name of a transform without the ending that marks those of dictionaries.
fn base_of(name: &str) -> &str {
    ["Dict", "D", "d"].into_iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

/// The name of a random transform.
pub(super) fn random_name(at: &At<'_>) -> Option<String> {
    let target = at.child("_target_")?.node.json();
    let name = target.as_str()?;
    let name = name.rsplit_once('.').map_or(name, |(_, name)| name);
    name.starts_with("Rand").then(|| name.to_owned())
}

/// Whether a target has nothing to do here.
pub(super) fn nothing_to_do(target: &str) -> bool {
    ignored(base_of(target.rsplit('.').next().unwrap_or(target))).is_some()
}

/// Why there is nothing for a transform that turns axes without their affine, and what may be meant.
fn transposed(name: &str, place: Place, args: &[(String, Place, Value)]) -> Fault {
    let indices = args.iter().find(|(argument, ..)| argument == "indices").and_then(|(.., value)| value.as_array());
    let indices: Vec<i64> = indices.into_iter().flatten().filter_map(Value::as_i64).collect();
    // Theirs count the channel, which is the first axis.
    let ours = match &indices[..] {
        [0, axes @ ..] if axes.len() == 3 && (1..=3).all(|a| axes.contains(&a)) => {
            flow(&json!(axes.iter().map(|a| a - 1).collect::<Vec<_>>()))
        }
        _ => "[..]".to_owned(),
    };
    let problem =
        format!("{name} is not supported: it permutes axes without the affine, so voxels change their position");
    Fault::new(place, problem).help(format!(
        "to keep positions, leave it out and add `- transpose: {{ indices: {ours} }}` to the pipeline, which also \
         permutes the affine (axes from 0, without the channel)"
    ))
}
