//! What git and hosts say when they refuse or cannot be reached, told apart.
//!
//! Nobody promises these words: what is not known here is quoted as it came.

use super::process::without_password;
use super::progress_lines::is_progress;
use crate::error::Error;

/// Why a host took nothing of a push, as far as its words tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It takes fewer refs in one push; so many, if it says.
    TooManyRefs(Option<usize>),
    /// An object, a pack or the whole repository would be too large.
    TooLarge,
    /// A smaller push would not be taken either.
    Denied,
    /// It does not say.
    Unclear,
}

const UNREACHABLE: [&str; 15] = [
    "could not resolve",
    "failed to connect",
    "couldn't connect",
    "connection refused",
    "connection timed out",
    "operation timed out",
    "timeout was reached",
    "network is unreachable",
    "no route to host",
    "unable to connect",
    "unable to look up",
    "name or service not known",
    "temporary failure in name resolution",
    "could not resolve proxy",
    "ssl certificate problem",
];
const LOCKED_OUT: [&str; 13] = [
    "authentication failed",
    "permission denied (",
    "could not read username",
    "could not read password",
    "terminal prompts disabled",
    "returned error: 401",
    "returned error: 403",
    "host key verification failed",
    "access denied",
    "not allowed to push",
    "invalid username or",
    "write access to repository not granted",
    "service not enabled",
];
const NO_REPOSITORY: [&str; 6] = [
    "repository not found",
    "does not appear to be a git repository",
    "returned error: 404",
    "repository not exported",
    "project you were looking for could not be found",
    "' not found",
];
const FULL: [&str; 5] = [
    "no space left on device",
    "quota exceeded",
    "insufficient disk",
    "insufficient storage",
    "returned error: 507",
];
const BROKE_OFF: [&str; 8] = [
    "hung up",
    "early eof",
    "rpc failed",
    "connection reset",
    "broken pipe",
    "unexpected disconnect",
    "connection closed",
    "returned error: 5",
];
const TOO_LARGE: [&str; 9] = [
    "exceed",
    "too large",
    "too big",
    "larger than",
    "http 413",
    "error: 413",
    "file size",
    "maximum allowed size",
    "over the limit of",
];
const DENIED: [&str; 9] = [
    "hidden ref",
    "not allowed",
    "read-only",
    "read only",
    "permission",
    "protected",
    "prohibited",
    "archived",
    "denied",
];

fn has(words: &str, known: &[&str]) -> bool {
    known.iter().any(|known| words.contains(known))
}

/// Returns what the failure of a git that spoke with `remote` means; `words` is its stderr.
pub(super) fn failure(remote: &str, command: String, exit_code: Option<i32>, words: &str) -> Error {
    let words = without_password(words.trim_end());
    let remote = without_password(remote);
    let lower = words.to_lowercase();
    let reason = telling(&words);
    if has(&lower, &FULL) {
        Error::RemoteFull { remote, reason, words }
    } else if has(&lower, &UNREACHABLE) {
        Error::RemoteUnreachable { remote, reason, words }
    } else if lower.contains("repository not exported") {
        Error::RemoteMissing { remote, reason, words }
    } else if has(&lower, &LOCKED_OUT) {
        Error::RemoteLockedOut { remote, reason, words }
    } else if has(&lower, &NO_REPOSITORY) {
        Error::RemoteMissing { remote, reason, words }
    } else if has(&lower, &BROKE_OFF) {
        Error::RemoteBroke { remote, reason, words }
    } else {
        Error::GitFailed { command, exit_code, stderr: words }
    }
}

/// Returns why a host refused, by its words.
pub(crate) fn refusal(words: &str) -> Refusal {
    let lower = words.to_lowercase();
    let of_refs = ["branches", "tags", "refs", "references", "ref updates", "commands"];
    let of_number = ["more than", "at most", "too many", "maximum of", "limit of", "limited to"];
    for line in lower.lines() {
        let Some(bound) = of_number
            .iter()
            .find_map(|bound| line.split_once(bound).map(|(_, rest)| (*bound, rest)))
        else {
            continue;
        };
        if has(line, &of_refs) {
            let digits: String =
                bound.1.trim_start().chars().take_while(char::is_ascii_digit).collect();
            // What is too many is no bound.
            let number = digits.parse().ok().filter(|n| *n > 0 && bound.0 != "too many");
            return Refusal::TooManyRefs(number);
        }
    }
    if has(&lower, &FULL) || has(&lower, &TOO_LARGE) {
        Refusal::TooLarge
    } else if has(&lower, &DENIED) {
        Refusal::Denied
    } else {
        Refusal::Unclear
    }
}

