//! The report as one HTML file that needs nothing else: summary, time line, graph of chains and tables, light and dark.

mod days;
mod graph;
mod markup;

use std::fmt::{self, Write as _};

use crate::replay::html::markup::escape;
use crate::replay::human;
use crate::replay::report::{GroupRow, ReplayReport, ReplaySummary, UnknownRow};

const STYLE: &str = include_str!("html/style.css");

/// The report as HTML.
#[must_use]
pub(crate) fn html(report: &ReplayReport) -> String {
    let mut page = String::new();
    // Writing to a String does not fail.
    let _written = write(&mut page, report).is_ok();
    page
}

fn write(page: &mut String, report: &ReplayReport) -> fmt::Result {
    writeln!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>rolegate replay</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>What enforcement would do</h1>"
    )?;
    writeln!(page, "<p class=\"summary\">{}</p>", escape(&human::summary(report)))?;
    let ReplaySummary { policy_version, old_policy_version, records, combined, internal, .. } = &report.summary;
    let compared = old_policy_version.as_ref().map(|old| format!(", compared with version {old}")).unwrap_or_default();
    writeln!(
        page,
        "<p class=\"small\">Policy version {policy_version}{compared}. {} records, of which {} were found twice and {} are the \
         cluster's own.</p>",
        human::thousands(*records),
        human::thousands(*combined),
        human::thousands(*internal)
    )?;
    let rows = report.changes.as_ref().unwrap_or(&report.groups);
    days::days(page, &report.days)?;
    graph::graph(page, rows)?;
    groups(page, if report.changes.is_some() { "Changes" } else { "Groups" }, rows)?;
    unknown(page, &report.cannot_tell)?;
    writeln!(page, "</body>\n</html>")
}

/// A table's head, in a box of its own that scrolls.
fn table(page: &mut String, title: &str, columns: &[&str]) -> fmt::Result {
    write!(page, "<h2>{title}</h2>\n<div class=\"wide\"><table>\n<thead><tr>")?;
    columns.iter().try_for_each(|column| write!(page, "<th>{column}"))?;
    writeln!(page, "</tr></thead>\n<tbody>")
}

fn groups(page: &mut String, title: &str, rows: &[GroupRow]) -> fmt::Result {
    if rows.is_empty() {
        return writeln!(page, "<h2>{title}</h2>\n<p>None.</p>");
    }
    let columns = ["Count", "Would be", "Why", "Chain", "User", "Application", "Statement", "Seen", "Example"];
    table(page, title, &columns)?;
    rows.iter().try_for_each(|row| group(page, row))?;
    writeln!(page, "</tbody>\n</table></div>")
}

fn group(page: &mut String, row: &GroupRow) -> fmt::Result {
    let class = row.gravity();
    let from = row.change.as_ref().map(|change| format!("{} \u{2192} ", change.from)).unwrap_or_default();
    write!(
        page,
        "<tr class=\"{class}\"><td class=\"number\">{}<td>{from}{}<td class=\"why\">",
        human::thousands(row.count),
        row.would_be
    )?;
    why(page, row)?;
    write!(page, "<td class=\"chain\">{}", escape(&row.chain.replace(',', ",\u{200b}")))?;
    write!(page, "<td>{}", escape(&row.user))?;
    if !row.group.is_empty() {
        write!(page, "<br><span class=\"small\">{}</span>", escape(&row.group))?;
    }
    write!(page, "<td>{}<td>{}", escape(&row.application), row.kind)?;
    if let Some(target) = &row.target {
        write!(page, "<br><span class=\"small\">{}</span>", escape(target))?;
    }
    writeln!(
        page,
        "<td class=\"time\">{}<br>{}<td><details><summary>{}:{}</summary><pre>{}</pre></details></tr>",
        escape(&minute(row.first_seen.as_deref())),
        escape(&minute(row.last_seen.as_deref())),
        escape(&row.whole_example.source),
        row.whole_example.line,
        escape(&row.example)
    )
}

/// The reason; of a change, those of both sides.
fn why(page: &mut String, row: &GroupRow) -> fmt::Result {
    if let Some(change) = &row.change {
        let [(before, old), (now, new)] = human::sides(row, change);
        return write!(page, "<b>{before}</b> {}<br><b>{now}</b> {}", escape(&old), escape(&new));
    }
    let code = row.code.map(|code| code.to_string()).unwrap_or_default();
    let rule = row.rule.as_ref().map(|rule| format!(" (rule \u{201c}{rule}\u{201d})")).unwrap_or_default();
    let message = row.message.as_deref().unwrap_or_default();
    let let_off = row.let_off.words();
    write!(page, "<b>{code}</b> {}{}{}", escape(message), escape(&rule), escape(&let_off))
}

/// A time to the minute.
fn minute(time: Option<&str>) -> String {
    let time = time.unwrap_or_default();
    time.get(..16).unwrap_or(time).replace('T', " ")
}

fn unknown(page: &mut String, rows: &[UnknownRow]) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    table(page, "Cannot be told", &["Count", "Why", "User", "Kind", "Target", "Seen"])?;
    for row in rows {
        writeln!(
            page,
            "<tr><td class=\"number\">{}<td>{}<td>{}<td>{}<td>{}<td class=\"time\">{}<br>{}</tr>",
            human::thousands(row.count),
            row.reason.words(),
            escape(&row.user),
            row.kind,
            escape(row.target.as_deref().unwrap_or_default()),
            escape(&minute(row.first_seen.as_deref())),
            escape(&minute(row.last_seen.as_deref()))
        )?;
    }
    writeln!(page, "</tbody>\n</table></div>")
}

#[cfg(test)]
mod tests;
