//! Maintenance of the store's objects: what gives bytes back.

mod seal;

pub use seal::{SealReport, seal};
