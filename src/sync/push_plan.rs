//! What a push would publish: decided before any ledger is extended.

use std::collections::{BTreeMap, HashMap};

use super::known::{KnownLedgers, unpublished};
use super::push::PushOptions;
use crate::config::SyncSettings;
use crate::entry::{Facts, MANIFEST_FILE};
use crate::error::Result;
use crate::git::{Kind, ObjectId, PushedContents, TreeMode, tree_entries};
use crate::name::{EntryName, LedgerName};
use crate::store::Store;

/// How often what looks at the entries may change them before they are left as they are.
const CHANGES: usize = 8;

/// What somebody says who looks at the entries before they are published.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(dead_code, reason = "callers that change or keep entries say so")]
pub(crate) enum Inspection {
    /// They may go.
    Fine,
    /// Entries were given other names: look anew.
    Changed,
    /// These stay, each with the reason.
    Leave(Vec<(EntryName, String)>),
}

/// What a push would publish.
#[derive(Debug, Default)]
pub(crate) struct PushPlan {
    /// The entries that no known ledger holds, by the ledger they go into.
    pub(crate) fresh: BTreeMap<LedgerName, Vec<(EntryName, ObjectId)>>,
    /// What stays here though it was asked for.
    pub(crate) left: Vec<(EntryName, String)>,
}

/// Returns what a push would publish. What must look at entries before they go (parts that stay
/// local, the search for secrets) is `options.inspect`, and may change them, leave some out, or
/// stop the push by an error.
///
/// # Errors
/// Those of [`unpublished`] and of `options.inspect`.
pub(super) fn plan_push(
    store: &Store,
    known: &KnownLedgers,
    settings: &SyncSettings,
    options: &PushOptions<'_>,
) -> Result<PushPlan> {
    let mut plan = PushPlan::default();
    for round in 0.. {
        let mut travels: HashMap<String, bool> = HashMap::new();
        let mut entries: Vec<(EntryName, ObjectId)> = Vec::new();
        for (name, tree) in unpublished(store, known)? {
            let of = travels.entry(name.notebook_segment().to_owned());
            let travels = of.or_insert_with(|| settings.of_notebook(&name.notebook()).push);
            if *travels && (options.wanted)(&name) {
                entries.push((name, tree));
            }
        }
        let names: Vec<EntryName> = entries.iter().map(|(name, _)| name.clone()).collect();
        let inspection =
            if names.is_empty() { Inspection::Fine } else { (options.inspect)(&names)? };
        match inspection {
            Inspection::Changed if round < CHANGES => continue,
            Inspection::Fine | Inspection::Changed => {}
            Inspection::Leave(left) => {
                entries.retain(|(name, _)| left.iter().all(|(other, _)| other != name));
                plan.left = left;
            }
        }
        for (name, tree) in entries {
            let ledger = LedgerName::new(name.notebook_segment(), store.writer_id());
            plan.fresh.entry(ledger).or_default().push((name, tree));
        }
        break;
    }
    Ok(plan)
}

/// How many entries are looked at for how large they are.
const FEW: usize = 1000;
/// Fewer bytes are not worth looking for what of them the remote has.
const SMALL: u64 = 4 << 20;

impl PushPlan {
    /// Returns what git should know of the contents.
    pub(super) fn contents(&self, store: &Store) -> PushedContents {
        let entries: usize = self.fresh.values().map(Vec::len).sum();
        let is_small = entries > 0 && entries <= FEW && self.bytes(store) <= SMALL;
        if is_small { PushedContents::Small } else { PushedContents::Shared }
    }

    /// Returns the bytes of the parts of the entries, uncompressed, each content once: as much
    /// travels at most.
    pub(crate) fn bytes(&self, store: &Store) -> u64 {
        let mut contents: HashMap<String, u64> = HashMap::new();
        for (name, tree) in self.fresh.values().flatten() {
            look_at_parts(store, name, tree, |digest, size| {
                contents.insert(digest.to_owned(), size);
            });
        }
        contents.values().sum()
    }
}

/// Returns the bytes of the parts of an entry, uncompressed; 0 if its manifest cannot be read.
pub(super) fn weight(store: &Store, name: &EntryName, tree: &ObjectId) -> u64 {
    let mut bytes = 0;
    look_at_parts(store, name, tree, |_, size| bytes += size);
    bytes
}

fn look_at_parts(
    store: &Store,
    name: &EntryName,
    tree: &ObjectId,
    mut look: impl FnMut(&str, u64),
) {
    let (mut bytes, mut manifest) = (Vec::new(), Vec::new());
    if store.read_object(tree, &mut bytes) != Some(Kind::Tree) {
        return;
    }
    let children = tree_entries(store.object_format(), &bytes).unwrap_or_default();
    let is_manifest = |mode, name: &str| mode == TreeMode::File && name == MANIFEST_FILE;
    let Some(found) = children.iter().find(|child| is_manifest(child.mode, child.name)) else {
        return;
    };
    if store.read_object(&found.id, &mut manifest) != Some(Kind::Blob) {
        return;
    }
    if let Some(facts) = Facts::skim(&manifest, name) {
        for part in &facts.parts {
            look(&part.digest, part.size);
        }
    }
}
