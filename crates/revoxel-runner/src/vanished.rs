//! How labels that vanished on the way are said.

use revoxel_resample::Gone;
use serde_json::{Value, json};

/// The labels for people: each with its voxels before and after.
pub fn sentence(gone: &[Gone]) -> String {
    const MOST: usize = 8;
    let channels = gone.iter().any(|g| g.channel > 0);
    let one = |g: &Gone| {
        let channel = if channels { format!(" of channel {}", g.channel) } else { String::new() };
        let voxels = if g.before == 1 { "voxel" } else { "voxels" };
        format!("label {}{channel} ({} {voxels} before, 0 after)", g.label, g.before)
    };
    let mut parts: Vec<String> = gone.iter().take(MOST).map(one).collect();
    if gone.len() > MOST {
        parts.push(format!("{} more", gone.len() - MOST));
    }
    parts.join(", ")
}

/// A label for programs: `channel` is that of the map, from 0.
pub fn json(gone: &Gone) -> Value {
    json!({ "label": number(gone.label), "channel": gone.channel, "before": gone.before, "after": 0 })
}

/// A label as a number; as text where it is none of 64 bits.
fn number(label: i128) -> Value {
    match (i64::try_from(label), u64::try_from(label)) {
        (Ok(label), _) => label.into(),
        (_, Ok(label)) => label.into(),
        _ => label.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_with_their_voxels() {
        let gone = |channel, label, before| Gone { channel, label, before };
        assert_eq!(sentence(&[gone(0, -1, 1)]), "label -1 (1 voxel before, 0 after)");
        let two = sentence(&[gone(0, 3, 12), gone(2, 1, 4)]);
        assert_eq!(
            two,
            "label 3 of channel 0 (12 voxels before, 0 after), label 1 of channel 2 (4 voxels before, 0 after)"
        );
        let many: Vec<Gone> = (1..=11).map(|label| gone(0, label, 5)).collect();
        assert!(sentence(&many).ends_with("label 8 (5 voxels before, 0 after), 3 more"));
        assert_eq!(json(&gone(1, 7, 3)), json!({ "label": 7, "channel": 1, "before": 3, "after": 0 }));
        assert_eq!(number(i128::from(u64::MAX)), json!(u64::MAX));
        assert_eq!(number(1 << 64), json!("18446744073709551616"));
    }
}
