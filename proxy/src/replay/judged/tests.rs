use super::*;
use crate::replay::tests::{COPY, RULES, policy, record};

/// What is said, in one word.
fn said(policy: &Policy, record: &StatementRecord<'_>) -> String {
    match judge(policy, record) {
        Judged::Plain => "plain".to_owned(),
        Judged::CannotTell(why) => why.to_string(),
        Judged::Verdict(verdict) => verdict.would_be.to_string(),
    }
}

/// (user, text, what is said)
#[test]
fn table() {
    let policy = policy(RULES);
    for (user, text, want) in [
        ("etl", "", "plain"),
        ("etl", "select 1", "plain"),
        ("etl", "select 'iam'", "plain"),
        ("etl", COPY, "forward"),
        ("bob", COPY, "reject"),
        ("carol", COPY, "annotate"),
        ("BOB", COPY, "forward"),
        ("IAM:bob", COPY, "reject"),
        ("IAMR:bob", COPY, "forward"),
        ("bob", "copy t from 's3://b/x'", "reject"),
        ("etl", "copy t from 's3://b/x' iam_role 'no role'", "reject"),
        ("bob", "select 1; copy t from 's3://b/x' iam_role default", "reject"),
    ] {
        assert_eq!(said(&policy, &record(user, text)), want, "{user}: {text}");
    }
}

/// Rules see the record's own database, application, address and time.
#[test]
fn a_record_is_judged_as_it_was_sent() {
    type Change = fn(&mut StatementRecord<'static>);
    let rules = "@id(\"all\") permit (principal, action, resource);
        @id(\"x\") forbid (principal, action, resource) when {
            context.database == \"prod\" && context.application == \"dbt\" && context has client_address &&
            context.client_address.isInRange(ip(\"10.0.0.0/8\")) && context.now < datetime(\"2026-01-01\") };";
    let policy = policy(rules);
    let rows: &[(Change, &str)] = &[
        (|_| {}, "reject"),
        (|record| record.database = Some("dev".into()), "forward"),
        (|record| record.database = None, "forward"),
        (|record| record.application = Some("psql".into()), "forward"),
        (|record| record.client_address = Some("192.0.2.1".into()), "forward"),
        (|record| record.client_address = None, "forward"),
        (|record| record.client_address = Some("no address".into()), "forward"),
        (|record| record.time = Some("2026-01-01T00:00:00Z".into()), "forward"),
        (|record| record.time = Some("2025-12-31 23:59:59.999".into()), "reject"),
        (|record| record.time = None, "time_unknown"),
    ];
    for (place, (change, want)) in rows.iter().enumerate() {
        let mut one = record("etl", COPY);
        (one.database, one.application) = (Some("prod".into()), Some("dbt".into()));
        (one.client_address, one.time) = (Some("10.9.8.7".into()), Some("2025-06-01T00:00:00Z".into()));
        change(&mut one);
        assert_eq!(said(&policy, &one), *want, "row {place}");
    }
}

/// (text, kind and target)
#[test]
fn kinds_and_targets() {
    let policy = policy(RULES);
    for (text, kind, target) in [
        ("select 1", "none", None),
        (COPY, "copy", Some("s3://landing")),
        ("unload ('select 1') to 's3://out/a/b' iam_role default", "unload", Some("s3://out")),
        ("select 1; copy t from 's3://b/x' iam_role default", "copy", Some("s3://b")),
    ] {
        let (found, on) = kind_and_target(&policy, text);
        assert_eq!((found.as_str(), on.as_deref()), (kind, target), "{text}");
    }
}

/// Each reason has words of its own.
#[test]
fn reasons_have_words() {
    use strum::VariantArray as _;
    let words: std::collections::BTreeSet<&str> = CannotTell::VARIANTS.iter().map(|why| why.words()).collect();
    assert_eq!(words.len(), CannotTell::VARIANTS.len());
}
