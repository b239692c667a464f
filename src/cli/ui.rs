//! Owns stdout and stderr: data and words, colour, JSON.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::AsFd;

use anstyle::{AnsiColor, Style};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Value, json};

use super::args::{GlobalArgs, When};
use super::describe::harmless;
use super::meter::Meter;
use super::report::{Failure, Outcome};
use super::words::count;
use crate::config::{ColorChoice, ProgressChoice, UiSettings};
use crate::error::Error;

/// Headings, and what stands out.
pub(crate) const STRONG: Style = Style::new().bold();
/// What is said besides.
pub(crate) const FAINT: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
/// What came.
pub(crate) const ADDED: Style = AnsiColor::Green.on_default();
/// What went.
pub(crate) const REMOVED: Style = AnsiColor::Red.on_default();
/// What points at something.
pub(crate) const CYAN: Style = AnsiColor::Cyan.on_default().bold();

/// Where a command prints. Data goes to stdout, words to stderr.
pub(crate) struct Ui {
    out: RefCell<Box<dyn Write>>,
    json: bool,
    quiet: bool,
    verbose: bool,
    /// What the command line says about colour; it wins over the settings.
    asked_color: Option<ColorChoice>,
    wishes: ColorWishes,
    out_color: Cell<bool>,
    err_color: Cell<bool>,
    progress: Cell<bool>,
}

/// What the environment says about colour, and where the streams lead.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct ColorWishes {
    /// `NO_COLOR` is set, `TERM` is `dumb`, or `CLICOLOR` is `0`.
    none: bool,
    /// `CLICOLOR_FORCE` is set.
    force: bool,
    out_terminal: bool,
    err_terminal: bool,
}

impl ColorWishes {
    fn of(environment: &BTreeMap<String, String>, out: bool, err: bool) -> ColorWishes {
        let get = |name: &str| environment.get(name).map_or("", String::as_str);
        let plain = !get("NO_COLOR").is_empty();
        ColorWishes {
            none: plain || get("TERM") == "dumb" || get("CLICOLOR") == "0",
            // Who says no to colour means it (no-color.org).
            force: !plain && !matches!(get("CLICOLOR_FORCE"), "" | "0"),
            out_terminal: out,
            err_terminal: err,
        }
    }

    fn decide(self, choice: ColorChoice, terminal: bool) -> bool {
        match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => self.force || (terminal && !self.none),
        }
    }
}

impl Ui {
    /// Returns the output of a run with these flags and this environment.
    pub(crate) fn new(global: &GlobalArgs, environment: &BTreeMap<String, String>) -> Ui {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let log = environment.get("RECELL_LOG").is_some_and(|level| !level.is_empty());
        let ui = Ui {
            out: RefCell::new(stdout()),
            json: global.json,
            quiet: global.quiet,
            verbose: (global.verbose || log) && !global.quiet,
            asked_color: global.color.map(ColorChoice::from),
            wishes: ColorWishes::of(environment, out, err),
            out_color: Cell::new(false),
            err_color: Cell::new(false),
            progress: Cell::new(err && !global.quiet && !global.json),
        };
        ui.choose_color(ColorChoice::Auto);
        ui
    }

    /// Does what the settings say, where the command line says nothing.
    pub(crate) fn follow(&self, settings: &UiSettings) {
        self.choose_color(settings.color);
        if settings.progress == ProgressChoice::Never {
            self.progress.set(false);
        }
    }

    fn choose_color(&self, choice: ColorChoice) {
        let choice = self.asked_color.unwrap_or(choice);
        self.out_color.set(self.wishes.decide(choice, self.wishes.out_terminal));
        self.err_color.set(self.wishes.decide(choice, self.wishes.err_terminal));
    }

    /// Returns the flags with which another output prints as this one does.
    pub(crate) fn flags(&self) -> GlobalArgs {
        let color = if self.out_color.get() { When::Always } else { When::Never };
        GlobalArgs {
            json: self.json,
            quiet: self.quiet,
            verbose: self.verbose,
            color: Some(color),
            ..GlobalArgs::default()
        }
    }

