//! Why the results of a whole notebook, as it stands, are stored or not: the root cause first.

use std::collections::BTreeSet;

use serde_json::json;

use super::cell::{Verdict, verdict};
use super::skipped;
use crate::cli::columns::{Align, Cell, Columns};
use crate::cli::comparing::Cells;
use crate::cli::notebooks::NotebookFile;
use crate::cli::report::{Failure, Outcome};
use crate::cli::session::Session;
use crate::cli::ui::FAINT;
use crate::cli::words;
use crate::history::Change;
use crate::notebook::{StandingCell, standing};
use crate::store::Snapshot;

/// Characters of a cell's code that are shown beside it.
const CODE: usize = 40;

/// Something that changed, and the cells that miss for it.
struct Cause {
    /// The ingredient, or the cell.
    key: String,
    /// What changed, in words.
    text: String,
    /// The cell that changed, if it is one.
    cell: Option<String>,
    /// The cells that miss for it, by their order.
    affects: BTreeSet<usize>,
}

pub(super) fn run(session: &Session, snapshot: &Snapshot, file: &NotebookFile) -> Outcome {
    let contents = file.read()?;
    let notebook = file.parse(&contents)?;
    let cells = standing(snapshot, &file.name, &notebook);
    let known = Cells::of(snapshot, file.name.as_str(), &cells);
    let mut passed_over = Vec::new();
    let mut verdicts = Vec::with_capacity(cells.len());
    for index in 0..cells.len() {
        let (verdict, skipped) = verdict(snapshot, &cells, index, &known);
        passed_over.extend(skipped);
        verdicts.push(verdict);
    }
    let passed_over = skipped(session, &passed_over);
    let causes = causes(&cells, &verdicts, &known);
    let count = |word| verdicts.iter().filter(|verdict| verdict.word() == word).count();
    let (hits, misses) = (count("hit"), count("miss"));
    if session.ui.json() {
        let cause = |cause: &Cause| {
            let affects: Vec<&str> =
                cause.affects.iter().map(|&index| cells[index].name.as_str()).collect();
            json!({ "cause": cause.text, "cell": cause.cell, "affects": affects })
        };
        let documents = cells.iter().zip(&verdicts).map(|(cell, it)| it.document(cell, &known));
        session.ui.document(&json!({
            "notebook": file.name.as_str(),
            "path": file.path,
            "hits": hits,
            "misses": misses,
            "causes": causes.iter().map(cause).collect::<Vec<_>>(),
            "cells": documents.collect::<Vec<_>>(),
            "skipped": passed_over,
        }))?;
    } else {
        print_head(session, &causes, &cells, hits, misses)?;
        print_cells(session, &cells, &verdicts, &known)?;
    }
    match verdicts.iter().map(Verdict::code).max() {
        None | Some(0) => Ok(()),
        Some(code) => Err(Failure::Told(code)),
    }
}

