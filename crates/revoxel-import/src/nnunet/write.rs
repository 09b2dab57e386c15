//! The text of the pipeline.

use serde_json::{Map, Value, json};

use super::{ANISOTROPY, Imported, Options, Plans, Resampling};
use crate::{comment, flow, step};

impl Plans {
    pub(super) fn write(self, options: &Options) -> Imported {
        let Self { name, channels, ending, .. } = &self;
        let mut text =
            comment(&format!("Preprocessing of nnU-Net v2 for {name}, {}, from its plans.", options.configuration), "");
        text.push_str(&comment(
            "nnU-Net's arrays are (z, y, x) as SimpleITK reads them: axes keep their orientation, except for transpose \
             below. As in nnU-Net, label 0 becomes -1 where all channels are 0.",
            "",
        ));
        for note in &self.notes {
            text.push_str(&comment(note, ""));
        }
        let about = format!("nnU-Net preprocessing of {name}, {}", options.configuration);
        text.push_str(&format!("version: 1\ndescription: {}\ninputs:\n", Value::from(about)));
        for channel in channels {
            let path = format!("{}/{{case}}{}{ending}", options.images, channel.suffix);
            let about = if channel.about.is_empty() { String::new() } else { format!(" # {}", channel.about) };
            text.push_str(&format!("  {}: {{ kind: image, path: {} }}{about}\n", channel.key, Value::from(path)));
        }
        let path = format!("{}/{{case}}{ending}", options.labels);
        let labels = self.labels.as_ref().map_or_else(String::new, |labels| format!(", labels: {}", flow(labels)));
        text.push_str(&format!("  label: {{ kind: label, path: {}, optional: true{labels} }}\n", Value::from(path)));
        text.push_str("steps:\n");
        if self.reorients {
            text.push_str(&step("orientation", &json!({ "axcodes": "RAS" })));
        }
        // Axis j here is axis 2 − j of nnU-Net's arrays.
        let indices = [0, 1, 2].map(|j| 2 - self.transpose[2 - j]);
        if indices != [0, 1, 2] {
            text.push_str(&step("transpose", &json!({ "indices": indices })));
        }
        let keys: Vec<&str> = channels.iter().map(|c| c.key.as_str()).collect();
        let crop = match &keys[1..] {
            [] => json!({ "source": keys[0], "on_empty": "keep" }),
            others => json!({ "source": keys[0], "also": others, "on_empty": "keep" }),
        };
        text.push_str(&step("crop_to_nonzero", &crop));
        text.push_str(&step("mark_outside", &json!({ "keys": ["label"], "nonzero_of": keys })));
        // All of them in one step, and before the others: the mask is made of what the scanner gave.
        let masked: Vec<&str> = channels.iter().filter(|c| c.masked).map(|c| c.key.as_str()).collect();
        if !masked.is_empty() {
            let of: Vec<&str> = keys.iter().copied().chain(["label"]).collect();
            text.push_str(&step("z_score", &json!({ "keys": masked, "nonzero_of": of, "keep_outside": true })));
        }
        for channel in channels {
            for (name, params) in &channel.steps {
                let mut params = params.clone();
                if let (Value::Object(map), true) = (&mut params, channels.len() > 1) {
                    let mut with = Map::from_iter([("keys".to_owned(), json!([channel.key]))]);
                    with.append(map);
                    *map = with;
                }
                text.push_str(&step(name, &params));
            }
        }
        for params in self.spacing_steps(&keys) {
            text.push_str("  - spacing:\n");
            for (key, value) in &params {
                text.push_str(&format!("      {key}: {}\n", flow(value)));
            }
        }
        text.push_str("outputs:\n");
        for channel in channels {
            let path = format!("images/{{case}}{}.nii.gz", channel.suffix);
            text.push_str(&format!("  {}: {{ path: {}, dtype: float32 }}\n", channel.key, Value::from(path)));
        }
        text.push_str("  label: { path: \"labels/{case}.nii.gz\", dtype: int16 }\n");
        text.push_str("# What nnU-Net's export does with the logits of the network.\nrestore:\n  segmentation:\n");
        text.push_str(&format!("    kind: logit\n    volume: {}\n    interpolation: linear\n", keys[0]));
        if let Value::Object(decision) = &self.decision {
            for (key, value) in decision {
                text.push_str(&format!("    {key}: {}\n", flow(value)));
            }
        }
        let path = format!("segmentations/{{case}}{ending}");
        text.push_str(&format!("    output: {{ path: {}, dtype: {} }}\n", Value::from(path), self.dtype));
        text.push_str("trace: \"traces/{case}.json\"\n");
        Imported { text, notes: self.notes }
    }

    fn spacing_steps(&self, images: &[&str]) -> Vec<Map<String, Value>> {
        let size = match self.spacing[..] {
            [y, x] => json!([x, y, -1]),
            _ => json!([self.spacing[2], self.spacing[1], self.spacing[0]]),
        };
        let image = self.data.image();
        let label = if self.seg.order == 0 { "nearest" } else { "label_nearest" };
        let mut interpolation: Map<String, Value> = images.iter().map(|k| ((*k).to_owned(), json!(image))).collect();
        let base = |keys: Option<Vec<&str>>, interpolation: Value, rule: &Resampling| {
            let mut step = Map::new();
            if let Some(keys) = keys {
                step.insert("keys".to_owned(), json!(keys));
            }
            step.insert("pixdim".to_owned(), size.clone());
            step.insert("rule".to_owned(), json!("nnunet"));
            step.insert("interpolation".to_owned(), interpolation);
            if rule.separate != json!(false) {
                step.insert("separate_z".to_owned(), rule.separate.clone());
                if rule.separate == json!("auto") && rule.threshold != ANISOTROPY {
                    step.insert("anisotropy_threshold".to_owned(), json!(rule.threshold));
                }
                step.insert("through_plane".to_owned(), json!(rule.through));
            }
            if rule.order == 3 {
                step.insert("boundary".to_owned(), json!("edge"));
                step.insert("clip".to_owned(), json!(true));
            }
            step
        };
        if self.data.rule() == self.seg.rule() {
            interpolation.insert("label".to_owned(), json!(label));
            return vec![base(None, Value::Object(interpolation), &self.data)];
        }
        let labels = json!({ "label": label });
        vec![
            base(Some(images.to_vec()), Value::Object(interpolation), &self.data),
            base(Some(vec!["label"]), labels, &self.seg),
        ]
    }
}

impl Resampling {
    const fn image(&self) -> &'static str {
        match self.order {
            0 => "nearest",
            1 => "linear",
            _ => "cubic",
        }
    }
}
