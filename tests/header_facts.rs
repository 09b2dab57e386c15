//! What a header says beyond place and voxels, through steps, conversions and the way back.

use std::fs;

use revoxel_core::{Affine, Grid, Kind, Volume};
use revoxel_io::facts::TextBytes;
use revoxel_io::nrrd::NrrdFacts;
use revoxel_io::{Extension, Facts, SliceTiming, TimeUnit};
use serde_json::{Value, json};

use crate::support::{Place, Said, values};

/// Oblique, LPS and anisotropic, in numbers that single precision holds.
fn grid(shape: [usize; 3]) -> Grid {
    let rows = [[-1.5, 0.5625, -0.75, 12.5], [-0.5, -1.125, -1.125, 30.0], [-0.75, -0.375, 2.25, -40.25]];
    Grid::new(shape, Affine::from_rows(rows)).unwrap()
}

fn ramp(shape: [usize; 3], channels: usize) -> Volume {
    let count = shape.iter().product::<usize>() * channels;
    let voxels: Vec<i16> = (0..count).map(|i| (i * 7 % 251) as i16).collect();
    Volume::new(voxels.into(), grid(shape), Kind::Image, channels).unwrap()
}

/// Runs steps on data/c/KEY.EXT into out/c/KEY.EXT.
fn run(place: &Place, (key, kind): (&str, &str), extension: &str, steps: &str) -> Said {
    place.text(
        "p.yaml",
        &format!(
            "version: 1\ninputs:\n  {key}: {{ kind: {kind}, path: '{{case}}/{key}.{extension}' }}\nsteps:\n{steps}\
             outputs:\n  {key}: {{ path: '{{case}}/{key}.{extension}' }}\ntrace: '{{case}}/trace.json'\n"
        ),
    );
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out", "--overwrite", "--json", "-v"]).good()
}

fn back(place: &Place, prediction: &str, kind: &str, output: &str) -> Said {
    place.revoxel(&["invert", "out/c/trace.json", prediction, "-o", output, "--kind", kind, "--json", "-v"]).good()
}

fn write(place: &Place, name: &str, volume: &Volume, facts: &Facts) {
    fs::create_dir_all(place.path(name).parent().unwrap()).unwrap();
    revoxel_io::write(place.path(name), volume, facts).unwrap();
}

fn facts(place: &Place, name: &str) -> Facts {
    revoxel_io::info(place.path(name)).unwrap().facts
}

/// The names of what an answer says was dropped.
fn dropped(answer: &Value) -> Vec<String> {
    let of_case = answer.pointer("/cases/0/dropped").or_else(|| answer.get("dropped"));
    let all = of_case.and_then(Value::as_array).unwrap_or_else(|| panic!("{answer}"));
    for loss in all {
        assert!(loss["file"].is_string() && loss["volume"].is_string() && loss["why"].is_string(), "{loss}");
    }
    all.iter().map(|loss| loss["fact"].as_str().unwrap().to_owned()).collect()
}

const TURN: &str = "  - orientation: { axcodes: SRA }\n";
const CROP: &str = "  - spatial_crop: { roi_start: [1, 1, 0], roi_end: [5, 4, 4] }\n";
const FLIP: &str = "  - flip: { spatial_axis: [2] }\n";
const PAD: &str = "  - border_pad: { spatial_border: [2, 1, 0] }\n";

/// Everything that a NIfTI header says of a series.
fn everything() -> Facts {
    let mut text = [b'x'; 80];
    text[3] = 0xe9;
    Facts {
        version: Some(1),
        sform_code: Some(4),
        qform_code: Some(1),
        time_unit: Some(TimeUnit::Millisecond),
        frame_spacing: Some(2500.0),
        time_offset: Some(-12.5),
        frames: Some(3),
        description: Some(String::from_utf8_lossy(&text).into_owned()),
        aux_file: Some("roi.txt".to_owned()),
        text_bytes: Some(Box::new(TextBytes { description: Some(text.to_vec()), ..TextBytes::default() })),
        cal_min: Some(3.0),
        cal_max: Some(90.5),
        intent_code: Some(2001),
        intent_name: Some("series".to_owned()),
        extensions: vec![Extension { code: 6, content: b"a comment of 24 bytes...".to_vec() }],
        ..Facts::default()
    }
}

fn as_written(facts: Facts) -> Facts {
    Facts { spatial_unit: Some(revoxel_io::SpatialUnit::Millimetre), ..facts }
}

