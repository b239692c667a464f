//! Settings that whoever started this process gave git by the environment: the variables
//! themselves are scrubbed, but how a remote is reached is the user's to say, as with
//! `git -c http.proxy=… push` that runs a hook, or in a build with `GIT_CONFIG_COUNT`.

use std::ffi::OsString;

use super::host_remote::is_of_the_way;

/// Returns those of the settings in `variables` that are about the way to a remote, weakest first.
///
/// What cannot be read is left out: it would have stopped a git that was started with it.
pub(super) fn given_settings(variables: &[(OsString, OsString)]) -> Vec<(String, String)> {
    let value = |name: &str| {
        let found = variables.iter().rev().find(|(found, _)| found == name);
        found.and_then(|(_, value)| value.to_str())
    };
    let mut settings = Vec::new();
    let count = value("GIT_CONFIG_COUNT").and_then(|count| count.parse().ok()).unwrap_or(0);
    // A count that lies ends with the first that is not there.
    settings.extend((0..count).map_while(|number: u32| {
        let key = value(&format!("GIT_CONFIG_KEY_{number}"))?;
        let value = value(&format!("GIT_CONFIG_VALUE_{number}"))?;
        Some((key.to_owned(), value.to_owned()))
    }));
    settings.extend(value("GIT_CONFIG_PARAMETERS").map(parameters).unwrap_or_default());
    settings.retain(|(name, _)| is_of_the_way(&name.to_ascii_lowercase()));
    settings
}

/// Reads what git makes of `-c`: `'name'='value'`, before 2.31 `'name=value'`, with blanks between;
/// up to what is neither.
fn parameters(mut text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while let Some((word, rest)) = unquoted(text.trim_start()) {
        text = rest;
        let (name, value) = match rest.strip_prefix('=') {
            Some(after) => {
                let value = unquoted(after);
                text = value.as_ref().map_or(after, |(_, rest)| *rest);
                (word, value.map_or_else(|| "true".to_owned(), |(value, _)| value))
            }
            None => match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), value.to_owned()),
                None => (word, "true".to_owned()),
            },
        };
        found.push((name, value));
    }
    found
}

/// Reads a word in single quotes, as git quotes for a shell; returns what follows it, too.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('\'')?;
    let mut word = String::new();
    loop {
        let (piece, after) = rest.split_once('\'')?;
        word.push_str(piece);
        // A quote or an exclamation mark stands between two quoted pieces, behind a backslash.
        let escaped = after.strip_prefix('\\').and_then(|after| {
            let next = after.chars().next().filter(|c| matches!(c, '\'' | '!'))?;
            Some((next, after[1..].strip_prefix('\'')?))
        });
        let Some((next, after)) = escaped else { return Some((word, after)) };
        word.push(next);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Vec<(String, String)> {
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        given_settings(&variables)
    }

    #[test]
    fn only_what_is_about_the_way_is_taken_over() {
        let counted = [
            ("GIT_CONFIG_COUNT", "4"),
            ("GIT_CONFIG_KEY_0", "http.ExtraHeader"),
            ("GIT_CONFIG_VALUE_0", "Authorization: Basic eA=="),
            ("GIT_CONFIG_KEY_1", "core.bare"),
            ("GIT_CONFIG_VALUE_1", "false"),
            ("GIT_CONFIG_KEY_2", "core.sshCommand"),
            ("GIT_CONFIG_VALUE_2", "ssh -p 22"),
        ];
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let expected = pairs(&[
            ("http.ExtraHeader", "Authorization: Basic eA=="),
            ("core.sshCommand", "ssh -p 22"),
        ]);
        assert_eq!(of(&counted), expected);
        for (text, expected, why) in [
            ("'http.proxy'='http://a b'", &[("http.proxy", "http://a b")][..], "as it is today"),
            ("'http.proxy=http://a'", &[("http.proxy", "http://a")], "before 2.31"),
            ("'http.x'=", &[("http.x", "true")], "a name alone"),
            ("'http.x' 'http.y'='1'", &[("http.x", "true"), ("http.y", "1")], "two of them"),
            (r"'url.it'\''s'\!''='b'", &[("url.it's!", "b")], "quotes"),
            ("'core.worktree'='/x' 'http.y'='1'", &[("http.y", "1")], "not about the way"),
            ("'http.x", &[], "cut off"),
            ("http.x=1", &[], "not quoted"),
        ] {
            assert_eq!(of(&[("GIT_CONFIG_PARAMETERS", text)]), pairs(expected), "{why}");
        }
    }
}
