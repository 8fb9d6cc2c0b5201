//! Plain SQL on SQLite, with the guide's sample table.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, Statement};

use crate::standin::{catalog, files};

/// What `version()` answers.
const VERSION: &str = "PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 \
                       (Red Hat 3.4.2-6.fc3), Redshift 1.0.0";

/// Venues: name, city, state, seats. A few rows of the guide's TICKIT sample.
const VENUES: [(&str, &str, &str, u32); 20] = [
    ("Toyota Park", "Bridgeview", "IL", 0),
    ("Columbus Crew Stadium", "Columbus", "OH", 0),
    ("RFK Stadium", "Washington", "DC", 0),
    ("CommunityAmerica Ballpark", "Kansas City", "KS", 0),
    ("Gillette Stadium", "Foxborough", "MA", 68_756),
    ("New York Giants Stadium", "East Rutherford", "NJ", 80_242),
    ("BMO Field", "Toronto", "ON", 0),
    ("The Home Depot Center", "Carson", "CA", 0),
    ("Dick's Sporting Goods Park", "Commerce City", "CO", 0),
    ("Pizza Hut Park", "Frisco", "TX", 0),
    ("Robertson Stadium", "Houston", "TX", 0),
    ("Rice-Eccles Stadium", "Salt Lake City", "UT", 0),
    ("Buck Shaw Stadium", "Santa Clara", "CA", 0),
    ("McAfee Coliseum", "Oakland", "CA", 63_026),
    ("TD Banknorth Garden", "Boston", "MA", 0),
    ("Izod Center", "East Rutherford", "NJ", 0),
    ("Madison Square Garden", "New York City", "NY", 20_000),
    ("Wachovia Center", "Philadelphia", "PA", 0),
    ("Air Canada Centre", "Toronto", "ON", 0),
    ("United Center", "Chicago", "IL", 0),
];

fn path(data: &Path) -> PathBuf {
    data.join("standin.sqlite")
}

/// Makes the database anew.
///
/// # Errors
/// The folder cannot be written.
pub fn create(data: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(data).with_context(|| data.display().to_string())?;
    files::remove(&path(data))?;
    let connection = Connection::open(path(data))?;
    connection.execute_batch(
        "pragma journal_mode = wal;
         create table venue (venueid integer, venuename varchar(100), venuecity varchar(30), venuestate char(2), venueseats integer);",
    )?;
    for (number, (name, city, state, seats)) in (1_u32..).zip(VENUES) {
        connection.execute("insert into venue values (?, ?, ?, ?, ?)", (number, name, city, state, seats))?;
    }
    Ok(())
}

/// What a statement gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Names of the columns, and whether each is declared as a whole number; none when the statement gives no rows.
    pub columns: Vec<(String, bool)>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
    /// Rows changed.
    pub changed: usize,
}

/// An error with the SQLSTATE that Redshift would use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// The SQLSTATE.
    pub code: &'static str,
    /// The message.
    pub message: String,
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::from_ref(&error)
    }
}

impl Failure {
    fn from_ref(error: &rusqlite::Error) -> Self {
        let message = match error {
            rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
            rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
            other => other.to_string(),
        };
        let code = match (error.sqlite_error_code(), message.as_str()) {
            (_, text) if text.starts_with("no such table") => "42P01",
            (_, text) if text.starts_with("no such column") => "42703",
            (_, text) if text.starts_with("no such function") => "42883",
            (_, text) if text.contains("already exists") => "42P07",
            (Some(ErrorCode::ConstraintViolation), _) => "23505",
            (_, text) if text.contains("syntax error") => "42601",
            _ => "XX000",
        };
        Self { code, message }
    }
}

/// A session's own connection.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
    who: Arc<Who>,
}

/// Whose session it is, for the functions that its system views ask.
#[derive(Debug, Default)]
struct Who {
    user: AtomicI64,
    is_super: AtomicBool,
    pid: AtomicI64,
}

/// Views that superusers alone may read. Source: "Visibility of data in system tables and views", Amazon Redshift Database Developer
/// Guide.
const SUPERUSERS_ALONE: [&str; 4] =
    ["stl_connection_log", "sys_connection_log", "svv_identity_providers", "pg_catalog.assumerole_row"];

/// The table that every external schema holds.
const EXTERNAL_TABLE: &str = "(saleid integer, venueid integer, pricepaid real)";

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether what is missing may be of the catalogue: a view, a table of an external schema, a function.
fn may_be_stored(error: &rusqlite::Error) -> bool {
    let message = Failure::from_ref(error).message;
    ["no such table", "no such function", "unknown database"].iter().any(|start| message.starts_with(start))
}

