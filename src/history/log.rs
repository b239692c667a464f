//! The results of cells over time, newest first, each with what changed since the one before it.
//!
//! Of each entry only the manifest is read, all cores taking part, and of that only what is asked
//! for is kept: the notebook of years has tens of thousands.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::ops::Range;

use rayon::prelude::*;

use super::as_of::View;
use super::changes::changes;
use super::resolve::shown;
use super::selector::Selector;
use crate::clock::Timestamp;
use crate::entry::{Facts, Manifest};
use crate::error::Result;
use crate::git::ObjectId;
use crate::lookup::{Lookup, Miss};
use crate::name::EntryName;
use crate::store::Snapshot;

/// How many manifests one thread reads before it looks for more work: they stay in its cache.
const CHUNK: usize = 128;

/// Which of the results that are meant are listed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogOptions {
    /// Of those the newest so many.
    pub(crate) limit: usize,
    /// None made before this,
    pub(crate) since: Timestamp,
    /// and none after this.
    pub(crate) until: Timestamp,
}

impl Default for LogOptions {
    fn default() -> LogOptions {
        LogOptions { limit: usize::MAX, since: Timestamp::MIN, until: Timestamp::MAX }
    }
}

/// One result.
#[derive(Debug)]
pub(crate) struct LogEntry<'a> {
    pub(crate) name: &'a EntryName,
    /// Its notebook and cell, as a selector.
    pub(crate) cell: &'a str,
    /// What its manifest says, or why it cannot be read.
    pub(crate) found: std::result::Result<&'a Facts<'a>, &'a Miss>,
    /// What changed since the one before it; `None` if it is the first of its cell, or the two
    /// cannot be compared.
    pub(crate) changes: Option<Vec<Cow<'static, str>>>,
    /// Whether it is the first of its cell.
    pub(crate) is_first: bool,
}

