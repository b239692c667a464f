//! Pull: ledgers first, names and all trees with them; then only the objects that the settings
//! want and the store lacks.

use std::collections::BTreeMap;

use super::extend::union;
use super::forgotten::Forgotten;
use super::known::{KnownLedgers, Ledgers, seen_ref_name};
use super::ledger_tree::{commit_of, compare, descends};
use super::wanted_parts::wanted_objects;
use crate::clock::Timestamp;
use crate::config::{FetchPolicy, SyncSettings};
use crate::error::Result;
use crate::git::{FetchHow, GitRemote, ObjectId};
use crate::index::TAGS;
use crate::name::{EntryName, LEDGERS, LedgerName, decode};
use crate::store::{OnlyCollection, RefChange, Store};

/// What to pull.
pub(crate) struct PullOptions<'a> {
    /// Which notebooks, by their paths; `None` means all of them.
    pub(crate) notebooks: Option<&'a dyn Fn(&str) -> bool>,
    /// Leave out what was made before.
    pub(crate) since: Option<Timestamp>,
    /// Take in what was removed here, too.
    pub(crate) removed_too: bool,
    /// Only say what would come. Names travel all the same, as nothing is known without them.
    pub(crate) dry_run: bool,
    pub(crate) now: Timestamp,
}

/// What a pull did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PullReport {
    /// The entries that are new here.
    pub(crate) entries: Vec<EntryName>,
    /// The ledgers that the remote had news of.
    pub(crate) ledgers: Vec<LedgerName>,
    /// What a ledger says and was not taken in, with the reason.
    pub(crate) refused: Vec<(String, String)>,
    /// How many objects of parts were brought.
    pub(crate) objects: usize,
    /// How many objects of parts the remote did not hand out.
    pub(crate) missing: usize,
}

/// The news of one pull.
#[derive(Default)]
struct News {
    entries: Vec<(EntryName, ObjectId)>,
    /// The ledgers with what they are from now on.
    taken: Ledgers,
    report: PullReport,
}

/// Takes in what the remote has and this store has not.
///
/// # Errors
/// [`crate::Error::GitFailed`] if the remote cannot be reached, [`crate::Error::BrokenLedger`],
/// and those of a flush. Then no name was taken in.
pub(crate) fn pull(
    store: &Store,
    remote_id: &str,
    remote: &GitRemote,
    settings: &SyncSettings,
    options: &PullOptions<'_>,
) -> Result<PullReport> {
    let only = store.lock_collection()?;
    let before = KnownLedgers::read(store)?;
    fetch_ledgers(remote_id, remote, settings, options, &before)?;
    store.notice_packs()?;
    let known = KnownLedgers::read(store)?;
    let mut news = News::default();
    for (ledger, commit) in known.of_remote(remote_id) {
        if options.notebooks.is_none_or(|wanted| is_wanted(&ledger, wanted)) {
            take_in(store, &known, &ledger, commit, options, &only, &mut news)?;
        }
    }
    news.entries.sort();
    news.entries.dedup();
    let entries = news.entries.iter().map(|(name, _)| name.clone()).collect();
    let mut report = PullReport { entries, ..news.report };
    if options.dry_run {
        return Ok(report);
    }
    let wanted = wanted_objects(store, &news.entries, settings)?;
    if !wanted.is_empty() {
        let ids: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        remote.fetch(&ids, FetchHow { filter: Some("blob:none"), prune: false })?;
        store.notice_packs()?;
        report.missing = wanted.iter().filter(|id| !store.has(id)).count();
        report.objects = wanted.len() - report.missing;
    }
    let mut changes: Vec<RefChange> = Vec::new();
    for (name, tree) in &news.entries {
        let name = format!("{TAGS}{name}");
        changes.push(RefChange { name, expected: None, new: Some(*tree) });
    }
    for (ledger, commit) in &news.taken {
        let expected = known.taken.get(ledger).copied();
        changes.push(RefChange { name: ledger.ref_name(), expected, new: Some(*commit) });
    }
    // git keeps what it fetched as files of their own.
    for (ledger, commit) in known.of_remote(remote_id) {
        changes.push(RefChange::unchanged(seen_ref_name(remote_id, &ledger), Some(commit)));
    }
    store.swap_each_ref(&changes)?;
    Ok(report)
}

