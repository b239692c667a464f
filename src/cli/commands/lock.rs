//! `recell lock`: pins the results that belong to the next commit.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::json;
use crate::cli::locking::{lockfile, state_of};
use crate::cli::notebooks::{self, NotebookFile};
use crate::cli::report::{Failure, Outcome};
use crate::cli::session::Session;
use crate::cli::words::count;
use crate::config::Durability;
use crate::disk;
use crate::error::{Error, Result};
use crate::git::{HostRepository, UnionMerge};
use crate::lockfile::{Change, LOCKFILE, Lockfile, NotebookState, Pins, holds_the_same};
use crate::lookup::{Lookup, Miss};
use crate::name::{EntryName, encode};
use crate::progress::{Progress, Unit};
use crate::store::Store;

/// Pin the results that belong to a commit, in `recell.lock`
///
/// For each cell that is the entry that `recell restore` would take now. Commit the file with the
/// notebooks: on any checkout, `recell restore --locked` brings just these back, though there may
/// be newer ones. Once it is there, `record`, `strip` and the filter keep it current; `git add` it
/// after the notebooks. It is merged by lines, for which `recell lock` adds a line to
/// `.gitattributes`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The notebooks: files, folders with all below, or globs [default: all of the workspace]
    #[arg(value_name = "NOTEBOOK")]
    notebooks: Vec<PathBuf>,
    /// Drop the pins of entries that are not in the store; as a rule they stay, as the store of
    /// somebody else may have them.
    #[arg(long, conflicts_with = "check")]
    drop_missing: bool,
    /// Write nothing; list pins that are not of the code that stands in the notebooks, and cells
    /// with a result but no pin, and exit with 1 if there are some, with 3 if a pinned entry is
    /// not in the store. A newer run of the same code is no fault.
    #[arg(long)]
    check: bool,
}

/// What stands in the notebooks.
struct Looked {
    states: Vec<NotebookState>,
    /// The encoded names of notebooks that cannot be read: their pins stay.
    left: BTreeSet<String>,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let lockfile = lockfile(session)?;
    let store = session.store()?;
    let files = if args.notebooks.is_empty() {
        notebooks::all(session.workspace()?)?
    } else {
        notebooks::named(session, &args.notebooks)?
    };
    if args.check && !lockfile.is_there() {
        return Err(Error::NoLockfile { path: lockfile.path().to_owned() }.into());
    }
    let (looked, outcome) = look(session, &store, &files, !args.check)?;
    let scope = Scope {
        session,
        store: &store,
        looked: &looked,
        is_all: args.notebooks.is_empty(),
        drop_missing: args.drop_missing,
    };
    if args.check {
        scope.check(&lockfile)?;
    } else {
        scope.write(&lockfile)?;
    }
    outcome
}

/// Looks at all notebooks; returns what was found, and whether all could be read. With `take_newer`
/// a newer run of the same code is to replace the one that is pinned.
fn look(
    session: &Session,
    store: &Store,
    files: &[NotebookFile],
    take_newer: bool,
) -> Result<(Looked, Outcome), Failure> {
    let mut looked = Looked { states: Vec::with_capacity(files.len()), left: BTreeSet::new() };
    let progress = session.ui.progress();
    progress.begin("looking at notebooks", Some(files.len() as u64), Unit::Items);
    let outcome = notebooks::for_each(session, files, |file| {
        looked.left.insert(encode(file.name.as_str()).into());
        let contents = file.read()?;
        let notebook = file.parse(&contents)?;
        looked.states.push(state_of(store, &file.name, &notebook, |_| take_newer)?);
        looked.left.remove(&*encode(file.name.as_str()));
        progress.advance(1);
        Ok(())
    });
    progress.end();
    match outcome {
        Err(Failure::Error(Error::NotANotebook { .. } | Error::NotebooksLeft { .. })) | Ok(()) => {
            Ok((looked, outcome))
        }
        Err(other) => Err(other),
    }
}

/// What a run of the command is about.
struct Scope<'a> {
    session: &'a Session,
    store: &'a Store,
    looked: &'a Looked,
    /// Whether these are all notebooks of the workspace.
    is_all: bool,
    drop_missing: bool,
}