#[test]
fn exact_steps_keep_what_a_nifti_header_says() {
    for extension in ["nii", "nii.gz", "hdr"] {
        for steps in [TURN.to_owned(), format!("{CROP}{FLIP}"), format!("{PAD}{TURN}"), String::new()] {
            let place = Place::new();
            let source = format!("data/c/image.{extension}");
            let volume = ramp([6, 5, 4], 3);
            write(&place, &source, &volume, &everything());
            assert_eq!(facts(&place, &source), as_written(everything()));
            let steps = if steps.is_empty() { "  []\n" } else { &steps };
            let answer = run(&place, ("image", "image"), extension, steps).json();
            assert_eq!(dropped(&answer), [""; 0], "{steps}");
            let result = format!("out/c/image.{extension}");
            assert_eq!(facts(&place, &result), as_written(everything()), "{steps}");
            let answer = back(&place, &result, "image", "back.nii").json();
            assert_eq!(dropped(&answer), [""; 0], "{steps}");
            assert_eq!(facts(&place, "back.nii"), as_written(everything()), "{steps}");
            let bytes = fs::read(place.path("back.nii")).unwrap();
            // dim[0..5], pixdim[4] and descrip, where the standard has them.
            let dims: Vec<i16> = bytes[40..50].chunks(2).map(|b| i16::from_le_bytes(b.try_into().unwrap())).collect();
            assert_eq!(dims, [4, 6, 5, 4, 3]);
            assert_eq!(f32::from_le_bytes(bytes[92..96].try_into().unwrap()), 2500.0);
            assert_eq!((bytes[148..152].to_vec(), bytes[227]), (b"xxx\xe9".to_vec(), b'x'));
        }
    }
    let place = Place::new();
    write(&place, "x.nii.gz", &ramp([6, 5, 4], 3), &everything());
    let said = place.revoxel(&["convert", "x.nii.gz", "o.nii", "--orientation", "RSP", "--json"]).good();
    assert_eq!((dropped(&said.json()), facts(&place, "o.nii")), (vec![], as_written(everything())));
}

#[test]
fn what_no_longer_holds_is_dropped_and_said() {
    let place = Place::new();
    let source = Facts {
        slices: Some(SliceTiming { dim_info: 57, code: 3, start: 0, end: 3, duration: 0.25 }),
        extensions: vec![Extension { code: 4, content: vec![1; 8] }],
        intent_code: Some(5),
        ..everything()
    };
    write(&place, "data/c/image.nii.gz", &ramp([6, 5, 4], 3), &source);
    let steps = "  - spacing: { pixdim: [1, 1, 1] }\n  - scale_intensity: {}\n";
    let said = run(&place, ("image", "image"), "nii.gz", steps);
    let expected = [
        "cal_min",
        "cal_max",
        "intent_code",
        "intent_name",
        "slice_code, slice_start, slice_end, slice_duration",
        "extension (code 4)",
    ];
    assert_eq!(dropped(&said.json()), expected);
    for fact in expected {
        assert!(said.err.contains(fact) && said.err.contains("image.nii.gz"), "{fact}: {}", said.err);
    }
    let held = facts(&place, "out/c/image.nii.gz");
    assert_eq!(
        (held.cal_min, held.intent_code, held.slices.map(|s| (s.code, s.dim_info))),
        (None, None, Some((0, 57)))
    );
    assert_eq!((held.frame_spacing, held.time_unit), (Some(2500.0), Some(TimeUnit::Millisecond)));
    assert_eq!((held.description, held.aux_file), (source.description.clone(), source.aux_file.clone()));
    // Where values are undone, the range holds again.
    let back = |options: &[&str], output: &str| {
        let all =
            [&["invert", "out/c/trace.json", "out/c/image.nii.gz", "--kind", "image", "-o", output], options].concat();
        place.revoxel(&all).good();
        facts(&place, output)
    };
    assert_eq!(back(&["--values"], "undone.nii.gz").cal_max, Some(90.5));
    assert_eq!(back(&[], "kept.nii.gz").cal_max, None);
}

#[test]
fn the_order_of_slices_turns_with_them() {
    let place = Place::new();
    let timing = SliceTiming { dim_info: 57, code: 3, start: 0, end: 3, duration: 0.25 };
    let source = Facts { slices: Some(timing), ..everything() };
    write(&place, "data/c/image.nii", &ramp([6, 5, 4], 3), &source);
    let on = |steps: &str| {
        let answer = run(&place, ("image", "image"), "nii", steps).json();
        (facts(&place, "out/c/image.nii").slices, dropped(&answer))
    };
    // LPS to SRA: slices along axis 0; axis 1 is the first, reversed, axis 2 the second, reversed.
    let turned = SliceTiming { dim_info: 2 | 3 << 2 | 1 << 4, ..timing };
    assert_eq!(on(TURN), (Some(turned), vec![]));
    assert_eq!(on(FLIP), (Some(SliceTiming { code: 4, ..timing }), vec![]));
    back(&place, "out/c/image.nii", "image", "back.nii");
    assert_eq!(facts(&place, "back.nii").slices, Some(timing));
    let cut = on("  - spatial_crop: { roi_start: [0, 0, 1], roi_end: [6, 5, 4] }\n");
    let left = SliceTiming { dim_info: 57, duration: 0.25, ..SliceTiming::default() };
    assert_eq!(cut, (Some(left), vec!["slice_code, slice_start, slice_end".to_owned()]));
}

