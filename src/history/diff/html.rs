//! The tables of an HTML page, and the text that a reader sees around them.

use html5gum::{StartTag, Token, Tokenizer};

use super::table_read::{TooLarge, kind_of_texts};
use crate::table::{Column, Table, TableLimits, Value};

/// Bytes of a page up to which it is read.
pub(super) const MAX_BYTES: usize = 32 << 20;
/// The widest and longest that one cell may reach; the standard has 1,000 and 65,534.
const WIDEST: usize = 1_000;
const LONGEST: usize = 65_534;

/// What a page shows.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Its tables, in order; tables inside tables are text of theirs.
    pub(super) tables: Vec<Result<Table, TooLarge>>,
    /// All other text, a line for each block.
    pub(super) text: String,
}

/// Reads a page. Whatever the bytes are, they are a page of some kind.
pub(super) fn read(bytes: &[u8], limits: TableLimits) -> Page {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader { limits, ..Reader::default() };
    // Reading a string cannot fail.
    for Ok(token) in Tokenizer::new(&*text) {
        match token {
            Token::StartTag(tag) => reader.start(&tag),
            Token::EndTag(tag) => reader.end(&tag.name),
            Token::String(text) => reader.text(&String::from_utf8_lossy(&text)),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    reader.finish()
}

/// One cell as it is written.
#[derive(Debug, Clone)]
struct Cell {
    text: String,
    is_head: bool,
    width: usize,
    height: usize,
}

#[derive(Default)]
struct Reader {
    limits: TableLimits,
    page: Page,
    /// How many tables are open.
    depth: usize,
    /// The tag of which nothing is shown, while it is open.
    hidden: Option<Vec<u8>>,
    grid: Grid,
    row: Option<Vec<Cell>>,
    cell: Option<Cell>,
    in_head: bool,
}

impl Reader {
    fn start(&mut self, tag: &StartTag<()>) {
        if self.hidden.is_some() {
            return;
        }
        match tag.name.as_slice() {
            b"script" | b"style" | b"template" | b"head" if !tag.self_closing => {
                self.hidden = Some(tag.name.to_vec());
            }
            b"table" => {
                self.depth += 1;
                if self.depth == 1 {
                    self.grid = Grid { limits: self.limits, ..Grid::default() };
                    self.in_head = false;
                } else {
                    self.text(" ");
                }
            }
            _ if self.depth > 1 => self.text(" "),
            b"thead" if self.depth == 1 => {
                self.end_row();
                self.in_head = true;
            }
            b"tbody" | b"tfoot" if self.depth == 1 => {
                self.end_row();
                self.in_head = false;
            }
            b"tr" if self.depth == 1 => {
                self.end_row();
                self.row = Some(Vec::new());
            }
            name @ (b"td" | b"th") if self.depth == 1 => {
                self.end_cell();
                let span = |name: &[u8], most: usize| {
                    let value = tag.attributes.get(name).map(|it| String::from_utf8_lossy(it));
                    value.and_then(|it| it.trim().parse::<usize>().ok()).unwrap_or(1).clamp(1, most)
                };
                self.row.get_or_insert_default();
                self.cell = Some(Cell {
                    text: String::new(),
                    is_head: name == b"th",
                    width: span(b"colspan", WIDEST),
                    height: span(b"rowspan", LONGEST),
                });
            }
            b"caption" if self.depth == 1 => self.end_row(),
            name => self.block(name),
        }
    }

    fn end(&mut self, name: &[u8]) {
        if let Some(hidden) = &self.hidden {
            if hidden == name {
                self.hidden = None;
            }
            return;
        }
        match name {
            b"table" if self.depth > 0 => {
                self.depth -= 1;
                if self.depth == 0 {
                    self.end_table();
                }
            }
            _ if self.depth > 1 => self.text(" "),
            b"td" | b"th" if self.depth == 1 => self.end_cell(),
            b"tr" | b"thead" | b"tbody" | b"tfoot" if self.depth == 1 => {
                self.end_row();
                if name == b"thead" {
                    self.in_head = false;
                }
            }
            name => self.block(name),
        }
    }

    /// Ends a line where a browser would.
    fn block(&mut self, name: &[u8]) {
        let inline = [
            &b"a"[..],
            b"abbr",
            b"b",
            b"bdi",
            b"bdo",
            b"cite",
            b"code",
            b"data",
            b"del",
            b"dfn",
            b"em",
            b"font",
            b"i",
            b"img",
            b"ins",
            b"kbd",
            b"label",
            b"mark",
            b"q",
            b"s",
            b"samp",
            b"small",
            b"span",
            b"strong",
            b"sub",
            b"sup",
            b"time",
            b"tt",
            b"u",
            b"var",
            b"wbr",
        ];
        if !inline.contains(&name) {
            self.text("\n");
        }
    }

    fn text(&mut self, text: &str) {
        if self.hidden.is_some() {
            return;
        }
        if let Some(cell) = &mut self.cell {
            cell.text.push_str(text);
        } else {
            // Text of a table outside its cells stands before the table, as browsers put it.
            self.page.text.push_str(text);
        }
    }

    fn end_cell(&mut self) {
        if let Some(mut cell) = self.cell.take() {
            cell.text = cell.text.split_whitespace().collect::<Vec<_>>().join(" ");
            self.row.get_or_insert_default().push(cell);
        }
    }

    fn end_row(&mut self) {
        self.end_cell();
        if let Some(row) = self.row.take() {
            self.grid.push(row, self.in_head);
        }
    }

    fn end_table(&mut self) {
        self.end_row();
        let grid = std::mem::take(&mut self.grid);
        self.page.tables.push(grid.finish());
        self.page.text.push('\n');
    }

    fn finish(mut self) -> Page {
        if self.depth > 0 {
            self.end_table();
        }
        let lines = self
            .page
            .text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        self.page.text = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
        self.page
    }
}

/// The rows of one table, with cells that reach over others written out.
#[derive(Default)]
struct Grid {
    limits: TableLimits,
    heads: Vec<Vec<String>>,
    rows: Vec<Vec<String>>,
    /// How many leading cells of each row are headings.
    labels: Vec<usize>,
    /// Cells that reach down: by column, the text and how many rows are left.
    reaching: Vec<Option<(String, usize, bool)>>,
    cells: u64,
    is_large: bool,
}

impl Grid {
    fn push(&mut self, row: Vec<Cell>, in_head: bool) {
        let mut texts: Vec<String> = Vec::new();
        let mut head: Vec<bool> = Vec::new();
        let mut cells = row.into_iter();
        loop {
            let column = texts.len();
            if let Some(Some((text, left, is_head))) = self.reaching.get_mut(column) {
                texts.push(text.clone());
                head.push(*is_head);
                *left -= 1;
                if *left == 0 {
                    self.reaching[column] = None;
                }
                continue;
            }
            let Some(cell) = cells.next() else { break };
            for column in texts.len()..texts.len() + cell.width {
                if cell.height > 1 {
                    if self.reaching.len() <= column {
                        self.reaching.resize(column + 1, None);
                    }
                    self.reaching[column] =
                        Some((cell.text.clone(), cell.height - 1, cell.is_head));
                }
                texts.push(cell.text.clone());
                head.push(cell.is_head);
            }
            self.cells += cell.width as u64;
            if self.cells > self.limits.cells {
                self.is_large = true;
                return;
            }
        }
        let all_heads = !head.is_empty() && head.iter().all(|it| *it);
        if in_head || (all_heads && self.rows.is_empty()) {
            self.heads.push(texts);
        } else {
            self.labels.push(head.iter().take_while(|it| **it).count());
            self.rows.push(texts);
        }
    }

    fn finish(self) -> Result<Table, TooLarge> {
        let width = self.rows.iter().chain(&self.heads).map(Vec::len).max().unwrap_or(0);
        let cells = (width as u64).saturating_mul(self.rows.len() as u64);
        if self.is_large || cells > self.limits.cells {
            return Err(TooLarge { rows: self.rows.len() as u64, columns: width });
        }
        let labels = self.labels.iter().copied().min().unwrap_or(0);
        // A row of headings alone is no table with a column of labels.
        let labels = if labels < width { labels } else { 0 };
        let mut columns = Vec::with_capacity(width);
        for at in 0..width {
            let texts: Vec<Option<&str>> =
                self.rows.iter().map(|row| row.get(at).map(String::as_str)).collect();
            let values = texts.iter().map(|it| it.map_or(Value::Null, Value::text)).collect();
            columns.push(Column {
                name: self.name(at),
                kind: kind_of_texts(&texts).into(),
                values,
            });
        }
        Ok(Table { columns, index: (0..labels).collect(), rows: self.rows.len() })
    }

    /// Returns the heading of a column: what stands above it, each text once.
    fn name(&self, at: usize) -> String {
        if self.heads.is_empty() {
            return format!("column {}", at + 1);
        }
        let mut texts: Vec<&str> = Vec::new();
        for row in &self.heads {
            match row.get(at).map(String::as_str) {
                Some(text) if !text.is_empty() && texts.last() != Some(&text) => texts.push(text),
                _ => {}
            }
        }
        texts.join(" / ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: TableLimits = TableLimits { cells: 10_000, bytes: 1 << 20 };

    fn shown(html: &str) -> String {
        let page = read(html.as_bytes(), LIMITS);
        let mut out = page.text.replace('\n', "|");
        for table in &page.tables {
            let Ok(table) = table else { return "too large".into() };
            let columns: Vec<String> = table
                .columns
                .iter()
                .enumerate()
                .map(|(at, column)| {
                    let mark = if table.index.contains(&at) { "*" } else { "" };
                    let values: Vec<String> = column.values.iter().map(Value::to_string).collect();
                    format!("{mark}{}={}", column.name, values.join(","))
                })
                .collect();
            out.extend(["[", &columns.join(" "), "]"]);
        }
        out
    }

    #[test]
    fn tables_are_read_as_a_browser_shows_them() {
        for (html, expected, why) in [
            (
                "<table><thead><tr><th></th><th>a</th></tr></thead><tbody><tr><th>0</th><td>1</td>\
                 </tr></tbody></table>",
                "[*=0 a=1]",
                "as pandas writes them",
            ),
            (
                "<table><thead><tr><th></th><th>n</th></tr><tr><th>region</th><th></th></tr></thead>\
                 <tr><th>West</th><td> 1 \n 2 </td></tr></table>",
                "[*region=West n=1 2]",
                "the index has a name",
            ),
            (
                "<table><tr><th>a</th><th colspan=2>b</th></tr><tr><td rowspan=2>1<td>2<td>3\
                 <tr><td>4<td>5</table>",
                "[a=1,1 b=2,4 b=3,5]",
                "cells that reach over others, ends left out, a name twice",
            ),
            ("<TABLE><TR><TD>1</TD></TR>", "[column 1=1]", "no headings, no end, upper case"),
            (
                "<p>x <b>y</b></p><style>p {}</style><table><tr><td>&lt;1&amp;</td></tr></table>z",
                "x y|z[column 1=<1&]",
                "the text around, entities",
            ),
            (
                "<table><tr><td>a<table><tr><td>b</td><td>c</td></tr></table></td></tr></table>",
                "[column 1=a b c]",
                "a table in a table",
            ),
            (
                "<table><tr><td>1</td></tr><tr><td>1</td><td>2</td></tr></table>",
                "[column 1=1,1 column 2=null,2]",
                "rows of two lengths",
            ),
            ("<script>if (a < b) '<table>'</script>t", "t", "a script is no text"),
            ("<table></table>", "[]", "nothing in it"),
            ("</table></td>x<tr><td>", "x", "ends without starts"),
            ("<table><tr><td colspan=99999999 rowspan=99999999>x</table>", "", "a bomb"),
        ] {
            let found = shown(html);
            if why == "a bomb" {
                assert_eq!(found.matches("column ").count(), WIDEST, "{why}");
            } else {
                assert_eq!(found, expected, "{why}");
            }
        }
        let bomb = "<tr><td colspan=1000>x</td></tr>".repeat(11);
        assert_eq!(shown(&format!("<table>{bomb}</table>")), "too large");
    }

    proptest::proptest! {
        #[test]
        fn no_page_makes_it_panic(
            bytes in "(<(/?(table|tr|t[dh]|thead|tbody|p|script))( (row|col)span=[0-9]{1,3})?>|[a-z<>&; ]){0,40}",
        ) {
            read(bytes.as_bytes(), LIMITS);
        }
    }
}
