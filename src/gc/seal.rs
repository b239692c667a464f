//! Packs small objects as deltas of each other, which versions of one part nearly are.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use crate::digest::Digest;
use crate::disk;
use crate::error::Result;
use crate::git::{Git, GitEnvironment, Kind, ObjectId, RawPack, TreeMode, tree_entries};
use crate::index::Pattern;
use crate::name::EntryName;
use crate::store::Store;
use crate::store::merge::is_fetched;

/// Larger objects stay as they are: chunks of one part are rarely deltas of each other, and git's
/// search for them costs more than it saves.
const SMALL: u64 = 64 << 10;

/// Up to this many bytes a pack is copied for the sake of a few small objects.
const CHEAP_TO_COPY: u64 = 64 << 20;

/// Fewer bytes of small objects are not worth running git for, unless somebody asks.
const WORTH_IT: u64 = 1 << 20;

/// How far git looks for a base, and how long a chain of deltas may be. Beyond, a version saves a
/// few bytes more and each get takes longer.
const WINDOW: &str = "--window=50";
const DEPTH: &str = "--depth=50";

/// What sealing did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealReport {
    /// How many objects are packed as deltas now.
    pub objects: usize,
    /// Bytes of the packs before.
    pub bytes_before: u64,
    /// Bytes of the packs now.
    pub bytes_after: u64,
}

/// Flushes, and packs what is small as deltas: versions of one part then cost what differs.
///
/// Git's packer looks for a base among objects of one name, so each object is given a name that
/// all versions of it share, and no other object. What is large is copied as it is. Nothing is
/// lost if this is interrupted: the old packs go when the new ones are there.
///
/// # Errors
/// Those of [`Store::flush`], and of running git.
pub fn seal(store: &Store, environment: &GitEnvironment) -> Result<SealReport> {
    seal_from(store, environment, 0)
}

/// Seals if enough that is small came since the last time; `None` if not.
///
/// # Errors
/// As [`seal`].
pub(super) fn seal_if_it_pays(
    store: &Store,
    environment: &GitEnvironment,
) -> Result<Option<SealReport>> {
    let format = store.object_format();
    let paths = store.collectable_packs()?;
    let fresh = paths.iter().filter_map(|path| RawPack::open(path, format));
    let fresh: u64 = fresh.filter(|pack| !pack.has_deltas()).map(|pack| small_bytes(&pack)).sum();
    if fresh < WORTH_IT {
        return Ok(None);
    }
    seal_from(store, environment, WORTH_IT).map(|report| Some(report).filter(|r| r.objects > 0))
}

fn small_bytes(pack: &RawPack) -> u64 {
    small_entries(pack).map(|(_, len)| len).sum()
}

fn seal_from(store: &Store, environment: &GitEnvironment, least: u64) -> Result<SealReport> {
    let git = Git::new(environment.clone());
    git.version()?;
    store.flush()?;
    let names = store.list(&Pattern::all())?;
    store.while_flush_locked(|locked| {
        let paths = locked.free_packs()?;
        let packs = paths.iter().filter_map(|path| locked.open_pack(path));
        // Deltas that a remote made may be of large objects, which are not packed anew here.
        let packs = packs.filter(|pack| !(pack.has_deltas() && is_fetched(&pack.index_path)));
        let chosen = choose(packs.collect());
        let small: HashSet<ObjectId> = chosen.iter().flat_map(small_objects).collect();
        let fresh: u64 = chosen.iter().filter(|p| !p.has_deltas()).map(small_bytes).sum();
        if chosen.is_empty() || small.is_empty() || fresh < least {
            return Ok(SealReport::default());
        }
        let hints = hints(store, &names, &small);
        let mut input = String::with_capacity(small.len() * 60);
        for id in &small {
            let hint = hints.get(id).map_or("", String::as_str);
            writeln!(input, "{id} {hint}").expect("writing to a string cannot fail");
        }
        let base = locked.own_folder().join("seal");
        let arguments = [
            "pack-objects",
            "-q",
            "--delta-base-offset",
            "--no-reuse-object",
            "--compression=9",
            WINDOW,
            DEPTH,
        ];
        let output = git
            .command(arguments)
            .args([&base])
            .on_repository(locked.git_dir())
            .input(input)
            .run()?;
        let checksum = output.text().trim().to_owned();
        disk::crash_point("deltas packed");
        let mut kept = locked.place_pack(&base, &checksum)?;
        let large = locked.copy_entries(&chosen, |entry| !small.contains(&entry.id))?;
        kept.extend(large);
        if chosen.iter().any(|pack| is_fetched(&pack.index_path)) {
            let indices = kept.iter().filter(|path| path.extension().is_some_and(|e| e == "idx"));
            for index in indices {
                locked.mark_fetched(index)?;
            }
        }
        let bytes_before = chosen.iter().map(RawPack::len).sum();
        for pack in chosen.iter().filter(|pack| !kept.contains(&pack.index_path)) {
            locked.remove_pack(&pack.index_path)?;
        }
        let size = |path: &PathBuf| Ok(disk::signature(path)?.map_or(0, |found| found.size()));
        let packs = kept.iter().filter(|path| path.extension().is_some_and(|e| e == "pack"));
        let bytes_after = packs.map(size).sum::<Result<u64>>()?;
        Ok(SealReport { objects: small.len(), bytes_before, bytes_after })
    })
}

