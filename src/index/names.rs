//! Questions about names: those in `packed-refs`, and the few that lie over them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use rayon::prelude::*;

use super::TAGS;
use crate::clock::{TIMESTAMP_LEN, Timestamp};
use crate::git::{ObjectId, PackedRefs};
use crate::name::{EntryName, LAST_LEN};

/// The entries of one journal, or the loose tags: names and trees.
pub(super) type Overlay = BTreeMap<String, ObjectId>;

/// The names of a store at one look. Cheap to clone, and it never changes.
#[derive(Clone)]
pub(crate) struct Names {
    refs: Arc<PackedRefs>,
    overlays: Arc<[Arc<Overlay>]>,
    /// The other refs of the journals, by full name.
    journal_refs: Arc<[Arc<Overlay>]>,
}

impl Names {
    pub(super) fn new(
        refs: Arc<PackedRefs>,
        overlays: Vec<Arc<Overlay>>,
        journal_refs: Vec<Arc<Overlay>>,
    ) -> Names {
        Names { refs, overlays: overlays.into(), journal_refs: journal_refs.into() }
    }

    /// Whether these are the very names of another look: nothing was written in between.
    pub(crate) fn is_same(&self, other: &Names) -> bool {
        let same = |a: &[Arc<Overlay>], b: &[Arc<Overlay>]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
        };
        Arc::ptr_eq(&self.refs, &other.refs)
            && same(&self.overlays, &other.overlays)
            && same(&self.journal_refs, &other.journal_refs)
    }

    /// Returns what the ref of that full name stands for; refs in files of their own, which only
    /// plain git makes, are left out.
    pub(crate) fn reference(&self, name: &str) -> Option<ObjectId> {
        let journaled = self.journal_refs.iter().find_map(|refs| refs.get(name).copied());
        journaled.or_else(|| self.refs.find(name.as_bytes()))
    }

    /// Returns the refs whose full names start with `prefix`, as [`Names::reference`] has them.
    pub(crate) fn references(&self, prefix: &str) -> BTreeMap<String, ObjectId> {
        let packed = self.refs.with_prefix(prefix.as_bytes());
        let named = |(name, id): (&[u8], _)| Some((std::str::from_utf8(name).ok()?.to_owned(), id));
        let mut found: BTreeMap<String, ObjectId> = packed.filter_map(named).collect();
        for refs in self.journal_refs.iter().rev() {
            let from = refs.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
            let from = from.take_while(|(name, _)| name.starts_with(prefix));
            found.extend(from.map(|(name, id)| (name.clone(), *id)));
        }
        found
    }

    /// Returns what stands between `prefix` and the next `/` in the full names of refs. Costs a
    /// search for each.
    pub(crate) fn folders(&self, prefix: &str) -> BTreeSet<String> {
        let folder = |name: &str| {
            let rest = name.strip_prefix(prefix)?;
            rest.split_once('/').map(|(folder, _)| folder.to_owned())
        };
        let mut found = BTreeSet::new();
        let mut from = prefix.to_owned();
        while let Some((name, _)) = self.refs.from(from.as_bytes()).next() {
            let Some(next) = std::str::from_utf8(name).ok().and_then(folder) else { break };
            // Digits come next after `/`: what is not less than this is in another folder.
            from = format!("{prefix}{next}0");
            found.insert(next);
        }
        let journaled = self.journal_refs.iter().flat_map(|refs| refs.keys());
        found.extend(journaled.filter_map(|name| folder(name)));
        found
    }

    /// Returns the newest entry whose name starts with `key_path` and `/` and which was made at
    /// `until` or before, and its tree.
    pub(crate) fn newest(
        &self,
        key_path: &str,
        until: Option<Timestamp>,
    ) -> Option<(EntryName, ObjectId)> {
        self.borrowed().newest(key_path, until)
    }

    /// Returns the tree of the entry of that name.
    pub(crate) fn find(&self, name: &str) -> Option<ObjectId> {
        self.borrowed().find(name)
    }

    /// Returns the entries whose names start with `prefix`, with their trees, sorted by name.
    pub(crate) fn with_prefix(&self, prefix: &str) -> Vec<(EntryName, ObjectId)> {
        /// From so many names on, all cores read them.
        const MANY: usize = 2048;
        let found = self.borrowed().texts_with_prefix(prefix);
        if found.len() < MANY {
            return found.into_iter().filter_map(named).collect();
        }
        // No lock is held here: while it waits, a thread may do any other work of the process.
        found.into_par_iter().with_min_len(MANY / 4).filter_map(named).collect()
    }

    /// Returns, sorted, each text that stands between `prefix` and the next `/` in the name of an
    /// entry that was made at `until` or before: the notebooks for no prefix, the cells of
    /// `<notebook>/`.
    ///
    /// Costs a search for each of them, however many entries they have.
    pub(crate) fn segments(&self, prefix: &str, until: Option<Timestamp>) -> Vec<String> {
        let until = until.map(|until| until.to_string());
        let is_entry = |name: &str| {
            let made = name.len().checked_sub(LAST_LEN).and_then(|at| name.get(at..));
            let is_before =
                |bound: &String| made.is_some_and(|made| made[..TIMESTAMP_LEN] <= **bound);
            until.as_ref().is_none_or(is_before) && EntryName::parse(name.to_owned()).is_ok()
        };
        let mut found = BTreeSet::new();
        let mut from = prefix.to_owned();
        let full = |from: &str| format!("{TAGS}{from}");
        let own = |name: &[u8]| -> Option<String> {
            let name = std::str::from_utf8(name).ok()?.strip_prefix(TAGS)?;
            Some(name.to_owned())
        };
        // Digits come next after `/`: what is not less than this is of another segment.
        let after = |segment: &str| format!("{prefix}{segment}0");
        let segment_of = |name: &str| {
            let rest = name.strip_prefix(prefix)?;
            rest.split_once('/').map(|(segment, _)| segment.to_owned())
        };
        loop {
            let start = full(&from);
            let names = self.refs.from(start.as_bytes()).map_while(|(name, _)| own(name));
            let mut names = names.take_while(|name| name.starts_with(prefix));
            let Some(name) = names.find(|name| is_entry(name)) else { break };
            let Some(segment) = segment_of(&name) else { break };
            from = after(&segment);
            found.insert(segment);
        }
        for entries in self.overlays.iter() {
            let mut from = prefix.to_owned();
            loop {
                let range = (Bound::Included(from.as_str()), Bound::Unbounded);
                let mut names = entries.range::<str, _>(range).map(|(name, _)| name);
                let Some(name) = names.find(|name| !name.starts_with(prefix) || is_entry(name))
                else {
                    break;
                };
                let Some(segment) = segment_of(name) else { break };
                from = after(&segment);
                found.insert(segment);
            }
        }
        found.into_iter().collect()
    }

    fn borrowed(&self) -> BorrowedNames<'_, impl Iterator<Item = &Overlay> + Clone> {
        BorrowedNames { refs: &self.refs, overlays: self.overlays.iter().map(|entries| &**entries) }
    }
}

