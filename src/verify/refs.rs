//! Every ref: its spelling, its place, and the objects that it reaches.

use super::{Check, Named};
use crate::content::{ObjectSource, read_checked};
use crate::disk;
use crate::entry::MANIFEST_FILE;
use crate::error::Result;
use crate::git::{
    CheckedRef, Kind, ObjectId, ObjectProblem, TreeMode, check_packed_refs, is_ref_name, object_id,
    object_of_hex, tree_entries,
};
use crate::index::TAGS;
use crate::name::EntryName;

/// What recell keeps below `refs/recell/` (format.md, sections 2 and 11).
pub(super) const KINDS: [&str; 8] =
    ["collection", "damaged", "forgotten", "ledger", "local", "pin", "remote", "trash"];

impl Check<'_> {
    /// Checks all refs, and adds the objects that they reach to `named`.
    pub(super) fn refs(&mut self, named: &mut Named) -> Result<()> {
        let (git_dir, format) = (self.store.path().to_owned(), self.store.object_format());
        let (mut refs, flaws) = check_packed_refs(&git_dir, format)?;
        for flaw in &flaws {
            self.flaw(flaw);
        }
        self.loose_refs(&mut refs)?;
        for journal_entry in self.store.inner.look(|index, own| index.with_prefix("", own))? {
            let (name, id) = journal_entry;
            refs.push(CheckedRef { name: format!("{TAGS}{name}"), id, peeled: None });
        }
        let seen = self.store.snapshot()?;
        for (name, id) in seen.names().references("refs/recell/") {
            refs.push(CheckedRef { name, id, peeled: None });
        }
        refs.sort_by(|a, b| a.name.cmp(&b.name));
        refs.dedup_by(|a, b| a.name == b.name && a.id == b.id);
        let is_ours = |name: &str| entry_name(name).is_some() || name.starts_with("refs/recell/");
        let rightly: Named = refs.iter().filter(|r| is_ours(&r.name)).map(|r| r.id).collect();
        for one in refs {
            self.place(&one, &rightly);
            let is_entry = entry_name(&one.name).is_some();
            if is_entry && !self.full {
                continue;
            }
            if let Err(what) = self.reach(&one, named)
                // The check of the entries said so already.
                && !is_entry
            {
                self.problem("broken_ref", &one.name, what);
            }
        }
        Ok(())
    }

    fn loose_refs(&mut self, refs: &mut Vec<CheckedRef>) -> Result<()> {
        let format = self.store.object_format();
        let mut folders = vec![(self.store.path().join("refs"), "refs".to_owned())];
        while let Some((folder, prefix)) = folders.pop() {
            for entry in disk::list(&folder)? {
                let name = format!("{prefix}/{}", entry.name);
                if entry.is_folder {
                    folders.push((entry.path, name));
                } else if name.as_bytes().ends_with(b".lock") {
                    self.note("leftover", &name, "a lock of git's: remove it if no git is running");
                } else if let Some(bytes) = disk::read_if_there(&entry.path)? {
                    match object_of_hex(bytes.trim_ascii_end(), format) {
                        Some(id) if is_ref_name(&name) => {
                            refs.push(CheckedRef { name, id, peeled: None });
                        }
                        // A ref may stand for another by name, as `refs/remotes/origin/HEAD`.
                        None if bytes.starts_with(b"ref: refs/") => {}
                        _ => self.problem("damaged_refs", name, "it is no ref"),
                    }
                }
            }
        }
        Ok(())
    }

    /// Checks that a ref stands where it belongs. A flipped bit can turn the name of an entry into
    /// one that nobody looks for. `rightly` are the entries that a name of recell's stands for:
    /// those may have tags of their own besides.
    fn place(&mut self, one: &CheckedRef, rightly: &Named) {
        if let Some(rest) = one.name.strip_prefix("refs/recell/") {
            let kind = rest.split('/').next().unwrap_or(rest);
            if !KINDS.contains(&kind) {
                self.problem("misnamed_ref", &one.name, "it is none of recell's kinds of refs");
                return;
            }
            if let Some(collection) = rest.strip_prefix("collection/") {
                self.place_of_collection(one, collection);
                return;
            }
            let Some(name) = rest.strip_prefix("trash/") else { return };
            if let Some((_, collection)) = name.split_once("/collection/") {
                self.place_of_collection(one, collection);
                return;
            }
            let name = name.split_once('/').map(|(_, name)| EntryName::parse(name.to_owned()));
            let fits = matches!(name, Some(Ok(name)) if one.id.to_string().starts_with(name.id8()));
            if !fits {
                self.problem("misnamed_ref", &one.name, "its name is not that of its entry");
            }
        } else if !rightly.contains(&one.id) && self.is_entry(&one.id) {
            self.problem("misnamed_ref", &one.name, "it stands for an entry, and is no entry name");
        }
    }

    /// Checks that the ref of a collection is `<kind>/<name>`.
    fn place_of_collection(&mut self, one: &CheckedRef, rest: &str) {
        let fits = rest.split_once('/').is_some_and(|(kind, name)| {
            ["run", "tagged", "chained"].contains(&kind) && crate::name::decode(name).is_some()
        });
        if !fits {
            self.problem("misnamed_ref", &one.name, "it is no name of a collection");
        }
    }

    fn is_entry(&self, id: &ObjectId) -> bool {
        let mut bytes = Vec::new();
        let inner = &*self.store.inner;
        read_checked(inner, id, Kind::Tree, &mut bytes).is_ok()
            && tree_entries(inner.format(), &bytes)
                .is_some_and(|names| names.iter().any(|name| name.name == MANIFEST_FILE))
    }

    /// Walks all that a ref reaches.
    fn reach(&self, one: &CheckedRef, named: &mut Named) -> std::result::Result<(), String> {
        let inner = &*self.store.inner;
        let mut open = vec![one.id];
        let mut bytes = Vec::new();
        let mut end = None;
        while let Some(id) = open.pop() {
            let is_first = end.is_none();
            if !is_first && named.contains(&id) {
                continue;
            }
            let read = inner.read(&id, &mut bytes).and_then(|kind| {
                let is_good = object_id(inner.format(), kind, &bytes) == id;
                if is_good { Ok(kind) } else { inner.read_intact(&id, &mut bytes) }
            });
            let kind = match read {
                Ok(kind) => kind,
                Err(ObjectProblem::Missing) => return Err(format!("{id} is missing")),
                Err(ObjectProblem::Damaged(reason)) => return Err(format!("{id}: {reason}")),
            };
            let already = !named.insert(id);
            let broken = || format!("{id} makes no sense");
            match kind {
                Kind::Tag => {
                    open.push(field(&bytes, b"object ", inner.format()).ok_or_else(broken)?);
                    continue;
                }
                Kind::Commit if !already => {
                    open.push(field(&bytes, b"tree ", inner.format()).ok_or_else(broken)?);
                    let parents = bytes.split(|&byte| byte == b'\n').skip(1);
                    let parents = parents.map_while(|line| line.strip_prefix(b"parent "));
                    open.extend(parents.filter_map(|hex| object_of_hex(hex, inner.format())));
                }
                Kind::Tree if !already => {
                    for entry in tree_entries(inner.format(), &bytes).ok_or_else(broken)? {
                        if entry.mode == TreeMode::Folder {
                            open.push(entry.id);
                        } else if !named.contains(&entry.id) {
                            let must_be_here =
                                self.elsewhere.is_none() && entry.mode == TreeMode::File;
                            if must_be_here && !inner.has_object(&entry.id) {
                                return Err(format!("{} is missing", entry.id));
                            }
                            named.insert(entry.id);
                        }
                    }
                }
                _ => {}
            }
            end.get_or_insert(id);
        }
        match one.peeled {
            Some(peeled) if end != Some(peeled) => {
                Err("what git noted that it stands for is another object".into())
            }
            _ => Ok(()),
        }
    }
}

fn entry_name(full: &str) -> Option<EntryName> {
    EntryName::parse(full.strip_prefix(TAGS)?.to_owned()).ok()
}

/// Returns the id in the first line of a commit or tag.
fn field(bytes: &[u8], name: &[u8], format: crate::git::ObjectFormat) -> Option<ObjectId> {
    let line = bytes.split(|&byte| byte == b'\n').next()?;
    object_of_hex(line.strip_prefix(name)?, format)
}
