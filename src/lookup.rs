//! What a lookup found: the thing itself, or the reason why not.

/// Why a lookup found nothing that can be handed out. A miss is an answer, not a failure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Miss {
    /// Nothing was ever stored under that name.
    #[error("nothing is stored under `{name}`")]
    NeverStored {
        /// The key, name or part that was asked for.
        name: String,
    },
    /// Nothing is called so, though something else is called much like it.
    #[error("nothing is stored under `{name}`")]
    Misspelled {
        /// What was asked for.
        name: String,
        /// What it most likely stands for, best first; never empty.
        nearest: Vec<String>,
    },
    /// It was stored, but an object of it is not here.
    #[error("`{name}` lacks the object {object}: {what}")]
    Absent {
        /// The entry, or the part of it.
        name: String,
        /// What the object is to it.
        what: String,
        /// The object's id, as hex.
        object: String,
    },
    /// It is kept on the machine where it was made, which is not this one.
    #[error("`{name}` stayed on the machine where it was made")]
    LocalElsewhere {
        /// The part of an entry.
        name: String,
    },
    /// It is stored, but only on a remote, from which it could not be brought.
    #[error(
        "`{name}` is only on the remote `{remote}`{}",
        reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default()
    )]
    OnRemote {
        /// The entry, or the part of it.
        name: String,
        /// The remote that had it when it was last spoken to.
        remote: String,
        /// Why it could not be brought; `None` if nobody tried.
        reason: Option<String>,
    },
    /// It is here, but its bytes are not what was stored.
    #[error("`{name}` is damaged: {reason}")]
    Damaged {
        /// The entry, or the part of it.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A later release wrote it.
    #[error("`{name}` was written by a later release: {reason}")]
    NewerFormat {
        /// The entry.
        name: String,
        /// Which format it has.
        reason: String,
    },
    /// Reading it can run code, and it is from somebody who is not trusted to do that here
    /// (docs/trust.md).
    #[error("`{name}` is not handed out: {risk}; {origin}; `trust.policy` is `{policy}`")]
    Untrusted {
        /// The part: `<entry>:<part>`.
        name: String,
        /// Why reading it can run code.
        risk: String,
        /// Whose it is, and who vouches for it.
        origin: String,
        /// The setting `trust.policy` as it counts.
        policy: &'static str,
    },
}

impl Miss {
    /// Returns the stable, machine-readable word for this miss.
    pub fn code(&self) -> &'static str {
        match self {
            Miss::NeverStored { .. } | Miss::Misspelled { .. } => "never_stored",
            Miss::Absent { .. } => "absent",
            Miss::LocalElsewhere { .. } => "local_elsewhere",
            Miss::OnRemote { .. } => "on_remote",
            Miss::Damaged { .. } => "damaged",
            Miss::NewerFormat { .. } => "newer_format",
            Miss::Untrusted { .. } => "untrusted",
        }
    }
}

/// What a lookup found: the thing itself, or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Lookup<T> {
    /// It is here and whole.
    Hit(T),
    /// It cannot be handed out.
    Miss(Miss),
}

impl<T> Lookup<T> {
    /// Returns what was found, without the reason for a miss.
    pub fn hit(self) -> Option<T> {
        match self {
            Lookup::Hit(value) => Some(value),
            Lookup::Miss(_) => None,
        }
    }

    /// Returns what was found as a result whose failure is the miss.
    ///
    /// # Errors
    /// The [`Miss`], if it is one.
    pub fn ok(self) -> std::result::Result<T, Miss> {
        match self {
            Lookup::Hit(value) => Ok(value),
            Lookup::Miss(miss) => Err(miss),
        }
    }
}

impl<T> From<std::result::Result<T, Miss>> for Lookup<T> {
    fn from(result: std::result::Result<T, Miss>) -> Lookup<T> {
        match result {
            Ok(value) => Lookup::Hit(value),
            Err(miss) => Lookup::Miss(miss),
        }
    }
}
