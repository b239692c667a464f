//! Names: an execution key and an entry of it, as segments of a git ref (format.md, section 1).
//!
//! A segment is text made legal for every git host, file system and shell, and back again. A key
//! is four segments; an entry name is a key plus the moment and the entry's own id, so that the
//! same name is the same content and name order within a key is time order.

mod key;
mod ledger;
mod segment;

pub use key::{EntryName, ExecutionKey, NotAKey, NotAnEntryName};
pub(crate) use key::{LAST_LEN, escape, unescape};
pub(crate) use ledger::{LEDGERS, LedgerName};
pub(crate) use segment::{decode, encode, is_cut};
