//! Orientation: followed in TIFF, told in PNG and JPEG.

use super::*;
use crate::picture::exif::tests::block;

#[test]
fn orientation_swaps_the_spacing_with_the_axes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    let page = |value| [(Tag::Orientation, value)];
    write_pages(&path, None, &[&page(6), &page(8)]);
    let info = crate::info_with(&path, &spaced()).unwrap();
    assert_eq!((info.grid.shape(), info.grid.spacing()), ([2, 3, 2], [0.75, 0.5, 2.0]));
    let said = warnings(&path);
    assert!(said.len() == 1 && said[0].contains("0.5 mm (x) and 0.75 mm (y)"), "{said:?}");
    let square = ReadOptions { spacing: Some([1.0, 1.0, 2.0]), ..ReadOptions::default() };
    assert_eq!(crate::info_with(&path, &square).unwrap().warnings.len(), 1);
    write_pages(&path, None, &[&page(1), &page(3), &page(4)]);
    assert_eq!(warnings(&path), Vec::<String>::new());
    write_pages(&path, None, &[&page(1), &page(6)]);
    refused(&path, &["page 2 has 2×3 pixels of 1 × uint8, but page 1 has 3×2"]);
    for value in [0, 9] {
        write_pages(&path, None, &[&page(value)]);
        assert_eq!(warnings(&path), [format!("Orientation is {value}: not applied, because the standard has 1 to 8")]);
    }
}

#[test]
fn exif_that_asks_to_turn_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let exif = block(6, true);
    let jpeg = fs::read(fixture("jpeg/s8.jpg")).unwrap();
    let content = [b"Exif\0\0", &exif[..]].concat();
    let length = (content.len() as u16 + 2).to_be_bytes();
    fs::write(at("a.jpg"), [&jpeg[..2], &[0xff, 0xe1], &length, &content, &jpeg[2..]].concat()).unwrap();
    let png = fs::read(fixture("png8/s8.png")).unwrap();
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(b"eXIf");
    hasher.update(&exif);
    let length = (exif.len() as u32).to_be_bytes();
    let chunk = [&length[..], b"eXIf", &exif, &hasher.finalize().to_be_bytes()].concat();
    // Before the pixels and behind them.
    fs::write(at("a.png"), [&png[..33], &chunk, &png[33..]].concat()).unwrap();
    fs::write(at("b.png"), [&png[..png.len() - 12], &chunk, &png[png.len() - 12..]].concat()).unwrap();
    for (name, plain) in [("a.jpg", "jpeg/s8.jpg"), ("a.png", "png8/s8.png"), ("b.png", "png8/s8.png")] {
        let said = warnings(at(name));
        assert!(said.len() == 1 && said[0].contains(&format!("EXIF orientation (6 in {name})")), "{name}: {said:?}");
        assert_eq!(read(at(name)).unwrap().volume, read(fixture(plain)).unwrap().volume, "{name}");
        assert_eq!(warnings(fixture(plain)), Vec::<String>::new());
    }
    fs::create_dir(at("p")).unwrap();
    fs::copy(at("a.png"), at("p/s1.png")).unwrap();
    fs::copy(at("b.png"), at("p/s2.png")).unwrap();
    let said = warnings(at("p"));
    assert!(said.len() == 1 && said[0].starts_with("2 pictures have an EXIF orientation (6 in s1.png)"), "{said:?}");
}
