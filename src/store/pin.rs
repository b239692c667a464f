//! Where the names of pinned entries stand (format.md, section 2).

use crate::name::EntryName;

/// The folder of pins.
pub(crate) const PIN_FOLDER: &str = "refs/recell/pin";

/// Returns the ref that pins an entry.
pub(crate) fn pin_ref(name: &EntryName) -> String {
    format!("{PIN_FOLDER}/{name}")
}
