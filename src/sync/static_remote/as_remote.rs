//! A static remote in the terms in which push and pull speak with a remote of git.

use std::collections::{BTreeMap, BTreeSet};

use super::StaticRemote;
use super::fetch::Wants;
use crate::error::Result;
use crate::git::{ObjectId, PushAnswer, PushRef, PushedRef, RefEdits};
use crate::store::{RefChange, Store};
use crate::sync::ledger_tree::descends;

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
    /// from.
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
                    if there != *new && !(store.has(&there) && descends(store, new, &there)?) =>
                {
                    None
                }
                (None, there, _) => there,
            };
            changes.push(RefChange { name: name.clone(), expected, new: *new });
        }
        let done = self.publish(store, &changes)?;
        for name in done.refs {
            answer.refs.insert(name, PushedRef::Taken);
        }
        for moved in done.moved {
            answer.ok = false;
            answer.refs.insert(moved.name, PushedRef::Behind("somebody else was faster".into()));
        }
        answer.words = done.not_tidied.unwrap_or_default();
        Ok(answer)
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

    /// Brings these objects into the store; says how many came.
    ///
    /// # Errors
    /// As [`StaticRemote::read_objects`].
    pub(crate) fn fetch_objects(&self, store: &Store, ids: &[ObjectId]) -> Result<usize> {
        let received = self.read_objects(store, ids)?;
        let objects = received.objects;
        store.while_flush_locked(|locked| received.place(locked))?;
        Ok(objects)
    }
}
