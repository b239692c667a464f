//! `recell bundle versions`: the history of a bundle.

use serde_json::{Value, json};

use super::key::{State, bundles, escape_of};
use crate::bundle::{Bundle, Probe, Scope, StatsState, versions_among};
use crate::cli::columns::{Align, Cell, Columns};
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::ui::FAINT;
use crate::cli::{json, words};
use crate::lookup::Miss;
use crate::name::EntryName;

/// List the versions of a bundle, newest first
///
/// Rows whose stats came later are one version, that with the stats. An id is what --version takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What the host calls the data.
    data_id: String,
    #[command(flatten)]
    state: State,
    /// List at most this many.
    #[arg(short = 'n', long, value_name = "COUNT")]
    limit: Option<usize>,
}

pub(super) fn run(args: &Args, session: &Session) -> Outcome {
    let bundles = bundles(session)?;
    let snapshot = session.snapshot(bundles.store())?;
    let key = args.state.key(session, &snapshot, &args.data_id)?;
    let mut names = versions_among(snapshot.history(&key.execution_key()));
    if names.is_empty() {
        return Err(Miss::NeverStored { name: escape_of(&key) }.into());
    }
    names.reverse();
    names.truncate(args.limit.unwrap_or(usize::MAX));
    let ui = &session.ui;
    let mut documents = Vec::new();
    let mut columns = Columns::new(&[
        ("made", Align::Left),
        ("", Align::Left),
        ("rows", Align::Right),
        ("of", Align::Right),
        ("stats", Align::Left),
        ("size", Align::Right),
        ("took", Align::Right),
        ("id", Align::Left),
    ]);
    for name in names {
        let probe = bundles.version(&name)?;
        if ui.json() {
            documents.push(match &probe {
                Probe::Hit(bundle) => summary(bundle),
                other => unreadable(&name, other),
            });
            continue;
        }
        let mut row = [const { None }; 5];
        match &probe {
            Probe::Hit(bundle) => {
                let manifest = bundle.entry().manifest();
                let bounds = bundle.bounds();
                let number = |rows| words::grouped(usize::try_from(rows).unwrap_or(usize::MAX));
                let stats = match bundle.stats_state() {
                    StatsState::Complete if bundle.is_sampled() => "sampled",
                    state => state.name(),
                };
                row = [
                    Some(number(bounds.rows())),
                    Some(number(bounds.total_rows)),
                    Some(stats.to_owned()),
                    Some(words::size(manifest.size())),
                    manifest.provenance.compute_seconds.map(words::took),
                ];
            }
            Probe::Miss(miss) => row[2] = Some(miss.code().replace('_', " ")),
            Probe::Mismatch(mismatch) => row[2] = Some(format!("mismatch: {}", mismatch.code())),
        }
        let [rows, of, stats, size, took] = row.map(Option::unwrap_or_default);
        columns.push([
            name.created_at().to_local().into(),
            Cell::styled(words::ago(session.now(), name.created_at()), FAINT),
            rows.into(),
            of.into(),
            stats.into(),
            size.into(),
            took.into(),
            Cell::styled(name.id8(), FAINT),
        ]);
    }
    if ui.json() {
        return ui.document(&Value::Array(documents));
    }
    columns.print(ui)
}

/// Returns what a bundle is, as `--json` prints it.
pub(super) fn summary(bundle: &Bundle) -> Value {
    let manifest = bundle.entry().manifest();
    let bounds = bundle.bounds();
    let scopes: Vec<&str> = bundle.stats_scopes().into_iter().map(Scope::name).collect();
    let mut value = json::name(bundle.name());
    json::extend(
        &mut value,
        json!({
            "key": manifest.key.to_string(),
            "data_id": bundle.data_id(),
            "config_id": bundle.config_id(),
            "operations": bundle.operations().to_json(),
            "start": bounds.start,
            "end": bounds.end,
            "total_rows": bounds.total_rows,
            "columns": bundle.schema().columns().len(),
            "stats": bundle.stats_state().name(),
            "scopes": scopes,
            "sampled": bundle.is_sampled(),
            "versions": bundle.versions(),
            "producer": manifest.provenance.producer,
            "compute_seconds": manifest.provenance.compute_seconds,
            "size": manifest.size(),
        }),
    );
    value
}

fn unreadable(name: &EntryName, probe: &Probe) -> Value {
    let code = match probe {
        Probe::Hit(_) => None,
        Probe::Miss(miss) => Some(miss.code()),
        Probe::Mismatch(mismatch) => Some(mismatch.code()),
    };
    let mut value = json::name(name);
    json::extend(&mut value, json!({ probe.name(): code }));
    value
}
