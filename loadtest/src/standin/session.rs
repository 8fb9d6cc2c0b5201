//! One session: statements in, rows, tags and errors out.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use async_trait::async_trait;
use futures::{Sink, SinkExt, stream};
use pgwire::api::auth::StartupHandler;
use pgwire::api::portal::{Format, Portal};
use pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use pgwire::api::results::{
    DataRowEncoder, DescribePortalResponse, DescribeStatementResponse, FieldInfo, QueryResponse, Response, Tag,
};
use pgwire::api::stmt::{QueryParser, StoredStatement};
use pgwire::api::{
    ClientInfo, ClientPortalStore, METADATA_APPLICATION_NAME, METADATA_DATABASE, METADATA_USER, PgWireServerHandlers,
    Type,
};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::{NoticeResponse, TransactionStatus};
use rusqlite::types::Value;
use tokio::sync::Mutex;

use crate::standin::Shared;
use crate::standin::catalog::changes::Change;
use crate::standin::catalog::{QueryRow, SessionRow};
use crate::standin::database::{Database, Failure, Outcome, to_text};
use crate::standin::startup::Startup;
use crate::standin::statement::{Authorization, Statement, Told, read};

impl From<Failure> for PgWireError {
    fn from(failure: Failure) -> Self {
        Self::UserError(Box::new(error_info(failure)))
    }
}

fn error_info(failure: Failure) -> ErrorInfo {
    ErrorInfo::new("ERROR".to_owned(), failure.code.to_owned(), failure.message)
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure { code: "XX000", message: error.to_string() }
}

/// The handlers of one connection.
#[derive(Debug)]
pub struct Handlers {
    session: Arc<Session>,
    startup: Arc<Startup>,
}

impl Handlers {
    /// Handlers with a database connection of their own.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub fn new(shared: &Arc<Shared>, peer: SocketAddr) -> anyhow::Result<Self> {
        let database = Arc::new(Mutex::new(Database::open(&shared.settings.data)?));
        let parser = Arc::new(Parser { shared: Arc::clone(shared), database: Arc::clone(&database) });
        let session = Arc::new(Session {
            shared: Arc::clone(shared),
            database,
            parser,
            peer,
            row: OnceLock::new(),
            began: Instant::now(),
            transaction: AtomicI64::new(0),
            pending: Mutex::default(),
        });
        Ok(Self { session, startup: Arc::new(Startup::new(&shared.settings)) })
    }
}

impl PgWireServerHandlers for Handlers {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        Arc::clone(&self.session)
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        Arc::clone(&self.session)
    }

    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        Arc::clone(&self.startup)
    }
}

/// Runs statements.
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
    database: Arc<Mutex<Database>>,
    parser: Arc<Parser>,
    peer: SocketAddr,
    /// Who it is, once a statement has come.
    row: OnceLock<SessionRow>,
    began: Instant,
    /// The number of the transaction that is open, or of the last.
    transaction: AtomicI64,
    /// What the open transaction changes in the catalogue.
    pending: Mutex<Vec<Change>>,
}

/// Numbers of transactions.
static TRANSACTIONS: AtomicI64 = AtomicI64::new(1_000);

impl Drop for Session {
    fn drop(&mut self) {
        let lasted = i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX);
        if let Some(row) = self.row.get()
            && let Err(error) = self.shared.system.happened(row, "disconnecting session", lasted)
        {
            tracing::debug!("the end of a session is not in the log: {error}");
        }
    }
}

/// A statement that was parsed, and who sent it.
#[derive(Clone, Debug)]
pub struct Parsed {
    told: Told,
    parameters: usize,
}

fn user(client: &impl ClientInfo) -> String {
    client.metadata().get(METADATA_USER).cloned().unwrap_or_default()
}

/// What a statement came to: rows, a tag, or the beginning or end of a transaction; and what the client is told beside it.
struct Done {
    outcome: Outcome,
    tag: Tag,
    transaction: Option<TransactionStatus>,
    notice: Option<String>,
}

impl Done {
    fn tag(tag: &str) -> Self {
        Self { outcome: Outcome::default(), tag: Tag::new(tag), transaction: None, notice: None }
    }
}

impl Session {
    /// Who the session is; the log tells of it when its first statement comes.
    async fn known(&self, client: &(impl ClientInfo + Sync)) -> PgWireResult<&SessionRow> {
        if let Some(row) = self.row.get() {
            return Ok(row);
        }
        let named = |key: &str| client.metadata().get(key).cloned().unwrap_or_default();
        let pid = client.pid_and_secret_key().0;
        let row = SessionRow {
            pid,
            peer: self.peer,
            user: user(client),
            database: named(METADATA_DATABASE),
            application: named(METADATA_APPLICATION_NAME),
            id: format!("{:016x}-{pid}", rand::random::<u64>()),
        };
        let database = self.database.lock().await;
        database.act_as(&row.user);
        database.set_pid(pid);
        for event in ["authenticated", "initiating session"] {
            self.shared.system.happened(&row, event, 0).map_err(failed)?;
        }
        Ok(self.row.get_or_init(|| row))
    }

