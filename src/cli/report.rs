//! An error as a message with causes, a hint and an exit code (docs/errors.md).

use std::borrow::Cow;
use std::error::Error as _;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use serde_json::{Value, json};

use super::ui::Ui;
use crate::error::Error;
use crate::lookup::Miss;
use crate::name::EntryName;

/// It could not be done.
const FAILED: u8 = 1;
/// The command line or the settings make no sense.
const USAGE: u8 = 2;
/// Nothing is stored under that name, or it is not here.
pub(super) const MISSED: u8 = 3;
/// It is here but cannot be handed out: damaged, not to be trusted, or of a later release.
const DAMAGED: u8 = 4;
/// Another process holds a lock: the same command may work later.
const LOCKED: u8 = 5;
/// It is stored, and is not of what was asked for.
pub(super) const MISMATCH: u8 = 6;

/// What became of a command.
pub(crate) type Outcome = Result<(), Failure>;

/// Why a command ends before its work is done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It could not be done.
    Error(Error),
    /// What was asked for is not there, or cannot be handed out; never empty.
    Misses(Vec<Miss>),
    /// Two things differ, and the exit code is to say so. All is printed.
    Different,
    /// The answer was printed, and this is its exit code.
    Told(u8),
    /// Nobody reads what it prints any more: no failure at all.
    Closed,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match &error {
            Error::WritePart { source, .. } | Error::Stream { source, .. }
                if source.kind() == io::ErrorKind::BrokenPipe =>
            {
                Failure::Closed
            }
            _ => Failure::Error(error),
        }
    }
}

impl From<Miss> for Failure {
    fn from(miss: Miss) -> Failure {
        Failure::Misses(vec![miss])
    }
}

/// Ends a run: says what went wrong, if something did, and returns the exit code.
pub(super) fn end(ui: &Ui, outcome: Outcome) -> ExitCode {
    // What was printed before the failure is data, too.
    let outcome = outcome.map_err(|failure| match ui.finish() {
        Err(Failure::Closed) | Ok(()) => failure,
        Err(other) => other,
    });
    match outcome {
        Ok(()) | Err(Failure::Closed) => ExitCode::SUCCESS,
        Err(Failure::Different) => ExitCode::from(FAILED),
        Err(Failure::Told(code)) => ExitCode::from(code),
        Err(Failure::Error(error)) => {
            tell_error(ui, &error);
            ExitCode::from(code_of_error(&error))
        }
        Err(Failure::Misses(misses)) => {
            for (at, miss) in misses.iter().enumerate() {
                // One hint serves neighbours that have the same.
                let next = misses.get(at + 1).map(hint_of_miss);
                tell_miss(ui, miss, next != Some(hint_of_miss(miss)));
            }
            ExitCode::from(misses.iter().map(code_of_miss).max().unwrap_or(MISSED))
        }
    }
}

/// Ends a run that failed before it knew where to print.
pub(super) fn before_session(error: &Error, json: bool) -> ExitCode {
    let global = super::args::GlobalArgs { json, ..Default::default() };
    tell_error(&Ui::new(&global, &std::collections::BTreeMap::new()), error);
    ExitCode::from(code_of_error(error))
}

/// Ends a run whose command line was not understood, or that asked for help only.
pub(super) fn usage(error: &clap::Error, json: bool) -> ExitCode {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            drop(write!(io::stdout().lock(), "{text}"));
            return ExitCode::SUCCESS;
        }
        _ if json => {
            let (message, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
            let message = message.strip_prefix("error: ").unwrap_or(message);
            let value = failure_json("usage", message, &[], Some(rest.trim()), USAGE);
            drop(writeln!(io::stderr().lock(), "{value}"));
        }
        _ => drop(write!(io::stderr().lock(), "{text}")),
    }
    ExitCode::from(USAGE)
}

fn tell_error(ui: &Ui, error: &Error) {
    let mut causes: Vec<String> = Vec::new();
    let mut message = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        // Some messages name their cause already.
        if !message.ends_with(&text) {
            causes.push(text.clone());
        }
        message = text;
        next = cause.source();
    }
    let hint = error.hint();
    if let Error::RemoteUnreachable { words, .. }
    | Error::RemoteLockedOut { words, .. }
    | Error::RemoteMissing { words, .. }
    | Error::RemoteBroke { words, .. }
    | Error::RemoteFull { words, .. } = error
    {
        ui.detail(|| format!("git said:\n{words}"));
    }
    if ui.json() {
        let exit = code_of_error(error);
        let value = failure_json(error.code(), &error.to_string(), &causes, hint.as_deref(), exit);
        ui.to_stderr(&value.to_string());
    } else {
        ui.error("error", &error.to_string(), &causes, hint.as_deref());
    }
}

