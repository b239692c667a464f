//! `recell bundle attach`: stats for rows that were put before them.

use super::files::{StatsFile, stats_file};
use super::key::found;
use super::put::{stats_draft, tell};
use crate::bundle::{Attached, BundleOptions, BundleStore, StatsState};
use crate::cli::args::seconds;
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::error::Error;
use crate::name::EntryName;

/// Attach stats to rows that were put before
///
/// Prints the name of the complete bundle. Refused with `superseded` if rows were put since under
/// the same data and configuration, in whatever state: then these stats may be of other rows.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The name that `bundle put` printed.
    #[arg(value_name = "GENERATION")]
    generation: EntryName,
    /// Stats of the data, or of a scope as `clean=FILE`, `filtered=FILE`; may be repeated.
    #[arg(long, value_name = "[SCOPE=]FILE", value_parser = stats_file, required = true)]
    stats: Vec<StatsFile>,
    /// The stats are of a sample of the rows.
    #[arg(long)]
    sampled: bool,
    /// How long the stats took to compute.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    compute_seconds: Option<f64>,
}

pub(super) fn run(args: &Args, session: &Session) -> Outcome {
    let stats = stats_draft(&args.stats, args.sampled, args.compute_seconds, session)?;
    let bundles = BundleStore::new(session.store()?, &BundleOptions::default());
    let rows = found(bundles.version(&args.generation)?, args.generation.as_str())?;
    let name = match bundles.attach_stats(&rows.key()?, &args.generation, &stats)? {
        Attached::Complete(name) => name,
        Attached::Already(name) => {
            session.ui.say("its stats are there already: nothing was attached");
            name
        }
        Attached::Superseded(newer) => {
            return Err(Error::Superseded {
                generation: args.generation.to_string(),
                newer: newer.to_string(),
            }
            .into());
        }
    };
    tell(session, &name, StatsState::Complete)?;
    session.flush_after_put(bundles.store());
    Ok(())
}
