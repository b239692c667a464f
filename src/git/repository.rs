//! The store's own repository: made, opened, refused by name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::config::ObjectFormat;
use crate::disk;
use crate::error::{Error, Result};

/// The newest format of a store that this release reads, and the one it writes.
const STORE_FORMAT: u32 = 1;

/// A bare repository that recell owns.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    pub(crate) git_dir: PathBuf,
    pub(crate) format: ObjectFormat,
    /// The random name of this store among the writers of a ledger.
    pub(crate) writer: String,
    /// Whether it is a partial clone of a remote: objects may be there alone.
    pub(crate) is_partial: bool,
}

/// The settings that every store has, and why: nobody but recell maintains it (format.md,
/// section 6).
const PINNED: [(&str, &str, &str); 11] = [
    ("core", "bare", "true"),
    ("core", "hooksPath", "/dev/null"),
    ("core", "logAllRefUpdates", "false"),
    ("core", "compression", "0"),
    ("gc", "auto", "0"),
    ("gc", "autoDetach", "false"),
    ("gc", "pruneExpire", "never"),
    ("gc", "packRefs", "true"),
    ("maintenance", "auto", "false"),
    ("receive", "autoGC", "false"),
    ("advice", "detachedHead", "false"),
];

/// The folders of a new store.
const FOLDERS: [&str; 5] =
    ["objects/pack", "objects/info", "refs/heads", "refs/tags", "recell/journal"];

impl Repository {
    /// Makes a store's repository in `git_dir`, which must not be there or be empty. A repository
    /// whose making was interrupted is made anew.
    ///
    /// `writer` is the store's random name, 16 hex digits.
    ///
    /// # Errors
    /// [`Error::StoreExists`] if something is there, [`Error::Disk`] if it cannot be written.
    pub(crate) fn create(git_dir: &Path, format: ObjectFormat, writer: &str) -> Result<Repository> {
        if !is_unfinished(git_dir)? {
            return Err(Error::StoreExists { path: git_dir.to_owned() });
        }
        for folder in FOLDERS {
            disk::create_folders(&git_dir.join(folder))?;
        }
        // Names of folders too must survive a power cut.
        for folder in git_dir.ancestors().take(3).chain([&*git_dir.join("recell")]) {
            disk::sync_folder(folder);
        }
        disk::replace(&git_dir.join("config"), config_text(format, writer).as_bytes())?;
        // HEAD comes last: git and recell take a folder for a repository only with it.
        disk::replace(&git_dir.join("HEAD"), b"ref: refs/heads/main\n")?;
        Ok(Repository {
            git_dir: git_dir.to_owned(),
            format,
            writer: writer.to_owned(),
            is_partial: false,
        })
    }

