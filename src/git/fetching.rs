//! Bringing objects from a remote, in a room of their own: a repository without tags, so that git
//! does not look at every one of ours, into which nothing comes that is not whole. What came is
//! moved into the store, indices last.

use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};

use gix::ObjectId;

use super::process::GitCommand;
use super::progress_lines::Watch;
use super::remote::GitRemote;
use crate::config::ObjectFormat;
use crate::disk;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// What the folders of rooms are called, before a random name, among recell's own files.
const ROOM_PREFIX: &str = "fetch-";

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
    /// [`Error::GitFailed`] if the remote cannot be reached, refuses or breaks off; then nothing
    /// came. [`Error::GitNotFound`], [`Error::Disk`].
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
        let command = self.fetch_command(&room, place, filter).args(&asked);
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

    fn fetch_command(&self, room: &Room, place: &FetchPlace, filter: Option<&str>) -> GitCommand {
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
        command
            .args([REMOTE])
            .on_repository(&room.folder)
            .variable("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted(&place.git_dir.join("objects")))
    }
}

/// Returns a folder as it stands in a list of folders.
fn quoted(folder: &Path) -> String {
    let text = folder.to_string_lossy();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Returns the object that a remote says it has not.
fn not_there(words: &str) -> Option<ObjectId> {
    let (_, rest) = words.split_once("not our ref ")?;
    let hex: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    ObjectId::from_hex(hex.as_bytes()).ok()
}

/// A repository for one fetch; it goes when the fetch is over.
struct Room {
    folder: PathBuf,
    /// Locked, so that others know that it is used.
    _lock: File,
}

impl Room {
    fn make(place: &FetchPlace, haves: &[ObjectId]) -> Result<Room> {
        let own = place.git_dir.join("recell");
        remove_abandoned(&own)?;
        let folder = own.join(format!("{ROOM_PREFIX}{}-{}", std::process::id(), place.name));
        for inside in ["refs", "objects/pack"] {
            disk::create_folders(&folder.join(inside))?;
        }
        // Under its name only once it is locked.
        let (new, lock) = (folder.join("lock.new"), folder.join("lock"));
        let file = disk::open_or_create(&new)?;
        file.try_lock().map_err(|error| Error::Disk {
            action: "lock",
            path: new.clone(),
            source: std::io::Error::other(error),
        })?;
        disk::rename(&new, &lock)?;
        let room = Room { folder, _lock: file };
        let sha256 = place.format == ObjectFormat::Sha256;
        let config = if sha256 {
            "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectFormat = sha256\n"
        } else {
            "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
        };
        let mut refs = String::from("# pack-refs with: peeled fully-peeled sorted \n");
        for (number, id) in haves.iter().enumerate() {
            writeln!(refs, "{id} refs/have/{number:08}").expect("writing to a string cannot fail");
        }
        disk::replace_unsynced(&room.folder.join("config"), config.as_bytes())?;
        disk::replace_unsynced(&room.folder.join("packed-refs"), refs.as_bytes())?;
        disk::replace_unsynced(&room.folder.join("HEAD"), b"ref: refs/heads/main\n")?;
        Ok(room)
    }

    /// Moves the packs into the store, indices last; returns their bytes.
    fn move_out(self, place: &FetchPlace) -> Result<u64> {
        let to = place.git_dir.join("objects").join("pack");
        let mut files = disk::list(&self.folder.join("objects").join("pack"))?;
        files.retain(|file| file.name.starts_with("pack-"));
        let is = |file: &disk::FolderEntry, end: &str| {
            file.path.extension().is_some_and(|extension| extension == end)
        };
        files.sort_by_key(|file| is(file, "idx"));
        let mut bytes = 0;
        for file in files {
            if is(&file, "pack") {
                bytes += disk::signature(&file.path)?.map_or(0, |signature| signature.size());
                // Whole or not, it came from a remote, and what it names may be there.
                let mark = to.join(&file.name).with_extension("promisor");
                disk::replace_unsynced(&mark, b"")?;
            }
            // recell looks at no reverse index, and git makes it anew where it wants one.
            if !is(&file, "rev") {
                disk::rename(&file.path, &to.join(&file.name))?;
            }
        }
        disk::sync_folder(&to);
        Ok(bytes)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next fetch.
        drop(disk::remove_all(&self.folder));
    }
}

/// Removes the rooms of fetches that died.
fn remove_abandoned(own: &Path) -> Result<()> {
    for entry in disk::list(own)? {
        if !entry.is_folder || !entry.name.starts_with(ROOM_PREFIX) {
            continue;
        }
        if let Some(lock) = disk::open_if_there(&entry.path.join("lock"))?
            && lock.try_lock().is_ok()
        {
            disk::remove_all(&entry.path)?;
        }
    }
    Ok(())
}
