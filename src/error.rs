//! The one public error: what failed, on what, its stable code and what to do next.

use std::io;
use std::path::PathBuf;

/// A result whose failure is an [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure, with its subject in fields.
///
/// A lookup that finds nothing is not an error: see [`crate::Miss`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be worked on.
    #[error("could not {action} `{}`", path.display())]
    Disk {
        /// What was tried, as a verb: `read`, `write`, `create`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
}

impl Error {
    /// Returns the stable, machine-readable code of this failure, for example `disk`.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Disk { .. } => "disk",
        }
    }

    /// Returns what to do next, as one sentence that names the next command where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Disk { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => {
                    Some("Free some disk space and try again; nothing was lost.".into())
                }
                io::ErrorKind::PermissionDenied => {
                    Some("Check who owns it and what you may do there.".into())
                }
                _ => None,
            },
        }
    }
}
