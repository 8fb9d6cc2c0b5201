//! The cluster's own history, read over the service connection: rows of its system views, page by page, as files that the history
//! reader takes like exports. Small pages by key, a pause after each, read-only transactions, and a limit on each statement.
//!
//! Source: Amazon Redshift Database Developer Guide, the pages of the views; `BEGIN`.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::config::CatalogSection;
use crate::history::HistoryInput;
use crate::net::backend::Backend;
use crate::serve::service_connection::{ServiceConnection, ServiceError, ServiceRow};

/// Rows of one page.
const PAGE_ROWS: usize = 500;

/// What lies between two pages.
const PAUSE: Duration = Duration::from_millis(100);

/// Characters of a text that `SYS_QUERY_HISTORY` holds: of a longer one the rest is read from `SYS_QUERY_TEXT`.
const HEAD_CHARACTERS: usize = 4_000;

/// How long before the statements the sessions may have begun whose connections are read.
const SESSIONS_BEFORE: SignedDuration = SignedDuration::from_hours(24);

/// How long STL tables keep their rows. Source: "System tables and views", Amazon Redshift Database Developer Guide.
const STL_KEEPS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is read of a cluster.
#[derive(Debug)]
pub struct ClusterRows {
    folder: TempDir,
    files: Vec<PathBuf>,
    /// What could not be read, and what that means.
    pub notes: Vec<String>,
}

/// Why the history of a cluster cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ClusterHistoryError {
    /// The cluster cannot be asked.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The rows cannot be kept.
    #[error("rows of the cluster's history cannot be written to a temporary file: {0}")]
    Write(#[from] io::Error),
}

impl ClusterRows {
    /// The files as inputs of the history reader. They are gone with this value.
    #[must_use]
    pub fn inputs(&self) -> Vec<HistoryInput> {
        let length = |path: &PathBuf| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        self.files.iter().map(|path| HistoryInput::File(path.clone(), length(path))).collect()
    }
}

/// A view, and how its rows are paged.
struct PagedView<'q> {
    view: &'static str,
    columns: &'static [&'static str],
    /// Beside the key.
    condition: &'q str,
    /// The column by which pages are told apart: a number or a time.
    key: &'static str,
    /// The first value of the key.
    from: String,
    /// What orders rows of the same key.
    ties: &'static str,
}

const SYS_HISTORY: [&str; 9] = [
    "user_id",
    "query_id",
    "transaction_id",
    "session_id",
    "database_name",
    "status",
    "start_time",
    "query_text",
    "username",
];
const SYS_TEXT: [&str; 7] = ["user_id", "query_id", "transaction_id", "session_id", "start_time", "sequence", "text"];
const STL_QUERY: [&str; 8] = ["userid", "query", "xid", "pid", "database", "querytxt", "starttime", "aborted"];
const STL_QUERYTEXT: [&str; 6] = ["userid", "xid", "pid", "query", "sequence", "text"];
const STL_STATEMENTS: [&str; 6] = ["userid", "xid", "pid", "starttime", "sequence", "text"];
const SYS_CONNECTIONS: [&str; 8] = [
    "record_time",
    "event",
    "remote_host",
    "remote_port",
    "session_id",
    "database_name",
    "user_name",
    "application_name",
];
const STL_CONNECTIONS: [&str; 8] =
    ["recordtime", "event", "remotehost", "remoteport", "pid", "dbname", "username", "application_name"];
const USERS: [&str; 2] = ["usename", "usesysid"];

/// Reads what ran since a time, and where its sessions came from. SYS views are asked first, and STL tables where there are none.
///
/// # Errors
/// [`ClusterHistoryError`]; a view that may not be read is a note, unless there is no history at all.
pub async fn read(
    backend: &Backend,
    settings: &CatalogSection,
    since: Timestamp,
) -> Result<ClusterRows, ClusterHistoryError> {
    let folder = tempfile::Builder::new().prefix("rolegate-cluster-").tempdir()?;
    let connection = ServiceConnection::open(backend, settings).await?;
    let rows = ClusterRows { folder, files: Vec::new(), notes: Vec::new() };
    let mut reader = Reader { connection, since, rows };
    let read = reader.all(settings.timeout.get()).await;
    let Reader { connection, rows, .. } = reader;
    connection.close().await;
    read.map(|()| rows)
}

struct Reader {
    connection: ServiceConnection,
    since: Timestamp,
    rows: ClusterRows,
}

/// What a view gave.
enum Outcome<T> {
    Read(T),
    /// It is not there, or may not be read: the cluster's words.
    Refused(String),
}

