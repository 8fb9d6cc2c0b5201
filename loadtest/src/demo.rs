//! The demo: a stand-in with a gate before it and a sample policy, in a folder of its own.

pub mod company;

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use crate::standin::catalog::SUPERUSER;

/// Where everything listens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Addresses {
    /// The gate.
    pub gate: SocketAddr,
    /// The stand-in.
    pub standin: SocketAddr,
    /// The gate's admin server.
    pub admin: SocketAddr,
}

/// The configuration as `config/demo` holds it, and its own addresses.
const CONFIGURATION: &str = include_str!("../../config/demo/rolegate.toml");
const DEFAULTS: [&str; 3] = ["127.0.0.1:5439", "127.0.0.1:5440", "127.0.0.1:9439"];

/// What may be changed while the demo runs and stays for the next time.
const FILES: [(&str, &str); 4] = [
    ("rules/demo.cedar", include_str!("../../config/demo/rules/demo.cedar")),
    ("iam/123456789012.json", include_str!("../../config/demo/iam/123456789012.json")),
    ("iam/210987654321.json", include_str!("../../config/demo/iam/210987654321.json")),
    ("clusters/demo.json", include_str!("../../config/demo/clusters/demo.json")),
];

/// The demo's users and their passwords; the last is the gate's own, who may see everything.
#[must_use]
pub fn users() -> Vec<(String, String)> {
    ["etl", "analyst", SUPERUSER].map(|user| (user.to_owned(), "demo".to_owned())).to_vec()
}

/// What the cluster stores when the demo begins, and who stored it: nobody saw the statements.
#[must_use]
pub fn stored() -> Vec<(String, String)> {
    let chain = "arn:aws:iam::123456789012:role/RoleA,arn:aws:iam::210987654321:role/RoleB";
    let [first, ..] = chain.split(',').collect::<Vec<_>>()[..] else { return Vec::new() };
    [
        format!("create external schema lake from data catalog database 'tickets' iam_role '{chain}'"),
        format!("create external schema partner from data catalog database 'partner' region 'eu-west-1' iam_role '{first}'"),
        format!("create external function mask_email(varchar) returns varchar stable lambda 'mask-email' iam_role '{first}'"),
        format!("create model churn from venue target venueseats function predict_churn iam_role '{first}'"),
        format!("copy venue from 's3://companyb/nightly/' iam_role '{chain}' job create nightly_venues auto on"),
        format!(
            "create procedure load_venues() as $$ begin copy venue from 's3://companyb/company/venues_' iam_role '{chain}'; end $$ language plpgsql"
        ),
        "create view lake_sales as select * from lake.sales with no schema binding".to_owned(),
        "create group analysts with user analyst".to_owned(),
        format!("grant assumerole on '{first}' to analyst for copy, unload"),
    ]
    .map(|sql| ("etl".to_owned(), sql))
    .to_vec()
}

/// Where a demo keeps its files: each has a folder of its own, by the gate's port.
#[must_use]
pub fn folder(gate: SocketAddr) -> PathBuf {
    let is_default = DEFAULTS.first().is_some_and(|default| *default == gate.to_string());
    PathBuf::from(if is_default { "target/demo".to_owned() } else { format!("target/demo-{}", gate.port()) })
}

/// Takes a folder for one demo alone, until the file is closed.
///
/// # Errors
/// Another demo has it, or it cannot be written.
pub fn take(folder: &Path) -> anyhow::Result<File> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let path = folder.join(".lock");
    let file = File::create(&path).with_context(|| path.display().to_string())?;
    file.try_lock().with_context(|| {
        format!("another demo runs in {}; end it, or name another folder in ROLEGATE_DEMO_DIR", folder.display())
    })?;
    Ok(file)
}

/// Writes the configuration and makes a certificate; files of an earlier demo are kept, but for the configuration, which
/// holds this run's addresses. Gives the path of the configuration.
///
/// # Errors
/// The folder cannot be written.
pub fn prepare(folder: &Path, addresses: Addresses) -> anyhow::Result<PathBuf> {
    for (name, text) in FILES {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        if !path.exists() {
            fs::write(&path, text).with_context(|| path.display().to_string())?;
        }
    }
    certificate(folder)?;
    secret(&folder.join("catalog-password"), b"demo\n")?;
    let mut text = format!(
        "# Written by the demo at each start; change rules, iam and clusters beside it instead.\n{CONFIGURATION}"
    );
    for (default, address) in DEFAULTS.into_iter().zip([addresses.gate, addresses.standin, addresses.admin]) {
        text = text.replace(&format!("\"{default}\""), &format!("\"{address}\""));
    }
    let path = folder.join("rolegate.toml");
    fs::write(&path, text).with_context(|| path.display().to_string())?;
    Ok(path)
}

