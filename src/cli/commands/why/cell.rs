//! Why the result of one cell, as it stands in its notebook, is stored or not.

use serde_json::{Value, json};

use super::skipped;
use crate::cli::comparing::{Cells, before, made};
use crate::cli::describe::one_line;
use crate::cli::notebooks::NotebookFile;
use crate::cli::report::{Failure, MISSED, Outcome, code_of_miss};
use crate::cli::selection::shown;
use crate::cli::session::Session;
use crate::cli::ui::FAINT;
use crate::cli::{json, words};
use crate::error::Error;
use crate::history::{Comparison, Recipe, compare, nearest};
use crate::index::Pattern;
use crate::lookup::{Lookup, Miss};
use crate::name::ExecutionKey;
use crate::notebook::{StandingCell, standing, standing_before};
use crate::store::{Entry, Snapshot};

/// What is to be said of a cell as it stands.
pub(super) enum Verdict {
    /// Its result is stored.
    Hit(Entry),
    /// Its result was stored and cannot be read.
    Unreadable(Miss),
    /// It has no code: there is nothing to store.
    Blank,
    /// It was never recorded, or nothing of it can be read.
    New,
    /// It was recorded when it was made of something else.
    Changed { nearest: Entry, comparison: Comparison },
}

/// Returns what is to be said of the cell at `index`, and what was passed over.
pub(super) fn verdict(
    snapshot: &Snapshot,
    cells: &[StandingCell],
    index: usize,
    known: &Cells<'_>,
) -> (Verdict, Vec<Miss>) {
    let cell = &cells[index];
    if let Some(name) = cell.hits().next_back() {
        let verdict = match snapshot.entry(name) {
            Lookup::Hit(entry) => Verdict::Hit(entry),
            Lookup::Miss(miss) => Verdict::Unreadable(miss),
        };
        return (verdict, Vec::new());
    }
    let found = nearest(snapshot, &cell.entries, &cell.module.ingredients);
    let verdict = match found.entry {
        Some(nearest) => {
            let is = Recipe {
                ingredients: cell.module.ingredients.clone(),
                code: Some(cell.source.clone()),
                before: Some(before(standing_before(cells, index))),
                ..Recipe::default()
            };
            // The nearest's circumstances are not those of a work tree.
            let was = Recipe { upstream: Vec::new(), ..known.recipe(&nearest) };
            let comparison = compare(&was, &is);
            Verdict::Changed { nearest, comparison }
        }
        None if cell.has_code => Verdict::New,
        None => Verdict::Blank,
    };
    (verdict, found.skipped)
}

impl Verdict {
    /// Returns the exit code that goes with it.
    pub(super) fn code(&self) -> u8 {
        match self {
            Verdict::Hit(_) | Verdict::Blank => 0,
            Verdict::Unreadable(miss) => code_of_miss(miss),
            Verdict::New | Verdict::Changed { .. } => MISSED,
        }
    }

    /// Returns `hit` or `miss`.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Verdict::Hit(_) => "hit",
            Verdict::Blank => "blank",
            _ => "miss",
        }
    }

    /// Returns why, in a few words.
    pub(super) fn reason(&self, known: &Cells<'_>) -> String {
        match self {
            Verdict::Hit(_) => String::new(),
            Verdict::Unreadable(miss) => one_line(&miss.to_string()),
            Verdict::Blank => "it has no code".into(),
            Verdict::New => "no run of it was recorded".into(),
            Verdict::Changed { comparison, .. } => known.headline(comparison),
        }
    }

    /// Returns it as `--json` prints it.
    pub(super) fn document(&self, cell: &StandingCell, known: &Cells<'_>) -> Value {
        let (entry, nearest) = match self {
            Verdict::Hit(entry) => (Some(json::entry(entry.name(), entry.manifest())), None),
            Verdict::Changed { nearest, .. } => {
                (None, Some(json::entry(nearest.name(), nearest.manifest())))
            }
            _ => (None, None),
        };
        let comparison = match self {
            Verdict::Changed { comparison, .. } => Some(known.document(comparison)),
            _ => None,
        };
        let miss = match self {
            Verdict::Unreadable(miss) => Some(miss.code()),
            Verdict::New | Verdict::Changed { .. } => Some("never_stored"),
            _ => None,
        };
        json!({
            "cell": cell.name,
            "position": cell.position,
            "module": cell.module.segment(),
            "answer": self.word(),
            "reason": self.reason(known),
            "miss": miss,
            "entry": entry,
            "nearest": nearest,
            "comparison": comparison,
        })
    }
}

/// Whether a key is that of a cell as it stands in its notebook.
pub(super) fn stands(snapshot: &Snapshot, file: &NotebookFile, key: &ExecutionKey) -> bool {
    let Ok(contents) = file.read() else { return false };
    let Ok(notebook) = file.parse(&contents) else { return false };
    let cells = standing(snapshot, &file.name, &notebook);
    let is_it =
        |cell: &StandingCell| cell.name == key.cell() && cell.module.segment() == key.module();
    cells.iter().any(is_it)
}

