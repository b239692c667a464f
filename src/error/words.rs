//! Pieces of messages that stand for several values.

/// Says that entries are pinned: the first by name, the others by their number.
pub(super) fn pinned(names: &[String]) -> String {
    match names {
        [name] => format!("`{name}` is"),
        [name, more @ ..] => format!("`{name}` and {} more are", more.len()),
        [] => "nothing is".into(),
    }
}

/// Says that the trash has nothing to give back, or nothing of that time.
pub(super) fn nothing_removed(when: Option<&str>) -> String {
    match when {
        Some(when) => format!("nothing that was removed at `{when}` is in the trash"),
        None => "the trash is empty: there is nothing to bring back".into(),
    }
}

/// Lists names, each in backticks.
pub(super) fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Says how a process ended that failed.
pub(super) fn exit_text(exit_code: Option<i32>) -> String {
    exit_code.map_or_else(|| " by a signal".into(), |code| format!(" with exit code {code}"))
}

/// Returns how many likely secrets are in how many results.
pub(super) fn likely_secrets(secrets: usize, entries: usize) -> String {
    let are = if secrets == 1 {
        "1 likely secret is".into()
    } else {
        format!("{secrets} likely secrets are")
    };
    let results = if entries == 1 { "1 result".into() } else { format!("{entries} results") };
    format!("{are} in {results}")
}
