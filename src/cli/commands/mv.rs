//! `recell mv`: the entries of a notebook under another name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::json;
use crate::cli::notebooks;
use crate::cli::renames;
use crate::cli::report::{Failure, Outcome};
use crate::cli::session::Session;
use crate::cli::ui::Ui;
use crate::cli::words::count;
use crate::disk;
use crate::error::Error;
use crate::index::Pattern;
use crate::lookup::Miss;
use crate::notebook::{NotebookName, Rename, has_entries, plan_rename, rename};
use crate::store::Store;

/// Rename a notebook in the store
///
/// For a notebook that you have renamed: all its entries get the new name, with their times, and
/// share the bytes of the old ones, which go to the trash. Pins, `recell.lock` and collections
/// follow, but for what is frozen. `record` and `import-history` do so by
/// themselves where git knows of the rename. The file itself is left alone.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The notebook as it was called, or a folder of notebooks
    old: PathBuf,
    /// What it is called now; a folder keeps the notebook's own name
    new: PathBuf,
    /// Go ahead where the new name has entries of the same cells: both histories become one
    #[arg(long)]
    merge: bool,
    /// Say what would be renamed, and rename nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    let pairs = pairs(args, session, &store)?;
    let renames = plan_rename(&store, &pairs)?;
    let taken = renames.iter().find(|rename| !args.merge && !rename.shared_cells.is_empty());
    if let Some(Rename { old, new, shared_cells, .. }) = taken {
        let (old, new) = (old.to_string(), new.to_string());
        return Err(Error::RenameTaken { old, new, cells: shared_cells.len() }.into());
    }
    let renames =
        if args.dry_run { renames } else { rename(&store, &pairs, args.merge, session.now())? };
    if !args.dry_run {
        renames::follow(session, &store, &renames);
    }
    let ui = &session.ui;
    if ui.json() {
        let documents: Vec<Value> = renames.iter().map(document).collect();
        ui.document(&json!({ "dry_run": args.dry_run, "renamed": documents }))?;
    }
    for rename in &renames {
        if !ui.json() {
            let entries = count(rename.moved.len(), "entry", "entries");
            let would = if args.dry_run { "would be " } else { "" };
            let (old, new) = (&rename.old, &rename.new);
            ui.line(format_args!("{old} -> {new}: {entries} {would}renamed"))?;
        }
        warn(ui, rename);
        warn_of_file(session, rename)?;
    }
    Ok(())
}

/// Returns the notebooks that are meant, each with its new name.
fn pairs(
    args: &Args,
    session: &Session,
    store: &Store,
) -> Result<Vec<(NotebookName, NotebookName)>, Failure> {
    let old = name_of(session, store, &args.old)?;
    let new_path = session.path(&args.new);
    let is_folder = disk::is_folder(&new_path) || args.new.to_string_lossy().ends_with('/');
    let new = notebooks::name_of_path(session.workspace()?, &new_path);
    let outside = || Error::OutsideWorkspace {
        path: new_path.clone(),
        workspace: session.workspace().map(|w| w.base().to_owned()).unwrap_or_default(),
    };
    if has_entries(store, &old)? {
        let target = if is_folder {
            new_path.join(args.old.file_name().unwrap_or_default())
        } else {
            new_path.clone()
        };
        let target = notebooks::name_of_path(session.workspace()?, &target);
        return Ok(vec![(old, target.ok_or_else(outside)?)]);
    }
    // A folder: all that is recorded below.
    let prefix = format!("{old}/");
    let below: BTreeSet<String> = store
        .list(&Pattern::all())?
        .iter()
        .map(|name| name.notebook().into_owned())
        .filter(|name| name.starts_with(&prefix))
        .collect();
    if below.is_empty() {
        return Err(Miss::NeverStored { name: old.to_string() }.into());
    }
    let target = new.map(|new| format!("{new}/")).unwrap_or_default();
    let renamed = below.iter().filter_map(|name| {
        let new = format!("{target}{}", &name[prefix.len()..]);
        Some((name_from(name)?, name_from(&new)?))
    });
    Ok(renamed.collect())
}

/// Returns the name that a path means: from the working directory, or else as it is in the store.
fn name_of(session: &Session, store: &Store, path: &Path) -> Result<NotebookName, Failure> {
    let full = session.path(path);
    let workspace = session.workspace()?;
    let found = notebooks::name_of_path(workspace, &full);
    let as_stored = NotebookName::of_path(path);
    let found = match (found, as_stored) {
        (Some(found), Some(stored))
            if !has_entries(store, &found)? && has_entries(store, &stored)? =>
        {
            Some(stored)
        }
        (found, stored) => found.or(stored),
    };
    let workspace = workspace.base().to_owned();
    found.ok_or_else(|| Error::OutsideWorkspace { path: full, workspace }.into())
}

fn name_from(text: &str) -> Option<NotebookName> {
    NotebookName::of_path(text.as_ref())
}

/// Says that a notebook's history was taken along.
pub(super) fn say(ui: &Ui, rename: &Rename) {
    let entries = count(rename.moved.len(), "entry", "entries");
    ui.say(format!("`{}` was `{}`: {entries} renamed", rename.new, rename.old));
    warn(ui, rename);
}

fn warn(ui: &Ui, rename: &Rename) {
    if !rename.busy.is_empty() {
        let busy = count(rename.busy.len(), "entry", "entries");
        ui.warn(
            &format!(
                "{busy} of `{}` stayed: the process that put them is still writing",
                rename.old
            ),
            Some("Run `recell mv --merge` when that process has ended."),
        );
    }
    if !rename.unreadable.is_empty() {
        let unreadable = count(rename.unreadable.len(), "entry", "entries");
        ui.warn(
            &format!("{unreadable} of `{}` stayed, as they cannot be read", rename.old),
            Some("`recell verify` says what is wrong with them."),
        );
    }
}

/// Says so where the file has its old name still: `mv` never touches it.
fn warn_of_file(session: &Session, rename: &Rename) -> Outcome {
    let base = session.workspace()?.base();
    let there = |name: &NotebookName| disk::is_there(&base.join(name.as_str()));
    if there(&rename.old) && !there(&rename.new) {
        session.ui.warn(
            &format!("the file is still called `{}`", rename.old),
            Some(&format!("Rename it too: `git mv {} {}`.", word(&rename.old), word(&rename.new))),
        );
    }
    Ok(())
}

/// Returns a name as one word of a shell.
pub(super) fn word(name: &NotebookName) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+=,@:".contains(c);
    if name.as_str().chars().all(is_plain) {
        return name.to_string();
    }
    format!("'{}'", name.as_str().replace('\'', r"'\''"))
}

/// Returns what `--json` prints of a rename.
pub(super) fn document(rename: &Rename) -> Value {
    let moved = rename.moved.iter();
    let moved = moved.map(|(old, new)| json!({ "from": old.as_str(), "to": json::name(new) }));
    json!({
        "old": rename.old.as_str(),
        "new": rename.new.as_str(),
        "moved": moved.collect::<Vec<_>>(),
        "busy": rename.busy.iter().map(json::name).collect::<Vec<_>>(),
        "unreadable": rename.unreadable.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "already": rename.already,
        "shared_cells": rename.shared_cells,
    })
}
