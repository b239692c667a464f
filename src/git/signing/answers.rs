//! What the programs that check signatures say, read.

use super::verdict::{Signer, SigningMethod, Verdict};
use crate::git::process::GitOutput;

/// A program, and the package that has it.
pub(super) type Program = (String, &'static str);

/// Reads what `ssh-keygen -Y verify` says:
/// `Good "git" signature for alice@example.com with ED25519 key SHA256:…`.
pub(super) fn ssh_verdict(output: &GitOutput, program: &Program) -> Verdict {
    let method = SigningMethod::Ssh;
    if lacks_program(output) {
        return without_program(program);
    }
    let good =
        output.stderr.lines().chain(std::str::from_utf8(&output.stdout).unwrap_or("").lines());
    let good = good.filter_map(|line| line.strip_prefix("Good \"git\" signature")).next_back();
    let key = |text: &str| text.rsplit(' ').next().unwrap_or_default().to_owned();
    match (output.exit_code, good) {
        (Some(0), Some(rest)) => {
            let who = rest.strip_prefix(" for ").and_then(|rest| rest.rsplit_once(" with "));
            match who {
                Some((who, _)) => {
                    Verdict::Good(Signer { who: who.to_owned(), key: key(rest), method })
                }
                None => Verdict::UnknownKey { key: key(rest), method },
            }
        }
        (Some(_), Some(rest)) => Verdict::UnknownKey { key: key(rest), method },
        (Some(1), None) if output.stderr.contains("Signature verification failed") => {
            Verdict::Bad { reason: "it is not that of these bytes".into() }
        }
        _ => Verdict::Unchecked { reason: last_words(output) },
    }
}

/// Reads the status lines of `GnuPG` (its doc/DETAILS).
pub(super) fn gpg_verdict(output: &GitOutput, method: SigningMethod, program: &Program) -> Verdict {
    let status = |word: &str| {
        let lines = output.stderr.lines().filter_map(|line| line.strip_prefix("[GNUPG:] "));
        let mut found = lines.filter_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
        found.next().map(str::to_owned)
    };
    let key_id = |text: &str| text.split(' ').next().unwrap_or_default().to_owned();
    if lacks_program(output) && status("NEWSIG").is_none() {
        return without_program(program);
    }
    let bad = |reason: &str| Verdict::Bad { reason: reason.to_owned() };
    if status("BADSIG").is_some() {
        return bad("it is not that of these bytes");
    }
    if status("REVKEYSIG").is_some() {
        return bad("its key is revoked");
    }
    if status("EXPKEYSIG").is_some() || status("EXPSIG").is_some() {
        return bad("its key or itself is out of date");
    }
    if let Some(key) = status("NO_PUBKEY") {
        return Verdict::UnknownKey { key: key_id(&key), method };
    }
    let (good, valid) = (status("GOODSIG"), status("VALIDSIG"));
    match (output.exit_code, good, valid) {
        (Some(0), Some(good), Some(valid)) => {
            let who = good.split_once(' ').map_or(good.as_str(), |(_, who)| who).to_owned();
            // The last field is the primary key, as people know it.
            let key = valid.rsplit(' ').next().unwrap_or_default().to_owned();
            Verdict::Good(Signer { who, key, method })
        }
        (_, Some(_), Some(valid)) => Verdict::UnknownKey { key: key_id(&valid), method },
        _ => Verdict::Unchecked { reason: last_words(output) },
    }
}

fn without_program((program, package): &Program) -> Verdict {
    Verdict::Unchecked { reason: format!("there is no `{program}` (install {package})") }
}

/// Whether git says that it could not start the program that signs or checks.
pub(super) fn lacks_program(output: &GitOutput) -> bool {
    let mut lines = output.stderr.lines();
    lines.any(|line| {
        let starts = ["fatal: cannot exec", "error: cannot run", "error: cannot exec"];
        starts.iter().any(|start| line.starts_with(start)) && line.contains("No such file")
    })
}

/// Returns the lines in which git or its helper says what hindered it.
pub(super) fn last_words(output: &GitOutput) -> String {
    let lines = output.stderr.lines().map(str::trim);
    let telling = lines.filter(|line| !line.is_empty() && !line.starts_with("[GNUPG:]"));
    let words = telling.collect::<Vec<_>>().join("; ");
    let words = words.trim_start_matches("error: ").trim_start_matches("fatal: ");
    if words.is_empty() { "git does not say why".into() } else { words.to_owned() }
}
