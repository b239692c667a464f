//! `recell completions`: completions for a shell.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::CommandLine;
use crate::cli::report::{Failure, Outcome};
use crate::cli::session::Session;
use crate::error::Error;

/// Print completions for a shell
///
/// For example `recell completions bash > ~/.local/share/bash-completion/completions/recell`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell: bash, elvish, fish, powershell or zsh.
    #[arg(value_enum, hide_possible_values = true)]
    shell: Shell,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut CommandLine::command(), "recell", &mut script);
    session.ui.with_out(|out| {
        out.write_all(&script).map_err(|source| {
            Failure::from(Error::Stream { action: "write to", stream: "output", source })
        })
    })
}
