//! `recell verify`: whether the store is whole.

use serde_json::json;

use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::words::{count, size};
use crate::error::Error;
use crate::name::EntryName;
use crate::sync::Holders;
use crate::verify::{Elsewhere, Problem, VerifyOptions, verify_beside};

/// Check the store
///
/// Without `--full`: every name has its entry, every entry its parts, every journal and pack can
/// be opened. Each thing that is damaged or missing is a line; the exit code is then 4.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Read every byte and check it against its digest
    #[arg(long)]
    full: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store_despite_damage()?;
    let ui = &session.ui;
    let progress = ui.progress();
    let holders = Holders::read(&store).ok().filter(|holders| !holders.is_empty());
    let has = |name: &EntryName| holders.as_ref().is_some_and(|it| !it.of(name).is_empty());
    let elsewhere = holders.is_some().then_some(&has as Elsewhere<'_>);
    let options = VerifyOptions { full: args.full };
    let report = verify_beside(&store, options, elsewhere, &progress)?;
    let problems = report.problems.len();
    if ui.json() {
        let list = |problems: &[Problem]| -> Vec<_> {
            problems
                .iter()
                .map(|it| json!({ "code": it.code, "subject": it.subject, "what": it.what }))
                .collect()
        };
        ui.document(&json!({
            "sound": report.is_sound(),
            "full": args.full,
            "entries": report.entries,
            "parts": report.parts,
            "remote_parts": report.remote_parts,
            "bytes": report.bytes,
            "objects": report.objects,
            "orphans": report.orphans,
            "problems": list(&report.problems),
            "notes": list(&report.notes),
        }))?;
    } else {
        for problem in &report.problems {
            ui.line(problem)?;
        }
        for note in &report.notes {
            ui.say(format!("note: {note}"));
        }
        let looked = count(report.entries, "entry", "entries");
        let (parts, bytes) = (count(report.parts, "part", "parts"), size(report.bytes));
        let how = if args.full { "every byte checked" } else { "not read byte by byte" };
        ui.say(format!("{looked}, {parts}, {bytes}: {how}"));
        if report.remote_parts > 0 {
            let parts = count(report.remote_parts, "part", "parts");
            ui.say(format!("{parts} on remotes alone: `recell fetch` brings them"));
        }
        if report.orphans > 0 {
            ui.say(format!("{} that nothing names", count(report.orphans, "object", "objects")));
        }
    }
    if report.is_sound() { Ok(()) } else { Err(Error::Unsound { problems }.into()) }
}
