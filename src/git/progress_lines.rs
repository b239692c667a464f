//! How far git has come with a push or a fetch, as it says on its standard error:
//! `Receiving objects:  45% (9/20), 1.20 MiB | 3.00 MiB/s`.

use std::io::Read;

use crate::progress::{Progress, Unit};

/// What git counts, and what that is called here.
const PHASES: [(&str, &str); 4] = [
    ("Compressing objects:", "packing"),
    ("Writing objects:", "sending"),
    ("remote: Resolving deltas:", "the host takes it in"),
    ("Receiving objects:", "receiving"),
];

/// Reads what git says while it works, hands on how far it has come, and keeps all else.
pub(super) struct Watch<'a> {
    progress: &'a dyn Progress,
    /// What is going on, and how many of it are done.
    at: Option<(&'static str, u64)>,
}

/// One line about how far git has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    what: &'static str,
    done: u64,
    total: u64,
}

impl<'a> Watch<'a> {
    pub(super) fn new(progress: &'a dyn Progress) -> Watch<'a> {
        Watch { progress, at: None }
    }

    /// Reads `from` to its end and returns what is more than progress.
    pub(super) fn read(mut self, mut from: impl Read) -> Vec<u8> {
        let (mut kept, mut line) = (Vec::new(), Vec::new());
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            for byte in &buffer[..count] {
                line.push(*byte);
                // Lines of progress end in a carriage return.
                if matches!(byte, b'\n' | b'\r') {
                    self.line(&line, &mut kept);
                    line.clear();
                }
            }
        }
        self.line(&line, &mut kept);
        if self.at.is_some() {
            self.progress.end();
        }
        kept
    }

    fn line(&mut self, line: &[u8], kept: &mut Vec<u8>) {
        let text = String::from_utf8_lossy(line);
        if !is_progress(&text) {
            kept.extend_from_slice(line);
            return;
        }
        let Some(step) = read_step(&text) else { return };
        let before = match self.at {
            Some((what, done)) if what == step.what => done,
            _ => {
                self.progress.begin(step.what, Some(step.total), Unit::Items);
                0
            }
        };
        self.progress.advance(step.done.saturating_sub(before));
        self.at = Some((step.what, step.done.max(before)));
    }
}

/// Reads how much is done of how much.
fn read_step(line: &str) -> Option<Step> {
    let line = line.trim_start();
    let (rest, what) =
        PHASES.iter().find_map(|(head, what)| Some((line.strip_prefix(head)?, *what)))?;
    let (done, total) = counts(rest)?;
    Some(Step { what, done, total })
}

/// Reads `45% (9/20)`.
fn counts(text: &str) -> Option<(u64, u64)> {
    let (percent, rest) = text.split_once("% (")?;
    percent.trim().parse::<u8>().ok()?;
    let (done, total) = rest.split_once(')')?.0.split_once('/')?;
    Some((done.parse().ok()?, total.parse().ok()?))
}

/// Whether a line only says how far git, here or there, has come.
pub(super) fn is_progress(line: &str) -> bool {
    let line = line.trim();
    if line.is_empty() || line.starts_with("From ") {
        return true;
    }
    let line = line.strip_prefix("remote:").map_or(line, str::trim_start);
    let is_counted = line.split_once(':').is_some_and(|(what, rest)| {
        // `Enumerating objects: 21`, with or without a word that it is done.
        let number = rest.trim().split(',').next().unwrap_or_default();
        counts(rest).is_some() || (what.ends_with(" objects") && number.parse::<u64>().is_ok())
    });
    is_counted
        || (line.starts_with("Total ") && line.contains("(delta "))
        || line.starts_with("Delta compression using ")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Progress for Heard {
        fn begin(&self, what: &str, total: Option<u64>, _: Unit) {
            self.0.lock().unwrap().push(format!("{what} of {}", total.unwrap()));
        }
        fn advance(&self, count: u64) {
            self.0.lock().unwrap().push(format!("+{count}"));
        }
        fn end(&self) {
            self.0.lock().unwrap().push("end".into());
        }
    }

    /// Returns what was kept, and what was heard of progress.
    fn watch(said: &str) -> (String, Vec<String>) {
        let heard = Heard::default();
        let kept = Watch::new(&heard).read(said.as_bytes());
        (String::from_utf8(kept).unwrap(), heard.0.into_inner().unwrap())
    }

    #[test]
    fn steps_of_a_push_are_handed_on_and_words_are_kept() {
        let (kept, heard) = watch(
            "Enumerating objects: 5, done.\nCounting objects: 100% (5/5), done.\n\
             Compressing objects:  50% (1/2)\rCompressing objects: 100% (2/2), done.\n\
             Writing objects:  60% (3/5)\rremote: error: too large        \n\
             Writing objects: 100% (5/5), 2.86 MiB | 1.00 MiB/s, done.\nTotal 5 (delta 0)\n\
             error: failed to push some refs to 'x'",
        );
        assert_eq!(
            kept,
            "remote: error: too large        \nerror: failed to push some refs to 'x'"
        );
        assert_eq!(heard, ["packing of 2", "+1", "+1", "sending of 5", "+3", "+2", "end"]);
    }

    #[test]
    fn steps_of_a_fetch_are_handed_on_and_words_are_kept() {
        let (kept, heard) = watch(
            "remote: Enumerating objects: 21, done.\nremote: Counting objects: 100% (21/21)\r\
             remote: Compressing objects: 100% (3/3), done.\n\
             Receiving objects:  45% (9/20), 1.20 MiB | 3.00 MiB/s\r\
             Receiving objects: 100% (20/20), done.\nResolving deltas: 100% (3/3), done.\n\
             From /remote\nfatal: early EOF\n",
        );
        assert_eq!(kept, "fatal: early EOF\n");
        assert_eq!(heard, ["receiving of 20", "+9", "+11", "end"]);
    }

    #[test]
    fn lines_of_progress_are_told_from_words() {
        for line in [
            "remote: Enumerating objects: 21, done.",
            "remote: Counting objects:   4% (1/21)",
            "remote: Finding sources: 100% (3/3)",
            "remote: Total 20 (delta 0), reused 0 (delta 0), pack-reused 0 (from 0)",
            "Enumerating objects: 21",
            "Delta compression using up to 2 threads",
        ] {
            assert!(is_progress(line), "{line}");
        }
        for line in [
            "fatal: no such place: 7",
            "remote: error: hook declined",
            "warning: 12%",
            "remote: Total size is over the limit",
        ] {
            assert!(!is_progress(line), "{line}");
        }
    }
}
