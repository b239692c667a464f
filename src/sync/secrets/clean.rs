//! What was searched and found clean, so that a push searches only what is new.
//!
//! A file of records behind a head that names the rules; a record is 16 bytes of the BLAKE3 of what
//! was searched. It may be lost, and is begun anew for other rules: then all is searched once more.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Mutex;

use super::RULES_VERSION;
use crate::digest::Digest;
use crate::disk;
use crate::entry::Part;
use crate::store::Store;

const FILE: &str = "clean-of-secrets";
const RECORD: usize = 16;
/// The first record is the head: which file this is, and the version of the rules.
const MAGIC: &[u8; 12] = b"recell clean";

type Record = [u8; RECORD];

/// What is known to be clean, and what was found to be so since.
pub(super) struct Clean {
    path: PathBuf,
    known: HashSet<Record>,
    /// Whether the file is there and can be added to.
    is_sound: bool,
    new: Mutex<Vec<Record>>,
}

const UNPOISONED: &str = "adding to a list does not panic";

impl Clean {
    /// Reads what a store knows. What cannot be read is not known.
    pub(super) fn of(store: &Store) -> Clean {
        let path = store.own_folder().join(FILE);
        let bytes = disk::read_if_there(&path).ok().flatten().unwrap_or_default();
        let (records, rest) = bytes.as_chunks::<RECORD>();
        // A write that was cut short would shift all that is added behind it.
        let is_sound = rest.is_empty() && records.first() == Some(&head());
        let known = if is_sound { records[1..].iter().copied().collect() } else { HashSet::new() };
        Clean { path, known, is_sound, new: Mutex::default() }
    }

    /// Whether the part was found clean.
    pub(super) fn has_part(&self, part: &Part) -> bool {
        self.known.contains(&of_part(part))
    }

    /// Whether all parts of the entry with that tree, and its manifest, were found clean.
    pub(super) fn has_entry(&self, tree: &str) -> bool {
        self.known.contains(&of_entry(tree))
    }

    /// Notes that a part is clean.
    pub(super) fn add_part(&self, part: &Part) {
        self.new.lock().expect(UNPOISONED).push(of_part(part));
    }

    /// Notes that an entry is clean.
    pub(super) fn add_entry(&self, tree: &str) {
        self.new.lock().expect(UNPOISONED).push(of_entry(tree));
    }

    /// Writes down what is new. That this fails, as in a store that may only be read, costs no more
    /// than the time of another search.
    pub(super) fn save(self) {
        let new = self.new.into_inner().expect(UNPOISONED);
        if new.is_empty() {
            return;
        }
        if self.is_sound {
            drop(disk::append_to(&self.path, new.as_flattened()));
        } else {
            let bytes = [head().as_slice(), new.as_flattened()].concat();
            drop(disk::replace_unsynced(&self.path, &bytes));
        }
    }
}

fn head() -> Record {
    let mut head = [0; RECORD];
    head[..MAGIC.len()].copy_from_slice(MAGIC);
    head[MAGIC.len()..].copy_from_slice(&RULES_VERSION.to_le_bytes());
    head
}

/// The media type has a say in how bytes are searched.
fn of_part(part: &Part) -> Record {
    record(&[part.digest.as_bytes(), part.media_type.as_bytes()])
}

fn of_entry(tree: &str) -> Record {
    record(&[b"tree ", tree.as_bytes()])
}

fn record(pieces: &[&[u8]]) -> Record {
    let digest = Digest::of_here(&pieces.concat());
    *digest.as_bytes().first_chunk().expect("a digest has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::OpenOptions;

    #[test]
    fn what_is_clean_is_known_again_until_the_file_is_not_whole() {
        let folder = tempfile::tempdir().unwrap();
        let format = crate::config::ObjectFormat::Sha1;
        let path = folder.path().join("store.git");
        let store = Store::create(&path, format, OpenOptions::default()).unwrap();
        let clean = Clean::of(&store);
        assert!(!clean.has_entry("one"));
        clean.add_entry("one");
        clean.save();
        let clean = Clean::of(&store);
        assert!(clean.has_entry("one") && !clean.has_entry("two"));
        clean.add_entry("two");
        clean.save();
        let file = store.own_folder().join(FILE);
        assert_eq!(disk::read(&file).unwrap().len(), 3 * RECORD, "it was added to");
        assert!(Clean::of(&store).has_entry("one") && Clean::of(&store).has_entry("two"));
        disk::append_to(&file, b"torn").unwrap();
        let clean = Clean::of(&store);
        assert!(!clean.has_entry("one"), "nobody can tell where its records begin");
        clean.add_entry("three");
        clean.save();
        assert_eq!(disk::read(&file).unwrap().len(), 2 * RECORD, "it begins anew");
        assert!(Clean::of(&store).has_entry("three"));
    }
}
