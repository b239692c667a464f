//! One push, as `push` and `sync` make it, and what is said about it.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::findings::{finding_lines, warn_of_unread};
use super::renames::follow_names;
use super::report::{Failure, Outcome};
use super::session::Session;
use super::syncing::{chosen_remote, is_named, speak};
use super::words::{count, size};
use crate::config::{Glob, SyncSettings};
use crate::error::{Error, Result};
use crate::name::{EntryName, escape};
use crate::progress::{Progress, Unit};
use crate::store::Store;
use crate::sync::{
    self, Inspection, MissingThere, PushOptions, PushReport, RemoteOrigin, TagsReport, Withholding,
};

/// How many results that did not arrive are named; `--json` names all.
const NAMED: usize = 20;

/// What to push.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Wish<'a> {
    pub(super) notebooks: &'a [Glob],
    pub(super) remote: Option<&'a str>,
    pub(super) since: Option<crate::clock::Timestamp>,
    pub(super) dry_run: bool,
    /// Plain tags, too; the settings may ask for them as well.
    pub(super) tags: bool,
    /// Even to a remote from which others fetch.
    pub(super) force: bool,
    /// Whatever looks like a secret, too.
    pub(super) allow_secrets: bool,
}

/// A push that was made, or looked at.
pub(super) struct Pushed {
    pub(super) remote: String,
    pub(super) url: String,
    pub(super) report: PushReport,
    pub(super) tags: Option<TagsReport>,
    /// What was made anew without its local parts, or would be.
    withheld: Option<Withholding>,
}

/// Makes entries anew that hold parts which are to stay here; says which cannot go.
fn withhold(
    session: &Session,
    store: &Store,
    names: &[EntryName],
    settings: &SyncSettings,
    dry_run: bool,
    withheld: &RefCell<Option<Withholding>>,
) -> Result<Inspection> {
    let plan = sync::plan_withholding(store, names, settings)?;
    let unreadable = plan.unreadable.iter();
    let mut left: Vec<(EntryName, String)> =
        unreadable.map(|(name, miss)| (name.clone(), miss.to_string())).collect();
    if plan.renames.is_empty() || dry_run {
        if !plan.renames.is_empty() {
            *withheld.borrow_mut() = Some(plan);
        }
        return Ok(if left.is_empty() { Inspection::Fine } else { Inspection::Leave(left) });
    }
    let done = sync::withhold(store, &plan, session.now())?;
    if !done.moved.is_empty() {
        follow_names(session, store, &done.moved.iter().cloned().collect());
        *withheld.borrow_mut() = Some(plan);
        return Ok(Inspection::Changed);
    }
    let busy = done.busy.into_iter();
    left.extend(busy.map(|name| (name, "another process is still writing it".to_owned())));
    Ok(Inspection::Leave(left))
}

/// Pushes once.
///
/// # Errors
/// Those of [`sync::push`].
pub(super) fn push_once(
    session: &Session,
    store: &Store,
    wish: &Wish<'_>,
) -> Result<Pushed, Failure> {
    let chosen = chosen_remote(session, wish.remote)?;
    let remote = speak(session, &chosen, store)?;
    let settings = &session.workspace()?.config().sync;
    let with_tags = wish.tags || settings.tags;
    if with_tags && chosen.origin == RemoteOrigin::Host && !wish.force {
        return Err(Error::TagsForAll { remote: chosen.id }.into());
    }
    let wanted = |name: &EntryName| {
        is_named(wish.notebooks, &name.notebook())
            && wish.since.is_none_or(|since| name.created_at() >= since)
    };
    let progress = session.ui.progress();
    let withheld = RefCell::new(None);
    let inspect = |names: &[EntryName]| {
        let mut left = match withhold(session, store, names, settings, wish.dry_run, &withheld)? {
            Inspection::Changed => return Ok(Inspection::Changed),
            Inspection::Leave(left) => left,
            Inspection::Fine => Vec::new(),
        };
        let secrets = &session.workspace()?.config().secrets;
        if secrets.guard && !wish.allow_secrets {
            let staying: BTreeSet<&EntryName> = left.iter().map(|(name, _)| name).collect();
            let going: Vec<EntryName> =
                names.iter().filter(|name| !staying.contains(name)).cloned().collect();
            let report =
                sync::scan_entries(store, &going, secrets, |_, part| !part.local, &progress)?;
            for line in finding_lines(&report) {
                session.ui.say(line);
            }
            warn_of_unread(&session.ui, &report);
            report.outcome()?;
        }
        left.sort();
        Ok(if left.is_empty() { Inspection::Fine } else { Inspection::Leave(left) })
    };
    let options = PushOptions {
        wanted: &wanted,
        inspect: &inspect,
        sign: session.workspace()?.config().trust.sign,
        dry_run: wish.dry_run,
        now: session.now(),
        progress: session.ui.shows_progress().then_some(&progress as &dyn Progress),
    };
    progress.begin("pushing", None, Unit::Time);
    let report = sync::push(store, &chosen.id, &remote, settings, &options);
    progress.end();
    let report = report?;
    if let Some(reason) = &report.unsigned {
        session.warn_of_unsigned(reason);
    }
    let mut tags = None;
    if with_tags {
        // What did not go as part of a ledger does not go as a tag.
        let kept = |name: &EntryName| {
            let refused = report.missing.iter().flat_map(|missing| &missing.entries);
            report.left.iter().any(|(left, _)| left == name)
                || refused.into_iter().any(|missing| missing == name)
        };
        let travels = |name: &EntryName| settings.of_notebook(&name.notebook()).push;
        let of_tags = |name: &EntryName| wanted(name) && travels(name) && !kept(name);
        tags = Some(sync::push_tags(store, &remote, &of_tags, wish.dry_run, options.progress)?);
    }
    let withheld = withheld.into_inner();
    Ok(Pushed { remote: chosen.id, url: remote.shown(), report, tags, withheld })
}

