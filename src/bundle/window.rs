//! Which rows a stored window answers for.

use super::meta::Bounds;
use super::operations::Operations;

/// Rows of the table that a viewer asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WindowRequest {
    /// The first row, counted from 0.
    pub start: u64,
    /// The row after the last.
    pub end: u64,
    /// By what they are sorted, if they are.
    pub sort: Option<String>,
    /// After which operations; `None` if the viewer leaves that to the bundle's key.
    pub operations: Option<Operations>,
}

impl WindowRequest {
    /// Returns the request for rows `start` to `end`, without the latter, as they come.
    pub fn rows(start: u64, end: u64) -> WindowRequest {
        WindowRequest { start, end, ..WindowRequest::default() }
    }
}

/// What a bundle answers to a request for rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WindowAnswer {
    /// Just these rows.
    Rows(WindowRows),
    /// The bundle does not know: ask the source, for this reason.
    AskSource(String),
}

/// Rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowRows {
    /// The rows, as uncompressed parquet with the types that the producer gave them.
    pub parquet: Vec<u8>,
    /// Which rows of the table they are.
    pub bounds: Bounds,
}

/// Returns the rows of the table that answer a request: exactly those, but for the end of the
/// table, where they are cut; or why only the source can answer.
pub(super) fn answered_rows(
    bounds: Bounds,
    own: &Operations,
    request: &WindowRequest,
) -> Result<Bounds, String> {
    let WindowRequest { start, end, sort, operations } = request;
    if let Some(sort) = sort.as_ref().filter(|sort| !sort.is_empty()) {
        return Err(format!("the stored rows are not sorted by `{sort}`"));
    }
    if operations.as_ref().is_some_and(|it| it != own) {
        return Err("the stored rows are those after other operations".into());
    }
    if start > end {
        return Err(format!("rows {start} to {end} are no window"));
    }
    let is_whole_end = bounds.end == bounds.total_rows;
    if *start < bounds.start || (*end > bounds.end && !is_whole_end) {
        return Err(format!(
            "rows {} to {} of {} are stored, and {start} to {end} were asked for",
            bounds.start, bounds.end, bounds.total_rows
        ));
    }
    let end = (*end).min(bounds.end);
    Ok(Bounds { start: (*start).min(end), end, total_rows: bounds.total_rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_exactly_those_that_were_asked_for_or_the_source_is() {
        let part = Bounds { start: 0, end: 1000, total_rows: 336_776 };
        let whole = Bounds { start: 0, end: 10, total_rows: 10 };
        let middle = Bounds { start: 500, end: 600, total_rows: 1000 };
        let none = Bounds { start: 0, end: 0, total_rows: 0 };
        for (bounds, start, end, expected) in [
            (part, 0, 40, Some((0, 40))),
            (part, 960, 1000, Some((960, 1000))),
            (part, 0, 1000, Some((0, 1000))),
            (part, 7, 7, Some((7, 7))),
            (part, 960, 1001, None),
            (part, 1000, 1040, None),
            (part, u64::MAX, u64::MAX, None),
            (part, 40, 0, None),
            (whole, 0, 1000, Some((0, 10))),
            (whole, 8, 12, Some((8, 10))),
            (whole, 20, 30, Some((10, 10))),
            (whole, 0, u64::MAX, Some((0, 10))),
            (middle, 500, 540, Some((500, 540))),
            (middle, 499, 540, None),
            (middle, 560, 601, None),
            (none, 0, 40, Some((0, 0))),
        ] {
            let request = WindowRequest::rows(start, end);
            let found = answered_rows(bounds, &Operations::none(), &request);
            let found = found.map(|it| (it.start, it.end));
            assert_eq!(found.ok(), expected, "{start}..{end} of {bounds:?}");
        }
    }

    #[test]
    fn what_is_sorted_or_filtered_is_for_the_source() {
        let bounds = Bounds { start: 0, end: 1000, total_rows: 1000 };
        let own = Operations::none().filter("UA");
        let ask = |request: &WindowRequest| answered_rows(bounds, &own, request);
        let plain = WindowRequest::rows(0, 40);
        assert!(ask(&plain).is_ok());
        assert!(ask(&WindowRequest { operations: Some(own.clone()), ..plain.clone() }).is_ok());
        for request in [
            WindowRequest { sort: Some("a".into()), ..plain.clone() },
            WindowRequest { operations: Some(Operations::none()), ..plain.clone() },
            WindowRequest { operations: Some(own.clone().filter("x")), ..plain },
        ] {
            assert!(ask(&request).is_err(), "{request:?}");
        }
    }
}
