//! Writing bundles as Buckaroo's own files, never outside the folder that was named, and never over
//! what differs unless that was asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use super::place::{FIRST_WINDOW, MANIFEST, SD, place_of};
use super::statcache::{self, PartName};
use super::{Layout, sd};
use crate::bundle::meta::Bounds;
use crate::bundle::operations::Scope;
use crate::bundle::store::{BundleStore, Probe};
use crate::bundle::stored::{Bundle, META, PRODUCER, StatsState};
use crate::clock::Timestamp;
use crate::disk;
use crate::error::Result;
use crate::git::ObjectId;
use crate::lookup::Lookup;
use crate::name::{EntryName, encode};
use crate::progress::{Progress, Unit};
use crate::store::Entry;

/// What is written, and how.
pub struct ExportSettings<'a> {
    /// The space that it comes from; [`crate::bundle::DEFAULT_SPACE`] if it is empty.
    pub space: &'a str,
    /// Of which data, by what the host calls it.
    pub is_wanted: &'a dyn Fn(&str) -> bool,
    /// Under which configuration; else the one whose bundle is the newest.
    pub config_id: Option<&'a str>,
    /// As it was then; as it is now if that is `None`.
    pub until: Option<Timestamp>,
    /// Whether files are replaced that differ.
    pub is_forced: bool,
}

/// What became of a bundle, or of a cache of stats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The folder, below the one that was named.
    pub folder: String,
    /// What was written.
    pub layout: Layout,
    /// What the host calls the data.
    pub data_id: String,
    /// What stands for the configuration of a bundle, or for the rows of a cache of stats.
    pub id: String,
    /// The version that was written.
    pub name: EntryName,
    /// The bytes of its files.
    pub bytes: u64,
    /// What became of it.
    pub outcome: ExportOutcome,
}

/// What became of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportOutcome {
    /// They are written.
    Exported,
    /// They were there already.
    Unchanged,
    /// They are not written, for this reason.
    Refused(String),
    /// Buckaroo's layout has no place for it, for this reason.
    LeftOut(String),
}

impl ExportOutcome {
    /// Returns the stable word for it.
    pub fn name(&self) -> &'static str {
        match self {
            ExportOutcome::Exported => "exported",
            ExportOutcome::Unchanged => "unchanged",
            ExportOutcome::Refused(_) => "refused",
            ExportOutcome::LeftOut(_) => "left_out",
        }
    }
}

/// Files, by name; the last is written last, and says that all are there.
type Files = Vec<(String, Vec<u8>)>;

/// Writes the newest bundles of a space, and its caches of stats, below `folder`, as Buckaroo would
/// have: what was imported to the byte.
///
/// # Errors
/// [`Error::Disk`] if the folder cannot be written, and those of [`BundleStore::probe`].
pub fn export_folder(
    bundles: &BundleStore,
    folder: &Path,
    settings: &ExportSettings<'_>,
    progress: &dyn Progress,
) -> Result<Vec<Exported>> {
    let space = match settings.space {
        "" => crate::bundle::DEFAULT_SPACE,
        space => space,
    };
    let entries = newest_of(bundles, space, settings.until)?;
    progress.begin("exporting", Some(entries.len() as u64), Unit::Items);
    let mut export = Export { bundles, folder, settings, written: BTreeMap::new() };
    let mut all = Vec::new();
    let write = || -> Result<()> {
        for (name, tree) in entries {
            all.extend(export.entry(&name, tree)?);
            progress.advance(1);
        }
        Ok(())
    };
    let written = write();
    progress.end();
    written?;
    all.sort_by(|one, two| (&one.folder, &one.name).cmp(&(&two.folder, &two.name)));
    Ok(all)
}

/// Returns the newest entry of each key of a space, the newest first.
fn newest_of(
    bundles: &BundleStore,
    space: &str,
    until: Option<Timestamp>,
) -> Result<Vec<(EntryName, ObjectId)>> {
    let mut newest = BTreeMap::new();
    for (name, tree) in bundles.store().names_with_prefix(&format!("{}/", encode(space)))? {
        // They come sorted by time within a key.
        if until.is_none_or(|until| name.created_at() <= until) {
            newest.insert(name.key_path().to_owned(), (name, tree));
        }
    }
    let mut all: Vec<_> = newest.into_values().collect();
    all.sort_by(|(one, _), (two, _)| (two.created_at(), two).cmp(&(one.created_at(), one)));
    Ok(all)
}

