//! Repairs files: packs and their indices, loose objects, settings.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use super::{Repair, RepairPlan};
use crate::disk;
use crate::error::Result;
use crate::git::{
    DamagedPack, Kind, ObjectId, check_pack, check_trailer, indexed_offsets, object_id, seal,
};

impl Repair<'_> {
    /// Carries out the steps that change files.
    pub(super) fn files(&mut self, plan: &RepairPlan) -> Result<()> {
        let mut packs = BTreeSet::new();
        for step in &plan.steps {
            let path = self.store.path().join(&step.subject);
            let name = step.subject.as_str();
            match step.action {
                "index" => drop(packs.insert(path.with_extension("idx"))),
                "salvage" if name.starts_with("objects/pack/") => {
                    packs.insert(path.with_extension("idx"));
                }
                "salvage" if name.starts_with("objects/") => self.set_aside(&path)?,
                "set_aside" if step.what.contains("its index is there") => {
                    self.set_aside(&path.with_extension("idx"))?;
                }
                "set_aside" => self.set_aside(&path)?,
                "rewrite" => self.settings(&path)?,
                _ => {}
            }
        }
        for index_path in packs {
            self.pack(&index_path)?;
        }
        self.store.inner.forget_packs()
    }

    /// Makes the index of a sound pack anew; copies what can be read of a damaged one.
    fn pack(&mut self, index_path: &Path) -> Result<()> {
        let format = self.store.object_format();
        let pack_path = index_path.with_extension("pack");
        if disk::is_there(index_path) && check_pack(index_path, format, true).flaws.is_empty() {
            return Ok(());
        }
        let Some(bytes) = disk::read_if_there(&pack_path)? else {
            return self.set_aside(index_path);
        };
        let is_sound = check_trailer("damaged_pack", &pack_path, format).is_none();
        if is_sound {
            // Whatever the index says is not needed to read it.
            let pack = DamagedPack::read(&bytes, HashMap::new(), format);
            let mut entries = Vec::new();
            pack.objects(|at, _, _| {
                entries.push(at);
                Ok::<_, crate::Error>(())
            })?;
            let count = bytes.get(8..12).and_then(|count| count.try_into().ok());
            let count = count.map_or(0, u32::from_be_bytes) as usize;
            if pack.is_whole() && entries.len() == count {
                let checksum = &bytes[bytes.len() - format.id_len()..];
                if let Ok(checksum) = ObjectId::try_from(checksum) {
                    self.set_aside(index_path)?;
                    return disk::replace(index_path, &seal(format, &mut entries, &checksum));
                }
            }
        }
        let indexed = indexed_offsets(index_path, format);
        let pack = DamagedPack::read(&bytes, indexed, format);
        // The index first: nobody is led to a pack that is not there.
        let files = ["idx", "pack", "rev", "bitmap", "mtimes", "keep", "promisor"];
        let files = files.map(|extension| index_path.with_extension(extension));
        for path in files.iter().filter(|path| disk::is_there(path)) {
            let target = self.locked.link_aside(path, self.now)?;
            let short = target.strip_prefix(self.store.path()).unwrap_or(&target);
            self.report.set_aside.push(short.display().to_string());
        }
        // With an object more the pack has a name of its own: what was salvaged may else be the very
        // pack, bit for bit, and must not take its place before it is whole.
        let name = Path::new(pack_path.file_name().unwrap_or_default());
        let note = format!("salvaged at {} from {}\n", self.now, name.display()).into_bytes();
        let note_id = object_id(format, Kind::Blob, &note);
        let (stored, _) = self.locked.store_objects(|take| {
            take(note_id, Kind::Blob, &note)?;
            pack.objects(|at, kind, content| take(at.id, kind, content))
        })?;
        self.report.salvaged += stored - 1;
        disk::crash_point("pack salvaged");
        files.iter().try_for_each(|path| disk::remove(path).map(drop))
    }

    fn settings(&mut self, path: &Path) -> Result<()> {
        self.locked.keep_copy(path, self.now)?;
        if path.ends_with("HEAD") {
            return disk::replace(path, b"ref: refs/heads/main\n");
        }
        let random = crate::digest::Digest::of(self.now.to_string().as_bytes());
        self.store.inner.repository.write_settings(random.short(16).as_str())
    }
}
