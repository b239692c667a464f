//! Finding a key along a chain: the first member that has it wins.

use std::collections::HashSet;
use std::fmt;

use super::context::Context;
use super::flatten::{Flat, What};
use super::name::CollectionName;
use super::postings::Exact;
use super::state::State;
use crate::error::Result;
use crate::git::ObjectId;
use crate::index::Pattern;
use crate::lookup::{Lookup, Miss};
use crate::name::{EntryName, ExecutionKey};
use crate::store::Entry;

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Query {
    what: Wanted,
    /// What every matching name starts with.
    prefix: String,
    exact: Exact,
}

#[derive(Debug, Clone)]
enum Wanted {
    Key,
    Pattern(Box<Pattern>),
}

impl Query {
    fn new(what: Wanted, prefix: String) -> Query {
        let mut segments = prefix.split_terminator('/').map(str::to_owned);
        let notebook = segments.next();
        let cell = segments.next().zip(notebook.as_ref()).map(|(cell, nb)| format!("{nb}/{cell}"));
        let exact = Exact { notebook, cell, module: segments.next() };
        Query { what, prefix, exact }
    }

    fn matches(&self, name: &EntryName) -> bool {
        match &self.what {
            // The prefix is the whole key.
            Wanted::Key => true,
            Wanted::Pattern(pattern) => pattern.matches(name),
        }
    }
}

impl From<&ExecutionKey> for Query {
    fn from(key: &ExecutionKey) -> Query {
        Query::new(Wanted::Key, format!("{}/", key.path()))
    }
}

impl From<Pattern> for Query {
    fn from(pattern: Pattern) -> Query {
        let prefix = pattern.prefix();
        Query::new(Wanted::Pattern(Box::new(pattern)), prefix)
    }
}

/// An entry, and the collection in which it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The entry.
    pub entry: EntryName,
    /// The run or tagged collection that has it.
    pub collection: CollectionName,
    tree: ObjectId,
}

impl Found {
    /// Reads the entry. The collection keeps it even if its own name was removed.
    pub fn open(&self, context: &Context) -> Lookup<Entry> {
        context.snapshot().open_tree(&self.entry, self.tree)
    }
}

/// What became of each collection along a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Every collection that was met, in the order of the search.
    pub visits: Vec<Visit>,
    /// All that matches, in the order of [`find_all`]: for each cell the first is what wins, and
    /// the others are shadowed.
    pub found: Vec<Found>,
}

/// One collection along a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// Its name.
    pub collection: CollectionName,
    /// How many chains are above it.
    pub depth: usize,
    /// What became of it.
    pub reason: Reason,
}

/// What became of a collection along a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It is a chain: its members follow.
    Chain,
    /// Its entries were looked at, and so many match.
    Searched(usize),
    /// It was not read, as its summary has no such notebook,
    NoNotebook(String),
    /// or no such cell,
    NoCell(String),
    /// or no such module hash.
    NoModule(String),
    /// It was visited before, further up.
    AlreadyVisited,
    /// It, or all in it, was made after the moment that is asked about.
    MadeLater,
    /// It is not here any more.
    Gone,
    /// It cannot be read.
    Unreadable(Miss),
}

impl Reason {
    /// Returns the stable, machine-readable word for this.
    pub fn code(&self) -> &'static str {
        match self {
            Reason::Chain => "chain",
            Reason::Searched(_) => "searched",
            Reason::NoNotebook(_) => "no_notebook",
            Reason::NoCell(_) => "no_cell",
            Reason::NoModule(_) => "no_module",
            Reason::AlreadyVisited => "already_visited",
            Reason::MadeLater => "made_later",
            Reason::Gone => "gone",
            Reason::Unreadable(_) => "unreadable",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Chain => f.write_str("a chain"),
            Reason::Searched(0) => f.write_str("searched, nothing matches"),
            Reason::Searched(1) => f.write_str("searched, 1 entry matches"),
            Reason::Searched(count) => write!(f, "searched, {count} entries match"),
            Reason::NoNotebook(text) => write!(f, "summary: no notebook `{text}`"),
            Reason::NoCell(text) => write!(f, "summary: no cell `{text}`"),
            Reason::NoModule(text) => write!(f, "summary: no module `{text}`"),
            Reason::AlreadyVisited => f.write_str("already visited"),
            Reason::MadeLater => f.write_str("made later"),
            Reason::Gone => f.write_str("not here any more"),
            Reason::Unreadable(miss) => write!(f, "cannot be read: {miss}"),
        }
    }
}