struct Export<'a> {
    bundles: &'a BundleStore,
    folder: &'a Path,
    settings: &'a ExportSettings<'a>,
    /// The folders that were written, and the configurations of what is in them.
    written: BTreeMap<String, String>,
}

impl Export<'_> {
    /// Writes what an entry has, if that is anything of Buckaroo's and wanted.
    fn entry(&mut self, name: &EntryName, tree: ObjectId) -> Result<Option<Exported>> {
        let entry = match self.bundles.store().entry_of_tree(name, tree) {
            Lookup::Hit(entry) => entry,
            // What it was cannot be told, so it is nobody's that was not asked for by name.
            Lookup::Miss(miss) => {
                let path = name.key_path().to_owned();
                let (data_id, id) = match name.key() {
                    Some(key) => (key.cell().to_owned(), key.module().to_owned()),
                    None => (path, String::new()),
                };
                if !(self.settings.is_wanted)(&data_id) {
                    return Ok(None);
                }
                return Ok(Some(Exported {
                    folder: place_of(&data_id),
                    layout: Layout::Unknown,
                    data_id,
                    id,
                    name: name.clone(),
                    bytes: 0,
                    outcome: ExportOutcome::Refused(miss.to_string()),
                }));
            }
        };
        let key = &entry.manifest().key;
        if !(self.settings.is_wanted)(key.cell()) {
            return Ok(None);
        }
        let (folder, layout, id, files) = if entry.manifest().part(META).is_some() {
            let wanted = self.settings.config_id.is_none_or(|it| it == key.module());
            if !wanted {
                return Ok(None);
            }
            let folder = place_of(key.cell());
            let files = self.bundle(name, &folder)?;
            (folder, Layout::Bundle, key.module(), files)
        } else if key.module() == statcache::CONFIG
            && !statcache::parts_of(entry.manifest()).is_empty()
        {
            let folder = format!("{}/{}", statcache::FOLDERS, encode(key.version()));
            (folder, Layout::StatCache, key.version(), parts_of(&entry))
        } else {
            return Ok(None);
        };
        let mut bytes = 0;
        let outcome = match files {
            Err(outcome) => outcome,
            Ok(files) => {
                bytes = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
                self.write(&folder, &files)?
            }
        };
        Ok(Some(Exported {
            folder,
            layout,
            data_id: key.cell().to_owned(),
            id: id.to_owned(),
            name: name.clone(),
            bytes,
            outcome,
        }))
    }

    /// Returns the files of a bundle; or why there are none.
    fn bundle(
        &mut self,
        name: &EntryName,
        folder: &str,
    ) -> Result<std::result::Result<Files, ExportOutcome>> {
        let bundle = match self.bundles.version(name)? {
            Probe::Hit(bundle) => bundle,
            Probe::Miss(miss) => return Ok(Err(ExportOutcome::Refused(miss.to_string()))),
            Probe::Mismatch(mismatch) => {
                return Ok(Err(ExportOutcome::Refused(mismatch.to_string())));
            }
        };
        if !bundle.operations().is_empty() {
            let said = "it is of rows after operations, which Buckaroo would take for all rows";
            return Ok(Err(ExportOutcome::LeftOut(said.into())));
        }
        if let Some(config_id) = self.written.get(folder) {
            return Ok(Err(ExportOutcome::LeftOut(format!(
                "Buckaroo has one bundle for each data set, and that under `{config_id}` is newer; \
                 `--config-id` chooses"
            ))));
        }
        self.written.insert(folder.to_owned(), bundle.config_id().to_owned());
        Ok(match files_of(&bundle) {
            Ok(mut files) => {
                let order = [SD, FIRST_WINDOW, MANIFEST];
                let take = |name: &str| (name.to_owned(), files.remove(name).unwrap_or_default());
                Ok(order.map(take).into())
            }
            Err(reason) => Err(ExportOutcome::Refused(reason)),
        })
    }

    /// Writes files, if none is there that differs.
    fn write(&self, folder: &str, files: &Files) -> Result<ExportOutcome> {
        let refused = |reason: String| Ok(ExportOutcome::Refused(reason));
        let mut path = self.folder.to_owned();
        for component in folder.split('/') {
            path.push(component);
            if disk::is_there(&path) && !disk::is_plain_folder(&path) {
                return refused(format!("`{}` is there, and no folder", self.shown(&path)));
            }
        }
        let mut left = Vec::new();
        for (name, bytes) in files {
            let file = path.join(name);
            if !disk::is_there(&file) {
                left.push((file, bytes));
                continue;
            }
            let Some(length) = disk::plain_length(&file) else {
                return refused(format!("`{}` is there, and no plain file", self.shown(&file)));
            };
            if length != bytes.len() as u64 || disk::read(&file)? != *bytes {
                if !self.settings.is_forced {
                    return refused(format!(
                        "`{}` is there, and differs; `--force` replaces it",
                        self.shown(&file)
                    ));
                }
                left.push((file, bytes));
            }
        }
        if left.is_empty() {
            return Ok(ExportOutcome::Unchanged);
        }
        disk::create_folders(&path)?;
        // While files change that it is about, there is no manifest: whoever reads it believes that
        // all of them are there.
        let manifest = path.join(MANIFEST);
        if let Some((_, bytes)) = files.iter().find(|(name, _)| name == MANIFEST)
            && disk::remove(&manifest)?
        {
            left.retain(|(file, _)| *file != manifest);
            left.push((manifest, bytes));
        }
        for (file, bytes) in left {
            disk::replace(&file, bytes)?;
        }
        Ok(ExportOutcome::Exported)
    }

    fn shown(&self, path: &Path) -> String {
        let below: PathBuf = path.strip_prefix(self.folder).unwrap_or(path).to_owned();
        below.display().to_string()
    }
}

