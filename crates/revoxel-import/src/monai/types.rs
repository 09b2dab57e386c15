//! Types of values: here all are single precision.

use serde_json::Value;

use super::Fault;
use super::call::Call;

impl Call {
    /// Checks that the type which a transform without a step gives its values leaves them as they are. `whole` says
    /// of a key whether its values are whole numbers, and nothing of one that is no volume. Half precision is noted.
    ///
    /// # Errors
    /// Where the values of a volume change.
    pub(super) fn check_dtype(
        &self,
        whole: impl Fn(&str) -> Option<bool>,
        notes: &mut Vec<String>,
    ) -> Result<(), Fault> {
        let Some((_, place, value)) = self.args.iter().find(|(name, ..)| name == "dtype") else { return Ok(()) };
        let types = self.by_key(value).unwrap_or_else(|| vec![value.clone(); self.keys.len()]);
        for (key, dtype) in self.keys.iter().zip(&types) {
            let Some(whole) = whole(key) else { continue };
            if keeps_values(dtype, whole) {
                continue;
            }
            if whole || !matches!(name(dtype), Some("float16" | "half")) {
                let problem = format!("{}: dtype: {dtype} changes the values of {key:?}", self.name);
                let fault = Fault::new(*place, problem);
                return Err(fault.help("values stay float32 in a pipeline: set `dtype` of the output instead"));
            }
            let note = format!(
                "{}: MONAI rounds {key} to float16, which changes values by up to 1 part in 2048 and makes values \
                 beyond 65504 infinite; revoxel keeps float32. Set `dtype: float16` of an .npy output to round them.",
                self.name
            );
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        Ok(())
    }
}

/// Whether values stay what they are in a type, `whole` ones also in types of whole numbers.
pub(super) fn keeps_values(dtype: &Value, whole: bool) -> bool {
    match name(dtype) {
        Some("None" | "float" | "float32" | "single" | "float64" | "double") => true,
        Some("uint8" | "int16" | "short" | "uint16" | "int32" | "int" | "uint32" | "int64" | "long" | "uint64") => {
            whole
        }
        Some(_) => false,
        None => dtype.is_null(),
    }
}

/// The name of a type without its module; `None` for what is no text.
fn name(dtype: &Value) -> Option<&str> {
    let text = dtype.as_str()?.trim_start_matches('$').trim();
    Some(["torch.", "numpy.", "np."].into_iter().find_map(|module| text.strip_prefix(module)).unwrap_or(text))
}