/// Returns what `keep` makes of each result, newest first; a tie goes to the later name. Nothing if
/// nothing is meant.
///
/// No manifest is read but those of the results that are listed, and of those they follow.
///
/// # Errors
/// Those of [`Selector::names`].
pub(crate) fn log<T: Send>(
    selector: &Selector,
    view: &View,
    options: &LogOptions,
    keep: impl Fn(LogEntry<'_>) -> T + Sync,
) -> Result<Vec<T>> {
    let listed = selector.with_their_cells(view)?;
    let steps = steps(&listed, options);
    let snapshot = view.snapshot();
    let kept: Vec<Vec<(Timestamp, u32, T)>> = steps
        .par_chunks(CHUNK)
        .map_init(Reading::default, |reading, steps| {
            reading.read(snapshot, &listed, steps);
            reading.lines(snapshot, &listed, steps, &keep)
        })
        .collect();
    let mut kept: Vec<(Timestamp, u32, T)> = kept.into_iter().flatten().collect();
    let name = |number: u32| &listed[number as usize].0;
    kept.par_sort_unstable_by(|(at, number, _), (other_at, other, _)| {
        other_at.cmp(at).then_with(|| name(*other).cmp(name(*number)))
    });
    Ok(kept.into_iter().map(|(_, _, line)| line).collect())
}

/// An entry, its tree, and whether it is meant itself or only of a cell that is.
type Listed = (EntryName, ObjectId, bool);

/// An entry to be listed, and the one of its cell before it, by their numbers in the list.
#[derive(Debug, Clone, Copy)]
struct Step {
    entry: u32,
    before: Option<u32>,
}

/// Returns what is listed, those of a cell in the order of time.
fn steps(listed: &[Listed], options: &LogOptions) -> Vec<Step> {
    let number = |at: usize| u32::try_from(at).expect("names are fewer than bytes of a refs file");
    let within = options.since..=options.until;
    let mut steps: Vec<Step> = Vec::with_capacity(listed.len());
    let mut start = 0;
    let mut cell: Vec<(Timestamp, u32)> = Vec::new();
    for group in listed.chunk_by(|(a, ..), (b, ..)| a.cell_path() == b.cell_path()) {
        cell.clear();
        cell.extend(
            group.iter().zip(start..).map(|((name, ..), at)| (name.created_at(), number(at))),
        );
        // They are sorted by name, which breaks ties.
        cell.sort_unstable();
        for (at, (made, entry)) in cell.iter().enumerate() {
            if listed[*entry as usize].2 && within.contains(made) {
                let before = at.checked_sub(1).map(|before| cell[before].1);
                steps.push(Step { entry: *entry, before });
            }
        }
        start += group.len();
    }
    if steps.len() > options.limit {
        let made = |step: &Step| {
            let name = &listed[step.entry as usize].0;
            Reverse((name.created_at(), name))
        };
        steps.sort_unstable_by(|a, b| made(a).cmp(&made(b)));
        steps.truncate(options.limit);
        // Neighbours share what they are compared with.
        steps.sort_unstable_by_key(|step| listed[step.entry as usize].0.cell_path().to_owned());
    }
    steps
}

/// The manifests of some steps, read into one piece of memory, which a thread uses again and again.
#[derive(Default)]
struct Reading {
    bytes: Vec<u8>,
    /// Of each that was read, its number in the list and its bytes.
    manifests: Vec<(u32, std::result::Result<Range<usize>, Miss>)>,
    /// Of each step, which of them is it, and which is the one before it.
    places: Vec<(usize, Option<usize>)>,
    /// What is read on the way.
    tree: Vec<u8>,
    manifest: Vec<u8>,
}

impl Reading {
    fn read(&mut self, snapshot: &Snapshot, listed: &[Listed], steps: &[Step]) {
        let Reading { bytes, manifests, places, tree, manifest } = self;
        bytes.clear();
        manifests.clear();
        places.clear();
        let mut read = |number: u32| {
            // As a rule, the one before a result was listed just before it.
            if manifests.last().is_none_or(|(last, _)| *last != number) {
                let (name, id, _) = &listed[number as usize];
                let read = snapshot.read_manifest(name, id, tree, manifest);
                let found = read.map(|()| {
                    let start = bytes.len();
                    bytes.extend_from_slice(manifest);
                    start..bytes.len()
                });
                manifests.push((number, found));
            }
            manifests.len() - 1
        };
        for step in steps {
            let before = step.before.map(&mut read);
            places.push((read(step.entry), before));
        }
    }

    fn lines<T>(
        &self,
        snapshot: &Snapshot,
        listed: &[Listed],
        steps: &[Step],
        keep: &impl Fn(LogEntry<'_>) -> T,
    ) -> Vec<(Timestamp, u32, T)> {
        let name = |number: u32| &listed[number as usize].0;
        let skim = |(number, found): &(u32, std::result::Result<Range<usize>, Miss>)| {
            Facts::skim(&self.bytes[found.clone().ok()?], name(*number))
        };
        let mut facts: Vec<Option<Facts<'_>>> = self.manifests.iter().map(skim).collect();
        // What is spelled otherwise than recell does, or damaged, is read the long way.
        let whole = |at: usize| match &self.manifests[at] {
            _ if facts[at].is_some() => None,
            (_, Err(miss)) => Some(Err(miss.clone())),
            (number, Ok(_)) => Some(match snapshot.entry(name(*number)) {
                Lookup::Hit(entry) => Ok(entry.manifest().clone()),
                Lookup::Miss(miss) => Err(miss),
            }),
        };
        let wholes: Vec<Option<std::result::Result<Manifest, Miss>>> =
            (0..facts.len()).map(whole).collect();
        for (facts, whole) in facts.iter_mut().zip(&wholes) {
            if let Some(Ok(manifest)) = whole {
                *facts = Some(Facts::of(manifest));
            }
        }
        let (mut cell, mut cell_path) = (String::new(), None);
        let line = |(step, (entry, before)): (&Step, &(usize, Option<usize>))| {
            let found = match (&facts[*entry], &wholes[*entry]) {
                (_, Some(Err(miss))) => Err(miss),
                (Some(facts), _) => Ok(facts),
                (None, _) => unreachable!("what has no facts was read the long way"),
            };
            let old = before.and_then(|before| facts[before].as_ref());
            let changes = old.zip(found.ok()).map(|(old, new)| changes(old, new));
            let name = name(step.entry);
            if cell_path != Some(name.cell_path()) {
                cell = shown(&[&name.notebook(), &name.cell()]);
                cell_path = Some(name.cell_path());
            }
            let line =
                LogEntry { name, cell: &cell, found, changes, is_first: step.before.is_none() };
            (name.created_at(), step.entry, keep(line))
        };
        steps.iter().zip(&self.places).map(line).collect()
    }
}
