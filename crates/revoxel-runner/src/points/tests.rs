//! Files of points: what is kept, what is changed, what is refused.

use std::path::Path;

use revoxel_core::{Affine, Dtype, Grid, GridOp, Kind, StoredDtype};
use revoxel_invert::{GridRecord, ResultRecord, SourceRecord, TraceStep, VolumeTrace};
use serde_json::{Value, json};

use super::*;

/// A volume of 10 × 12 × 14 voxels, cut to 4 × 5 × 6 from (2, 3, 4) on.
fn map() -> PointMap {
    let rows = [[0.0, -2.0, 0.5, 10.0], [1.5, 0.0, 0.0, -20.0], [0.0, 0.25, 3.0, 5.0]];
    let native = Grid::new([10, 12, 14], Affine::from_rows(rows)).unwrap();
    let crop = GridOp::Window { start: [2, 3, 4], shape: [4, 5, 6] };
    let (step, model) = TraceStep::spatial("spatial_crop", Value::Null, &native, &[crop]).unwrap();
    let source = SourceRecord {
        parts: Vec::new(),
        stamp: None,
        path: String::new(),
        format: String::new(),
        hash: None,
        grid: GridRecord::from(&native),
        dtype: Dtype::I16,
        channels: 1,
        facts: Value::Null,
    };
    let result = ResultRecord {
        path: None,
        hash: None,
        parts: Vec::new(),
        grid: (&model).into(),
        dtype: StoredDtype::Plain(Dtype::I16),
    };
    let trace =
        VolumeTrace { kind: Kind::Image, source, snapped: None, ties: Default::default(), steps: vec![step], result };
    PointMap::new(&trace).unwrap()
}

/// Maps a text, forwards or back.
fn run(file: &str, text: &str, side: Side, space: Option<Space>, to: Option<Space>) -> Result<String, String> {
    let document = Document::parse(Path::new(file), text).map_err(|e| e.to_string())?;
    let mapped = document.map(&map(), side, space, to).map_err(|e| e.to_string())?;
    Ok(document.text(&mapped, to))
}

#[track_caller]
fn t(file: &str, text: &str, side: Side, space: Option<Space>, to: Option<Space>, expected: &str) {
    assert_eq!(run(file, text, side, space, to).unwrap(), expected);
}

const INDEX: Option<Space> = Some(Space::Index);
const RAS: Option<Space> = Some(Space::World(Frame::Ras));
const LPS: Option<Space> = Some(Space::World(Frame::Lps));

#[test]
fn tables_keep_what_is_no_coordinate() {
    let forward = Side::Native;
    t("p.csv", "2,3.5,4\n", forward, INDEX, None, "0,0.5,0,seen\n");
    t("p.csv", "x,y,z\n2,3,4", forward, INDEX, None, "x,y,z,status\n0,0,0,seen");
    let text = "# space: index\r\n# by hand\r\nname;z;y;x;note\r\n\"a;b\";4;3;2.25; kept \r\n\r\nc;0;0;99;\r\n";
    let expected = "# space: index\r\n# by hand\r\nname;z;y;x;note;status\r\n\"a;b\";0;0;0.25; kept ;seen\r\n\r\nc;-4;-3;97;;outside\r\n";
    t("p.csv", text, forward, None, None, expected);
    // And back, with the column that is there already.
    t(
        "p.csv",
        expected,
        Side::Model,
        None,
        None,
        &text.replace("note\r", "note;status\r").replace("kept \r", "kept ;seen\r").replace("99;\r", "99;;outside\r"),
    );
    t("p.tsv", "i\tj\tk\n0\t0\t0\n", Side::Model, None, None, "i\tj\tk\tstatus\n2\t3\t4\tseen\n");
    t("p.csv", "i,j,k,p\n2,3,4,0.9\n", forward, None, RAS, "r,a,s,p,status\n6,-17,17.75,0.9,seen\n");
    t("p.csv", "x,y,z\n2,3,4\n", forward, INDEX, LPS, "# space = lps\nx,y,z,status\n-6,17,17.75,seen\n");
    // Lines that end early, or with separators.
    let short = "i,j,k,a,b\n2,3,4\n2,3,4,1,2,,\n";
    t("p.csv", short, forward, None, None, "i,j,k,a,b,status\n0,0,0,,,seen\n0,0,0,1,2,seen\n");
    // In the world nothing moves, and digits stay as they were written.
    t("p.csv", "r,a,s\n6.00,-17.0,17.750\n", forward, None, None, "r,a,s,status\n6.00,-17.0,17.750,seen\n");
}

