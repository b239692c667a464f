//! Reads a notebook's JSON once, from front to back, and keeps what [`Notebook`] answers.

use std::borrow::Cow;

use super::document::{Cell, CellKind, Format, Notebook, Slot};
use super::lexer::{Broken, Kind, Lexer, Span};
use super::refusal::NotANotebook;

/// Returns the notebook in `text`, after checking all of it.
pub(super) fn read(text: &str) -> Result<Notebook<'_>, NotANotebook> {
    let mut reader = Reader { text, repeated: None };
    let mut lexer = Lexer::new(text, if text.starts_with('\u{feff}') { 3 } else { 0 });
    let found = reader
        .notebook(&mut lexer)
        .and_then(|found| lexer.end().map(|()| found))
        .map_err(|broken| NotANotebook::of_broken(text, broken))?;
    if let Some((key, offset)) = reader.repeated {
        return Err(NotANotebook::of_repeated(text, key, offset));
    }
    found.into_notebook(text)
}

struct Reader<'a> {
    text: &'a str,
    /// The first edited key that stands twice in its object, and where its second value begins.
    repeated: Option<(&'static str, usize)>,
}

/// All that the top of a file says, in whatever order; the format decides what it means.
#[derive(Default)]
struct Found<'a> {
    major: Option<u64>,
    minor: Option<u64>,
    metadata: Metadata<'a>,
    cells: Option<Vec<FoundCell<'a>>>,
    worksheets: Option<Vec<FoundCell<'a>>>,
}

#[derive(Default)]
struct Metadata<'a> {
    kernel: Option<Cow<'a, str>>,
    kernel_language: Option<Cow<'a, str>>,
    language: Option<Cow<'a, str>>,
    language_version: Option<Cow<'a, str>>,
    keep_output: bool,
}

#[derive(Default)]
struct FoundCell<'a> {
    cell_type: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
    span: Option<Span>,
    source: Option<Span>,
    input: Option<Span>,
    outputs: Option<Slot>,
    execution_count: Option<Slot>,
    prompt_number: Option<Slot>,
    language: Option<Cow<'a, str>>,
    metadata: CellMetadata<'a>,
}

#[derive(Default)]
struct CellMetadata<'a> {
    tags: Vec<Cow<'a, str>>,
    keep_output: bool,
    init_cell: Option<bool>,
    timing: Option<Span>,
}

