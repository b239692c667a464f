//! `recell log`: the results of cells over time.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cli::changes::changes;
use crate::cli::columns::{Align, Cell, Columns};
use crate::cli::report::{Failure, Outcome};
use crate::cli::selection::shown;
use crate::cli::session::Session;
use crate::cli::ui::{FAINT, STRONG};
use crate::cli::{json, words};
use crate::entry::Manifest;
use crate::error::Result;
use crate::index::Pattern;
use crate::lookup::{Lookup, Miss};
use crate::name::EntryName;
use crate::store::Store;

/// Digits of a module hash or commit that are shown.
const DIGITS: usize = 8;

/// Show the results of cells, newest first, and what changed
///
/// Each result is compared with the one of its cell before it: which ingredient of its module hash
/// changed, and which kinds of parts.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which results: notebook[:cell[:module[:version]]] with `*`, `?` and `[…]`.
    #[arg(value_parser = parse)]
    pattern: Asked,
    /// Show at most this many.
    #[arg(short = 'n', long = "number", value_name = "COUNT")]
    number: Option<usize>,
}

impl Args {
    /// Returns what asks for all results of a pattern.
    pub(super) fn of(pattern: &str) -> Result<Args, String> {
        Ok(Args { pattern: parse(pattern)?, number: None })
    }
}

/// The results that are asked for.
#[derive(Debug, Clone)]
struct Asked {
    text: String,
    pattern: Pattern,
    /// All results of those cells.
    cells: Pattern,
}

fn parse(text: &str) -> Result<Asked, String> {
    let read = |text: &str| Pattern::parse(text).map_err(|error| error.to_string());
    let cells: Vec<&str> = text.split(':').take(2).collect();
    Ok(Asked { text: text.to_owned(), pattern: read(text)?, cells: read(&cells.join(":"))? })
}

/// One result, and what changed since the one before it.
struct Line {
    name: EntryName,
    found: Result<Manifest, Miss>,
    /// `None` if it is the first of its cell, or the two cannot be compared.
    changes: Option<Vec<String>>,
    is_first: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    let Asked { text, pattern, cells } = &args.pattern;
    // A result may follow one that the pattern leaves out.
    let names = store.list(cells)?;
    if !names.iter().any(|name| pattern.matches(name)) {
        return Err(Failure::from(Miss::NeverStored { name: text.clone() }));
    }
    let lines = lines(&store, names, pattern, args.number.unwrap_or(usize::MAX))?;
    if session.ui.json() {
        return session.ui.document(&Value::Array(lines.iter().map(document).collect()));
    }
    print(session, &lines)
}

/// Returns the newest `most` results that match, newest first. No manifest is read but theirs and those they
/// are compared with.
fn lines(
    store: &Store,
    mut names: Vec<EntryName>,
    pattern: &Pattern,
    most: usize,
) -> Result<Vec<Line>> {
    names.sort_by(|a, b| b.created_at().cmp(&a.created_at()).then_with(|| b.cmp(a)));
    let cell_of = |name: &EntryName| (name.notebook().into_owned(), name.cell().into_owned());
    let mut lines: Vec<Line> = Vec::new();
    // The newer neighbour that waits for the one before it, by cell.
    let mut waiting: BTreeMap<(String, String), usize> = BTreeMap::new();
    for name in names {
        let cell = cell_of(&name);
        let newer = waiting.remove(&cell);
        let is_full = lines.len() >= most;
        let is_shown = !is_full && pattern.matches(&name);
        if !is_shown && newer.is_none() {
            if is_full && waiting.is_empty() {
                break;
            }
            continue;
        }
        let found = match store.entry(&name)? {
            Lookup::Hit(entry) => Ok(entry.manifest().clone()),
            Lookup::Miss(miss) => Err(miss),
        };
        if let Some(newer) = newer {
            let line = &mut lines[newer];
            line.is_first = false;
            if let (Ok(before), Ok(after)) = (&found, &line.found) {
                line.changes = Some(changes(before, after));
            }
        }
        if is_shown {
            waiting.insert(cell, lines.len());
            lines.push(Line { name, found, changes: None, is_first: true });
        }
    }
    Ok(lines)
}

fn print(session: &Session, lines: &[Line]) -> Outcome {
    let now = session.now();
    let cell = |line: &Line| shown(&[&line.name.notebook(), &line.name.cell()]);
    let one_cell = lines.iter().all(|line| cell(line) == cell(&lines[0]));
    if one_cell {
        let title = session.ui.paint(STRONG, cell(&lines[0]));
        session.ui.line(title)?;
    }
    let mut columns = Columns::new(&[
        ("made", Align::Left),
        ("", Align::Left),
        ("cell", Align::Left),
        ("module", Align::Left),
        ("version", Align::Left),
        ("size", Align::Right),
        ("took", Align::Right),
        ("commit", Align::Left),
        ("id", Align::Left),
        ("changed", Align::Left),
    ]);
    for line in lines {
        let name = &line.name;
        let (size, took, commit) = match &line.found {
            Ok(manifest) => facts(manifest),
            Err(_) => (String::new(), String::new(), String::new()),
        };
        let version = name.version();
        columns.push(vec![
            name.created_at().to_local().into(),
            Cell::styled(words::ago(now, name.created_at()), FAINT),
            if one_cell { "".into() } else { cell(line).into() },
            words::short(&name.module(), DIGITS).into(),
            if version == "0" { "".into() } else { version.into_owned().into() },
            size.into(),
            took.into(),
            commit.into(),
            Cell::styled(name.id8(), FAINT),
            changed(line).into(),
        ]);
    }
    columns.print(&session.ui)
}

/// Returns size, duration and host commit.
fn facts(manifest: &Manifest) -> (String, String, String) {
    let provenance = &manifest.provenance;
    let took = provenance.compute_seconds.map(words::took).unwrap_or_default();
    let commit = provenance.host_commit.as_deref().map(|commit| {
        // As `git describe --dirty` marks it.
        let mark = if provenance.host_dirty == Some(true) { "-dirty" } else { "" };
        format!("{}{mark}", words::short(commit, DIGITS))
    });
    (words::size(manifest.size()), took, commit.unwrap_or_default())
}

fn changed(line: &Line) -> String {
    match (&line.found, &line.changes) {
        (Err(miss), _) => miss.code().replace('_', " "),
        (Ok(_), Some(changes)) if changes.is_empty() => "nothing".into(),
        (Ok(_), Some(changes)) => changes.join(", "),
        (Ok(_), None) if line.is_first => "first".into(),
        (Ok(_), None) => "?".into(),
    }
}

fn document(line: &Line) -> Value {
    let mut value = match &line.found {
        Ok(manifest) => json::entry(&line.name, manifest),
        Err(_) => json::name(&line.name),
    };
    let miss = line.found.as_ref().err().map(Miss::code);
    let more = json!({ "first": line.is_first, "changed": line.changes, "miss": miss });
    json::extend(&mut value, more);
    value
}
