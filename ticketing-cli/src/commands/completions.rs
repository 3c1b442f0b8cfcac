//! `ticketctl completions`: the script that lets a shell ask this program what a word could be.

use crate::completing::VARIABLE;
use clap::ValueEnum as _;
use clap_complete::Shell;
use clap_complete::env::Shells;
use ticketing_desk::failure::Failure;
use ticketing_desk::output::Printer;

/// Print the script that completes commands, flags, ids and names in a shell
#[derive(clap::Args, Debug)]
#[command(
    after_help = "The shell asks ticketctl at each tab: ids come from the stores or the server that the line names, if \
                        they answer within a tenth of a second.\n\n\
                        Examples:\n  source <(ticketctl completions bash)\n  \
                        ticketctl completions zsh > ~/.zfunc/_ticketctl\n  \
                        ticketctl completions fish > ~/.config/fish/completions/ticketctl.fish"
)]
pub struct Args {
    /// bash, zsh, fish, elvish or powershell
    #[arg(hide_possible_values = true)]
    shell: Shell,
}

/// Prints the script. It is a script in every format: no `-o` changes it.
///
/// # Errors
/// Fails if it can't be written.
pub fn run(args: &Args, printer: &mut Printer) -> Result<(), Failure> {
    let name = args.shell.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    let shells = Shells::builtins();
    let Some(shell) = shells.completer(&name) else {
        return Err(Failure::defect(&format!("there is no script for {name}"), None));
    };
    let mut script = Vec::new();
    shell
        .write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)
        .map_err(|error| Failure::output(&error))?;
    printer.drawing(&String::from_utf8_lossy(&script))
}

/// The program's name: shells find it on their path.
const PROGRAM: &str = "ticketctl";
