//! What a configuration must hold beyond the types of its keys.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::chain::{AccountId, RoleArn};
use crate::config::address::is_name;
use crate::config::error::Problem;
use crate::config::facts::stated;
use crate::config::period::Period;
use crate::config::value::{ReadinessNeed, TlsMode};
use crate::config::{AwsSection, Config, CoverageSection, GateSection};

/// More worker threads do not help, and are probably a typing error.
const MAX_WORKERS: usize = 1024;

/// Room for the shortest useful statement, and the longest message of the protocol.
const STATEMENT_BYTES: std::ops::RangeInclusive<usize> = 1024..=1024 * 1024 * 1024;

/// The least size of an audit file: below it, files are all headers.
const ROTATE_BYTES: u64 = 64 * 1024;

/// Fewer series would show nothing, more are too many for a scrape.
const MAX_SERIES: std::ops::RangeInclusive<usize> = 100..=1_000_000;

/// Statements that the console can look back at.
const RECENT: std::ops::RangeInclusive<usize> = 0..=1_000_000;

/// The least memory for them: below it, one long statement would leave no room for others.
const RECENT_BYTES: usize = 1024 * 1024;

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// Checks a configuration before its paths are resolved.
pub(super) fn validate(config: &Config) -> Result<(), Problem> {
    admin(config)?;
    log(config)?;
    runtime(config)?;
    audit(config)?;
    facts(config)?;
    groups(config)?;
    time_zone(config)?;
    if config.gate.is_empty() {
        return Err(Problem::at(
            &["gate"],
            "no gate is configured; add a [[gate]] section with name, listen and [gate.upstream]",
        ));
    }
    for (number, gate) in config.gate.iter().enumerate() {
        let problem = |key: &[&str], what: String| Problem::in_gate(number, key, what);
        name(gate).map_err(|what| problem(&["name"], what))?;
        upstream(gate).map_err(|(key, what)| problem(&["upstream", key], what))?;
        if gate.tls.as_ref().is_some_and(|tls| tls.client_certificate_required && tls.client_ca.is_none()) {
            let what = "has no effect without client_ca; name the authorities of client certificates, or remove it";
            return Err(problem(&["tls", "client_certificate_required"], what.to_owned()));
        }
        if let Some(catalog) = &gate.catalog {
            for (key, period) in [("refresh", catalog.refresh), ("timeout", catalog.timeout)] {
                positive(key, period).map_err(|(key, what)| problem(&["catalog", key], what))?;
            }
        }
        if let Some(coverage) = &gate.coverage {
            self::coverage(config, gate, coverage).map_err(|(key, what)| problem(&["coverage", key], what))?;
        }
        stated(&config.facts.context, &gate.iam.context).map_err(|what| problem(&["iam", "context"], what))?;
        limits(gate).map_err(|(key, what)| problem(&["limits", key], what))?;
        if config.facts.is_configured() && gate.cluster.is_empty() {
            let what = "missing although [facts] has a source; write the cluster's identifier";
            return Err(problem(&["cluster"], what.to_owned()));
        }
    }
    unique(config)
}

fn admin(config: &Config) -> Result<(), Problem> {
    let admin = &config.admin;
    if !MAX_SERIES.contains(&config.metrics.max_series) {
        let what = format!(
            "{} is out of range; write {} to {}",
            config.metrics.max_series,
            MAX_SERIES.start(),
            MAX_SERIES.end()
        );
        return Err(Problem::at(&["metrics", "max_series"], what));
    }
    if !RECENT.contains(&admin.recent) {
        let what = format!("{} is out of range; write {} to {}", admin.recent, RECENT.start(), RECENT.end());
        return Err(Problem::at(&["admin", "recent"], what));
    }
    if admin.recent_bytes < RECENT_BYTES {
        let what = format!("{} is too few; write {RECENT_BYTES} or more, or recent = 0", admin.recent_bytes);
        return Err(Problem::at(&["admin", "recent_bytes"], what));
    }
    if admin.readiness.contains(&ReadinessNeed::Facts) && config.facts.max_age.is_none() {
        let what = "\"facts\" has no effect without max_age of [facts]; set it, or remove the word";
        return Err(Problem::at(&["admin", "readiness"], what));
    }
    if admin.listen.ip().is_loopback() || admin.is_restricted() || admin.insecure {
        return Ok(());
    }
    let what = format!(
        "{} can be reached from other machines, and nobody is asked who they are; set token_file, or client_ca of [admin.tls], \
         or insecure = true where something else keeps others out",
        admin.listen
    );
    Err(Problem::at(&["admin", "listen"], what))
}

