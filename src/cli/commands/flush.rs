//! `recell flush`: journals become a pack and tags.

use serde_json::json;

use crate::cli::pruning::keep_caps;
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::words::count;
use crate::gc;
use crate::progress::{Progress, Unit};

/// Move what waits in journals into the repository, where plain git sees it
///
/// It happens by itself at the end of every command that puts; this takes over the journals of
/// processes that died, too.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Also pack small objects as deltas of each other: versions of one part then cost what
    /// differs
    #[arg(long)]
    seal: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    let progress = session.ui.progress();
    progress.begin("flushing", None, Unit::Time);
    let report = store.flush()?;
    let sealed = args.seal.then(|| gc::seal(&store, &session.git_environment())).transpose()?;
    progress.end();
    keep_caps(session, session.workspace()?, &store);
    let ui = &session.ui;
    for journal in &report.damaged_journals {
        ui.warn(
            &format!("a damaged journal was set aside: `{journal}`"),
            Some("What could be read of it was kept."),
        );
    }
    if ui.json() {
        return ui.document(&json!({
            "entries": report.entries,
            "recovered_journals": report.recovered_journals,
            "damaged_journals": report.damaged_journals,
            "merged_packs": report.merged_packs,
            "sealed": sealed.map(|sealed| json!({
                "objects": sealed.objects,
                "bytes_before": sealed.bytes_before,
                "bytes_after": sealed.bytes_after,
            })),
        }));
    }
    ui.say(match report.entries {
        0 => "nothing to flush".into(),
        entries => format!("flushed {}", count(entries, "entry", "entries")),
    });
    if report.recovered_journals > 0 {
        let journals = count(report.recovered_journals, "journal", "journals");
        ui.say(format!("took over {journals} of processes that are gone"));
    }
    if report.merged_packs > 0 {
        ui.say(format!("joined {}", count(report.merged_packs, "small pack", "small packs")));
    }
    if let Some(sealed) = sealed {
        ui.say(super::gc::sealed_text(&sealed));
    }
    Ok(())
}
