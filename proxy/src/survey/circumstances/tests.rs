use std::collections::BTreeSet;

use super::*;
use crate::survey::tests::{ALL, forbid, gate, values};

fn around(condition: &str) -> Vec<Surroundings> {
    circumstances(&values(&forbid(condition)), &[gate("demo"), gate("other")], &[TimeZone::UTC])
}

fn told<T: Ord>(all: &[Surroundings], what: impl Fn(&Surroundings) -> T) -> BTreeSet<T> {
    all.iter().map(what).collect()
}

fn strings(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn a_rule_that_looks_at_nothing_has_the_usual() {
    let all = circumstances(&values(ALL), &[gate("demo"), gate("other")], &[TimeZone::UTC]);
    assert_eq!(all.len(), 1);
    let usual = &all[0];
    assert_eq!(usual.label(), "gate demo");
    assert_eq!(
        (usual.gate.name.as_str(), usual.database.as_str(), usual.application.as_str()),
        ("demo", STRANGER, STRANGER)
    );
    assert_eq!(
        (usual.client_address.to_string().as_str(), usual.now.to_string().as_str()),
        ("203.0.113.7", "2026-01-05T12:00:00Z")
    );
    assert!(usual.tls_subject.is_none() && usual.tls_names.is_empty());
    let nowhere = circumstances(&values(ALL), &[], &[]);
    assert_eq!((nowhere.len(), nowhere[0].gate.name.as_str(), nowhere[0].gate.account), (1, STRANGER, None));
}

/// (condition, databases, applications)
#[test]
fn names_that_rules_hold_and_a_stranger() {
    let rows: &[(&str, &[&str], &[&str])] = &[
        ("context.database == \"prod\"", &["prod", STRANGER], &[STRANGER]),
        ("context.database != \"prod\"", &["prod", STRANGER], &[STRANGER]),
        ("[\"a\", \"b\"].contains(context.database)", &["a", "b", STRANGER], &[STRANGER]),
        ("context.application like \"dbt*\"", &[STRANGER], &["dbtx", STRANGER]),
        ("context.database == \"a\" || context.application == \"b\"", &["a", STRANGER], &["b", STRANGER]),
    ];
    for (condition, databases, applications) in rows {
        let all = around(condition);
        assert_eq!(told(&all, |one| one.database.clone()), strings(databases), "{condition}");
        assert_eq!(told(&all, |one| one.application.clone()), strings(applications), "{condition}");
        assert_eq!(all.len(), databases.len() * applications.len(), "each with each, and none twice: {condition}");
    }
}

/// What two rules name is not combined: each has its own combinations.
#[test]
fn rules_do_not_multiply_each_other() {
    let two = format!(
        "{}{}",
        forbid("context.database == \"a\"").replace("\"x\"", "\"one\""),
        forbid("context.application == \"b\"")
    );
    let all = circumstances(&values(&two), &[gate("demo")], &[TimeZone::UTC]);
    let pairs = told(&all, |one| (one.database.clone(), one.application.clone()));
    let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
    assert_eq!(pairs, BTreeSet::from([pair(STRANGER, STRANGER), pair("a", STRANGER), pair(STRANGER, "b")]));
    assert_eq!(all.len(), 3);
}

#[test]
fn gates_are_told_apart_where_a_rule_looks_at_them() {
    let rows: [(&str, &[&str]); 5] = [
        ("context.gate == \"demo\"", &["demo", "other", STRANGER]),
        ("context.cluster == \"x\"", &["demo", "other", STRANGER]),
        ("context has cluster_account", &["demo", "other", STRANGER]),
        ("context.database == \"gate\"", &["demo"]),
        ("context.database == \"\\\"attr\\\":\\\"gate\\\"\"", &["demo"]),
    ];
    for (condition, want) in rows {
        assert_eq!(told(&around(condition), |one| one.gate.name.clone()), strings(want), "{condition}");
    }
}

/// (condition, addresses beside the two strangers)
#[test]
fn addresses_within_each_network_and_strangers() {
    let is_in =
        |range: &str| format!("context has client_address && context.client_address.isInRange(ip(\"{range}\"))");
    for (range, want) in [
        ("10.0.0.0/8", "10.0.0.0"),
        ("10.1.2.3/32", "10.1.2.3"),
        ("192.0.2.9", "192.0.2.9"),
        ("2001:db8::/32", "2001:db8::"),
        ("::1", "::1"),
        ("203.0.113.0/24", "203.0.113.0"),
    ] {
        let all = told(&around(&is_in(range)), |one| one.client_address.to_string());
        assert_eq!(all, strings(&[want, "203.0.113.7", "198.51.100.7"]), "{range}");
    }
    let both = format!("{} || {}", is_in("10.0.0.0/8"), is_in("172.16.0.0/12"));
    assert_eq!(told(&around(&both), |one| one.client_address).len(), 4);
    assert_eq!(told(&around("context.database == \"d\""), |one| one.client_address).len(), 1);
}

/// A certificate with the names and without, one of a stranger, and none.
#[test]
fn certificates() {
    let of = |condition: &str| told(&around(condition), |one| (one.tls_subject.clone(), one.tls_names.join(",")));
    let with = |subject: &str, names: &str| (Some(subject.to_owned()), names.to_owned());
    let none = (None, String::new());
    assert_eq!(of("context.database == \"d\""), BTreeSet::from([none.clone()]));
    assert_eq!(of("context has tls_subject"), BTreeSet::from([none.clone(), with(STRANGER, "")]));
    assert_eq!(
        of("context has tls_subject && context.tls_subject == \"CN=etl\""),
        BTreeSet::from([none.clone(), with("CN=etl", ""), with(STRANGER, "")])
    );
    assert_eq!(
        of("context.tls_names.containsAny([\"b\", \"a\"])"),
        BTreeSet::from([none.clone(), with(STRANGER, ""), with(STRANGER, "a,b")])
    );
    assert_eq!(
        of("context has tls_subject && context.tls_subject like \"CN=*\" && context.tls_names.contains(\"a\")"),
        BTreeSet::from([none, with("CN=x", ""), with("CN=x", "a"), with(STRANGER, ""), with(STRANGER, "a")])
    );
}

/// A second before, at and after what a rule names.
#[test]
fn times_that_rules_name() {
    let usual = "2026-01-05T12:00:00Z";
    for (named, want) in [
        ("2024-02-29", ["2024-02-28T23:59:59Z", "2024-02-29T00:00:00Z", "2024-02-29T00:00:01Z"]),
        ("2024-02-29T11:00:00Z", ["2024-02-29T10:59:59Z", "2024-02-29T11:00:00Z", "2024-02-29T11:00:01Z"]),
        ("2024-02-29T11:00:00.250Z", ["2024-02-29T10:59:59.25Z", "2024-02-29T11:00:00.25Z", "2024-02-29T11:00:01.25Z"]),
        ("2024-02-29T11:00:00+0130", ["2024-02-29T09:29:59Z", "2024-02-29T09:30:00Z", "2024-02-29T09:30:01Z"]),
        ("2024-02-29T11:00:00.000-0800", ["2024-02-29T18:59:59Z", "2024-02-29T19:00:00Z", "2024-02-29T19:00:01Z"]),
    ] {
        let all = told(&around(&format!("context.now < datetime(\"{named}\")")), |one| one.now.to_string());
        let want: BTreeSet<String> = want.iter().map(ToString::to_string).chain([usual.to_owned()]).collect();
        assert_eq!(all, want, "{named}");
    }
}

/// The hour that is named and its neighbours, where there are any.
#[test]
fn hours_that_rules_name() {
    let hours = |condition: &str, zone: TimeZone| -> Vec<i8> {
        let all = circumstances(&values(&forbid(condition)), &[gate("demo")], std::slice::from_ref(&zone));
        let mut hours: Vec<i8> = all.iter().map(|one| zone.to_datetime(one.now).hour()).collect();
        hours.sort_unstable();
        hours.dedup();
        hours
    };
    for (condition, want) in [
        ("context.hour < 6", vec![5, 6, 7, 12]),
        ("context.hour == 0", vec![0, 1, 12]),
        ("context.hour == 23", vec![12, 22, 23]),
        ("context.hour < 6 || context.hour >= 22", vec![5, 6, 7, 12, 21, 22, 23]),
        ("context.hour == 24", vec![12, 23]),
        ("context.hour == -1", vec![0, 12]),
        ("context.hour == 9223372036854775807", vec![12]),
    ] {
        assert_eq!(hours(condition, TimeZone::UTC), want, "{condition}");
    }
    let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
    assert_eq!(hours("context.hour < 6", tokyo), [5, 6, 7, 21], "noon of UTC is nine in the evening there");
}

/// Every weekday, with every hour that is named beside it, in every zone.
#[test]
fn weekdays() {
    let seen = |condition: &str, zones: &[TimeZone]| {
        let all = circumstances(&values(&forbid(condition)), &[gate("demo")], zones);
        let first = zones[0].clone();
        told(&all, |one| {
            let local = first.to_datetime(one.now);
            (local.weekday().to_monday_one_offset(), local.hour())
        })
    };
    let noon: BTreeSet<(i8, i8)> = (1..=7).map(|day| (day, 12)).collect();
    assert_eq!(seen("context.weekday == \"sunday\"", &[TimeZone::UTC]), noon);
    let night = seen("context.weekday == \"sunday\" && context.hour < 1", &[TimeZone::UTC]);
    let want: BTreeSet<(i8, i8)> = (1..=7).flat_map(|day| [0, 1, 2].map(|hour| (day, hour))).chain([(1, 12)]).collect();
    assert_eq!(night, want);
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let two = seen("context.weekday == \"sunday\"", &[TimeZone::UTC, berlin]);
    assert_eq!(two.len(), 14, "noon of either zone: {two:?}");
}

/// What is other than usual is said, in a fixed order.
#[test]
fn labels() {
    let usual = Surroundings::usual(&gate("demo"));
    let rows = [
        (Change::Gate(gate("other")), "gate other"),
        (Change::Database("prod".to_owned()), "gate demo, database prod"),
        (Change::Application("dbt".to_owned()), "gate demo, application dbt"),
        (Change::Address("10.0.0.1".parse().unwrap()), "gate demo, address 10.0.0.1"),
        (Change::Certificate(Some("CN=x".to_owned()), vec!["a".to_owned()]), "gate demo, certificate CN=x"),
        (Change::Certificate(None, Vec::new()), "gate demo"),
        (Change::Time("2024-01-01T00:00:00Z".parse().unwrap()), "gate demo, at 2024-01-01T00:00:00Z"),
    ];
    for (change, want) in rows {
        assert_eq!(usual.clone().with(change.clone()).label(), want, "{change:?}");
    }
    let all = usual.with(Change::Time("2024-01-01T00:00:00Z".parse().unwrap())).with(Change::Database("d".to_owned()));
    assert_eq!(all.label(), "gate demo, database d, at 2024-01-01T00:00:00Z");
}

/// Combinations of one rule are bounded, whatever it names.
#[test]
fn one_rule_has_a_bounded_number_of_circumstances() {
    let list = |name: &str| {
        let names: Vec<String> = (0..60).map(|number| format!("\"{name}{number}\"")).collect();
        format!("[{}].contains(context.{name})", names.join(", "))
    };
    let all = around(&format!("{} && {}", list("database"), list("application")));
    assert_eq!(all.len(), MAX_COMBINATIONS + 1);
}