#[test]
fn a_prediction_gets_what_says_place_and_time() {
    let place = Place::new();
    write(&place, "data/c/image.nii.gz", &ramp([6, 5, 4], 3), &everything());
    run(&place, ("image", "image"), "nii.gz", TURN);
    let model = place.read("out/c/image.nii.gz", Kind::Image);
    let labels = |channels: usize| {
        let count = model.grid().voxel_count() * channels;
        let voxels: Vec<u8> = (0..count).map(|i| (i % 3) as u8).collect();
        Volume::new(voxels.into(), *model.grid(), Kind::Label, channels).unwrap()
    };
    place.volume("mask.nii.gz", &labels(1));
    let answer = back(&place, "mask.nii.gz", "label", "mask-back.nii").json();
    let expected = Facts {
        version: Some(1),
        sform_code: Some(4),
        qform_code: Some(1),
        time_unit: Some(TimeUnit::Millisecond),
        ..Facts::default()
    };
    assert_eq!(facts(&place, "mask-back.nii"), as_written(expected.clone()));
    for fact in ["frames", "frame_spacing", "cal_min", "description", "aux_file", "intent_code", "extension (code 6)"] {
        assert!(dropped(&answer).contains(&fact.to_owned()), "{fact}");
    }
    // A label map of each frame is a series of the same times.
    place.volume("series.nii.gz", &labels(3));
    back(&place, "series.nii.gz", "label", "series-back.nii");
    let series = Facts { frames: Some(3), frame_spacing: Some(2500.0), time_offset: Some(-12.5), ..expected.clone() };
    assert_eq!(facts(&place, "series-back.nii"), as_written(series));
    // Scores of three classes are no frames.
    back(&place, "series.nii.gz", "logit", "scores-back.nii");
    assert_eq!(facts(&place, "scores-back.nii").frame_spacing, Some(1.0));
}

#[test]
fn colours_stay_colours() {
    for (components, datatype) in [(3, 128i16), (4, 2304)] {
        for extension in ["nii", "nrrd", "mha"] {
            let place = Place::new();
            let volume = ramp([6, 5, 4], components).cast(revoxel_core::Dtype::U8);
            let colour = Facts { colour: true, ..Facts::default() };
            write(&place, &format!("data/c/image.{extension}"), &volume, &colour);
            let result = format!("out/c/image.{extension}");
            run(&place, ("image", "image"), extension, &format!("{TURN}{PAD}"));
            assert!(facts(&place, &result).colour, "{extension}");
            back(&place, &result, "image", "back.nii");
            place.revoxel(&["convert", &result, "turned.nii", "--orientation", "LPS"]).good();
            for name in ["back.nii", "turned.nii"] {
                let bytes = fs::read(place.path(name)).unwrap();
                assert_eq!(i16::from_le_bytes([bytes[70], bytes[71]]), datatype, "{extension} {name}");
                assert_eq!(i16::from_le_bytes([bytes[40], bytes[41]]), 3);
            }
            assert_eq!(values(&place.read("back.nii", Kind::Image)), values(&volume));
        }
    }
    // Averages of colours are no bytes: that is said, with what to do.
    let place = Place::new();
    let volume = ramp([6, 5, 4], 3).cast(revoxel_core::Dtype::U8);
    write(&place, "data/c/image.nii", &volume, &Facts { colour: true, ..Facts::default() });
    let said = run(&place, ("image", "image"), "nii", "  - spacing: { pixdim: 2 }\n");
    assert_eq!(dropped(&said.json()), ["colour"]);
    assert!(said.err.contains("uint8"), "{}", said.err);
}

#[test]
fn vectors_stay_vectors_in_every_format() {
    let place = Place::new();
    let volume = ramp([6, 5, 4], 3).cast(revoxel_core::Dtype::F32);
    let vector = Facts { vector: true, ..Facts::default() };
    for extension in ["nii.gz", "nrrd", "mha"] {
        write(&place, &format!("data/c/image.{extension}"), &volume, &vector);
        run(&place, ("image", "image"), extension, TURN);
        back(&place, &format!("out/c/image.{extension}"), "image", &format!("{extension}-back.nii"));
        place.revoxel(&["convert", &format!("data/c/image.{extension}"), &format!("{extension}.nii")]).good();
        for name in [format!("{extension}-back.nii"), format!("{extension}.nii")] {
            let bytes = fs::read(place.path(&name)).unwrap();
            let number = |at: usize| i16::from_le_bytes([bytes[at], bytes[at + 1]]);
            assert_eq!([40, 48, 50, 68].map(number), [5, 1, 3, 1007], "{name}");
            assert_eq!(values(&place.read(&name, Kind::Image)), values(&volume), "{name}");
        }
    }
    // Displacements of NIfTI are along RAS, those of the other formats along LPS.
    write(&place, "field.nii", &volume, &Facts { intent_code: Some(1006), ..vector });
    for name in ["field.mha", "field.nrrd"] {
        let answer = place.revoxel(&["convert", "field.nii", name, "--json"]).good().json();
        assert_eq!(dropped(&answer), [""; 0]);
        let (there, source) = (values(&place.read(name, Kind::Image)), values(&volume));
        let count = source.len() / 3;
        assert!((0..3 * count).all(|i| there[i] == if i < 2 * count { -source[i] } else { source[i] }), "{name}");
    }
    write(&place, "data/c/image.nii", &volume, &Facts { intent_code: Some(1006), vector: true, ..Facts::default() });
    run(&place, ("image", "image"), "nii", TURN);
    back(&place, "out/c/image.nii", "image", "displacement.nii");
    assert_eq!(facts(&place, "displacement.nii").intent_code, Some(1006));
    assert_eq!(values(&place.read("displacement.nii", Kind::Image)), values(&volume));
}

