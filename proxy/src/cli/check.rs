//! `rolegate check`: judges SQL texts without a database.

mod compiled;
mod dbt;
mod github;
mod input;
mod jinja;
mod junit;
mod manifest;
mod origin;
mod place;
mod psql;
mod report;
mod sarif;
mod tally;
mod template;

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use rayon::iter::{IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};
use serde_json::Value;

use crate::cli::check::input::{InputForm, InputText, Sender};
use crate::cli::check::jinja::Values;
use crate::cli::check::origin::TextOrigin;
use crate::cli::check::place::SourcePlace;
use crate::cli::check::report::Face;
use crate::cli::check::tally::CheckTally;
use crate::cli::choice::gate_of;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::config::Config;
use crate::gate::enforcement::Action;
use crate::gate::judge_alone;
use crate::gate::policy::{Parts, Policy};
use crate::gate::principal::{Attributes, Principal};
use crate::observe::escape;

/// Files that are read and judged at once, for each thread: output and memory are theirs.
const FILES_PER_THREAD: usize = 64;

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
    /// The form of the output; the closing line of counts goes to stderr for all but the first
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// What the input is: SQL texts, or one JSON object a line with "id", "sql" or "`sql_hex`", and perhaps "user", "groups",
    /// "database", "application" and "time"
    #[arg(long, value_enum, default_value_t = InputForm::Sql)]
    input: InputForm,
    /// Judge a dbt project by its `target/manifest.json` and `run_results.json`: models, snapshots, tests, hooks and operations
    #[arg(long, value_name = "PROJECT", conflicts_with_all = ["input", "paths"])]
    dbt: Option<PathBuf>,
    /// Values of psql's variables in scripts, and of dbt's `var()` in hooks, as a JSON object
    #[arg(long, value_name = "JSON", value_parser = vars)]
    vars: Option<Values>,
    /// Where findings.md is published, for the help links of SARIF; a file of this machine when not given
    #[arg(long, value_name = "URI")]
    help_uri: Option<String>,
    /// How many threads read and judge; as many as there are processors when not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Files, folders (their .sql files, or .jsonl with --input jsonl) or - for standard input
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
    /// Workflow commands of GitHub Actions: annotations of a pull request
    Github,
    /// The XML of `JUnit`, for CI servers
    Junit,
}

fn vars(text: &str) -> Result<Values, String> {
    let found: BTreeMap<String, Value> = serde_json::from_str(text)
        .map_err(|error| format!("{error}; write it as {{\"role\": \"arn:aws:iam::123456789012:role/RoleA\"}}"))?;
    let text = |value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(Values { vars: found.into_iter().map(|(name, value)| (name, text(value))).collect(), ..Values::default() })
}

/// Runs `rolegate check`.
///
/// # Errors
/// What is wrong with the usage or the input, naming the file and line.
pub fn run(arguments: &CheckArguments) -> Result<Exit, String> {
    let check = Check { arguments, policy: policy(arguments)?, now: Timestamp::now() };
    let mut builder = rayon::ThreadPoolBuilder::new();
    if let Some(threads) = arguments.threads {
        builder = builder.num_threads(usize::from(threads));
    }
    let pool = builder.build().map_err(|error| format!("no threads can be started: {error}"))?;
    pool.install(|| check.all(&mut BufWriter::new(io::stdout())))
}

fn policy(arguments: &CheckArguments) -> Result<Policy, String> {
    let Some(path) = &arguments.config else { return Ok(Policy::new(Parts::without_facts())) };
    let config = Config::load(path).map_err(|error| error.to_string())?;
    let gate = gate_of(&config, arguments.gate.as_deref())?;
    let policy = crate::serve::build::policy(&config, gate).map_err(|error| error.to_string())?;
    if arguments.groups.is_none() && policy.reads_catalog() {
        let asked =
            "[gate.catalog] is not asked for the user's groups; say --groups (--groups= for a user without any)";
        output::note(&format!("{}: note: {asked}", path.display()));
    }
    Ok(policy)
}

/// Something to read, or read already.
#[derive(Debug)]
enum CheckInput {
    File(PathBuf),
    Text(Box<InputText>),
}

/// What came of a part of the input.
#[derive(Debug, Default)]
struct Checked {
    out: String,
    results: Vec<Value>,
    notes: String,
    tally: CheckTally,
    is_refused: bool,
}

impl Checked {
    fn merge(&mut self, later: Self) {
        self.out.push_str(&later.out);
        self.results.extend(later.results);
        self.notes.push_str(&later.notes);
        self.tally.merge(later.tally);
        self.is_refused |= later.is_refused;
    }
}

/// A check that goes on.
#[derive(Debug)]
struct Check<'a> {
    arguments: &'a CheckArguments,
    policy: Policy,
    now: Timestamp,
}

