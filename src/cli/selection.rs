//! Which entries a person or a script means by a selector (docs/selectors.md).

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Instant;

pub(crate) use crate::history::shown;

use super::moment::Moment;
use super::report::Failure;
use super::session::Session;
use crate::error::Error;
use crate::events::{Event, micros_since};
use crate::history::{Selector, View};
use crate::lookup::{Lookup, Miss};
use crate::name::EntryName;
use crate::store::{Entry, Snapshot};

/// What stands on a command line for results.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    text: String,
    readings: Vec<Selector>,
}

impl FromStr for Selection {
    type Err = String;

    fn from_str(text: &str) -> Result<Selection, String> {
        let readings = Selector::readings(text).map_err(|error| error.to_string())?;
        Ok(Selection { text: text.to_owned(), readings })
    }
}

/// What a selection means in a store: names, and the view in which they are looked up.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) selector: Selector,
    /// The store as of when the selection says, else as of `--as-of`.
    pub(crate) view: View,
}

impl Selection {
    /// Returns the text as it was given.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the reading that holds, and the view of `snapshot` that it is about.
    ///
    /// # Errors
    /// [`Error::NotAMoment`] and [`Error::Ambiguous`] about when, and those of asking git.
    pub(crate) fn resolve(
        &self,
        session: &Session,
        snapshot: &Snapshot,
    ) -> Result<Resolved, Failure> {
        let mut selector = Selector::choose(&self.readings, snapshot);
        let view = match selector.when() {
            None => session.view(snapshot)?,
            Some(when) => match Moment::read(session, when) {
                Ok(moment) => moment.view(snapshot),
                // A script that asks for a full key with `@` in it gets that or a miss.
                Err(Failure::Error(Error::NotAMoment { .. }))
                    if self.readings[0].key().is_some() =>
                {
                    selector = &self.readings[0];
                    session.view(snapshot)?
                }
                Err(failure) => return Err(failure),
            },
        };
        Ok(Resolved { selector: selector.clone(), view })
    }

    /// Returns the entry that is meant.
    ///
    /// # Errors
    /// [`Failure::Misses`] if there is none or it cannot be read, [`Error::Ambiguous`] if the text
    /// names several cells, and those of [`Selection::resolve`].
    pub(crate) fn entry(&self, session: &Session, snapshot: &Snapshot) -> Result<Entry, Failure> {
        let resolved = self.resolve(session, snapshot)?;
        self.read(resolved.name()?, &resolved)
    }

    /// Returns the entry that is meant, which is handed out: it counts as used, and is a hit or a
    /// miss in the log of events.
    ///
    /// # Errors
    /// As [`Selection::entry`].
    pub(crate) fn entry_for_use(
        &self,
        session: &Session,
        snapshot: &Snapshot,
    ) -> Result<Entry, Failure> {
        let started = Instant::now();
        let found = self.entry(session, snapshot);
        match &found {
            Ok(entry) => entry.mark_used_since(Some(started)),
            Err(Failure::Misses(misses)) => {
                for (log, miss) in snapshot.events().into_iter().zip(misses) {
                    let event = Event::of_miss(self.text.clone(), miss);
                    log.note(Event { micros: Some(micros_since(started)), ..event });
                }
            }
            Err(_) => {}
        }
        found
    }

    /// Returns the entry that is meant; where no key is spelled so, a key whose module starts so
    /// serves as well.
    ///
    /// # Errors
    /// As [`Selection::entry`].
    pub(crate) fn entry_for_person(
        &self,
        session: &Session,
        snapshot: &Snapshot,
    ) -> Result<Entry, Failure> {
        let resolved = self.resolve(session, snapshot)?;
        let name = match resolved.name()? {
            None => resolved.selector.name(&resolved.view)?,
            found => found,
        };
        self.read(name, &resolved)
    }

    /// Returns the name of the entry that is meant; `None` if there is none. The entry itself is
    /// not read.
    ///
    /// # Errors
    /// [`Error::Ambiguous`], and those of [`Selection::resolve`].
    pub(crate) fn name(
        &self,
        session: &Session,
        snapshot: &Snapshot,
    ) -> Result<Option<EntryName>, Failure> {
        self.resolve(session, snapshot)?.name()
    }

    /// Returns the names of all entries that match, sorted by name.
    ///
    /// # Errors
    /// As [`Selection::name`].
    pub(crate) fn names(
        &self,
        session: &Session,
        snapshot: &Snapshot,
    ) -> Result<Vec<EntryName>, Failure> {
        let Resolved { selector, view } = self.resolve(session, snapshot)?;
        Ok(selector.names(&view)?)
    }

    /// Returns the miss that nothing is stored under the text, with what is called much like it.
    pub(crate) fn miss(&self, session: &Session, snapshot: &Snapshot) -> Miss {
        match self.resolve(session, snapshot) {
            Ok(resolved) => self.miss_in(&resolved),
            Err(_) => Miss::NeverStored { name: self.text.clone() },
        }
    }

    /// As [`Selection::miss`], for what was resolved.
    pub(crate) fn miss_in(&self, resolved: &Resolved) -> Miss {
        let name = self.text.clone();
        match resolved.selector.nearest(resolved.view.snapshot()) {
            nearest if nearest.is_empty() => Miss::NeverStored { name },
            nearest => Miss::Misspelled { name, nearest },
        }
    }

    fn read(&self, name: Option<EntryName>, resolved: &Resolved) -> Result<Entry, Failure> {
        let Some(name) = name else { return Err(self.miss_in(resolved).into()) };
        let found: Lookup<Entry> = resolved.view.snapshot().entry(&name);
        Ok(found.ok()?)
    }
}

/// Returns the entries that `keys` mean, with `all` every one that matches; or the misses: a typo is
/// no reason to take the rest.
///
/// # Errors
/// [`Failure::Misses`], and those of [`Selection::name`].
pub(crate) fn chosen(
    keys: &[Selection],
    all: bool,
    session: &Session,
    snapshot: &Snapshot,
) -> Result<Vec<EntryName>, Failure> {
    let mut names: BTreeSet<EntryName> = BTreeSet::new();
    let mut misses = Vec::new();
    for key in keys {
        let found = if all {
            key.names(session, snapshot)?
        } else {
            key.name(session, snapshot)?.into_iter().collect()
        };
        if found.is_empty() {
            misses.push(key.miss(session, snapshot));
        }
        names.extend(found);
    }
    if misses.is_empty() { Ok(names.into_iter().collect()) } else { Err(Failure::Misses(misses)) }
}

impl Resolved {
    /// Returns the one entry that is meant. A full key means that one and nothing like it: a script
    /// that asks for a result must get that one or a miss.
    fn name(&self) -> Result<Option<EntryName>, Failure> {
        match self.selector.key() {
            Some(key) => {
                let history = self.view.snapshot().history(&key);
                Ok(self.view.choose(&history, self.selector.back()).cloned())
            }
            None => Ok(self.selector.name(&self.view)?),
        }
    }
}
