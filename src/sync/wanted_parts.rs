//! Which parts are wanted here by the settings, and how large they are.

use std::collections::{BTreeSet, HashMap};

use crate::config::{FetchPolicy, SyncSettings};
use crate::entry::{Facts, MANIFEST_FILE, Manifest};
use crate::git::{Kind, ObjectId, tree_entry};
use crate::name::EntryName;
use crate::store::{LackingObject, PartsWanted, Store};

/// The folders of an entry that are brought with `fetch = "outputs"`.
const OUTPUTS: [&str; 2] = ["outputs/", "code/"];

/// Whether the settings want a part of a result of that notebook to be here.
pub(super) fn wants(settings: &SyncSettings, notebook: &str, part: &str) -> bool {
    match settings.of_notebook(notebook).fetch {
        FetchPolicy::All => true,
        FetchPolicy::Outputs => OUTPUTS.iter().any(|folder| part.starts_with(folder)),
        FetchPolicy::Lazy => false,
    }
}

/// Returns the size of each part of an entry, in bytes, by path; none if its manifest is not here.
pub(super) fn sizes_of(store: &Store, name: &EntryName, tree: &ObjectId) -> HashMap<String, u64> {
    read_sizes(store, name, tree).unwrap_or_default()
}

fn read_sizes(store: &Store, name: &EntryName, tree: &ObjectId) -> Option<HashMap<String, u64>> {
    let mut bytes = Vec::new();
    if store.read_object(tree, &mut bytes) != Some(Kind::Tree) {
        return None;
    }
    let (_, manifest) = tree_entry(store.object_format(), &bytes, MANIFEST_FILE)?;
    store.read_object(&manifest, &mut bytes)?;
    if let Some(facts) = Facts::skim(&bytes, name) {
        return Some(facts.parts.iter().map(|part| (part.path.to_owned(), part.size)).collect());
    }
    let manifest = Manifest::from_toml(&bytes).ok()?;
    Some(manifest.parts.iter().map(|part| (part.path.as_str().to_owned(), part.size)).collect())
}

/// Manifests alone.
pub(super) struct NoParts;

impl PartsWanted for NoParts {
    fn folder(&self, _entry: &EntryName, _folder: &str) -> bool {
        false
    }

    fn part(&self, _entry: &EntryName, _path: &str) -> bool {
        false
    }
}

/// Returns the parts that objects are of, each once, with their entry and their bytes as far as
/// its manifest tells them.
pub(super) fn sized<'a>(
    store: &Store,
    entries: &[(EntryName, ObjectId)],
    objects: &'a [LackingObject],
) -> Vec<(usize, &'a str, u64)> {
    let parts: BTreeSet<(usize, &str)> =
        objects.iter().map(|object| (object.entry, object.part.as_str())).collect();
    let mut sizes: Option<(usize, HashMap<String, u64>)> = None;
    let mut found = Vec::with_capacity(parts.len());
    for (number, part) in parts {
        if sizes.as_ref().is_none_or(|(of, _)| *of != number) {
            let (name, tree) = &entries[number];
            sizes = Some((number, sizes_of(store, name, tree)));
        }
        let of_entry = sizes.as_ref().and_then(|(_, sizes)| sizes.get(part));
        found.push((number, part, of_entry.copied().unwrap_or(0)));
    }
    found
}