    /// Opens a store's repository.
    ///
    /// # Errors
    /// [`Error::NotAStore`] if there is no repository that recell made, and
    /// [`Error::UnsupportedStore`] if it has a format that this release cannot read, by name.
    pub(crate) fn open(git_dir: &Path) -> Result<Repository> {
        let not_a_store =
            |reason: &str| Error::NotAStore { path: git_dir.to_owned(), reason: reason.to_owned() };
        if !disk::is_there(&git_dir.join("HEAD")) {
            return Err(not_a_store("it has no `HEAD`, so it is no git repository"));
        }
        let text = disk::read_if_there(&git_dir.join("config"))?
            .ok_or_else(|| not_a_store("it has no `config`"))?;
        let config = gix::config::File::from_bytes_no_includes(
            &text,
            gix::config::file::Metadata::from(gix::config::Source::Local),
            gix::config::file::init::Options::default(),
        )
        .map_err(|error| not_a_store(&format!("its `config` cannot be read: {error}")))?;
        let value = |key: &str| config.string(key).map(|value| value.to_string());
        let unsupported = |what: &'static str, found: String| Error::UnsupportedStore {
            path: git_dir.to_owned(),
            what,
            found,
        };
        let version = value("core.repositoryformatversion").unwrap_or_else(|| "0".into());
        if version != "0" && version != "1" {
            return Err(unsupported("repository format version", version));
        }
        if let Some(storage) = value("extensions.refStorage").filter(|name| name != "files") {
            return Err(unsupported("reference format", storage));
        }
        let format = match value("extensions.objectFormat").as_deref() {
            None | Some("sha1") => ObjectFormat::Sha1,
            Some("sha256") => ObjectFormat::Sha256,
            Some(other) => return Err(unsupported("object format", other.to_owned())),
        };
        if version == "1" {
            refuse_unknown_extensions(&config, &unsupported)?;
        }
        match value("recell.format") {
            None => return Err(not_a_store("it is a git repository, but not one of recell's")),
            Some(found) if found.parse() == Ok(STORE_FORMAT) => {}
            Some(found) => return Err(unsupported("store format", found)),
        }
        let writer = value("recell.writer").ok_or_else(|| not_a_store("its writer has no name"))?;
        let mut remotes = config.sections_by_name("remote").into_iter().flatten();
        let is_partial = remotes.any(|remote| remote.value("promisor").is_some());
        Ok(Repository { git_dir: git_dir.to_owned(), format, writer, is_partial })
    }

    /// Returns the lines of the settings file that every store has and this one lacks; empty if
    /// all are there. Other lines are its owner's business.
    ///
    /// # Errors
    /// [`Error::Disk`] if it cannot be read.
    pub(crate) fn lost_settings(&self) -> Result<Vec<String>> {
        let bytes = disk::read(&self.git_dir.join("config"))?;
        let text = String::from_utf8_lossy(&bytes);
        let there: BTreeSet<&str> = text.lines().map(str::trim).collect();
        let pinned = config_text(self.format, &self.writer);
        let lost = pinned.lines().map(str::trim).filter(|line| !there.contains(line));
        Ok(lost.map(str::to_owned).collect())
    }

    /// Adds the lines that every store has and this one lacks to its settings; `writer` is the name
    /// of a store that has none any more.
    ///
    /// # Errors
    /// [`Error::Disk`] if they cannot be written.
    pub(crate) fn write_settings(&self, writer: &str) -> Result<()> {
        let path = self.git_dir.join("config");
        let mut text = disk::read(&path)?;
        let is_name =
            |name: &str| name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let writer = if is_name(&self.writer) { &self.writer } else { writer };
        // The last of two lines is the one that counts.
        text.extend_from_slice(b"\n");
        text.extend_from_slice(config_text(self.format, writer).as_bytes());
        disk::replace(&path, &text)
    }

    /// Notes in the settings that a remote has objects that are not here, so that plain git asks it
    /// for them and takes none of them for lost. `address` is one without a password.
    ///
    /// # Errors
    /// [`Error::Disk`] if the settings cannot be written.
    pub(crate) fn note_promisor(&self, remote: &str, address: &str) -> Result<()> {
        let path = self.git_dir.join("config");
        if self.promisor_address(remote).as_deref() == Some(address) {
            return Ok(());
        }
        let mut text = disk::read(&path)?;
        let quoted = address.replace('\\', "\\\\").replace('"', "\\\"");
        // The last of two values is the one that counts.
        text.extend_from_slice(
            format!(
                "[remote \"{remote}\"]\n\turl = \"{quoted}\"\n\tpromisor = true\n\t\
                 partialclonefilter = blob:none\n"
            )
            .as_bytes(),
        );
        disk::replace(&path, &text)
    }

    /// Returns the address of a remote that was noted to have objects which are not here; `None` if
    /// none of that name was.
    pub(crate) fn promisor_address(&self, remote: &str) -> Option<String> {
        let text = disk::read(&self.git_dir.join("config")).ok()?;
        let config = gix::config::File::from_bytes_no_includes(
            &text,
            gix::config::file::Metadata::from(gix::config::Source::Local),
            gix::config::file::init::Options::default(),
        );
        let address = config.ok()?.string(&format!("remote.{remote}.url"))?;
        Some(address.to_string())
    }

    /// Returns the folder of recell's own files inside the repository.
    pub(crate) fn own_folder(&self) -> PathBuf {
        self.git_dir.join("recell")
    }

    /// Returns the folder of what is damaged and was set aside.
    pub(crate) fn damaged_folder(&self) -> PathBuf {
        self.git_dir.join("recell").join("damaged")
    }

    /// Returns the folder of the journals.
    pub(crate) fn journal_folder(&self) -> PathBuf {
        self.git_dir.join("recell").join("journal")
    }

    /// Returns the objects folder.
    pub(crate) fn objects_folder(&self) -> PathBuf {
        self.git_dir.join("objects")
    }
}

/// Whether a folder holds nothing but what [`Repository::create`] makes before `HEAD`.
fn is_unfinished(git_dir: &Path) -> Result<bool> {
    let entries = disk::list(git_dir)?;
    let is_ours = |entry: &disk::FolderEntry| {
        entry.name == "config" || disk::is_temporary(&entry.name) || is_top_folder(&entry.name)
    };
    if !entries.iter().all(is_ours) {
        return Ok(false);
    }
    let temporary = entries.iter().filter(|entry| disk::is_temporary(&entry.name));
    temporary.map(|entry| disk::remove(&entry.path)).collect::<Result<Vec<_>>>()?;
    Ok(true)
}

fn is_top_folder(name: &str) -> bool {
    FOLDERS.iter().any(|folder| folder.split('/').next() == Some(name))
}

fn config_text(format: ObjectFormat, writer: &str) -> String {
    use std::fmt::Write;
    let version = u32::from(format != ObjectFormat::Sha1);
    let mut text = format!("[core]\n\trepositoryformatversion = {version}\n");
    let mut section = "core";
    for (name, key, value) in PINNED {
        if name != section {
            writeln!(text, "[{name}]").expect("writing to a string cannot fail");
            section = name;
        }
        writeln!(text, "\t{key} = {value}").expect("writing to a string cannot fail");
    }
    if format != ObjectFormat::Sha1 {
        write!(text, "[extensions]\n\tobjectFormat = {}\n", format.as_str())
            .expect("writing to a string cannot fail");
    }
    write!(text, "[recell]\n\tformat = {STORE_FORMAT}\n\twriter = {writer}\n")
        .expect("writing to a string cannot fail");
    text
}

fn refuse_unknown_extensions(
    config: &gix::config::File,
    unsupported: &dyn Fn(&'static str, String) -> Error,
) -> Result<()> {
    const KNOWN: [&str; 6] =
        ["objectformat", "refstorage", "noop", "partialclone", "preciousobjects", "worktreeconfig"];
    for section in config.sections_by_name("extensions").into_iter().flatten() {
        for name in section.value_names() {
            let name: &str = name.as_ref();
            if !KNOWN.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(unsupported("repository extension", name.to_owned()));
            }
        }
    }
    Ok(())
}
