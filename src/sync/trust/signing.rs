//! New states of this store's own ledgers, signed by its owner.

use std::collections::BTreeMap;

use super::marking::marked_in;
use crate::clock::Timestamp;
use crate::config::SignChoice;
use crate::error::{Error, Result};
use crate::git::{Commit, Kind, ObjectId, Signers, commit_seal, read_commit};
use crate::name::{EntryName, LedgerName};
use crate::store::{MadeObject, OnlyCollection, Store, vouching_line};
use crate::sync::extend::{NewState, extended};
use crate::sync::known::Ledgers;
use crate::sync::ledger_tree::{changed_tree, commit_of, compare};
use crate::sync::push::below_notebook;

/// Returns who signs, if what is pushed is to be signed.
///
/// # Errors
/// [`Error::CannotSign`] if it must be, and the store was opened without git's settings.
pub(crate) fn signs(store: &Store, choice: SignChoice) -> Result<Option<&Signers>> {
    let signers = store.signers();
    match choice {
        SignChoice::Never => Ok(None),
        SignChoice::Auto => Ok(signers.filter(|signers| signers.signs_commits())),
        SignChoice::Always => signers.map(Some).ok_or_else(|| Error::CannotSign {
            reason: "the store was opened without git's settings".into(),
        }),
    }
}

/// Returns those of this store's own ledgers whose present state nobody signed, so that a push that
/// signs has something to sign.
///
/// # Errors
/// [`Error::BrokenLedger`] if one cannot be read.
pub(crate) fn unsigned_ledgers(store: &Store, taken: &Ledgers) -> Result<Vec<LedgerName>> {
    let is_own = |ledger: &&LedgerName| ledger.writer() == store.writer_id();
    let mut found = Vec::new();
    for ledger in taken.keys().filter(is_own) {
        if !is_covered(store, ledger, &taken[ledger])? {
            found.push(ledger.clone());
        }
    }
    Ok(found)
}

/// Whether the state is signed, or has nothing more of our own than a signed one before it.
fn is_covered(store: &Store, ledger: &LedgerName, tip: &ObjectId) -> Result<bool> {
    if is_signed(store, ledger, tip) {
        return Ok(true);
    }
    let (tree, parents) = commit_of(store, tip)?;
    for parent in parents.iter().filter(|parent| is_signed(store, ledger, parent)) {
        let (before, _) = commit_of(store, parent)?;
        let marked = marked_in(store, ledger.notebook_segment())?;
        let added = compare(store, Some(&before), Some(&tree))?.added;
        let is_marked = |below: &str| {
            let name = EntryName::parse(format!("{}/{below}", ledger.notebook_segment()));
            name.is_ok_and(|name| marked.contains(&name))
        };
        if added.iter().all(|(below, _)| is_marked(below)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a commit has a signature for that ledger, whosever it is.
fn is_signed(store: &Store, ledger: &LedgerName, commit: &ObjectId) -> bool {
    let mut bytes = Vec::new();
    if store.read_object(commit, &mut bytes) != Some(Kind::Commit) {
        return false;
    }
    let line = vouching_line(ledger);
    commit_seal(store.object_format(), &bytes).method.is_some()
        && read_commit(store.object_format(), &bytes)
            .is_some_and(|commit| commit.message.lines().any(|other| other == line))
}

/// What signing takes, besides what is signed.
pub(crate) struct Signing<'a> {
    pub(crate) signers: &'a Signers,
    /// While it is held nothing is collected.
    pub(crate) only: &'a OnlyCollection,
    pub(crate) now: Timestamp,
}

impl Signing<'_> {
    /// Makes the signed state of one of this store's own ledgers that has the entries of `base` and
    /// `add`, names below the notebook, and returns what is yet to be stored of it.
    ///
    /// What came from elsewhere is not vouched for: the signed state is without it, and an unsigned
    /// one that follows has it.
    ///
    /// # Errors
    /// [`Error::SigningProgramMissing`], [`Error::CannotSign`], [`Error::BrokenLedger`], and those
    /// of a flush.
    pub(crate) fn extended(
        &self,
        store: &Store,
        ledger: &LedgerName,
        base: Option<&ObjectId>,
        add: &[(&str, ObjectId)],
    ) -> Result<NewState> {
        let marked = marked_in(store, ledger.notebook_segment())?;
        let marked: BTreeMap<&str, &EntryName> =
            marked.iter().map(|name| (below_notebook(name), name)).collect();
        let (mut foreign, own): (Vec<_>, Vec<_>) =
            add.iter().copied().partition(|(below, _)| marked.contains_key(below));
        let mut without = Vec::new();
        for (below, name) in &marked {
            if let Some(tree) = base.and_then(|base| store.tree_in_ledger(base, name)) {
                without.push(*below);
                foreign.push((*below, tree));
            }
        }
        let tree = base.map(|commit| commit_of(store, commit)).transpose()?.map(|(tree, _)| tree);
        let objects = changed_tree(store, tree.as_ref(), own.iter().copied(), without)?;
        let tree = objects.last().expect("a state has a tree").id;
        store.append_kept(&objects, self.only)?;
        // git signs what git sees.
        store.flush()?;
        let message = format!("recell: +{}\n\n{}", own.len(), vouching_line(ledger));
        let commit = Commit { tree, parents: base.copied().into_iter().collect(), message };
        let (path, format) = (store.path(), store.object_format());
        let id = self.signers.sign(path, format, &commit, self.now)?;
        let mut bytes = Vec::new();
        store.notice_packs()?;
        if store.read_object(&id, &mut bytes) != Some(Kind::Commit) {
            return Err(Error::CannotSign { reason: "the signed commit is not there".into() });
        }
        let signed = MadeObject { id, kind: Kind::Commit, bytes };
        store.append_kept(std::slice::from_ref(&signed), self.only)?;
        if foreign.is_empty() {
            return Ok(NewState { objects: vec![signed], commit: id });
        }
        extended(store, Some(&id), foreign, self.now)
    }
}