    /// Whether JSON is to be printed.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Whether more is to be said on stderr.
    #[cfg(feature = "serve")]
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Whether stdout is a terminal, where bytes do harm.
    pub(crate) fn is_on_terminal(&self) -> bool {
        self.wishes.out_terminal
    }

    /// Whether stdout takes colours.
    pub(crate) fn has_color(&self) -> bool {
        self.out_color.get()
    }

    /// Returns `text` in `style` for stdout.
    pub(crate) fn paint(&self, style: Style, text: impl Display) -> String {
        painted(self.out_color.get(), style, text)
    }

    /// Prints a line of data.
    ///
    /// # Errors
    /// [`Failure::Closed`] if nobody reads it any more, [`Error::Stream`].
    pub(crate) fn line(&self, text: impl Display) -> Outcome {
        writeln!(self.out.borrow_mut(), "{text}").map_err(lost)
    }

    /// Prints lines of data, each with its end.
    ///
    /// # Errors
    /// As [`Ui::line`].
    pub(crate) fn text(&self, lines: &str) -> Outcome {
        self.out.borrow_mut().write_all(lines.as_bytes()).map_err(lost)
    }

    /// Prints one JSON document on lines of its own.
    ///
    /// # Errors
    /// As [`Ui::line`].
    pub(crate) fn document(&self, value: &Value) -> Outcome {
        self.line(format_args!("{value:#}"))
    }

    /// Prints a list of documents that were printed before, as [`Ui::document`] would.
    ///
    /// # Errors
    /// As [`Ui::line`].
    pub(crate) fn documents(&self, documents: &[String]) -> Outcome {
        if documents.is_empty() {
            return self.line("[]");
        }
        let mut out = self.out.borrow_mut();
        let mut before = "[\n";
        for document in documents {
            write!(out, "{before}").map_err(lost)?;
            for (number, line) in document.split('\n').enumerate() {
                write!(out, "{}  {line}", if number == 0 { "" } else { "\n" }).map_err(lost)?;
            }
            before = ",\n";
        }
        writeln!(out, "\n]").map_err(lost)
    }

    /// Hands stdout to `write`.
    ///
    /// # Errors
    /// Those of `write`.
    pub(crate) fn with_out<T>(
        &self,
        write: impl FnOnce(&mut dyn Write) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        write(&mut *self.out.borrow_mut())
    }

    /// Makes sure that all data printed so far is on its way.
    ///
    /// # Errors
    /// As [`Ui::line`].
    pub(crate) fn finish(&self) -> Outcome {
        self.out.borrow_mut().flush().map_err(lost)
    }

