//! Passwords in addresses: `postgres://user:password@host/database`.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::plausible::entropy;

/// What every address has.
pub(super) const START: &str = "://";

/// The rules of this module, with what they are about.
pub(super) const RULES: [(&str, &str); 2] = [
    ("database-url", "address of a database with a password"),
    ("url-password", "address with a password"),
];

/// Schemes of databases and queues.
const DATABASES: [&str; 17] = [
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "mongodb",
    "redis",
    "rediss",
    "mssql",
    "oracle",
    "amqp",
    "amqps",
    "clickhouse",
    "snowflake",
    "cockroachdb",
    "neo4j",
    "bolt",
    "trino",
];

/// User, password and the first letters of the host, from behind `://` on.
static CREDENTIALS: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#"(?-u)^([^\s:/@"'<>\\&?#`(){}\[\]|,;]{0,100}):([^\s/@"'<>\\`(){}\[\],;]{3,200})@([\w.-]{1,100})"#;
    Regex::new(pattern).expect("the tests compile it")
});

/// Passwords that stand for one, and those that everybody has on their own machine.
const STAND_INS: [&str; 22] = [
    "password",
    "passwd",
    "pass",
    "pwd",
    "secret",
    "user",
    "username",
    "postgres",
    "root",
    "admin",
    "mysql",
    "guest",
    "test",
    "example",
    "changeme",
    "token",
    "default",
    "minioadmin",
    "my_password",
    "mypassword",
    "your_password",
    "hunter2",
];

/// Returns the password of the address whose `://` is at `at`, and its rule.
pub(super) fn password(
    bytes: &[u8],
    at: usize,
) -> Option<((&'static str, &'static str), Range<usize>)> {
    let scheme = scheme_before(&bytes[at.saturating_sub(32)..at]);
    let from = at + START.len();
    let captures = CREDENTIALS.captures(&bytes[from..bytes.len().min(from + 512)])?;
    let (user, password, host) = (captures.get(1)?, captures.get(2)?, captures.get(3)?);
    let text = String::from_utf8_lossy(password.as_bytes()).to_ascii_lowercase();
    let is_stand_in = STAND_INS.contains(&text.as_str())
        || text.as_bytes() == user.as_bytes().to_ascii_lowercase()
        || text.starts_with(['$', '%', '*', '.'])
        || text.contains("xxx")
        || entropy(password.as_bytes()) < 1.5
        || host.as_bytes().starts_with(b"example.")
        // A port, in what only looks like an address with a user.
        || (password.as_bytes().len() <= 5 && password.as_bytes().iter().all(u8::is_ascii_digit));
    if scheme.is_empty() || is_stand_in {
        return None;
    }
    let is_database = DATABASES.iter().any(|it| {
        let rest = scheme.strip_prefix(it.as_bytes());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"+"))
    });
    Some((RULES[usize::from(!is_database)], from + password.start()..from + password.end()))
}

/// Returns the scheme that `before` ends with; empty if there is none.
fn scheme_before(before: &[u8]) -> &[u8] {
    let is_of_scheme =
        |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'+';
    let length = before.iter().rev().take_while(|byte| is_of_scheme(byte)).count();
    &before[before.len() - length..]
}
