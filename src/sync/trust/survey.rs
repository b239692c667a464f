//! Who signed what: each ledger, how far it is vouched for, and what the policy makes of it.

use std::collections::{BTreeMap, BTreeSet};

use super::marking::marked_in;
use crate::config::TrustPolicy;
use crate::error::Result;
use crate::git::{ObjectId, Signer, Verdict};
use crate::index::Pattern;
use crate::name::{EntryName, LedgerName, decode};
use crate::store::Store;
use crate::sync::known::KnownLedgers;
use crate::sync::ledger_names::LedgerNames;

/// What one ledger is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerTrust {
    /// The notebook; of a name that was cut, its segment.
    pub notebook: String,
    /// The store that wrote it.
    pub writer: String,
    /// Whether that is this store.
    pub is_own: bool,
    /// How many entries it has.
    pub entries: usize,
    /// Its newest commit, as hex.
    pub commit: String,
    /// Whose the signature of that is.
    pub verdict: Verdict,
    /// The newest signed commit on each line of its history, as hex, and who signed it.
    pub vouched: Vec<(String, Signer)>,
    /// How many of its entries are in these.
    pub vouched_entries: usize,
    /// How many of its entries may run code here.
    pub trusted_entries: usize,
}

/// What all ledgers of a store are worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustSurvey {
    /// The setting that counts.
    pub policy: TrustPolicy,
    /// By notebook and writer.
    pub ledgers: Vec<LedgerTrust>,
    /// How many entries are in no ledger, and were put here.
    pub unpublished: usize,
    /// How many entries came from elsewhere though no ledger here says whose they are.
    pub unclaimed: usize,
}

/// Returns what each ledger of the notebooks that match is worth. The store is flushed first, as
/// git checks signatures.
///
/// # Errors
/// [`crate::Error::BrokenLedger`] if one cannot be read, and those of a flush.
pub fn survey(store: &Store, pattern: &Pattern) -> Result<TrustSurvey> {
    // Who may only read checks what is there.
    match store.flush() {
        Ok(_) | Err(crate::Error::ReadOnly { .. }) => {}
        Err(error) => return Err(error),
    }
    let policy = store.trust_policy();
    let known = KnownLedgers::read(store)?;
    let mut left: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for name in store.list(pattern)? {
        let (notebook, below) = split(&name);
        left.entry(notebook.to_owned()).or_default().insert(below.to_owned());
    }
    let mut ledgers = Vec::new();
    let mut marks: BTreeMap<&str, BTreeSet<EntryName>> = BTreeMap::new();
    for (ledger, commit) in &known.taken {
        let segment = ledger.notebook_segment();
        if !pattern.matches_notebook(segment) {
            continue;
        }
        if !marks.contains_key(segment) {
            marks.insert(segment, marked_in(store, segment)?);
        }
        let names = LedgerNames::read(store, ledger, commit)?;
        if let Some(left) = left.get_mut(segment) {
            for (name, _) in names.iter() {
                left.remove(name);
            }
        }
        ledgers.push(look(store, (ledger, commit), &names, &marks[segment], policy)?);
    }
    let (mut unpublished, mut unclaimed) = (0, 0);
    for (segment, names) in left {
        let marked = marked_in(store, &segment)?;
        let is_marked = |name: &&String| {
            let name = EntryName::parse(format!("{segment}/{name}"));
            name.is_ok_and(|name| marked.contains(&name))
        };
        let foreign = names.iter().filter(is_marked).count();
        unclaimed += foreign;
        unpublished += names.len() - foreign;
    }
    Ok(TrustSurvey { policy, ledgers, unpublished, unclaimed })
}

fn look(
    store: &Store,
    (ledger, commit): (&LedgerName, &ObjectId),
    names: &LedgerNames,
    marked: &BTreeSet<EntryName>,
    policy: TrustPolicy,
) -> Result<LedgerTrust> {
    let is_own = ledger.writer() == store.writer_id();
    let frontier = store.frontier_of(ledger, *commit).ok();
    let vouched = frontier.map(|frontier| frontier.vouched.clone()).unwrap_or_default();
    let mut signed: BTreeMap<String, ObjectId> = BTreeMap::new();
    for state in &vouched {
        if state.commit == *commit {
            signed.extend(names.iter().map(|(name, tree)| (name.to_owned(), tree)));
        } else {
            let names = crate::sync::ledger_tree::compare(store, None, Some(&state.tree))?.added;
            signed.extend(names);
        }
    }
    let (mut entries, mut vouched_entries, mut trusted_entries) = (0, 0, 0);
    for (below, tree) in names.iter() {
        let is_signed = signed.get(below) == Some(&tree);
        let is_mine = is_own && {
            let name = EntryName::parse(format!("{}/{below}", ledger.notebook_segment()));
            name.is_ok_and(|name| !marked.contains(&name))
        };
        let is_trusted = match policy {
            TrustPolicy::Own => is_mine,
            TrustPolicy::Signed => is_mine || is_signed,
            TrustPolicy::All => true,
        };
        entries += 1;
        vouched_entries += usize::from(is_signed);
        trusted_entries += usize::from(is_trusted);
    }
    let segment = ledger.notebook_segment();
    Ok(LedgerTrust {
        notebook: decode(segment).map_or_else(|| segment.to_owned(), std::borrow::Cow::into_owned),
        writer: ledger.writer().to_owned(),
        is_own,
        entries,
        commit: commit.to_string(),
        verdict: store.verdict_on(ledger, commit),
        vouched: vouched.into_iter().map(|it| (it.commit.to_string(), it.signer)).collect(),
        vouched_entries,
        trusted_entries,
    })
}

fn split(name: &EntryName) -> (&str, &str) {
    let segment = name.notebook_segment();
    (segment, &name.as_str()[segment.len() + 1..])
}
