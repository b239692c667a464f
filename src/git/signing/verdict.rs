//! Whose a signature is, in types.

use std::fmt;

use crate::config::ObjectFormat;
use crate::git::commit::AUTHOR;

/// How a commit was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningMethod {
    /// With a key of ssh.
    Ssh,
    /// With `GnuPG`.
    Gpg,
    /// With an X.509 certificate.
    X509,
}

impl SigningMethod {
    /// Returns the word for it: `ssh`, `gpg`, `x509`.
    pub fn name(self) -> &'static str {
        match self {
            SigningMethod::Ssh => "ssh",
            SigningMethod::Gpg => "gpg",
            SigningMethod::X509 => "x509",
        }
    }

    /// Returns the method of that name.
    pub(crate) fn named(name: &str) -> Option<SigningMethod> {
        [SigningMethod::Ssh, SigningMethod::Gpg, SigningMethod::X509]
            .into_iter()
            .find(|method| method.name() == name)
    }

    /// The setting of git that names the program, the program it is by default, and the package
    /// that has it.
    pub(super) fn program(self) -> (&'static str, &'static str, &'static str) {
        match self {
            SigningMethod::Ssh => ("gpg.ssh.program", "ssh-keygen", "openssh-client"),
            SigningMethod::Gpg => ("gpg.openpgp.program", "gpg", "gnupg"),
            SigningMethod::X509 => ("gpg.x509.program", "gpgsm", "gpgsm"),
        }
    }
}

impl fmt::Display for SigningMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whose a good signature is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The principal of the file of allowed signers, or the user id of the key.
    pub who: String,
    /// The fingerprint of the key.
    pub key: String,
    /// How it was signed.
    pub method: SigningMethod,
}

/// What became of checking a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is by somebody who may sign.
    Good(Signer),
    /// There is none.
    Unsigned,
    /// It is right, or cannot be told, but its key is not one that may sign.
    UnknownKey {
        /// The fingerprint of the key, or its id.
        key: String,
        /// How it was signed.
        method: SigningMethod,
    },
    /// It is not that of these bytes, or its key is revoked or out of date.
    Bad {
        /// What is wrong.
        reason: String,
    },
    /// It could not be checked.
    Unchecked {
        /// Why not.
        reason: String,
    },
}

impl Verdict {
    /// Returns the stable word for it: `good`, `unsigned`, `unknown_key`, `bad`, `unchecked`.
    pub fn code(&self) -> &'static str {
        match self {
            Verdict::Good(_) => "good",
            Verdict::Unsigned => "unsigned",
            Verdict::UnknownKey { .. } => "unknown_key",
            Verdict::Bad { .. } => "bad",
            Verdict::Unchecked { .. } => "unchecked",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Good(Signer { who, .. }) => write!(f, "signed by {who}"),
            Verdict::Unsigned => f.write_str("not signed"),
            Verdict::UnknownKey { key, method } => {
                write!(f, "signed with the {method} key {key}, which is nobody's who may sign")
            }
            Verdict::Bad { reason } => write!(f, "the signature is bad: {reason}"),
            Verdict::Unchecked { reason } => {
                write!(f, "the signature cannot be checked: {reason}")
            }
        }
    }
}

/// What the head of a commit says of who made it and how it was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CommitSeal {
    /// How it was signed; `None` if it was not.
    pub(crate) method: Option<SigningMethod>,
    /// Whether it names recell as who made it, as no person's commit does.
    pub(crate) is_recells: bool,
}

/// Reads the head of a commit.
pub(crate) fn commit_seal(format: ObjectFormat, bytes: &[u8]) -> CommitSeal {
    let end = memchr::memmem::find(bytes, b"\n\n").unwrap_or(bytes.len());
    let header: &[u8] = match format {
        ObjectFormat::Sha1 => b"gpgsig ",
        ObjectFormat::Sha256 => b"gpgsig-sha256 ",
    };
    let mut seal = CommitSeal { method: None, is_recells: false };
    for line in bytes[..end].split(|&byte| byte == b'\n') {
        if let Some(committer) = line.strip_prefix(b"committer ") {
            let rest = committer.strip_prefix(AUTHOR.as_bytes());
            seal.is_recells = rest.is_some_and(|rest| rest.starts_with(b" "));
        } else if let Some(begin) = line.strip_prefix(header) {
            seal.method = Some(match begin {
                b"-----BEGIN SSH SIGNATURE-----" => SigningMethod::Ssh,
                b"-----BEGIN SIGNED MESSAGE-----" => SigningMethod::X509,
                _ => SigningMethod::Gpg,
            });
        }
    }
    seal
}
