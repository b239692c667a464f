//! Bringing objects from a remote, in a room of their own: a repository without tags, so that git
//! does not look at every one of ours, into which nothing comes that is not whole. What came is
//! moved into the store, indices last.

use std::path::PathBuf;

use gix::ObjectId;

use super::process::GitCommand;
use super::progress_lines::Watch;
use super::remote::GitRemote;
use super::room::Room;
use crate::config::ObjectFormat;
use crate::error::Result;
use crate::progress::Progress;

/// What the remote is called inside.
const REMOTE: &str = "recell";

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wants<'a> {
    /// What refs of the remote stand for, with all below but what is known.
    Refs {
        /// Their full names.
        names: &'a [String],
        /// Commits of ours, all that they reach need not come.
        haves: &'a [ObjectId],
    },
    /// Objects by their ids, whatever else is here.
    Objects(&'a [ObjectId]),
}

/// What a remote did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// All came.
    Brought {
        /// The bytes of the packs, as they stand in the store.
        bytes: u64,
    },
    /// It has not this object, and so sent nothing.
    NotThere(ObjectId),
    /// It hands out nothing by id, and so sent nothing.
    NotAllowed,
}

/// Into which store objects are brought.
#[derive(Debug, Clone)]
pub(crate) struct FetchPlace {
    /// The repository of the store.
    pub(crate) git_dir: PathBuf,
    pub(crate) format: ObjectFormat,
    /// A random name that nobody else uses.
    pub(crate) name: String,
}

impl GitRemote {
    /// Brings objects into a store; no ref changes. With `filter`, of trees and commits without
    /// what git's filter leaves out, if the remote understands it.
    ///
    /// # Errors
    /// [`crate::Error::GitFailed`] if the remote cannot be reached, refuses or breaks off; then nothing
    /// came. [`crate::Error::GitNotFound`], [`crate::Error::Disk`].
    pub(crate) fn bring(
        &self,
        place: &FetchPlace,
        wants: Wants<'_>,
        filter: Option<&str>,
        progress: &dyn Progress,
    ) -> Result<Answer> {
        let (asked, haves): (Vec<String>, _) = match wants {
            Wants::Refs { names, haves } => (names.to_vec(), haves),
            Wants::Objects(ids) => (ids.iter().map(ToString::to_string).collect(), &[][..]),
        };
        if asked.is_empty() {
            return Ok(Answer::Brought { bytes: 0 });
        }
        let room = Room::make(place, haves)?;
        let command = self.fetch_command(&room, filter).args(&asked);
        let shown = format!("git fetch {}", self.shown());
        let output = command.outcome_watched(Some(Watch::new(progress)))?;
        if output.exit_code == Some(0) {
            return Ok(Answer::Brought { bytes: room.move_out(place)? });
        }
        if matches!(wants, Wants::Objects(_)) {
            if let Some(id) = not_there(&output.stderr) {
                return Ok(Answer::NotThere(id));
            }
            if output.stderr.contains("does not allow request for unadvertised object") {
                return Ok(Answer::NotAllowed);
            }
        }
        Err(output.failure(shown))
    }

    fn fetch_command(&self, room: &Room, filter: Option<&str>) -> GitCommand {
        let mut settings = vec![
            format!("remote.{REMOTE}.url={}", self.fetched_from()),
            // The tags of the store are no news to any remote.
            "core.alternateRefsCommand=:".to_owned(),
        ];
        if let Some(filter) = filter {
            settings.push(format!("remote.{REMOTE}.promisor=true"));
            settings.push(format!("remote.{REMOTE}.partialclonefilter={filter}"));
        }
        let mut command =
            self.command(settings.iter().flat_map(|setting| ["-c", setting.as_str()]));
        command = command.args(["fetch", "--progress", "--no-tags", "--refmap="]);
        if let Some(filter) = filter {
            command = command.args([format!("--filter={filter}")]);
        }
        command.args([REMOTE]).in_room(room)
    }
}

/// Returns the object that a remote says it has not.
fn not_there(words: &str) -> Option<ObjectId> {
    let (_, rest) = words.split_once("not our ref ")?;
    let hex: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    ObjectId::from_hex(hex.as_bytes()).ok()
}
