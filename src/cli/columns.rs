//! Rows in columns that line up, for a person.

use anstyle::Style;
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
    style: Style,
}

impl Cell {
    /// Returns a cell that stands out, or steps back, as `style` says.
    pub(crate) fn styled(text: impl Into<String>, style: Style) -> Cell {
        Cell { text: text.into(), style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell { text: text.into(), style: Style::new() }
    }
}

/// Rows under headings. A column that is empty in every row is left out.
#[derive(Debug)]
pub(crate) struct Columns {
    heads: Vec<(&'static str, Align)>,
    rows: Vec<Vec<Cell>>,
}

impl Columns {
    /// Returns no rows under `heads`.
    pub(crate) fn new(heads: &[(&'static str, Align)]) -> Columns {
        Columns { heads: heads.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, with a cell for each heading.
    pub(crate) fn push(&mut self, mut row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.heads.len(), "a cell for each heading");
        for cell in &mut row {
            cell.text = one_line(&cell.text);
        }
        self.rows.push(row);
    }

    /// Prints the headings and the rows; nothing if there are no rows.
    ///
    /// # Errors
    /// Those of [`Ui::line`].
    pub(crate) fn print(&self, ui: &Ui) -> Outcome {
        if self.rows.is_empty() {
            return Ok(());
        }
        for line in self.lines(|style, text| ui.paint(style, text)) {
            ui.line(line)?;
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
        for line in self.lines(|style, text| ui.paint(style, text)) {
            ui.line(format_args!("  {line}"))?;
        }
        Ok(())
    }

    fn lines(&self, paint: impl Fn(Style, &str) -> String) -> Vec<String> {
        let used: Vec<usize> = (0..self.heads.len())
            .filter(|&at| self.rows.iter().any(|row| !row[at].text.is_empty()))
            .collect();
        let width = |at: usize| {
            let cells = self.rows.iter().map(|row| row[at].text.width());
            cells.chain([self.heads[at].0.width()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = used.iter().map(|&at| width(at)).collect();
        let heads: Vec<Cell> =
            self.heads.iter().map(|(head, _)| Cell::styled(*head, FAINT)).collect();
        let line = |row: &Vec<Cell>| {
            let mut line = String::new();
            for (column, (&at, &width)) in used.iter().zip(&widths).enumerate() {
                let Cell { text, style } = &row[at];
                let blanks = " ".repeat(width.saturating_sub(text.width()));
                let is_last = column + 1 == used.len();
                let text = if text.is_empty() { String::new() } else { paint(*style, text) };
                match self.heads[at].1 {
                    Align::Right => line.extend([blanks.as_str(), &text]),
                    Align::Left if is_last => line.push_str(&text),
                    Align::Left => line.extend([text.as_str(), &blanks]),
                }
                if !is_last {
                    line.push_str(&" ".repeat(GAP));
                }
            }
            line.truncate(line.trim_end().len());
            line
        };
        std::iter::once(&heads).chain(&self.rows).map(line).collect()
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
        let lines = columns.lines(|_, text| text.to_owned());
        assert_eq!(lines, ["name   size  note", "名前      1  a", "b     1,000"]);
    }
}
