//! `rolegate iam unused`: what the facts allow and an audit shows nobody used.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::scope::Scope;
use crate::chain::{Chain, RoleArn};
use crate::cli::audit::files::each_line;
use crate::iam::{self, DefaultRole, Explorer};

/// Arguments of `rolegate iam unused`.
#[derive(Args, Debug)]
pub struct UnusedArguments {
    #[command(flatten)]
    scope: Scope,
    /// Audit files of the period that counts, compressed or not
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    audit: Vec<PathBuf>,
}

/// What is needed of an audit record.
#[derive(Deserialize)]
struct Record {
    time: String,
    user: String,
    verdict: String,
    role_uses: Vec<Use>,
    /// Uses of stored credentials, which no clause of the statement names.
    #[serde(default)]
    stored_uses: Vec<Use>,
}

#[derive(Deserialize)]
struct Use {
    method: String,
    roles: Vec<String>,
}

/// What the statements of an audit used.
#[derive(Default)]
struct Used {
    records: usize,
    period: Option<(String, String)>,
    /// Chains, each with the users who used it.
    chains: BTreeMap<Vec<RoleArn>, BTreeSet<String>>,
    default_role: bool,
}

pub(super) fn run(arguments: &UnusedArguments) -> Result<(), String> {
    let mut used = Used::default();
    each_line(&arguments.audit, |place, line, _| {
        used.line(line).map_err(|error| format!("{}:{}: {error}", place.file, place.line))
    })?;
    let policy = arguments.scope.policy()?;
    let (facts, cluster) = arguments.scope.facts(&policy)?;
    let (mut attachments, mut hops, mut statements) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (roles, users) in used.chains(cluster.default_role()) {
        attachments.extend(roles.first().cloned());
        for user in users {
            let caller = facts.caller(cluster, &user, None);
            let mut source = None;
            for role in &roles {
                let granting = iam::granting_statements(&facts.facts, source, role, &caller);
                statements.extend(granting.into_iter().map(|number| (role.clone(), number)));
                hops.extend(source.map(|source| (source.clone(), role.clone())));
                source = Some(role);
            }
        }
    }
    let mut explorer = Explorer::new(&facts.facts, facts.caller(cluster, "", None));
    let idle_attachments: Vec<_> =
        cluster.attached_roles().into_iter().filter(|role| !attachments.contains(role)).collect();
    let reachable = explorer.reachable();
    let mut idle_hops = Vec::new();
    let mut idle_statements = Vec::new();
    for role in &reachable {
        let next = explorer.next(role).iter().map(|link| (role.clone(), link.role.clone()));
        idle_hops.extend(next.filter(|hop| !hops.contains(hop)));
        let grants = iam::trust_statements(&facts.facts, role).into_iter();
        let idle = grants.filter(|(number, _)| !statements.contains(&(role.clone(), *number)));
        idle_statements.extend(idle.map(|(_, name)| (role.clone(), name)));
    }
    let json = json!({
        "cluster": cluster.name(), "records": used.records,
        "from": used.period.as_ref().map(|(from, _)| from), "to": used.period.as_ref().map(|(_, to)| to),
        "attachments": idle_attachments.iter().map(RoleArn::as_str).collect::<Vec<_>>(),
        "hops": idle_hops.iter().map(|(from, to)| json!({ "from": from.as_str(), "to": to.as_str() })).collect::<Vec<_>>(),
        "trust_statements": idle_statements
            .iter()
            .map(|(role, name)| json!({ "role": role.as_str(), "statement": name }))
            .collect::<Vec<_>>(),
    });
    let mut text = used.heading();
    section(&mut text, "attached and not used by the gate", idle_attachments.iter().map(RoleArn::to_string));
    section(
        &mut text,
        "hops that are allowed and not used",
        idle_hops.iter().map(|(from, to)| format!("{from} -> {to}")),
    );
    section(
        &mut text,
        "trust statements that let no used step through",
        idle_statements.iter().map(|(role, name)| format!("{role}: {name}")),
    );
    arguments.scope.print(&text, &json)
}

