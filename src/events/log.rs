//! Writes events without keeping anybody waiting.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, TryLockError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::correlation;
use super::event::{Event, EventKind};
use super::files::LogFiles;
use crate::clock::{Clock, Timestamp};
use crate::name::EntryName;

/// As many events wait to be written; more are dropped and counted. Some 250 bytes each.
const CAPACITY: usize = 1 << 15;
/// So long events gather before they are written.
const GATHER: Duration = Duration::from_millis(200);
/// A fork is noticed so long after it, or at once where nothing was noted just before it.
const FORK_CHECK: Duration = Duration::from_micros(250);

const UNPOISONED: &str = "no holder of this lock panics";

/// How events are logged.
#[derive(Debug, Clone)]
pub struct EventOptions {
    /// A file that has so many bytes is full, and the next one is begun.
    pub max_bytes: u64,
    /// How many files are kept, with the one that grows.
    pub keep: u32,
    /// Who notes events that do not say it.
    pub source: String,
    /// What all events of this handle carry as `run`; by default 16 random hex digits.
    pub run: Option<String>,
    /// What events carry as `correlation` that are noted outside of any scope.
    pub correlation: Option<String>,
}

impl Default for EventOptions {
    fn default() -> EventOptions {
        EventOptions {
            max_bytes: 4 << 20,
            keep: 4,
            source: "library".into(),
            run: None,
            correlation: None,
        }
    }
}

/// The log of an open store.
///
/// When it is dropped, with the last handle on its store, it waits until all is written.
pub struct EventLog {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    /// Tells the writer that there is something to do.
    wake: Condvar,
    /// Tells who waits that something was written.
    written: Condvar,
    /// Events that could not even be queued, as the lock was held for too long.
    missed: AtomicU64,
    files: LogFiles,
    clock: Clock,
    source: String,
    run: Arc<str>,
    correlation: Option<Arc<str>>,
}

struct Queue {
    events: Vec<Event>,
    dropped: u64,
    /// How many were queued, and how many of these the writer is done with.
    queued: u64,
    done: u64,
    /// The writer waits for the first event.
    is_idle: bool,
    /// The writer is to write at once, for somebody waits.
    is_urgent: bool,
    is_closing: bool,
    writer: Option<JoinHandle<()>>,
    /// The process whose writer it is, and when it was last asked which process this is.
    process: u32,
    checked: Instant,
}

impl EventLog {
    /// Returns the log in `folder`; nothing is written before something is noted. `run` is what
    /// events carry where the options do not say it.
    pub(crate) fn new(
        folder: PathBuf,
        options: &EventOptions,
        clock: Clock,
        run: impl FnOnce() -> String,
    ) -> EventLog {
        let queue = Queue {
            events: Vec::new(),
            dropped: 0,
            queued: 0,
            done: 0,
            is_idle: false,
            is_urgent: false,
            is_closing: false,
            writer: None,
            process: std::process::id(),
            checked: Instant::now(),
        };
        let shared = Shared {
            queue: Mutex::new(queue),
            wake: Condvar::new(),
            written: Condvar::new(),
            missed: AtomicU64::new(0),
            files: LogFiles::new(folder, options.max_bytes, options.keep),
            clock,
            source: options.source.clone(),
            run: options.run.clone().unwrap_or_else(run).into(),
            correlation: options.correlation.as_deref().map(Arc::from),
        };
        EventLog { shared: Arc::new(shared) }
    }

    /// Returns what all events of this log carry as `run`.
    pub fn run(&self) -> &str {
        &self.shared.run
    }

    /// Notes an event. It costs a fraction of a microsecond and never fails: what there is no room
    /// for is dropped and counted, and so is what cannot be written.
    pub fn note(&self, event: Event) {
        self.note_at(event, Instant::now());
    }

