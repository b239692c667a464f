//! What a sync of the folder left: copies in conflict, and entries that came without their names.

use std::path::PathBuf;

use super::Check;
use crate::disk;
use crate::error::Result;
use crate::store::Store;

/// What git keeps as files in the folder of a repository, besides what ends in `_HEAD`.
const OF_GIT: [&str; 9] = [
    "HEAD",
    "config",
    "config.worktree",
    "description",
    "gc.log",
    "gc.pid",
    "packed-refs",
    "packed-refs.new",
    "shallow",
];

/// What recell keeps as files in its own folder, and may be lost.
const OF_RECELL: [&str; 9] = [
    "caps",
    "contents",
    "flush.lock",
    "gc.lock",
    "imported",
    "packed-refs.owner",
    "packs",
    "suspects",
    "usage",
];

/// Files that a sync tool put beside those of the store.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// Those with names, in the form of `packed-refs`.
    pub(super) names: Vec<PathBuf>,
    /// Those that are good for nothing: the file that they are a copy of is there, or can be lost.
    pub(super) others: Vec<PathBuf>,
}

impl Copies {
    /// Looks for them, by their names and, where names say nothing, by what is in them.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if a folder cannot be read.
    pub(super) fn find(store: &Store) -> Result<Copies> {
        let mut copies = Copies::default();
        let named = store.conflicted_copies()?;
        for entry in disk::list(store.path())? {
            if entry.is_folder
                || entry.name.starts_with('.')
                || OF_GIT.contains(&entry.name.as_str())
                || entry.name.ends_with("_HEAD")
            {
                continue;
            }
            let head = disk::read_if_there(&entry.path)?.unwrap_or_default();
            if has_form_of_names(&head, store.object_format().id_len()) {
                copies.names.push(entry.path);
            } else if named.contains(&entry.name) {
                copies.others.push(entry.path);
            }
        }
        for entry in disk::list(&store.inner.repository.own_folder())? {
            if !entry.is_folder
                && !entry.name.starts_with('.')
                && !OF_RECELL.contains(&entry.name.as_str())
                && OF_RECELL.iter().any(|own| entry.name.contains(own))
            {
                copies.others.push(entry.path);
            }
        }
        let journals = store.inner.repository.journal_folder();
        for entry in disk::list(&journals)? {
            // With the ending of a journal it is one, which the next flush takes in.
            let ends = [".log", ".pack"];
            let is_one = ends.iter().any(|end| entry.name.ends_with(end));
            let is_copy = !is_one && ends.iter().any(|end| entry.name.contains(end));
            if is_copy && !entry.name.starts_with('.') {
                copies.others.push(entry.path);
            }
        }
        let packs = store.inner.repository.objects_folder().join("pack");
        for entry in disk::list(&packs)? {
            let end = entry.name.rsplit_once('.').map_or("", |(_, end)| end);
            let is_of_git =
                ["pack", "idx", "rev", "bitmap", "mtimes", "keep", "promisor"].contains(&end);
            let is_copy = entry.name.starts_with("pack-") && !is_of_git;
            let is_alone = end == "keep"
                && !disk::is_there(&entry.path.with_extension("pack"))
                && !crate::store::leftovers::is_unfinished(&entry.path)?;
            if is_copy || is_alone {
                copies.others.push(entry.path);
            }
        }
        Ok(copies)
    }
}

/// Whether the bytes begin as `packed-refs` does.
fn has_form_of_names(bytes: &[u8], id_len: usize) -> bool {
    let line = bytes.split(|&byte| byte == b'\n').find(|line| !line.starts_with(b"#"));
    let is_ref = line.is_some_and(|line| {
        line.split_at_checked(2 * id_len).is_some_and(|(hex, rest)| {
            hex.iter().all(u8::is_ascii_hexdigit) && rest.starts_with(b" refs/")
        })
    });
    is_ref || bytes.starts_with(b"# pack-refs with:")
}

impl Check<'_> {
    /// Reports what a sync of the folder left.
    pub(super) fn copies(&mut self) -> Result<()> {
        let copies = Copies::find(self.store)?;
        for path in &copies.names {
            let what = "names that a sync tool kept in conflict with `packed-refs`";
            self.problem("conflicted_names", self.short(path), what);
        }
        for path in &copies.others {
            let what = "a copy that a sync tool left, of a file that is there or can be lost";
            self.problem("conflicted_copy", self.short(path), what);
        }
        let arrived = self.store.arrived()?;
        let count = arrived.entries.len() + arrived.collections.len();
        if count > 0 {
            let packs: Vec<&str> = arrived.packs.iter().map(String::as_str).collect();
            let what = format!(
                "{count} results and collections came with a sync of the folder, without their names"
            );
            self.problem("unnamed_entries", packs.join(", "), what);
        }
        if !arrived.partial.is_empty() {
            let what = format!(
                "{} results without names lack objects: they may be on their way",
                arrived.partial.len()
            );
            self.note("incomplete_entries", "objects/pack", what);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_by_what_is_in_a_file() {
        let id = "a".repeat(40);
        for (text, is_names, why) in [
            (
                format!("# pack-refs with: peeled fully-peeled sorted \n{id} refs/tags/a\n"),
                true,
                "whole",
            ),
            ("# pack-refs with: peeled fully-peeled sorted \n".into(), true, "of an empty store"),
            (format!("{id} refs/tags/a\n"), true, "without its head"),
            (format!("{id} refs/ta"), true, "half of it"),
            (format!("{id}\n"), false, "a ref of its own"),
            (format!("{id}\tnot-for-merge\tbranch 'main'\n"), false, "what git fetched"),
            ("[core]\n\tbare = true\n".into(), false, "settings"),
            (String::new(), false, "empty"),
        ] {
            assert_eq!(has_form_of_names(text.as_bytes(), 20), is_names, "{why}");
        }
    }
}
