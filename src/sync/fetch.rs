//! Parts of chosen results that only remotes have, brought in one go.

use super::wanted_parts::sized;
use crate::git::ObjectId;
use crate::lookup::Miss;
use crate::name::EntryName;
use crate::store::{AllParts, Lacking, PartsWanted, Snapshot, Store};

/// What a fetch did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FetchReport {
    /// The parts that were brought, or would be.
    pub(crate) parts: Vec<(EntryName, String)>,
    /// Their bytes, as far as manifests tell them.
    pub(crate) bytes: u64,
    /// What is still not here: the part, or the entry itself, and why.
    pub(crate) misses: Vec<Miss>,
}

/// The parts whose paths are asked for.
struct Chosen<'a>(&'a dyn Fn(&str) -> bool);

impl PartsWanted for Chosen<'_> {
    fn folder(&self, _entry: &EntryName, _folder: &str) -> bool {
        true
    }

    fn part(&self, _entry: &EntryName, path: &str) -> bool {
        (self.0)(path)
    }
}

/// Brings the parts of the entries whose paths are `wanted` and that are not here; or with
/// `dry_run` only says which these are. What could not be brought is a miss.
pub(crate) fn fetch(
    store: &Store,
    snapshot: &Snapshot,
    names: &[EntryName],
    wanted: &dyn Fn(&str) -> bool,
    dry_run: bool,
) -> FetchReport {
    let entries = with_trees(snapshot, names);
    let wanted = Chosen(wanted);
    let lacking = store.lacking(&entries, &wanted);
    let mut report = FetchReport::default();
    if dry_run {
        let sized = sized(store, &entries, &lacking.parts);
        report.bytes = sized.iter().map(|(_, _, size)| size).sum();
        report.parts = named(&entries, sized.iter().map(|(number, part, _)| (*number, *part)));
        return report;
    }
    let left = store.bring(&entries, &wanted);
    let still: std::collections::HashSet<ObjectId> =
        left.lacking.parts.iter().map(|object| object.id).collect();
    let came: Vec<_> =
        lacking.parts.into_iter().filter(|object| !still.contains(&object.id)).collect();
    let sized = sized(store, &entries, &came);
    report.bytes = sized.iter().map(|(_, _, size)| size).sum();
    report.parts = named(&entries, sized.iter().map(|(number, part, _)| (*number, *part)));
    report.misses = misses(&entries, &left.lacking, &left.on_remotes);
    report
}

/// Brings all parts of the entries that `is_wanted` and that only remotes have, in one go, for who
/// is about to read them. Nothing is an error: reading says what is not here.
pub(crate) fn prefetch(
    store: &Store,
    snapshot: &Snapshot,
    names: &[EntryName],
    is_wanted: Option<&dyn Fn(&str) -> bool>,
) {
    if !store.is_partial() || names.is_empty() {
        return;
    }
    let entries = with_trees(snapshot, names);
    match is_wanted {
        Some(wanted) => drop(store.bring(&entries, &Chosen(wanted))),
        None => drop(store.bring(&entries, &AllParts)),
    }
}

fn with_trees(snapshot: &Snapshot, names: &[EntryName]) -> Vec<(EntryName, ObjectId)> {
    let tree = |name: &EntryName| Some((name.clone(), snapshot.tree_of(name)?));
    names.iter().filter_map(tree).collect()
}

fn named<'a>(
    entries: &[(EntryName, ObjectId)],
    parts: impl Iterator<Item = (usize, &'a str)>,
) -> Vec<(EntryName, String)> {
    parts.map(|(number, part)| (entries[number].0.clone(), part.to_owned())).collect()
}

fn misses(
    entries: &[(EntryName, ObjectId)],
    lacking: &Lacking,
    on_remotes: &[(usize, String, String)],
) -> Vec<Miss> {
    let mut found: Vec<Miss> = Vec::new();
    let all = lacking.trees.iter().chain(&lacking.manifests).chain(&lacking.parts);
    for object in all {
        let entry = &entries[object.entry].0;
        let is_part = !object.part.is_empty();
        let name = if is_part { format!("{entry}:{}", object.part) } else { entry.to_string() };
        let told = on_remotes.iter().find(|(number, _, _)| *number == object.entry);
        found.push(if let Some((_, remote, reason)) = told {
            let reason = (!reason.is_empty()).then(|| reason.clone());
            Miss::OnRemote { name, remote: remote.clone(), reason }
        } else {
            let what = if is_part { "its bytes" } else { "what it is made of" };
            Miss::Absent { name, what: what.into(), object: object.id.to_string() }
        });
    }
    // Of a part in chunks, one line says it.
    found.dedup_by(|a, b| subject(a) == subject(b));
    found
}

fn subject(miss: &Miss) -> &str {
    match miss {
        Miss::OnRemote { name, .. } | Miss::Absent { name, .. } => name,
        _ => "",
    }
}
