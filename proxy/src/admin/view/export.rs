//! Refusals for other programs: a table for a spreadsheet, and cases for `rolegate policy test`. Pure.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::admin::view::refusals::RefusalsView;
use crate::gate::codes::Severity;
use crate::observe::recent::RecentDecision;

/// Cases that a file holds.
pub(in crate::admin) const MAX_CASES: usize = 1_000;

/// The groups as comma-separated values.
pub(in crate::admin) fn csv(refusals: &RefusalsView) -> String {
    let head = "key,count,first_seen,last_seen,users,message,hint,example\r\n";
    let mut table = head.to_owned();
    for group in &refusals.groups {
        let cells = [
            cell(&group.key),
            group.count.to_string(),
            group.first_seen.to_string(),
            group.last_seen.to_string(),
            group.users.to_string(),
            cell(group.message.as_deref().unwrap_or_default()),
            cell(group.hint.as_deref().unwrap_or_default()),
            cell(&group.example),
        ];
        table.push_str(&cells.join(","));
        table.push_str("\r\n");
    }
    table
}

/// A text as a cell that no spreadsheet takes for a formula: one that begins like it is led by an apostrophe. Source: OWASP, "CSV
/// Injection".
fn cell(text: &str) -> String {
    let is_formula =
        text.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '|', '%', '＝', '＋', '－', '＠']);
    let begins_blank = text.starts_with(['\t', '\r', '\n']);
    let guard = if is_formula || begins_blank { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

/// What enforcement would do with these statements, as a file of cases, each text of a user once. Texts that were cut, or hold a mask
/// where a secret stood, cannot be judged again, and what was refused for another statement of its message is none alone; they are
/// counted in comments.
pub(in crate::admin) fn cases(decisions: impl Iterator<Item = RecentDecision>) -> String {
    let (mut cases, mut seen, mut left_out, mut more) = (String::new(), BTreeSet::new(), 0_usize, 0_usize);
    let mut others = 0_usize;
    for decision in decisions {
        let record = &decision.record;
        if record.truncated || record.statement.contains(crate::sql::MASK) {
            left_out = left_out.saturating_add(1);
        } else if !record.findings.iter().any(|finding| finding.severity == Severity::Reject) {
            others = others.saturating_add(1);
        } else {
            let key = (record.user.clone(), record.statement.clone());
            if seen.contains(&key) {
                continue;
            }
            if seen.len() >= MAX_CASES {
                more = more.saturating_add(1);
            } else {
                seen.insert(key);
                case(&mut cases, &decision, seen.len());
            }
        }
    }
    let mut head =
        "# Cases for `rolegate policy test`; name the configuration under test.\nconfig = \"rolegate.toml\"\n"
            .to_owned();
    for (count, what) in [
        (left_out, "were cut or hold a masked secret"),
        (others, "were refused for another statement of their message"),
        (more, "are beyond the limit of a file"),
    ] {
        if count > 0 {
            // Writing to a String does not fail.
            let _written = writeln!(head, "# {count} statements are left out, since they {what}.");
        }
    }
    head + &cases
}

fn case(cases: &mut String, decision: &RecentDecision, number: usize) {
    let record = &decision.record;
    let told = record.findings.iter().filter(|finding| finding.severity > Severity::Allow);
    let codes: BTreeSet<String> = told.map(|finding| text(finding.code.as_str())).collect();
    let codes = codes.into_iter().collect::<Vec<_>>().join(", ");
    let groups: Vec<String> = record.groups.iter().map(|group| text(group)).collect();
    let name = format!("{number}: {} of {}", record.kind, record.user);
    let lines = [
        ("name", text(&name)),
        ("user", text(&record.user)),
        ("groups", format!("[{}]", groups.join(", "))),
        ("database", text(&record.database)),
        ("application", text(&record.application)),
        ("client_address", record.client_address.as_deref().map(text).unwrap_or_default()),
        ("tls_subject", record.tls_subject.as_deref().map(text).unwrap_or_default()),
        ("time", text(&decision.time.to_string())),
        ("sql", text(&record.statement)),
        ("verdict", text(record.would_be.as_str())),
        ("codes", format!("[{codes}]")),
    ];
    cases.push_str("\n[[case]]\n");
    for (key, value) in lines.into_iter().filter(|(_, value)| !value.is_empty()) {
        // Writing to a String does not fail.
        let _written = writeln!(cases, "{key} = {value}");
    }
}

/// A text as TOML's basic string.
fn text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            letter if letter.is_control() => {
                let _written = write!(quoted, "\\u{:04X}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_no_formulas() {
        for (text, want) in [
            ("etl", "\"etl\""),
            ("a \"b\",\nc", "\"a \"\"b\"\",\nc\""),
            ("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@sum(1)", "\"'@sum(1)\""),
            ("\t=1", "\"'\t=1\""),
            ("  =1", "\"'  =1\""),
            ("\r=1", "\"'\r=1\""),
            ("", "\"\""),
        ] {
            assert_eq!(cell(text), want, "{text:?}");
        }
    }

    #[test]
    fn texts_are_quoted_as_toml_wants_it() {
        for (hostile, want) in [
            ("a", "\"a\""),
            ("\"\n[[case]]\n", "\"\\\"\\n[[case]]\\n\""),
            ("\\", "\"\\\\\""),
            ("\u{7f}\u{0}\u{1b}\t", "\"\\u007F\\u0000\\u001B\\u0009\""),
            ("é\u{2028}", "\"é\u{2028}\""),
        ] {
            assert_eq!(text(hostile), want, "{hostile:?}");
        }
    }
}