pub(super) fn run(
    session: &Session,
    snapshot: &Snapshot,
    file: &NotebookFile,
    asked: &str,
) -> Outcome {
    let contents = file.read()?;
    let notebook = file.parse(&contents)?;
    let cells = standing(snapshot, &file.name, &notebook);
    let key = shown(&[file.name.as_str(), asked]);
    let Some(index) = find(&cells, asked, &key)? else {
        return gone(session, snapshot, &key);
    };
    let cell = &cells[index];
    let known = Cells::of(snapshot, file.name.as_str(), &cells);
    let (verdict, passed_over) = verdict(snapshot, &cells, index, &known);
    let passed_over = skipped(session, &passed_over);
    if session.ui.json() {
        let mut value = verdict.document(cell, &known);
        let more =
            json!({ "notebook": file.name.as_str(), "path": file.path, "skipped": passed_over });
        json::extend(&mut value, more);
        session.ui.document(&value)?;
    } else {
        print(session, cell, &verdict, &known, &shown(&[file.name.as_str(), &cell.name]))?;
    }
    match verdict.code() {
        0 => Ok(()),
        code => Err(Failure::Told(code)),
    }
}

/// Returns the cell of that name, or the only one whose name starts so.
fn find(cells: &[StandingCell], asked: &str, key: &str) -> Result<Option<usize>, Failure> {
    let is_so = |cell: &StandingCell| cell.name == asked || cell.own_name == asked;
    if let Some(index) = cells.iter().position(is_so) {
        return Ok(Some(index));
    }
    let starts =
        |cell: &StandingCell| cell.name.starts_with(asked) || cell.own_name.starts_with(asked);
    let mut found = cells.iter().enumerate().filter(|(_, cell)| starts(cell));
    match (found.next(), found.next()) {
        (first, None) => Ok(first.map(|(index, _)| index)),
        (first, second) => {
            let all = first.into_iter().chain(second).chain(found);
            let candidates = all.map(|(_, cell)| cell.name.clone()).collect();
            Err(Error::Ambiguous { text: key.to_owned(), candidates }.into())
        }
    }
}

/// Answers for a cell that the notebook does not have.
fn gone(session: &Session, snapshot: &Snapshot, key: &str) -> Outcome {
    let names = Pattern::parse(key).map(|pattern| snapshot.list(&pattern)).unwrap_or_default();
    let Some(newest) = names.iter().max_by_key(|name| name.created_at()) else {
        return Err(Miss::NeverStored { name: key.to_owned() }.into());
    };
    let reason = "the notebook has no such cell any more";
    if session.ui.json() {
        session.ui.document(&json!({
            "answer": "miss", "reason": reason, "miss": "never_stored", "nearest": json::name(newest),
        }))?;
    } else {
        let ago = words::ago(session.now(), newest.created_at());
        session.ui.line(format_args!("miss: {reason}; its newest entry was made {ago}"))?;
        session.ui.line(format_args!("  {}", newest.as_str()))?;
    }
    Err(Failure::Told(MISSED))
}

fn print(
    session: &Session,
    cell: &StandingCell,
    verdict: &Verdict,
    known: &Cells<'_>,
    key: &str,
) -> Outcome {
    let (ui, now) = (&session.ui, session.now());
    let fact = |name: &str, value: &str| {
        ui.line(format_args!("  {} {}", ui.paint(FAINT, format!("{name:<8}")), one_line(value)))
    };
    let place = format!("{key} (cell {})", cell.position + 1);
    match verdict {
        Verdict::Hit(entry) => {
            let manifest = entry.manifest();
            let ago = words::ago(now, manifest.created_at);
            ui.line(format_args!("hit: stored {ago}, {}", words::size(manifest.size())))?;
            fact("cell", &place)?;
            fact("made", &made(manifest, now))?;
            fact("entry", entry.name().as_str())
        }
        Verdict::Blank | Verdict::New | Verdict::Unreadable(_) => {
            let head = if matches!(verdict, Verdict::Blank) { "hit" } else { "miss" };
            ui.line(format_args!("{head}: {}", verdict.reason(known)))?;
            fact("cell", &place)
        }
        Verdict::Changed { nearest, comparison } => {
            let ago = words::ago(now, nearest.manifest().created_at);
            let reason = verdict.reason(known);
            ui.line(format_args!("miss: {reason}; nearest entry {ago}"))?;
            fact("cell", &place)?;
            fact("nearest", nearest.name().as_str())?;
            fact("made", &made(nearest.manifest(), now))?;
            known.print(ui, comparison)
        }
    }
}
