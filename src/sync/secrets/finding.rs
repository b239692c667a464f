//! One likely secret, shown so that it stays one.

use std::fmt;
use std::ops::Range;

use crate::digest::Digest;

/// The hex digits of a secret's digest that name it.
const DIGEST_DIGITS: usize = 16;
/// How much is shown of what stands before a secret, and of it, in bytes.
const SHOWN_BEFORE: usize = 24;
const SHOWN_OF_SECRET: usize = 4;

/// One likely secret in the bytes of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The stable name of the rule that found it, such as `github-token`.
    pub rule: &'static str,
    /// What it is, for people: `GitHub token`.
    pub about: &'static str,
    /// The line it is on, from 1.
    pub line: u64,
    /// Where it begins, in bytes from the start of the part.
    pub offset: u64,
    /// What stands before it and how it begins; never all of it.
    pub preview: String,
    /// The first 16 hex digits of its BLAKE3: what `[secrets] allow` takes to let it pass.
    pub digest: String,
}

impl Finding {
    /// Returns the finding of the secret at `secret` in `bytes`, which begin at `offset` of the
    /// part, on line `line`.
    pub(super) fn new(
        (rule, about): (&'static str, &'static str),
        bytes: &[u8],
        secret: Range<usize>,
        offset: u64,
        line: u64,
    ) -> Finding {
        let newlines = memchr::memchr_iter(b'\n', &bytes[..secret.start]).count();
        Finding {
            rule,
            about,
            line: line + newlines as u64,
            offset: offset + secret.start as u64,
            preview: preview(bytes, secret.clone()),
            digest: digest_of(rule, &bytes[secret]),
        }
    }

    /// Whether the settings let it pass: by its rule, or by its digest.
    pub fn is_allowed(&self, allow: &[String]) -> bool {
        allow.iter().any(|it| it == self.rule || it.eq_ignore_ascii_case(&self.digest))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {} `{}`", self.line, self.about, self.preview)
    }
}

/// Whether a text is the digest of a finding.
pub fn is_finding_digest(text: &str) -> bool {
    text.len() == DIGEST_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A key that is broken into lines has one digest, however the lines end.
fn digest_of(rule: &str, secret: &[u8]) -> String {
    if rule != super::rules::PRIVATE_KEY && rule != super::rules::SERVICE_ACCOUNT {
        return Digest::of_here(secret).short(DIGEST_DIGITS);
    }
    let mut letters = Vec::with_capacity(secret.len());
    let mut bytes = secret.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next_if(|next| matches!(next, b'n' | b'r' | b't'))),
            b',' => {}
            byte if byte.is_ascii_whitespace() => {}
            byte => letters.push(byte),
        }
    }
    Digest::of_here(&letters).short(DIGEST_DIGITS)
}

/// Returns the words before a secret on its line and the first letters of it, without anything that
/// a terminal would take for a command.
fn preview(bytes: &[u8], secret: Range<usize>) -> String {
    let near = &bytes[secret.start.saturating_sub(SHOWN_BEFORE)..secret.start];
    // Digits end it: what has some may be the end of another secret.
    let is_plain = |byte: &u8| byte.is_ascii_alphabetic() || b"_- \"'=:/@.[](<>".contains(byte);
    let before = near.iter().rev().take_while(|byte| is_plain(byte)).count();
    let before = near[near.len() - before..].trim_ascii_start();
    let shown = SHOWN_OF_SECRET.min(secret.len() / 4);
    let visible = |bytes: &[u8]| -> String {
        let text = String::from_utf8_lossy(bytes);
        text.chars().map(|c| if c.is_control() || c == '\u{fffd}' { '·' } else { c }).collect()
    };
    let first = visible(&bytes[secret.start..secret.start + shown]);
    format!("{}{first}… ({} characters)", visible(before), secret.len())
}
