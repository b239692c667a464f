//! Cell hash and module hash: what a result depends on, each ingredient by name.

use std::borrow::Cow;

use super::cells::cell_names;
use super::document::Notebook;
use crate::digest::{Digest, Digester};

/// Kept apart from all other digests, and raised when the ingredients change their meaning.
const MODULE_DOMAIN: &str = "recell module 1";
const CHAIN_DOMAIN: &str = "recell cells before 1";

/// A module segment is half a digest: 128 bits are plenty against chance.
const MODULE_DIGITS: usize = 32;

/// One code cell: its name and the hash of its own code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellCode {
    /// Its cell segment, as [`cell_names`] gives it.
    pub name: String,
    /// Its position among all cells of the notebook.
    pub position: usize,
    /// The hash of its code.
    pub hash: Digest,
    /// Whether it has any code; cells without are no ingredient of those after them.
    pub has_code: bool,
}

/// The hash of all that the result of one cell depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleHash {
    /// The digest of the ingredients.
    pub digest: Digest,
    /// The ingredients by name, in the order in which they are hashed: `code`, `cells_before`,
    /// `kernel`, `language`, `language_version`. What a notebook does not say is left out.
    pub ingredients: Vec<(String, String)>,
}

impl ModuleHash {
    /// Returns the module segment: the first 32 hex digits of the digest.
    pub fn segment(&self) -> String {
        self.digest.short(MODULE_DIGITS)
    }
}

/// The hashes of all code cells of a notebook, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleHashes {
    /// Each code cell's own code.
    pub codes: Vec<CellCode>,
    /// Each code cell's module hash, in step with `codes`.
    pub modules: Vec<ModuleHash>,
}

impl ModuleHashes {
    /// Returns what `cells_before` of the code cell at `index` stands for: name and hash of each
    /// cell with code before it. So it can be told which of them changed.
    pub fn cells_before(&self, index: usize) -> impl Iterator<Item = (&str, Digest)> {
        let before = self.codes.get(..index).unwrap_or_default();
        before.iter().filter(|code| code.has_code).map(|code| (code.name.as_str(), code.hash))
    }
}

/// Returns the hash of a cell's own code.
///
/// Line ends and white space at the very end do not count: editors and notebooks change them.
pub fn cell_hash(source: &str) -> Digest {
    Digest::of_here(normal(source).as_bytes())
}

/// Returns the hashes of all code cells of `notebook`, in one pass.
pub fn module_hashes(notebook: &Notebook<'_>) -> ModuleHashes {
    let common = [
        ("kernel", notebook.kernel()),
        ("language", notebook.language()),
        ("language_version", notebook.language_version()),
    ];
    let names = cell_names(notebook);
    let mut codes = Vec::with_capacity(names.len());
    let mut modules = Vec::with_capacity(names.len());
    let mut before = chain_after(None);
    for ((position, cell), name) in notebook.code_cells().zip(names) {
        let source = notebook.source(cell);
        let code = normal(&source);
        let hash = Digest::of_here(code.as_bytes());
        let mut ingredients = vec![
            ("code".to_owned(), hash.to_string()),
            ("cells_before".to_owned(), before.to_string()),
        ];
        for (name, value) in common {
            ingredients.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        }
        modules.push(ModuleHash { digest: digest_of(&ingredients), ingredients });
        let has_code = !code.is_empty();
        if has_code {
            before = chain_after(Some((before, hash)));
        }
        codes.push(CellCode { name, position, hash, has_code });
    }
    ModuleHashes { codes, modules }
}

fn normal(source: &str) -> Cow<'_, str> {
    let source = source.trim_end();
    if memchr::memchr(b'\r', source.as_bytes()).is_none() {
        return Cow::Borrowed(source);
    }
    Cow::Owned(source.replace("\r\n", "\n").replace('\r', "\n"))
}

/// Returns the digest of a chain of cells: of none, or of one more after those before it.
pub(super) fn chain_after(link: Option<(Digest, Digest)>) -> Digest {
    let mut digester = Digester::default();
    digester.update(CHAIN_DOMAIN.as_bytes());
    if let Some((before, cell)) = link {
        digester.update(before.as_bytes());
        digester.update(cell.as_bytes());
    }
    digester.finish()
}

/// Returns the digest of `ingredients`, each text led by its length, so that no two lists of
/// ingredients give the same bytes.
fn digest_of(ingredients: &[(String, String)]) -> Digest {
    let mut bytes = Vec::from(MODULE_DOMAIN);
    for text in ingredients.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    Digest::of_here(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(sources: &[&str], version: &str) -> ModuleHashes {
        let cells: Vec<String> = sources
            .iter()
            .enumerate()
            .map(|(n, source)| {
                format!(r#"{{"cell_type": "code", "id": "c{n}", "source": "{source}"}}"#)
            })
            .collect();
        let text = format!(
            r#"{{"cells": [{}], "nbformat": 4, "metadata": {{"kernelspec": {{"name": "py"}},
            "language_info": {{"name": "python", "version": "{version}"}}}}}}"#,
            cells.join(",")
        );
        module_hashes(&Notebook::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn code_counts_and_the_way_it_is_stored_does_not() {
        let hash = cell_hash("a = 1\nb");
        for (source, same, why) in [
            ("a = 1\r\nb", true, "CRLF"),
            ("a = 1\rb\r\n", true, "CR"),
            ("a = 1\nb \n\n", true, "white space at the end"),
            ("a = 1 \nb", false, "white space inside may be inside a text"),
            (" a = 1\nb", false, "indentation is code"),
            ("a = 2\nb", false, "other code"),
        ] {
            assert_eq!(cell_hash(source) == hash, same, "{why}");
        }
    }

    #[test]
    fn a_module_hash_changes_with_what_the_result_depends_on() {
        let base = hashes(&["a", "b", "c"], "3.11");
        for (sources, version, changed, why) in [
            (["a", "b", "c"], "3.11", [false, false, false], "nothing changed"),
            (["a", "B", "c"], "3.11", [false, true, true], "a cell and those after it"),
            (["a", "b", "C"], "3.11", [false, false, true], "the last cell"),
            (["a", "b", "c"], "3.12", [true, true, true], "another Python"),
            (["b", "a", "c"], "3.11", [true, true, true], "another order"),
        ] {
            let other = hashes(&sources, version);
            let differs = [0, 1, 2].map(|at| other.modules[at].digest != base.modules[at].digest);
            assert_eq!(differs, changed, "{why}");
        }
        let blank = hashes(&["a", " ", "b", "c"], "3.11");
        assert_eq!(blank.modules[3].digest, base.modules[2].digest, "an empty cell is no code");
    }

    #[test]
    fn ingredients_are_kept_by_name() {
        let hashes = hashes(&["a", "", "b"], "3.11");
        let names: Vec<_> =
            hashes.modules[2].ingredients.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["code", "cells_before", "kernel", "language", "language_version"]);
        assert_eq!(hashes.cells_before(2).collect::<Vec<_>>(), [("c0", cell_hash("a"))]);
        assert_eq!(hashes.modules[2].segment().len(), 32);
    }
}
