//! Brings in what only a remote has when it is read: a miss becomes a hit, or says which remote
//! has it and why it could not be had.

use std::fmt;
use std::sync::Arc;

use super::lacking::{Lacking, PartsWanted};
use super::{Inner, Store};
use crate::error::{Error, Result};
use crate::git::{Kind, ObjectId, TreeMode, read_commit, tree_entry};
use crate::lookup::Miss;
use crate::name::{EntryName, LedgerName};

/// Where the refs of remotes are kept: `refs/recell/remote/<remote>/ledger/…`.
const REMOTES: &str = "refs/recell/remote";

/// Speaks with remotes. The store knows which remote has an entry, and not how it is reached.
pub(crate) trait FromRemotes: Send + Sync {
    /// Brings what is lacking of entries from the remote; what it did not hand out is still
    /// lacking then.
    ///
    /// # Errors
    /// Why it cannot be reached.
    fn bring(
        &self,
        store: &Store,
        remote: &str,
        entries: &[(EntryName, ObjectId)],
        lacking: &Lacking,
    ) -> Result<()>;
}

/// Where parts come from that only a remote has, at the moment they are read. The default is
/// nowhere: such a read is a miss that names the remote.
#[derive(Clone, Default)]
pub struct LazyParts(Option<Arc<dyn FromRemotes>>);

impl LazyParts {
    pub(crate) fn new(source: impl FromRemotes + 'static) -> LazyParts {
        LazyParts(Some(Arc::new(source)))
    }
}

impl fmt::Debug for LazyParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "LazyParts(remotes)" } else { "LazyParts(nowhere)" })
    }
}

/// All parts of an entry that a reader of one of them is likely to want next, too: that one, and
/// the outputs.
struct WithOutputs<'a>(Option<&'a str>);

impl PartsWanted for WithOutputs<'_> {
    fn folder(&self, _entry: &EntryName, folder: &str) -> bool {
        let Some(part) = self.0 else { return false };
        folder == "outputs" || part.split('/').next() == Some(folder)
    }

    fn part(&self, _entry: &EntryName, path: &str) -> bool {
        self.0 == Some(path) || path.starts_with("outputs/")
    }
}

/// What of some entries could not be brought, and why.
#[derive(Debug, Default)]
pub(crate) struct NotBrought {
    /// What is still lacking.
    pub(crate) lacking: Lacking,
    /// For each entry that lacks something and that a remote has: which, and why it was not to be
    /// had from there.
    pub(crate) on_remotes: Vec<(usize, String, String)>,
}

impl Store {
    /// Returns the remotes that had the entry when they were last spoken to.
    pub(crate) fn remotes_with(&self, name: &EntryName) -> Vec<String> {
        let folder = LedgerName::new(name.notebook_segment(), "").path();
        let below = &name.as_str()[name.notebook_segment().len() + 1..];
        let mut found: Vec<String> = Vec::new();
        for (reference, commit) in self.refs_below(REMOTES).unwrap_or_default() {
            let rest = reference[REMOTES.len()..].trim_start_matches('/');
            let Some((remote, ledger)) = rest.split_once("/ledger/") else { continue };
            let known = found.iter().any(|known| known == remote);
            if !known && ledger.starts_with(&folder) && self.has_name(&commit, below) {
                found.push(remote.to_owned());
            }
        }
        found
    }

    /// Returns the remotes that were spoken to.
    fn remotes_seen(&self) -> Vec<String> {
        let refs = self.refs_below(REMOTES).unwrap_or_default();
        let mut found: Vec<String> = refs
            .keys()
            .filter_map(|name| name[REMOTES.len()..].trim_start_matches('/').split_once('/'))
            .map(|(remote, _)| remote.to_owned())
            .collect();
        found.dedup();
        found
    }

    /// Whether the ledger in this state has the name, which is one below its notebook.
    fn has_name(&self, commit: &ObjectId, below: &str) -> bool {
        let mut bytes = Vec::new();
        if self.read_object(commit, &mut bytes) != Some(Kind::Commit) {
            return false;
        }
        let Some(commit) = read_commit(self.object_format(), &bytes) else { return false };
        let mut id = commit.tree;
        for segment in below.split('/') {
            if self.read_object(&id, &mut bytes) != Some(Kind::Tree) {
                return false;
            }
            match tree_entry(self.object_format(), &bytes, segment) {
                Some((TreeMode::Folder, next)) => id = next,
                _ => return false,
            }
        }
        true
    }

