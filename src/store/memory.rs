//! What the features above the store remember of it as long as it is open.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::Store;

/// One value for each type that asks: the store knows none of them.
#[derive(Default)]
pub(super) struct Memory(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Store {
    /// Returns the one `T` that all clones of this store share; it is made when first asked for.
    pub(crate) fn remembered<T: Any + Send + Sync + Default>(&self) -> Arc<T> {
        let mut all = self.inner.memory.0.lock().expect("making a default does not panic");
        let value = all.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(T::default()));
        Arc::clone(value).downcast().expect("it is kept under its own type")
    }
}
