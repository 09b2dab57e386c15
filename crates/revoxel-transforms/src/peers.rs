//! What other programs call a transform: the name, the arguments, and how its results differ.
//!
//! Each transform has its list, [`Define::PEERS`](crate::Define::PEERS). The manual's section *Same as*, the search by
//! name and the import of MONAI's configurations read the same list.

use std::slice;

use Argument::{Fixed, Listed, Mode, PadBy, PadWith, PaddingMode, Renamed, Same, Special};

/// A program with transforms of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Program {
    /// MONAI, by its dictionary transforms.
    Monai,
    /// TorchIO.
    TorchIo,
    /// nnU-Net, version 2.
    NnUnet,
    /// SimpleITK.
    SimpleItk,
    /// nibabel.
    Nibabel,
    /// NumPy.
    NumPy,
    /// SciPy.
    SciPy,
    /// PyTorch.
    PyTorch,
    /// ANTs.
    Ants,
    /// dcm2niix.
    Dcm2niix,
}

impl Program {
    /// The programs that have a column in the manual's table.
    pub const IN_TABLE: [Self; 3] = [Self::Monai, Self::TorchIo, Self::NnUnet];

    /// The name as the program writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Monai => "MONAI",
            Self::TorchIo => "TorchIO",
            Self::NnUnet => "nnU-Net",
            Self::SimpleItk => "SimpleITK",
            Self::Nibabel => "nibabel",
            Self::NumPy => "NumPy",
            Self::SciPy => "SciPy",
            Self::PyTorch => "PyTorch",
            Self::Ants => "ANTs",
            Self::Dcm2niix => "dcm2niix",
        }
    }
}

/// An argument of a peer, and what becomes of it here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A parameter of the same name with the same values.
    Same(&'static str),
    /// A parameter of another name with the same values: theirs, ours.
    Renamed(&'static str, &'static str),
    /// `mode`, which is `interpolation` here, with other words for the values.
    Mode,
    /// `padding_mode`, which is `padding` here: what lies beyond a volume that is sampled.
    PaddingMode,
    /// How a volume is padded, in the words of NumPy or PyTorch: theirs, ours.
    PadBy(&'static str, &'static str),
    /// The number that pads, which is `value` here.
    PadWith(&'static str),
    /// Read by code of the importer that is for this transform alone: theirs, and the parameter that it leads to.
    Special(&'static str, &'static str),
    /// Supported with one value only, written as JSON. It is what the transform does in any case.
    Fixed(&'static str, &'static str),
    /// Listed in the manual, as Python writes it. The importer refuses it.
    Listed(&'static str),
}

impl Argument {
    /// What the peer calls it.
    pub const fn theirs(&self) -> &'static str {
        match self {
            Same(name)
            | Renamed(name, _)
            | PadBy(name, _)
            | PadWith(name)
            | Special(name, _)
            | Fixed(name, _)
            | Listed(name) => name,
            Mode => "mode",
            PaddingMode => "padding_mode",
        }
    }

    /// The parameter that it leads to.
    pub const fn ours(&self) -> Option<&'static str> {
        match self {
            Same(name) | Renamed(_, name) | PadBy(_, name) | Special(_, name) => Some(name),
            Mode => Some("interpolation"),
            PaddingMode => Some("padding"),
            PadWith(_) => Some("value"),
            Fixed(..) | Listed(_) => None,
        }
    }
}

/// How a volume is padded.
pub const PADDING: &[Argument] = &[PadBy("mode", "mode"), PadWith("value"), PadWith("constant_values")];
/// How a volume is sampled.
pub const SAMPLING: &[Argument] = &[Mode, PaddingMode];

