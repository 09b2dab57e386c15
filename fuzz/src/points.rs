//! Files of points: tables, JSON, and what 3D Slicer writes. The first byte of an input chooses the form.

use std::path::Path;

use revoxel_core::testing::Draw;
use revoxel_core::{Frame, GridOp};
use revoxel_invert::points::{PointMap, Side, Space};
use revoxel_invert::{Trace, TraceStep};
use revoxel_runner::points::{Document, as_csv, marks};
use serde_json::{Value, json};

use crate::text;

const NAMES: [&str; 5] = ["p.csv", "p.tsv", "p.fcsv", "p.json", "p.mrk.json"];

/// Parses an input, maps it through a trace, and parses what comes out.
pub fn check(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let path = Path::new(NAMES[usize::from(choice % 5)]);
    let document = match Document::parse(path, text) {
        Ok(document) => document,
        Err(e) => {
            assert!(!e.to_string().is_empty());
            return;
        }
    };
    let spaces = [None, Some(Space::Index), Some(Space::World(Frame::Ras)), Some(Space::World(Frame::Lps))];
    let (space, to) = (spaces[usize::from(choice >> 3 & 3)], spaces[usize::from(choice >> 5 & 3)]);
    let side = if choice >> 7 == 0 { Side::Native } else { Side::Model };
    let map = map();
    let _ = marks::label_map(path, &document, space, &revoxel_core::testing::Draw::new(3).grid(9));
    let Ok(mapped) = document.map(&map, side, space, to) else { return };
    assert_eq!(mapped.len(), document.items().len());
    let count = document.items().len();
    if count > 0 {
        let table = as_csv(&mapped, to);
        let read = Document::parse(Path::new("t.csv"), &table).unwrap_or_else(|e| panic!("{e}\n{table}"));
        assert_eq!(read.items().len(), count, "{table}");
    }
    let finite = mapped.iter().all(|m| match m.shape {
        revoxel_runner::points::Shape::Point(p) => p.iter().all(|v| v.is_finite()),
        revoxel_runner::points::Shape::Box(b) => b.low.iter().chain(&b.high).all(|v| v.is_finite()),
    });
    let written = document.text(&mapped, to);
    if finite {
        let again =
            Document::parse(path, &written).unwrap_or_else(|e| panic!("what was written is refused: {e}\n{written}"));
        assert_eq!(again.items().len(), count, "{written}");
        for (item, mapped) in again.items().iter().zip(&mapped) {
            assert_eq!(item.shape, mapped.shape, "{written}");
        }
    }
}

/// Turned, cropped and sampled on another grid.
fn map() -> PointMap {
    let mut draw = Draw::new(12);
    let native = draw.grid(9);
    let mut grid = native;
    let mut steps = Vec::new();
    for op in [GridOp::Reorient(draw.permutation()), GridOp::Resample { grid: draw.grid_near(&native, false) }] {
        let (step, after) = TraceStep::spatial("s", Value::Null, &grid, &[op]).expect("it can follow");
        steps.push(step);
        grid = after;
    }
    let record = |g| json!(revoxel_invert::GridRecord::from(g));
    let trace = json!({
        "schema": "revoxel-trace", "version": 1, "tool": "t", "case": "a", "pipeline": { "name": "p", "hash": "h" },
        "volumes": { "image": {
            "kind": "image",
            "source": { "path": "a", "format": "f", "grid": record(&native), "dtype": "int16", "channels": 1 },
            "steps": steps,
            "result": { "grid": record(&grid), "dtype": "int16" },
        } },
    });
    let trace = Trace::from_json(&trace.to_string()).expect("it is whole");
    PointMap::new(trace.volume("image").expect("it is there")).expect("its steps were checked")
}

const KNOWN: &[&str] = &[
    "x,y,z",
    "i,j,k,name",
    "r,a,s",
    "l,p,s",
    "x0,y0,z0,x1,y1,z1",
    "1,2,3",
    "nan,1,2",
    "# space: ras",
    "# space = index",
    "# CoordinateSystem = LPS",
    "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID",
    "a,1,2,3,0,0,0,1,1,1,0,F-1,,",
    "\"a,b\",1,2,3",
    "\"a\"\"b\",1,2,3",
    "1;2;3",
    "x\ty\tz",
    "",
    "\u{feff}x,y,z",
    "\r",
    "\"space\": \"lps\",",
    "\"position\": [1, 2, 3],",
    "\"positionStatus\": \"undefined\",",
    "[1, 2, 3],",
];

/// Changes a line, or a number of it.
pub fn mutate(bytes: &mut Vec<u8>, draw: &mut Draw) {
    let choice = bytes.first().copied().unwrap_or_default();
    let mut text = String::from_utf8_lossy(bytes.get(1..).unwrap_or_default()).into_owned();
    text::lines(&mut text, KNOWN, draw);
    let choice = if draw.int(0, 7) == 0 { draw.int(0, 255) as u8 } else { choice };
    *bytes = [&[choice], text.as_bytes()].concat();
}

/// Points and boxes in each form.
pub fn seeds() -> Vec<Vec<u8>> {
    let markups = json!({ "markups": [{ "type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": [
        { "id": "1", "label": "F-1", "position": [1.5, -2.0, 3.0], "positionStatus": "defined" },
        { "id": "2", "label": "F-2", "position": [0.5, 2.0, 1.0] }] }] });
    let texts: [(u8, &str); 9] = [
        (0x20, "x,y,z\n1,2,3\n0.5,1.5,2\n"),
        (0x08, "# space: index\r\nname;z;y;x;note\r\n\"a;b\";4;3;2.25; kept \r\n\r\n"),
        (0x28, "x0,y0,z0,x1,y1,z1,name\n1,2,3,4,5,6,a\n"),
        (0x01, "i\tj\tk\n0\t1\t2\n"),
        (
            0x02,
            "# Markups fiducial file version = 4.11\n# CoordinateSystem = LPS\n# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n1,1.5,2,3,0,0,0,1,1,1,0,F-1,,\n",
        ),
        (0x0b, "[[1, 2, 3], [4.5, 5, 6]]"),
        (0x0b, "{\n\"space\": \"ras\",\n\"points\": [\n{ \"name\": \"a\",\n\"position\": [1, 2, 3]\n}\n]\n}"),
        (0x2b, "[{ \"box\": [1, 2, 3, 4, 5, 6], \"label\": 1, \"score\": 0.5 }]"),
        (0x04, &serde_json::to_string_pretty(&markups).unwrap_or_default()),
    ];
    texts.iter().map(|(choice, text)| [&[*choice], text.as_bytes()].concat()).collect()
}
