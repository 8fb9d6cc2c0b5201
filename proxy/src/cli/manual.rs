//! `rolegate manual` and `rolegate completions`: what packages hold beside the program, made from its own command line.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_complete::Shell;

use crate::cli::exit::Exit;

/// Arguments of `rolegate manual`.
#[derive(Args, Debug)]
pub struct ManualArguments {
    /// The folder that they are written to; it is made when it is not there
    folder: PathBuf,
}

/// Arguments of `rolegate completions`.
#[derive(Args, Debug)]
pub struct CompletionsArguments {
    /// The shell
    shell: Shell,
}

/// Writes a page for the program and one for every subcommand.
///
/// # Errors
/// A file that cannot be written.
pub fn pages(command: Command, arguments: &ManualArguments) -> Result<Exit, String> {
    let folder = &arguments.folder;
    fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))?;
    let mut command = command;
    // Names the subcommands in full: rolegate-iam-paths.
    command.build();
    page(folder, &command)?;
    Ok(Exit::Ok)
}

fn page(folder: &Path, command: &Command) -> Result<(), String> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let path = folder.join(format!("{name}.1"));
    let mut text = Vec::new();
    // Without a date, which would make each build another one.
    let manual = clap_mangen::Man::new(command.clone()).title(name).date("").manual("rolegate");
    manual.render(&mut text).and_then(|()| fs::write(&path, text)).map_err(|error| cannot_write(&path, &error))?;
    let with_page = |sub: &&Command| !sub.is_hide_set() && sub.get_name() != "help";
    command.get_subcommands().filter(with_page).try_for_each(|sub| page(folder, sub))
}

fn cannot_write(path: &Path, error: &io::Error) -> String {
    format!("{}: cannot be written: {error}", path.display())
}

/// Prints the completions of a shell.
///
/// # Errors
/// Stdout cannot be written.
pub fn completions(mut command: Command, arguments: &CompletionsArguments) -> Result<Exit, String> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "rolegate", &mut text);
    io::stdout().lock().write_all(&text).map_err(|error| format!("cannot write: {error}"))?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::CommandLine;
    use clap::CommandFactory as _;

    #[test]
    fn every_subcommand_has_its_page_and_no_page_has_a_date() {
        let folder = tempfile::tempdir().unwrap();
        let arguments = ManualArguments { folder: folder.path().join("man1") };
        assert_eq!(pages(CommandLine::command(), &arguments), Ok(Exit::Ok));
        let read = |name: &str| fs::read_to_string(arguments.folder.join(name)).unwrap();
        for name in ["rolegate.1", "rolegate-serve.1", "rolegate-iam-paths.1", "rolegate-config-check.1"] {
            assert!(read(name).contains(".SH SYNOPSIS"), "{name}");
        }
        let title = read("rolegate.1").lines().find(|line| line.starts_with(".TH")).map(str::to_owned);
        assert_eq!(title.unwrap(), format!(".TH rolegate 1  \"rolegate {}\" rolegate", crate::cli::VERSION));
        assert!(!arguments.folder.join("rolegate-help.1").exists());
    }

    #[test]
    fn a_folder_that_is_a_file_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let said = pages(CommandLine::command(), &ManualArguments { folder: file.path().to_owned() }).unwrap_err();
        assert!(said.starts_with(&format!("{}: cannot be written: ", file.path().display())), "{said}");
    }
}
