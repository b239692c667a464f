//! How long a cell ran, where its metadata says so.

use super::document::{Cell, Notebook};
use super::lexer::Lexer;
use crate::clock::Timestamp;

/// Keys of a start, the most exact first. The first three are of Jupyter's `metadata.execution`,
/// the last of `metadata.ExecuteTime`, which an extension of the classic notebook writes.
const STARTS: [&str; 4] =
    ["shell.execute_reply.started", "iopub.execute_input", "iopub.status.busy", "start_time"];
/// Keys of an end, likewise.
const ENDS: [&str; 3] = ["shell.execute_reply", "iopub.status.idle", "end_time"];

/// Returns how many seconds the run of `cell` took; `None` if its metadata does not say.
pub(super) fn seconds(notebook: &Notebook<'_>, cell: &Cell<'_>) -> Option<f64> {
    let span = cell.timing?;
    let (mut start, mut end) = (None, None);
    let read = Lexer::new(notebook.text, span.start).object(|lexer, key| {
        let rank = |keys: &[&str]| keys.iter().position(|known| *known == key);
        let (starts, ends) = (rank(&STARTS), rank(&ENDS));
        let Some(text) = lexer.string_value()? else { return Ok(()) };
        let better = |found: Option<(usize, _)>, rank| found.is_none_or(|(old, _)| rank < old);
        if let Some(rank) = starts.filter(|rank| better(start, *rank)) {
            start = Timestamp::from_rfc3339(&text).map(|moment| (rank, moment)).or(start);
        }
        if let Some(rank) = ends.filter(|rank| better(end, *rank)) {
            end = Timestamp::from_rfc3339(&text).map(|moment| (rank, moment)).or(end);
        }
        Ok(())
    });
    debug_assert!(read.is_ok(), "the metadata was checked when the notebook was parsed");
    let ((_, start), (_, end)) = (start?, end?);
    (end >= start).then(|| end.since(start).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_run_is_what_its_metadata_says() {
        for (metadata, expected, why) in [
            (
                r#""execution": {"iopub.status.busy": "2026-01-01T00:00:00.000000Z",
                "shell.execute_reply": "2026-01-01T00:00:01.500000Z",
                "iopub.execute_input": "2026-01-01T00:00:00.250000Z",
                "iopub.status.idle": "2026-01-01T00:00:09.000000Z"}"#,
                Some(1.25),
                "the most exact of what Jupyter says",
            ),
            (
                r#""ExecuteTime": {"start_time": "2026-01-01T00:00:00+01:00",
                "end_time": "2025-12-31T23:00:02Z"}"#,
                Some(2.0),
                "the extension",
            ),
            (r#""execution": {"iopub.status.busy": "2026-01-01T00:00:00Z"}"#, None, "no end"),
            (r#""execution": {"end_time": 7, "start_time": "?"}"#, None, "no moments"),
            (r#""execution": []"#, None, "no object"),
            (
                r#""ExecuteTime": {"start_time": "2026-01-01T00:00:02Z",
                "end_time": "2026-01-01T00:00:00Z"}"#,
                None,
                "it ends before it starts",
            ),
            ("", None, "nothing"),
        ] {
            let text = format!(
                r#"{{"cells": [{{"cell_type": "code", "metadata": {{{metadata}}}}}], "nbformat": 4}}"#
            );
            let notebook = Notebook::parse(text.as_bytes()).unwrap();
            assert_eq!(seconds(&notebook, &notebook.cells()[0]), expected, "{why}");
        }
    }
}
