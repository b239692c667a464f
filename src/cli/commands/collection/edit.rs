//! What changes collections: `create`, `add`, `remove`, `chain`, `freeze`, `rm`.

use std::collections::BTreeSet;

use serde_json::json;

use crate::cli::json;
use crate::cli::report::{Failure, Outcome};
use crate::cli::selection::{Selection, chosen};
use crate::cli::session::Session;
use crate::cli::words::count;
use crate::collection::{self, ChainEdit, Change, CollectionName, Context};
use crate::index::Pattern;
use crate::name::EntryName;
use crate::store::Store;

/// Which results are meant.
#[derive(Debug, clap::Args)]
struct Chosen {
    /// The results, as for `recell get`: a key is its newest entry.
    #[arg(value_name = "KEY")]
    keys: Vec<Selection>,
    /// Take every entry that matches; then KEY may be a pattern such as `reports/*`.
    #[arg(long)]
    all: bool,
}

impl Chosen {
    fn names(&self, session: &Session, store: &Store) -> Result<Vec<EntryName>, Failure> {
        chosen(&self.keys, self.all, session, &session.snapshot(store)?)
    }
}

/// Make a tagged collection of results
#[derive(Debug, clap::Args)]
pub(super) struct Create {
    /// What it is to be called; `/` makes a hierarchy.
    name: CollectionName,
    #[command(flatten)]
    chosen: Chosen,
    /// What it is, in words.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    doc: String,
}

pub(super) fn create(args: &Create, session: &Session) -> Outcome {
    let store = session.store_to_put()?;
    let names = args.chosen.names(session, &store)?;
    let change = collection::create(&store, &args.name, &args.doc, &names, session.now())?;
    let entries = count(change.changed.len(), "entry", "entries");
    tell(session, &args.name, &change, &format!("`{}` made of {entries}", args.name))
}

/// Add results to a tagged collection
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// The collection.
    name: CollectionName,
    #[command(flatten)]
    chosen: Chosen,
}

pub(super) fn add(args: &Add, session: &Session) -> Outcome {
    let store = session.store()?;
    let names = args.chosen.names(session, &store)?;
    let change = collection::add(&store, &args.name, &names, session.now())?;
    let entries = count(change.changed.len(), "entry", "entries");
    tell(session, &args.name, &change, &format!("{entries} added to `{}`", args.name))
}

/// Take results out of a tagged collection
#[derive(Debug, clap::Args)]
pub(super) struct Remove {
    /// The collection.
    name: CollectionName,
    /// The results: a full entry name, or a pattern over the names in the collection.
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<String>,
}

pub(super) fn remove(args: &Remove, session: &Session) -> Outcome {
    let store = session.store()?;
    // What was pruned elsewhere may still be in it: the collection is asked, not the store.
    let entries = Context::open(&store)?.entries(&args.name)?;
    let mut names: BTreeSet<EntryName> = BTreeSet::new();
    let mut misses = Vec::new();
    for key in &args.keys {
        let before = names.len();
        let pattern = Pattern::parse(key).ok();
        let is_meant = |name: &&EntryName| {
            name.as_str() == key || pattern.as_ref().is_some_and(|pattern| pattern.matches(name))
        };
        names.extend(entries.iter().filter(is_meant).cloned());
        if names.len() == before && !entries.iter().any(|name| is_meant(&name)) {
            misses
                .push(crate::lookup::Miss::NeverStored { name: format!("{key} in {}", args.name) });
        }
    }
    if !misses.is_empty() {
        return Err(Failure::Misses(misses));
    }
    let names: Vec<EntryName> = names.into_iter().collect();
    let change = collection::remove(&store, &args.name, &names, session.now())?;
    let entries = count(change.changed.len(), "entry", "entries");
    tell(session, &args.name, &change, &format!("{entries} taken out of `{}`", args.name))
}

fn tell(session: &Session, name: &CollectionName, change: &Change, words: &str) -> Outcome {
    let ui = &session.ui;
    if ui.json() {
        return ui.document(&json!({
            "collection": name.as_str(),
            "changed": json::names(&change.changed),
            "unchanged": json::names(&change.unchanged),
        }));
    }
    for entry in &change.changed {
        ui.line(entry)?;
    }
    ui.say(words);
    Ok(())
}

/// Make or change a chain
///
/// Without a flag its members become just these. A chain is made if there is none of that name.
#[derive(Debug, clap::Args)]
pub(super) struct Chain {
    /// The chain.
    name: CollectionName,
    /// The collections, in the order in which they are searched; the first that has a key wins.
    #[arg(value_name = "COLLECTION")]
    members: Vec<CollectionName>,
    /// Put them before those that are in it.
    #[arg(long, group = "how")]
    prepend: bool,
    /// Put them behind those that are in it.
    #[arg(long, group = "how")]
    append: bool,
    /// Take them out.
    #[arg(long, group = "how")]
    remove: bool,
    /// What it is, in words.
    #[arg(long, value_name = "TEXT")]
    doc: Option<String>,
}

pub(super) fn chain(args: &Chain, session: &Session) -> Outcome {
    let store = session.store_to_put()?;
    let edit = match (args.prepend, args.append, args.remove) {
        (true, ..) => ChainEdit::Prepend,
        (_, true, _) => ChainEdit::Append,
        (.., true) => ChainEdit::Remove,
        _ => ChainEdit::Set,
    };
    let doc = args.doc.as_deref();
    let members = collection::chain(&store, &args.name, edit, &args.members, doc, session.now())?;
    let ui = &session.ui;
    if ui.json() {
        let members: Vec<&str> = members.iter().map(CollectionName::as_str).collect();
        return ui.document(&json!({ "collection": args.name.as_str(), "members": members }));
    }
    for member in &members {
        ui.line(member)?;
    }
    ui.say(format!("`{}` has {}", args.name, count(members.len(), "member", "members")));
    Ok(())
}

/// Freeze a collection
#[derive(Debug, clap::Args)]
pub(super) struct Freeze {
    /// The collection.
    name: CollectionName,
}

pub(super) fn freeze(args: &Freeze, session: &Session) -> Outcome {
    let store = session.store()?;
    let is_new = collection::freeze(&store, &args.name, session.now())?;
    if session.ui.json() {
        let document = json!({ "collection": args.name.as_str(), "changed": is_new });
        return session.ui.document(&document);
    }
    let words = if is_new { "frozen" } else { "was frozen already" };
    session.ui.say(format!("`{}` {words}", args.name));
    Ok(())
}

/// Remove a collection
///
/// A chain that lists it must let go of it first. It can come back until the trash is collected.
#[derive(Debug, clap::Args)]
pub(super) struct Rm {
    /// The collections.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<CollectionName>,
    /// Bring them back instead, as they were when they were last removed.
    #[arg(long)]
    undo: bool,
}

pub(super) fn rm(args: &Rm, session: &Session) -> Outcome {
    let store = session.store()?;
    for name in &args.names {
        if args.undo {
            collection::bring_back(&store, name)?;
        } else {
            collection::remove_collection(&store, name, session.now())?;
        }
        if !session.ui.json() {
            session.ui.say(format!("`{name}` {}", if args.undo { "is back" } else { "removed" }));
        }
    }
    if session.ui.json() {
        let names: Vec<&str> = args.names.iter().map(CollectionName::as_str).collect();
        let what = if args.undo { "restored" } else { "removed" };
        return session.ui.document(&json!({ what: names }));
    }
    Ok(())
}
