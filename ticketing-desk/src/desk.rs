//! Where commands run: on this process's own way to the stores, or inside a server that has them open.
//!
//! A desk says who acts, what is read where a command names a file, and who signs tokens. It knows no command.

use crate::failure::Failure;
use crate::globals::Globals;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use ticketing_core::app::config::Settings;
use ticketing_core::app::{App, StoreConfig};
use ticketing_core::ops::status::Requests;
use ticketing_core::private;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// The name under which a command reads what is piped into it.
pub const STDIN: &str = "-";

/// A token for somebody: the settings, the data folder, who, as what, and for how long. Its errors are the secret's.
pub type SignToken = fn(&Settings, &Path, &str, &str, Duration) -> Result<String, Failure>;

/// Tells what a server's buyers were answered so far.
pub type CountRequests = Arc<dyn Fn() -> Requests + Send + Sync>;

/// Where a command runs, and for whom.
#[derive(Debug)]
pub struct Desk {
    /// The flags that every command takes.
    pub globals: Globals,
    sign: SignToken,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// This process opens the stores for the command and closes them behind it.
    Here,
    /// A server has them open.
    Served(Box<Served>),
}

/// What a server lends a command.
#[derive(Clone)]
pub struct Served {
    /// Everything that a use case needs.
    pub app: App,
    /// What is set where the server runs.
    pub settings: Settings,
    /// Where its stores are.
    pub stores: StoreConfig,
    /// What its buyers were answered, where it counts that.
    pub requests: Option<CountRequests>,
    /// What runs the command's waits.
    pub runtime: Handle,
    /// Who acts: the token's subject.
    pub actor: Actor,
    /// What was sent along, by the name that the command line has for it.
    pub inputs: HashMap<String, Input>,
    /// What the command wanted to read and was not sent along.
    pub wanted: Arc<Mutex<Vec<String>>>,
    /// True once nobody waits for the answer any more.
    pub left: watch::Receiver<bool>,
    /// True once the server is to end.
    pub ending: watch::Receiver<bool>,
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("actor", &self.actor).finish_non_exhaustive()
    }
}

/// Who has a server run a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The token's subject.
    pub name: String,
    /// Whether the token is an admin's, who may do what gives others such a right.
    pub is_admin: bool,
    /// The request's correlation id, if it came with one.
    pub correlation_id: Option<String>,
}

/// A file, or stdin, as the one who sent the command found it.
#[derive(Clone, Debug)]
pub enum Input {
    /// Its bytes.
    Bytes(Arc<[u8]>),
    /// It could not be read there.
    Unreadable {
        /// Whether there is none.
        is_missing: bool,
        /// What the system said.
        message: String,
    },
}

/// A file on this machine. One that was laid there for a command goes with this value.
#[derive(Debug)]
pub struct Laid {
    /// Where it is.
    pub path: PathBuf,
    _folder: Option<Scratch>,
}

/// A temporary folder of this user's alone, that goes with this value.
#[derive(Debug)]
pub struct Scratch(private::Scratch);

impl Scratch {
    /// Makes one, with this word in its name.
    ///
    /// # Errors
    /// What the system says.
    pub fn make(word: &str) -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("ticketctl-{word}-{}", uuid::Uuid::new_v4()));
        Ok(Self(private::Scratch::make(folder)?))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Desk {
    /// Returns the desk of this process.
    #[must_use]
    pub const fn here(globals: Globals, sign: SignToken) -> Self {
        Self { globals, sign, place: Place::Here }
    }

    /// Returns another desk of this process, with the same flags.
    #[must_use]
    pub fn again(&self) -> Self {
        Self::here(self.globals.clone(), self.sign)
    }

    /// Returns what signs tokens.
    #[must_use]
    pub const fn signer(&self) -> SignToken {
        self.sign
    }

    /// Returns the desk of a server.
    #[must_use]
    pub fn served(globals: Globals, sign: SignToken, served: Served) -> Self {
        Self { globals, sign, place: Place::Served(Box::new(served)) }
    }

    /// Returns what a server lends, if this desk is one's.
    #[must_use]
    pub fn server(&self) -> Option<&Served> {
        match &self.place {
            Place::Here => None,
            Place::Served(served) => Some(served),
        }
    }

    /// Returns the name that changes are audited under.
    #[must_use]
    pub fn actor(&self) -> String {
        match &self.place {
            Place::Here => self.globals.actor(),
            Place::Served(served) => served.actor.name.clone(),
        }
    }

    /// Returns the correlation id of the request that a server was sent.
    #[must_use]
    pub fn correlation_id(&self) -> Option<String> {
        self.server().and_then(|served| served.actor.correlation_id.clone())
    }

    /// Says whether whoever acts may give others a role: who has the stores may, and of those who come through a server,
    /// admins.
    #[must_use]
    pub fn may_grant_roles(&self) -> bool {
        self.server().is_none_or(|served| served.actor.is_admin)
    }

    /// Opens what a command names: a file, or `-` for what is piped into it.
    ///
    /// # Errors
    /// What the system says; of a file that was not sent along, that it is not known yet.
    pub fn source(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        match &self.place {
            Place::Here if name == STDIN => Ok(Box::new(io::stdin())),
            Place::Here => Ok(Box::new(std::fs::File::open(name)?)),
            Place::Served(served) => Ok(Box::new(Cursor::new(served.input(name)?))),
        }
    }

    /// Returns where a file that a command names is on this machine. One that was sent along is laid into a folder that
    /// goes with the answer, under a name of our own.
    ///
    /// # Errors
    /// As [`Desk::source`]; what the system says of the folder.
    pub fn file(&self, name: &Path) -> io::Result<Laid> {
        let Place::Served(served) = &self.place else {
            return Ok(Laid { path: name.to_owned(), _folder: None });
        };
        let bytes = served.input(&name.display().to_string())?;
        let folder = Scratch::make("sent")?;
        let path = folder.path().join("file");
        std::fs::write(&path, bytes)?;
        Ok(Laid { path, _folder: Some(folder) })
    }

    /// Signs a token.
    ///
    /// # Errors
    /// What stands in the secret's way.
    pub fn sign(
        &self,
        settings: &Settings,
        data_dir: &Path,
        subject: &str,
        role: &str,
        ttl: Duration,
    ) -> Result<String, Failure> {
        (self.sign)(settings, data_dir, subject, role, ttl)
    }
}

impl Served {
    fn input(&self, name: &str) -> io::Result<Arc<[u8]>> {
        match self.inputs.get(name) {
            Some(Input::Bytes(bytes)) => Ok(Arc::clone(bytes)),
            Some(Input::Unreadable { is_missing: true, .. }) => Err(io::ErrorKind::NotFound.into()),
            Some(Input::Unreadable { message, .. }) => Err(io::Error::other(message.clone())),
            None => {
                self.wanted.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
                Err(io::Error::other("it was not sent along"))
            }
        }
    }
}
