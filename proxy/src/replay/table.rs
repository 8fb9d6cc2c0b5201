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

/// What a formula begins with, in full width too. Source: OWASP, "CSV Injection".
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// A spreadsheet takes a field that begins so for a formula; statements and names are their senders' to choose.
#[must_use]
pub(crate) fn safe(text: &str) -> String {
    if text.starts_with(FORMULA) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::tests::{COPY, RULES, policy, record, replay, reported};

    /// (field, how it is written)
    #[test]
    fn no_field_is_a_formula() {
        for (text, want) in [
            ("", ""),
            ("etl", "etl"),
            ("a=1", "a=1"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-- x", "'-- x"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("\n=1", "'\n=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("\u{ff20}x", "'\u{ff20}x"),
            ("'=1", "'=1"),
        ] {
            assert_eq!(safe(text), want);
        }
    }

    fn read(report: &ReplayReport) -> Vec<Vec<String>> {
        let text = csv(report).unwrap();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    /// A field of a column, by name, of the first row.
    fn field(rows: &[Vec<String>], name: &str) -> String {
        let place = COLUMNS.iter().position(|column| *column == name).unwrap();
        assert_eq!(rows[0][place], name, "the head names the column");
        rows[1][place].clone()
    }

    #[test]
    fn every_field_stands_under_its_name() {
        let mut report = reported(&replay(policy(RULES), None), &[record("bob", COPY)]);
        report.groups[0].let_off.exceptions = vec!["SEC-1".to_owned(), "SEC-2".to_owned()];
        let rows = read(&report);
        for (name, want) in [
            ("would_be", "reject"),
            ("code", "RG301"),
            ("rule", "no-bob"),
            ("message", report.groups[0].message.as_deref().unwrap()),
            ("chain", "arn:aws:iam::123456789012:role/RoleA"),
            ("user", "bob"),
            ("group", "etl"),
            ("application", "app-bob"),
            ("kind", "copy"),
            ("target", "s3://landing"),
            ("count", "1"),
            ("first_seen", "2026-01-02T03:04:05Z"),
            ("last_seen", "2026-01-02T03:04:05Z"),
            ("exceptions", "SEC-1 SEC-2"),
            ("break_glass", ""),
            ("from_break_glass", ""),
            ("from", ""),
            ("from_reason", ""),
            ("from_exceptions", ""),
            ("to_reason", ""),
            ("example", COPY),
        ] {
            assert_eq!(field(&rows, name), want, "{name}");
        }
        assert_eq!((rows.len(), rows[0].len()), (2, COLUMNS.len()));
    }

    #[test]
    fn changes_have_both_sides() {
        let all = "@id(\"all\") permit (principal, action, resource);";
        let rows =
            read(&reported(&replay(policy(all), Some(policy(RULES))), &[record("bob", COPY), record("etl", COPY)]));
        assert_eq!(rows.len(), 2, "what does not change is no row");
        assert_eq!(
            (field(&rows, "from"), field(&rows, "would_be"), field(&rows, "to_reason")),
            ("reject".into(), "forward".into(), String::new())
        );
        assert!(field(&rows, "from_reason").starts_with("RG301: ") && field(&rows, "rule") == "no-bob");
    }

    /// Line breaks, commas and quotes of a statement stay within their field.
    #[test]
    fn a_statement_is_one_field() {
        let text = "copy \"t,\"\r\nfrom 's3://b/x'\n iam_role 'no \"role\"'";
        let rows = read(&reported(&replay(policy(RULES), None), &[record("=etl", text)]));
        assert_eq!((field(&rows, "example"), field(&rows, "user")), (text.to_owned(), "'=etl".to_owned()));
    }

    #[test]
    fn a_report_of_nothing_has_its_head() {
        let text = csv(&reported(&replay(policy(RULES), None), &[])).unwrap();
        assert_eq!(text, COLUMNS.join(",") + "\n");
    }
}
