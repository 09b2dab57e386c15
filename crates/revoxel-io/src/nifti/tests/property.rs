//! No bytes make the reader panic.

use proptest::prelude::*;

use super::{good, gz, read_as};

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_headers_do_not_panic(
        version in 1u8..=2,
        flips in prop::collection::vec((0usize..600, any::<u8>()), 1..12),
        cut in prop::option::of(0usize..600),
        compress in any::<bool>(),
        name in prop::sample::select(vec!["a.nii", "a.nii.gz", "a.hdr", "a.img", "a"]),
    ) {
        let mut bytes = good(version);
        for (at, value) in flips {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        bytes.truncate(cut.unwrap_or(usize::MAX));
        let bytes = if compress { gz(&bytes) } else { bytes };
        let _ = read_as(name, &bytes);
    }

    #[test]
    fn damaged_gzip_does_not_panic(flips in prop::collection::vec((0usize..400, any::<u8>()), 1..6)) {
        let mut bytes = gz(&good(1));
        for (at, value) in flips {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        let _ = read_as("a.nii.gz", &bytes);
    }
}
