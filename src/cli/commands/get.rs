//! `recell get`: what an entry holds, and its parts as files.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::describe::one_line;
use crate::cli::report::{Failure, Outcome};
use crate::cli::selection::Selection;
use crate::cli::session::Session;
use crate::cli::{json, words};
use crate::disk;
use crate::entry::{MANIFEST_FILE, Part};
use crate::error::{Error, Result};
use crate::lookup::{Lookup, Miss};
use crate::progress::{Progress, Unit};
use crate::store::Entry;
use crate::sync;

/// Print what an entry holds, or write its parts as files
///
/// KEY is notebook:cell:module[:version], which stands for its newest entry; or notebook:cell for
/// the newest of any module, where the names may be shortened; or the name or id of one entry. With
/// `~2` behind it, it is two versions back; with `@` and a time or a commit, it is of then:
/// `sales:load@"2 days ago"`, `sales:load@HEAD~5` (docs/selectors.md).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The entry.
    key: Selection,
    /// Write `entry.toml` and every part below this folder; files of the same name are replaced.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    let entry = args.key.entry_for_use(session, &session.snapshot(&store)?)?;
    match &args.output {
        Some(folder) => {
            let names = std::slice::from_ref(entry.name());
            sync::prefetch(&store, &store.snapshot()?, names, None);
            write_out(session, &entry, &session.path(folder))
        }
        None if session.ui.json() => session.ui.document(&json::entry_here(&entry)),
        None => print(session, &entry),
    }
}

fn print(session: &Session, entry: &Entry) -> Outcome {
    let ui = &session.ui;
    let manifest = entry.manifest();
    ui.line(format_args!("entry   {}", entry.name()))?;
    ui.line(format_args!("key     {}", one_line(&manifest.key.to_string())))?;
    ui.line(format_args!("made    {}", manifest.created_at.to_rfc3339()))?;
    ui.line(format_args!("by      {}", one_line(&manifest.provenance.producer)))?;
    if let Some(seconds) = manifest.provenance.compute_seconds {
        ui.line(format_args!("took    {}", words::took(seconds)))?;
    }
    for part in &manifest.parts {
        let described = format!("{}  {}", part.path, words::part_of(entry, part));
        ui.line(format_args!("part    {}", one_line(&described)))?;
    }
    Ok(())
}

/// Writes the manifest and all parts; parts that cannot be read are reported after the others
/// are written.
fn write_out(session: &Session, entry: &Entry, folder: &Path) -> Outcome {
    disk::create_folders(folder)?;
    let mut misses: Vec<Miss> = Vec::new();
    let mut written = vec![folder.join(MANIFEST_FILE)];
    let manifest = entry.manifest();
    replace(folder, &written[0], |out| {
        out.write_all(manifest.to_toml().as_bytes())
            .map_err(|source| Error::WritePart { part: MANIFEST_FILE.into(), source })?;
        Ok(Lookup::Hit(()))
    })?
    .ok()?;
    let progress = session.ui.progress();
    progress.begin("writing", Some(manifest.size()), Unit::Bytes);
    for part in &manifest.parts {
        let path = file_of(folder, part);
        let copy = |out: &mut dyn Write| {
            entry.copy_to(part.path.as_str(), &mut Counted { out, progress: &progress })
        };
        match replace(folder, &path, copy)? {
            Lookup::Hit(()) => written.push(path),
            Lookup::Miss(miss) => misses.push(miss),
        }
    }
    progress.end();
    if session.ui.json() {
        let mut value = json::entry_here(entry);
        json::extend(&mut value, json!({ "files": written }));
        session.ui.document(&value)?;
    } else {
        for path in &written {
            session.ui.line(path.display())?;
        }
    }
    if misses.is_empty() { Ok(()) } else { Err(Failure::Misses(misses)) }
}

/// Returns the file that a part becomes: its path as git's tree spells it, which cannot climb.
fn file_of(folder: &Path, part: &Part) -> PathBuf {
    let mut path = folder.to_owned();
    path.extend(part.path.tree_components().map(std::borrow::Cow::into_owned));
    path
}

/// Makes or replaces the file at `path`, which must be below `folder` even where links lead.
fn replace(
    folder: &Path,
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<Lookup<()>>,
) -> Result<Lookup<()>> {
    let parent = path.parent().unwrap_or(folder);
    // Before it is made, as a link may lead to where folders must not appear.
    refuse_links(folder, parent)?;
    disk::create_folders(parent)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    let partial = parent.join(name);
    // A new name and a rename: a link that stands there is replaced and not followed.
    disk::remove(&partial)?;
    let mut file = BufWriter::with_capacity(1 << 20, disk::create_new(&partial)?);
    let written = write(&mut file).and_then(|lookup| {
        file.flush().map_err(|source| Error::Disk {
            action: "write",
            path: partial.clone(),
            source,
        })?;
        Ok(lookup)
    });
    match written {
        Ok(Lookup::Hit(())) => disk::rename(&partial, path).map(Lookup::Hit),
        other => {
            disk::remove(&partial)?;
            other
        }
    }
}

fn refuse_links(folder: &Path, parent: &Path) -> Result<()> {
    let real = disk::real_path(folder);
    for above in parent.ancestors().take_while(|above| above.starts_with(folder)) {
        if disk::is_there(above) && !disk::real_path(above).starts_with(&real) {
            return Err(Error::OutsideFolder { path: above.into(), folder: folder.into() });
        }
    }
    Ok(())
}

/// Reports the bytes that pass.
struct Counted<'a> {
    out: &'a mut dyn Write,
    progress: &'a dyn Progress,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.progress.advance(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
