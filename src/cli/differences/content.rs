//! How the content of a part differs, line by line.

use super::summary::{by, matched_by, number, share};
use crate::cli::columns::{Align, Cell, Columns};
use crate::cli::describe::{harmless, one_line};
use crate::cli::report::Outcome;
use crate::cli::ui::{ADDED, CYAN, FAINT, REMOVED, Ui};
use crate::cli::words::{self, count};
use crate::history::diff::{
    Content, HtmlTable, ImageDiff, JsonDiff, On, PartChange, PartDiff, Row, TableDiff, TextDiff,
};

/// Characters of a line that are printed.
const LINE_LENGTH: usize = 200;
/// Characters of a value that are printed in a column.
const VALUE_LENGTH: usize = 40;
/// Numbers of a text that are listed after its lines.
const NUMBERS: usize = 20;

/// Prints the content of a part, indented.
pub(super) fn print(ui: &Ui, part: &PartDiff) -> Outcome {
    match &part.change {
        PartChange::Added { content: Some(content) }
        | PartChange::Removed { content: Some(content) }
        | PartChange::Changed { content } => print_content(ui, content),
        PartChange::Unreadable { misses } => {
            for miss in misses {
                ui.line(format_args!("  {}: {}", miss.side, one_line(&miss.reason)))?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn print_content(ui: &Ui, content: &Content) -> Outcome {
    match content {
        Content::Text(diff) => print_text(ui, diff),
        Content::Json(diff) => print_json(ui, diff),
        Content::Table(diff) => print_table(ui, diff),
        Content::Image(diff) => print_image(ui, diff),
        Content::Bytes { .. } => Ok(()),
        Content::Html(diff) => {
            for table in &diff.tables {
                print_html_table(ui, table, diff.tables.len() > 1)?;
            }
            diff.text.iter().chain(&diff.source).try_for_each(|text| print_text(ui, text))
        }
    }
}

fn print_text(ui: &Ui, diff: &TextDiff) -> Outcome {
    for hunk in &diff.hunks {
        let head = format!(
            "@@ -{},{} +{},{} @@",
            hunk.before_start, hunk.before_lines, hunk.after_start, hunk.after_lines
        );
        ui.line(format_args!("  {}", ui.paint(CYAN, head)))?;
        for line in &hunk.lines {
            // The core left no escapes; what else steers a terminal goes here.
            let text = words::cut(&harmless(&line.text, false).replace('\n', " "), LINE_LENGTH);
            let painted = match line.on {
                On::Both => format!(" {text}"),
                On::Before => ui.paint(REMOVED, format!("-{text}")),
                On::After => ui.paint(ADDED, format!("+{text}")),
            };
            ui.line(format_args!("  {painted}"))?;
        }
    }
    // A single number is in the heading already.
    if diff.numbers.len() > 1 || diff.lines_added > 1 {
        for found in diff.numbers.iter().take(NUMBERS) {
            let label = match found.label.as_str() {
                "" => format!("line {}", found.line),
                label => one_line(label),
            };
            ui.line(format_args!(
                "  {} {}",
                ui.paint(FAINT, format!("{label}:")),
                number(&found.change)
            ))?;
        }
        more(ui, diff.numbers.len().saturating_sub(NUMBERS), "number", "numbers")?;
    }
    more(ui, diff.left_out, "line", "lines")
}

fn more(ui: &Ui, left_out: usize, one: &str, many: &str) -> Outcome {
    if left_out == 0 {
        return Ok(());
    }
    let text = format!("… {} not listed", count(left_out, one, many));
    ui.line(format_args!("  {}", ui.paint(FAINT, text)))
}

fn print_json(ui: &Ui, diff: &JsonDiff) -> Outcome {
    let mut columns = Columns::new(&[
        ("  value", Align::Left),
        ("before", Align::Left),
        ("after", Align::Left),
        ("change", Align::Left),
    ]);
    for change in &diff.changes {
        let (sign, style) = match (&change.before, &change.after) {
            (None, _) => ("+", ADDED),
            (_, None) => ("-", REMOVED),
            _ => ("~", CYAN),
        };
        columns.push([
            Cell::styled(format!("{sign} {}", change.path), style),
            shown(change.before.as_deref()),
            shown(change.after.as_deref()),
            change.number.as_ref().map(by).unwrap_or_default().into(),
        ]);
    }
    columns.print_indented(ui)?;
    more(ui, diff.left_out, "value", "values")
}

/// Returns a value for a column, cut where it is long.
fn shown(value: Option<&str>) -> Cell {
    match value {
        None => "".into(),
        Some("") => Cell::styled("empty", FAINT),
        Some(value) => words::cut(value, VALUE_LENGTH).into(),
    }
}

fn print_html_table(ui: &Ui, table: &HtmlTable, several: bool) -> Outcome {
    if several || table.diff.is_none() {
        let size = |it: (u64, usize)| format!("{} rows × {} columns", it.0, it.1);
        let what = match (table.before, table.after) {
            (Some(before), None) => format!("removed: {}", size(before)),
            (None, Some(after)) => format!("added: {}", size(after)),
            _ => String::new(),
        };
        ui.line(format_args!("  table {} {what}", table.number))?;
    }
    table.diff.as_ref().map_or(Ok(()), |diff| print_table(ui, diff))
}

fn print_table(ui: &Ui, diff: &TableDiff) -> Outcome {
    let fact = |name: &str, text: &str| {
        ui.line(format_args!("  {} {text}", ui.paint(FAINT, format!("{name:<8}"))))
    };
    let mut columns: Vec<String> = Vec::new();
    let signed = |sign: &str, name: &String| format!("{sign}{}", one_line(name));
    columns.extend(diff.columns_added.iter().map(|it| ui.paint(ADDED, signed("+", it))));
    columns.extend(diff.columns_removed.iter().map(|it| ui.paint(REMOVED, signed("-", it))));
    columns.extend(diff.columns_retyped.iter().map(|it| {
        format!("{} {} → {}", one_line(&it.column), one_line(&it.before), one_line(&it.after))
    }));
    if !columns.is_empty() {
        fact("columns", &words::cut_list(&columns, ", "))?;
    }
    if let Some(by) = &diff.rows_matched_by {
        let rows = if diff.rows_before == diff.rows_after {
            format!("{}", diff.rows_after)
        } else {
            format!("{} → {}", diff.rows_before, diff.rows_after)
        };
        fact("rows", &format!("{rows}, matched {}", matched_by(by)))?;
    }
    if diff.changed_by_column.len() > 1 {
        let counts: Vec<String> = diff
            .changed_by_column
            .iter()
            .map(|(name, number)| format!("{} {number}", one_line(name)))
            .collect();
        fact("changed", &words::cut_list(&counts, ", "))?;
    }
    let mut cells = Columns::new(&[
        ("row", Align::Left),
        ("column", Align::Left),
        ("before", Align::Right),
        ("after", Align::Right),
        ("change", Align::Left),
    ]);
    for cell in &diff.cells {
        cells.push([
            words::cut(&cell.row, VALUE_LENGTH).into(),
            words::cut(&cell.column, VALUE_LENGTH).into(),
            shown(cell.before.as_deref()),
            shown(cell.after.as_deref()),
            cell.number.as_ref().map(by).unwrap_or_default().into(),
        ]);
    }
    cells.print_indented(ui)?;
    let row = |sign: &str, row: &Row| {
        let values: Vec<String> =
            row.values.iter().map(|it| words::cut(&one_line(it), VALUE_LENGTH)).collect();
        words::cut(&format!("{sign}{}", values.join(" │ ")), LINE_LENGTH)
    };
    for removed in &diff.removed {
        ui.line(format_args!("  {}", ui.paint(REMOVED, row("-", removed))))?;
    }
    for added in &diff.added {
        ui.line(format_args!("  {}", ui.paint(ADDED, row("+", added))))?;
    }
    more(ui, diff.left_out, "row or cell", "rows and cells")
}

fn print_image(ui: &Ui, diff: &ImageDiff) -> Outcome {
    let Some(pixels) = &diff.pixels else { return Ok(()) };
    let Some(region) = pixels.region else { return Ok(()) };
    ui.line(format_args!(
        "  {} of {} pixels ({}), in the box of {} × {} at {}, {}",
        pixels.differing,
        pixels.pixels,
        share(pixels.share),
        region.width,
        region.height,
        region.x,
        region.y,
    ))?;
    ui.line(format_args!("  by at most {} of 255, {} on average", pixels.largest, pixels.mean))
}
