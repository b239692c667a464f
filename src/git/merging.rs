//! How git merges a file: by the lines of both sides, if `.gitattributes` says so.

use std::path::{Path, PathBuf};

use super::attribute_lines::with_line;
use super::host::HostRepository;
use super::process::Git;
use crate::disk::{self, Signature};
use crate::error::{Error, Result};

const ATTRIBUTES_FILE: &str = ".gitattributes";
/// The driver of git that keeps the lines of both sides.
const UNION: &str = "union";

/// Whether git merges a file by lines, and what is to be done if not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UnionMerge {
    /// It does.
    Set,
    /// Somebody chose another way, and keeps it.
    Otherwise(String),
    /// Nobody chose: a line is to be written.
    Unset(UnionLine),
}

/// A line that is to be written into an attributes file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnionLine {
    /// The attributes file.
    pub(crate) attributes: PathBuf,
    /// The line.
    pub(crate) line: String,
    signature: Option<Signature>,
}

impl UnionMerge {
    /// Asks git how it merges the file called `name` in `folder`, which is in the work tree of
    /// `host`. Nothing is written.
    ///
    /// # Errors
    /// [`Error::Disk`], and those of running git.
    pub(crate) fn of(
        host: &HostRepository,
        git: &Git,
        folder: &Path,
        name: &str,
    ) -> Result<UnionMerge> {
        let asked = host.ask(git, ["check-attr", "-z", "merge", "--", name]).in_folder(folder);
        let output = asked.run()?.stdout;
        // Path, attribute and value, each closed by a NUL.
        let value = output.split(|byte| *byte == 0).nth(2).map(String::from_utf8_lossy);
        Ok(match value.as_deref() {
            Some(UNION) => UnionMerge::Set,
            None | Some("unspecified") => {
                let attributes = folder.join(ATTRIBUTES_FILE);
                let signature = disk::signature(&attributes)?;
                let line = format!("{name} merge={UNION}");
                UnionMerge::Unset(UnionLine { attributes, line, signature })
            }
            Some(other) => UnionMerge::Otherwise(other.to_owned()),
        })
    }
}

impl UnionLine {
    /// Writes the line at the end of the file, which is made if need be.
    ///
    /// # Errors
    /// [`Error::ChangedMeanwhile`] and [`Error::Disk`].
    pub(crate) fn write(&self) -> Result<()> {
        let text = disk::read_if_there(&self.attributes)?;
        if disk::signature(&self.attributes)? != self.signature {
            return Err(Error::ChangedMeanwhile { path: self.attributes.clone() });
        }
        disk::replace(&self.attributes, &with_line(text.as_deref(), self.line.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::process::testing::{git as run, hermetic_git};
    use super::*;

    #[test]
    fn the_line_is_written_where_nobody_chose() {
        let folder = tempfile::tempdir().unwrap();
        let git = hermetic_git(folder.path());
        run(&git, folder.path(), &["init", "-q"]);
        let below = folder.path().join("deep");
        disk::create_folders(&below).unwrap();
        let host = HostRepository::discover(folder.path(), &git).unwrap();
        let of = || UnionMerge::of(&host, &git, &below, "a.lock").unwrap();
        let UnionMerge::Unset(line) = of() else { panic!("nobody chose") };
        line.write().unwrap();
        assert_eq!(disk::read(&below.join(".gitattributes")).unwrap(), b"a.lock merge=union\n");
        assert_eq!(of(), UnionMerge::Set);
        assert_eq!(line.write().unwrap_err().code(), "changed_meanwhile");
        disk::replace(&below.join(".gitattributes"), b"*.lock -merge\n").unwrap();
        assert_eq!(of(), UnionMerge::Otherwise("unset".into()), "no merge at all is a choice");
    }
}
