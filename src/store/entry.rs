//! A stored entry: its manifest, and its parts read when asked for.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::absent::bring_in;
use super::local::local_ref;
use super::{Inner, Standing};
use crate::clock::Timestamp;
use crate::content::{part_bytes, part_into, part_range, read_checked};
use crate::entry::{MANIFEST_FILE, Manifest, ManifestProblem, Part};
use crate::error::{Error, Result};
use crate::git::{Kind, ObjectFormat, ObjectId, ObjectProblem, TreeMode, tree_entry};
use crate::lookup::{Lookup, Miss};
use crate::name::EntryName;

/// One stored entry. It is immutable; parts are read when asked for.
#[derive(Clone)]
pub struct Entry {
    inner: Arc<Inner>,
    name: EntryName,
    tree: ObjectId,
    manifest: Manifest,
    /// Where the parts are, in the order of the manifest.
    places: Vec<Place>,
}

/// Where a part is.
#[derive(Debug, Clone)]
enum Place {
    /// It is this object, in the entry tree or among the local parts.
    Here(ObjectId),
    /// The entry tree does not have it as the manifest says.
    Nowhere,
    /// It is local, and this store does not have it.
    Elsewhere,
    /// It is local, and the tree that would say where it is cannot be read.
    Hidden(Box<Miss>),
}

impl Entry {
    /// Reads the tree and the manifest of an entry, which are brought if only a remote has them.
    /// `reference` says what a ref stands for; it is asked where local parts are.
    pub(crate) fn open(
        inner: &Arc<Inner>,
        name: EntryName,
        tree: ObjectId,
        reference: impl Fn(&str) -> Option<ObjectId>,
    ) -> std::result::Result<Entry, Miss> {
        let (manifest, places) = match read_here(inner, &name, &tree, &reference) {
            Err(absent @ Miss::Absent { .. }) => {
                bring_in(inner, &name, &tree, None, absent)?;
                read_here(inner, &name, &tree, &reference)?
            }
            read => read?,
        };
        Ok(Entry { inner: Arc::clone(inner), name, tree, manifest, places })
    }

    /// Returns the entry's name.
    pub fn name(&self) -> &EntryName {
        &self.name
    }

    /// Returns the id of the entry's tree, as hex.
    pub fn tree(&self) -> String {
        self.tree.to_string()
    }

    /// Returns what the entry is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns where the entry comes from, and who vouches for it.
    pub fn standing(&self) -> Standing {
        self.inner.standing(&self.name, &self.tree, true)
    }

    /// Whether code of this entry may run here: a miss says why not. For who reads bytes by their
    /// own lights, and not by the codec that the part names; all other reading asks by itself.
    pub fn may_run_code(&self) -> Lookup<()> {
        let name = || self.name.to_string();
        let risk = || "what is made of it can run code".to_owned();
        self.inner.require_trust(&self.name, &self.tree, &name, &risk).into()
    }

    /// Notes that the entry is of use now: under a cap, those that were used least recently go
    /// first. It is noted once an hour, in memory, and costs no more than a look into a map.
    ///
    /// It is a hit in the log of events, each time.
    pub fn mark_used(&self) {
        self.mark_used_since(None);
    }

    /// As [`Entry::mark_used`], by who knows when the lookup began.
    pub(crate) fn mark_used_since(&self, started: Option<Instant>) {
        let now = self.inner.options.clock.now();
        self.note_use_at(now);
        self.inner.note_hit(self, started, Some(now));
    }

    /// Notes the use alone, which is no hit by itself.
    pub(crate) fn note_use(&self) {
        self.note_use_at(self.inner.options.clock.now());
    }

    pub(super) fn note_use_at(&self, now: Timestamp) {
        self.inner.usage.note(&self.tree, now);
    }

    /// Notes a hit by a lookup that began at `started`, of an entry whose use is noted.
    pub(crate) fn note_hit_since(&self, started: Instant) {
        self.inner.note_hit(self, Some(started), None);
    }

