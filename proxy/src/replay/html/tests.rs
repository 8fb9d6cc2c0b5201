use super::*;
use crate::replay::human::tests::empty;
use crate::replay::report::DayRow;
use crate::replay::tests::{A, COPY, RULES, policy, record, replay, reported};

const ALL: &str = "@id(\"all\") permit (principal, action, resource);";

/// Everything of a report that somebody else chose, hostile: none of it is markup in the page.
#[test]
fn nothing_that_somebody_chose_is_markup() {
    const HOSTILE: &str = "<script>\"'&</script>";
    let mut one = record(HOSTILE, "copy t from 's3://<b>/x' iam_role '<i>role'");
    one.application = Some(HOSTILE.into());
    one.source = HOSTILE.into();
    let mut hidden = one.clone();
    (hidden.hidden, hidden.text) = (true, "copy t from 's3://<u>/x' iam_role '*'".into());
    let mut report = reported(&replay(policy(RULES), None), &[one, hidden]);
    report.groups[0].group = HOSTILE.to_owned();
    report.groups[0].rule = Some(HOSTILE.to_owned());
    report.groups[0].let_off.exceptions = vec![HOSTILE.to_owned()];
    let page = html(&report);
    let body = page.split_once("<body>").unwrap().1;
    for markup in ["<script", "<b>/", "<i>role", "<u>"] {
        assert!(!body.contains(markup), "{markup} in {body}");
    }
    assert!(body.contains("&lt;script&gt;&quot;&#39;&amp;&lt;/script&gt;"), "{body}");
    assert_eq!(body.matches("&lt;script&gt;").count(), page.matches("&lt;script&gt;").count(), "none before the body");
}

/// The page asks for nothing from anywhere.
#[test]
fn the_page_needs_nothing_else() {
    let page = html(&reported(&replay(policy(RULES), None), &[record("bob", COPY)]));
    assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">") && page.ends_with("</body>\n</html>\n"));
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
    for word in ["<script", "src=", "href=", "url(", "@import", "http://", "https://"] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn a_row_of_a_group() {
    let found = reported(&replay(policy(RULES), None), &[record("bob", COPY)]);
    let page = html(&found);
    let row = page.lines().find(|line| line.starts_with("<tr class=")).unwrap();
    let message = found.groups[0].message.as_deref().map(escape).unwrap();
    assert_eq!(
        row,
        format!(
            "<tr class=\"reject\"><td class=\"number\">1<td>reject<td class=\"why\"><b>RG301</b> {message} (rule \u{201c}no-bob\u{201d})\
             <td class=\"chain\">{A}<td>bob<br><span class=\"small\">etl</span><td>app-bob<td>copy<br><span class=\"small\">s3://landing</span>\
             <td class=\"time\">2026-01-02 03:04<br>2026-01-02 03:04<td><details><summary>week.jsonl:7</summary><pre>{}</pre></details></tr>",
            escape(COPY)
        )
    );
    assert!(
        page.contains("<h2>Groups</h2>\n<div class=\"wide\"><table>\n<thead><tr><th>Count<th>Would be<th>Why<th>Chain"),
        "{page}"
    );
}

#[test]
fn an_excepted_row_looks_otherwise() {
    let mut report = reported(&replay(policy(RULES), None), &[record("bob", COPY)]);
    report.groups[0].let_off.exceptions = vec!["SEC-1".to_owned()];
    let page = html(&report);
    assert!(
        page.contains("<tr class=\"excepted\">")
            && page.contains("; let through by exception SEC-1<td class=\"chain\">"),
        "{page}"
    );
    assert!(
        page.contains("<path class=\"excepted\"") && !page.contains("<path class=\"reject\""),
        "the graph, too: {page}"
    );
}

