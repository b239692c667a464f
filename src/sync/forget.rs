//! Forget: an entry goes for good, here and, with the next push, wherever it was pushed to.

use std::collections::{BTreeMap, BTreeSet};

use super::extend::cleaned;
use super::forgotten::{FORGOTTEN, Forgotten};
use super::holders::Holders;
use super::known::KnownLedgers;
use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::disk;
use crate::error::Result;
use crate::events::{Event, EventKind};
use crate::git::ObjectId;
use crate::index::TAGS;
use crate::lookup::Lookup;
use crate::name::EntryName;
use crate::store::{RefChange, Store, in_trash, local_ref, pin_ref, trashed_local_ref};

/// Where recell keeps entries, or parts of them, besides tags: each followed by the entry name.
const BESIDES: [&str; 3] = ["refs/recell/local/", "refs/recell/damaged/", "refs/recell/foreign/"];

/// What forgetting some entries would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ForgetPlan {
    /// The names that are forgotten, whether anything is stored under them or not.
    pub(crate) names: Vec<EntryName>,
    /// The refs here that go.
    pub(crate) refs: Vec<String>,
    /// Entries that stay and have a part with the same bytes as one of those that go: each with
    /// the paths of these parts.
    pub(crate) same_bytes: BTreeMap<EntryName, Vec<String>>,
    /// The remotes that were seen to have one of them, each with how many.
    pub(crate) remotes: BTreeMap<String, usize>,
}

/// Says what forgetting `names` would do. Nothing is changed.
///
/// # Errors
/// [`crate::Error::Disk`], [`crate::Error::BrokenRefs`], [`crate::Error::BrokenLedger`].
pub(crate) fn plan_forget(store: &Store, names: &[EntryName]) -> Result<ForgetPlan> {
    let gone: BTreeSet<&EntryName> = names.iter().collect();
    let mut plan =
        ForgetPlan { names: gone.iter().copied().cloned().collect(), ..ForgetPlan::default() };
    for name in store.refs_below("refs")?.into_keys() {
        if entry_of(&name).is_some_and(|entry| gone.contains(&entry)) {
            plan.refs.push(name);
        }
    }
    let holders = Holders::read(store)?;
    for name in &plan.names {
        for remote in holders.of(name) {
            *plan.remotes.entry(remote.to_owned()).or_default() += 1;
        }
    }
    plan.same_bytes = same_bytes(store, &gone)?;
    Ok(plan)
}

/// Returns the entry that a ref is about, whatever it is to it.
fn entry_of(name: &str) -> Option<EntryName> {
    let rest = if let Some(rest) = name.strip_prefix(TAGS) {
        rest
    } else if let Some((_, rest)) = in_trash(name) {
        rest.strip_prefix("local/").unwrap_or(rest)
    } else {
        let pin = crate::store::PIN_FOLDER.trim_end_matches('/');
        let pin = name.strip_prefix(pin).and_then(|rest| rest.strip_prefix('/'));
        pin.or_else(|| BESIDES.iter().find_map(|folder| name.strip_prefix(folder)))?
    };
    EntryName::parse(rest.to_owned()).ok()
}

/// Returns which other entries have parts with the same bytes, with the paths of these parts.
fn same_bytes(
    store: &Store,
    gone: &BTreeSet<&EntryName>,
) -> Result<BTreeMap<EntryName, Vec<String>>> {
    let mut digests: BTreeSet<Digest> = BTreeSet::new();
    for name in gone {
        if let Lookup::Hit(entry) = store.entry(name)? {
            digests.extend(entry.manifest().parts.iter().map(|part| part.digest));
        }
    }
    let mut found = BTreeMap::new();
    if digests.is_empty() {
        return Ok(found);
    }
    let snapshot = store.snapshot()?;
    for (name, tree) in snapshot.list_with_trees(&crate::index::Pattern::all()) {
        if gone.contains(&name) {
            continue;
        }
        let Lookup::Hit(entry) = snapshot.open_tree(&name, tree) else { continue };
        let same = entry.manifest().parts.iter().filter(|part| digests.contains(&part.digest));
        let paths: Vec<String> = same.map(|part| part.path.to_string()).collect();
        if !paths.is_empty() {
            found.insert(name, paths);
        }
    }
    Ok(found)
}