#[test]
fn boxes_of_tables_and_what_measure_prints() {
    let forward = Side::Native;
    t(
        "b.csv",
        "x0,y0,z0,x1,y1,z1\n2,3,4,6,8,10\n",
        forward,
        INDEX,
        None,
        "x0,y0,z0,x1,y1,z1,status\n0,0,0,4,5,6,seen\n",
    );
    t(
        "b.csv",
        "x0,y0,z0,x1,y1,z1\n1,3,4,6,8,10\n",
        forward,
        INDEX,
        None,
        "x0,y0,z0,x1,y1,z1,status\n-1,0,0,4,5,6,partly\n",
    );
    t(
        "b.csv",
        "x_min,y_min,z_min,x_max,y_max,z_max\n0,0,0,2,1,1.5\n",
        forward,
        INDEX,
        None,
        "x_min,y_min,z_min,x_max,y_max,z_max,status\n-2,-3,-4,0,-2,-2.5,unseen\n",
    );
    let head = "label,start_i,start_j,start_k,end_i,end_j,end_k,centroid_r,centroid_a,centroid_s";
    let row = "1,2,3,4,4,5,6,5.25,-16.25,19.375";
    let expected = format!("{head},status\n1,0,0,0,2,2,2,5.25,-16.25,19.375,seen\n");
    t("m.csv", &format!("{head}\n{row}\n"), forward, None, None, &expected);
}

#[test]
fn tables_that_cannot_be_read_say_where() {
    let t = |file: &str, text: &str, space, part: &str| {
        let error = run(file, text, Side::Native, space, None).unwrap_err();
        assert!(error.contains(part), "{error} lacks {part}");
    };
    t("p.csv", "1,2,3\n", None, "p.csv:1: unknown coordinates: choose index, ras or lps");
    t("p.csv", "x,y,z\n1,2,3\n1,two,3\n", INDEX, "p.csv:3: column 2 holds \"two\"");
    t("p.csv", "x,y,z\n1,2\n", INDEX, "p.csv:2: column 3 holds \"\"");
    t("p.csv", "a,b,c\n1,2,3\n", INDEX, "p.csv:1: no columns of a point (x, y, z");
    t("p.csv", "i,j,k,I\n1,2,3,4\n", None, "p.csv:1: two columns are named i");
    t("p.csv", "i,j,k,p\n1,2,3,4\n1,2,3,4,5\n", None, "p.csv:3: expected 4 fields, one per column, found 5");
    t("p.csv", "i,j,k\n1,2,3\n", RAS, "the file states index, but ras was given");
    t("p.csv", "# space = lps\nr,a,s\n1,2,3\n", None, "the columns are ras, but a comment says lps");
    t("p.csv", "x0,y0,z0,x1,y1,z1\n2,3,4,6,2,10\n", INDEX, "the end is before the start");
    t("p.csv", "x,y,z\n1,2,inf\n", INDEX, "column 3 holds \"inf\"");
    t("p.fcsv", "# CoordinateSystem = XYZ\n1,2,3,4\n", None, "p.fcsv:1: CoordinateSystem = XYZ");
    t("p.json", "{", None, "not JSON");
    t("p.json", "{\"points\": [[1, 2]]}", INDEX, "p.json: points.0: expected a point");
    t("p.json", "{\"points\": [[1, 2, \"3\"]]}", INDEX, "p.json: points.0.2: expected a number");
    t("p.json", "{\"space\": \"mm\", \"points\": []}", None, "space: \"mm\" is not a space");
    t("p.mrk.json", "{}", None, "no list of markups");
    t("p.mrk.json", "{\"markups\": [{\"coordinateSystem\": \"X\"}]}", None, "markups.0.coordinateSystem: \"X\"");
    t("p.txt", "", None, "use .csv");
}

#[test]
fn places_beyond_all_numbers_are_refused() {
    let far = run(
        "p.csv",
        "x,y,z\n1,2,3\n1e308,1e308,-1e308\n",
        Side::Native,
        Some(Space::Index),
        Some(Space::World(Frame::Ras)),
    );
    assert!(far.unwrap_err().contains("p.csv:3: the mapped coordinates are not finite"));
}

#[test]
fn quotation_marks_are_those_at_the_beginning_of_a_field() {
    // 19" is a length, and no beginning of a text.
    let table = "x,y,z,size,name\n1,2,3,19\",a\n4,5,6,7,\"b, \"\"c\"\"\"\n";
    let mapped = run("p.csv", table, Side::Native, Some(Space::Index), None).unwrap();
    let lines: Vec<&str> = mapped.lines().collect();
    assert!(lines[1].contains(",19\",a,") && lines[2].contains(",7,\"b, \"\"c\"\"\","), "{mapped}");
    let open = run("p.csv", "x,y,z,name\n1,2,3,\"a\n", Side::Native, Some(Space::Index), None).unwrap_err();
    assert!(open.contains("p.csv:2: unclosed quotation mark in this line"), "{open}");
}

