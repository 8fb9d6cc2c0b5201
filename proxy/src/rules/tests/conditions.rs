//! What conditions can say: patterns, the roles of a chain and their order, tags, and the clock.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::{A, B, judge_chain, load, names, with_request};
use crate::rules::RuleSet;

fn permits_when(condition: &str) -> RuleSet {
    load(&[&format!("@id(\"r\") permit (principal, action, resource) when {{ {condition} }};")]).unwrap()
}

/// (condition, user, chain, whether it holds)
#[test]
fn patterns_and_order() {
    let (ab, ba, aba, none) = (format!("{A},{B}"), format!("{B},{A}"), format!("{A},{B},{A}"), String::new());
    let below = |path: &str| format!("arn:aws:iam::123456789012:role{path}R");
    let deep = [below("/etl/load/"), below("/etl/")].join(",");
    let mixed = [below("/etl/load/"), below("/etc/")].join(",");
    let rows = [
        ("principal.name like \"svc_*\"", "svc_load", &ab, true),
        ("principal.name like \"svc_*\"", "analyst", &ab, false),
        ("resource.chain like \"*:role/RoleA,*:role/RoleB\"", "u", &ab, true),
        ("resource.chain like \"*:role/RoleA,*:role/RoleB\"", "u", &ba, false),
        ("resource.middle_roles.contains(\"arn:aws:iam::210987654321:role/RoleB\")", "u", &aba, true),
        ("resource.middle_roles.isEmpty()", "u", &ab, true),
        ("resource.paths == [\"/\"]", "u", &ab, true),
        ("resource.all_in_cluster_account", "u", &ab, false),
        ("resource.names.contains(\"RoleB\")", "u", &ab, true),
        ("resource.common_name like \"Role*\"", "u", &ab, true),
        ("resource.common_name like \"RoleA*\"", "u", &ab, false),
        ("resource.common_path == \"/\"", "u", &ab, true),
        ("resource.common_path like \"/etl/*\"", "u", &deep, true),
        ("resource.common_path like \"/etl/*\"", "u", &mixed, false),
        ("resource.common_name == \"\"", "u", &none, true),
        ("resource.target_kind == \"s3\"", "u", &ab, true),
    ];
    for (condition, user, chain, holds) in rows {
        let rules = permits_when(condition);
        assert_eq!(names(&judge_chain(&rules, user, "g", "copy", chain)) == ["r"], holds, "{condition} {user} {chain}");
    }
}

/// (condition, tags of the first and the last role, whether it holds)
#[test]
fn tags_of_roles() {
    let (any, every) = ("resource.tags_of_any_role", "resource.tags_of_every_role");
    let has = |attribute: &str, tag: &str| {
        format!("resource has {} && {attribute}.contains(\"{tag}\")", attribute.trim_start_matches("resource."))
    };
    let rows: &[(String, Option<[&str; 2]>, bool)] = &[
        (has(any, "team=etl"), Some(["team=etl", "team=bi"]), true),
        (has(every, "team=etl"), Some(["team=etl", "team=bi"]), false),
        (has(every, "team=etl"), Some(["team=etl", "team=etl"]), true),
        (has("resource.tags_of_first_role", "team=etl"), Some(["team=etl", "team=bi"]), true),
        (has("resource.tags_of_last_role", "team=etl"), Some(["team=etl", "team=bi"]), false),
        (has(any, "team=etl"), None, false),
        (format!("!({})", has(every, "team=etl")), None, true),
    ];
    for (condition, tags, holds) in rows {
        let rules = permits_when(condition);
        assert!(rules.look_at_tags());
        let sets = tags.map(|tags| tags.map(|tag| BTreeSet::from([tag.to_owned()])));
        let judged = with_request("u", "g", "copy", &format!("{A},{B}"), |request| {
            let tagged = crate::rules::RuleRequest { role_tags: sets.as_ref().map(<[_; 2]>::as_slice), ..*request };
            rules.judge(&tagged).unwrap()
        });
        assert_eq!(judged.permitted, *holds, "{condition} {tags:?}");
    }
    assert!(
        load(&["@id(\"r\") permit (principal, action, resource) when { resource.tags_of_any_role.contains(\"x\") };"])
            .unwrap_err()
            .contains("tags_of_any_role"),
        "what may be absent is asked for first"
    );
}

/// (zone, time, condition, whether it holds)
#[test]
fn the_clock_of_a_time_zone() {
    let night = "context.hour < 6 || context.hour >= 22";
    let weekend = "[\"saturday\", \"sunday\"].contains(context.weekday)";
    let rows = [
        ("UTC", "2026-01-02T21:30:00Z", night, false),
        ("Europe/Berlin", "2026-01-02T21:30:00Z", night, true),
        ("Europe/Berlin", "2026-07-03T20:30:00Z", night, true),
        ("Europe/Berlin", "2026-07-03T19:59:59Z", night, false),
        ("UTC", "2026-01-02T23:30:00Z", weekend, false),
        ("Europe/Berlin", "2026-01-02T23:30:00Z", weekend, true),
        ("America/New_York", "2026-01-05T04:30:00Z", weekend, true),
    ];
    for (zone, time, condition, holds) in rows {
        let rules = permits_when(condition).in_time_zone(TimeZone::get(zone).unwrap());
        let judged = with_request("u", "g", "copy", A, |request| {
            rules.judge(&crate::rules::RuleRequest { now: time.parse().unwrap(), ..*request }).unwrap()
        });
        assert_eq!((judged.permitted, judged.depends_on_time), (holds, true), "{zone} {time} {condition}");
    }
}

#[test]
fn the_version_follows_the_zone_only_where_it_counts() {
    let berlin = || TimeZone::get("Europe/Berlin").unwrap();
    let version = |rules: &RuleSet| rules.version().to_owned();
    let (clock, none) = (permits_when("context.hour < 6"), permits_when("true"));
    assert_ne!(version(&clock), version(&clock.clone().in_time_zone(berlin())));
    assert_eq!(version(&none), version(&none.clone().in_time_zone(berlin())));
}
