//! `recell forget`: entries go for good, everywhere.

use std::collections::BTreeSet;

use serde_json::json;

use crate::cli::json;
use crate::cli::report::{Failure, Outcome};
use crate::cli::selection::{Selection, chosen};
use crate::cli::session::Session;
use crate::cli::words::{count, size};
use crate::collection;
use crate::error::Error;
use crate::gc::{self, GcOptions, Sealing};
use crate::name::EntryName;
use crate::sync::{ForgetPlan, forget, plan_forget};

/// Remove results for good, here and on remotes
///
/// For what must not be anywhere, such as a secret in an output. Without `--yes` it says what it
/// would do. Their bytes go from this store at once and cannot be brought back; their names never
/// come back, whoever pushes them. `recell push` then rewrites what remotes have; the bytes there
/// go when the host collects its garbage.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    /// What to forget: a full entry name, stored here or not, a key for its newest entry
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<Selection>,
    /// Forget every entry that matches; then KEY may be a pattern such as `sales.ipynb:load`
    #[arg(long)]
    all: bool,
    /// Forget every other entry that has a part with the same bytes, too
    #[arg(long)]
    same_bytes: bool,
    /// Say what would be done, and leave it
    #[arg(long, short = 'n', conflicts_with = "yes")]
    dry_run: bool,
    /// Do it
    #[arg(long, short = 'y')]
    yes: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    store.flush()?;
    let mut names = names(args, session, &store)?;
    let mut plan = plan_forget(&store, &names)?;
    if args.same_bytes && !plan.same_bytes.is_empty() {
        names.extend(plan.same_bytes.into_keys());
        plan = plan_forget(&store, &names)?;
    }
    let gone: BTreeSet<EntryName> = plan.names.iter().cloned().collect();
    let collections = collection::plan_forgetting_for_good(&store, &gone)?;
    if !collections.frozen.is_empty() {
        let names = collections.frozen.iter().map(ToString::to_string).collect();
        return Err(Error::HeldByFrozen { names }.into());
    }
    if !args.yes {
        return tell(session, &plan, None);
    }
    forget(&store, &plan, session.now())?;
    collection::forget(&store, &collections)?;
    // Every byte of it, whatever that costs; what is in the trash otherwise stays.
    let options = GcOptions { trash_before: None, waste: 0, ..GcOptions::new(session.now()) };
    let environment = session.git_environment();
    let progress = session.ui.progress();
    let (_, report) = gc::collect(&store, &options, Sealing::Never, &environment, &progress)?;
    for what in &report.postponed {
        session.ui.warn(
            &format!("not done: {what}"),
            Some("The bytes are still here: run `recell gc --all`."),
        );
    }
    tell(session, &plan, Some(u64::try_from(report.freed_bytes).unwrap_or(0)))
}

/// Returns the names that are meant; full names need not be stored.
fn names(
    args: &Args,
    session: &Session,
    store: &crate::store::Store,
) -> Result<Vec<EntryName>, Failure> {
    let snapshot = session.snapshot(store)?;
    let (mut names, mut others) = (Vec::new(), Vec::new());
    for key in &args.keys {
        match EntryName::parse(key.text().to_owned()) {
            Ok(name) => names.push(name),
            Err(_) => others.push(key.clone()),
        }
    }
    if !others.is_empty() {
        names.extend(chosen(&others, args.all, session, &snapshot)?);
    }
    Ok(names)
}

fn tell(session: &Session, plan: &ForgetPlan, freed: Option<u64>) -> Outcome {
    let ui = &session.ui;
    if ui.json() {
        return ui.document(&json!({
            "done": freed.is_some(),
            "forgotten": json::names(&plan.names),
            "refs": plan.refs,
            "same_bytes": plan.same_bytes.iter().map(|(name, parts)| {
                json!({ "name": name.as_str(), "parts": parts })
            }).collect::<Vec<_>>(),
            "remotes": plan.remotes,
            "freed_bytes": freed,
        }));
    }
    for name in &plan.names {
        ui.line(name)?;
    }
    let entries = count(plan.names.len(), "entry", "entries");
    match freed {
        Some(bytes) => ui.say(format!("{entries} forgotten, {} given back", size(bytes))),
        None => ui.say(format!("{entries} would be forgotten: `--yes` does it")),
    }
    for (name, parts) in &plan.same_bytes {
        ui.warn(
            &format!("`{name}` has the same bytes in {}, and stays", parts.join(", ")),
            Some("`--same-bytes` forgets such entries, too."),
        );
    }
    for (remote, count) in &plan.remotes {
        ui.say(format!(
            "`{remote}` has {count} of them: `recell push --remote {remote}` takes them out"
        ));
    }
    if !plan.remotes.is_empty() && freed.is_some() {
        ui.say(
            "afterwards, ask the host's administrator to run `git gc --prune=now` on the \
             repository: until then its bytes can be had by who knows their ids. A secret that \
             was pushed must be revoked in any case.",
        );
    }
    Ok(())
}