#[test]
fn a_vector_of_one_component_keeps_its_five_axes() {
    for (frames, dims) in [(None, [5, 1, 1, 1007]), (Some(3), [5, 3, 1, 1007])] {
        let place = Place::new();
        let volume = ramp([6, 7, 5], frames.unwrap_or(1)).cast(revoxel_core::Dtype::F32);
        let vector = Facts { vector: true, intent_code: Some(1007), frames, ..Facts::default() };
        write(&place, "data/c/image.nii", &volume, &vector);
        run(&place, ("image", "image"), "nii", TURN);
        back(&place, "out/c/image.nii", "image", "back.nii");
        place.revoxel(&["convert", "data/c/image.nii", "same.nii"]).good();
        for name in ["data/c/image.nii", "out/c/image.nii", "back.nii", "same.nii"] {
            let bytes = fs::read(place.path(name)).unwrap();
            let number = |at: usize| i16::from_le_bytes([bytes[at], bytes[at + 1]]);
            assert_eq!([40, 48, 50, 68].map(number), dims, "{name}");
        }
        assert_eq!(values(&place.read("back.nii", Kind::Image)), values(&volume));
    }
}

#[test]
fn time_goes_through_every_format() {
    let place = Place::new();
    let volume = ramp([6, 5, 4], 3);
    let source = Facts {
        frames: Some(3),
        frame_spacing: Some(2.5),
        time_offset: Some(7.0),
        time_unit: Some(TimeUnit::Second),
        ..Facts::default()
    };
    write(&place, "0.nii.gz", &volume, &source);
    let time = |name: &str| {
        let Facts { frames, frame_spacing, time_offset, time_unit, .. } = facts(&place, name);
        assert_eq!(values(&place.read(name, Kind::Image)), values(&volume), "{name}");
        (frames, frame_spacing, time_offset, time_unit)
    };
    let all = (Some(3), Some(2.5), Some(7.0), Some(TimeUnit::Second));
    for (from, to) in [("0.nii.gz", "1.nrrd"), ("1.nrrd", "2.nhdr"), ("2.nhdr", "3.nii")] {
        let said = place.revoxel(&["convert", from, to, "--json"]).good();
        assert_eq!((time(to), dropped(&said.json())), (all, vec![]), "{to}");
    }
    // MetaImage knows no unit of time, and that is said.
    let said = place.revoxel(&["convert", "3.nii", "4.mha", "--json"]).good();
    assert_eq!(dropped(&said.json()), ["time_unit"]);
    for (from, to) in [("4.mha", "5.mhd"), ("5.mhd", "6.nrrd"), ("6.nrrd", "7.nii")] {
        place.revoxel(&["convert", from, to]).good();
        assert_eq!(time(to), (all.0, all.1, all.2, None), "{to}");
    }
    let header = String::from_utf8_lossy(&fs::read(place.path("4.mha")).unwrap()).into_owned();
    assert!(header.contains("NDims = 4\n") && header.contains("DimSize = 6 5 4 3\n"), "{header}");
    for extension in ["nii.gz", "nrrd", "mha"] {
        write(&place, &format!("data/c/image.{extension}"), &volume, &source);
        run(&place, ("image", "image"), extension, &format!("{TURN}{PAD}"));
        let result = format!("out/c/image.{extension}");
        back(&place, &result, "image", &format!("back.{extension}"));
        let unit = Some(TimeUnit::Second).filter(|_| extension != "mha");
        let held = facts(&place, &result);
        assert_eq!((held.frame_spacing, held.time_offset, held.time_unit), (all.1, all.2, unit), "{extension}");
        assert_eq!(time(&format!("back.{extension}")), (all.0, all.1, all.2, unit));
    }
    // One frame is a series, too.
    write(&place, "one.nii", &ramp([6, 5, 4], 1), &Facts { frames: Some(1), ..source });
    for (from, to) in [("one.nii", "one.nrrd"), ("one.nrrd", "one.mha"), ("one.mha", "again.nii")] {
        place.revoxel(&["convert", from, to]).good();
        let held = facts(&place, to);
        assert_eq!((held.frames, held.frame_spacing), (Some(1), Some(2.5)), "{to}");
    }
}

