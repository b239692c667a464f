//! Two tables compared by columns, rows and cells.

use std::collections::HashMap;

use serde::Serialize;

use super::numbers::{self, NumberChange};
use super::rows::{Pairing, RowMatch, pair_rows};
use crate::table::{Shape, Table, Value};

/// Characters of a value that are told.
const SHOWN: usize = 100;

/// What differs between two tables.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TableDiff {
    /// How many rows there were.
    pub rows_before: u64,
    /// How many rows there are.
    pub rows_after: u64,
    /// Columns that came.
    pub columns_added: Vec<String>,
    /// Columns that went.
    pub columns_removed: Vec<String>,
    /// Columns whose values are of another kind.
    pub columns_retyped: Vec<Retyped>,
    /// Whether the columns of both stand in another order.
    pub columns_moved: bool,
    /// How rows were matched; `None` if cells were not compared.
    pub rows_matched_by: Option<RowMatch>,
    /// How many rows came.
    pub rows_added: usize,
    /// How many rows went.
    pub rows_removed: usize,
    /// How many rows of both stand in another order than before.
    pub rows_moved: usize,
    /// How many rows of both have cells that changed.
    pub rows_changed: usize,
    /// How many cells changed in rows and columns of both.
    pub cells_changed: usize,
    /// In how many rows each column changed, most first; only columns that did.
    pub changed_by_column: Vec<(String, usize)>,
    /// The rows that came.
    pub added: Vec<Row>,
    /// The rows that went.
    pub removed: Vec<Row>,
    /// The cells that changed.
    pub cells: Vec<CellChange>,
    /// Rows and cells that were left out of the lists for their number.
    pub left_out: usize,
    /// What a reader must know besides; why cells were not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A column whose values are of another kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Retyped {
    /// The column.
    pub column: String,
    /// What they were.
    pub before: String,
    /// What they are.
    pub after: String,
}

/// A row that is on one side only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// What it is called: its key, or `row 3`.
    pub row: String,
    /// Its values: those of the index first, then in the order of the columns of its side.
    pub values: Vec<String>,
}

/// A cell that changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellChange {
    /// What its row is called.
    pub row: String,
    /// Its column.
    pub column: String,
    /// What it was; `None` if there was no value.
    pub before: Option<String>,
    /// What it is.
    pub after: Option<String>,
    /// The change, where both are numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<NumberChange>,
}

impl TableDiff {
    /// Whether nothing that the tables hold differs.
    pub fn is_same(&self) -> bool {
        let columns = self.columns_added.len() + self.columns_removed.len();
        let cells = self.rows_added + self.rows_removed + self.rows_moved + self.cells_changed;
        columns + self.columns_retyped.len() + cells == 0
            && !self.columns_moved
            && self.rows_before == self.rows_after
    }
}

/// Returns what differs between tables whose values are not in memory: their columns and how many
/// rows they have.
pub(super) fn diff_shapes(before: &Shape, after: &Shape) -> TableDiff {
    let (a, b) = (names(&before.columns), names(&after.columns));
    let mut diff =
        TableDiff { rows_before: before.rows, rows_after: after.rows, ..TableDiff::default() };
    let pairs = compare_columns(&a, &b, &mut diff);
    for (x, y) in pairs {
        retype(&mut diff, &a[x].0, &before.columns[x].1, &after.columns[y].1);
    }
    diff
}

/// Returns what differs between two tables, with at most `most` rows and cells listed of each kind.
pub(super) fn diff_tables(before: &Table, after: &Table, most: usize) -> TableDiff {
    let named = |table: &Table| {
        let columns: Vec<(String, String)> = table.shape().columns;
        names(&columns)
    };
    let (a, b) = (named(before), named(after));
    let mut diff = TableDiff {
        rows_before: before.rows as u64,
        rows_after: after.rows as u64,
        ..TableDiff::default()
    };
    let shared = compare_columns(&a, &b, &mut diff);
    for &(x, y) in &shared {
        retype(&mut diff, &a[x].0, &before.columns[x].kind, &after.columns[y].kind);
    }
    let Pairing { pairs, by, ignored } = pair_rows(before, after, &shared);
    let compared: Vec<(usize, usize)> =
        shared.iter().copied().filter(|(x, _)| !ignored.contains(x)).collect();
    let said = Said { before, after, by: &by, most };
    let mut lists = Lists::default();
    let mut columns: Vec<usize> = vec![0; compared.len()];
    for pair in &pairs {
        match *pair {
            (Some(x), Some(y)) => {
                let mut is_changed = false;
                for (number, &(cx, cy)) in compared.iter().enumerate() {
                    let (old, new) = (&before.columns[cx].values[x], &after.columns[cy].values[y]);
                    if old.same(new) {
                        continue;
                    }
                    is_changed = true;
                    columns[number] += 1;
                    diff.cells_changed += 1;
                    if lists.cells.len() < most {
                        let column = a[cx].0.clone();
                        lists.cells.push(cell(said.row(Some(x), Some(y)), column, old, new));
                    } else {
                        lists.left_out += 1;
                    }
                }
                diff.rows_changed += usize::from(is_changed);
            }
            (None, Some(y)) => {
                diff.rows_added += 1;
                said.push(&mut lists.added, &mut lists.left_out, after, said.row(None, Some(y)), y);
            }
            (Some(x), None) => {
                diff.rows_removed += 1;
                let row = said.row(Some(x), None);
                said.push(&mut lists.removed, &mut lists.left_out, before, row, x);
            }
            (None, None) => {}
        }
    }
    diff.rows_moved = moved(&pairs);
    diff.rows_matched_by = Some(by.clone());
    let mut changed: Vec<(String, usize)> = compared
        .iter()
        .zip(columns)
        .filter(|(_, count)| *count > 0)
        .map(|((x, _), count)| (a[*x].0.clone(), count))
        .collect();
    changed.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    diff.changed_by_column = changed;
    let Lists { added, removed, cells, left_out } = lists;
    TableDiff { added, removed, cells, left_out, ..diff }
}