    /// Returns the bytes of the part at `path`, or of the only one of that name, checked.
    ///
    /// Here and below, a part whose reading can run code is [`Miss::Untrusted`] unless the entry is
    /// trusted ([`crate::OpenOptions::trust`]).
    pub fn read(&self, path: &str) -> Lookup<Vec<u8>> {
        self.with_part(path, |part, id| part_bytes(&*self.inner, self.name.as_str(), part, id))
    }

    /// Returns the bytes `range` of a part, cut at its end; of a chunked part only the chunks in
    /// it are read.
    pub fn read_range(&self, path: &str, range: Range<u64>) -> Lookup<Vec<u8>> {
        self.with_part(path, |part, id| {
            part_range(&*self.inner, self.name.as_str(), part, id, range.clone())
        })
    }

    /// Reads the bytes of a part into `out`, which must have just its size.
    ///
    /// After a miss `out` holds anything.
    ///
    /// # Panics
    /// If `out` has another size than the part.
    pub fn read_into(&self, path: &str, out: &mut [u8]) -> Lookup<()> {
        self.with_part(path, |part, id| {
            assert_eq!(out.len() as u64, part.size, "the caller asked the manifest for the size");
            part_into(&*self.inner, self.name.as_str(), part, id, out)
        })
    }

    /// Writes the bytes of a part to `out` in bounded memory. Bytes are checked before they are
    /// written, chunk by chunk.
    ///
    /// # Errors
    /// [`Error::WritePart`] if `out` fails.
    pub fn copy_to(&self, path: &str, out: &mut dyn Write) -> Result<Lookup<()>> {
        let Some(part) = self.manifest.part(path) else {
            return Ok(Lookup::Miss(self.no_part(path)));
        };
        Ok(match self.inner.guard(&self.name, &self.tree, part) {
            Ok(()) => self.copy(part, out)?,
            Err(miss) => Lookup::Miss(miss),
        })
    }

    /// Reads all bytes of a part, whether or not they may be handed out, and checks them.
    pub(crate) fn check(&self, part: &Part) -> Lookup<()> {
        match self.copy(part, &mut std::io::sink()) {
            Ok(found) => found,
            Err(error) => unreachable!("a sink takes everything: {error}"),
        }
    }

    fn copy(&self, part: &Part, out: &mut dyn Write) -> Result<Lookup<()>> {
        /// As much as is read at once: a few chunks, so that all cores are busy.
        const STEP: u64 = 32 << 20;
        let path = part.path.as_str();
        let mut at = 0;
        while at < part.size || at == 0 {
            let read = |part: &Part, id: &ObjectId| {
                part_range(&*self.inner, self.name.as_str(), part, id, at..at + STEP)
            };
            let piece = match self.with_object(part, read) {
                Lookup::Hit(piece) => piece,
                Lookup::Miss(miss) => return Ok(Lookup::Miss(miss)),
            };
            out.write_all(&piece)
                .map_err(|source| Error::WritePart { part: path.to_owned(), source })?;
            at += STEP;
        }
        Ok(Lookup::Hit(()))
    }

    fn with_part<T>(
        &self,
        path: &str,
        read: impl FnMut(&Part, &ObjectId) -> std::result::Result<T, Miss>,
    ) -> Lookup<T> {
        let Some(part) = self.manifest.part(path) else {
            return Lookup::Miss(self.no_part(path));
        };
        if let Err(miss) = self.inner.guard(&self.name, &self.tree, part) {
            return Lookup::Miss(miss);
        }
        self.with_object(part, read)
    }

    fn with_object<T>(
        &self,
        part: &Part,
        mut read: impl FnMut(&Part, &ObjectId) -> std::result::Result<T, Miss>,
    ) -> Lookup<T> {
        let number = self.manifest.parts.iter().position(|other| std::ptr::eq(other, part));
        let number = number.expect("the part is one of the manifest's");
        let id = match self.object(part, &self.places[number]) {
            Ok(id) => id,
            Err(miss) => return Lookup::Miss(miss),
        };
        match read(part, &id) {
            // No remote has a part that stays here.
            Err(absent @ Miss::Absent { .. }) if !part.local => {
                let path = Some(part.path.as_str());
                bring_in(&self.inner, &self.name, &self.tree, path, absent)
                    .and_then(|()| read(part, &id))
                    .into()
            }
            read => read.into(),
        }
    }

