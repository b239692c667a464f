//! Every file of the store that is not a ref: packs, loose objects, journals, settings, leftovers.

use std::collections::HashSet;

use super::{Check, Named};
use crate::content::flaw_in_known;
use crate::disk;
use crate::error::Result;
use crate::git::{Flaw, ObjectId, check_pack, check_trailer, inflate_loose, object_id};
use crate::journal::{Journal, found_in};
use crate::progress::Unit;
use crate::store::leftovers;

impl Check<'_> {
    /// Checks all files; `named` are the objects that some name reaches.
    pub(super) fn files(&mut self, named: &Named) -> Result<()> {
        let mut objects = self.packs()?;
        self.loose_objects(&mut objects)?;
        self.report.objects = objects.len();
        if self.full {
            self.report.orphans = objects.iter().filter(|id| !named.contains(*id)).count();
        }
        self.journals()?;
        self.settings()?;
        self.leftovers()
    }

    fn packs(&mut self) -> Result<HashSet<ObjectId>> {
        let folder = self.store.inner.repository.objects_folder().join("pack");
        let format = self.store.object_format();
        let listing = disk::list(&folder)?;
        let is = |name: &str, extension: &str| {
            name.rsplit_once('.').is_some_and(|(_, found)| found == extension)
        };
        let packs = listing.iter().filter(|entry| is(&entry.name, "idx")).count();
        self.progress.begin("checking packs", Some(packs as u64), Unit::Items);
        let mut objects = HashSet::new();
        for entry in &listing {
            if is(&entry.name, "idx") {
                let checked = check_pack(&entry.path, format, self.full);
                // Somebody repacked meanwhile: its objects are in another pack, and were found
                // there by the check of the entries, or not.
                if disk::is_there(&entry.path) {
                    objects.extend(checked.objects);
                    for flaw in &checked.flaws {
                        self.flaw(flaw);
                    }
                }
                self.progress.advance(1);
            } else if is(&entry.name, "pack") {
                let index_path = entry.path.with_extension("idx");
                if !disk::is_there(&index_path)
                    && !disk::is_there(&leftovers::going_name(&index_path))
                    && !leftovers::is_unfinished(&entry.path)?
                {
                    let what = "it has no index: `git index-pack` makes one";
                    self.flaw(&Flaw::new("missing_index", &entry.path, what));
                }
            } else if entry.name.starts_with("tmp_") {
                self.note("leftover", self.short(&entry.path), "a file of a git that died");
            } else if self.full
                && (["rev", "bitmap", "mtimes"].iter().any(|extension| is(&entry.name, extension))
                    || entry.name == "multi-pack-index")
            {
                let flaw = check_trailer("damaged_git_file", &entry.path, format);
                if let Some(flaw) = &flaw {
                    self.flaw(flaw);
                }
            }
        }
        self.progress.end();
        Ok(objects)
    }

    fn loose_objects(&mut self, objects: &mut HashSet<ObjectId>) -> Result<()> {
        let format = self.store.object_format();
        for folder in disk::list(&self.store.inner.repository.objects_folder())? {
            if folder.name.len() != 2 || !folder.is_folder {
                continue;
            }
            for entry in disk::list(&folder.path)? {
                let hex = format!("{}{}", folder.name, entry.name);
                let Some(id) = crate::git::object_of_hex(hex.as_bytes(), format) else {
                    self.note("leftover", self.short(&entry.path), "it is no object");
                    continue;
                };
                objects.insert(id);
                if !self.full {
                    continue;
                }
                let Some(bytes) = disk::read_if_there(&entry.path)? else { continue };
                let mut content = Vec::new();
                let is_good = inflate_loose(&bytes, &mut content)
                    .is_ok_and(|kind| object_id(format, kind, &content) == id);
                if !is_good {
                    let what = "its bytes are not what was stored";
                    self.flaw(&Flaw::new("damaged_object", &entry.path, what));
                }
            }
        }
        Ok(())
    }

    fn journals(&mut self) -> Result<()> {
        let folder = self.store.inner.repository.journal_folder();
        let ids = found_in(&folder)?;
        for id in &ids {
            let path = folder.join(format!("{id}.log"));
            let Some(mut journal) = Journal::open(&folder, id, self.store.object_format())? else {
                continue;
            };
            for what in journal.flaws(self.full)? {
                // One that was flushed meanwhile may be in any state.
                if disk::is_there(&path) {
                    self.flaw(&Flaw::new("damaged_journal", &path, what));
                }
            }
        }
        for entry in disk::list(&folder)? {
            let id = entry.name.strip_suffix(".pack");
            if id.is_some_and(|id| !ids.iter().any(|other| other == id)) {
                self.note("leftover", self.short(&entry.path), "the pack of no journal");
            }
        }
        Ok(())
    }

    fn settings(&mut self) -> Result<()> {
        let repository = &self.store.inner.repository;
        let git_dir = repository.git_dir.clone();
        for line in repository.lost_settings()? {
            let what = format!("it lacks the line `{line}`");
            self.flaw(&Flaw::new("damaged_setting", &git_dir.join("config"), what));
        }
        let writer = &self.store.inner.repository.writer;
        if writer.len() != 16 || !writer.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let what = "`recell.writer` is not 16 hex digits";
            self.flaw(&Flaw::new("damaged_setting", &git_dir.join("config"), what));
        }
        let head = disk::read(&git_dir.join("HEAD"))?;
        let head = String::from_utf8_lossy(&head);
        let is_good = head
            .strip_prefix("ref: ")
            .and_then(|rest| rest.strip_suffix('\n'))
            .is_some_and(|name| name.starts_with("refs/heads/") && crate::git::is_ref_name(name));
        if !is_good {
            let what = "git takes no folder for a repository without `ref: refs/heads/…` here";
            self.flaw(&Flaw::new("damaged_head", &git_dir.join("HEAD"), what));
        }
        let contents = self.store.inner.repository.own_folder().join("contents");
        if let Some(what) = flaw_in_known(&contents, self.store.object_format())? {
            let what = format!("{what}; remove it, it only saves time");
            self.flaw(&Flaw::new("damaged_contents", &contents, what));
        }
        Ok(())
    }

    fn leftovers(&mut self) -> Result<()> {
        let repository = &self.store.inner.repository;
        let mut found = leftovers::find(repository)?;
        let git_dir = repository.git_dir.clone();
        let damaged = repository.damaged_folder();
        let locks = ["packed-refs.lock", "HEAD.lock", "config.lock", "gc.pid"];
        found
            .extend(locks.map(|name| git_dir.join(name)).into_iter().filter(|p| disk::is_there(p)));
        for entry in disk::list(&git_dir)? {
            if disk::is_temporary(&entry.name) {
                found.push(entry.path);
            }
        }
        for path in found {
            self.note("leftover", self.short(&path), "a file of a process that works or died");
        }
        for entry in disk::list(&damaged)? {
            self.note(
                "set_aside",
                self.short(&entry.path),
                "damaged; a flush or a repair moved it",
            );
        }
        Ok(())
    }
}
