//! `recell cat`: the bytes of one part.

use std::io::Write;

use crate::cli::args::{ByteRange, byte_range};
use crate::cli::report::{Failure, Outcome};
use crate::cli::selection::Selection;
use crate::cli::session::Session;
use crate::error::Error;
use crate::store::Entry;

/// Print the bytes of a part
///
/// They are checked before they are printed, and arrive as they were stored. With --json only
/// errors are JSON.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The entry, as for `recell get`.
    key: Selection,
    /// The part: its path, or its name if no other part has it.
    part: String,
    /// Print only these bytes, START..END; either may be left out.
    #[arg(long, value_name = "RANGE", value_parser = byte_range)]
    range: Option<ByteRange>,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    let entry = args.key.entry_for_use(session, &session.snapshot(&store)?)?;
    session.ui.with_out(|out| match args.range {
        None => Ok(entry.copy_to(&args.part, out)?.ok()?),
        Some(range) => copy_range(&entry, &args.part, range, out),
    })
}

fn copy_range(entry: &Entry, part: &str, range: ByteRange, out: &mut dyn Write) -> Outcome {
    /// As much as is read at once.
    const STEP: u64 = 32 << 20;
    let size = entry.manifest().part(part).map_or(0, |part| part.size);
    let end = range.end.unwrap_or(size).min(size);
    let mut at = range.start.min(end);
    loop {
        let next = (at + STEP).min(end);
        let bytes = entry.read_range(part, at..next).ok()?;
        out.write_all(&bytes)
            .map_err(|source| Failure::from(Error::WritePart { part: part.to_owned(), source }))?;
        at = next;
        if at >= end {
            return Ok(());
        }
    }
}