/// Where the questions are answered, whoever holds the names.
pub(super) struct BorrowedNames<'a, I> {
    pub(super) refs: &'a PackedRefs,
    /// What lies over `refs`, none of it empty.
    pub(super) overlays: I,
}

impl<'a, I: Iterator<Item = &'a Overlay> + Clone> BorrowedNames<'a, I> {
    pub(super) fn newest(
        &self,
        key_path: &str,
        until: Option<Timestamp>,
    ) -> Option<(EntryName, ObjectId)> {
        let prefix = format!("{TAGS}{key_path}/");
        let end = match until {
            // A name goes on with `-` after its time.
            Some(until) => format!("{prefix}{until}."),
            // Entry names are ASCII: all that start with the prefix come before it and this.
            None => format!("{prefix}\u{7f}"),
        };
        let short = &prefix[TAGS.len()..];
        let short_end = &end[TAGS.len()..];
        let packed = self.refs.before(end.as_bytes());
        let packed = packed.and_then(|(name, id)| {
            let name = std::str::from_utf8(name).ok()?.strip_prefix(TAGS)?;
            name.starts_with(short).then_some((name, id))
        });
        let mut best: Option<(&str, ObjectId)> = packed;
        for entries in self.overlays.clone() {
            let range = (Bound::Unbounded, Bound::Excluded(short_end));
            if let Some((name, id)) = entries.range::<str, _>(range).next_back()
                && name.starts_with(short)
                && best.is_none_or(|(other, _)| name.as_str() > other)
            {
                best = Some((name, *id));
            }
        }
        let (name, id) = best?;
        if let Ok(name) = EntryName::parse(name.to_owned()) {
            return Some((name, id));
        }
        // Somebody else's tag stands among ours: the long way round.
        let mut all = self.with_prefix(short);
        all.retain(|(name, _)| until.is_none_or(|until| name.created_at() <= until));
        all.pop()
    }

    pub(super) fn find(&self, name: &str) -> Option<ObjectId> {
        let overlaid = self.overlays.clone().find_map(|entries| entries.get(name).copied());
        overlaid.or_else(|| self.refs.find(format!("{TAGS}{name}").as_bytes()))
    }

    pub(super) fn with_prefix(&self, prefix: &str) -> Vec<(EntryName, ObjectId)> {
        self.texts_with_prefix(prefix).into_iter().filter_map(named).collect()
    }

    /// Returns what may be names of entries and starts with `prefix`, sorted.
    fn texts_with_prefix(&self, prefix: &str) -> Vec<(&'a str, ObjectId)> {
        let full = format!("{TAGS}{prefix}");
        let mut overlaid: BTreeMap<&str, ObjectId> = BTreeMap::new();
        for entries in self.overlays.clone() {
            let from = entries.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
            overlaid.extend(
                from.take_while(|(name, _)| name.starts_with(prefix))
                    .map(|(name, id)| (name.as_str(), *id)),
            );
        }
        let mut found = Vec::new();
        let mut overlaid = overlaid.into_iter().peekable();
        for (name, id) in self.refs.with_prefix(full.as_bytes()) {
            let Some(name) = std::str::from_utf8(name).ok().and_then(|n| n.strip_prefix(TAGS))
            else {
                continue;
            };
            while let Some(before) = overlaid.next_if(|(other, _)| *other < name) {
                found.push(before);
            }
            // A loose tag outranks a packed one of the same name, as git has it.
            let same = overlaid.next_if(|(other, _)| *other == name);
            found.push((name, same.map_or(id, |(_, other_id)| other_id)));
        }
        found.extend(overlaid);
        found
    }
}

fn named((name, id): (&str, ObjectId)) -> Option<(EntryName, ObjectId)> {
    Some((EntryName::parse(name.to_owned()).ok()?, id))
}
