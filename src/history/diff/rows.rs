//! Which row of a table is which of another: by key, by likeness, by position.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::align::{Step, align};
use crate::table::{Table, Value};

/// Up to this many comparisons of rows, those of a gap are paired by how much they share.
const MOST_COMPARED: usize = 10_000;

/// How rows were matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum RowMatch {
    /// By the columns that the table itself names as its index.
    Index {
        /// Those columns.
        columns: Vec<String>,
    },
    /// By the first column: its values are unique on both sides, and at least half are on both.
    FirstColumn {
        /// That column.
        column: String,
    },
    /// Rows that are the same, in order; what is between them, by what it shares.
    Likeness,
    /// The first with the first, and so on: no row is the same.
    Position,
}

/// The places of one row before and after; `None` where it is not.
pub(super) type Pair = (Option<usize>, Option<usize>);

/// The rows of two tables, matched.
pub(super) struct Pairing {
    /// Each row once, by its place before and after.
    pub(super) pairs: Vec<Pair>,
    pub(super) by: RowMatch,
    /// Columns, by their place before, that only count the rows: they are not compared.
    pub(super) ignored: Vec<usize>,
}

/// Matches rows. `shared` are the columns of both, by their places before and after.
pub(super) fn pair_rows(before: &Table, after: &Table, shared: &[(usize, usize)]) -> Pairing {
    let index: Vec<(usize, usize)> = shared
        .iter()
        .copied()
        .filter(|(x, y)| before.index.contains(x) && after.index.contains(y))
        .collect();
    let is_whole =
        !index.is_empty() && index.len() == before.index.len() && index.len() == after.index.len();
    // A mere count says nothing of what a row is: a row that came moves all those after it.
    let counts = |&(x, y): &(usize, usize)| {
        is_count(&before.columns[x].values) && is_count(&after.columns[y].values)
    };
    let ignored: Vec<(usize, usize)> = index.iter().copied().filter(counts).collect();
    let ignored = if index.len() == 1 && is_whole { ignored } else { Vec::new() };
    if is_whole && ignored.is_empty() {
        let columns = index.iter().map(|(x, _)| before.columns[*x].name.clone()).collect();
        if let Some(pairs) = by_key(before, after, &index, false) {
            return Pairing { pairs, by: RowMatch::Index { columns }, ignored: Vec::new() };
        }
    }
    let compared: Vec<(usize, usize)> =
        shared.iter().copied().filter(|pair| !ignored.contains(pair)).collect();
    let ignored_before: Vec<usize> = ignored.iter().map(|(x, _)| *x).collect();
    let first = |table: &Table, skipped: &[usize]| {
        (0..table.columns.len()).find(|at| !skipped.contains(at))
    };
    let ignored_after: Vec<usize> = ignored.iter().map(|(_, y)| *y).collect();
    let first = first(before, &ignored_before).zip(first(after, &ignored_after));
    // Of a single column, what is not the same is another row and no changed one.
    if let Some(first) = first.filter(|first| compared.contains(first) && compared.len() > 1)
        && let Some(pairs) = by_key(before, after, &[first], true)
    {
        let column = before.columns[first.0].name.clone();
        return Pairing { pairs, by: RowMatch::FirstColumn { column }, ignored: ignored_before };
    }
    let (pairs, by) = by_likeness(before, after, &compared);
    Pairing { pairs, by, ignored: ignored_before }
}

