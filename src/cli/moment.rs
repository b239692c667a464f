//! When is meant by a time or a revision on the command line (docs/selectors.md).

use std::collections::{BTreeSet, HashSet};
use std::sync::OnceLock;

use super::report::Failure;
use super::session::Session;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::git::{HostCommit, HostRepository, ObjectId};
use crate::history::{CommitLine, TimeSpan, View, When};
use crate::lockfile::{LOCKFILE, Pins};
use crate::name::EntryName;
use crate::store::Snapshot;

/// Microseconds from the first to the last of a second: commits are dated to the second.
const SECOND: i64 = 999_999;

/// A time or a commit that was meant.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    /// From when to when; what was stored as of then is bounded by its end.
    pub(crate) span: TimeSpan,
    /// The commits that it is or has behind it, if it is a commit.
    line: Option<CommitLine>,
    /// The entries that belong to the commit for certain.
    pins: BTreeSet<EntryName>,
}

impl Moment {
    /// Reads a time or, unless it says that it is a time, any name that git knows for a commit.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] if it may be either, [`Error::NotAMoment`] if it is neither, and
    /// those of asking git.
    pub(crate) fn read(session: &Session, when: &When) -> Result<Moment, Failure> {
        let text = &when.text;
        let span = TimeSpan::from_local(text, session.now());
        let time = |span| Moment { span, line: None, pins: BTreeSet::new() };
        if when.is_time || span.is_some_and(|_| !may_be_revision(text)) {
            let neither = || Error::NotAMoment { text: text.clone() };
            return Ok(time(span.ok_or_else(neither)?));
        }
        let found = match (commit(session, text), span) {
            // The time is good without git.
            (Err(error), Some(span)) if !matches!(error, Error::Ambiguous { .. }) => {
                session.ui.detail(|| format!("git could not be asked for `{text}`: {error}"));
                return Ok(time(span));
            }
            (Err(Error::Ambiguous { text, mut candidates }), Some(_)) => {
                candidates.insert(0, format!("{{{text}}}"));
                return Err(Error::Ambiguous { text, candidates }.into());
            }
            (found, _) => found?,
        };
        match (span, found) {
            (Some(span), None) => Ok(time(span)),
            (None, Some((host, commit))) => Ok(Moment::of_commit(session, host, commit)),
            (None, None) => Err(Error::NotAMoment { text: text.clone() }.into()),
            (Some(_), Some((_, commit))) => {
                let candidates = vec![format!("{{{text}}}"), commit.id.to_string()];
                Err(Error::Ambiguous { text: text.clone(), candidates }.into())
            }
        }
    }

    fn of_commit(session: &Session, host: HostRepository, commit: HostCommit) -> Moment {
        let git = session.git();
        let pins = pins(session, &host, &commit).unwrap_or_else(|error| {
            session.ui.detail(|| format!("what the commit pins could not be read: {error}"));
            BTreeSet::new()
        });
        let first = commit.committed_at;
        // The clock that recorded what the commit pins may have been ahead of the commit's.
        let newest = pins.iter().map(EntryName::created_at).max();
        let last = Timestamp::from_micros(first.micros() + SECOND).max(newest.unwrap_or(first));
        // Most cells need no other commit than this one: the rest is asked for when first needed.
        let behind: OnceLock<HashSet<ObjectId>> = OnceLock::new();
        let line = CommitLine::new(move |hex| {
            let Ok(id) = ObjectId::from_hex(hex.as_bytes()) else { return false };
            let ask = || host.ancestors(&git, &commit.id).unwrap_or_default();
            id == commit.id || behind.get_or_init(ask).contains(&id)
        });
        Moment { span: TimeSpan { first, last }, line: Some(line), pins }
    }

    /// Returns the entries that belong to it for certain.
    pub(crate) fn pins(&self) -> &BTreeSet<EntryName> {
        &self.pins
    }

    /// Returns `snapshot` as it was then. What belongs to a commit goes before all else.
    pub(crate) fn view(&self, snapshot: &Snapshot) -> View {
        let view = View::new(snapshot.clone()).as_of(self.span.last).with_pins(self.pins.clone());
        match &self.line {
            Some(line) => view.of_commit(line.clone()),
            None => view,
        }
    }
}

/// Returns what the `recell.lock` of a commit names; nothing if it has none.
fn pins(
    session: &Session,
    host: &HostRepository,
    commit: &HostCommit,
) -> Result<BTreeSet<EntryName>> {
    let Some(root) = session.workspace()?.root() else { return Ok(BTreeSet::new()) };
    let Some(path) = host.relative_path(&root.join(LOCKFILE)) else { return Ok(BTreeSet::new()) };
    let found = host.file_at(&session.git(), &commit.id, &path)?;
    // Of a broken one, what can be read still says more than nothing.
    Ok(found.map(|bytes| Pins::salvage(&bytes).iter().cloned().collect()).unwrap_or_default())
}

/// Whether git could take the text for a commit: no ref and no id has blanks or colons in it.
fn may_be_revision(text: &str) -> bool {
    !text.contains(|symbol: char| symbol.is_whitespace() || symbol == ':')
}

/// Returns the commit of the host repository that `text` names; `None` if there is none, or no
/// repository.
fn commit(session: &Session, text: &str) -> Result<Option<(HostRepository, HostCommit)>> {
    let git = session.git();
    let Ok(host) = HostRepository::discover(session.workspace()?.base(), &git) else {
        return Ok(None);
    };
    Ok(host.revision(&git, text)?.map(|commit| (host, commit)))
}