impl Check<'_> {
    /// Judges all inputs, and writes the report in their order.
    fn all(&self, out: &mut (impl Write + Send)) -> Result<Exit, String> {
        let cannot_write = |error: io::Error| format!("cannot write the report: {error}");
        let mut whole = Checked::default();
        let inputs = self.inputs(&mut whole)?;
        let is_junit = self.arguments.format == Format::Junit;
        out.write_all(if is_junit { junit::HEAD } else { "" }.as_bytes()).map_err(cannot_write)?;
        let at_once = rayon::current_num_threads().saturating_mul(FILES_PER_THREAD);
        for part in inputs.chunks(at_once) {
            let judged: Vec<Result<Checked, String>> = part.par_iter().map(|input| self.input(input)).collect();
            for checked in judged {
                whole.merge(checked?);
                out.write_all(whole.out.as_bytes()).map_err(cannot_write)?;
                tell(&whole.notes);
                whole.out.clear();
                whole.notes.clear();
            }
        }
        let last = match self.arguments.format {
            Format::Sarif => {
                let program = std::env::current_exe().ok();
                let help_uri = sarif::help_uri(self.arguments.help_uri.as_deref(), program.as_deref());
                sarif::log(&whole.results, help_uri.as_deref())
            }
            Format::Junit => junit::TAIL.to_owned(),
            Format::Human => whole.tally.line(),
            Format::Json | Format::Github => String::new(),
        };
        out.write_all(last.as_bytes()).and_then(|()| out.flush()).map_err(cannot_write)?;
        if self.arguments.format != Format::Human {
            tell(&whole.tally.line());
        }
        Ok(Exit::of(whole.is_refused))
    }

    /// The inputs in order; what cannot be told of a dbt project is noted.
    fn inputs(&self, whole: &mut Checked) -> Result<Vec<CheckInput>, String> {
        let none = Values::default();
        if let Some(project) = &self.arguments.dbt {
            let found = dbt::texts(project, self.arguments.vars.as_ref().unwrap_or(&none))?;
            whole.tally.unknown = u64::try_from(found.unknown.len()).unwrap_or(u64::MAX);
            found.unknown.iter().for_each(|told| tell(&format!("{told}\n")));
            return Ok(found.texts.into_iter().map(|text| CheckInput::Text(Box::new(text))).collect());
        }
        let mut inputs = Vec::new();
        for path in &self.arguments.paths {
            inputs.extend(input::files(path, self.arguments.input)?.into_iter().map(CheckInput::File));
        }
        Ok(inputs)
    }

    fn input(&self, input: &CheckInput) -> Result<Checked, String> {
        let none = Values::default();
        let mut checked = Checked::default();
        match input {
            CheckInput::Text(text) => {
                checked = self.text(text)?;
                checked.tally.files.insert(text.file.clone());
            }
            CheckInput::File(path) => {
                let vars = self.arguments.vars.as_ref().unwrap_or(&none);
                let texts = input::texts(path, self.arguments.input, vars)?;
                let judged: Result<Vec<Checked>, String> = texts.into_par_iter().map(|text| self.text(&text)).collect();
                judged?.into_iter().for_each(|part| checked.merge(part));
                checked.tally.files.insert(path.display().to_string());
            }
        }
        Ok(checked)
    }

    fn text(&self, text: &InputText) -> Result<Checked, String> {
        let face = if self.arguments.as_configured { Face::Action } else { Face::WouldBe };
        let principal = self.principal(&text.sender);
        let verdict = judge_alone(&self.policy, text.judged(), &principal, text.sender.time.unwrap_or(self.now));
        let verdict = verdict.as_ref();
        let mut checked = Checked {
            is_refused: verdict.is_some_and(|verdict| face.of_message(verdict) == Action::Reject),
            notes: note(text),
            ..Checked::default()
        };
        checked.tally.add(text.judged(), verdict, face);
        let is_jsonl = self.arguments.input == InputForm::Jsonl;
        if verdict.is_none() && !is_jsonl && self.arguments.format != Format::Junit {
            return Ok(checked);
        }
        let place = SourcePlace::of(text);
        match self.arguments.format {
            Format::Json => {
                let lines = report::json(&place, verdict, face, is_jsonl);
                checked.out = lines.map_err(|error| format!("cannot write the report: {error}"))?;
            }
            Format::Human => checked.out = report::human(&place, verdict, face),
            Format::Sarif => checked.results = sarif::results(&place, verdict, face),
            Format::Github => checked.out = github::commands(&place, verdict, face),
            Format::Junit => checked.out = junit::suite(&place, verdict, face),
        }
        Ok(checked)
    }

    /// Who sends a text: as its line says, else as the arguments do. The groups of the command line are not those of another user.
    fn principal(&self, sender: &Sender) -> Principal {
        let arguments = self.arguments;
        let of_arguments = arguments.groups.clone().filter(|_| sender.user.is_none());
        Principal::new(Attributes {
            groups: sender.groups.clone().or(of_arguments),
            database: sender.database.as_ref().unwrap_or(&arguments.database).clone(),
            application: sender.application.as_ref().unwrap_or(&arguments.application).clone(),
            ..Attributes::of_login(sender.user.as_ref().unwrap_or(&arguments.user))
        })
    }
}

/// Says so when a text that is judged as it stands still holds Jinja.
fn note(text: &InputText) -> String {
    let is_template = text.rendered.is_none() && matches!(text.origin, TextOrigin::At(_));
    let Some(at) = is_template.then(|| jinja::start(&text.source)).flatten() else { return String::new() };
    let line = SourcePlace::of(text).position(at).line;
    format!("{}:{line}: note: Jinja is left in this text; run dbt compile, and check with --dbt PROJECT\n", text.file)
}

fn tell(text: &str) {
    // When stderr is closed there is nobody left to tell.
    let _written = io::stderr().write_all(escape::lines(text).as_bytes()).is_ok();
}
