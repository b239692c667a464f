//! What is wrong with a ledger of somebody else, looked for before its names are taken in.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::entry::MANIFEST_FILE;
use crate::error::Result;
use crate::git::{Kind, ObjectId, TreeMode, tree_entry};
use crate::lookup::{Lookup, Miss};
use crate::name::{EntryName, LedgerName};
use crate::store::{Entry, Store};

/// Something that a ledger says and that is not taken in: the name as it stands there, and why.
pub(crate) type Refusal = (String, String);

/// What is new in a ledger: entries with their trees, and what is refused.
pub(crate) type Checked = (Vec<(EntryName, ObjectId)>, Vec<Refusal>);

/// Sorts what is new in a ledger, names below its notebook with their trees, into entries that are
/// not here yet and names that are refused. Names that are here with the same tree are in neither.
///
/// Noticed are names that are none, names that do not fit their tree, and names that stand for
/// another tree here or in the trash. See also [`check_manifests`].
///
/// # Errors
/// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
pub(crate) fn check_foreign_ledger(
    store: &Store,
    ledger: &LedgerName,
    new: &[(String, ObjectId)],
) -> Result<Checked> {
    if new.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let by_name = |(name, tree): (EntryName, ObjectId)| (name.as_str().to_owned(), tree);
    let trash: HashMap<String, ObjectId> =
        store.trash()?.into_values().flatten().map(by_name).collect();
    let names = store.names_with_prefix(&format!("{}/", ledger.notebook_segment()))?;
    let names: HashMap<String, ObjectId> = names.into_iter().map(by_name).collect();
    let check = |(below, tree): &(String, ObjectId)| {
        let full = format!("{}/{below}", ledger.notebook_segment());
        match refusal(&full, tree, names.get(&full).or_else(|| trash.get(&full))) {
            Ok(name) => Ok((name, *tree)),
            Err(reason) => Err((full, reason)),
        }
    };
    let is_here = |name: &EntryName, tree| names.get(name.as_str()) == Some(&tree);
    let checked: Vec<_> = new.par_iter().map(check).collect();
    let mut found = (Vec::new(), Vec::new());
    for one in checked {
        match one {
            Ok((name, tree)) if is_here(&name, tree) => {}
            Ok(entry) => found.0.push(entry),
            Err(refusal) => found.1.push(refusal),
        }
    }
    Ok(found)
}

fn refusal(full: &str, tree: &ObjectId, here: Option<&ObjectId>) -> Result<EntryName, String> {
    let name = EntryName::parse(full.to_owned());
    let name = name.map_err(|_| "it is not the name of an entry".to_owned())?;
    if !tree.to_string().starts_with(name.id8()) {
        return Err("its name says another content than it has".into());
    }
    if here.is_some_and(|known| known != tree) {
        return Err("another content has that name here".into());
    }
    Ok(name)
}

/// Returns the entries among these whose manifest is here and is that of another entry, or says of
/// their tree what it is not. The bytes of parts are looked at when they are read.
pub(crate) fn check_manifests(store: &Store, entries: &[(EntryName, ObjectId)]) -> Vec<Refusal> {
    let wrong = |(name, tree): &(EntryName, ObjectId)| {
        let mut bytes = Vec::new();
        if store.read_object(tree, &mut bytes) != Some(Kind::Tree) {
            return None;
        }
        let reason = match tree_entry(store.object_format(), &bytes, MANIFEST_FILE) {
            Some((TreeMode::File, manifest)) if !store.has(&manifest) => return None,
            Some((TreeMode::File, _)) => match store.entry_of_tree(name, *tree) {
                Lookup::Hit(entry) => lacks_part(&entry)?,
                Lookup::Miss(Miss::Damaged { reason, .. }) => reason,
                Lookup::Miss(_) => return None,
            },
            _ => "its tree has no manifest".into(),
        };
        Some((name.to_string(), reason))
    };
    entries.par_iter().filter_map(wrong).collect()
}

fn lacks_part(entry: &Entry) -> Option<String> {
    // A part that stayed where it was made lacks nothing.
    let mut parts = entry.part_objects();
    let (part, _) = parts.find(|(_, object)| matches!(object, Err(Miss::Damaged { .. })))?;
    Some(format!("its tree does not have {} as its manifest says", part.path))
}
