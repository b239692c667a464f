//! What the store holds of one notebook while its past is imported, moment after moment.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use super::document::Notebook;
use super::hash::{ModuleHash, ModuleHashes};
use super::known::{Seen, VERSION, renamed, seen_in};
use super::name::NotebookName;
use super::outputs::OutputPart;
use crate::clock::Timestamp;
use crate::digest::{Digest, Digester};
use crate::entry::Manifest;
use crate::error::Result;
use crate::index::Pattern;
use crate::name::{EntryName, encode};
use crate::store::Store;

/// The newest entry of each cell as of a moment that only moves on.
pub(super) struct Timeline {
    cells: BTreeMap<String, Past>,
    /// When the entries were made that were there from the start, sorted.
    there: Vec<Timestamp>,
}

#[derive(Default)]
struct Past {
    newest: Option<Newest>,
    /// What the store has of later moments.
    ahead: VecDeque<EntryName>,
}

/// The newest entry of a cell, read when it is first asked for.
struct Newest {
    name: EntryName,
    said: Saying,
}

/// What an entry says.
enum Saying {
    /// It was not looked into.
    Unread,
    /// It cannot be read, or nothing recorded it.
    Nothing,
    This(Said),
}

#[derive(Clone)]
struct Said {
    seen: Seen,
    parts: Digest,
}

/// A cell as it is about to be recorded.
pub(super) struct CellNow<'a> {
    /// What it is called in the store.
    pub(super) name: &'a str,
    pub(super) position: usize,
    pub(super) code: Digest,
    pub(super) parts: Digest,
}

impl Timeline {
    /// Looks up what the store holds of a notebook, in one listing.
    ///
    /// # Errors
    /// Those of [`Store::list`].
    pub(super) fn of(store: &Store, name: &NotebookName) -> Result<Timeline> {
        let mut names = store.list(&Pattern::notebook(name.as_str()))?;
        names.retain(|name| name.version() == VERSION);
        names.sort_by(|a, b| (a.created_at(), a).cmp(&(b.created_at(), b)));
        let there = names.iter().map(EntryName::created_at).collect();
        let mut cells: BTreeMap<String, Past> = BTreeMap::new();
        for name in names {
            cells.entry(name.cell_segment().to_owned()).or_default().ahead.push_back(name);
        }
        Ok(Timeline { cells, there })
    }

    /// Whether the store had an entry, before the import, that was made after `after` and not
    /// after `until`.
    pub(super) fn had_between(&self, after: Timestamp, until: Timestamp) -> bool {
        let from = self.there.partition_point(|at| *at <= after);
        self.there.get(from).is_some_and(|at| *at <= until)
    }

    /// Moves on to a moment, which is not before the last.
    pub(super) fn advance(&mut self, now: Timestamp) {
        for past in self.cells.values_mut() {
            while past.ahead.front().is_some_and(|name| name.created_at() <= now) {
                past.newest =
                    past.ahead.pop_front().map(|name| Newest { name, said: Saying::Unread });
            }
        }
    }

    /// Returns what each code cell is called in the store, as [`record`](super::record) finds it.
    ///
    /// # Errors
    /// Those of [`Store::entry`].
    pub(super) fn names<'h>(
        &mut self,
        store: &Store,
        notebook: &Notebook<'_>,
        hashes: &'h ModuleHashes,
    ) -> Result<Vec<Cow<'h, str>>> {
        let is_known =
            |name: &str| self.cells.get(&*encode(name)).is_some_and(|past| past.newest.is_some());
        let known = hashes.codes.iter().filter(|code| is_known(&code.name)).count();
        let recorded = self.cells.values().filter(|past| past.newest.is_some()).count();
        let mut names: Vec<Cow<'h, str>> =
            hashes.codes.iter().map(|code| Cow::Borrowed(&*code.name)).collect();
        if known < names.len() && known < recorded {
            let mut seen = Vec::with_capacity(recorded);
            for (segment, past) in &mut self.cells {
                if let Some(newest) = &mut past.newest {
                    seen.extend(newest.said(store, segment)?.map(|said| said.seen.clone()));
                }
            }
            for (name, found) in names.iter_mut().zip(renamed(notebook, hashes, &mut seen)) {
                if let Some(found) = found {
                    *name = Cow::Owned(found.name.clone());
                }
            }
        }
        Ok(names)
    }

    /// Whether the newest entry of a cell has that module hash and just those parts.
    ///
    /// # Errors
    /// Those of [`Store::entry`].
    pub(super) fn holds(
        &mut self,
        store: &Store,
        cell: &CellNow<'_>,
        module: &ModuleHash,
    ) -> Result<bool> {
        let segment = encode(cell.name);
        let Some(past) = self.cells.get_mut(&*segment) else { return Ok(false) };
        let Some(newest) = &mut past.newest else { return Ok(false) };
        if newest.name.module_segment() != module.segment() {
            return Ok(false);
        }
        Ok(newest.said(store, &segment)?.is_some_and(|said| said.parts == cell.parts))
    }

    /// Takes in an entry that was recorded at the moment.
    pub(super) fn put(&mut self, name: EntryName, cell: &CellNow<'_>) {
        let segment = name.cell_segment().to_owned();
        let seen = Seen {
            segment: segment.clone(),
            name: cell.name.to_owned(),
            position: cell.position,
            code: cell.code,
        };
        let said = Saying::This(Said { seen, parts: cell.parts });
        self.cells.entry(segment).or_default().newest = Some(Newest { name, said });
    }
}

impl Newest {
    /// Returns what the entry says; `None` if it cannot be read or nothing recorded it.
    fn said(&mut self, store: &Store, segment: &str) -> Result<Option<&Said>> {
        if matches!(self.said, Saying::Unread) {
            let entry = store.entry(&self.name)?.hit();
            let said = entry.and_then(|entry| {
                let seen = seen_in(segment, entry.manifest())?;
                Some(Said { seen, parts: parts_of_manifest(entry.manifest()) })
            });
            self.said = said.map_or(Saying::Nothing, Saying::This);
        }
        Ok(if let Saying::This(said) = &self.said { Some(said) } else { None })
    }
}

/// Returns one digest of all parts of a cell.
pub(super) fn digest_of_parts(parts: &[OutputPart<'_>]) -> Digest {
    let of = |part: &OutputPart<'_>| {
        let digest = Digest::of_here(&part.bytes);
        line(&part.path, part.bytes.len() as u64, &part.media_type, &digest)
    };
    digest_of_lines(parts.iter().map(of).collect())
}

fn parts_of_manifest(manifest: &Manifest) -> Digest {
    let parts = manifest.parts.iter();
    let of = parts.map(|part| line(part.path.as_str(), part.size, &part.media_type, &part.digest));
    digest_of_lines(of.collect())
}

fn line(path: &str, size: u64, media_type: &str, digest: &Digest) -> String {
    format!("{path}\0{size}\0{media_type}\0{digest}\n")
}

fn digest_of_lines(mut lines: Vec<String>) -> Digest {
    lines.sort_unstable();
    let mut digester = Digester::default();
    for line in &lines {
        digester.update(line.as_bytes());
    }
    digester.finish()
}
