//! What Pillow and tifffile write is read as they read it (`fixtures/make_pictures.py` recorded it); what does not say its
//! voxel size is refused.

mod folders;
mod layouts;
mod turns;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use revoxel_core::{Kind, Voxel, dispatch};
use serde::Deserialize;
use tiff::encoder::{TiffEncoder, colortype};
use tiff::tags::Tag;

use crate::{Facts, Loaded, ReadOptions, TimeUnit};

#[derive(Debug, Deserialize)]
struct Recorded {
    shape: [usize; 4],
    dtype: String,
    values: Vec<f64>,
    #[serde(default)]
    frames: Option<usize>,
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/pictures").join(name)
}

fn spaced() -> ReadOptions {
    ReadOptions { spacing: Some([0.5, 0.75, 2.0]), ..ReadOptions::default() }
}

fn read(path: impl AsRef<Path>) -> Result<Loaded, String> {
    crate::read_with(path, Kind::Image, &spaced()).map_err(|e| e.to_string())
}

/// The warnings but for that of left and right.
fn warnings(path: impl AsRef<Path>) -> Vec<String> {
    read(path).unwrap().info.warnings.iter().skip(1).map(ToString::to_string).collect()
}

fn refused(path: impl AsRef<Path>, fragments: &[&str]) {
    let text = read(path).unwrap_err();
    assert!(fragments.iter().all(|f| text.contains(f)), "{text} lacks one of {fragments:?}");
}

/// A number in a tag, beside those that a page must have.
type Number = (Tag, u16);

/// Writes a page of 3×2 pixels for each entry, of the value 10, 20, …, with the description in the first.
fn write_pages(path: &Path, description: Option<&str>, pages: &[&[Number]]) {
    let mut file = TiffEncoder::new(fs::File::create(path).unwrap()).unwrap();
    for (number, tags) in pages.iter().enumerate() {
        let mut page = file.new_image::<colortype::Gray8>(3, 2).unwrap();
        for (tag, value) in *tags {
            page.encoder().write_tag(*tag, *value).unwrap();
        }
        if let Some(text) = description.filter(|_| number == 0) {
            page.encoder().write_tag(Tag::ImageDescription, text).unwrap();
        }
        page.write_data(&[10 * (number as u8 + 1); 6]).unwrap();
    }
}

#[test]
fn fixtures_are_read_as_they_were_recorded() {
    let recorded: BTreeMap<String, Recorded> =
        serde_json::from_slice(&fs::read(fixture("expected.json")).unwrap()).unwrap();
    for (name, expected) in recorded {
        let loaded = crate::read_with(fixture(&name), Kind::Image, &spaced()).unwrap();
        assert_eq!(crate::info_with(fixture(&name), &spaced()).unwrap(), loaded.info, "{name}");
        let [x, y, z, channels] = expected.shape;
        assert_eq!((loaded.info.grid.shape(), loaded.info.channels), ([x, y, z], channels), "{name}");
        // The spacing is that of the pixels as stored.
        let turned = ["orientation_5", "orientation_6", "orientation_7", "orientation_8"];
        let [dx, dy] = if turned.iter().any(|t| name.starts_with(t)) { [0.75, 0.5] } else { [0.5, 0.75] };
        assert_eq!(
            loaded.info.grid.affine().rows(),
            [[-dx, 0., 0., 0.], [0., -dy, 0., 0.], [0., 0., 2., 0.]],
            "{name}"
        );
        let facts = &loaded.info.facts;
        assert_eq!(facts.frames, expected.frames.filter(|frames| *frames > 1), "{name}");
        let step = (name == "imagej_frames.tif").then_some((2.5, TimeUnit::Second));
        assert_eq!((facts.frame_spacing, facts.time_unit), (step.map(|s| s.0), step.map(|s| s.1)), "{name}");
        assert_eq!(loaded.info.dtype.name(), expected.dtype, "{name}");
        // Decoders of JPEG round differently.
        let most = if name.starts_with("jpeg") { 2.0 } else { 0.0 };
        for (i, value) in expected.values.iter().enumerate() {
            assert!((loaded.volume.voxels().get(i) - value).abs() <= most, "{name}: value {i}");
        }
        assert!(loaded.info.warnings[0].to_string().contains("left and right"), "{:?}", loaded.info.warnings);
        let error = crate::read(fixture(&name), Kind::Image).unwrap_err().to_string();
        assert!(error.contains("`spacing: [x, y, z]`"), "{error}");
    }
}

