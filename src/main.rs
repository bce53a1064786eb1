//! The program: parses, calls the library, prints.

mod cli;

fn main() -> std::process::ExitCode {
    match cli::run() {
        Ok(code) => code,
        Err(error) => cli::report(&error),
    }
}