fn audit(config: &Config) -> Result<(), Problem> {
    let audit = &config.audit;
    let problem = |key: &str, what: String| Problem::at(&["audit", key], what);
    for (key, count) in [("checkpoint_records", audit.checkpoint_records), ("fold_after", audit.fold_after)] {
        if count == 0 {
            return Err(problem(key, "0 is too few; write 1 or more".to_owned()));
        }
    }
    if (1..ROTATE_BYTES).contains(&audit.rotate_bytes) {
        let what =
            format!("{} makes too many files; write {ROTATE_BYTES} or more, or 0 for one file", audit.rotate_bytes);
        return Err(problem("rotate_bytes", what));
    }
    let periods = [("checkpoint_every", Some(audit.checkpoint_every)), ("fold_every", Some(audit.fold_every))];
    for (key, period) in periods.into_iter().chain([("rotate_every", audit.rotate_every), ("keep_for", audit.keep_for)])
    {
        period.map_or(Ok(()), |period| positive(key, period)).map_err(|(key, what)| problem(key, what))?;
    }
    if audit.checkpoint_file.is_some() && audit.signing_key.is_none() {
        let what = "is of no use unless checkpoints are signed; set signing_key or remove checkpoint_file";
        return Err(problem("checkpoint_file", what.to_owned()));
    }
    Ok(())
}

fn log(config: &Config) -> Result<(), Problem> {
    let level = config.log.level.to_ascii_lowercase();
    // Directives are checked when the log is set up.
    if LEVELS.contains(&level.as_str()) || level.contains('=') {
        return Ok(());
    }
    let what = format!("unknown level \"{}\"; use one of {}", config.log.level, LEVELS.join(", "));
    Err(Problem::at(&["log", "level"], what))
}

fn runtime(config: &Config) -> Result<(), Problem> {
    if config.audit.path.is_empty() {
        return Err(Problem::at(&["audit", "path"], "must not be empty; write \"-\" for stdout, \"off\", or a file"));
    }
    match config.runtime.workers {
        Some(workers) if !(1..=MAX_WORKERS).contains(&workers) => {
            let what = format!("{workers} is out of range; write 1 to {MAX_WORKERS}, or leave it out for one a core");
            Err(Problem::at(&["runtime", "workers"], what))
        }
        _ => Ok(()),
    }
}

fn facts(config: &Config) -> Result<(), Problem> {
    let facts = &config.facts;
    if let Some(max_age) = facts.max_age {
        positive("max_age", max_age).map_err(|(key, what)| Problem::at(&["facts", key], what))?;
    }
    stated(&facts.context, &BTreeMap::new()).map_err(|what| Problem::at(&["facts", "context"], what))?;
    if let Some(aws) = &facts.aws {
        return facts_from_aws(aws);
    }
    let missing = match (facts.iam.is_empty(), facts.clusters.is_empty()) {
        (true, false) => "iam",
        (false, true) => "clusters",
        (true, true) if !facts.service_control.is_empty() => "iam",
        _ => return Ok(()),
    };
    let what = "lists no file, but [facts] needs both iam and clusters: \
                write the files or patterns of the snapshots, such as [\"facts/*.json\"]";
    Err(Problem::at(&["facts", missing], what))
}

fn facts_from_aws(aws: &AwsSection) -> Result<(), Problem> {
    let problem = |key: &str, what: &str| Problem::at(&["facts", "aws", key], what);
    for (key, period) in [
        ("refresh", aws.refresh),
        ("max_stale", aws.max_stale),
        ("lookup_timeout", aws.lookup_timeout),
        ("absent_for", aws.absent_for),
    ] {
        positive(key, period).map_err(|(key, what)| problem(key, &what))?;
    }
    if aws.max_stale.get() < aws.refresh.get() {
        return Err(problem(
            "max_stale",
            "is shorter than refresh: facts would go stale between two readings; write a longer one",
        ));
    }
    if aws.account.is_empty() {
        return Err(problem(
            "account",
            "no account is configured; add a [[facts.aws.account]] section with id and regions",
        ));
    }
    let mut ids = BTreeSet::new();
    for account in &aws.account {
        if AccountId::parse(&account.id).is_none() {
            let what = format!("id \"{}\" is not an account id; write its twelve digits in quotes", account.id);
            return Err(problem("account", &what));
        }
        if !ids.insert(&account.id) {
            return Err(problem("account", &format!("id \"{}\" appears twice; keep one section", account.id)));
        }
        if let Some(role) = account.role_arn.as_deref().filter(|role| RoleArn::parse(role).is_err()) {
            return Err(problem(
                "account",
                &format!("role_arn \"{role}\" of account {} is not a role ARN", account.id),
            ));
        }
        if account.external_id.is_some() && account.role_arn.is_none() {
            let what = format!(
                "external_id of account {} has no effect without role_arn; add it or remove external_id",
                account.id
            );
            return Err(problem("account", &what));
        }
        if account.serverless && account.regions.is_empty() {
            let what = format!("serverless of account {} has no effect without regions; name them", account.id);
            return Err(problem("account", &what));
        }
    }
    Ok(())
}