    /// Runs a statement, and writes down that it ran and what it stored.
    async fn run(
        &self,
        told: &Told,
        values: &[Value],
        client: &(impl ClientInfo + Sync),
        status: TransactionStatus,
    ) -> PgWireResult<Result<Done, Failure>> {
        let row = self.known(client).await?;
        if status == TransactionStatus::Idle {
            self.transaction.store(TRANSACTIONS.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        }
        let began = jiff::Timestamp::now();
        let mut done = self.carry_out(&told.statement, values, &row.user, status).await;
        if done.is_ok()
            && let Err(failure) = self.store(told, &row.user, status, done.as_ref().ok()).await
        {
            done = Err(failure);
        }
        let error = done.as_ref().err().map(|failure| failure.message.as_str());
        let transaction = self.transaction.load(Ordering::Relaxed);
        self.shared.system.ran(row, &QueryRow { text: &told.text, transaction, began, error }).map_err(failed)?;
        Ok(done)
    }

    /// Changes the catalogue: at once, or when the open transaction commits.
    async fn store(
        &self,
        told: &Told,
        user: &str,
        status: TransactionStatus,
        done: Option<&Done>,
    ) -> Result<(), Failure> {
        let mut pending = self.pending.lock().await;
        pending.extend(told.changes.iter().cloned());
        let ends = done.and_then(|done| done.transaction) == Some(TransactionStatus::Idle);
        if ends && matches!(told.statement, Statement::Rollback) || status == TransactionStatus::Error {
            pending.clear();
        }
        if status != TransactionStatus::Idle && !ends || pending.is_empty() {
            return Ok(());
        }
        let changes = std::mem::take(&mut *pending);
        self.shared.system.apply(&changes, user)?;
        Ok(self.database.lock().await.forget_views()?)
    }

    /// Refuses a chain in Redshift's words, as it would at run time.
    fn authorize(&self, authorization: &Authorization, user: &str) -> Result<(), Failure> {
        match authorization {
            Authorization::Chain(literal) if !self.shared.settings.roles.allows(literal, user) => Err(failed(format!(
                "User arn:aws:redshift:us-east-1:123456789012:dbuser:demo/{user} is not authorized to assume IAM Role {literal}"
            ))),
            _ => Ok(()),
        }
    }

    async fn carry_out(
        &self,
        statement: &Statement,
        values: &[Value],
        user: &str,
        status: TransactionStatus,
    ) -> Result<Done, Failure> {
        let database = self.database.lock().await;
        let ends = matches!(statement, Statement::Rollback | Statement::Commit);
        if status == TransactionStatus::Error && !ends {
            let message = "current transaction is aborted, commands ignored until end of transaction block".to_owned();
            return Err(Failure { code: "25P02", message });
        }
        let transaction = |to, done: Done| Done { transaction: Some(to), ..done };
        Ok(match statement {
            Statement::Begin => {
                if status == TransactionStatus::Idle {
                    database.run("begin", &[])?;
                }
                transaction(TransactionStatus::Transaction, Done::tag("BEGIN"))
            }
            Statement::Commit if status == TransactionStatus::Transaction => {
                database.run("commit", &[])?;
                transaction(TransactionStatus::Idle, Done::tag("COMMIT"))
            }
            Statement::Commit if status == TransactionStatus::Idle => {
                transaction(TransactionStatus::Idle, Done::tag("COMMIT"))
            }
            Statement::Commit | Statement::Rollback => {
                if status != TransactionStatus::Idle {
                    database.run("rollback", &[])?;
                }
                transaction(TransactionStatus::Idle, Done::tag("ROLLBACK"))
            }
            Statement::Accepted { tag, authorizations } => {
                for authorization in authorizations {
                    self.authorize(authorization, user)?;
                }
                Done::tag(tag)
            }
            Statement::ShowModel { schema, name } => {
                Done { outcome: database.show_model(schema, name)?, ..Done::tag("SHOW") }
            }
            Statement::Show { name } => {
                let value = if name == "server_version" { "8.0.2" } else { "unset" };
                let row = vec![Value::Text(value.to_owned())];
                Done {
                    outcome: Outcome { columns: vec![(name.clone(), false)], rows: vec![row], changed: 0 },
                    ..Done::tag("SHOW")
                }
            }
            Statement::Unload { query, to, parallel, authorization } => {
                self.authorize(authorization, user)?;
                let rows = database.run(query, &[])?.rows;
                let lines: Vec<String> =
                    rows.iter().map(|row| row.iter().map(to_text).collect::<Vec<_>>().join("|")).collect();
                self.shared.storage.write(to, &lines, *parallel).map_err(failed)?;
                let notice = Some(format!("UNLOAD completed, {} record(s) unloaded successfully.", lines.len()));
                Done { notice, ..Done::tag("UNLOAD") }
            }
            Statement::Copy { table, columns, from, delimiter, authorization } => {
                self.authorize(authorization, user)?;
                let lines = self.shared.storage.read(from).map_err(failed)?;
                for line in &lines {
                    let fields: Vec<Value> =
                        line.split(delimiter.as_str()).map(|field| Value::Text(field.to_owned())).collect();
                    let marks = vec!["?"; fields.len()].join(", ");
                    database.run(&format!("insert into {table} {columns} values ({marks})"), &fields)?;
                }
                let notice = Some(format!(
                    "Load into table '{table}' completed, {} record(s) loaded successfully.",
                    lines.len()
                ));
                Done { notice, ..Done::tag("COPY") }
            }
            Statement::Sql { text, tag } => {
                let outcome = database.run(text, values)?;
                let tag = match tag.as_str() {
                    "INSERT" => Tag::new("INSERT").with_oid(0).with_rows(outcome.changed),
                    "UPDATE" | "DELETE" => Tag::new(tag).with_rows(outcome.changed),
                    other => Tag::new(other),
                };
                Done { outcome, tag, transaction: None, notice: None }
            }
        })
    }

    /// What a statement would give. A SELECT is run for it, since SQLite knows the types of values only.
    async fn describe(&self, parsed: &Parsed) -> Result<Outcome, Failure> {
        match &parsed.told.statement {
            Statement::ShowModel { schema, name } => self.database.lock().await.show_model(schema, name),
            Statement::Sql { text, tag } if matches!(tag.as_str(), "SELECT" | "WITH") => {
                self.database.lock().await.run(text, &vec![Value::Null; parsed.parameters])
            }
            Statement::Show { name } => Ok(Outcome { columns: vec![(name.clone(), false)], ..Outcome::default() }),
            _ => Ok(Outcome::default()),
        }
    }
}

async fn notify<C>(client: &mut C, notice: Option<String>) -> PgWireResult<()>
where
    C: Sink<PgWireBackendMessage> + Unpin + Send,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    if let Some(message) = notice {
        let info = ErrorInfo::new("INFO".to_owned(), "00000".to_owned(), message);
        client.feed(PgWireBackendMessage::NoticeResponse(NoticeResponse::from(info))).await?;
    }
    Ok(())
}

