//! Trust: who signed what, and what came from elsewhere (docs/trust.md).
//!
//! Whether a part is handed out is decided where it is read, in the store. Here is what push and
//! pull do so that this can be decided, and what `recell trust` tells.

mod allowing;
mod marking;
mod signing;
mod survey;
mod tampering;

pub use allowing::{Allowed, allow};
pub(crate) use marking::{mark_changes, names_to_mark};
pub(crate) use signing::{Signing, signs, unsigned_ledgers};
pub use survey::{LedgerTrust, TrustSurvey, survey};
pub(crate) use tampering::{check_foreign_ledger, check_manifests};