impl Reader {
    async fn all(&mut self, limit: Duration) -> Result<(), ClusterHistoryError> {
        self.connection.ask(&format!("set statement_timeout to {}", limit.as_millis())).await?;
        match self.sys().await? {
            Outcome::Read(()) => {}
            Outcome::Refused(why) => {
                self.note(format!("sys_query_history cannot be read ({why}); STL tables are read in its place"));
                self.stl().await?;
            }
        }
        self.users().await?;
        self.connections().await
    }

    fn note(&mut self, what: String) {
        self.rows.notes.push(what);
    }

    async fn sys(&mut self) -> Result<Outcome<()>, ClusterHistoryError> {
        let condition = format!("start_time >= '{}' and user_id > 1", moment(self.since));
        let mut long = Vec::new();
        let view = PagedView {
            view: "sys_query_history",
            columns: &SYS_HISTORY,
            condition: &condition,
            key: "query_id",
            from: "0".to_owned(),
            ties: "query_id",
        };
        let read = self
            .paged(view, |row| {
                let is_long =
                    row.get(7).and_then(Option::as_deref).is_some_and(|text| text.chars().count() >= HEAD_CHARACTERS);
                long.extend(row.get(1).and_then(Option::as_deref).and_then(number).filter(|_| is_long));
            })
            .await?;
        if let Outcome::Refused(why) = read {
            return Ok(Outcome::Refused(why));
        }
        for query in long {
            let condition = format!("query_id = {query}");
            let view = PagedView {
                view: "sys_query_text",
                columns: &SYS_TEXT,
                condition: &condition,
                key: "sequence",
                from: "0".to_owned(),
                ties: "sequence",
            };
            if let Outcome::Refused(why) = self.paged(view, |_row| ()).await? {
                self.note(format!("sys_query_text cannot be read ({why}): texts above 4,000 characters are cut off"));
                break;
            }
        }
        Ok(Outcome::Read(()))
    }

    async fn stl(&mut self) -> Result<(), ClusterHistoryError> {
        if self.since < Timestamp::now().saturating_sub(STL_KEEPS).unwrap_or(Timestamp::MIN) {
            self.note("STL tables keep their rows for 7 days".to_owned());
        }
        let condition = format!("starttime >= '{}' and userid > 1", moment(self.since));
        let mut span: Option<(i64, i64)> = None;
        let view = PagedView {
            view: "stl_query",
            columns: &STL_QUERY,
            condition: &condition,
            key: "query",
            from: "0".to_owned(),
            ties: "query",
        };
        let read = self.paged(view, |row| {
            let Some(query) = row.get(1).and_then(Option::as_deref).and_then(number) else { return };
            span = Some(span.map_or((query, query), |(least, most)| (least.min(query), most.max(query))));
        });
        if let Outcome::Refused(why) = read.await? {
            self.note(format!(
                "stl_query cannot be read either ({why}): queries, COPY and UNLOAD among them, are not known"
            ));
        }
        if let Some((least, most)) = span {
            let condition = format!("query <= {most} and userid > 1");
            let from = least.to_string();
            let columns = &STL_QUERYTEXT;
            let view = PagedView {
                view: "stl_querytext",
                columns,
                condition: &condition,
                key: "query",
                from,
                ties: "sequence",
            };
            if let Outcome::Refused(why) = self.paged(view, |_row| ()).await? {
                self.note(format!("stl_querytext cannot be read ({why}): texts above 4,000 characters are cut off"));
            }
        }
        for name in ["stl_ddltext", "stl_utilitytext"] {
            let view = PagedView {
                view: name,
                columns: &STL_STATEMENTS,
                condition: "userid > 1",
                key: "starttime",
                from: moment(self.since),
                ties: "pid, xid, sequence",
            };
            if let Outcome::Refused(why) = self.paged(view, |_row| ()).await? {
                self.note(format!("{name} cannot be read ({why}): its statements are not known"));
            }
        }
        Ok(())
    }

    async fn users(&mut self) -> Result<(), ClusterHistoryError> {
        let view = PagedView {
            view: "pg_user",
            columns: &USERS,
            condition: "usesysid > 1",
            key: "usesysid",
            from: "0".to_owned(),
            ties: "usesysid",
        };
        if let Outcome::Refused(why) = self.paged(view, |_row| ()).await? {
            self.note(format!("pg_user cannot be read ({why}): users may have numbers alone"));
        }
        Ok(())
    }