/// A certificate for this machine's own names.
fn certificate(folder: &Path) -> anyhow::Result<()> {
    let (certificate_path, key_path) = (folder.join("gate.crt"), folder.join("gate.key"));
    if certificate_path.exists() && key_path.exists() {
        return Ok(());
    }
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    fs::write(&certificate_path, made.cert.pem())?;
    secret(&key_path, made.signing_key.serialize_pem().as_bytes())
}

/// Writes a file that nobody else may read.
fn secret(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    let opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    opened.with_context(|| path.display().to_string())?.write_all(text)?;
    Ok(())
}

/// Whether the gate whose admin address this is takes sessions, and knows what its cluster stores.
///
/// # Errors
/// It cannot be asked.
pub fn is_ready(admin: SocketAddr) -> std::io::Result<bool> {
    let mut server = TcpStream::connect_timeout(&admin, Duration::from_secs(1))?;
    server.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    server.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200 "))
}

/// What to try, for the terminal.
#[must_use]
pub fn guide(folder: &Path, addresses: Addresses) -> String {
    let Addresses { gate, admin, .. } = addresses;
    let (host, port) = (gate.ip(), gate.port());
    let folder = folder.display();
    format!(
        "
The gate listens on {gate}, with a Redshift stand-in behind it. In another terminal:

  export PGPASSWORD=demo
  psql \"host={host} port={port} dbname=dev user=etl sslmode=require\"

and there, as the Amazon Redshift Management Guide prints it:

  unload ('select * from venue limit 10') to 's3://companyb/redshift/venue_pipe_'
  iam_role 'arn:aws:iam::123456789012:role/RoleA,arn:aws:iam::210987654321:role/RoleB';

  copy venue from 's3://companyb/redshift/venue_pipe_'
  iam_role 'arn:aws:iam::123456789012:role/RoleA,arn:aws:iam::210987654321:role/RoleB';

  select count(*) from venue;

Then leave out RoleA, turn the chain round, put a space behind the comma, name RoleC, RoleD or RoleX in RoleB's place,
or come as user=analyst: each is refused before the stand-in sees it, with the reason. A small company is at work meanwhile,
unless the demo was started with --idle (make demo IDLE=1); the console shows it.

  metrics   http://{admin}/metrics
  console   http://{admin}/
  audit     {folder}/audit.jsonl
  buckets   {folder}/s3/
  rules     {folder}/rules/demo.cedar (reloaded when it is saved)

Ctrl-C ends it all.
"
    )
}

#[cfg(test)]
mod tests {
    use super::{Addresses, folder, prepare, take};

    #[test]
    fn no_two_demos_share_a_folder() {
        let of = |gate: &str| folder(gate.parse().unwrap()).display().to_string();
        assert_eq!(of("127.0.0.1:5439"), "target/demo");
        assert_eq!(of("127.0.0.1:6439"), "target/demo-6439");
        let folder = tempfile::tempdir().unwrap();
        let first = take(folder.path()).unwrap();
        let told = format!("{:#}", take(folder.path()).unwrap_err());
        assert!(told.starts_with("another demo runs in ") && told.contains("ROLEGATE_DEMO_DIR"), "{told}");
        drop(first);
        assert!(take(folder.path()).is_ok());
    }

    #[test]
    fn the_configuration_loads() {
        let folder = tempfile::tempdir().unwrap();
        let addresses = Addresses {
            gate: "127.0.0.1:15439".parse().unwrap(),
            standin: "127.0.0.1:15440".parse().unwrap(),
            admin: "127.0.0.1:19439".parse().unwrap(),
        };
        let path = prepare(folder.path(), addresses).unwrap();
        let config = rolegate::config::Config::load(&path).unwrap();
        assert_eq!(config.gate[0].listen, addresses.gate);
        assert_eq!(config.gate[0].upstream.address, "127.0.0.1:15440");
        assert_eq!(config.admin.listen, addresses.admin);
        rolegate::serve::build::all(&config, None).unwrap();
    }
}
