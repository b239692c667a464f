//! Plain tags on a remote: one for each entry, as this store has them, for those who read results
//! there with git alone. They cost what ledgers do not: every fetch of anybody lists them.

use std::collections::BTreeMap;

use super::batches::{Answer, Batches, Contents};
use super::remote::Remote;
use super::send::read_answers;
use crate::error::Result;
use crate::git::{ObjectId, PushRef, PushedContents};
use crate::index::TAGS;
use crate::name::EntryName;
use crate::progress::Progress;
use crate::store::Store;

/// How many tags go into one push.
const TAGS_A_PUSH: usize = 500;

/// What a push of tags did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TagsReport {
    /// The tags that the remote had not and has now, as it was read back, or would get.
    pub(crate) tags: Vec<EntryName>,
    /// Those that it does not take, with its words.
    pub(crate) missing: Vec<(EntryName, String)>,
}

/// Tags cannot be sent in pieces.
struct Whole;

impl Contents for Whole {
    fn count(&self, _: usize) -> usize {
        0
    }
    fn blamed(&self, _: usize, _: &[usize], _: &str) -> Vec<usize> {
        Vec::new()
    }
}

/// Sends a tag for each of the entries that are `wanted` and that the remote has no tag for.
///
/// # Errors
/// [`crate::Error::RemoteUnreachable`] and its family, and those of a flush.
pub(crate) fn push_tags(
    store: &Store,
    remote: &Remote,
    wanted: &dyn Fn(&EntryName) -> bool,
    dry_run: bool,
    progress: Option<&dyn Progress>,
) -> Result<TagsReport> {
    store.flush()?;
    let read_back = || remote.list_pushed(&[&format!("{TAGS}*")]);
    let before = read_back()?;
    let mut lacking: Vec<(EntryName, ObjectId)> = store.names_with_prefix("")?;
    lacking.retain(|(name, _)| !before.contains_key(&format!("{TAGS}{name}")) && wanted(name));
    let mut report = TagsReport::default();
    if dry_run || lacking.is_empty() {
        report.tags = lacking.into_iter().map(|(name, _)| name).collect();
        return Ok(report);
    }
    let mut batches = Batches::new(lacking.len(), TAGS_A_PUSH);
    let mut pushes = 0;
    while let Some(loads) = batches.next() {
        let tag = |number: usize| {
            let (name, tree) = &lacking[number];
            PushRef { name: format!("{TAGS}{name}"), new: Some(*tree), lease: None }
        };
        let refs: Vec<PushRef> = loads.iter().map(|load| tag(load.ledger)).collect();
        let answer = remote.push(store, &refs, PushedContents::Shared, progress)?;
        pushes += 1;
        let answers: Vec<Answer> = read_answers(remote, &refs, &answer, pushes, &read_back)?;
        batches.answered(answers, &Whole);
    }
    let reasons: BTreeMap<usize, String> = batches
        .into_given_up()
        .into_iter()
        .map(|given_up| (given_up.load.ledger, given_up.reason))
        .collect();
    let after = read_back()?;
    for (number, (name, tree)) in lacking.into_iter().enumerate() {
        if after.get(&format!("{TAGS}{name}")) == Some(&tree) {
            report.tags.push(name);
        } else {
            let reason = reasons.get(&number).cloned();
            let reason = reason.unwrap_or_else(|| "the remote has another tag of that name".into());
            report.missing.push((name, reason));
        }
    }
    Ok(report)
}
