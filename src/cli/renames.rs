//! What follows entries that a command renamed: collections, and `recell.lock`. Pins go along with
//! the names themselves.

use std::collections::BTreeMap;

use super::session::Session;
use super::words::count;
use crate::collection::rename_members;
use crate::error::{Error, Result};
use crate::lockfile::{Lockfile, Pins};
use crate::name::EntryName;
use crate::notebook::Rename;
use crate::store::Store;

/// Has all that names the renamed entries name them anew. The renames are done whatever becomes of
/// this, so that a failure is a warning.
pub(super) fn follow<'r>(
    session: &Session,
    store: &Store,
    renames: impl IntoIterator<Item = &'r Rename>,
) {
    follow_names(session, store, &last_names(renames));
}

/// Has all that names entries name them anew, by old and new names; as [`follow`].
pub(super) fn follow_names(
    session: &Session,
    store: &Store,
    names: &BTreeMap<EntryName, EntryName>,
) {
    if names.is_empty() {
        return;
    }
    let warn = |what: &str, error: &Error| {
        session.ui.warn(&format!("{what} the old names: {error}"), error.hint().as_deref());
    };
    match rename_members(store, names, session.now()) {
        Ok(renaming) => {
            let changed = renaming.changed.len();
            if changed > 0 {
                let collections = count(changed, "collection has", "collections have");
                session.ui.detail(|| format!("{collections} the new names"));
            }
            for name in renaming.frozen {
                session.ui.warn(&format!("`{name}` is frozen and keeps the old names"), None);
            }
        }
        Err(error) => warn("some collections keep", &error),
    }
    match rename_in_lock(session, names) {
        Ok(true) => session.ui.detail(|| "`recell.lock` has the new names".to_owned()),
        Ok(false) => {}
        Err(error) => warn("`recell.lock` keeps", &error),
    }
}

/// Returns the last name of each entry, by the first.
fn last_names<'r>(renames: impl IntoIterator<Item = &'r Rename>) -> BTreeMap<EntryName, EntryName> {
    let moved: Vec<&(EntryName, EntryName)> =
        renames.into_iter().flat_map(|rename| &rename.moved).collect();
    let mut last: BTreeMap<EntryName, EntryName> = BTreeMap::new();
    // From the end, so that what became of the new name is known.
    for (old, new) in moved.into_iter().rev() {
        let new = last.get(new).unwrap_or(new).clone();
        last.insert(old.clone(), new);
    }
    last
}

/// Returns whether the `recell.lock` of the workspace changed.
fn rename_in_lock(session: &Session, renamed: &BTreeMap<EntryName, EntryName>) -> Result<bool> {
    let workspace = session.workspace()?;
    let Some(root) = workspace.root() else { return Ok(false) };
    let lockfile = Lockfile::of(root);
    if !lockfile.is_there() {
        return Ok(false);
    }
    lockfile.change(workspace.config().store.durability, |bytes| {
        let old = Pins::parse(lockfile.path(), bytes)?;
        let new = old.under_names(renamed);
        Ok((new != old).then(|| new.to_text()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notebook::NotebookName;

    #[test]
    fn an_entry_that_was_renamed_twice_has_its_last_name() {
        let name = |notebook: &str| -> EntryName {
            format!("{notebook}/c/m/0/20261121T010100.000000Z-0123abcd").parse().unwrap()
        };
        let rename = |old: &str, new: &str| Rename {
            old: NotebookName::of_path(old.as_ref()).unwrap(),
            new: NotebookName::of_path(new.as_ref()).unwrap(),
            moved: vec![(name(old), name(new))],
            unreadable: Vec::new(),
            busy: Vec::new(),
            already: 0,
            shared_cells: Vec::new(),
        };
        let last = last_names(&[rename("a", "b"), rename("b", "c"), rename("x", "y")]);
        let pairs = [("a", "c"), ("b", "c"), ("x", "y")].map(|(old, new)| (name(old), name(new)));
        assert_eq!(last, BTreeMap::from(pairs));
    }
}