    /// Whether nobody will ever read stdout any more: it is a pipe whose other end was closed. For
    /// who waits for something to print.
    #[expect(clippy::unused_self, reason = "who asks must have been handed the output")]
    pub(crate) fn is_abandoned(&self) -> bool {
        let out = io::stdout();
        let mut asked = [PollFd::new(&out, PollFlags::empty())];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut asked, Some(&now)).is_ok() && asked[0].revents().contains(PollFlags::ERR)
    }

    /// Says something for a person, unless the run is quiet or for a machine.
    pub(crate) fn say(&self, text: impl Display) {
        if !self.quiet && !self.json {
            self.to_stderr(&text.to_string());
        }
    }

    /// Says what only those want to know who asked for more.
    pub(crate) fn detail(&self, text: impl FnOnce() -> String) {
        if self.verbose {
            if self.json {
                self.to_stderr(&json!({ "note": text() }).to_string());
            } else {
                let text = painted(self.err_color.get(), FAINT, text());
                self.to_stderr(&text);
            }
        }
    }

    /// Warns that so many entries, if any, were left alone since another process is writing them.
    pub(crate) fn warn_of_busy(&self, entries: usize, what: &str) {
        if entries > 0 {
            let busy = count(entries, "entry", "entries");
            self.warn(
                &format!("{busy} {what}: the process that put them is still writing"),
                Some("Run it again when that process has ended."),
            );
        }
    }

    /// Warns of what did not keep the command from its work.
    pub(crate) fn warn(&self, message: &str, hint: Option<&str>) {
        if self.json {
            self.to_stderr(&json!({ "warning": { "message": message, "hint": hint } }).to_string());
        } else if !self.quiet {
            self.headed("warning", YELLOW, message);
            self.hint(hint);
        }
    }

    /// Prints an error, its causes and what to do.
    pub(crate) fn error(&self, head: &str, message: &str, causes: &[String], hint: Option<&str>) {
        self.headed(head, RED, message);
        for cause in causes {
            self.headed("caused by", FAINT, cause);
        }
        self.hint(hint);
    }

    fn hint(&self, hint: Option<&str>) {
        if let Some(hint) = hint {
            self.headed("hint", CYAN, hint);
        }
    }

    fn headed(&self, head: &str, style: Style, text: &str) {
        let color = self.err_color.get();
        // A message may quote what somebody else stored.
        let text = harmless(text, false);
        self.to_stderr(&format!("{}{text}", painted(color, style, format!("{head}: "))));
    }

    /// Prints a line on stderr; nobody is left to tell if that fails.
    #[expect(clippy::unused_self, reason = "who prints must have been handed the output")]
    pub(crate) fn to_stderr(&self, text: &str) {
        drop(writeln!(io::stderr().lock(), "{text}"));
    }

    /// Whether somebody sees how far long work has come.
    pub(crate) fn shows_progress(&self) -> bool {
        self.progress.get()
    }

    /// Returns what long work of this run reports to: it shows on a terminal after 200 ms.
    pub(crate) fn progress(&self) -> Meter {
        Meter::new(self.progress.get())
    }
}

fn painted(color: bool, style: Style, text: impl Display) -> String {
    if color { format!("{style}{text}{style:#}") } else { text.to_string() }
}

/// Returns stdout with a buffer of its own: the standard library's looks for the end of a line in
/// all that it is given.
fn stdout() -> Box<dyn Write> {
    const BUFFER: usize = 64 << 10;
    match io::stdout().as_fd().try_clone_to_owned() {
        Ok(handle) => Box::new(BufWriter::with_capacity(BUFFER, File::from(handle))),
        Err(_) => Box::new(io::stdout()),
    }
}

fn lost(source: io::Error) -> Failure {
    if source.kind() == io::ErrorKind::BrokenPipe {
        return Failure::Closed;
    }
    Failure::Error(Error::Stream { action: "write to", stream: "output", source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_follows_the_environment_and_the_terminal() {
        use ColorChoice::{Always, Auto, Never};
        for (variables, terminal, choice, expected, why) in [
            (&[][..], true, Auto, true, "a terminal"),
            (&[], false, Auto, false, "a pipe"),
            (&[("NO_COLOR", "1")], true, Auto, false, "the user wants none"),
            (&[("NO_COLOR", "")], true, Auto, true, "an empty variable is not set"),
            (&[("TERM", "dumb")], true, Auto, false, "the terminal has none"),
            (&[("CLICOLOR", "0")], true, Auto, false, "the older wish"),
            (&[("CLICOLOR_FORCE", "1")], false, Auto, true, "forced into a pipe"),
            (&[("CLICOLOR_FORCE", "0")], false, Auto, false, "not forced"),
            (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false, Auto, false, "no means no"),
            (&[("NO_COLOR", "1")], false, Always, true, "the command line wins"),
            (&[("CLICOLOR_FORCE", "1")], true, Never, false, "the command line wins"),
        ] {
            let environment =
                variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            let wishes = ColorWishes::of(&environment, terminal, terminal);
            assert_eq!(wishes.decide(choice, terminal), expected, "{why}");
        }
    }
}
