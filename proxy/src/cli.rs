//! The command line: subcommands, their arguments and exit statuses. Errors go to stderr, machine output to stdout.

pub mod audit;
pub mod check;
mod choice;
mod cluster;
pub mod config;
pub mod coverage;
pub mod doctor;
pub mod exceptions;
pub mod exit;
pub mod health;
pub mod history;
pub mod iam;
pub mod init;
pub mod inventory;
pub mod learn;
pub mod manual;
mod modes;
mod output;
pub mod policy;
pub mod records;
pub mod replay;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::cli::exit::Exit;
use crate::observe::escape;

/// The version, and the commit that it was built from where that is known.
pub const VERSION: &str = env!("ROLEGATE_VERSION");

/// A Postgres-wire gate for Amazon Redshift that checks every IAM role chain before the statement runs.
#[derive(Debug, Parser)]
#[command(name = "rolegate", version = VERSION, about, arg_required_else_help = true)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gates of a configuration until SIGTERM or Ctrl-C
    #[command(after_help = "Example: rolegate serve --config /etc/rolegate/rolegate.toml")]
    Serve {
        /// The configuration file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Write a first configuration for a cluster, in shadow mode
    #[command(
        after_help = "Example: rolegate init /etc/rolegate --cluster-endpoint warehouse.abc123xyz789.us-east-1.redshift.amazonaws.com:5439"
    )]
    Init(init::InitArguments),
    /// Check from this machine what a gate needs, and say what to do where it is missing
    #[command(
        after_help = "Example: rolegate doctor --config /etc/rolegate/rolegate.toml --gate-address 10.0.1.0/24\n\
                            Exit status: 0 nothing failed, 1 something did, 2 the configuration cannot be read"
    )]
    Doctor(doctor::DoctorArguments),
    /// Ask a running gate whether it is ready
    #[command(after_help = "Example: rolegate health --config /etc/rolegate/rolegate.toml\n\
                            Exit status: 0 ready, 1 not ready, 2 nobody answers")]
    Health(health::HealthArguments),
    /// Judge SQL without a database
    #[command(after_help = "Example: rolegate check --config rolegate.toml --user etl --format json models/*.sql\n\
                            Exit status: 0 nothing refused, 1 something refused, 2 usage or input error")]
    Check(check::CheckArguments),
    /// Read recorded statements from whatever holds them
    #[command(
        after_help = "Example: rolegate history --format jsonl audit.jsonl 'logs/*_useractivitylog_*.gz' > week.jsonl"
    )]
    History(history::HistoryArguments),
    /// Judge recorded statements, and show what another configuration would change
    #[command(after_help = "Example: rolegate replay --config new.toml --old rolegate.toml 'audit/*.jsonl' logs/\n\
                            Exit status: 0 nothing refused, or with --old nothing newly refused; 1 something is; 2 usage or input error")]
    Replay(replay::ReplayArguments),
    /// List statements with roles that the cluster ran and that did not pass the gate
    #[command(after_help = "Example: rolegate coverage --config rolegate.toml --since 7d --format json\n\
                            Exit status: 0 all passed the gate, 1 something did not, 2 usage or input error")]
    Coverage(coverage::CoverageArguments),
    /// Propose rules from recorded statements
    #[command(after_help = "Example: rolegate learn --config rolegate.toml --out proposed 'audit/*.jsonl'\n\
                      Exit status: 0 done, whatever is for review; 2 usage or input error")]
    Learn(learn::LearnArguments),
    /// List what the cluster stores: every role that is used without being named, and whether it is allowed today
    #[command(
        after_help = "Example: rolegate inventory --config rolegate.toml --role arn:aws:iam::123456789012:role/Loader\n\
                            Exit status: 0 done, whatever is found; 2 usage, or the cluster cannot be asked"
    )]
    Inventory(inventory::InventoryArguments),
    /// Look at a configuration file
    #[command(subcommand, after_help = "Example: rolegate config check rolegate.toml")]
    Config(config::ConfigCommand),
    /// Test policies, compare them, find rules without effect, and list exceptions
    #[command(subcommand, after_help = "Example: rolegate policy test policy/*.test.toml")]
    Policy(policy::PolicyCommand),
    /// Verify the audit, and prove its records
    #[command(subcommand, after_help = "Example: rolegate audit verify --key audit.key.pub audit.jsonl*")]
    Audit(audit::AuditCommand),
    /// Ask the IAM facts
    #[command(subcommand, after_help = "Example: rolegate iam can-assume --config rolegate.toml FROM_ARN TO_ARN")]
    Iam(iam::IamCommand),
    /// Print the completions of a shell
    #[command(after_help = "Example: rolegate completions bash > /usr/share/bash-completion/completions/rolegate")]
    Completions(manual::CompletionsArguments),
    /// Write the manual pages
    #[command(after_help = "Example: rolegate manual /usr/local/share/man/man1")]
    Manual(manual::ManualArguments),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match CommandLine::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Ok };
            // A closed terminal is no reason to fail differently.
            return match show(&error) {
                Ok(()) | Err(_) => exit.into(),
            };
        }
    };
    let outcome = match arguments.command {
        Command::Serve { config } => {
            crate::serve::from_file(&config).map(|()| Exit::Ok).map_err(|error| error.to_string())
        }
        Command::Audit(command) => audit::run(&command),
        Command::Init(arguments) => init::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Health(arguments) => health::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::History(arguments) => history::run(&arguments),
        Command::Coverage(arguments) => coverage::run(&arguments),
        Command::Learn(arguments) => learn::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Inventory(arguments) => inventory::run(&arguments),
        Command::Config(command) => config::run(&command),
        Command::Iam(command) => iam::run(&command),
        Command::Policy(command) => policy::run(&command),
        Command::Completions(arguments) => manual::completions(CommandLine::command(), &arguments),
        Command::Manual(arguments) => manual::pages(CommandLine::command(), &arguments),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(message) => {
            // When stderr is closed there is nobody left to tell.
            match writeln!(io::stderr(), "rolegate: {}", escape::lines(&message)) {
                Ok(()) | Err(_) => Exit::Usage.into(),
            }
        }
    }
}

/// Prints help, or what is wrong with the usage, with colour on a terminal. It repeats arguments: where one of them would do
/// something to the terminal, it is escaped and there is no colour.
fn show(error: &clap::Error) -> io::Result<()> {
    let plain = error.to_string();
    let escaped = escape::lines(&plain);
    if escaped == plain {
        return error.print();
    }
    io::stderr().write_all(escaped.as_bytes())
}