fn header_lines(place: &Place, name: &str) -> Vec<String> {
    let bytes = fs::read(place.path(name)).unwrap();
    let end = bytes.windows(2).position(|w| w == b"\n\n").unwrap();
    String::from_utf8_lossy(&bytes[..end]).lines().map(str::to_owned).collect()
}

fn nrrd(place: &Place, name: &str, head: &str, values: &[i16]) {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let head = format!("NRRD0004\ntype: short\n{head}endian: little\nencoding: raw\n\n");
    fs::create_dir_all(place.path(name).parent().unwrap()).unwrap();
    fs::write(place.path(name), [head.as_bytes(), &bytes].concat()).unwrap();
}

#[test]
fn four_dimensional_nrrds_are_series() {
    let place = Place::new();
    let stored: Vec<i16> = (0..4 * 5 * 3 * 2).collect();
    let itk = "dimension: 4\nspace dimension: 4\nsizes: 4 5 3 2\nkinds: domain domain domain domain\n\
               space directions: (1.5,0,0,0) (0,2,0,0) (0,0,3,0) (0,0,0,2.5)\nspace origin: (1,2,3,7)\n";
    let timed = "dimension: 4\nspace: left-posterior-superior-time\nsizes: 4 5 3 2\nspace units: \"mm\" \"mm\" \"mm\" \"ms\"\n\
                 space directions: (1.5,0,0,0) (0,2,0,0) (0,0,3,0) (0,0,0,2.5)\nspace origin: (1,2,3,7)\n";
    let listed = "dimension: 4\nspace: left-posterior-superior\nsizes: 4 5 3 2\nkinds: domain domain domain list\n\
                  space directions: (1.5,0,0) (0,2,0) (0,0,3) none\nspace origin: (1,2,3)\n\
                  spacings: nan nan nan 2.5\naxis mins: nan nan nan 7\nunits: \"\" \"\" \"\" \"ms\"\n";
    let old = "dimension: 4\nsizes: 4 5 3 2\nspacings: 1.5 2 3 2.5\nkinds: domain domain domain domain\n\
               axis mins: 0 0 0 7\n";
    for (number, (head, unit)) in
        [(itk, None), (timed, Some(TimeUnit::Millisecond)), (listed, Some(TimeUnit::Millisecond)), (old, None)]
            .into_iter()
            .enumerate()
    {
        let (first, second, third) = (format!("{number}.nrrd"), format!("{number}-b.nrrd"), format!("{number}.nii"));
        nrrd(&place, &first, head, &stored);
        place.revoxel(&["convert", &first, &second]).good();
        place.revoxel(&["convert", &second, &third, "--orientation", "RAS"]).good();
        for name in [&first, &second, &third] {
            let held = facts(&place, name);
            let time = (held.frame_spacing, held.time_offset, held.time_unit, held.vector);
            assert_eq!(time, (Some(2.5), Some(7.0), unit, false), "{head} {name}");
            let volume = place.read(name, Kind::Image);
            assert_eq!((volume.channels(), volume.grid().spacing()), (2, [1.5, 2.0, 3.0]), "{name}");
            assert_eq!(volume.value([1, 2, 1], 1) - volume.value([1, 2, 1], 0), 60.0, "{name}");
        }
        assert_eq!(place.read(&second, Kind::Image).value([1, 2, 1], 1), f64::from(stored[60 + 1 + 4 * (2 + 5)]));
        // ITK takes an axis of kind domain or time without a direction for one of space, and refuses the file.
        let lines = header_lines(&place, &second);
        let is_listed = lines.contains(&"space: left-posterior-superior".to_owned());
        let kinds = lines.iter().find(|line| line.starts_with("kinds")).unwrap();
        assert_eq!(is_listed, kinds.ends_with(" list"), "{lines:?}");
        assert_eq!(is_listed, lines.iter().any(|line| line.starts_with("space directions") && line.contains("none")));
    }
}

