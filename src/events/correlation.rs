//! What belongs together: events that are noted inside a scope carry its id.

use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    static CURRENT: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// Runs `work`; every event that this thread notes meanwhile carries `id`, such as that of a
/// request. The innermost scope counts.
pub fn with_correlation<T>(id: &str, work: impl FnOnce() -> T) -> T {
    /// Ends the scope, also if `work` panics.
    struct Scope(Option<Arc<str>>);
    impl Drop for Scope {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
        }
    }
    let _scope = Scope(CURRENT.replace(Some(id.into())));
    work()
}

/// Returns the id of the innermost scope that this thread is in.
pub(super) fn current() -> Option<Arc<str>> {
    CURRENT.with_borrow(Clone::clone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_scope_counts_and_a_panic_ends_it() {
        assert_eq!(current(), None);
        with_correlation("outer", || {
            assert_eq!(current().as_deref(), Some("outer"));
            with_correlation("inner", || assert_eq!(current().as_deref(), Some("inner")));
            assert_eq!(current().as_deref(), Some("outer"));
            let other = std::thread::spawn(current).join().unwrap();
            assert_eq!(other, None, "a thread has its own");
        });
        let panicked = std::panic::catch_unwind(|| with_correlation("lost", || panic!("work")));
        assert!(panicked.is_err());
        assert_eq!(current(), None);
    }
}
