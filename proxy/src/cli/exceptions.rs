//! `rolegate policy exceptions`: what is borne with, until when, and who answers for it.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::output;
use crate::config::{Config, load_exceptions};
use crate::gate::exception::Exception;
use crate::observe::escape;

/// Arguments of `rolegate policy exceptions`.
#[derive(Args, Debug)]
pub struct ExceptionsArguments {
    /// The configuration file
    #[arg(value_name = "FILE")]
    config: PathBuf,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = ExceptionsFormat::Human)]
    format: ExceptionsFormat,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum ExceptionsFormat {
    /// For people
    Human,
    /// One JSON object a line
    Json,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    exception: &'a Exception,
    over: bool,
    days_left: Option<i64>,
}

/// Lists the exceptions of a configuration, those that end first first.
///
/// # Errors
/// What is wrong with the configuration or its file of exceptions.
pub fn run(arguments: &ExceptionsArguments) -> Result<Exit, String> {
    let config = Config::load(&arguments.config).map_err(|error| error.to_string())?;
    let read = config.policy.exceptions.as_deref().map(load_exceptions).transpose();
    let mut exceptions = read.map_err(|error| error.to_string())?.unwrap_or_default();
    exceptions.sort_by(|one, other| (one.until, &one.id).cmp(&(other.until, &other.id)));
    let now = Timestamp::now();
    output::print(&match arguments.format {
        ExceptionsFormat::Human => escape::lines(&human(&exceptions, now)),
        ExceptionsFormat::Json => exceptions
            .iter()
            .map(|exception| {
                let (over, days_left) = (exception.is_over(now), exception.days_left(now));
                output::json(&Row { exception, over, days_left })
            })
            .collect::<Result<String, String>>()?,
    })?;
    Ok(Exit::Ok)
}

fn human(exceptions: &[Arc<Exception>], now: Timestamp) -> String {
    let over = exceptions.iter().filter(|exception| exception.is_over(now)).count();
    let lines: String = exceptions.iter().map(|exception| line(exception, now)).collect();
    let of_them = if over > 0 { format!(", {over} of them over") } else { String::new() };
    let plural = if exceptions.len() == 1 { "" } else { "s" };
    format!("{lines}{} exception{plural}{of_them}\n", exceptions.len())
}

/// What is to be said of exceptions that are over: their refusals are refused again, and nobody took them out.
pub(super) fn over(exceptions: &[Arc<Exception>], now: Timestamp) -> Vec<String> {
    let over = exceptions.iter().filter(|exception| exception.is_over(now));
    over.map(|one| format!("exception \"{}\" is over since {}; take it out or agree on another", one.id, one.until))
        .collect()
}

fn line(exception: &Exception, now: Timestamp) -> String {
    let Exception { id, until, owner, ticket, reason, .. } = exception;
    let left = match exception.days_left(now) {
        None => "over".to_owned(),
        Some(0) => "less than a day left".to_owned(),
        Some(1) => "1 day left".to_owned(),
        Some(days) => format!("{days} days left"),
    };
    let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!(
        "{id}  until {until} ({left})\n  {} for {}\n  owner {owner}, ticket {ticket}{reason}\n",
        about(exception),
        who(exception)
    )
}

fn who(exception: &Exception) -> String {
    let users = exception.users.iter().map(|user| format!("user {user}"));
    let groups = exception.groups.iter().map(|group| format!("group {group}"));
    users.chain(groups).collect::<Vec<_>>().join(", ")
}

/// What an exception is about, in words.
pub(super) fn about(exception: &Exception) -> String {
    let codes: Vec<&str> = exception.codes.iter().map(|code| code.as_str()).collect();
    match (codes.is_empty(), exception.chains.is_empty()) {
        (false, true) => codes.join(", "),
        (true, _) => format!("facts and rules on {}", exception.chains.join(" and ")),
        (false, false) => format!("{} on {}", codes.join(", "), exception.chains.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::codes::Code;

    #[test]
    fn a_line_says_what_for_whom_until_when_and_who_answers_for_it() {
        let exception = Exception {
            id: "SEC-1".to_owned(),
            users: vec!["etl".to_owned()],
            groups: vec!["bi".to_owned()],
            chains: vec!["default".to_owned()],
            codes: vec![Code::Rg301, Code::Rg302],
            until: Timestamp::from_second(90_000).unwrap(),
            owner: "data".to_owned(),
            ticket: "T-1".to_owned(),
            reason: Some("the new role comes in June".to_owned()),
        };
        let at = |second| line(&exception, Timestamp::from_second(second).unwrap());
        let want = "SEC-1  until 1970-01-02T01:00:00Z (1 day left)\n  RG301, RG302 on default for user etl, group bi\n  \
                    owner data, ticket T-1: the new role comes in June\n";
        assert_eq!(at(0), want);
        assert!(at(4000).contains("(less than a day left)") && at(90_000).contains("(over)"));
        assert_eq!(over(&[Arc::new(exception.clone())], Timestamp::from_second(89_999).unwrap()), Vec::<String>::new());
        let told = over(&[Arc::new(exception.clone())], Timestamp::from_second(90_000).unwrap());
        assert_eq!(told, ["exception \"SEC-1\" is over since 1970-01-02T01:00:00Z; take it out or agree on another"]);
        let all = |second| human(&[Arc::new(exception.clone())], Timestamp::from_second(second).unwrap());
        assert!(all(0).ends_with("\n1 exception\n") && all(90_000).ends_with("\n1 exception, 1 of them over\n"));
        assert_eq!(human(&[], Timestamp::UNIX_EPOCH), "0 exceptions\n");
        let any_code = Exception { codes: Vec::new(), ..exception };
        assert_eq!(about(&any_code), "facts and rules on default");
    }
}