fn section(text: &mut String, title: &str, rows: impl Iterator<Item = String>) {
    let rows: Vec<_> = rows.collect();
    // Writing to a String does not fail.
    let _written =
        writeln!(text, "{title}: {}", if rows.is_empty() { "none".to_owned() } else { rows.len().to_string() });
    for row in rows {
        let _written = writeln!(text, "  {row}");
    }
}

/// Whether a line tells of a statement, and not of the gate. What has no kind of its own is taken for one.
fn is_verdict(line: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Told {
        event: Option<String>,
    }
    let told = serde_json::from_slice(line).ok().and_then(|told: Told| told.event);
    told.is_none_or(|event| matches!(event.as_str(), "verdict" | "break_glass"))
}

impl Used {
    /// Takes a line, and wants more.
    fn line(&mut self, line: &[u8]) -> Result<bool, String> {
        if !line.trim_ascii().is_empty() && is_verdict(line) {
            let record = serde_json::from_slice(line);
            self.count(
                record.map_err(|error| format!("no audit record: {error}; give files that [audit] path names"))?,
            );
        }
        Ok(true)
    }

    fn count(&mut self, record: Record) {
        self.records = self.records.saturating_add(1);
        let time = record.time;
        self.period = Some(match self.period.take() {
            None => (time.clone(), time),
            Some((from, to)) => (from.min(time.clone()), to.max(time)),
        });
        // A refused statement used nothing.
        let uses = record.role_uses.into_iter().chain(record.stored_uses);
        for role_use in uses.filter(|_| record.verdict != "reject") {
            self.default_role |= role_use.method == "default";
            if let ("chain", Ok(chain)) = (role_use.method.as_str(), Chain::parse(&role_use.roles.join(","))) {
                self.chains.entry(chain.roles().to_vec()).or_default().insert(record.user.clone());
            }
        }
    }

    /// The chains and their users; `IAM_ROLE default` stands for the cluster's default role.
    fn chains(&self, default_role: &DefaultRole) -> Vec<(Vec<RoleArn>, BTreeSet<String>)> {
        let by_default = match default_role {
            DefaultRole::Is(role) if self.default_role => Some(role),
            _ => None,
        };
        let by_default = by_default.map(|role| (vec![role.clone()], BTreeSet::from([String::new()])));
        self.chains.iter().map(|(roles, users)| (roles.clone(), users.clone())).chain(by_default).collect()
    }

    fn heading(&self) -> String {
        match &self.period {
            Some((from, to)) => format!("{} audit records, {from} to {to}\n", self.records),
            None => "0 audit records: everything counts as unused\n".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "arn:aws:iam::111122223333:role/A";

    /// (what the record is, whether the role counts as used)
    #[test]
    fn what_counts_as_use() {
        let one = |verdict: &str, event: &str, more: &str| {
            let used = format!("[{{\"method\":\"chain\",\"roles\":[\"{A}\"]}}]");
            let fields = if more.is_empty() {
                format!("\"role_uses\":{used}")
            } else {
                format!("\"role_uses\":[],\"{more}\":{used}")
            };
            format!("{{\"event\":\"{event}\",\"time\":\"t\",\"user\":\"etl\",\"verdict\":\"{verdict}\",{fields}}}")
        };
        for (line, is_used) in [
            (one("forward", "verdict", ""), true),
            (one("annotate", "break_glass", ""), true),
            (one("forward", "verdict", "stored_uses"), true),
            (one("reject", "verdict", ""), false),
            (one("reject", "verdict", "stored_uses"), false),
            (one("reject", "folded", ""), false),
            (one("forward", "outcome", ""), false),
            ("  ".to_owned(), false),
        ] {
            let mut used = Used::default();
            used.line(line.as_bytes()).unwrap();
            assert_eq!(used.chains.len(), usize::from(is_used), "{line}");
        }
        assert!(Used::default().line(b"{\"event\":\"verdict\"}").is_err());
    }

    #[test]
    fn a_section_counts_its_rows() {
        let told = |rows: &[&str]| {
            let mut text = String::new();
            section(&mut text, "hops", rows.iter().map(ToString::to_string));
            text
        };
        assert_eq!(
            (told(&[]), told(&["a -> b", "c -> d"])),
            ("hops: none\n".to_owned(), "hops: 2\n  a -> b\n  c -> d\n".to_owned())
        );
    }
}
