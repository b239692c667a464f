//! Putting entries: contents first, then the entry's own objects and its name in one append.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use super::assemble::{Assembled, MadeObject, assemble, refuse_collisions};
use super::draft::{Draft, DraftPart, Source};
use super::local::local_ref;
use super::noting::NotedPut;
use super::putting::Putting;
use super::{Inner, Writer};
use crate::clock::Timestamp;
use crate::config::{Durability, NotebookSync};
use crate::content::{
    PreparedBlob, StoredPart, find_whole, prepare_blob, store_bytes, store_reader,
};
use crate::digest::Digester;
use crate::disk;
use crate::entry::{Manifest, Part, Provenance};
use crate::error::{Error, Result};
use crate::git::{Compression, ObjectId, PackedObject};
use crate::journal::{JournalWriter, Known, NewNames, is_name_taken};
use crate::name::{EntryName, ExecutionKey};

const UNPOISONED: &str = "no holder of this lock panics";

/// A draft whose contents are stored, or ready to be appended.
struct Prepared<'a> {
    key: &'a ExecutionKey,
    provenance: Provenance,
    created_at: Option<Timestamp>,
    parts: Vec<Part>,
    ids: Vec<ObjectId>,
    blobs: Vec<PreparedBlob<'a>>,
}

impl Inner {
    pub(super) fn put_many(
        self: &Arc<Self>,
        drafts: Vec<(ExecutionKey, Draft<'_>)>,
    ) -> Result<Vec<EntryName>> {
        let mut noted = self.begin_put(drafts.len());
        for (_, draft) in &drafts {
            refuse_collisions(draft.parts.iter().map(|part| &part.path).collect())?;
        }
        self.leave_journal_of_parent();
        // What others flushed since need not be stored again, and what they removed must be.
        self.packs.refresh()?;
        let putting = Putting::begin(self);
        // Contents that are in memory stay borrowed until they are appended.
        let mut prepared = Vec::with_capacity(drafts.len());
        let mut drafts = drafts;
        for (key, draft) in &mut drafts {
            prepared.push(self.prepare(&putting, key, draft)?);
        }
        let names = self.commit(&putting, prepared, noted.as_mut())?;
        drop(putting);
        self.note_put(noted);
        self.flush_if_due();
        Ok(names)
    }

    fn prepare<'a>(
        &self,
        putting: &Putting<'_>,
        key: &'a ExecutionKey,
        draft: &'a mut Draft<'_>,
    ) -> Result<Prepared<'a>> {
        draft.parts.sort_by(|a, b| a.path.cmp(&b.path));
        let rules = self.options.local_parts.as_ref().map(|all| all.of_notebook(key.notebook()));
        let mut prepared = Prepared {
            key,
            provenance: std::mem::take(&mut draft.provenance),
            created_at: draft.created_at,
            parts: Vec::with_capacity(draft.parts.len()),
            ids: Vec::with_capacity(draft.parts.len()),
            blobs: Vec::with_capacity(draft.parts.len()),
        };
        for part in &mut draft.parts {
            let DraftPart { path, media_type, codec, source } = part;
            let stored = self.store_source(putting, path.as_str(), source, &mut prepared.blobs)?;
            prepared.ids.push(stored.id);
            let keeps_local =
                |rules: &NotebookSync<'_>| rules.keeps_local(path.as_str(), stored.size);
            prepared.parts.push(Part {
                path: path.clone(),
                media_type: std::mem::take(media_type),
                codec: std::mem::take(codec),
                size: stored.size,
                digest: stored.digest,
                chunks: stored.chunks,
                local: rules.as_ref().is_some_and(keeps_local),
                more: toml::Table::new(),
            });
        }
        Ok(prepared)
    }

    fn store_source<'a>(
        &self,
        putting: &Putting<'_>,
        path: &str,
        source: &'a mut Source<'_>,
        blobs: &mut Vec<PreparedBlob<'a>>,
    ) -> Result<StoredPart> {
        let threshold = self.options.chunk_threshold;
        match source {
            Source::Bytes(bytes) => {
                if bytes.len() as u64 > threshold {
                    return store_bytes(putting, bytes, threshold);
                }
                let (part, blob) = prepare_blob(putting, bytes);
                blobs.push(blob);
                Ok(part)
            }
            Source::Reader(reader) => store_reader(putting, reader, threshold, path),
            Source::File(file) => {
                let mut reader = disk::open(file)?;
                let size = disk::signature_of(&reader, file)?.size();
                if size > threshold
                    && let Some(part) = find_file(putting, path, &mut reader, size)?
                {
                    return Ok(part);
                }
                store_reader(putting, &mut disk::open(file)?, threshold, path)
            }
        }
    }

    /// Appends all that is prepared, and the entries, in one write.
    fn commit(
        &self,
        putting: &Putting<'_>,
        prepared: Vec<Prepared<'_>>,
        mut noted: Option<&mut NotedPut>,
    ) -> Result<Vec<EntryName>> {
        let format = self.repository.format;
        let mut writer = self.writer.write().expect(UNPOISONED);
        putting.regain(&mut writer)?;
        let mut index = self.index.write().expect(UNPOISONED);
        let own = writer.as_ref().map(|writer| &writer.journal.journal);
        index.refresh(own.map(|journal| journal.id.as_str()))?;
        let now = self.options.clock.now();
        let mut newest: HashMap<String, Timestamp> = HashMap::new();
        let mut stored = Vec::with_capacity(prepared.len());
        let mut entries = Vec::with_capacity(prepared.len());
        let mut refs: Vec<(String, ObjectId)> = Vec::new();
        let mut made: Vec<MadeObject> = Vec::with_capacity(3 * prepared.len());
        let mut blobs = Vec::with_capacity(prepared.len());
        for Prepared { key, provenance, created_at, parts, ids, blobs: own_blobs } in prepared {
            let path = key.path();
            let created_at = created_at.unwrap_or_else(|| {
                let before = newest
                    .get(&path)
                    .copied()
                    .or_else(|| index.newest(&path, own).map(|(name, _)| name.created_at()));
                // Clocks step back; the order of a key's entries does not.
                before.map_or(now, |before| now.max(before.next()))
            });
            let manifest = Manifest {
                key: key.clone(),
                created_at,
                provenance,
                parts,
                more: toml::Table::new(),
            };
            let Assembled { objects, tree, local } =
                assemble(format, &manifest, ids.into_iter().map(Some));
            let name = EntryName::new(&path, created_at, &tree.to_string());
            if let Some(noted) = &mut noted {
                noted.add(&name, &manifest);
            }
            newest.insert(path, created_at);
            made.extend(objects);
            blobs.extend(own_blobs);
            refs.extend(local.map(|local| (local_ref(&name), local)));
            entries.push((name.as_str().to_owned(), tree));
            stored.push(name);
        }
        drop(index);
        let mut known: Vec<Known> = Vec::new();
        let mut objects: Vec<PackedObject<'_>> = Vec::with_capacity(blobs.len() + made.len());
        for blob in blobs {
            objects.extend(blob.object);
            known.extend(blob.known);
        }
        for object in &made {
            let packed =
                PackedObject::new(object.id, object.kind, &object.bytes, Compression::Stored);
            objects.push(packed);
        }
        let names = NewNames { entries: &entries, refs: &refs };
        self.append_to(&mut writer, &objects, &known, names)?;
        Ok(stored)
    }

    /// Appends to the journal of this process, which is started if need be. After a failure the
    /// journal is left to the next flush, and the next append starts another.
    pub(super) fn append_to(
        &self,
        slot: &mut Option<Writer>,
        objects: &[PackedObject<'_>],
        known: &[Known],
        names: NewNames<'_>,
    ) -> Result<()> {
        let writer = match slot {
            Some(writer) => writer,
            None => slot.insert(self.start_journal()?),
        };
        writer
            .append(objects, known, names, &self.written)
            .inspect_err(|_| drop(self.release(slot)))?;
        self.suspects.remove(objects.iter().map(|object| &object.id));
        Ok(())
    }

    /// After a fork the journal is the parent's: its lock and its end are not ours to move, and
    /// what is in it is not ours to rely on.
    pub(super) fn leave_journal_of_parent(&self) {
        let process = std::process::id();
        let is_foreign = |writer: &Writer| writer.process != process;
        if self.writer.read().expect(UNPOISONED).as_ref().is_some_and(is_foreign) {
            *self.writer.write().expect(UNPOISONED) = None;
            self.index.write().expect(UNPOISONED).forget_listing();
        }
    }

    pub(super) fn start_journal(&self) -> Result<Writer> {
        /// A random name is taken when a fork copied the random numbers, or by chance.
        const NAMES: usize = 16;
        self.require_writable()?;
        let folder = self.repository.journal_folder();
        let synced = self.options.durability == Durability::Sync;
        let create = || {
            let id = self.options.random_name();
            JournalWriter::create(&folder, &id, self.repository.format, synced)
        };
        let mut made = create();
        for _ in 1..NAMES {
            if !made.as_ref().is_err_and(is_name_taken) {
                break;
            }
            made = create();
        }
        let journal = made.map_err(|error| self.read_only_or(error))?;
        let (process, started) = (std::process::id(), std::time::Instant::now());
        Ok(Writer { journal, process, started, known: HashMap::new() })
    }

    pub(super) fn read_only_or(&self, error: Error) -> Error {
        match error {
            Error::Disk { source, .. } if is_refusal(&source) => {
                Error::ReadOnly { path: self.repository.git_dir.clone(), source }
            }
            other => other,
        }
    }

    pub(super) fn flush_if_due(self: &Arc<Self>) {
        let due = {
            let writer = self.writer.read().expect(UNPOISONED);
            writer.as_ref().is_some_and(|writer| {
                let journal = &writer.journal.journal;
                journal.end > self.options.flush_bytes
                    || journal.entries.len() >= self.options.flush_entries
                    || writer.started.elapsed() > self.options.flush_age
            })
        };
        if due {
            // The put itself is acknowledged. What hinders this flush hinders the next explicit
            // one too, which says so.
            drop(self.flush());
        }
    }
}

/// Returns the stored part that has just the bytes of a file: reading it once more is a third
/// of the work of storing it.
fn find_file(
    putting: &Putting<'_>,
    path: &str,
    file: &mut dyn Read,
    size: u64,
) -> Result<Option<StoredPart>> {
    let mut digester = Digester::default();
    let mut window = vec![0; 8 << 20];
    let mut total = 0;
    loop {
        let count = disk::read_full(file, &mut window)
            .map_err(|source| Error::ReadSource { part: path.to_owned(), source })?;
        digester.update(&window[..count]);
        total += count as u64;
        if count < window.len() {
            break;
        }
    }
    Ok(find_whole(putting, digester.finish(), size).filter(|_| total == size))
}

fn is_refusal(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem
    )
}
