//! Whose parts are handed out although reading them can run code (docs/trust.md).
//!
//! An entry is the store's own if its own ledger has it, or nobody's ledger. It is vouched for if
//! a ledger that has it was signed by somebody who may. All that is asked for only when a part can
//! run code: other parts never come here.

mod holders;
mod marks;
mod verdicts;
mod vouching;

use std::fmt;

use super::Inner;
use crate::config::TrustPolicy;
use crate::entry::{CodeRisk, Part};
use crate::git::{ObjectId, Signer, Signers};
use crate::lookup::Miss;
use crate::name::EntryName;

pub(crate) use marks::{FOREIGN_FOLDER, foreign_ref};
pub(super) use verdicts::Verdicts;
pub(crate) use vouching::vouching_line;

/// Whose parts may run code here.
#[derive(Debug, Clone)]
pub struct Trust {
    /// Whose they must be.
    pub policy: TrustPolicy,
    /// Who may sign; without them no signature is checked.
    pub signers: Option<Signers>,
}

impl Default for Trust {
    /// Returns the trust in what was made in this store, and in nothing else.
    fn default() -> Trust {
        Trust { policy: TrustPolicy::Own, signers: None }
    }
}

/// Where an entry comes from, and who vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It was put in this store.
    Own,
    /// It came from elsewhere, and somebody who may sign vouches for it.
    Vouched {
        /// The store whose ledger was signed.
        writer: String,
        /// Who signed.
        signer: Signer,
    },
    /// It came from elsewhere, and nobody vouches for it.
    Foreign {
        /// The stores whose ledgers have it; empty if that is not known.
        writers: Vec<String>,
        /// Why nobody does; `None` if nobody was asked.
        reason: Option<String>,
    },
}

impl Standing {
    /// Whether code of the entry may run here by that policy.
    pub fn is_trusted(&self, policy: TrustPolicy) -> bool {
        match policy {
            TrustPolicy::Own => *self == Standing::Own,
            TrustPolicy::Signed => !matches!(self, Standing::Foreign { .. }),
            TrustPolicy::All => true,
        }
    }

    /// Returns the stable word for it: `own`, `vouched`, `foreign`.
    pub fn code(&self) -> &'static str {
        match self {
            Standing::Own => "own",
            Standing::Vouched { .. } => "vouched",
            Standing::Foreign { .. } => "foreign",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Standing::Own => f.write_str("it was put here"),
            Standing::Vouched { writer, signer } => {
                write!(f, "the store {writer} wrote it, and {} signed that", signer.who)
            }
            Standing::Foreign { writers, reason } => {
                match &writers[..] {
                    [] => f.write_str("it came from elsewhere")?,
                    [writer] => write!(f, "the store {writer} wrote it")?,
                    [writer, more @ ..] => {
                        write!(f, "the store {writer} and {} more have it", more.len())?;
                    }
                }
                reason.as_ref().map_or(Ok(()), |reason| write!(f, ", {reason}"))
            }
        }
    }
}

impl Inner {
    /// Refuses a part that can run code, unless its entry is trusted.
    ///
    /// # Errors
    /// [`Miss::Untrusted`].
    pub(super) fn guard(
        &self,
        entry: &EntryName,
        tree: &ObjectId,
        part: &Part,
    ) -> Result<(), Miss> {
        let Some(risk) = CodeRisk::of(part) else { return Ok(()) };
        let risk = || risk.explain(part).to_string();
        self.require_trust(entry, tree, &|| format!("{entry}:{}", part.path), &risk)
    }

    /// Refuses what can run code, unless its entry is trusted.
    ///
    /// # Errors
    /// [`Miss::Untrusted`] of what `name` returns.
    pub(super) fn require_trust(
        &self,
        entry: &EntryName,
        tree: &ObjectId,
        name: &dyn Fn() -> String,
        risk: &dyn Fn() -> String,
    ) -> Result<(), Miss> {
        let policy = self.options.trust.policy;
        if policy == TrustPolicy::All {
            return Ok(());
        }
        let standing = self.standing(entry, tree, policy == TrustPolicy::Signed);
        if standing.is_trusted(policy) {
            return Ok(());
        }
        Err(Miss::Untrusted {
            name: name(),
            risk: risk(),
            origin: standing.to_string(),
            policy: policy.as_str(),
        })
    }
}
