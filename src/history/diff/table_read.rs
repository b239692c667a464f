//! Reads the bytes of a table, whatever its kind, within bounds.

use csv::{ByteRecord, ReaderBuilder};

use super::numbers::{is_number, is_whole};
use crate::table::{Column, Table, TableLimits, Value};

/// Bytes on one side up to which CSV is compared by rows.
pub(super) const MAX_CSV_BYTES: usize = 64 << 20;
/// Bytes on one side up to which parquet is read.
pub(super) const MAX_PARQUET_BYTES: usize = 256 << 20;
/// Up to which size tables are compared cell by cell: two of them are in memory at once.
pub(super) const LIMITS: TableLimits = TableLimits { cells: 2_000_000, bytes: 256 << 20 };

/// The size of a table that was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TooLarge {
    /// The rows that were counted; all of them but for HTML.
    pub(super) rows: u64,
    pub(super) columns: usize,
}

/// A table of separated values.
#[derive(Debug)]
pub(super) struct Csv {
    pub(super) table: Result<Table, TooLarge>,
    /// What is odd about it.
    pub(super) note: Option<String>,
}

/// Reads separated values. The first row is that of the names; rows may have any length, and what
/// is no UTF-8 reads as `U+FFFD`.
pub(super) fn read_csv(bytes: &[u8], separator: Option<u8>, limits: TableLimits) -> Csv {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let separator = separator.unwrap_or_else(|| guess(bytes));
    let mut reader = ReaderBuilder::new()
        .delimiter(separator)
        .flexible(true)
        .has_headers(false)
        .from_reader(bytes);
    let mut record = ByteRecord::new();
    let mut names: Option<Vec<String>> = None;
    let mut columns: Vec<Vec<Value>> = Vec::new();
    let (mut rows, mut ragged, mut cells) = (0_usize, 0_usize, 0_u64);
    // Reading from memory cannot fail, and any bytes are a record.
    while reader.read_byte_record(&mut record).unwrap_or(false) {
        let texts = record.iter().map(String::from_utf8_lossy);
        let Some(names) = &mut names else {
            let first: Vec<String> = texts.map(std::borrow::Cow::into_owned).collect();
            columns.resize_with(first.len(), Vec::new);
            names = Some(first);
            continue;
        };
        cells = cells.saturating_add(columns.len().max(record.len()) as u64);
        if cells > limits.cells {
            rows += 1;
            continue;
        }
        ragged += usize::from(record.len() != names.len());
        for (at, text) in texts.enumerate() {
            if at == columns.len() {
                columns.push(vec![Value::Null; rows]);
            }
            columns[at].push(Value::text(text));
        }
        rows += 1;
        for column in &mut columns {
            column.resize(rows, Value::Null);
        }
    }
    let names = names.unwrap_or_default();
    if cells > limits.cells {
        let table = Err(TooLarge { rows: rows as u64, columns: columns.len() });
        return Csv { table, note: None };
    }
    let note = match ragged {
        0 => None,
        1 => Some("1 row has not as many fields as the first".into()),
        many => Some(format!("{many} rows have not as many fields as the first")),
    };
    let columns = columns.into_iter().enumerate().map(|(at, values)| {
        let texts: Vec<Option<&str>> = values.iter().map(text_of).collect();
        let kind = kind_of_texts(&texts).to_owned();
        let name = names.get(at).cloned().unwrap_or_else(|| format!("column {}", at + 1));
        Column { name, kind, values }
    });
    let mut table = Table { columns: columns.collect(), index: Vec::new(), rows };
    // pandas writes its index as a first column without a name.
    if table.columns.first().is_some_and(|column| column.name.is_empty()) {
        table.index.push(0);
    }
    Csv { table: Ok(table), note }
}

fn text_of(value: &Value) -> Option<&str> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

/// Returns the separator that the first line has most of.
fn guess(bytes: &[u8]) -> u8 {
    let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
    let count = |separator: u8| memchr::memchr_iter(separator, &bytes[..end]).count();
    // Of equals the last one wins.
    [b'|', b'\t', b';', b','].into_iter().max_by_key(|it| count(*it)).unwrap_or(b',')
}

/// Returns what texts are, in a word: a column of them has no type of its own.
pub(super) fn kind_of_texts(texts: &[Option<&str>]) -> &'static str {
    let mut filled = texts.iter().flatten().filter(|it| !is_missing(it)).peekable();
    if filled.peek().is_none() {
        "empty"
    } else if filled.clone().all(|text| is_whole(text)) {
        "integer"
    } else if filled.clone().all(|text| is_number(text)) {
        "number"
    } else if filled.all(|text| matches!(*text, "True" | "False" | "true" | "false")) {
        "bool"
    } else {
        "text"
    }
}

/// Whether a text stands for a missing value, as pandas, R and SQL write it, or for rows left out.
fn is_missing(text: &str) -> bool {
    matches!(text, "" | "NaN" | "nan" | "NA" | "<NA>" | "NaT" | "None" | "null" | "NULL" | "...")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8], separator: Option<u8>) -> String {
        let csv = read_csv(bytes, separator, TableLimits { cells: 20, bytes: 1000 });
        let Ok(table) = csv.table else { return format!("{:?}", csv.table.unwrap_err()) };
        let columns = table.columns.iter().map(|column| {
            let values: Vec<String> = column.values.iter().map(Value::to_string).collect();
            format!("{}:{}={}", column.name, column.kind, values.join("/"))
        });
        let index = if table.index.is_empty() { "" } else { "*" };
        let columns = columns.collect::<Vec<_>>().join(" ");
        format!("{index}{columns}{}", csv.note.map(|it| format!(" ({it})")).unwrap_or_default())
    }

    #[test]
    fn separated_values_are_read_however_odd() {
        for (bytes, expected, why) in [
            (&b"a,b\n1,x\n2,\n"[..], "a:integer=1/2 b:text=x/", "plain"),
            (b"\xef\xbb\xbfa;b\n1,5;2\n", "a:text=1,5 b:integer=2", "a mark and semicolons"),
            (b"a\tb\n1\t2\n", "a:integer=1 b:integer=2", "tabs"),
            (b",a\n0,1.5\n", "*:integer=0 a:number=1.5", "the index of pandas"),
            (b"a,a\n1,2\n", "a:integer=1 a:integer=2", "a name twice"),
            (
                b"a,b\n1\n1,2,3\n",
                "a:integer=1/1 b:integer=null/2 column 3:integer=null/3 (2 rows have not as many \
                 fields as the first)",
                "rows of all lengths",
            ),
            (b"a\n\"x\ny\"\"\n", "a:text=x\ny\"\n", "a quote that never ends"),
            (b"a\n\xff\xfe\n", "a:text=\u{fffd}\u{fffd}", "bytes that are no text"),
            (b"a\nNaN\n1.5\n", "a:number=NaN/1.5", "what is missing has no type"),
            (b"a\nTrue\n", "a:bool=True", "truths"),
            (b"", "", "nothing"),
            (b"a,b\n", "a:empty= b:empty=", "names alone"),
        ] {
            assert_eq!(shown(bytes, None), expected, "{why}");
        }
        assert_eq!(shown(b"a;b\n1;2\n", Some(b',')), "a;b:text=1;2", "as the media type says");
        let large = format!("a\n{}", "1\n".repeat(21));
        assert_eq!(shown(large.as_bytes(), None), "TooLarge { rows: 21, columns: 1 }");
    }
}
