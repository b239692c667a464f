//! `recell import-history`: the past of the host repository as entries.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::columns::{Align, Columns};
use crate::cli::commands::mv;
use crate::cli::notebooks::{self, NamedPaths};
use crate::cli::renames;
use crate::cli::report::Outcome;
use crate::cli::runs::RunKeeper;
use crate::cli::session::Session;
use crate::cli::words::{count, grouped, short, size};
use crate::collection::CollectionName;
use crate::error::Error;
use crate::name::EntryName;
use crate::notebook::{
    ImportOptions, ImportPlan, ImportReport, ImportSource, ImportWatcher, NotebookName, Rename,
    import, plan_import,
};
use crate::store::Store;

/// As many broken versions are named one by one; `--json` has all.
const NAMED: usize = 20;
/// The digits of a commit that people see.
const DIGITS: usize = 10;

/// Record every committed version of your notebooks
///
/// Walks over the commits of your git repository and records each version of each notebook as it
/// would have been recorded then: with the time and the id of its commit. Renames are followed: a
/// notebook's whole past is under the name that it has now. What is recorded already is passed
/// over, so that this may be stopped at any time and run again. What was imported is a run, unless
/// all of it was there already. Your repository is only read.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The notebooks: files, folders with all below, or globs, as they are called now or once
    /// were; all if none is named
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Walk over these commits, as `git log` takes them: `main`, `main~50..main`; else over all
    /// branches and tags
    #[arg(long, short = 'r', value_name = "RANGE", value_parser = revision)]
    range: Vec<String>,
    /// Only commits since then, as `git log` takes it: `2026-01-31`, `2 weeks ago`
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Look at all versions again, also at those that were imported before
    #[arg(long)]
    again: bool,
    /// Say what there is to import, and import nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
}

/// Reads a revision, which is never an option of git.
fn revision(text: &str) -> Result<String, String> {
    if text.starts_with('-') || text.is_empty() {
        return Err("it is no revision".into());
    }
    Ok(text.to_owned())
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let workspace = session.workspace()?;
    let paths = NamedPaths::new(session, workspace, &args.paths)?;
    let wanted = |name: &NotebookName, all: &[NotebookName]| {
        paths.has_file(all) || (notebooks::is_included(workspace.config(), name) && paths.has(all))
    };
    let source = ImportSource {
        base: workspace.base(),
        git: session.git_environment(),
        revisions: &args.range,
        since: args.since.as_deref(),
        wanted: &wanted,
    };
    let progress = session.ui.progress();
    let plan = plan_import(&source, &progress)?;
    if plan.versions() == 0 && !args.paths.is_empty() {
        let paths: Vec<String> = args.paths.iter().map(|path| path.display().to_string()).collect();
        return Err(Error::NoNotebooks { text: paths.join(" ") }.into());
    }
    if args.dry_run {
        return show_plan(session, &plan);
    }
    // Long work: it waits for the locks of others as long as any writer.
    let store = workspace.open_or_create(session.options())?;
    let options = ImportOptions {
        now: session.now(),
        again: args.again,
        max_output: workspace.config().filter.max_output.bytes(),
    };
    let run = RunKeeper::new("import-history", session);
    let mut watcher = Watcher { session, store: &store, run };
    let report = import(&store, &plan, &options, &mut watcher, &progress);
    // What was recorded until a failure is recorded.
    let run = watcher.run.finish(session, &store);
    let report = report?;
    session.flush_after_put(&store);
    if session.ui.json() {
        return session.ui.document(&document(&report, run.as_ref()));
    }
    print(session, &report)
}

/// Does as the import goes on what others need that look at the store.
struct Watcher<'a> {
    session: &'a Session,
    store: &'a Store,
    run: RunKeeper,
}

impl ImportWatcher for Watcher<'_> {
    fn renamed(&mut self, renames: &[&Rename]) {
        renames::follow(self.session, self.store, renames.iter().copied());
    }

    fn recorded(&mut self, entries: &[EntryName]) {
        self.run.take_in_new(entries);
    }
}

