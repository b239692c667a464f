//! What exchanges with remotes leave in the log of events.

use std::time::Instant;

use super::remote::Remote;
use crate::error::Error;
use crate::events::{Event, EventKind, micros_since};
use crate::name::EntryName;
use crate::store::Store;

/// What an exchange moved.
#[derive(Clone, Copy)]
pub(super) struct Moved<'a> {
    /// How many entries, and one of them.
    pub(super) entries: usize,
    pub(super) first: Option<&'a EntryName>,
    /// How many bytes, if anybody counted.
    pub(super) bytes: Option<u64>,
}

/// Notes an exchange that began at `started`, and why it failed if it did.
pub(super) fn note_exchange(
    store: &Store,
    action: &'static str,
    remote: Option<&Remote>,
    started: Instant,
    outcome: Result<Moved<'_>, &Error>,
) {
    let Some(log) = store.events() else { return };
    let mut event = Event {
        action: Some(action.into()),
        remote: remote.map(|remote| without_user(&remote.shown())),
        micros: Some(micros_since(started)),
        ..Event::new(EventKind::Sync)
    };
    match outcome {
        Ok(Moved { entries, first, bytes }) => {
            event.count = Some(entries as u64);
            event.bytes = bytes;
            event.name = first.filter(|_| entries == 1).map(ToString::to_string);
        }
        Err(error) => event.reason = Some(error.code().into()),
    }
    log.note(event);
}

/// Returns an address without who asks, and without what stands behind a `?`.
fn without_user(address: &str) -> String {
    let address = address.split(['?', '#']).next().unwrap_or(address);
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, address),
    };
    let end = rest.find(['/', ':']).unwrap_or(rest.len());
    // Of `user:password@host/path` the first colon ends the user, not the host.
    let end = if scheme.is_some() { rest.find('/').unwrap_or(rest.len()) } else { end };
    let host = rest[..end].rfind('@').map_or(0, |at| at + 1);
    let rest = &rest[host..];
    scheme.map_or_else(|| rest.to_owned(), |scheme| format!("{scheme}://{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_logged_without_who_asks() {
        for (address, expected, why) in [
            ("https://me:secret@host.org/a@b.git", "https://host.org/a@b.git", "with a password"),
            ("https://host.org/x?sig=secret", "https://host.org/x", "signed"),
            ("git@host.org:team/cache.git", "host.org:team/cache.git", "as scp writes it"),
            ("ssh://git@host.org:22/x", "ssh://host.org:22/x", "a port stays"),
            ("/srv/git@home/x.git", "/srv/git@home/x.git", "a folder"),
            ("../cache.git", "../cache.git", "a folder beside"),
            ("https://***@host.org/x", "https://host.org/x", "as people are shown it"),
        ] {
            assert_eq!(without_user(address), expected, "{why}");
        }
    }
}
