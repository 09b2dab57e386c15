//! Labels that parameters name, and labels that a step refuses.

/// A label that a step refuses.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedLabel {
    /// The label.
    pub label: f64,
    /// The parameter that leaves it out.
    pub field: &'static str,
    /// Why, after the label's name.
    pub problem: String,
}

/// A label that a parameter names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NamedLabel {
    /// The parameter.
    pub field: &'static str,
    /// Its position there, from 0, where the parameter is a list.
    pub position: usize,
    /// The label.
    pub label: f64,
    /// Of what it is the number.
    pub names: Names,
}

/// What a number in a parameter stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// A label: what a voxel holds.
    Label,
    /// A label; where the volume is a one-hot map of several channels, one of these, from 0.
    LabelOrChannel,
    /// A channel, from 0.
    Channel,
}

impl NamedLabel {
    /// The labels of a list, none of which is a channel.
    pub fn list(field: &'static str, labels: impl IntoIterator<Item = f64>) -> Vec<Self> {
        let named = |(position, label)| Self { field, position, label, names: Names::Label };
        labels.into_iter().enumerate().map(named).collect()
    }
}
