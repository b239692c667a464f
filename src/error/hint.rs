//! What to do about each failure, in one sentence that names the next command.

use std::io;

use super::Error;

impl Error {
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
            Error::InvalidBundle { .. } => {
                Some("Nothing was stored; docs/bundles.md says what a bundle is made of.".into())
            }
            Error::CannotListen { source, .. } => Some(match source.kind() {
                std::io::ErrorKind::AddrInUse => {
                    "Another program listens there; `--port 0` takes any free port.".into()
                }
                std::io::ErrorKind::PermissionDenied => {
                    "Ports below 1024 are for the system; `--port 0` takes any free port.".into()
                }
                _ => "`--address` takes an address of this machine, such as 127.0.0.1.".into(),
            }),
            Error::TokenNeeded { .. } => Some(
                "Have one made with `--token auto`, or put one into a file: `--token-file FILE`."
                    .into(),
            ),
            Error::NotAToken { .. } => Some("Have one made with `--token auto`.".into()),
            Error::Superseded { .. } => {
                Some("Nothing was attached. Compute the stats of the newer rows instead.".into())
            }
            Error::BundleMismatch { .. } => {
                Some("Compute it anew: what is put under the same ids counts from then on.".into())
            }
            Error::AskSource { .. } => {
                Some("Ask the source of the data for these rows; a bundle has only its window.".into())
            }
            Error::BadDocument { .. } => {
                Some("docs/bundles.md says what each file is made of.".into())
            }
            Error::BytesOnTerminal { .. } => {
                Some("Write it with `--out FILE`, or send it on with `|` or `>`.".into())
            }
            Error::FileExists { .. } => {
                Some("Nothing was written; `--force` replaces what is there.".into())
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
                "Run `recell repair`, which shows what it would do before it changes anything."
                    .into(),
            ),
            Error::BrokenLedger { .. } => {
                Some("Nothing was lost. Run `recell verify`, or pull from another remote.".into())
            }
            Error::HeldByFrozen { .. } => Some(
                "Nothing was changed. Remove them with `recell collection rm`, and the chains \
                 that froze them, then forget once more."
                    .into(),
            ),
            Error::NotArrived { .. } => {
                Some("What arrived is kept; `recell push` once more sends the rest.".into())
            }
            Error::TagsForAll { .. } => Some(
                "Use a remote of the cache alone, `recell remote add NAME URL`, or push without \
                 `--tags`; `--force` sends them all the same."
                    .into(),
            ),
            Error::RemoteSetting { .. } => Some("Run `recell remote ls` for a list of all.".into()),
            Error::PasswordInAddress { .. } => Some(
                "Leave it out: git asks for it, or takes it from a credential helper \
                 (`git help credentials`)."
                    .into(),
            ),
            Error::RemoteUnreachable { .. } => Some(
                "Nothing was lost. Check the network and the address, then run it again.".into(),
            ),
            Error::RemoteLockedOut { .. } => Some(
                "Check that you may write there, and that plain `git ls-remote` with that address \
                 works: recell uses git's own credentials."
                    .into(),
            ),
            Error::RemoteMissing { .. } => Some(
                "Check the address with `recell remote ls`; the repository must exist, and you \
                 must be allowed to see it."
                    .into(),
            ),
            Error::RemoteBroke { .. } => {
                Some("What arrived is kept; run it again to go on from there.".into())
            }
            Error::RemoteFull { .. } => Some(
                "What arrived is kept. Ask for more space there, or keep less: `recell prune`, \
                 `sync.max_part`."
                    .into(),
            ),
            Error::NoRemote { known, .. } if known.is_empty() => Some(
                "Name one: `git remote add origin URL`, `recell remote add NAME URL` for one of \
                 the cache alone, or give an address."
                    .into(),
            ),
            Error::NoRemote { known, .. } => Some(format!(
                "There is {}. `recell remote add NAME URL` adds one, or give an address.",
                known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            )),
            Error::Unsound { .. } => Some(
                "Each is named above. Put or record a damaged result again to heal it, or run \
                 `recell repair`."
                    .into(),
            ),
            Error::Lost { .. } => Some(
                "Each is named above: record or put it again, or bring it from another copy. The \
                 damaged files are in `recell/damaged` of the store."
                    .into(),
            ),
            Error::UnclearNames { .. } => Some(
                "Run `recell repair`, which tells what can be saved, then collect again.".into(),
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
            Error::NotBrought { .. } => {
                Some("Try `recell fetch` again once the remote can be reached.".into())
            }
            Error::GitFailed { stderr, .. } => git_hint(stderr),
            Error::SigningProgramMissing { package, .. } => Some(format!(
                "Install it (Debian: {package}), or push without a signature: \
                 `-c trust.sign=never`."
            )),
            Error::CannotSign { .. } => Some(
                "Set `user.signingKey` and `gpg.format` of git as for signed commits, or push \
                 without a signature: `-c trust.sign=never`."
                    .into(),
            ),
            Error::NotASigner { .. } => Some(
                "Name who it is and their public key: `recell trust allow alice@example.com \
                 alice.pub`."
                    .into(),
            ),
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
            Error::NoLockfile { .. } => {
                Some("Run `recell lock` to write it, and commit it with the notebooks.".into())
            }
            Error::BadLockfile { .. } => {
                Some("Run `recell lock`, which writes it anew from the notebooks.".into())
            }
            Error::NewerLockfile { .. } => Some("Use a newer release of recell.".into()),
            Error::LockfileDiffers { .. } => {
                Some("Run `recell lock`, then `git add recell.lock`.".into())
            }
            Error::LockfileHeld { .. } => Some("Try again; what was put is stored.".into()),
            Error::ChangedMeanwhile { .. } => Some("Nothing was written; run it again.".into()),
            Error::StoreMissing { .. } => {
                Some("Run `recell init` to make it, or name another with `--store`.".into())
            }
            Error::Ambiguous { candidates, .. } => Some(one_of(candidates)),
            Error::NotAMoment { .. } => Some(
                "Write it as 2026-11-01, \"2 days ago\", \"last tuesday 14:00\", HEAD~5 or another \
                 revision; a name with `@` in it has `%40` there (docs/selectors.md)."
                    .into(),
            ),
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
            Error::CannotCompare { .. } => Some(
                "Name two results, `notebook:cell`, or two notebooks, `notebook[@time]`.".into(),
            ),
            Error::WouldLose { .. } => {
                Some("Run `recell init` first, or drop them with `--no-record`.".into())
            }
            Error::NotRestored { .. } => {
                Some("This is a mistake in recell: please report it with the notebook.".into())
            }
            Error::RenameTaken { .. } => Some(
                "If they are one notebook, run it again with `--merge`; nothing is lost.".into(),
            ),
            Error::Pinned { names } => Some(format!(
                "Nothing was removed. Take the pin away with `recell unpin {}`, or remove it all \
                 the same with `--force`.",
                names.first().map_or("", String::as_str)
            )),
            Error::NotConfirmed { .. } => {
                Some("Add `--yes` to remove them, or `--dry-run` to look.".into())
            }
            Error::NothingToUndo { .. } => {
                Some("`recell undo --list` shows what can come back; gc empties the trash.".into())
            }
            Error::NotStripped { .. } => {
                Some("Run `recell strip` on them, or `recell filter install` once.".into())
            }
            Error::SecretsFound { entry, digest, .. } => Some(format!(
                "If it is none: `recell secrets allow {digest}`. If it is one, make it invalid where \
                 it came from, then `recell forget {entry}`. To push all the same: `recell push \
                 --allow-secrets`."
            )),
            Error::NotAFinding { .. } => Some(
                "`recell secrets scan` shows the digest and the rule of each finding; `recell \
                 secrets rules` lists the rules."
                    .into(),
            ),
            Error::SettingNotChanged { name, .. } => {
                Some(format!("Write it by hand: `recell config --describe {name}` explains it."))
            }
            Error::HookTaken { line, .. } => {
                Some(format!("Add this line to it: `{line}`. recell leaves it as it is."))
            }
            Error::HooksShared { line, .. } => Some(format!(
                "Give this repository hooks of its own (`git config core.hooksPath .git/hooks`), or \
                 add this line there: `{line}`."
            )),
            Error::NoAnswer { .. } => Some("Look at the connection, then `recell push`.".into()),
            Error::CollectionName { .. } => {
                Some("Write it as `papers/2026`: words, with `/` between them.".into())
            }
            Error::NoCollection { .. } => {
                Some("Run `recell collection ls` for a list of all.".into())
            }
            Error::CollectionExists { .. } => Some(
                "All kinds share one space of names: take another, or `recell collection show` it."
                    .into(),
            ),
            Error::CollectionKind { found, .. } => Some(match *found {
                "chained" => "Change the members of a chain with `recell collection chain`.".into(),
                _ => {
                    "Make a chain of it with `recell collection chain`, under another name.".into()
                }
            }),
            Error::CollectionClosed { .. } => Some(
                "A run stays what it was: pick entries with `recell collection create`.".into(),
            ),
            Error::CollectionOpen { .. } => {
                Some("Wait until the program that made it ends.".into())
            }
            Error::CollectionFrozen { .. } => Some(
                "Frozen collections stay as they are: make another with `recell collection \
                 create` or `chain`."
                    .into(),
            ),
            Error::CollectionReferred { name, referrers } => Some(format!(
                "Take it out first: `recell collection chain --remove {} {name}`.",
                referrers.first().map_or("", String::as_str)
            )),
            Error::CollectionCycle { .. } => Some("Leave one of them out.".into()),
            Error::CollectionBusy { .. } => Some("Try again; nothing was changed.".into()),
            Error::StaticAddress { .. } => Some(
                "Write `s3://bucket/path`, `gs://bucket/path`, `az://container/path`, \
                 `static+file:///path` or `static+https://host/path` (docs/static-remotes.md)."
                    .into(),
            ),
            Error::StaticNotBuilt { .. } => {
                Some("Build it with `--features object-stores`.".into())
            }
            Error::StaticRemote { .. } => Some(
                "Check the address, the network and the credentials (docs/static-remotes.md); \
                 nothing was lost, and what is there already is not sent again."
                    .into(),
            ),
            Error::StaticDamaged { .. } => Some(
                "Nothing was taken from it. Restore that file from a backup, or publish to a new \
                 address from a store that has everything."
                    .into(),
            ),
            Error::StaticLacks { .. } => Some(
                "Ask whoever published last to publish again, or publish from a store that has it."
                    .into(),
            ),
            Error::StaticUnsafe { .. } => Some(
                "The service ignores conditional writes (`If-Match`): use one that has them, or a \
                 folder, or a git remote (docs/static-remotes.md)."
                    .into(),
            ),
            Error::StaticBusy { .. } => Some("Try again; nothing was lost.".into()),
            Error::StaticReadOnly { .. } => {
                Some("Publish to the place that the web server serves from.".into())
            }
            Error::NotInStore { .. } => Some(
                "It is on another remote, or damaged: run `recell pull`, or `recell verify`."
                    .into(),
            ),
            Error::CollectionUnreadable { .. } => {
                Some("Run `recell verify --full` to see all that is damaged.".into())
            }
        }
    }
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