/// Leaves out large packs that are mostly large objects, and an already sealed one that is more than
/// twice as large as all the others: sealing it again would cost much and save little.
fn choose(packs: Vec<RawPack>) -> Vec<RawPack> {
    let (sealed, fresh): (Vec<RawPack>, Vec<RawPack>) =
        packs.into_iter().partition(RawPack::has_deltas);
    let mut chosen: Vec<RawPack> = fresh
        .into_iter()
        .filter(|pack| {
            let small: u64 = small_entries(pack).map(|(_, len)| len).sum();
            small > 0 && (pack.len() <= CHEAP_TO_COPY || 2 * small >= pack.len())
        })
        .collect();
    let fresh_bytes: u64 = chosen.iter().map(RawPack::len).sum();
    if fresh_bytes > 0 {
        // What is large in a pack with deltas, as git's own gc makes them, could not be copied.
        chosen.extend(sealed.into_iter().filter(|pack| {
            pack.len() <= 2 * fresh_bytes && small_entries(pack).count() == pack.entries().len()
        }));
    }
    chosen
}

fn small_entries(pack: &RawPack) -> impl Iterator<Item = (ObjectId, u64)> {
    (0..pack.entries().len()).filter_map(|number| {
        let len = pack.bytes(number)?.len() as u64;
        (len < SMALL).then(|| (pack.entries()[number].id, len))
    })
}

fn small_objects(pack: &RawPack) -> impl Iterator<Item = ObjectId> {
    small_entries(pack).map(|(id, _)| id)
}

/// Returns for each object the name that all versions of it share: what it is to which notebook
/// and cell. Git compares the last 16 bytes of a name, so it is a digest of just that many.
fn hints(
    store: &Store,
    names: &[EntryName],
    wanted: &HashSet<ObjectId>,
) -> HashMap<ObjectId, String> {
    let mut hints = HashMap::with_capacity(wanted.len());
    let mut bytes = Vec::new();
    for name in names {
        let Some(tree) = store.tree_of(name) else { continue };
        let of = format!("{}/{}/{}", name.notebook(), name.cell(), name.version());
        let mut open = vec![(tree, of)];
        while let Some((id, path)) = open.pop() {
            if hints.contains_key(&id) {
                continue;
            }
            hints.insert(id, Digest::of_here(path.as_bytes()).short(16));
            if store.read_object(&id, &mut bytes) != Some(Kind::Tree) {
                continue;
            }
            for entry in tree_entries(store.object_format(), &bytes).unwrap_or_default() {
                let path = format!("{path}/{}", entry.name);
                if entry.mode == TreeMode::Folder {
                    open.push((entry.id, path));
                } else if wanted.contains(&entry.id) && !hints.contains_key(&entry.id) {
                    hints.insert(entry.id, Digest::of_here(path.as_bytes()).short(16));
                }
            }
        }
    }
    hints
}