/// Whether values count the rows from 0 or 1.
fn is_count(values: &[Value]) -> bool {
    let number = |value: &Value| match value {
        Value::Int(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    };
    let Some(start @ (0 | 1)) = values.first().map_or(Some(0), number) else { return false };
    values.iter().zip(start..).all(|(value, expected)| number(value) == Some(expected))
}

fn key(table: &Table, row: usize, columns: impl Iterator<Item = usize>) -> Vec<u8> {
    let mut key = Vec::new();
    for column in columns {
        table.columns[column].values[row].key_into(&mut key);
    }
    key
}

/// Matches rows by the values in `columns`; `None` if these are not unique on a side, or, where
/// `must_overlap`, less than half of the shorter side is on the other.
fn by_key(
    before: &Table,
    after: &Table,
    columns: &[(usize, usize)],
    must_overlap: bool,
) -> Option<Vec<Pair>> {
    let mut places: HashMap<Vec<u8>, usize> = HashMap::with_capacity(before.rows);
    for row in 0..before.rows {
        let key = key(before, row, columns.iter().map(|(x, _)| *x));
        if places.insert(key, row).is_some() {
            return None;
        }
    }
    let mut pairs = Vec::with_capacity(before.rows.max(after.rows));
    let mut seen: HashSet<Vec<u8>> = HashSet::with_capacity(after.rows);
    let mut is_left = vec![false; before.rows];
    let mut common = 0;
    for row in 0..after.rows {
        let key = key(after, row, columns.iter().map(|(_, y)| *y));
        let known = places.get(&key).copied();
        if !seen.insert(key) {
            return None;
        }
        if let Some(known) = known {
            is_left[known] = true;
            common += 1;
        }
        pairs.push((known, Some(row)));
    }
    if must_overlap && common * 2 < before.rows.min(after.rows) {
        return None;
    }
    pairs.extend((0..before.rows).filter(|row| !is_left[*row]).map(|row| (Some(row), None)));
    Some(pairs)
}

fn by_likeness(
    before: &Table,
    after: &Table,
    compared: &[(usize, usize)],
) -> (Vec<Pair>, RowMatch) {
    let old_keys: Vec<Vec<u8>> =
        (0..before.rows).map(|row| key(before, row, compared.iter().map(|(x, _)| *x))).collect();
    let new_keys: Vec<Vec<u8>> =
        (0..after.rows).map(|row| key(after, row, compared.iter().map(|(_, y)| *y))).collect();
    let likeness = |x: usize, y: usize| {
        let same = |(cx, cy): &&(usize, usize)| {
            before.columns[*cx].values[x].same(&after.columns[*cy].values[y])
        };
        compared.iter().filter(same).count()
    };
    let mut pairs = Vec::with_capacity(old_keys.len().max(new_keys.len()));
    let mut found = false;
    for step in align(&old_keys, &new_keys) {
        match step {
            Step::Same { before, after, len } => {
                found = true;
                pairs.extend((0..len).map(|at| (Some(before + at), Some(after + at))));
            }
            Step::Changed { before: x, after: y } => {
                let (n, m) = (x.len(), y.len());
                if n == m || n == 0 || m == 0 || n.saturating_mul(m) > MOST_COMPARED {
                    let both = n.min(m);
                    pairs.extend((0..both).map(|at| (Some(x.start + at), Some(y.start + at))));
                    pairs.extend((x.start + both..x.end).map(|row| (Some(row), None)));
                    pairs.extend((y.start + both..y.end).map(|row| (None, Some(row))));
                } else {
                    pair_alike(&x, &y, compared.len(), &likeness, &mut pairs);
                }
            }
        }
    }
    (pairs, if found { RowMatch::Likeness } else { RowMatch::Position })
}

/// Pairs the rows of a gap so that, in order, they share the most values; rows that share less
/// than a third are different ones.
fn pair_alike(
    old: &std::ops::Range<usize>,
    new: &std::ops::Range<usize>,
    columns: usize,
    likeness: &dyn Fn(usize, usize) -> usize,
    pairs: &mut Vec<Pair>,
) {
    let (n, m) = (old.len(), new.len());
    let mut shared = vec![0; n * m];
    // The best of what follows row i and row j.
    let mut best = vec![0; (n + 1) * (m + 1)];
    let at = |i: usize, j: usize| i * (m + 1) + j;
    for i in (0..n).rev() {
        for j in (0..m).rev() {
            let alike = likeness(old.start + i, new.start + j);
            shared[i * m + j] = if alike * 3 >= columns { alike } else { 0 };
            let paired = match shared[i * m + j] {
                0 => 0,
                alike => alike + best[at(i + 1, j + 1)],
            };
            best[at(i, j)] = paired.max(best[at(i + 1, j)]).max(best[at(i, j + 1)]);
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < n && j < m {
        let alike = shared[i * m + j];
        if alike > 0 && best[at(i, j)] == alike + best[at(i + 1, j + 1)] {
            pairs.push((Some(old.start + i), Some(new.start + j)));
            (i, j) = (i + 1, j + 1);
        } else if best[at(i, j)] == best[at(i + 1, j)] {
            pairs.push((Some(old.start + i), None));
            i += 1;
        } else {
            pairs.push((None, Some(new.start + j)));
            j += 1;
        }
    }
    pairs.extend((old.start + i..old.end).map(|row| (Some(row), None)));
    pairs.extend((new.start + j..new.end).map(|row| (None, Some(row))));
}
