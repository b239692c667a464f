//! How this store and a remote stand, as far as is known without the network.

use std::collections::BTreeMap;

use super::contact::Contact;
use super::known::{KnownLedgers, REMOTES, unpublished};
use super::ledger_names::LedgerNames;
use super::ledger_tree::{commit_of, compare};
use crate::clock::Timestamp;
use crate::config::SyncSettings;
use crate::error::Result;
use crate::store::{RefChange, Store};

/// How this store and a remote stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The entries here that the remote had not, when it was last spoken to, and may have.
    pub(crate) ahead: usize,
    /// The entries that the remote had then, and that were never taken in here.
    pub(crate) behind: usize,
    /// The ledgers that the remote had then.
    pub(crate) ledgers: usize,
    /// When the remote last answered; `None` if it never did, or nobody remembers.
    pub(crate) spoken: Option<Timestamp>,
    /// How many refs it takes in one push, if it was found to take few.
    pub(crate) most_refs: Option<usize>,
}

/// Returns how this store and the remote stand.
///
/// # Errors
/// [`crate::Error::BrokenLedger`] if a ledger cannot be read, [`crate::Error::Disk`],
/// [`crate::Error::BrokenRefs`].
pub(crate) fn standing(
    store: &Store,
    remote: &str,
    settings: &SyncSettings,
    now: Timestamp,
) -> Result<Standing> {
    let known = KnownLedgers::read(store)?;
    let seen = known.of_remote(remote);
    let mut behind = 0;
    for (ledger, commit) in &seen {
        let mine = known.taken.get(ledger);
        if mine == Some(commit) {
            continue;
        }
        let (theirs, _) = commit_of(store, commit)?;
        let ours = mine.map(|mine| commit_of(store, mine)).transpose()?.map(|(tree, _)| tree);
        behind += compare(store, ours.as_ref(), Some(&theirs))?.added.len();
    }
    let ledgers = seen.len();
    let there = KnownLedgers { taken: seen, seen: BTreeMap::new() };
    let mut travels: BTreeMap<String, bool> = BTreeMap::new();
    let mut ahead = 0;
    for (name, _) in unpublished(store, &there)? {
        let of = travels.entry(name.notebook_segment().to_owned());
        ahead += usize::from(*of.or_insert_with(|| settings.of_notebook(&name.notebook()).push));
    }
    let contact = Contact::read(store, remote);
    let most_refs = contact.most_refs(now);
    Ok(Standing { ahead, behind, ledgers, spoken: contact.spoken, most_refs })
}

/// Returns how many entries the remote had when it was last spoken to.
///
/// # Errors
/// [`crate::Error::BrokenLedger`] if a ledger cannot be read, [`crate::Error::Disk`].
pub(crate) fn entries_there(store: &Store, remote: &str) -> Result<usize> {
    let known = KnownLedgers::read(store)?;
    let mut count = 0;
    for (ledger, commit) in known.of_remote(remote) {
        count += LedgerNames::read(store, &ledger, &commit)?.iter().count();
    }
    Ok(count)
}

/// Forgets what is known of a remote; returns how many of its refs were kept.
///
/// # Errors
/// Those of a flush; then nothing changed.
pub(crate) fn forget_remote(store: &Store, remote: &str) -> Result<usize> {
    let refs = store.refs_below(&format!("{REMOTES}{remote}"))?;
    let changes: Vec<RefChange> = refs
        .into_iter()
        .map(|(name, id)| RefChange { name, expected: Some(id), new: None })
        .collect();
    let removed = store.swap_each_ref(&changes)?;
    Contact::forget(store, remote)?;
    Ok(removed)
}
