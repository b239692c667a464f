//! `recell diff`: what differs between two results, or two states of a notebook.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::describe::one_line;
use crate::cli::differences::{Detail, print_entry, print_notebook};
use crate::cli::notebooks::folder_in;
use crate::cli::report::{Failure, Outcome};
use crate::cli::selection::{Resolved, Selection, shown};
use crate::cli::session::Session;
use crate::cli::ui::{FAINT, STRONG};
use crate::cli::{json, words};
use crate::clock::Timestamp;
use crate::config::Glob;
use crate::error::{Error, Result};
use crate::history::View;
use crate::history::diff::{CellVersion, DiffOptions, diff_entries, diff_notebooks};
use crate::index::Pattern;
use crate::lookup::Miss;
use crate::name::EntryName;
use crate::notebook::{CellState, NotebookName, cells_at};
use crate::store::{Entry, Snapshot};

/// Lines, rows and cells of a part that a person is shown; a machine gets more.
const LISTED: usize = 100;
/// Entries whose times differ by less microseconds were recorded together: one command gives all
/// the same, and a later one only to a cell whose last was of the future.
const TOGETHER: i64 = 100;

/// Show what differs between two results, or between two states of a notebook
///
/// Text is compared by lines, JSON by values, tables by rows and cells, images by pixels. A
/// notebook is compared cell by cell, as its results were recorded: now, or with `@` as of a time
/// or a commit. With A alone, it is compared with what it was before.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The earlier one: an entry as for `recell get`, or a notebook, NOTEBOOK[@TIME|@COMMIT].
    #[arg(value_name = "A")]
    before: String,
    /// The later one, of the same kind.
    #[arg(value_name = "B")]
    after: Option<String>,
    /// Print a line for each part.
    #[arg(long)]
    stat: bool,
    /// Exit with 1 if they differ.
    #[arg(long)]
    exit_code: bool,
    /// Only parts whose path or name matches this glob; may be given several times.
    #[arg(long = "part", value_name = "PATTERN", value_parser = glob)]
    parts: Vec<Glob>,
    /// Show this many lines that are the same around a change.
    #[arg(short = 'U', long = "unified", value_name = "LINES", default_value_t = 3)]
    context: usize,
    /// List at most this many lines, values, rows and cells of a part.
    #[arg(short = 'n', long = "number", value_name = "COUNT")]
    number: Option<usize>,
}

fn glob(text: &str) -> Result<Glob, String> {
    text.parse::<Glob>().map_err(|error| error.to_string())
}

/// What stands on the command line for one side.
enum Side {
    Entry(Box<Entry>),
    Notebook(Point),
}

/// A notebook in the store as of a moment or a commit, or now.
#[derive(Clone)]
struct Point {
    notebook: NotebookName,
    view: View,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let snapshot = session.snapshot(&session.store()?)?;
    let before = side(session, &snapshot, &args.before)?;
    let (before, after) = match &args.after {
        Some(text) => (before, side(session, &snapshot, text)?),
        None => (earlier(&snapshot, &before)?, before),
    };
    let is_same = match (before, after) {
        (Side::Entry(before), Side::Entry(after)) => entries(args, session, &before, &after)?,
        (Side::Notebook(before), Side::Notebook(after)) => {
            notebooks(args, session, &before, &after)?
        }
        _ => {
            let after = args.after.clone().unwrap_or_default();
            return Err(Error::CannotCompare { before: args.before.clone(), after }.into());
        }
    };
    if args.exit_code && !is_same { Err(Failure::Different) } else { Ok(()) }
}

impl Args {
    fn options(&self, session: &Session) -> DiffOptions {
        let usual = if session.ui.json() { DiffOptions::default().most } else { LISTED };
        let most = self.number.unwrap_or(usual);
        DiffOptions { context: self.context, most, parts: self.parts.clone() }
    }

    fn detail(&self) -> Detail {
        if self.stat { Detail::Lines } else { Detail::Whole }
    }
}

/// Returns what a text means: a notebook if one is recorded under it, else an entry.
fn side(session: &Session, snapshot: &Snapshot, text: &str) -> Result<Side, Failure> {
    let selection: Selection =
        text.parse().map_err(|_| Miss::NeverStored { name: text.to_owned() })?;
    let resolved = selection.resolve(session, snapshot)?;
    let Resolved { selector, view } = &resolved;
    if selector.back() == 0
        && let Some(text) = selector.notebook()
        && let Some(notebook) = notebook(session, snapshot, text)?
    {
        return Ok(Side::Notebook(Point { notebook, view: view.clone() }));
    }
    Ok(Side::Entry(Box::new(selection.entry_for_person(session, snapshot)?)))
}

/// Returns the notebook that a text names: in the store, by its path from here, or by the end of
/// its path if no other has it.
fn notebook(session: &Session, snapshot: &Snapshot, text: &str) -> Result<Option<NotebookName>> {
    let recorded =
        |name: &NotebookName| !snapshot.list(&Pattern::notebook(name.as_str())).is_empty();
    let Some(name) = NotebookName::of_path(Path::new(text)).filter(|_| !text.is_empty()) else {
        return Ok(None);
    };
    if recorded(&name) {
        return Ok(Some(name));
    }
    let full = session.path(Path::new(text));
    let place = full.parent().and_then(|folder| folder_in(session.workspace().ok()?, folder));
    let here = place
        .zip(full.file_name())
        .and_then(|(folder, file)| NotebookName::of_path(&folder.join(file)));
    if let Some(name) = here.filter(recorded) {
        return Ok(Some(name));
    }
    let ends = |it: &String| it.strip_suffix(text).is_some_and(|rest| rest.ends_with('/'));
    let mut found: Vec<String> = snapshot.notebooks().into_iter().filter(ends).collect();
    if found.len() > 1 {
        return Err(Error::Ambiguous { text: text.to_owned(), candidates: found });
    }
    Ok(found.pop().and_then(|name| NotebookName::of_path(Path::new(&name))))
}

