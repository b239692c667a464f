//! Taking Buckaroo's files into a store: each bundle and each set of rows whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::export::files_of;
use super::find::{Found, FoundBundle, FoundScope, find, read_file};
use super::manifest::Manifest;
use super::place::{FIRST_WINDOW, MANIFEST, SD, is_place_of};
use super::statcache::{self, StatPart};
use super::{Layout, sd};
use crate::bundle::draft::{RowsDraft, StatsDraft};
use crate::bundle::key::BundleKey;
use crate::bundle::operations::Scope;
use crate::bundle::put::checked_window;
use crate::bundle::store::{BundleStore, Probe};
use crate::entry::PartPath;
use crate::error::{Error, Result};
use crate::lookup::Lookup;
use crate::name::{EntryName, ExecutionKey};
use crate::progress::{Progress, Unit};
use crate::store::{Draft, Source};

/// A manifest is a few kilobytes, or megabytes with thousands of columns.
const MOST_OF_MANIFEST: u64 = 256 << 20;
/// A window is a thousand rows.
const MOST_OF_PARQUET: u64 = 1 << 30;
const PARQUET: &str = "application/vnd.apache.parquet";

/// How files are taken in.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportSettings<'a> {
    /// The space that they go to; [`crate::bundle::DEFAULT_SPACE`] if it is empty.
    pub space: &'a str,
    /// What the data is called of which the files do not say it.
    pub data_id: Option<&'a str>,
    /// Whether nothing is stored.
    pub is_dry_run: bool,
}

/// What became of a folder with files of Buckaroo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The folder, below the one that was named; empty for that itself.
    pub folder: String,
    /// What it has.
    pub layout: Layout,
    /// What the host calls the data.
    pub data_id: Option<String>,
    /// What stands for the configuration of a bundle, or for the rows of a cache of stats.
    pub id: Option<String>,
    /// The bytes of its files.
    pub bytes: u64,
    /// What became of it.
    pub outcome: ImportOutcome,
    /// What else is to be said of it.
    pub notes: Vec<String>,
}

/// What became of a bundle or of a cache of stats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportOutcome {
    /// It was stored, under these names, the oldest first.
    Imported(Vec<EntryName>),
    /// It would be stored, as so many versions.
    WouldImport(usize),
    /// It is stored already: its newest version is this.
    Unchanged(EntryName),
    /// It is not what it should be, for this reason. Nothing of it was stored.
    Refused(String),
    /// It was not looked at, for this reason.
    PassedOver(String),
}

impl ImportOutcome {
    /// Returns the stable word for it.
    pub fn name(&self) -> &'static str {
        match self {
            ImportOutcome::Imported(_) => "imported",
            ImportOutcome::WouldImport(_) => "would_import",
            ImportOutcome::Unchanged(_) => "unchanged",
            ImportOutcome::Refused(_) => "refused",
            ImportOutcome::PassedOver(_) => "passed_over",
        }
    }
}

/// Takes in what there is of Buckaroo's in a folder and below: bundles, and parts of its cache of
/// stats. What is refused does not keep others from being imported; what is stored already is not
/// stored again.
///
/// # Errors
/// [`Error::Disk`] if the folder cannot be listed, and those of [`crate::Store::put`]; what was
/// imported before stays.
pub fn import_folder(
    bundles: &BundleStore,
    folder: &Path,
    settings: &ImportSettings<'_>,
    progress: &dyn Progress,
) -> Result<Vec<Imported>> {
    progress.begin("looking for files of Buckaroo", None, Unit::Time);
    let found = find(folder);
    progress.end();
    let Found { bundles: folders, scopes, passed_over } = found?;
    let total = (folders.len() + scopes.len()) as u64;
    progress.begin("importing", Some(total), Unit::Items);
    let import = Import { bundles, settings };
    let mut all = Vec::new();
    let mut take = || -> Result<()> {
        let mut seen = BTreeMap::new();
        for (found, claim) in import.by_claim(&folders) {
            all.push(import.bundle(found, claim, &mut seen)?);
            progress.advance(1);
        }
        for scope in &scopes {
            all.push(import.scope(scope, scopes.len() == 1)?);
            progress.advance(1);
        }
        Ok(())
    };
    let taken = take();
    progress.end();
    taken?;
    all.extend(passed_over.into_iter().map(|(folder, reason)| Imported {
        folder,
        layout: Layout::Unknown,
        data_id: None,
        id: None,
        bytes: 0,
        outcome: ImportOutcome::PassedOver(reason),
        notes: Vec::new(),
    }));
    all.sort_by(|one, two| one.folder.cmp(&two.folder));
    Ok(all)
}

