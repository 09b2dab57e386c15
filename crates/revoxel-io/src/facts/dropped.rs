//! A fact that was left out.

use std::fmt;

use serde::Serialize;

/// A fact of a source that is not written, because it no longer holds or the format has no place for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// The fact: a field of [`Facts`](crate::Facts), or a field or key of the source's header.
    pub fact: String,
    /// Why it was left out.
    pub why: String,
}

impl Dropped {
    pub(crate) fn new(fact: impl Into<String>, why: impl Into<String>) -> Self {
        Self { fact: fact.into(), why: why.into() }
    }
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.fact, self.why)
    }
}
