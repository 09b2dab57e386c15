//! What of the peers is no step here, and where it is instead.

/// Names of peers, without MONAI's `d`, and what to do instead.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (&["Invert"], "every step is recorded, and `revoxel invert TRACE PREDICTION -o FILE` brings a prediction back"),
    (
        &["MeanEnsemble"],
        "`revoxel invert TRACE PREDICTION PREDICTION … -o FILE` averages predictions on the way back; `--weights 2,1` weighs \
         them, `--weights \"1,2,3;3,2,1\"` each of their channels",
    ),
    (&["VoteEnsemble"], "`revoxel invert TRACE LABELS LABELS … -o FILE` lets label maps vote on the way back"),
    (
        &["Ensemble"],
        "`revoxel invert TRACE PREDICTION PREDICTION … -o FILE` takes predictions together on the way back",
    ),
    (&["LoadImage"], "files are read as `inputs` of a pipeline; there is no step for it"),
    (&["SaveImage", "WriteFileMapping"], "files are written as `outputs` of a pipeline; there is no step for it"),
    (
        &["EnsureChannelFirst", "AsChannelLast", "SqueezeDim"],
        "channels are always apart from the axes of space; there is nothing to do",
    ),
    (
        &["EnsureType", "CastToType", "To"],
        "an output's `dtype` says in which type it is written; steps choose what they need",
    ),
    (
        &["ToTensor", "ToNumpy", "ToCupy", "ToDevice", "ToPIL", "ToMetaTensor", "FromMetaTensor", "Decollate", "CuCIM"],
        "there are no tensors and devices here: outputs are files, `.npy` among them",
    ),
    (
        &["SelectItems", "DeleteItems", "CopyItems", "FlattenSubKeys", "FlattenSequence", "Identity", "ApplyPending"],
        "a step says by `keys` which inputs it changes, and what is no output is not written; there is nothing to do",
    ),
    (
        &["ConcatItems", "SplitDim", "RepeatChannel", "RemoveRepeatedChannel", "AddCoordinateChannels"],
        "inputs keep the channels of their files; how they become one tensor is for the program that trains",
    ),
    (
        &[
            "Lambda",
            "RandLambda",
            "SimulateDelay",
            "RandCuCIM",
            "TorchVision",
            "RandTorchVision",
            "TorchIO",
            "RandTorchIO",
        ],
        "a pipeline is data: it runs no code of others. docs/adding-a-transform.md says how one is added",
    ),
    (
        &["OneOf", "RandomOrder", "SomeOf", "RandomApply"],
        "what a random step does is decided by its own `prob`, where it has one; the order is that of the file",
    ),
    (&["Compose"], "the list `steps` of a pipeline"),
    (&["DataStats", "IntensityStats"], "`revoxel info FILE` and `revoxel measure FILE` tell what is in a volume"),
    (
        &["BoundingRect"],
        "`crop_foreground` finds the box and crops to it; the trace records it. `revoxel measure FILE` tells the box of each label",
    ),
    (
        &[
            "ConvertBoxToPoints",
            "ConvertPointsToBoxes",
            "ApplyTransformToPoints",
            "TransformPointsImageToWorld",
            "TransformPointsWorldToImage",
        ],
        "`revoxel points TRACE FILE` takes points and boxes through a trace, forwards and back, as indices or in \
         the world",
    ),
    (
        &["FgBgToIndices"],
        "`rand_crop_by_pos_neg_label` looks for its voxels itself, and `image` narrows the background",
    ),
    (
        &["ClassesToIndices"],
        "`rand_crop_by_label_classes` looks for its voxels itself, and `image` narrows the classes",
    ),
    (&["Crop", "RandCrop"], "what it is for is `spatial_crop`, and by chance `rand_spatial_crop`"),
    (&["Pad"], "what it is for is `spatial_pad` or `border_pad`"),
    (
        &["RandSmoothDeform", "AffineElasticDeformation", "RandomAffineElasticDeformation"],
        "not here; `rand_elastic` and `rand_3d_elastic` bend volumes smoothly, and come back",
    ),
    (
        &["RandSmoothFieldAdjustContrast", "RandSmoothFieldAdjustIntensity"],
        "not here; `rand_bias_field` changes intensities smoothly over the volume, `rand_gamma` their contrast",
    ),
    (
        &["ImageFilter", "RandImageFilter"],
        "each filter is a step: `gaussian_smooth`, `median_smooth`, `sobel_gradients` …",
    ),
    (
        &["CutMix", "MixUp", "CutOut"],
        "not here: several cases of a batch are mixed by the program that trains; `rand_coarse_dropout` cuts holes",
    ),
    (
        &["LabelToMask"],
        "`label_filter` keeps some labels, and `map_label_value` makes one of them: orig_labels: [2, 3], target_labels: \
         [1, 1]",
    ),
    (
        &["ConvertToMultiChannelBasedOnBratsClasses"],
        "`map_label_value` makes one region of labels; what a model says of overlapping regions comes back by `regions` \
         in `restore` (docs/predictions.md)",
    ),
    (
        &["SaveClassification"],
        "`revoxel scores TRACE SCORES.npy -o TABLE.csv` writes what a model says of a whole image behind the name \
         of its source; `--append` adds a row for each case",
    ),
    (
        &["AddExtremePointsChannel", "SignalFillEmpty"],
        "not here: what a user points at while a model runs, and signals, are not volumes to prepare",
    ),
    (
        &["ProbNMS"],
        "`revoxel measure FILE --peaks` finds the peaks of a map of probabilities; `--points OUT` writes them as points, \
         which `revoxel points TRACE OUT` takes back to the source",
    ),
    (&["NoNormalization"], "there is nothing to do: leave the step out"),
    (&["DefaultPreprocessor"], "`revoxel import nnunet plans.json` writes its steps as a pipeline"),
    (
        &["resample_data_or_seg_to_shape", "resample_data_or_seg_to_spacing", "resample_data_or_seg"],
        "`spacing` with `rule: nnunet`, as `revoxel import nnunet` writes it",
    ),
];

/// Where something of a peer is that is no step here; in any case, and with MONAI's `d` or `Dict` behind it.
pub(super) fn elsewhere(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let is = |known: &&str| {
        let known = known.to_lowercase();
        name.strip_prefix(&known).is_some_and(|rest| ["", "d", "dict"].contains(&rest))
    };
    ELSEWHERE.iter().find(|(known, _)| known.iter().any(&is)).map(|(_, what)| *what)
}
