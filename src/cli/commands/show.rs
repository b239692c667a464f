//! `recell show`: an entry for a person.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::describe::{HEAD, describe, harmless, one_line};
use crate::cli::report::{Failure, Outcome};
use crate::cli::selection::Selection;
use crate::cli::session::Session;
use crate::cli::ui::{FAINT, STRONG};
use crate::cli::{json, media, words};
use crate::disk;
use crate::entry::{Manifest, Part, PartKind};
use crate::error::Result;
use crate::lookup::{Lookup, Miss};
use crate::retention::pins;
use crate::store::Entry;

/// Lines of a text that are printed without being asked for all.
const LINES: usize = 40;
/// Characters of a line that are printed.
const LINE_LENGTH: usize = 200;
/// What recell keeps for itself; it says nothing to a person.
const OWN: &str = "application/vnd.recell.";

/// Show an entry: what made it, and what it shows
///
/// Text is printed, images and tables are described. KEY is as for `recell get`, and its module
/// may be shortened.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The entry.
    key: Selection,
    /// Only this part: its path, or its name if no other part has it.
    part: Option<String>,
    /// Print texts to their end.
    #[arg(long)]
    all: bool,
    /// Write the part to a temporary file and print where; without PART the most telling output.
    #[arg(long)]
    open: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    let entry = args.key.entry_for_person(session, &session.snapshot(&store)?)?;
    let manifest = entry.manifest();
    let asked = args.part.as_deref().map(|part| part_of(&entry, part)).transpose()?;
    if args.open {
        let part = asked.or_else(|| most_telling(manifest));
        let none = || Miss::NeverStored { name: format!("{}:outputs", entry.name()) };
        return open(session, &entry, part.ok_or_else(none)?);
    }
    let is_pinned = pins(&store)?.contains(entry.name());
    let is_shown = |part: &&Part| match asked {
        Some(asked) => part.path == asked.path,
        None => !is_own(part),
    };
    let mut misses = Vec::new();
    if session.ui.json() {
        let mut value = json::entry_here(&entry);
        let mut described = serde_json::Map::new();
        for part in manifest.parts.iter().filter(is_shown) {
            let text = match head(&entry, part) {
                Lookup::Hit(head) => describe(&part.media_type, &head, part.size),
                Lookup::Miss(miss) => {
                    misses.extend(Some(miss).filter(|miss| asked.is_some() || is_told(miss)));
                    None
                }
            };
            described.extend(text.map(|text| (part.path.to_string(), text.into())));
        }
        json::extend(
            &mut value,
            json!({ "tree": entry.tree(), "pinned": is_pinned, "described": described }),
        );
        session.ui.document(&value)?;
    } else {
        print_facts(session, &entry, is_pinned)?;
        for part in manifest.parts.iter().filter(is_shown) {
            misses.extend(print_part(session, &entry, part, args.all, asked.is_some())?);
        }
    }
    if misses.is_empty() { Ok(()) } else { Err(Failure::Misses(misses)) }
}

/// Whether a miss keeps the command from what it was asked for: that a part is not handed out, or
/// stayed where it was made, is as it should be, unless it is what was asked for.
fn is_told(miss: &Miss) -> bool {
    !is_untrusted(miss) && !matches!(miss, Miss::LocalElsewhere { .. })
}

fn part_of<'a>(entry: &'a Entry, path: &str) -> Result<&'a Part, Miss> {
    let missing = || Miss::NeverStored { name: format!("{}:{path}", entry.name()) };
    entry.manifest().part(path).ok_or_else(missing)
}

fn is_untrusted(miss: &Miss) -> bool {
    matches!(miss, Miss::Untrusted { .. })
}

fn is_own(part: &Part) -> bool {
    part.media_type.starts_with(OWN)
}

fn head(entry: &Entry, part: &Part) -> Lookup<Vec<u8>> {
    entry.read_range(part.path.as_str(), 0..HEAD)
}

fn print_facts(session: &Session, entry: &Entry, is_pinned: bool) -> Outcome {
    let ui = &session.ui;
    let Manifest { key, created_at, provenance, parts, .. } = entry.manifest();
    let fact = |name: &str, value: &str| {
        ui.line(format_args!("  {} {}", ui.paint(FAINT, format!("{name:<8}")), one_line(value)))
    };
    ui.line(ui.paint(STRONG, one_line(&key.to_string())))?;
    fact("entry", entry.name().as_str())?;
    let ago = words::ago(session.now(), *created_at);
    fact("made", &format!("{} ({ago})", created_at.to_local()))?;
    fact("by", &provenance.producer)?;
    if let Some(seconds) = provenance.compute_seconds {
        fact("took", &words::took(seconds))?;
    }
    if let Some(commit) = &provenance.host_commit {
        let dirty = if provenance.host_dirty == Some(true) { ", with changes" } else { "" };
        fact("commit", &format!("{}{dirty}", words::short(commit, 12)))?;
    }
    if is_pinned {
        fact("pinned", "no rule removes it")?;
    }
    let count = words::count(parts.len(), "part", "parts");
    fact("size", &format!("{} in {count}", words::size(entry.manifest().size())))?;
    for (name, value) in &provenance.ingredients {
        fact("made of", &format!("{} {}", name.replace('_', " "), words::short(value, 12)))?;
    }
    for name in &provenance.upstream {
        fact("after", name)?;
    }
    for (name, value) in &provenance.annotations {
        fact("note", &format!("{name}: {value}"))?;
    }
    Ok(())
}

