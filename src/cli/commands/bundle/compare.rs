//! Two sides of a comparison of stats: where they come from, and what is asked of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::drift;
use super::files;
use super::key::{Which, bundles, found, names_of};
use super::stats::Pick;
use crate::bundle::{Bundle, Scope, StatsState, versions_among};
use crate::cli::report::{Failure, Outcome};
use crate::cli::selection::Selection;
use crate::cli::session::Session;
use crate::disk;
use crate::lookup::Miss;
use crate::name::{EntryName, escape};
use crate::stats::Stats;
use crate::stats::compare::{Thresholds, compare};

/// What is asked of a comparison.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Comparing")]
pub(super) struct Comparing {
    /// Mark what changed by more: `5%`, or of one stat `mean=1%`, `mode=off`; may be repeated.
    #[arg(long, value_name = "[STAT=]SHARE", value_parser = bound, requires = "other")]
    threshold: Vec<Bound>,
    /// Exit with 1 if anything changed by more: `10%`, or of one stat `mean=1%`; may be repeated.
    #[arg(long, value_name = "[STAT=]SHARE", value_parser = bound, requires = "other")]
    fail_over: Vec<Bound>,
    /// Compare those stats too that say nothing of the data, such as `memory_usage`.
    #[arg(long, requires = "other")]
    all_stats: bool,
}

/// A bound for a stat, or for all that have none of their own.
#[derive(Debug, Clone, PartialEq)]
struct Bound {
    stat: Option<String>,
    share: f64,
}

/// Reads `5%`, `0.05`, `mean=1%`, `mode=off`.
fn bound(text: &str) -> Result<Bound, String> {
    let (stat, share) = match text.rsplit_once('=') {
        Some((stat, share)) => (Some(stat.to_owned()), share),
        None => (None, text),
    };
    let share = match share.strip_suffix('%') {
        _ if share == "off" => Ok(f64::INFINITY),
        Some(percent) => percent.trim_end().parse::<f64>().map(|percent| percent / 100.0),
        None => share.parse::<f64>(),
    };
    match share {
        Ok(share) if share >= 0.0 => Ok(Bound { stat, share }),
        _ => Err("write it as 5%, 0.05, or mean=1%; `off` is without bound".into()),
    }
}

fn thresholds(bounds: &[Bound], usual: f64) -> Thresholds {
    let mut thresholds = Thresholds { usual, by_stat: BTreeMap::new() };
    for Bound { stat, share } in bounds {
        match stat {
            Some(stat) => drop(thresholds.by_stat.insert(stat.clone(), *share)),
            None => thresholds.usual = *share,
        }
    }
    thresholds
}

/// One side of a comparison.
pub(super) struct Side {
    /// What it is called: the name of an entry, or the path of a file.
    pub(super) name: String,
    pub(super) stats: Arc<Stats>,
    /// Whether they are of a sample of the rows; of a file nobody knows.
    pub(super) is_sampled: bool,
    /// How many rows the table has; of a file nobody knows.
    pub(super) total_rows: Option<u64>,
}

/// Prints what changed, and says by the exit code whether that is too much.
pub(super) fn run(
    session: &Session,
    asked: &Comparing,
    before: &Side,
    after: &Side,
    pick: &Pick<'_>,
) -> Outcome {
    let diff = compare(&pick.of(&before.stats), &pick.of(&after.stats), asked.all_stats);
    let marked = thresholds(&asked.threshold, Thresholds::default().usual);
    drift::print(session, before, after, &diff, &marked)?;
    // Where only stats are named, all others are free.
    let failing = thresholds(&asked.fail_over, f64::INFINITY);
    if !asked.fail_over.is_empty() && diff.passes(&failing) {
        return Err(Failure::Different);
    }
    Ok(())
}

