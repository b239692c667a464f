//! The one public error: what failed, on what, and its stable code.

mod code;
mod hint;
mod words;

use std::io;
use std::path::PathBuf;

use self::words::{exit_text, likely_secrets, nothing_removed, pinned, quoted};
use crate::lookup::Miss;

/// A result whose failure is an [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a text was not understood, as the one who read it says.
pub type Reason = Box<dyn std::error::Error + Send + Sync>;

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
    /// A bundle of a table view, or stats for one, are not what they should be.
    #[error("{what} cannot be stored: {reason}")]
    InvalidBundle {
        /// What of it.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A server cannot listen there.
    #[error("could not listen on {address}")]
    CannotListen {
        /// The address and port.
        address: String,
        /// What the system answered.
        source: io::Error,
    },
    /// A server would let in others than those on this machine.
    #[error("a server would need a token: {what}")]
    TokenNeeded {
        /// Who could ask, and why.
        what: String,
    },
    /// What was given as a token of a server cannot be one.
    #[error("{place} has no token that can be used: {reason}")]
    NotAToken {
        /// Where it was found.
        place: String,
        /// Why it cannot be used.
        reason: &'static str,
    },
    /// Rows were put since under the same data and configuration.
    #[error("`{generation}` was superseded by `{newer}`")]
    Superseded {
        /// The rows to which stats were to be attached.
        generation: String,
        /// The newest rows.
        newer: String,
    },
    /// What is stored under that name is not of what was asked for.
    #[error("`{key}` does not fit: {reason}")]
    BundleMismatch {
        /// Which bundle.
        key: String,
        /// What does not fit.
        reason: String,
    },
    /// Only the source of the data has these rows.
    #[error("the bundle of `{data_id}` has no answer: {reason}")]
    AskSource {
        /// Which data.
        data_id: String,
        /// What is stored instead.
        reason: String,
    },
    /// A file that was named is not what it should be.
    #[error("`{}` is no {what}: {reason}", path.display())]
    BadDocument {
        /// What it should be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Bytes would go to a terminal.
    #[error("{what} is not for a terminal")]
    BytesOnTerminal {
        /// What is to be printed.
        what: &'static str,
    },
    /// A file is there already.
    #[error("`{}` is there already", path.display())]
    FileExists {
        /// The file.
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
    /// A ledger holds something that no ledger does, or a part of it is not here.
    #[error("the ledger object {object} cannot be used: {reason}")]
    BrokenLedger {
        /// The object, as hex.
        object: String,
        /// Why not.
        reason: String,
    },
    /// What is to be forgotten is in collections that never change.
    #[error("frozen collections hold what is to be forgotten: {}", names.join(", "))]
    HeldByFrozen {
        /// The collections.
        names: Vec<String>,
    },
    /// A remote does not have all that was pushed.
    #[error("{count} {} not arrive; the first is `{first}`: {reason}", if *count == 1 { "result did" } else { "results did" })]
    NotArrived {
        /// How many results it lacks.
        count: usize,
        /// One of them, or its ledger.
        first: String,
        /// What the remote said about it.
        reason: String,
    },
    /// Plain tags would go to a remote from which others fetch all tags.
    #[error(
        "`{remote}` is the remote of the repository: everybody who fetches from it would get a tag for each result"
    )]
    TagsForAll {
        /// The remote.
        remote: String,
    },
    /// A remote of that name cannot be added or removed here.
    #[error("the remote `{name}` cannot be changed: {reason}")]
    RemoteSetting {
        /// Its name.
        name: String,
        /// Why not.
        reason: String,
    },
    /// An address holds a password.
    #[error("the address of `{name}` holds a password, which would be in a file that is committed")]
    PasswordInAddress {
        /// The name of the remote.
        name: String,
    },
    /// A remote could not be reached.
    #[error("`{remote}` cannot be reached: {reason}")]
    RemoteUnreachable {
        /// Its address, without a password.
        remote: String,
        /// What it said, in one line.
        reason: String,
        /// All that git said.
        words: String,
    },
    /// A remote did not let us in.
    #[error("`{remote}` does not let you in: {reason}")]
    RemoteLockedOut {
        /// Its address, without a password.
        remote: String,
        /// What it said, in one line.
        reason: String,
        /// All that git said.
        words: String,
    },
    /// There is no repository at an address.
    #[error("there is no repository at `{remote}`: {reason}")]
    RemoteMissing {
        /// Its address, without a password.
        remote: String,
        /// What it said, in one line.
        reason: String,
        /// All that git said.
        words: String,
    },
    /// The connection to a remote broke.
    #[error("the connection to `{remote}` broke: {reason}")]
    RemoteBroke {
        /// Its address, without a password.
        remote: String,
        /// What it said, in one line.
        reason: String,
        /// All that git said.
        words: String,
    },
    /// A remote has no space left.
    #[error("`{remote}` has no space left: {reason}")]
    RemoteFull {
        /// Its address, without a password.
        remote: String,
        /// What it said, in one line.
        reason: String,
        /// All that git said.
        words: String,
    },
    /// No remote is called so.
    #[error("there is no remote `{name}`")]
    NoRemote {
        /// What was asked for.
        name: String,
        /// What remotes there are.
        known: Vec<String>,
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
    /// A repair could not save everything.
    #[error("{count} {} lost", if *count == 1 { "name is" } else { "names are" })]
    Lost {
        /// How many names lead to less than they did, or nowhere.
        count: usize,
    },
    /// Nobody can tell what may be removed, as something that leads on cannot be read.
    #[error("nothing is collected: {reason}")]
    UnclearNames {
        /// What cannot be read, and why.
        reason: String,
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
        source: Reason,
    },
    /// A part's path is outside the folders of an entry.
    #[error("`{text}` is no part: {source}")]
    PartPath {
        /// What was given.
        text: String,
        /// What a path is.
        source: Reason,
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
    /// What only a remote has could not be brought.
    #[error("`{remote}` was not asked or did not answer: {reason}")]
    NotBrought {
        /// The remote.
        remote: String,
        /// Why.
        reason: String,
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
    /// The program that signs commits is not there.
    #[error("there is no `{program}` to sign with")]
    SigningProgramMissing {
        /// What git was to run.
        program: String,
        /// The package that has it.
        package: &'static str,
    },
    /// Git could not sign.
    #[error("git could not sign: {reason}")]
    CannotSign {
        /// What git and its helper said.
        reason: String,
    },
    /// A key, or whose it is, cannot stand in a file of allowed signers.
    #[error("`{text}` is no signer: {reason}")]
    NotASigner {
        /// What was given.
        text: String,
        /// Why not.
        reason: &'static str,
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
    /// There is no git repository to install something in, or to read the past of.
    #[error("there is no host repository: {reason}")]
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
    /// The workspace has no `recell.lock`.
    #[error("there is no `{}`", path.display())]
    NoLockfile {
        /// Where it should be.
        path: PathBuf,
    },
    /// A `recell.lock` cannot be understood.
    #[error("{}:{line}: {reason}", path.display())]
    BadLockfile {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A `recell.lock` was written by a later release.
    #[error("`{}` has the version {found}, which this release cannot read", path.display())]
    NewerLockfile {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// A `recell.lock` is not what `recell lock` would write.
    #[error("`{}` is not what stands in the notebooks", path.display())]
    LockfileDiffers {
        /// The file.
        path: PathBuf,
    },
    /// Another process keeps on changing a `recell.lock`.
    #[error("another recell keeps `{}` locked", path.display())]
    LockfileHeld {
        /// The file.
        path: PathBuf,
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
    /// A text that should say when is neither a time nor a commit.
    #[error("`{text}` is neither a time nor a commit of the host repository")]
    NotAMoment {
        /// What was given.
        text: String,
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
    /// A result was to be compared with a whole notebook.
    #[error("`{before}` and `{after}` are not of one kind")]
    CannotCompare {
        /// What was named first.
        before: String,
        /// What was named second.
        after: String,
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
    /// A notebook is to get the name of another that has entries of the same cells.
    #[error("`{old}` and `{new}` both have entries of {cells} {}", if *cells == 1 { "cell" } else { "cells" })]
    RenameTaken {
        /// The notebook's name.
        old: String,
        /// The name that it is to get.
        new: String,
        /// How many cells are in both.
        cells: usize,
    },
    /// An entry is to be removed that somebody pinned.
    #[error("{} pinned", pinned(names))]
    Pinned {
        /// The entries; never empty.
        names: Vec<String>,
    },
    /// Something is to be removed, and nobody is there to be asked.
    #[error("{count} {} to be removed, and nobody is here to say yes", if *count == 1 { "entry is" } else { "entries are" })]
    NotConfirmed {
        /// How many entries.
        count: usize,
    },
    /// Nothing was removed that could come back, or not then.
    #[error("{}", nothing_removed(when.as_deref()))]
    NothingToUndo {
        /// When it should have been removed, as it was given.
        when: Option<String>,
    },
    /// Notebooks have outputs that should have none.
    #[error("{count} of {total} notebooks have outputs")]
    NotStripped {
        /// How many.
        count: usize,
        /// Of how many.
        total: usize,
    },
    /// Results hold what looks like secrets.
    #[error("{}", likely_secrets(*secrets, *entries))]
    SecretsFound {
        /// How many different ones.
        secrets: usize,
        /// In how many entries.
        entries: usize,
        /// The first of these.
        entry: String,
        /// The digest of the first finding in it.
        digest: String,
    },
    /// A text names no rule and no finding of the secret guard.
    #[error("`{text}` is neither a rule nor the digest of a finding")]
    NotAFinding {
        /// What was given.
        text: String,
    },
    /// A settings file cannot be changed as it should be.
    #[error("`{name}` in `{}` cannot be added to", path.display())]
    SettingNotChanged {
        /// The file.
        path: PathBuf,
        /// The setting.
        name: &'static str,
    },
    /// A hook of git that is not recell's is where one should go.
    #[error("there is a `{hook}` hook already: `{}`", path.display())]
    HookTaken {
        /// Which hook.
        hook: &'static str,
        /// The hook.
        path: PathBuf,
        /// The line that makes it do the same.
        line: String,
    },
    /// Git takes the hooks of all repositories of the user from one folder.
    #[error("`{}` would be a hook of all your repositories", path.display())]
    HooksShared {
        /// The hook.
        path: PathBuf,
        /// The line that calls recell.
        line: String,
    },
    /// A remote takes too long to say anything.
    #[error("`{remote}` did not answer within {seconds} seconds")]
    NoAnswer {
        /// The remote's address, without passwords.
        remote: String,
        /// How long was waited.
        seconds: u64,
    },
    /// A text cannot be the name of a collection.
    #[error("`{text}` is no name of a collection: {reason}")]
    CollectionName {
        /// What was given.
        text: String,
        /// Why not.
        reason: &'static str,
    },
    /// There is no collection of that name.
    #[error("there is no collection `{name}`")]
    NoCollection {
        /// The name.
        name: String,
    },
    /// There is a collection of that name already.
    #[error("there is a {kind} collection `{name}` already")]
    CollectionExists {
        /// The name.
        name: String,
        /// Its kind.
        kind: &'static str,
    },
    /// A collection is of another kind than the change is for.
    #[error("`{name}` is a {found} collection, not a {wanted} one")]
    CollectionKind {
        /// The name.
        name: String,
        /// Its kind.
        found: &'static str,
        /// The kind that can be changed so.
        wanted: &'static str,
    },
    /// A run does not change once it is closed.
    #[error("the run `{name}` is closed")]
    CollectionClosed {
        /// The run.
        name: String,
    },
    /// A run is not closed yet.
    #[error("the run `{name}` is still open")]
    CollectionOpen {
        /// The run.
        name: String,
    },
    /// A frozen collection stays as it is.
    #[error("the collection `{name}` is frozen")]
    CollectionFrozen {
        /// The collection.
        name: String,
    },
    /// Chains list a collection that is to go.
    #[error("the collection `{name}` is in {}", quoted(referrers))]
    CollectionReferred {
        /// The collection.
        name: String,
        /// The chains that list or pin it.
        referrers: Vec<String>,
    },
    /// A chain would contain itself.
    #[error("a chain cannot contain itself: {}", path.join(" -> "))]
    CollectionCycle {
        /// The names along the cycle; the first is the last.
        path: Vec<String>,
    },
    /// Another process is changing a collection, or has not flushed it yet.
    #[error("another process is writing the collection `{name}`")]
    CollectionBusy {
        /// The collection.
        name: String,
    },
    /// A collection cannot be read.
    #[error("the collection `{name}` cannot be read")]
    CollectionUnreadable {
        /// The collection.
        name: String,
        /// Why not.
        source: Miss,
    },
    /// An address says that it is one of a static remote, and makes no sense.
    #[error("`{address}` is no address of a static remote: {reason}")]
    StaticAddress {
        /// What was given, without a password.
        address: String,
        /// Why not.
        reason: &'static str,
    },
    /// This build cannot speak with object stores and web servers.
    #[error("this build of recell cannot speak with `{address}`")]
    StaticNotBuilt {
        /// The address.
        address: String,
    },
    /// A static remote did not answer, or refused.
    #[error("could not {action} `{what}`")]
    StaticRemote {
        /// What was tried, as a verb.
        action: &'static str,
        /// The remote and the file on it.
        what: String,
        /// What it answered.
        source: Reason,
    },
    /// A file of a static remote is not what git or recell writes.
    #[error("`{what}` is damaged: {reason}")]
    StaticDamaged {
        /// The remote and the file on it.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// A static remote has not got an object that one of its refs needs.
    #[error("`{remote}` lacks the object {id}")]
    StaticLacks {
        /// The remote.
        remote: String,
        /// The object, in hex.
        id: String,
    },
    /// A static remote replaces a file although it is no longer what the writer believes.
    #[error("`{remote}` would let two publishers lose each other's results")]
    StaticUnsafe {
        /// The remote.
        remote: String,
    },
    /// Others publish all the time.
    #[error("others keep publishing to `{remote}`")]
    StaticBusy {
        /// The remote.
        remote: String,
    },
    /// A static remote can only be read.
    #[error("`{remote}` can only be read")]
    StaticReadOnly {
        /// The remote.
        remote: String,
    },
    /// What is to be published is not in the store.
    #[error("the object {id}, which is to be published, is not in this store")]
    NotInStore {
        /// The object, in hex.
        id: String,
    },
}

impl Error {
    /// Whether there is no space left on the device.
    pub(crate) fn is_full_disk(&self) -> bool {
        matches!(self, Error::Disk { source, .. } if source.kind() == io::ErrorKind::StorageFull)
    }
}
