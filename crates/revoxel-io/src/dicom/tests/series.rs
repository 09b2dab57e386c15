//! Grouping, order, gaps, tilt: one test per rule.

use super::writer::Object;
use super::*;
use crate::dicom::{self, SkipReason};

/// The last lines of formats.md: an oblique series whose slices descend in z.
#[test]
fn the_worked_case() {
    let iop = [0.9993283937409, -2.051034e-10, 0.036643709737, 2.049657e-10, 1.0, 7.5158e-12];
    let normal = [-0.036643709737, 0.0, 0.9993283937409];
    let top = [-191.80030483817, -176.12590213898, 86.606538507263];
    let slices = (0..5).map(|k| {
        let position = [0, 1, 2].map(|a| top[a] - normal[a] * 1.1 * k as f64);
        Object::slice(k, position).numbers(0x0020_0037, &iop).numbers(0x0028_0030, &[0.80357140302658; 2])
    });
    let loaded = read_default(slices).unwrap();
    let rows = loaded.info.grid.affine().rows();
    // RAS: x and y are negated.
    let (s, lowest) = (0.80357140302658, [0, 1, 2].map(|a| top[a] - normal[a] * 4.4));
    close(&rows[0], &[-iop[0] * s, 0.0, normal[0] * -1.1, -lowest[0]], 1e-8);
    close(&rows[1], &[0.0, -s, 0.0, -lowest[1]], 1e-8);
    close(&rows[2], &[iop[2] * s, 0.0, normal[2] * 1.1, lowest[2]], 1e-8);
    // The lowest slice, written last, comes first; the affine is a rotation, exactly.
    assert_eq!(loaded.volume.value([0, 0, 0], 0), -600.0);
    assert!(loaded.info.grid.affine().shear() < 1e-12);
    close(&loaded.info.grid.spacing(), &[s, s, 1.1], 1e-10);
    assert_eq!(warnings(&loaded), [""; 0]);
}

#[test]
fn values_and_axes_are_where_they_belong() {
    let loaded = read_default(stack(&[4.0, 0.0, 2.0])).unwrap();
    assert_eq!((loaded.volume.grid().shape(), loaded.info.grid.spacing()), ([4, 3, 3], [0.5, 0.75, 2.0]));
    assert_eq!(loaded.volume.value([3, 1, 0], 0), 107.0 - 1000.0);
    assert_eq!(loaded.volume.value([3, 1, 2], 0), 7.0 - 1000.0);
    assert_eq!(loaded.volume.dtype(), revoxel_core::Dtype::I16);
    let facts = loaded.info.facts.dicom.unwrap();
    assert_eq!((facts.modality.as_deref(), facts.description.as_deref()), (Some("CT"), Some("Thorax")));
    assert_eq!(facts.frame_of_reference.as_deref(), Some("1.2.3.4"));
}

#[test]
fn rounded_positions_are_even_and_others_are_not() {
    assert!(read_default(stack(&[0.0, 0.501, 1.0, 1.499, 2.0])).is_ok());
    let mut z: Vec<f64> = (0..12).map(|k| 0.6 * f64::from(k)).collect();
    z.push(z[11] + 0.5);
    let gap = "0.6 mm expected, 0.5 mm found between slices 12 and 13";
    refused(read_default(stack(&z)), &["unevenly spaced", gap]);
    let loaded = read_sliced(stack(&z), SlicePolicy::Regularize).unwrap();
    let positions = &loaded.info.slices.as_ref().unwrap().positions;
    assert_eq!((positions.len(), loaded.info.grid.shape()[2]), (13, 13));
    close(&positions[12], &[0.0, 0.0, z[12]], 1e-9);
    close(&loaded.info.grid.affine().apply([0.0, 0.0, 12.0]), &[0.0, 0.0, z[12]], 1e-9);
    assert!(warnings(&loaded)[0].contains(gap));
    let loaded = read_sliced(stack(&z), SlicePolicy::Nominal).unwrap();
    assert!(loaded.info.slices.is_none() && warnings(&loaded)[0].contains("treated as evenly spaced at 0.5917 mm"));
}

#[test]
fn gaps_may_differ_by_a_hundredth_or_by_a_hundredth_of_a_millimetre() {
    // 1 % of 2 mm, and 0.01 mm where the gap is 0.5 mm.
    for (gap, most) in [(2.0, 0.02), (0.5, 0.01)] {
        let with = |off: f64| stack(&[0.0, gap, 2.0 * gap + off, 3.0 * gap, 4.0 * gap]);
        for sign in [1.0, -1.0] {
            assert!(read_default(with(sign * 0.95 * most)).is_ok(), "{gap}");
            refused(read_default(with(sign * 1.3 * most)), &["unevenly spaced"]);
        }
    }
}

