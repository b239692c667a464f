//! How it is said what two results are made of: in one line, in detail, as JSON.

use serde_json::{Value, json};

use super::describe::{harmless, one_line};
use super::report::Outcome;
use super::ui::{FAINT, STRONG, Ui};
use super::words;
use crate::digest::Digest;
use crate::entry::{Manifest, PartKind};
use crate::history::{
    Before, CellChange, CellChanged, Change, CodeDiff, Comparison, Recipe, code_diff,
};
use crate::notebook::{CellsBefore, Lineage, NotebookName, StandingCell};
use crate::store::{Entry, Snapshot};

/// Characters of a value that are printed.
const VALUE: usize = 40;
/// Cells that are named in one line.
const NAMED: usize = 3;

/// What is known of the cells of one notebook.
pub(crate) struct Cells<'a> {
    snapshot: &'a Snapshot,
    lineage: Lineage,
    standing: &'a [StandingCell],
}

impl<'a> Cells<'a> {
    /// Returns what the entries of a notebook say of its cells, and the notebook as it stands, if
    /// it does. Every entry is looked into.
    pub(crate) fn of(
        snapshot: &'a Snapshot,
        notebook: &str,
        standing: &'a [StandingCell],
    ) -> Cells<'a> {
        let name = NotebookName::of_path(notebook.as_ref());
        let mut lineage = name.map(|name| Lineage::of(snapshot, &name)).unwrap_or_default();
        lineage.add_standing(standing);
        Cells { snapshot, lineage, standing }
    }

    /// Returns what an entry is made of.
    pub(crate) fn recipe(&self, entry: &Entry) -> Recipe {
        Recipe::of(entry, self.lineage.cells_before(entry.manifest()).map(before))
    }

    /// Returns what a cell is called where people read it.
    pub(crate) fn label(&self, cell: &str) -> String {
        let standing = self.standing.iter().find(|standing| standing.name == cell);
        match standing {
            Some(standing) => format!("cell {} (`{}`)", standing.position + 1, one_line(cell)),
            None => format!("cell `{}`", one_line(cell)),
        }
    }

    /// Returns the code of that hash.
    fn source(&self, code: &Digest) -> Option<String> {
        if let Some(standing) = self.standing.iter().find(|standing| standing.code == *code) {
            return Some(standing.source.clone());
        }
        let entry = self.snapshot.entry(self.lineage.entry_of_code(code)?).hit()?;
        let part = entry.manifest().parts_of(PartKind::Code).next()?;
        String::from_utf8(entry.read(part.path.as_str()).hit()?).ok()
    }

    /// Returns how the code of a cell changed, where both versions are known.
    pub(crate) fn diff(&self, changed: CellChanged) -> Option<CodeDiff> {
        let CellChanged::Code(before, after) = changed else { return None };
        Some(code_diff(&self.source(&before)?, &self.source(&after)?))
    }

    /// Returns in a few words what differs: `its own code changed (2 lines)`.
    pub(crate) fn headline(&self, comparison: &Comparison) -> String {
        if !comparison.is_known {
            return "what it is made of is not known".into();
        }
        let told: Vec<String> = comparison.changes.iter().map(|it| self.change(it)).collect();
        if told.is_empty() { "all it is made of is the same".into() } else { told.join("; ") }
    }

    fn change(&self, change: &Change) -> String {
        match change {
            Change::Code(diff) => format!("its own code changed{}", lines(diff.as_ref())),
            Change::CellsBefore { cells, .. } => match &cells[..] {
                [] => "an upstream cell changed, which cannot be told".into(),
                [cell] => {
                    format!(
                        "upstream {} {}",
                        self.label(&cell.cell),
                        self.became(&cell.cell, cell.changed)
                    )
                }
                more => {
                    let names: Vec<String> =
                        more.iter().take(NAMED).map(|cell| self.label(&cell.cell)).collect();
                    let ellipsis = if more.len() > NAMED { ", …" } else { "" };
                    let count = more.len();
                    format!("{count} upstream cells changed: {}{ellipsis}", names.join(", "))
                }
            },
            Change::Value { name, before, after } => {
                format!("{} changed: {}", spaced(name), arrow(before.as_deref(), after.as_deref()))
            }
        }
    }

    /// Returns what became of a cell: `changed (1 line)`.
    pub(crate) fn became(&self, cell: &str, changed: CellChanged) -> String {
        let standing = self.standing.iter().find(|standing| standing.name == cell);
        match changed {
            CellChanged::Code(..) => format!("changed{}", lines(self.diff(changed).as_ref())),
            CellChanged::Added(_) if standing.is_some_and(|it| !it.entries.is_empty()) => {
                "moved up".into()
            }
            CellChanged::Added(_) => "is new".into(),
            CellChanged::Removed(_) if standing.is_some() => "moved down".into(),
            CellChanged::Removed(_) => "is gone".into(),
            CellChanged::Moved => "moved".into(),
        }
    }

    /// Prints what differs, with the diffs of code, and what is the same.
    pub(crate) fn print(&self, ui: &Ui, comparison: &Comparison) -> Outcome {
        for change in &comparison.changes {
            match change {
                Change::Code(diff) => print_diff(ui, "its own code", diff.as_ref())?,
                Change::CellsBefore { cells, are_all } => {
                    for CellChange { cell, changed } in cells {
                        let title = format!("{} {}", self.label(cell), self.became(cell, *changed));
                        print_diff(ui, &title, self.diff(*changed).as_ref())?;
                    }
                    if !are_all {
                        let more =
                            if cells.is_empty() { "" } else { "another cell further up, or " };
                        let text = format!(
                            "{more}cells of which no run was recorded: no entry tells which"
                        );
                        ui.line(format_args!("\n{}", ui.paint(FAINT, text)))?;
                    }
                }
                Change::Value { name, before, after } => {
                    let arrow = arrow(before.as_deref(), after.as_deref());
                    let name = ui.paint(STRONG, spaced(name));
                    ui.line(format_args!("\n{name}: {arrow}"))?;
                }
            }
        }
        let (gone, new) = &comparison.upstream;
        for (sign, names) in [("-", gone), ("+", new)] {
            for name in names {
                ui.line(format_args!("{sign} computed from {}", one_line(name)))?;
            }
        }
        for (name, before, after) in &comparison.circumstances {
            let arrow = arrow(before.as_deref(), after.as_deref());
            let name = ui.paint(FAINT, format!("besides, {}", spaced(name)));
            ui.line(format_args!("{name}: {arrow}"))?;
        }
        if comparison.is_known && !comparison.equal.is_empty() {
            let equal: Vec<String> = comparison.equal.iter().map(|name| spaced(name)).collect();
            ui.line(ui.paint(FAINT, format!("the same: {}", equal.join(", "))))?;
        }
        Ok(())
    }

    /// Returns a comparison as `--json` prints it (docs/json.md).
    pub(crate) fn document(&self, comparison: &Comparison) -> Value {
        let differs: Vec<Value> =
            comparison.changes.iter().map(|change| self.change_document(change)).collect();
        let besides = comparison.circumstances.iter();
        let besides: Vec<Value> = besides
            .map(|(name, before, after)| json!({ "name": name, "before": before, "after": after }))
            .collect();
        json!({
            "known": comparison.is_known,
            "differs": differs,
            "same": comparison.equal,
            "upstream": { "before": comparison.upstream.0, "after": comparison.upstream.1 },
            "besides": besides,
        })
    }

    fn change_document(&self, change: &Change) -> Value {
        let name = change.name();
        match change {
            Change::Code(diff) => {
                json!({ "ingredient": name, "code": diff.as_ref().map(document) })
            }
            Change::CellsBefore { cells, are_all } => {
                let cell = |CellChange { cell, changed }: &CellChange| {
                    let changed_to = match changed {
                        CellChanged::Code(..) => "changed",
                        CellChanged::Added(_) => "added",
                        CellChanged::Removed(_) => "removed",
                        CellChanged::Moved => "moved",
                    };
                    let code = self.diff(*changed).as_ref().map(document);
                    json!({ "cell": cell, "change": changed_to, "code": code })
                };
                let cells: Vec<Value> = cells.iter().map(cell).collect();
                json!({ "ingredient": name, "cells": cells, "all_cells_known": are_all })
            }
            Change::Value { before, after, .. } => {
                json!({ "ingredient": name, "before": before, "after": after })
            }
        }
    }
}

