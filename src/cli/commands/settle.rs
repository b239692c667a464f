//! `recell settle`: few, finished files, for whatever else copies the folder.

use serde_json::json;

use crate::cli::pruning::keep_caps;
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::words::count;
use crate::progress::{Progress, Unit};
use crate::sync::before_sync;

/// Finish all files of the store, before something else copies its folder
///
/// Run it before rsync, a backup or a sync tool looks at the folder: journals are flushed, those of
/// processes that died too, and small packs become few. Run twice, it changes nothing the second
/// time. docs/syncing-folders.md has the lines for rsync, restic, Syncthing, Dropbox, cron and
/// systemd, and for notebooks that end.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    let progress = session.ui.progress();
    progress.begin("settling", None, Unit::Time);
    let settled = before_sync(&store)?;
    progress.end();
    keep_caps(session, session.workspace()?, &store);
    let ui = &session.ui;
    for journal in &settled.flushed.damaged_journals {
        ui.warn(
            &format!("a damaged journal was set aside: `{journal}`"),
            Some("What could be read of it was kept."),
        );
    }
    let joined = settled.flushed.merged_packs + settled.joined_packs;
    if ui.json() {
        return ui.document(&json!({
            "entries": settled.flushed.entries,
            "recovered_journals": settled.flushed.recovered_journals,
            "damaged_journals": settled.flushed.damaged_journals,
            "merged_packs": joined,
            "writers": settled.writers,
            "conflicted": settled.conflicted,
        }));
    }
    if settled.flushed.entries > 0 {
        ui.say(format!("flushed {}", count(settled.flushed.entries, "entry", "entries")));
    }
    if settled.flushed.recovered_journals > 0 {
        let number = settled.flushed.recovered_journals;
        let journals = count(number, "journal", "journals");
        ui.say(format!("took over {journals} of processes that are gone"));
    }
    if joined > 0 {
        ui.say(format!("joined {}", count(joined, "small pack", "small packs")));
    }
    if settled.writers > 0 {
        let writers = count(settled.writers, "process is", "processes are");
        ui.say(format!("{writers} still writing: what they put is in journals, which travel too"));
    }
    ui.say(if settled.is_nothing() { "nothing to settle" } else { "settled" });
    Ok(())
}
