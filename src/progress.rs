//! What long work reports to; silent unless somebody watches.

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Things, such as notebooks or entries.
    Items,
    /// Nothing: only time passes.
    Time,
}

/// Watches long work. One piece of work runs at a time; its steps may come from any thread.
pub trait Progress: Sync {
    /// Says that `what` begins, for example `storing`; `None` if nobody knows how much there is.
    fn begin(&self, what: &str, total: Option<u64>, unit: Unit);
    /// Says that `count` more are done.
    fn advance(&self, count: u64);
    /// Says that it is over, whether or not all was done.
    fn end(&self);
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _what: &str, _total: Option<u64>, _unit: Unit) {}
    fn advance(&self, _count: u64) {}
    fn end(&self) {}
}
