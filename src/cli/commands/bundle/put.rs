//! `recell bundle put`: stores a bundle, with its stats or before them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;

use super::files::{self, StatsFile, stats_file};
use super::key::State;
use crate::bundle::{
    Bounds, BundleKey, BundleOptions, BundleStore, RowsDraft, StatsDraft, StatsState,
};
use crate::cli::args::{assignment, seconds};
use crate::cli::json;
use crate::cli::report::{Failure, Outcome};
use crate::cli::session::Session;
use crate::disk;
use crate::error::Error;
use crate::name::EntryName;

const PRODUCER: &str = concat!("recell ", env!("CARGO_PKG_VERSION"), " bundle put");

/// Store the first render of a table view, and print its name
///
/// Without --stats its stats are pending, unless they are known of the same data, configuration,
/// operations and skipped stats. The name that is printed is the generation that `bundle attach`
/// gives them to. Files of stats are canonical text, recell's `stats.parquet`, or Buckaroo's
/// `sd.parquet`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What the host calls the data; best with something in it that changes with the data.
    data_id: String,
    #[command(flatten)]
    state: State,
    /// The rows, as parquet.
    #[arg(long, value_name = "FILE")]
    window: PathBuf,
    /// What the viewer renders with, as JSON.
    #[arg(long, value_name = "FILE")]
    display: Option<PathBuf>,
    /// The columns of the data, as JSON; by default those of the parquet file, with its types.
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// The row of the table that is the first of the window.
    #[arg(long, value_name = "ROW", default_value_t = 0)]
    start: u64,
    /// How many rows the table has, after all operations; by default it ends with the window.
    #[arg(long, value_name = "ROWS")]
    total_rows: Option<u64>,
    /// Stats of the data, or of a scope as `clean=FILE`, `filtered=FILE`; may be repeated.
    #[arg(long, value_name = "[SCOPE=]FILE", value_parser = stats_file)]
    stats: Vec<StatsFile>,
    /// The stats are of a sample of the rows.
    #[arg(long, requires = "stats")]
    sampled: bool,
    /// How long all of it took to compute.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    compute_seconds: Option<f64>,
    /// The program that made it, and its version.
    #[arg(long, value_name = "TEXT", default_value = PRODUCER, hide_default_value = true)]
    producer: String,
    /// What else it was made with, for example `pandas=3.0.6`; may be repeated.
    #[arg(long = "made-with", value_name = "NAME=VERSION", value_parser = assignment)]
    made_with: Vec<(String, String)>,
    /// Leave stats pending even if they are known.
    #[arg(long, conflicts_with = "stats")]
    fresh: bool,
}

pub(super) fn run(args: &Args, session: &Session) -> Outcome {
    let Some(config_id) = args.state.config_id(session)? else {
        return Err(Error::InvalidBundle {
            what: "a bundle".into(),
            reason: "neither --config nor --config-id says under which configuration".into(),
        }
        .into());
    };
    let operations = args.state.operations(session)?;
    let key = BundleKey::new(&args.data_id, &config_id)?
        .in_space(args.state.space())
        .with_operations(operations);
    let rows = draft(args, &key, session)?;
    let stats = stats_draft(&args.stats, args.sampled, None, session)?;
    let bundles = BundleStore::new(session.store_to_put()?, &BundleOptions::default());
    let (name, standing) = if args.stats.is_empty() {
        let put = bundles.put_rows(&key, rows)?;
        (put.name, put.stats)
    } else {
        (bundles.put(&key, rows, &stats)?, StatsState::Complete)
    };
    tell(session, &name, standing)?;
    session.flush_after_put(bundles.store());
    Ok(())
}

fn draft(args: &Args, key: &BundleKey, session: &Session) -> Result<RowsDraft, Failure> {
    let window = disk::read(&session.path(&args.window))?;
    let mut rows = RowsDraft::of_window(window, args.start, args.total_rows)?;
    let Bounds { start, end, .. } = rows.bounds;
    if let Some(total) = args.total_rows.filter(|total| *total < end) {
        return Err(Error::InvalidBundle {
            what: "window".into(),
            reason: format!("it has rows {start} to {end}, and the table {total}"),
        }
        .into());
    }
    if let Some(path) = &args.schema {
        rows.schema = files::schema(session, path)?;
    }
    if let Some(path) = &args.display {
        rows.display = files::display(session, path)?;
    }
    if let Some(config) = args.state.config(session)? {
        let operations = key.operations();
        let skipped = |scope| (scope, config.skipped_in(scope, operations));
        rows.skipped = operations.scopes().into_iter().map(skipped).collect();
        rows.skipped.retain(|_, skipped| !skipped.is_empty());
    }
    rows.versions = args.made_with.iter().cloned().collect::<BTreeMap<_, _>>();
    rows.producer.clone_from(&args.producer);
    rows.compute_seconds = args.compute_seconds;
    rows.is_fresh = args.fresh;
    Ok(rows)
}

/// Reads stats of scopes from files.
pub(super) fn stats_draft(
    files: &[StatsFile],
    sampled: bool,
    compute_seconds: Option<f64>,
    session: &Session,
) -> Result<StatsDraft, Failure> {
    let mut draft = StatsDraft { compute_seconds, ..StatsDraft::default() };
    for StatsFile { scope, path } in files {
        let stats = files::stats(session, path)?;
        if draft.scopes.insert(*scope, stats).is_some() {
            return Err(Error::InvalidBundle {
                what: format!("stats of scope `{scope}`"),
                reason: "they are given twice".into(),
            }
            .into());
        }
        if sampled {
            draft.sampled.insert(*scope);
        }
    }
    Ok(draft)
}

/// Prints the name of what was stored.
pub(super) fn tell(session: &Session, name: &EntryName, state: StatsState) -> Outcome {
    let ui = &session.ui;
    if ui.json() {
        let mut value = json::name(name);
        json::extend(&mut value, json!({ "stats": state.name() }));
        ui.document(&value)?;
    } else {
        ui.line(name)?;
        if state == StatsState::Pending {
            ui.say("its stats are pending: `recell bundle attach` adds them");
        }
    }
    ui.finish()
}
