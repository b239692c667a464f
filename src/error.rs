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
    /// A settings file is not TOML.
    #[error("{}:{line}: not valid TOML: {reason}", path.display())]
    BadToml {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser met.
        reason: String,
    },
    /// A setting or section means nothing.
    #[error("{place}: unknown setting `{name}`")]
    UnknownSetting {
        /// Where it is written: a file and line, or the command line.
        place: String,
        /// Its dotted name as written.
        name: String,
        /// The known one it most likely stands for.
        nearest: Option<String>,
    },
    /// A `RECELL_*` environment variable means nothing.
    #[error("unknown environment variable `{name}`")]
    UnknownVariable {
        /// Its name.
        name: String,
        /// The known one it most likely stands for.
        nearest: Option<String>,
    },
    /// A setting has a value that is of the wrong type or out of bounds.
    #[error("{place}: `{name}` must be {expected}, not `{found}`")]
    BadSetting {
        /// Where it is written: a file and line, an environment variable or the command line.
        place: String,
        /// Its dotted name.
        name: &'static str,
        /// What is accepted.
        expected: String,
        /// The value as written, cut when long.
        found: String,
    },
}

impl Error {
    /// Returns the stable, machine-readable code of this failure, for example `disk`.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Disk { .. } => "disk",
            Error::BadToml { .. } => "bad_toml",
            Error::UnknownSetting { .. } => "unknown_setting",
            Error::UnknownVariable { .. } => "unknown_variable",
            Error::BadSetting { .. } => "bad_setting",
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
            Error::BadToml { .. } => Some("Correct that line and try again.".into()),
            Error::UnknownSetting { nearest: Some(nearest), .. } => {
                Some(format!("Did you mean `{nearest}`? `recell config` lists all settings."))
            }
            Error::UnknownSetting { nearest: None, .. } => {
                Some("Run `recell config` for a list of all settings.".into())
            }
            Error::UnknownVariable { nearest: Some(nearest), .. } => {
                Some(format!("Did you mean `{nearest}`? Otherwise unset it."))
            }
            Error::UnknownVariable { nearest: None, .. } => {
                Some("Unset it: names that start with `RECELL_` are recell's own.".into())
            }
            Error::BadSetting { name, .. } => {
                Some(format!("Correct it; `recell config` explains `{name}`."))
            }
        }
    }
}
