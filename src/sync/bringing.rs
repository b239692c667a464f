//! Objects by their ids from a remote: in batches, around what it has lost, and from servers that
//! hand out nothing by id.

use super::forgotten::FORGOTTEN;
use super::known::Ledgers;
use super::remote::Remote;
use super::wanted_parts::sizes_of;
use crate::error::{Error, Result};
use crate::git::{Answer, ObjectId, Wants};
use crate::name::{EntryName, LEDGERS, LedgerName};
use crate::progress::Progress;
use crate::store::{Lacking, LackingObject, Store};

/// How many objects are asked for at once: git's time for it grows faster than their number (100
/// take 20 ms, 5,000 260 ms and 20,000 1,260 ms), and they are arguments of a process.
const BATCH: usize = 4096;
/// How many bytes of parts are asked for at once: what came is not asked for again where the
/// connection breaks.
const BATCH_BYTES: u64 = 64 << 20;
/// How often a remote may say that it has not what is asked for, until the rest is left.
const MOST_FAILURES: usize = 64;
/// What is left out where only trees are wanted.
pub(super) const NO_BLOBS: &str = "blob:none";

/// What came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Brought {
    /// The bytes of the packs.
    pub(crate) bytes: u64,
    /// What is wrong with something that the remote has and that could not come.
    pub(crate) damage: Option<String>,
    /// Whether the remote hands out nothing by id.
    is_refused: bool,
    failures: usize,
}

/// A remote that objects are brought from.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) remote: &'a Remote,
    pub(crate) progress: &'a dyn Progress,
}

impl Origin<'_> {
    /// Brings what entries lack; what the remote has not, or does not hand out, lacks afterwards.
    ///
    /// # Errors
    /// [`Error::GitFailed`] or [`Error::StaticRemote`] if the remote cannot be reached or breaks
    /// off; what came before stays.
    pub(crate) fn bring(
        self,
        store: &Store,
        entries: &[(EntryName, ObjectId)],
        lacking: &Lacking,
    ) -> Result<Brought> {
        let mut brought = Brought::default();
        let ids = |objects: &[LackingObject]| -> Vec<ObjectId> {
            objects.iter().map(|object| object.id).collect()
        };
        self.some(store, &ids(&lacking.trees), Some(NO_BLOBS), &mut brought)?;
        let first = ids(&lacking.manifests);
        if first.len() + lacking.parts.len() <= BATCH && !has_large(store, entries, lacking) {
            let mut all = first;
            all.extend(ids(&lacking.parts));
            self.some(store, &all, None, &mut brought)?;
        } else {
            self.some(store, &first, None, &mut brought)?;
            store.notice_packs()?;
            for batch in batches(store, entries, &lacking.parts) {
                self.some(store, &batch, None, &mut brought)?;
            }
        }
        if brought.is_refused {
            self.whole_ledgers(store, entries, lacking, &mut brought)?;
        }
        store.notice_packs()?;
        Ok(brought)
    }

    fn some(
        self,
        store: &Store,
        ids: &[ObjectId],
        filter: Option<&str>,
        brought: &mut Brought,
    ) -> Result<()> {
        for batch in ids.chunks(BATCH) {
            self.batch(store, batch, filter, false, brought)?;
        }
        Ok(())
    }

    /// Asks for objects; if one of them is not there, once more for the others, and if that fails
    /// for each half of them.
    fn batch(
        self,
        store: &Store,
        ids: &[ObjectId],
        filter: Option<&str>,
        again: bool,
        brought: &mut Brought,
    ) -> Result<()> {
        if ids.is_empty() || brought.is_refused || brought.failures > MOST_FAILURES {
            return Ok(());
        }
        let gone = match self.remote.bring(store, Wants::Objects(ids), filter, self.progress) {
            Ok(Answer::Brought { bytes }) => {
                brought.bytes += bytes;
                return Ok(());
            }
            Ok(Answer::NotAllowed) => {
                brought.is_refused = true;
                return Ok(());
            }
            Ok(Answer::NotThere(id)) => id,
            Err(error @ Error::StaticDamaged { .. }) => {
                // What is whole comes all the same.
                brought.failures += 1;
                if ids.len() == 1 {
                    brought.damage.get_or_insert_with(|| error.to_string());
                    return Ok(());
                }
                let (one, other) = ids.split_at(ids.len() / 2);
                self.batch(store, one, filter, false, brought)?;
                return self.batch(store, other, filter, false, brought);
            }
            Err(error) => return Err(error),
        };
        brought.failures += 1;
        let rest: Vec<ObjectId> = ids.iter().copied().filter(|id| *id != gone).collect();
        if rest.len() == ids.len() {
            // It speaks of something else.
            return Ok(());
        }
        if !again {
            return self.batch(store, &rest, filter, true, brought);
        }
        let (one, other) = rest.split_at(rest.len() / 2);
        self.batch(store, one, filter, false, brought)?;
        self.batch(store, other, filter, false, brought)
    }

    /// Brings all of the ledgers that have the entries which lack something.
    ///
    /// Of a server that hands out nothing by id (git's protocol before version 2, unless it is told
    /// to), objects come only with refs; and without saying that anything is here, as it would take
    /// what these reach for known. What is here already comes once more.
    fn whole_ledgers(
        self,
        store: &Store,
        entries: &[(EntryName, ObjectId)],
        lacking: &Lacking,
        brought: &mut Brought,
    ) -> Result<()> {
        let listed = listed(self.remote)?;
        let all = lacking.trees.iter().chain(&lacking.manifests).chain(&lacking.parts);
        let notebooks: std::collections::BTreeSet<&str> =
            all.map(|object| entries[object.entry].0.notebook_segment()).collect();
        let wanted = listed.keys().filter(|it| notebooks.contains(it.notebook_segment()));
        let names: Vec<String> = wanted.map(LedgerName::ref_name).collect();
        let (bytes, _) = self.ledgers(store, &names, &[], None)?;
        brought.bytes += bytes;
        Ok(())
    }

    /// Brings ledgers by the names of their refs; returns the bytes that came, and the names of
    /// those that did not, with git's words: one that is broken on the remote keeps no other away.
    ///
    /// # Errors
    /// [`Error::GitFailed`], [`Error::StaticDamaged`] and [`Error::StaticLacks`] if none came.
    pub(crate) fn ledgers(
        self,
        store: &Store,
        names: &[String],
        haves: &[ObjectId],
        filter: Option<&str>,
    ) -> Result<(u64, Vec<(String, String)>)> {
        let mut bytes = 0;
        let mut failed: Vec<(String, String)> = Vec::new();
        let mut next: Vec<&[String]> = names.chunks(BATCH / 8).rev().collect();
        let mut came = 0;
        while let Some(some) = next.pop() {
            let wants = Wants::Refs { names: some, haves };
            match self.remote.bring(store, wants, filter, self.progress) {
                Ok(Answer::Brought { bytes: more }) => {
                    bytes += more;
                    came += some.len();
                }
                Ok(_) => {}
                Err(
                    error @ (Error::GitFailed { .. }
                    | Error::StaticDamaged { .. }
                    | Error::StaticLacks { .. }),
                ) => {
                    let is_hopeless = came == 0 && failed.len() + next.len() > MOST_FAILURES / 8;
                    if is_hopeless || names.len() == 1 || is_unreachable(&error) {
                        return Err(error);
                    }
                    if let [name] = some {
                        failed.push((name.clone(), error.to_string()));
                        continue;
                    }
                    let (one, other) = some.split_at(some.len() / 2);
                    next.push(other);
                    next.push(one);
                }
                Err(error) => return Err(error),
            }
        }
        store.notice_packs()?;
        Ok((bytes, failed))
    }
}

