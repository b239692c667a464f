//! recell keeps every run of every notebook cell.
//!
//! Results ("entries") are git blobs and trees in a bare side-repository beside the notebooks.
//! Names carry the notebook, the cell, the module hash, the version and the time.

mod config;
mod digest;
mod error;
mod size;

pub use config::{
    ColorChoice, Config, ConfigFile, Durability, FilterSettings, Glob, Key, LayeredConfig,
    NotAGlob, ObjectFormat, Origin, ProgressChoice, RecordSettings, Setting, Sources,
    StoreSettings, UiSettings, Variable,
};
pub use digest::{Digest, Digester, NotADigest};
pub use error::{Error, Result};
pub use size::{ByteSize, NotASize};
