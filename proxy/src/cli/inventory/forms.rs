//! The inventory for people, as a table, and as a page.

use std::fmt::{self, Write};

use crate::cli::inventory::report::{InventoryReport, InventoryRow, RoleAnswer};
use crate::replay::table::safe;

/// The inventory as text for people.
pub(super) fn human(report: &InventoryReport) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _written = write_human(&mut text, report).is_ok();
    text
}

fn write_human(text: &mut String, report: &InventoryReport) -> fmt::Result {
    if let Some(answer) = &report.role {
        write_answer(text, answer)?;
    }
    writeln!(text, "stored credentials: {}", report.objects.len())?;
    for row in &report.objects {
        write_row(text, row)?;
    }
    if report.role.is_none() {
        writeln!(text, "attached roles that nothing begins with: {}", count(report.attached_unused.len()))?;
        for role in &report.attached_unused {
            writeln!(text, "  {role}")?;
        }
    }
    writeln!(text, "not known: {}", count(report.unknown.len()))?;
    for view in &report.unknown {
        writeln!(text, "  {}: {}", view.view, view.reason)?;
    }
    Ok(())
}

fn count(number: usize) -> String {
    if number == 0 { "none".to_owned() } else { number.to_string() }
}

fn write_answer(text: &mut String, answer: &RoleAnswer) -> fmt::Result {
    let how = match (answer.attached, answer.default) {
        (true, true) => "attached to the cluster, and its default role",
        (true, false) => "attached to the cluster",
        (false, _) => "not attached to the cluster",
    };
    writeln!(text, "{} ({how})", answer.role)?;
    for (title, rows) in [
        ("breaks if it is removed", &answer.breaks),
        ("still names it afterwards, for whoever makes a role of that name", &answer.stays_open),
    ] {
        writeln!(text, "{title}: {}", count(rows.len()))?;
        for row in rows {
            writeln!(text, "  {row}")?;
        }
    }
    if answer.cannot_tell > 0 {
        writeln!(text, "{} credentials are not known and may name it too", answer.cannot_tell)?;
    }
    writeln!(text)
}

fn place(row: &InventoryRow) -> String {
    let parts = [row.database.as_deref(), row.schema.as_deref(), Some(row.name.as_str())];
    parts.into_iter().flatten().collect::<Vec<_>>().join(".")
}

fn write_row(text: &mut String, row: &InventoryRow) -> fmt::Result {
    writeln!(text, "  {} {}, owner {}", row.kind, place(row), row.owner.as_deref().unwrap_or("not known"))?;
    match (&row.chain, &row.reason) {
        (Some(chain), _) => writeln!(text, "    {} {chain}", row.clause)?,
        (None, Some(reason)) => writeln!(text, "    {} {}: {reason}", row.clause, row.method)?,
        (None, None) if row.method != "none" => writeln!(text, "    {} {}", row.clause, row.method)?,
        (None, None) => {}
    }
    if !row.reads.is_empty() {
        writeln!(text, "    reads {}", row.reads.join(", "))?;
    }
    if let Some(grantees) = row.grantees.as_ref().filter(|names| !names.is_empty()) {
        writeln!(text, "    may be used by {}", grantees.join(", "))?;
    }
    if let Some(would_be) = row.would_be {
        writeln!(
            text,
            "    today: {would_be}{}",
            if row.codes.is_empty() { String::new() } else { format!(" ({})", row.codes.join(", ")) }
        )?;
    }
    for finding in &row.findings {
        writeln!(text, "      {} {}", finding.code, finding.message)?;
        if let Some(hint) = &finding.hint {
            writeln!(text, "      {hint}")?;
        }
    }
    match &row.last_used {
        Some(at) => writeln!(text, "    last used {at}"),
        None => Ok(()),
    }
}

const COLUMNS: [&str; 15] = [
    "kind",
    "database",
    "schema",
    "name",
    "owner",
    "grantees",
    "clause",
    "method",
    "chain",
    "reason",
    "reads",
    "would_be",
    "codes",
    "last_used",
    "learned_from",
];

fn cells(row: &InventoryRow) -> [String; 15] {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    [
        row.kind.to_owned(),
        text(&row.database),
        text(&row.schema),
        row.name.clone(),
        text(&row.owner),
        row.grantees.as_ref().map(|names| names.join(" ")).unwrap_or_default(),
        row.clause.to_owned(),
        row.method.to_owned(),
        text(&row.chain),
        text(&row.reason),
        row.reads.join(" "),
        row.would_be.unwrap_or_default().to_owned(),
        row.codes.join(" "),
        text(&row.last_used),
        row.learned_from.clone(),
    ]
}

/// Comma-separated values with a line of names.
pub(super) fn csv(report: &InventoryReport) -> String {
    let mut text = COLUMNS.join(",") + "\n";
    for row in &report.objects {
        text.push_str(&cells(row).map(|cell| csv_cell(&cell)).join(","));
        text.push('\n');
    }
    text
}

/// A cell; a spreadsheet takes none for a formula.
fn csv_cell(text: &str) -> String {
    let guarded = safe(text);
    if guarded.contains([',', '"', '\n', '\r']) { format!("\"{}\"", guarded.replace('"', "\"\"")) } else { guarded }
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem;color-scheme:light dark}table{border-collapse:collapse;\
font-size:13px}th,td{border:1px solid #8886;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}\
.reject{color:#c0392b}.unknown,.cut,.hidden{color:#b9770e}";

/// A page that needs nothing else.
pub(super) fn html(report: &InventoryReport) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>rolegate inventory</title><style>{STYLE}</style>\
         <h1>What the cluster stores</h1><pre>{}</pre><table><thead><tr>",
        escape(&summary(report))
    );
    for column in COLUMNS {
        page.extend(["<th>", column, "</th>"]);
    }
    page.push_str("</tr></thead><tbody>");
    for row in &report.objects {
        let class = row.would_be.filter(|would_be| *would_be == "reject").unwrap_or(row.method);
        page.extend(["<tr class=\"", &escape(class), "\">"]);
        for cell in cells(row) {
            page.extend(["<td>", &escape(&cell), "</td>"]);
        }
        page.push_str("</tr>");
    }
    page.push_str("</tbody></table></html>\n");
    page
}

/// A text within HTML, in an attribute or not.
fn escape(text: &str) -> String {
    let marks = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#39;")];
    marks.iter().fold(text.to_owned(), |text, (mark, written)| text.replace(mark, written))
}

fn summary(report: &InventoryReport) -> String {
    let mut text = format!("{} stored credentials\n", report.objects.len());
    if let Some(answer) = &report.role {
        let _written = write_answer(&mut text, answer).is_ok();
    }
    for role in &report.attached_unused {
        text.extend(["attached, and nothing begins with it: ", role, "\n"]);
    }
    for view in &report.unknown {
        text.extend(["not known: ", view.view, ": ", &view.reason, "\n"]);
    }
    text
}

#[cfg(test)]
mod tests;