/// Returns the ledgers of the remote. What stands among them and is none is not ours.
///
/// # Errors
/// [`Error::GitFailed`] if it cannot be reached or refuses.
pub(super) fn listed(remote: &Remote) -> Result<Ledgers> {
    Ok(listed_with_tombstones(remote)?.0)
}

/// As [`listed`], and what the tombstones of the remote are, if it has any.
///
/// # Errors
/// As [`listed`].
pub(super) fn listed_with_tombstones(remote: &Remote) -> Result<(Ledgers, Option<ObjectId>)> {
    let mut found = remote.list(&[&format!("{LEDGERS}*"), FORGOTTEN])?;
    let tombstones = found.remove(FORGOTTEN);
    let ledgers = found.into_iter();
    let ledgers = ledgers.filter_map(|(name, id)| Some((LedgerName::of_ref(&name)?, id)));
    Ok((ledgers.collect(), tombstones))
}

/// Whether no other question would be answered either.
fn is_unreachable(error: &Error) -> bool {
    let Error::GitFailed { stderr, .. } = error else { return false };
    // What a server says before it ends is about what it was asked for.
    let broke_off = ["early EOF", "unexpected disconnect", "hung up", "RPC failed", "Broken pipe"];
    if !stderr.contains("remote:") && broke_off.iter().any(|words| stderr.contains(words)) {
        return true;
    }
    ["Could not read from remote repository", "unable to access", "Could not resolve host"]
        .iter()
        .any(|words| stderr.contains(words))
}

/// Whether the parts may be more than is asked for at once; of manifests that are not here, nobody
/// knows.
fn has_large(store: &Store, entries: &[(EntryName, ObjectId)], lacking: &Lacking) -> bool {
    // Chunked parts alone are large.
    const FEW: usize = 16;
    lacking.parts.len() > FEW
        && lacking.manifests.is_empty()
        && batches(store, entries, &lacking.parts).len() > 1
}

/// Returns the objects in batches of few bytes, as far as the manifests tell them.
fn batches(
    store: &Store,
    entries: &[(EntryName, ObjectId)],
    parts: &[LackingObject],
) -> Vec<Vec<ObjectId>> {
    let mut found: Vec<Vec<ObjectId>> = Vec::new();
    let mut bytes = 0;
    let mut rest = parts;
    while let Some(first) = rest.first() {
        let of_entry = rest.partition_point(|object| object.entry == first.entry);
        let (now, later) = rest.split_at(of_entry);
        rest = later;
        let (name, tree) = &entries[first.entry];
        let sizes = sizes_of(store, name, tree);
        for object in now {
            let pieces = now.iter().filter(|other| other.part == object.part).count() as u64;
            let size = sizes.get(&object.part).copied().unwrap_or(0) / pieces.max(1);
            let is_full =
                found.last().is_none_or(|batch| batch.len() >= BATCH || bytes + size > BATCH_BYTES);
            if is_full {
                found.push(Vec::new());
                bytes = 0;
            }
            bytes += size;
            found.last_mut().expect("it was made above").push(object.id);
        }
    }
    found
}
