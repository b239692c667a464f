//! What happened to results, as a log: one JSON line for each hit, miss, put, removal and exchange
//! with a remote (format.md, section 18; json.md, "Events").
//!
//! Whoever notes an event waits for nothing: it goes into a bounded buffer, and a thread of the log
//! writes what is there, some times a second. What does not fit is dropped and counted.
//!
//! ```no_run
//! use recell::events::{self, EventOptions};
//! use recell::{OpenOptions, Store};
//!
//! # fn main() -> Result<(), recell::Error> {
//! let options = OpenOptions { events: Some(EventOptions::default()), ..OpenOptions::default() };
//! let store = Store::open(".recell/store.git".as_ref(), options)?;
//! # let key = recell::ExecutionKey::new("sales.ipynb", "load", "9f86d081").unwrap();
//! let found = events::with_correlation("request-17", || store.get(&key))?;
//! # let _ = found;
//! # Ok(())
//! # }
//! ```

mod correlation;
mod event;
mod files;
mod log;
mod reading;
mod summary;
#[cfg(test)]
mod tests;

pub use correlation::{unnoted, with_correlation};
pub use event::{Event, EventKind};
pub(crate) use files::is_of_log;
pub(crate) use log::micros_since;
pub use log::{EventLog, EventOptions};
pub use reading::{EventLine, Follower, clear, read};
pub use summary::{By, HIT, Row, Summary, summarize};
