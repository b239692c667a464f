//! `recell undo`: removed entries come back.

use serde_json::{Value, json};

use crate::cli::columns::{Align, Columns};
use crate::cli::json;
use crate::cli::report::{Failure, Outcome};
use crate::cli::session::Session;
use crate::cli::words::{ago, count, grouped, size};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::index::Pattern;
use crate::retention::{PastRemoval, removal_times, removals, undo};
use crate::store::Store;

/// Bring back what was removed
///
/// Without WHEN that is the last removal, by `rm`, `prune` or a cap. It works until gc has emptied
/// the trash. Pins of what was removed by force do not come back.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which removal: its time as `--list` shows it, or how that starts.
    #[arg(conflicts_with = "list")]
    when: Option<String>,
    /// Bring back only what matches: notebook[:cell[:module[:version]]], with globs.
    #[arg(long, value_name = "PATTERN", value_parser = Pattern::parse)]
    only: Option<Pattern>,
    /// List what can come back.
    #[arg(long, short, conflicts_with = "only")]
    list: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    let ui = &session.ui;
    if args.list {
        return list(session, &store);
    }
    let when = chosen(args.when.as_deref(), &store)?;
    let only = args.only.clone().unwrap_or_else(Pattern::all);
    let restored = undo(&store, when, &only)?;
    if restored.is_empty() {
        return Err(Error::NothingToUndo { when: Some(when.to_local()) }.into());
    }
    if ui.json() {
        let restored = json::names(&restored);
        return ui.document(&json!({ "when": when.to_rfc3339(), "restored": restored }));
    }
    for name in &restored {
        ui.line(name)?;
    }
    let entries = count(restored.len(), "entry is", "entries are");
    ui.say(format!("{entries} back, removed {}", ago(session.now(), when)));
    Ok(())
}

/// Returns when that was which is to be undone.
fn chosen(text: Option<&str>, store: &Store) -> Result<Timestamp, Failure> {
    let times: Vec<Timestamp> = removal_times(store)?.into_iter().map(|(when, _)| when).collect();
    let nothing = || Error::NothingToUndo { when: text.map(str::to_owned) };
    let Some(text) = text else { return times.last().copied().ok_or_else(|| nothing().into()) };
    let starts = |when: &Timestamp| {
        let forms = [when.to_string(), when.to_local(), when.to_rfc3339()];
        forms.iter().any(|form| form.starts_with(text))
    };
    let matching: Vec<Timestamp> = times.into_iter().filter(starts).collect();
    match matching.as_slice() {
        [] => Err(nothing().into()),
        [when] => Ok(*when),
        several => {
            let candidates = several.iter().map(ToString::to_string).collect();
            Err(Error::Ambiguous { text: text.to_owned(), candidates }.into())
        }
    }
}

fn list(session: &Session, store: &Store) -> Outcome {
    let ui = &session.ui;
    // The last removal first, as it is the one that is undone.
    let past: Vec<PastRemoval> = removals(store)?.into_iter().rev().collect();
    if ui.json() {
        let one = |removal: &PastRemoval| {
            json!({
                "when": removal.when.to_rfc3339(),
                "entries": removal.names.len(),
                "bytes": removal.bytes,
                "names": json::names(&removal.names),
            })
        };
        return ui.document(&Value::Array(past.iter().map(one).collect()));
    }
    let mut columns = Columns::new(&[
        ("removed", Align::Left),
        ("", Align::Left),
        ("entries", Align::Right),
        ("bytes", Align::Right),
        ("first", Align::Left),
    ]);
    for removal in &past {
        let first = removal.names.first();
        let key = |name: &crate::EntryName| match name.key() {
            Some(key) => key.to_string(),
            None => name.key_path().to_owned(),
        };
        columns.push([
            removal.when.to_local().into(),
            ago(session.now(), removal.when).into(),
            grouped(removal.names.len()).into(),
            size(removal.bytes).into(),
            first.map(key).unwrap_or_default().into(),
        ]);
    }
    columns.print(ui)?;
    if past.is_empty() {
        ui.say("the trash is empty");
    }
    Ok(())
}
