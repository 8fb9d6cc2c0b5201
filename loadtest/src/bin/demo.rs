//! `make demo`: gate, stand-in and sample policy in one process.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Parser;
use rolegate::config::Config;
use rolegate::observe::logging;
use rolegate::serve::signals::StopSignals;
use rolegate_loadtest::demo::{self, Addresses, company};
use rolegate_loadtest::standin::roles::RoleTable;
use rolegate_loadtest::standin::startup::Authentication;
use rolegate_loadtest::standin::{self, Settings};
use tokio::sync::oneshot;

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
    /// Leave the gate to you alone: the cluster stores nothing, and no small company works at it
    #[arg(long)]
    idle: bool,
}

fn main() -> ExitCode {
    match demo(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // When stderr is closed there is nobody left to tell.
            match writeln!(std::io::stderr(), "demo: {error:#}") {
                Ok(()) | Err(_) => ExitCode::FAILURE,
            }
        }
    }
}

fn demo(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { gate, standin, admin, record, idle } = arguments;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let stop = runtime.block_on(async { StopSignals::listen() })?;
    for (option, address) in [("gate", gate), ("standin", standin), ("admin", admin)] {
        free(option, address)?;
    }
    let addresses = Addresses { gate, standin, admin };
    let folder = std::env::var_os("ROLEGATE_DEMO_DIR").map_or_else(|| demo::folder(gate), PathBuf::from);
    let _taken = demo::take(&folder)?;
    let config = Config::load(&demo::prepare(&folder, addresses)?)?;
    logging::init(&config.log.level, config.log.format).map_err(|error| anyhow!("{error}"))?;

    let listener = runtime.block_on(tokio::net::TcpListener::bind(standin)).with_context(|| standin.to_string())?;
    let (drained, is_drained) = oneshot::channel::<()>();
    let settings = Settings {
        data: folder.clone(),
        users: demo::users(),
        authentication: Authentication::Cleartext,
        record,
        roles: RoleTable::demo(),
        stored: if idle { Vec::new() } else { demo::stored() },
    };
    // The stand-in goes last: sessions end with what they run.
    let standin_task = runtime.spawn(standin::serve(listener, settings, async {
        // An error means that nobody is left who could ask.
        let _asked = is_drained.await.is_ok();
    }));
    let text = demo::guide(&folder, addresses);
    let (ready, is_ready) = oneshot::channel::<()>();
    thread::spawn(move || greet(admin, &text, ready));
    let company = runtime.spawn(async move {
        if is_ready.await.is_ok() && !idle {
            company::work(addresses).await;
        }
    });
    let served = rolegate::serve::run(&config, stop.asked());
    company.abort();
    served?;
    drop(drained);
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

/// Says what to try as soon as the gate takes connections. It is asked at its admin address: each connection to the gate has a number.
fn greet(admin: SocketAddr, text: &str, ready: oneshot::Sender<()>) {
    while !demo::is_ready(admin).unwrap_or(false) {
        thread::sleep(Duration::from_millis(50));
    }
    if std::io::stdout().lock().write_all(text.as_bytes()).is_err() {
        tracing::debug!("nobody reads what the demo says");
    }
    // An error means that the demo has ended already.
    let _told = ready.send(()).is_ok();
}
