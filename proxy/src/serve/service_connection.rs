//! A connection to the cluster that belongs to the gate itself, as the user of `[gate.catalog]`.

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::SslMode;
use tokio_postgres::{NoTls, SimpleQueryMessage};
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
        /// The file.
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

/// The server's message, which the error's own text leaves out.
fn told(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |said| format!("{}: {}", said.code().code(), said.message()))
}

/// Connects, asks, and closes the connection, within the time that the settings allow.
///
/// # Errors
/// [`ServiceError`].
pub async fn ask(backend: &Backend, settings: &CatalogSection, query: &str) -> Result<Vec<ServiceRow>, ServiceError> {
    let limit = settings.timeout.get();
    let asked = tokio::time::timeout(limit, rows(backend, settings, query)).await;
    asked.unwrap_or_else(|_elapsed| Err(ServiceError::Timeout(limit)))
}

async fn rows(backend: &Backend, settings: &CatalogSection, query: &str) -> Result<Vec<ServiceRow>, ServiceError> {
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
    let connection = tokio::spawn(connection);
    let answer = client.simple_query(query).await;
    // Without its client the connection says Terminate and ends.
    drop(client);
    if let Ok(Err(error)) = connection.await {
        debug!(upstream = %backend.address, %error, "the service connection did not end well");
    }
    Ok(answer?.iter().filter_map(row).collect())
}

fn row(message: &SimpleQueryMessage) -> Option<ServiceRow> {
    let SimpleQueryMessage::Row(row) = message else { return None };
    Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
}
