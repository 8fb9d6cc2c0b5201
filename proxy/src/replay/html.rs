//! The report as one HTML file that needs nothing else: summary, time line, graph of chains and tables, light and dark.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use crate::gate::enforcement::Action;
use crate::replay::human;
use crate::replay::report::{DayRow, GroupRow, ReplayReport, UnknownRow};

const STYLE: &str = include_str!("html/style.css");

/// Groups that the graph draws.
const GRAPH_GROUPS: usize = 40;

/// The report as HTML.
#[must_use]
pub(crate) fn html(report: &ReplayReport) -> String {
    let mut page = String::new();
    // Writing to a String does not fail.
    let _written = write(&mut page, report).is_ok();
    page
}

/// A text within HTML, in an attribute or not.
#[must_use]
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
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
    let rows = report.changes.as_ref().unwrap_or(&report.groups);
    days(page, &report.days)?;
    graph(page, rows)?;
    let title = if report.changes.is_some() { "Changes" } else { "Groups" };
    groups(page, title, rows)?;
    unknown(page, &report.cannot_tell)?;
    writeln!(page, "</body>\n</html>")
}

/// A bar for each day.
fn days(page: &mut String, days: &[DayRow]) -> fmt::Result {
    let total = |day: &DayRow| day.refused.saturating_add(day.annotated);
    let Some(most) = days.iter().map(total).max().filter(|most| *most > 0) else { return Ok(()) };
    let width = days.len().saturating_mul(12);
    writeln!(
        page,
        "<h2>Time line</h2>\n<svg class=\"days\" width=\"{width}\" height=\"100\" role=\"img\" aria-label=\"Statements by day\">"
    )?;
    for (place, day) in days.iter().enumerate() {
        let height = |count: u64| count.saturating_mul(96).div_ceil(most);
        let (refused, annotated) = (height(day.refused), height(day.annotated));
        let x = place.saturating_mul(12);
        let title = format!("{}: {} refused, {} annotated", day.day, day.refused, day.annotated);
        writeln!(
            page,
            "<g><title>{}</title><rect class=\"annotate\" x=\"{x}\" y=\"{}\" width=\"10\" height=\"{annotated}\"/>\
             <rect class=\"reject\" x=\"{x}\" y=\"{}\" width=\"10\" height=\"{refused}\"/></g>",
            escape(&title),
            100_u64.saturating_sub(refused).saturating_sub(annotated),
            100_u64.saturating_sub(refused)
        )?;
    }
    writeln!(page, "</svg>")
}

/// User, roles and target of a group, from left to right.
fn path(row: &GroupRow) -> Vec<String> {
    let short = |role: &str| {
        let account = role.split(':').nth(4).unwrap_or_default();
        let name = role.rsplit('/').next().unwrap_or(role);
        if account.is_empty() { role.to_owned() } else { format!("{account}/{name}") }
    };
    let mut path = vec![row.user.clone()];
    path.extend(row.chain.split(',').filter(|role| !role.is_empty()).map(short));
    path.extend(row.target.clone());
    path
}

