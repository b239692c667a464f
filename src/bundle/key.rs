//! Where a bundle stands in a store.

use super::operations::{Operations, Scope};
use crate::error::{Error, Result};
use crate::name::ExecutionKey;

/// The space of bundles whose host names none: the notebook of their entries.
pub const DEFAULT_SPACE: &str = "bundles";

/// What a bundle is found by: the data, the configuration, and the operations in between.
///
/// Ids are free text of the host. They are encoded wherever they become a name (format.md, section
/// 1), so that none of them can be a path.
#[derive(Debug, Clone, PartialEq)]
pub struct BundleKey {
    space: String,
    data_id: String,
    config_id: String,
    operations: Operations,
}

impl BundleKey {
    /// Returns the key of what is shown of the data without operations.
    ///
    /// # Errors
    /// [`Error::InvalidBundle`] if an id is empty.
    pub fn new(data_id: &str, config_id: &str) -> Result<BundleKey> {
        for (what, id) in [("data_id", data_id), ("config_id", config_id)] {
            if id.is_empty() {
                return Err(Error::InvalidBundle {
                    what: what.to_owned(),
                    reason: "it is empty".into(),
                });
            }
        }
        Ok(BundleKey {
            space: DEFAULT_SPACE.to_owned(),
            data_id: data_id.to_owned(),
            config_id: config_id.to_owned(),
            operations: Operations::none(),
        })
    }

    /// Returns the key of what is shown after `operations`.
    #[must_use]
    pub fn with_operations(mut self, operations: Operations) -> BundleKey {
        self.operations = operations;
        self
    }

    /// Returns the key in a space of its own, such as the notebook that the table is shown in; in
    /// [`DEFAULT_SPACE`] if it is empty.
    #[must_use]
    pub fn in_space(mut self, space: &str) -> BundleKey {
        let space = if space.is_empty() { DEFAULT_SPACE } else { space };
        space.clone_into(&mut self.space);
        self
    }

    /// Returns the space.
    pub fn space(&self) -> &str {
        &self.space
    }

    /// Returns what the host calls the data.
    pub fn data_id(&self) -> &str {
        &self.data_id
    }

    /// Returns what stands for the configuration.
    pub fn config_id(&self) -> &str {
        &self.config_id
    }

    /// Returns the operations.
    pub fn operations(&self) -> &Operations {
        &self.operations
    }

    /// Returns the key of the bundle's entries.
    pub fn execution_key(&self) -> ExecutionKey {
        let version = self.operations.digest_of(Scope::Filtered);
        ExecutionKey::with_version(&self.space, &self.data_id, &self.config_id, &version)
            .expect("no part of it is empty")
    }

    /// Returns the path of all entries of this data and this configuration, in any scope.
    pub(super) fn generation_prefix(&self) -> String {
        let path = self.execution_key().path();
        let end = path.rfind('/').map_or(path.len(), |at| at + 1);
        path[..end].to_owned()
    }

    /// Returns the path of all entries of this data, under any configuration.
    pub(super) fn data_prefix(&self) -> String {
        let path = self.generation_prefix();
        let above = path.trim_end_matches('/').rfind('/').map_or(path.len(), |at| at + 1);
        path[..above].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn whatever_an_id_is_it_becomes_one_legal_segment() {
        let long = "x".repeat(10_240);
        let ids = [
            "../../etc/passwd",
            "/",
            "a/b",
            "a//b",
            ".",
            "..",
            ".git",
            "a.lock",
            "@{",
            "nul",
            "con.txt",
            "-rf",
            "日本語",
            "\u{202e}evil",
            "a\0b",
            "a\nb",
            "%",
            "%2e",
            " ",
            "é",
            "e\u{301}",
            "C:\\x",
            "raw",
            long.as_str(),
        ];
        let mut seen = BTreeSet::new();
        for id in ids {
            let key = BundleKey::new(id, "c").unwrap();
            let path = key.execution_key().path();
            assert_eq!(path.split('/').count(), 4, "{id:?}: {path}");
            assert!(path.bytes().all(|b| b.is_ascii_graphic()), "{path}");
            assert!(!path.contains(".."), "{path}");
            assert!(path.len() < 300, "{} bytes", path.len());
            assert!(seen.insert(path), "{id:?} is taken");
            assert_eq!(key.execution_key().cell(), id, "the whole text is kept");
        }
    }

    #[test]
    fn long_ids_that_differ_at_their_end_differ() {
        let one = BundleKey::new(&format!("{}1", "x".repeat(10_240)), "c").unwrap();
        let two = BundleKey::new(&format!("{}2", "x".repeat(10_240)), "c").unwrap();
        assert_ne!(one.execution_key().path(), two.execution_key().path());
    }

    #[test]
    fn an_empty_id_is_refused_by_name() {
        let found = BundleKey::new("", "c").unwrap_err().to_string();
        assert!(found.contains("data_id"), "{found}");
        let found = BundleKey::new("d", "").unwrap_err().to_string();
        assert!(found.contains("config_id"), "{found}");
    }

    #[test]
    fn every_part_of_a_key_makes_another_place() {
        let key = BundleKey::new("d", "c").unwrap();
        let searched = key.clone().with_operations(Operations::none().filter("UA"));
        let all = [
            key.clone(),
            BundleKey::new("d", "other").unwrap(),
            BundleKey::new("other", "c").unwrap(),
            searched.clone(),
            key.clone().in_space("nb.ipynb"),
        ];
        let paths: BTreeSet<String> = all.iter().map(|key| key.execution_key().path()).collect();
        assert_eq!(paths.len(), all.len());
        assert_eq!(key.generation_prefix(), "bundles/d/c/");
        assert_eq!(searched.generation_prefix(), "bundles/d/c/");
        assert_eq!(key.data_prefix(), "bundles/d/");
    }
}
