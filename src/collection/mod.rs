//! Collections: named sets of entries (format.md, section 11).
//!
//! A *run* is what one execution made; once closed it never changes. A *tagged* collection is
//! picked by hand; each change is a commit, so that its history is its time machine. A *chained*
//! one is an ordered search path of others, nested as one likes. A frozen collection stays as it
//! is, a frozen chain with all below it.
//!
//! [`find_first`] searches a chain depth-first: each collection is visited once, the first that
//! has the key wins, and members whose summary rules them out are not read. All that is read
//! through one [`Context`] agrees, whatever others write meanwhile.
//!
//! Who changes a ref says what it displaces, and reads again if somebody was faster. A run has one
//! owner, so it is set in the journal, beside the entries, for the price of an append.
//!
//! What is kept in memory follows one policy:
//! - a state (one commit of a collection) is read when first asked for, whole, and kept for ever
//!   under its commit id, as commits do not change; the same goes for the index over the states
//!   of a flattened chain. Both are shared by all clones of a store;
//! - which commit a name stands for is looked up once a context, in names that are held fast. A
//!   miss in a context stays one; a [`Finder`] refreshes once on a miss, and whenever it is told.

mod cache;
mod chained;
mod change;
mod context;
mod document;
mod find;
mod flatten;
mod forgetting;
mod merge;
mod name;
mod postings;
mod removal;
mod renaming;
mod run;
mod state;
mod summary;
mod tagged;

pub use cache::Finder;
pub use chained::{ChainEdit, chain, freeze};
pub use context::{Collection, Context};
pub use document::About;
pub use find::{
    Explanation, Found, Query, Reason, Visit, explain, find_all, find_each, find_first,
};
pub use forgetting::{Forgetting, forget, plan_forgetting, plan_forgetting_for_good, protected};
pub use merge::{merge_chained, merge_tagged};
pub use name::{CollectionName, Kind};
pub use removal::{bring_back, referrers, remove_collection};
pub use renaming::{Renaming, rename_members};
pub use run::Run;
pub use summary::Summary;
pub use tagged::{Change, add, create, remove};