/// Returns what changed, that for which most cells miss first.
fn causes(cells: &[StandingCell], verdicts: &[Verdict], known: &Cells<'_>) -> Vec<Cause> {
    let mut causes: Vec<Cause> = Vec::new();
    let mut add = |key: String, index: usize, cell: Option<&str>, text: &dyn Fn() -> String| {
        if let Some(cause) = causes.iter_mut().find(|cause| cause.key == key) {
            cause.affects.insert(index);
            return;
        }
        let (cell, affects) = (cell.map(str::to_owned), BTreeSet::from([index]));
        causes.push(Cause { key, text: text(), cell, affects });
    };
    for (index, verdict) in verdicts.iter().enumerate() {
        let own = cells[index].name.as_str();
        let label = known.label(own);
        match verdict {
            Verdict::Hit(_) | Verdict::Blank => {}
            Verdict::New => {
                let text = || format!("{label} was never recorded");
                add(format!("cell {own}"), index, Some(own), &text);
            }
            Verdict::Unreadable(_) => {
                add(format!("damage {own}"), index, Some(own), &|| {
                    format!("the entry of {label} cannot be read")
                });
            }
            Verdict::Changed { comparison, .. } => {
                if !comparison.is_known {
                    add(format!("unknown {own}"), index, Some(own), &|| {
                        format!("{label}: {}", known.headline(comparison))
                    });
                }
                for change in &comparison.changes {
                    match change {
                        Change::Code(_) => {
                            let own_code = crate::history::Comparison {
                                changes: vec![change.clone()],
                                is_known: true,
                                ..Default::default()
                            };
                            let told = known.headline(&own_code).replace("its own code ", "");
                            let text = || format!("{label} {told}");
                            add(format!("cell {own}"), index, Some(own), &text);
                        }
                        Change::CellsBefore { cells: changed, .. } => {
                            for it in changed {
                                let text = || {
                                    format!(
                                        "{} {}",
                                        known.label(&it.cell),
                                        known.became(&it.cell, it.changed)
                                    )
                                };
                                add(format!("cell {}", it.cell), index, Some(&it.cell), &text);
                            }
                            if changed.is_empty() {
                                let text = || "a cell changed, which cannot be told".to_owned();
                                add("unknown cells before".into(), index, None, &text);
                            }
                        }
                        Change::Value { name, .. } => {
                            let one = crate::history::Comparison {
                                changes: vec![change.clone()],
                                is_known: true,
                                ..Default::default()
                            };
                            let text = || known.headline(&one);
                            add(format!("ingredient {name}"), index, None, &text);
                        }
                    }
                }
            }
        }
    }
    causes.sort_by_key(|cause| (usize::MAX - cause.affects.len(), cause.affects.first().copied()));
    causes
}

fn print_head(
    session: &Session,
    causes: &[Cause],
    cells: &[StandingCell],
    hits: usize,
    misses: usize,
) -> Outcome {
    let ui = &session.ui;
    if misses == 0 {
        let cells = words::count(hits, "cell is", "cells are");
        return ui.line(format_args!("hit: {cells} stored as they stand"));
    }
    let said = |cause: &Cause| {
        let own = |index: &usize| cause.cell.as_deref() == Some(cells[*index].name.as_str());
        let is_own = cause.affects.iter().any(own);
        match cause.affects.len() - usize::from(is_own) {
            0 => cause.text.clone(),
            1 if cause.cell.is_some() => format!("{}; 1 cell below depends on it", cause.text),
            more if cause.cell.is_some() => {
                format!("{}; {} cells below depend on it", cause.text, words::grouped(more))
            }
            more => format!("{}; for {}", cause.text, words::count(more, "cell", "cells")),
        }
    };
    let count = format!("{misses} of {}", words::count(hits + misses, "cell", "cells"));
    let mut causes = causes.iter().map(said);
    let first = causes.next().unwrap_or_default();
    ui.line(format_args!("miss: {count}: {first}"))?;
    for cause in causes {
        ui.line(format_args!("      and {cause}"))?;
    }
    Ok(())
}

fn print_cells(
    session: &Session,
    cells: &[StandingCell],
    verdicts: &[Verdict],
    known: &Cells<'_>,
) -> Outcome {
    let mut columns = Columns::new(&[
        ("cell", Align::Right),
        ("name", Align::Left),
        ("", Align::Left),
        ("made", Align::Left),
        ("why", Align::Left),
        ("code", Align::Left),
    ]);
    let now = session.now();
    for (cell, verdict) in cells.iter().zip(verdicts) {
        let made = match verdict {
            Verdict::Hit(entry) | Verdict::Changed { nearest: entry, .. } => {
                words::ago(now, entry.name().created_at())
            }
            _ => String::new(),
        };
        let code = cell.source.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        columns.push([
            (cell.position + 1).to_string().into(),
            cell.name.as_str().into(),
            verdict.word().into(),
            Cell::styled(made, FAINT),
            verdict.reason(known).into(),
            Cell::styled(words::cut(code, CODE), FAINT),
        ]);
    }
    columns.print(&session.ui)
}
