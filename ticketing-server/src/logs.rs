//! Logs on stderr, or in a file: a line for each fact, as text or JSON, with the correlation id of the request that it
//! belongs to.

use crate::settings::SettingsError;
use crate::traces::{TARGET, TraceSettings, is_traced};
use std::fs::File;
use std::io::IsTerminal as _;
use std::sync::Mutex;
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::{FilterFn, LevelFilter, Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer, Registry};

/// Where the span that carries the correlation id is made.
const SPAN_TARGET: &str = "ticketing_server::shell";

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// An object a line, for machines.
    Json,
}

/// How and what is logged.
#[derive(Clone, Debug)]
pub struct LogSettings {
    format: LogFormat,
    targets: Targets,
    traces: Option<TraceSettings>,
}

/// Another part of the program has set up logs already.
#[derive(Debug, thiserror::Error)]
#[error("logs are set up already")]
pub struct AlreadySetUp;

impl LogSettings {
    /// Reads `LOG_FORMAT` (`text` or `json`) and `LOG`, else `RUST_LOG`: a level, or targets with theirs, as
    /// `info,ticketing_core=debug`; and where traces go.
    ///
    /// # Errors
    /// The variable that can't be used.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let get = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let format = match get("LOG_FORMAT").map(|word| word.trim().to_ascii_lowercase()).as_deref() {
            None | Some("text") => LogFormat::Text,
            Some("json") => LogFormat::Json,
            Some(other) => {
                let problem = format!("is `{other}`; write `text` or `json`");
                return Err(SettingsError { variable: "LOG_FORMAT", problem });
            }
        };
        let (variable, text) = match (get("LOG"), get("RUST_LOG")) {
            (Some(text), _) => ("LOG", text),
            (None, Some(text)) => ("RUST_LOG", text),
            (None, None) => ("LOG", "info".into()),
        };
        let targets: Targets = text.trim().parse().map_err(|_| SettingsError {
            variable,
            problem: format!(
                "is `{text}`; write a level, or targets with theirs, as `info,ticketing_core=debug`"
            ),
        })?;
        let traces = TraceSettings::read(get)?;
        Ok(Self { format, targets: with_span(targets), traces })
    }

    /// Logs to stderr from now on.
    ///
    /// # Errors
    /// Logs are set up already.
    pub fn init(self) -> Result<(), AlreadySetUp> {
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let subscriber = self.subscriber(std::io::stderr, colour);
        tracing::subscriber::set_global_default(subscriber).map_err(|_| AlreadySetUp)
    }

    /// Logs to a file from now on.
    ///
    /// # Errors
    /// Logs are set up already.
    pub fn init_to(self, file: File) -> Result<(), AlreadySetUp> {
        tracing::subscriber::set_global_default(self.subscriber(Mutex::new(file), false))
            .map_err(|_| AlreadySetUp)
    }

    fn subscriber<W>(self, writer: W, colour: bool) -> Box<dyn Subscriber + Send + Sync>
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        // Each layer has its filter: what is part of traces alone is in no line, and what is in lines in no trace.
        let lines = tracing_subscriber::fmt::layer().with_writer(writer);
        let lines: Box<dyn Layer<Registry> + Send + Sync> = match self.format {
            LogFormat::Text => lines.with_ansi(colour).boxed(),
            LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
        };
        let lines = lines.with_filter(self.targets.with_target(TARGET, LevelFilter::OFF));
        let registry = tracing_subscriber::registry().with(lines);
        match self.traces {
            None => Box::new(registry),
            Some(traces) => Box::new(registry.with(traces.begin().with_filter(only_traced()))),
        }
    }
}

fn only_traced() -> FilterFn {
    filter_fn(is_traced)
}

/// Whatever is left out, a line that is logged has its correlation id.
fn with_span(targets: Targets) -> Targets {
    if targets.would_enable(SPAN_TARGET, &Level::ERROR) {
        targets
    } else {
        targets.with_target(SPAN_TARGET, Level::ERROR)
    }
}

#[cfg(test)]
mod tests {
    use super::LogSettings;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(set: &[(&str, &str)]) -> String {
        let settings =
            LogSettings::read(|name| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()));
        let sink = Sink::default();
        let to = sink.clone();
        let subscriber = settings.unwrap().subscriber(move || to.clone(), false);
        tracing::subscriber::with_default(subscriber, || {
            let span =
                tracing::error_span!(target: "ticketing_server::shell", "request", correlation_id = "c-1");
            let _inside = span.enter();
            tracing::warn!(target: "ticketing_core::engine", commands = 3, "a batch failed");
            tracing::debug!(target: "ticketing_core::engine", "a detail");
        });
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn every_line_of_a_request_has_its_correlation_id() {
        let text = logged(&[]);
        assert_eq!(text.lines().count(), 1);
        assert!(text.contains("c-1") && text.contains("a batch failed"), "{text}");
        let json = logged(&[("LOG_FORMAT", "json")]);
        let line: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(line["span"]["correlation_id"], "c-1", "{json}");
        assert_eq!((&line["message"], &line["commands"]), (&"a batch failed".into(), &3.into()));
        let core_only = logged(&[("LOG", "ticketing_core=debug")]);
        assert_eq!(core_only.lines().count(), 2);
        assert!(core_only.lines().all(|line| line.contains("c-1")), "{core_only}");
        assert_eq!(logged(&[("RUST_LOG", "error")]), "");
    }

    #[test]
    fn a_bad_setting_is_named() {
        for (name, value) in [("LOG_FORMAT", "xml"), ("LOG", "a=b=c"), ("RUST_LOG", "x=loud")] {
            let error = LogSettings::read(|n| (n == name).then(|| value.to_owned())).unwrap_err();
            assert_eq!(error.variable, name);
        }
    }
}
