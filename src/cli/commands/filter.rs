//! `recell filter`: git strips notebooks that are added, and recell keeps their outputs.

use std::io::{self, BufReader, Read};
use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::filtering::Filtering;
use crate::cli::report::{Failure, Outcome};
use crate::cli::session::Session;
use crate::error::Error;
use crate::git::{
    FilterAnswer, FilterCommand, FilterContent, FilterLimits, FilterRequest, serve_filter,
};

/// Let git strip notebooks that are added, and keep their outputs
///
/// After `recell filter install`, what `git add` takes of a notebook has no outputs: these are
/// recorded. The notebook in the work tree stays as it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Filter for git, which starts this by itself and speaks its protocol
    #[command(hide = true)]
    Process,
    /// Print the notebook on standard input as git is to keep it, and record its outputs
    Clean(OneFile),
    /// Print the notebook on standard input as the work tree is to have it
    Smudge(OneFile),
}

#[derive(Debug, clap::Args)]
struct OneFile {
    /// Where the notebook is, relative to the working directory.
    path: PathBuf,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    match &args.action {
        Action::Process => process(session),
        Action::Clean(file) => one(session, FilterCommand::Clean, file),
        Action::Smudge(file) => one(session, FilterCommand::Smudge, file),
    }
}

fn process(session: &Session) -> Outcome {
    let max_output = session.workspace()?.config().filter.max_output.bytes();
    let limits = FilterLimits {
        // Room for the outputs of one cell that may be recorded, and for all around them.
        in_memory: usize::try_from(max_output.saturating_mul(2)).unwrap_or(usize::MAX),
        spool_folder: session.temporary_place(),
    };
    let mut filtering = Filtering::new(session);
    let input = BufReader::with_capacity(1 << 16, io::stdin().lock());
    let mut handler = |request: FilterRequest<'_>| {
        let path = path_of(request.pathname);
        match request.content {
            FilterContent::Whole(bytes) => {
                let bytes = filtering.filter(request.command, &path, bytes);
                bytes.map_or(FilterAnswer::Unchanged, FilterAnswer::Content)
            }
            FilterContent::TooLarge { bytes } => {
                let size = crate::cli::words::size(bytes);
                filtering.warn(&path, &format!("left as it is: it has {size}"));
                FilterAnswer::Unchanged
            }
            FilterContent::Lost { reason } => {
                filtering.warn(&path, &format!("could not be filtered: {reason}"));
                FilterAnswer::Failed
            }
        }
    };
    let served = session
        .ui
        .with_out(|out| serve_filter(input, out, &limits, &mut handler).map_err(Failure::from));
    filtering.finish();
    served.map(drop)
}

/// Git's paths are bytes, as those of the system are.
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

fn one(session: &Session, command: FilterCommand, file: &OneFile) -> Outcome {
    let stream =
        |action, stream| move |source| Failure::from(Error::Stream { action, stream, source });
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).map_err(stream("read", "input"))?;
    let mut filtering = Filtering::new(session);
    let filtered = filtering.filter(command, &file.path, &bytes);
    filtering.finish();
    session.ui.with_out(|out| {
        out.write_all(filtered.as_deref().unwrap_or(&bytes)).map_err(stream("write to", "output"))
    })
}
