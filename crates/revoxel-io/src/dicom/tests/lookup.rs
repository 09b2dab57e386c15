//! Values through tables, doses, and attributes whose value representation is not the dictionary's.

use revoxel_core::{Dtype, Voxels};

use super::writer::Object;
use super::*;

fn slice() -> Object {
    Object::slice(0, [0.0, 0.0, 5.0])
}

fn first(loaded: &Loaded, count: usize) -> Vec<f64> {
    (0..count).map(|i| loaded.volume.voxels().get(i)).collect()
}

/// A text attribute with a value representation that is not the dictionary's.
fn as_unknown(object: Object, tag: u32, value: &str) -> Object {
    let mut bytes = value.as_bytes().to_vec();
    bytes.resize(bytes.len().next_multiple_of(2), b' ');
    object.raw(tag, "UN", bytes)
}

#[test]
fn unknown_representations_are_the_dictionarys() {
    // As binary numbers, "1 " would be 8241 and "-5" 13613.
    for vr in ["UN", "US", "OB", "LO", "SH"] {
        let object = slice().raw(0x0028_1053, vr, *b"1 ").raw(0x0028_1052, vr, *b"-5");
        let loaded = read_default([object]).unwrap();
        assert_eq!((first(&loaded, 2), loaded.volume.dtype()), (vec![-5.0, -4.0], Dtype::I16), "{vr}");
    }
    let mut object = slice();
    for (tag, value) in [
        (0x0020_0032, "1.5\\-2\\3"),
        (0x0020_0037, "1\\0\\0\\0\\1\\0"),
        (0x0028_0030, "0.75\\0.5"),
        (0x0018_0050, "2.5"),
        (0x0008_0060, "MR"),
    ] {
        object = as_unknown(object, tag, value);
    }
    for (tag, value) in [(0x0028_0010, 3u16), (0x0028_0011, 4), (0x0028_0100, 16), (0x0028_0101, 12), (0x0028_0102, 11)]
    {
        object = object.raw(tag, "UN", value.to_le_bytes());
    }
    let loaded = read_default([object]).unwrap();
    assert_eq!(loaded.info.grid.shape(), [4, 3, 1]);
    close(&loaded.info.grid.affine().translation(), &[-1.5, 2.0, 3.0], 1e-12);
    close(&loaded.info.grid.spacing(), &[0.5, 0.75, 2.5], 1e-12);
    // Binary where text is due, and text where binary numbers are: neither is guessed.
    refused(read_default([slice().raw(0x0028_1053, "FD", 1.0f64.to_le_bytes())]), &["RescaleSlope (0028,1053)"]);
    refused(read_default([slice().raw(0x0028_0010, "IS", *b"3 ")]), &["Rows (0028,0010) is \"3\"", "IS", "binary"]);
}

#[test]
fn sequences_of_unknown_kind() {
    let measures = Object::empty().numbers(0x0028_0030, &[0.75, 0.5]).text(0x0018_0050, "DS", "2.5");
    let place = |z: f64| Object::empty().numbers(0x0020_0032, &[0.0, 0.0, z]);
    let orientation = Object::empty().numbers(0x0020_0037, &[1., 0., 0., 0., 1., 0.]);
    let values = Object::empty().text(0x0028_1052, "DS", "-7").text(0x0028_1053, "DS", "2");
    let shared = Object::empty()
        .sequence(0x0028_9110, &[measures])
        .sequence(0x0020_9116, &[orientation])
        .sequence(0x0028_9145, &[values]);
    let frames: Vec<Object> = [0.0, 4.0].iter().map(|z| Object::empty().sequence(0x0020_9113, &[place(*z)])).collect();
    let base = || {
        let bare = [0x0020_0032, 0x0020_0037, 0x0028_0030, 0x0028_1052, 0x0028_1053].into_iter();
        bare.fold(slice(), Object::without).text(0x0028_0008, "IS", "2").pixels(&[6; 24])
    };
    let written = base().sequence(0x5200_9229, std::slice::from_ref(&shared)).sequence(0x5200_9230, &frames);
    let expected = read_default([written]).unwrap();
    assert_eq!((expected.info.grid.spacing(), first(&expected, 1)), ([0.5, 0.75, 4.0], vec![5.0]));
    // As UN: implicit within, as the standard says, or explicit, as some writers have it.
    for implicit in [true, false] {
        let object = base().unknown_sequence(0x5200_9229, std::slice::from_ref(&shared), implicit);
        let loaded = read_default([object.unknown_sequence(0x5200_9230, &frames, implicit)]).unwrap();
        assert_eq!((loaded.info.grid, loaded.volume.voxels()), (expected.info.grid, expected.volume.voxels()));
    }
}

