//! Plain SQL on SQLite, with the guide's sample table.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode};

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
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path(data).into_os_string();
        file.push(suffix);
        match fs::remove_file(PathBuf::from(file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
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
        let message = match &error {
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
        connection.create_scalar_function("pg_backend_pid", 0, flags, |_| Ok(30_037))?;
        // Redshift's form of a timestamp, and the one pattern that renders it so.
        connection.create_scalar_function("getdate", 0, flags, |_| Ok(now()))?;
        connection.create_scalar_function("to_char", 2, flags, |context| context.get::<String>(0))?;
        Ok(Self { connection })
    }

    /// How many parameters a statement has.
    ///
    /// # Errors
    /// It is no SQL.
    pub fn parameters(&self, sql: &str) -> Result<usize, Failure> {
        let statement = self.connection.prepare(sql)?;
        let numbers =
            (1..=statement.parameter_count()).filter_map(|place| parameter_number(statement.parameter_name(place)));
        Ok(numbers.max().unwrap_or(0))
    }

    /// Runs one statement with the values of `$1`, `$2`, ...
    ///
    /// # Errors
    /// SQLite's, in Redshift's codes.
    pub fn run(&self, sql: &str, values: &[Value]) -> Result<Outcome, Failure> {
        let mut statement = self.connection.prepare(sql)?;
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
