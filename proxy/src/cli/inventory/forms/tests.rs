use super::*;
use crate::cli::inventory::report::{InventoryFinding, UnknownView};

fn row() -> InventoryRow {
    InventoryRow {
        kind: "external_schema",
        database: Some("dev".to_owned()),
        schema: None,
        name: "lake".to_owned(),
        owner: Some("etl".to_owned()),
        grantees: Some(vec!["bi".to_owned(), "group ops".to_owned()]),
        clause: "iam_role",
        method: "chain",
        chain: Some("arn:aws:iam::123456789012:role/A,arn:aws:iam::123456789012:role/B".to_owned()),
        reason: None,
        reads: vec!["dev.raw".to_owned(), "dev.s.v".to_owned()],
        would_be: Some("reject"),
        codes: vec!["RG201", "RG301"],
        findings: vec![InventoryFinding {
            code: "RG201",
            message: "not attached".to_owned(),
            detail: Some("evidence".to_owned()),
            hint: Some("attach it".to_owned()),
        }],
        last_used: Some("2026-01-02T00:00:00Z".to_owned()),
        learned_from: "svv_external_schemas".to_owned(),
    }
}

fn report(objects: Vec<InventoryRow>) -> InventoryReport {
    InventoryReport { objects, attached_unused: Vec::new(), unknown: Vec::new(), role: None }
}

#[test]
fn an_object_for_people() {
    assert_eq!(
        human(&report(vec![row()])),
        "stored credentials: 1\n  external_schema dev.lake, owner etl\n    \
         iam_role arn:aws:iam::123456789012:role/A,arn:aws:iam::123456789012:role/B\n    reads dev.raw, dev.s.v\n    \
         may be used by bi, group ops\n    today: reject (RG201, RG301)\n      RG201 not attached\n      attach it\n    \
         last used 2026-01-02T00:00:00Z\nattached roles that nothing begins with: none\nnot known: none\n"
    );
}

/// (what is changed of an object, its lines but the first)
#[test]
fn what_is_not_known_of_an_object_is_left_out() {
    type Change = fn(&mut InventoryRow);
    let rows: &[(Change, &str)] = &[
        (|row| row.chain = None, "    iam_role chain\n"),
        (|row| (row.chain, row.method, row.clause) = (None, "default", "iam_role"), "    iam_role default\n"),
        (
            |row| (row.chain, row.method, row.reason) = (None, "hidden", Some("blanked by the cluster".to_owned())),
            "    iam_role hidden: blanked by the cluster\n",
        ),
        (|row| (row.chain, row.method, row.clause) = (None, "none", "none"), ""),
        (
            |row| row.reason = Some("never beside a chain".to_owned()),
            "    iam_role arn:aws:iam::123456789012:role/A,arn:aws:iam::123456789012:role/B\n",
        ),
        (|row| (row.chain, row.method, row.would_be) = (None, "none", Some("forward")), "    today: forward\n"),
        (|row| (row.chain, row.method, row.grantees) = (None, "none", Some(Vec::new())), ""),
    ];
    for (place, (change, want)) in rows.iter().enumerate() {
        let mut bare = InventoryRow {
            grantees: None,
            reads: Vec::new(),
            would_be: None,
            codes: Vec::new(),
            findings: Vec::new(),
            last_used: None,
            ..row()
        };
        change(&mut bare);
        let text = human(&report(vec![bare]));
        let told = text.strip_prefix("stored credentials: 1\n  external_schema dev.lake, owner etl\n").unwrap();
        assert_eq!(
            told.strip_suffix("attached roles that nothing begins with: none\nnot known: none\n"),
            Some(*want),
            "row {place}"
        );
    }
    let nobody =
        human(&report(vec![InventoryRow { owner: None, database: None, schema: Some("s".to_owned()), ..row() }]));
    assert!(nobody.contains("  external_schema s.lake, owner not known\n"), "{nobody}");
}

/// (attached, default, how it is said)
#[test]
fn an_answer_about_a_role() {
    for (attached, default, how) in [
        (true, true, "attached to the cluster, and its default role"),
        (true, false, "attached to the cluster"),
        (false, false, "not attached to the cluster"),
    ] {
        let answer = RoleAnswer {
            role: "arn:r".to_owned(),
            attached,
            default,
            breaks: vec!["view dev.s.v".to_owned()],
            stays_open: Vec::new(),
            cannot_tell: 2,
        };
        let mut one = report(Vec::new());
        (one.role, one.attached_unused) = (Some(answer), vec!["arn:other".to_owned()]);
        assert_eq!(
            human(&one),
            format!(
                "arn:r ({how})\nbreaks if it is removed: 1\n  view dev.s.v\nstill names it afterwards, for whoever makes a role of \
                 that name: none\n2 credentials are not known and may name it too\n\nstored credentials: 0\nnot known: none\n"
            )
        );
    }
}

