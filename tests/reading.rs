//! What has to be asked for where files are read: the advice of each message can be followed.

use revoxel_core::Kind;

use crate::support::Place;

const HEADER: &str = "ObjectType = Image\nNDims = 3\nDimSize = 4 3 2\nElementType = MET_UCHAR\nElementSpacing = 1 2 3\n\
    Offset = 0 0 0\nElementDataFile = ../raw/x.raw\n";

fn pipeline(more: &str, name: &str) -> String {
    format!(
        "version: 1\ninputs:\n  image: {{ kind: image, path: \"{{case}}/{name}\"{more} }}\nsteps:\n  \
         - orientation: {{ axcodes: RAS }}\noutputs:\n  image: {{ path: \"{{case}}/o.nii.gz\" }}\n\
         trace: \"{{case}}/trace.json\"\n"
    )
}

#[test]
fn values_outside_the_folder_of_their_header_are_read_where_that_is_allowed() {
    let place = Place::new();
    place.text("data/a/x.mhd", HEADER);
    place.text("data/raw/x.raw", "abcdefghijklmnopqrstuvwx");
    let advice = ["ElementDataFile is ../raw/x.raw", "--allow-outside", "`allow_outside: true`"];
    place.revoxel(&["convert", "data/a/x.mhd", "o.nii.gz"]).bad(2, &advice);
    let said = place.revoxel(&["info", "data/a/x.mhd"]).told(2);
    assert!(said.err.contains("--allow-outside") || said.out.contains("--allow-outside"), "{said:?}");
    for arguments in [["convert", "--help"], ["info", "--help"], ["run", "--help"]] {
        assert!(place.revoxel(&arguments).good().out.contains("--allow-outside"));
    }
    place.revoxel(&["info", "data/a/x.mhd", "--allow-outside"]).good();
    place.revoxel(&["convert", "data/a/x.mhd", "o.nii.gz", "--allow-outside"]).good();
    assert_eq!(place.read("o.nii.gz", Kind::Image).voxels().bytes(), b"abcdefghijklmnopqrstuvwx");

    place.text("p.yaml", &pipeline("", "x.mhd"));
    place.text("q.yaml", &pipeline(", allow_outside: true", "x.mhd"));
    // Beside the data, where it is no case of its own.
    std::fs::rename(place.path("data/raw"), place.path("raw")).unwrap();
    place.text("data/a/x.mhd", &HEADER.replace("../raw", "../../raw"));
    let run = |file, out| ["run", file, "--data", "data", "--out", out];
    place.revoxel(&run("p.yaml", "out")).bad(2, &["../../raw/x.raw", "`allow_outside: true`"]);
    place.revoxel(&run("q.yaml", "out")).good();
    assert_eq!(place.read("out/a/o.nii.gz", Kind::Image).voxels().len(), 24);
    place.revoxel(&[&run("p.yaml", "out2")[..], &["--allow-outside"]].concat()).good();
    assert!(place.revoxel(&["schema"]).good().out.contains("\"allow_outside\""));
}

#[test]
fn complex_voxels_are_two_channels_where_that_is_asked_for() {
    let place = Place::new();
    let source = crate::support::root().join("crates/revoxel-io/fixtures/odd/complex64.nii");
    std::fs::create_dir_all(place.path("data/a")).unwrap();
    std::fs::copy(source, place.path("data/a/z.nii")).unwrap();
    let advice = ["complex64", "--complex channels", "`complex: channels`"];
    place.revoxel(&["convert", "data/a/z.nii", "o.nii.gz"]).bad(2, &advice);
    let said = place.revoxel(&["convert", "data/a/z.nii", "o.nii.gz", "--complex", "channels"]).good();
    assert!(said.err.contains("first the real part, then the imaginary part"), "{said:?}");
    assert_eq!(place.read("o.nii.gz", Kind::Image).channels(), 2);
    let said = place.revoxel(&["info", "data/a/z.nii", "--complex", "channels", "--json"]).good().json();
    assert_eq!(said[0]["channels"], 2);
    place.text("p.yaml", &pipeline("", "z.nii"));
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).bad(2, &["complex64", "`complex: channels`"]);
    place.text("p.yaml", &pipeline(", complex: channels", "z.nii"));
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    assert_eq!(place.read("out/a/o.nii.gz", Kind::Image).channels(), 2);
}