struct Import<'a> {
    bundles: &'a BundleStore,
    settings: &'a ImportSettings<'a>,
}

/// What a manifest says that it is of; and whether its folder agrees.
struct Claim {
    key: BundleKey,
    is_in_place: bool,
}

/// A bundle that was read, and is what it should be.
struct Incoming {
    manifest: Manifest,
    rows: RowsDraft,
    stats: StatsDraft,
}

/// The files of a bundle, by name.
type Files = BTreeMap<&'static str, Vec<u8>>;

impl Import<'_> {
    /// Reads all manifests, and puts those first that lie where they belong: of two that say the
    /// same, that is the one that is believed.
    fn by_claim<'f>(
        &self,
        folders: &'f [FoundBundle],
    ) -> Vec<(&'f FoundBundle, Result<Claim, String>)> {
        let claims = folders.iter().map(|found| (found, self.claim(found)));
        let mut claims: Vec<_> = claims.collect();
        claims.sort_by_key(|(_, claim)| !claim.as_ref().is_ok_and(|it| it.is_in_place));
        claims
    }

    fn claim(&self, found: &FoundBundle) -> Result<Claim, String> {
        let bytes = read_file(&found.path, MANIFEST, MOST_OF_MANIFEST)?;
        let manifest = read_manifest(&bytes)?;
        let key = self.key_of(&manifest)?;
        let is_in_place = found.below.is_empty() || is_place_of(&found.below, key.data_id());
        Ok(Claim { key, is_in_place })
    }

    fn key_of(&self, manifest: &Manifest) -> Result<BundleKey, String> {
        let data_id = manifest.data_id.as_deref().or(self.settings.data_id);
        let data_id = data_id.ok_or("its manifest does not say of what data it is")?;
        let key = BundleKey::new(data_id, &manifest.config_id).map_err(|it| it.to_string())?;
        Ok(key.in_space(self.settings.space))
    }

    fn bundle(
        &self,
        found: &FoundBundle,
        claim: Result<Claim, String>,
        seen: &mut BTreeMap<String, String>,
    ) -> Result<Imported> {
        let mut imported = Imported {
            folder: found.below.clone(),
            layout: Layout::Bundle,
            data_id: None,
            id: None,
            bytes: 0,
            outcome: ImportOutcome::Refused(String::new()),
            notes: Vec::new(),
        };
        let claim = match claim {
            Ok(claim) => claim,
            Err(reason) => {
                imported.outcome = ImportOutcome::Refused(reason);
                return Ok(imported);
            }
        };
        imported.data_id = Some(claim.key.data_id().to_owned());
        imported.id = Some(claim.key.config_id().to_owned());
        if !claim.is_in_place {
            let said = "its folder is called otherwise than its data, and the manifest counts";
            imported.notes.push(said.to_owned());
        }
        let path = claim.key.execution_key().path();
        imported.outcome = match read_files(found) {
            Err(reason) => ImportOutcome::Refused(reason),
            Ok(files) => {
                imported.bytes = files.values().map(|it| it.len() as u64).sum();
                let before = seen.get(&path).map(String::as_str);
                self.take_in(&claim.key, files, before)?
            }
        };
        if !matches!(imported.outcome, ImportOutcome::Refused(_)) {
            seen.insert(path, imported.folder.clone());
        }
        Ok(imported)
    }

    /// Stores a bundle, unless its newest version is the same. `before` is the folder that had the
    /// same bundle.
    fn take_in(
        &self,
        key: &BundleKey,
        files: Files,
        before: Option<&str>,
    ) -> Result<ImportOutcome> {
        let newest = self.bundles.store().newest(&key.execution_key())?;
        if let Some(newest) = newest
            && let Probe::Hit(stored) = self.bundles.version(&newest)?
            && files_of(&stored).is_ok_and(|stored| stored == files)
        {
            return Ok(ImportOutcome::Unchanged(newest));
        }
        let incoming = match read_bundle(files, key.data_id()) {
            Ok(incoming) => incoming,
            Err(reason) => return Ok(ImportOutcome::Refused(reason)),
        };
        if self.key_of(&incoming.manifest).as_ref() != Ok(key) {
            return Ok(ImportOutcome::Refused("its manifest was changed just now".into()));
        }
        if let Some(before) = before {
            return Ok(ImportOutcome::Refused(format!(
                "`{before}` says that it is of the same data and configuration, and is another"
            )));
        }
        if self.settings.is_dry_run {
            return Ok(ImportOutcome::WouldImport(1));
        }
        Ok(match self.bundles.put(key, incoming.rows, &incoming.stats) {
            Ok(name) => ImportOutcome::Imported(vec![name]),
            Err(Error::InvalidBundle { what, reason }) => {
                ImportOutcome::Refused(format!("{what}: {reason}"))
            }
            Err(error) => return Err(error),
        })
    }

    fn scope(&self, found: &FoundScope, is_only_one: bool) -> Result<Imported> {
        let mut notes = Vec::new();
        for name in &found.strange {
            notes.push(format!("`{name}` is no name that Buckaroo gives, and was left out"));
        }
        let own_id = statcache::data_id_of(&found.scope_id);
        let data_id = self.settings.data_id.unwrap_or(&own_id);
        let mut imported = Imported {
            folder: found.below.clone(),
            layout: Layout::StatCache,
            data_id: Some(data_id.to_owned()),
            id: Some(found.scope_id.clone()),
            bytes: 0,
            outcome: ImportOutcome::Refused(String::new()),
            notes,
        };
        if let Some(data_id) = self.settings.data_id
            && statcache::scope_of(data_id) != found.scope_id
        {
            if !is_only_one {
                let said = format!(
                    "it is not of the rows of `{data_id}` as they are; if it is of others of its \
                     rows, name this folder alone"
                );
                imported.outcome = ImportOutcome::Refused(said);
                return Ok(imported);
            }
            let said = format!("these are not the rows of `{data_id}` as they are");
            imported.notes.push(said);
        }
        let key = statcache::key_of(self.space(), data_id, &found.scope_id);
        let parts = read_parts(found);
        imported.outcome = match (key, parts) {
            (None, _) => ImportOutcome::Refused("`--data-id` is empty".into()),
            (_, Err(reason)) => ImportOutcome::Refused(reason),
            (Some(key), Ok(parts)) => {
                imported.bytes = parts.iter().map(|part| part.bytes.len() as u64).sum();
                self.take_in_parts(&key, &parts)?
            }
        };
        Ok(imported)
    }

    fn space(&self) -> &str {
        let space = self.settings.space;
        if space.is_empty() { crate::bundle::DEFAULT_SPACE } else { space }
    }

    fn take_in_parts(&self, key: &ExecutionKey, parts: &[StatPart]) -> Result<ImportOutcome> {
        let store = self.bundles.store();
        let mut stored = Vec::new();
        for version in store.versions(key)? {
            // What cannot be read is as good as not there: it is stored anew.
            if let Lookup::Hit(entry) = version {
                stored.push(statcache::parts_of(entry.manifest()));
            }
        }
        let versions = statcache::new_versions(parts, &stored);
        if versions.is_empty()
            && let Some(newest) = store.newest(key)?
        {
            return Ok(ImportOutcome::Unchanged(newest));
        }
        if self.settings.is_dry_run {
            return Ok(ImportOutcome::WouldImport(versions.len()));
        }
        let drafts = versions.iter().map(|version| {
            let mut draft = Draft::new("buckaroo");
            draft.created_at = version.created_at;
            for part in &parts[..version.parts] {
                let path = format!("{}{}", statcache::PARTS, part.name.as_str());
                let path = PartPath::new(path).expect("it is two plain components");
                draft = draft.part(path, PARQUET, Source::from(part.bytes.as_slice()));
            }
            (key.clone(), draft)
        });
        Ok(ImportOutcome::Imported(store.put_many(drafts.collect())?))
    }
}