#[test]
fn missing_slices_are_named_and_filled() {
    let z = [0.0, 5.0, 10.0, 25.0, 30.0];
    let fragments = ["2 slices are missing", "between slices 3 and 4 at (-0.000, -0.000, 15.000)"];
    let texts = fragments.map(|f| f.replace("-0.000", "0.000"));
    refused(read_default(stack(&z)), &[&texts[0], &texts[1]]);
    // Taking them to be even would be wrong by whole slices.
    refused(read_sliced(stack(&z), SlicePolicy::Nominal), &["are missing"]);
    let loaded = read(folder(stack(&z)).path(), &filling()).unwrap();
    assert_eq!((loaded.info.grid.shape(), loaded.info.grid.spacing()[2]), ([4, 3, 7], 5.0));
    let values: Vec<f64> = (0..7).map(|k| loaded.volume.value([1, 0, k], 0)).collect();
    assert_eq!(values, [-999.0, -899.0, -799.0, -766.0, -732.0, -699.0, -599.0]);
    assert_eq!(warnings(&loaded), ["2 missing slices were interpolated: 4, 5"]);
    let label = crate::read_with(folder(stack(&z)).path(), Kind::Label, &filling()).unwrap();
    assert_eq!(label.volume.value([1, 0, 3], 0), -799.0);
    let kept = read_sliced(stack(&z), SlicePolicy::Regularize).unwrap();
    assert_eq!(kept.info.slices.unwrap().positions.len(), 5);
}

#[test]
fn tilt_is_kept_and_noise_is_not() {
    let tilted = |degrees: f64| {
        (0..6).map(move |k| {
            let z = 2.0 * k as f64;
            Object::slice(k, [0.0, z * degrees.to_radians().tan(), z])
        })
    };
    let loaded = read_default(tilted(14.0)).unwrap();
    assert!(warnings(&loaded)[0].contains("gantry tilt of 14.00°"));
    close(&loaded.info.grid.affine().column(2), &[0.0, -2.0 * 14f64.to_radians().tan(), 2.0], 1e-9);
    assert!((loaded.info.facts.dicom.unwrap().tilt_degrees.unwrap() - 14.0).abs() < 1e-9);
    let loaded = read_default(tilted(0.09)).unwrap();
    assert_eq!(loaded.info.grid.affine().column(2), [0.0, 0.0, 2.0]);
    assert_eq!(warnings(&loaded), [""; 0]);
    // One slice moved within its plane is no tilt.
    let moved =
        || tilted(0.0).enumerate().map(|(k, o)| if k == 2 { o.numbers(0x0020_0032, &[0.4, 0.0, 4.0]) } else { o });
    refused(read_default(moved()), &["slice 3 lies 0.400 mm off the line"]);
    let positions = read_sliced(moved(), SlicePolicy::Regularize).unwrap().info.slices.unwrap().positions;
    close(&positions[2], &[-0.4, 0.0, 4.0], 1e-12);
}

