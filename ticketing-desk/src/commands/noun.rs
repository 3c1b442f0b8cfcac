//! A noun and its verbs, as a command line has them: which there are, and what each runs.

/// Declares `Args` and `run` of a noun. Each verb is written with its arguments and with what runs it, which takes
/// `(&Args, &Desk, &mut Printer)`. What the noun is for, as its help says it, stands above the first.
macro_rules! noun {
    ($(#[$help:meta])+ $($verb:ident($args:ty) => $run:path),+ $(,)?) => {
        $(#[$help])+
        #[derive(clap::Args, Debug)]
        pub struct Args {
            #[command(subcommand)]
            verb: Verb,
        }

        #[derive(clap::Subcommand, Debug)]
        enum Verb {
            $($verb($args)),+
        }

        /// Runs the verb.
        ///
        /// # Errors
        /// As the verb fails.
        pub fn run(
            args: &Args,
            desk: &$crate::desk::Desk,
            printer: &mut $crate::output::Printer,
        ) -> Result<(), $crate::failure::Failure> {
            match &args.verb {
                $(Verb::$verb(args) => $run(args, desk, printer)),+
            }
        }
    };
}
pub(crate) use noun;
