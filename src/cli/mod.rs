//! The command line: parses, asks the library, prints. One file a command.
//!
//! Data goes to stdout, words to stderr. The environment, the working directory, the clock and
//! randomness are asked for here, once, and handed on in a `Session`.

mod args;
mod columns;
mod commands;
mod comparing;
mod describe;
mod differences;
mod filtering;
mod findings;
mod json;
mod locking;
mod media;
mod meter;
mod moment;
mod notebooks;
mod protection;
mod pruning;
mod pushing;
#[cfg(test)]
mod reference;
mod renames;
mod report;
mod runs;
mod selection;
mod session;
mod syncing;
mod ui;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use args::GlobalArgs;
use report::Outcome;
use session::Session;

/// Keeps every run of every notebook cell.
#[derive(Debug, Parser)]
#[command(name = "recell", version, propagate_version = false, disable_help_subcommand = true)]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not stored, 4 damaged, \
    5 locked by another, 6 stored but not fitting.\n\nResults are named notebook:cell, with @TIME or @COMMIT behind it as of \
    then, with ~N that many versions back (docs/selectors.md).")]
struct CommandLine {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

/// Every command, in the order that the help lists them.
#[derive(Debug, Subcommand)]
enum Command {
    Init(commands::init::Args),
    Record(commands::record::Args),
    ImportHistory(commands::import_history::Args),
    Restore(commands::restore::Args),
    Strip(commands::strip::Args),
    Lock(commands::lock::Args),
    Filter(commands::filter::Args),
    Put(commands::put::Args),
    Get(commands::get::Args),
    Cat(commands::cat::Args),
    Has(commands::has::Args),
    Ls(commands::ls::Args),
    Show(commands::show::Args),
    Log(commands::log::Args),
    Diff(commands::diff::Args),
    Why(commands::why::Args),
    Bisect(commands::bisect::Args),
    Status(commands::status::Args),
    Push(commands::push::Args),
    Pull(commands::pull::Args),
    Sync(commands::sync::Args),
    Fetch(commands::fetch::Args),
    Remote(commands::remote::Args),
    Trust(commands::trust::Args),
    Flush(commands::flush::Args),
    Settle(commands::settle::Args),
    Verify(commands::verify::Args),
    Repair(commands::repair::Args),
    Mv(commands::mv::Args),
    Rm(commands::rm::Args),
    Prune(commands::prune::Args),
    Forget(commands::forget::Args),
    Undo(commands::undo::Args),
    Pin(commands::pin::Args),
    Unpin(commands::unpin::Args),
    Du(commands::du::Args),
    Events(commands::events::Args),
    Stats(commands::stats::Args),
    Gc(commands::gc::Args),
    Collection(commands::collection::Args),
    Bundle(commands::bundle::Args),
    Find(commands::find::Args),
    #[cfg(feature = "serve")]
    Serve(commands::serve::Args),
    Secrets(commands::secrets::Args),
    Hooks(commands::hooks::Args),
    Config(commands::config::Args),
    Completions(commands::completions::Args),
    Demo(commands::demo::Args),
}

impl Command {
    /// Whether it reads what is stored, so that `--as-of` means something.
    fn reads_the_past(&self) -> bool {
        matches!(
            self,
            Command::Restore(_)
                | Command::Get(_)
                | Command::Cat(_)
                | Command::Has(_)
                | Command::Ls(_)
                | Command::Show(_)
                | Command::Log(_)
                | Command::Diff(_)
                | Command::Why(_)
                | Command::Bisect(_)
                | Command::Find(_)
                | Command::Fetch(_)
                | Command::Status(_)
        ) || matches!(self, Command::Collection(args) if args.reads())
            || matches!(self, Command::Bundle(args) if args.reads())
    }