#[test]
fn slicers_fiducials_keep_their_lines() {
    let text = "# Markups fiducial file version = 4.11\n# CoordinateSystem = LPS\n# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n\
                1,-6,17,17.75,0,0,0,1,1,1,0,\"F, 1\",,vtkMRML1\n";
    t("p.fcsv", text, Side::Native, None, None, text);
    let ras = text.replace("= LPS", "= RAS").replace("-6,17,", "6,-17,");
    t("p.fcsv", text, Side::Native, None, RAS, &ras);
    let index = text.replace("= LPS", "= IJK").replace("-6,17,17.75", "0,0,0");
    t("p.fcsv", text, Side::Native, None, INDEX, &index);
    let zero = text.replace("= LPS", "= 0").replace("-6,17,", "6,-17,");
    let items = Document::parse(Path::new("a.fcsv"), &zero).unwrap().items().to_vec();
    assert_eq!((items[0].shape, items[0].space), (Shape::Point([6.0, -17.0, 17.75]), RAS));
}

#[test]
fn json_keeps_everything_else_and_whole_numbers() {
    let map = |document: Value, side, space, to| -> Value {
        serde_json::from_str(&run("p.json", &document.to_string(), side, space, to).unwrap()).unwrap()
    };
    let document = json!({
        "space": "index", "model": { "name": "d", "score": [1, 2, 3] },
        "points": [{ "label": "a", "position": [2, 3, 4], "p": 0.1 }, { "x": 2.5, "y": 3.0, "z": 4.0 }],
        "boxes": [[2, 3, 4, 6, 8, 10], [0, 0, 0, 1, 1, 1]],
    });
    let expected = json!({
        "space": "index", "model": { "name": "d", "score": [1, 2, 3] },
        "points": [
            { "label": "a", "position": [0, 0, 0], "p": 0.1, "status": "seen" },
            { "x": 0.5, "y": 0.0, "z": 0.0, "status": "seen" },
        ],
        "boxes": [[0, 0, 0, 4, 5, 6], [-2, -3, -4, -1, -2, -3]], "boxes_status": ["seen", "unseen"],
    });
    let there = map(document, Side::Native, None, None);
    assert_eq!(there, expected);
    assert_eq!(map(json!([[0, 0, 0]]), Side::Model, INDEX, None), json!([[2, 3, 4]]));
    let mixed =
        map(json!({ "space": "index", "points": [[2, 3, 4], { "x": 0, "y": 0, "z": 0 }] }), Side::Native, None, None);
    assert_eq!(mixed["points_status"], json!(["seen", "unseen"]));
    assert_eq!(map(json!([2, 3, 4]), Side::Native, INDEX, RAS), json!([6.0, -17.0, 17.75]));
    assert_eq!(map(json!({ "start": [0, 0, 0], "end": [1, 1, 1] }), Side::Model, INDEX, None)["end"], json!([3, 4, 5]));
    // Numbers of the world come back digit for digit.
    let world = json!({ "space": "lps", "points": [[0.1, -1e-17, 123456.789012345], [1, 2, 3]] });
    let back = map(world.clone(), Side::Model, None, None);
    assert_eq!(back["points"].to_string(), world["points"].to_string());
}

#[test]
fn slicers_markups_stay_as_they_are_but_for_positions() {
    let document = json!({
        "@schema": "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/markups-schema-v1.0.3.json#",
        "markups": [
            {
                "type": "Fiducial", "coordinateSystem": "LPS", "coordinateUnits": "mm", "locked": false,
                "controlPoints": [
                    { "id": "1", "label": "F-1", "position": [-6.0, 17.0, 17.75], "orientation": [-1.0, -0.0, -0.0, -0.0, -1.0, -0.0, 0.0, 0.0, 1.0], "positionStatus": "defined" },
                    { "id": "2", "label": "F-2", "position": null, "positionStatus": "undefined" },
                ],
                "display": { "opacity": 0.1 },
            },
            { "type": "Line", "coordinateSystem": "RAS", "controlPoints": [{ "position": [6.0, -17.0, 17.75] }] },
        ],
    });
    let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
    t("p.mrk.json", &text, Side::Native, None, None, &text);
    let ras: Value = serde_json::from_str(&run("p.mrk.json", &text, Side::Model, None, RAS).unwrap()).unwrap();
    let mut expected = document.clone();
    expected["markups"][0]["coordinateSystem"] = "RAS".into();
    expected["markups"][0]["controlPoints"][0]["position"] = json!([6.0, -17.0, 17.75]);
    assert_eq!(ras, expected);
    let parsed = Document::parse(Path::new("p.mrk.json"), &text).unwrap();
    let mapped = parsed.map(&map(), Side::Native, None, INDEX).unwrap();
    assert_eq!(as_csv(&mapped, INDEX).lines().nth(1).unwrap(), "0,0,0,F-1,index,seen");
}

#[test]
fn files_without_places_keep_the_space_that_they_state() {
    let fcsv = "# Markups fiducial file version = 4.11\n# CoordinateSystem = LPS\n# columns = id,x,y,z,label\n";
    t("p.fcsv", fcsv, Side::Native, None, None, fcsv);
    t("p.csv", "# space = ras\n# nothing yet\n", Side::Native, None, None, "# space = ras\n# nothing yet\n");
    t("p.fcsv", fcsv, Side::Native, None, RAS, &fcsv.replace("LPS", "RAS"));
}
