//! `revoxel points`, run as people run it.

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Frame, Grid, Kind, Volume};
use serde_json::{Value, json};

use crate::support::{Place, values};

/// An oblique, sheared, anisotropic grid that NIfTI's single-precision numbers hold exactly.
fn grid() -> Grid {
    let rows = [[0.25, -1.5, 0.5, 12.5], [-1.25, -0.25, 0.0, -30.0], [0.0, 0.25, -2.5, 40.25]];
    Grid::new([13, 11, 9], Affine::from_rows(rows)).unwrap()
}

/// A case whose every voxel has its own value, and a pipeline that turns and cuts it, and samples it with `spacing`.
fn run(spacing: bool) -> (Place, Volume) {
    let place = Place::new();
    let numbers: Vec<i16> = (1..=13 * 11 * 9).collect();
    let image = Volume::new(numbers.into(), grid(), Kind::Image, 1).unwrap();
    place.volume("data/a.nii.gz", &image);
    let step = if spacing { "  - spacing: { pixdim: [1, 1.5, 2] }\n" } else { "" };
    let text = format!(
        "version: 1\ninputs:\n  image: {{ kind: image, path: \"{{case}}.nii.gz\" }}\nsteps:\n  - orientation: {{ axcodes: LPS }}\n{step}  \
         - spatial_crop: {{ roi_start: [1, 2, 1], roi_end: [9, 9, 6] }}\n  - divisible_pad: {{ k: 4 }}\noutputs:\n  image: {{ path: \
         \"{{case}}.nii.gz\" }}\ntrace: \"{{case}}.json\"\n"
    );
    place.text("p.yaml", &text);
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    (place, image)
}

#[test]
fn indices_name_the_same_voxels_before_and_after_a_run() {
    let (place, image) = run(false);
    let mut text = String::from("i,j,k,value\n");
    let numbers = values(&image);
    for (at, value) in numbers.iter().enumerate() {
        text.push_str(&format!("{},{},{},{value}\n", at % 13, at / 13 % 11, at / 143));
    }
    place.text("p.csv", &text);
    let there = ["points", "out/a.json", "p.csv", "-o", "there.csv", "--forward"];
    let said = place.revoxel(&there).good();
    assert!(said.err.contains("not seen by the model"), "{}", said.err);
    let processed = place.read("out/a.nii.gz", Kind::Image);
    let shape = processed.grid().shape();
    let found = std::fs::read_to_string(place.path("there.csv")).unwrap();
    let mut seen = 0;
    for line in found.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let index: Vec<i64> = fields[..3].iter().map(|f| f.parse().unwrap()).collect();
        let inside = (0..3).all(|a| (0..shape[a] as i64).contains(&index[a]));
        if fields[4] == "seen" {
            assert!(inside, "{line}");
            let value = processed.value([0, 1, 2].map(|a| index[a] as usize), 0);
            assert_eq!(value.to_string(), fields[3]);
            seen += 1;
        } else {
            assert_eq!(fields[4], "unseen");
        }
    }
    // The voxels of the crop: none more, none less.
    assert_eq!(seen, 8 * 7 * 5);
    place.revoxel(&["points", "out/a.json", "there.csv", "-o", "back.csv"]).good();
    let back = std::fs::read_to_string(place.path("back.csv")).unwrap();
    let places = |text: &str| -> Vec<String> {
        text.lines().skip(1).map(|l| l.split(',').take(4).collect::<Vec<_>>().join(",")).collect()
    };
    assert_eq!(places(&back), places(&text));
    place.revoxel(&there).bad(2, &["there.csv exists already"]);
}