    /// Brings what the entries lack of what is wanted from the remotes that have it, in as few
    /// turns as possible.
    ///
    /// Nothing is an error: what could not be brought is told, and reading it says so once more.
    pub(crate) fn bring(
        &self,
        entries: &[(EntryName, ObjectId)],
        wanted: &dyn PartsWanted,
    ) -> NotBrought {
        let mut lacking = self.lacking(entries, wanted);
        if lacking.is_empty() {
            return NotBrought::default();
        }
        let on_remotes = self.remotes_of(entries, &lacking);
        let mut told = Vec::new();
        for (remote, numbers) in on_remotes {
            let those: Vec<_> = numbers.iter().map(|number| entries[*number].clone()).collect();
            let mut reason = String::new();
            // A tree that came may name more that is lacking.
            for _ in 0..4 {
                let before = self.lacking(&those, wanted);
                if before.is_empty() {
                    break;
                }
                let Some(source) = &self.inner.options.lazy_parts.0 else { break };
                if let Err(error) = source.bring(self, &remote, &those, &before) {
                    reason = match error {
                        Error::NotBrought { reason, .. } => reason,
                        other => other.to_string(),
                    };
                    break;
                }
                drop(self.notice_packs());
                if self.lacking(&those, wanted) == before {
                    "the remote does not hand it out".clone_into(&mut reason);
                    break;
                }
            }
            told.extend(numbers.into_iter().map(|number| (number, remote.clone(), reason.clone())));
        }
        lacking = self.lacking(entries, wanted);
        let all = lacking.trees.iter().chain(&lacking.manifests).chain(&lacking.parts);
        let still: std::collections::HashSet<usize> = all.map(|object| object.entry).collect();
        told.retain(|(number, _, _)| still.contains(number));
        NotBrought { lacking, on_remotes: told }
    }

    /// Returns the remotes that have entries which lack something, with the numbers of those. What
    /// no ledger names, as a result that was renamed here, may be on any.
    fn remotes_of(
        &self,
        entries: &[(EntryName, ObjectId)],
        lacking: &Lacking,
    ) -> std::collections::BTreeMap<String, Vec<usize>> {
        let all = lacking.trees.iter().chain(&lacking.manifests).chain(&lacking.parts);
        let numbers: std::collections::BTreeSet<usize> = all.map(|object| object.entry).collect();
        let mut found = std::collections::BTreeMap::<String, Vec<usize>>::new();
        for number in numbers {
            let mut remotes = self.remotes_with(&entries[number].0);
            if remotes.is_empty() && self.inner.options.lazy_parts.0.is_some() {
                remotes = self.remotes_seen();
            }
            for remote in remotes {
                found.entry(remote).or_default().push(number);
            }
        }
        found
    }
}

/// Brings what a read did not find; `part` is what was read, `None` for the entry itself.
///
/// # Errors
/// `absent`, the miss of that read, if no remote has it; else [`Miss::OnRemote`].
#[cold]
pub(super) fn bring_in(
    inner: &Arc<Inner>,
    name: &EntryName,
    tree: &ObjectId,
    part: Option<&str>,
    absent: Miss,
) -> std::result::Result<(), Miss> {
    let Miss::Absent { name: subject, .. } = &absent else { return Err(absent) };
    let store = Store { inner: Arc::clone(inner) };
    let entries = [(name.clone(), *tree)];
    let left = store.bring(&entries, &WithOutputs(part));
    let of_subject = |lacking: &Lacking| {
        let parts = lacking.parts.iter().filter(|object| part == Some(object.part.as_str()));
        !lacking.trees.is_empty() || !lacking.manifests.is_empty() || parts.count() > 0
    };
    if !of_subject(&left.lacking) {
        return Ok(());
    }
    let known = store.remotes_with(name);
    let told = left.on_remotes.into_iter().find(|(_, remote, _)| known.contains(remote));
    match told {
        Some((_, remote, reason)) => {
            let reason = (!reason.is_empty()).then_some(reason);
            Err(Miss::OnRemote { name: subject.clone(), remote, reason })
        }
        None => Err(absent),
    }
}
