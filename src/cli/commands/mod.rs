//! The commands, one file each: an `Args` struct whose doc comment is the help, and `run`.

pub(super) mod cat;
pub(super) mod flush;
pub(super) mod get;
pub(super) mod init;
pub(super) mod put;

mod batch;
