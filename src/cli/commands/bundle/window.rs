//! `recell bundle window`: rows of a stored window.

use std::ops::Range;
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::files;
use super::key::Which;
use crate::bundle::{Bundle, WindowAnswer, WindowRequest, WindowRows};
use crate::cli::args::byte_range;
use crate::cli::columns::{Align, Cell, Columns, Row};
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::ui::FAINT;
use crate::cli::words;
use crate::error::Error;
use crate::stats::model::short_name;
use crate::table::{ParquetTable, Table, TableLimits, Value, read_parquet};

/// Up to so much of a window is printed as a table.
const LIMITS: TableLimits = TableLimits { cells: 10_000_000, bytes: 1 << 30 };

/// Print rows of a stored window as parquet
///
/// ROWS are rows of the table, START..END without the latter, and cut where the table ends. Rows
/// that are not stored are not made up: the exit code is 3, and the source has to be asked. The
/// parquet is uncompressed, with the types that the producer gave it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Which rows, counted from 0; by default all that are stored.
    #[arg(value_name = "START..END", value_parser = rows)]
    rows: Option<Range<u64>>,
    /// Write to this file; by default to standard output, unless that is a terminal.
    #[arg(short, long, value_name = "FILE", conflicts_with = "table")]
    out: Option<PathBuf>,
    /// Replace the file if it is there.
    #[arg(long, requires = "out")]
    force: bool,
    /// Print the rows as a table.
    #[arg(long)]
    table: bool,
}

/// Reads `START..END`, the first of which may be left out.
fn rows(text: &str) -> Result<Range<u64>, String> {
    let range = byte_range(text)?;
    let end = range.end.ok_or("say where it ends: START..END")?;
    Ok(range.start..end)
}

pub(super) fn run(args: &Args, session: &Session) -> Outcome {
    let bundle = args.which.bundle(session)?;
    let bounds = bundle.bounds();
    let rows = args.rows.clone().unwrap_or(bounds.start..bounds.end);
    let answer = bundle.window(&WindowRequest::rows(rows.start, rows.end)).ok()?;
    let rows = match answer {
        WindowAnswer::Rows(rows) => rows,
        WindowAnswer::AskSource(reason) => {
            let data_id = words::cut(bundle.data_id(), 80);
            return Err(Error::AskSource { data_id, reason }.into());
        }
    };
    if args.table {
        return table(session, &bundle, &rows);
    }
    let Some(path) = &args.out else { return files::print(session, "parquet", &rows.parquet) };
    let path = session.path(path);
    files::write(&path, &rows.parquet, args.force)?;
    let (start, end) = (rows.bounds.start, rows.bounds.end);
    if session.ui.json() {
        return session.ui.document(&json!({
            "file": path,
            "size": rows.parquet.len(),
            "start": start,
            "end": end,
            "total_rows": rows.bounds.total_rows,
        }));
    }
    session.ui.say(format!("rows {start} to {end} of {}", rows.bounds.total_rows));
    Ok(())
}

/// Prints rows for people, or with their values as JSON.
fn table(session: &Session, bundle: &Bundle, rows: &WindowRows) -> Outcome {
    let problem = |reason: String| Error::InvalidBundle { what: "the window".into(), reason };
    let read = read_parquet(rows.parquet.clone(), LIMITS).map_err(|it| problem(it.to_string()))?;
    let ParquetTable::Whole(table) = read else {
        return Err(problem("it is too large to be printed as a table".into()).into());
    };
    let heads = heads(bundle, &table);
    let ui = &session.ui;
    if ui.json() {
        let values: Vec<Vec<Json>> = (0..table.rows)
            .map(|row| table.columns.iter().map(|column| plain(&column.values[row])).collect())
            .collect();
        return ui.document(&json!({
            "start": rows.bounds.start,
            "end": rows.bounds.end,
            "total_rows": rows.bounds.total_rows,
            "columns": heads,
            "rows": values,
        }));
    }
    let is_number =
        |value: &Value| matches!(value, Value::Int(_) | Value::UInt(_) | Value::Float(_));
    let aligned = heads.into_iter().zip(&table.columns).map(|(head, column)| {
        let first = column.values.iter().find(|value| **value != Value::Null);
        (head, if first.is_some_and(is_number) { Align::Right } else { Align::Left })
    });
    let numbers = std::iter::once(("row".to_owned(), Align::Right));
    let mut columns = Columns::under(numbers.chain(aligned));
    for row in 0..table.rows {
        let number = Cell::styled((rows.bounds.start + row as u64).to_string(), FAINT);
        let cells = table.columns.iter().map(|column| match &column.values[row] {
            Value::Null => Cell::styled("null", FAINT),
            value => Cell::from(words::cut(&value.to_string(), 60)),
        });
        columns.push_row(Row::of_cells(std::iter::once(number).chain(cells)));
    }
    if table.rows == 0 {
        ui.say("no rows");
    }
    columns.print(ui)
}

/// Returns what the columns of a window are called: windows call them by their place, as `a`, `b`.
fn heads(bundle: &Bundle, table: &Table) -> Vec<String> {
    let names = bundle.schema().columns();
    let by_place = table
        .columns
        .iter()
        .enumerate()
        .all(|(place, column)| place >= names.len() || column.name == short_name(place));
    let text = |name: &Json| name.as_str().map_or_else(|| name.to_string(), str::to_owned);
    let name = |(place, column): (usize, &crate::table::Column)| match names.get(place) {
        Some(name) if by_place => text(name),
        _ => column.name.clone(),
    };
    table.columns.iter().enumerate().map(name).collect()
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::UInt(value) => (*value).into(),
        Value::Float(value) if value.is_finite() => (*value).into(),
        Value::Float(value) => value.to_string().into(),
        Value::Text(text) => text.as_ref().into(),
    }
}
