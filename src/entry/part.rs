//! One named piece of an entry, as the manifest describes it.

use std::fmt;

use crate::digest::Digest;
use crate::name::encode;

/// What a part is; its folder in the entry tree follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartKind {
    /// What a cell showed.
    Output,
    /// A value that a cell made.
    Variable,
    /// The first render of a table view.
    Bundle,
    /// Statistics of a table.
    Stats,
    /// The code that made the result.
    Code,
    /// Any other file.
    File,
}

impl PartKind {
    /// Every kind, in the order of the glossary.
    pub const ALL: [PartKind; 6] = [
        PartKind::Output,
        PartKind::Variable,
        PartKind::Bundle,
        PartKind::Stats,
        PartKind::Code,
        PartKind::File,
    ];

    /// Returns the word for this kind in the manifest: `output`.
    pub fn name(self) -> &'static str {
        match self {
            PartKind::Output => "output",
            PartKind::Variable => "variable",
            PartKind::Bundle => "bundle",
            PartKind::Stats => "stats",
            PartKind::Code => "code",
            PartKind::File => "file",
        }
    }

    /// Returns the folder of this kind in the entry tree: `outputs`.
    pub fn folder(self) -> &'static str {
        match self {
            PartKind::Output => "outputs",
            PartKind::Variable => "variables",
            PartKind::Bundle => "bundle",
            PartKind::Stats => "stats",
            PartKind::Code => "code",
            PartKind::File => "files",
        }
    }

    fn of_folder(folder: &str) -> Option<PartKind> {
        PartKind::ALL.into_iter().find(|kind| kind.folder() == folder)
    }
}

/// Where a part is in its entry: the folder of its kind and at least one more name, `outputs/0.txt`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartPath(String);

/// A text that is not the path of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a part's path starts with outputs/, variables/, bundle/, stats/, code/ or files/ and has no \
     empty component"
)]
pub struct InvalidPartPath;

impl PartPath {
    /// Returns the path, if it starts with the folder of a kind and has no empty component.
    ///
    /// # Errors
    /// [`InvalidPartPath`] otherwise.
    pub fn new(path: impl Into<String>) -> Result<PartPath, InvalidPartPath> {
        let path = path.into();
        let mut components = path.split('/');
        let known = components.next().is_some_and(|folder| PartKind::of_folder(folder).is_some());
        let mut rest = components.peekable();
        if known && rest.peek().is_some() && rest.all(|component| !component.is_empty()) {
            Ok(PartPath(path))
        } else {
            Err(InvalidPartPath)
        }
    }

    /// Returns the path of the part `name` of that kind.
    ///
    /// # Errors
    /// [`InvalidPartPath`] if `name` is empty or has an empty component.
    pub fn of(kind: PartKind, name: &str) -> Result<PartPath, InvalidPartPath> {
        PartPath::new(format!("{}/{name}", kind.folder()))
    }

    /// Returns the kind that the first component says.
    pub fn kind(&self) -> PartKind {
        let folder = self.0.split('/').next().unwrap_or_default();
        PartKind::of_folder(folder).expect("new() looked at it")
    }

    /// Returns the path below the folder of its kind.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }

    /// Returns the whole path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path in the entry tree, each component encoded as a segment.
    pub(crate) fn tree_components(&self) -> impl Iterator<Item = std::borrow::Cow<'_, str>> {
        self.0.split('/').map(encode)
    }
}

impl fmt::Display for PartPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the manifest says of one part.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Where it is in the entry tree.
    pub path: PartPath,
    /// Its media type, `text/plain`.
    pub media_type: String,
    /// How the value became bytes: `raw`, `json`, `npy`, `parquet`, `pickle5`, …
    pub codec: String,
    /// How many bytes it has.
    pub size: u64,
    /// The digest of those bytes.
    pub digest: Digest,
    /// Of how many chunks its tree is; `None` if it is one blob.
    pub chunks: Option<u32>,
    /// Whether it stays on the machine where it was made: then it is not in the entry tree, and is
    /// never pushed.
    pub local: bool,
    /// Fields that a later release wrote; they are kept.
    pub more: toml::Table,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_its_kind() {
        for kind in PartKind::ALL {
            let path = PartPath::of(kind, "x/y").unwrap();
            assert_eq!((path.kind(), path.name()), (kind, "x/y"));
        }
    }

    #[test]
    fn paths_outside_the_folders_are_refused() {
        for (path, why) in [
            ("", "empty"),
            ("outputs", "a folder alone"),
            ("outputs/", "an empty name"),
            ("outputs//x", "an empty component"),
            ("other/x", "no such kind"),
            ("/outputs/x", "not from the entry's root"),
            ("entry.toml", "the manifest is no part"),
        ] {
            assert_eq!(PartPath::new(path), Err(InvalidPartPath), "{path}: {why}");
        }
    }

    #[test]
    fn a_path_that_climbs_is_made_harmless_in_the_tree() {
        let path = PartPath::new("files/../.git/x y").unwrap();
        let components: Vec<_> = path.tree_components().collect();
        assert_eq!(components, ["files", "%2e%2e", "%2egit", "x%20y"]);
    }
}
