//! What the cluster stores and what it remembers of sessions and statements: Redshift's system views in the documented shapes, in a
//! database of their own that every session sees as `pg_catalog`.

pub mod blank;
pub mod changes;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use rusqlite::{Connection, params};

use crate::standin::catalog::blank::kinds_of;
use crate::standin::catalog::changes::Change;
use crate::standin::files;

/// The user who may see everything; `rdsdb` owns what nobody made.
pub const SUPERUSER: &str = "rolegate";
/// The number of the first user. Redshift's own have smaller ones.
const FIRST_USER: i64 = 100;
/// The most statements, and as many events of sessions, that are remembered: Redshift keeps days, a stand-in what fits.
const MAX_REMEMBERED: i64 = 200_000;

const TABLES: &str = include_str!("catalog/tables.sql");

/// Where the database of a data folder is.
#[must_use]
pub fn path(data: &Path) -> PathBuf {
    data.join("catalog.sqlite")
}

/// One session, as the connection log tells of it.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// The process, which `BackendKeyData` names.
    pub pid: i32,
    /// Where it came from.
    pub peer: SocketAddr,
    /// Who it is.
    pub user: String,
    /// The database.
    pub database: String,
    /// `application_name`.
    pub application: String,
    /// The cluster's own name for it.
    pub id: String,
}

/// One statement, as the history tells of it.
#[derive(Clone, Debug)]
pub struct QueryRow<'t> {
    /// Its text.
    pub text: &'t str,
    /// The number of its transaction.
    pub transaction: i64,
    /// When it began.
    pub began: jiff::Timestamp,
    /// Why it failed.
    pub error: Option<&'t str>,
}

/// Writes the tables behind the system views.
#[derive(Debug)]
pub struct System(Mutex<Connection>);

fn form(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

impl System {
    /// Makes the database anew, with these users.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn create(data: &Path, users: &[(String, String)]) -> anyhow::Result<Self> {
        fs::create_dir_all(data).with_context(|| data.display().to_string())?;
        files::remove(&path(data))?;
        let connection = Connection::open(path(data))?;
        connection.execute_batch("pragma journal_mode = wal; pragma synchronous = off;")?;
        connection.execute_batch(TABLES).context("the tables of the catalogue")?;
        for (id, (user, _)) in (FIRST_USER..).zip(users) {
            connection.execute("insert into user_row values (?1, ?2, ?3)", params![id, user, user == SUPERUSER])?;
        }
        let public = "insert into schema_row (oid, nspname, nspowner, nspacl) values (2200, 'public', 1, '{rdsdb=UC/rdsdb,=UC/rdsdb}')";
        connection.execute(public, [])?;
        connection.execute(
            "insert into sqlite_sequence (name, seq) select 'proc_row', 100000 union all select 'view_row', 200000",
            [],
        )?;
        Ok(Self(Mutex::new(connection)))
    }

    fn with<T>(&self, write: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        write(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Applies what a statement changes.
    ///
    /// # Errors
    /// Something of this name exists already.
    pub fn apply(&self, changes: &[Change], user: &str) -> rusqlite::Result<()> {
        self.with(|connection| {
            for change in changes {
                // A parameter with a name would take the number of the next one that has a number.
                let me = change.values.len().saturating_add(1);
                let owner = format!("(select usesysid from user_row where usename = ?{me})");
                let mut statement = connection.prepare_cached(&change.sql.replace(":owner", &owner))?;
                for (place, value) in (1_usize..).zip(change.values.iter().map(String::as_str).chain([user])) {
                    if let Some(place) = statement.parameter_index(&format!("?{place}"))? {
                        statement.raw_bind_parameter(place, value)?;
                    }
                }
                statement.raw_execute()?;
            }
            Ok(())
        })
    }

    /// Remembers a statement that ran.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn ran(&self, session: &SessionRow, query: &QueryRow<'_>) -> rusqlite::Result<()> {
        let (kind, query_type) = kinds_of(query.text);
        let text = blank::escaped(&blank::blanked(query.text));
        let status = if query.error.is_some() { "failed" } else { "success" };
        self.with(|connection| {
            connection
                .prepare_cached(
                    "insert into query_row (user_id, username, database_name, session_id, transaction_id, query_type, status,
                     start_time, end_time, error_message, query_text, kind)
                     values (coalesce((select usesysid from user_row where usename = ?1), 1), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                )?
                .execute(params![
                    session.user,
                    session.database,
                    session.pid,
                    query.transaction,
                    query_type,
                    status,
                    form(query.began),
                    form(jiff::Timestamp::now()),
                    query.error.unwrap_or_default(),
                    text,
                    kind,
                ])?;
            let id = connection.last_insert_rowid();
            if id % 1_000 == 0 {
                connection.execute("delete from query_row where query_id <= ?1", [id.saturating_sub(MAX_REMEMBERED)])?;
                let kept = "delete from connection_row where rowid <= (select max(rowid) from connection_row) - ?1";
                connection.execute(kept, [MAX_REMEMBERED])?;
            }
            Ok(())
        })
    }

    /// Remembers what happened to a session.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn happened(&self, session: &SessionRow, event: &str, microseconds: i64) -> rusqlite::Result<()> {
        let host = match session.peer.ip() {
            std::net::IpAddr::V4(address) => format!("::ffff:{address}"),
            std::net::IpAddr::V6(address) => address.to_string(),
        };
        self.with(|connection| {
            connection
                .prepare_cached(
                    "insert into connection_row values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'password', ?8, ?9, ?10)",
                )?
                .execute(params![
                    event,
                    form(jiff::Timestamp::now()),
                    host,
                    session.peer.port().to_string(),
                    session.pid,
                    session.database,
                    session.user,
                    microseconds,
                    session.application,
                    session.id,
                ])
        })
        .map(|_rows| ())
    }
}

