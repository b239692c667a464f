//! Every `RECELL_*` environment variable, by name and meaning.

use super::keys::Key;
use super::nearest;

/// An environment variable that recell reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The name, which starts with `RECELL_`.
    pub name: String,
    /// What it does, in one sentence.
    pub meaning: String,
}

/// What the name of every variable of recell starts with.
pub(super) const PREFIX: &str = "RECELL_";

/// The short name of `RECELL_STORE_PATH`; it wins where both are set, being typed by hand.
pub(super) const STORE: (&str, &str) = ("RECELL_STORE", "store.path");

/// The variables that set no key.
const OTHERS: [(&str, &str); 8] = [
    ("RECELL_TOKEN", "What clients of `recell serve` must know, if no flag says it."),
    ("RECELL_LOG", "Says more on stderr, as `-v` does, if it is not empty."),
    ("RECELL_RUN", "What all events of this run carry as `run`, instead of random digits."),
    ("RECELL_CORRELATION", "What all events of this run carry as `correlation`."),
    ("RECELL_NOW", "The time to take for now, for tests."),
    ("RECELL_SEED", "The seed of what is otherwise random, for tests."),
    ("RECELL_CRASH_AT", "The named point at which to abort, for crash tests of debug builds."),
    ("RECELL_DISK_BUDGET", "The bytes after which the disk counts as full, in debug builds."),
];

impl Variable {
    /// Returns every variable: those that set a key, then `RECELL_STORE`, then the others.
    pub fn all() -> impl Iterator<Item = Variable> {
        let of_key = |key: &Key| Variable {
            name: key.variable(),
            meaning: format!("Sets `{}`. {}", key.name(), key.doc()),
        };
        let store = Variable {
            name: STORE.0.into(),
            meaning: format!("Sets `{}`, and wins over `RECELL_STORE_PATH`.", STORE.1),
        };
        let others = OTHERS.iter();
        let others = others
            .map(|(name, meaning)| Variable { name: (*name).into(), meaning: (*meaning).into() });
        Key::all().iter().map(of_key).chain([store]).chain(others)
    }
}

/// Returns whether `name` is one of recell's variables, or none of its business.
pub(super) fn is_known(name: &str) -> bool {
    !name.starts_with(PREFIX) || Variable::all().any(|variable| variable.name == name)
}

/// Returns the known variable that `name` most likely stands for.
pub(super) fn nearest_variable(name: &str) -> Option<String> {
    let wanted = name.strip_prefix(PREFIX).unwrap_or(name);
    nearest::best(Variable::all().map(|variable| {
        let score = nearest::similarity(wanted, &variable.name[PREFIX.len()..]);
        // `RECELL_COLOR` most likely wants the one that ends so.
        let ends = variable.name.ends_with(&format!("_{wanted}"));
        (variable.name, if ends { 1.0 } else { score })
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_variable_has_one_meaning() {
        let names: Vec<String> = Variable::all().map(|variable| variable.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        assert!(names.iter().all(|name| name.starts_with(PREFIX) && is_known(name)));
        assert!(Variable::all().all(|variable| variable.meaning.ends_with('.')));
    }

    #[test]
    fn the_nearest_variable_is_the_one_that_was_meant() {
        for (name, expected, why) in [
            ("RECELL_STORE_DURABILTY", Some("RECELL_STORE_DURABILITY"), "a letter is missing"),
            ("RECELL_COLOR", Some("RECELL_UI_COLOR"), "the section is missing"),
            ("RECELL_LOGS", Some("RECELL_LOG"), "those that set no key count, too"),
            ("RECELL_XYZZY", None, "nothing is near"),
            ("RECELL_", None, "nothing is named"),
        ] {
            assert_eq!(nearest_variable(name).as_deref(), expected, "{name}: {why}");
        }
    }
}
