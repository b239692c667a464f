//! `recell bundle get`: all of a bundle, as files.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::files;
use super::key::Which;
use super::probe::facts;
use super::stats::columnar;
use super::versions::summary;
use crate::bundle::{Bundle, StatsState};
use crate::cli::describe::one_line;
use crate::cli::report::{Failure, Outcome};
use crate::cli::session::Session;
use crate::cli::{json, words};
use crate::disk;
use crate::error::Error;

/// Say what a bundle holds, or write all of it as files
///
/// With --out: `meta.json`, `display.json`, `schema.json`, `window.parquet`, and of each scope of
/// stats `<scope>.stats` and the same as `<scope>.stats.parquet`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Write its files into this folder.
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace files that are there.
    #[arg(long, requires = "out")]
    force: bool,
}

pub(super) fn run(args: &Args, session: &Session) -> Outcome {
    let bundle = args.which.bundle(session)?;
    let written = match &args.out {
        Some(folder) => write(session, &bundle, &session.path(folder), args.force)?,
        None => Vec::new(),
    };
    let ui = &session.ui;
    if ui.json() {
        let mut value = summary(&bundle);
        let mut more =
            json!({ "parts": json::entry(bundle.name(), bundle.entry().manifest())["parts"] });
        if args.out.is_some() {
            json::extend(&mut more, json!({ "files": written }));
        }
        json::extend(&mut value, more);
        return ui.document(&value);
    }
    if args.out.is_some() {
        return written.iter().try_for_each(|path| ui.line(path.display()));
    }
    print(session, &bundle)
}

fn print(session: &Session, bundle: &Bundle) -> Outcome {
    let ui = &session.ui;
    let manifest = bundle.entry().manifest();
    ui.line(format_args!("bundle         {}", bundle.name()))?;
    ui.line(format_args!("data           {}", one_line(&words::cut(bundle.data_id(), 200))))?;
    ui.line(format_args!("configuration  {}", one_line(&words::cut(bundle.config_id(), 200))))?;
    if !bundle.operations().is_empty() {
        let operations = bundle.operations().to_json().to_string();
        ui.line(format_args!("operations     {}", one_line(&words::cut(&operations, 400))))?;
    }
    ui.line(format_args!("made           {}", manifest.created_at.to_rfc3339()))?;
    ui.line(format_args!("by             {}", one_line(&manifest.provenance.producer)))?;
    for (name, version) in bundle.versions() {
        ui.line(format_args!("with           {}", one_line(&format!("{name} {version}"))))?;
    }
    if let Some(seconds) = manifest.provenance.compute_seconds {
        ui.line(format_args!("took           {}", words::took(seconds)))?;
    }
    ui.line(format_args!("holds          {}", facts(bundle)))?;
    let columns = bundle.schema().columns().len();
    ui.line(format_args!("columns        {}", words::grouped(columns)))?;
    for part in &manifest.parts {
        let size = words::size(part.size);
        ui.line(format_args!("part           {}", one_line(&format!("{}  {size}", part.path))))?;
    }
    Ok(())
}

/// Writes the files of a bundle, all of them or, where one is in the way, none.
fn write(
    session: &Session,
    bundle: &Bundle,
    folder: &Path,
    may_replace: bool,
) -> Result<Vec<PathBuf>, Failure> {
    let mut all: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    for part in &bundle.entry().manifest().parts {
        let bytes = bundle.entry().read(part.path.as_str()).ok()?;
        // Without the folder of their kind, `bundle` or `stats`; so spelled that they cannot climb.
        let mut path = folder.to_owned();
        path.extend(part.path.tree_components().skip(1).map(std::borrow::Cow::into_owned));
        all.push((path, bytes));
    }
    if bundle.stats_state() == StatsState::Complete {
        for scope in bundle.stats_scopes() {
            let stats = bundle.stats(scope).ok()?;
            let table = columnar(&stats)?;
            all.push((folder.join(format!("{scope}.stats.parquet")), table));
        }
    }
    let taken = all.iter().find(|(path, _)| disk::is_there(path));
    if let Some((path, _)) = taken.filter(|_| !may_replace) {
        return Err(Error::FileExists { path: path.clone() }.into());
    }
    let real = |path: &Path| disk::real_path(path);
    disk::create_folders(folder)?;
    for (path, bytes) in &all {
        let parent = path.parent().unwrap_or(folder);
        if disk::is_there(parent) && !real(parent).starts_with(real(folder)) {
            return Err(Error::OutsideFolder { path: parent.into(), folder: folder.into() }.into());
        }
        disk::create_folders(parent)?;
        files::write(path, bytes, true)?;
    }
    session.ui.detail(|| format!("{} written", words::count(all.len(), "file", "files")));
    Ok(all.into_iter().map(|(path, _)| path).collect())
}
