//! Journal → one pack → tags → retire the journal (format.md, section 5). Every step may be
//! interrupted and repeated.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use super::local::{LOCAL, local_ref};
use super::locked::LockedStore;
use super::merge::{FULL_TIER, merge_small_packs};
use super::salvage::Salvaged;
use super::{Inner, Writer, leftovers, pack_list};
use crate::content::KnownContents;
use crate::disk;
use crate::error::{Error, Result};
use crate::git::{
    EntryAt, ObjectFormat, ObjectId, PACK_HEADER_LEN, PackChecksum, PackedRefs, RefEdits,
    loose_refs, loose_tags, pack_header, remove_loose_ref, seal,
};
use crate::index::TAGS;
use crate::journal::{Adopted, Journal, Known, adopt, found_in};
use crate::name::EntryName;

const UNPOISONED: &str = "no holder of this lock panics";

/// What a flush did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlushReport {
    /// How many entries plain git sees from now on.
    pub entries: usize,
    /// How many journals of dead writers were taken over.
    pub recovered_journals: usize,
    /// Journals that are damaged, and where they were set aside; what could be read of them was
    /// kept.
    pub damaged_journals: Vec<String>,
    /// How many small packs became one.
    pub merged_packs: usize,
}

/// The names that git knows, while nobody else can change them.
pub(crate) struct FlushedNames<'a> {
    packed: &'a PackedRefs,
    /// Tags, and refs of local parts, that plain git keeps in files of their own.
    loose: &'a BTreeMap<String, ObjectId>,
    local: &'a BTreeMap<String, ObjectId>,
}

impl FlushedNames<'_> {
    /// Returns the tree of an entry; `None` if git does not know its name.
    pub(crate) fn tree_of(&self, name: &EntryName) -> Option<ObjectId> {
        self.find(self.loose, &format!("{TAGS}{name}"))
    }

    /// Returns the tree of the local parts of an entry; `None` if it has none here.
    pub(crate) fn local_of(&self, name: &EntryName) -> Option<ObjectId> {
        self.find(self.local, &local_ref(name))
    }

    fn find(&self, loose: &BTreeMap<String, ObjectId>, full: &str) -> Option<ObjectId> {
        loose.get(full).copied().or_else(|| self.packed.find(full.as_bytes()))
    }
}

impl Inner {
    pub(super) fn flush(&self) -> Result<FlushReport> {
        let one_at_a_time = self.flushing.lock().expect(UNPOISONED);
        self.usage.save();
        let own = self.release(&mut self.writer.write().expect(UNPOISONED))?;
        let folder = self.repository.journal_folder();
        if own.is_none() && found_in(&folder)?.is_empty() && !leftovers::any(&self.repository)? {
            return Ok(FlushReport::default());
        }
        let done = self.flush_then(own, &folder, |_| Ok(()));
        drop(one_at_a_time);
        done
    }

    /// Flushes, and carries out the changes of refs that `decide` wants, in one replacement of
    /// `packed-refs` under the same hold of the flush lock. `decide` is given what git knows then.
    pub(crate) fn change_refs(
        &self,
        decide: impl FnOnce(&FlushedNames<'_>) -> Result<RefEdits>,
    ) -> Result<FlushReport> {
        let one_at_a_time = self.flushing.lock().expect(UNPOISONED);
        let own = self.release(&mut self.writer.write().expect(UNPOISONED))?;
        let git_dir = &self.repository.git_dir;
        let change = |locked: &LockedStore<'_>| {
            let packed = PackedRefs::open(git_dir, self.repository.format)?;
            let loose = loose_tags(git_dir)?;
            let local = loose_refs(git_dir, LOCAL.trim_end_matches('/'))?;
            let edits = decide(&FlushedNames { packed: &packed, loose: &loose, local: &local })?;
            drop(packed);
            locked.edit_refs(&edits)?;
            // A loose ref would hide that the packed one went.
            edits
                .remove
                .iter()
                .filter(|name| {
                    loose.contains_key(*name)
                        || (!name.starts_with(TAGS) && disk::is_there(&git_dir.join(name)))
                })
                .try_for_each(|name| remove_loose_ref(git_dir, name))
        };
        let done = self.flush_then(own, &self.repository.journal_folder(), change);
        drop(one_at_a_time);
        done
    }

