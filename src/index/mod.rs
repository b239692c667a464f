//! The index of names: from a key to its entries, without walking a folder or asking git.
//!
//! Names are in `packed-refs`, which is mapped and searched as it is, in the few journals that
//! are not flushed yet, and, where somebody used plain git, in loose tags. [`Index::refresh`]
//! notices what other processes wrote by looking at three files, and reads only what changed.

mod search;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::{Path, PathBuf};

pub use search::{InvalidPattern, Pattern};

use crate::disk::WatchedFolder;
use crate::error::Result;
use crate::git::{ObjectFormat, ObjectId, PackedRefs, loose_tags};
use crate::journal::{Journal, found_in};
use crate::name::EntryName;

/// Where entry names are in the refs of the store.
pub(crate) const TAGS: &str = "refs/tags/";

/// What the store holds, by name, as last seen.
pub(crate) struct Index {
    git_dir: PathBuf,
    journal_folder: PathBuf,
    format: ObjectFormat,
    /// Whether names that cannot be read count as none.
    despite_damage: bool,
    refs: PackedRefs,
    loose: BTreeMap<String, ObjectId>,
    /// Where `packed-refs` is replaced.
    refs_folder: WatchedFolder,
    tags_folder: WatchedFolder,
    journals: Vec<Journal>,
    journals_folder: WatchedFolder,
}

impl Index {
    /// Reads the names of the store in `git_dir`; with `despite_damage`, `packed-refs` that cannot
    /// be read counts as empty.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
    pub(crate) fn open(
        git_dir: &Path,
        journals: &Path,
        format: ObjectFormat,
        despite_damage: bool,
    ) -> Result<Index> {
        let mut index = Index {
            despite_damage,
            git_dir: git_dir.to_owned(),
            journal_folder: journals.to_owned(),
            format,
            refs: open_refs(git_dir, format, despite_damage)?,
            loose: BTreeMap::new(),
            refs_folder: WatchedFolder::new(git_dir),
            tags_folder: WatchedFolder::new(&git_dir.join(TAGS)),
            journals: Vec::new(),
            journals_folder: WatchedFolder::new(journals),
        };
        index.refresh(None)?;
        Ok(index)
    }

    /// Takes in what was written since the last look, except by the journal `own`.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
    pub(crate) fn refresh(&mut self, own: Option<&str>) -> Result<()> {
        // Journals before refs: an entry moves from the one to the other, so that one of the two
        // looks must see it.
        if self.journals_folder.has_changed()? {
            self.list_journals(own)?;
        }
        for journal in &mut self.journals {
            if journal.has_changed()? {
                journal.catch_up()?;
            }
        }
        let loose_before = !self.loose.is_empty();
        if self.tags_folder.has_changed()? || loose_before {
            self.loose = loose_tags(&self.git_dir)?
                .into_iter()
                .filter_map(|(name, id)| Some((name.strip_prefix(TAGS)?.to_owned(), id)))
                .collect();
        }
        if self.refs_folder.has_changed()? && !self.refs.is_current(&self.git_dir)? {
            self.refs = open_refs(&self.git_dir, self.format, self.despite_damage)?;
        }
        Ok(())
    }

    fn list_journals(&mut self, own: Option<&str>) -> Result<()> {
        let ids = found_in(&self.journal_folder)?;
        self.journals.retain(|journal| ids.contains(&journal.id) && Some(&*journal.id) != own);
        for id in &ids {
            let known = self.journals.iter().any(|journal| journal.id == *id);
            if !known
                && Some(id.as_str()) != own
                && let Some(journal) = Journal::open(&self.journal_folder, id, self.format)?
            {
                self.journals.push(journal);
            }
        }
        Ok(())
    }

    /// Takes over a journal of this process that it no longer writes.
    pub(crate) fn add_journal(&mut self, journal: Journal) {
        self.journals.push(journal);
    }

    /// Forgets which journals there are, so that the next look lists them.
    pub(crate) fn forget_listing(&mut self) {
        self.journals_folder = WatchedFolder::new(&self.journal_folder);
    }

    /// Returns the journals of others, living or dead.
    pub(crate) fn journals(&self) -> &[Journal] {
        &self.journals
    }

