//! `recell unpin`: rules may remove entries again.

use std::collections::BTreeSet;

use super::pin::print;
use crate::cli::report::{Failure, Outcome};
use crate::cli::selection::Selection;
use crate::cli::session::Session;
use crate::name::EntryName;
use crate::retention::{pins, unpin};

/// Take the pins of entries away; the entries stay
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to unpin: a full entry name or the `id` that `recell log` shows is that entry, a key is
    /// its newest entry.
    #[arg(required_unless_present = "all", value_name = "KEY")]
    keys: Vec<Selection>,
    /// Take all pins away, or all of entries that match; then KEY may be a pattern.
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    let pinned = pins(&store)?;
    let mut names: BTreeSet<EntryName> = BTreeSet::new();
    let mut misses = Vec::new();
    if args.all && args.keys.is_empty() {
        names.extend(pinned.iter().cloned());
    }
    let snapshot = store.snapshot()?;
    for key in &args.keys {
        // The pin of an entry that is not here can be named in full.
        if let Some(name) = key.text().parse().ok().filter(|name| pinned.contains(name)) {
            names.insert(name);
            continue;
        }
        if args.all {
            let pattern = key.resolve(session, &snapshot)?.selector.pattern();
            names.extend(pinned.iter().filter(|name| pattern.matches(name)).cloned());
            continue;
        }
        match key.name(session, &snapshot)? {
            Some(name) => drop(names.insert(name)),
            None => misses.push(key.miss(session, &snapshot)),
        }
    }
    if !misses.is_empty() {
        return Err(Failure::Misses(misses));
    }
    let names: Vec<EntryName> = names.into_iter().collect();
    print(session, &unpin(&store, &names)?, "unpinned", "not pinned")
}
