//! Files that lie: each gives an error that names the file, the field and the value, or a reading that is stated.

use std::fs;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use revoxel_core::Kind;

use super::{fixture, read_as};
use crate::codecs::deflate::Effort;
use crate::codecs::gzip;
use crate::{Limits, Loaded, ReadError, ReadOptions};

/// A good header without its last line, of 4×3×2 int16, raw.
const GOOD: &str = "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 4 3 2\n\
    space directions: (1,0,0) (0,1,0) (0,0,2)\nspace origin: (1,2,3)\nendian: little\nencoding: raw\n";

fn values() -> Vec<u8> {
    (0..24i16).flat_map(i16::to_le_bytes).collect()
}

/// A header with changes: an empty value removes a field, a field that is not there is appended.
fn header(changes: &[(&str, &str)]) -> String {
    let mut lines: Vec<String> = GOOD.lines().map(str::to_owned).collect();
    for (name, value) in changes {
        lines.retain(|line| !line.starts_with(&format!("{name}: ")));
        if !value.is_empty() {
            lines.push(format!("{name}: {value}"));
        }
    }
    lines.join("\n") + "\n"
}

fn file(changes: &[(&str, &str)]) -> Vec<u8> {
    [header(changes).as_bytes(), b"\n", &values()].concat()
}

/// Reads within bounded time; the file's name is in every message.
fn outcome(bytes: &[u8]) -> Result<Loaded, String> {
    let start = Instant::now();
    let result = read_as("scan.nrrd", bytes).map_err(|error| error.to_string());
    assert!(start.elapsed() < Duration::from_secs(5));
    if let Err(text) = &result {
        assert!(text.contains("/scan.nrrd: ") && text.len() < 600, "{text}");
    }
    result
}

fn refused_bytes(bytes: &[u8], fragment: &str) {
    let text = outcome(bytes).expect_err(fragment);
    assert!(text.contains(fragment), "{text} lacks {fragment}");
}

fn refused(changes: &[(&str, &str)], fragment: &str) {
    refused_bytes(&file(changes), fragment);
}

/// A good reading with just this remark (none where it is empty).
fn accepted(bytes: &[u8], remark: &str) {
    let loaded = outcome(bytes).unwrap();
    let remarks: Vec<String> = loaded.info.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(loaded.volume.voxels().get(23), 23.0, "{remarks:?}");
    assert!(
        remarks.len() == usize::from(!remark.is_empty()) && remarks.iter().all(|r| r.contains(remark)),
        "{remarks:?}"
    );
}

/// A header file beside other files.
fn detached(
    changes: &[(&str, &str)],
    behind: &str,
    files: &[(&str, &[u8])],
    options: &ReadOptions,
) -> Result<Loaded, ReadError> {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    for (name, bytes) in files {
        fs::write(inner.join(name), bytes).unwrap();
    }
    let path = inner.join("scan.nhdr");
    fs::write(&path, header(changes) + behind).unwrap();
    crate::read_with(&path, Kind::Image, options)
}

fn refused_detached(data_file: &str, behind: &str, fragment: &str) {
    let files = [("a.raw", &values()[..]), ("0.raw", &values()[..16])];
    let error = detached(&[("data file", data_file)], behind, &files, &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("/scan.nhdr: data file is ") && error.contains(fragment), "{error} lacks {fragment}");
}

#[test]
fn row_23_no_empty_line() {
    accepted(&file(&[]), "");
    refused_bytes(GOOD.as_bytes(), "data file is absent: no empty line ends the header");
    refused_bytes(b"NRRD0004", "dimension is absent: it is required");
    refused_bytes(&[GOOD.as_bytes(), &values()].concat(), "not a header line");
}

