//! The load generator: every scenario file loads, and short runs against a stand-in behind a gate give true reports.
#![expect(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use rolegate::config::{Config, Period};
use rolegate_loadtest::demo::{self, Addresses};
use rolegate_loadtest::load::report::Report;
use rolegate_loadtest::load::scenario::Scenario;
use rolegate_loadtest::load::target::{Login, Target};
use rolegate_loadtest::load::{Plan, html, run};
use rolegate_loadtest::standin::roles::RoleTable;
use rolegate_loadtest::standin::startup::Authentication;
use rolegate_loadtest::standin::{self, Settings};

fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The demo on addresses of its own, until the test's process ends.
fn start_demo(folder: &Path) -> Addresses {
    let addresses = Addresses { gate: free_address(), standin: free_address(), admin: free_address() };
    let config = Config::load(&demo::prepare(folder, addresses).unwrap()).unwrap();
    let settings = Settings {
        data: folder.to_path_buf(),
        users: demo::users(),
        authentication: Authentication::Cleartext,
        record: None,
        roles: RoleTable::demo(),
        stored: Vec::new(),
    };
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind(addresses.standin).await.unwrap();
            standin::serve(listener, settings, std::future::pending()).await
        })
    });
    thread::spawn(move || rolegate::serve::run(&config, std::future::pending()));
    let began = Instant::now();
    while !demo::is_ready(addresses.admin).unwrap_or(false) {
        assert!(began.elapsed() < Duration::from_secs(30), "the demo does not start");
        thread::sleep(Duration::from_millis(20));
    }
    addresses
}

/// Runs a scenario for a moment.
fn short(path: &Path, address: SocketAddr, tls: bool) -> Report {
    let mut scenario = Scenario::load(path).unwrap();
    scenario.duration = Period::from_secs(1);
    scenario.warmup = Period::from_secs(0);
    scenario.sessions = scenario.sessions.min(20);
    let login = Login { user: "etl".to_owned(), database: "dev".to_owned(), password: Some("demo".to_owned()) };
    let target = Target::new(&address.to_string(), tls, &login, Duration::from_mins(1)).unwrap();
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let plan = Plan { name, scenario, target, pid: Some(std::process::id()), seed: 1 };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(run(&plan, &ProgressBar::hidden())).unwrap()
}

#[test]
fn every_scenario_file_loads() {
    let files = scenarios();
    assert!(files.len() >= 9, "{files:?}");
    for path in files {
        Scenario::load(&path).unwrap_or_else(|error| panic!("{error:#}"));
    }
}

#[test]
fn short_runs_give_true_reports() {
    let folder = tempfile::tempdir().unwrap();
    let addresses = start_demo(folder.path());
    // A million rows take a stand-in without optimisation too long.
    for path in scenarios().iter().filter(|path| !path.ends_with("wide.toml")) {
        let report = short(path, addresses.gate, path.ends_with("point.toml"));
        assert!(report.is_clean(), "{report}");
        let ended = report.counts;
        assert_eq!(ended.operations, ended.done + ended.refused, "{report}");
        let by_statement: u64 = report.statements.iter().map(|statement| statement.counts.operations).sum();
        assert_eq!(ended.operations, by_statement, "{report}");
        let by_second: u64 = report.timeline.iter().map(|second| second.counts.operations).sum();
        assert_eq!(ended.operations, by_second, "{report}");
        let by_code: u64 = report.refusals.values().sum();
        assert_eq!(ended.refused, by_code, "{report}");
        if path.ends_with("chains.toml") {
            // The three most frequent of the scenario's bad chains: not attached, a space in it, a role that nobody knows.
            assert!(["RG101", "RG201", "RG206"].iter().all(|code| report.refusals.contains_key(*code)), "{report}");
        } else {
            assert_eq!(ended.refused, 0, "{report}");
        }
        assert!(report.process.unwrap().cpu_us_per_operation > 0.0);
        if let Some(rate) = report.scenario.rate {
            assert!(report.rate <= rate * 1.1 + 1.0, "{report}");
        }
        let page = html::page(&report).unwrap();
        assert_eq!(page.matches("<svg").count(), 3);
        assert!(!page.contains("src=") && !page.contains("href="), "the page names no other file");
    }
}

#[test]
fn without_a_gate_bad_chains_are_failures() {
    let folder = tempfile::tempdir().unwrap();
    let addresses = start_demo(folder.path());
    let chains = scenarios().into_iter().find(|path| path.ends_with("chains.toml")).unwrap();
    let report = short(&chains, addresses.standin, false);
    assert!(report.counts.failed > 0 && report.counts.refused == 0, "{report}");
    assert!(!report.is_clean());
}