#[test]
fn what_a_model_found_goes_back_to_the_scan_in_its_world() {
    let (place, _) = run(true);
    let trace: Value = serde_json::from_str(&std::fs::read_to_string(place.path("out/a.json")).unwrap()).unwrap();
    let rows: Vec<Vec<f64>> =
        serde_json::from_value(trace["volumes"]["image"]["result"]["grid"]["affine"].clone()).unwrap();
    let found = [2.25, 1.5, 3.0];
    let document = json!({ "space": "index", "points": [{ "label": "nodule", "position": found, "score": 0.75 }] });
    place.text("p.json", &document.to_string());
    let arguments = ["points", "out/a.json", "p.json", "-o", "native.json", "--json"];
    let said = place.revoxel(&arguments).good().json();
    assert_eq!((&said["places"][0]["status"], &said["direction"]), (&json!("seen"), &json!("back")));
    let native: Value = serde_json::from_str(&std::fs::read_to_string(place.path("native.json")).unwrap()).unwrap();
    assert_eq!((&native["points"][0]["score"], &native["points"][0]["label"]), (&json!(0.75), &json!("nodule")));
    let index: [f64; 3] = serde_json::from_value(native["points"][0]["position"].clone()).unwrap();
    // Both name one place in the patient; from the trace's numbers alone.
    let world = [0, 1, 2].map(|r| (0..3).map(|c| rows[r][c] * found[c]).sum::<f64>() + rows[r][3]);
    let own = grid().index_to_world(index);
    assert!((0..3).all(|a| (world[a] - own[a]).abs() < 1e-9), "{world:?} {own:?}");
    place.revoxel(&[&arguments[..4], &["lps.json", "--to", "lps"]].concat()).good();
    let lps: Value = serde_json::from_str(&std::fs::read_to_string(place.path("lps.json")).unwrap()).unwrap();
    assert_eq!(lps["space"], "lps");
    let lps: [f64; 3] = serde_json::from_value(lps["points"][0]["position"].clone()).unwrap();
    let lps = Frame::Lps.point_to_ras(lps);
    assert!((0..3).all(|a| (world[a] - lps[a]).abs() < 1e-9));
}

#[test]
fn markups_become_indices_of_the_model_and_boxes_hold_their_corners() {
    let (place, _) = run(true);
    let at = Frame::Lps.point_from_ras(grid().index_to_world([6.0, 5.0, 4.0]));
    let markups = json!({ "markups": [{ "type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": [{ "id": "1", "label": "F-1", "position": at }] }] });
    place.text("f.mrk.json", &markups.to_string());
    let to_index = ["points", "out/a.json", "f.mrk.json", "-o", "f.csv", "--forward", "--to", "index"];
    place.revoxel(&to_index).good();
    let text = std::fs::read_to_string(place.path("f.csv")).unwrap();
    assert_eq!(text.lines().next(), Some("x,y,z,name,space,status"));
    let index: Vec<f64> = text.lines().nth(1).unwrap().split(',').take(3).map(|f| f.parse().unwrap()).collect();
    let model = *place.read("out/a.nii.gz", Kind::Image).grid();
    let world = model.index_to_world([index[0], index[1], index[2]]);
    let own = grid().index_to_world([6.0, 5.0, 4.0]);
    assert!((0..3).all(|a| (world[a] - own[a]).abs() < 1e-5), "{world:?} {own:?}");

    place.text("b.csv", "name,x0,y0,z0,x1,y1,z1\nall,0,0,0,13,11,9\nfar,40,40,40,42,41,43\n");
    let boxes = ["points", "out/a.json", "b.csv", "-o", "there.csv", "--forward", "--space", "index"];
    let said = place.revoxel(&boxes).good();
    assert!(
        said.err.contains("1 outside the source: b.csv:3") && said.err.contains("1 partly seen by the model"),
        "{}",
        said.err
    );
    let text = std::fs::read_to_string(place.path("there.csv")).unwrap();
    let row: Vec<&str> = text.lines().nth(1).unwrap().split(',').collect();
    assert_eq!((row[0], row[7]), ("all", "partly"));
    let numbers: Vec<f64> = row[1..7].iter().map(|f| f.parse().unwrap()).collect();
    for corner in grid().outer_corners() {
        let index = model.world_to_index().apply(corner);
        assert!((0..3).all(|a| index[a] >= numbers[a] - 0.5 - 1e-4 && index[a] <= numbers[a + 3] - 0.5 + 1e-4));
    }
    let missing = ["points", "out/a.json", "b.csv", "-o", "x.csv"];
    place.revoxel(&missing).bad(2, &["b.csv:2", "--space index, ras or lps"]);
    place.revoxel(&["invert", "out/a.json", "b.csv", "-o", "x.csv"]).bad(2, &["x.csv"]);
    place.revoxel(&["invert", "out/a.json", "b.csv", "-o", "x.nii"]).bad(2, &["use `revoxel points`"]);
    place.revoxel(&["points", "out/a.json", "b.csv", "-o", "x.json"]).bad(2, &["same format or as .csv"]);
    assert!(!place.path("x.csv").exists());
}

