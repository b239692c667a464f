//! The names in one state of a ledger, sorted, kept so that no tree is read for them.
//!
//! `recell/ledgers/<digest>` is a cache: a first line with the commit, then one line a name with
//! the tree of its entry (format.md, section 12). Of another commit, it is brought up to date by
//! what differs.

use std::path::PathBuf;

use super::ledger_tree::{commit_of, compare};
use crate::digest::Digest;
use crate::disk;
use crate::error::Result;
use crate::git::ObjectId;
use crate::name::LedgerName;
use crate::store::Store;

/// How a cached list begins.
const HEAD: &str = "recell ledger names 1 ";

/// The names in one state of a ledger, below the notebook, sorted.
pub(crate) struct LedgerNames {
    text: String,
    /// Where the first name begins.
    start: usize,
}

impl LedgerNames {
    /// Returns the names of `ledger` in its state `commit`.
    ///
    /// # Errors
    /// [`crate::Error::BrokenLedger`] if it cannot be read. That a list cannot be kept is no
    /// failure.
    pub(crate) fn read(
        store: &Store,
        ledger: &LedgerName,
        commit: &ObjectId,
    ) -> Result<LedgerNames> {
        let path = cache_path(store, ledger);
        let kept = kept(&path);
        if let Some((known, names)) = &kept
            && known == commit
        {
            return Ok(LedgerNames { text: names.clone(), start: head_len(names) });
        }
        let (tree, _) = commit_of(store, commit)?;
        let names = match kept.and_then(|(known, names)| changed(store, &known, &names, &tree)) {
            Some(names) => names,
            None => compare(store, None, Some(&tree))?.added,
        };
        let mut text = format!("{HEAD}{commit}\n");
        let start = text.len();
        for (name, tree) in &names {
            text.push_str(name);
            text.push(' ');
            text.push_str(&tree.to_string());
            text.push('\n');
        }
        drop(keep(&path, &text));
        Ok(LedgerNames { text, start })
    }

    /// Returns the names with the trees of their entries, sorted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, ObjectId)> {
        self.text[self.start..].lines().filter_map(read_line)
    }

    /// Returns the names as text, sorted: each is followed by a blank, a hex id and a line end.
    pub(crate) fn lines(&self) -> &[u8] {
        &self.text.as_bytes()[self.start..]
    }

    /// Returns the tree that the name stands for; `None` if it is not in the ledger.
    pub(crate) fn find(&self, name: &str) -> Option<ObjectId> {
        let lines = &self.text[self.start..];
        let (mut low, mut high) = (0, lines.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let begin = lines[low..middle].rfind('\n').map_or(low, |at| low + at + 1);
            let end = lines[middle..].find('\n').map_or(lines.len(), |at| middle + at + 1);
            let (found, tree) = read_line(lines[begin..end].trim_end())?;
            match found.cmp(name) {
                std::cmp::Ordering::Equal => return Some(tree),
                std::cmp::Ordering::Less => low = end,
                std::cmp::Ordering::Greater => high = begin,
            }
        }
        None
    }
}

fn read_line(line: &str) -> Option<(&str, ObjectId)> {
    let (name, id) = line.split_once(' ')?;
    Some((name, ObjectId::from_hex(id.as_bytes()).ok()?))
}

fn head_len(text: &str) -> usize {
    text.find('\n').map_or(text.len(), |at| at + 1)
}

fn cache_path(store: &Store, ledger: &LedgerName) -> PathBuf {
    let digest = Digest::of(ledger.path().as_bytes()).short(32);
    store.own_folder().join("ledgers").join(digest)
}

/// Returns the commit of the list that is kept, and the list; `None` if there is none, or a torn
/// one.
fn kept(path: &std::path::Path) -> Option<(ObjectId, String)> {
    let text = String::from_utf8(disk::read_if_there(path).ok()??).ok()?;
    let commit = text.lines().next()?.strip_prefix(HEAD)?;
    let commit = ObjectId::from_hex(commit.as_bytes()).ok()?;
    text.ends_with('\n').then_some((commit, text))
}

fn keep(path: &std::path::Path, text: &str) -> Result<()> {
    disk::create_folders(path.parent().expect("it is in a folder"))?;
    disk::replace_unsynced(path, text.as_bytes())
}

/// Returns the names of the tree `new`, as those of the commit `known` and what differs; `None`
/// if that cannot be told.
fn changed(
    store: &Store,
    known: &ObjectId,
    text: &str,
    new: &ObjectId,
) -> Option<Vec<(String, ObjectId)>> {
    let (old, _) = commit_of(store, known).ok()?;
    let change = compare(store, Some(&old), Some(new)).ok()?;
    let removed: std::collections::HashSet<&str> =
        change.removed.iter().map(|(name, _)| name.as_str()).collect();
    let kept = text[head_len(text)..].lines().map(read_line).collect::<Option<Vec<_>>>()?;
    let kept = kept.into_iter().filter(|(name, _)| !removed.contains(name));
    let mut names: Vec<(String, ObjectId)> =
        kept.map(|(name, tree)| (name.to_owned(), tree)).chain(change.added).collect();
    names.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Some(names)
}