#[test]
fn rows_24_and_25_sizes() {
    refused(&[("sizes", "4 3")], "sizes is 4 3: expected 3 values, found 2");
    refused(&[("sizes", "4 0 2")], "sizes is 4 0 2: every axis must have at least 1 sample");
    refused(&[("sizes", "4 -1 2")], "sizes is 4 -1 2: every axis");
    refused(&[("sizes", "1099511627776 3 2")], "sizes is 1099511627776 3 2: the values need 13194139533312 bytes");
    refused(&[("sizes", "1099511627776 1099511627776 2")], "more values than can be addressed");
    refused(&[("sizes", "4 3 3")], "sizes is 4 3 3: the values need 72 bytes from byte");
    refused(&[("sizes", "")], "sizes is absent");
    accepted(&[file(&[]), vec![0; 5]].concat(), "5 bytes after the voxels");
    refused(&[("dimension", "0")], "dimension is 0: must be 1 to 16");
    refused(&[("dimension", "17")], "dimension is 17: must be 1 to 16");
    refused(&[("dimension", "three")], "dimension is three: must be a whole number");
    refused(&[("dimension", "2"), ("sizes", "12 2")], "space directions is (1,0,0) (0,1,0) (0,0,2): expected 2 values");
}

#[test]
fn row_26_byte_order() {
    refused(&[("endian", "")], "endian is absent: the byte order (little or big) is required");
    refused(&[("endian", "middle")], "endian is middle: unknown; supported are little and big");
}

#[test]
fn rows_27_and_28_directions() {
    let t = |value: &str, fragment: &str| refused(&[("space directions", value)], fragment);
    t("none none none", "space directions is none none none: no axis has a direction");
    t("(nan,nan,nan) (nan,nan,nan) none", "no axis has a direction");
    t("(nan,0,0) (0,1,0) (0,0,1)", "must be a finite number");
    t("(inf,0,0) (0,1,0) (0,0,1)", "must be a finite number");
    t("(0,0,0) (0,1,0) (0,0,1)", "space directions is (0,0,0) (0,1,0) (0,0,1): the affine is singular");
    t("(1,0,0) (1,0,0) (0,0,1)", "the affine is singular");
    t("(1e-200,0,0) (0,1e-200,0) (0,0,1e-200)", "singular");
    t("(1,0) (0,1) (0,0)", "expected 3 values, found 2");
    t("1 0 0", "must be vectors such as (1,0,0), or none");
    t("(1,0,0) (0,1,0) (0,0,2", "must be vectors");
    refused(&[("space origin", "(1,nan,3)")], "space origin is (1,nan,3): must be a finite number");
    refused(&[("space dimension", "3")], "space is left-posterior-superior: cannot be combined with space dimension");
    refused(&[("space", ""), ("space dimension", "5")], "space dimension is 5: must be 1 to 4");
    refused(&[("space", ""), ("space dimension", "4")], "expected 4 values, found 3");
    refused(&[("space", "upside-down")], "space is upside-down: unknown; supported are right-anterior");
    refused(&[("space", "")], "space directions is (1,0,0)");
    accepted(&file(&[("space", ""), ("space dimension", "3")]), "space dimension is 3: left and right are unknown");
    accepted(&file(&[("space", "scanner-xyz")]), "space is scanner-xyz");
    accepted(&file(&[("space origin", "")]), "space origin is absent: assumed (0, 0, 0)");
    accepted(&file(&[("space units", "\"mm\" \"mm\" \"furlong\"")]), "space units is \"furlong\": unknown unit");
    refused(
        &[("dimension", "4"), ("sizes", "4 3 2 1"), ("space directions", "(1,0,0) (0,1,0) (0,0,1) (1,1,1)")],
        "4 axes have a direction",
    );
    let mixed =
        [("space", "LPST"), ("space directions", "(1,0,0,1) (0,1,0,0) (0,0,1,0)"), ("space origin", "(1,2,3,0)")];
    refused(&mixed, "mixes space and time");
}

#[test]
fn row_29_skips() {
    refused(&[("byte skip", "-5")], "byte skip is -5: must be 0 or more, or -1");
    refused(&[("byte skip", "9999")], "byte skip is 9999: past the end of the file");
    refused(&[("byte skip", "18446744073709551615")], "byte skip is 18446744073709551615: must be a whole number");
    refused(&[("byte skip", "9223372036854775807")], "past the end of the file");
    refused(&[("byte skip", "1")], "sizes is 4 3 2: the values need 48 bytes from byte");
    refused(&[("line skip", "9999")], "line skip is 9999: past the end");
    refused(&[("line skip", "40")], "sizes is 4 3 2: the values need 48 bytes");
    refused(&[("line skip", "-1")], "line skip is -1: must be a whole number of 0 or more");
    accepted(&file(&[("byte skip", "-1")]), "");
    let gz = |front: &[u8]| {
        let mut bytes = [header(&[("encoding", "gzip"), ("byte skip", "-1")]).as_bytes(), b"\n"].concat();
        gzip::compress(&[front, &values()], Effort::Usual, &mut bytes).unwrap();
        bytes
    };
    accepted(&gz(&[9; 1000]), "");
    refused_bytes(&gz(&[])[..gz(&[]).len() - 9], "encoding is gzip: the gzip stream is damaged");
    let mut short =
        [header(&[("encoding", "gzip"), ("byte skip", "-1"), ("sizes", "4 3 3")]).as_bytes(), b"\n"].concat();
    gzip::compress(&[&values()], Effort::Usual, &mut short).unwrap();
    refused_bytes(&short, "encoding is gzip: the gzip stream decodes to 48 bytes, but the header requires 72");
}