    fn object(&self, part: &Part, place: &Place) -> std::result::Result<ObjectId, Miss> {
        let name = || format!("{}:{}", self.name, part.path);
        match place {
            Place::Here(id) => Ok(*id),
            Place::Elsewhere => Err(Miss::LocalElsewhere { name: name() }),
            Place::Hidden(miss) => Err((**miss).clone()),
            Place::Nowhere => Err(Miss::Damaged {
                name: name(),
                reason: "the entry's tree does not have it".into(),
            }),
        }
    }

    /// Whether the part at `path`, or the only one of that name, stayed on the machine where it was
    /// made, and this is another.
    pub fn stayed_elsewhere(&self, path: &str) -> bool {
        let Some(asked) = self.manifest.part(path) else { return false };
        let mut parts = self.manifest.parts.iter().zip(&self.places);
        parts.any(|(part, place)| std::ptr::eq(part, asked) && matches!(place, Place::Elsewhere))
    }

    fn no_part(&self, path: &str) -> Miss {
        Miss::NeverStored { name: format!("{}:{path}", self.name) }
    }

    /// Returns the parts in the order of the manifest, each with its object, or why there is none.
    pub(crate) fn part_objects(
        &self,
    ) -> impl Iterator<Item = (&Part, std::result::Result<ObjectId, Miss>)> {
        let parts = self.manifest.parts.iter().zip(&self.places);
        parts.map(|(part, place)| (part, self.object(part, place)))
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({})", self.name)
    }
}

/// Reads the tree of the local parts of an entry; `None` if the store has none.
fn local_folders<'a>(
    inner: &'a Inner,
    name: &'a EntryName,
    reference: &dyn Fn(&str) -> Option<ObjectId>,
) -> std::result::Result<Option<Folders<'a>>, Miss> {
    let Some(tree) = reference(&local_ref(name)) else { return Ok(None) };
    let reader = Reader { inner, name };
    let mut root = Vec::new();
    reader.object(&tree, Kind::Tree, "the tree of its local parts", &mut root)?;
    Ok(Some(Folders { reader, root, below: Vec::new() }))
}

/// Returns the manifest of an entry, and where its parts are in the order of it.
fn read_here(
    inner: &Inner,
    name: &EntryName,
    tree: &ObjectId,
    reference: &dyn Fn(&str) -> Option<ObjectId>,
) -> std::result::Result<(Manifest, Vec<Place>), Miss> {
    let damaged =
        |reason: &str| Miss::Damaged { name: name.to_string(), reason: reason.to_owned() };
    let mut root = Vec::with_capacity(256);
    let mut bytes = Vec::with_capacity(1024);
    read_manifest_here(inner, name, tree, &mut root, &mut bytes)?;
    let reader = Reader { inner, name };
    let manifest = Manifest::from_toml(&bytes).map_err(|problem| match problem {
        ManifestProblem::NewerFormat(_) => {
            Miss::NewerFormat { name: name.to_string(), reason: problem.to_string() }
        }
        ManifestProblem::Malformed(_) => damaged(&problem.to_string()),
    })?;
    if manifest.created_at != name.created_at() || manifest.key.path() != name.key_path() {
        return Err(damaged("its manifest is that of another entry"));
    }
    let has_local = manifest.parts.iter().any(|part| part.local);
    let mut local = if has_local { local_folders(inner, name, reference) } else { Ok(None) };
    let mut folders = Folders { reader, root, below: Vec::new() };
    let mut places = Vec::with_capacity(manifest.parts.len());
    for part in &manifest.parts {
        places.push(match (part.local, &mut local) {
            (false, _) => folders.find(part)?.map_or(Place::Nowhere, Place::Here),
            (true, Ok(None)) => Place::Elsewhere,
            (true, Ok(Some(local))) => match local.find(part) {
                Ok(found) => found.map_or(Place::Elsewhere, Place::Here),
                Err(miss) => Place::Hidden(Box::new(miss)),
            },
            (true, Err(miss)) => Place::Hidden(Box::new(miss.clone())),
        });
    }
    Ok((manifest, places))
}

