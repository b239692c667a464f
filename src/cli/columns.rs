//! Rows in columns that line up, for a person.

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::Style;
use rayon::prelude::*;
use unicode_width::UnicodeWidthStr;

use super::describe::one_line;
use super::report::Outcome;
use super::ui::{FAINT, Ui};

/// The blanks between two columns.
const GAP: usize = 2;

/// Where the text of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// One cell: a text, and how it is painted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    text: String,
    /// The columns of a terminal that it takes.
    width: usize,
    style: Style,
}

impl Cell {
    /// Returns a cell that stands out, or steps back, as `style` says.
    pub(crate) fn styled(text: impl Into<String>, style: Style) -> Cell {
        let text = in_one_line(text.into());
        let width = if text.is_ascii() { text.len() } else { text.width() };
        Cell { text, width, style }
    }
}

fn in_one_line(text: String) -> String {
    let plain = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if plain { text } else { one_line(&text) }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell::styled(text, Style::new())
    }
}

/// The cells of a row in one piece of memory: a long table has hundreds of thousands.
#[derive(Debug, Default)]
pub(crate) struct Row {
    text: String,
    /// Of each cell, where its text ends, how wide it is and how it is painted.
    cells: Vec<(usize, usize, Style)>,
}

impl Row {
    /// Returns the row of these cells.
    pub(crate) fn of<const N: usize>(cells: [Cell; N]) -> Row {
        let length = cells.iter().map(|cell| cell.text.len()).sum();
        let mut row = Row { text: String::with_capacity(length), cells: Vec::with_capacity(N) };
        for cell in cells {
            row.text.push_str(&cell.text);
            row.cells.push((row.text.len(), cell.width, cell.style));
        }
        row
    }

    /// Returns the row of as many cells as come.
    pub(crate) fn of_cells(cells: impl IntoIterator<Item = Cell>) -> Row {
        let mut row = Row::default();
        for cell in cells {
            row.text.push_str(&cell.text);
            row.cells.push((row.text.len(), cell.width, cell.style));
        }
        row
    }

    /// Returns the text of a cell.
    pub(crate) fn text(&self, column: usize) -> &str {
        let start = if column == 0 { 0 } else { self.cells[column - 1].0 };
        &self.text[start..self.cells[column].0]
    }
}