#[test]
fn segments_keep_their_names_and_find_their_places() {
    let place = Place::new();
    let mut voxels = vec![0i16; 5 * 6 * 7];
    for (x, y, z, label) in [(1, 2, 3, 1), (2, 2, 4, 1), (4, 5, 6, 2), (4, 0, 6, 2)] {
        voxels[x + 5 * (y + 6 * z)] = label;
    }
    let pairs: Vec<String> = [("0", "liver", "1", "1 2 2 2 3 4"), ("1", "spleen", "2", "4 4 0 5 6 6")]
        .iter()
        .flat_map(|(n, name, label, extent)| {
            let pair = |key: &str, value: &str| format!("Segment{n}_{key}:={value}\n");
            [pair("Name", name), pair("LabelValue", label), pair("Color", "0.5 0.25 1"), pair("Extent", extent)]
        })
        .collect();
    let head = format!(
        "dimension: 3\nspace: left-posterior-superior\nsizes: 5 6 7\nspace directions: (1,0,0) (0,2,0) (0,0,3)\n\
         space origin: (1,2,3)\n{}Segmentation_MasterRepresentation:=Binary labelmap\n",
        pairs.concat()
    );
    nrrd(&place, "data/c/label.seg.nrrd", &head, &voxels);
    let lines = |name: &str| {
        let lines = header_lines(&place, name);
        for kept in pairs.iter().filter(|pair| !pair.contains("Extent")) {
            assert!(lines.contains(&kept.trim().to_owned()), "{kept} in {name}: {lines:?}");
        }
        let extent = |n: &str| {
            let key = format!("Segment{n}_Extent:=");
            lines.iter().find_map(|line| line.strip_prefix(&key)).unwrap().to_owned()
        };
        [extent("0"), extent("1")]
    };
    let source = ["1 2 2 2 3 4", "4 4 0 5 6 6"];
    run(&place, ("label", "label"), "seg.nrrd", "  - orientation: { axcodes: SRA }\n");
    // S, R, A: axis 0 is the third, axis 1 the first from its end, axis 2 the second from its end.
    assert_eq!(lines("out/c/label.seg.nrrd"), ["3 4 2 3 3 3", "6 6 0 0 0 5"]);
    let answer = back(&place, "out/c/label.seg.nrrd", "label", "back.seg.nrrd").json();
    assert_eq!((lines("back.seg.nrrd"), dropped(&answer)), (source.map(str::to_owned), vec![]));
    run(&place, ("label", "label"), "seg.nrrd", "  - spatial_crop: { roi_start: [1, 2, 3], roi_end: [4, 6, 7] }\n");
    assert_eq!(lines("out/c/label.seg.nrrd"), ["0 1 0 0 0 1", "0 -1 0 -1 0 -1"]);
    place.revoxel(&["convert", "data/c/label.seg.nrrd", "turned.seg.nrrd", "--orientation", "RAS"]).good();
    assert_eq!(lines("turned.seg.nrrd"), ["2 3 3 3 3 4", "0 0 0 5 6 6"]);
    place.revoxel(&["convert", "data/c/label.seg.nrrd", "same.seg.nrrd"]).good();
    assert_eq!(lines("same.seg.nrrd"), source);
    // The names go with their numbers; what else was said of a segment is left out.
    let steps = "  - map_label_value: { orig_labels: [1, 2], target_labels: [2, 1] }\n";
    let answer = run(&place, ("label", "label"), "seg.nrrd", steps).json();
    assert!(dropped(&answer).contains(&"Segment0_Color".to_owned()), "{answer}");
    assert!(!dropped(&answer).contains(&"Segment0_Name".to_owned()), "{answer}");
    let lines = header_lines(&place, "out/c/label.seg.nrrd");
    for line in ["Segment0_Name:=spleen", "Segment0_LabelValue:=1", "Segment1_Name:=liver", "Segment1_LabelValue:=2"] {
        assert!(lines.contains(&line.to_owned()), "{line}: {lines:?}");
    }
    let answer = run(&place, ("label", "label"), "seg.nrrd", "  - sequential_labels: {}\n  - one_hot: {}\n").json();
    assert!(dropped(&answer).contains(&"Segment0_Name".to_owned()), "{answer}");
    assert!(!header_lines(&place, "out/c/label.seg.nrrd").iter().any(|line| line.starts_with("Segment0_")));
}

