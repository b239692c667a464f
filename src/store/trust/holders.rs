//! Which ledgers have an entry, told by reading the few trees on the way to it.

use std::collections::BTreeSet;

use crate::content::{ObjectSource, read_checked};
use crate::disk;
use crate::error::Result;
use crate::git::{Kind, ObjectId, TreeMode, loose_refs, read_commit, tree_entry};
use crate::index::{Index, Names};
use crate::name::{EntryName, LedgerName};
use crate::store::{Inner, Store};

/// The folder of what remotes had when they were last spoken to: `<remote>/ledger/…` below it.
const REMOTES: &str = "refs/recell/remote";
/// The folder that ledgers are below, here and below each remote.
const REFS: &str = "refs/recell/";

/// A state of a ledger, as far as one entry is concerned.
pub(super) struct Holder {
    pub(super) ledger: LedgerName,
    pub(super) tip: ObjectId,
    /// Whether it is the state that counts here, and not only what a remote has.
    pub(super) is_taken: bool,
    pub(super) holds: Holds,
}

/// What a ledger has under the name of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// A tree.
    Tree(ObjectId),
    /// Nothing.
    Nothing,
    /// Nobody can tell, as an object is missing or damaged.
    Unclear,
}

impl Inner {
    /// Returns what each known state of the ledgers of the entry's notebook has under its name.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
    pub(super) fn holders(&self, entry: &EntryName) -> Result<Vec<Holder>> {
        let names = self.look(Index::names)?;
        let below = LedgerName::folder(entry.notebook_segment());
        let mut holders = Vec::new();
        let mut add = |folder: &str, is_taken: bool| -> Result<()> {
            let mut refs = names.references(&format!("{folder}/"));
            if disk::is_there(&self.repository.git_dir.join(folder)) {
                refs.extend(loose_refs(&self.repository.git_dir, folder)?);
            }
            for (name, tip) in refs {
                let path = name.strip_prefix(folder).map(|rest| format!("{below}{rest}"));
                let ledger = path.and_then(|path| LedgerName::of_ref(&path));
                let Some(ledger) = ledger else { continue };
                let holds = self.holds(&tip, entry);
                holders.push(Holder { ledger, tip, is_taken, holds });
            }
            Ok(())
        };
        add(&below, true)?;
        let path = below.strip_prefix(REFS).expect("it is the name of a ref");
        for remote in self.remotes(&names)? {
            add(&format!("{REMOTES}/{remote}/{path}"), false)?;
        }
        Ok(holders)
    }

    /// Returns the remotes that this store knows the ledgers of, by the names of their folders.
    fn remotes(&self, names: &Names) -> Result<BTreeSet<String>> {
        let mut found = names.folders(&format!("{REMOTES}/"));
        let loose = self.repository.git_dir.join(REMOTES);
        if disk::is_there(&loose) {
            found.extend(disk::list(&loose)?.into_iter().map(|entry| entry.name));
        }
        Ok(found)
    }

    pub(super) fn holds(&self, commit: &ObjectId, entry: &EntryName) -> Holds {
        let mut bytes = Vec::new();
        let read = read_checked(self, commit, Kind::Commit, &mut bytes).ok();
        match read.and_then(|()| read_commit(self.format(), &bytes)) {
            Some(commit) => self.below(&commit.tree, entry),
            None => Holds::Unclear,
        }
    }

    /// Returns what a ledger's tree has under the name of an entry of its notebook.
    pub(super) fn below(&self, root: &ObjectId, entry: &EntryName) -> Holds {
        let path = &entry.as_str()[entry.notebook_segment().len() + 1..];
        let mut tree = *root;
        let mut bytes = Vec::new();
        for segment in path.split('/') {
            if read_checked(self, &tree, Kind::Tree, &mut bytes).is_err() {
                return Holds::Unclear;
            }
            match tree_entry(self.format(), &bytes, segment) {
                Some((TreeMode::Folder, id)) => tree = id,
                Some(_) => return Holds::Unclear,
                None => return Holds::Nothing,
            }
        }
        Holds::Tree(tree)
    }
}

impl Store {
    /// Whether some remote had the entry when it was last spoken to, by the names as they are now.
    pub(crate) fn was_seen_on_a_remote(&self, entry: &EntryName) -> bool {
        let holders = self.inner.holders(entry).unwrap_or_default();
        holders.iter().any(|holder| !holder.is_taken && matches!(holder.holds, Holds::Tree(_)))
    }
}
