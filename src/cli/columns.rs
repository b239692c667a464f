//! Rows in columns that line up, for a person.

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

    /// Returns the text.
    pub(crate) fn text(&self) -> &str {
        &self.text
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

/// Rows under headings. A column that is empty in every row is left out.
#[derive(Debug)]
pub(crate) struct Columns {
    heads: Vec<(&'static str, Align)>,
    rows: Vec<Vec<Cell>>,
    hidden: Option<usize>,
}

/// How many rows are printed at once.
const ROWS: usize = 256;

impl Columns {
    /// Returns no rows under `heads`.
    pub(crate) fn new(heads: &[(&'static str, Align)]) -> Columns {
        Columns { heads: heads.to_vec(), rows: Vec::new(), hidden: None }
    }

    /// Leaves out a column.
    pub(crate) fn hide(&mut self, column: usize) {
        self.hidden = Some(column);
    }

    /// Adds a row, with a cell for each heading.
    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.heads.len(), "a cell for each heading");
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

    /// Returns the lines, some in each text.
    fn texts(&self, color: bool) -> Vec<String> {
        let used: Vec<usize> = (0..self.heads.len())
            .filter(|&at| self.hidden != Some(at))
            .filter(|&at| self.rows.iter().any(|row| !row[at].text.is_empty()))
            .collect();
        let heads: Vec<Cell> =
            self.heads.iter().map(|(head, _)| Cell::styled(*head, FAINT)).collect();
        let widest = |at: usize| {
            let cells = self.rows.iter().map(|row| row[at].width);
            cells.chain([heads[at].width]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = used.iter().map(|&at| widest(at)).collect();
        let line = |row: &[Cell], text: &mut String| {
            let start = text.len();
            for (column, (&at, &width)) in used.iter().zip(&widths).enumerate() {
                let cell = &row[at];
                let blanks = width.saturating_sub(cell.width);
                if self.heads[at].1 == Align::Right {
                    text.extend(std::iter::repeat_n(' ', blanks));
                }
                cell.print(color, text);
                if column + 1 < used.len() {
                    let blanks = if self.heads[at].1 == Align::Right { 0 } else { blanks };
                    text.extend(std::iter::repeat_n(' ', blanks + GAP));
                }
            }
            text.truncate(start + text[start..].trim_end().len());
            text.push('\n');
        };
        let mut first = String::new();
        line(&heads, &mut first);
        let some = |rows: &[Vec<Cell>]| {
            let mut text = String::with_capacity(rows.len() * (widths.iter().sum::<usize>() + 32));
            rows.iter().for_each(|row| line(row, &mut text));
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

impl Cell {
    fn print(&self, color: bool, out: &mut String) {
        let Cell { text, style, .. } = self;
        if color && !text.is_empty() {
            write!(out, "{style}{text}{style:#}").expect("writing to a string cannot fail");
        } else {
            out.push_str(text);
        }
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
        columns.push(vec!["名前".into(), "".into(), "1".into(), "a".into()]);
        columns.push(vec!["b".into(), "".into(), "1,000".into(), "".into()]);
        let text = columns.texts(false).concat();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines, ["name   size  note", "名前      1  a", "b     1,000"]);
    }
}
