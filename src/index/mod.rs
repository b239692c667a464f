//! The index of names: from a key to its entries, without walking a folder or asking git.
//!
//! Names are in `packed-refs`, which is mapped and searched as it is, in the few journals that
//! are not flushed yet, and, where somebody used plain git, in loose tags. [`Index::refresh`]
//! notices what other processes wrote by looking at three files, and reads only what changed.

mod names;
mod search;
mod usage;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use names::Names;
use names::{BorrowedNames, Overlay};
pub(crate) use search::Wanted;
pub use search::{InvalidPattern, Pattern};
pub(crate) use usage::{UsageLog, UsageTimes};

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
    refs: Arc<PackedRefs>,
    loose: Arc<Overlay>,
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
            refs: Arc::new(open_refs(git_dir, format, despite_damage)?),
            loose: Arc::default(),
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
            let tags = loose_tags(&self.git_dir)?.into_iter();
            let named = |(name, id): (String, _)| Some((name.strip_prefix(TAGS)?.to_owned(), id));
            self.loose = Arc::new(tags.filter_map(named).collect());
        }
        if self.refs_folder.has_changed()? && !self.refs.is_current(&self.git_dir)? {
            self.refs = Arc::new(open_refs(&self.git_dir, self.format, self.despite_damage)?);
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

    /// Returns the names as they are now: what others write later does not change them.
    pub(crate) fn names(&self, own: Option<&Journal>) -> Names {
        let journals = self.journals.iter().chain(own).map(|journal| &journal.entries);
        let overlays = std::iter::once(&self.loose).chain(journals);
        let overlays = overlays.filter(|entries| !entries.is_empty()).map(Arc::clone).collect();
        let refs = self.journals.iter().chain(own).map(|journal| &journal.refs);
        let refs = refs.filter(|refs| !refs.is_empty()).map(Arc::clone).collect();
        Names::new(Arc::clone(&self.refs), overlays, refs)
    }

    /// Returns the newest entry whose name starts with `key_path` and `/`, and its tree.
    pub(crate) fn newest(
        &self,
        key_path: &str,
        own: Option<&Journal>,
    ) -> Option<(EntryName, ObjectId)> {
        self.borrowed(own).newest(key_path, None)
    }

    /// Returns the tree of the entry of that name.
    pub(crate) fn find(&self, name: &str, own: Option<&Journal>) -> Option<ObjectId> {
        self.borrowed(own).find(name)
    }

    /// Returns what the ref of that full name stands for, as [`Names::reference`] has it.
    pub(crate) fn reference(&self, name: &str, own: Option<&Journal>) -> Option<ObjectId> {
        let mut journals = own.into_iter().chain(&self.journals);
        let journaled = journals.find_map(|journal| journal.refs.get(name).copied());
        journaled.or_else(|| self.refs.find(name.as_bytes()))
    }

    /// Returns the entries whose names start with `prefix`, with their trees, sorted by name.
    pub(crate) fn with_prefix(
        &self,
        prefix: &str,
        own: Option<&Journal>,
    ) -> Vec<(EntryName, ObjectId)> {
        self.borrowed(own).with_prefix(prefix)
    }

    fn borrowed<'a>(
        &'a self,
        own: Option<&'a Journal>,
    ) -> BorrowedNames<'a, impl Iterator<Item = &'a Overlay> + Clone> {
        let journals = self.journals.iter().chain(own).map(|journal| &*journal.entries);
        let overlays = std::iter::once(&*self.loose).chain(journals);
        BorrowedNames {
            refs: &self.refs,
            overlays: overlays.filter(|entries: &&Overlay| !entries.is_empty()),
        }
    }
}

fn open_refs(git_dir: &Path, format: ObjectFormat, despite_damage: bool) -> Result<PackedRefs> {
    if despite_damage {
        PackedRefs::open_or_empty(git_dir, format)
    } else {
        PackedRefs::open(git_dir, format)
    }
}