/// Prints one part; returns why it cannot be read if so.
fn print_part(
    session: &Session,
    entry: &Entry,
    part: &Part,
    all: bool,
    is_asked: bool,
) -> Result<Option<Miss>, Failure> {
    let ui = &session.ui;
    let path = ui.paint(STRONG, one_line(part.path.as_str()));
    let title = |what: &str| ui.line(format_args!("\n{path}  {}", ui.paint(FAINT, what)));
    let shows_text = media::is_text(&part.media_type) && part.path.kind() != PartKind::Variable;
    let read = if all && shows_text { entry.read(part.path.as_str()) } else { head(entry, part) };
    let head = match read {
        Lookup::Hit(head) => head,
        Lookup::Miss(miss) => {
            let why = match miss {
                Miss::LocalElsewhere { .. } => String::new(),
                _ => format!(", {}", miss.code().replace('_', " ")),
            };
            title(&format!("{}{why}", words::part_of(entry, part)))?;
            return Ok(Some(miss).filter(|miss| is_asked || is_told(miss)));
        }
    };
    if let Some(text) = describe(&part.media_type, &head, part.size) {
        let place = if part.local { ", stays on this machine" } else { "" };
        title(&format!("{text}, {}{place}", words::size(part.size)))?;
        return Ok(None);
    }
    title(&one_line(&words::part_of(entry, part)))?;
    if shows_text {
        print_text(session, entry, part, &head, all)?;
    }
    Ok(None)
}

fn print_text(session: &Session, entry: &Entry, part: &Part, head: &[u8], all: bool) -> Outcome {
    let ui = &session.ui;
    let text = harmless(&String::from_utf8_lossy(head), ui.has_color());
    let mut lines = text.lines();
    let most = if all { usize::MAX } else { LINES };
    let mut cut = false;
    for line in lines.by_ref().take(most) {
        let shown = if all { line.to_owned() } else { words::cut(line, LINE_LENGTH) };
        cut |= shown.len() < line.len();
        ui.line(format_args!("  {shown}"))?;
    }
    let left = lines.count();
    let is_whole = head.len() as u64 >= part.size;
    let more = match (left, is_whole) {
        (0, true) if !cut => return Ok(()),
        (0, true) => "long lines are cut".into(),
        (left, true) => words::count(left, "more line", "more lines"),
        (_, false) => format!("{} in all", words::size(part.size)),
    };
    let command = format!("recell cat {} {}", entry.name().id8(), part.path);
    ui.line(format_args!("  {}", ui.paint(FAINT, format!("… {more}: `{command}`"))))
}

/// Writes a part to a file of its own and prints where that is.
fn open(session: &Session, entry: &Entry, part: &Part) -> Outcome {
    let folder = session.temporary_folder()?;
    let path = folder.join(file_name(part));
    let mut file = disk::create_new(&path)?;
    entry.copy_to(part.path.as_str(), &mut file)?.ok()?;
    if session.ui.json() {
        let part = json::part(part);
        return session.ui.document(&json!({ "file": path, "part": part }));
    }
    session.ui.line(path.display())
}

/// Returns the output that shows most: an image before a page before any other.
fn most_telling(manifest: &Manifest) -> Option<&Part> {
    let rank = |part: &Part| match media::essence(&part.media_type) {
        kind if kind.starts_with("image/") => 0,
        "text/html" | "application/pdf" => 1,
        "text/plain" => 3,
        _ => 2,
    };
    let outputs = manifest.parts_of(PartKind::Output).filter(|part| !is_own(part));
    outputs.min_by_key(|part| rank(part)).or_else(|| manifest.parts.first())
}

/// Returns the last component of a part's path, which cannot climb, with an extension that other
/// programs know.
fn file_name(part: &Part) -> PathBuf {
    let last = part.path.tree_components().last().unwrap_or_default().into_owned();
    match media::extension(&part.media_type) {
        Some(extension) if Path::new(&last).extension().is_none() => {
            format!("{last}.{extension}").into()
        }
        _ => last.into(),
    }
}
