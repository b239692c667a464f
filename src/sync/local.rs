//! What stays on this machine: for those who ask what a push leaves out.

use std::collections::{BTreeMap, HashSet};

use crate::entry::{Facts, Manifest};
use crate::error::Result;
use crate::name::EntryName;
use crate::store::{Snapshot, Store};

/// The parts of one notebook's entries that are on this machine and stay there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalParts {
    /// The path of the notebook.
    pub notebook: String,
    /// How many entries have such parts.
    pub entries: usize,
    /// How many parts there are.
    pub parts: usize,
    /// Their bytes, uncompressed; those that several of the parts have count once.
    pub bytes: u64,
}

/// Returns the parts that stay on this machine, by notebook. Notebooks without such are left out,
/// and so are entries that cannot be read.
///
/// # Errors
/// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`] if the names cannot be read.
pub fn local_parts(store: &Store) -> Result<Vec<LocalParts>> {
    let snapshot = store.snapshot()?;
    let mut notebooks: BTreeMap<String, (LocalParts, HashSet<String>)> = BTreeMap::new();
    let (mut scratch, mut bytes) = (Vec::new(), Vec::new());
    for (name, tree) in snapshot.with_local_parts() {
        if snapshot.read_manifest(&name, &tree, &mut scratch, &mut bytes).is_err() {
            continue;
        }
        let Some(parts) = parts_of(&snapshot, &name, &bytes) else { continue };
        let notebook = name.notebook().into_owned();
        let (found, seen) = notebooks.entry(notebook).or_default();
        found.entries += 1;
        for (digest, size) in parts {
            found.parts += 1;
            if seen.insert(digest) {
                found.bytes += size;
            }
        }
    }
    let found = notebooks.into_iter();
    Ok(found.map(|(notebook, (found, _))| LocalParts { notebook, ..found }).collect())
}

/// Returns digest and size of each local part; `None` if the manifest cannot be read.
fn parts_of(snapshot: &Snapshot, name: &EntryName, bytes: &[u8]) -> Option<Vec<(String, u64)>> {
    if let Some(facts) = Facts::skim(bytes, name) {
        let local = facts.parts.into_iter().filter(|part| part.local);
        return Some(local.map(|part| (part.digest.into_owned(), part.size)).collect());
    }
    let entry = snapshot.entry(name).hit()?;
    let Manifest { parts, .. } = entry.manifest();
    let local = parts.iter().filter(|part| part.local);
    Some(local.map(|part| (part.digest.to_string(), part.size)).collect())
}
