//! `recell bundle import`: Buckaroo's own files into the store.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::bundle::buckaroo::{ImportOutcome, ImportSettings, Imported, Layout, import_folder};
use crate::bundle::{BundleOptions, BundleStore};
use crate::cli::columns::{Align, Cell, Columns};
use crate::cli::report::{Failure, Outcome};
use crate::cli::session::Session;
use crate::cli::ui::{FAINT, REMOVED};
use crate::cli::words::{count, cut, size};

/// The exit code when something was refused.
const FAILED: u8 = 1;
/// Ids longer than this are cut where people read them.
const SHOWN: usize = 60;

/// Take in what Buckaroo keeps in a folder
///
/// Reads Buckaroo's bundles (folders with `manifest.json`, `sd.parquet` and `first_window.parquet`)
/// and its cache of stats (`parquet/v1/…/part-*.parquet`), in the folder and below. All of it comes
/// back to the byte with `recell bundle export`. What is stored already is not stored again, and
/// what is not as it should be is refused without keeping the rest from being imported. Links are
/// not followed. Exits with 1 if something was refused, or
/// there was nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// One bundle, a folder of many, or the folder of a cache of stats
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The space that it goes to: the notebook of the entries
    #[arg(long, default_value = crate::bundle::DEFAULT_SPACE, value_name = "NAME")]
    space: String,
    /// Call the data so where the files do not say what it is: a cache of stats never does
    #[arg(long, value_name = "ID")]
    data_id: Option<String>,
    /// Say what would be imported, and import nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.workspace()?.open_or_create(session.options())?;
    let bundles = BundleStore::new(store, &BundleOptions::default());
    let settings = ImportSettings {
        space: &args.space,
        data_id: args.data_id.as_deref(),
        is_dry_run: args.dry_run,
    };
    let progress = session.ui.progress();
    let folder = session.path(&args.folder);
    let imported = import_folder(&bundles, &folder, &settings, &progress)?;
    if !args.dry_run {
        session.flush_after_put(bundles.store());
    }
    let total =
        |is: fn(&ImportOutcome) -> bool| imported.iter().filter(|it| is(&it.outcome)).count();
    let refused = total(|it| matches!(it, ImportOutcome::Refused(_)));
    let is_empty = imported.iter().all(|it| matches!(it.outcome, ImportOutcome::PassedOver(_)));
    let ui = &session.ui;
    if ui.json() {
        let list: Vec<Value> = imported.iter().map(document).collect();
        ui.document(&json!({ "dry_run": args.dry_run, "imported": list }))?;
    } else {
        print(session, &imported)?;
        let new =
            total(|it| matches!(it, ImportOutcome::Imported(_) | ImportOutcome::WouldImport(_)));
        let unchanged = total(|it| matches!(it, ImportOutcome::Unchanged(_)));
        let verb = if args.dry_run { "would be imported" } else { "imported" };
        if is_empty {
            let hint = "Name a folder with `manifest.json`, or one that has such folders below.";
            ui.warn("no files of Buckaroo are there", Some(hint));
        } else {
            ui.say(format!("{new} {verb}, {unchanged} unchanged, {refused} refused"));
        }
    }
    if refused > 0 || is_empty { Err(Failure::Told(FAILED)) } else { Ok(()) }
}

/// Returns how a folder is called below the one that was named.
pub(super) fn shown_folder(folder: &str) -> String {
    if folder.is_empty() { ".".into() } else { cut(&escaped(folder), SHOWN) }
}

/// Returns an id as it can stand on a line.
pub(super) fn shown_id(id: &str) -> String {
    cut(&escaped(id), SHOWN)
}

/// Returns text of others as it can stand on a line: what would move the cursor, or turn the order
/// of what follows, is spelled out.
pub(super) fn escaped(text: &str) -> String {
    let turns = |symbol| matches!(symbol, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut out = String::with_capacity(text.len());
    for symbol in text.chars() {
        if symbol.is_control() || turns(symbol) {
            out.extend(symbol.escape_unicode());
        } else {
            out.push(symbol);
        }
    }
    out
}

fn print(session: &Session, all: &[Imported]) -> Outcome {
    let ui = &session.ui;
    let mut columns = Columns::new(&[
        ("result", Align::Left),
        ("layout", Align::Left),
        ("data", Align::Left),
        ("bytes", Align::Right),
        ("folder", Align::Left),
        ("", Align::Left),
    ]);
    for one in all {
        let (result, said) = match &one.outcome {
            ImportOutcome::Imported(names) => ("imported".into(), versions(names.len())),
            ImportOutcome::WouldImport(number) => ("new".into(), versions(*number)),
            ImportOutcome::Unchanged(_) => (Cell::styled("unchanged", FAINT), String::new()),
            ImportOutcome::Refused(reason) => (Cell::styled("refused", REMOVED), reason.clone()),
            ImportOutcome::PassedOver(reason) => ("passed over".into(), reason.clone()),
        };
        let layout = if one.layout == Layout::Unknown { "" } else { one.layout.name() };
        let bytes = if one.bytes == 0 { String::new() } else { size(one.bytes) };
        columns.push([
            result,
            layout.into(),
            shown_id(one.data_id.as_deref().unwrap_or_default()).into(),
            bytes.into(),
            shown_folder(&one.folder).into(),
            escaped(&said).into(),
        ]);
    }
    columns.print(ui)?;
    for one in all {
        for note in &one.notes {
            ui.warn(&format!("`{}`: {}", shown_folder(&one.folder), escaped(note)), None);
        }
    }
    Ok(())
}

/// Says how many versions there are if that is worth saying.
fn versions(number: usize) -> String {
    if number == 1 { String::new() } else { count(number, "version", "versions") }
}

fn document(one: &Imported) -> Value {
    let (names, reason): (Vec<String>, Option<&str>) = match &one.outcome {
        ImportOutcome::Imported(names) => (names.iter().map(ToString::to_string).collect(), None),
        ImportOutcome::Unchanged(name) => (vec![name.to_string()], None),
        ImportOutcome::WouldImport(_) => (Vec::new(), None),
        ImportOutcome::Refused(reason) | ImportOutcome::PassedOver(reason) => {
            (Vec::new(), Some(reason))
        }
    };
    let versions = match &one.outcome {
        ImportOutcome::Imported(names) => names.len(),
        ImportOutcome::WouldImport(number) => *number,
        _ => 0,
    };
    json!({
        "folder": one.folder,
        "layout": one.layout.name(),
        "data_id": one.data_id,
        "id": one.id,
        "bytes": one.bytes,
        "result": one.outcome.name(),
        "new_versions": versions,
        "entries": names,
        "reason": reason,
        "notes": one.notes,
    })
}
