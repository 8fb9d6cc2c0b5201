//! `rolegate config show --for`: which mode applies to a user at each gate, and where it comes from.

use std::fmt::{self, Write as _};

use jiff::Timestamp;

use crate::cli::exceptions::about;
use crate::config::Config;
use crate::gate::modes::ModeSource;
use crate::gate::policy::Policy;
use crate::gate::principal::database_user;
use crate::observe::escape;
use crate::serve::build;

/// What applies to a user, as text; in the user's groups of the configuration unless these are given.
pub(super) fn of_user(config: &Config, login: &str, groups: Option<&[String]>) -> Result<String, String> {
    let (mut text, user) = (String::new(), database_user(login));
    for gate in &config.gate {
        let policy = build::policy_without_facts(config, gate).map_err(|error| error.to_string())?;
        let groups = groups.map_or_else(|| policy.groups_of(user), <[String]>::to_vec);
        // Writing to a String does not fail.
        let _infallible = write(&mut text, &gate.name, &policy, user, &groups);
    }
    Ok(escape::lines(&text))
}

fn write(text: &mut String, gate: &str, policy: &Policy, user: &str, groups: &[String]) -> fmt::Result {
    let (mode, source) = policy.modes().of_groups(groups);
    let shown = if groups.is_empty() { "no group".to_owned() } else { groups.join(", ") };
    writeln!(text, "gate {gate}, user {user}, in {shown}")?;
    if policy.reads_catalog() {
        writeln!(
            text,
            "  the cluster was not asked for its groups; say --groups for those that [gate.catalog] would add"
        )?;
    }
    writeln!(text, "  {mode}, by {}", words(&source))?;
    for (code, mode) in &policy.modes().by_code {
        writeln!(text, "  {mode} for {code}, by {}", words(&ModeSource::Code))?;
    }
    for (rule, mode) in policy.rules().modes() {
        writeln!(text, "  {mode} for rule \"{rule}\", by {}", words(&ModeSource::Rule))?;
    }
    let now = Timestamp::now();
    for exception in policy.exceptions().iter().filter(|one| one.is_for(user, groups) && !one.is_over(now)) {
        writeln!(text, "  exception \"{}\" until {}: {}", exception.id, exception.until, about(exception))?;
    }
    if let Some(group) = policy.break_glass().iter().find(|group| groups.contains(group)) {
        writeln!(text, "  refused nothing, by policy.break_glass (group \"{group}\")")?;
    }
    Ok(())
}

fn words(source: &ModeSource) -> String {
    match source {
        ModeSource::Policy => "policy.mode".to_owned(),
        ModeSource::Gate => "the gate's own mode".to_owned(),
        ModeSource::Group(group) => format!("policy.mode_by_group (group \"{group}\")"),
        ModeSource::Code => "policy.mode_by_code".to_owned(),
        ModeSource::Rule => "its @mode".to_owned(),
    }
}