    /// Notes an event, for who knows the present moment.
    pub(crate) fn note_at(&self, mut event: Event, now: Instant) {
        let Some(correlation) = correlation::current() else { return };
        if event.correlation.is_none() {
            event.correlation = correlation;
        }
        if event.at == Timestamp::MIN {
            event.at = self.shared.clock.now();
        }
        let Some(mut queue) = self.shared.lock_briefly() else {
            self.shared.missed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        queue.notice_fork(now);
        if queue.events.len() >= CAPACITY {
            queue.dropped += 1;
            return;
        }
        queue.events.push(event);
        queue.queued += 1;
        if queue.writer.is_none() {
            self.start_writer(&mut queue);
        } else if queue.is_idle || queue.events.len() == CAPACITY / 2 {
            queue.is_idle = false;
            self.shared.wake.notify_one();
        }
    }

    /// Notes the same of many entries, which `describe` may say more about.
    pub(crate) fn note_entries<'n>(
        &self,
        kind: &EventKind,
        names: impl IntoIterator<Item = &'n EntryName>,
        describe: impl Fn(&EntryName, &mut Event),
    ) {
        let (at, now) = (self.shared.clock.now(), Instant::now());
        for name in names {
            let mut event = Event { at, ..Event::of_entry(kind.clone(), name) };
            describe(name, &mut event);
            self.note_at(event, now);
        }
    }

    /// Waits until all that was noted before is written, or could not be. For tests, and for who is
    /// about to end without closing the store.
    pub fn write_out(&self) {
        let Some(mut queue) = self.shared.lock_briefly() else { return };
        queue.notice_fork_now();
        let wanted = queue.queued;
        while queue.done < wanted && queue.writer.is_some() {
            queue.is_urgent = true;
            queue.is_idle = false;
            self.shared.wake.notify_one();
            queue = self.shared.written.wait(queue).expect(UNPOISONED);
        }
    }

    /// Runs `work` while the lock is held, as another thread may at the moment of a fork.
    #[cfg(test)]
    pub(super) fn while_held(&self, work: impl FnOnce()) {
        let queue = self.shared.queue.lock().expect(UNPOISONED);
        work();
        drop(queue);
    }

    /// Returns the log as a child has it right after a fork: with all that waits, and without the
    /// thread.
    #[cfg(test)]
    pub(super) fn as_in_child(&self) -> EventLog {
        let Shared { files, clock, source, run, correlation, .. } = &*self.shared;
        let parent = self.shared.queue.lock().expect(UNPOISONED);
        let queue = Queue {
            events: parent.events.clone(),
            dropped: parent.dropped,
            queued: parent.queued,
            done: parent.done,
            is_idle: parent.is_idle,
            is_urgent: parent.is_urgent,
            is_closing: parent.is_closing,
            writer: parent.writer.as_ref().map(|_| std::thread::spawn(|| ())),
            process: parent.process + 1,
            checked: parent.checked,
        };
        drop(parent);
        let shared = Shared {
            queue: Mutex::new(queue),
            wake: Condvar::new(),
            written: Condvar::new(),
            missed: AtomicU64::new(0),
            files: files.clone(),
            clock: clock.clone(),
            source: source.clone(),
            run: run.clone(),
            correlation: correlation.clone(),
        };
        EventLog { shared: Arc::new(shared) }
    }

    /// A thread that cannot be started is tried once more with the next event.
    fn start_writer(&self, queue: &mut Queue) {
        queue.notice_fork_before_start();
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name("recell-events".into());
        queue.writer = thread.spawn(move || Writer::new(shared).run()).ok();
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        // After a fork that found the lock held, nobody will ever let it go.
        let Some(mut queue) = self.shared.lock_briefly() else { return };
        queue.notice_fork_now();
        queue.is_closing = true;
        let writer = queue.writer.take();
        let mut left =
            if writer.is_none() { std::mem::take(&mut queue.events) } else { Vec::new() };
        drop(queue);
        self.shared.wake.notify_one();
        match writer {
            Some(writer) => drop(writer.join()),
            // No thread could be had.
            None => Writer::new(Arc::clone(&self.shared)).write(&mut left, 0),
        }
    }
}

impl fmt::Debug for EventLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventLog({})", self.shared.run)
    }
}

impl Shared {
    /// Takes the lock, which is held for less than a microsecond at a time; `None` if it is held for
    /// much longer, as in a child that was forked while another thread had it.
    fn lock_briefly(&self) -> Option<MutexGuard<'_, Queue>> {
        const SPINS: u32 = 100;
        const PAUSES: u32 = 200;
        for turn in 0..SPINS + PAUSES {
            match self.queue.try_lock() {
                Ok(queue) => return Some(queue),
                Err(TryLockError::WouldBlock) if turn < SPINS => std::hint::spin_loop(),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_micros(5)),
                Err(TryLockError::Poisoned(_)) => return None,
            }
        }
        None
    }
}

