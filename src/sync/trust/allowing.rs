//! Who may sign with ssh: lines of git's file of allowed signers (ssh-keygen(1), ALLOWED SIGNERS).

use std::path::{Path, PathBuf};

use crate::disk;
use crate::error::{Error, Result};

/// The kinds of keys that ssh signs with.
const KEY_TYPES: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// What became of allowing somebody to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The file that says so.
    pub file: PathBuf,
    /// The line in it.
    pub line: String,
    /// Whether it was there already.
    pub was_there: bool,
}

/// Adds to `file` that `who` may sign with a key, given as the text of its public half. The file is
/// made if need be; what is in it stays.
///
/// # Errors
/// [`Error::NotASigner`] if one of the two cannot stand in a line, [`Error::Disk`].
pub fn allow(file: &Path, who: &str, public_key: &str) -> Result<Allowed> {
    let line = line_of(who, public_key)?;
    let text = disk::read_if_there(file)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let was_there = text.lines().any(|other| other.trim() == line);
    if !was_there {
        let between = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        if let Some(folder) = file.parent() {
            disk::create_folders(folder)?;
        }
        disk::replace(file, format!("{text}{between}{line}\n").as_bytes())?;
    }
    Ok(Allowed { file: file.to_owned(), line, was_there })
}

fn line_of(who: &str, public_key: &str) -> Result<String> {
    let refused = |text: &str, reason| Error::NotASigner { text: text.to_owned(), reason };
    // ssh takes patterns and lists here: `*` would be everybody.
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"*?!,\"#".contains(c);
    if who.is_empty() || !who.chars().all(is_plain) {
        return Err(refused(who, "it must be one name such as an address, without patterns"));
    }
    if public_key.contains("PRIVATE KEY") {
        return Err(refused("the key", "it is the private half; the file ends in `.pub`"));
    }
    let mut lines = public_key.lines().map(str::trim).filter(|line| !line.is_empty());
    let (Some(key), None) = (lines.next(), lines.next()) else {
        return Err(refused(public_key.trim(), "one public key of ssh is one line"));
    };
    let mut words = key.split_ascii_whitespace();
    match (words.next(), words.next()) {
        (Some(kind), Some(body)) if KEY_TYPES.contains(&kind) && is_base64(body) => {
            Ok(format!("{who} namespaces=\"git\" {kind} {body}"))
        }
        _ => Err(refused(key, "it is no public key of ssh")),
    }
}

fn is_base64(text: &str) -> bool {
    // The body of a key begins with the length of the word for its kind.
    text.starts_with("AAAA")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBOzRgVjvxTqVVIdtbnJfNOJB79 a@b\n";

    #[test]
    fn a_key_is_added_once_and_what_is_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/allowed_signers");
        disk::create_folders(file.parent().unwrap()).unwrap();
        disk::replace(&file, b"# the team\nbob ssh-ed25519 AAAAx").unwrap();
        assert!(!allow(&file, "alice@example.com", KEY).unwrap().was_there);
        assert!(allow(&file, "alice@example.com", KEY).unwrap().was_there);
        let text = String::from_utf8(disk::read(&file).unwrap()).unwrap();
        insta::assert_snapshot!(text, @r#"
        # the team
        bob ssh-ed25519 AAAAx
        alice@example.com namespaces="git" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBOzRgVjvxTqVVIdtbnJfNOJB79
        "#);
    }

    #[test]
    fn what_would_allow_more_than_one_key_of_one_person_is_refused() {
        for (who, key, why) in [
            ("*", KEY, "everybody"),
            ("a,b", KEY, "a list"),
            ("", KEY, "nobody"),
            ("alice cert-authority", KEY, "an option"),
            ("a\nb", KEY, "two lines"),
            ("alice", "", "no key"),
            ("alice", "ssh-ed25519", "half a key"),
            ("alice", "ssh-dss AAAAB3", "a kind that does not sign"),
            ("alice", "ssh-ed25519 hello", "no key"),
            ("alice", &format!("{KEY}{KEY}"), "two keys"),
            ("alice", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA", "a secret"),
        ] {
            assert!(line_of(who, key).is_err(), "{who} {key}: {why}");
        }
    }
}
