//! The report for people: a summary line, groups, changes, and what cannot be told.

use std::fmt::{self, Write as _};

use crate::gate::enforcement::Action;
use crate::replay::judged::CannotTell;
use crate::replay::report::{GroupRow, ReplayReport, ReplaySummary, UnknownRow};

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
    match &report.changes {
        Some(changes) => {
            for row in changes {
                change(text, row)?;
            }
        }
        None => {
            for row in &report.groups {
                group(text, row)?;
            }
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
    let ReplaySummary { statements, with_roles, would_be, cannot_tell, unreadable, users, applications, .. } =
        &report.summary;
    let groups = report.groups.iter().filter(|row| row.would_be == Action::Reject).count();
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let mut line = format!(
        "{}, {} with roles, {} would be refused",
        plural(*statements, "statement", "statements"),
        thousands(*with_roles),
        thousands(would_be.reject)
    );
    if groups > 0 {
        let groups = plural(count(groups), "group", "groups");
        let users = plural(count(*users), "user", "users");
        let applications = plural(count(*applications), "application", "applications");
        let _written = write!(line, " in {groups}; {users}, {applications}").is_ok();
    }
    if let Some(changes) = &report.changes {
        let of = |is: fn(&GroupRow) -> bool| {
            changes.iter().filter(|row| is(row)).map(|row| row.count).fold(0, u64::saturating_add)
        };
        let refused = of(|row| row.to == Some(Action::Reject));
        let let_through = of(|row| row.from == Some(Action::Reject));
        let _written =
            write!(line, "; {} newly refused, {} newly let through", thousands(refused), thousands(let_through))
                .is_ok();
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
        Action::Reject => "refused",
        Action::Annotate => "annotated",
        Action::Forward => "let through",
    };
    writeln!(text, "{} x {word}: {}", thousands(row.count), why(row))?;
    about(text, row)
}

fn why(row: &GroupRow) -> String {
    let code = row.code.map(|code| code.to_string()).unwrap_or_default();
    let rule = row.rule.as_ref().map(|rule| format!(" (rule \"{rule}\")")).unwrap_or_default();
    format!("{code} {}{rule}", row.message.as_deref().unwrap_or_default())
}

fn change(text: &mut String, row: &GroupRow) -> fmt::Result {
    let word = |action: Option<Action>| action.map_or("forward", Action::as_str);
    writeln!(text, "{} x {} -> {}", thousands(row.count), word(row.from), word(row.to))?;
    for (name, reason) in [("before", &row.from_reason), ("now", &row.to_reason)] {
        writeln!(text, "  {name}: {}", reason.as_deref().unwrap_or("nothing stands in its way"))?;
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
    let why = match row.reason {
        CannotTell::Hidden => "the source hides their roles",
        CannotTell::Truncated => "part of their text is missing",
        CannotTell::Doubtful => "another text may have made them up",
        CannotTell::UserUnknown => "nobody knows whose they are; read an export of SVV_USER_INFO with them",
        CannotTell::TimeUnknown => "a rule looks at the time, which the source does not tell",
    };
    let on = row.target.as_ref().map(|target| format!(" on {target}")).unwrap_or_default();
    writeln!(text, "{} x cannot be told: {why}", thousands(row.count))?;
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
mod tests {
    use super::thousands;

    #[test]
    fn numbers() {
        for (number, want) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_204_331, "1,204,331"), (38_112, "38,112")] {
            assert_eq!(thousands(number), want);
        }
    }
}
