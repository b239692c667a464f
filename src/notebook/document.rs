//! An `.ipynb` as cells over its original bytes.

use std::borrow::Cow;

use super::lexer::{Lexer, Span};
use super::reader;
use super::refusal::NotANotebook;
use super::text;

/// A notebook: what recell asks of it, and where in its bytes each thing stands.
///
/// Formats 4.x and 3 are read. All of the JSON was checked, so every span is sound.
#[derive(Debug, Clone)]
pub struct Notebook<'a> {
    pub(super) text: &'a str,
    pub(super) format: Format,
    pub(super) kernel: Option<Cow<'a, str>>,
    pub(super) language: Option<Cow<'a, str>>,
    pub(super) language_version: Option<Cow<'a, str>>,
    pub(super) keeps_output: bool,
    pub(super) cells: Vec<Cell<'a>>,
}

/// The version of the notebook format, for example 4.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Format {
    /// `nbformat`.
    pub major: u64,
    /// `nbformat_minor`; 0 if the notebook does not say.
    pub minor: u64,
}

/// What a cell is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CellKind {
    /// Code, the only kind that has outputs.
    Code,
    /// Text in markdown.
    Markdown,
    /// Text that is passed on as it is.
    Raw,
    /// Headings of format 3, and what no format knows.
    Other,
}

/// One cell, over the bytes of its notebook.
#[derive(Debug, Clone)]
pub struct Cell<'a> {
    pub(super) kind: CellKind,
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) span: Span,
    pub(super) source: Option<Span>,
    pub(super) outputs: Option<Slot>,
    pub(super) execution_count: Option<Slot>,
    pub(super) tags: Vec<Cow<'a, str>>,
    pub(super) language: Option<Cow<'a, str>>,
    /// `init_cell` of its metadata.
    pub(super) is_initial: Option<bool>,
    pub(super) keeps_output: bool,
    /// What its metadata says about when it ran.
    pub(super) timing: Option<Span>,
}

/// A value that is emptied by strip and filled by restore.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) span: Span,
    /// Whether it stands for "never run" already, in whatever spelling.
    pub(super) blank: bool,
}

impl<'a> Notebook<'a> {
    /// Returns the notebook that `bytes` hold, all of its JSON checked.
    ///
    /// A byte order mark, CRLF, any indentation and Python's `NaN` are accepted.
    /// # Errors
    /// [`NotANotebook`] with the reason, and the place where there is one.
    pub fn parse(bytes: &'a [u8]) -> Result<Notebook<'a>, NotANotebook> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| NotANotebook::NotUtf8 { offset: error.valid_up_to() })?;
        reader::read(text)
    }

    /// Returns the bytes that were parsed.
    pub fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// Returns the version of the notebook format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns the name of the kernel, from `metadata.kernelspec.name`.
    pub fn kernel(&self) -> Option<&str> {
        self.kernel.as_deref()
    }

    /// Returns the programming language, from `metadata.language_info`, else from the kernel,
    /// else (format 3) from the first code cell that names one.
    pub fn language(&self) -> Option<&str> {
        self.language
            .as_deref()
            .or_else(|| self.cells.iter().find_map(|cell| cell.language.as_deref()))
    }

    /// Returns the version of the language, from `metadata.language_info.version`.
    pub fn language_version(&self) -> Option<&str> {
        self.language_version.as_deref()
    }

    /// Says whether the notebook's metadata asks to keep all outputs, as nbstripout reads it.
    pub fn keeps_output(&self) -> bool {
        self.keeps_output
    }

    /// Returns all cells in their order; those of format 3 without their worksheets.
    pub fn cells(&self) -> &[Cell<'a>] {
        &self.cells
    }

    /// Returns the code cells in their order, each with its position among all cells.
    pub fn code_cells(&self) -> impl Iterator<Item = (usize, &Cell<'a>)> {
        self.cells.iter().enumerate().filter(|(_, cell)| cell.kind == CellKind::Code)
    }

    /// Returns the source of `cell`, its lines joined.
    ///
    /// Half a surrogate pair, which no text can hold, reads as `U+FFFD`.
    pub fn source(&self, cell: &Cell<'_>) -> String {
        let Some(span) = cell.source else { return String::new() };
        let mut source = String::new();
        let mut add = |line: Span| {
            if self.text.as_bytes()[line.start] == b'"' {
                text::decode_into(&self.text[line.start + 1..line.end - 1], &mut source);
            }
        };
        if self.text.as_bytes()[span.start] == b'"' {
            add(span);
            return source;
        }
        let mut lexer = Lexer::new(self.text, span.start);
        let read = lexer.array(|lexer| {
            add(lexer.value()?.span);
            Ok(())
        });
        debug_assert!(read.is_ok(), "the source was checked when the notebook was parsed");
        source
    }

    /// Returns the bytes of `span` as text.
    pub(super) fn slice(&self, span: Span) -> &'a str {
        &self.text[span.start..span.end]
    }

    /// Returns the white space of one level of indentation; `None` if all is on one line.
    pub(super) fn indent(&self) -> Option<&'a str> {
        let inside = self.text.trim_start_matches('\u{feff}').trim_start().strip_prefix('{')?;
        let line = inside.strip_prefix("\r\n").or_else(|| inside.strip_prefix('\n'))?;
        let unit = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        (!unit.is_empty()).then_some(unit)
    }
}

