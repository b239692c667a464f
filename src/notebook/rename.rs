//! `mv`: the entries of a notebook under another name, in one step that can be undone.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::name::NotebookName;
use crate::clock::Timestamp;
use crate::entry::Manifest;
use crate::error::{Error, Result};
use crate::index::Pattern;
use crate::lookup::{Lookup, Miss};
use crate::name::{EntryName, ExecutionKey, encode};
use crate::store::{Remade, Store};

/// What becomes of the entries of a notebook that gets another name: a plan until it was carried
/// out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// The name so far.
    pub old: NotebookName,
    /// The name from then on.
    pub new: NotebookName,
    /// The old and the new name of each entry, oldest first.
    pub moved: Vec<(EntryName, EntryName)>,
    /// Entries that stay where they are, as they cannot be read.
    pub unreadable: Vec<Miss>,
    /// Entries that stay, as the process that put them is still writing.
    pub busy: Vec<EntryName>,
    /// How many entries the new name has already.
    pub already: usize,
    /// The cells of which both names have entries.
    pub shared_cells: Vec<String>,
}

/// Whether anything is stored under the name of a notebook.
///
/// # Errors
/// Those of [`Store::list`].
pub fn has_entries(store: &Store, name: &NotebookName) -> Result<bool> {
    let segment = encode(name.as_str());
    Ok(store.inner.look(|index, own| index.newest(&segment, own))?.is_some())
}

/// Says what giving each notebook its new name would do, by pairs of the old and the new one.
/// Nothing is changed.
///
/// # Errors
/// Those of [`Store::list`].
pub fn plan_rename(store: &Store, pairs: &[(NotebookName, NotebookName)]) -> Result<Vec<Rename>> {
    let plan = plan(store, pairs)?;
    Ok(plan.into_iter().map(|(rename, _)| rename).collect())
}

/// Gives the entries of each notebook its new name, by pairs of the old and the new one.
///
/// Each entry gets a new manifest, the same wherever this is done, over the same parts and with
/// the same time; the old names go to the trash under the time `now`, all in one step. What cannot
/// be read or is being written stays as it is. Entries of other notebooks that were computed from
/// these keep saying so by the old names.
///
/// # Errors
/// [`Error::RenameTaken`] if an old and its new name both have entries of one cell, unless
/// `merge`; those of [`Store::flush`]. Then nothing was changed.
pub fn rename(
    store: &Store,
    pairs: &[(NotebookName, NotebookName)],
    merge: bool,
    now: Timestamp,
) -> Result<Vec<Rename>> {
    let (mut renames, remade): (Vec<Rename>, Vec<Vec<Remade>>) =
        plan(store, pairs)?.into_iter().unzip();
    if let Some(Rename { old, new, shared_cells, .. }) =
        renames.iter().find(|rename| !merge && !rename.shared_cells.is_empty())
    {
        let (old, new) = (old.to_string(), new.to_string());
        return Err(Error::RenameTaken { old, new, cells: shared_cells.len() });
    }
    let remade: Vec<Remade> = remade.into_iter().flatten().collect();
    if !remade.is_empty() {
        let busy: HashSet<EntryName> = store.rename_entries(&remade, now)?.into_iter().collect();
        for rename in &mut renames {
            let (stay, moved) = std::mem::take(&mut rename.moved)
                .into_iter()
                .partition(|(old, _)| busy.contains(old));
            let stay: Vec<(EntryName, EntryName)> = stay;
            rename.busy = stay.into_iter().map(|(old, _)| old).collect();
            rename.moved = moved;
        }
    }
    Ok(renames)
}

fn plan(
    store: &Store,
    pairs: &[(NotebookName, NotebookName)],
) -> Result<Vec<(Rename, Vec<Remade>)>> {
    let mut renamed: HashMap<String, String> = HashMap::new();
    pairs.iter().map(|(old, new)| plan_one(store, old, new, &mut renamed)).collect()
}

fn plan_one(
    store: &Store,
    old: &NotebookName,
    new: &NotebookName,
    renamed: &mut HashMap<String, String>,
) -> Result<(Rename, Vec<Remade>)> {
    let mut rename = Rename {
        old: old.clone(),
        new: new.clone(),
        moved: Vec::new(),
        unreadable: Vec::new(),
        busy: Vec::new(),
        already: 0,
        shared_cells: Vec::new(),
    };
    if old == new {
        return Ok((rename, Vec::new()));
    }
    let mut names = store.list(&Pattern::notebook(old.as_str()))?;
    // What was computed from another comes after it, so that it can speak of its new name.
    names.sort_by(|a, b| (a.created_at(), a).cmp(&(b.created_at(), b)));
    let there = store.list(&Pattern::notebook(new.as_str()))?;
    rename.already = there.len();
    let taken: BTreeSet<&str> = there.iter().map(EntryName::cell_segment).collect();
    let mut shared: BTreeSet<String> = BTreeSet::new();
    let mut all = Vec::with_capacity(names.len());
    for name in names {
        let entry = match store.entry(&name)? {
            Lookup::Hit(entry) => entry,
            Lookup::Miss(miss) => {
                rename.unreadable.push(miss);
                continue;
            }
        };
        let manifest = under_name(entry.manifest(), new, renamed)?;
        let Some(remade) = store.remade(&entry, &manifest) else {
            let reason = "its tree cannot be read".to_owned();
            rename.unreadable.push(Miss::Damaged { name: name.to_string(), reason });
            continue;
        };
        if taken.contains(name.cell_segment()) {
            shared.insert(manifest.key.cell().to_owned());
        }
        renamed.insert(remade.old.to_string(), remade.new.to_string());
        rename.moved.push((remade.old.clone(), remade.new.clone()));
        all.push(remade);
    }
    rename.shared_cells = shared.into_iter().collect();
    Ok((rename, all))
}

/// Returns the manifest of an entry under another notebook's name.
fn under_name(
    manifest: &Manifest,
    new: &NotebookName,
    renamed: &HashMap<String, String>,
) -> Result<Manifest> {
    let key = &manifest.key;
    let key = ExecutionKey::with_version(new.as_str(), key.cell(), key.module(), key.version())
        .map_err(|source| Error::Key { text: new.to_string(), source: source.into() })?;
    let mut manifest = Manifest { key, ..manifest.clone() };
    for upstream in &mut manifest.provenance.upstream {
        if let Some(new) = renamed.get(upstream) {
            upstream.clone_from(new);
        }
    }
    Ok(manifest)
}