#[test]
fn row_30_data_files() {
    refused_detached("../a.raw", "", "../a.raw: outside the folder of the header");
    refused_detached("/dev/zero", "", "outside the folder");
    refused_detached("x/../../a.raw", "", "outside the folder");
    refused_detached("scan.nhdr", "", "scan.nhdr: this is the header itself");
    refused_detached("missing.raw", "", "the file cannot be read");
    refused_detached(".", "", "not a regular file");
    refused_detached("a\0.raw", "", "must be the name of a file");
    let outside = ReadOptions { allow_outside: true, ..ReadOptions::default() };
    let device = detached(&[("data file", "/dev/zero")], "", &[], &outside).unwrap_err().to_string();
    assert!(device.contains("data file is /dev/zero: not a regular file"), "{device}");
    let allowed = detached(&[("data file", "../inner/a.raw")], "", &[("a.raw", &values())], &outside);
    assert_eq!(allowed.unwrap().volume.voxels().get(23), 23.0);
}

#[cfg(unix)]
#[test]
fn row_30_links_do_not_lead_out() {
    use std::os::unix::fs::symlink;
    let outer = tempfile::tempdir().unwrap();
    let at = |name: &str| outer.path().join(name);
    for folder in ["inner", "store"] {
        fs::create_dir(at(folder)).unwrap();
    }
    fs::write(at("store/a.raw"), values()).unwrap();
    fs::write(at("inner/scan.nhdr"), header(&[("data file", "a.raw")])).unwrap();
    symlink(at("store/a.raw"), at("inner/a.raw")).unwrap();
    let path = at("inner/scan.nhdr");
    let error = crate::read(&path, Kind::Image).unwrap_err().to_string();
    assert!(error.contains("data file is a.raw: outside the folder of the header"), "{error}");
    let outside = ReadOptions { allow_outside: true, ..ReadOptions::default() };
    assert!(crate::read_with(&path, Kind::Image, &outside).is_ok());
    // A folder that is a link leads out as well; links within the folder do not.
    fs::write(&path, header(&[("data file", "sub/a.raw")])).unwrap();
    symlink(at("store"), at("inner/sub")).unwrap();
    assert!(crate::read(&path, Kind::Image).unwrap_err().to_string().contains("outside the folder"));
    fs::remove_file(at("inner/sub")).unwrap();
    fs::create_dir(at("inner/sub")).unwrap();
    fs::write(at("inner/b.raw"), values()).unwrap();
    symlink("../b.raw", at("inner/sub/a.raw")).unwrap();
    assert!(crate::read(&path, Kind::Image).is_ok());
    // Header and values in a store, both linked to from elsewhere.
    fs::create_dir(at("view")).unwrap();
    fs::write(at("store/scan.nhdr"), header(&[("data file", "a.raw")])).unwrap();
    symlink(at("store/scan.nhdr"), at("view/scan.nhdr")).unwrap();
    symlink(at("store/a.raw"), at("view/a.raw")).unwrap();
    assert!(crate::read(at("view/scan.nhdr"), Kind::Image).is_ok());
}

#[cfg(unix)]
#[test]
fn row_30_pipes() {
    let folder = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("a.raw")).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: mkfifo is absent");
        return;
    }
    let path = folder.path().join("scan.nhdr");
    fs::write(&path, header(&[("data file", "a.raw")])).unwrap();
    assert!(crate::read(&path, Kind::Image).unwrap_err().to_string().contains("not a regular file"));
}

