//! Of which kind a part's content is, and the comparison that suits it.

use serde::Serialize;

use super::entries::{Content, DiffOptions};
use super::json::{self, JsonDiff};
use super::table::{TableDiff, diff_shapes, diff_tables};
use super::table_read::{self, Csv, LIMITS, MAX_CSV_BYTES, MAX_PARQUET_BYTES, TooLarge};
use super::text::{self, TextDiff, TextOptions};
use super::{html, image};
use crate::entry::Part;
use crate::table::{ParquetTable, Shape, Table, read_parquet};

/// Bytes of a part on one side above which it is not read at all.
const MAX_READ: u64 = 256 << 20;

/// What differs between two HTML pages.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct HtmlDiff {
    /// The tables that differ: the first is compared with the first, and so on.
    pub tables: Vec<HtmlTable>,
    /// The text outside the tables, if it differs.
    pub text: Option<TextDiff>,
    /// The source, if nothing that is shown differs.
    pub source: Option<TextDiff>,
}

/// A table of a page that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HtmlTable {
    /// Which table of the page it is, from 1.
    pub number: usize,
    /// How it differs; `None` if it is on one side only.
    pub diff: Option<TableDiff>,
    /// The rows and columns it had; `None` if it came.
    pub before: Option<(u64, usize)>,
    /// The rows and columns it has; `None` if it went.
    pub after: Option<(u64, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Json,
    Html,
    Csv(Option<u8>),
    Parquet,
    Image,
    Bytes,
}

fn kind_of(part: &Part) -> Kind {
    let essence = part.media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if part.codec == "parquet" {
        return Kind::Parquet;
    }
    match essence.as_str() {
        "text/html" | "application/xhtml+xml" => Kind::Html,
        "text/csv" => Kind::Csv(None),
        "text/tab-separated-values" => Kind::Csv(Some(b'\t')),
        "application/json" => Kind::Json,
        "application/vnd.apache.parquet" | "application/parquet" | "application/x-parquet" => {
            Kind::Parquet
        }
        "image/svg+xml"
        | "application/xml"
        | "application/javascript"
        | "application/x-javascript"
        | "application/jsonl"
        | "application/yaml"
        | "application/x-yaml"
        | "application/toml"
        | "application/sql"
        | "application/x-latex" => Kind::Text,
        other if other.ends_with("+json") => Kind::Json,
        other if other.starts_with("application/vnd.jupyter.") => Kind::Text,
        other if other.starts_with("text/") || other.ends_with("+xml") => Kind::Text,
        other if other.starts_with("image/") => Kind::Image,
        _ => Kind::Bytes,
    }
}

/// Whether a part is shown as lines of text.
pub(super) fn is_text(part: &Part) -> bool {
    kind_of(part) == Kind::Text && part.size <= MAX_READ
}

/// Whether reading two parts can tell more than their digests do; if not, why, where there is a
/// reason to tell.
pub(super) fn comparable(before: &Part, after: &Part) -> Result<(), Option<String>> {
    let kind = kind_of(after);
    if before.media_type != after.media_type {
        let (old, new) = (&before.media_type, &after.media_type);
        return Err(Some(format!("its media type was {old} and is {new}")));
    }
    if before.codec != after.codec {
        return Err(Some(format!("its codec was {} and is {}", before.codec, after.codec)));
    }
    if kind == Kind::Bytes {
        return Err(None);
    }
    if before.size.max(after.size) > MAX_READ {
        return Err(Some("too large to be compared".into()));
    }
    Ok(())
}

/// Returns how two contents of a part differ.
pub(super) fn compare(
    part: &Part,
    before: Vec<u8>,
    after: Vec<u8>,
    options: &DiffOptions,
) -> Content {
    let most = options.most;
    let lines = TextOptions { context: options.context, most };
    let size = before.len().max(after.len());
    match kind_of(part) {
        Kind::Text => Content::Text(text::diff_bytes(&before, &after, lines)),
        Kind::Json if size <= json::MAX_BYTES => match json::diff(&before, &after, most) {
            Some(diff) => Content::Json(diff),
            None => Content::Text(noted(text::diff_bytes(&before, &after, lines), "it is no JSON")),
        },
        Kind::Html if size <= html::MAX_BYTES => Content::Html(pages(&before, &after, lines)),
        Kind::Csv(separator) if size <= MAX_CSV_BYTES => {
            Content::Table(csv(&before, &after, separator, most))
        }
        Kind::Json | Kind::Html | Kind::Csv(_) => {
            Content::Text(text::diff_bytes(&before, &after, lines))
        }
        Kind::Parquet if size <= MAX_PARQUET_BYTES => parquet(before, after, most),
        Kind::Image => Content::Image(image::diff(&before, &after)),
        Kind::Parquet => Content::Bytes { note: Some("too large to be compared".into()) },
        Kind::Bytes => Content::Bytes { note: None },
    }
}

