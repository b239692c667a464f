//! Puts outputs back into a notebook: the inverse of strip.

use std::borrow::Cow;

use super::document::{CellKind, Notebook};
use super::edit::{self, Edit};
use super::indent::reindent;
use super::layout::CellOutputs;
use super::lexer::Span;

/// Outputs, and the cell that gets them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilledCell {
    /// The position of the cell among all cells of the notebook.
    pub position: usize,
    /// What to put there.
    pub outputs: CellOutputs,
}

/// Why outputs cannot go where they are to go. Positions count all cells, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CannotFill {
    /// There is no such cell, or it is no code cell.
    #[error("cell {position} is not a code cell of this notebook")]
    NoCodeCell {
        /// Its position.
        position: usize,
    },
    /// The cell has no key to put the value under.
    #[error("cell {position} has no `{key}` to fill")]
    NoKey {
        /// Its position.
        position: usize,
        /// The missing key.
        key: &'static str,
    },
    /// The same cell is to be filled twice.
    #[error("cell {position} is to be filled twice")]
    Twice {
        /// Its position.
        position: usize,
    },
}

/// Returns the notebook with the outputs of `cells` put back.
///
/// Outputs from a notebook of the same indentation are put back byte for byte, so filling what
/// was stripped gives the notebook as it was; others are indented as `notebook` is. A value
/// that the recorded cell did not have leaves the cell's own as it is.
/// # Errors
/// [`CannotFill`] if a cell has no place for its outputs; nothing is filled then.
pub fn fill(notebook: &Notebook<'_>, cells: &[FilledCell]) -> Result<Vec<u8>, CannotFill> {
    let indent = notebook.indent();
    let mut edits = Vec::with_capacity(cells.len() * 2);
    let mut seen = vec![false; notebook.cells().len()];
    for FilledCell { position, outputs } in cells {
        let position = *position;
        let cell = notebook.cells().get(position).filter(|cell| cell.kind() == CellKind::Code);
        let cell = cell.ok_or(CannotFill::NoCodeCell { position })?;
        if std::mem::replace(&mut seen[position], true) {
            return Err(CannotFill::Twice { position });
        }
        let mut put = |value, span: Option<Span>, key| {
            let Some(replacement) = value else { return Ok(()) };
            let span = span.ok_or(CannotFill::NoKey { position, key })?;
            edits.push(Edit { span, replacement });
            Ok(())
        };
        let value = outputs.outputs.as_deref().map(|json| match (&outputs.indent, indent) {
            (Some(from), Some(to)) => reindent(json, from, to),
            _ => Cow::Borrowed(json),
        });
        put(value, cell.outputs(), "outputs")?;
        let count = outputs.execution_count.as_deref().map(Cow::Borrowed);
        put(count, cell.execution_count(), "execution_count")?;
    }
    Ok(edit::apply(notebook.bytes(), edits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(outputs: &str, indent: &str) -> CellOutputs {
        CellOutputs {
            outputs: Some(outputs.into()),
            execution_count: Some(b"4".into()),
            indent: Some(indent.into()),
        }
    }

    #[test]
    fn outputs_take_the_indentation_of_their_new_notebook() {
        let text = "{\n\t\"nbformat\": 4,\n\t\"cells\": [\n\t\t{\"cell_type\": \"code\", \
                    \"execution_count\": null, \"outputs\": []}\n\t]\n}";
        let notebook = Notebook::parse(text.as_bytes()).unwrap();
        let outputs = outputs("[\n    {\n     \"text\": \"\\n    \"\n    }\n   ]", " ");
        let filled = fill(&notebook, &[FilledCell { position: 0, outputs }]).unwrap();
        let expected = text
            .replace("[]", "[\n\t\t\t\t{\n\t\t\t\t\t\"text\": \"\\n    \"\n\t\t\t\t}\n\t\t\t]")
            .replace("null", "4");
        assert_eq!(String::from_utf8(filled).unwrap(), expected);
    }

    #[test]
    fn outputs_without_a_place_are_refused() {
        let text = r#"{"nbformat": 4, "cells": [{"cell_type": "markdown"},
            {"cell_type": "code", "outputs": []}, {"cell_type": "code", "execution_count": 1}]}"#;
        let notebook = Notebook::parse(text.as_bytes()).unwrap();
        for (position, refusal, why) in [
            (0, CannotFill::NoCodeCell { position: 0 }, "markdown"),
            (9, CannotFill::NoCodeCell { position: 9 }, "no such cell"),
            (1, CannotFill::NoKey { position: 1, key: "execution_count" }, "no count"),
            (2, CannotFill::NoKey { position: 2, key: "outputs" }, "no outputs"),
        ] {
            let cell = FilledCell { position, outputs: outputs("[1]", " ") };
            assert_eq!(fill(&notebook, &[cell]), Err(refusal), "{why}");
        }
        let none = FilledCell { position: 1, outputs: CellOutputs::default() };
        assert_eq!(fill(&notebook, std::slice::from_ref(&none)), Ok(text.into()));
        assert_eq!(fill(&notebook, &[none.clone(), none]), Err(CannotFill::Twice { position: 1 }));
    }
}