    fn run(&self, session: &Session) -> Outcome {
        match self {
            Command::Init(args) => commands::init::run(args, session),
            Command::Record(args) => commands::record::run(args, session),
            Command::ImportHistory(args) => commands::import_history::run(args, session),
            Command::Restore(args) => commands::restore::run(args, session),
            Command::Strip(args) => commands::strip::run(args, session),
            Command::Lock(args) => commands::lock::run(args, session),
            Command::Filter(args) => commands::filter::run(args, session),
            Command::Put(args) => commands::put::run(args, session),
            Command::Get(args) => commands::get::run(args, session),
            Command::Cat(args) => commands::cat::run(args, session),
            Command::Has(args) => commands::has::run(args, session),
            Command::Ls(args) => commands::ls::run(args, session),
            Command::Show(args) => commands::show::run(args, session),
            Command::Log(args) => commands::log::run(args, session),
            Command::Diff(args) => commands::diff::run(args, session),
            Command::Why(args) => commands::why::run(args, session),
            Command::Bisect(args) => commands::bisect::run(args, session),
            Command::Status(args) => commands::status::run(args, session),
            Command::Push(args) => commands::push::run(args, session),
            Command::Pull(args) => commands::pull::run(args, session),
            Command::Sync(args) => commands::sync::run(args, session),
            Command::Fetch(args) => commands::fetch::run(args, session),
            Command::Remote(args) => commands::remote::run(args, session),
            Command::Trust(args) => commands::trust::run(args, session),
            Command::Flush(args) => commands::flush::run(args, session),
            Command::Settle(args) => commands::settle::run(args, session),
            Command::Verify(args) => commands::verify::run(args, session),
            Command::Repair(args) => commands::repair::run(args, session),
            Command::Mv(args) => commands::mv::run(args, session),
            Command::Rm(args) => commands::rm::run(args, session),
            Command::Prune(args) => commands::prune::run(args, session),
            Command::Forget(args) => commands::forget::run(args, session),
            Command::Undo(args) => commands::undo::run(args, session),
            Command::Pin(args) => commands::pin::run(args, session),
            Command::Unpin(args) => commands::unpin::run(args, session),
            Command::Du(args) => commands::du::run(args, session),
            Command::Events(args) => commands::events::run(args, session),
            Command::Stats(args) => commands::stats::run(args, session),
            Command::Gc(args) => commands::gc::run(args, session),
            Command::Collection(args) => commands::collection::run(args, session),
            Command::Bundle(args) => commands::bundle::run(args, session),
            Command::Find(args) => commands::find::run(args, session),
            #[cfg(feature = "serve")]
            Command::Serve(args) => commands::serve::run(args, session),
            Command::Secrets(args) => commands::secrets::run(args, session),
            Command::Hooks(args) => commands::hooks::run(args, session),
            Command::Config(args) => commands::config::run(args, session),
            Command::Completions(args) => commands::completions::run(args, session),
            Command::Demo(args) => commands::demo::run(args, session),
        }
    }
}

/// Runs the command that the process was started with, and returns its exit code (docs/errors.md).
pub fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let (name, line) = match parse(&words) {
        Ok(parsed) => parsed,
        Err(error) => return report::usage(&error, words.iter().any(|word| word == "--json")),
    };
    let json = line.global.json;
    if line.global.as_of.is_some() && !line.command.reads_the_past() {
        let error = CommandLine::command()
            .error(ErrorKind::ArgumentConflict, "--as-of is for commands that read the store");
        return report::usage(&error, json);
    }
    let session = match Session::new(line.global, &name) {
        Ok(session) => session,
        Err(error) => return report::before_session(&error, json),
    };
    let outcome = line.command.run(&session).and_then(|()| session.ui.finish());
    report::end(&session.ui, outcome)
}

/// Returns the name of the command, and the command line.
fn parse(words: &[OsString]) -> Result<(String, CommandLine), clap::Error> {
    let mut matches = CommandLine::command().try_get_matches_from(words)?;
    let name = matches.subcommand_name().unwrap_or_default().to_owned();
    let line = CommandLine::from_arg_matches_mut(&mut matches)
        .map_err(|error| error.format(&mut CommandLine::command()))?;
    Ok((name, line))
}
