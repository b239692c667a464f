//! An entry: one immutable stored result, described by its manifest (format.md, section 3).

mod canonical;
mod facts;
mod manifest;
mod part;
mod risk;

pub(crate) use facts::{Facts, PartFacts};
pub use manifest::{MANIFEST_FILE, MANIFEST_FORMAT, Manifest, ManifestProblem, Provenance};
pub use part::{InvalidPartPath, Part, PartKind, PartPath};
pub use risk::CodeRisk;