impl Cell<'_> {
    /// Returns what the cell is for.
    pub fn kind(&self) -> CellKind {
        self.kind
    }

    /// Returns the id that the notebook gives the cell (format 4.5), if it is not empty.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref().filter(|id| !id.is_empty())
    }

    /// Returns where the whole cell stands, braces included.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Returns where the value of `outputs` stands; `None` if the cell has no such key.
    pub fn outputs(&self) -> Option<Span> {
        self.outputs.map(|value| value.span)
    }

    /// Returns where the value of `execution_count` (format 3: `prompt_number`) stands.
    pub fn execution_count(&self) -> Option<Span> {
        self.execution_count.map(|value| value.span)
    }

    /// Returns the tags of the cell.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(AsRef::as_ref)
    }

    /// Says whether the cell asks to keep its outputs: by one of the tags `keep`, or by the
    /// metadata that nbstripout knows, `keep_output` and `init_cell`.
    pub fn keeps_output(&self, keep: &[&str]) -> bool {
        let tagged = || self.tags().any(|tag| keep.contains(&tag));
        self.is_initial.unwrap_or_else(|| self.keeps_output || tagged())
    }

    /// Says whether the cell shows outputs.
    pub fn has_outputs(&self) -> bool {
        self.kind == CellKind::Code && self.outputs.is_some_and(|slot| !slot.blank)
    }

    /// Says whether the cell has a run to record: outputs, or an execution count.
    pub fn is_executed(&self) -> bool {
        let filled = |slot: Option<Slot>| slot.is_some_and(|slot| !slot.blank);
        self.kind == CellKind::Code && (filled(self.outputs) || filled(self.execution_count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Notebook<'_> {
        Notebook::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_recell_asks_of_a_notebook_is_found() {
        let text = r##"{"cells": [
            {"cell_type": "markdown", "source": ["# T\n", "x"], "metadata": {}},
            {"cell_type": "code", "id": "a-1", "execution_count": 3, "outputs": [ {} ],
             "source": ["a = 1\n", "b"], "metadata": {"tags": ["x", "keep_output"]}}],
            "metadata": {"kernelspec": {"name": "python3", "language": "py"},
                         "language_info": {"name": "python", "version": "3.11.7"}},
            "nbformat": 4, "nbformat_minor": 5}"##;
        let notebook = parsed(text);
        assert_eq!(notebook.format(), Format { major: 4, minor: 5 });
        assert_eq!(notebook.kernel(), Some("python3"));
        assert_eq!(notebook.language(), Some("python"));
        assert_eq!(notebook.language_version(), Some("3.11.7"));
        let [markdown, code] = notebook.cells() else { panic!("two cells") };
        assert_eq!(markdown.kind(), CellKind::Markdown);
        assert_eq!(notebook.source(markdown), "# T\nx");
        assert!(!markdown.is_executed());
        assert_eq!((code.kind(), code.id()), (CellKind::Code, Some("a-1")));
        assert_eq!(notebook.source(code), "a = 1\nb");
        assert_eq!(notebook.slice(code.outputs().unwrap()), "[ {} ]");
        assert_eq!(notebook.slice(code.execution_count().unwrap()), "3");
        assert_eq!(code.tags().collect::<Vec<_>>(), ["x", "keep_output"]);
        assert!(code.is_executed() && code.has_outputs() && code.keeps_output(&["x"]));
        assert!(!code.keeps_output(&[]));
        assert!(notebook.slice(code.span()).starts_with(r#"{"cell_type": "code""#));
    }

    #[test]
    fn format_3_is_read_through_its_worksheets() {
        let notebook = parsed(
            r#"{"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [
            {"cells": [{"cell_type": "heading", "source": "h"}]},
            {"cells": [{"cell_type": "code", "input": ["x\n", "y"], "language": "python",
                        "outputs": [], "prompt_number": 7}]}]}"#,
        );
        let (position, code) = notebook.code_cells().next().unwrap();
        assert_eq!((position, notebook.cells().len()), (1, 2));
        assert_eq!(notebook.source(code), "x\ny");
        assert_eq!(notebook.slice(code.execution_count().unwrap()), "7");
        assert_eq!(notebook.language(), Some("python"));
    }

    #[test]
    fn a_cell_is_executed_once_anything_of_a_run_shows() {
        for (members, executed, why) in [
            (r#""outputs": [], "execution_count": null"#, false, "never run"),
            (r#""outputs": [ ], "execution_count": null"#, false, "spacing is no output"),
            (r#""outputs": []"#, false, "no count at all"),
            (r#""outputs": [], "execution_count": 1"#, true, "a count alone"),
            (r#""outputs": [{}], "execution_count": null"#, true, "an output alone"),
            (r#""outputs": null"#, true, "not what a stripped notebook has"),
        ] {
            let text =
                format!(r#"{{"cells": [{{"cell_type": "code", {members}}}], "nbformat": 4}}"#);
            assert_eq!(parsed(&text).cells()[0].is_executed(), executed, "{why}");
        }
    }

    #[test]
    fn the_source_is_joined_however_it_was_written() {
        for (source, expected, why) in [
            (r#""a\nb""#, "a\nb", "a string"),
            (r#"["a\n", "b"]"#, "a\nb", "lines"),
            (r#""x\ud800y""#, "x\u{fffd}y", "half a surrogate pair in a string"),
            (r#"["x\ud800y"]"#, "x\u{fffd}y", "and in a list"),
            ("[]", "", "no lines"),
            ("{}", "", "no text at all"),
        ] {
            let text = format!(r#"{{"cells": [{{"source": {source}}}], "nbformat": 4}}"#);
            let notebook = parsed(&text);
            assert_eq!(notebook.source(&notebook.cells()[0]), expected, "{why}");
        }
    }

    #[test]
    fn a_key_twice_is_read_as_python_reads_it() {
        let notebook = parsed(
            r#"{"nbformat": 3, "nbformat": 4, "metadata": {"keep_output": true}, "metadata": {},
            "cells": [{"cell_type": "code", "cell\u005ftype": "raw", "id": "a", "id": "b"}]}"#,
        );
        assert_eq!(notebook.format().major, 4);
        assert!(!notebook.keeps_output());
        assert_eq!(notebook.cells()[0].kind(), CellKind::Raw);
        assert_eq!(notebook.cells()[0].id(), Some("b"));
    }

    #[test]
    fn what_is_no_notebook_is_refused_with_its_reason() {
        for (text, code, message, why) in [
            ("", "empty", "empty", "nothing"),
            ("\u{feff} \n", "empty", "empty", "a byte order mark and white space"),
            ("{\"cells\": [\n1,]}", "broken-json", "line 2 (byte 14): expected a value", "broken"),
            (
                "{\n<<<<<<< ours\n\"a\"\n=======\n>>>>>>> theirs\n}",
                "conflict-markers",
                "line 2",
                "a merge under way",
            ),
            ("[]", "no-notebook", "`cells`", "no object"),
            ("{\"nbformat\": 4}", "no-notebook", "`cells`", "no cells"),
            (
                "{\"cells\": {}, \"nbformat\": 4}",
                "no-notebook",
                "`cells`",
                "cells that are no list",
            ),
            ("{\"cells\": []}", "no-notebook", "`nbformat`", "no format"),
            ("{\"cells\": [], \"nbformat\": \"4\"}", "no-notebook", "`nbformat`", "format as text"),
            ("{\"worksheets\": [], \"nbformat\": 2}", "unsupported-format", "2", "too old"),
            ("{\"cells\": {}, \"nbformat\": 5}", "unsupported-format", "5", "too new"),
            (
                "{\"cells\": [{\"outputs\": [],\n\"outputs\": [1]}], \"nbformat\": 4}",
                "repeated-key",
                "`outputs` stands twice in one object at line 2",
                "one of them would keep its outputs",
            ),
            ("{\"cells\": [], \"cells\": [], \"nbformat\": 4}", "repeated-key", "`cells`", "cells"),
        ] {
            let refusal = Notebook::parse(text.as_bytes()).unwrap_err();
            assert_eq!(refusal.code(), code, "{why}");
            assert!(refusal.to_string().contains(message), "{why}: {refusal}");
        }
        let refusal = Notebook::parse(b"{\"a\": \"\xff\"}").unwrap_err();
        assert_eq!(refusal, NotANotebook::NotUtf8 { offset: 7 });
    }
}
