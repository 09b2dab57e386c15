//! What a fingerprint counts, against numbers worked out apart.
