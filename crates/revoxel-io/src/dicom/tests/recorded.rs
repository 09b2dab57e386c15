//! Small series against what dcm2niix made of them: fixtures/make_dicom_series.py writes and records.

use serde_json::Value;

use super::*;

#[test]
fn series_are_what_dcm2niix_makes_of_them() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let text = std::fs::read_to_string(fixtures.join("dicom_series.json")).unwrap();
    let recorded: Value = serde_json::from_str(&text).unwrap();
    for (name, volumes) in recorded.as_object().unwrap() {
        let volumes = volumes.as_array().unwrap();
        for (number, volume) in volumes.iter().enumerate() {
            // Several volumes of a series are numbered from 1.
            let series = (volumes.len() > 1).then(|| (number + 1).to_string().parse().unwrap());
            let path = fixtures.join(format!("dicom_series/{name}.zip"));
            let loaded = read(&path, &ReadOptions { series, ..ReadOptions::default() }).unwrap();
            let numbers =
                |value: &Value| value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>();
            let shape: Vec<usize> = numbers(&volume["shape"]).iter().map(|v| *v as usize).collect();
            assert_eq!(loaded.info.channels, shape[3], "{name}");
            let step = volume["step"].as_f64().filter(|step| *step > 0.0);
            // dcm2niix knows no step of trigger times.
            if name != "cine" {
                assert_eq!(loaded.info.facts.frame_spacing, step, "{name}");
            }
            // Rows lie the other way round in its files: each voxel is looked for at its place.
            let rows: Vec<Vec<f64>> = volume["affine"].as_array().unwrap().iter().map(numbers).collect();
            let to_index = loaded.info.grid.world_to_index();
            let values = numbers(&volume["values"]);
            assert_eq!(values.len(), loaded.volume.voxels().len(), "{name}");
            for (at, value) in values.iter().enumerate() {
                let (i, rest) = (at % shape[0], at / shape[0]);
                let (j, rest) = (rest % shape[1], rest / shape[1]);
                let (k, frame) = (rest % shape[2], rest / shape[2]);
                let world = [0, 1, 2]
                    .map(|a| rows[a][0] * i as f64 + rows[a][1] * j as f64 + rows[a][2] * k as f64 + rows[a][3]);
                let index = to_index.apply(world);
                let nearest = index.map(f64::round);
                assert!(index.iter().zip(nearest).all(|(a, b)| (a - b).abs() < 1e-3), "{name}: {index:?}");
                assert_eq!(loaded.volume.value(nearest.map(|v| v as usize), frame), *value, "{name}: {index:?}");
            }
        }
    }
}
