//! Parts that only a remote has, brought when they are read.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::bringing::{Brought, Origin};
use super::noting::{Moved, note_exchange};
use super::remote::Remote;
use super::remotes::choose;
use crate::config::SyncSettings;
use crate::error::{Error, Result};
use crate::git::{Git, GitEnvironment, HostRepository, ObjectId};
use crate::name::EntryName;
use crate::progress::Silent;
use crate::store::{FromRemotes, Lacking, LazyParts, Store};

/// How long a remote that could not be reached is not asked again: whoever reads a thousand parts
/// offline waits once.
const PATIENCE: Duration = Duration::from_secs(30);

/// Returns where a store brings parts from that only a remote has: the remotes of `settings`, and
/// those of the host repository around `base`, the folder of the workspace, through the git that
/// `environment` knows.
///
/// With `GIT_NO_LAZY_FETCH` in the environment, as git itself heeds it, nothing is brought.
pub fn lazy_parts(base: PathBuf, settings: SyncSettings, environment: GitEnvironment) -> LazyParts {
    let is_off = environment.value("GIT_NO_LAZY_FETCH").is_some_and(|value| {
        !["", "0", "false", "no", "off"].iter().any(|no| value.eq_ignore_ascii_case(no))
    });
    let git = Git::new(environment);
    LazyParts::new(Remotes { base, settings, git, is_off, state: Mutex::default() })
}

struct Remotes {
    base: PathBuf,
    settings: SyncSettings,
    git: Git,
    is_off: bool,
    /// One is spoken to at a time, so that two readers of one part bring it once.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: HashMap<String, Remote>,
    /// Which could not be reached, when and why.
    unreachable: HashMap<String, (Instant, String)>,
}

impl FromRemotes for Remotes {
    fn bring(
        &self,
        store: &Store,
        remote: &str,
        entries: &[(EntryName, ObjectId)],
        lacking: &Lacking,
    ) -> Result<()> {
        let failed = |reason: String| Error::NotBrought { remote: remote.to_owned(), reason };
        if self.is_off {
            return Err(failed("`GIT_NO_LAZY_FETCH` is set".into()));
        }
        let mut state = self.state.lock().expect("speaking with a remote does not panic");
        if let Some((when, reason)) = state.unreachable.get(remote)
            && when.elapsed() < PATIENCE
        {
            return Err(failed(reason.clone()));
        }
        // Another reader may have brought it meanwhile.
        store.notice_packs()?;
        let mut lacking = lacking.clone();
        for objects in [&mut lacking.trees, &mut lacking.manifests, &mut lacking.parts] {
            objects.retain(|object| !store.has(&object.id));
        }
        if lacking.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        let spoken = self.speak(&mut state, store, remote);
        let brought = spoken.as_ref().map_err(words_of).and_then(|spoken| {
            let origin = Origin { remote: spoken, progress: &Silent };
            let brought = origin.bring(store, entries, &lacking);
            let moved = brought.as_ref().map(|brought| Moved {
                entries: entries.len(),
                first: entries.first().map(|(name, _)| name),
                bytes: Some(brought.bytes),
            });
            note_exchange(store, "fetch", Some(spoken), started, moved);
            brought.map_err(|error| words_of(&error))
        });
        if let Err(error) = &spoken {
            note_exchange(store, "fetch", None, started, Err(error));
        }
        match brought {
            Ok(Brought { damage: Some(damage), .. }) => Err(failed(damage)),
            Ok(_) => Ok(()),
            Err(reason) => {
                state.unreachable.insert(remote.to_owned(), (Instant::now(), reason.clone()));
                Err(failed(reason))
            }
        }
    }
}

impl Remotes {
    fn speak(&self, state: &mut State, store: &Store, remote: &str) -> Result<Remote> {
        if let Some(known) = state.known.get(remote) {
            return Ok(known.clone());
        }
        let is_there = self.git.version();
        let host = HostRepository::discover(&self.base, &self.git).ok();
        let chosen = choose(Some(remote), &self.settings, host.as_ref(), &self.git, &self.base)
            .or_else(|error| match store.promisor_address(remote) {
                // One that was given as an address has no name in the settings.
                Some(address) => {
                    choose(Some(&address), &self.settings, host.as_ref(), &self.git, &self.base)
                }
                None => Err(error),
            });
        let chosen = match chosen {
            Ok(chosen) if chosen.is_static => chosen,
            chosen => is_there.and(chosen)?,
        };
        let spoken = Remote::open(&chosen.address, &self.git, store)?;
        state.known.insert(remote.to_owned(), spoken.clone());
        Ok(spoken)
    }
}

/// Returns the words of git alone, as the rest is said around them.
fn words_of(error: &Error) -> String {
    match error {
        Error::GitFailed { stderr, .. } if !stderr.is_empty() => {
            let line = stderr.lines().find(|line| line.starts_with("fatal: "));
            line.map_or(stderr.as_str(), |line| &line["fatal: ".len()..]).to_owned()
        }
        other => other.to_string(),
    }
}
