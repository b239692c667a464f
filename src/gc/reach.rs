//! What is named: by refs, by the entries of journals, and by puts in progress.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rayon::prelude::*;

use crate::clock::Timestamp;
use crate::collection::Forgetting;
use crate::content::ObjectSource;
use crate::disk;
use crate::error::{Error, Result};
use crate::git::{
    Kind, ObjectId, ObjectProblem, PackedRefs, check_packed_refs, children_of, loose_refs,
    object_id, object_of_hex,
};
use crate::journal::{Journal, ObjectMap, found_in};
use crate::name::LedgerName;
use crate::progress::{Progress, Unit};
use crate::store::{Store, in_trash};
use crate::sync::KnownLedgers;

/// How many objects are read side by side before what they name is taken in.
const STEP: usize = 1 << 16;

/// What everything that is kept is reached from.
#[derive(Default)]
pub(super) struct Roots {
    /// What names and journals stand for: it must be there.
    pub(super) named: Vec<ObjectId>,
    /// What puts in progress rely on; what is gone they have stored again.
    pub(super) relied: Vec<ObjectId>,
    /// Ledgers that a remote has: their commits and trees are kept, so that they can be extended
    /// and compared, and of their contents what something else names.
    pub(super) held: Vec<ObjectId>,
    /// Trash that may go, by the full name of its ref.
    pub(super) trash: BTreeMap<String, ObjectId>,
}

/// Reads all roots. Trash from before `trash_before` may go; without it no trash may. What
/// `forgetting` takes out of runs is not theirs any more.
///
/// # Errors
/// [`Error::UnclearNames`] if a name cannot be read, so that it is unknown what it keeps.
pub(super) fn roots(
    store: &Store,
    trash_before: Option<Timestamp>,
    forgetting: &Forgetting,
) -> Result<Roots> {
    let mut roots = Roots::default();
    let displaced: BTreeSet<(&str, ObjectId)> = forgetting.displaced().collect();
    refs(store, trash_before, &displaced, &mut roots)?;
    roots.named.extend(forgetting.still_named(store.object_format()));
    journals(store, &mut roots)?;
    Ok(roots)
}

fn unclear(reason: impl Into<String>) -> Error {
    Error::UnclearNames { reason: reason.into() }
}

fn refs(
    store: &Store,
    trash_before: Option<Timestamp>,
    displaced: &BTreeSet<(&str, ObjectId)>,
    roots: &mut Roots,
) -> Result<()> {
    let (git_dir, format) = (store.path(), store.object_format());
    let known = KnownLedgers::read(store)?;
    let is_held = |name: &str, id: ObjectId| known.is_held(store, name, &id);
    let (packed, flaws) = check_packed_refs(git_dir, format)?;
    if let Some(flaw) = flaws.first() {
        return Err(unclear(format!("`{}`: {}", flaw.path.display(), flaw.what)));
    }
    let packed = packed.into_iter().map(|one| (one.name, one.id));
    for (name, id) in packed.chain(loose_refs(git_dir, "refs")?) {
        let may_go = trash_before.is_some_and(|before| {
            in_trash(&name)
                .and_then(|(when, _)| when.parse::<Timestamp>().ok())
                .is_some_and(|t| t < before)
        });
        if may_go {
            roots.trash.insert(name, id);
        } else if is_held(&name, id) {
            roots.held.push(id);
        } else if LedgerName::of_ref(&name).is_some() {
            roots.relied.push(id);
        } else if !displaced.contains(&(name.as_str(), id)) {
            roots.named.push(id);
        }
    }
    let head = disk::read_if_there(&git_dir.join("HEAD"))?.unwrap_or_default();
    roots.named.extend(object_of_hex(head.trim_ascii_end(), format));
    Ok(())
}

fn journals(store: &Store, roots: &mut Roots) -> Result<()> {
    let repository = &store.inner.repository;
    // What was set aside may be mended: it keeps what it can.
    for (folder, is_aside) in
        [(repository.journal_folder(), false), (repository.damaged_folder(), true)]
    {
        for id in found_in(&folder)? {
            let Some(journal) = Journal::open(&folder, &id, store.object_format())? else {
                continue;
            };
            if journal.damaged_at.is_some() && !is_aside {
                return Err(unclear(format!("the journal `{id}` is damaged")));
            }
            let trees = journal.entries.values().copied();
            if is_aside { &mut roots.relied } else { &mut roots.named }.extend(trees);
            roots.named.extend(journal.refs.values().copied());
            roots.relied.extend(journal.relied);
        }
    }
    Ok(())
}

/// What is reached, each with the number of the pack whose copy of it stays, from 1; 0 where that
/// was not decided.
pub(super) type Live = ObjectMap<u32>;

/// What is reached only by ledgers that a remote has: commits and trees.
pub(super) type Held = HashSet<ObjectId>;

/// What an object names, each with whether it names others; `None` if it cannot be read.
type Children = Option<Vec<(ObjectId, bool)>>;

/// What is reached so far.
pub(super) struct Reach<'a> {
    store: &'a Store,
    /// What was reached before, and is not looked at again.
    before: Option<(&'a Live, &'a Held)>,
    pub(super) live: Live,
    /// Commits whose parents were never fetched.
    shallow: Vec<ObjectId>,
}

