//! What shows collections: `ls`, `show`.

use serde_json::{Value, json};

use crate::cli::columns::{Align, Cell, Columns};
use crate::cli::report::{Failure, Outcome};
use crate::cli::session::Session;
use crate::cli::ui::FAINT;
use crate::cli::{json, words};
use crate::clock::Timestamp;
use crate::collection::{About, Collection, CollectionName, Context, Kind};

/// List the collections
#[derive(Debug, clap::Args)]
pub(super) struct Ls {
    /// Only runs, tagged or chained ones.
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<Kind>,
}

fn kind(text: &str) -> Result<Kind, String> {
    let known = Kind::ALL.into_iter().find(|kind| kind.name() == text);
    known.ok_or_else(|| "it is none of run, tagged, chained".into())
}

pub(super) fn ls(args: &Ls, session: &Session) -> Outcome {
    let context = context(session)?;
    let all = context.list(args.kind)?;
    let ui = &session.ui;
    if ui.json() {
        return ui.document(&all.iter().map(document).collect());
    }
    let mut columns = Columns::new(&[
        ("changed", Align::Left),
        ("kind", Align::Left),
        ("holds", Align::Right),
        ("name", Align::Left),
        ("", Align::Left),
        ("", Align::Left),
    ]);
    for Collection { about, summary, .. } in &all {
        let holds = match about.kind {
            Kind::Chained => words::count(about.members.len(), "member", "members"),
            _ => words::count(summary.count, "entry", "entries"),
        };
        columns.push([
            about.changed_at.to_local().into(),
            about.kind.name().into(),
            holds.into(),
            about.name.as_str().into(),
            state(about),
            Cell::styled(about.doc.lines().next().unwrap_or_default(), FAINT),
        ]);
    }
    columns.print(ui)?;
    if all.is_empty() {
        ui.say("no collections");
    }
    Ok(())
}

fn state(about: &About) -> Cell {
    match (about.is_open, about.is_frozen) {
        (true, _) => "open".into(),
        (_, true) => "frozen".into(),
        _ => "".into(),
    }
}

/// Show a collection and what is in it
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// The collection.
    name: CollectionName,
    /// Show what was done to it and when, newest first, instead of what is in it.
    #[arg(long)]
    history: bool,
}

pub(super) fn show(args: &Show, session: &Session) -> Outcome {
    let context = context(session)?;
    let shown = context.collection(&args.name)?;
    let entries = context.entries(&args.name)?;
    let history = context.history(&args.name)?;
    let ui = &session.ui;
    if ui.json() {
        let mut value = document(&shown);
        let history: Vec<Value> = history
            .iter()
            .map(|(at, what)| json!({ "at": at.to_rfc3339(), "what": what }))
            .collect();
        json::extend(
            &mut value,
            json!({
                "entries": json::names(entries.iter()),
                "history": history,
            }),
        );
        return ui.document(&value);
    }
    if args.history {
        let mut columns = Columns::new(&[("at", Align::Left), ("what", Align::Left)]);
        for (at, what) in history {
            columns.push([at.to_local().into(), what.into()]);
        }
        return columns.print(ui);
    }
    for member in &shown.about.members {
        ui.line(member)?;
    }
    for entry in &entries {
        ui.line(entry)?;
    }
    if entries.is_empty() && shown.about.members.is_empty() {
        ui.say("there is nothing in it");
    }
    Ok(())
}

fn context(session: &Session) -> Result<Context, Failure> {
    let context = Context::open(&session.store()?)?;
    let as_of = session.as_of()?.map(|moment| moment.span.last);
    Ok(as_of.map_or(context.clone(), |moment| context.as_of(moment)))
}

fn document(shown: &Collection) -> Value {
    let Collection { about, summary, commit } = shown;
    let members: Vec<&str> = about.members.iter().map(CollectionName::as_str).collect();
    json!({
        "name": about.name.as_str(),
        "kind": about.kind.name(),
        "open": about.is_open,
        "frozen": about.is_frozen,
        "created_at": about.created_at.to_rfc3339(),
        "changed_at": about.changed_at.to_rfc3339(),
        "producer": about.producer,
        "doc": about.doc,
        "members": members,
        "count": summary.count,
        "oldest": summary.oldest.map(Timestamp::to_rfc3339),
        "newest": summary.newest.map(Timestamp::to_rfc3339),
        "forgotten": about.forgotten,
        "commit": commit,
    })
}
