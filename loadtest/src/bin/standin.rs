//! The Redshift stand-in alone.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use rolegate_loadtest::demo;
use rolegate_loadtest::standin::roles::RoleTable;
use rolegate_loadtest::standin::startup::Authentication;
use rolegate_loadtest::standin::{self, Settings};

/// A stand-in for Amazon Redshift: users etl and analyst, password demo or that of --password-file, database dev
#[derive(Debug, Parser)]
#[command(after_help = "Example: standin --listen 127.0.0.1:5440 --data target/standin --record received.jsonl")]
struct Arguments {
    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:5440")]
    listen: SocketAddr,
    /// Its folder: the database, and S3 buckets below s3/
    #[arg(long, default_value = "target/standin")]
    data: PathBuf,
    /// Write every statement that arrives to this file, one JSON object a line
    #[arg(long)]
    record: Option<PathBuf>,
    /// How users prove who they are
    #[arg(long, default_value = "cleartext")]
    authentication: Authentication,
    /// The users' password, or with idp their token, from this file's first line
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { listen, data, record, authentication, password_file } = Arguments::parse();
    let mut users = demo::users();
    if let Some(path) = password_file {
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let secret = text.lines().next().with_context(|| format!("{}: expected a password", path.display()))?;
        for (_user, password) in &mut users {
            secret.clone_into(password);
        }
    }
    let listener = tokio::net::TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let settings = Settings { data, users, authentication, record, roles: RoleTable::demo(), stored: Vec::new() };
    let stop = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    standin::serve(listener, settings, stop).await
}
