//! Searches entries for secrets: on all cores, and only what was not found clean before.

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rayon::prelude::*;

use super::clean::Clean;
use super::finding::Finding;
use super::window::Search;
use crate::config::SecretsSettings;
use crate::entry::{MANIFEST_FILE, Part};
use crate::error::{Error, Result};
use crate::lookup::{Lookup, Miss};
use crate::name::EntryName;
use crate::progress::{Progress, Unit};
use crate::store::{Entry, Store};

/// A part of this many bytes or fewer is read at once; a larger one piece by piece.
const AT_ONCE: u64 = 16 << 20;

/// A likely secret, and which part it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartFinding {
    /// The part's path, such as `outputs/0.txt`; `entry.toml` for the manifest.
    pub part: String,
    /// What was found.
    pub finding: Finding,
}

/// The likely secrets of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryFindings {
    /// The entry.
    pub name: EntryName,
    /// What was found, by part and place; never empty.
    pub findings: Vec<PartFinding>,
}

/// What a search of entries came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanReport {
    /// The entries that have likely secrets which no setting allows, in the order they were given.
    pub found: Vec<EntryFindings>,
    /// How many entries were looked at, those that are known to be clean among them.
    pub entries: usize,
    /// How many parts were read, and their bytes.
    pub parts: usize,
    /// The bytes of these.
    pub bytes: u64,
    /// How many findings the settings allow.
    pub allowed: usize,
    /// What could not be read, and so not searched; what is on a remote alone is not among it.
    pub unread: Vec<Miss>,
}

impl ScanReport {
    /// Returns how many likely secrets were found, one that is in several places once.
    pub fn secrets(&self) -> usize {
        let findings = self.found.iter().flat_map(|entry| &entry.findings);
        let mut digests: Vec<&str> = findings.map(|it| it.finding.digest.as_str()).collect();
        digests.sort_unstable();
        digests.dedup();
        digests.len()
    }

    /// Returns the error that stops a push; `Ok` if nothing was found.
    ///
    /// # Errors
    /// [`Error::SecretsFound`].
    pub fn outcome(&self) -> Result<()> {
        let Some(first) = self.found.first() else { return Ok(()) };
        Err(Error::SecretsFound {
            secrets: self.secrets(),
            entries: self.found.len(),
            entry: first.name.to_string(),
            digest: first.findings[0].finding.digest.clone(),
        })
    }
}

/// Searches entries for secrets: the parts for which `travels` is true, and manifests.
///
/// What was found clean before, by the same rules, is not read again.
///
/// # Errors
/// [`Error::Disk`] and [`Error::BrokenRefs`] if the names of the store cannot be read. What cannot
/// be read of an entry is in the report.
pub fn scan_entries(
    store: &Store,
    names: &[EntryName],
    settings: &SecretsSettings,
    travels: impl Fn(&EntryName, &Part) -> bool + Sync,
    progress: &dyn Progress,
) -> Result<ScanReport> {
    let snapshot = store.snapshot()?;
    let clean = Clean::of(store);
    progress.begin("looking for secrets", Some(names.len() as u64), Unit::Items);
    let (parts, bytes) = (AtomicUsize::new(0), AtomicU64::new(0));
    let one = |name: &EntryName| -> One {
        let mut one = One::default();
        let tree = snapshot.tree_of(name).map(|tree| tree.to_string());
        if let Some(tree) = tree.filter(|tree| !clean.has_entry(tree)) {
            match snapshot.entry(name) {
                Lookup::Hit(entry) => {
                    let is_clean = one.search(&entry, &clean, &travels, (&parts, &bytes));
                    if is_clean {
                        clean.add_entry(&tree);
                    }
                }
                Lookup::Miss(miss) => one.missed(miss),
            }
        }
        progress.advance(1);
        one
    };
    let all: Vec<One> = names.par_iter().with_min_len(16).map(one).collect();
    progress.end();
    clean.save();
    let mut report = ScanReport {
        entries: names.len(),
        parts: parts.into_inner(),
        bytes: bytes.into_inner(),
        ..ScanReport::default()
    };
    for (name, One { mut findings, unread }) in names.iter().zip(all) {
        report.unread.extend(unread);
        let before = findings.len();
        findings.retain(|it| !it.finding.is_allowed(&settings.allow));
        report.allowed += before - findings.len();
        if !findings.is_empty() {
            report.found.push(EntryFindings { name: name.clone(), findings });
        }
    }
    Ok(report)
}

/// What came of one entry.
#[derive(Default)]
struct One {
    findings: Vec<PartFinding>,
    unread: Vec<Miss>,
}

impl One {
    /// Searches an entry, and says whether all of it is clean.
    fn search(
        &mut self,
        entry: &Entry,
        clean: &Clean,
        travels: impl Fn(&EntryName, &Part) -> bool,
        (parts, bytes): (&AtomicUsize, &AtomicU64),
    ) -> bool {
        let manifest = super::find_secrets(entry.manifest().to_toml().as_bytes(), "text/plain");
        self.add(MANIFEST_FILE, manifest);
        let mut has_all = true;
        for part in &entry.manifest().parts {
            if !travels(entry.name(), part) {
                has_all = false;
                continue;
            }
            if clean.has_part(part) {
                continue;
            }
            parts.fetch_add(1, Ordering::Relaxed);
            bytes.fetch_add(part.size, Ordering::Relaxed);
            match search_part(entry, part) {
                Ok(findings) => {
                    if findings.is_empty() {
                        clean.add_part(part);
                    }
                    self.add(part.path.as_str(), findings);
                }
                Err(miss) => {
                    has_all = false;
                    self.missed(miss);
                }
            }
        }
        has_all && self.findings.is_empty()
    }

    fn add(&mut self, part: &str, findings: Vec<Finding>) {
        let named = |finding| PartFinding { part: part.to_owned(), finding };
        self.findings.extend(findings.into_iter().map(named));
    }

    fn missed(&mut self, miss: Miss) {
        // What is not here was pushed by somebody else, or cannot be pushed.
        if !matches!(miss, Miss::Absent { .. }) {
            self.unread.push(miss);
        }
    }
}

fn search_part(entry: &Entry, part: &Part) -> std::result::Result<Vec<Finding>, Miss> {
    let path = part.path.as_str();
    if part.size <= AT_ONCE {
        return entry.read(path).ok().map(|bytes| super::find_secrets(&bytes, &part.media_type));
    }
    let mut search = Feeding(Search::new(&part.media_type));
    let read = entry.copy_to(path, &mut search).expect("a search takes whatever it is given");
    read.ok().map(|()| search.0.finish())
}

/// Gives a search what is written.
struct Feeding<'m>(Search<'m>);

impl io::Write for Feeding<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.feed(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