fn is_wanted(ledger: &LedgerName, wanted: &dyn Fn(&str) -> bool) -> bool {
    // Of a segment that was cut only its beginning is known.
    let segment = ledger.notebook_segment();
    decode(segment).map_or_else(|| wanted(segment), |notebook| wanted(&notebook))
}

/// Fetches the ledgers to where this store keeps what the remote has.
fn fetch_ledgers(
    remote_id: &str,
    remote: &GitRemote,
    settings: &SyncSettings,
    options: &PullOptions<'_>,
    before: &KnownLedgers,
) -> Result<()> {
    let everything = settings.fetch == FetchPolicy::All && settings.rule.is_empty();
    // Of a first pull that wants everything, nothing is here yet.
    let all_at_once = everything && before.taken.is_empty() && options.notebooks.is_none();
    let filter = (!all_at_once && !options.dry_run).then_some("blob:none");
    let refspecs = match options.notebooks {
        None => vec![format!("+{LEDGERS}*:{}", seen_ref_name_of_all(remote_id))],
        Some(wanted) => {
            let listed = remote.list(&[&format!("{LEDGERS}*")])?;
            let ledgers = listed.keys().filter_map(|name| LedgerName::of_ref(name));
            let ledgers = ledgers.filter(|ledger| is_wanted(ledger, wanted));
            ledgers
                .map(|ledger| {
                    format!("+{}:{}", ledger.ref_name(), seen_ref_name(remote_id, &ledger))
                })
                .collect()
        }
    };
    remote.fetch(&refspecs, FetchHow { filter, prune: options.notebooks.is_none() })
}

fn seen_ref_name_of_all(remote_id: &str) -> String {
    format!("{}{remote_id}/ledger/*", super::known::REMOTES)
}

/// Adds the news of one ledger.
fn take_in(
    store: &Store,
    known: &KnownLedgers,
    ledger: &LedgerName,
    commit: ObjectId,
    options: &PullOptions<'_>,
    only: &OnlyCollection,
    news: &mut News,
) -> Result<()> {
    let mine = known.taken.get(ledger);
    let is_old = match mine {
        Some(mine) => descends(store, mine, &commit)?,
        None => false,
    };
    if is_old && !options.removed_too {
        return Ok(());
    }
    let (tree, _) = commit_of(store, &commit)?;
    let old = match mine {
        Some(mine) if !options.removed_too => Some(commit_of(store, mine)?.0),
        _ => None,
    };
    let added = compare(store, old.as_ref(), Some(&tree))?.added;
    let mut is_whole = true;
    let mut here: BTreeMap<String, ObjectId> = BTreeMap::new();
    if !added.is_empty() {
        let prefix = format!("{}/", ledger.notebook_segment());
        let names = store.names_with_prefix(&prefix)?;
        here.extend(names.into_iter().map(|(name, tree)| (name.as_str().to_owned(), tree)));
    }
    for (below, tree) in added {
        let full = format!("{}/{below}", ledger.notebook_segment());
        let name = match EntryName::parse(full.clone()) {
            Ok(name) if tree.to_string().starts_with(name.id8()) => name,
            Ok(_) => {
                let reason = "its name says another content than it has".to_owned();
                news.report.refused.push((full, reason));
                continue;
            }
            Err(_) => {
                news.report.refused.push((full, "it is not the name of an entry".into()));
                continue;
            }
        };
        match here.get(name.as_str()) {
            Some(known) if *known == tree => {}
            Some(_) => {
                let reason = "another content has that name here".to_owned();
                news.report.refused.push((full, reason));
            }
            None if options.since.is_some_and(|since| name.created_at() < since) => {
                is_whole = false;
            }
            None => news.entries.push((name, tree)),
        }
    }
    if is_old {
        return Ok(());
    }
    news.report.ledgers.push(ledger.clone());
    if !is_whole || options.dry_run {
        // What was left out must come with a later pull.
        return Ok(());
    }
    let next = match mine {
        Some(mine) if !descends(store, &commit, mine)? => {
            let forgotten = Forgotten::read(store)?;
            let state = union(store, ledger, &commit, mine, &forgotten, options.now)?;
            store.append_kept(&state.objects, only)?;
            state.commit
        }
        _ => commit,
    };
    news.taken.insert(ledger.clone(), next);
    Ok(())
}
