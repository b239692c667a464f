//! Values that are called a password, a key or a token: `api_key = "…"`, in code, JSON, TOML, YAML,
//! HTML, and in JSON that holds any of these as text.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::plausible::{Called, is_value};

/// Every text that such a name has in it, in small letters, and what it says.
pub(super) const NAMES: [(&str, Called); 28] = [
    ("passw", Called::Password),
    ("passphrase", Called::Password),
    ("pwd", Called::Password),
    ("secret", Called::Key),
    ("token", Called::Key),
    ("credential", Called::Key),
    ("apikey", Called::Key),
    ("api_key", Called::Key),
    ("api-key", Called::Key),
    ("api key", Called::Key),
    ("access_key", Called::Key),
    ("access-key", Called::Key),
    ("accesskey", Called::Key),
    ("private_key", Called::Key),
    ("privatekey", Called::Key),
    ("auth_key", Called::Key),
    ("auth-key", Called::Key),
    ("authkey", Called::Key),
    ("account_key", Called::Key),
    ("accountkey", Called::Key),
    ("encryption_key", Called::Key),
    ("signing_key", Called::Key),
    ("master_key", Called::Key),
    ("storage_key", Called::Key),
    ("subscription_key", Called::Key),
    ("subscription-key", Called::Key),
    ("wandb_key", Called::Key),
    ("service_key", Called::Key),
];

/// What goes on after such a text where the name is of something else, in small letters.
const OTHER_ENDS: [&str; 22] = [
    "_id", "-id", "id", "izer", "_type", "type", "_name", "name", "_url", "url", "_uri", "_path",
    "path", "_file", "_hash", "_len", "_count", "_field", "_policy", "_arn", "_version", "s_per",
];

/// What goes before `token` where it is no secret, in small letters.
const OTHER_TOKENS: [&str; 19] = [
    "csrf",
    "xsrf",
    "next",
    "page",
    "continuation",
    "eos",
    "bos",
    "pad",
    "unk",
    "mask",
    "sep",
    "cls",
    "special",
    "cancel",
    "cancellation",
    "resume",
    "default",
    "image",
    "sync",
];

/// The name of a rule, of a value that was found, and where that is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assigned {
    pub(super) rule: &'static str,
    pub(super) about: &'static str,
    pub(super) secret: Range<usize>,
}

/// The rules of this module, with what they are about.
pub(super) const RULES: [(&str, &str); 3] = [
    ("assigned-password", "value that is called a password"),
    ("assigned-key", "value that is called a key or token"),
    ("aws-secret-key", "AWS secret key"),
];

/// The rest of a name, a sign and a value; what stands behind a text of [`NAMES`].
static ASSIGNMENT: LazyLock<Regex> = LazyLock::new(|| {
    // What text, code, JSON in JSON and HTML put around names and values.
    let between = r#"(?:[ \t"'`\\\])]|&(?:quot|apos|#3[49]|#x2[27]);|</?[a-zA-Z][^<>]{0,120}>|\x1b\[[0-9;]{0,12}m|\\u001b\[[0-9;]{0,12}m|%2[27])"#;
    // A type may stand before it: `password: str = "…"`.
    let sign = r"(?:=>|:=|:[ ]{0,2}[A-Za-z_][\w.\[\] |]{0,30}?[ ]{0,2}=|=|:|%3[Dd]|</t[hd]>\s{0,20}<t[dh][^<>]{0,120}>)";
    let value = r"([\w.~+/=@$!%^*#?:-]{8,256})";
    let pattern =
        format!(r"(?-u)^([A-Za-z0-9_-]{{0,24}}){between}{{0,8}}{sign}({between}{{0,8}}){value}");
    Regex::new(&pattern).expect("the tests compile it")
});

/// Returns the value that the name at `at`, which is `NAMES[number]`, is given in `bytes`.
pub(super) fn assigned(bytes: &[u8], at: usize, number: usize) -> Option<Assigned> {
    let (text, called) = NAMES[number];
    let from = at + text.len();
    let rest = &bytes[from.min(bytes.len())..bytes.len().min(from + 1024)];
    // Most such words are prose: a sign must come soon.
    let mut near = rest[..rest.len().min(64)].iter();
    if !near.any(|byte| matches!(byte, b'=' | b':' | b'<' | b'%')) {
        return None;
    }
    let captures = ASSIGNMENT.captures(rest)?;
    let value = captures.get(3)?;
    let goes_on = captures.get(1)?.as_bytes().to_ascii_lowercase();
    if OTHER_ENDS.iter().any(|end| goes_on.starts_with(end.as_bytes())) {
        return None;
    }
    let before = bytes[at.saturating_sub(16)..at].to_ascii_lowercase();
    let before = before.strip_suffix(b"_").or(before.strip_suffix(b"-")).unwrap_or(&before);
    let is_other = text == "token"
        && (goes_on.first() == Some(&b's')
            || OTHER_TOKENS.iter().any(|other| before.ends_with(other.as_bytes())));
    if is_other {
        return None;
    }
    let around = captures.get(2)?.as_bytes();
    let is_quoted = around.iter().any(|byte| matches!(byte, b'"' | b'\'' | b'`'))
        || memchr::memmem::find(around, b"&").is_some();
    // A full stop, a comma or a colon ends what was said, not the value.
    let mut end = value.end();
    while end > value.start() && matches!(rest[end - 1], b'.' | b':' | b'?' | b'!') && !is_quoted {
        end -= 1;
    }
    let secret = &rest[value.start()..end];
    let after = rest.get(value.end()).copied().unwrap_or(b'\n');
    // Code: a call, an index, a template, or a name of several parts.
    if matches!(after, b'(' | b'[' | b'{') && !is_quoted {
        return None;
    }
    // People type passwords between quotes; what is not quoted is a word of code or prose more
    // often than a secret, unless it looks like nothing else.
    let called = if is_quoted { called } else { Called::Key };
    if !is_value(secret, called) || (!is_quoted && is_dotted(secret)) {
        return None;
    }
    let is_aws = |name: &[u8]| memchr::memmem::find(name, b"secret").is_some();
    let named = [before, &goes_on].concat();
    let rule = match (text, NAMES[number].1) {
        ("secret", _) if starts_with_access_key(&goes_on) && secret.len() == 40 => 2,
        ("access_key" | "accesskey", _) if is_aws(&named) && secret.len() == 40 => 2,
        (_, Called::Password) => 0,
        (_, Called::Key) => 1,
    };
    let (rule, about) = RULES[rule];
    Some(Assigned { rule, about, secret: from + value.start()..from + end })
}

fn starts_with_access_key(goes_on: &[u8]) -> bool {
    goes_on.starts_with(b"_access_key") || goes_on.starts_with(b"accesskey")
}

/// Whether the value is names with dots between them: code.
fn is_dotted(value: &[u8]) -> bool {
    let starts_name = |piece: &[u8]| piece.first().is_some_and(u8::is_ascii_alphabetic);
    memchr::memchr(b'.', value).is_some() && value.split(|&byte| byte == b'.').all(starts_name)
}
