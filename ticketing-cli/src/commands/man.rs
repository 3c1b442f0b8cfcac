//! `ticketctl man`: the manual pages, from the same words as `--help`.

use clap_mangen::Man;
use std::io;
use std::path::PathBuf;
use ticketing_desk::failure::Failure;
use ticketing_desk::output::Printer;

/// Print the manual page, or write those of all commands
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  ticketctl man | man -l -\n  \
                        ticketctl man --dir ~/.local/share/man/man1")]
pub struct Args {
    /// Write the pages of all commands into this folder, which is made if it is missing
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Prints the top page, or writes them all. A page is one in every format: no `-o` changes it.
///
/// # Errors
/// Fails if they can't be written.
pub fn run(args: &Args, printer: &mut Printer, program: &clap::Command) -> Result<(), Failure> {
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        Man::new(program.clone()).render(&mut page).map_err(|error| Failure::output(&error))?;
        return printer.drawing(&String::from_utf8_lossy(&page));
    };
    let cannot = |error: io::Error| {
        Failure::error(format!("The pages can't be written into {}.", dir.display()))
            .code("FILE")
            .why(format!("{error}."))
            .hint("name a folder that this user may write")
    };
    std::fs::create_dir_all(dir).map_err(cannot)?;
    clap_mangen::generate_to(program.clone(), dir).map_err(cannot)?;
    printer.note(&format!("The pages are in {}.", dir.display()));
    Ok(())
}
