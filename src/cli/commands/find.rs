//! `recell find`: the first result along a chain of collections.

use serde_json::{Value, json};

use crate::cli::columns::{Align, Cell, Columns};
use crate::cli::json;
use crate::cli::report::{Failure, Outcome};
use crate::cli::session::Session;
use crate::cli::ui::FAINT;
use crate::collection::{
    self, CollectionName, Context, Explanation, Found, Query, explain, find_all, find_each,
    find_first,
};
use crate::index::Pattern;
use crate::lookup::{Lookup, Miss};
use crate::name::ExecutionKey;

/// Find results along a chain of collections
///
/// The chain is searched depth-first; of each cell the first collection that has it wins, with its
/// newest entry. KEY is `notebook[:cell[:module[:version]]]`, as for `recell ls`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to find.
    #[arg(value_name = "KEY")]
    key: String,
    /// The chain, or any collection.
    #[arg(long = "in", value_name = "COLLECTION")]
    chain: CollectionName,
    /// Show the entries that are shadowed, too.
    #[arg(long)]
    all: bool,
    /// Say of each collection along the chain why it was searched or not.
    #[arg(long)]
    explain: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let context = Context::open(&session.store()?)?;
    let as_of = session.as_of()?.map(|moment| moment.span.last);
    let context = as_of.map_or(context.clone(), |moment| context.as_of(moment));
    let query = query(args, &context)?;
    if args.explain {
        return print_explanation(session, &explain(&context, &query, &args.chain)?);
    }
    let found = if args.all {
        find_all(&context, &query, &args.chain)?
    } else if let Some(found) = one(args, &context, &query)? {
        vec![found]
    } else {
        find_each(&context, &query, &args.chain)?
    };
    if found.is_empty() {
        return Err(not_found(args).into());
    }
    let ui = &session.ui;
    if ui.json() {
        return ui.document(&documents(&found));
    }
    if args.all {
        return print_found(session, &found);
    }
    for one in &found {
        ui.line(&one.entry)?;
    }
    Ok(())
}

/// Returns what is looked for: a key as it is spelled, if anything is found so; else a pattern,
/// whose module may be shortened.
fn query(args: &Args, context: &Context) -> Result<Query, Failure> {
    let is_glob = args.key.contains(['*', '?', '[']);
    if !is_glob && let Ok(key) = args.key.parse::<ExecutionKey>() {
        let query = Query::from(&key);
        if matches!(find_first(context, &query, &args.chain)?, Lookup::Hit(_)) {
            return Ok(query);
        }
    }
    let invalid = |error: crate::index::InvalidPattern| crate::error::Error::Key {
        text: args.key.clone(),
        source: error.into(),
    };
    Ok(Pattern::parse(&args.key).map_err(invalid)?.into())
}

/// Returns the first entry, if the text names one cell: then no other collection is read.
fn one(args: &Args, context: &Context, query: &Query) -> Result<Option<Found>, Failure> {
    let names_a_cell = args.key.split(':').nth(1).is_some_and(|cell| !cell.is_empty());
    if !names_a_cell || args.key.contains(['*', '?', '[']) {
        return Ok(None);
    }
    match find_first(context, query, &args.chain)? {
        Lookup::Hit(found) => Ok(Some(found)),
        Lookup::Miss(Miss::NeverStored { .. }) => Err(not_found(args).into()),
        Lookup::Miss(miss) => Err(miss.into()),
    }
}

fn not_found(args: &Args) -> Miss {
    Miss::NeverStored { name: format!("{} in {}", args.key, args.chain) }
}

fn documents(found: &[Found]) -> Value {
    let mut cells = std::collections::HashSet::new();
    found
        .iter()
        .map(|one| {
            let mut value = json::name(&one.entry);
            let cell = (one.entry.notebook().into_owned(), one.entry.cell().into_owned());
            json::extend(
                &mut value,
                json!({ "collection": one.collection.as_str(), "shadowed": !cells.insert(cell) }),
            );
            value
        })
        .collect()
}

fn print_found(session: &Session, found: &[Found]) -> Outcome {
    let mut columns = Columns::new(&[
        ("made", Align::Left),
        ("id", Align::Left),
        ("collection", Align::Left),
        ("key", Align::Left),
        ("", Align::Left),
    ]);
    let mut cells = std::collections::HashSet::new();
    for one in found {
        let cell = (one.entry.notebook().into_owned(), one.entry.cell().into_owned());
        let key = one.entry.key().map_or(one.entry.key_path().to_owned(), |key| key.to_string());
        columns.push([
            one.entry.created_at().to_local().into(),
            Cell::styled(one.entry.id8(), FAINT),
            one.collection.as_str().into(),
            key.into(),
            if cells.insert(cell) { "".into() } else { Cell::styled("shadowed", FAINT) },
        ]);
    }
    columns.print(&session.ui)
}

fn print_explanation(session: &Session, explanation: &Explanation) -> Outcome {
    let ui = &session.ui;
    if ui.json() {
        let visits = explanation.visits.iter().map(|visit| {
            let matches = match visit.reason {
                collection::Reason::Searched(count) => Some(count),
                _ => None,
            };
            json!({
                "collection": visit.collection.as_str(),
                "depth": visit.depth,
                "reason": visit.reason.code(),
                "what": visit.reason.to_string(),
                "matches": matches,
            })
        });
        return ui.document(&json!({
            "visits": visits.collect::<Vec<_>>(),
            "found": documents(&explanation.found),
        }));
    }
    let mut columns = Columns::new(&[("collection", Align::Left), ("why", Align::Left)]);
    for visit in &explanation.visits {
        let name = format!("{}{}", "  ".repeat(visit.depth), visit.collection);
        columns.push([name.into(), visit.reason.to_string().into()]);
    }
    columns.print(ui)?;
    if explanation.found.is_empty() {
        ui.say("nothing matches");
        return Ok(());
    }
    ui.line("")?;
    print_found(session, &explanation.found)
}