#[test]
fn sidecars_say_the_voxel_size_slices_first() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::copy(fixture("grey8.tif"), at("a_0000.tif")).unwrap();
    fs::create_dir(at("p")).unwrap();
    for number in [8, 9, 10, 11] {
        fs::copy(fixture("png8").join(format!("s{number}.png")), at("p").join(format!("s{number}.png"))).unwrap();
    }
    for (picture, sidecar) in
        [("a_0000.tif", "a.json"), ("a_0000.tif", "a_0000.json"), ("p", "p.json"), ("p", "p/spacing.json")]
    {
        fs::write(at(sidecar), r#"{"spacing": [2, 0.75, 0.5], "more": 1}"#).unwrap();
        let info = crate::info(at(picture)).unwrap();
        assert_eq!(info.grid.spacing(), [0.5, 0.75, 2.0], "{sidecar}");
        assert!(crate::parts(at(picture), &ReadOptions::default()).unwrap().contains(&at(sidecar)), "{sidecar}");
        for bad in [
            "{}",
            "[1, 2, 3]",
            r#"{"spacing": [1, 2]}"#,
            r#"{"spacing": [1, 0, 2]}"#,
            r#"{"spacing": [1, -2, 2]}"#,
            "x",
        ] {
            fs::write(at(sidecar), bad).unwrap();
            let error = crate::info(at(picture)).unwrap_err().to_string();
            let name = at(sidecar).display().to_string();
            assert!(error.contains(&name) && error.contains("slices first"), "{error}");
        }
        fs::remove_file(at(sidecar)).unwrap();
    }
    for bad in [[0.0, 1.0, 1.0], [1.0, f64::NAN, 1.0], [1.0, 1.0, -1.0], [f64::INFINITY, 1.0, 1.0]] {
        let options = ReadOptions { spacing: Some(bad), ..ReadOptions::default() };
        let error = crate::info_with(at("p"), &options).unwrap_err().to_string();
        assert!(error.contains("three positive numbers"), "{error}");
    }
    // Files that say it themselves are not told otherwise.
    let nifti = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/dtype_i2.nii");
    let error = crate::info_with(&nifti, &spaced()).unwrap_err().to_string();
    assert!(error.contains("store their voxel size") && error.contains("`spacing:`"), "{error}");
}

#[test]
fn pictures_that_are_no_volume_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("p")).unwrap();
    for number in [8, 9] {
        fs::copy(fixture("png8").join(format!("s{number}.png")), at("p").join(format!("s{number}.png"))).unwrap();
    }
    let refused = |name: &str, fragments: &[&str]| {
        let text = crate::read_with(at(name), Kind::Image, &spaced()).unwrap_err().to_string();
        assert!(fragments.iter().all(|f| text.contains(f)), "{text} lacks one of {fragments:?}");
    };
    crate::read_with(at("p"), Kind::Image, &spaced()).unwrap();
    fs::copy(fixture("png16").join("s9.png"), at("p/s9.png")).unwrap();
    refused("p", &["s9.png: has 5×4 pixels of 1 × uint16", "s8.png has 5×4 pixels of 1 × uint8"]);
    for (name, source) in [("a.tif", "grey16_lzw.tif"), ("a.png", "png8/s8.png"), ("a.jpg", "jpeg/s8.jpg")] {
        let whole = fs::read(fixture(source)).unwrap();
        crate::read_with(fixture(source), Kind::Image, &spaced()).unwrap();
        for part in [8, whole.len() / 3, whole.len() / 2] {
            fs::write(at(name), &whole[..part]).unwrap();
            refused(name, &[name, "cannot be decoded"]);
        }
    }
    // A header that claims much is not believed.
    let mut claim = fs::read(fixture("png8/s8.png")).unwrap();
    claim[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let crc = {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&claim[12..29]);
        hasher.finalize()
    };
    claim[29..33].copy_from_slice(&crc.to_be_bytes());
    fs::write(at("a.png"), &claim).unwrap();
    refused("a.png", &["more than the limit"]);
    let error = crate::write(
        at("b.tif"),
        &crate::read_with(fixture("grey8.tif"), Kind::Image, &spaced()).unwrap().volume,
        &Facts::default(),
    );
    assert!(error.unwrap_err().to_string().contains("no known extension"));
}

#[test]
fn values_are_as_stored_where_white_is_zero() {
    const WHITE_IS_ZERO: (Tag, u16) = (Tag::PhotometricInterpretation, 0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    write_pages(&path, None, &[&[WHITE_IS_ZERO], &[WHITE_IS_ZERO]]);
    let values = |path: &Path| dispatch!(read(path).unwrap().volume.voxels(), v => v.iter().map(|v| v.to_f64()).collect::<Vec<_>>());
    assert_eq!(values(&path), [[10.0; 6], [20.0; 6]].concat());
    let mut file = TiffEncoder::new(fs::File::create(&path).unwrap()).unwrap();
    let mut page = file.new_image::<colortype::Gray16>(3, 2).unwrap();
    page.encoder().write_tag(WHITE_IS_ZERO.0, WHITE_IS_ZERO.1).unwrap();
    page.write_data(&[0, 1, 2, 300, 65534, 65535]).unwrap();
    assert_eq!(values(&path), [0.0, 1.0, 2.0, 300.0, 65534.0, 65535.0]);
    let mut file = TiffEncoder::new(fs::File::create(&path).unwrap()).unwrap();
    let mut page = file.new_image::<colortype::Gray32Float>(3, 2).unwrap();
    page.encoder().write_tag(WHITE_IS_ZERO.0, WHITE_IS_ZERO.1).unwrap();
    page.write_data(&[0.1; 6]).unwrap();
    refused(&path, &["PhotometricInterpretation 0 (white is zero)"]);
}
