//! The program's own log: `tracing` events on stderr.

use std::fmt::Debug;
use std::io::{self, IsTerminal};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use strum::VariantArray;
use tracing::field::Field;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::{self, FormatFields};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use crate::observe::escape::{self, JsonEscaping};

/// What is logged, as `[log] level` says it.
pub type LogFilter = EnvFilter;

/// Through which the filter of the process's log is replaced. A process has one log, as `tracing` demands.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

closed_sets! {
    /// The form of the log.
    pub enum LogFormat {
        /// Lines for people.
        Text,
        /// One JSON object a line.
        Json,
    }
}

closed_sets! {
    /// How grave a message is.
    pub enum LogLevel {
        /// An operator must act.
        Error,
        /// Something is wrong.
        Warn,
        /// What an operator wants to know of a day.
        Info,
        /// For looking closer.
        Debug,
        /// Everything, each message of the wire included.
        Trace,
    }
}

/// Messages so far, by level. A process has one log.
static MESSAGES: [AtomicU64; 5] = [const { AtomicU64::new(0) }; 5];

/// Messages that the filter let through so far.
pub fn messages() -> impl Iterator<Item = (LogLevel, u64)> {
    LogLevel::VARIANTS.iter().zip(&MESSAGES).map(|(level, count)| (*level, count.load(Ordering::Relaxed)))
}

/// Counts the messages of each level.
struct Counting;

impl<S: Subscriber> Layer<S> for Counting {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => LogLevel::Error,
            Level::WARN => LogLevel::Warn,
            Level::INFO => LogLevel::Info,
            Level::DEBUG => LogLevel::Debug,
            Level::TRACE => LogLevel::Trace,
        };
        if let Some((_, count)) = LogLevel::VARIANTS.iter().zip(&MESSAGES).find(|(one, _)| **one == level) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Why the log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The text is neither a level nor a list of directives.
    #[error("[log] level \"{level}\" is none of error, warn, info, debug, trace, nor a list of directives: {source}")]
    Level {
        /// The text of the configuration.
        level: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// The process already has a log.
    #[error("the log is set up already: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Sends the log to stderr.
///
/// # Errors
/// [`LoggingError`].
pub fn init(level: &str, format: LogFormat) -> Result<(), LoggingError> {
    let (filter, handle) = reload::Layer::new(filter(level)?);
    let lines = match format {
        LogFormat::Json => fmt::layer().json().with_writer(|| JsonEscaping(io::stderr())).boxed(),
        LogFormat::Text => {
            let lines = fmt::layer().with_ansi(io::stderr().is_terminal()).fmt_fields(fields());
            lines.with_writer(io::stderr).boxed()
        }
    };
    Registry::default().with(filter).with(lines).with(Counting).try_init()?;
    // The log was set up just now, and that succeeds once.
    _ = FILTER.set(handle);
    Ok(())
}

/// Fields and messages of the text log. Every value passes here, so that no call site can forget to escape what a client chose.
fn fields() -> impl for<'writer> FormatFields<'writer> + Send + Sync + 'static {
    format::debug_fn(|writer: &mut format::Writer<'_>, field: &Field, value: &dyn Debug| match field.name() {
        "message" => escape::write_message(writer, value),
        name => {
            write!(writer, "{name}=")?;
            escape::write_value(writer, value)
        }
    })
    .delimited(" ")
}

/// Reads a level or a list of directives.
///
/// # Errors
/// [`LoggingError::Level`].
pub fn filter(level: &str) -> Result<LogFilter, LoggingError> {
    EnvFilter::try_new(level).map_err(|source| LoggingError::Level { level: level.to_owned(), source })
}

/// Replaces the filter of the log; without effect if [`init`] did not set one up.
pub fn set_filter(filter: LogFilter) {
    if let Some(Err(error)) = FILTER.get().map(|handle| handle.reload(filter)) {
        tracing::error!(%error, "the level of the log stays as it is");
    }
}