impl<'a> Reach<'a> {
    /// Returns nothing yet; what is in `before` counts as reached, with all that it names unless it
    /// is only held.
    pub(super) fn beyond(
        store: &'a Store,
        before: Option<(&'a Live, &'a Held)>,
    ) -> Result<Reach<'a>> {
        let shallow = disk::read_if_there(&store.path().join("shallow"))?.unwrap_or_default();
        let ids = shallow.split(|&byte| byte == b'\n').filter_map(|l| ObjectId::from_hex(l).ok());
        Ok(Reach { store, before, live: Live::default(), shallow: ids.collect() })
    }

    fn knows(&self, id: &ObjectId) -> bool {
        let is_whole = |(live, held): (&Live, &Held)| live.contains_key(id) && !held.contains(id);
        self.live.contains_key(id) || self.before.is_some_and(is_whole)
    }

    /// Adds the commits and trees that are reached from `roots` and were not reached before;
    /// returns them. What is not here is passed over. Nothing may be walked from other roots
    /// afterwards.
    pub(super) fn hold(&mut self, roots: &[ObjectId]) -> Result<Held> {
        let mut held = Held::new();
        let mut open: Vec<ObjectId> = roots.to_vec();
        while !open.is_empty() {
            open.retain(|id| !self.knows(id) && held.insert(*id));
            let mut next = Vec::new();
            for step in open.chunks(STEP) {
                let found: Vec<Result<Children>> =
                    step.par_iter().map(|id| self.children(id, true)).collect();
                for (parent, children) in step.iter().zip(found) {
                    let Some(children) = children? else {
                        held.remove(parent);
                        continue;
                    };
                    next.extend(children.into_iter().filter(|(_, on)| *on).map(|(id, _)| id));
                }
            }
            open = next;
        }
        self.live.extend(held.iter().map(|id| (*id, 0)));
        Ok(held)
    }

    /// Adds all that is reached from `roots`. What is `optional` may be missing or damaged.
    ///
    /// # Errors
    /// [`Error::UnclearNames`] if an object that names others cannot be read.
    pub(super) fn walk(
        &mut self,
        roots: &[ObjectId],
        optional: bool,
        progress: &dyn Progress,
    ) -> Result<()> {
        let mut open: Vec<ObjectId> = Vec::new();
        for id in roots {
            if !self.knows(id) {
                self.live.insert(*id, 0);
                open.push(*id);
            }
        }
        progress.begin("looking what is named", None, Unit::Items);
        while !open.is_empty() {
            let mut next = Vec::new();
            for step in open.chunks(STEP) {
                let found: Vec<Result<Children>> =
                    step.par_iter().map(|id| self.children(id, optional)).collect();
                progress.advance(step.len() as u64);
                for (parent, children) in step.iter().zip(found) {
                    let Some(children) = children? else {
                        // Should a name lead to it later, it must be looked at again.
                        self.live.remove(parent);
                        continue;
                    };
                    for (id, leads_on) in children {
                        if self.knows(&id) {
                            continue;
                        }
                        self.live.insert(id, 0);
                        if leads_on {
                            next.push(id);
                        }
                    }
                }
            }
            open = next;
        }
        progress.end();
        Ok(())
    }

    /// Returns what an object names; `None` if it cannot be read and that may be.
    fn children(&self, id: &ObjectId, optional: bool) -> Result<Children> {
        let inner = &*self.store.inner;
        let format = self.store.object_format();
        let mut bytes = Vec::new();
        let read = inner.read(id, &mut bytes).and_then(|kind| {
            // A blob names nothing, whatever its bytes are.
            if kind == Kind::Blob || object_id(format, kind, &bytes) == *id {
                return Ok(kind);
            }
            inner.read_intact(id, &mut bytes)
        });
        let kind = match read {
            Ok(kind) => kind,
            Err(_) if optional => return Ok(None),
            Err(ObjectProblem::Missing) => {
                return Err(unclear(format!("a name leads to {id}, which is missing")));
            }
            Err(ObjectProblem::Damaged(reason)) => {
                return Err(unclear(format!("a name leads to {id}, which is damaged: {reason}")));
            }
        };
        let mut children = children_of(format, kind, &bytes)
            .ok_or_else(|| unclear(format!("a name leads to {id}, which makes no sense")))?;
        if kind == Kind::Commit && self.shallow.contains(id) {
            children.truncate(1);
        }
        Ok(Some(children))
    }
}

/// A look at the refs that need not be repeated as long as nothing changed.
pub(super) struct SeenRefs {
    /// While it is mapped, no other file can have its inode.
    packed: PackedRefs,
}

impl SeenRefs {
    pub(super) fn now(store: &Store) -> Result<SeenRefs> {
        Ok(SeenRefs { packed: PackedRefs::open(store.path(), store.object_format())? })
    }

    /// Whether `packed-refs` is still the one that was looked at.
    pub(super) fn is_current(&self, store: &Store) -> Result<bool> {
        self.packed.is_current(store.path())
    }
}

/// Reads the roots that are not in `packed-refs`: loose refs and journals.
///
/// # Errors
/// As [`roots`].
pub(super) fn roots_beside_packed(store: &Store) -> Result<Roots> {
    let mut roots = Roots::default();
    roots.named.extend(loose_refs(store.path(), "refs")?.into_values());
    journals(store, &mut roots)?;
    Ok(roots)
}
