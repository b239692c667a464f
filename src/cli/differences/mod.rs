//! What differs between two results or two states of a notebook, for a person.

mod content;
mod summary;

use super::describe::one_line;
use super::report::Outcome;
use super::ui::{ADDED, CYAN, FAINT, REMOVED, STRONG, Ui};
use super::words;
use crate::history::diff::{
    CellDiff, CellOutcome, Content, EntryDiff, NotebookDiff, PartChange, PartDiff,
};

pub(crate) use summary::{change_of, of_cells, of_parts};

/// Digits of a digest that are shown.
const DIGITS: usize = 12;

/// How much of a difference is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// A line for each part or cell.
    Lines,
    /// All of it.
    Whole,
}

/// Prints what differs between two results, without saying which they are.
pub(crate) fn print_entry(ui: &Ui, diff: &EntryDiff, detail: Detail) -> Outcome {
    print_ingredients(ui, diff)?;
    let changed: Vec<&PartDiff> = diff.parts.iter().filter(|it| !it.change.is_same()).collect();
    print_parts(ui, &changed, detail)?;
    let note = match (changed.is_empty(), diff.layout_changed) {
        (true, true) => " (only what puts outputs back differs: counts of runs, metadata)",
        _ => "",
    };
    ui.line(ui.paint(FAINT, format!("{}{note}", of_parts(&diff.parts))))
}

fn print_ingredients(ui: &Ui, diff: &EntryDiff) -> Outcome {
    for change in &diff.ingredients {
        let said = |value: &Option<String>| match value {
            Some(value) => words::short(&one_line(value), DIGITS),
            None => "nothing".into(),
        };
        let name = one_line(&change.name).replace('_', " ");
        let (before, after) = (said(&change.before), said(&change.after));
        ui.line(format_args!("  {} {name} {before} → {after}", ui.paint(FAINT, "made of ")))?;
    }
    Ok(())
}

fn print_parts(ui: &Ui, parts: &[&PartDiff], detail: Detail) -> Outcome {
    let width = parts.iter().map(|part| part.path.chars().count()).max().unwrap_or(0);
    for part in parts {
        let path = one_line(&part.path);
        let (sign, style) = match part.change {
            PartChange::Added { .. } => ("+", ADDED),
            PartChange::Removed { .. } => ("-", REMOVED),
            PartChange::Unreadable { .. } => ("?", REMOVED),
            _ => ("~", CYAN),
        };
        let (sign, text) = (ui.paint(style, sign), change_of(part));
        if detail == Detail::Lines {
            ui.line(format_args!("  {sign} {path:<width$}  {text}"))?;
        } else {
            ui.line(format_args!(
                "\n{sign} {}  {}",
                ui.paint(STRONG, path),
                ui.paint(FAINT, text)
            ))?;
            match richer(part, parts) {
                Some(richer) => {
                    let note = format!("the plain form of {}", one_line(&richer.path));
                    ui.line(format_args!("  {}", ui.paint(FAINT, note)))?;
                }
                None => content::print(ui, part)?,
            }
        }
    }
    if detail == Detail::Whole && !parts.is_empty() {
        ui.line("")?;
    }
    Ok(())
}

/// Returns the part that shows the same output as this plain text does, and more; it is printed.
fn richer<'p>(part: &PartDiff, parts: &[&'p PartDiff]) -> Option<&'p PartDiff> {
    const PLAIN: &str = ".txt";
    let stem = part.path.strip_suffix(PLAIN)?;
    let is_changed = |it: &PartDiff| matches!(it.change, PartChange::Changed { .. });
    // As recorded from notebooks: `outputs/0.txt` beside `outputs/0.html`.
    let is_number = stem.strip_prefix("outputs/").is_some_and(|it| it.parse::<u32>().is_ok());
    let is_richer = |it: &&&PartDiff| {
        let shows = |content: &Content| matches!(content, Content::Html(_) | Content::Image(_));
        let more = matches!(&it.change, PartChange::Changed { content } if shows(content));
        more && it.path.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.'))
    };
    let plain = part.after.as_ref().is_some_and(|it| it.media_type == "text/plain");
    if plain && is_number && is_changed(part) {
        parts.iter().find(is_richer).copied()
    } else {
        None
    }
}

/// Prints what differs between two states of a notebook.
pub(crate) fn print_notebook(ui: &Ui, diff: &NotebookDiff, detail: Detail) -> Outcome {
    let changed = diff.cells.iter().filter(|cell| cell.outcome != CellOutcome::Same);
    for cell in changed {
        let (sign, style, what) = match &cell.outcome {
            CellOutcome::Added => ("+", ADDED, "added".to_owned()),
            CellOutcome::Removed => ("-", REMOVED, "removed".to_owned()),
            CellOutcome::Unreadable { .. } => ("?", REMOVED, "cannot be read".to_owned()),
            CellOutcome::Changed { diff } => ("~", CYAN, of_parts(&diff.parts)),
            CellOutcome::Same => continue,
        };
        let title = format!("{sign} {}{}", one_line(&cell.cell), place(cell));
        ui.line(format_args!("{}  {}", ui.paint(style, title), ui.paint(FAINT, what)))?;
        match &cell.outcome {
            CellOutcome::Changed { diff } => {
                let parts: Vec<&PartDiff> =
                    diff.parts.iter().filter(|it| !it.change.is_same()).collect();
                print_parts(ui, &parts, detail)?;
            }
            CellOutcome::Unreadable { misses } => {
                for miss in misses {
                    ui.line(format_args!("    {}: {}", miss.side, one_line(&miss.reason)))?;
                }
            }
            _ => {}
        }
    }
    ui.line(ui.paint(FAINT, of_cells(diff)))
}

/// Returns where a cell stands, from 1, and what it was called.
fn place(cell: &CellDiff) -> String {
    let number = |position: usize| position + 1;
    let mut text = match (cell.position_before, cell.position_after) {
        (Some(before), Some(after)) if before != after => {
            format!(" [{} → {}]", number(before), number(after))
        }
        (_, Some(position)) | (Some(position), None) => format!(" [{}]", number(position)),
        (None, None) => String::new(),
    };
    if let Some(name) = &cell.renamed_from {
        text.extend([" (was ", &one_line(name), ")"]);
    }
    text
}
