//! What git says of its progress: `Receiving objects:  45% (9/20), 1.20 MiB | 3.00 MiB/s`.

use crate::progress::{Progress, Unit};

/// Hands on how far git has come with receiving; other lines say nothing to it.
pub(super) struct Meter<'a> {
    progress: &'a dyn Progress,
    /// How much was handed on of how much.
    stands_at: Option<(u64, u64)>,
}

impl<'a> Meter<'a> {
    pub(super) fn new(progress: &'a dyn Progress) -> Meter<'a> {
        Meter { progress, stands_at: None }
    }

    /// Takes in one line, without its end.
    pub(super) fn line(&mut self, line: &str) {
        let Some((done, total)) = received(line) else { return };
        let before = match self.stands_at {
            Some((before, of)) if of == total => before,
            _ => {
                self.progress.begin("receiving", Some(total), Unit::Items);
                0
            }
        };
        self.progress.advance(done.saturating_sub(before));
        self.stands_at = Some((done.max(before), total));
    }

    pub(super) fn end(self) {
        if self.stands_at.is_some() {
            self.progress.end();
        }
    }
}

/// Reads how many objects were received of how many.
fn received(line: &str) -> Option<(u64, u64)> {
    let rest = line.strip_prefix("Receiving objects:")?;
    let (_, counts) = rest.split_once('(')?;
    let (done, total) = counts.split_once(')')?.0.split_once('/')?;
    Some((done.parse().ok()?, total.parse().ok()?))
}

/// Whether a line only says how far git, here or there, has come.
pub(super) fn is_progress(line: &str) -> bool {
    let line = line.trim_start_matches("remote: ");
    let counted = line.split_once(": ").is_some_and(|(_, rest)| {
        let rest = rest.trim_start();
        rest.split_once('%').is_some_and(|(number, _)| number.parse::<u8>().is_ok())
            || rest.split_once(", done").is_some_and(|(number, _)| number.parse::<u64>().is_ok())
            || rest.parse::<u64>().is_ok()
    });
    let total = line.starts_with("Total ") && line.contains("pack-reused");
    counted || total || line.trim().is_empty() || line.starts_with("From ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_progress_are_told_from_words() {
        let line = "Receiving objects:  45% (9/20), 1.20 MiB | 3.00 MiB/s";
        assert_eq!(received(line), Some((9, 20)));
        for line in [
            line,
            "remote: Enumerating objects: 21, done.",
            "remote: Counting objects:   4% (1/21)",
            "remote: Total 20 (delta 0), reused 0 (delta 0), pack-reused 0 (from 0)",
            "Resolving deltas: 100% (3/3), done.",
        ] {
            assert!(is_progress(line), "{line}");
        }
        for line in ["fatal: no such place: 7", "remote: error: hook declined", "warning: 12%"] {
            assert!(!is_progress(line), "{line}");
        }
    }
}
