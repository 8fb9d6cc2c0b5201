//! A stand-in for Amazon Redshift: what it alone does and PostgreSQL cannot. COPY, UNLOAD and CREATE EXTERNAL ... with IAM
//! roles, its parameters and its error texts; plain SQL runs on SQLite, and a folder plays S3.

pub mod catalog;
pub mod database;
mod files;
pub mod login;
pub mod record;
pub mod roles;
pub mod session;
pub mod startup;
pub mod statement;
pub mod storage;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use pgwire::tokio::process_socket;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::standin::catalog::System;
use crate::standin::login::Question;
use crate::standin::record::Record;
use crate::standin::roles::RoleTable;
use crate::standin::session::Handlers;
use crate::standin::startup::Authentication;
use crate::standin::storage::Storage;

/// What a stand-in is made of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Holds the database, and S3 buckets as folders under `s3/`.
    pub data: PathBuf,
    /// Users and their passwords.
    pub users: Vec<(String, String)>,
    /// How they prove who they are.
    pub authentication: Authentication,
    /// Where every statement that arrives is written, one JSON object a line.
    pub record: Option<PathBuf>,
    /// What AWS would allow.
    pub roles: RoleTable,
    /// What is stored at the start: users and the statements by which they stored it.
    pub stored: Vec<(String, String)>,
}

/// What all sessions share.
#[derive(Debug)]
pub struct Shared {
    /// What it is made of.
    pub settings: Settings,
    /// The folder that plays S3.
    pub storage: Storage,
    /// The record of statements.
    pub record: Record,
    /// The system views.
    pub system: System,
}

/// Serves until `shutdown` resolves. A database that an earlier run left is made anew; buckets are kept.
///
/// # Errors
/// The data folder cannot be written.
pub async fn serve(
    listener: TcpListener,
    settings: Settings,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let data = settings.data.clone();
    // Writing it takes a while, and others are at work on this thread.
    let created = tokio::task::spawn_blocking(move || database::create(&data)).await?;
    created.context("the stand-in's database")?;
    let storage = Storage::new(settings.data.join("s3"))?;
    let record = Record::open(settings.record.as_deref())?;
    let system = System::create(&settings.data, &settings.users)?;
    for (user, sql) in &settings.stored {
        let told = statement::read(sql).map_err(|failure| anyhow::anyhow!("{sql}: {}", failure.message))?;
        let changes: Vec<_> = told.into_iter().flat_map(|one| one.changes).collect();
        system.apply(&changes, user).with_context(|| sql.clone())?;
    }
    let shared = Arc::new(Shared { settings, storage, record, system });
    let mut sessions = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            accepted = listener.accept() => {
                let (socket, peer) = accepted?;
                let handlers = Handlers::new(&shared, peer)?;
                let shared = Arc::clone(&shared);
                sessions.spawn(async move {
                    if let Err(error) = session(socket, &shared.settings, handlers).await {
                        tracing::debug!("a session broke: {error:#}");
                    }
                });
            }
            Some(_ended) = sessions.join_next() => {}
        }
    }
}

async fn session(socket: TcpStream, settings: &Settings, handlers: Handlers) -> anyhow::Result<()> {
    let question = match settings.authentication {
        Authentication::Cleartext | Authentication::Md5 => return Ok(process_socket(socket, None, handlers).await?),
        Authentication::Digest => Question::digest(),
        Authentication::Idp => Question::Token,
    };
    login::serve(socket, question, &settings.users, handlers).await
}