/// Returns what a person must hear of the words of git and a host, in one line: the host's own
/// first, as git's only say that it failed.
pub(crate) fn telling(words: &str) -> String {
    const MOST: usize = 400;
    let lines = || words.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty());
    let of_host: Vec<&str> = lines()
        .filter_map(|line| line.strip_prefix("remote:"))
        .map(str::trim)
        .filter(|line| !line.is_empty() && !is_progress(line))
        .collect();
    let mut told = if of_host.is_empty() {
        let empty = ["failed to push some refs", "please make sure", "and the repository exists"];
        let telling = |line: &&str| !is_progress(line) && !has(&line.to_lowercase(), &empty);
        let own: Vec<&str> = lines().filter(telling).collect();
        let cause = "could not read from remote repository";
        let before = own.iter().position(|line| line.to_lowercase().contains(cause));
        match before {
            Some(at) if at > 0 => own[..at].to_vec(),
            _ => own,
        }
    } else {
        of_host
    };
    told.dedup();
    let told: Vec<&str> = told.iter().map(|line| without_rank(line)).collect();
    let mut text = told.join("; ");
    if text.len() > MOST {
        let cut = (0..=MOST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(cut);
        text.push('…');
    }
    text
}

fn without_rank(line: &str) -> &str {
    let line =
        line.strip_prefix("fatal: ").or_else(|| line.strip_prefix("error: ")).unwrap_or(line);
    line.trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hosts_refuse_for_is_known_by_their_words() {
        use Refusal::{Denied, TooLarge, TooManyRefs, Unclear};
        for (words, why) in [
            ("- Pushes can not update more than 5 branches or tags.", TooManyRefs(Some(5))),
            ("a push may update at most 20 refs, not 23", TooManyRefs(Some(20))),
            ("error: too many refs: 30", TooManyRefs(None)),
            ("File x is 120.00 MB; this exceeds GitHub's file size limit of 100.00 MB", TooLarge),
            ("fatal: pack exceeds maximum allowed size", TooLarge),
            ("error: RPC failed; HTTP 413 curl 22 The requested URL returned error: 413", TooLarge),
            ("which exceed the 100.0MiB limit", TooLarge),
            ("error: file write error: No space left on device", TooLarge),
            ("deny updating a hidden ref: denied", Denied),
            ("You are not allowed to push code to this project.", Denied),
            ("pre-receive hook declined", Unclear),
        ] {
            assert_eq!(refusal(words), why, "{words}");
        }
    }

    #[test]
    fn failures_have_a_code_and_the_telling_line_without_passwords() {
        for (words, code, told) in [
            (
                "fatal: unable to access 'https://a:b@h/x/': Could not resolve host: h",
                "remote_unreachable",
                "unable to access 'https://***@h/x/': Could not resolve host: h",
            ),
            (
                "ssh: connect to host h port 22: Connection refused\nfatal: Could not read from \
                 remote repository.\n\nPlease make sure you have the correct access rights\nand \
                 the repository exists.",
                "remote_unreachable",
                "ssh: connect to host h port 22: Connection refused",
            ),
            (
                "git@h: Permission denied (publickey).\nfatal: Could not read from remote \
                 repository.",
                "remote_locked_out",
                "git@h: Permission denied (publickey).",
            ),
            (
                "remote: Repository not found.\nfatal: repository 'https://h/x/' not found",
                "remote_missing",
                "Repository not found.",
            ),
            (
                "fatal: remote error: access denied or repository not exported: /x",
                "remote_missing",
                "remote error: access denied or repository not exported: /x",
            ),
            (
                "fatal: '/x' does not appear to be a git repository\nfatal: Could not read from \
                 remote repository.",
                "remote_missing",
                "'/x' does not appear to be a git repository",
            ),
            (
                "Writing objects: 10% (1/10)\rerror: RPC failed; curl 56 Recv failure: Connection \
                 reset by peer\nsend-pack: unexpected disconnect while reading sideband packet",
                "remote_broke",
                "RPC failed; curl 56 Recv failure: Connection reset by peer; send-pack: unexpected \
                 disconnect while reading sideband packet",
            ),
            ("remote: fatal: No space left on device", "remote_full", "No space left on device"),
            ("fatal: something new", "git_failed", ""),
        ] {
            let error = failure("https://u:p@h/x", "git push".into(), Some(128), words);
            assert_eq!(error.code(), code, "{words}");
            assert!(error.to_string().contains(told), "{error}");
            assert!(!error.to_string().contains(":p@") && !error.to_string().contains("a:b"));
        }
    }
}