/// Carries out a plan in this store: tombstones are set, the refs go, and ledgers are rewritten.
/// The bytes go with the next collection, those on remotes after the next push to each.
///
/// # Errors
/// As [`Store::flush`], and [`crate::Error::BrokenLedger`]; then nothing changed.
pub(crate) fn forget(store: &Store, plan: &ForgetPlan, now: Timestamp) -> Result<()> {
    let only = store.lock_collection()?;
    store.flush()?;
    let mut forgotten = Forgotten::read(store)?;
    let before = forgotten.commit;
    for name in &plan.names {
        forgotten.add(name.as_str());
    }
    let tombstones = forgotten.state(store, before.into_iter().collect(), now);
    store.append_kept(&tombstones.objects, &only)?;
    let mut changes =
        vec![RefChange { name: FORGOTTEN.into(), expected: before, new: Some(tombstones.commit) }];
    changes.extend(ledger_changes(store, &forgotten, now, &only)?);
    let refs = store.refs_below("refs")?;
    for name in &plan.refs {
        let expected = refs.get(name).copied();
        changes.push(RefChange { name: name.clone(), expected, new: None });
    }
    store.swap_each_ref(&changes)?;
    // The lists of names in ledgers are made anew when they are asked for.
    for list in disk::list(&store.own_folder().join("ledgers"))? {
        disk::remove(&list.path)?;
    }
    drop(only);
    if let Some(log) = store.events() {
        let forgotten = |_: &EntryName, event: &mut Event| event.reason = Some("forgotten".into());
        log.note_entries(&EventKind::Prune, &plan.names, forgotten);
    }
    Ok(())
}

/// Returns how the ledgers that were taken in change, so that they hold nothing forgotten.
fn ledger_changes(
    store: &Store,
    forgotten: &Forgotten,
    now: Timestamp,
    only: &crate::store::OnlyCollection,
) -> Result<Vec<RefChange>> {
    let mut changes = Vec::new();
    for (ledger, commit) in KnownLedgers::read(store)?.taken {
        if let Some(state) = cleaned(store, &ledger, &commit, forgotten, now)? {
            store.append_kept(&state.objects, only)?;
            changes.push(RefChange {
                name: ledger.ref_name(),
                expected: Some(commit),
                new: Some(state.commit),
            });
        }
    }
    Ok(changes)
}

/// Takes in the tombstones `theirs` of a remote: what they name moves to the trash, and leaves the
/// ledgers. Returns the entries that moved.
///
/// # Errors
/// As [`forget`].
pub(crate) fn take_in_forgotten(
    store: &Store,
    theirs: &ObjectId,
    now: Timestamp,
    only: &crate::store::OnlyCollection,
) -> Result<Vec<EntryName>> {
    let mut forgotten = Forgotten::read(store)?;
    let seen = Forgotten::at(store, theirs)?;
    if forgotten.covers(&seen) {
        return Ok(Vec::new());
    }
    let before = forgotten.commit;
    let is_ahead = seen.covers(&forgotten);
    forgotten.take_in(&seen);
    let new = if is_ahead {
        *theirs
    } else {
        let parents = before.into_iter().chain([*theirs]).collect();
        let state = forgotten.state(store, parents, now);
        store.append_kept(&state.objects, only)?;
        state.commit
    };
    let mut changes = vec![RefChange { name: FORGOTTEN.into(), expected: before, new: Some(new) }];
    changes.extend(ledger_changes(store, &forgotten, now, only)?);
    let mut gone = Vec::new();
    let local = store.local_trees()?;
    for (name, tree) in store.names_with_prefix("")? {
        if forgotten.has(name.as_str()) {
            let full = format!("{TAGS}{name}");
            changes.push(RefChange { name: full, expected: Some(tree), new: None });
            let trash = crate::store::trash_ref(now, &name);
            changes.push(RefChange { name: trash, expected: None, new: Some(tree) });
            if let Some(local) = local.get(&name) {
                let (from, to) = (local_ref(&name), trashed_local_ref(now, &name));
                changes.push(RefChange { name: from, expected: Some(*local), new: None });
                changes.push(RefChange { name: to, expected: None, new: Some(*local) });
            }
            gone.push(name);
        }
    }
    let pins = store.refs_below(crate::store::PIN_FOLDER.trim_end_matches('/'))?;
    for name in &gone {
        let pin = pin_ref(name);
        if let Some(id) = pins.get(&pin) {
            changes.push(RefChange { name: pin, expected: Some(*id), new: None });
        }
    }
    store.swap_each_ref(&changes)?;
    Ok(gone)
}
