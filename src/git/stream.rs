//! A git that is read while it works: what it prints need not fit into memory.

use std::io::{self, Read};
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};

use super::process::{GitCommand, GitOutput};
use crate::error::{Error, Result};

/// A running git. One that is dropped before its end is stopped.
#[derive(Debug)]
pub(super) struct GitStream {
    shown: String,
    child: Option<Child>,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<JoinHandle<String>>,
}

impl GitStream {
    /// Starts git.
    ///
    /// # Errors
    /// [`Error::GitNotFound`] and [`Error::TalkToGit`].
    pub(super) fn start(command: &GitCommand) -> Result<GitStream> {
        let mut child = command.spawn(Stdio::piped())?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        // Read all the while, as a full pipe would stop git.
        let stderr = child.stderr.take().map(|mut stderr| {
            thread::spawn(move || {
                let mut bytes = Vec::new();
                drop(stderr.read_to_end(&mut bytes));
                String::from_utf8_lossy(&bytes).into_owned()
            })
        });
        Ok(GitStream { shown: command.shown(), child: Some(child), stdin, stdout, stderr })
    }

    /// Returns the pipe to git; dropping it tells git that there is no more. Write from another
    /// thread wherever git may answer before it has read all.
    ///
    /// # Panics
    /// If it was taken before.
    pub(super) fn take_stdin(&mut self) -> ChildStdin {
        self.stdin.take().expect("it is piped, and taken once")
    }

    /// Returns the pipe from git.
    ///
    /// # Panics
    /// If it was taken before.
    pub(super) fn take_stdout(&mut self) -> ChildStdout {
        self.stdout.take().expect("it is piped, and taken once")
    }

    /// Returns what the failure `source` of a pipe means.
    pub(super) fn broken(&self, source: io::Error) -> Error {
        Error::TalkToGit { command: self.shown.clone(), source }
    }

    /// Waits until git is done. The pipes must be read to their end, or dropped, before.
    ///
    /// # Errors
    /// [`Error::GitFailed`] if it does not exit with 0, [`Error::TalkToGit`].
    pub(super) fn finish(mut self) -> Result<()> {
        let (status, stderr) = self.wait(false);
        let status = status.map_err(|source| self.broken(source))?;
        let output = GitOutput { stdout: Vec::new(), stderr, exit_code: status.code() };
        if status.success() { Ok(()) } else { Err(output.failure(self.shown.clone())) }
    }

    fn wait(&mut self, kill: bool) -> (io::Result<ExitStatus>, String) {
        drop((self.stdin.take(), self.stdout.take()));
        let status = match self.child.take() {
            Some(mut child) => {
                if kill {
                    drop(child.kill());
                }
                child.wait()
            }
            None => Ok(ExitStatus::default()),
        };
        let stderr = self.stderr.take().and_then(|reader| reader.join().ok());
        (status, stderr.unwrap_or_default())
    }
}

impl Drop for GitStream {
    fn drop(&mut self) {
        if self.child.is_some() {
            drop(self.wait(true));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::process::testing::hermetic_git;
    use super::*;

    #[test]
    fn a_git_that_is_read_while_it_works_ends_with_what_it_has_to_say() {
        let folder = tempfile::tempdir().unwrap();
        let git = hermetic_git(folder.path());
        let mut stream = GitStream::start(&git.command(["stripspace"])).unwrap();
        stream.take_stdin().write_all(b"a \n\n\n").unwrap();
        let mut text = String::new();
        stream.take_stdout().read_to_string(&mut text).unwrap();
        assert_eq!(text, "a\n");
        stream.finish().unwrap();
        let error = GitStream::start(&git.command(["no-such-command"])).unwrap().finish();
        assert!(matches!(error, Err(Error::GitFailed { .. })), "{error:?}");
    }

    #[test]
    fn a_git_that_nobody_wants_any_more_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let git = hermetic_git(folder.path());
        let mut stream = GitStream::start(&git.command(["stripspace"])).unwrap();
        // Its input stays open: only a signal ends it.
        let held = stream.take_stdin();
        drop(stream);
        drop(held);
    }
}
