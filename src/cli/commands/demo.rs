//! `recell demo`: what recell does, shown on real notebooks in a folder of its own.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;

use super::log;
use crate::cli::args::GlobalArgs;
use crate::cli::columns::{Align, Columns};
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::ui::{FAINT, STRONG};
use crate::cli::words::{count, grouped, size, took};
use crate::clock::Timestamp;
use crate::disk;
use crate::error::{Error, Result};
use crate::lookup::Lookup;
use crate::name::EntryName;
use crate::notebook::{
    Notebook, NotebookName, RecordContext, RecordReport, RestoreOptions, StripOptions, record,
    restore, strip,
};
use crate::store::Store;
use crate::workspace::{Surroundings, Workspace};

/// Show what recell does, on real notebooks in a temporary folder
///
/// Records a dozen notebooks, records one again after it was edited and run anew, shows what
/// changed, brings the first run back to the byte, and reads it with plain git. It takes a second
/// and leaves nothing behind.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Keep the folder, to try things in it.
    #[arg(long)]
    keep: bool,
}

macro_rules! fixture {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../../../fixtures/notebooks/", $name)))
    };
}

/// The notebooks, as Jupyter saved them after a run.
const NOTEBOOKS: [(&str, &[u8]); 11] = [
    fixture!("error.ipynb"),
    fixture!("figures.ipynb"),
    fixture!("large_output.ipynb.gz"),
    fixture!("minimal_v40.ipynb"),
    fixture!("no_ids_v44.ipynb"),
    fixture!("odd_format.ipynb"),
    fixture!("rich_types.ipynb"),
    fixture!("sales.ipynb"),
    fixture!("stream.ipynb"),
    fixture!("unicode_Ünïcødé 名前.ipynb"),
    fixture!("widgets.ipynb"),
];
/// The one that is run twice.
const SALES: &str = "sales.ipynb";
const SECOND_RUN: (&str, &[u8]) = fixture!("second-run/sales.ipynb");
/// The cell that was edited, and one whose result changed with it.
const EDITED: &str = "clean";
const CHANGED: &str = "summary";

/// All options off: every output goes.
const ALL: StripOptions<'static> = StripOptions {
    keep_execution_count: false,
    heed_keep_output: false,
    keep_tags: &[],
    max_output: u64::MAX,
};

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let start = Instant::now();
    let place = session.temporary_place();
    let folder = tempfile::Builder::new().prefix("recell-demo-").tempdir_in(&place);
    let folder =
        folder.map_err(|source| Error::Disk { action: "write in", path: place, source })?;
    let demo = Demo::new(session, disk::real_path(folder.path()))?;
    let figures = demo.show(start)?;
    if session.ui.json() {
        session.ui.document(&json!({
            "folder": args.keep.then_some(&demo.root),
            "notebooks": figures.notebooks,
            "entries": figures.entries,
            "output_bytes": figures.output_bytes,
            "stored_bytes": figures.stored_bytes,
            "second_run": { "new": figures.second.new.len(), "unchanged": figures.second.unchanged },
            "same_bytes": true,
            "seconds": start.elapsed().as_secs_f64(),
        }))?;
    } else {
        demo.say_what_next(args.keep)?;
    }
    drop(demo);
    if args.keep {
        drop(folder.keep());
    } else {
        folder.close().map_err(|source| Error::Disk {
            action: "remove",
            path: "the demo's folder".into(),
            source,
        })?;
    }
    Ok(())
}

/// A workspace of its own, with nothing of the user's but how to print.
struct Demo<'s> {
    session: &'s Session,
    root: PathBuf,
    store: Store,
}

/// What the demo did, in numbers.
struct Figures {
    notebooks: usize,
    entries: usize,
    output_bytes: u64,
    stored_bytes: u64,
    second: RecordReport,
}

