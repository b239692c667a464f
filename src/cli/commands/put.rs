//! `recell put`: stores a result.

use std::path::PathBuf;

use super::batch;
use crate::cli::args::{assignment, part_kind, seconds};
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::{json, media};
use crate::entry::{PartKind, PartPath};
use crate::error::{Error, Result};
use crate::name::ExecutionKey;
use crate::progress::{Progress, Unit};
use crate::store::{Draft, Source};

/// What the manifest says of entries that this command puts.
pub(super) const PRODUCER: &str = concat!("recell ", env!("CARGO_PKG_VERSION"), " put");

/// Store a result and print its name
///
/// When the name is printed, the result survives the death of any process. NAME is where the
/// part goes: `outputs/plot.png`, or `plot.png` alone for an output; FILE may be `-` for standard
/// input.
///
/// With --batch, standard input is read: one JSON line an entry, and its name is printed as soon
/// as it is stored. A part is a text, {"file": PATH} or {"base64": TEXT}:
///
///   {"key": "nb.ipynb:load:abc123", "parts": {"value": "text", "plot": {"file": "p.png"}}}
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// What the result is of: notebook:cell:module[:version].
    #[arg(required_unless_present = "batch")]
    key: Option<ExecutionKey>,
    /// The parts of the result.
    #[arg(value_name = "NAME=FILE", value_parser = assignment)]
    #[arg(required_unless_present = "batch")]
    parts: Vec<(String, String)>,
    /// Read entries as JSON lines from standard input.
    #[arg(long, conflicts_with_all = ["key", "parts", "kind", "media_type"])]
    #[arg(conflicts_with_all = ["compute_seconds", "annotations"])]
    batch: bool,
    /// What parts without a folder are: output (default), variable, bundle, stats, code or file.
    #[arg(long, value_name = "KIND", value_parser = part_kind)]
    kind: Option<PartKind>,
    /// The media type of all parts; by default each file's extension tells.
    #[arg(long, value_name = "TYPE")]
    media_type: Option<String>,
    /// How long the result took to compute.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    compute_seconds: Option<f64>,
    /// A further fact to keep with the result; may be repeated.
    #[arg(long = "annotation", value_name = "NAME=VALUE", value_parser = assignment)]
    annotations: Vec<(String, String)>,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let Some(key) = &args.key else { return batch::run(session) };
    let mut draft = Draft::new(PRODUCER);
    draft.provenance.compute_seconds = args.compute_seconds;
    draft.provenance.annotations = args.annotations.iter().cloned().collect();
    let mut stdin_taken = false;
    for (name, file) in &args.parts {
        let path = part_path(name, args.kind.unwrap_or(PartKind::Output))?;
        let guess = || media::of_name(name).or_else(|| media::of_name(file));
        let media_type = args.media_type.as_deref().or_else(guess).unwrap_or(media::UNKNOWN);
        let source = if file == "-" {
            if std::mem::replace(&mut stdin_taken, true) {
                return Err(Error::StdinTwice { part: name.clone() }.into());
            }
            Source::Reader(Box::new(std::io::stdin()))
        } else {
            Source::File(session.path(&PathBuf::from(file)))
        };
        draft = draft.part(path, media_type, source);
    }
    let store = session.store_to_put()?;
    let progress = session.ui.progress();
    progress.begin("storing", None, Unit::Time);
    let name = store.put(key, draft)?;
    progress.end();
    if session.ui.json() {
        session.ui.document(&json::name(&name))?;
    } else {
        session.ui.line(&name)?;
    }
    session.ui.finish()?;
    session.flush_after_put(&store);
    Ok(())
}

/// Returns where a part goes: as it is written if it starts with the folder of a kind, else into
/// the folder of `kind`.
pub(super) fn part_path(name: &str, kind: PartKind) -> Result<PartPath> {
    PartPath::new(name)
        .or_else(|_| PartPath::of(kind, name))
        .map_err(|source| Error::PartPath { text: name.to_owned(), source: source.into() })
}
