//! What a notebook is called in the store.

use std::fmt;
use std::path::{Component, Path};

/// The name of a notebook: its path from the workspace, with `/` on every system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NotebookName(String);

impl NotebookName {
    /// Returns the name of the notebook at `path`, which is relative to the workspace; `None` if
    /// that leads out of it or names nothing.
    ///
    /// Bytes that are no UTF-8 read as `U+FFFD`.
    pub fn of_path(path: &Path) -> Option<NotebookName> {
        let mut name = String::new();
        for component in path.components() {
            match component {
                Component::CurDir => {}
                Component::Normal(part) => {
                    if !name.is_empty() {
                        name.push('/');
                    }
                    name.push_str(&part.to_string_lossy());
                }
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
            }
        }
        (!name.is_empty()).then_some(NotebookName(name))
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NotebookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notebook_is_named_by_its_path_in_the_workspace() {
        for (path, name, why) in [
            ("sales.ipynb", Some("sales.ipynb"), "at the top"),
            ("./reports//sales.ipynb", Some("reports/sales.ipynb"), "below"),
            ("../sales.ipynb", None, "outside"),
            ("/sales.ipynb", None, "anywhere"),
            (".", None, "the workspace itself"),
        ] {
            let found = NotebookName::of_path(Path::new(path));
            assert_eq!(found.as_ref().map(NotebookName::as_str), name, "{why}");
        }
    }
}