impl<'s> Demo<'s> {
    fn new(session: &'s Session, root: PathBuf) -> Result<Demo<'s>> {
        let surroundings = Surroundings { directory: root.clone(), ..Surroundings::default() };
        let workspace = Workspace::at(&root, &surroundings)?;
        let store = workspace.create(session.options())?;
        workspace.write_settings(&surroundings)?;
        Ok(Demo { session, root, store })
    }

    fn show(&self, start: Instant) -> Result<Figures, crate::cli::report::Failure> {
        let notebooks = unpacked()?;
        self.title("recell demo", "two runs of a notebook, both kept")?;

        self.step(1, "Eleven notebooks were run. Record them: each run cell becomes an entry.")?;
        self.command("recell record .")?;
        let mut columns = Columns::new(&[
            ("   notebook", Align::Left),
            ("cells", Align::Right),
            ("outputs", Align::Right),
            ("stored", Align::Right),
            ("took", Align::Right),
        ]);
        let mut figures = Figures {
            notebooks: notebooks.len(),
            entries: 0,
            output_bytes: 0,
            stored_bytes: 0,
            second: RecordReport::default(),
        };
        for (name, bytes) in &notebooks {
            disk::replace_unsynced(&self.root.join(name), bytes)?;
            let recording = Instant::now();
            let report = self.record(name, bytes)?;
            columns.push([
                format!("   {name}").into(),
                grouped(report.new.len()).into(),
                size(report.output_bytes).into(),
                size(report.stored_bytes).into(),
                took(recording.elapsed().as_secs_f64()).into(),
            ]);
            figures.entries += report.new.len();
            figures.output_bytes += report.output_bytes;
            figures.stored_bytes += report.stored_bytes;
        }
        if !self.session.ui.json() {
            columns.print(&self.session.ui)?;
        }
        let first_run = self.session.now();

        self.step(
            2,
            &format!("A line is added to cell `{EDITED}` of {SALES}, and all is run again."),
        )?;
        disk::replace_unsynced(&self.root.join(SALES), SECOND_RUN.1)?;
        self.command(&format!("recell record {SALES}"))?;
        figures.second = self.record(SALES, SECOND_RUN.1)?;
        self.note(&format!(
            "{} new, {} unchanged: what ran before the edit is known already.",
            figures.second.new.len(),
            figures.second.unchanged
        ))?;
        self.store.flush()?;

        self.step(3, &format!("Cell `{CHANGED}` was not edited, but what it shows changed. Why?"))?;
        self.log(&format!("{SALES}:{CHANGED}"))?;

        self.step(4, "Bring the first run back: its code is left, its outputs are in the store.")?;
        let first = notebooks.iter().find(|(name, _)| *name == SALES).map(|(_, bytes)| bytes);
        let first = first.expect("it is one of the notebooks");
        let bare = strip(&parse(first), ALL).into_owned();
        disk::replace_unsynced(&self.root.join(SALES), &bare)?;
        self.command(&format!("recell restore {SALES} --as-of {}", first_run.to_rfc3339()))?;
        self.bring_back(SALES, first, Some(first_run))?;
        self.note(&format!(
            "{} bytes of code became {} bytes: the notebook of the first run, to the byte.",
            grouped(bare.len()),
            grouped(first.len())
        ))?;
        let whole = Instant::now();
        let mut bytes = 0;
        for (name, original) in &notebooks {
            self.bring_back(name, original, Some(first_run))?;
            bytes += original.len() as u64;
        }
        self.note(&format!(
            "So do all {}, stripped and restored: {} compared in {}.",
            notebooks.len(),
            size(bytes),
            took(whole.elapsed().as_secs_f64())
        ))?;

        self.step(5, "No recell at hand? The store is a git repository.")?;
        self.read_with_git()?;
        let seconds = took(start.elapsed().as_secs_f64());
        self.line("")?;
        self.line(&format!(
            "{} of {} in {seconds}; {} of outputs take {} in the store.",
            count(figures.entries + figures.second.new.len(), "entry", "entries"),
            count(figures.notebooks, "notebook", "notebooks"),
            size(figures.output_bytes),
            size(figures.stored_bytes),
        ))?;
        Ok(figures)
    }

    fn record(&self, name: &str, bytes: &[u8]) -> Result<RecordReport> {
        let context = RecordContext::at(self.session.now());
        record(&self.store, &name_of(name), &parse(bytes), &context)
    }

    /// Restores a notebook from its code alone, and compares.
    fn bring_back(&self, name: &str, original: &[u8], as_of: Option<Timestamp>) -> Result<()> {
        let bare = strip(&parse(original), ALL);
        let now = self.store.snapshot()?;
        let snapshot = as_of.map_or(now.clone(), |moment| now.as_of(moment));
        let options = RestoreOptions::default();
        let restored = restore(&snapshot, &name_of(name), &parse(&bare), &options);
        disk::replace_unsynced(&self.root.join(name), &restored.bytes)?;
        if disk::read(&self.root.join(name))? == original {
            return Ok(());
        }
        Err(Error::NotRestored { notebook: name.to_owned() })
    }

    /// Prints the log of a cell, as the command does.
    fn log(&self, pattern: &str) -> Outcome {
        self.command(&format!("recell log {pattern}"))?;
        if self.session.ui.json() {
            return Ok(());
        }
        self.session.ui.finish()?;
        let global = GlobalArgs {
            directory: Some(self.root.clone()),
            store: Some(self.store.path().display().to_string()),
            ..self.session.ui.flags()
        };
        let here = Session::new(global, "demo")?;
        log::run(&log::Args::of(pattern).expect("the pattern is well formed"), &here)?;
        here.ui.finish()
    }

    fn read_with_git(&self) -> Outcome {
        let Some(entry) = self.newest(CHANGED)? else { return Ok(()) };
        let object = format!("{entry}:outputs/0.txt");
        self.command(&format!("git -C .recell/store.git show {object}"))?;
        let git = self.session.git();
        match git.command(["show", &object]).on_repository(self.store.path()).run() {
            Ok(output) => {
                for line in output.text().lines() {
                    self.line(&format!("   {line}"))?;
                }
                Ok(())
            }
            Err(error @ Error::GitNotFound { .. }) => self.note(&format!("({error})")),
            Err(error) => Err(error.into()),
        }
    }

    fn newest(&self, cell: &str) -> Result<Option<EntryName>> {
        let pattern = crate::index::Pattern::parse(&format!("{SALES}:{cell}"));
        let names = self.store.list(&pattern.expect("the pattern is well formed"))?;
        let newest = names.into_iter().max_by_key(EntryName::created_at);
        let Some(name) = newest else { return Ok(None) };
        Ok(match self.store.entry(&name)? {
            Lookup::Hit(_) => Some(name),
            Lookup::Miss(_) => None,
        })
    }

    fn say_what_next(&self, keep: bool) -> Outcome {
        self.line("")?;
        self.line(&self.session.ui.paint(STRONG, "What next"))?;
        let mut next = vec![
            ("recell init", "in the folder of your notebooks"),
            ("recell record .", "keeps the outputs that they show now"),
            ("recell filter install", "lets `git add` strip them and keep every run"),
            ("recell log NOTEBOOK:CELL", "shows what changed, and when"),
        ];
        if keep {
            next.truncate(0);
            self.line(&format!("   cd {}", self.root.display()))?;
            next.extend([
                ("recell log 'sales.ipynb'", "every result of the two runs"),
                ("recell show sales.ipynb:summary", "one of them"),
                ("recell strip . && recell restore .", "out and back"),
                ("git -C .recell/store.git tag -l", "the same with plain git"),
            ]);
        }
        let width = next.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
        for (command, meaning) in next {
            let meaning = self.session.ui.paint(FAINT, meaning);
            self.line(&format!("   {command:width$}  {meaning}"))?;
        }
        Ok(())
    }

    fn title(&self, title: &str, about: &str) -> Outcome {
        self.line(&format!("{}: {about}", self.session.ui.paint(STRONG, title)))
    }

    fn step(&self, number: u32, text: &str) -> Outcome {
        self.line("")?;
        self.line(&format!("{}  {text}", self.session.ui.paint(STRONG, number)))
    }

    fn command(&self, command: &str) -> Outcome {
        self.line(&format!("   {}", self.session.ui.paint(FAINT, format!("$ {command}"))))
    }

    fn note(&self, text: &str) -> Outcome {
        self.line(&format!("   {text}"))
    }

    fn line(&self, text: &str) -> Outcome {
        if self.session.ui.json() { Ok(()) } else { self.session.ui.line(text) }
    }
}

fn parse(bytes: &[u8]) -> Notebook<'_> {
    Notebook::parse(bytes).expect("a fixture is a notebook")
}

fn name_of(name: &str) -> NotebookName {
    NotebookName::of_path(Path::new(name)).expect("a fixture has a name")
}

/// Returns the notebooks, those inflated that are carried compressed.
fn unpacked() -> Result<Vec<(&'static str, Vec<u8>)>> {
    let mut notebooks = Vec::with_capacity(NOTEBOOKS.len());
    for (name, bytes) in NOTEBOOKS {
        notebooks.push(match name.strip_suffix(".gz") {
            None => (name, bytes.to_vec()),
            Some(name) => {
                let mut whole = Vec::new();
                let read = flate2::read::GzDecoder::new(bytes).read_to_end(&mut whole);
                read.map_err(|source| Error::Disk {
                    action: "inflate",
                    path: name.into(),
                    source,
                })?;
                (name, whole)
            }
        });
    }
    Ok(notebooks)
}
