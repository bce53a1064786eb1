//! The commands, one file each.

/// Says something on standard error. Unlike `eprintln`, it doesn't panic where nobody listens any more: a study that takes
/// hours outlives the terminal that it was started from. And what comes from files sends no commands to a terminal.
macro_rules! tell {
    ($($argument:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "{}", equisplit::text::visible(&format!($($argument)*)));
    }};
}

mod attribute;
mod basis;
mod bench;
mod check;
mod choice;
mod compare;
mod completions;
mod data;
mod data_show;
mod expand;
mod export;
mod figures;
mod init;
mod log;
mod man;
mod params;
mod report;
mod reproduce;
mod run;
mod show;
mod signals;
mod skeleton;
mod study;
mod table;

use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use equisplit::{Error, Result, text};
use serde::Serialize;

/// How much of a group-equivariant CNN's gain is equivariance, and how much only repeated weights?
#[derive(Parser)]
#[command(name = "equisplit", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a study file to start from.
    Init(init::Args),
    /// Run what is missing of a study, then attribute the gain.
    Run(run::Args),
    /// Attribute the gain from the finished runs of a store.
    Attribute(attribute::Args),
    /// Show what a store has: runs done, failed, left.
    Show(show::Args),
    /// Compare the arms that two stores have in common.
    Compare(compare::Args),
    /// Make a run of a store once more, and hold its predictions against the record.
    Reproduce(reproduce::Args),
    /// Write a store's runs and epochs as tables.
    Export(export::Args),
    /// Draw the figures of a store.
    Figures(figures::Args),
    /// Write a store's results as one HTML page.
    Report(report::Args),
    /// Print the tables of a store for papers and notebooks.
    Table(table::Args),
    /// Check which layers are equivariant, before and after training.
    Check(check::Args),
    /// Show what the arms of a study cost.
    Params(params::Args),
    /// List the skeletons of networks, or show what the steps of one lead to and cost.
    Skeleton(skeleton::Args),
    /// Expand parameters to the filters of a bank (NumPy arrays).
    Expand(expand::Args),
    /// Write the basis of steerable filters from one field to one regular field, expanded, as one .npy file.
    Basis(basis::Args),
    /// Measure how fast this machine trains.
    Bench(bench::Args),
    /// Look at, show, make and fetch images.
    Data(data::Args),
    /// Print the completions of a shell.
    Completions(completions::Args),
    /// Write manual pages.
    Man(man::Args),
}

/// Parses the command line and runs the command.
pub fn run() -> Result<ExitCode> {
    let command = Cli::parse().command;
    log::begin();
    equisplit::kernel::check_override()?;
    match command {
        Command::Init(args) => init::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Run(args) => run::run(&args),
        Command::Attribute(args) => attribute::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Show(args) => show::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Compare(args) => compare::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Reproduce(args) => reproduce::run(&args),
        Command::Export(args) => export::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Figures(args) => figures::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Report(args) => report::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Table(args) => table::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Check(args) => check::run(&args),
        Command::Params(args) => params::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Skeleton(args) => skeleton::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Expand(args) => expand::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Basis(args) => basis::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Bench(args) => bench::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Data(args) => data::run(args).map(|()| ExitCode::SUCCESS),
        Command::Completions(args) => completions::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Man(args) => man::run(&args).map(|()| ExitCode::SUCCESS),
    }
}

/// Tells of an error in one line and gives the exit code of a failure.
pub fn report(error: &Error) -> ExitCode {
    let message = error.to_string();
    // What may follow is a backtrace.
    tell!("error: {}", message.lines().next().unwrap_or_default());
    ExitCode::FAILURE
}

/// Tells of wrong usage that clap's declarations can't express, and ends the program as they would.
fn wrong_usage(message: &str) -> ! {
    let mut cli = Cli::command();
    // Gives every command the usage that it's called by.
    cli.build();
    let name = std::env::args_os().nth(1).unwrap_or_default();
    let mut command = cli.find_subcommand(name).cloned().unwrap_or(cli);
    command.error(ErrorKind::ArgumentConflict, message).exit()
}

/// Refuses more threads than help on any machine: beyond a few for every core they only take memory and wait for each other.
fn check_threads(jobs: Option<u16>, threads: Option<u16>) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let most = (4 * cores).max(64);
    let asked = usize::from(jobs.unwrap_or(1)) * usize::from(threads.unwrap_or(1));
    if asked <= most {
        return Ok(());
    }
    let options = [("--jobs", jobs), ("--threads", threads)];
    let given = options.iter().filter_map(|(option, number)| number.map(|number| format!("{option} {number}")));
    let given = given.collect::<Vec<_>>().join(" × ");
    let cores = if cores == 1 { "1 core".to_owned() } else { format!("{cores} cores") };
    Err(Error::invalid(format!("{given}: that's {asked} threads on {cores}; at most {most} are started")))
}

/// Warns where a study has runs left.
fn warn_unfinished(unfinished: Option<String>) {
    if let Some(unfinished) = unfinished {
        tell!("warning: {unfinished}");
    }
}

/// Prints a value as JSON.
fn print_json<T: Serialize>(value: &T) -> Result<()> {
    let json = serde_json::to_string_pretty(value).map_err(|e| Error::invalid(format!("as JSON: {e}")))?;
    print(&text::json(&json))
}

/// Prints a line or more; a reader that has gone away is no error of ours.
fn print(lines: &str) -> Result<()> {
    use std::io::Write;
    match writeln!(std::io::stdout(), "{}", text::visible(lines)) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::io("standard output", e)),
        _ => Ok(()),
    }
}