impl Scope<'_> {
    /// Returns what the pins `old` are to become.
    fn wanted(&self, old: &Pins) -> Result<Pins> {
        let root = self.session.workspace()?.base();
        let looked = |notebook: &str| {
            self.looked.left.contains(notebook)
                || self.looked.states.iter().any(|state| state.notebook() == notebook)
        };
        let is_gone = |notebook: &str| {
            let is_away = || {
                let text = crate::name::decode(notebook);
                text.is_some_and(|text| !disk::is_there(&root.join(&*text)))
            };
            !looked(notebook) && (self.is_all || is_away())
        };
        let states: Vec<&NotebookState> = self.looked.states.iter().collect();
        let mut old = old.clone();
        if self.drop_missing {
            let mut stored = Vec::with_capacity(old.len());
            for entry in old.iter() {
                if self.store.entry(entry)?.hit().is_some() {
                    stored.push(entry.clone());
                }
            }
            old = stored.into_iter().collect();
        }
        old.after(&states, is_gone, |a, b| holds_the_same(self.store, a, b))
    }

    fn write(&self, lockfile: &Lockfile) -> Outcome {
        let was_there = lockfile.is_there();
        lockfile.create()?;
        let mut result = (Pins::default(), Change::default());
        let changed = lockfile.change(Durability::Sync, |bytes| {
            let old = match Pins::parse(lockfile.path(), bytes) {
                Err(error @ Error::NewerLockfile { .. }) => return Err(error),
                parsed => parsed.unwrap_or_else(|_| Pins::salvage(bytes)),
            };
            let new = self.wanted(&old)?;
            let text = new.to_text();
            let change = old.change_to(&new);
            result = (new, change);
            Ok((bytes != text.as_bytes()).then_some(text))
        });
        if changed.is_err() && !was_there {
            disk::remove(lockfile.path())?;
        }
        let is_changed = changed?;
        let (pins, change) = result;
        let attributes = self.merge_by_lines(lockfile)?;
        let absent = self.absent(&pins)?;
        self.warn_of_absent(&absent);
        if self.session.ui.json() {
            let mut document = document(lockfile, &pins, &change, &absent);
            document["changed"] = is_changed.into();
            document["attributes"] = json!(attributes);
            return self.session.ui.document(&document);
        }
        let ui = &self.session.ui;
        let notebooks = pins.notebooks().len();
        let what = format!(
            "{} of {}",
            count(pins.len(), "cell", "cells"),
            count(notebooks, "notebook", "notebooks")
        );
        if is_changed || !was_there {
            ui.say(format!("`{LOCKFILE}` pins {what}{}", counts(&change)));
        } else {
            ui.say(format!("`{LOCKFILE}` pins {what}, as before"));
        }
        if let Some(attributes) = &attributes {
            ui.say(format!("`{}` makes git merge it by lines", attributes.display()));
        }
        Ok(())
    }

    /// Returns why pinned entries of the notebooks at hand cannot be handed out.
    fn absent(&self, pins: &Pins) -> Result<Vec<Miss>> {
        let asked = |entry: &&EntryName| {
            let notebook = entry.notebook_segment();
            self.is_all || self.looked.states.iter().any(|state| state.notebook() == notebook)
        };
        let mut misses = Vec::new();
        for entry in pins.iter().filter(asked) {
            if let Lookup::Miss(miss) = self.store.entry(entry)? {
                misses.push(miss);
            }
        }
        Ok(misses)
    }

    fn warn_of_absent(&self, absent: &[Miss]) {
        if !absent.is_empty() {
            let entries = count(absent.len(), "pinned entry is", "pinned entries are");
            self.session.ui.warn(
                &format!("{entries} not in this store"),
                Some("`recell lock --drop-missing` drops them."),
            );
        }
    }

    fn check(&self, lockfile: &Lockfile) -> Outcome {
        let Some(bytes) = lockfile.bytes()? else {
            return Err(Error::NoLockfile { path: lockfile.path().to_owned() }.into());
        };
        let old = Pins::parse(lockfile.path(), &bytes)?;
        let new = self.wanted(&old)?;
        let change = old.change_to(&new);
        let absent = self.absent(&old)?;
        let is_current = change.is_empty();
        let ui = &self.session.ui;
        if ui.json() {
            let mut document = document(lockfile, &old, &change, &absent);
            document["changed"] = (!is_current).into();
            document["attributes"] = Value::Null;
            ui.document(&document)?;
        } else {
            for (sign, entries) in [('+', &change.added), ('-', &change.removed)] {
                for entry in entries {
                    ui.line(format_args!("{sign} {entry}"))?;
                }
            }
        }
        if !is_current {
            return Err(Error::LockfileDiffers { path: lockfile.path().to_owned() }.into());
        }
        if absent.is_empty() { Ok(()) } else { Err(Failure::Misses(absent)) }
    }

    /// Makes git merge the file by lines; returns the attributes file if a line was written.
    fn merge_by_lines(&self, lockfile: &Lockfile) -> Result<Option<PathBuf>> {
        let session = self.session;
        let folder = lockfile.path().parent().unwrap_or(lockfile.path());
        let git = session.git();
        let host = match HostRepository::discover(folder, &git) {
            Ok(host) if host.work_tree.is_some() => host,
            _ => return Ok(None),
        };
        match UnionMerge::of(&host, &git, folder, LOCKFILE)? {
            UnionMerge::Set => Ok(None),
            UnionMerge::Unset(line) => {
                line.write()?;
                Ok(Some(line.attributes))
            }
            UnionMerge::Otherwise(other) => {
                session.ui.detail(|| format!("git's attributes say `merge={other}` for it"));
                Ok(None)
            }
        }
    }
}

/// Returns ` (2 new, 1 gone)`, or nothing if that is so.
fn counts(change: &Change) -> String {
    let of = |entries: &[EntryName], word: &str| {
        (!entries.is_empty()).then(|| format!("{} {word}", entries.len()))
    };
    let counts: Vec<String> =
        of(&change.added, "new").into_iter().chain(of(&change.removed, "gone")).collect();
    if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) }
}

fn document(lockfile: &Lockfile, pins: &Pins, change: &Change, absent: &[Miss]) -> Value {
    json!({
        "path": lockfile.path(),
        "pins": json::names(pins.iter()),
        "added": json::names(&change.added),
        "removed": json::names(&change.removed),
        "absent": absent.iter().map(|miss| json!({ "code": miss.code(), "message": miss.to_string() })).collect::<Vec<_>>(),
    })
}
