//! A connection to the cluster that belongs to the gate itself, as the user of `[gate.catalog]`.

use std::path::PathBuf;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use tracing::debug;

use crate::config::CatalogSection;
use crate::net::backend::{Backend, BackendError};

/// One row of an answer; `None` stands for null.
pub type ServiceRow = Vec<Option<String>>;

/// Why the cluster does not answer the gate's own question.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// It cannot be reached.
    #[error(transparent)]
    Upstream(#[from] BackendError),
    /// The password is not there.
    #[error("{}: cannot be read: {source}; it should hold the password of [gate.catalog] user", path.display())]
    Password {
        /// The file that is at fault.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// It refuses the login or the statement.
    #[error("the cluster refuses [gate.catalog]: {}", told(.0))]
    Refused(#[from] tokio_postgres::Error),
    /// It takes too long.
    #[error("the cluster did not answer within {0:?}")]
    Timeout(Duration),
}

impl ServiceError {
    /// The cluster's own message, where it answered.
    #[must_use]
    pub fn answered(&self) -> Option<String> {
        match self {
            Self::Refused(error) if error.as_db_error().is_some() => Some(told(error)),
            _ => None,
        }
    }

    /// Whether the cluster answered, if only to refuse the statement: the connection is good.
    #[must_use]
    pub fn is_an_answer(&self) -> bool {
        matches!(self, Self::Refused(error) if error.as_db_error().is_some_and(|said| !said.code().code().starts_with("57")))
    }

    /// Whether it says that there is no such relation, column or function. Source: PostgreSQL documentation, "Error Codes", class 42.
    #[must_use]
    pub fn is_about_what_is_not_there(&self) -> bool {
        let Self::Refused(error) = self else { return false };
        error.as_db_error().is_some_and(|said| {
            matches!(said.code().code(), "42P01" | "42703" | "42883" | "42704" | "42601" | "3F000" | "0A000")
        })
    }
}

/// The server's message, which the error's own text leaves out.
fn told(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |said| format!("{}: {}", said.code().code(), said.message()))
}

/// An open connection, for one question after the other.
#[derive(Debug)]
pub struct ServiceConnection {
    client: Client,
    connection: JoinHandle<Result<(), tokio_postgres::Error>>,
    address: String,
    limit: Duration,
}

impl ServiceConnection {
    /// Connects, within the time that the settings allow.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn open(backend: &Backend, settings: &CatalogSection) -> Result<Self, ServiceError> {
        let limit = settings.timeout.get();
        let opened = tokio::time::timeout(limit, connect(backend, settings)).await;
        opened.unwrap_or_else(|_elapsed| Err(ServiceError::Timeout(limit)))
    }

    /// Asks, and waits as long for the answer.
    ///
    /// # Errors
    /// [`ServiceError`]; the connection can be asked again where the cluster has answered.
    pub async fn ask(&self, query: &str) -> Result<Vec<ServiceRow>, ServiceError> {
        let answer = tokio::time::timeout(self.limit, self.client.simple_query(query)).await;
        let answer = answer.map_err(|_elapsed| ServiceError::Timeout(self.limit))?;
        Ok(answer?.iter().filter_map(row).collect())
    }

    /// Says Terminate and waits for the end.
    pub async fn close(self) {
        drop(self.client);
        let ended = tokio::time::timeout(self.limit, self.connection).await;
        if let Ok(Ok(Err(error))) = ended {
            debug!(upstream = %self.address, %error, "the service connection did not end well");
        }
    }
}

async fn connect(backend: &Backend, settings: &CatalogSection) -> Result<ServiceConnection, ServiceError> {
    let mut config = tokio_postgres::Config::new();
    // TLS, where the upstream demands it, is around the stream already.
    config.user(&settings.user).dbname(&settings.database).application_name("rolegate").ssl_mode(SslMode::Disable);
    if let Some(path) = &settings.password_file {
        // The file may be on storage that does not answer, and this thread serves others.
        let file = path.clone();
        let password = tokio::task::spawn_blocking(move || std::fs::read_to_string(file)).await;
        let password = password
            .map_err(std::io::Error::other)
            .flatten()
            .map_err(|source| ServiceError::Password { path: path.clone(), source })?;
        config.password(password.trim_end_matches(['\r', '\n']));
    }
    let (client, connection) = config.connect_raw(backend.connect().await?, NoTls).await?;
    let (connection, limit) = (tokio::spawn(connection), settings.timeout.get());
    Ok(ServiceConnection { client, connection, address: backend.address.clone(), limit })
}

/// Connects, asks, and closes the connection, within the time that the settings allow.
///
/// # Errors
/// [`ServiceError`].
pub async fn ask(backend: &Backend, settings: &CatalogSection, query: &str) -> Result<Vec<ServiceRow>, ServiceError> {
    let limit = settings.timeout.get();
    let asked = async {
        let connection = ServiceConnection::open(backend, settings).await?;
        let answer = connection.ask(query).await;
        connection.close().await;
        answer
    };
    let asked = tokio::time::timeout(limit, asked).await;
    asked.unwrap_or_else(|_elapsed| Err(ServiceError::Timeout(limit)))
}

fn row(message: &SimpleQueryMessage) -> Option<ServiceRow> {
    let SimpleQueryMessage::Row(row) = message else { return None };
    Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
}
