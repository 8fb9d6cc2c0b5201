//! The report's groups, or its changes where two policies were compared, as CSV.

use crate::replay::report::{GroupRow, ReplayReport};

/// The names of the columns.
const COLUMNS: [&str; 21] = [
    "would_be",
    "code",
    "rule",
    "message",
    "chain",
    "user",
    "group",
    "application",
    "kind",
    "target",
    "count",
    "first_seen",
    "last_seen",
    "exceptions",
    "break_glass",
    "from",
    "from_reason",
    "from_exceptions",
    "from_break_glass",
    "to_reason",
    "example",
];

/// The report as CSV.
///
/// # Errors
/// None that writing to memory could have.
pub(crate) fn csv(report: &ReplayReport) -> Result<String, String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| error.to_string();
    writer.write_record(COLUMNS).map_err(failed)?;
    for row in report.changes.as_ref().unwrap_or(&report.groups) {
        writer.write_record(fields(row)).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn fields(row: &GroupRow) -> [String; 21] {
    let text = |value: &Option<String>| safe(value.as_deref().unwrap_or_default());
    let change = row.change.as_ref();
    [
        row.would_be.as_str().to_owned(),
        row.code.map(|code| code.to_string()).unwrap_or_default(),
        text(&row.rule),
        text(&row.message),
        safe(&row.chain),
        safe(&row.user),
        safe(&row.group),
        safe(&row.application),
        row.kind.to_string(),
        text(&row.target),
        row.count.to_string(),
        text(&row.first_seen),
        text(&row.last_seen),
        safe(&row.let_off.exceptions.join(" ")),
        text(&row.let_off.break_glass),
        change.map(|change| change.from.as_str()).unwrap_or_default().to_owned(),
        change.map(|change| text(&change.from_reason)).unwrap_or_default(),
        change.map(|change| safe(&change.from_exceptions.join(" "))).unwrap_or_default(),
        change.map(|change| text(&change.from_break_glass)).unwrap_or_default(),
        change.map(|change| text(&change.to_reason)).unwrap_or_default(),
        safe(&row.example),
    ]
}

/// A spreadsheet takes a field that begins so for a formula; statements and names are their senders' to choose.
fn safe(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn no_field_is_a_formula() {
        assert_eq!((safe("=1+1"), safe("etl"), safe("-- x")), ("'=1+1".into(), "etl".into(), "'-- x".into()));
    }
}
