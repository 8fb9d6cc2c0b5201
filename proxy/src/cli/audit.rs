//! `rolegate audit`: keys for the audit's checkpoints, verification of its files, proofs of single records, export.

mod export;
pub(in crate::cli) mod files;
mod keygen;
mod prove;
mod verify;

use clap::Subcommand;

use crate::cli::exit::Exit;

/// Subcommands of `rolegate audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Make the pair of keys that signs checkpoints and checks them
    #[command(after_help = "Example: rolegate audit keygen --name gate.example.org/audit audit.key\n\n\
                            Writes the private key to audit.key, readable by its owner only, and the public one to audit.key.pub.")]
    Keygen(keygen::KeygenArguments),
    /// Find what was changed, removed, inserted, moved or cut off
    #[command(
        after_help = "Example: rolegate audit verify --key audit.key.pub --checkpoint checkpoints audit.jsonl*\n\
                            Example: rolegate audit verify --key audit.key.pub --proof record.tlog-proof record.json\n\n\
                            Prints {\"records\",\"first\",\"last\",\"problems\":[{\"file\",\"line\",\"problem\"}],\"gaps\",\"logs\"}.\n\
                            Exit status: 0 whole, 1 broken, 2 usage or input error"
    )]
    Verify(verify::VerifyArguments),
    /// Print the records in a form that others read
    #[command(after_help = "Example: rolegate audit export --format ocsf audit.jsonl")]
    Export(export::ExportArguments),
    /// Prove to others that a record is in the log
    #[command(after_help = "Example: rolegate audit prove --record 1234 --out record audit.jsonl*\n\n\
                            Writes the record to record.json and its proof to record.tlog-proof: `rolegate audit verify --proof` checks it.")]
    Prove(prove::AuditProveArguments),
}

/// Runs `rolegate audit`.
///
/// # Errors
/// What is wrong with the usage or the files.
pub fn run(command: &AuditCommand) -> Result<Exit, String> {
    match command {
        AuditCommand::Keygen(arguments) => keygen::run(arguments),
        AuditCommand::Verify(arguments) => verify::run(arguments),
        AuditCommand::Export(arguments) => export::run(arguments),
        AuditCommand::Prove(arguments) => prove::run(arguments),
    }
}
