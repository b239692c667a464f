//! Runs: the entries of one execution. A run has one owner, so its ref is set in the journal.

use std::collections::BTreeMap;

use super::change::about;
use super::context::Context;
use super::document::About;
use super::name::{CollectionName, Kind};
use super::state::make;
use super::tagged::stored;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::git::ObjectId;
use crate::name::EntryName;
use crate::store::Store;

/// What collections that the command makes say.
pub(super) const PRODUCER: &str = concat!("recell ", env!("CARGO_PKG_VERSION"));

/// A run that is going on. Entries are added as they are stored; closing it makes it a collection,
/// which never changes.
///
/// A run that dies unclosed was never there, unless it was saved: then it stays as it was saved,
/// and open.
#[derive(Debug)]
pub struct Run {
    store: Store,
    about: About,
    members: BTreeMap<EntryName, ObjectId>,
    is_closed: bool,
}

impl Run {
    /// Starts a run of `producer`, the program's name and version. Its name is the time and eight
    /// random hex digits. Nothing is written yet.
    pub fn start(store: &Store, producer: impl Into<String>, now: Timestamp) -> Run {
        let random = store.random_name();
        let name = format!("{now}-{}", &random[..8]).parse().expect("a time and digits are a name");
        let mut about = about(&name, Kind::Run, "", now);
        about.producer = producer.into();
        Run { store: store.clone(), about, members: BTreeMap::new(), is_closed: false }
    }

    /// Returns its name.
    pub fn name(&self) -> &CollectionName {
        &self.about.name
    }

    /// Says what the run is, in words for people.
    pub fn describe(&mut self, doc: impl Into<String>) {
        self.about.doc = doc.into();
    }

    /// Adds stored entries; returns those that nothing is stored under, which are left out.
    ///
    /// # Errors
    /// [`Error::CollectionClosed`]; those of [`Store::get`] if names cannot be read.
    pub fn add(&mut self, entries: &[EntryName]) -> Result<Vec<EntryName>> {
        self.require_open()?;
        let (found, unknown) = stored(&Context::open(&self.store)?, entries);
        self.members.extend(found);
        Ok(unknown)
    }

    /// Returns how many entries it has.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Makes what it has so far visible, as a collection that is still open.
    ///
    /// # Errors
    /// [`Error::CollectionClosed`], and those of [`Store::put`]; then nothing changed.
    pub fn save(&mut self, now: Timestamp) -> Result<()> {
        self.require_open()?;
        self.write(true, now)
    }

    /// Closes it: from now on it does not change. One without entries leaves nothing behind;
    /// returns whether it is a collection now.
    ///
    /// # Errors
    /// [`Error::CollectionClosed`], and those of [`Store::put`]; then it is still open.
    pub fn close(&mut self, now: Timestamp) -> Result<bool> {
        self.require_open()?;
        if !self.is_empty() {
            self.write(false, now)?;
        }
        self.is_closed = true;
        Ok(!self.is_empty())
    }

    fn require_open(&self) -> Result<()> {
        if self.is_closed {
            return Err(Error::CollectionClosed { name: self.about.name.to_string() });
        }
        Ok(())
    }

    /// Appends the whole state and its ref in one write: half a run is never there.
    fn write(&mut self, is_open: bool, now: Timestamp) -> Result<()> {
        self.about.is_open = is_open;
        self.about.changed_at = now.max(self.about.created_at);
        let members = self.members.iter().map(|(name, tree)| (name.clone(), *tree)).collect();
        let message = if is_open { "save" } else { "close" };
        let format = self.store.object_format();
        let (id, objects) = make(format, &self.about, &members, Vec::new(), message);
        let reference = self.about.name.reference(Kind::Run);
        self.store.journal_refs(&objects, &[(reference, id)])
    }
}
