//! Static remotes: files in a folder, an object store or behind a web server, in the layout of
//! git's dumb HTTP protocol.

mod address;
#[cfg(feature = "object-stores")]
mod cloud;
mod folder;
#[cfg(feature = "object-stores")]
mod http;
mod listing;
mod storage;
#[cfg(feature = "object-stores")]
mod web;
