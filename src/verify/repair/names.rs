//! Repairs names: each leads to a whole entry afterwards, or is reported.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Loss, Repair, RepairPlan};
use crate::content::{ObjectSource, part_bytes, part_chunks};
use crate::disk;
use crate::entry::{MANIFEST_FILE, Manifest, Part};
use crate::error::Result;
use crate::git::{
    Kind, ObjectId, PackListing, RefEdits, check_packed_refs, children_of, loose_refs, object_id,
    tree_entry,
};
use crate::index::TAGS;
use crate::lookup::Miss;
use crate::name::EntryName;
use crate::progress::{Progress, Unit};
use crate::store::{Entry, TRASH, in_trash, local_ref, read_local_ref};

/// Where what is left of a damaged entry is.
const DAMAGED: &str = "refs/recell/damaged/";

/// How many bytes of a line may be wrong for it to be known again.
const FEW: usize = 16;

impl Repair<'_> {
    /// Writes `packed-refs` anew from its good lines, if others are not; returns those.
    pub(super) fn packed_refs(&mut self) -> Result<Vec<Vec<u8>>> {
        let (git_dir, format) = (self.store.path().to_owned(), self.store.object_format());
        let (refs, flaws) = check_packed_refs(&git_dir, format)?;
        if flaws.is_empty() {
            return Ok(Vec::new());
        }
        let path = git_dir.join("packed-refs");
        self.locked.keep_copy(&path, self.now)?;
        let bytes = disk::read_if_there(&path)?.unwrap_or_default();
        // Without the end of its last line, nothing was taken in.
        let (refs, bytes) = if refs.is_empty() && !bytes.ends_with(b"\n") {
            let mut mended = bytes.clone();
            mended.push(b'\n');
            disk::replace(&path, &mended)?;
            (check_packed_refs(&git_dir, format)?.0, mended)
        } else {
            (refs, bytes)
        };
        let good: BTreeSet<String> =
            refs.iter().map(|one| format!("{} {}", one.id, one.name)).collect();
        let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let bad = lines.filter(|line| {
            !line.starts_with(b"#")
                && !line.starts_with(b"^")
                && !std::str::from_utf8(line).is_ok_and(|line| good.contains(line))
        });
        let bad: Vec<Vec<u8>> = bad.map(<[u8]>::to_vec).collect();
        let all: BTreeMap<_, _> =
            refs.into_iter().map(|one| (one.name, (one.id, one.peeled))).collect();
        self.locked.replace_refs(&all)?;
        disk::crash_point("refs mended");
        // Even where every line was good: a part of the file may be gone.
        Ok(if bad.is_empty() { vec![Vec::new()] } else { bad })
    }

    /// Takes names of what is not whole out of the way, and gives names back.
    pub(super) fn names(
        &mut self,
        plan: &RepairPlan,
        damaged_lines: &[Vec<u8>],
        progress: &dyn Progress,
    ) -> Result<()> {
        let mut edits = RefEdits::default();
        let mut made: Vec<(ObjectId, Kind, Vec<u8>)> = Vec::new();
        let refs = self.all_refs()?;
        progress.begin("checking names", Some(refs.len() as u64), Unit::Items);
        for (full, id) in &refs {
            progress.advance(1);
            self.name(&refs, full, *id, &mut edits, &mut made)?;
        }
        progress.end();
        if plan.restore_names || !damaged_lines.is_empty() {
            self.restore(&refs, damaged_lines, &mut edits)?;
        }
        self.locked.store_objects(|take| {
            made.iter().try_for_each(|(id, kind, bytes)| take(*id, *kind, bytes))
        })?;
        disk::crash_point("rests stored");
        if !edits.remove.is_empty() || !edits.add.is_empty() {
            self.locked.keep_copy(&self.store.path().join("packed-refs"), self.now)?;
        }
        self.locked.edit_refs(&edits)?;
        self.locked.remove_loose_refs(edits.remove.iter())
    }

    pub(super) fn all_refs(&self) -> Result<BTreeMap<String, ObjectId>> {
        let (packed, _) = check_packed_refs(self.store.path(), self.store.object_format())?;
        let mut refs: BTreeMap<_, _> = packed.into_iter().map(|one| (one.name, one.id)).collect();
        refs.extend(loose_refs(self.store.path(), "refs")?);
        Ok(refs)
    }

    /// Decides what becomes of one ref.
    fn name(
        &mut self,
        refs: &BTreeMap<String, ObjectId>,
        full: &str,
        id: ObjectId,
        edits: &mut RefEdits,
        made: &mut Vec<(ObjectId, Kind, Vec<u8>)>,
    ) -> Result<()> {
        let entry = full.strip_prefix(TAGS).and_then(|name| EntryName::parse(name.to_owned()).ok());
        let Some(name) = entry else {
            let is_looked_at = |entry: EntryName| refs.contains_key(&format!("{TAGS}{entry}"));
            if read_local_ref(full).is_some_and(is_looked_at) {
                // Its parts are those of the entry.
                return Ok(());
            }
            return self.other_ref(full, id, edits);
        };
        let inner = &self.store.inner;
        let entry = match Entry::open(inner, name.clone(), id, |full| refs.get(full).copied()) {
            Ok(entry) => entry,
            Err(Miss::Absent { .. }) if self.is_elsewhere(&name) => return Ok(()),
            Err(miss) => {
                // A flipped bit in the id, perhaps, or in the name: then its tree says what it is.
                if let Some(right) = self.unnamed(&name)? {
                    self.report.restored.push(name.to_string());
                    edits.add.insert(full.to_owned(), right);
                    return Ok(());
                }
                if let Some(right) = self.name_of(id) {
                    self.report.restored.push(right.to_string());
                    edits.add.insert(format!("{TAGS}{right}"), id);
                } else {
                    self.lose(name.as_str(), Vec::new(), None, &miss);
                }
                edits.remove.insert(full.to_owned());
                return Ok(());
            }
        };
        let mut good: Vec<(Part, ObjectId)> = Vec::new();
        let (mut lost, mut reason, mut has_lost_local) = (Vec::new(), None, false);
        for (part, object) in entry.part_objects() {
            match object.and_then(|object| self.part(&name, part, &object).map(|()| object)) {
                // What is left stands in one tree.
                Ok(object) => good.push((Part { local: false, ..part.clone() }, object)),
                Err(Miss::LocalElsewhere { .. }) => {}
                // No remote has a part that stays here.
                Err(Miss::Absent { .. }) if !part.local && self.is_elsewhere(&name) => {}
                Err(miss) => {
                    lost.push(part.path.to_string());
                    has_lost_local |= part.local;
                    reason.get_or_insert(miss);
                }
            }
        }
        let Some(reason) = reason else { return Ok(()) };
        if self.is_elsewhere(&name) && !has_lost_local {
            // Its damaged objects are out of the way: they are fetched when they are read.
            return Ok(());
        }
        let (parts, objects): (Vec<Part>, Vec<ObjectId>) = good.into_iter().unzip();
        let mut manifest: Manifest = entry.manifest().clone();
        manifest.parts = parts;
        manifest.provenance.annotations.insert("lost_parts".into(), lost.join(" "));
        let rest = self.locked.assemble(&manifest, &objects);
        let tree = rest.last().expect("an entry has a tree").0;
        made.extend(rest);
        let kept = format!("{DAMAGED}{name}");
        edits.add.insert(kept.clone(), tree);
        edits.remove.insert(full.to_owned());
        edits.remove.extend(refs.get_key_value(&local_ref(&name)).map(|(local, _)| local.clone()));
        self.lose(name.as_str(), lost, Some(kept), &reason);
        Ok(())
    }

    fn is_elsewhere(&self, name: &EntryName) -> bool {
        self.is_beside_remotes
            && (self.elsewhere.is_some_and(|elsewhere| elsewhere(name))
                || self.store.was_seen_on_a_remote(name))
    }

    fn lose(&mut self, name: &str, parts: Vec<String>, kept: Option<String>, reason: &Miss) {
        let (name, reason) = (name.to_owned(), reason.to_string());
        self.report.lost.push(Loss { name, parts, kept, reason });
    }

    /// Whether a part can be read to its end.
    pub(super) fn part(&self, name: &EntryName, part: &Part, id: &ObjectId) -> Result<(), Miss> {
        let inner = &*self.store.inner;
        if part.chunks.is_none() {
            return part_bytes(inner, name.as_str(), part, id).map(drop);
        }
        let chunks = part_chunks(inner, name.as_str(), part, id)?;
        for chunk in chunks {
            crate::content::part_range(inner, name.as_str(), part, id, chunk.bytes)?;
        }
        Ok(())
    }

    /// Decides about a ref that is no entry's tag: what it reaches must be there.
    fn other_ref(&mut self, full: &str, id: ObjectId, edits: &mut RefEdits) -> Result<()> {
        let Err(reason) = self.reaches_all(id) else {
            // A name that nobody looks for stands for an entry: it was another before.
            let is_known = !full.starts_with(TAGS)
                && full.strip_prefix("refs/recell/").is_none_or(|rest| {
                    super::super::refs::KINDS.contains(&rest.split('/').next().unwrap_or_default())
                });
            if !is_known && let Some(right) = self.name_of(id) {
                let target = if full.starts_with(TAGS) {
                    format!("{TAGS}{right}")
                } else {
                    format!("{TRASH}{}/{right}", self.now)
                };
                if self.all_refs()?.get(&target) != Some(&id) {
                    self.report.restored.push(target.clone());
                    edits.add.insert(target, id);
                    edits.remove.insert(full.to_owned());
                }
            }
            return Ok(());
        };
        let removed = in_trash(full);
        if let Some((_, name)) = removed
            && let Ok(name) = EntryName::parse(name.to_owned())
            && let Some(right) = self.unnamed(&name)?
        {
            self.report.restored.push(full.to_owned());
            edits.add.insert(full.to_owned(), right);
            return Ok(());
        }
        edits.remove.insert(full.to_owned());
        let (name, parts, kept) = (full.to_owned(), Vec::new(), None);
        self.report.lost.push(Loss { name, parts, kept, reason });
        Ok(())
    }

    pub(super) fn reaches_all(&self, id: ObjectId) -> std::result::Result<(), String> {
        let inner = &*self.store.inner;
        let format = self.store.object_format();
        let mut seen = BTreeSet::new();
        let mut open = vec![id];
        let mut bytes = Vec::new();
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            let kind = inner
                .read_intact(&id, &mut bytes)
                .map_err(|problem| format!("{id} cannot be read: {problem:?}"))?;
            let children =
                children_of(format, kind, &bytes).ok_or_else(|| format!("{id} makes no sense"))?;
            // What is on a remote alone is always a part of an entry.
            let is_blob = |leads_on: bool| !leads_on && self.is_beside_remotes;
            open.extend(children.into_iter().filter(|(_, on)| !is_blob(*on)).map(|(id, _)| id));
        }
        Ok(())
    }

    /// Returns the name of the entry whose tree that is, if it is whole, but for what a remote has.
    pub(super) fn name_of(&self, tree: ObjectId) -> Option<EntryName> {
        let inner = &self.store.inner;
        let format = self.store.object_format();
        let mut bytes = Vec::new();
        if inner.read_intact(&tree, &mut bytes) != Ok(Kind::Tree) {
            return None;
        }
        let (_, manifest) = tree_entry(format, &bytes, MANIFEST_FILE)?;
        inner.read_intact(&manifest, &mut bytes).ok()?;
        let manifest = Manifest::from_toml(&bytes).ok()?;
        let name = EntryName::new(&manifest.key.path(), manifest.created_at, &tree.to_string());
        let entry = Entry::open(inner, name.clone(), tree, |full| inner.reference(full)).ok()?;
        let is_whole = entry.part_objects().all(|(part, object)| {
            match object.and_then(|object| self.part(&name, part, &object)) {
                Ok(()) | Err(Miss::LocalElsewhere { .. }) => true,
                // No remote has a part that stays here.
                Err(Miss::Absent { .. }) => !part.local && self.is_elsewhere(&name),
                Err(_) => false,
            }
        });
        (is_whole && !manifest.provenance.annotations.contains_key("lost_parts")).then_some(name)
    }

    /// Gives whole entries that no ref leads to their names back: those that damaged lines speak
    /// of; all, where not every damaged line can be told.
    fn restore(
        &mut self,
        refs: &BTreeMap<String, ObjectId>,
        damaged_lines: &[Vec<u8>],
        edits: &mut RefEdits,
    ) -> Result<()> {
        let named: BTreeSet<ObjectId> = refs.values().chain(edits.add.values()).copied().collect();
        let mut found: HashMap<Vec<u8>, (String, ObjectId)> = HashMap::new();
        for id in self.unnamed_trees(&named)? {
            if let Some(name) = self.name_of(id) {
                let full = format!("{TAGS}{name}");
                found.insert(format!("{id} {full}").into_bytes(), (full, id));
            }
        }
        let mut chosen = BTreeMap::new();
        let mut is_clear = !damaged_lines.is_empty();
        for line in damaged_lines {
            if self.is_of_local_parts(line) {
                if let Some((full, id)) = self.local_parts_of(refs, line)? {
                    chosen.insert(full, id);
                } else {
                    let name = String::from_utf8_lossy(line).into_owned();
                    let reason =
                        "the line of `packed-refs` that named local parts is damaged".into();
                    self.report.lost.push(Loss { name, parts: Vec::new(), kept: None, reason });
                }
                continue;
            }
            let trash = memchr::memmem::find(line, b"recell/trash/").is_some();
            let alike = found.iter().find(|(wanted, (full, _))| {
                if trash {
                    let name = &full[TAGS.len()..];
                    return memchr::memmem::find(line, name.as_bytes()).is_some()
                        || memchr::memmem::find(line, &wanted[..20]).is_some();
                }
                let differ = wanted.iter().zip(line.iter()).filter(|(a, b)| a != b).count();
                wanted.len() == line.len() && differ <= FEW
            });
            match alike {
                Some((_, (full, id))) if trash => {
                    let name = &full[TAGS.len()..];
                    chosen.insert(format!("{TRASH}{}/{name}", self.now), *id);
                }
                Some((_, (full, id))) => drop(chosen.insert(full.clone(), *id)),
                None => is_clear = false,
            }
        }
        if !is_clear {
            let trashed: BTreeSet<ObjectId> = chosen
                .iter()
                .filter(|(name, _)| name.starts_with(TRASH))
                .map(|(_, id)| *id)
                .collect();
            let rest = found.into_values().filter(|(_, id)| !trashed.contains(id));
            chosen.extend(rest);
        }
        for (name, id) in chosen {
            self.report.restored.push(name.strip_prefix(TAGS).unwrap_or(&name).to_owned());
            edits.add.insert(name, id);
        }
        Ok(())
    }

    /// Returns the tree of the whole entry of that name, which no ref leads to.
    fn unnamed(&mut self, name: &EntryName) -> Result<Option<ObjectId>> {
        if self.unnamed.is_none() {
            let named = self.all_refs()?.into_values().collect();
            let mut found = HashMap::new();
            for id in self.unnamed_trees(&named)? {
                if let Some(name) = self.name_of(id) {
                    found.insert(name.to_string(), id);
                }
            }
            self.unnamed = Some(found);
        }
        Ok(self.unnamed.as_ref().and_then(|found| found.get(name.as_str()).copied()))
    }

    /// Returns the trees with a manifest that are not among `named`.
    fn unnamed_trees(&self, named: &BTreeSet<ObjectId>) -> Result<Vec<ObjectId>> {
        let format = self.store.object_format();
        let inner = &*self.store.inner;
        let mut ids: BTreeSet<ObjectId> = BTreeSet::new();
        for path in self.store.collectable_packs()? {
            let Some(pack) = PackListing::open(&path, format) else { continue };
            ids.extend(pack.entries().iter().map(|entry| entry.id));
        }
        let mut found = Vec::new();
        let mut bytes = Vec::new();
        for id in ids.into_iter().filter(|id| !named.contains(id)) {
            if inner.read(&id, &mut bytes) == Ok(Kind::Tree)
                && tree_entry(format, &bytes, MANIFEST_FILE).is_some()
                && object_id(format, Kind::Tree, &bytes) == id
            {
                found.push(id);
            }
        }
        Ok(found)
    }
}