fn fields(outcome: &Outcome, format: &Format) -> Vec<FieldInfo> {
    let first = outcome.rows.first();
    let columns = outcome.columns.iter().enumerate();
    let field = |(place, (name, is_whole)): (usize, &(String, bool))| {
        let value = first.and_then(|row| row.get(place));
        let kind = match (is_whole, value) {
            (true, _) | (_, Some(Value::Integer(_))) => Type::INT8,
            (_, Some(Value::Real(_))) => Type::FLOAT8,
            _ => Type::VARCHAR,
        };
        FieldInfo::new(name.clone(), None, None, kind, format.format_for(place))
    };
    columns.map(field).collect()
}

fn response(done: Done, format: &Format) -> PgWireResult<Response> {
    if done.outcome.columns.is_empty() {
        return Ok(match done.transaction {
            Some(TransactionStatus::Idle) => Response::TransactionEnd(done.tag),
            Some(_) => Response::TransactionStart(done.tag),
            None => Response::Execution(done.tag),
        });
    }
    let schema = Arc::new(fields(&done.outcome, format));
    let mut encoder = DataRowEncoder::new(Arc::clone(&schema));
    let mut rows = Vec::with_capacity(done.outcome.rows.len());
    for row in &done.outcome.rows {
        for (value, field) in row.iter().zip(schema.iter()) {
            match (field.datatype(), value) {
                (_, Value::Null) => encoder.encode_field(&None::<String>)?,
                (&Type::INT8, Value::Integer(number)) => encoder.encode_field(number)?,
                (&Type::FLOAT8, Value::Real(number)) => encoder.encode_field(number)?,
                (&Type::INT8, other) => encoder.encode_field(&to_text(other).parse::<i64>().ok())?,
                (&Type::FLOAT8, other) => encoder.encode_field(&to_text(other).parse::<f64>().ok())?,
                (_, other) => encoder.encode_field(&to_text(other))?,
            }
        }
        rows.push(Ok(encoder.take_row()));
    }
    Ok(Response::Query(QueryResponse::new(schema, stream::iter(rows))))
}

