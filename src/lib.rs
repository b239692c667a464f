//! recell keeps every run of every notebook cell.
//!
//! Results ("entries") are git blobs and trees in a bare side-repository beside the notebooks.
//! Names carry the notebook, the cell, the module hash, the version and the time.

mod clock;
mod content;
mod digest;
mod disk;
mod entry;
mod error;
mod git;
mod index;
mod journal;
mod name;
mod store;

pub use clock::{Clock, NotATimestamp, Timestamp};
pub use digest::{Digest, Digester, NotADigest};
pub use entry::{
    InvalidPartPath, MANIFEST_FILE, MANIFEST_FORMAT, Manifest, ManifestProblem, Part, PartKind,
    PartPath, Provenance,
};
pub use error::{Error, Lookup, Miss, Result};
pub use git::ObjectFormat;
pub use index::{InvalidPattern, Pattern};
pub use name::{EntryName, ExecutionKey, NotAKey, NotAnEntryName};
pub use store::{Draft, DraftPart, Durability, Entry, FlushReport, OpenOptions, Source, Store};
