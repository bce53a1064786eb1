//! `equisplit completions`

use clap::CommandFactory;
use clap_complete::Shell;
use equisplit::{Error, Result};

#[derive(clap::Args)]
pub struct Args {
    /// For which shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(args: &Args) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "equisplit", &mut script);
    let script = String::from_utf8(script).map_err(|e| Error::invalid(format!("completions: {e}")))?;
    super::print(script.trim_end())
}
