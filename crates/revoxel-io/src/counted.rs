//! Counts in messages.

/// `1 slice is` or `3 slices are`: a number and the words that go with it.
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