#[cfg(test)]
mod tests {
    use super::{QueryRow, SessionRow, System, path};
    use crate::standin::database::Database;

    fn session(user: &str) -> SessionRow {
        SessionRow {
            pid: 7,
            peer: "127.0.0.1:4711".parse().unwrap(),
            user: user.to_owned(),
            database: "dev".to_owned(),
            application: "psql".to_owned(),
            id: "0-1".to_owned(),
        }
    }

    #[test]
    fn what_a_statement_stores_is_its_own_and_its_users() {
        let folder = tempfile::tempdir().unwrap();
        let users = ["etl", "rolegate"].map(|user| (user.to_owned(), "demo".to_owned()));
        crate::standin::database::create(folder.path()).unwrap();
        let system = System::create(folder.path(), &users).unwrap();
        for sql in [
            "create external function f(int) returns int stable lambda 'l' iam_role 'a'",
            "copy t from 's3://b/x' iam_role 'a' job create j auto on",
        ] {
            system.apply(&crate::standin::statement::read(sql).unwrap().remove(0).changes, "etl").unwrap();
        }
        let database = Database::open(folder.path()).unwrap();
        database.act_as("rolegate");
        let row = |sql: &str| format!("{:?}", database.run(sql, &[]).unwrap().rows);
        let function = "select proname, proowner, prolang, prosrc from pg_catalog.pg_proc_info";
        assert_eq!(row(function), "[[Text(\"f\"), Integer(100), Integer(11), Text(\"l\")]]");
        assert_eq!(row("select job_name, iam_role from pg_catalog.sys_copy_job"), "[[Text(\"j\"), Text(\"a\")]]");
    }

    #[test]
    fn views_show_what_their_reader_may_see() {
        let folder = tempfile::tempdir().unwrap();
        let users = ["etl", "analyst", "rolegate"].map(|user| (user.to_owned(), "demo".to_owned()));
        crate::standin::database::create(folder.path()).unwrap();
        let system = System::create(folder.path(), &users).unwrap();
        assert!(path(folder.path()).exists());
        let text = "copy t\nfrom 's3://b/x' iam_role 'arn:aws:iam::123456789012:role/RoleA' -- '\\'";
        let query = QueryRow { text, transaction: 1, began: jiff::Timestamp::now(), error: None };
        system.ran(&session("etl"), &query).unwrap();
        system.happened(&session("etl"), "initiating session", 0).unwrap();
        let rows = |user: &str, sql: &str| {
            let database = Database::open(folder.path()).unwrap();
            database.act_as(user);
            database.run(sql, &[]).map(|outcome| outcome.rows)
        };
        let texts = "select querytxt from stl_query";
        assert_eq!(rows("analyst", texts).unwrap().len(), 0);
        let seen = format!("{:?}", rows("etl", texts).unwrap());
        assert!(seen.contains("copy t from 's3://b/x' iam_role ''"), "{seen}");
        let escaped = format!("{:?}", rows("rolegate", "select text from pg_catalog.stl_querytext").unwrap());
        assert!(escaped.contains("copy t\\\\nfrom") && !escaped.contains("role/RoleA"), "{escaped}");
        assert_eq!(rows("etl", "select * from stl_connection_log").unwrap_err().code, "42501");
        assert_eq!(rows("rolegate", "select * from sys_connection_log").unwrap().len(), 1);
    }
}
