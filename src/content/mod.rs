//! Contents: how the bytes of a part become git objects, and come back (format.md, section 4).
//!
//! A part up to the chunk threshold is one blob. A larger one is a tree of content-defined
//! chunks, so that a small change costs a few chunks and no object is ever large.

mod chunker;
mod codec;
mod known;
mod read;
mod write;

pub(crate) use codec::choose_compression;
pub(crate) use known::{KnownContents, flaw_in_known};
pub(crate) use read::{ObjectSource, part_bytes, part_chunks, part_into, part_range, read_checked};
pub(crate) use write::{
    ObjectSink, PreparedBlob, StoredPart, find_whole, prepare_blob, store_bytes, store_reader,
};