    /// Flushes, and does `then` under the same hold of the flush lock.
    pub(super) fn flush_and(
        &self,
        then: impl FnOnce(&LockedStore<'_>) -> Result<()>,
    ) -> Result<FlushReport> {
        let one_at_a_time = self.flushing.lock().expect(UNPOISONED);
        let own = self.release(&mut self.writer.write().expect(UNPOISONED))?;
        let done = self.flush_then(own, &self.repository.journal_folder(), then);
        drop(one_at_a_time);
        done
    }

    fn flush_then(
        &self,
        own: Option<Adopted>,
        folder: &Path,
        then: impl FnOnce(&LockedStore<'_>) -> Result<()>,
    ) -> Result<FlushReport> {
        let work = || {
            let locked = self.locked()?;
            let report = self.flush_journals(&locked, own, folder)?;
            then(&locked)?;
            locked.tidy_pack_list();
            Ok(report)
        };
        work().map_err(|error| self.read_only_or(error))
    }

    /// Ends the journal of this process, if it holds anything. Its entries stay visible, as those
    /// of a journal among others.
    pub(super) fn release(&self, slot: &mut Option<Writer>) -> Result<Option<Adopted>> {
        let Some(writer) = slot.take() else { return Ok(None) };
        let mut index = self.index.write().expect(UNPOISONED);
        // Whatever happens below, the next look finds it like those of others.
        index.forget_listing();
        if writer.process != std::process::id() {
            return Ok(None);
        }
        let adopted = writer.journal.finish();
        self.carry_over(slot);
        let journal = &adopted.journal;
        if journal.objects.is_empty() && journal.entries.is_empty() && journal.refs.is_empty() {
            adopted.retire()?;
            return Ok(None);
        }
        let folder = self.repository.journal_folder();
        let view = Journal::open(&folder, &adopted.journal.id, self.repository.format)?;
        if let Some(journal) = view {
            index.add_journal(journal);
        }
        Ok(Some(adopted))
    }

    /// Flushes our journal and those of the dead.
    fn flush_journals(
        &self,
        locked: &LockedStore<'_>,
        own: Option<Adopted>,
        folder: &Path,
    ) -> Result<FlushReport> {
        let format = self.repository.format;
        let mut report = FlushReport::default();
        let packs = self.repository.objects_folder().join("pack");
        let mut journals: Vec<Adopted> = own.into_iter().collect();
        let mut damaged: Vec<Adopted> = Vec::new();
        for id in found_in(folder)? {
            if journals.iter().any(|journal| journal.journal.id == id) {
                continue;
            }
            if let Some(dead) = adopt(folder, &id, format)?
                // What a later release says in it would be lost.
                && !dead.journal.is_of_later_release
            {
                report.recovered_journals += 1;
                let whole = is_whole(&dead, &packs);
                if whole { &mut journals } else { &mut damaged }.push(dead);
            }
        }
        for journal in &mut journals {
            publish(journal, &packs, format)?;
        }
        let mut edits = RefEdits::default();
        let mut known: Vec<Known> = Vec::new();
        for Adopted { journal, .. } in &journals {
            let tags = journal.entries.iter().map(|(name, id)| (format!("{TAGS}{name}"), *id));
            edits.add.extend(tags);
            report.entries += journal.entries.len();
            edits.add.extend(journal.refs.iter().map(|(name, id)| (name.clone(), *id)));
            known.extend_from_slice(&journal.known);
        }
        locked.edit_refs(&edits)?;
        disk::crash_point("tags merged");
        if !known.is_empty() {
            self.remember(&known)?;
        }
        for journal in journals {
            if let Some(checksum) = journal.journal.sealed {
                disk::remove(&packs.join(format!("pack-{checksum}.keep")))?;
            }
            disk::crash_point("keep removed");
            journal.retire()?;
        }
        disk::crash_point("journal retired");
        self.packs.refresh()?;
        // After the others: entries of one journal may stand on objects of another.
        for journal in damaged {
            self.flush_damaged(locked, journal, &mut report)?;
        }
        leftovers::remove(&self.repository)?;
        report.merged_packs = merge_small_packs(locked, FULL_TIER)?;
        self.packs.refresh()?;
        Ok(report)
    }

    /// Saves what can be read of a damaged journal, which is kept unless nothing is missing.
    fn flush_damaged(
        &self,
        locked: &LockedStore<'_>,
        journal: Adopted,
        report: &mut FlushReport,
    ) -> Result<()> {
        let Salvaged { entries, lost } = self.salvage(locked, &journal.journal)?;
        report.entries += entries;
        if lost == 0 && journal.journal.damaged_at.is_none() {
            return journal.retire();
        }
        report.damaged_journals.push(journal.journal.id.clone());
        journal.set_aside(&self.repository.damaged_folder())
    }

    fn remember(&self, known: &[Known]) -> Result<()> {
        let path = self.repository.own_folder().join("contents");
        let format = self.repository.format;
        KnownContents::open(&path, format).add(known)?;
        *self.known.write().expect(UNPOISONED) = KnownContents::open(&path, format);
        Ok(())
    }
}

/// Whether every object that the log speaks of is in the pack as it was written. A power cut can
/// keep the log and lose the pack, and a sync of the folder can bring the log of a flush beside the
/// pack as it was before.
fn is_whole(adopted: &Adopted, packs: &Path) -> bool {
    let Adopted { journal, pack, .. } = adopted;
    if journal.damaged_at.is_some() {
        return false;
    }
    if journal.objects.is_empty() {
        return true;
    }
    let Some(file) = pack else {
        // A flush that died may have moved it. If it is nowhere, a foreign gc was faster than we:
        // then its objects must be looked for one by one.
        return journal
            .sealed
            .is_some_and(|checksum| disk::is_there(&packs.join(format!("pack-{checksum}.pack"))));
    };
    let mut at = PACK_HEADER_LEN as u64;
    let mut bytes = Vec::new();
    for entry in journal.index_entries() {
        let len = journal.objects.get(&entry.id).map_or(0, |object| object.len);
        if entry.offset != at {
            return false;
        }
        bytes.resize(usize::try_from(len).unwrap_or(0), 0);
        let read = disk::read_at(file, &journal.pack_path, &mut bytes, entry.offset);
        if read.is_err() || crc32fast::hash(&bytes) != entry.crc32 {
            return false;
        }
        at += len;
    }
    let is_sealed = |checksum: ObjectId| {
        bytes.resize(checksum.as_bytes().len(), 0);
        disk::read_at(file, &journal.pack_path, &mut bytes, at).is_ok()
            && bytes == checksum.as_bytes()
    };
    at == journal.end && journal.sealed.is_none_or(is_sealed)
}

/// Makes the journal's pack a pack of the repository, kept safe from a foreign `git gc` until its
/// tags are there.
fn publish(adopted: &mut Adopted, packs: &Path, format: ObjectFormat) -> Result<()> {
    let mut entries = adopted.journal.index_entries();
    if entries.is_empty() {
        return Ok(());
    }
    let path = adopted.journal.pack_path.clone();
    let checksum = if let Some(checksum) = adopted.journal.sealed {
        checksum
    } else {
        let file = adopted.pack.as_ref().ok_or_else(|| Error::Disk {
            action: "open",
            path: path.clone(),
            source: std::io::ErrorKind::NotFound.into(),
        })?;
        let checksum = complete(file, &path, adopted.journal.end, entries.len(), format)?;
        disk::crash_point("pack sealed");
        adopted.mark_sealed(checksum)?;
        checksum
    };
    disk::crash_point("seal recorded");
    place(adopted.pack.as_ref(), &path, packs, &mut entries, &checksum, format)
}

/// Fixes the count of an open pack that ends at `end`, and adds its checksum, which is returned.
pub(super) fn complete(
    file: &std::fs::File,
    path: &Path,
    end: u64,
    count: usize,
    format: ObjectFormat,
) -> Result<ObjectId> {
    let count = u32::try_from(count).expect("flushes come before 2^32 objects");
    disk::truncate(file, path, end)?;
    disk::write_at(file, path, &pack_header(count), 0)?;
    let mut checksum = PackChecksum::new(format);
    let mut window = vec![0; 1 << 20];
    let mut at = 0;
    while at < end {
        let len = usize::try_from((end - at).min(window.len() as u64)).unwrap_or(window.len());
        disk::read_at(file, path, &mut window[..len], at)?;
        checksum.update(&window[..len]);
        at += len as u64;
    }
    let checksum = checksum.finish();
    disk::write_at(file, path, checksum.as_bytes(), end)?;
    disk::sync(file, path)?;
    Ok(checksum)
}

/// What our `.keep` files say, so that one that a crash left is told from somebody else's.
pub(super) const KEEP_NOTE: &[u8] = b"recell: until its names are there\n";

/// Moves a complete pack among the packs: first the `.keep`, then the pack, the index last, as
/// whoever sees the index must find the whole pack. `file` is what stands at `path`; `None` if a
/// flush that died moved it.
pub(super) fn place(
    file: Option<&File>,
    path: &Path,
    packs: &Path,
    entries: &mut [EntryAt],
    checksum: &ObjectId,
    format: ObjectFormat,
) -> Result<()> {
    let named = |extension: &str| packs.join(format!("pack-{checksum}.{extension}"));
    disk::create_folders(packs)?;
    disk::replace_unsynced(&named("keep"), KEEP_NOTE)?;
    let target = named("pack");
    // Without it, what may stand there by now is a copy that a sync put there: not what is meant.
    if let Some(file) = file {
        if disk::is_there(path) {
            // Not before: a flush that was interrupted opens the pack of its journal for writing.
            disk::make_read_only(path)?;
            disk::rename(path, &target)?;
        }
        // What copies whole folders may have put an older copy in its place meanwhile.
        if disk::identity_at(&target)? != Some(disk::identity(file, path)?) {
            disk::replace(&target, &disk::read_from(file, path, 0)?)?;
            disk::make_read_only(&target)?;
        }
    }
    disk::crash_point("pack written");
    if !disk::is_there(&named("idx")) {
        pack_list::note(packs, &format!("pack-{checksum}"));
        disk::replace(&named("idx"), &seal(format, entries, checksum))?;
    }
    disk::crash_point("index written");
    Ok(())
}

/// The lock that keeps the flushes of all processes apart. The system lets go of it when its
/// holder dies.
pub(super) struct FlushLock(std::fs::File);

impl FlushLock {
    pub(super) fn take(path: &Path, patience: Duration) -> Result<FlushLock> {
        let file = disk::open_or_create(path)?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(FlushLock(file)),
                Err(std::fs::TryLockError::WouldBlock) if started.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(std::fs::TryLockError::WouldBlock) => {
                    return Err(Error::FlushLocked { path: path.to_owned() });
                }
                Err(std::fs::TryLockError::Error(source)) => {
                    return Err(Error::Disk { action: "lock", path: path.to_owned(), source });
                }
            }
        }
    }
}

impl Drop for FlushLock {
    fn drop(&mut self) {
        drop(self.0.unlock());
    }
}