/// The time in UTC, in whole seconds, as `getdate()` gives it.
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

impl Database {
    /// Opens the database of a data folder.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(data: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(path(data))?;
        connection.busy_timeout(Duration::from_secs(10))?;
        let flags = FunctionFlags::SQLITE_UTF8;
        connection.create_scalar_function("version", 0, flags, |_| Ok(VERSION))?;
        connection.create_scalar_function("current_database", 0, flags, |_| Ok("dev"))?;
        connection.create_scalar_function("current_schema", 0, flags, |_| Ok("public"))?;
        let who = Arc::new(Who::default());
        let asked = Arc::clone(&who);
        connection
            .create_scalar_function("pg_backend_pid", 0, flags, move |_| Ok(asked.pid.load(Ordering::Relaxed)))?;
        let asked = Arc::clone(&who);
        connection.create_scalar_function("standin_user", 0, flags, move |_| Ok(asked.user.load(Ordering::Relaxed)))?;
        for name in ["standin_super", "standin_logs"] {
            let asked = Arc::clone(&who);
            connection.create_scalar_function(name, 0, flags, move |_| Ok(asked.is_super.load(Ordering::Relaxed)))?;
        }
        let system = catalog::path(data);
        if system.exists() {
            connection.execute("attach ?1 as pg_catalog", [system.to_string_lossy()])?;
        }
        // Redshift's form of a timestamp, and the one pattern that renders it so.
        connection.create_scalar_function("getdate", 0, flags, |_| Ok(now()))?;
        connection.create_scalar_function("to_char", 2, flags, |context| context.get::<String>(0))?;
        Ok(Self { connection, who })
    }

    /// Whose session it is.
    pub fn act_as(&self, user: &str) {
        let row = self.connection.query_row(
            "select usesysid, usesuper from pg_catalog.user_row where usename = ?1",
            [user],
            |row| Ok((row.get(0)?, row.get(1)?)),
        );
        let (id, is_super) = row.unwrap_or((0, false));
        self.who.user.store(id, Ordering::Relaxed);
        self.who.is_super.store(is_super, Ordering::Relaxed);
    }

    /// The process that `pg_backend_pid()` names.
    pub fn set_pid(&self, pid: i32) {
        self.who.pid.store(pid.into(), Ordering::Relaxed);
    }

    fn check_rights(&self, sql: &str) -> Result<(), Failure> {
        if self.who.is_super.load(Ordering::Relaxed) {
            return Ok(());
        }
        let text = sql.to_ascii_lowercase();
        match SUPERUSERS_ALONE.iter().find(|name| text.contains(*name)) {
            Some(name) => Err(Failure { code: "42501", message: format!("permission denied for relation {name}") }),
            None => Ok(()),
        }
    }

    fn prepare(&self, sql: &str) -> Result<Statement<'_>, Failure> {
        self.check_rights(sql)?;
        match self.connection.prepare(sql) {
            Err(error) if may_be_stored(&error) => {
                self.take_from_the_catalog()?;
                Ok(self.connection.prepare(sql)?)
            }
            prepared => Ok(prepared?),
        }
    }

    fn column(&self, sql: &str) -> rusqlite::Result<Vec<(String, String)>> {
        let mut statement = self.connection.prepare(sql)?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    }

    /// Makes what the catalogue holds usable in this session: external schemas with a table each, functions, views.
    fn take_from_the_catalog(&self) -> rusqlite::Result<()> {
        let attached = self.column("select name, file from pragma_database_list")?;
        for (schema, _) in self.column("select nspname, '' from pg_catalog.schema_row where eskind is not null")? {
            if attached.iter().any(|(known, _)| *known == schema) {
                continue;
            }
            let name = quoted(&schema);
            self.connection.execute_batch(&format!(
                "attach ':memory:' as {name}; create table {name}.sales {EXTERNAL_TABLE};
                 insert into {name}.sales values (1, 5, 728.0), (2, 6, 76.0), (3, 14, 350.0), (4, 17, 175.0);"
            ))?;
        }
        for (name, _) in self.column("select proname, prosrc from pg_catalog.proc_row where prokind = 'f'")? {
            self.connection.create_scalar_function(name.as_str(), -1, FunctionFlags::SQLITE_UTF8, |context| {
                Ok(if context.is_empty() { Value::Null } else { context.get::<Value>(0)? })
            })?;
        }
        // A view may name another that comes later: none is looked into before it is used.
        for (view, query) in self.column("select viewname, query from pg_catalog.view_row")? {
            let name = quoted(&view);
            self.connection.execute_batch(&format!(
                "drop view if exists temp.{name}; create temp view {name} as {};",
                query.replace("public.", "")
            ))?;
        }
        Ok(())
    }

    /// What the catalogue says of views may have changed: they are made anew when one is named.
    ///
    /// # Errors
    /// A transaction holds them.
    pub fn forget_views(&self) -> rusqlite::Result<()> {
        for (view, _) in self.column("select name, '' from temp.sqlite_master where type = 'view'")? {
            self.connection.execute_batch(&format!("drop view if exists temp.{}", quoted(&view)))?;
        }
        Ok(())
    }

    /// What SHOW MODEL tells: keys and values, the role to the owner alone. `ALL` lists the models.
    ///
    /// # Errors
    /// There is no such model.
    pub fn show_model(&self, schema: &str, name: &str) -> Result<Outcome, Failure> {
        let text = |text: &str| Value::Text(text.to_owned());
        if name == "all" {
            let found = self.column("select schema_name, model_name from pg_catalog.model_row")?;
            let rows = found.iter().map(|(schema, name)| vec![text(schema), text(name)]).collect();
            let columns = ["Schema Name", "Model Name"].map(|name| (name.to_owned(), false)).to_vec();
            return Ok(Outcome { columns, rows, changed: 0 });
        }
        let row = self.connection.query_row(
            "select m.owner, m.function_name, m.iam_role, u.usename from pg_catalog.model_row m
             join pg_catalog.user_row u on u.usesysid = m.owner where schema_name = ?1 and model_name = ?2",
            [schema, name],
            |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, String>(2)?,
                    row.get::<_, String>(3)?,
                ))
            },
        );
        let Ok((owner, function, role, user)) = row else {
            return Err(Failure { code: "42704", message: format!("Model \"{name}\" does not exist") });
        };
        let mut rows = vec![
            vec![text("Model Name"), text(name)],
            vec![text("Schema Name"), text(schema)],
            vec![text("Owner"), text(&user)],
            vec![text("Model State"), text("READY")],
            vec![text("Function Name"), text(&function)],
        ];
        if owner == self.who.user.load(Ordering::Relaxed) {
            rows.push(vec![text("IAM Role"), text(&format!("'{role}'"))]);
        }
        let columns = ["Key", "Value"].map(|name| (name.to_owned(), false)).to_vec();
        Ok(Outcome { columns, rows, changed: 0 })
    }

    /// How many parameters a statement has.
    ///
    /// # Errors
    /// It is no SQL.
    pub fn parameters(&self, sql: &str) -> Result<usize, Failure> {
        let statement = self.prepare(sql)?;
        let numbers =
            (1..=statement.parameter_count()).filter_map(|place| parameter_number(statement.parameter_name(place)));
        Ok(numbers.max().unwrap_or(0))
    }

    /// Runs one statement with the values of `$1`, `$2`, ...
    ///
    /// # Errors
    /// SQLite's, in Redshift's codes.
    pub fn run(&self, sql: &str, values: &[Value]) -> Result<Outcome, Failure> {
        let mut statement = self.prepare(sql)?;
        for place in 1..=statement.parameter_count() {
            let number = parameter_number(statement.parameter_name(place)).unwrap_or(place);
            let value = number.checked_sub(1).and_then(|index| values.get(index)).cloned().unwrap_or(Value::Null);
            statement.raw_bind_parameter(place, value)?;
        }
        let is_whole = |declared: Option<&str>| declared.is_some_and(|name| name.to_ascii_lowercase().contains("int"));
        let columns: Vec<_> =
            statement.columns().iter().map(|column| (column.name().to_owned(), is_whole(column.decl_type()))).collect();
        if columns.is_empty() {
            let changed = statement.raw_execute()?;
            return Ok(Outcome { changed, ..Outcome::default() });
        }
        let mut rows = Vec::new();
        let mut cursor = statement.raw_query();
        while let Some(row) = cursor.next()? {
            rows.push((0..columns.len()).map(|column| row.get(column)).collect::<Result<Vec<Value>, _>>()?);
        }
        Ok(Outcome { columns, rows, changed: 0 })
    }
}

fn parameter_number(name: Option<&str>) -> Option<usize> {
    name?.trim_start_matches(['$', '?']).parse().ok()
}

/// A value as UNLOAD writes it.
#[must_use]
pub fn to_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}
