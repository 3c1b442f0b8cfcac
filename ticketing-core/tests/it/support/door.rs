//! A door before a mail server: it lets everything through, or nothing, or loses the server's last word.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the door does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// Everything comes through.
    Open,
    /// Whoever comes is let in and told nothing, ever.
    Silent,
    /// The server gets the whole mail, and its answer is lost.
    LosesTheLastWord,
    /// The server gets the whole mail, and its answer never comes.
    KeepsTheLastWord,
}

/// The door. Gone with this value.
pub struct Door {
    /// `smtp://127.0.0.1:PORT`.
    pub url: String,
    mode: Arc<AtomicU8>,
    changed: watch::Sender<u8>,
    came: Arc<AtomicU64>,
}

impl Door {
    /// Opens a door before the server of this URL.
    pub async fn before(url: &str, mode: Mode) -> Self {
        let target = url.strip_prefix("smtp://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let (changed, changes) = watch::channel(0);
        let door = Self { url, mode: Arc::new(AtomicU8::new(mode as u8)), changed, came: Arc::default() };
        let (mode, came) = (Arc::clone(&door.mode), Arc::clone(&door.came));
        tokio::spawn(async move {
            let mut over = changes.clone();
            loop {
                tokio::select! {
                    Ok((client, _)) = listener.accept() => {
                        came.fetch_add(1, Ordering::SeqCst);
                        tokio::spawn(pass(client, target.clone(), Arc::clone(&mode), changes.clone()));
                    }
                    changed = over.changed() => if changed.is_err() { return },
                }
            }
        });
        door
    }

    /// From now on; who is inside is thrown out.
    pub fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// How many have come.
    pub fn came(&self) -> u64 {
        self.came.load(Ordering::SeqCst)
    }
}

async fn pass(mut client: TcpStream, target: String, mode: Arc<AtomicU8>, mut changes: watch::Receiver<u8>) {
    changes.borrow_and_update();
    let through = async {
        if mode.load(Ordering::SeqCst) == Mode::Silent as u8 {
            return std::future::pending::<()>().await;
        }
        let Ok(mut server) = TcpStream::connect(target).await else { return };
        let (mut up, mut down) = ([0_u8; 8_192], [0_u8; 8_192]);
        let mut tail = Vec::new();
        loop {
            tokio::select! {
                Ok(n) = client.read(&mut up) => {
                    if n == 0 || server.write_all(&up[..n]).await.is_err() {
                        return;
                    }
                    tail.extend_from_slice(&up[..n]);
                    let cut = tail.len().saturating_sub(5);
                    tail.drain(..cut);
                }
                Ok(n) = server.read(&mut down) => {
                    let is_last_word = tail == b"\r\n.\r\n";
                    if is_last_word && mode.load(Ordering::SeqCst) == Mode::LosesTheLastWord as u8 {
                        return;
                    }
                    if is_last_word && mode.load(Ordering::SeqCst) == Mode::KeepsTheLastWord as u8 {
                        return std::future::pending::<()>().await;
                    }
                    if n == 0 || client.write_all(&down[..n]).await.is_err() {
                        return;
                    }
                }
                else => return,
            }
        }
    };
    tokio::select! {
        () = through => {}
        _ = changes.changed() => {}
    }
}
