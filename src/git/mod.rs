//! Plain git, as far as recell needs it: objects, packs, refs, repositories, the git executable.
//!
//! The only home of gix, of the digests that git names objects by, and of the git process.

mod attribute_lines;
mod attributes;
mod check;
mod filter_protocol;
mod host;
mod inflate;
mod loose_refs;
mod objects;
mod pack;
mod packs;
mod pktline;
mod process;
mod raw_pack;
mod refs;
mod repository;
mod revision;

pub(crate) use gix::ObjectId;

pub(crate) use crate::config::ObjectFormat;
pub(crate) use attributes::{FilterPlan, FilterSetting};
pub(crate) use check::{
    CheckedRef, Flaw, check_pack, check_packed_refs, check_trailer, is_ref_name, object_of_hex,
};
pub(crate) use filter_protocol::{
    FilterAnswer, FilterCommand, FilterContent, FilterLimits, FilterRequest, serve_filter,
};
pub(crate) use host::{HostRepository, NoHost};
pub(crate) use inflate::{inflate_entry, inflate_loose};
pub(crate) use loose_refs::{loose_tags, remove_loose_ref};
pub(crate) use objects::{
    Kind, TreeEntry, TreeMode, object_id, tree_bytes, tree_entries, tree_entry,
};
pub(crate) use pack::{
    Compression, EntryAt, PACK_HEADER_LEN, PackChecksum, PackedObject, pack_header, seal,
};
pub(crate) use packs::{ObjectProblem, PackSet, copy_blob};
pub(crate) use process::Git;
pub use process::GitEnvironment;
pub(crate) use raw_pack::RawPack;
pub(crate) use refs::{PackedRefs, RefEdits, edit_packed_refs, remove_dead_lock};
pub(crate) use repository::Repository;
pub(crate) use revision::HostCommit;
