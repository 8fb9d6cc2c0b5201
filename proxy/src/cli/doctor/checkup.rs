//! What a check found, and how it is told.

use serde::Serialize;
use serde_json::json;

use crate::observe::escape;

/// How something is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub(super) enum Health {
    /// As it should be.
    Good,
    /// The gate runs, but not as well or as safely as it could.
    Warning,
    /// The gate, or a part of it, will not work.
    Failed,
    /// What the check needs is not there.
    NotChecked,
}

/// The outcome of one check, with its remedy.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Checkup {
    /// Which check: a stable word for scripts.
    pub(super) check: &'static str,
    /// The gate, file or address that it is about.
    pub(super) subject: String,
    pub(super) health: Health,
    pub(super) found: String,
    /// What to do; empty when there is nothing to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) remedy: String,
}

impl Checkup {
    /// What was found begins with the subject in many errors: it is said once.
    pub(super) fn good(check: &'static str, subject: impl Into<String>, found: impl Into<String>) -> Self {
        let (subject, found): (String, String) = (subject.into(), found.into());
        let rest = found.strip_prefix(&subject).and_then(|rest| rest.strip_prefix(": ")).map(str::to_owned);
        Self { check, health: Health::Good, found: rest.unwrap_or(found), subject, remedy: String::new() }
    }

    pub(super) fn warning(
        check: &'static str,
        subject: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { health: Health::Warning, remedy: remedy.into(), ..Self::good(check, subject, found) }
    }

    pub(super) fn failed(
        check: &'static str,
        subject: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { health: Health::Failed, remedy: remedy.into(), ..Self::good(check, subject, found) }
    }

    pub(super) fn not_checked(
        check: &'static str,
        subject: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { health: Health::NotChecked, remedy: remedy.into(), ..Self::good(check, subject, found) }
    }
}

fn count(checkups: &[Checkup], health: Health) -> usize {
    checkups.iter().filter(|checkup| checkup.health == health).count()
}

/// A line for each check, its remedy below, and a closing line of counts.
pub(super) fn human(checkups: &[Checkup]) -> String {
    let mut text = String::new();
    for Checkup { check, subject, health, found, remedy } in checkups {
        let word = match health {
            Health::Good => "good",
            Health::Warning => "WARNING",
            Health::Failed => "FAILED",
            Health::NotChecked => "not checked",
        };
        text.push_str(&escape::lines(&format!("{word:<12} {check}: {subject}: {found}\n")));
        if !remedy.is_empty() {
            text.push_str(&escape::lines(&format!("{:<12}   {remedy}\n", "")));
        }
    }
    let [good, warnings, failed, not_checked] =
        [Health::Good, Health::Warning, Health::Failed, Health::NotChecked].map(|health| count(checkups, health));
    text + &format!("\n{good} good, {warnings} with a warning, {failed} failed, {not_checked} not checked\n")
}

/// One object with every check and their counts.
pub(super) fn json(checkups: &[Checkup]) -> String {
    let object = json!({
        "checks": checkups,
        "good": count(checkups, Health::Good),
        "warnings": count(checkups, Health::Warning),
        "failed": count(checkups, Health::Failed),
        "not_checked": count(checkups, Health::NotChecked),
    });
    format!("{object}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_said_once() {
        let found = |found: &str| Checkup::failed("policy", "/etc/a.toml", found, "").found;
        assert_eq!(found("/etc/a.toml: line 3: no"), "line 3: no");
        assert_eq!(found("/etc/a.toml.d: no"), "/etc/a.toml.d: no");
        assert_eq!(found("line 3: no"), "line 3: no");
    }

    #[test]
    fn both_forms() {
        let checkups = [
            Checkup::good("port", "127.0.0.1:5439", "free"),
            Checkup::failed("reach", "warehouse", "refused\u{1b}[31m", "open the\nsecurity group"),
        ];
        let text = human(&checkups);
        assert!(
            text.starts_with("good         port: 127.0.0.1:5439: free\nFAILED       reach: warehouse: refused"),
            "{text}"
        );
        assert!(
            text.ends_with("\n1 good, 0 with a warning, 1 failed, 0 not checked\n") && !text.contains('\u{1b}'),
            "{text}"
        );
        let object: serde_json::Value = serde_json::from_str(&json(&checkups)).unwrap();
        assert_eq!((&object["failed"], &object["checks"][1]["check"]), (&json!(1), &json!("reach")));
        assert_eq!((&object["checks"][1]["health"], &object["checks"][0]["remedy"]), (&json!("failed"), &json!(null)));
    }
}