#[test]
fn gaps_and_idle_roles_are_listed() {
    let mut one = report(Vec::new());
    one.attached_unused = vec!["arn:a".to_owned(), "arn:b".to_owned()];
    one.unknown = vec![UnknownView { view: "svv_copy_job", reason: "permission denied".to_owned() }];
    assert_eq!(
        human(&one),
        "stored credentials: 0\nattached roles that nothing begins with: 2\n  arn:a\n  arn:b\nnot known: 1\n  svv_copy_job: permission denied\n"
    );
    let page = html(&one);
    assert!(page.contains("<pre>0 stored credentials\nattached, and nothing begins with it: arn:a\n"), "{page}");
    assert!(page.contains("not known: svv_copy_job: permission denied\n</pre>"), "{page}");
}

fn read(report: &InventoryReport) -> Vec<Vec<String>> {
    let text = csv(report);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn every_cell_stands_under_its_name() {
    let rows = read(&report(vec![row()]));
    let cell = |name: &str| rows[1][rows[0].iter().position(|column| column == name).unwrap()].clone();
    for (name, want) in [
        ("kind", "external_schema"),
        ("database", "dev"),
        ("schema", ""),
        ("name", "lake"),
        ("owner", "etl"),
        ("grantees", "bi group ops"),
        ("clause", "iam_role"),
        ("method", "chain"),
        ("chain", "arn:aws:iam::123456789012:role/A,arn:aws:iam::123456789012:role/B"),
        ("reason", ""),
        ("reads", "dev.raw dev.s.v"),
        ("would_be", "reject"),
        ("codes", "RG201 RG301"),
        ("last_used", "2026-01-02T00:00:00Z"),
        ("learned_from", "svv_external_schemas"),
    ] {
        assert_eq!(cell(name), want, "{name}");
    }
    assert_eq!((rows.len(), rows[0].len(), rows[1].len()), (2, 15, 15));
    assert_eq!(csv(&report(Vec::new())).lines().count(), 1);
}

/// Whoever names a schema chooses what stands in a cell; it is read back as it was, and starts no formula.
#[test]
fn names_stay_within_their_cells() {
    for (name, want) in [
        ("a,b", "a,b"),
        ("a\"b\"", "a\"b\""),
        ("a\nb", "a\nb"),
        ("a\r\nb", "a\r\nb"),
        ("=cmd()", "'=cmd()"),
        ("+1,\"2\"", "'+1,\"2\""),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\t=x", "'\t=x"),
        ("\n=x", "'\n=x"),
        ("\u{ff1d}x", "'\u{ff1d}x"),
        ("", ""),
    ] {
        let rows = read(&report(vec![InventoryRow { name: name.to_owned(), ..row() }]));
        assert_eq!((rows.len(), rows[1][3].as_str()), (2, want), "{name:?}");
    }
}

/// Nothing that somebody named is markup.
#[test]
fn a_page_escapes_names() {
    let hostile = "<script>'\"&</script>".to_owned();
    let mut one = report(vec![InventoryRow {
        name: hostile.clone(),
        owner: Some(hostile.clone()),
        reason: Some(hostile.clone()),
        reads: vec![hostile.clone()],
        ..row()
    }]);
    one.attached_unused = vec![hostile.clone()];
    one.unknown = vec![UnknownView { view: "v", reason: hostile.clone() }];
    let page = html(&one);
    assert!(!page.contains("<script"), "{page}");
    assert_eq!(page.matches("&lt;script&gt;&#39;&quot;&amp;&lt;/script&gt;").count(), 6, "{page}");
}

/// (verdict, method, class of the row)
#[test]
fn a_row_of_the_page_has_a_class() {
    for (would_be, method, class) in [
        (Some("reject"), "chain", "reject"),
        (Some("annotate"), "chain", "chain"),
        (Some("forward"), "chain", "chain"),
        (None, "hidden", "hidden"),
        (None, "unknown", "unknown"),
    ] {
        let page = html(&report(vec![InventoryRow { method, would_be, ..row() }]));
        assert!(
            page.contains(&format!("<tr class=\"{class}\"><td>external_schema</td><td>dev</td><td></td><td>lake</td>")),
            "{page}"
        );
    }
}