    /// Returns the newest entry whose name starts with `key_path` and `/`, and its tree.
    pub(crate) fn newest(
        &self,
        key_path: &str,
        own: Option<&Journal>,
    ) -> Option<(EntryName, ObjectId)> {
        let prefix = format!("{TAGS}{key_path}/");
        let short = &prefix[TAGS.len()..];
        let packed = self
            .refs
            .last_with_prefix(prefix.as_bytes())
            .and_then(|(name, id)| Some((std::str::from_utf8(name).ok()?.strip_prefix(TAGS)?, id)));
        let mut best: Option<(&str, ObjectId)> = packed;
        for entries in self.overlays(own) {
            if let Some((name, id)) = last_with_prefix(entries, short)
                && best.is_none_or(|(other, _)| name > other)
            {
                best = Some((name, id));
            }
        }
        let (name, id) = best?;
        match EntryName::parse(name.to_owned()) {
            Ok(name) => Some((name, id)),
            // Somebody else's tag stands among ours: the long way round.
            Err(_) => self.with_prefix(short, own).pop(),
        }
    }

    /// Returns the tree of the entry of that name.
    pub(crate) fn find(&self, name: &str, own: Option<&Journal>) -> Option<ObjectId> {
        let overlaid = self.overlays(own).find_map(|entries| entries.get(name).copied());
        overlaid.or_else(|| self.refs.find(format!("{TAGS}{name}").as_bytes()))
    }

    /// Returns the entries whose names start with `prefix`, with their trees, sorted by name.
    pub(crate) fn with_prefix(
        &self,
        prefix: &str,
        own: Option<&Journal>,
    ) -> Vec<(EntryName, ObjectId)> {
        let full = format!("{TAGS}{prefix}");
        let mut overlaid: BTreeMap<&str, ObjectId> = BTreeMap::new();
        for entries in self.overlays(own) {
            let from = entries.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
            overlaid.extend(
                from.take_while(|(name, _)| name.starts_with(prefix))
                    .map(|(name, id)| (name.as_str(), *id)),
            );
        }
        let mut found = Vec::new();
        let mut push = |name: &str, id: ObjectId| {
            if let Ok(name) = EntryName::parse(name.to_owned()) {
                found.push((name, id));
            }
        };
        let mut overlaid = overlaid.into_iter().peekable();
        for (name, id) in self.refs.with_prefix(full.as_bytes()) {
            let Some(name) = std::str::from_utf8(name).ok().and_then(|n| n.strip_prefix(TAGS))
            else {
                continue;
            };
            while let Some((other, other_id)) = overlaid.next_if(|(other, _)| *other < name) {
                push(other, other_id);
            }
            // A loose tag outranks a packed one of the same name, as git has it.
            let same = overlaid.next_if(|(other, _)| *other == name);
            push(name, same.map_or(id, |(_, other_id)| other_id));
        }
        overlaid.for_each(|(name, id)| push(name, id));
        found
    }

    fn overlays<'a>(
        &'a self,
        own: Option<&'a Journal>,
    ) -> impl Iterator<Item = &'a BTreeMap<String, ObjectId>> {
        let journals = self.journals.iter().chain(own).map(|journal| &journal.entries);
        std::iter::once(&self.loose).chain(journals).filter(|entries| !entries.is_empty())
    }
}

fn open_refs(git_dir: &Path, format: ObjectFormat, despite_damage: bool) -> Result<PackedRefs> {
    if despite_damage {
        PackedRefs::open_or_empty(git_dir, format)
    } else {
        PackedRefs::open(git_dir, format)
    }
}

fn last_with_prefix<'a>(
    entries: &'a BTreeMap<String, ObjectId>,
    prefix: &str,
) -> Option<(&'a str, ObjectId)> {
    // Entry names are ASCII: all that start with the prefix come before it and this.
    let end = format!("{prefix}\u{7f}");
    let (name, id) =
        entries.range::<str, _>((Bound::Unbounded, Bound::Excluded(end.as_str()))).next_back()?;
    name.starts_with(prefix).then_some((name, *id))
}
