//! `recell bundle export`: what is stored as Buckaroo's own files.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::import::{escaped, shown_folder, shown_id};
use crate::bundle::buckaroo::{ExportOutcome, ExportSettings, Exported, export_folder};
use crate::bundle::{BundleOptions, BundleStore};
use crate::cli::columns::{Align, Cell, Columns};
use crate::cli::report::{Failure, Outcome};
use crate::cli::session::Session;
use crate::cli::ui::{FAINT, REMOVED};
use crate::cli::words::size;
use crate::config::Glob;
use crate::lookup::Miss;

/// The exit code when something was refused.
const FAILED: u8 = 1;

/// Write bundles as Buckaroo's own files
///
/// Writes the newest version of each bundle to `DIR/<data_id>/`, and each cache of stats to
/// `DIR/parquet/v1/`, where Buckaroo reads them. What was imported from Buckaroo comes back to the
/// byte; what was put here is made so that Buckaroo reads it. Nothing is written outside of the
/// folder, whatever the ids are: what is no name of a folder is encoded. Buckaroo keeps one bundle
/// for each data set: the newest is written, and bundles of rows after operations are left out.
/// Exits with 1 if something was refused, such as to replace files that differ.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder, which is made if need be
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Only this data, by its id or a glob; all if none is named
    #[arg(value_name = "DATA")]
    data: Vec<Glob>,
    /// The space that it comes from
    #[arg(long, default_value = crate::bundle::DEFAULT_SPACE, value_name = "NAME")]
    space: String,
    /// Only bundles under this configuration
    #[arg(long, value_name = "ID")]
    config_id: Option<String>,
    /// Replace files that differ
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let bundles = BundleStore::new(session.store()?, &BundleOptions::default());
    let wanted = |data_id: &str| {
        let is_named = |glob: &Glob| glob.as_str() == data_id || glob.matches(data_id);
        args.data.is_empty() || args.data.iter().any(is_named)
    };
    let settings = ExportSettings {
        space: &args.space,
        is_wanted: &wanted,
        config_id: args.config_id.as_deref(),
        until: session.as_of()?.map(|moment| moment.span.last),
        is_forced: args.force,
    };
    let progress = session.ui.progress();
    let folder = session.path(&args.folder);
    let exported = export_folder(&bundles, &folder, &settings, &progress)?;
    let total =
        |is: fn(&ExportOutcome) -> bool| exported.iter().filter(|it| is(&it.outcome)).count();
    let refused = total(|it| matches!(it, ExportOutcome::Refused(_)));
    let ui = &session.ui;
    if ui.json() {
        let list: Vec<Value> = exported.iter().map(document).collect();
        ui.document(&json!({ "exported": list }))?;
    } else {
        print(session, &exported)?;
        let new = total(|it| matches!(it, ExportOutcome::Exported));
        let unchanged = total(|it| matches!(it, ExportOutcome::Unchanged));
        let left_out = total(|it| matches!(it, ExportOutcome::LeftOut(_)));
        let left_out = if left_out > 0 { format!(", {left_out} left out") } else { String::new() };
        if !exported.is_empty() {
            ui.say(format!("{new} exported, {unchanged} unchanged, {refused} refused{left_out}"));
        }
    }
    if exported.is_empty() {
        let what: Vec<&str> = args.data.iter().map(Glob::as_str).collect();
        let what = if what.is_empty() { "*".into() } else { what.join(" ") };
        let name = format!("{}:{what}", args.space);
        return Err(Miss::NeverStored { name }.into());
    }
    if refused > 0 { Err(Failure::Told(FAILED)) } else { Ok(()) }
}

fn print(session: &Session, all: &[Exported]) -> Outcome {
    let mut columns = Columns::new(&[
        ("result", Align::Left),
        ("layout", Align::Left),
        ("data", Align::Left),
        ("bytes", Align::Right),
        ("folder", Align::Left),
        ("", Align::Left),
    ]);
    for one in all {
        let (result, reason) = match &one.outcome {
            ExportOutcome::Exported => ("exported".into(), ""),
            ExportOutcome::Unchanged => (Cell::styled("unchanged", FAINT), ""),
            ExportOutcome::Refused(reason) => (Cell::styled("refused", REMOVED), reason.as_str()),
            ExportOutcome::LeftOut(reason) => ("left out".into(), reason.as_str()),
        };
        let bytes = if one.bytes == 0 { String::new() } else { size(one.bytes) };
        columns.push([
            result,
            one.layout.name().into(),
            shown_id(&one.data_id).into(),
            bytes.into(),
            shown_folder(&one.folder).into(),
            escaped(reason).into(),
        ]);
    }
    columns.print(&session.ui)
}

fn document(one: &Exported) -> Value {
    let reason = match &one.outcome {
        ExportOutcome::Refused(reason) | ExportOutcome::LeftOut(reason) => Some(reason),
        ExportOutcome::Exported | ExportOutcome::Unchanged => None,
    };
    json!({
        "folder": one.folder,
        "layout": one.layout.name(),
        "data_id": one.data_id,
        "id": one.id,
        "entry": one.name.to_string(),
        "bytes": one.bytes,
        "result": one.outcome.name(),
        "reason": reason,
    })
}