fn noted(mut diff: TextDiff, note: &str) -> TextDiff {
    diff.note = Some(match diff.note {
        Some(known) => format!("{note}; {known}"),
        None => note.to_owned(),
    });
    diff
}

impl JsonDiff {
    /// Whether the values are the same, in another spelling.
    pub fn is_same(&self) -> bool {
        self.added + self.removed + self.changed == 0
    }
}

fn pages(before: &[u8], after: &[u8], lines: TextOptions) -> HtmlDiff {
    let (old, new) = (html::read(before, LIMITS), html::read(after, LIMITS));
    let mut diff = HtmlDiff::default();
    for number in 0..old.tables.len().max(new.tables.len()) {
        let (a, b) = (old.tables.get(number), new.tables.get(number));
        let found = match (a, b) {
            (Some(a), Some(b)) => Some(either(a.as_ref(), b.as_ref(), lines.most)),
            _ => None,
        };
        if found.as_ref().is_none_or(|found| !found.is_same() || found.note.is_some()) {
            let (before, after) = (a.map(measure), b.map(measure));
            diff.tables.push(HtmlTable { number: number + 1, diff: found, before, after });
        }
    }
    if old.text != new.text {
        diff.text = Some(text::diff_texts(&old.text, &new.text, lines));
    }
    if diff.tables.is_empty() && diff.text.is_none() {
        diff.source = Some(text::diff_bytes(before, after, lines));
    }
    diff
}

fn measure(table: &Result<Table, TooLarge>) -> (u64, usize) {
    match table {
        Ok(table) => (table.rows as u64, table.columns.len()),
        Err(large) => (large.rows, large.columns),
    }
}

/// Compares two tables, or their sizes if one is too large.
fn either(
    before: Result<&Table, &TooLarge>,
    after: Result<&Table, &TooLarge>,
    most: usize,
) -> TableDiff {
    match (before, after) {
        (Ok(a), Ok(b)) => diff_tables(a, b, most),
        (a, b) => {
            let shape = |it: Result<&Table, &TooLarge>| match it {
                Ok(table) => table.shape(),
                Err(large) => Shape { rows: large.rows, columns: Vec::new() },
            };
            let (a, b) = (shape(a), shape(b));
            let note = Some(too_large());
            TableDiff { rows_before: a.rows, rows_after: b.rows, note, ..TableDiff::default() }
        }
    }
}

fn too_large() -> String {
    format!(
        "too large to compare cell by cell: more than {} values or {} MiB",
        LIMITS.cells,
        LIMITS.bytes >> 20
    )
}

fn csv(before: &[u8], after: &[u8], separator: Option<u8>, most: usize) -> TableDiff {
    let read = |bytes: &[u8]| table_read::read_csv(bytes, separator, LIMITS);
    let (Csv { table: old, note: odd_old }, Csv { table: new, note: odd_new }) =
        (read(before), read(after));
    let mut diff = either(old.as_ref(), new.as_ref(), most);
    let said = |side: &str, note: Option<String>| note.map(|note| format!("{side}: {note}"));
    let notes = [diff.note.take(), said("before", odd_old), said("after", odd_new)];
    let notes: Vec<String> = notes.into_iter().flatten().collect();
    diff.note = (!notes.is_empty()).then(|| notes.join("; "));
    diff
}

fn parquet(before: Vec<u8>, after: Vec<u8>, most: usize) -> Content {
    let old = read_parquet(before, LIMITS).map_err(|why| format!("before: {why}"));
    let new = read_parquet(after, LIMITS).map_err(|why| format!("after: {why}"));
    match (old, new) {
        (Ok(ParquetTable::Whole(a)), Ok(ParquetTable::Whole(b))) => {
            Content::Table(diff_tables(&a, &b, most))
        }
        (Ok(a), Ok(b)) => {
            let shape = |it: ParquetTable| match it {
                ParquetTable::Whole(table) => table.shape(),
                ParquetTable::TooLarge(shape) => shape,
            };
            let mut diff = diff_shapes(&shape(a), &shape(b));
            diff.note = Some(too_large());
            Content::Table(diff)
        }
        (a, b) => {
            let whys: Vec<String> = [a.err(), b.err()].into_iter().flatten().collect();
            Content::Bytes {
                note: Some(format!("no parquet that can be read: {}", whys.join("; "))),
            }
        }
    }
}
