//! How a push extends ledgers: those of this store are signed, if anything is.

use std::cell::RefCell;

use super::extend::{NewState, extended};
use super::trust::Signing;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::git::{ObjectId, Signers};
use crate::name::LedgerName;
use crate::store::{OnlyCollection, Store};

/// What new states of ledgers are made with.
pub(super) struct Extending<'a> {
    pub(super) store: &'a Store,
    /// Who signs; `None` if nothing is signed.
    pub(super) signers: Option<&'a Signers>,
    /// Whether nothing may go unsigned if there are signers.
    pub(super) must_sign: bool,
    /// Why git could not sign; from then on nothing more is signed.
    pub(super) unsigned: RefCell<Option<String>>,
    /// While it is held nothing is collected.
    pub(super) only: &'a OnlyCollection,
    pub(super) now: Timestamp,
}

impl Extending<'_> {
    /// Returns the state of a ledger that has the entries of `base` and `add`, names below the
    /// notebook. Ledgers of other writers are never signed here.
    ///
    /// Where git cannot sign and need not, the state is not signed. That vouches for nothing, and
    /// takes nothing from what earlier states vouch for.
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
            Some(signers) if ledger.writer() == self.store.writer_id() && self.can_sign() => {
                let signing = Signing { signers, only: self.only, now: self.now };
                match signing.extended(self.store, ledger, base, &add) {
                    Err(error) if !self.must_sign && is_of_signing(&error) => {
                        *self.unsigned.borrow_mut() = Some(error.to_string());
                        extended(self.store, base, add, self.now)
                    }
                    signed => signed,
                }
            }
            _ => extended(self.store, base, add, self.now),
        }
    }

    /// Whether signing is still worth a try. A key that does not work is asked for once.
    pub(super) fn can_sign(&self) -> bool {
        self.unsigned.borrow().is_none()
    }
}

fn is_of_signing(error: &Error) -> bool {
    matches!(error, Error::CannotSign { .. } | Error::SigningProgramMissing { .. })
}
