//! An entry: one immutable stored result, described by its manifest (format.md, section 3).

mod canonical;
mod manifest;
mod part;

pub use manifest::{MANIFEST_FILE, MANIFEST_FORMAT, Manifest, ManifestProblem, Provenance};
pub use part::{InvalidPartPath, Part, PartKind, PartPath};
