//! The target: connecting to it, and running one operation on it.

use std::time::Duration;

use anyhow::Context as _;
use futures::StreamExt as _;
use rolegate::net::backend::{Backend, server_name};
use rolegate::net::tls::{Verify, connector};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage, Statement};

use crate::load::draw::Operation;

/// Where sessions go and as whom.
#[derive(Clone, Debug)]
pub struct Target {
    upstream: Backend,
    config: tokio_postgres::Config,
    /// The longest that an operation may take.
    pub timeout: Duration,
}

/// User and database of a session.
#[derive(Clone, Debug)]
pub struct Login {
    /// The database user.
    pub user: String,
    /// The database.
    pub database: String,
    /// Their password, where one is asked for.
    pub password: Option<String>,
}

impl Target {
    /// A target at `address` (`host:port`), with TLS but without a look at the certificate, or without TLS.
    ///
    /// # Errors
    /// The host cannot be a name.
    pub fn new(address: &str, tls: bool, login: &Login, timeout: Duration) -> anyhow::Result<Self> {
        let (host, _port) = address.rsplit_once(':').context("the target should be host:port")?;
        let tls = if tls { Some((connector(Verify::Nothing, None)?, server_name(host)?)) } else { None };
        let mut config = tokio_postgres::Config::new();
        // TLS, where it is asked for, is around the stream already.
        config.user(&login.user).dbname(&login.database).application_name("loadtest").ssl_mode(SslMode::Disable);
        if let Some(password) = &login.password {
            config.password(password);
        }
        Ok(Self { upstream: Backend { address: address.to_owned(), tls, timeout }, config, timeout })
    }

    /// Opens a session.
    ///
    /// # Errors
    /// The target cannot be reached or refuses.
    pub async fn connect(&self) -> anyhow::Result<Session> {
        let open = async {
            let stream = self.upstream.connect().await?;
            anyhow::Ok(self.config.connect_raw(stream, NoTls).await?)
        };
        let (client, connection) =
            tokio::time::timeout(self.timeout, open).await.context("connecting took too long")??;
        let connection = tokio::spawn(async move {
            // What ends the connection is told to whoever waits for an answer.
            let _ended = connection.await.is_ok();
        });
        Ok(Session { client, connection, prepared: Vec::new() })
    }
}

/// A connection to the target.
#[derive(Debug)]
pub struct Session {
    client: Client,
    connection: JoinHandle<()>,
    prepared: Vec<Statement>,
}

/// How an operation ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// With an answer of so many rows.
    Done {
        /// Rows of the answer.
        rows: u64,
    },
    /// The gate refused it: `insufficient_privilege`, and a message that starts with a finding's code.
    Refused {
        /// The code, such as `RG201`.
        code: String,
    },
    /// Something else went wrong.
    Failed(String),
}

impl From<tokio_postgres::Error> for Outcome {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(told) = error.as_db_error() else { return Self::Failed(error.to_string()) };
        let finding = finding_code(told.message()).filter(|_| *told.code() == SqlState::INSUFFICIENT_PRIVILEGE);
        match finding {
            Some(code) => Self::Refused { code: code.to_owned() },
            None => Self::Failed(format!("{}: {}", told.code().code(), told.message())),
        }
    }
}

/// The code at the start of the text of a refusal, `RG201: ...`. The server's own refusals have the same SQLSTATE and none.
fn finding_code(message: &str) -> Option<&str> {
    let (code, _) = message.split_once(": ")?;
    let digits = code.strip_prefix("RG")?;
    (digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(code)
}

/// A value as text, whatever type the statement has for it.
#[derive(Debug)]
struct Text<'v>(&'v str);

impl ToSql for Text<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

impl Session {
    /// Prepares statements; an operation of template n runs the n-th of them from then on.
    ///
    /// # Errors
    /// The target refuses one.
    pub async fn prepare(&mut self, texts: &[String]) -> anyhow::Result<()> {
        for text in texts {
            self.prepared.push(self.client.prepare(text).await.with_context(|| format!("preparing {text}"))?);
        }
        Ok(())
    }

    /// Whether the connection is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs one operation to its end.
    pub async fn run(&self, operation: &Operation) -> Outcome {
        let rows = match self.prepared.get(operation.template) {
            Some(statement) => self.execute(statement, &operation.parameters).await,
            None => self.query(&operation.text).await,
        };
        rows.map_or_else(Outcome::from, |rows| Outcome::Done { rows })
    }

    /// Runs a simple query; gives the rows of its answer.
    ///
    /// # Errors
    /// The target's.
    pub async fn query(&self, text: &str) -> Result<u64, tokio_postgres::Error> {
        let mut stream = std::pin::pin!(self.client.simple_query_raw(text).await?);
        let mut rows = 0_u64;
        while let Some(message) = stream.next().await.transpose()? {
            rows = rows.saturating_add(u64::from(matches!(message, SimpleQueryMessage::Row(_))));
        }
        Ok(rows)
    }

    async fn execute(&self, statement: &Statement, parameters: &[String]) -> Result<u64, tokio_postgres::Error> {
        let parameters = parameters.iter().map(|value| Text(value)).collect::<Vec<_>>();
        let parameters = parameters.iter().map(|value| -> &(dyn ToSql + Sync) { value });
        let mut stream = std::pin::pin!(self.client.query_raw(statement, parameters.collect::<Vec<_>>()).await?);
        let mut rows = 0_u64;
        while let Some(_row) = stream.next().await.transpose()? {
            rows = rows.saturating_add(1);
        }
        Ok(rows)
    }

    /// Says Terminate and waits until the connection is closed.
    pub async fn close(self) {
        drop(self.client);
        // A task that only drives the connection has nothing to tell.
        let _ended = self.connection.await.is_ok();
    }

    /// Drops the connection at once: for one that no longer answers.
    pub fn abandon(self) {
        self.connection.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::finding_code;

    #[test]
    fn only_findings_are_refusals() {
        let rows = [
            ("RG201: role r is not attached to cluster demo", Some("RG201")),
            ("RG20: no code", None),
            ("RG2001: no code", None),
            ("RGabc: no code", None),
            ("permission denied for relation venue", None),
            ("ERROR: RG201: not at the start", None),
        ];
        for (message, want) in rows {
            assert_eq!(finding_code(message), want, "{message}");
        }
    }
}