fn read_manifest(bytes: &[u8]) -> Result<Manifest, String> {
    Manifest::read(bytes).map_err(|it| format!("`{MANIFEST}`: {it}"))
}

fn read_files(found: &FoundBundle) -> Result<Files, String> {
    let mut files = Files::new();
    let all =
        [(MANIFEST, MOST_OF_MANIFEST), (SD, MOST_OF_PARQUET), (FIRST_WINDOW, MOST_OF_PARQUET)];
    for (name, most) in all {
        files.insert(name, read_file(&found.path, name, most)?);
    }
    Ok(files)
}

/// Reads the files of a bundle, and compares what they say of one another.
fn read_bundle(mut files: Files, data_id: &str) -> Result<Incoming, String> {
    let mut take = |name: &str| files.remove(name).unwrap_or_default();
    let (manifest_bytes, sd_bytes, window) = (take(MANIFEST), take(SD), take(FIRST_WINDOW));
    let manifest = read_manifest(&manifest_bytes)?;
    check_window(&manifest, window.clone())?;
    let stats = sd::read(&sd_bytes).map_err(|reason| format!("`{SD}`: {reason}"))?;
    let mut draft = StatsDraft::raw(stats);
    let rows = sd::rows(&draft.scopes[&Scope::Raw]);
    if rows.is_some_and(|rows| rows < manifest.bounds.total_rows) {
        draft.sampled = BTreeSet::from([Scope::Raw]);
    }
    let mut kept = BTreeMap::from([(SD.to_owned(), sd_bytes)]);
    // What is not made again to the byte is kept.
    if manifest.as_stored(data_id).to_bytes() != manifest_bytes {
        kept.insert(MANIFEST.to_owned(), manifest_bytes);
    }
    let rows = RowsDraft {
        display: manifest.display.clone(),
        host: manifest.host.clone(),
        files: kept,
        producer: "buckaroo".into(),
        bounds: manifest.bounds,
        ..RowsDraft::new(window, 0, 0, manifest.schema.clone())
    };
    Ok(Incoming { manifest, rows, stats: draft })
}

/// Whether a window has the rows and columns that its manifest says, and all of them can be read.
fn check_window(manifest: &Manifest, window: Vec<u8>) -> Result<(), String> {
    let opened = checked_window(manifest.bounds, &manifest.schema, window);
    let window = opened.map_err(|error| match error {
        Error::InvalidBundle { what, reason } if what == "window" => {
            format!("`{FIRST_WINDOW}`: {reason}")
        }
        Error::InvalidBundle { reason, .. } => format!("`column_schema`: {reason}"),
        error => error.to_string(),
    })?;
    let read = window.slice(0..window.rows());
    read.map(drop).map_err(|error| format!("`{FIRST_WINDOW}`: {error}"))
}

fn read_parts(found: &FoundScope) -> Result<Vec<StatPart>, String> {
    let read = |name: &super::statcache::PartName| {
        let bytes = read_file(&found.path, name.as_str(), MOST_OF_PARQUET)?;
        sd::check_part(&bytes).map_err(|reason| format!("`{}`: {reason}", name.as_str()))?;
        Ok(StatPart::new(name.clone(), bytes))
    };
    found.parts.iter().map(read).collect()
}
