//! `rolegate iam`: asks the IAM facts of a configuration.

pub mod can_assume;
pub mod paths;
pub mod prove;
pub mod pull;
mod scope;
pub mod unused;

use clap::Subcommand;

use crate::cli::exit::Exit;

/// Subcommands of `rolegate iam`.
#[derive(Debug, Subcommand)]
pub enum IamCommand {
    /// Explain whether one role may assume another
    #[command(after_help = "Example: rolegate iam can-assume --config rolegate.toml --user etl \
                            arn:aws:iam::123456789012:role/RoleA arn:aws:iam::210987654321:role/RoleB\n\
                            Exit status: 0 it may, 1 it may not or it cannot be told, 2 usage or input error")]
    CanAssume(can_assume::CanAssumeArguments),
    /// List the chains that reach a role from the roles attached to the cluster, the shortest first
    #[command(after_help = "Example: rolegate iam paths --config rolegate.toml \
                            --to arn:aws:iam::210987654321:role/RoleB\n\
                            Exit status: 0 some chain reaches it, 1 none does, 2 usage or input error")]
    Paths(paths::PathsArguments),
    /// Check guards over every chain that the facts allow, with the shortest chain that breaks each; from the clusters that guards name, or
    /// that of --cluster or --gate, or every known one
    #[command(after_help = "Example: rolegate iam prove --config rolegate.toml guards.toml\n\
                            Exit status: 0 all guards hold, 1 one is broken or cannot be decided, 2 usage or input error")]
    Prove(prove::IamProveArguments),
    /// List attachments, hops and trust statements that no statement of an audit used: what least privilege can remove
    #[command(after_help = "Example: rolegate iam unused --config rolegate.toml --audit audit.jsonl")]
    Unused(unused::UnusedArguments),
    /// Write what AWS says as snapshot files
    #[command(after_help = "Example: rolegate iam pull --config rolegate.toml --out facts/")]
    Pull(pull::PullArguments),
}

/// Runs `rolegate iam`.
///
/// # Errors
/// What is wrong with the usage or the facts.
pub fn run(command: &IamCommand) -> Result<Exit, String> {
    match command {
        IamCommand::CanAssume(arguments) => can_assume::run(arguments),
        IamCommand::Paths(arguments) => paths::run(arguments),
        IamCommand::Prove(arguments) => prove::run(arguments),
        IamCommand::Unused(arguments) => unused::run(arguments).map(|()| Exit::Ok),
        IamCommand::Pull(arguments) => pull::run(arguments).map(|()| Exit::Ok),
    }
}