#[test]
fn palettes_are_colours() {
    let words = |w: &[u16]| w.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let descriptor =
        |object: Object, values: [u16; 3]| (0..3).fold(object, |o, i| o.raw(0x0028_1101 + i, "US", words(&values)));
    let base = |bits: u16, pixels: Vec<u8>| {
        slice()
            .without(0x0028_1052)
            .without(0x0028_1053)
            .text(0x0028_0004, "CS", "PALETTE COLOR")
            .short(0x0028_0100, bits)
            .short(0x0028_0101, bits)
            .short(0x0028_0102, bits - 1)
            .raw(0x7fe0_0010, "OW", pixels)
    };
    let pixels = vec![0, 1, 2, 3, 4, 5, 6, 7, 255, 5, 6, 7];
    // Entries from pixel 5 on; what is below or beyond takes the first or the last.
    let table = |c: u16| [10 + c, 20 + c, 30 + c];
    let places = [0, 0, 0, 0, 0, 0, 1, 2, 2, 0, 1, 2usize];
    let want: Vec<u16> = (0..3).flat_map(|c| places.map(|p| table(100 * c / 2)[p])).collect();
    let mut wide = descriptor(base(8, pixels.clone()), [3, 5, 16]);
    let mut narrow = descriptor(base(8, pixels.clone()), [3, 5, 8]);
    let mut packed = narrow.clone();
    for c in 0..3u16 {
        let entries = table(100 * c / 2);
        let tag = 0x0028_1201 + u32::from(c);
        wide = wide.raw(tag, "OW", words(&entries));
        narrow = narrow.raw(tag, "OW", words(&entries));
        packed = packed.raw(tag, "OW", [entries[0] as u8, entries[1] as u8, entries[2] as u8, 0]);
    }
    let loaded = read_default([wide.clone()]).unwrap();
    assert_eq!((loaded.info.channels, loaded.info.facts.colour), (3, true));
    assert_eq!(loaded.volume.voxels(), &Voxels::from(want.clone()));
    let bytes: Vec<u8> = want.iter().map(|v| *v as u8).collect();
    for object in [narrow, packed] {
        assert_eq!(read_default([object]).unwrap().volume.voxels(), &Voxels::from(bytes.clone()));
    }
    refused(read_default([wide.clone().without(0x0028_1202)]), &["GreenPaletteColorLookupTableData", "missing"]);
    refused(read_default([wide.clone().raw(0x0028_1203, "OW", [0; 4])]), &["BluePalette", "4 bytes", "3 entries"]);
    let segments = (0..3).fold(wide, |o, c| o.without(0x0028_1201 + c)).raw(0x0028_1221, "OW", [0; 8]);
    refused(read_default([segments]), &["SegmentedRedPalette", "not supported"]);
}

#[test]
fn the_modality_has_a_table() {
    let words = |w: &[u16]| w.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let item = |d: [u16; 3], entries: &[u16]| {
        Object::empty().raw(0x0028_3002, "US", words(&d)).raw(0x0028_3006, "OW", words(entries))
    };
    let base = |d, entries: &[u16]| {
        slice().without(0x0028_1052).without(0x0028_1053).sequence(0x0028_3000, &[item(d, entries)])
    };
    let loaded = read_default([base([4, 2, 16], &[500, 40000, 7, 9])]).unwrap();
    assert_eq!(loaded.volume.dtype(), Dtype::F32);
    assert_eq!(first(&loaded, 7), [500.0, 500.0, 500.0, 40000.0, 7.0, 9.0, 9.0]);
    // Of signed pixels the first value that is mapped is signed.
    let signed = |o: Object| o.short(0x0028_0103, 1).pixels(&[0xfff, 0xffe, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    let loaded = read_default([signed(base([3, 0xffff, 16], &[11, 12, 13]))]).unwrap();
    assert_eq!(first(&loaded, 4), [11.0, 11.0, 12.0, 13.0]);
    let both = base([1, 0, 16], &[5]).text(0x0028_1053, "DS", "2");
    refused(read_default([both]), &["ModalityLUTSequence (0028,3000)", "RescaleSlope"]);
    refused(read_default([base([4, 2, 16], &[1, 2])]), &["LUTData (0028,3006) is 4 bytes", "4 entries of 16 bits"]);
}

#[test]
fn doses_are_volumes() {
    let dose = |offsets: &[f64]| {
        let long: Vec<u8> = (0..36u32).flat_map(|i| (i * 1000).to_le_bytes()).collect();
        Object::slice(0, [1.0, 2.0, 30.0])
            .without(0x0028_1052)
            .without(0x0028_1053)
            .text(0x0008_0016, "UI", "1.2.840.10008.5.1.4.1.1.481.2")
            .text(0x0008_0060, "CS", "RTDOSE")
            .text(0x0028_0008, "IS", "3")
            .short(0x0028_0100, 32)
            .short(0x0028_0101, 32)
            .short(0x0028_0102, 31)
            .numbers(0x3004_000c, offsets)
            .text(0x3004_000e, "DS", "0.0005")
            .raw(0x7fe0_0010, "OW", long)
    };
    let t = |offsets: &[f64], places: [f64; 3], order: [usize; 3]| {
        let loaded = read_default([dose(offsets)]).unwrap();
        assert_eq!(loaded.info.grid.shape(), [4, 3, 3]);
        for k in 0..3 {
            let place = loaded.info.grid.affine().apply([0.0, 0.0, k as f64]);
            close(&place, &[-1.0, -2.0, places[k]], 1e-9);
            close(&[loaded.volume.value([1, 0, k], 0)], &[0.0005 * 1000.0 * (12.0 * order[k] as f64 + 1.0)], 1e-9);
        }
    };
    t(&[0.0, 2.5, 5.0], [30.0, 32.5, 35.0], [0, 1, 2]);
    t(&[0.0, -2.5, -5.0], [25.0, 27.5, 30.0], [2, 1, 0]);
    // Places of transverse planes.
    t(&[30.0, 32.5, 35.0], [30.0, 32.5, 35.0], [0, 1, 2]);
    refused(read_default([dose(&[0.0, 2.5])]), &["GridFrameOffsetVector (3004,000C) is 2 offsets", "NumberOfFrames"]);
    refused(
        read_default([dose(&[31.0, 33.5, 36.0])]),
        &["GridFrameOffsetVector", "31", "must be 0 for the first plane"],
    );
    refused(read_default([dose(&[0.0, 2.5, 5.0]).without(0x3004_000e)]), &["DoseGridScaling (3004,000E) is missing"]);
    refused(read_default([dose(&[0.0, 2.5, 7.0])]), &["unevenly spaced"]);
}
