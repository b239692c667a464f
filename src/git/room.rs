//! A room of its own for what git fetches or pushes: a repository that sees the objects of the
//! store and none of its tags, as git looks at every one of them, for each ref that is pushed.

use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};

use gix::ObjectId;

use super::fetching::FetchPlace;
use super::process::GitCommand;
use crate::config::ObjectFormat;
use crate::disk;
use crate::error::{Error, Result};

/// What the folders of rooms are called, before a random name, among recell's own files.
const ROOM_PREFIX: &str = "fetch-";

impl GitCommand {
    /// Runs in a room, where git sees the objects of the store.
    pub(super) fn in_room(self, room: &Room) -> GitCommand {
        self.on_repository(&room.folder)
            .variable("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted(&room.objects))
    }
}

/// Returns a folder as it stands in a list of folders.
fn quoted(folder: &Path) -> String {
    let text = folder.to_string_lossy();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A repository for one fetch or push; it goes when that is over.
pub(super) struct Room {
    pub(super) folder: PathBuf,
    /// Where the store has its objects.
    objects: PathBuf,
    /// Locked, so that others know that it is used.
    _lock: File,
}

impl Room {
    /// Makes a room beside `place`, whose objects are seen in it, and of its refs only `haves`.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub(super) fn make(place: &FetchPlace, haves: &[ObjectId]) -> Result<Room> {
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
        let objects = place.git_dir.join("objects");
        let room = Room { folder, objects, _lock: file };
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

    /// Has git heed the settings of the store in the room, too: which remotes have what is not here.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub(super) fn heed(&self, settings: &Path) -> Result<()> {
        let path = settings.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
        let lines = format!("[include]\n\tpath = \"{path}\"\n");
        disk::append_to(&self.folder.join("config"), lines.as_bytes()).map(drop)
    }

    /// Moves the packs into the store, indices last; returns their bytes.
    pub(super) fn move_out(self, place: &FetchPlace) -> Result<u64> {
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
