//! The `recell` command; all of it is in the library, so that the Python wheel ships it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    recell::cli::main()
}
