//! `make demo`: gate, stand-in and sample policy in one process.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;

use anyhow::{Context as _, anyhow};
use clap::Parser;
use rolegate::config::Config;
use rolegate::observe::logging;
use rolegate_loadtest::demo::{self, Addresses};
use rolegate_loadtest::standin::roles::RoleTable;
use rolegate_loadtest::standin::startup::Authentication;
use rolegate_loadtest::standin::{self, Settings};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// A rolegate with a Redshift stand-in behind it and a sample policy
#[derive(Debug, Parser)]
#[command(after_help = "Example: ROLEGATE_DEMO_DIR=/tmp/demo demo --gate 127.0.0.1:6439")]
struct Arguments {
    /// Where SQL clients connect
    #[arg(long, default_value = "127.0.0.1:5439")]
    gate: SocketAddr,
    /// Where the stand-in listens
    #[arg(long, default_value = "127.0.0.1:5440")]
    standin: SocketAddr,
    /// Where metrics and console are
    #[arg(long, default_value = "127.0.0.1:9439")]
    admin: SocketAddr,
    /// Write every statement that the stand-in receives to this file, one JSON object a line
    #[arg(long)]
    record: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let Arguments { gate, standin, admin, record } = Arguments::parse();
    for (option, address) in [("gate", gate), ("standin", standin), ("admin", admin)] {
        free(option, address)?;
    }
    let addresses = Addresses { gate, standin, admin };
    let folder = std::env::var_os("ROLEGATE_DEMO_DIR").map_or_else(|| PathBuf::from("target/demo"), PathBuf::from);
    let config = Config::load(&demo::prepare(&folder, addresses)?)?;
    logging::init(&config.log.level, config.log.format).map_err(|error| anyhow!("{error}"))?;

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let listener = runtime.block_on(tokio::net::TcpListener::bind(standin)).with_context(|| standin.to_string())?;
    let (stop, stopped) = watch::channel(false);
    let settings = Settings {
        data: folder.clone(),
        users: demo::users(),
        authentication: Authentication::Cleartext,
        record,
        roles: RoleTable::demo(),
    };
    let standin_task = runtime.spawn(standin::serve(listener, settings, until(stopped.clone())));
    runtime.spawn(async move {
        interrupted().await;
        stop.send_replace(true);
    });
    let text = demo::guide(&folder, addresses);
    thread::spawn(move || greet(gate, &text));
    rolegate::serve::run(&config, until(stopped))?;
    runtime.block_on(standin_task)?
}

/// Whether an address can be listened on, before anything is started.
fn free(option: &str, address: SocketAddr) -> anyhow::Result<()> {
    std::net::TcpListener::bind(address).map(|_socket| ()).with_context(|| {
        let variable = option.to_uppercase();
        format!(
            "cannot listen on {address}; is another demo running? Choose another port: make demo {variable}=127.0.0.1:{}, or demo --{option}",
            address.port().wrapping_add(1000)
        )
    })
}

/// Resolves at Ctrl-C or SIGTERM.
async fn interrupted() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Resolves when the demo is to stop.
async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that nobody is left who could ask.
    let _asked = stopped.wait_for(|stopped| *stopped).await.is_ok();
}

/// Says what to try as soon as the gate takes connections.
fn greet(gate: SocketAddr, text: &str) {
    let pause = std::time::Duration::from_millis(50);
    while std::net::TcpStream::connect_timeout(&gate, pause.saturating_mul(20)).is_err() {
        thread::sleep(pause);
    }
    if std::io::stdout().lock().write_all(text.as_bytes()).is_err() {
        tracing::debug!("nobody reads what the demo says");
    }
}
