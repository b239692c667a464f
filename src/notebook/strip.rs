//! Takes outputs out of a notebook, and nothing else.

use std::borrow::Cow;

use super::document::{Cell, CellKind, Notebook, Slot};
use super::edit::{self, Edit};

/// What [`strip`] leaves in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StripOptions<'o> {
    /// Leave `execution_count` as it is.
    pub keep_execution_count: bool,
    /// Leave cells whole that ask for it by tag or metadata, and notebooks that do so for all
    /// of their cells. Set by default, as nbstripout does.
    pub heed_keep_output: bool,
    /// The tags that ask for it: `keep_output` and `keep_outputs` by default.
    pub keep_tags: &'o [&'o str],
    /// Leave cells whole whose outputs take more bytes than this in the notebook.
    pub max_output: u64,
}

impl Default for StripOptions<'_> {
    fn default() -> Self {
        StripOptions {
            keep_execution_count: false,
            heed_keep_output: true,
            keep_tags: &["keep_output", "keep_outputs"],
            max_output: u64::MAX,
        }
    }
}

impl StripOptions<'_> {
    fn keeps(&self, cell: &Cell<'_>) -> bool {
        cell.kind() != CellKind::Code
            || (self.heed_keep_output && cell.keeps_output(self.keep_tags))
            || cell.outputs().is_some_and(|span| (span.end - span.start) as u64 > self.max_output)
    }
}

/// Returns the notebook with the `outputs` of every code cell as `[]` and its
/// `execution_count` as `null`.
///
/// Only these values change, and only where they say something: stripping what is stripped
/// changes no byte. A cell that lacks one of the keys does not get it.
pub fn strip<'a>(notebook: &Notebook<'a>, options: StripOptions<'_>) -> Cow<'a, [u8]> {
    if options.heed_keep_output && notebook.keeps_output() {
        return Cow::Borrowed(notebook.bytes());
    }
    let mut edits = Vec::with_capacity(notebook.cells().len() * 2);
    let mut empty = |slot: Option<Slot>, with: &'static [u8]| {
        if let Some(Slot { span, blank: false }) = slot {
            edits.push(Edit { span, replacement: Cow::Borrowed(with) });
        }
    };
    for cell in notebook.cells() {
        if options.keeps(cell) {
            continue;
        }
        empty(cell.outputs, b"[]");
        if !options.keep_execution_count {
            empty(cell.execution_count, b"null");
        }
    }
    if edits.is_empty() {
        return Cow::Borrowed(notebook.bytes());
    }
    Cow::Owned(edit::apply(notebook.bytes(), edits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(text: &str, options: StripOptions<'_>) -> String {
        let notebook = Notebook::parse(text.as_bytes()).unwrap();
        String::from_utf8(strip(&notebook, options).into_owned()).unwrap()
    }

    fn around(cell: &str) -> String {
        format!("{{\"cells\": [{cell}],\r\n \"nbformat\":4}}")
    }

    #[test]
    fn only_the_values_of_a_run_change() {
        for (cell, expected, why) in [
            (
                r#"{"execution_count":  7, "cell_type": "code", "outputs":[{"a": [1]}] , "x": NaN}"#,
                r#"{"execution_count":  null, "cell_type": "code", "outputs":[] , "x": NaN}"#,
                "odd spacing stays",
            ),
            (
                r#"{"cell_type": "code", "outputs": [ ], "execution_count": null}"#,
                r#"{"cell_type": "code", "outputs": [ ], "execution_count": null}"#,
                "stripped already, in its own spelling",
            ),
            (
                r#"{"cell_type": "code", "source": "x"}"#,
                r#"{"cell_type": "code", "source": "x"}"#,
                "no key is added",
            ),
            (
                r#"{"cell_type": "markdown", "outputs": [1], "execution_count": 1}"#,
                r#"{"cell_type": "markdown", "outputs": [1], "execution_count": 1}"#,
                "no code cell",
            ),
            (
                r#"{"cell_type": "code", "outputs": null}"#,
                r#"{"cell_type": "code", "outputs": []}"#,
                "what is no list becomes one",
            ),
            (
                r#"{"cell_type": "code", "metadata": {"tags": ["keep_output"]}, "outputs": [1]}"#,
                r#"{"cell_type": "code", "metadata": {"tags": ["keep_output"]}, "outputs": [1]}"#,
                "a cell that asks to be kept",
            ),
            (
                r#"{"cell_type": "code", "metadata": {"init_cell": false, "keep_output": true}, "outputs": [1]}"#,
                r#"{"cell_type": "code", "metadata": {"init_cell": false, "keep_output": true}, "outputs": []}"#,
                "init_cell decides before keep_output, as in nbstripout",
            ),
        ] {
            assert_eq!(stripped(&around(cell), StripOptions::default()), around(expected), "{why}");
        }
    }

    #[test]
    fn options_keep_more_or_less() {
        let cell = r#"{"cell_type": "code", "metadata": {"keep_output": true}, "outputs": [1], "execution_count": 1}"#;
        let options = StripOptions {
            keep_execution_count: true,
            heed_keep_output: false,
            ..StripOptions::default()
        };
        let expected = cell.replace("[1]", "[]");
        assert_eq!(stripped(&around(cell), options), around(&expected));
    }

    #[test]
    fn tags_and_sizes_that_keep_outputs_are_a_choice() {
        let cell = r#"{"cell_type": "code", "metadata": {"tags": ["mine"]}, "outputs": [1]}"#;
        let default = StripOptions::default();
        let tagged = StripOptions { keep_tags: &["mine"], ..default };
        assert_eq!(stripped(&around(cell), tagged), around(cell));
        assert_eq!(stripped(&around(cell), default), around(&cell.replace("[1]", "[]")));
        let (larger, exact) = (2, 3);
        let above = |max_output| StripOptions { max_output, ..default };
        assert_eq!(stripped(&around(cell), above(larger)), around(cell));
        assert_ne!(stripped(&around(cell), above(exact)), around(cell));
    }

    #[test]
    fn a_notebook_that_asks_for_it_is_kept_whole() {
        let text = r#"{"cells": [{"cell_type": "code", "outputs": [1]}], "nbformat": 4, "metadata": {"keep_output": true}}"#;
        assert_eq!(stripped(text, StripOptions::default()), text);
    }

    #[test]
    fn the_prompt_number_of_format_3_goes_too() {
        let text = r#"{"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "outputs": [1], "prompt_number": 2}]}]}"#;
        let expected = text.replace("[1]", "[]").replace(": 2", ": null");
        assert_eq!(stripped(text, StripOptions::default()), expected);
    }
}