#[test]
fn series_are_told_apart_and_chosen() {
    let other = stack(&[0.0, 1.0]).into_iter().enumerate().map(|(i, o)| {
        o.text(0x0020_000e, "UI", "1.9").text(0x0020_0011, "IS", "2").text(0x0008_0018, "UI", &format!("1.9.{i}"))
    });
    let folder = folder(stack(&[0.0, 1.0, 2.0]).into_iter().chain(other));
    let choose = |series: &str| read(folder.path(), &ReadOptions { series: series.parse().ok(), ..Default::default() });
    refused(
        read(folder.path(), &ReadOptions::default()),
        &["contains 2 series", "1: CT 2 \"Thorax\", 2 slices", "2: CT", "1.2.3"],
    );
    assert_eq!(choose("1").unwrap().info.grid.shape()[2], 2);
    assert_eq!(choose("1.2.3").unwrap().info.grid.shape()[2], 3);
    refused(choose("3"), &["no match for series \"3\"", "1.9"]);
    refused(choose("1.2"), &["no match for series"]);
    // A file stands for its series.
    assert_eq!(read(&folder.path().join("4.dcm"), &ReadOptions::default()).unwrap().info.grid.shape()[2], 2);
    let scan = dicom::scan(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!(scan.series.iter().map(|s| (s.number, s.slices)).collect::<Vec<_>>(), [(1, 2), (2, 3)]);
    let json = serde_json::to_string(&scan).unwrap();
    assert!(json.contains(r#""geometry":{"shape":[4,3,3],"spacing":[0.5,0.75,1.0],"affine":[[-0.5,"#), "{json}");
}

#[test]
fn what_cannot_share_a_volume_is_a_part() {
    fn t(change: impl Fn(Object) -> Object, differs: &str) {
        let slices = stack(&[0.0, 1.0, 2.0, 3.0]).into_iter().enumerate();
        let result = read_default(slices.map(|(i, o)| if i > 1 { change(o) } else { o }));
        refused(result, &["contains 2 volumes in one series", "2 slices", differs]);
    }
    t(|o| o.short(0x0028_0010, 2), "4×2");
    t(|o| o.text(0x0028_0004, "CS", "MONOCHROME1"), "uint16 MONOCHROME1");
    t(|o| o.numbers(0x0028_0030, &[0.75, 0.5001]), "pixels 0.50010×0.75000 mm");
    t(|o| o.numbers(0x0020_0037, &[0.0, 1.0, 0.0, -1.0, 0.0, 0.0]), "orientation 0.000 1.000");
    t(|o| o.numbers(0x0020_0037, &[1.0, 2e-3, 0.0, -2e-3, 1.0, 0.0]), "orientation 1.000 0.002");
    let colour = |o: Object| {
        let bits = o.short(0x0028_0100, 8).short(0x0028_0101, 8).short(0x0028_0102, 7).short(0x0028_0006, 0);
        bits.short(0x0028_0002, 3).text(0x0028_0004, "CS", "RGB").raw(0x7fe0_0010, "OB", vec![7; 36])
    };
    t(colour, "RGB");
    // Within the tolerances it is the same.
    let slices = stack(&[0.0, 1.0, 2.0]).into_iter().enumerate();
    let nearly = slices.map(|(i, o)| o.numbers(0x0028_0030, &[0.75, 0.5 + 1e-5 * i as f64]));
    assert!(read_default(nearly.map(|o| o.numbers(0x0020_0037, &[1.0, 5e-4, 0.0, 0.0, 1.0, 0.0]))).is_ok());
}

#[test]
fn row_63_what_is_not_an_image_is_skipped_and_said() {
    let folder = folder(stack(&[0.0, 1.0]));
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let class = |uid: &str| Object::slice(77, [0.0; 3]).text(0x0008_0016, "UI", uid).without(0x7fe0_0010);
    put("DICOMDIR", &class("1.2.840.10008.1.3.10").bytes());
    put("report", &class("1.2.840.10008.5.1.4.1.1.88.33").bytes());
    put("contours", &class("1.2.840.10008.5.1.4.1.1.481.3").bytes());
    put("notes.txt", b"nothing to see");
    put("empty.dcm", b"");
    put("copy.dcm", &stack(&[0.0])[0].bytes());
    put("scout", &Object::slice(9, [0.0; 3]).text(0x0008_0008, "CS", "ORIGINAL\\PRIMARY\\LOCALIZER").bytes());
    put("broken", &Object::slice(8, [0.0; 3]).bytes()[..160]);
    std::fs::create_dir(folder.path().join("x.dcm")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path(), folder.path().join("x.dcm").join("loop")).unwrap();
    let loaded = read(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!(loaded.info.grid.shape()[2], 2);
    let texts = warnings(&loaded).join("; ");
    assert!(
        texts.contains("2 DICOM files cannot be read")
            && texts.contains("/broken: unreadable: TransferSyntaxUID (0002,0010)"),
        "{texts}"
    );
    assert!(texts.contains("1 localizer image is") && texts.contains("1 file is a copy"), "{texts}");
    let scan = dicom::scan(folder.path(), &ReadOptions::default()).unwrap();
    let reason = |name: &str| scan.skipped.iter().find(|s| s.path.ends_with(name)).unwrap().reason.clone();
    assert_eq!(reason("DICOMDIR"), SkipReason::Dicomdir);
    assert_eq!(reason("report"), SkipReason::NoPixels("structured report (SR)".to_owned()));
    // Structures are labels, which are listed by themselves.
    assert!(scan.labels.iter().any(|labels| labels.path.ends_with("contours")));
    assert_eq!((reason("notes.txt"), reason("empty.dcm")), (SkipReason::NotDicom, SkipReason::NotDicom));
    #[cfg(unix)]
    assert_eq!(reason("loop"), SkipReason::Link);
    refused(read(&folder.path().join("report"), &ReadOptions::default()), &["/report: contains no image", "SR"]);
    refused(read(&folder.path().join("x.dcm"), &ReadOptions::default()), &["no DICOM image in 1 file", "1 link"]);
}

#[test]
fn a_single_slice_says_how_thick_it_is_taken() {
    let loaded = read_default(stack(&[3.0])).unwrap();
    assert_eq!(loaded.info.grid.spacing(), [0.5, 0.75, 99.0]);
    assert!(warnings(&loaded)[0].contains("thickness 99 mm from SliceThickness (0018,0050)"));
}

#[test]
fn dicom_is_not_written() {
    let volume = read_default(stack(&[0.0, 1.0])).unwrap().volume;
    let error = crate::Format::write(&dicom::Dicom, Path::new("a.dcm"), Path::new("b"), &volume, &Default::default());
    assert_eq!(error.unwrap_err().to_string(), "a.dcm: dicom files cannot be written; choose another format");
}
