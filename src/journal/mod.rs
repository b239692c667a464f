//! The journal: where a put lands first (format.md, section 5).
//!
//! A journal is two files of one writer. `<id>.pack` is an open pack: objects are appended as
//! pack entries, so that sealing writes no payload twice. `<id>.log` says what is committed:
//! which objects are where, and which entry has which tree. What the log does not say did not
//! happen. The writer holds a lock on the log as long as it lives; there is no lock between
//! writers.

mod object_map;
mod record;
mod replay;
mod writer;

pub(crate) use object_map::{NumberMap, ObjectMap};
pub(crate) use record::Known;
pub(crate) use replay::{Journal, found_in};
pub(crate) use writer::{Adopted, JournalWriter, NewNames, adopt, is_name_taken};