#[test]
fn names_of_points_go_into_tables() {
    let place = Place::new();
    let grid = Grid::new([5, 6, 7], Affine::scaling([2.0, 1.0, 3.0])).unwrap();
    place.volume("d/c/image.nii", &Volume::new(vec![1u8; 210].into(), grid, Kind::Image, 1).unwrap());
    place.text(
        "p.yaml",
        "version: 1\ninputs:\n  image: { kind: image, path: \"{case}/image.nii\" }\nsteps:\n  - flip\noutputs: {}\ntrace: \
         \"{case}.json\"\n",
    );
    place.revoxel(&["run", "p.yaml", "--data", "d", "--out", "o"]).good();
    let point = |label: &str| format!("{{ \"label\": \"{label}\", \"position\": [2, 1, 3] }}");
    let markups = format!(
        "{{ \"markups\": [{{ \"coordinateSystem\": \"RAS\", \"controlPoints\": [{}, {}] }}] }}",
        point("tip"),
        point("a, b")
    );
    place.text("a.mrk.json", &markups);
    place.text(
        "a.fcsv",
        "# Markups fiducial file version = 4.11\n# CoordinateSystem = RAS\n# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,\
         label,desc,associatedNodeID\n1,2,1,3,0,0,0,1,1,1,0,tip,,\n",
    );
    place.text("a.csv", "name,r,a,s\ntip,2,1,3\n");
    for (file, names) in [("a.mrk.json", vec!["tip", "\"a, b\""]), ("a.fcsv", vec!["tip"]), ("a.csv", vec!["tip"])] {
        let out = format!("{file}.out.csv");
        let to = if file.ends_with(".csv") { vec![] } else { vec!["--to", "ras"] };
        let arguments = [&["points", "o/c.json", file, "-o", &out][..], &to].concat();
        place.revoxel(&arguments).good();
        let text = std::fs::read_to_string(place.path(&out)).unwrap();
        for name in names {
            assert!(
                text.contains(&format!(",{name},")) || text.contains(&format!("\n{name},")),
                "{file}: {name}: {text}"
            );
        }
        assert!(!text.contains("markups.0"), "{text}");
    }
}

/// `invert --points` and `invert --scores` do what they did, and say what to type.
#[test]
fn former_spellings_work_and_say_the_new_one() {
    let place = Place::new();
    let flip = "version: 1\ninputs: { image: { kind: image, path: \"{case}.nii\" } }\nsteps: [flip: { spatial_axis: 0 }]\n\
                outputs: { image: { path: \"{case}.nii\" } }\ntrace: \"{case}.json\"\n";
    place.text("p.yaml", flip);
    std::fs::create_dir_all(place.path("data")).unwrap();
    place.volume("data/a.nii", &Draw::new(3).volume(Grid::without_geometry([5, 4, 3]).unwrap(), Kind::Image, 1));
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    place.text("p.csv", "name,x,y,z\na,1,2,1\n");
    std::fs::write(place.path("s.npy"), npy(&[0.25, 0.75])).unwrap();
    let said =
        place.revoxel(&["invert", "out/a.json", "p.csv", "-o", "old.csv", "--points", "--space", "index"]).good();
    assert!(said.err.contains("use `revoxel points TRACE POINTS -o FILE`"), "{}", said.err);
    let said = place.revoxel(&["points", "out/a.json", "p.csv", "-o", "new.csv", "--space", "index"]).good();
    assert!(!said.err.contains("use `revoxel"), "{}", said.err);
    let said = place.revoxel(&["invert", "out/a.json", "s.npy", "-o", "old.tsv", "--scores"]).good();
    assert!(said.err.contains("use `revoxel scores TRACE PREDICTION -o TABLE`"), "{}", said.err);
    place.revoxel(&["scores", "out/a.json", "s.npy", "-o", "new.tsv"]).good();
    for name in ["csv", "tsv"] {
        let text = |which: &str| std::fs::read_to_string(place.path(&format!("{which}.{name}"))).unwrap();
        assert_eq!(text("old"), text("new"));
    }
    place.revoxel(&["invert", "out/a.json", "p.csv", "--points"]).bad(2, &["-o FILE"]);
    place.revoxel(&["points", "out/a.json", "p.csv"]).bad(2, &["--output"]);
}

/// An array of NumPy of one axis.
fn npy(values: &[f64]) -> Vec<u8> {
    let head = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({},), }}", values.len());
    let head = format!("{head:117}\n");
    let length = (head.len() as u16).to_le_bytes();
    let values: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    [&b"\x93NUMPY\x01\x00"[..], &length, head.as_bytes(), &values].concat()
}