#[test]
fn row_31_lists_and_patterns() {
    refused_detached("%d.raw 0 1000000000 1", "", "1000000001 files do not match sizes that need 2");
    refused_detached("%d.raw 0 1 0", "", "the step must lead");
    refused_detached("%s%n.raw 0 1 1", "", "the name must have exactly one number");
    refused_detached("%d.raw 0 1 1 9", "", "must be 1 to 3");
    refused_detached("%d.raw 0 1 1", "", "1.raw: the file cannot be read");
    refused_detached("../%d.raw 0 1 1", "", "outside the folder");
    refused_detached("LIST", "0.raw\n", "1 files do not match sizes that need 2");
    refused_detached("LIST", "0.raw\n/etc/passwd\n", "outside the folder");
    refused_detached("LIST 3", "", "0 files do not match slabs of an axis of 2 samples");
    let many = [("data file", "%d.raw 0 999999999 1"), ("sizes", "1 1 1000000000")];
    let error = detached(&many, "", &[("0.raw", &[0; 2])], &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("1.raw: the file cannot be read"), "{error}");
    let short = detached(
        &[("data file", "LIST")],
        "0.raw\na.raw\n",
        &[("0.raw", &[0; 23]), ("a.raw", &values())],
        &ReadOptions::default(),
    );
    let error = short.unwrap_err().to_string();
    assert!(
        error.contains("0.raw: sizes is 4 3 2: the values need 24 bytes from byte 0 on, but the file ends after 23"),
        "{error}"
    );
}

#[test]
fn rows_32_and_33_text() {
    let with = |changes: &[(&str, &str)], text: &str| [header(changes), "\n".into(), text.into()].concat().into_bytes();
    let numbers = |n: i32| (0..n).map(|i| i.to_string()).collect::<Vec<_>>().join("\n");
    let text = [("encoding", "ascii")];
    accepted(&with(&text, &numbers(24)), "");
    refused_bytes(&with(&text, &numbers(23)), "sizes is 4 3 2: ");
    refused_bytes(&with(&text, &(numbers(23) + "    ")), "expected 24 values, the text has 23");
    refused_bytes(&with(&text, &numbers(25)), "expected 24 values, the text has more");
    refused_bytes(
        &with(&text, &(numbers(23) + " 1e999")),
        "encoding is text: value 23 is \"1e999\", not a number of type int16",
    );
    refused_bytes(
        &with(&[("encoding", "text"), ("type", "float")], &(numbers(23) + " 1e999")),
        "\"1e999\", not a number of type float32",
    );
    refused_bytes(&with(&text, &(numbers(23) + " 40000")), "\"40000\", not a number of type int16");
    refused_bytes(
        &with(&[("encoding", "text"), ("sizes", "4 3 2000000000")], "1 2"),
        "sizes is 4 3 2000000000: the values need",
    );
    refused_bytes(&with(&[("encoding", "text"), ("byte skip", "-1")], &numbers(24)), "byte skip is -1: not supported");
    let hex = [("encoding", "hex")];
    let digits: String = values().iter().map(|b| format!("{b:02x}")).collect();
    accepted(&with(&hex, &digits), "");
    refused_bytes(&with(&hex, &digits[..95]), "sizes is 4 3 2: the values need 96 bytes");
    refused_bytes(&with(&hex, &(digits[..95].to_owned() + "\n")), "expected 96 hexadecimal digits, the text has 95");
    refused_bytes(&with(&hex, &(digits.clone() + "0")), "the text has 97");
    refused_bytes(
        &with(&hex, &(digits[..95].to_owned() + "x")),
        "encoding is hex: byte 95 of the text is not a hexadecimal digit",
    );
}

