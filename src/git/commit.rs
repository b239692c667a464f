//! Commits: states of what changes, one after the other.

use gix::ObjectId;

use super::check::object_of_hex;
use crate::clock::Timestamp;
use crate::config::ObjectFormat;

/// Who git is told made the commits of recell's own refs. A person is nobody's business here.
pub(in crate::git) const AUTHOR: &str = "recell <recell>";

/// What a commit says, as far as recell needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit {
    pub(crate) tree: ObjectId,
    pub(crate) parents: Vec<ObjectId>,
    pub(crate) message: String,
}

/// Returns the bytes of a commit that recell makes at `now`; moments before 1970 are written as
/// its start, as git has no others.
pub(crate) fn commit_bytes(commit: &Commit, now: Timestamp) -> Vec<u8> {
    use std::fmt::Write;
    let mut text = format!("tree {}\n", commit.tree);
    for parent in &commit.parents {
        writeln!(text, "parent {parent}").expect("writing to a string cannot fail");
    }
    let seconds = unix_seconds(now);
    for who in ["author", "committer"] {
        writeln!(text, "{who} {AUTHOR} {seconds} +0000").expect("writing to a string cannot fail");
    }
    write!(text, "\n{}\n", commit.message).expect("writing to a string cannot fail");
    text.into_bytes()
}

/// Returns a moment as git writes it; what is before 1970 is its start.
pub(super) fn unix_seconds(now: Timestamp) -> i64 {
    now.micros().div_euclid(1_000_000).max(0)
}

/// Reads a commit, whoever made it; `None` if the bytes are none.
pub(crate) fn read_commit(format: ObjectFormat, bytes: &[u8]) -> Option<Commit> {
    let mut lines = bytes.split(|&byte| byte == b'\n');
    let tree = object_of_hex(lines.next()?.strip_prefix(b"tree ")?, format)?;
    let mut parents = Vec::new();
    let mut head = tree.to_string().len() + "tree \n".len();
    for line in lines {
        let Some(hex) = line.strip_prefix(b"parent ") else { break };
        parents.push(object_of_hex(hex, format)?);
        head += line.len() + 1;
    }
    let rest = bytes.get(head..)?;
    let end = memchr::memmem::find(rest, b"\n\n")?;
    let message = String::from_utf8_lossy(&rest[end + 2..]).trim_end().to_owned();
    Some(Commit { tree, parents, message })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::{Kind, object_id};

    #[test]
    fn commits_read_back() {
        for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
            let id = |text: &str| object_id(format, Kind::Blob, text.as_bytes());
            for parents in [vec![], vec![id("a")], vec![id("a"), id("b")]] {
                let commit = Commit { tree: id("t"), parents, message: "what\n\nwas".into() };
                let bytes = commit_bytes(&commit, Timestamp::from_micros(-1));
                assert_eq!(read_commit(format, &bytes), Some(commit));
                assert_eq!(read_commit(format, &bytes[..30]), None, "torn");
            }
        }
    }
}
