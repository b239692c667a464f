//! Which parts are wanted here by the settings, and how large they are.

use std::collections::HashMap;

use crate::config::{FetchPolicy, SyncSettings};
use crate::entry::{Facts, MANIFEST_FILE, Manifest};
use crate::git::{Kind, ObjectId, tree_entry};
use crate::name::EntryName;
use crate::store::Store;

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
pub(super) fn sizes_of(
    store: &Store,
    name: &EntryName,
    tree: &ObjectId,
) -> HashMap<String, u64> {
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
