//! What the commands about remotes share: which remote is meant, and which notebooks.

use serde_json::{Value, json};

use crate::cli::session::Session;
use crate::cli::ui::Ui;
use crate::cli::words::count;
use crate::clock::Timestamp;
use crate::config::Glob;
use crate::error::Result;
use crate::git::HostRepository;
use crate::name::EntryName;
use crate::store::Store;
use crate::sync::{self, ChosenRemote, Remote};

/// Returns the remote that `asked` names, or else the one of the settings.
///
/// # Errors
/// Those of [`sync::choose`].
pub(super) fn chosen_remote(session: &Session, asked: Option<&str>) -> Result<ChosenRemote> {
    let (workspace, git) = (session.workspace()?, session.git());
    let is_there = git.version();
    let host = HostRepository::discover(workspace.base(), &git).ok();
    let chosen =
        sync::choose(asked, &workspace.config().sync, host.as_ref(), &git, workspace.base());
    match chosen {
        Ok(chosen) if chosen.is_static => Ok(chosen),
        // Without git nothing is known of the repository's remotes, which is said first.
        chosen => is_there.and(chosen),
    }
}

/// Returns the remote as the store speaks with it.
///
/// # Errors
/// Those of [`Remote::open`].
pub(super) fn speak(session: &Session, chosen: &ChosenRemote, store: &Store) -> Result<Remote> {
    Remote::open(&chosen.address, &session.git(), store)
}

/// Whether a notebook is one of those that were named; none means all.
pub(super) fn is_named(notebooks: &[Glob], notebook: &str) -> bool {
    notebooks.is_empty() || notebooks.iter().any(|glob| glob.matches(notebook))
}

/// Returns the moment that was `age` before `now`.
pub(super) fn since(now: Timestamp, age: std::time::Duration) -> Timestamp {
    let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.micros().saturating_sub(age))
}

/// Says which parts the remote was asked for and did not hand out.
pub(super) fn tell_missing(ui: &Ui, remote: &str, missing: &[(EntryName, String)]) {
    /// As many are named; how many there are is said anyway.
    const NAMED: usize = 20;
    for (entry, part) in missing.iter().take(NAMED) {
        ui.warn(&format!("`{remote}` does not hand out `{entry}:{part}`"), None);
    }
    if missing.len() > NAMED {
        let more = count(missing.len() - NAMED, "part more", "parts more");
        ui.warn(&format!("`{remote}` does not hand out {more}"), None);
    }
}

/// Says which entries went to the trash, as somebody forgot them.
pub(super) fn tell_forgotten(ui: &Ui, forgotten: &[EntryName]) {
    for name in forgotten {
        ui.warn(&format!("`{name}` was forgotten by somebody, and went to the trash"), None);
    }
    if !forgotten.is_empty() {
        ui.say("`recell gc` removes the bytes of what was forgotten for good");
    }
}

/// Returns a part of an entry as JSON.
pub(super) fn part_json((entry, part): &(EntryName, String)) -> Value {
    json!({ "entry": entry.as_str(), "part": part })
}
