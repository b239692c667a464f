//! What differs, in a few words.

use crate::cli::describe::one_line;
use crate::cli::words::{self, count, grouped};
use crate::history::diff::{
    CellOutcome, Content, HtmlDiff, ImageDiff, ImageFacts, JsonDiff, NotebookDiff, NumberChange,
    PartChange, PartDiff, RowMatch, TableDiff, TextDiff,
};

/// Returns what became of a part, in a line.
pub(crate) fn change_of(part: &PartDiff) -> String {
    let facts = |it: &Option<crate::history::diff::PartFacts>| {
        it.as_ref().map_or(String::new(), |it| {
            format!("{}, {}", one_line(&it.media_type), words::size(it.size))
        })
    };
    match &part.change {
        PartChange::Same => "same".into(),
        PartChange::Added { .. } => format!("added: {}", facts(&part.after)),
        PartChange::Removed { .. } => format!("removed: {}", facts(&part.before)),
        PartChange::Moved { from } => format!("was {}", one_line(from)),
        PartChange::Unreadable { misses } => {
            let codes: Vec<String> = misses
                .iter()
                .map(|it| format!("{}: {}", it.side, it.code.replace('_', " ")))
                .collect();
            codes.join(", ")
        }
        PartChange::Changed { content } => match content {
            Content::Text(diff) => text(diff),
            Content::Json(diff) => json(diff),
            Content::Html(diff) => html(diff),
            Content::Table(diff) => format!("table, {}", table(diff)),
            Content::Image(diff) => image(diff),
            Content::Bytes { note } => {
                let size = |it: &Option<crate::history::diff::PartFacts>| {
                    it.as_ref().map_or(String::new(), |it| words::size(it.size))
                };
                let note = note.as_ref().map(|it| format!(" ({})", one_line(it)));
                let (before, after) = (size(&part.before), size(&part.after));
                let sizes = if before == after {
                    format!("other bytes, {after}")
                } else {
                    format!("{before} → {after}")
                };
                format!("{sizes}{}", note.unwrap_or_default())
            }
        },
    }
}

/// Returns how many parts changed, came, went, stayed.
pub(crate) fn of_parts(parts: &[PartDiff]) -> String {
    let of = |wanted: fn(&PartChange) -> bool| parts.iter().filter(|it| wanted(&it.change)).count();
    let changed =
        |it: &PartChange| matches!(it, PartChange::Changed { .. } | PartChange::Unreadable { .. });
    tally(
        ("part", "parts"),
        &[
            ("changed", of(changed)),
            ("added", of(|it| matches!(it, PartChange::Added { .. }))),
            ("removed", of(|it| matches!(it, PartChange::Removed { .. }))),
            ("moved", of(|it| matches!(it, PartChange::Moved { .. }))),
            ("same", of(PartChange::is_same)),
        ],
    )
}

/// Returns how many cells changed, came, went, stayed.
pub(crate) fn of_cells(diff: &NotebookDiff) -> String {
    let of = |wanted: fn(&CellOutcome) -> bool| {
        diff.cells.iter().filter(|it| wanted(&it.outcome)).count()
    };
    let changed = |it: &CellOutcome| {
        matches!(it, CellOutcome::Changed { .. } | CellOutcome::Unreadable { .. })
    };
    tally(
        ("cell", "cells"),
        &[
            ("changed", of(changed)),
            ("added", of(|it| *it == CellOutcome::Added)),
            ("removed", of(|it| *it == CellOutcome::Removed)),
            ("same", of(|it| *it == CellOutcome::Same)),
        ],
    )
}

/// Returns `2 parts changed, 1 added, 3 same`; the noun stands with the first number.
fn tally((one, many): (&str, &str), counts: &[(&str, usize)]) -> String {
    let mut said: Vec<String> = Vec::new();
    for (what, number) in counts.iter().filter(|(_, number)| *number > 0) {
        let number = if said.is_empty() { count(*number, one, many) } else { grouped(*number) };
        said.push(format!("{number} {what}"));
    }
    if said.is_empty() { format!("no {many}") } else { said.join(", ") }
}

fn text(diff: &TextDiff) -> String {
    let mut said = lines(diff);
    if let [only] = &diff.numbers[..]
        && diff.lines_added == 1
    {
        said.extend([", ", &number(&only.change)]);
    } else if !diff.numbers.is_empty() {
        let numbers = count(diff.numbers.len(), "number", "numbers");
        said.extend([", ", &numbers, " changed"]);
    }
    with_note(said, diff.note.as_deref())
}

fn lines(diff: &TextDiff) -> String {
    let (added, removed) = (diff.lines_added, diff.lines_removed);
    if added + removed == 0 {
        return "no line differs".into();
    }
    let noun = if added.max(removed) == 1 { "line" } else { "lines" };
    format!("+{} -{} {noun}", grouped(added), grouped(removed))
}

fn json(diff: &JsonDiff) -> String {
    if diff.is_same() {
        return "JSON, the same values in another spelling".into();
    }
    let counts = [("changed", diff.changed), ("added", diff.added), ("removed", diff.removed)];
    format!("JSON, {}", tally(("value", "values"), &counts))
}

fn html(diff: &HtmlDiff) -> String {
    let mut said: Vec<String> = Vec::new();
    for found in &diff.tables {
        let name =
            if found.number == 1 { "table".into() } else { format!("table {}", found.number) };
        said.push(match (&found.diff, found.after) {
            (Some(diff), _) => format!("{name}, {}", table(diff)),
            (None, Some(_)) => format!("{name} added"),
            (None, None) => format!("{name} removed"),
        });
    }
    said.extend(diff.text.as_ref().map(|it| format!("text {}", lines(it))));
    said.extend(diff.source.as_ref().map(|it| format!("only the source differs, {}", lines(it))));
    said.join("; ")
}