/// Returns what was before `side`.
fn earlier(snapshot: &Snapshot, side: &Side) -> Result<Side, Failure> {
    match side {
        Side::Entry(entry) => {
            let name = entry.name();
            let cell = shown(&[&name.notebook(), &name.cell()]);
            let pattern = Pattern::parse(&cell)
                .map_err(|source| Error::Key { text: cell.clone(), source: source.into() })?;
            let mut names = snapshot.list(&pattern);
            names.retain(|it| it.version() == name.version() && order(it) < order(name));
            names.sort_by(|a, b| order(a).cmp(&order(b)));
            let none =
                || Miss::NeverStored { name: format!("{cell} before {}", name.created_at()) };
            let before = names.pop().ok_or_else(none)?;
            Ok(Side::Entry(Box::new(snapshot.entry(&before).ok()?)))
        }
        Side::Notebook(Point { notebook, view }) => {
            let names = view.snapshot().list(&Pattern::notebook(notebook.as_str()));
            let mut times: Vec<Timestamp> = names.iter().map(EntryName::created_at).collect();
            times.sort_unstable();
            let none = || Miss::NeverStored { name: format!("{notebook} before its first record") };
            let mut first = times.pop().ok_or_else(none)?;
            while let Some(before) = times.pop() {
                if first.micros() - before.micros() > TOGETHER {
                    let point =
                        Point { notebook: notebook.clone(), view: view.clone().as_of(before) };
                    return Ok(Side::Notebook(point));
                }
                first = before;
            }
            Err(none().into())
        }
    }
}

fn order(name: &EntryName) -> (Timestamp, &EntryName) {
    (name.created_at(), name)
}

/// Prints what differs between two entries; returns whether they hold the same.
fn entries(args: &Args, session: &Session, before: &Entry, after: &Entry) -> Result<bool, Failure> {
    let diff = diff_entries(before, after, &args.options(session));
    let is_same = diff.is_same();
    let ui = &session.ui;
    if ui.json() {
        let mut value = to_json(&diff);
        let names = [before, after].map(|it| json::name(it.name()));
        let [old, new] = names;
        json::extend(&mut value, json!({ "before": old, "after": new, "same": is_same }));
        ui.document(&value)?;
        return Ok(is_same);
    }
    let (old, new) = (&before.manifest().key, &after.manifest().key);
    let same_cell = old.notebook() == new.notebook() && old.cell() == new.cell();
    if same_cell {
        ui.line(ui.paint(STRONG, one_line(&shown(&[new.notebook(), new.cell()]))))?;
    }
    for (side, entry) in [("before", before), ("after", after)] {
        let name = entry.name();
        let key = &entry.manifest().key;
        let what =
            if same_cell { String::new() } else { format!("{} ", one_line(&key.to_string())) };
        let ago = words::ago(session.now(), name.created_at());
        let when = format!("{} ({ago}) {}", name.created_at().to_local(), name.id8());
        ui.line(format_args!("  {} {what}{when}", ui.paint(FAINT, format!("{side:<8}"))))?;
    }
    print_entry(ui, &diff, args.detail())?;
    Ok(is_same)
}

/// Prints what differs between two states of notebooks; returns whether they hold the same.
fn notebooks(
    args: &Args,
    session: &Session,
    before: &Point,
    after: &Point,
) -> Result<bool, Failure> {
    let cells = |point: &Point| -> Vec<CellVersion> {
        let until = |history: &[EntryName]| point.view.count(history);
        let cells = cells_at(point.view.snapshot(), &point.notebook, until);
        cells.into_iter().map(version).collect()
    };
    let (old, new) = (cells(before), cells(after));
    let diff = diff_notebooks(&old, &new, &args.options(session));
    let is_same = diff.is_same();
    let ui = &session.ui;
    if ui.json() {
        let said = |point: &Point| {
            let as_of = point.view.snapshot().moment().map(Timestamp::to_rfc3339);
            json!({ "notebook": point.notebook.as_str(), "as_of": as_of })
        };
        let mut value = json!({ "before": said(before), "after": said(after), "same": is_same });
        json::extend(&mut value, to_json(&diff));
        ui.document(&value)?;
        return Ok(is_same);
    }
    for (side, point) in [("before", before), ("after", after)] {
        let when = point
            .view
            .snapshot()
            .moment()
            .map_or_else(|| "now".into(), |it| format!("as of {}", it.to_local()));
        let name = ui.paint(STRONG, one_line(point.notebook.as_str()));
        ui.line(format_args!("{} {name} {when}", ui.paint(FAINT, format!("{side:<6}"))))?;
    }
    print_notebook(ui, &diff, args.detail())?;
    Ok(is_same)
}

fn version(cell: CellState) -> CellVersion {
    let CellState { cell, position, name, entry } = cell;
    CellVersion { cell, position, name, entry }
}

fn to_json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("texts, numbers and lists have a form in JSON")
}
