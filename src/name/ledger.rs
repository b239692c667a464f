//! The name of a ledger: which notebook's entries, and which store wrote it.

use std::fmt;

use super::segment::{decode, is_cut};
use crate::digest::Digest;

/// How many hex digits of its digest follow the notebook in the name of a ledger, so that names
/// which differ by case alone never meet on a host that folds case.
const DIGEST_DIGITS: usize = 8;

/// The folder of the ledgers in the refs of a store and of a remote.
pub(crate) const LEDGERS: &str = "refs/recell/ledger/";

/// The entries of one notebook, as one store wrote them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LedgerName {
    notebook: String,
    writer: String,
}

impl LedgerName {
    /// Returns the ledger in which the store `writer` keeps the entries of the notebook of that
    /// segment.
    pub(crate) fn new(notebook_segment: &str, writer: &str) -> LedgerName {
        LedgerName { notebook: notebook_segment.to_owned(), writer: writer.to_owned() }
    }

    /// Reads `<notebook>-<digest8>/<writer>`; `None` if no ledger is called so.
    pub(crate) fn parse(path: &str) -> Option<LedgerName> {
        let (folder, writer) = path.split_once('/')?;
        let (notebook, digest) = folder.rsplit_once('-')?;
        let is_writer = writer.len() == 16
            && writer.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let is_segment = is_cut(notebook) || decode(notebook).is_some();
        let whole = is_writer && is_segment && digest == digest8(notebook);
        whole.then(|| LedgerName::new(notebook, writer))
    }

    /// Reads a full ref name in [`LEDGERS`].
    pub(crate) fn of_ref(name: &str) -> Option<LedgerName> {
        LedgerName::parse(name.strip_prefix(LEDGERS)?)
    }

    /// Returns the folder of the refs of all ledgers of the notebook of that segment.
    pub(crate) fn folder(notebook_segment: &str) -> String {
        format!("{LEDGERS}{notebook_segment}-{}", digest8(notebook_segment))
    }

    /// Returns `<notebook>-<digest8>/<writer>`.
    pub(crate) fn path(&self) -> String {
        format!("{}-{}/{}", self.notebook, digest8(&self.notebook), self.writer)
    }

    /// Returns the full name of its ref.
    pub(crate) fn ref_name(&self) -> String {
        format!("{LEDGERS}{}", self.path())
    }

    /// Returns the segment of the notebook.
    pub(crate) fn notebook_segment(&self) -> &str {
        &self.notebook
    }

    /// Returns the id of the store that extends it.
    pub(crate) fn writer(&self) -> &str {
        &self.writer
    }
}

impl fmt::Display for LedgerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

fn digest8(segment: &str) -> String {
    Digest::of(segment.as_bytes()).short(DIGEST_DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ledger_names_read_back_and_nothing_else_does() {
        let writer = "0123456789abcdef";
        for notebook in ["sales.ipynb", "a-b", "reports%2fq3.ipynb", "A", "a"] {
            let name = LedgerName::new(notebook, writer);
            assert_eq!(LedgerName::of_ref(&name.ref_name()), Some(name.clone()), "{name}");
        }
        let path = LedgerName::new("a", writer).path();
        assert!(LedgerName::parse(&path.replace("a-", "b-")).is_none(), "another's digest");
        assert!(LedgerName::parse(&path[..path.len() - 1]).is_none(), "a short writer");
        assert!(LedgerName::parse("a/b").is_none());
    }

    #[test]
    fn names_that_differ_by_case_alone_do_not_meet_where_case_is_folded() {
        let path = |notebook| LedgerName::new(notebook, "0123456789abcdef").path();
        assert_ne!(path("Sales").to_lowercase(), path("sales").to_lowercase());
    }
}
