//! How a push extends ledgers: those of this store are signed, if anything is.

use super::extend::{NewState, extended};
use super::trust::Signing;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::git::{ObjectId, Signers};
use crate::name::LedgerName;
use crate::store::{OnlyCollection, Store};

/// What new states of ledgers are made with.
pub(super) struct Extending<'a> {
    pub(super) store: &'a Store,
    /// Who signs; `None` if nothing is signed.
    pub(super) signers: Option<&'a Signers>,
    /// While it is held nothing is collected.
    pub(super) only: &'a OnlyCollection,
    pub(super) now: Timestamp,
}

impl Extending<'_> {
    /// Returns the state of a ledger that has the entries of `base` and `add`, names below the
    /// notebook. Ledgers of other writers are never signed here.
    ///
    /// # Errors
    /// Those of [`extended`] and of [`Signing::extended`].
    pub(super) fn extended(
        &self,
        ledger: &LedgerName,
        base: Option<&ObjectId>,
        add: Vec<(&str, ObjectId)>,
    ) -> Result<NewState> {
        match self.signers {
            Some(signers) if ledger.writer() == self.store.writer_id() => {
                let signing = Signing { signers, only: self.only, now: self.now };
                signing.extended(self.store, ledger, base, &add)
            }
            _ => extended(self.store, base, add, self.now),
        }
    }
}