/// Returns the files of a bundle in Buckaroo's layout: those that were imported, or made to be read
/// by it.
///
/// # Errors
/// Why it has none, in words.
pub(super) fn files_of(bundle: &Bundle) -> Result<BTreeMap<&'static str, Vec<u8>>, String> {
    let bounds = bundle.bounds();
    if bounds.start != 0 {
        let Bounds { start, .. } = bounds;
        return Err(format!("its rows start at {start}, and those of Buckaroo at 0"));
    }
    let kept = |name: &str| -> Result<Option<Vec<u8>>, String> {
        let path = format!("{PRODUCER}{name}");
        if bundle.entry().manifest().part(&path).is_none() {
            return Ok(None);
        }
        bundle.entry().read(&path).ok().map(Some).map_err(|miss| miss.to_string())
    };
    if bundle.stats_state() == StatsState::Pending {
        return Err("its stats are still pending".into());
    }
    let sd = if let Some(sd) = kept(SD)? {
        sd
    } else {
        let stats = bundle.stats(Scope::Raw).ok().map_err(|miss| miss.to_string())?;
        sd::write(&stats)?
    };
    let manifest = if let Some(manifest) = kept(MANIFEST)? {
        manifest
    } else {
        let display = serde_json::from_slice(bundle.display()).map_err(|it| it.to_string())?;
        let manifest = Manifest {
            config_id: bundle.config_id().to_owned(),
            data_id: Some(bundle.data_id().to_owned()),
            bounds,
            schema: bundle.schema().clone(),
            display,
            host: bundle.host().clone(),
        };
        manifest.to_bytes()
    };
    let window = bundle.window_bytes().to_vec();
    Ok(BTreeMap::from([(MANIFEST, manifest), (SD, sd), (FIRST_WINDOW, window)]))
}

/// Returns the parts of a cache of stats, oldest first.
fn parts_of(entry: &Entry) -> std::result::Result<Files, ExportOutcome> {
    let mut files = Files::new();
    for part in &entry.manifest().parts {
        let path = part.path.as_str();
        // Only a name that is one leads to a file.
        let name = path.strip_prefix(statcache::PARTS).and_then(PartName::parse);
        if let Some(name) = name {
            let bytes = entry.read(path).ok();
            let bytes = bytes.map_err(|miss| ExportOutcome::Refused(miss.to_string()))?;
            files.push((name.as_str().to_owned(), bytes));
        }
    }
    files.sort();
    Ok(files)
}