#[test]
fn row_34_bombs() {
    use std::io::Write;
    let bomb = |encoding: &str, sizes: &str, count: usize| {
        let mut bytes = [header(&[("encoding", encoding), ("sizes", sizes)]).as_bytes(), b"\n"].concat();
        let zeros = vec![0; count];
        if encoding == "gzip" {
            gzip::compress(&[&zeros], Effort::Usual, &mut bytes).unwrap();
        } else {
            let mut encoder = bzip2::write::BzEncoder::new(&mut bytes, bzip2::Compression::best());
            encoder.write_all(&zeros).unwrap();
            encoder.finish().unwrap();
        }
        bytes
    };
    // More than is claimed is not kept; what is claimed but not there is noticed; the limit holds.
    for encoding in ["gzip", "bzip2"] {
        let loaded = outcome(&bomb(encoding, "4 3 2", 60 << 20)).unwrap();
        assert!(loaded.info.warnings[0].to_string().contains("bytes after the voxels"), "{encoding}");
        refused_bytes(
            &bomb(encoding, "4 3 2", 46),
            &format!("encoding is {encoding}: the {encoding} stream decodes to 46 bytes"),
        );
    }
    refused_bytes(&bomb("bzip2", "4 3 2", 100 << 20), "bytes of bzip2 expand beyond the limit of 67108864");
    refused_bytes(
        &bomb("bzip2", "100000 100000 2", 1 << 20),
        "compressed bytes would expand to 40000000000, more than the limit of 67108864",
    );
    refused_bytes(
        &bomb("bzip2", "1000 1000 20", 1 << 20),
        "the bzip2 stream decodes to 1048576 bytes, but the header requires 40000000",
    );
    refused_bytes(&bomb("gzip", "100000 100000 2", 1 << 20), "but 40000000000 are needed");
    refused_bytes(
        &bomb("bzip2", "1000000 1000000 2", 100),
        "compressed bytes would expand to 4000000000000, more than the limit",
    );
    let whole = bomb("bzip2", "4 3 2", 48);
    refused_bytes(&whole[..whole.len() - 8], "encoding is bzip2: the bzip2 stream is truncated");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.nrrd");
    fs::write(&path, bomb("bzip2", "1024 1024 8", 16 << 20)).unwrap();
    let options =
        ReadOptions { limits: Limits { max_volume: 10 << 20, ..Limits::default() }, ..ReadOptions::default() };
    let error = crate::read_with(&path, Kind::Image, &options).unwrap_err();
    assert!(matches!(error, ReadError::Limit { limit: 10_485_760, .. }), "{error}");
}

#[test]
fn row_35_a_line_without_end() {
    let long = [b"NRRD0004\ncontent: ".to_vec(), vec![b'x'; 40 << 20]].concat();
    refused_bytes(&long, "header length is 33554432: the header does not end within 33554432 bytes");
    refused_bytes(&[b"NRRD0004".to_vec(), vec![b'x'; 1 << 20]].concat(), "magic is NRRD0004xxx");
}

#[test]
fn row_36_types_versions_and_repetitions() {
    refused(&[("type", "block")], "type is block: not supported");
    refused(&[("type", "quaternion")], "type is quaternion: unknown");
    refused(&[("type", "")], "type is absent");
    refused(&[("encoding", "rot13")], "encoding is rot13: unknown; supported are raw");
    refused(&[("kinds", "domain domain")], "kinds is domain domain: expected 3 values, found 2");
    refused(&[("labels", "\"a\" b \"c\"")], "labels is \"a\" b \"c\": must be texts in double quotes");
    refused_bytes(
        &[b"NRRD0009".as_slice(), &file(&[])[8..]].concat(),
        "magic is NRRD0009: must be NRRD0001 to NRRD0006",
    );
    refused_bytes(&[GOOD.as_bytes(), b"Sizes: 1 1 1\n\n"].concat(), "sizes is 1 1 1: the field appears twice");
    refused_bytes(b"not an NRRD file", "magic is not an NRRD file");
    refused_bytes(b"", "magic is empty");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_does_not_panic(
        name in prop::sample::select(vec!["itk_vector.nrrd", "slicer.seg.nrrd", "pynrrd_bzip2.nrrd", "time.nrrd", "old_cell.nrrd", "hex.nrrd", "pynrrd_ascii.nrrd", "pattern.nhdr", "list.nhdr"]),
        flips in prop::collection::vec((0usize..1200, any::<u8>()), 1..12),
        cut in prop::option::of(0usize..1200),
    ) {
        let mut bytes = fs::read(fixture(name)).unwrap();
        let length = bytes.len();
        flips.iter().for_each(|(at, value)| bytes[at % length] = *value);
        bytes.truncate(cut.unwrap_or(usize::MAX));
        let _ = read_as(name, &bytes);
    }
}