impl Queue {
    /// Asks which process this is, unless it was just asked: the question costs more than all the
    /// rest of a note.
    fn notice_fork(&mut self, now: Instant) {
        if now.saturating_duration_since(self.checked) > FORK_CHECK {
            self.checked = now;
            self.notice_fork_now();
        }
    }

    /// After a fork the child has no writer, and what waits is the parent's to write.
    fn notice_fork_now(&mut self) {
        let process = std::process::id();
        if self.process != process {
            self.process = process;
            self.events.clear();
            (self.dropped, self.queued, self.done) = (0, 0, 0);
            (self.is_idle, self.is_urgent) = (false, false);
            // The thread that it stands for is not in this process.
            std::mem::forget(self.writer.take());
        }
    }

    /// A writer is begun in the process that it is of, with the one event it is begun for.
    fn notice_fork_before_start(&mut self) {
        let process = std::process::id();
        if self.process != process {
            self.process = process;
            self.events.drain(..self.events.len() - 1);
            (self.dropped, self.queued, self.done) = (0, 1, 0);
        }
    }
}

/// Returns how long ago that was, in microseconds.
pub(crate) fn micros_since(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// The thread that writes.
struct Writer {
    shared: Arc<Shared>,
    /// How many events could not be written.
    lost: u64,
}

impl Writer {
    fn new(shared: Arc<Shared>) -> Writer {
        Writer { shared, lost: 0 }
    }

    fn run(mut self) {
        /// Room for so many events is kept.
        const KEPT: usize = 1 << 12;
        // The two change places, so that who notes need not make room.
        let mut batch = Vec::new();
        loop {
            let mut queue = self.shared.queue.lock().expect(UNPOISONED);
            while queue.events.is_empty() && queue.dropped == 0 && !queue.is_closing {
                queue.is_idle = true;
                queue = self.shared.wake.wait(queue).expect(UNPOISONED);
            }
            queue.is_idle = false;
            let started = Instant::now();
            while !queue.is_closing && !queue.is_urgent && queue.events.len() < CAPACITY / 2 {
                let Some(left) = GATHER.checked_sub(started.elapsed()) else { break };
                queue = self.shared.wake.wait_timeout(queue, left).expect(UNPOISONED).0;
            }
            std::mem::swap(&mut batch, &mut queue.events);
            let dropped = std::mem::take(&mut queue.dropped);
            queue.is_urgent = false;
            let (is_closing, taken) = (queue.is_closing, queue.queued);
            drop(queue);
            self.write(&mut batch, dropped);
            batch.shrink_to(KEPT);
            let mut queue = self.shared.queue.lock().expect(UNPOISONED);
            queue.done = taken;
            let is_done = is_closing && queue.events.is_empty();
            drop(queue);
            self.shared.written.notify_all();
            if is_done {
                return;
            }
        }
    }

    /// Writes the events, which are taken out, and how many there was no room for.
    fn write(&mut self, events: &mut Vec<Event>, dropped: u64) {
        let dropped = dropped + self.shared.missed.swap(0, Ordering::Relaxed);
        let told = events.len() as u64 + dropped;
        if told == 0 {
            return;
        }
        let mut lines = Vec::with_capacity(events.len() * 360);
        for (reason, count) in [("full", dropped), ("not_written", self.lost)] {
            if count > 0 {
                let event = Event {
                    at: self.shared.clock.now(),
                    reason: Some(reason.into()),
                    count: Some(count),
                    ..Event::new(EventKind::Dropped)
                };
                self.complete(event).write_line(&mut lines);
            }
        }
        for event in events.drain(..) {
            self.complete(event).write_line(&mut lines);
        }
        self.lost = match self.shared.files.append(&lines) {
            Ok(()) => 0,
            // Nobody's work fails for it. The next lines that can be written say so.
            Err(_) => self.lost + told,
        };
    }

    /// Returns the event with what the log knows of it.
    fn complete(&self, mut event: Event) -> Event {
        let Shared { source, run, correlation, .. } = &*self.shared;
        if event.key.is_none() {
            event.key = event.entry_name().and_then(|name| name.key_text());
        }
        event.source.get_or_insert_with(|| source.clone().into());
        event.run = Some(Arc::clone(run));
        if event.correlation.is_none() {
            event.correlation.clone_from(correlation);
        }
        event
    }
}