/// Reads the tree of an entry into `root` and the bytes of its manifest into `out`, both checked
/// by their ids, and brought if only a remote has them.
pub(super) fn read_manifest(
    inner: &Arc<Inner>,
    name: &EntryName,
    tree: &ObjectId,
    root: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> std::result::Result<(), Miss> {
    match read_manifest_here(inner, name, tree, root, out) {
        Err(absent @ Miss::Absent { .. }) => {
            bring_in(inner, name, tree, None, absent)?;
            read_manifest_here(inner, name, tree, root, out)
        }
        read => read,
    }
}

fn read_manifest_here(
    inner: &Inner,
    name: &EntryName,
    tree: &ObjectId,
    root: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> std::result::Result<(), Miss> {
    let reader = Reader { inner, name };
    let damaged =
        |reason: &str| Miss::Damaged { name: name.to_string(), reason: reason.to_owned() };
    if !id_starts_with(tree, name.id8()) {
        return Err(damaged("its tag stands for another tree than its name says"));
    }
    reader.object(tree, Kind::Tree, "its tree", root)?;
    let Some((TreeMode::File, manifest_id)) = tree_entry(reader.format(), root, MANIFEST_FILE)
    else {
        return Err(damaged("its tree has no manifest"));
    };
    reader.object(&manifest_id, Kind::Blob, "its manifest", out)
}

fn id_starts_with(id: &ObjectId, hex: &str) -> bool {
    let first = id.as_bytes().first_chunk::<4>().expect("an id has at least 20 bytes");
    u32::from_str_radix(hex, 16) == Ok(u32::from_be_bytes(*first))
}

/// Reads the objects of one entry, and names them when they cannot be read.
struct Reader<'a> {
    inner: &'a Inner,
    name: &'a EntryName,
}

impl Reader<'_> {
    fn object(
        &self,
        id: &ObjectId,
        kind: Kind,
        what: &str,
        out: &mut Vec<u8>,
    ) -> std::result::Result<(), Miss> {
        read_checked(self.inner, id, kind, out).map_err(|problem| match problem {
            ObjectProblem::Missing => Miss::Absent {
                name: self.name.to_string(),
                what: what.to_owned(),
                object: id.to_string(),
            },
            ObjectProblem::Damaged(reason) => {
                Miss::Damaged { name: self.name.to_string(), reason: format!("{what}: {reason}") }
            }
        })
    }

    fn format(&self) -> ObjectFormat {
        self.inner.repository.format
    }
}

/// The trees of one entry, each read once.
struct Folders<'a> {
    reader: Reader<'a>,
    root: Vec<u8>,
    /// By path from the root; entries have one to three.
    below: Vec<(String, Vec<u8>)>,
}

impl Folders<'_> {
    /// Returns the object of a part; `None` if the trees do not have it as the manifest says.
    fn find(&mut self, part: &Part) -> std::result::Result<Option<ObjectId>, Miss> {
        let format = self.reader.format();
        let mut path = String::new();
        let mut tree = self.root.as_slice();
        let mut components = part.path.tree_components().peekable();
        while let Some(component) = components.next() {
            let Some((mode, id)) = tree_entry(format, tree, &component) else { return Ok(None) };
            if components.peek().is_none() {
                let expected =
                    if part.chunks.is_some() { TreeMode::Folder } else { TreeMode::File };
                return Ok((mode == expected).then_some(id));
            }
            if mode != TreeMode::Folder {
                return Ok(None);
            }
            path.push_str(&component);
            path.push('/');
            let known = self.below.iter().position(|(other, _)| *other == path);
            let number = if let Some(number) = known {
                number
            } else {
                let mut bytes = Vec::new();
                self.reader.object(&id, Kind::Tree, "a tree of its parts", &mut bytes)?;
                self.below.push((path.clone(), bytes));
                self.below.len() - 1
            };
            tree = &self.below[number].1;
        }
        Ok(None)
    }
}
