//! How far long work has come, shown on a terminal once it has taken a moment.

use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::progress::{Progress, Unit};

/// Work that is done before this was no long work.
const PATIENCE: Duration = Duration::from_millis(200);
/// How often what is shown moves by itself.
const TICK: Duration = Duration::from_millis(100);

/// Shows the progress of one piece of work after another.
pub(crate) struct Meter {
    enabled: bool,
    work: Mutex<Option<Work>>,
}

/// One piece of work, and the thread that shows it when it takes long.
struct Work {
    bar: ProgressBar,
    over: Sender<()>,
    shower: JoinHandle<()>,
}

const UNPOISONED: &str = "drawing does not panic";

impl Meter {
    pub(super) fn new(enabled: bool) -> Meter {
        Meter { enabled, work: Mutex::new(None) }
    }
}

impl Progress for Meter {
    fn begin(&self, what: &str, total: Option<u64>, unit: Unit) {
        self.end();
        if !self.enabled {
            return;
        }
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
        bar.set_message(what.to_owned());
        bar.set_style(style(total.is_some(), unit));
        let (over, is_over) = channel();
        let shown = bar.clone();
        let shower = std::thread::spawn(move || {
            if is_over.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                shown.set_draw_target(ProgressDrawTarget::stderr());
                shown.enable_steady_tick(TICK);
            }
        });
        *self.work.lock().expect(UNPOISONED) = Some(Work { bar, over, shower });
    }

    fn advance(&self, count: u64) {
        if let Some(work) = self.work.lock().expect(UNPOISONED).as_ref() {
            work.bar.inc(count);
        }
    }

    fn end(&self) {
        let Some(work) = self.work.lock().expect(UNPOISONED).take() else { return };
        drop(work.over);
        // It ends at once, and must not begin to show what is over.
        drop(work.shower.join());
        work.bar.finish_and_clear();
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.end();
    }
}

fn style(bounded: bool, unit: Unit) -> ProgressStyle {
    let template = match (bounded, unit) {
        (true, Unit::Bytes) => {
            "{spinner} {msg} {wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec}"
        }
        (false, Unit::Bytes) => "{spinner} {msg} {binary_bytes} {binary_bytes_per_sec}",
        (true, Unit::Items) => "{spinner} {msg} {wide_bar} {human_pos}/{human_len} {eta}",
        (false, Unit::Items) => "{spinner} {msg} {human_pos}",
        (_, Unit::Time) => "{spinner} {msg} {elapsed}",
    };
    ProgressStyle::with_template(template).expect("the templates are well formed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_work_has_a_style() {
        for (bounded, unit) in
            [(true, Unit::Bytes), (false, Unit::Bytes), (true, Unit::Items), (false, Unit::Items)]
        {
            style(bounded, unit);
        }
    }

    #[test]
    fn work_that_nobody_watches_may_be_reported() {
        let meter = Meter::new(false);
        meter.advance(1);
        meter.begin("storing", Some(2), Unit::Items);
        meter.advance(2);
        meter.end();
        meter.end();
    }
}