impl Pushed {
    /// Returns it as docs/json.md says.
    pub(super) fn json(&self, dry_run: bool) -> Value {
        let PushReport { entries, ledgers, missing, left, bytes, pushes, unsigned, .. } =
            &self.report;
        let names =
            |entries: &[EntryName]| entries.iter().map(EntryName::as_str).collect::<Value>();
        json!({
            "remote": self.remote,
            "url": self.url,
            "dry_run": dry_run,
            "entries": names(entries),
            "ledgers": ledgers.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "bytes": bytes,
            "pushes": pushes,
            "unsigned": unsigned,
            "missing": missing.iter().map(|MissingThere { ledger, entries, reason }| {
                json!({
                    "ledger": ledger.to_string(), "entries": names(entries), "reason": reason,
                })
            }).collect::<Vec<_>>(),
            "tags": self.tags.as_ref().map(|tags| names(&tags.tags)),
            "withheld": self.withheld.as_ref().map(|withheld| json!({
                "entries": withheld.renames.len(), "parts": withheld.parts, "bytes": withheld.bytes,
            })),
            "left": left.iter().map(|(name, reason)| {
                json!({ "entry": name.as_str(), "reason": reason })
            }).collect::<Vec<_>>(),
        })
    }

    /// Says what was done, and names what did not arrive.
    pub(super) fn say(&self, session: &Session, dry_run: bool) {
        let (ui, to, report) = (&session.ui, &self.url, &self.report);
        let entries = count(report.entries.len(), "entry", "entries");
        let of = |ledgers: usize| count(ledgers, "ledger", "ledgers");
        ui.say(match (dry_run, report.ledgers.len()) {
            (true, 0) => format!("nothing to push: {to} had it all when it was last spoken to"),
            (true, ledgers) => {
                let bytes = size(report.bytes.unwrap_or(0));
                format!("would push {entries} in {} to {to}, at most {bytes}", of(ledgers))
            }
            (false, 0) if report.missing.is_empty() => {
                format!("nothing to push: {to} has it all")
            }
            (false, 0) => format!("nothing arrived at {to}"),
            (false, ledgers) => format!("pushed {entries} in {} to {to}", of(ledgers)),
        });
        if let Some(withheld) = &self.withheld {
            let parts = count(withheld.parts, "part", "parts");
            let stay = if dry_run { "would stay" } else { "stay" };
            ui.say(format!("{parts} of {} {stay} on this machine", size(withheld.bytes)));
        }
        if let Some(tags) = &self.tags {
            let what = count(tags.tags.len(), "plain tag", "plain tags");
            ui.say(if dry_run { format!("would push {what}") } else { format!("pushed {what}") });
            for (name, reason) in tags.missing.iter().take(NAMED) {
                ui.warn(&format!("the tag of `{}` did not arrive: {reason}", shown(name)), None);
            }
        }
        for (name, reason) in &report.left {
            ui.warn(&format!("left here: `{}`: {reason}", shown(name)), None);
        }
        let mut named = 0;
        for missing in &report.missing {
            for name in missing.entries.iter().take(NAMED.saturating_sub(named)) {
                named += 1;
                ui.warn(&format!("did not arrive: `{}`: {}", shown(name), missing.reason), None);
            }
            if missing.entries.is_empty() {
                let ledger = &missing.ledger;
                ui.warn(
                    &format!("did not arrive: the ledger `{ledger}`: {}", missing.reason),
                    None,
                );
            }
        }
        let more = self.missing().saturating_sub(named);
        if more > 0 && named >= NAMED {
            ui.warn(&format!("{} more did not arrive", count(more, "result", "results")), None);
        }
        ui.detail(|| {
            let races = count(report.races, "lost race", "lost races");
            format!("{}, {races}", count(report.pushes, "push", "pushes"))
        });
    }

    fn missing(&self) -> usize {
        self.report.missing.iter().map(|missing| missing.entries.len().max(1)).sum()
    }

    /// Fails if something did not arrive.
    ///
    /// # Errors
    /// [`Error::NotArrived`].
    pub(super) fn end(&self) -> Outcome {
        let of_tags = self.tags.as_ref().map_or(&[][..], |tags| &tags.missing);
        let Some(first) = self.report.missing.first() else {
            let Some((name, reason)) = of_tags.first() else { return Ok(()) };
            let (first, reason) = (shown(name), reason.clone());
            return Err(Error::NotArrived { count: of_tags.len(), first, reason }.into());
        };
        let name = first.entries.first().map(shown);
        let notebooks: BTreeSet<_> = self.report.missing.iter().map(|m| &m.ledger).collect();
        Err(Failure::from(Error::NotArrived {
            count: self.missing().max(notebooks.len()),
            first: name.unwrap_or_else(|| first.ledger.to_string()),
            reason: first.reason.clone(),
        }))
    }
}

/// Returns an entry as people name it.
fn shown(name: &EntryName) -> String {
    let part = |text: &str| escape(text).into_owned();
    let at = name.created_at().to_rfc3339();
    format!("{}:{}@{at}", part(&name.notebook()), part(&name.cell()))
}
