//! Pages that are channels, frames, thumbnails or masks.

use super::*;

const PLAIN: &[Number] = &[];

#[test]
fn channels_of_imagej_are_channels_and_frames_are_frames() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let pages = [PLAIN; 6];
    write_pages(&at("c.tif"), Some("ImageJ=1.53t\nimages=6\nchannels=2\nslices=3\nhyperstack=true\n"), &pages);
    let loaded = read(at("c.tif")).unwrap();
    assert_eq!((loaded.info.grid.shape(), loaded.info.channels), ([3, 2, 3], 2));
    let firsts: Vec<f64> = (0..6).map(|plane| loaded.volume.voxels().get(6 * plane)).collect();
    assert_eq!(firsts, [10., 30., 50., 20., 40., 60.]);
    write_pages(&at("t.tif"), Some("ImageJ=1.53t\nimages=6\nslices=3\nframes=2\nfinterval=1.5\n"), &pages);
    let loaded = read(at("t.tif")).unwrap();
    assert_eq!((loaded.info.grid.shape(), loaded.info.channels), ([3, 2, 3], 2));
    // Frames stay frames in another format.
    for name in ["t.nii", "t.nrrd", "t.mha"] {
        crate::write(at(name), &loaded.volume, &loaded.info.facts).unwrap();
        let again = crate::read(at(name), Kind::Image).unwrap();
        assert_eq!((again.info.facts.frames, again.info.facts.frame_spacing), (Some(2), Some(1.5)), "{name}");
        assert!(again.volume.voxels().bytes() == loaded.volume.voxels().bytes(), "{name}");
    }
    // Frames of one slice.
    write_pages(&at("f.tif"), Some("ImageJ=1.53t\nimages=6\nframes=6\n"), &pages);
    let loaded = read(at("f.tif")).unwrap();
    assert_eq!((loaded.info.grid.shape(), loaded.info.facts.frames), ([3, 2, 1], Some(6)));
    crate::write(at("f.nii"), &loaded.volume, &loaded.info.facts).unwrap();
    assert_eq!(crate::info(at("f.nii")).unwrap().channels, 6);
}

#[test]
fn descriptions_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let both = "ImageJ=1.53t\nimages=4\nchannels=2\nframes=2\n";
    write_pages(&at("a.tif"), Some(both), &[PLAIN; 4]);
    refused(at("a.tif"), &["a.tif: ", "2 channels and 2 frames"]);
    write_pages(&at("a.tif"), Some("ImageJ=1.53t\nimages=3000\nslices=3000\n"), &[PLAIN]);
    refused(at("a.tif"), &["images is 3000, but the file has 1 page", "4 GB"]);
    write_pages(&at("a.tif"), Some("ImageJ=1.53t\nimages=4\nchannels=2\nslices=3\n"), &[PLAIN; 4]);
    refused(at("a.tif"), &["images is 4", "2 × 3 × 1"]);
    let ome = "<?xml version=\"1.0\"?><OME><Image><Pixels SizeC=\"2\" SizeT=\"1\" SizeZ=\"2\"/></Image></OME>";
    write_pages(&at("a.tif"), Some(ome), &[PLAIN; 4]);
    refused(at("a.tif"), &["SizeC is 2 and SizeT is 1", "bfconvert"]);
    write_pages(&at("a.tif"), Some("{\"shape\": [2, 2, 2, 3]}"), &[PLAIN; 4]);
    refused(at("a.tif"), &["[2, 2, 2, 3]", "one file per volume"]);
}

#[test]
fn files_of_a_folder_have_channels_alike() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["s1.tif", "s2.tif"] {
        write_pages(&at(name), Some("ImageJ=1.53t\nimages=2\nchannels=2\n"), &[PLAIN; 2]);
    }
    let loaded = read(folder.path()).unwrap();
    assert_eq!((loaded.info.grid.shape(), loaded.info.channels), ([3, 2, 2], 2));
    let firsts: Vec<f64> = (0..4).map(|plane| loaded.volume.voxels().get(6 * plane)).collect();
    assert_eq!(firsts, [10., 10., 20., 20.]);
    write_pages(&at("s2.tif"), None, &[PLAIN; 2]);
    refused(folder.path(), &["s2.tif: ", "1 channels and 1 frames, but s1.tif has 2 channels"]);
    for name in ["s1.tif", "s2.tif"] {
        write_pages(&at(name), Some("ImageJ=1.53t\nimages=2\nframes=2\n"), &[PLAIN; 2]);
    }
    refused(folder.path(), &["s2.tif: ", "frames must be in a single file"]);
}

#[test]
fn thumbnails_and_masks_are_no_slices() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert_eq!(warnings(fixture("aside.tif")), ["3 pages are thumbnails or masks: left out (NewSubfileType)"]);
    for (aside, is_aside) in [
        ((Tag::NewSubfileType, 1), true),
        ((Tag::NewSubfileType, 4), true),
        ((Tag::NewSubfileType, 5), true),
        ((Tag::SubfileType, 2), true),
        ((Tag::NewSubfileType, 2), false),
        ((Tag::SubfileType, 3), false),
    ] {
        write_pages(&at("a.tif"), None, &[&[aside], &[], &[]]);
        let loaded = read(at("a.tif")).unwrap();
        let (first, slices) = (loaded.volume.voxels().get(0), loaded.info.grid.shape()[2]);
        assert_eq!((first, slices), if is_aside { (20., 2) } else { (10., 3) }, "{aside:?}");
        let said = warnings(at("a.tif")).iter().any(|w| w.starts_with("1 page is a thumbnail or mask"));
        assert_eq!(said, is_aside, "{aside:?}");
    }
    write_pages(&at("a.tif"), None, &[&[(Tag::NewSubfileType, 1)], &[(Tag::NewSubfileType, 4)]]);
    refused(at("a.tif"), &["all pages (2) are thumbnails or masks"]);
}

#[test]
fn a_thumbnail_need_not_be_decodable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    let fake = [(Tag::NewSubfileType, 1), (Tag::Predictor, 999)];
    write_pages(&path, None, &[&[], &fake, &[]]);
    assert_eq!(read(&path).unwrap().info.grid.shape(), [3, 2, 2]);
    write_pages(&path, None, &[&[], &fake[1..], &[]]);
    refused(&path, &["cannot be decoded"]);
}
