//! Which facts of a MetaImage header still hold after steps.

use super::MetaImageFacts;
use crate::facts::change::Values;
use crate::facts::dropped::Dropped;

/// The facts of a result. `channels_hold`: its frames are the source's.
pub(crate) fn carry(
    own: &MetaImageFacts,
    values: Values,
    channels_hold: bool,
    dropped: &mut Vec<Dropped>,
) -> MetaImageFacts {
    let mut held = own.clone();
    if !channels_hold {
        held.frame_axes.clear();
    }
    if let Values::Other { .. } = values {
        held.compressed = None;
        dropped.extend(held.keys.drain(..).map(|(key, _)| Dropped::new(key, "the values differ from the source")));
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_with_the_values() {
        let keys = vec![("Modality".to_owned(), "MET_MOD_CT".to_owned())];
        let own = MetaImageFacts { compressed: Some(false), frame_axes: vec![2, 3], keys };
        let mut dropped = Vec::new();
        assert_eq!(carry(&own, Values::Changed, true, &mut dropped), own);
        let held = carry(&own, Values::Other { frames: false }, false, &mut dropped);
        assert_eq!((held, dropped.len()), (MetaImageFacts::default(), 1));
        assert_eq!(dropped[0].fact, "Modality");
    }
}