fn groups(config: &Config) -> Result<(), Problem> {
    for (group, users) in &config.policy.groups {
        if users.iter().any(String::is_empty) {
            return Err(Problem::at(&["policy", "groups", group], "holds an empty user name; remove it"));
        }
    }
    if config.policy.break_glass.iter().any(String::is_empty) {
        return Err(Problem::at(&["policy", "break_glass"], "holds an empty name of a group; remove it"));
    }
    Ok(())
}

fn time_zone(config: &Config) -> Result<(), Problem> {
    let name = &config.policy.time_zone;
    let problem = |_error| {
        let what =
            format!("\"{name}\" is not a time zone; write a name of the IANA database, such as \"Europe/Berlin\"");
        Problem::at(&["policy", "time_zone"], what)
    };
    TimeZone::get(name).map(|_zone| ()).map_err(problem)
}

fn name(gate: &GateSection) -> Result<(), String> {
    if is_name(&gate.name) {
        return Ok(());
    }
    Err(format!("\"{}\" cannot be a gate's name; use letters, digits, '.', '-' and '_'", gate.name))
}

fn upstream(gate: &GateSection) -> Result<(), (&'static str, String)> {
    let upstream = &gate.upstream;
    if upstream.ca.is_some() && !upstream.tls.verifies() {
        let what = "has no effect unless tls is \"verify-ca\" or \"verify-full\"; change tls or remove ca";
        return Err(("ca", what.to_owned()));
    }
    if let Some(name) = &upstream.server_name {
        if upstream.tls == TlsMode::Disable {
            return Err((
                "server_name",
                "has no effect when tls is \"disable\"; change tls or remove server_name".to_owned(),
            ));
        }
        if !is_name(name) && name.parse::<std::net::IpAddr>().is_err() {
            return Err(("server_name", format!("\"{name}\" is not a host name; write the name without a port")));
        }
    }
    positive("connect_timeout", upstream.connect_timeout)
}

fn limits(gate: &GateSection) -> Result<(), (&'static str, String)> {
    let limits = &gate.limits;
    if !STATEMENT_BYTES.contains(&limits.max_statement_bytes) {
        let (least, most) = (STATEMENT_BYTES.start(), STATEMENT_BYTES.end());
        let what = format!("{} is out of range; write {least} to {most}", limits.max_statement_bytes);
        return Err(("max_statement_bytes", what));
    }
    for (key, most) in [
        ("max_sessions", Some(limits.max_sessions)),
        ("max_sessions_per_user", limits.max_sessions_per_user),
        ("max_sessions_per_address", limits.max_sessions_per_address),
        ("max_unauthenticated", Some(limits.max_unauthenticated)),
        ("max_cancels", Some(limits.max_cancels)),
    ] {
        if most == Some(0) {
            return Err((key, "must be at least 1: 0 would let nobody in".to_owned()));
        }
    }
    for (key, period) in [("idle_timeout", limits.idle_timeout), ("session_lifetime", limits.session_lifetime)] {
        period.map_or(Ok(()), |period| positive(key, period))?;
    }
    positive("startup_timeout", limits.startup_timeout)
}

/// The shortest time from one look at the cluster's history to the next: each reads some hundred rows and the audit.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(10);

fn coverage(config: &Config, gate: &GateSection, coverage: &CoverageSection) -> Result<(), (&'static str, String)> {
    if gate.catalog.is_none() {
        return Err(("interval", "has no effect without [gate.catalog], over which the cluster is asked".to_owned()));
    }
    if coverage.interval.get() < SHORTEST_INTERVAL {
        return Err((
            "interval",
            "must be at least 10s; the cluster's history and the audit are read each time".to_owned(),
        ));
    }
    if !config.audit.is_file() && coverage.audit.is_empty() {
        return Err(("audit", "missing although [audit] writes to no file; name the files of the audit".to_owned()));
    }
    Ok(())
}

fn positive(key: &'static str, period: Period) -> Result<(), (&'static str, String)> {
    if period.get() > Duration::ZERO {
        return Ok(());
    }
    Err((key, "must be longer than zero; write a duration such as \"10s\"".to_owned()))
}

/// Names and addresses are used once. Port 0 stands for any free one, so it may repeat.
fn unique(config: &Config) -> Result<(), Problem> {
    let mut names = BTreeMap::new();
    let mut addresses = BTreeMap::from([(config.admin.listen, "admin.listen".to_owned())]);
    for (number, gate) in config.gate.iter().enumerate() {
        if let Some(first) = names.insert(&gate.name, number) {
            let what = format!("\"{}\" is already the name of gate[{first}]; give each gate its own", gate.name);
            return Err(Problem::in_gate(number, &["name"], what));
        }
        let used = addresses.insert(gate.listen, format!("gate[{number}].listen"));
        if let Some(other) = used.filter(|_| gate.listen.port() != 0) {
            let what = format!("{} is already used by {other}; give each its own address or port", gate.listen);
            return Err(Problem::in_gate(number, &["listen"], what));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
