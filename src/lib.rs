//! recell keeps every run of every notebook cell.
//!
//! Results ("entries") are git blobs and trees in a bare side-repository beside the notebooks.
//! Names carry the notebook, the cell, the module hash, the version and the time.

mod digest;
mod error;
pub mod notebook;

pub use digest::{Digest, Digester, NotADigest};
pub use error::{Error, Result};
