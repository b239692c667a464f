//! The commands, one file each: an `Args` struct whose doc comment is the help, and `run`.

mod batch;
pub(super) mod cat;
pub(super) mod collection;
pub(super) mod completions;
pub(super) mod config;
pub(super) mod demo;
pub(super) mod filter;
pub(super) mod find;
pub(super) mod flush;
pub(super) mod get;
pub(super) mod has;
pub(super) mod init;
pub(super) mod log;
pub(super) mod ls;
pub(super) mod put;
pub(super) mod record;
pub(super) mod restore;
pub(super) mod rm;
pub(super) mod show;
pub(super) mod status;
pub(super) mod strip;
pub(super) mod verify;
