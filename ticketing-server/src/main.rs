//! The server alone, configured by the environment and `ticketing.toml`: for containers, where `ticketctl` would be too much.

use std::process::ExitCode;
use ticketing_core::app::config::Settings;
use ticketing_server::logs::LogSettings;
use ticketing_server::{ServerConfig, start};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ticketing-server: {error}.");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let settings = Settings::load()?;
    LogSettings::read(|name| settings.get(name))?.init()?;
    let config = ServerConfig::read(&settings, settings.stores(None, None)?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let asked_to_stop = StopSignal::listen()?;
        let running = start(config).await?;
        asked_to_stop.heard().await;
        running.stop().await;
        Ok(())
    })
}

/// Ctrl-c and SIGTERM, from the moment this is made.
struct StopSignal {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl StopSignal {
    #[cfg(unix)]
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    #[cfg(unix)]
    async fn heard(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn heard(self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
