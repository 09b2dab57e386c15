//! What of the peers is no step here, and where it is instead.

/// Names of peers, without MONAI's `d`, and what to do instead.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (&["Invert"], "`revoxel invert TRACE PREDICTION -o FILE` maps a prediction back; the trace records every step"),
    (
        &["MeanEnsemble"],
        "`revoxel invert TRACE PREDICTION PREDICTION … -o FILE` averages predictions; `--weights 2,1` weights them, \
         `--weights \"1,2,3;3,2,1\"` weights their channels",
    ),
    (&["VoteEnsemble"], "`revoxel invert TRACE LABELS LABELS … -o FILE` lets label maps vote"),
    (&["Ensemble"], "`revoxel invert TRACE PREDICTION PREDICTION … -o FILE` combines predictions"),
    (&["LoadImage"], "no step needed: a pipeline reads its `inputs`"),
    (&["SaveImage", "WriteFileMapping"], "no step needed: a pipeline writes its `outputs`"),
    (
        &["EnsureChannelFirst", "AsChannelLast", "SqueezeDim"],
        "no step needed: channels are always separate from the spatial axes",
    ),
    (
        &["EnsureType", "CastToType", "To"],
        "no step needed: `dtype` of an output sets the type to write; steps choose the type that they need",
    ),
    (
        &["ToTensor", "ToNumpy", "ToCupy", "ToDevice", "ToPIL", "ToMetaTensor", "FromMetaTensor", "Decollate", "CuCIM"],
        "no step needed: a pipeline has no tensors or devices; it writes files, also `.npy`",
    ),
    (
        &["SelectItems", "DeleteItems", "CopyItems", "FlattenSubKeys", "FlattenSequence", "Identity", "ApplyPending"],
        "no step needed: `keys` of a step selects inputs, and only `outputs` are written",
    ),
    (
        &["ConcatItems", "SplitDim", "RepeatChannel", "RemoveRepeatedChannel", "AddCoordinateChannels"],
        "no such step: inputs keep the channels of their files; combine them in the training program",
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
        "no such step: a pipeline runs no external code; docs/adding-a-transform.md explains how to add a transform",
    ),
    (
        &["OneOf", "RandomOrder", "SomeOf", "RandomApply"],
        "no such step: random steps have `prob`, and all steps run in the order of the file",
    ),
    (&["Compose"], "the list `steps` of a pipeline"),
    (&["DataStats", "IntensityStats"], "use `revoxel info FILE` and `revoxel measure FILE`"),
    (
        &["BoundingRect"],
        "`crop_foreground` finds the box, crops to it and records it in the trace; `revoxel measure FILE` prints the \
         box of each label",
    ),
    (
        &[
            "ConvertBoxToPoints",
            "ConvertPointsToBoxes",
            "ApplyTransformToPoints",
            "TransformPointsImageToWorld",
            "TransformPointsWorldToImage",
        ],
        "`revoxel points TRACE FILE` maps points and boxes through a trace in both directions, as indices or world \
         coordinates",
    ),
    (
        &["FgBgToIndices"],
        "no step needed: `rand_crop_by_pos_neg_label` finds its voxels itself, and `image` restricts the background",
    ),
    (
        &["ClassesToIndices"],
        "no step needed: `rand_crop_by_label_classes` finds its voxels itself, and `image` restricts the classes",
    ),
    (&["Crop", "RandCrop"], "use `spatial_crop`, or `rand_spatial_crop` for random crops"),
    (&["Pad"], "use `spatial_pad` or `border_pad`"),
    (
        &["RandSmoothDeform", "AffineElasticDeformation", "RandomAffineElasticDeformation"],
        "no such step: use `rand_elastic` or `rand_3d_elastic` for smooth, invertible deformations",
    ),
    (
        &["RandSmoothFieldAdjustContrast", "RandSmoothFieldAdjustIntensity"],
        "no such step: `rand_bias_field` changes intensities smoothly over the volume, `rand_gamma` changes contrast",
    ),
    (
        &["ImageFilter", "RandImageFilter"],
        "each filter is a step: `gaussian_smooth`, `median_smooth`, `sobel_gradients` …",
    ),
    (
        &["CutMix", "MixUp", "CutOut"],
        "no such step: mix the cases of a batch in the training program; `rand_coarse_dropout` cuts holes",
    ),
    (
        &["LabelToMask"],
        "`label_filter` keeps some labels, `map_label_value` merges them: orig_labels: [2, 3], target_labels: [1, 1]",
    ),
    (
        &["ConvertToMultiChannelBasedOnBratsClasses"],
        "`map_label_value` makes one region from several labels; `regions` in `restore` maps predictions of \
         overlapping regions back (docs/predictions.md)",
    ),
    (
        &["SaveClassification"],
        "`revoxel scores TRACE SCORES.npy -o TABLE.csv` writes the scores of a whole image after the path of its \
         source; `--append` adds one row per case",
    ),
    (&["AddExtremePointsChannel", "SignalFillEmpty"], "no such step: clicks of users and signals are not supported"),
    (
        &["ProbNMS"],
        "`revoxel measure FILE --peaks` finds the peaks of a probability map; `--points OUT` writes them as points, \
         and `revoxel points TRACE OUT` maps them to the source",
    ),
    (&["NoNormalization"], "no step needed: leave the step out"),
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
