//! Transforms and arguments of MONAI that have nothing to do here, or a place in `restore`.

/// Transforms that have nothing to do here, with the arguments that change no values (`*`: all of them). Files are read,
/// channels come first, and types are kept by themselves.
const IGNORED: &[(&str, &[&str])] = &[
    (
        "LoadImage",
        &[
            "reader",
            "meta_keys",
            "meta_key_postfix",
            "overwriting",
            "image_only",
            "ensure_channel_first",
            "simple_keys",
            "prune_meta_pattern",
            "prune_meta_sep",
            "expanduser",
        ],
    ),
    ("EnsureChannelFirst", &["meta_keys", "meta_key_postfix", "strict_check", "channel_dim"]),
    ("AddChannel", &[]),
    ("AsChannelFirst", &["channel_dim"]),
    ("EnsureType", &["data_type", "device", "wrap_sequence", "track_meta"]),
    ("CastToType", &[]),
    ("ToTensor", &["device", "wrap_sequence", "track_meta"]),
    ("ToDevice", &["device", "non_blocking"]),
    ("ToNumpy", &["wrap_sequence"]),
    ("FromMetaTensor", &["data_type"]),
    ("Identity", &[]),
    ("SelectItems", &[]),
    ("DeleteItems", &["sep", "use_re"]),
    ("SaveImage", &["*"]),
    // Boxes are no volumes.
    ("ClipBoxToImage", &["*"]),
    ("AffineBoxToImageCoordinate", &["*"]),
    ("AffineBoxToWorldCoordinate", &["*"]),
    ("ConvertBoxMode", &["*"]),
    ("ConvertBoxToStandardMode", &["*"]),
    ("BoxToMask", &["*"]),
    ("MaskToBox", &["*"]),
];

/// Arguments that change no values, of any transform that has them.
pub(super) const NO_EFFECT: &[&str] = &["device", "cache_grid", "warn"];

/// Transforms that have a place in `restore` and are no step of ours under one name.
pub(super) const PREDICTIONS: &[&str] = &["Activations", "Invert", "AsDiscrete", "Lambda"];

/// Of a transform that has nothing to do here, the arguments that change no values.
pub(super) fn ignored(base: &str) -> Option<&'static [&'static str]> {
    IGNORED.iter().find(|(name, _)| *name == base).map(|(_, harmless)| *harmless)
}