    async fn connections(&mut self) -> Result<(), ClusterHistoryError> {
        let from = moment(self.since.saturating_sub(SESSIONS_BEFORE).unwrap_or(self.since));
        let mut refused = String::new();
        for (name, columns, key, ties) in [
            ("sys_connection_log", &SYS_CONNECTIONS, "record_time", "session_id, event"),
            ("stl_connection_log", &STL_CONNECTIONS, "recordtime", "pid, event"),
        ] {
            let view = PagedView { view: name, columns, condition: "1 = 1", key, from: from.clone(), ties };
            match self.paged(view, |_row| ()).await? {
                Outcome::Read(()) => return Ok(()),
                Outcome::Refused(why) => refused = why,
            }
        }
        self.note(format!(
            "the connection log cannot be read ({refused}); it is for superusers, or GRANT SELECT on it"
        ));
        Ok(())
    }

    /// Reads a view to its end. Pages go on at the last key, past the rows of it that were read.
    async fn paged(
        &mut self,
        view: PagedView<'_>,
        mut each: impl FnMut(&ServiceRow),
    ) -> Result<Outcome<()>, ClusterHistoryError> {
        let PagedView { view, columns, condition, key, mut from, ties } = view;
        let place = columns.iter().position(|column| *column == key).unwrap_or_default();
        let path = self.rows.folder.path().join(format!("{view}.jsonl"));
        let mut file: Option<BufWriter<std::fs::File>> = None;
        let mut skipped = 0_usize;
        loop {
            let query = format!(
                "select {} from {view} where {condition} and {key} >= '{from}' order by {key}, {ties} limit {PAGE_ROWS} offset {skipped}",
                columns.join(", ")
            );
            let rows = match self.page(&query).await? {
                Outcome::Read(rows) => rows,
                Outcome::Refused(why) => return Ok(Outcome::Refused(why)),
            };
            if file.is_none() {
                let opened = std::fs::OpenOptions::new().create(true).append(true).open(&path)?;
                file = Some(BufWriter::new(opened));
                if !self.rows.files.contains(&path) {
                    self.rows.files.push(path.clone());
                }
            }
            for row in &rows {
                each(row);
                if let Some(file) = &mut file {
                    serde_json::to_writer(&mut *file, &object(columns, row)).map_err(io::Error::from)?;
                    file.write_all(b"\n")?;
                }
            }
            let last = rows.last().and_then(|row| row.get(place)).and_then(Option::as_deref).map(str::trim);
            let Some(last) = last.filter(|last| rows.len() == PAGE_ROWS && is_key(last)).map(str::to_owned) else {
                break;
            };
            let alike = rows
                .iter()
                .rev()
                .take_while(|row| row.get(place).and_then(Option::as_deref).map(str::trim) == Some(&last));
            let alike = alike.count();
            skipped = if last == from { skipped.saturating_add(alike) } else { alike };
            from = last;
            tokio::time::sleep(PAUSE).await;
        }
        if let Some(mut file) = file {
            file.flush()?;
        }
        Ok(Outcome::Read(()))
    }

    /// One page, in a transaction that writes nothing.
    async fn page(&self, query: &str) -> Result<Outcome<Vec<ServiceRow>>, ServiceError> {
        self.connection.ask("begin transaction read only").await?;
        let rows = self.connection.ask(query).await;
        self.connection.ask("rollback").await?;
        match rows {
            Ok(rows) => Ok(Outcome::Read(rows)),
            Err(error) => error.answered().map(Outcome::Refused).ok_or(error),
        }
    }
}

/// A row as the history reader takes it.
fn object(columns: &[&str], row: &ServiceRow) -> Map<String, Value> {
    columns
        .iter()
        .zip(row)
        .map(|(column, value)| ((*column).to_owned(), value.clone().map_or(Value::Null, Value::from)))
        .collect()
}

fn number(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

/// Whether a value can stand in a query: the cluster gave it, and it is a number or a time.
fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || b" :.-+T".contains(&byte))
}

/// A time as the cluster writes it, in UTC.
fn moment(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_written_as_the_reader_takes_them() {
        let row = vec![Some("7".to_owned()), None];
        assert_eq!(serde_json::to_string(&object(&["pid", "text"], &row)).unwrap(), r#"{"pid":"7","text":null}"#);
        let head: String = serde_json::to_string(&object(&SYS_HISTORY, &vec![None; 9])).unwrap();
        assert!(crate::history::shape::Shape::of(head.as_bytes()).is_some_and(|shape| shape.holds_statements()));
    }

    #[test]
    fn no_value_of_the_cluster_becomes_sql() {
        for (text, want) in
            [("7", true), ("2026-01-02 03:04:05.678", true), ("1' or '1'='1", false), ("", false), ("1;select", false)]
        {
            assert_eq!(is_key(text), want, "{text}");
        }
        assert_eq!(moment(Timestamp::UNIX_EPOCH), "1970-01-01 00:00:00");
    }
}