/// Returns the first entry that matches along `chain`: of the first collection that has one, the
/// newest. A collection that is no chain is searched alone.
///
/// A collection that cannot be read is a miss, unless one before it has the entry: what it would
/// have said is not known. One that is not here any more is passed over.
///
/// # Errors
/// [`crate::Error::NoCollection`] and [`crate::Error::CollectionUnreadable`] for `chain` itself.
pub fn find_first(
    context: &Context,
    query: &Query,
    chain: &CollectionName,
) -> Result<Lookup<Found>> {
    let mut first = None;
    let searched = search(context, query, &*context.flat(chain)?, |leaf, matches| {
        let newest = matches.iter().copied().max_by_key(|(name, _)| name.created_at());
        first = newest.map(|found| found_in(leaf, found));
        first.is_none()
    });
    Ok(match (first, searched) {
        (Some(found), _) => Lookup::Hit(found),
        (None, Err(miss)) => Lookup::Miss(miss),
        (None, Ok(())) => {
            let wanted = query.prefix.trim_end_matches('/');
            Lookup::Miss(Miss::NeverStored { name: format!("{wanted} in {chain}") })
        }
    })
}

/// Returns all entries that match along `chain`, in the order of the search; those of one
/// collection newest first. An entry that several collections have is there once, at its first
/// place.
///
/// # Errors
/// As [`find_first`]; and [`crate::Error::CollectionUnreadable`] for any member.
pub fn find_all(context: &Context, query: &Query, chain: &CollectionName) -> Result<Vec<Found>> {
    let mut all = Vec::new();
    let mut seen = HashSet::new();
    search(context, query, &*context.flat(chain)?, |leaf, matches| {
        let mut matches = matches.to_vec();
        matches.sort_by_key(|(name, _)| std::cmp::Reverse(name.created_at()));
        matches.retain(|(name, _)| seen.insert(name.as_str().to_owned()));
        all.extend(matches.into_iter().map(|found| found_in(leaf, found)));
        true
    })
    .map_err(|miss| super::context::unreadable(chain, miss))?;
    Ok(all)
}

/// Returns for each cell that matches the first entry along `chain`, sorted by cell.
///
/// # Errors
/// As [`find_all`].
pub fn find_each(context: &Context, query: &Query, chain: &CollectionName) -> Result<Vec<Found>> {
    let mut all = find_all(context, query, chain)?;
    let mut seen = HashSet::new();
    all.retain(|found| seen.insert(cell_of(&found.entry)));
    all.sort_by(|a, b| a.entry.cmp(&b.entry));
    Ok(all)
}

