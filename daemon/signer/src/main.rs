//! The process: arguments in, exit code out. What happens between is the library's.
//!
//! Exit codes: 0 its daemon is gone; 2 the command line is wrong; 1 anything else, with the reason
//! on stderr.

use std::{
    io::{Write, stderr, stdout},
    process::ExitCode,
};

use btd_signer::{
    arguments::{self, Command},
    process,
};

fn main() -> ExitCode {
    match arguments::parse(std::env::args_os().skip(1)) {
        Ok(Command::Hold(arguments)) => match process::run(&arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error, 1),
        },
        Ok(Command::Print(text)) => {
            let printed = stdout().write_all(text.as_bytes());
            if printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => complain(&error, 2),
    }
}

fn complain(error: &dyn std::error::Error, code: u8) -> ExitCode {
    let _ = stderr().write_all(format!("<3>{error}\n").as_bytes());
    ExitCode::from(code)
}