/// Returns the stats that a text means: a file, data, or a selector of an entry.
pub(super) fn side(
    session: &Session,
    which: &Which,
    text: &str,
    scope: Option<Scope>,
) -> Result<Side, Failure> {
    let bundles = bundles(session)?;
    let snapshot = session.snapshot(bundles.store())?;
    let is_data = |text: &str| !names_of(&snapshot, which.state.space(), text).is_empty();
    if is_data(text) {
        return of_bundle(&*which.of_data(text).bundle(session)?, scope);
    }
    let path = session.path(Path::new(text));
    if disk::is_there(&path) && !disk::is_folder(&path) {
        let stats = Arc::new(files::stats(session, Path::new(text))?);
        return Ok(Side { name: text.to_owned(), stats, is_sampled: false, total_rows: None });
    }
    // `DATA_ID~1` and `DATA_ID@when`: the longest that is data.
    let ends = text.char_indices().rev().filter(|(_, symbol)| matches!(symbol, '~' | '@'));
    for (at, _) in ends {
        let (data_id, rest) = text.split_at(at);
        if is_data(data_id) {
            let key = which.state.key(session, &snapshot, data_id)?;
            let selector = format!("{}{rest}", escaped_key(&key.execution_key()));
            return of_selector(session, &selector, text, scope);
        }
    }
    of_selector(session, text, text, scope)
}

fn escaped_key(key: &crate::name::ExecutionKey) -> String {
    let parts = [key.notebook(), key.cell(), key.module(), key.version()];
    parts.map(|part| escape(part).into_owned()).join(":")
}

/// Returns the stats of the bundle that a selector means. Versions back are counted as people see
/// them: rows and their stats that came later are one.
fn of_selector(
    session: &Session,
    selector: &str,
    text: &str,
    scope: Option<Scope>,
) -> Result<Side, Failure> {
    let none = || Failure::from(Miss::NeverStored { name: text.to_owned() });
    let selection: Selection = selector.parse().map_err(|_| none())?;
    let bundles = bundles(session)?;
    let snapshot = session.snapshot(bundles.store())?;
    let resolved = selection.resolve(session, &snapshot)?;
    let name: EntryName = if let Some(key) = resolved.selector.key() {
        let history = versions_among(resolved.view.snapshot().history(&key));
        let back = resolved.selector.back();
        resolved.view.choose(&history, back).cloned().ok_or_else(none)?
    } else {
        let name = selection.name(session, &snapshot)?;
        whole(&snapshot, name.ok_or_else(|| selection.miss_in(&resolved))?)
    };
    of_bundle(&*found(bundles.version(&name)?, name.as_str())?, scope)
}

/// Returns the entry that completes rows, if stats were attached to them; else the same.
fn whole(snapshot: &crate::store::Snapshot, name: EntryName) -> EntryName {
    let Some(key) = name.key() else { return name };
    let whole = versions_among(snapshot.history(&key));
    if whole.contains(&name) {
        return name;
    }
    let next = whole.into_iter().find(|it| it.created_at() > name.created_at());
    next.unwrap_or(name)
}

fn of_bundle(bundle: &Bundle, scope: Option<Scope>) -> Result<Side, Failure> {
    let scope = scope.unwrap_or(Scope::Filtered);
    let stats = bundle.stats(scope).ok()?;
    debug_assert_eq!(bundle.stats_state(), StatsState::Complete, "they were read");
    Ok(Side {
        name: bundle.name().to_string(),
        stats,
        is_sampled: bundle.is_scope_sampled(scope),
        total_rows: Some(bundle.bounds().total_rows),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_shares_of_one_stat_or_of_all() {
        for (text, expected, why) in [
            ("5%", Some((None, 0.05)), "percent"),
            ("0.05", Some((None, 0.05)), "a share"),
            ("mean=1 %", Some((Some("mean"), 0.01)), "of one stat"),
            ("a=b=2%", Some((Some("a=b"), 0.02)), "whose name has the sign"),
            ("mode=off", Some((Some("mode"), f64::INFINITY)), "none"),
            ("0", Some((None, 0.0)), "any change"),
            ("-1%", None, "below zero"),
            ("much", None, "a word"),
            ("nan", None, "no number"),
            ("", None, "nothing"),
        ] {
            let found = bound(text).ok();
            let expected = expected.map(|(stat, share): (Option<&str>, f64)| Bound {
                stat: stat.map(Into::into),
                share,
            });
            assert_eq!(found, expected, "{text}: {why}");
        }
    }
}