/// Returns a recipe's form of what a lineage knows.
pub(crate) fn before(known: CellsBefore) -> Before {
    Before { cells: known.cells, is_whole: known.is_whole }
}

/// Returns when and where an entry was made: `2026-11-20 10:15:00 (1 day ago), commit 0123abcd`.
pub(crate) fn made(manifest: &Manifest, now: crate::clock::Timestamp) -> String {
    let created_at = manifest.created_at;
    let mut text = format!("{} ({})", created_at.to_local(), words::ago(now, created_at));
    if let Some(commit) = &manifest.provenance.host_commit {
        let mark = if manifest.provenance.host_dirty == Some(true) { "-dirty" } else { "" };
        text.extend([", commit ", &words::short(commit, 8), mark]);
    }
    text
}

fn document(diff: &CodeDiff) -> Value {
    json!({ "removed": diff.removed, "added": diff.added, "diff": diff.hunks })
}

fn lines(diff: Option<&CodeDiff>) -> String {
    match diff.map(CodeDiff::lines) {
        None | Some(0) => String::new(),
        Some(lines) => format!(" ({})", words::count(lines, "line", "lines")),
    }
}

fn spaced(name: &str) -> String {
    one_line(&name.replace('_', " "))
}

fn arrow(before: Option<&str>, after: Option<&str>) -> String {
    let said = |value: Option<&str>| match value {
        Some(value) => words::short(&one_line(value), VALUE / 2),
        None => "none".to_owned(),
    };
    format!("{} → {}", said(before), said(after))
}

fn print_diff(ui: &Ui, title: &str, diff: Option<&CodeDiff>) -> Outcome {
    ui.line(format_args!("\n{}", ui.paint(STRONG, one_line(title))))?;
    let Some(diff) = diff else { return Ok(()) };
    for line in diff.hunks.lines() {
        let line = harmless(line, false);
        let line = match line.as_bytes().first() {
            Some(b'+') => ui.paint(ADDED, line),
            Some(b'-') => ui.paint(REMOVED, line),
            Some(b'@') => ui.paint(FAINT, line),
            _ => line,
        };
        ui.line(format_args!("  {line}"))?;
    }
    Ok(())
}

const ADDED: anstyle::Style = anstyle::AnsiColor::Green.on_default();
const REMOVED: anstyle::Style = anstyle::AnsiColor::Red.on_default();
