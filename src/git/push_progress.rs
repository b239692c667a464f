//! How far a push has come, as git says on its standard error.

use std::cell::Cell;
use std::io::Read;

use crate::progress::{Progress, Unit};

/// Reads what git says while it works, hands on how far it has come, and keeps all else.
pub(super) struct PushWatch<'a> {
    progress: &'a dyn Progress,
    /// What is going on, and how many of it are done.
    at: Cell<Option<(&'static str, u64)>>,
}

/// One line about how far git has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    what: &'static str,
    done: u64,
    total: u64,
}

const PHASES: [(&str, &str); 3] = [
    ("Compressing objects:", "packing"),
    ("Writing objects:", "sending"),
    ("remote: Resolving deltas:", "the host takes it in"),
];

impl<'a> PushWatch<'a> {
    pub(super) fn new(progress: &'a dyn Progress) -> PushWatch<'a> {
        PushWatch { progress, at: Cell::new(None) }
    }

    /// Reads `from` to its end and returns what is more than progress.
    pub(super) fn read(&self, mut from: impl Read) -> Vec<u8> {
        let (mut kept, mut line) = (Vec::new(), Vec::new());
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            for byte in &buffer[..count] {
                line.push(*byte);
                if matches!(byte, b'\n' | b'\r') {
                    self.line(&line, &mut kept);
                    line.clear();
                }
            }
        }
        self.line(&line, &mut kept);
        if self.at.take().is_some() {
            self.progress.end();
        }
        kept
    }

    fn line(&self, line: &[u8], kept: &mut Vec<u8>) {
        let text = String::from_utf8_lossy(line);
        if !super::remote_words::is_progress(&text) {
            kept.extend_from_slice(line);
            return;
        }
        let Some(step) = read_step(&text) else { return };
        let before = match self.at.get() {
            Some((what, done)) if what == step.what => done,
            _ => {
                self.progress.begin(step.what, Some(step.total), Unit::Items);
                0
            }
        };
        self.progress.advance(step.done.saturating_sub(before));
        self.at.set(Some((step.what, step.done.max(before))));
    }
}

/// Reads `Writing objects:  45% (9/20), 1.20 MiB | 3.00 MiB/s`.
fn read_step(line: &str) -> Option<Step> {
    let line = line.trim_start();
    let (rest, what) =
        PHASES.iter().find_map(|(head, what)| Some((line.strip_prefix(head)?, *what)))?;
    let (_, numbers) = rest.split_once('(')?;
    let (done, total) = numbers.split_once(')')?.0.split_once('/')?;
    Some(Step { what, done: done.parse().ok()?, total: total.parse().ok()? })
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

    #[test]
    fn steps_are_handed_on_and_words_are_kept() {
        let said = "Enumerating objects: 5, done.\nCounting objects: 100% (5/5), done.\n\
            Compressing objects:  50% (1/2)\rCompressing objects: 100% (2/2), done.\n\
            Writing objects:  60% (3/5)\rremote: error: too large        \n\
            Writing objects: 100% (5/5), 2.86 MiB | 1.00 MiB/s, done.\nTotal 5 (delta 0)\n\
            error: failed to push some refs to 'x'";
        let heard = Heard::default();
        let kept = PushWatch::new(&heard).read(said.as_bytes());
        assert_eq!(
            String::from_utf8(kept).unwrap(),
            "remote: error: too large        \nerror: failed to push some refs to 'x'"
        );
        let heard = heard.0.into_inner().unwrap();
        assert_eq!(heard, ["packing of 2", "+1", "+1", "sending of 5", "+3", "+2", "end"]);
    }
}