#[async_trait]
impl SimpleQueryHandler for Session {
    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        self.shared.record.write(&user(client), query).map_err(failed)?;
        let mut status = client.transaction_status();
        let mut responses = Vec::new();
        for told in read(query)? {
            match self.run(&told, &[], client, status).await? {
                Ok(mut done) => {
                    status = done.transaction.unwrap_or(status);
                    notify(client, done.notice.take()).await?;
                    responses.push(response(done, &Format::UnifiedText)?);
                }
                Err(failure) => {
                    responses.push(Response::Error(Box::new(error_info(failure))));
                    break;
                }
            }
        }
        if responses.is_empty() {
            responses.push(Response::EmptyQuery);
        }
        Ok(responses)
    }
}

/// Parses statements for the extended protocol.
#[derive(Debug)]
pub struct Parser {
    shared: Arc<Shared>,
    database: Arc<Mutex<Database>>,
}

#[async_trait]
impl QueryParser for Parser {
    type Statement = Parsed;

    async fn parse_sql<C>(&self, client: &C, sql: &str, _types: &[Option<Type>]) -> PgWireResult<Option<Parsed>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        self.shared.record.write(&user(client), sql).map_err(failed)?;
        let mut found = read(sql)?;
        if found.len() > 1 {
            let message = "cannot insert multiple commands into a prepared statement".to_owned();
            return Err(Failure { code: "42601", message }.into());
        }
        let Some(told) = found.pop() else { return Ok(None) };
        let parameters = match &told.statement {
            Statement::Sql { text, .. } => self.database.lock().await.parameters(text)?,
            _ => 0,
        };
        Ok(Some(Parsed { told, parameters }))
    }

    fn get_parameter_types(&self, parsed: &Parsed) -> PgWireResult<Vec<Type>> {
        Ok(vec![Type::VARCHAR; parsed.parameters])
    }

    fn get_result_schema(&self, _parsed: &Parsed, _format: Option<&Format>) -> PgWireResult<Vec<FieldInfo>> {
        Ok(Vec::new())
    }
}

/// The values of a portal.
fn values(portal: &Portal<Parsed>) -> PgWireResult<Vec<Value>> {
    let value = |place: usize| {
        let kind = portal.statement.parameter_types.get(place).cloned().flatten().unwrap_or(Type::VARCHAR);
        Ok(match kind {
            Type::INT2 => portal.parameter::<i16>(place, &kind)?.map(|number| Value::Integer(number.into())),
            Type::INT4 => portal.parameter::<i32>(place, &kind)?.map(|number| Value::Integer(number.into())),
            Type::INT8 => portal.parameter::<i64>(place, &kind)?.map(Value::Integer),
            Type::FLOAT4 => portal.parameter::<f32>(place, &kind)?.map(|number| Value::Real(number.into())),
            Type::FLOAT8 => portal.parameter::<f64>(place, &kind)?.map(Value::Real),
            Type::BOOL => portal.parameter::<bool>(place, &kind)?.map(|flag| Value::Integer(flag.into())),
            _ => portal.parameter::<String>(place, &Type::VARCHAR)?.map(Value::Text),
        }
        .unwrap_or(Value::Null))
    };
    (0..portal.parameter_len()).map(value).collect()
}

#[async_trait]
impl ExtendedQueryHandler for Session {
    type Statement = Parsed;
    type QueryParser = Parser;

    fn query_parser(&self) -> Arc<Parser> {
        Arc::clone(&self.parser)
    }

    async fn do_query<C>(&self, client: &mut C, portal: &Portal<Parsed>, _max_rows: usize) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let values = values(portal)?;
        let status = client.transaction_status();
        let mut done = self.run(&portal.statement.statement.told, &values, client, status).await??;
        notify(client, done.notice.take()).await?;
        response(done, &portal.result_column_format)
    }

    async fn do_describe_statement<C>(
        &self,
        _client: &mut C,
        stored: &StoredStatement<Parsed>,
    ) -> PgWireResult<DescribeStatementResponse>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let given = |place: usize| stored.parameter_types.get(place).cloned().flatten().unwrap_or(Type::VARCHAR);
        let types = (0..stored.statement.parameters).map(given).collect();
        let outcome = self.describe(&stored.statement).await?;
        Ok(DescribeStatementResponse::new(types, fields(&outcome, &Format::UnifiedText)))
    }

    async fn do_describe_portal<C>(
        &self,
        _client: &mut C,
        portal: &Portal<Parsed>,
    ) -> PgWireResult<DescribePortalResponse>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let outcome = self.describe(&portal.statement.statement).await?;
        Ok(DescribePortalResponse::new(fields(&outcome, &portal.result_column_format)))
    }
}
