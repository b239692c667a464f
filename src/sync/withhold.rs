//! Parts that were put before a rule came by which they stay on this machine: before their entries
//! are pushed for the first time, these are made anew, as by a rename.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::clock::Timestamp;
use crate::config::SyncSettings;
use crate::entry::{Facts, Manifest};
use crate::error::Result;
use crate::lookup::{Lookup, Miss};
use crate::name::EntryName;
use crate::store::{Entry, Remade, Snapshot, Store};

/// What must be made anew before it is pushed: a plan until it was carried out.
#[derive(Default)]
pub struct Withholding {
    /// The old and the new name of each entry, oldest first.
    pub renames: Vec<(EntryName, EntryName)>,
    /// How many parts stay local that were to travel.
    pub parts: usize,
    /// The bytes of those parts.
    pub bytes: u64,
    /// Entries that cannot be read: nobody knows what of them may be pushed.
    pub unreadable: Vec<(EntryName, Miss)>,
    remade: Vec<Remade>,
}

impl Withholding {
    /// Whether all entries may be pushed as they are.
    pub fn is_empty(&self) -> bool {
        self.renames.is_empty() && self.unreadable.is_empty()
    }
}

impl std::fmt::Debug for Withholding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Withholding");
        shown.field("renames", &self.renames).field("parts", &self.parts);
        shown.field("unreadable", &self.unreadable).finish_non_exhaustive()
    }
}

/// What was made anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Withheld {
    /// The old and the new name of each entry, oldest first.
    pub moved: Vec<(EntryName, EntryName)>,
    /// Entries that stay as they were, as they are gone, or as the process that put them is still
    /// writing: they must not be pushed yet.
    pub busy: Vec<EntryName>,
}

/// Says which of the entries `names`, none of which is published, must be made anew so that what
/// `settings` keep local does not travel. Nothing is changed.
///
/// Each gets a manifest that says so, the same wherever this is done, at the same time. Entries of
/// `names` that were computed from such speak of the new names. Names that nothing is stored under
/// are passed over.
///
/// # Errors
/// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`] if the names cannot be read.
pub fn plan_withholding(
    store: &Store,
    names: &[EntryName],
    settings: &SyncSettings,
) -> Result<Withholding> {
    let mut plan = Withholding::default();
    if !settings.keeps_any_local() {
        return Ok(plan);
    }
    let snapshot = store.snapshot()?;
    let looked: Vec<Result<Look, Miss>> =
        names.par_iter().with_min_len(64).map(|name| look(&snapshot, name, settings)).collect();
    let mut open: Vec<(&EntryName, Look)> = Vec::new();
    for (name, look) in names.iter().zip(looked) {
        match look {
            Ok(look) => open.push((name, look)),
            Err(Miss::NeverStored { .. }) => {}
            Err(miss) => plan.unreadable.push((name.clone(), miss)),
        }
    }
    // What was computed from another comes after it, so that it can speak of its new name.
    open.sort_by(|(a, _), (b, _)| (a.created_at(), a).cmp(&(b.created_at(), b)));
    let mut renamed: HashMap<String, String> = HashMap::new();
    for (name, look) in open {
        if !look.withholds && !look.upstream.iter().any(|name| renamed.contains_key(name)) {
            continue;
        }
        let entry = match snapshot.entry(name) {
            Lookup::Hit(entry) => entry,
            Lookup::Miss(miss) => {
                plan.unreadable.push((name.clone(), miss));
                continue;
            }
        };
        let manifest = plan.manifest(&entry, settings, &renamed);
        match store.remade_with_local(&entry, &manifest) {
            Ok(remade) => {
                renamed.insert(remade.old.to_string(), remade.new.to_string());
                plan.renames.push((remade.old.clone(), remade.new.clone()));
                plan.remade.push(remade);
            }
            Err(miss) => plan.unreadable.push((name.clone(), miss)),
        }
    }
    Ok(plan)
}

impl Withholding {
    /// Returns the manifest by which more stays local, and counts that.
    fn manifest(
        &mut self,
        entry: &Entry,
        settings: &SyncSettings,
        renamed: &HashMap<String, String>,
    ) -> Manifest {
        let mut manifest = entry.manifest().clone();
        let rules = settings.of_notebook(manifest.key.notebook());
        for part in &mut manifest.parts {
            if !part.local && rules.keeps_local(part.path.as_str(), part.size) {
                part.local = true;
                self.parts += 1;
                self.bytes += part.size;
            }
        }
        for upstream in &mut manifest.provenance.upstream {
            if let Some(new) = renamed.get(upstream) {
                upstream.clone_from(new);
            }
        }
        manifest
    }
}

/// What a manifest says that decides whether its entry is made anew.
struct Look {
    /// Whether a part travels that should stay.
    withholds: bool,
    upstream: Vec<String>,
}

fn look(snapshot: &Snapshot, name: &EntryName, settings: &SyncSettings) -> Result<Look, Miss> {
    let Some(tree) = snapshot.tree_of(name) else {
        return Err(Miss::NeverStored { name: name.to_string() });
    };
    let (mut scratch, mut bytes) = (Vec::new(), Vec::new());
    snapshot.read_manifest(name, &tree, &mut scratch, &mut bytes)?;
    if let Some(facts) = Facts::skim(&bytes, name)
        && let Some(key) = name.key()
    {
        return Ok(look_at(&facts, key.notebook(), settings));
    }
    // It is spelled otherwise, or the name is cut.
    let entry = snapshot.entry(name).ok()?;
    let manifest = entry.manifest();
    Ok(look_at(&Facts::of(manifest), manifest.key.notebook(), settings))
}

fn look_at(facts: &Facts<'_>, notebook: &str, settings: &SyncSettings) -> Look {
    let rules = settings.of_notebook(notebook);
    let mut parts = facts.parts.iter();
    Look {
        withholds: parts.any(|part| !part.local && rules.keeps_local(part.path, part.size)),
        upstream: facts.upstream.iter().map(ToString::to_string).collect(),
    }
}

/// Makes the entries of `plan` anew. The old names go to the trash under the time `now`, or the next
/// at which nothing was removed; pins follow, all in one step. What else names the entries, as
/// collections and `recell.lock`, is for the caller.
///
/// The bytes that stay are where they were. As long as the trash has the old names, `recell undo`
/// brings these back; they are then withheld once more before they are pushed.
///
/// # Errors
/// As [`Store::flush`]; then no name changed.
pub fn withhold(store: &Store, plan: &Withholding, now: Timestamp) -> Result<Withheld> {
    if plan.remade.is_empty() {
        return Ok(Withheld::default());
    }
    let busy = store.rename_entries(&plan.remade, now)?;
    let renames = plan.renames.iter();
    let moved = renames.filter(|(old, _)| !busy.contains(old)).cloned().collect();
    Ok(Withheld { moved, busy })
}
