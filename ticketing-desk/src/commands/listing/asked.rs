//! The flags of every list, what they ask for once they are checked, and the frame that a list runs in.

use super::columns;
use super::fields;
use super::sort::{self, SortKey};
use crate::commands::watch::Watch;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ListArgs;
use crate::output::{Column, Format, Printer, View};
use crate::session::Session;
use ticketing_core::ops::filter::{FieldSpec, Filter};

/// The flags of every command that lists something.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Flags {
    /// Only those that pass this filter
    #[arg(long, value_name = "FILTER")]
    pub query: Option<String>,

    /// Put them in the order of these columns, -COLUMN from the greatest down
    #[arg(
        long,
        value_name = "COLUMN,…",
        value_delimiter = ',',
        allow_hyphen_values = true,
        help_heading = "List options"
    )]
    pub sort: Vec<String>,

    /// Show these columns, by the names that -o csv has; `help` lists them
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',', help_heading = "List options")]
    pub columns: Vec<String>,

    /// Print only how many there are
    #[arg(long, conflicts_with_all = ["sort", "columns", "limit", "all"], help_heading = "List options")]
    pub count: bool,

    #[command(flatten)]
    watch: Watch,

    #[command(flatten)]
    list: ListArgs,
}

/// What `--query` may name.
#[derive(Clone, Copy, Debug)]
pub enum Fields {
    /// These; the command says which rows pass.
    These(&'static [FieldSpec]),
    /// The columns of the view, as they are printed.
    Columns,
}

/// What is listed.
#[derive(Clone, Copy, Debug)]
pub struct Of {
    /// How a row is shown.
    pub view: View,
    /// What `--query` may name.
    pub fields: Fields,
    /// Whether the rows are from the read store, so that its lag is told.
    pub is_read_model: bool,
}

/// What the flags ask for.
#[derive(Debug)]
pub struct Asked {
    /// Which columns; `None` for those of the view.
    pub(super) columns: Option<Vec<Column>>,
    pub(super) sort: Vec<SortKey>,
    pub(super) counts: bool,
    /// At most so many; `None` for all.
    pub(super) limit: Option<u64>,
    /// A filter over the columns.
    pub(super) of_columns: Option<Filter>,
    /// A filter over the fields that the command knows.
    pub filter: Option<Filter>,
}

impl Asked {
    /// Checks the flags.
    ///
    /// # Errors
    /// A usage error: a query that is none, a column that there is not.
    pub fn read(flags: &Flags, of: &Of, format: Format) -> Result<Self, Failure> {
        let columns = match flags.columns.as_slice() {
            [] => None,
            _ if format == Format::Name => {
                return Err(Failure::usage("-o name prints names, and no columns.")
                    .hint("leave out --columns, or use -o csv"));
            }
            names => Some(names.iter().map(|name| columns::find(&of.view, name)).collect::<Result<_, _>>()?),
        };
        let (mut filter, mut of_columns) = (None, None);
        if let Some(query) = &flags.query {
            match of.fields {
                Fields::These(fields) => filter = Some(Filter::parse(query, fields)?),
                Fields::Columns => of_columns = Some(Filter::parse(query, &fields::of(&of.view))?),
            }
        }
        let sort = flags.sort.iter().map(|word| sort::key(&of.view, word)).collect::<Result<_, _>>()?;
        Ok(Self {
            columns,
            sort,
            counts: flags.count,
            limit: flags.list.limit_for(format),
            of_columns,
            filter,
        })
    }
}

/// Opens the stores and lists, once or whenever something has changed.
///
/// # Errors
/// As the flags can't be used; as the list fails; ctrl-c.
pub fn run(
    flags: &Flags,
    of: Of,
    desk: &Desk,
    printer: &mut Printer,
    list: impl AsyncFn(&Session, &mut Printer, &Asked) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if flags.columns.iter().chain(&flags.sort).any(|word| word == columns::HELP) {
        return columns::help(printer, &of.view);
    }
    let asked = Asked::read(flags, &of, printer.format())?;
    flags.watch.run(desk, printer, async |session, printer| {
        // A warning would be wiped away by what is drawn next: whoever watches is told behind it.
        let is_watched = flags.watch.watch;
        if of.is_read_model && !is_watched {
            session.warn_of_lag(printer).await?;
        }
        list(session, printer, &asked).await?;
        if of.is_read_model && is_watched {
            session.warn_of_lag(printer).await?;
        }
        Ok(())
    })
}