/// Returns what became of every collection along `chain`, and all that matches.
///
/// # Errors
/// As [`find_first`]. A member that cannot be read is in the explanation.
pub fn explain(context: &Context, query: &Query, chain: &CollectionName) -> Result<Explanation> {
    let flat = context.flat(chain)?;
    let (mut visits, mut found) = (Vec::with_capacity(flat.stops.len()), Vec::new());
    let mut seen = HashSet::new();
    for stop in &flat.stops {
        let reason = match &stop.what {
            What::Chain => Reason::Chain,
            What::AlreadyVisited => Reason::AlreadyVisited,
            What::Gone => Reason::Gone,
            What::MadeLater => Reason::MadeLater,
            What::Unreadable(miss) => Reason::Unreadable(miss.clone()),
            What::Leaf(number) => {
                let leaf = &flat.leaves[*number];
                match ruled_out(query, leaf, context) {
                    Some(reason) => reason,
                    None => match matches_in(context, query, leaf) {
                        Err(miss) => Reason::Unreadable(miss),
                        Ok(mut matches) => {
                            let count = matches.len();
                            matches.sort_by_key(|(name, _)| std::cmp::Reverse(name.created_at()));
                            matches.retain(|(name, _)| seen.insert(name.as_str().to_owned()));
                            found.extend(matches.into_iter().map(|one| found_in(leaf, one)));
                            Reason::Searched(count)
                        }
                    },
                }
            }
        };
        visits.push(Visit { collection: stop.name.clone(), depth: stop.depth, reason });
    }
    Ok(Explanation { visits, found })
}

type Match<'a> = (&'a EntryName, ObjectId);

/// Searches the leaves that may match, in order, as long as `go_on` says so.
fn search<'f>(
    context: &Context,
    query: &Query,
    flat: &'f Flat,
    mut go_on: impl FnMut(&'f State, &[Match<'f>]) -> bool,
) -> std::result::Result<(), Miss> {
    let mut unreadable = flat.unreadable.iter().peekable();
    for position in flat.index.candidates(&query.exact) {
        let position = position as usize;
        if let Some((_, miss)) = unreadable.next_if(|(before, _)| *before <= position) {
            return Err(miss.clone());
        }
        let leaf = &*flat.leaves[position];
        if leaf.summary.is_after(context.moment()) {
            continue;
        }
        let matches = matches_in(context, query, leaf)?;
        if !matches.is_empty() && !go_on(leaf, &matches) {
            return Ok(());
        }
    }
    unreadable.next().map_or(Ok(()), |(_, miss)| Err(miss.clone()))
}

fn matches_in<'f>(
    context: &Context,
    query: &Query,
    leaf: &'f State,
) -> std::result::Result<Vec<Match<'f>>, Miss> {
    let is_within = |name: &EntryName| context.moment().is_none_or(|m| name.created_at() <= m);
    let below = leaf.members_below(context.store(), &query.prefix)?.iter();
    let matching = below.filter(|(name, _)| query.matches(name) && is_within(name));
    Ok(matching.map(|(name, tree)| (name, *tree)).collect())
}

/// Returns why a leaf need not be read; the same decision as the index of the chain takes.
fn ruled_out(query: &Query, leaf: &State, context: &Context) -> Option<Reason> {
    let Exact { notebook, cell, module } = &query.exact;
    let summary = &leaf.summary;
    let lacks = |values: &super::summary::Values, value: &Option<String>| {
        value.clone().filter(|value| !values.may_have(value))
    };
    if let Some(notebook) = lacks(&summary.notebooks, notebook) {
        return Some(Reason::NoNotebook(plain(&notebook)));
    }
    if let Some(cell) = lacks(&summary.cells, cell) {
        return Some(Reason::NoCell(plain(cell.rsplit('/').next().unwrap_or(&cell))));
    }
    if let Some(module) = lacks(&summary.modules, module) {
        return Some(Reason::NoModule(plain(&module)));
    }
    summary.is_after(context.moment()).then_some(Reason::MadeLater)
}

fn plain(segment: &str) -> String {
    crate::name::decode(segment).map_or(segment.to_owned(), std::borrow::Cow::into_owned)
}

fn found_in(leaf: &State, (name, tree): Match<'_>) -> Found {
    Found { entry: name.clone(), collection: leaf.about.name.clone(), tree }
}

/// Returns `<notebook>/<cell>` of a name.
fn cell_of(name: &EntryName) -> String {
    name.as_str().splitn(3, '/').take(2).collect::<Vec<_>>().join("/")
}