/// Who uses which chain on what: a column for each step.
fn graph(page: &mut String, rows: &[GroupRow]) -> fmt::Result {
    let rows: Vec<&GroupRow> = rows.iter().take(GRAPH_GROUPS).collect();
    let mut columns: Vec<BTreeMap<String, usize>> = Vec::new();
    let mut edges: BTreeMap<(usize, String, String), Action> = BTreeMap::new();
    for row in &rows {
        let path = path(row);
        for (place, name) in path.iter().enumerate() {
            if columns.len() <= place {
                columns.push(BTreeMap::new());
            }
            if let Some(column) = columns.get_mut(place) {
                let next = column.len();
                column.entry(name.clone()).or_insert(next);
            }
        }
        for (place, pair) in path.windows(2).enumerate() {
            if let [from, to] = pair {
                let action = edges.entry((place, from.clone(), to.clone())).or_insert(row.would_be);
                *action = (*action).max(row.would_be);
            }
        }
    }
    let tallest = columns.iter().map(BTreeMap::len).max().unwrap_or_default();
    if tallest == 0 {
        return Ok(());
    }
    let (width, height) = (columns.len().saturating_mul(260), tallest.saturating_mul(34));
    let at = |column: usize, name: &str| {
        let row = columns.get(column).and_then(|names| names.get(name)).copied().unwrap_or_default();
        (column.saturating_mul(260), row.saturating_mul(34).saturating_add(17))
    };
    writeln!(
        page,
        "<h2>Chains</h2>\n<div class=\"wide\"><svg class=\"graph\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"Chains\">"
    )?;
    for ((column, from, to), action) in &edges {
        let ((x, y), (to_x, to_y)) = (at(*column, from), at(column.saturating_add(1), to));
        let start = x.saturating_add(220);
        let middle = start.saturating_add(20);
        writeln!(page, "<path class=\"{action}\" d=\"M{start} {y} C{middle} {y} {middle} {to_y} {to_x} {to_y}\"/>")?;
    }
    for (column, names) in columns.iter().enumerate() {
        for name in names.keys() {
            let (x, y) = at(column, name);
            let short: String = name.chars().take(32).collect();
            writeln!(
                page,
                "<g><title>{}</title><rect x=\"{x}\" y=\"{}\" width=\"220\" height=\"26\" rx=\"4\"/><text x=\"{}\" y=\"{}\">{}</text></g>",
                escape(name),
                y.saturating_sub(13),
                x.saturating_add(8),
                y.saturating_add(5),
                escape(&short)
            )?;
        }
    }
    writeln!(page, "</svg></div>")
}

fn groups(page: &mut String, title: &str, rows: &[GroupRow]) -> fmt::Result {
    writeln!(
        page,
        "<h2>{title}</h2>\n<div class=\"wide\"><table>\n<thead><tr><th>Count<th>Would be<th>Why<th>Chain<th>User<th>Group<th>Application\
         <th>Kind<th>Target<th>Seen<th>Example</tr></thead>\n<tbody>"
    )?;
    for row in rows {
        let from = row.from.map(|from| format!("{from} \u{2192} ")).unwrap_or_default();
        let code = row.code.map(|code| code.to_string()).unwrap_or_default();
        let rule = row.rule.as_ref().map(|rule| format!(" (rule \u{201c}{rule}\u{201d})")).unwrap_or_default();
        let message = row.message.as_deref().unwrap_or_default();
        let (first, last) =
            (row.first_seen.as_deref().unwrap_or_default(), row.last_seen.as_deref().unwrap_or_default());
        write!(
            page,
            "<tr class=\"{}\"><td class=\"number\">{}<td>{from}{}<td><b>{code}</b> {}{}",
            row.would_be,
            human::thousands(row.count),
            row.would_be,
            escape(message),
            escape(&rule)
        )?;
        for text in [&row.chain.replace(',', ",\u{200b}"), &row.user, &row.group, &row.application, row.kind.as_str()] {
            write!(page, "<td>{}", escape(text))?;
        }
        writeln!(
            page,
            "<td>{}<td>{}<br>{}<td><details><summary>{}:{}</summary><pre>{}</pre></details></tr>",
            escape(row.target.as_deref().unwrap_or_default()),
            escape(first),
            escape(last),
            escape(&row.whole_example.source),
            row.whole_example.line,
            escape(&row.example)
        )?;
    }
    writeln!(page, "</tbody>\n</table></div>")
}

fn unknown(page: &mut String, rows: &[UnknownRow]) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(
        page,
        "<h2>Cannot be told</h2>\n<table>\n<thead><tr><th>Count<th>Why<th>User<th>Kind<th>Target</tr></thead>\n<tbody>"
    )?;
    for row in rows {
        writeln!(
            page,
            "<tr><td class=\"number\">{}<td>{}<td>{}<td>{}<td>{}</tr>",
            human::thousands(row.count),
            row.reason,
            escape(&row.user),
            row.kind,
            escape(row.target.as_deref().unwrap_or_default())
        )?;
    }
    writeln!(page, "</tbody>\n</table>")
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn nothing_of_a_statement_is_markup() {
        assert_eq!(
            escape("<script>alert('\"&')</script>"),
            "&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;"
        );
    }
}