/// An argument that changes nothing here, with the values, as JSON, for which that is so; none for any value.
pub type Ignored = (&'static str, &'static [&'static str]);

/// MONAI's fusion of resamplings, which is always on here.
pub const LAZY: Ignored = ("lazy", &["false"]);
/// The voxel type. The importer checks that it changes no values.
pub const DTYPE: Ignored = ("dtype", &[]);
/// Sampling between the outermost centres of voxels instead of their faces.
pub const ALIGN_CORNERS: Ignored = ("align_corners", &["false"]);
/// How many patches there are: the field `copies` of a pipeline.
pub const NUM_SAMPLES: Ignored = ("num_samples", &[]);

/// A transform of another program that does the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The other program.
    pub program: Program,
    /// The name in code; that of MONAI's dictionary transforms with its ending `d`. Empty where it has none.
    pub name: &'static str,
    /// Arguments that have the same name and the same values here.
    pub same: &'static [&'static str],
    /// The other arguments.
    pub others: &'static [Argument],
    /// Parameters of ours with the values, as JSON, that it means without being asked. An argument replaces them.
    pub always: &'static [(&'static str, &'static str)],
    /// Arguments that change nothing here.
    pub ignored: &'static [Ignored],
    /// When it is the same and how it differs, as Markdown without line breaks inside a paragraph.
    pub notes: &'static str,
    /// Whether the importer makes this transform of it.
    pub imported: bool,
}

impl Peer {
    /// A transform of a program.
    pub const fn new(program: Program, name: &'static str) -> Self {
        Self { program, name, same: &[], others: &[], always: &[], ignored: &[], notes: "", imported: false }
    }

    /// A transform of MONAI that the importer reads.
    pub const fn imported(name: &'static str) -> Self {
        Self { imported: true, ..Self::monai(name) }
    }

    /// A transform of MONAI that the importer does not read.
    pub const fn monai(name: &'static str) -> Self {
        Self::new(Program::Monai, name)
    }

    /// A transform of TorchIO.
    pub const fn torchio(name: &'static str) -> Self {
        Self::new(Program::TorchIo, name)
    }

    /// A transform of nnU-Net.
    pub const fn nnunet(name: &'static str) -> Self {
        Self::new(Program::NnUnet, name)
    }

    /// With arguments that have the same name and the same values here.
    #[must_use]
    pub const fn same(self, same: &'static [&'static str]) -> Self {
        Self { same, ..self }
    }

    /// With other arguments.
    #[must_use]
    pub const fn others(self, others: &'static [Argument]) -> Self {
        Self { others, ..self }
    }

    /// With parameters of ours that it means without being asked.
    #[must_use]
    pub const fn always(self, always: &'static [(&'static str, &'static str)]) -> Self {
        Self { always, ..self }
    }

    /// With arguments that change nothing here.
    #[must_use]
    pub const fn ignored(self, ignored: &'static [Ignored]) -> Self {
        Self { ignored, ..self }
    }

    /// With what there is to say about it.
    #[must_use]
    pub const fn notes(self, notes: &'static str) -> Self {
        Self { notes, ..self }
    }

    /// All arguments that are not ignored.
    pub fn arguments(&self) -> impl Iterator<Item = Argument> {
        self.same.iter().map(|name| Same(name)).chain(self.others.iter().copied())
    }

    /// The argument of a name that leads to a parameter, or that the manual lists.
    pub fn argument(&self, name: &str) -> Option<Argument> {
        self.arguments().find(|argument| argument.theirs() == name)
    }

    /// The values, as JSON, with which an argument changes nothing; none for any value. `None` for an argument that can
    /// change something.
    pub fn harmless(&self, name: &str) -> Option<&'static [&'static str]> {
        let fixed = self.others.iter().find_map(|argument| match argument {
            Fixed(fixed, value) if *fixed == name => Some(slice::from_ref(value)),
            _ => None,
        });
        fixed.or_else(|| self.ignored.iter().find(|(ignored, _)| *ignored == name).map(|(_, values)| *values))
    }

    /// Whether a name means it, in any spelling: `ScaleIntensityRanged`, `ScaleIntensityRange`,
    /// `scale_intensity_range`.
    pub fn is_called(&self, name: &str) -> bool {
        same_name(self.name, name)
    }
}

/// Whether two names are the same but for capitals, underscores, and MONAI's ending for dictionaries.
pub(crate) fn same_name(one: &str, other: &str) -> bool {
    let others = spellings(other);
    spellings(one).iter().any(|spelling| !spelling.is_empty() && others.contains(spelling))
}

fn spellings(name: &str) -> Vec<String> {
    let plain: String = name.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect();
    let short = |ending: &str| plain.strip_suffix(ending).filter(|s| s.len() > 2).map(str::to_owned);
    [short("dict"), short("d")].into_iter().flatten().chain([plain.clone()]).collect()
}
