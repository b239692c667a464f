//! The known name that a mistyped one most likely stands for.

use super::keys::{Key, SECTIONS};

/// Below this similarity a suggestion misleads more often than it helps; clap draws the line there.
const CLOSE_ENOUGH: f64 = 0.7;

/// What a key gains for being in the section that was named, to settle ties.
const SAME_SECTION: f64 = 0.01;

/// Returns the key that the dotted `name` most likely stands for.
///
/// The last segment decides, as keys are forgotten under the wrong section as often as mistyped.
pub(super) fn key(name: &str) -> Option<String> {
    let (section, last) = name.rsplit_once('.').unwrap_or(("", name));
    best(Key::all().iter().map(|key| {
        let bonus = if key.section() == section { SAME_SECTION } else { 0.0 };
        (key.name().to_owned(), similarity(last, key.short()) + bonus)
    }))
}

/// Returns the one of the `fields` of `key` that `name` most likely stands for, dotted.
pub(super) fn field(key: &Key, name: &str) -> Option<String> {
    let scored = key.fields().iter().map(|field| ((*field).to_owned(), similarity(name, field)));
    best(scored).map(|field| format!("{}.{field}", key.name()))
}

/// Returns the section that `name` most likely stands for.
pub(super) fn section(name: &str) -> Option<String> {
    best(SECTIONS.iter().map(|(section, _)| ((*section).to_owned(), similarity(name, section))))
}

/// Returns how alike two names are, from 0 to 1; dashes count as underscores, and case not at all.
pub(super) fn similarity(left: &str, right: &str) -> f64 {
    let plain = |name: &str| name.replace('-', "_").to_lowercase();
    strsim::jaro_winkler(&plain(left), &plain(right))
}

/// Returns the candidate of the highest score, the first of equals; `None` if all are too far.
pub(super) fn best(candidates: impl Iterator<Item = (String, f64)>) -> Option<String> {
    candidates
        .filter(|(_, score)| *score > CLOSE_ENOUGH)
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
        .map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_the_one_that_was_meant() {
        for (name, expected, why) in [
            ("store.durabilty", Some("store.durability"), "a letter is missing"),
            ("store.chunk-threshold", Some("store.chunk_threshold"), "a dash for an underscore"),
            ("store.flushAge", Some("store.flush_age"), "another language's case"),
            ("ui.colour", Some("ui.color"), "another spelling"),
            ("color", Some("ui.color"), "no section"),
            ("store.color", Some("ui.color"), "the wrong section"),
            ("stroe.durability", Some("store.durability"), "a mistyped section"),
            ("store.xyzzy", None, "nothing is near"),
            ("", None, "nothing is named"),
        ] {
            assert_eq!(key(name).as_deref(), expected, "{name}: {why}");
        }
    }

    #[test]
    fn the_nearest_section_is_the_one_that_was_meant() {
        assert_eq!(section("stor").as_deref(), Some("store"));
        assert_eq!(section("filters").as_deref(), Some("filter"));
        assert_eq!(section("xyzzy"), None);
    }
}