impl<'a> Reader<'a> {
    fn notebook(&mut self, lexer: &mut Lexer<'a>) -> Result<Found<'a>, Broken> {
        let mut found = Found::default();
        lexer.object(|lexer, key| {
            match key.as_ref() {
                "cells" => {
                    self.once("cells", found.cells.is_some(), lexer);
                    self.cells(lexer, &mut found.cells)?;
                }
                "worksheets" => {
                    self.once("worksheets", found.worksheets.is_some(), lexer);
                    self.worksheets(lexer, &mut found.worksheets)?;
                }
                "metadata" => found.metadata = self.metadata(lexer)?,
                "nbformat" => found.major = self.integer(lexer)?,
                "nbformat_minor" => found.minor = self.integer(lexer)?,
                _ => drop(lexer.value()?),
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn worksheets(
        &mut self,
        lexer: &mut Lexer<'a>,
        all: &mut Option<Vec<FoundCell<'a>>>,
    ) -> Result<(), Broken> {
        if lexer.kind()? == Kind::Array {
            all.get_or_insert_default();
        }
        lexer.array(|lexer| {
            let mut seen = false;
            lexer.object(|lexer, key| {
                if key != "cells" {
                    return lexer.value().map(drop);
                }
                self.once("cells", seen, lexer);
                seen = true;
                self.cells(lexer, all)
            })
        })
    }

    fn cells(
        &mut self,
        lexer: &mut Lexer<'a>,
        all: &mut Option<Vec<FoundCell<'a>>>,
    ) -> Result<(), Broken> {
        if lexer.kind()? != Kind::Array {
            return lexer.value().map(drop);
        }
        let cells = all.get_or_insert_default();
        lexer.array(|lexer| {
            cells.push(self.cell(lexer)?);
            Ok(())
        })
    }

    fn cell(&mut self, lexer: &mut Lexer<'a>) -> Result<FoundCell<'a>, Broken> {
        let mut cell = FoundCell::default();
        lexer.kind()?;
        let start = lexer.at();
        lexer.object(|lexer, key| {
            match key.as_ref() {
                "cell_type" => cell.cell_type = lexer.string_value()?,
                "id" => cell.id = lexer.string_value()?,
                "language" => cell.language = lexer.string_value()?,
                "source" => cell.source = Some(lexer.value()?.span),
                "input" => cell.input = Some(lexer.value()?.span),
                "metadata" => cell.metadata = self.cell_metadata(lexer)?,
                "outputs" => self.slot("outputs", &mut cell.outputs, lexer)?,
                "execution_count" => {
                    self.slot("execution_count", &mut cell.execution_count, lexer)?;
                }
                "prompt_number" => self.slot("prompt_number", &mut cell.prompt_number, lexer)?,
                _ => drop(lexer.value()?),
            }
            Ok(())
        })?;
        cell.span = Some(Span { start, end: lexer.at() });
        Ok(cell)
    }

    fn slot(
        &mut self,
        key: &'static str,
        slot: &mut Option<Slot>,
        lexer: &mut Lexer<'a>,
    ) -> Result<(), Broken> {
        self.once(key, slot.is_some(), lexer);
        let value = lexer.value()?;
        let span = value.span;
        let blank = match (key, value.kind) {
            ("outputs", Kind::Array) => {
                self.text.as_bytes()[span.start + 1..span.end - 1].trim_ascii().is_empty()
            }
            ("outputs", _) => false,
            (_, kind) => kind == Kind::Null,
        };
        *slot = Some(Slot { span, blank });
        Ok(())
    }

    /// Notes that `key` was `seen` before in this object. Editing one of the two values would
    /// leave the other in the file.
    fn once(&mut self, key: &'static str, seen: bool, lexer: &Lexer<'a>) {
        if seen && self.repeated.is_none() {
            self.repeated = Some((key, lexer.at()));
        }
    }

    fn metadata(&self, lexer: &mut Lexer<'a>) -> Result<Metadata<'a>, Broken> {
        let mut metadata = Metadata::default();
        lexer.object(|lexer, key| {
            match key.as_ref() {
                "kernelspec" => lexer.object(|lexer, key| {
                    match key.as_ref() {
                        "name" => metadata.kernel = lexer.string_value()?,
                        "language" => metadata.kernel_language = lexer.string_value()?,
                        _ => drop(lexer.value()?),
                    }
                    Ok(())
                })?,
                "language_info" => lexer.object(|lexer, key| {
                    match key.as_ref() {
                        "name" => metadata.language = lexer.string_value()?,
                        "version" => metadata.language_version = lexer.string_value()?,
                        _ => drop(lexer.value()?),
                    }
                    Ok(())
                })?,
                "keep_output" => metadata.keep_output = self.is_true(lexer)?,
                _ => drop(lexer.value()?),
            }
            Ok(())
        })?;
        Ok(metadata)
    }

    fn cell_metadata(&self, lexer: &mut Lexer<'a>) -> Result<CellMetadata<'a>, Broken> {
        let mut metadata = CellMetadata::default();
        lexer.object(|lexer, key| {
            match key.as_ref() {
                "tags" => {
                    metadata.tags.clear();
                    lexer.array(|lexer| {
                        metadata.tags.extend(lexer.string_value()?);
                        Ok(())
                    })?;
                }
                "keep_output" => metadata.keep_output = self.is_true(lexer)?,
                "init_cell" => metadata.init_cell = Some(self.is_true(lexer)?),
                "execution" | "ExecuteTime" => metadata.timing = Some(lexer.value()?.span),
                _ => drop(lexer.value()?),
            }
            Ok(())
        })?;
        Ok(metadata)
    }

    fn is_true(&self, lexer: &mut Lexer<'a>) -> Result<bool, Broken> {
        let span = lexer.value()?.span;
        Ok(&self.text[span.start..span.end] == "true")
    }

    fn integer(&self, lexer: &mut Lexer<'a>) -> Result<Option<u64>, Broken> {
        let span = lexer.value()?.span;
        Ok(self.text[span.start..span.end].parse().ok())
    }
}

impl<'a> Found<'a> {
    fn into_notebook(self, text: &'a str) -> Result<Notebook<'a>, NotANotebook> {
        let (key, cells) = match self.major {
            Some(3) => ("worksheets", self.worksheets),
            Some(4) => ("cells", self.cells),
            Some(major) => return Err(NotANotebook::UnsupportedFormat { major }),
            // Without cells of any kind the missing format is not the news.
            None => ("cells", self.cells.or(self.worksheets)),
        };
        let cells = cells.ok_or(NotANotebook::NoNotebook { missing: key })?;
        let major = self.major.ok_or(NotANotebook::NoNotebook { missing: "nbformat" })?;
        let metadata = self.metadata;
        Ok(Notebook {
            text,
            format: Format { major, minor: self.minor.unwrap_or(0) },
            kernel: metadata.kernel,
            language: metadata.language.or(metadata.kernel_language),
            language_version: metadata.language_version,
            keeps_output: metadata.keep_output,
            cells: cells.into_iter().map(|cell| cell.into_cell(major)).collect(),
        })
    }
}

impl<'a> FoundCell<'a> {
    fn into_cell(self, major: u64) -> Cell<'a> {
        let metadata = self.metadata;
        Cell {
            kind: match self.cell_type.as_deref() {
                Some("code") => CellKind::Code,
                Some("markdown") => CellKind::Markdown,
                Some("raw") => CellKind::Raw,
                _ => CellKind::Other,
            },
            id: self.id,
            span: self.span.unwrap_or(Span { start: 0, end: 0 }),
            source: if major == 3 { self.input.or(self.source) } else { self.source },
            outputs: self.outputs,
            execution_count: if major == 3 { self.prompt_number } else { self.execution_count },
            is_initial: metadata.init_cell,
            keeps_output: metadata.keep_output,
            timing: metadata.timing,
            tags: metadata.tags,
            language: self.language,
        }
    }
}