#[test]
fn gradients_point_where_they_did() {
    let stored: Vec<i16> = (0..4 * 5 * 3 * 2).collect();
    let head = |space: &str, frame: &str| {
        format!(
            "dimension: 4\n{space}sizes: 4 5 3 2\nkinds: domain domain domain list\n{frame}modality:=DWMRI\n\
             DWMRI_b-value:=1000\nDWMRI_gradient_0000:=0 0 0\nDWMRI_gradient_0001:=0.6 0 0.8\n"
        )
    };
    let directions = "space directions: (1.5,0,0) (0,2,0) (0,0,3) none\nspace origin: (1,2,3)\n";
    let lps = format!("space: left-posterior-superior\n{directions}");
    let ras = format!("space: right-anterior-superior\n{directions}");
    let frame = "measurement frame: (0.6,0.8,0) (-0.8,0.6,0) (0,0,1)\n";
    // In LPS: what the frame (columns) makes of the gradient, or the gradient along the axes of the space.
    let cases = [
        (head(&lps, frame), [0.36, 0.48, 0.8]),
        (head(&ras, frame), [-0.36, -0.48, 0.8]),
        (head(&lps, ""), [0.6, 0.0, 0.8]),
        (head(&ras, ""), [-0.6, 0.0, 0.8]),
        (head("spacings: 1.5 2 3 nan\n", ""), [0.6, 0.0, 0.8]),
    ];
    for (head, expected) in &cases {
        let place = Place::new();
        nrrd(&place, "data/c/image.nrrd", head, &stored);
        run(&place, ("image", "image"), "nrrd", TURN);
        back(&place, "out/c/image.nrrd", "image", "back.nrrd");
        place.revoxel(&["convert", "data/c/image.nrrd", "turned.nrrd", "--orientation", "RIP"]).good();
        place.revoxel(&["convert", "data/c/image.nrrd", "same.nrrd"]).good();
        for name in ["out/c/image.nrrd", "back.nrrd", "turned.nrrd", "same.nrrd"] {
            let lines = header_lines(&place, name);
            let in_ras = lines.contains(&"space: right-anterior-superior".to_owned());
            assert!(in_ras || lines.contains(&"space: left-posterior-superior".to_owned()), "{lines:?}");
            assert_eq!(in_ras, head.contains("right-anterior"), "{lines:?}");
            let of = |key: &str| lines.iter().find_map(|line| line.strip_prefix(key));
            let numbers = |text: &str| -> Vec<f64> {
                text.split([' ', ',', '(', ')']).filter(|t| !t.is_empty()).map(|t| t.parse().unwrap()).collect()
            };
            let gradient = numbers(of("DWMRI_gradient_0001:=").unwrap());
            let frame = of("measurement frame: ").map_or(vec![1., 0., 0., 0., 1., 0., 0., 0., 1.], numbers);
            let sign = if in_ras { [-1.0, -1.0, 1.0] } else { [1.0; 3] };
            let world = [0, 1, 2]
                .map(|row| sign[row] * (0..3).map(|column| frame[3 * column + row] * gradient[column]).sum::<f64>());
            assert!((0..3).all(|i| (world[i] - expected[i]).abs() < 1e-12), "{name}: {lines:?}");
            assert_eq!(of("DWMRI_b-value:="), Some("1000"));
            let has_frame = head.contains("measurement");
            if name == "turned.nrrd" && !has_frame && head.contains("left-posterior") {
                // Along the axes of the file: turned with them.
                assert_eq!(gradient, [-0.6, -0.8, 0.0]);
            } else if has_frame {
                assert_eq!(gradient, [0.6, 0.0, 0.8]);
            }
        }
    }
}

#[test]
fn keys_survive_steps_and_are_missed_elsewhere() {
    let place = Place::new();
    let own = NrrdFacts { key_values: vec![("site".into(), "12".into())], ..NrrdFacts::default() };
    let source = Facts { nrrd: Some(Box::new(own)), description: Some("scan".into()), ..Facts::default() };
    write(&place, "data/c/image.nrrd", &ramp([6, 5, 4], 1), &source);
    run(&place, ("image", "image"), "nrrd", &format!("{CROP}{TURN}"));
    let pairs = |name: &str| facts(&place, name).nrrd.unwrap().key_values;
    assert_eq!(pairs("out/c/image.nrrd"), [("site".to_owned(), "12".to_owned())]);
    back(&place, "out/c/image.nrrd", "image", "back.nrrd");
    assert_eq!((pairs("back.nrrd").len(), facts(&place, "back.nrrd").description), (1, Some("scan".to_owned())));
    let answer = place.revoxel(&["convert", "data/c/image.nrrd", "o.nii", "--json"]).good().json();
    let loss = json!({ "file": "o.nii", "volume": "image", "fact": "site", "why": "NIfTI cannot store it" });
    assert_eq!(answer["dropped"], json!([loss]));
    let said = place.revoxel(&["convert", "data/c/image.nrrd", "quiet.nii"]).good();
    assert!(!said.err.contains("site"), "{}", said.err);
    let said = place.revoxel(&["-v", "convert", "data/c/image.nrrd", "told.nii"]).good();
    assert!(said.err.contains("site") && said.err.contains("told.nii"), "{}", said.err);
}

/// The bytes of a NIfTI-2 file with a quaternion only, whose numbers nobody gets by computing them from its affine.
fn quaternion_only() -> Vec<u8> {
    let place = Place::new();
    let source = Facts { version: Some(2), ..Facts::default() };
    write(&place, "a.nii", &ramp([6, 5, 4], 1), &source);
    let mut bytes = fs::read(place.path("a.nii")).unwrap();
    let mut number = |at: usize, value: f64| bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    for (i, value) in [-1.0, 0.7, 0.9, 2.2].into_iter().enumerate() {
        number(104 + 8 * i, value);
    }
    for (i, value) in
        [0.123_456_789_012_345_6, -0.234_5, 0.345_678_9, -74.583_149_914_147_61, 1.1, 54.3].into_iter().enumerate()
    {
        number(352 + 8 * i, value);
    }
    bytes[344..352].copy_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0]);
    bytes[400..496].fill(0);
    bytes
}