#[test]
fn pictures_are_read_with_the_voxel_size_of_the_pipeline_or_a_sidecar() {
    let place = Place::new();
    let fixtures = crate::support::root().join("crates/revoxel-io/fixtures/pictures");
    std::fs::create_dir_all(place.path("data/a/p")).unwrap();
    for number in [8, 9, 10] {
        let name = format!("s{number}.png");
        std::fs::copy(fixtures.join("png16").join(&name), place.path("data/a/p").join(&name)).unwrap();
    }
    place.text("p.yaml", &pipeline("", "p"));
    let run = ["run", "p.yaml", "--data", "data", "--out", "out"];
    place.revoxel(&run).bad(2, &["`spacing: [x, y, z]`"]);
    place.revoxel(&["convert", "data/a/p", "o.nii.gz"]).bad(2, &["--spacing X,Y,Z"]);
    place.revoxel(&["convert", "data/a/p", "o.nii.gz", "--spacing", "0.5,0.75"]).bad(2, &["three positive numbers"]);
    place.revoxel(&["convert", "data/a/p", "o.nii.gz", "--spacing", "0.5,0.75,2"]).good();
    assert_eq!(place.read("o.nii.gz", Kind::Image).grid().spacing(), [0.5, 0.75, 2.0]);
    place.text("p.yaml", &pipeline(", spacing: [0.5, 0.75, 2]", "p"));
    place.revoxel(&run).good();
    let result = place.read("out/a/o.nii.gz", Kind::Image);
    assert_eq!((result.grid().spacing(), result.grid().shape()), ([0.5, 0.75, 2.0], [5, 4, 3]));
    place.text("p.yaml", &pipeline("", "p"));
    place.text("data/a/p/spacing.json", "{\"spacing\": [2, 0.75, 0.5]}");
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out2"]).good();
    assert_eq!(place.read("out2/a/o.nii.gz", Kind::Image), result);
    // A file that has a voxel size is not told another one.
    place.revoxel(&["info", "o.nii.gz", "--spacing", "1,1,1"]).told(2);
}

#[test]
fn info_names_formats_that_are_not_read() {
    let place = Place::new();
    place.text("a.PAR", "# === DATA DESCRIPTION FILE ===\n#\n");
    let said = place.revoxel(&["info", "a.PAR"]).told(2);
    let all = said.out + &said.err;
    assert!(all.contains("Philips PAR/REC") && all.contains("dcm2niix"), "{all}");
}

#[test]
fn mgh_and_mrtrix_are_converted_both_ways() {
    let place = Place::new();
    let fixtures = crate::support::root().join("crates/revoxel-io/fixtures");
    for (number, source) in ["mgh/frames.mgz", "mif/gradients.mif", "four_d.nii.gz"].into_iter().enumerate() {
        let source = fixtures.join(source).to_string_lossy().into_owned();
        let expected = revoxel_io::read(&source, Kind::Image).unwrap().volume;
        for to in ["mgz", "mgh", "mif", "mif.gz", "mih", "nii.gz"] {
            let (there, back) = (format!("{number}.{to}"), format!("{number}{to}.nii"));
            place.revoxel(&["convert", &source, &there]).good();
            place.revoxel(&["convert", &there, &back]).good();
            let back = place.read(&back, Kind::Image);
            assert_eq!(back.voxels(), expected.voxels(), "{source} {to}");
            let (a, b) = (back.grid().affine().rows(), expected.grid().affine().rows());
            assert!(a.iter().flatten().zip(b.iter().flatten()).all(|(a, b)| (a - b).abs() < 1e-4), "{source} {to}");
        }
    }
}
