//! What is said of all events that a thread notes inside a scope: the id of what they belong to, or
//! that they are none.

use std::cell::RefCell;
use std::sync::Arc;

/// What counts in a scope.
#[derive(Debug, Clone, Default)]
struct Context {
    correlation: Option<Arc<str>>,
    is_silent: bool,
}

thread_local! {
    static CURRENT: RefCell<Context> = const {
        RefCell::new(Context { correlation: None, is_silent: false })
    };
}

/// Runs `work`; every event that this thread notes meanwhile carries `id`, such as that of a
/// request. The innermost scope counts.
pub fn with_correlation<T>(id: &str, work: impl FnOnce() -> T) -> T {
    within(|outer| Context { correlation: Some(id.into()), ..outer.clone() }, work)
}

/// Runs `work`; what this thread notes meanwhile is no event, as it only looks whether something
/// could be handed out.
pub fn unnoted<T>(work: impl FnOnce() -> T) -> T {
    within(|outer| Context { is_silent: true, ..outer.clone() }, work)
}

fn within<T>(inner: impl FnOnce(&Context) -> Context, work: impl FnOnce() -> T) -> T {
    /// Ends the scope, also if `work` panics.
    struct Scope(Context);
    impl Drop for Scope {
        fn drop(&mut self) {
            CURRENT.set(std::mem::take(&mut self.0));
        }
    }
    let inner = CURRENT.with_borrow(inner);
    let _scope = Scope(CURRENT.replace(inner));
    work()
}

/// Returns the id of the innermost scope that this thread is in, if any has one; `None` if nothing
/// is to be noted.
#[expect(clippy::option_option, reason = "one says whether to note, one what of")]
pub(super) fn current() -> Option<Option<Arc<str>>> {
    let ask = |context: &Context| (!context.is_silent).then(|| context.correlation.clone());
    // A thread that ends is in no scope any more.
    CURRENT.try_with(|current| ask(&current.borrow())).unwrap_or(Some(None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> Option<String> {
        current().expect("events are noted").map(|id| id.to_string())
    }

    #[test]
    fn the_innermost_scope_counts_and_a_panic_ends_it() {
        assert_eq!(id(), None);
        with_correlation("outer", || {
            assert_eq!(id().as_deref(), Some("outer"));
            with_correlation("inner", || assert_eq!(id().as_deref(), Some("inner")));
            assert_eq!(id().as_deref(), Some("outer"));
            let other = std::thread::spawn(id).join().unwrap();
            assert_eq!(other, None, "a thread has its own");
        });
        let panicked = std::panic::catch_unwind(|| with_correlation("lost", || panic!("work")));
        assert!(panicked.is_err());
        assert_eq!(id(), None);
    }

    #[test]
    fn nothing_inside_a_silent_scope_is_noted() {
        with_correlation("outer", || {
            unnoted(|| {
                assert_eq!(current(), None);
                with_correlation("inner", || assert_eq!(current(), None));
            });
            assert_eq!(id().as_deref(), Some("outer"));
        });
    }
}