/// Rows under headings. A column that is empty in every row is left out.
#[derive(Debug)]
pub(crate) struct Columns {
    heads: Vec<(Cow<'static, str>, Align)>,
    rows: Vec<Row>,
    hidden: Option<usize>,
}

/// How many rows are printed at once.
const ROWS: usize = 256;

impl Columns {
    /// Returns no rows under `heads`.
    pub(crate) fn new(heads: &[(&'static str, Align)]) -> Columns {
        let heads = heads.iter().map(|(head, align)| (Cow::Borrowed(*head), *align)).collect();
        Columns { heads, rows: Vec::new(), hidden: None }
    }

    /// Returns no rows under heads that are only known now.
    pub(crate) fn under(heads: impl IntoIterator<Item = (String, Align)>) -> Columns {
        let heads = heads.into_iter().map(|(head, align)| (in_one_line(head).into(), align));
        Columns { heads: heads.collect(), rows: Vec::new(), hidden: None }
    }

    /// Leaves out a column.
    pub(crate) fn hide(&mut self, column: usize) {
        self.hidden = Some(column);
    }

    /// Adds a row, with a cell for each heading.
    pub(crate) fn push<const N: usize>(&mut self, row: [Cell; N]) {
        self.push_row(Row::of(row));
    }

    /// Adds a row that was made before.
    pub(crate) fn push_row(&mut self, row: Row) {
        debug_assert_eq!(row.cells.len(), self.heads.len(), "a cell for each heading");
        self.rows.push(row);
    }

    /// Prints the headings and the rows; nothing if there are no rows.
    ///
    /// # Errors
    /// Those of [`Ui::with_out`].
    pub(crate) fn print(&self, ui: &Ui) -> Outcome {
        if self.rows.is_empty() {
            return Ok(());
        }
        for text in self.texts(ui.has_color()) {
            ui.text(&text)?;
        }
        Ok(())
    }

    /// Prints the same, two blanks to the right.
    ///
    /// # Errors
    /// Those of [`Ui::line`].
    pub(crate) fn print_indented(&self, ui: &Ui) -> Outcome {
        if self.rows.is_empty() {
            return Ok(());
        }
        for text in self.texts(ui.has_color()) {
            text.lines().try_for_each(|line| ui.line(format_args!("  {line}")))?;
        }
        Ok(())
    }

    /// Returns the lines, some in each text.
    fn texts(&self, color: bool) -> Vec<String> {
        let mut heads = Row::default();
        for (head, _) in &self.heads {
            heads.text.push_str(head);
            heads.cells.push((heads.text.len(), head.width(), FAINT));
        }
        let count = self.heads.len();
        // How wide each column is without its heading, and whether it has any text.
        let measured = |rows: &[Row]| {
            let mut widest = vec![(0, false); count];
            for row in rows {
                let mut start = 0;
                for ((width, has_text), (end, taken, _)) in widest.iter_mut().zip(&row.cells) {
                    *width = (*width).max(*taken);
                    *has_text |= *end > start;
                    start = *end;
                }
            }
            widest
        };
        let wider = |mut left: Vec<(usize, bool)>, right: Vec<(usize, bool)>| {
            for (left, right) in left.iter_mut().zip(right) {
                *left = (left.0.max(right.0), left.1 || right.1);
            }
            left
        };
        let none = || vec![(0, false); count];
        let widest = if self.rows.len() <= ROWS {
            measured(&self.rows)
        } else {
            self.rows.par_chunks(ROWS).map(measured).reduce(none, wider)
        };
        let used: Vec<usize> =
            (0..count).filter(|&at| self.hidden != Some(at) && widest[at].1).collect();
        let widths: Vec<usize> =
            used.iter().map(|&at| widest[at].0.max(heads.cells[at].1)).collect();
        let line = |row: &Row, text: &mut String| {
            let start = text.len();
            for (column, (&at, &width)) in used.iter().zip(&widths).enumerate() {
                let (_, taken, style) = row.cells[at];
                let blanks = width.saturating_sub(taken);
                let (before, after) =
                    if self.heads[at].1 == Align::Right { (blanks, 0) } else { (0, blanks) };
                text.extend(std::iter::repeat_n(' ', before));
                let cell = row.text(at);
                if color && !cell.is_empty() {
                    write!(text, "{style}{cell}{style:#}").expect("a string takes all");
                } else {
                    text.push_str(cell);
                }
                if column + 1 < used.len() {
                    text.extend(std::iter::repeat_n(' ', after + GAP));
                }
            }
            text.truncate(start + text[start..].trim_end().len());
            text.push('\n');
        };
        let mut first = String::new();
        line(&heads, &mut first);
        let some = |rows: &[Row]| {
            let mut text = String::with_capacity(rows.len() * (widths.iter().sum::<usize>() + 32));
            for row in rows {
                line(row, &mut text);
            }
            text
        };
        let mut texts = vec![first];
        if self.rows.len() <= ROWS {
            texts.push(some(&self.rows));
        } else {
            texts.par_extend(self.rows.par_chunks(ROWS).map(some));
        }
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_what_is_seen() {
        let mut columns = Columns::new(&[
            ("name", Align::Left),
            ("none", Align::Left),
            ("size", Align::Right),
            ("note", Align::Left),
        ]);
        columns.push(["名前".into(), "".into(), "1".into(), "a".into()]);
        columns.push(["b".into(), "".into(), "1,000".into(), "".into()]);
        let text = columns.texts(false).concat();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines, ["name   size  note", "名前      1  a", "b     1,000"]);
    }
}
