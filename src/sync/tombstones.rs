//! Tombstones travel: both sides have all of them after they met, and what a remote still has of
//! what was forgotten is taken out of its ledgers.

use super::extend::{cleaned, forgotten_names, union};
use super::forget::take_in_forgotten;
use super::forgotten::{FORGOTTEN, Forgotten};
use super::known::{Ledgers, REMOTES};
use super::remote::Remote;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::git::{ObjectId, PushRef, PushedContents, PushedRef};
use crate::store::{OnlyCollection, RefChange, Store};

/// How often somebody else may be faster.
const RACES: usize = 8;

/// Returns the name under which this store keeps the tombstones of a remote.
pub(super) fn seen_tombstones(remote_id: &str) -> String {
    format!("{REMOTES}{remote_id}/forgotten")
}

/// Whether the remote lacked some of this store's tombstones when it was last spoken to.
///
/// # Errors
/// [`Error::Disk`] and [`Error::BrokenRefs`].
pub(super) fn remote_lacks(store: &Store, remote_id: &str, own: &Forgotten) -> Result<bool> {
    let seen = store.refs_below("refs/recell/remote")?.get(&seen_tombstones(remote_id)).copied();
    Ok(!own.is_empty() && seen != own.commit)
}

/// Takes in the tombstones of the remote, and gives it ours; returns whether any came.
///
/// # Errors
/// [`Error::RemoteUnreachable`] and its family, [`Error::NotArrived`] if the remote refuses ours,
/// and those of [`take_in_forgotten`].
pub(super) fn meet(
    store: &Store,
    remote_id: &str,
    remote: &Remote,
    now: Timestamp,
    only: &OnlyCollection,
) -> Result<bool> {
    let before = Forgotten::read(store)?;
    for race in 0.. {
        let theirs = remote.list_pushed(&[FORGOTTEN])?.remove(FORGOTTEN);
        if let Some(theirs) = theirs {
            bring(store, remote_id, remote, &theirs)?;
            take_in_forgotten(store, &theirs, now, only)?;
        }
        let ours = Forgotten::read(store)?;
        let Some(commit) = ours.commit.filter(|commit| Some(*commit) != theirs) else {
            note_seen(store, remote_id, theirs)?;
            break;
        };
        store.flush()?;
        let change = PushRef { name: FORGOTTEN.into(), new: Some(commit), lease: None };
        let answer =
            remote.push(store, std::slice::from_ref(&change), PushedContents::Small, None)?;
        if let Some(error) = remote.failure(&answer) {
            return Err(error);
        }
        match answer.refs.get(FORGOTTEN) {
            Some(PushedRef::Taken) => {
                note_seen(store, remote_id, Some(commit))?;
                break;
            }
            Some(PushedRef::Behind(_)) if race < RACES => {}
            Some(PushedRef::Refused(reason) | PushedRef::Behind(reason)) => {
                let (first, reason) = (FORGOTTEN.to_owned(), reason.clone());
                return Err(Error::NotArrived { count: 1, first, reason });
            }
            None => {
                let reason = "the remote does not say why".to_owned();
                return Err(Error::NotArrived { count: 1, first: FORGOTTEN.into(), reason });
            }
        }
    }
    Ok(!before.covers(&Forgotten::read(store)?))
}

fn bring(store: &Store, remote_id: &str, remote: &Remote, theirs: &ObjectId) -> Result<()> {
    if store.has(theirs) {
        return Ok(());
    }
    remote.fetch(store, &[(FORGOTTEN.to_owned(), seen_tombstones(remote_id))], true)?;
    store.notice_packs()
}

/// Notes what tombstones the remote has.
///
/// # Errors
/// As [`Store::flush`].
pub(super) fn note_seen(store: &Store, remote_id: &str, new: Option<ObjectId>) -> Result<()> {
    let name = seen_tombstones(remote_id);
    let expected = store.refs_below("refs/recell/remote")?.get(&name).copied();
    if expected != new {
        store.swap_each_ref(&[RefChange { name, expected, new }])?;
    }
    Ok(())
}

/// Makes, of each ledger of which the remote has something that was forgotten, a target without
/// it; returns the states that these targets may displace.
///
/// # Errors
/// [`Error::BrokenLedger`] if a state cannot be read.
pub(super) fn overwrite_forgotten(
    store: &Store,
    reached: &Ledgers,
    targets: &mut Ledgers,
    only: &OnlyCollection,
    now: Timestamp,
) -> Result<Ledgers> {
    let forgotten = Forgotten::read(store)?;
    let mut displaced = Ledgers::new();
    if forgotten.is_empty() {
        return Ok(displaced);
    }
    for (ledger, there) in reached.iter().filter(|(_, there)| store.has(there)) {
        if forgotten_names(store, ledger, there, &forgotten)?.is_empty() {
            continue;
        }
        let state = match targets.get(ledger) {
            Some(ours) => Some(union(store, ledger, there, ours, &forgotten, now)?),
            None => cleaned(store, ledger, there, &forgotten, now)?,
        };
        if let Some(state) = state {
            store.append_kept(&state.objects, only)?;
            targets.insert(ledger.clone(), state.commit);
            displaced.insert(ledger.clone(), *there);
        }
    }
    Ok(displaced)
}