#[test]
fn changes_take_the_place_of_groups() {
    let found = reported(&replay(policy(ALL), Some(policy(RULES))), &[record("bob", COPY), record("etl", COPY)]);
    let page = html(&found);
    assert!(page.contains("<h2>Changes</h2>") && !page.contains("<h2>Groups</h2>"), "{page}");
    assert!(page.contains("<td>reject \u{2192} forward<td class=\"why\"><b>before</b> RG301: "), "{page}");
    assert!(page.contains("<br><b>now</b> nothing stands in its way<td"), "{page}");
    let versions = format!(
        "Policy version {}, compared with version {}. ",
        found.summary.policy_version,
        found.summary.old_policy_version.as_deref().unwrap()
    );
    assert!(page.contains(&versions), "{page}");
    let same = html(&reported(&replay(policy(ALL), Some(policy(ALL))), &[record("bob", COPY)]));
    assert!(same.contains("<h2>Changes</h2>\n<p>None.</p>"), "{same}");
}

#[test]
fn a_page_of_nothing() {
    let page = html(&empty());
    assert!(page.contains("<h2>Groups</h2>\n<p>None.</p>"), "{page}");
    for heading in ["Time line", "Chains", "Cannot be told", "<svg"] {
        assert!(!page.contains(heading), "{heading}");
    }
    assert!(page.contains("0 records, of which 0 were found twice and 0 are the cluster's own."), "{page}");
}

#[test]
fn what_cannot_be_told_has_a_table() {
    let mut hidden = record("etl", COPY);
    hidden.hidden = true;
    hidden.count = 1200;
    let page = html(&reported(&replay(policy(RULES), None), &[hidden]));
    assert!(
        page.contains(
            "<tr><td class=\"number\">1,200<td>the source hides their roles<td>etl<td>copy<td>s3://landing\
             <td class=\"time\">2026-01-02 03:04<br>2026-01-02 03:04</tr>"
        ),
        "{page}"
    );
}

/// The bars of days: as high as they are many, refused below annotated.
#[test]
fn bars_of_days() {
    let mut report = empty();
    let day = |day: &str, refused, annotated| DayRow { day: day.to_owned(), refused, annotated };
    report.days =
        vec![day("2026-01-01", 100, 0), day("2026-01-02", 0, 1), day("2026-01-04", 25, 25), day("2026-01-05", 0, 0)];
    let page = html(&report);
    let bars: Vec<&str> = page.lines().filter(|line| line.starts_with("<g><title>2026")).collect();
    let bar = |title: &str, x: usize, top: usize, annotated: usize, red: usize, refused: usize| {
        format!(
            "<g><title>{title}</title><rect class=\"annotate\" x=\"{x}\" y=\"{top}\" width=\"10\" height=\"{annotated}\"/>\
             <rect class=\"reject\" x=\"{x}\" y=\"{red}\" width=\"10\" height=\"{refused}\"/></g>"
        )
    };
    assert_eq!(
        bars,
        [
            bar("2026-01-01: 100 refused, 0 annotated", 0, 4, 0, 4, 96),
            bar("2026-01-02: 0 refused, 1 annotated", 12, 99, 1, 100, 0),
            bar("2026-01-04: 25 refused, 25 annotated", 36, 52, 24, 76, 24),
            bar("2026-01-05: 0 refused, 0 annotated", 48, 100, 0, 100, 0),
        ]
    );
    assert!(
        page.contains("the highest bar is 100 statements</p>")
            && page.contains("<svg class=\"days\" width=\"60\" height=\"100\""),
        "{page}"
    );
    assert!(page.contains("<p class=\"small\">2026-01-01 to 2026-01-05</p>"), "{page}");
    report.days = vec![day("2026-01-05", 0, 0)];
    assert!(!html(&report).contains("Time line"), "days on which nothing happened are no time line");
    report.days = vec![day("2026-01-05", u64::MAX, u64::MAX)];
    assert!(html(&report).contains("Time line"), "no count is too large");
}

/// (time, to the minute)
#[test]
fn times_are_told_to_the_minute() {
    for (time, want) in [
        (Some("2026-01-02T03:04:05Z"), "2026-01-02 03:04"),
        (Some("2026-01-02"), "2026-01-02"),
        (Some("\u{e9}"), "\u{e9}"),
        (Some("2026-01-02T03:0\u{e9}5"), "2026-01-02 03:0\u{e9}5"),
        (None, ""),
    ] {
        assert_eq!(minute(time), want);
    }
}
