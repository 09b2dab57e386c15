//! Inputs that nothing comes of.

use revoxel_core::Kind;

use crate::model::{Input, Pipeline};

impl Pipeline {
    /// Inputs that are read and go through the steps, but that no output writes, no step and no other input
    /// looks at, and no prediction goes back to. None where there are no outputs at all: then traces are what is wanted.
    pub fn unwritten(&self) -> Vec<&Input> {
        if self.outputs.is_empty() {
            return Vec::new();
        }
        let written = |key: &str| self.outputs.iter().any(|output| output.key == key);
        let looked_at = |key: &str| self.steps.iter().any(|step| step.transform.sources().keys().any(|of| of == key));
        // Without a volume, a prediction goes back to the image; several images must agree.
        let usual = |input: &Input| input.kind == Kind::Image;
        let gone_back_to = |input: &Input| {
            self.restore.iter().any(|restore| restore.volume().map_or(usual(input), |v| v == input.key))
        };
        let referred_to = |key: &str| self.inputs.iter().any(|input| input.segments.reference.as_deref() == Some(key));
        let unused = |input: &&Input| {
            let key = &input.key;
            !written(key) && !looked_at(key) && !gone_back_to(input) && !referred_to(key)
        };
        self.inputs.iter().filter(unused).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_comes_of_is_found() {
        let t = |steps: &str, outputs: &str, restore: &str, expected: &[&str]| {
            let text = format!(
                "version: 1\ninputs:\n  image: {{ kind: image, path: \"{{case}}/i.nii\" }}\n  \
                 seg: {{ kind: label, path: \"{{case}}/s.nii\" }}\nsteps: [{steps}]\noutputs: {{ {outputs} }}\n\
                 {restore}trace: \"{{case}}.json\"\n"
            );
            let pipeline = Pipeline::parse("p.yaml", &text, &[], &crate::testing::registry()).unwrap();
            let found: Vec<&str> = pipeline.unwritten().iter().map(|i| i.key.as_str()).collect();
            assert_eq!(found, expected, "{steps} {outputs}");
        };
        let image = "image: { path: \"{case}/o.nii\" }";
        let seg = "seg: { path: \"{case}/l.nii\" }";
        t("{ orientation: { axcodes: LPS } }", image, "", &["seg"]);
        t("{ orientation: { axcodes: LPS } }", seg, "", &["image"]);
        t("", &format!("{image}, {seg}"), "", &[]);
        t("", "", "", &[]);
        t("{ crop_foreground: { source: seg } }", image, "", &[]);
        t("{ resample_to: { keys: image, reference: seg } }", image, "", &[]);
        t("{ mask_intensity: { keys: image, source: seg } }", image, "", &[]);
        t("{ rand_crop_by_pos_neg_label: { source: seg, spatial_size: 4 } }", image, "", &[]);
        t("", image, "restore: { p: { kind: label, volume: seg } }\n", &[]);
        t("", seg, "restore: { p: { kind: label } }\n", &[]);
        t("", image, "restore: { p: { kind: label } }\n", &["seg"]);
        let referring = "version: 1\ninputs:\n  ct: { kind: image, path: \"{case}/ct\" }\n  \
                         seg: { kind: label, path: \"{case}/seg.dcm\", reference: ct }\noutputs:\n  \
                         seg: { path: \"{case}/s.nii\" }\ntrace: \"{case}.json\"\n";
        let pipeline = Pipeline::parse("p.yaml", referring, &[], &crate::testing::registry()).unwrap();
        assert!(pipeline.unwritten().is_empty());
    }
}
