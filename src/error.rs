//! The one public error: what failed, on what, its stable code and what to do next.

use std::io;
use std::path::PathBuf;

use crate::entry::InvalidPartPath;
use crate::name::NotAKey;

/// A result whose failure is an [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure, with its subject in fields.
///
/// A lookup that finds nothing is not an error: see [`crate::Lookup`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be worked on.
    #[error("could not {action} `{}`", path.display())]
    Disk {
        /// What was tried, as a verb: `read`, `write`, `create`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// There is no store here or above.
    #[error("no store in `{}` or any folder above it", path.display())]
    NoStore {
        /// Where the search began.
        path: PathBuf,
    },
    /// The folder is not a repository that recell made.
    #[error("`{}` is not a recell store: {reason}", path.display())]
    NotAStore {
        /// The folder.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// A store is to be made where something is already.
    #[error("`{}` is there already and not empty", path.display())]
    StoreExists {
        /// The folder.
        path: PathBuf,
    },
    /// The store has a format that this release cannot read.
    #[error("the store `{}` has the {what} `{found}`, which this release cannot read", path.display())]
    UnsupportedStore {
        /// The store.
        path: PathBuf,
        /// Which kind of format: reference format, object format, store format, …
        what: &'static str,
        /// The format's name.
        found: String,
    },
    /// The store may be read but not written.
    #[error("the store `{}` may not be written here", path.display())]
    ReadOnly {
        /// The store.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// `packed-refs` is not what git writes.
    #[error("`{}` cannot be read: {reason}", path.display())]
    BrokenRefs {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A check found damage.
    #[error("the store is damaged: {problems} {} found", if *problems == 1 { "problem was" } else { "problems were" })]
    Unsound {
        /// How many things are not as they should be.
        problems: usize,
    },
    /// Another process keeps the lock of `packed-refs`.
    #[error("another process holds `{}`", path.display())]
    RefsLocked {
        /// The lock file.
        path: PathBuf,
    },
    /// Another process keeps recell's own lock.
    #[error("another recell keeps the lock `{}`", path.display())]
    FlushLocked {
        /// The lock file.
        path: PathBuf,
    },
    /// A key is not four texts.
    #[error("`{text}` is no key: {source}")]
    Key {
        /// What was given.
        text: String,
        /// What a key is.
        source: NotAKey,
    },
    /// A part's path is outside the folders of an entry.
    #[error("`{text}` is no part: {source}")]
    PartPath {
        /// What was given.
        text: String,
        /// What a path is.
        source: InvalidPartPath,
    },
    /// Two parts of one entry cannot be kept side by side.
    #[error("the parts `{first}` and `{second}` cannot be in one entry")]
    PartsCollide {
        /// One part's path.
        first: String,
        /// The other's.
        second: String,
    },
    /// The source of a part could not be read to its end.
    #[error("could not read the bytes of part `{part}`")]
    ReadSource {
        /// The part's path.
        part: String,
        /// What the source answered.
        source: io::Error,
    },
    /// The bytes of a part could not be written where they were wanted.
    #[error("could not write out part `{part}`")]
    WritePart {
        /// The part's path.
        part: String,
        /// What the target answered.
        source: io::Error,
    },
    /// A settings file is not TOML.
    #[error("{}:{line}: not valid TOML: {reason}", path.display())]
    BadToml {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser met.
        reason: String,
    },
    /// A setting or section means nothing.
    #[error("{place}: unknown setting `{name}`")]
    UnknownSetting {
        /// Where it is written: a file and line, or the command line.
        place: String,
        /// Its dotted name as written.
        name: String,
        /// The known one it most likely stands for.
        nearest: Option<String>,
    },
    /// A `RECELL_*` environment variable means nothing.
    #[error("unknown environment variable `{name}`")]
    UnknownVariable {
        /// Its name.
        name: String,
        /// The known one it most likely stands for.
        nearest: Option<String>,
    },
    /// A setting has a value that is of the wrong type or out of bounds.
    #[error("{place}: `{name}` must be {expected}, not `{found}`")]
    BadSetting {
        /// Where it is written: a file and line, an environment variable or the command line.
        place: String,
        /// Its dotted name.
        name: &'static str,
        /// What is accepted.
        expected: String,
        /// The value as written, cut when long.
        found: String,
    },
    /// There is no git to run.
    #[error("could not find the git executable `{program}`")]
    GitNotFound {
        /// What was looked for.
        program: String,
    },
    /// The git executable is older than what recell builds on.
    #[error("the git executable is of release `{found}`; at least {oldest} is needed")]
    GitTooOld {
        /// Its release, or what it said when asked.
        found: String,
        /// The oldest release that will do.
        oldest: String,
    },
    /// The git executable did not do as it was told.
    #[error("`{command}` failed{}: {stderr}", exit_text(*exit_code))]
    GitFailed {
        /// The command, without passwords.
        command: String,
        /// Its exit code; `None` if a signal ended it.
        exit_code: Option<i32>,
        /// What it wrote to standard error.
        stderr: String,
    },
    /// The pipes between recell and a running git broke.
    #[error("could not talk to `{command}`")]
    TalkToGit {
        /// The command, without passwords.
        command: String,
        /// What the system answered.
        source: io::Error,
    },
    /// Git and recell did not understand each other while git's filter ran.
    #[error("git's filter protocol broke at the {step}")]
    FilterProtocol {
        /// How far they had come: `handshake`, `command`, `content`, `answer`.
        step: &'static str,
        /// What was wrong.
        source: io::Error,
    },
    /// Some notebooks are given to another filter of git already.
    #[error("git gives `{path}` to the filter `{filter}`")]
    FilterTaken {
        /// A notebook, relative to the work tree.
        path: String,
        /// The filter's name.
        filter: String,
    },
    /// There is no git repository to install something in.
    #[error("the filter has no place: {reason}")]
    NoHost {
        /// Why not.
        reason: String,
    },
    /// The filter is not, or not rightly, installed.
    #[error("git does not give the notebooks below `{}` to recell", path.display())]
    FilterNotInstalled {
        /// The folder of the notebooks.
        path: PathBuf,
    },
    /// The repository has no work tree to install something in.
    #[error("`{}` is a bare repository", git_dir.display())]
    NoWorkTree {
        /// The repository.
        git_dir: PathBuf,
    },
    /// A file is no longer what it was when the change to it was planned.
    #[error("`{}` was changed meanwhile", path.display())]
    ChangedMeanwhile {
        /// The file.
        path: PathBuf,
    },
    /// The workspace's store, or the one that was named, is not there.
    #[error("there is no store at `{}`", path.display())]
    StoreMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// A text may mean several results where one was asked for.
    #[error("`{text}` may mean {} different results", candidates.len())]
    Ambiguous {
        /// What was given.
        text: String,
        /// All that it may mean, each written so that it names one.
        candidates: Vec<String>,
    },
    /// A line of a batch cannot be understood.
    #[error("line {line}: {reason}")]
    BadLine {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A line of a batch was understood but not stored.
    #[error("line {line} was not stored")]
    LineNotStored {
        /// The line, from 1.
        line: usize,
        /// Why not.
        source: Box<Error>,
    },
    /// A file would have been written outside the folder that was named.
    #[error("`{}` leads out of `{}`", path.display(), folder.display())]
    OutsideFolder {
        /// The file's folder.
        path: PathBuf,
        /// The folder that was named.
        folder: PathBuf,
    },
    /// Two parts are to be read from standard input.
    #[error("standard input was read already, so that nothing is left for part `{part}`")]
    StdinTwice {
        /// The second part's name.
        part: String,
    },
    /// Standard input or output failed.
    #[error("could not {action} standard {stream}")]
    Stream {
        /// What was tried: `read`, `write to`.
        action: &'static str,
        /// Which: `input`, `output`.
        stream: &'static str,
        /// What the system answered.
        source: io::Error,
    },
    /// A file is not a notebook that recell can work on.
    #[error("`{}` is left as it is: {reason}", path.display())]
    NotANotebook {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Some of several files are not notebooks.
    #[error("{left} of {total} notebooks were left as they are")]
    NotebooksLeft {
        /// How many.
        left: usize,
        /// Of how many.
        total: usize,
    },
    /// What was named holds no notebook.
    #[error("no notebook is in `{text}`")]
    NoNotebooks {
        /// What was named.
        text: String,
    },
    /// A notebook has no name in this workspace.
    #[error("`{}` is not in the workspace `{}`", path.display(), workspace.display())]
    OutsideWorkspace {
        /// The notebook.
        path: PathBuf,
        /// The workspace's folder.
        workspace: PathBuf,
    },
    /// One output cannot take several notebooks.
    #[error("{found} notebooks cannot go to one output")]
    OneNotebook {
        /// How many were named.
        found: usize,
    },
    /// Outputs are to be taken out of a notebook, and nothing keeps them.
    #[error("`{}` has outputs, and there is no store to keep them", path.display())]
    WouldLose {
        /// The notebook.
        path: PathBuf,
    },
    /// A notebook that was stripped and restored is not what it was.
    #[error("`{notebook}` did not come back as it was")]
    NotRestored {
        /// Its name.
        notebook: String,
    },
    /// Notebooks have outputs that should have none.
    #[error("{count} of {total} notebooks have outputs")]
    NotStripped {
        /// How many.
        count: usize,
        /// Of how many.
        total: usize,
    },
}

impl Error {
    /// Returns the stable, machine-readable code of this failure, for example `disk`.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Disk { .. } => "disk",
            Error::NoStore { .. } => "no_store",
            Error::NotAStore { .. } => "not_a_store",
            Error::StoreExists { .. } => "store_exists",
            Error::UnsupportedStore { .. } => "unsupported_store",
            Error::ReadOnly { .. } => "read_only",
            Error::BrokenRefs { .. } => "broken_refs",
            Error::Unsound { .. } => "unsound",
            Error::RefsLocked { .. } => "refs_locked",
            Error::FlushLocked { .. } => "flush_locked",
            Error::Key { .. } => "key",
            Error::PartPath { .. } => "part_path",
            Error::PartsCollide { .. } => "parts_collide",
            Error::ReadSource { .. } => "read_source",
            Error::WritePart { .. } => "write_part",
            Error::BadToml { .. } => "bad_toml",
            Error::UnknownSetting { .. } => "unknown_setting",
            Error::UnknownVariable { .. } => "unknown_variable",
            Error::BadSetting { .. } => "bad_setting",
            Error::GitNotFound { .. } => "git_not_found",
            Error::GitTooOld { .. } => "git_too_old",
            Error::GitFailed { .. } => "git_failed",
            Error::TalkToGit { .. } => "talk_to_git",
            Error::FilterProtocol { .. } => "filter_protocol",
            Error::FilterTaken { .. } => "filter_taken",
            Error::NoHost { .. } => "no_host",
            Error::FilterNotInstalled { .. } => "filter_not_installed",
            Error::NoWorkTree { .. } => "no_work_tree",
            Error::ChangedMeanwhile { .. } => "changed_meanwhile",
            Error::StoreMissing { .. } => "store_missing",
            Error::Ambiguous { .. } => "ambiguous",
            Error::BadLine { .. } => "bad_line",
            Error::LineNotStored { source, .. } => source.code(),
            Error::OutsideFolder { .. } => "outside_folder",
            Error::StdinTwice { .. } => "stdin_twice",
            Error::Stream { .. } => "stream",
            Error::NotANotebook { .. } => "not_a_notebook",
            Error::NotebooksLeft { .. } => "notebooks_left",
            Error::NoNotebooks { .. } => "no_notebooks",
            Error::OutsideWorkspace { .. } => "outside_workspace",
            Error::OneNotebook { .. } => "one_notebook",
            Error::WouldLose { .. } => "would_lose",
            Error::NotRestored { .. } => "not_restored",
            Error::NotStripped { .. } => "not_stripped",
        }
    }

    /// Returns what to do next, as one sentence that names the next command where there is one.
    #[expect(clippy::too_many_lines, reason = "one line or two for each failure")]
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Disk { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => {
                    Some("Free some disk space and try again; nothing was lost.".into())
                }
                io::ErrorKind::PermissionDenied => {
                    Some("Check who owns it and what you may do there.".into())
                }
                _ => None,
            },
            Error::NoStore { .. } => Some(
                "Run `recell init` at the top of your notebooks, or name a store with `--store`."
                    .into(),
            ),
            Error::NotAStore { .. } => {
                Some("Name another folder, or make a store with `recell init`.".into())
            }
            Error::StoreExists { .. } => {
                Some("Use it as it is, or name an empty folder with `--store`.".into())
            }
            Error::UnsupportedStore { what, .. } => Some(match *what {
                "reference format" => "Run `git refs migrate --ref-format=files` in it.".into(),
                "store format" => "Use a newer release of recell.".into(),
                _ => "Use a store that `recell init` made.".into(),
            }),
            Error::ReadOnly { .. } => {
                Some("Reading works. To write, ask its owner, or use a store of your own.".into())
            }
            Error::BrokenRefs { .. } => Some(
                "Run `recell verify` to see what is lost; keep a copy of the file before you \
                 change it."
                    .into(),
            ),
            Error::Unsound { .. } => Some(
                "Each is named above. Put or record a damaged result again to heal it; keep a \
                 copy of the store before you change it by hand."
                    .into(),
            ),
            Error::RefsLocked { path } => Some(format!(
                "Nothing was lost: what was put stays in the journal. If no git is running in the \
                 store, remove `{}` and run `recell flush`.",
                path.display()
            )),
            Error::FlushLocked { .. } => Some(
                "Nothing was lost: what was put stays in the journal. Run `recell flush` later."
                    .into(),
            ),
            Error::Key { .. } => Some("Write it as `notebook:cell:module`.".into()),
            Error::PartPath { .. } => Some("Write it as `outputs/0.txt`.".into()),
            Error::PartsCollide { .. } => Some("Give one of them another name.".into()),
            Error::ReadSource { .. } => Some("Nothing was stored; put the entry again.".into()),
            Error::BadToml { .. } => Some("Correct that line and try again.".into()),
            Error::UnknownSetting { nearest: Some(nearest), .. } => Some(format!(
                "Did you mean `{nearest}`? `recell config --describe` lists all settings."
            )),
            Error::UnknownSetting { nearest: None, .. } => {
                Some("Run `recell config --describe` for a list of all settings.".into())
            }
            Error::UnknownVariable { nearest: Some(nearest), .. } => {
                Some(format!("Did you mean `{nearest}`? Otherwise unset it."))
            }
            Error::UnknownVariable { nearest: None, .. } => {
                Some("Unset it: names that start with `RECELL_` are recell's own.".into())
            }
            Error::BadSetting { name, .. } => {
                Some(format!("Correct it; `recell config --describe {name}` explains it."))
            }
            Error::GitNotFound { .. } => {
                Some("Install git, or put its folder into `PATH`; `git version` tells.".into())
            }
            Error::GitTooOld { oldest, .. } => Some(format!("Install git {oldest} or later.")),
            Error::GitFailed { stderr, .. } => git_hint(stderr),
            Error::FilterProtocol { .. } => Some(
                "Git starts this command by itself: run `recell filter install`, then `git add` \
                 your notebooks."
                    .into(),
            ),
            Error::FilterTaken { filter, .. } => Some(format!(
                "Only one filter can have a notebook: take `filter={filter}` out of your git \
                 attributes{}, then run `recell filter install`.",
                if filter == "nbstripout" { " (`nbstripout --uninstall`)" } else { "" }
            )),
            Error::NoHost { .. } => {
                Some("Run it in the repository of your notebooks, or `git init` first.".into())
            }
            Error::FilterNotInstalled { .. } => Some("Run `recell filter install`.".into()),
            Error::NoWorkTree { .. } => Some("Run it in a clone that has files.".into()),
            Error::ChangedMeanwhile { .. } => Some("Nothing was written; run it again.".into()),
            Error::StoreMissing { .. } => {
                Some("Run `recell init` to make it, or name another with `--store`.".into())
            }
            Error::Ambiguous { candidates, .. } => Some(one_of(candidates)),
            Error::BadLine { .. } => {
                Some("Lines before it are stored. Correct it and go on from there.".into())
            }
            Error::LineNotStored { source, .. } => source
                .hint()
                .or_else(|| Some("Lines before it are stored; go on from there.".into())),
            Error::OutsideFolder { .. } => {
                Some("Remove the link, or name another folder with `-o`.".into())
            }
            Error::StdinTwice { .. } => {
                Some("Name a file for it, or put several parts with `--batch`.".into())
            }
            Error::WritePart { .. } | Error::TalkToGit { .. } | Error::Stream { .. } => None,
            Error::NotANotebook { .. } => {
                Some("Open it in Jupyter and save it, or finish the merge.".into())
            }
            Error::NotebooksLeft { .. } => Some("The warnings above say why.".into()),
            Error::NoNotebooks { .. } => Some(
                "Name files that end in `.ipynb`; `record.include` and `record.exclude` choose \
                 those of folders."
                    .into(),
            ),
            Error::OutsideWorkspace { .. } => Some(
                "Run it in the workspace of that notebook, or add `-C` with its folder.".into(),
            ),
            Error::OneNotebook { .. } => Some("Name one notebook.".into()),
            Error::WouldLose { .. } => {
                Some("Run `recell init` first, or drop them with `--no-record`.".into())
            }
            Error::NotRestored { .. } => {
                Some("This is a mistake in recell: please report it with the notebook.".into())
            }
            Error::NotStripped { .. } => {
                Some("Run `recell strip` on them, or `recell filter install` once.".into())
            }
        }
    }
}

fn exit_text(exit_code: Option<i32>) -> String {
    exit_code.map_or_else(|| " by a signal".into(), |code| format!(" with exit code {code}"))
}

/// Returns what to do about the failures of git that have one cure.
fn git_hint(stderr: &str) -> Option<String> {
    if stderr.contains("dubious ownership") {
        return Some(
            "Somebody else owns that repository: if you trust it, run the `git config --global \
             --add safe.directory` line that git shows."
                .into(),
        );
    }
    None
}

/// Returns a sentence that lists the first few of `candidates`.
fn one_of(candidates: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = candidates.iter().take(SHOWN).map(|it| format!("`{it}`")).collect();
    match candidates.len().saturating_sub(SHOWN) {
        0 => format!("Name one of {}.", shown.join(", ")),
        more => format!("Name one of {} or {more} more.", shown.join(", ")),
    }
}
