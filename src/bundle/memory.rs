//! What was used last, in memory, up to a number of bytes.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

/// Values by key, of which the least recently used go when there are more bytes than may be.
#[derive(Debug)]
pub(super) struct Memory<K, V> {
    cap: u64,
    bytes: u64,
    tick: u64,
    held: HashMap<K, Held<V>>,
    /// The keys by when they were last used.
    by_use: BTreeMap<u64, K>,
}

#[derive(Debug)]
struct Held<V> {
    value: Arc<V>,
    bytes: u64,
    used: u64,
}

impl<K: Clone + Eq + Hash, V> Memory<K, V> {
    /// Returns an empty memory of up to `cap` bytes.
    pub(super) fn new(cap: u64) -> Memory<K, V> {
        Memory { cap, bytes: 0, tick: 0, held: HashMap::new(), by_use: BTreeMap::new() }
    }

    /// Returns the value, which counts as used now.
    pub(super) fn get(&mut self, key: &K) -> Option<Arc<V>> {
        let tick = self.next_tick();
        let held = self.held.get_mut(key)?;
        self.by_use.remove(&held.used);
        held.used = tick;
        self.by_use.insert(tick, key.clone());
        Some(Arc::clone(&held.value))
    }

    /// Keeps a value of so many bytes, and returns what had to go for it, the least recently used
    /// first. One that is larger than the whole memory is not kept, and nothing goes for it.
    pub(super) fn insert(&mut self, key: K, value: Arc<V>, bytes: u64) -> Vec<(K, u64)> {
        self.remove(&key);
        if bytes > self.cap {
            return Vec::new();
        }
        let used = self.next_tick();
        self.by_use.insert(used, key.clone());
        self.held.insert(key, Held { value, bytes, used });
        self.bytes += bytes;
        let mut gone = Vec::new();
        while self.bytes > self.cap {
            let Some((_, oldest)) = self.by_use.pop_first() else { break };
            if let Some(held) = self.held.remove(&oldest) {
                self.bytes -= held.bytes;
                gone.push((oldest, held.bytes));
            }
        }
        gone
    }

    /// Forgets a value.
    pub(super) fn remove(&mut self, key: &K) {
        if let Some(held) = self.held.remove(key) {
            self.by_use.remove(&held.used);
            self.bytes -= held.bytes;
        }
    }

    /// Whether the value is here, which does not count as a use.
    pub(super) fn contains(&self, key: &K) -> bool {
        self.held.contains_key(key)
    }

    /// Returns how many values there are.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Returns how many bytes they have.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns how many bytes they may have.
    pub(super) fn cap(&self) -> u64 {
        self.cap
    }

    /// Returns the keys with their bytes and values, the least recently used first.
    pub(super) fn by_use(&self) -> impl Iterator<Item = (&K, u64, &V)> {
        let keys = self.by_use.values();
        keys.filter_map(|key| self.held.get(key).map(|held| (key, held.bytes, &*held.value)))
    }

    fn next_tick(&mut self) -> u64 {
        self.tick += 1;
        self.tick
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut memory = Memory::new(30);
        for key in ["a", "b", "c"] {
            assert!(memory.insert(key, Arc::new(()), 10).is_empty());
        }
        assert!(memory.get(&"a").is_some());
        assert_eq!(memory.insert("d", Arc::new(()), 15), [("b", 10), ("c", 10)]);
        assert_eq!(memory.by_use().map(|it| *it.0).collect::<Vec<_>>(), ["a", "d"]);
    }

    #[test]
    fn what_is_larger_than_all_of_it_is_not_kept() {
        let mut memory = Memory::new(10);
        memory.insert("a", Arc::new(()), 10);
        assert!(memory.insert("b", Arc::new(()), 11).is_empty());
        assert!(memory.contains(&"a") && !memory.contains(&"b"));
        memory.insert("a", Arc::new(()), 11);
        assert_eq!(
            (memory.len(), memory.bytes()),
            (0, 0),
            "what it was before is not true any more"
        );
    }

    proptest! {
        #[test]
        fn it_is_a_list_by_use_that_is_cut_at_the_cap(
            steps in prop::collection::vec((0_u8..8, 0_u64..40, any::<bool>()), 1..200)
        ) {
            let mut memory = Memory::new(100);
            let mut model: Vec<(u8, u64)> = Vec::new();
            for (key, bytes, is_read) in steps {
                let place = model.iter().position(|(other, _)| *other == key);
                let old = place.map(|at| model.remove(at));
                if is_read {
                    prop_assert_eq!(memory.get(&key).is_some(), old.is_some());
                    model.extend(old);
                } else {
                    memory.insert(key, Arc::new(()), bytes);
                    model.push((key, bytes));
                    while model.iter().map(|(_, bytes)| bytes).sum::<u64>() > 100 {
                        model.remove(0);
                    }
                }
                let held: Vec<(u8, u64)> = memory.by_use().map(|(key, bytes, ())| (*key, bytes)).collect();
                prop_assert_eq!(&held, &model);
                prop_assert_eq!(memory.bytes(), model.iter().map(|(_, bytes)| bytes).sum::<u64>());
                prop_assert_eq!(memory.len(), model.len());
            }
        }
    }
}
