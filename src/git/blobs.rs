//! Many blobs of the host repository, one after the other, through one git.

use std::io::{BufRead, BufReader, Read, Write};
use std::thread;

use gix::ObjectId;

use super::batch::head_of;
use super::host::HostRepository;
use super::process::Git;
use super::stream::GitStream;
use crate::error::Result;

/// What was found under an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Blob {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// It is not in this clone, or no blob.
    Missing,
    /// It has more bytes than are wanted: this many.
    TooLarge(u64),
}

/// Gives `take` the blobs of `ids`, in that order, until it says false. Blobs of more than `most`
/// bytes are passed over. Nothing is fetched that is not in this clone.
///
/// One blob is in memory at a time, besides what git keeps.
///
/// # Errors
/// [`crate::Error::GitNotFound`], [`crate::Error::GitFailed`], [`crate::Error::TalkToGit`].
pub(crate) fn read_blobs(
    host: &HostRepository,
    git: &Git,
    ids: &[ObjectId],
    most: u64,
    mut take: impl FnMut(Blob) -> bool,
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let command = host.ask(git, ["cat-file", "--batch", "--buffer"]);
    let mut stream = GitStream::start(&command)?;
    let mut input = stream.take_stdin();
    let mut output = BufReader::with_capacity(1 << 18, stream.take_stdout());
    let all = thread::scope(|scope| {
        // Beside the reading: git answers long before it has read all.
        scope.spawn(move || {
            let mut lines = String::new();
            for ids in ids.chunks(1024) {
                lines.clear();
                for id in ids {
                    lines.push_str(&id.to_string());
                    lines.push('\n');
                }
                // A git that stops reading says why on its standard error.
                if input.write_all(lines.as_bytes()).is_err() {
                    break;
                }
            }
        });
        let mut read = || -> std::io::Result<bool> {
            for _ in ids {
                let Some(blob) = answer(&mut output, most)? else { return Ok(true) };
                if !take(blob) {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        let all = read();
        // Whoever still writes finds the pipe closed.
        drop(output);
        if !matches!(all, Ok(true)) {
            drop(stream);
            return all.map(|_| None);
        }
        Ok(Some(stream))
    });
    match all {
        Ok(Some(stream)) => stream.finish(),
        Ok(None) => Ok(()),
        Err(source) => Err(command.broken_pipe()(source)),
    }
}

/// Reads one answer: `<id> <kind> <size>`, then the bytes and a line end; `None` at the end.
fn answer(output: &mut impl BufRead, most: u64) -> std::io::Result<Option<Blob>> {
    let mut head = Vec::new();
    if output.read_until(b'\n', &mut head)? == 0 {
        return Ok(None);
    }
    let Some((_, kind, size)) = head_of(head.trim_ascii_end()) else {
        return Ok(Some(Blob::Missing));
    };
    let blob = match kind {
        "blob" if size <= most => {
            let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
            output.read_exact(&mut bytes)?;
            Blob::Bytes(bytes)
        }
        kind => {
            std::io::copy(&mut output.take(size), &mut std::io::sink())?;
            if kind == "blob" { Blob::TooLarge(size) } else { Blob::Missing }
        }
    };
    let mut line_end = [0];
    output.read_exact(&mut line_end)?;
    Ok(Some(blob))
}

#[cfg(test)]
mod tests {
    use super::super::process::testing::{git as run, hermetic_git};
    use super::*;
    use crate::disk;

    #[test]
    fn blobs_come_in_the_order_in_which_they_were_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let git = hermetic_git(folder.path());
        run(&git, folder.path(), &["init", "-q"]);
        let id = |text: &str| {
            disk::replace(&folder.path().join("x"), text.as_bytes()).unwrap();
            let hex = run(&git, folder.path(), &["hash-object", "-w", "x"]);
            ObjectId::from_hex(hex.as_bytes()).unwrap()
        };
        let (one, two, big) = (id("one\n"), id(""), id("bigger than the bound"));
        let tree = run(&git, folder.path(), &["hash-object", "-t", "tree", "-w", "/dev/null"]);
        let tree = ObjectId::from_hex(tree.as_bytes()).unwrap();
        let unknown = ObjectId::from_hex(&[b'7'; 40]).unwrap();
        let host = HostRepository::discover(folder.path(), &git).unwrap();
        let mut found = Vec::new();
        let ids = [big, one, unknown, two, tree, one];
        let all = |blob| {
            found.push(blob);
            true
        };
        read_blobs(&host, &git, &ids, 10, all).unwrap();
        let bytes = |text: &[u8]| Blob::Bytes(text.to_vec());
        let (one_, missing) = (bytes(b"one\n"), Blob::Missing);
        let wanted =
            [Blob::TooLarge(21), one_.clone(), missing.clone(), bytes(b""), missing, one_.clone()];
        assert_eq!(found, wanted);
        let mut taken = 0;
        let many = vec![one; 100_000];
        let two = |_| {
            taken += 1;
            taken < 2
        };
        read_blobs(&host, &git, &many, 10, two).unwrap();
        assert_eq!(taken, 2, "who has enough is not kept waiting");
    }
}
