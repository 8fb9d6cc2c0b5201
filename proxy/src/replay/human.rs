//! The report for people: a summary line, groups, changes, and what cannot be told.

use std::fmt::{self, Write as _};

use crate::gate::enforcement::Action;
use crate::replay::judged::CannotTell;
use crate::replay::report::{GroupRow, ReplayReport, ReplaySummary, RowChange, UnknownRow};

/// Characters of an example that are shown.
const EXAMPLE_CHARACTERS: usize = 160;

/// The report as text.
#[must_use]
pub(crate) fn human(report: &ReplayReport) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _written = write(&mut text, report).is_ok();
    text
}

fn write(text: &mut String, report: &ReplayReport) -> fmt::Result {
    for row in report.changes.as_ref().unwrap_or(&report.groups) {
        match &row.change {
            Some(one) => change(text, row, one)?,
            None => group(text, row)?,
        }
    }
    for row in &report.cannot_tell {
        unknown(text, row)?;
    }
    advice(text, report)?;
    writeln!(text, "{}", summary(report))
}

pub(crate) fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(count), if count == 1 { one } else { many })
}

/// A number with commas.
#[must_use]
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && digits.len().saturating_sub(place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The last line of a report.
#[must_use]
pub(crate) fn summary(report: &ReplayReport) -> String {
    let ReplaySummary { statements, with_roles, would_be, excepted, cannot_tell, unreadable, .. } = &report.summary;
    let ReplaySummary { users, applications, break_glass, .. } = &report.summary;
    let groups = report.groups.iter().filter(|row| row.is_refused()).count();
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let mut line = format!(
        "{}, {} with roles, {} would be refused",
        plural(*statements, "statement", "statements"),
        thousands(*with_roles),
        thousands(would_be.reject.saturating_sub(*excepted).saturating_sub(*break_glass))
    );
    if groups > 0 {
        let groups = plural(count(groups), "group", "groups");
        let users = plural(count(*users), "user", "users");
        let applications = plural(count(*applications), "application", "applications");
        let _written = write!(line, " in {groups}; {users}, {applications}").is_ok();
    }
    if *excepted > 0 {
        let _written = write!(line, "; {} let through by exceptions", thousands(*excepted)).is_ok();
    }
    if *break_glass > 0 {
        let _written = write!(line, "; {} let through by break-glass", thousands(*break_glass)).is_ok();
    }
    if let Some(changes) = &report.changes {
        let of = |is: fn(&RowChange) -> bool| {
            let rows = changes.iter().filter(|row| row.change.as_ref().is_some_and(is));
            thousands(rows.map(|row| row.count).fold(0, u64::saturating_add))
        };
        let (refused, let_through) = (of(|one| one.is_newly_refused), of(|one| one.is_newly_let_through));
        let _written = write!(line, "; {refused} newly refused, {let_through} newly let through").is_ok();
    }
    for (number, what) in [(*cannot_tell, "cannot be told"), (*unreadable, "unreadable")] {
        if number > 0 {
            let _written = write!(line, "; {} {what}", thousands(number)).is_ok();
        }
    }
    line
}

fn group(text: &mut String, row: &GroupRow) -> fmt::Result {
    let word = match row.would_be {
        Action::Reject if row.let_off.is_nothing() => "refused",
        Action::Reject if row.let_off.break_glass.is_some() => "let through by break-glass",
        Action::Reject => "let through by exceptions",
        Action::Annotate => "annotated",
        Action::Forward => "let through",
    };
    writeln!(text, "{} x {word}: {}{}", thousands(row.count), why(row), row.let_off.words())?;
    about(text, row)
}

fn why(row: &GroupRow) -> String {
    let code = row.code.map(|code| code.to_string()).unwrap_or_default();
    let rule = row.rule.as_ref().map(|rule| format!(" (rule \"{rule}\")")).unwrap_or_default();
    format!("{code} {}{rule}", row.message.as_deref().unwrap_or_default())
}

/// What either policy says of a change: a word and the reason.
#[must_use]
pub(crate) fn sides(row: &GroupRow, change: &RowChange) -> [(&'static str, String); 2] {
    let reason = |reason: &Option<String>| reason.clone().unwrap_or_else(|| "nothing stands in its way".to_owned());
    [
        ("before", reason(&change.from_reason) + &change.from_let_off.words()),
        ("now", reason(&change.to_reason) + &row.let_off.words()),
    ]
}

fn change(text: &mut String, row: &GroupRow, change: &RowChange) -> fmt::Result {
    writeln!(text, "{} x {} -> {}", thousands(row.count), change.from, change.to)?;
    for (name, reason) in sides(row, change) {
        writeln!(text, "  {name}: {reason}")?;
    }
    about(text, row)
}

fn about(text: &mut String, row: &GroupRow) -> fmt::Result {
    let on = row.target.as_ref().map(|target| format!(" on {target}")).unwrap_or_default();
    let named = |what: &str, name: &str| if name.is_empty() { String::new() } else { format!(", {what} {name}") };
    writeln!(
        text,
        "  {}{on} by {}{}{}",
        row.kind,
        row.user,
        named("groups", &row.group),
        named("applications", &row.application)
    )?;
    writeln!(text, "  chain: {}", row.chain)?;
    seen(text, row.first_seen.as_deref(), row.last_seen.as_deref())?;
    let one_line = row.example.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String = one_line.chars().take(EXAMPLE_CHARACTERS).collect();
    if shown.len() < one_line.len() {
        shown.push_str(" ...");
    }
    writeln!(text, "  {}:{}: {shown}\n", row.whole_example.source, row.whole_example.line)
}

fn seen(text: &mut String, first: Option<&str>, last: Option<&str>) -> fmt::Result {
    match first.zip(last) {
        Some((first, last)) => writeln!(text, "  seen: {first} to {last}"),
        None => Ok(()),
    }
}

fn unknown(text: &mut String, row: &UnknownRow) -> fmt::Result {
    let on = row.target.as_ref().map(|target| format!(" on {target}")).unwrap_or_default();
    writeln!(text, "{} x cannot be told: {}", thousands(row.count), row.reason.words())?;
    writeln!(text, "  {}{on} by {}", row.kind, row.user)?;
    seen(text, row.first_seen.as_deref(), row.last_seen.as_deref())?;
    text.push('\n');
    Ok(())
}

/// Which sources would show what is hidden.
fn advice(text: &mut String, report: &ReplayReport) -> fmt::Result {
    if !report.cannot_tell.iter().any(|row| row.reason == CannotTell::Hidden) {
        return Ok(());
    }
    writeln!(
        text,
        "The cluster blanks roles in its own history. The gate's audit in shadow mode shows them, and the user activity log may."
    )?;
    if report.shown.is_empty() {
        return writeln!(text, "None of the inputs shows a role.\n");
    }
    for row in &report.shown {
        writeln!(
            text,
            "Roles stand in the inputs' {} on {}.",
            row.source,
            plural(u64::try_from(row.days).unwrap_or(u64::MAX), "day", "days")
        )?;
    }
    text.push('\n');
    Ok(())
}

#[cfg(test)]
pub(in crate::replay) mod tests;
