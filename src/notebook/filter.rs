//! What git's filter does to one notebook. Nothing is ever lost: what cannot be understood or
//! stored passes through as it is, with a warning.

use std::borrow::Cow;

use super::document::Notebook;
use super::record::RecordReport;
use super::restore::{RestoreOutcome, Restored, Unusable};
use super::strip::{StripOptions, strip};
use crate::error::Result;

/// What git gets for a notebook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filtered {
    /// The new bytes; `None` if they are those that came.
    pub bytes: Option<Vec<u8>>,
    /// What the user should hear, in one line.
    pub warning: Option<String>,
}

impl Filtered {
    /// Returns the notebook as it came, with a warning.
    fn untouched(warning: impl Into<String>) -> Filtered {
        Filtered { bytes: None, warning: Some(warning.into()) }
    }
}

/// Returns what git is to keep of a notebook: its bytes without outputs, once `record` has stored
/// them.
///
/// `record` is called only if there is something to lose. Filtering what was filtered changes
/// nothing, and the same bytes always give the same.
pub fn clean(
    bytes: &[u8],
    options: StripOptions<'_>,
    record: impl FnOnce(&Notebook<'_>) -> Result<RecordReport>,
) -> Filtered {
    let notebook = match Notebook::parse(bytes) {
        Ok(notebook) => notebook,
        Err(reason) => return Filtered::untouched(format!("left as it is: {reason}")),
    };
    let bare = strip(&notebook, options);
    if !notebook.cells().iter().any(super::Cell::is_executed) {
        return Filtered { bytes: None, warning: None };
    }
    let report = match record(&notebook) {
        Ok(report) => report,
        // Counts alone are no outputs, but without them no run comes back to the byte.
        Err(_) if matches!(bare, Cow::Borrowed(_)) => {
            return Filtered { bytes: None, warning: None };
        }
        Err(error) => {
            let warning =
                format!("its outputs are committed, as they could not be stored: {error}");
            return Filtered::untouched(warning);
        }
    };
    let warning = report.too_large.first().map(|cell| {
        let bytes = crate::size::ByteSize::new(cell.bytes);
        format!("the outputs of cell {} are {bytes} and are committed", cell.position + 1)
    });
    let bytes = if let Cow::Owned(bare) = bare { Some(bare) } else { None };
    Filtered { bytes, warning }
}

/// Returns what the work tree gets for a notebook: its bytes with the outputs that `restore` found.
pub fn smudge(bytes: &[u8], restore: impl FnOnce(&Notebook<'_>) -> Result<Restored>) -> Filtered {
    let notebook = match Notebook::parse(bytes) {
        Ok(notebook) => notebook,
        Err(reason) => return Filtered::untouched(format!("left as it is: {reason}")),
    };
    let restored = match restore(&notebook) {
        Ok(restored) => restored,
        Err(error) => return Filtered::untouched(format!("its outputs stay away: {error}")),
    };
    let damage = restored.cells.iter().find_map(|cell| match &cell.outcome {
        RestoreOutcome::Unusable { reason: Unusable::Miss(miss), .. } => Some((cell, miss)),
        _ => None,
    });
    let warning = damage
        .map(|(cell, miss)| format!("the outputs of cell {} stay away: {miss}", cell.position + 1));
    Filtered { bytes: (restored.bytes != bytes).then_some(restored.bytes), warning }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    const RUN: &str = r#"{"cells": [{"cell_type": "code", "outputs": [1], "execution_count": 1}],
        "nbformat": 4}"#;

    fn failure() -> Error {
        Error::NoStore { path: "/x".into() }
    }

    #[test]
    fn outputs_go_only_once_they_are_stored() {
        let options = StripOptions::default();
        let done = clean(RUN.as_bytes(), options, |_| Ok(RecordReport::default()));
        let bare = RUN.replace("[1]", "[]").replace("t\": 1", "t\": null");
        assert_eq!(done, Filtered { bytes: Some(bare.clone().into()), warning: None });
        let failed = clean(RUN.as_bytes(), options, |_| Err(failure()));
        assert_eq!(failed.bytes, None, "they are committed");
        assert!(failed.warning.is_some_and(|text| text.contains("no store in `/x`")));
        let again = clean(bare.as_bytes(), options, |_| panic!("there is nothing to record"));
        assert_eq!(again, Filtered { bytes: None, warning: None });
    }

    #[test]
    fn what_is_kept_in_the_notebook_may_fail_silently() {
        let kept =
            RUN.replace("\"cell_type\"", "\"metadata\": {\"keep_output\": true}, \"cell_type\"");
        let failed = clean(kept.as_bytes(), StripOptions::default(), |_| Err(failure()));
        assert_eq!(failed, Filtered { bytes: None, warning: None });
    }

    #[test]
    fn what_is_no_notebook_passes_with_one_line() {
        for (bytes, why) in [
            (&b""[..], "empty"),
            (b"{\"cells\": [", "broken"),
            (b"<<<<<<< ours\n=======\n>>>>>>> theirs\n", "a merge under way"),
            (b"\xff", "not UTF-8"),
            (b"{}", "no notebook"),
        ] {
            let cleaned = clean(bytes, StripOptions::default(), |_| panic!("{why}"));
            let smudged = smudge(bytes, |_| panic!("{why}"));
            for Filtered { bytes, warning } in [cleaned, smudged] {
                assert_eq!(bytes, None, "{why}");
                assert!(warning.is_some_and(|text| text.lines().count() == 1), "{why}");
            }
        }
    }
}
