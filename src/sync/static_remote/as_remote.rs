//! A static remote in the terms in which push and pull speak with a remote of git.

use std::collections::{BTreeMap, BTreeSet};

use super::StaticRemote;
use super::fetch::{Received, Wants};
use super::publish::Published;
use crate::error::{Error, Result};
use crate::git::{ObjectId, PushAnswer, PushRef, PushedRef, RefEdits};
use crate::store::{RefChange, Store};
use crate::sync::ledger_tree::descends;

/// What refs to chains of commits begin with.
const CHAINS: &str = "refs/recell/";

impl StaticRemote {
    /// Returns the refs whose names are one of `patterns`, or begin with one that ends in `*`.
    ///
    /// # Errors
    /// As [`StaticRemote::refs`].
    pub(crate) fn list(&self, patterns: &[&str]) -> Result<BTreeMap<String, ObjectId>> {
        let matches = |name: &str| {
            patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => name == *pattern,
            })
        };
        let mut refs = self.refs()?.refs;
        refs.retain(|name, _| matches(name));
        Ok(refs)
    }

    /// Publishes refs as git pushes them: without a lease only over what the new state descends
    /// from. A ref that names something which is not in the store is refused for itself.
    ///
    /// # Errors
    /// As [`StaticRemote::publish`], and [`crate::Error::BrokenLedger`].
    pub(crate) fn push(&self, store: &Store, refs: &[PushRef]) -> Result<PushAnswer> {
        let found = self.refs()?.refs;
        let mut answer = PushAnswer { ok: true, ..PushAnswer::default() };
        let mut changes = Vec::with_capacity(refs.len());
        for PushRef { name, new, lease } in refs {
            let there = found.get(name).copied();
            let expected = match (lease, there, new) {
                (Some(lease), ..) => *lease,
                (None, Some(there), Some(new))
                    if there != *new && !may_replace(store, name, &there, new)? =>
                {
                    None
                }
                (None, there, _) => there,
            };
            changes.push(RefChange { name: name.clone(), expected, new: *new });
        }
        match self.publish(store, &changes) {
            // Which one it is shows when each goes alone.
            Err(Error::NotInStore { .. }) if changes.len() > 1 => {
                for change in changes {
                    self.push_one(store, change, &mut answer)?;
                }
            }
            Err(error @ Error::NotInStore { .. }) => refuse(&changes, &error, &mut answer),
            done => tell(done?, &mut answer),
        }
        Ok(answer)
    }

    fn push_one(&self, store: &Store, change: RefChange, answer: &mut PushAnswer) -> Result<()> {
        let change = [change];
        match self.publish(store, &change) {
            Err(error @ Error::NotInStore { .. }) => refuse(&change, &error, answer),
            done => tell(done?, answer),
        }
        Ok(())
    }

    /// Brings refs, each to the name beside it in the store, with all trees and manifests and the
    /// files that `wants` takes; a ref that is not there is left out.
    ///
    /// # Errors
    /// As [`StaticRemote::fetch`], and those of changing refs.
    pub(crate) fn fetch_refs(
        &self,
        store: &Store,
        refs: &[(String, String)],
        wants: &Wants<'_>,
    ) -> Result<()> {
        let found = self.refs()?.refs;
        let wanted: Vec<(&String, ObjectId)> =
            refs.iter().filter_map(|(theirs, ours)| Some((ours, *found.get(theirs)?))).collect();
        let tips: Vec<ObjectId> = wanted.iter().map(|(_, id)| *id).collect();
        let received = self.fetch(store, &tips, wants)?;
        let add = wanted.into_iter().map(|(ours, id)| (ours.clone(), id)).collect();
        store.while_flush_locked(|locked| {
            received.place(locked)?;
            locked.edit_refs(&RefEdits { add, remove: BTreeSet::new() })
        })
    }

    /// Brings refs into the store, and sets none: with all files that they need, or only with
    /// trees and manifests. Returns the bytes that came. A ref that is not there is left out.
    ///
    /// # Errors
    /// As [`StaticRemote::fetch`].
    pub(crate) fn bring_refs(&self, store: &Store, names: &[String], all: bool) -> Result<u64> {
        let found = self.refs()?.refs;
        let tips: Vec<ObjectId> =
            names.iter().filter_map(|name| found.get(name).copied()).collect();
        self.counted(|| self.fetch(store, &tips, &|_, _| all), store)
    }

    /// Brings trees with all trees and manifests below them, and returns the bytes that came. What
    /// the remote has not is left out.
    ///
    /// # Errors
    /// As [`StaticRemote::fetch`].
    pub(crate) fn bring_trees(&self, store: &Store, ids: &[ObjectId]) -> Result<u64> {
        self.counted(|| self.fetch(store, &self.those_there(ids)?, &|_, _| false), store)
    }

    /// Brings these objects, each as it is, and returns the bytes that came. What the remote has
    /// not is left out.
    ///
    /// # Errors
    /// As [`StaticRemote::read_objects`].
    pub(crate) fn bring_objects(&self, store: &Store, ids: &[ObjectId]) -> Result<u64> {
        self.counted(|| self.read_objects(store, &self.those_there(ids)?), store)
    }

    fn those_there(&self, ids: &[ObjectId]) -> Result<Vec<ObjectId>> {
        let packs = self.packs()?;
        Ok(ids.iter().filter(|id| packs.contains(id)).copied().collect())
    }

    fn counted(&self, work: impl FnOnce() -> Result<Received>, store: &Store) -> Result<u64> {
        let before = self.traffic().received;
        let received = work()?;
        store.while_flush_locked(|locked| received.place(locked))?;
        Ok(self.traffic().received - before)
    }
}

/// Whether a ref may become `new` without a lease: a chain of recell's that loses nothing by it.
fn may_replace(store: &Store, name: &str, there: &ObjectId, new: &ObjectId) -> Result<bool> {
    Ok(name.starts_with(CHAINS) && store.has(there) && descends(store, new, there)?)
}

fn refuse(changes: &[RefChange], error: &Error, answer: &mut PushAnswer) {
    answer.ok = false;
    for change in changes {
        answer.refs.insert(change.name.clone(), PushedRef::Refused(error.to_string()));
    }
}

fn tell(done: Published, answer: &mut PushAnswer) {
    for name in done.refs {
        answer.refs.insert(name, PushedRef::Taken);
    }
    for moved in done.moved {
        answer.ok = false;
        answer.refs.insert(moved.name, PushedRef::Behind("somebody else was faster".into()));
    }
    answer.words = done.not_tidied.unwrap_or_default();
}
