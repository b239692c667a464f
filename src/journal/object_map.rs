//! Maps and sets of object ids: ids are digests, so a few of their bytes are the hash.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use crate::git::ObjectId;

/// A map by object id.
pub(crate) type ObjectMap<T> = HashMap<ObjectId, T, BuildHasherDefault<FirstBytes>>;
/// A map by the first eight bytes of object ids.
pub(crate) type NumberMap<T> = HashMap<u64, T, BuildHasherDefault<FirstBytes>>;
/// A set of object ids.
pub(crate) type ObjectSet = HashSet<ObjectId, BuildHasherDefault<FirstBytes>>;

/// Takes the first eight bytes that it is given of an id.
#[derive(Default)]
pub(crate) struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 ^= u64::from_le_bytes(*first);
        }
    }
}
