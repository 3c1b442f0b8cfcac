//! `ticketctl completions`: the script that teaches a shell our commands and flags.

use clap_complete::Shell;
use ticketing_desk::failure::Failure;
use ticketing_desk::output::Printer;

/// Print a completion script for a shell
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  source <(ticketctl completions bash)\n  \
                        ticketctl completions zsh > ~/.zfunc/_ticketctl\n  \
                        ticketctl completions fish > ~/.config/fish/completions/ticketctl.fish")]
pub struct Args {
    /// bash, zsh, fish, elvish or powershell
    #[arg(hide_possible_values = true)]
    shell: Shell,
}

/// Prints the script. It is a script in every format: no `-o` changes it.
///
/// # Errors
/// Fails if it can't be written.
pub fn run(args: &Args, printer: &mut Printer, program: &mut clap::Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, program, "ticketctl", &mut script);
    printer.drawing(&String::from_utf8_lossy(&script))
}