#[test]
fn restored_headers_say_where_to_the_last_bit() {
    let back = |place: &Place, extension: &str| {
        run(place, ("image", "image"), extension, TURN);
        let output = format!("back.{extension}");
        self::back(place, &format!("out/c/image.{extension}"), "image", &output);
        [fs::read(place.path(&format!("data/c/image.{extension}"))).unwrap(), fs::read(place.path(&output)).unwrap()]
    };
    let place = Place::new();
    fs::create_dir_all(place.path("data/c")).unwrap();
    fs::write(place.path("data/c/image.nii"), quaternion_only()).unwrap();
    let [source, restored] = back(&place, "nii");
    for (name, field) in
        [("pixdim", 104..136), ("codes", 344..352), ("quaternion, offset", 352..400), ("srow", 400..496)]
    {
        assert_eq!(source[field.clone()], restored[field], "{name}");
    }
    let voxels: Vec<u8> = (0..240).map(|i| (i * i / 3 % 251) as u8).collect();
    for space in ["right-anterior-superior", "left-anterior-superior", "left-posterior-superior"] {
        let place = Place::new();
        let lie = "space directions: (0.6166128516197205,-0.0879852175712586,0.3194482624530792) \
                   (0.0637563019990921,0.8894232511520386,0.12190751731395721) (-1.0296375751495361,-0.1913752108812332,2)\n\
                   space origin: (-74.58314991414761,47.374108812702055,54.22940373715144)\n";
        let head = format!(
            "NRRD0004\ntype: uint8\ndimension: 3\nspace: {space}\nsizes: 10 6 4\n{lie}encoding: raw\nendian: little\n\n"
        );
        fs::create_dir_all(place.path("data/c")).unwrap();
        fs::write(place.path("data/c/image.nrrd"), [head.as_bytes(), &voxels].concat()).unwrap();
        let [_, restored] = back(&place, "nrrd");
        let text = String::from_utf8_lossy(&restored);
        assert!(text.contains(&format!("space: {space}\n")) && text.contains(lie), "{text}");
        assert_eq!(
            values(&place.read("back.nrrd", Kind::Image)),
            voxels.iter().map(|v| f64::from(*v)).collect::<Vec<_>>()
        );
        // In every other format it lies in the same place.
        place.revoxel(&["convert", "data/c/image.nrrd", "x.mha"]).good();
        place.revoxel(&["compare", "data/c/image.nrrd", "x.mha", "--max-corner-mm", "1e-12"]).good();
    }
    let place = Place::new();
    let lie = "TransformMatrix = 0.8808754969364342 -0.12569317278072348 0.45635467041907823 0.07084033626413873 \
               0.9882480393909809 0.1354527939832394 -0.46801709974633837 -0.0869887289032167 0.8794276294208799\nOffset = \
               -74.58314991414761 -47.374108812702055 54.22940373715144\n";
    let head = format!(
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = False\n{lie}\
         ElementSpacing = 0.7 0.9 2.2\nDimSize = 10 6 4\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    );
    fs::create_dir_all(place.path("data/c")).unwrap();
    fs::write(place.path("data/c/image.mha"), [head.as_bytes(), &voxels].concat()).unwrap();
    let [_, restored] = back(&place, "mha");
    let text = String::from_utf8_lossy(&restored);
    for line in lie.lines().chain(["ElementSpacing = 0.7 0.9 2.2"]) {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[test]
fn steps_in_time_become_seconds_where_a_format_has_no_unit() {
    let place = Place::new();
    for (unit, step, offset, seconds) in [
        (TimeUnit::Second, 2.5, -0.5, Some("2.5")),
        (TimeUnit::Millisecond, 2500.0, -500.0, Some("2.5")),
        (TimeUnit::Microsecond, 2.5e6, -5e5, Some("2.5")),
        (TimeUnit::Hertz, 2.5, -0.5, None),
    ] {
        let series = Facts {
            frames: Some(3),
            frame_spacing: Some(step),
            time_offset: Some(offset),
            time_unit: Some(unit),
            ..Facts::default()
        };
        write(&place, "series.nii", &ramp([4, 3, 2], 3), &series);
        let said = place.revoxel(&["convert", "series.nii", "series.mha", "--overwrite", "--json"]).good();
        let header = String::from_utf8_lossy(&fs::read(place.path("series.mha")).unwrap()).into_owned();
        let fourth = |key: &str| {
            let line = header.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("{header}"));
            line.split(' ').next_back().unwrap().to_owned()
        };
        assert_eq!(fourth("ElementSpacing"), seconds.unwrap_or("1"), "{unit:?}");
        assert_eq!(fourth("Offset").parse::<f64>().unwrap(), if seconds.is_some() { -0.5 } else { 0.0 }, "{unit:?}");
        assert_eq!(dropped(&said.json()).contains(&"frame_spacing".to_owned()), seconds.is_none(), "{unit:?}");
        let said = place.revoxel(&["convert", "series.nii", "series.mif", "--overwrite", "--json"]).good();
        let held = facts(&place, "series.mif");
        assert_eq!(held.frame_spacing, seconds.map(|text| text.parse().unwrap()), "{unit:?}");
        assert_eq!(dropped(&said.json()).contains(&"frame_spacing".to_owned()), seconds.is_none(), "{unit:?}");
    }
}