fn show_plan(session: &Session, plan: &ImportPlan) -> Outcome {
    if session.ui.json() {
        let notebooks = plan.notebooks().map(|(name, versions, former)| {
            let former: Vec<&str> = former.iter().map(NotebookName::as_str).collect();
            json!({ "notebook": name.as_str(), "versions": versions, "former": former })
        });
        let notebooks: Vec<Value> = notebooks.collect();
        return session.ui.document(&json!({ "dry_run": true, "notebooks": notebooks }));
    }
    let mut columns = Columns::new(&[
        ("notebook", Align::Left),
        ("versions", Align::Right),
        ("once called", Align::Left),
    ]);
    for (name, versions, former) in plan.notebooks() {
        let former: Vec<&str> = former.iter().map(NotebookName::as_str).collect();
        columns.push([name.as_str().into(), grouped(versions).into(), former.join(", ").into()]);
    }
    columns.print(&session.ui)?;
    let notebooks = count(plan.notebooks().count(), "notebook", "notebooks");
    let versions = count(plan.versions(), "version", "versions");
    session.ui.say(format!("{versions} of {notebooks} would be looked at"));
    Ok(())
}

fn print(session: &Session, report: &ImportReport) -> Outcome {
    let ui = &session.ui;
    let mut columns = Columns::new(&[
        ("notebook", Align::Left),
        ("versions", Align::Right),
        ("known", Align::Right),
        ("without outputs", Align::Right),
        ("new entries", Align::Right),
        ("unchanged", Align::Right),
    ]);
    let some = |number: usize| if number == 0 { String::new() } else { grouped(number) };
    for notebook in &report.notebooks {
        columns.push([
            notebook.name.as_str().into(),
            grouped(notebook.versions).into(),
            some(notebook.known).into(),
            some(notebook.without_outputs).into(),
            grouped(notebook.entries).into(),
            some(notebook.unchanged).into(),
        ]);
    }
    columns.print(ui)?;
    for broken in report.broken.iter().take(NAMED) {
        let commit = short(&broken.commit, DIGITS);
        ui.warn(&format!("`{}` at {commit}: {}", broken.path, broken.reason), None);
    }
    if let Some(more @ 1..) = report.broken.len().checked_sub(NAMED) {
        let more = count(more, "more version", "more versions");
        ui.warn(&format!("{more} could not be read"), Some("`--json` lists all."));
    }
    for notebook in &report.notebooks {
        if notebook.too_large > 0 {
            let cells = count(notebook.too_large, "output", "outputs");
            let message =
                format!("`{}`: {cells} too large to be recorded were left out", notebook.name);
            ui.warn(&message, Some("`filter.max_output` is the bound."));
        }
        notebook.renamed.iter().for_each(|rename| mv::say(ui, rename));
    }
    let sum = |of: fn(&crate::notebook::ImportedNotebook) -> usize| -> usize {
        report.notebooks.iter().map(of).sum()
    };
    let versions = count(sum(|notebook| notebook.versions), "version", "versions");
    let notebooks = count(report.notebooks.len(), "notebook", "notebooks");
    let entries = count(sum(|notebook| notebook.entries), "new entry", "new entries");
    let stored = size(report.stored_bytes);
    ui.say(format!("{versions} of {notebooks}: {entries}, {stored} stored"));
    if report.elsewhere > 0 {
        let elsewhere = count(report.elsewhere, "version is", "versions are");
        ui.say(format!("{elsewhere} kept elsewhere: links, or pointers of Git LFS or git-annex"));
    }
    Ok(())
}

fn document(report: &ImportReport, run: Option<&CollectionName>) -> Value {
    let notebooks = report.notebooks.iter().map(|notebook| {
        json!({
            "notebook": notebook.name.as_str(),
            "versions": notebook.versions,
            "known": notebook.known,
            "without_outputs": notebook.without_outputs,
            "entries": notebook.entries,
            "unchanged": notebook.unchanged,
            "too_large": notebook.too_large,
            "renamed": notebook.renamed.iter().map(mv::document).collect::<Vec<_>>(),
        })
    });
    let broken = report.broken.iter().map(
        |broken| json!({ "commit": broken.commit, "path": broken.path, "reason": broken.reason }),
    );
    json!({
        "dry_run": false,
        "notebooks": notebooks.collect::<Vec<_>>(),
        "broken": broken.collect::<Vec<_>>(),
        "elsewhere": report.elsewhere,
        "run": run.map(CollectionName::as_str),
        "read_bytes": report.read_bytes,
        "stored_bytes": report.stored_bytes,
    })
}
