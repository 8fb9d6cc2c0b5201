//! `rolegate check`: judges SQL texts without a database.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use crate::cli::choice::gate_of;
use crate::cli::exit::Exit;
use crate::cli::input::{self, InputText};
use crate::cli::jinja;
use crate::cli::report::{self, Face, SourcePlace};
use crate::cli::sarif::Sarif;
use crate::config::Config;
use crate::gate::enforcement::Action;
use crate::gate::judge_alone;
use crate::gate::policy::{Parts, Policy};
use crate::gate::principal::{Attributes, Principal};

/// Arguments of `rolegate check`.
#[derive(Args, Debug)]
pub struct CheckArguments {
    /// Judge under this configuration; without it only what needs no facts is judged (`RG1xx`)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The gate of the configuration whose policy applies; the first when not given
    #[arg(long, value_name = "NAME", requires = "config")]
    gate: Option<String>,
    /// Report and exit by what the configuration's mode would let happen, instead of by what enforcement would do
    #[arg(long, requires = "config")]
    as_configured: bool,
    /// The database user
    #[arg(long, default_value = "")]
    user: String,
    /// The user's groups, instead of the configuration's
    #[arg(long, value_delimiter = ',')]
    groups: Option<Vec<String>>,
    /// The database
    #[arg(long, default_value = "")]
    database: String,
    /// The application name
    #[arg(long, default_value = "")]
    application: String,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// What the input is: SQL texts, or one JSON object a line with "id" and "sql" or "`sql_hex`"
    #[arg(long, value_enum, default_value_t = Input::Sql)]
    input: Input,
    /// Files, folders (their .sql files) or - for standard input
    #[arg(value_name = "PATH", default_value = "-")]
    paths: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// One JSON object a line
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Input {
    /// SQL texts
    Sql,
    /// Labelled texts, one JSON object a line
    Jsonl,
}

/// Runs `rolegate check`.
///
/// # Errors
/// What is wrong with the usage or the input, naming the file and line.
pub fn run(arguments: &CheckArguments) -> Result<Exit, String> {
    let policy = policy(arguments)?;
    let mut out = io::stdout().lock();
    check(arguments, &policy, &mut out)
}

/// Writes the report on every text of the arguments to `out`.
fn check(arguments: &CheckArguments, policy: &Policy, out: &mut impl Write) -> Result<Exit, String> {
    let cannot_write = |error: io::Error| format!("cannot write the report: {error}");
    let face = if arguments.as_configured { Face::Action } else { Face::WouldBe };
    let principal = principal(arguments);
    let mut is_refused = false;
    let mut sarif = Sarif::default();
    for text in texts(arguments)? {
        note_jinja(&text);
        let verdict = judge_alone(policy, &text.bytes, &principal, Timestamp::now());
        let verdict = verdict.as_ref();
        is_refused |= verdict.is_some_and(|verdict| face.of_message(verdict) == Action::Reject);
        let place = SourcePlace::of(&text);
        let lines = match arguments.format {
            Format::Json => report::json(&place, verdict, face, arguments.input == Input::Jsonl),
            Format::Human => Ok(report::human(&place, verdict, face)),
            Format::Sarif => {
                sarif.add(&place, verdict, face);
                Ok(String::new())
            }
        };
        lines.and_then(|lines| out.write_all(lines.as_bytes())).map_err(cannot_write)?;
    }
    let last = if arguments.format == Format::Sarif { sarif.to_json() } else { String::new() };
    out.write_all(last.as_bytes()).and_then(|()| out.flush()).map_err(cannot_write)?;
    Ok(Exit::of(is_refused))
}

fn principal(arguments: &CheckArguments) -> Principal {
    Principal::new(Attributes {
        groups: arguments.groups.clone(),
        database: arguments.database.clone(),
        application: arguments.application.clone(),
        ..Attributes::of_login(&arguments.user)
    })
}

fn policy(arguments: &CheckArguments) -> Result<Policy, String> {
    let Some(path) = &arguments.config else { return Ok(Policy::new(Parts::without_facts())) };
    let config = Config::load(path).map_err(|error| error.to_string())?;
    let gate = gate_of(&config, arguments.gate.as_deref())?;
    crate::serve::build::policy(&config, gate).map_err(|error| error.to_string())
}

fn texts(arguments: &CheckArguments) -> Result<Vec<InputText>, String> {
    let read = match arguments.input {
        Input::Sql => input::read_sql,
        Input::Jsonl => input::read_jsonl,
    };
    let mut texts = Vec::new();
    for path in &arguments.paths {
        texts.extend(read(path)?);
    }
    Ok(texts)
}

/// Says so when a text still holds Jinja.
fn note_jinja(text: &InputText) {
    let Some(at) = jinja::start(&text.bytes) else { return };
    let place = SourcePlace::of(text);
    let note = format!(
        "{}:{}: note: Jinja is left in this text; run dbt compile and check target/compiled instead\n",
        text.file,
        place.position(at).line
    );
    // When stderr is closed there is nobody left to tell.
    let _written = io::stderr().write_all(note.as_bytes()).is_ok();
}
