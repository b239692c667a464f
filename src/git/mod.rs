//! Plain git, as far as recell needs it: objects, packs, refs, repositories, the git executable.
//!
//! The only home of gix, of the digests that git names objects by, and of the git process.

mod attribute_lines;
mod attributes;
mod batch;
mod blobs;
mod check;
mod commit;
mod fetching;
mod filter_protocol;
mod given_settings;
mod history;
mod hooks;
mod host;
mod host_remote;
mod inflate;
mod loose_refs;
mod merging;
mod objects;
mod pack;
mod pack_index;
mod packs;
mod pktline;
pub(crate) mod process;
mod progress_lines;
mod raw_pack;
mod refs;
mod remote;
mod remote_words;
mod repack;
mod repository;
mod revision;
mod room;
mod salvage;
mod signing;
mod stream;

pub(crate) use gix::ObjectId;

pub(crate) use crate::config::ObjectFormat;
pub(crate) use attributes::{FilterPlan, FilterSetting};
pub(crate) use blobs::{Blob, read_blobs};
pub(crate) use check::{
    CheckedRef, Flaw, check_pack, check_packed_refs, check_refs_text, check_trailer, is_ref_name,
    object_of_hex,
};
pub(crate) use commit::{Commit, commit_bytes, read_commit};
pub(crate) use fetching::{Answer, FetchPlace, Wants};
pub(crate) use filter_protocol::{
    FilterAnswer, FilterCommand, FilterContent, FilterLimits, FilterRequest, serve_filter,
};
pub(crate) use history::{
    FileMode, HistoryChange, HistoryCommit, HistoryRange, paths_at_head, staged_renames,
    walk_history,
};
pub(crate) use hooks::{FoundHook, HookPlan};
pub(crate) use host::{HostRepository, NoHost};
pub(crate) use host_remote::{RemoteAddress, from_folder};
pub(crate) use inflate::{inflate_entry, inflate_loose};
pub(crate) use loose_refs::{loose_refs, loose_tags, remove_loose_ref};
pub(crate) use merging::UnionMerge;
pub(crate) use objects::{
    Kind, TreeEntry, TreeMode, children_of, object_id, sha256, tree_bytes, tree_entries, tree_entry,
};
pub(crate) use pack::{
    Compression, EntryAt, PACK_HEADER_LEN, PackChecksum, PackedObject, pack_header, seal,
};
pub(crate) use pack_index::{PackIndex, is_delta};
pub(crate) use packs::{LonePack, ObjectProblem, PackSet, StoredObjects, copy_blob};
pub use process::GitEnvironment;
pub(crate) use process::{Git, shown_address};
pub(crate) use raw_pack::RawPack;
pub(crate) use refs::{
    PackedRefs, RefEdits, edit_packed_refs, refs_below, remove_dead_lock, replace_packed_refs,
};
pub(crate) use remote::{FetchHow, GitRemote, PushAnswer, PushRef, PushedContents, PushedRef};
pub(crate) use remote_words::{Refusal, refusal, telling};
pub(crate) use repack::{Copied, CopiedPack, PackListing, copy_pack};
pub(crate) use repository::Repository;
pub(crate) use revision::HostCommit;
pub(crate) use salvage::{DamagedPack, indexed_offsets};
pub(crate) use signing::{CommitSeal, commit_seal};
pub use signing::{Signer, Signers, SigningMethod, Verdict};
