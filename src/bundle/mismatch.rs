//! Why what is stored is not what was asked for, although it is found under its name.

use std::fmt;

/// What does not fit. What is stored is believed in nothing: all of this is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// A later release wrote the bundle, in this format.
    NewerFormat(u32),
    /// The bundle says of itself that it is another.
    Identity(String),
    /// The window has other rows than the bundle says.
    Window(String),
    /// The window has other columns than the bundle says.
    Columns(String),
    /// The data has other columns than it had when the bundle was made.
    Schema(String),
}

impl Mismatch {
    /// Returns the stable, machine-readable word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Mismatch::NewerFormat(_) => "newer_format",
            Mismatch::Identity(_) => "identity",
            Mismatch::Window(_) => "window",
            Mismatch::Columns(_) => "columns",
            Mismatch::Schema(_) => "schema",
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::NewerFormat(format) => {
                write!(f, "a later release wrote the bundle, in format {format}")
            }
            Mismatch::Identity(why) => write!(f, "the bundle is another: {why}"),
            Mismatch::Window(why) => write!(f, "its window is another: {why}"),
            Mismatch::Columns(why) => write!(f, "its window has other columns: {why}"),
            Mismatch::Schema(why) => write!(f, "the data has other columns now: {why}"),
        }
    }
}
