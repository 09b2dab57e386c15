//! What a caller can set and a message speaks of.

/// A field of a recipe, or what a prediction is. A program that has another name for it adds that to the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Take predictions to lie on the grids of their traces.
    AssumeGrid,
    /// What is done to logits.
    Activation,
    /// Values are logits.
    Logits,
    /// Clipped values become the limit.
    Clamp,
    /// The volume whose grid predictions go back to.
    Volume,
}