fn tell_miss(ui: &Ui, miss: &Miss, with_hint: bool) {
    let hint = hint_of_miss(miss);
    if ui.json() {
        let value =
            failure_json(miss.code(), &miss.to_string(), &[], Some(&hint), code_of_miss(miss));
        ui.to_stderr(&value.to_string());
    } else {
        ui.error("miss", &miss.to_string(), &[], with_hint.then_some(&*hint));
    }
}

fn failure_json(
    code: &str,
    message: &str,
    causes: &[String],
    hint: Option<&str>,
    exit: u8,
) -> Value {
    json!({ "error": {
        "code": code, "message": message, "causes": causes, "hint": hint, "exit_code": exit,
    } })
}

fn hint_of_miss(miss: &Miss) -> Cow<'static, str> {
    Cow::Borrowed(match miss {
        Miss::Misspelled { nearest, .. } => {
            let nearest: Vec<String> = nearest.iter().map(|name| format!("`{name}`")).collect();
            return Cow::Owned(format!("Did you mean {}?", nearest.join(" or ")));
        }
        Miss::NeverStored { name } if names_a_part(name) => {
            "Run `recell get` with the entry alone to see its parts."
        }
        Miss::NeverStored { .. } => "Run `recell ls` to see what is stored.",
        Miss::Absent { .. } => {
            "Another copy of the store may have it; `recell verify` lists all that is missing."
        }
        Miss::LocalElsewhere { .. } => {
            "Read it on that machine, or run the cell here; `[sync]` in `recell.toml` there says what \
             stays."
        }
        Miss::OnRemote { reason: None, .. } => {
            "Run `recell fetch` with the entry to bring it, or read it with a store that may."
        }
        Miss::OnRemote { .. } => {
            "Run `recell fetch` with the entry once the remote can be reached, before you go offline."
        }
        Miss::Damaged { .. } => "Run `recell verify --full` to see all that is damaged.",
        Miss::Untrusted { .. } => {
            "Run `recell trust show` on it. Whoever you trust may sign (`recell trust allow`), with \
             `trust.policy = \"signed\"`; `-c trust.policy=all` hands out everybody's."
        }
        Miss::NewerFormat { .. } => "Use a newer release of recell.",
    })
}

/// Whether a miss is of a part: `<entry>:<part>`.
fn names_a_part(name: &str) -> bool {
    name.split_once(':').is_some_and(|(entry, _)| entry.parse::<EntryName>().is_ok())
}

/// Returns the exit code of a miss.
pub(super) fn code_of_miss(miss: &Miss) -> u8 {
    match miss {
        Miss::NeverStored { .. }
        | Miss::Misspelled { .. }
        | Miss::Absent { .. }
        | Miss::LocalElsewhere { .. }
        | Miss::OnRemote { .. } => MISSED,
        Miss::Damaged { .. } | Miss::NewerFormat { .. } | Miss::Untrusted { .. } => DAMAGED,
    }
}

/// Returns the exit code of an error.
fn code_of_error(error: &Error) -> u8 {
    match error {
        Error::Key { .. }
        | Error::PartPath { .. }
        | Error::PartsCollide { .. }
        | Error::BadToml { .. }
        | Error::UnknownSetting { .. }
        | Error::UnknownVariable { .. }
        | Error::BadSetting { .. }
        | Error::Ambiguous { .. }
        | Error::NotAMoment { .. }
        | Error::BadLine { .. }
        | Error::StdinTwice { .. }
        | Error::NoNotebooks { .. }
        | Error::OutsideWorkspace { .. }
        | Error::OneNotebook { .. }
        | Error::CollectionName { .. }
        | Error::NotASigner { .. }
        | Error::CannotCompare { .. }
        | Error::NotAFinding { .. }
        | Error::StaticAddress { .. }
        | Error::TagsForAll { .. }
        | Error::PasswordInAddress { .. }
        | Error::TokenNeeded { .. }
        | Error::NotAToken { .. }
        | Error::BadDocument { .. }
        | Error::BytesOnTerminal { .. }
        | Error::NotConfirmed { .. } => USAGE,
        Error::AskSource { .. } => MISSED,
        Error::BundleMismatch { .. } => MISMATCH,
        Error::BrokenRefs { .. }
        | Error::Unsound { .. }
        | Error::UnclearNames { .. }
        | Error::Lost { .. }
        | Error::CollectionUnreadable { .. }
        | Error::StaticDamaged { .. }
        | Error::StaticLacks { .. }
        | Error::NewerLockfile { .. } => DAMAGED,
        Error::RefsLocked { .. }
        | Error::FlushLocked { .. }
        | Error::LockfileHeld { .. }
        | Error::CollectionBusy { .. }
        | Error::StaticBusy { .. } => LOCKED,
        Error::LineNotStored { source, .. } => code_of_error(source),
        _ => FAILED,
    }
}
