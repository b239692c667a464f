//! `recell bundle ls`: the bundles of a space.

use serde_json::{Value, json};

use super::key::bundles;
use crate::bundle::DEFAULT_SPACE;
use crate::cli::columns::{Align, Cell, Columns};
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::ui::FAINT;
use crate::cli::{json, words};
use crate::config::Glob;
use crate::entry::PartKind;
use crate::index::Pattern;
use crate::lookup::Lookup;
use crate::name::EntryName;

/// What says that an entry is a bundle.
const META: &str = "bundle/meta.json";

/// List the bundles: what there is of which data
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only data whose id matches this glob.
    #[arg(value_name = "GLOB")]
    glob: Option<Glob>,
    /// The space to list.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_SPACE)]
    space: String,
}

pub(super) fn run(args: &Args, session: &Session) -> Outcome {
    let snapshot = session.snapshot(bundles(session)?.store())?;
    let mut newest: Vec<(EntryName, usize)> = Vec::new();
    for name in crate::bundle::versions_among(snapshot.list(&Pattern::notebook(&args.space))) {
        match newest.last_mut() {
            Some((last, versions)) if last.key_path() == name.key_path() => {
                (*last, *versions) = (name, *versions + 1);
            }
            _ => newest.push((name, 1)),
        }
    }
    let ui = &session.ui;
    let mut documents = Vec::new();
    let mut columns = Columns::new(&[
        ("data", Align::Left),
        ("configuration", Align::Left),
        ("state", Align::Left),
        ("versions", Align::Right),
        ("stats", Align::Left),
        ("size", Align::Right),
        ("newest", Align::Left),
        ("id", Align::Left),
    ]);
    let mut count = 0;
    for (name, versions) in newest {
        let Lookup::Hit(entry) = snapshot.entry(&name) else { continue };
        let manifest = entry.manifest();
        let (data_id, config_id) = (manifest.key.cell(), manifest.key.module());
        let is_wanted = args.glob.as_ref().is_none_or(|glob| glob.matches(data_id));
        if !is_wanted || manifest.part(META).is_none() {
            continue;
        }
        count += 1;
        let is_complete = manifest.parts_of(PartKind::Stats).next().is_some();
        let stats = if is_complete { "complete" } else { "pending" };
        let scope = manifest.key.version();
        if ui.json() {
            let mut value = json::name(&name);
            let more = json!({
                "key": manifest.key.to_string(),
                "data_id": data_id,
                "config_id": config_id,
                "state": scope,
                "versions": versions,
                "stats": stats,
                "size": manifest.size(),
            });
            json::extend(&mut value, more);
            documents.push(value);
            continue;
        }
        columns.push([
            words::cut(data_id, 60).into(),
            words::short(config_id, 8).into(),
            words::short(scope, 8).into(),
            words::grouped(versions).into(),
            stats.into(),
            words::size(manifest.size()).into(),
            words::ago(session.now(), name.created_at()).into(),
            Cell::styled(name.id8(), FAINT),
        ]);
    }
    if ui.json() {
        return ui.document(&Value::Array(documents));
    }
    if count == 0 {
        ui.say("no bundles");
    }
    columns.print(ui)
}