/// Returns what became of a table.
pub(super) fn table(diff: &TableDiff) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut some = |number: usize, one: &str, many: &str, what: &str| {
        if number > 0 {
            said.push(format!("{} {what}", count(number, one, many)));
        }
    };
    some(diff.columns_added.len(), "column", "columns", "added");
    some(diff.columns_removed.len(), "column", "columns", "removed");
    some(diff.columns_retyped.len(), "column", "columns", "of another kind");
    some(diff.rows_added, "row", "rows", "added");
    some(diff.rows_removed, "row", "rows", "removed");
    some(diff.rows_moved, "row", "rows", "moved");
    if diff.cells_changed > 0 {
        let rows = count(diff.rows_changed, "row", "rows");
        said.push(format!("{} changed in {rows}", count(diff.cells_changed, "cell", "cells")));
    }
    if diff.columns_moved {
        said.push("columns in another order".into());
    }
    if diff.rows_matched_by.is_none() {
        said.push(format!(
            "{} → {} rows",
            grouped_u64(diff.rows_before),
            grouped_u64(diff.rows_after)
        ));
    } else if said.is_empty() {
        said.push("the same values".into());
    }
    with_note(said.join(", "), diff.note.as_deref())
}

fn grouped_u64(number: u64) -> String {
    grouped(usize::try_from(number).unwrap_or(usize::MAX))
}

/// Returns how rows were matched.
pub(super) fn matched_by(by: &RowMatch) -> String {
    let quoted = |names: &[String]| {
        let names: Vec<String> = names
            .iter()
            .map(|it| if it.is_empty() { "index".into() } else { format!("`{}`", one_line(it)) })
            .collect();
        names.join(", ")
    };
    match by {
        RowMatch::Index { columns } => format!("by {}", quoted(columns)),
        RowMatch::FirstColumn { column } => {
            format!("by the first column, {}", quoted(std::slice::from_ref(column)))
        }
        RowMatch::Likeness => "by likeness".into(),
        RowMatch::Position => "by position".into(),
    }
}

fn image(diff: &ImageDiff) -> String {
    let said = |it: &ImageFacts| {
        let size = it.width.zip(it.height).map(|(width, height)| format!(", {width} × {height}"));
        format!("{}{}", it.format.unwrap_or("image"), size.unwrap_or_default())
    };
    let (before, after) = (said(&diff.before), said(&diff.after));
    let mut text = if before == after { after } else { format!("{before} → {after}") };
    match &diff.pixels {
        Some(pixels) if pixels.differing == 0 => text.push_str(", every pixel is the same"),
        Some(pixels) => text.extend([", ", &share(pixels.share), " of pixels differ"]),
        None => {}
    }
    with_note(text, diff.note.as_deref())
}

fn with_note(mut text: String, note: Option<&str>) -> String {
    if let Some(note) = note {
        text.extend([" (", &one_line(note), ")"]);
    }
    text
}

/// Returns a share in percent: `12.3 %`; never 0 % of something, nor 100 % of less than all.
pub(super) fn share(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.05 {
        "less than 0.1 %".into()
    } else if percent < 100.0 && percent > 99.95 {
        "more than 99.9 %".into()
    } else {
        format!("{percent:.1} %")
    }
}

/// Returns `42 → 45 (+3, +7.1 %)`.
pub(super) fn number(change: &NumberChange) -> String {
    let (before, after) = (one_line(&change.before), one_line(&change.after));
    format!("{before} → {after} ({})", by(change))
}

/// Returns by how much a number changed: `+3, +7.1 %`.
pub(super) fn by(change: &NumberChange) -> String {
    let size = change.absolute.abs();
    let plain = size == 0.0 || (1e-6..1e15).contains(&size);
    let absolute =
        if plain { format!("{:+}", change.absolute) } else { format!("{:+e}", change.absolute) };
    match change.relative {
        None => absolute,
        Some(relative) => {
            let percent = relative * 100.0;
            let relative = match percent.abs() {
                size if size >= 1e6 => format!("{percent:+.1e}"),
                size if size >= 0.05 => format!("{percent:+.1}"),
                _ => format!("{percent:+.1e}"),
            };
            format!("{absolute}, {relative} %")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_numbers_are_said_by_amount_and_share() {
        for (absolute, relative, expected, why) in [
            (3.0, Some(0.071_428_6), "+3, +7.1 %", "whole"),
            (-0.022, Some(-0.024_122_8), "-0.022, -2.4 %", "a fraction"),
            (5.0, None, "+5", "from nothing there is no share"),
            (1e-9, Some(1e-9), "+1e-9, +1.0e-7 %", "very small"),
            (1e20, Some(1e20), "+1e20, +1.0e22 %", "very large"),
        ] {
            let change =
                NumberChange { before: String::new(), after: String::new(), absolute, relative };
            assert_eq!(by(&change), expected, "{why}");
        }
    }

    #[test]
    fn a_share_never_sounds_like_all_or_nothing() {
        for (value, expected, why) in [
            (0.0, "0.0 %", "nothing"),
            (0.000_001, "less than 0.1 %", "a pixel"),
            (0.123_4, "12.3 %", "plain"),
            (0.999_99, "more than 99.9 %", "all but one"),
            (1.0, "100.0 %", "all"),
        ] {
            assert_eq!(share(value), expected, "{why}");
        }
    }
}
