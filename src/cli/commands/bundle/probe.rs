//! `recell bundle probe`: whether a bundle is there, and fits.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::files;
use super::key::{State, bundles, escape_of};
use super::versions::summary;
use crate::bundle::{Bundle, Nearby, Probe, StatsState};
use crate::cli::report::{Failure, MISMATCH, Outcome, code_of_miss};
use crate::cli::session::Session;
use crate::cli::words::{count, grouped};
use crate::lookup::Miss;
use crate::name::escape;

/// Say whether a bundle is there, and fits
///
/// `hit` (exit code 0), `miss` (3, or 4 if it is damaged) or `mismatch` (6), with the reason: nothing
/// that is stored is believed of itself. With --schema the live data must have the columns that it
/// had when the bundle was made. A miss says what else there is of the same data.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What the host calls the data.
    data_id: String,
    #[command(flatten)]
    state: State,
    /// The columns of the live data, as JSON.
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
}

pub(super) fn run(args: &Args, session: &Session) -> Outcome {
    let schema = args.schema.as_ref().map(|path| files::schema(session, path)).transpose()?;
    let bundles = bundles(session)?;
    let snapshot = bundles.store().snapshot()?;
    let (probe, key) = match args.state.key(session, &snapshot, &args.data_id) {
        Ok(key) => (bundles.probe(&key, schema.as_ref())?, key),
        Err(Failure::Misses(mut misses)) => {
            // No configuration was named, and there is none to guess it by.
            let name = format!("{}:{}", escape(args.state.space()), escape(&args.data_id));
            let miss = misses.pop().unwrap_or(Miss::NeverStored { name });
            let key = crate::bundle::BundleKey::new(&args.data_id, "any")?;
            (Probe::Miss(miss), key.in_space(args.state.space()))
        }
        Err(failure) => return Err(failure),
    };
    let nearby = match &probe {
        Probe::Hit(_) => Nearby::default(),
        _ => bundles.nearby(&key)?,
    };
    let (reason, words, exit) = match &probe {
        Probe::Hit(_) => (None, None, 0),
        Probe::Miss(miss) => (Some(miss.code()), Some(miss.to_string()), code_of_miss(miss)),
        Probe::Mismatch(mismatch) => (Some(mismatch.code()), Some(mismatch.to_string()), MISMATCH),
    };
    let ui = &session.ui;
    if ui.json() {
        let bundle = match &probe {
            Probe::Hit(bundle) => summary(bundle),
            _ => Value::Null,
        };
        ui.document(&json!({
            "result": probe.name(),
            "reason": reason,
            "detail": words,
            "key": escape_of(&key),
            "bundle": bundle,
            "nearby": { "configurations": nearby.configurations, "states": nearby.scopes },
        }))?;
    } else {
        if let Probe::Hit(bundle) = &probe {
            ui.line(format_args!("hit  {}  {}", bundle.name(), facts(bundle)))?;
        } else {
            let (reason, words) = (reason.unwrap_or_default(), words.unwrap_or_default());
            ui.line(format_args!("{}  {reason}: {words}", probe.name()))?;
        }
        if let Some(others) = others(nearby) {
            ui.say(format!("of the same data there is {others}"));
        }
    }
    if exit == 0 { Ok(()) } else { Err(Failure::Told(exit)) }
}

/// Returns what a bundle has, in a few words.
pub(super) fn facts(bundle: &Bundle) -> String {
    let bounds = bundle.bounds();
    let number = |rows: u64| grouped(usize::try_from(rows).unwrap_or(usize::MAX));
    let stats = match bundle.stats_state() {
        StatsState::Pending => "stats pending",
        StatsState::Complete if bundle.is_sampled() => "stats of a sample",
        StatsState::Complete => "stats complete",
    };
    let (start, end, total) = (number(bounds.start), number(bounds.end), number(bounds.total_rows));
    format!("rows {start} to {end} of {total}, {stats}")
}

fn others(nearby: Nearby) -> Option<String> {
    let configurations =
        count(nearby.configurations, "other configuration", "other configurations");
    let states = count(nearby.scopes, "other state", "other states");
    match (nearby.configurations, nearby.scopes) {
        (0, 0) => None,
        (_, 0) => Some(configurations),
        (0, _) => Some(states),
        _ => Some(format!("{configurations} and {states}")),
    }
}