#[derive(Default)]
struct Lists {
    added: Vec<Row>,
    removed: Vec<Row>,
    cells: Vec<CellChange>,
    left_out: usize,
}

/// How rows are called and listed.
struct Said<'a> {
    before: &'a Table,
    after: &'a Table,
    by: &'a RowMatch,
    most: usize,
}

impl Said<'_> {
    fn row(&self, x: Option<usize>, y: Option<usize>) -> String {
        let (table, at) = match (x, y) {
            (_, Some(y)) => (self.after, y),
            (Some(x), None) => (self.before, x),
            (None, None) => return String::new(),
        };
        let names: &[String] = match self.by {
            RowMatch::Index { columns } => columns,
            RowMatch::FirstColumn { column } => std::slice::from_ref(column),
            RowMatch::Likeness | RowMatch::Position => &[],
        };
        if names.is_empty() {
            return format!("row {}", at + 1);
        }
        let key: Vec<String> = names
            .iter()
            .filter_map(|name| table.columns.iter().find(|column| column.name == *name))
            .map(|column| cut(&column.values[at].to_string()))
            .collect();
        key.join(", ")
    }

    fn push(
        &self,
        list: &mut Vec<Row>,
        left_out: &mut usize,
        table: &Table,
        row: String,
        at: usize,
    ) {
        if list.len() < self.most {
            let index = table.index.iter().copied();
            let rest = (0..table.columns.len()).filter(|column| !table.index.contains(column));
            let value = |column: usize| cut(&table.columns[column].values[at].to_string());
            let values = index.chain(rest).map(value).collect();
            list.push(Row { row, values });
        } else {
            *left_out += 1;
        }
    }
}

fn cell(row: String, column: String, before: &Value, after: &Value) -> CellChange {
    let text = |value: &Value| (*value != Value::Null).then(|| value.to_string());
    let (old, new) = (text(before), text(after));
    let number = match (&old, &new) {
        (Some(old), Some(new)) => numbers::change(old, new),
        _ => None,
    };
    let shorten = |text: Option<String>| text.map(|text| cut(&text));
    CellChange { row, column, before: shorten(old), after: shorten(new), number }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns each column's name, and which of those that share it the column is.
fn names(columns: &[(String, String)]) -> Vec<(String, usize)> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    columns
        .iter()
        .map(|(name, _)| {
            let count = seen.entry(name).or_default();
            *count += 1;
            (name.clone(), *count)
        })
        .collect()
}

/// Matches columns by name; of those that share one, the first with the first and so on. Returns
/// the pairs in the order after.
fn compare_columns(
    before: &[(String, usize)],
    after: &[(String, usize)],
    diff: &mut TableDiff,
) -> Vec<(usize, usize)> {
    let places: HashMap<&(String, usize), usize> =
        before.iter().enumerate().map(|(at, name)| (name, at)).collect();
    let mut pairs = Vec::new();
    let mut is_shared = vec![false; before.len()];
    for (y, name) in after.iter().enumerate() {
        match places.get(name) {
            Some(&x) => {
                is_shared[x] = true;
                pairs.push((x, y));
            }
            None => diff.columns_added.push(name.0.clone()),
        }
    }
    let gone = before.iter().zip(&is_shared).filter(|(_, shared)| !**shared);
    diff.columns_removed = gone.map(|(name, _)| name.0.clone()).collect();
    diff.columns_moved = pairs.windows(2).any(|pair| pair[0].0 > pair[1].0);
    pairs
}

fn retype(diff: &mut TableDiff, column: &str, before: &str, after: &str) {
    // A column without values is of no kind yet.
    if before != after && before != "empty" && after != "empty" {
        let (before, after) = (before.to_owned(), after.to_owned());
        diff.columns_retyped.push(Retyped { column: column.to_owned(), before, after });
    }
}

/// Returns how many rows of both stand in another order: those outside the longest run that rises.
fn moved(pairs: &[(Option<usize>, Option<usize>)]) -> usize {
    let places: Vec<usize> = pairs.iter().filter_map(|pair| pair.1.and(pair.0)).collect();
    let mut tops: Vec<usize> = Vec::new();
    for place in &places {
        let pile = tops.partition_point(|top| top < place);
        if pile == tops.len() { tops.push(*place) } else { tops[pile] = *place }
    }
    places.len() - tops.len()
}
