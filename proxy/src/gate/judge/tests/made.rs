//! What statements make is known at once, until a reading of the catalogue tells of it; and what of the cache outlives a change of it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::stored::{policy, stored};
use super::*;
use crate::catalog::{CatalogDraft, LearnedFrom, ObjectKind, ObjectName, StoredObject, SystemView};
use crate::gate::cache::CacheSettings;
use crate::gate::stored::{JudgedStored, StoredMode};
use crate::gate::{DecisionPath, Gate};

const A: &str = "arn:aws:iam::123456789012:role/RoleA";

fn gate() -> Gate {
    Gate::new(policy(StoredMode::Observe, &[]), CacheSettings { capacity: 100, ttl: Duration::from_mins(1) }, |_| ())
}

fn bob() -> Principal {
    Principal::new(Attributes { database: "dev".to_owned(), ..Attributes::of_login("bob") })
}

fn judge(gate: &Gate, sql: &str) -> (Option<Arc<Verdict>>, DecisionPath) {
    gate.judge(sql.as_bytes(), &bob(), || Timestamp::UNIX_EPOCH)
}

/// What a text that goes to the cluster uses: `via object roles`; and the number of what it makes.
fn sent(gate: &Gate, sql: &str) -> (Vec<String>, u64) {
    let Some(verdict) = judge(gate, sql).0 else { return (Vec::new(), 0) };
    let number = if verdict.made.is_empty() { 0 } else { gate.learn(&verdict.made) };
    let stored = verdict.statements.iter().flat_map(|statement| &statement.stored);
    let role = |one: &JudgedStored| {
        one.roles.first().and_then(|role| role.rsplit('/').next()).unwrap_or(one.method).to_owned()
    };
    (stored.map(|one| format!("{} {} {}", one.via, one.object, role(one))).collect(), number)
}

/// (what is made, a statement after it, what that uses)
#[test]
fn what_is_made_is_known_at_once() {
    let gate = gate();
    let rows: &[(String, &str, &[&str])] = &[
        (
            format!("create external schema fresh from data catalog database 'd' iam_role '{A}'"),
            "select * from FRESH.t",
            &["schema dev.fresh RoleA"],
        ),
        ("create view v as select * from lake.t".into(), "select * from v", &["view dev.lake RoleB"]),
        ("create or replace view public.w as select * from v".into(), "select * from w", &["view dev.lake RoleB"]),
        ("alter table public.w rename to w2".into(), "select * from public.w2", &["view dev.lake RoleB"]),
        (
            format!("create external function f(int) returns int stable lambda 'l' iam_role '{A}'"),
            "select f(1)",
            &["function dev.f RoleA"],
        ),
        (
            format!("create model m from t target a function g iam_role '{A}' settings (s3_bucket 'b')"),
            "select g(1)",
            &["model dev.g RoleA"],
        ),
        (
            format!("create procedure p() as $$ begin copy t from 's3://b/x' iam_role '{A}'; end $$ language plpgsql"),
            "call p()",
            &["procedure dev.p RoleA"],
        ),
        (
            "create procedure q() as $$ begin insert into t select * from lake.t; end $$ language plpgsql".into(),
            "call q()",
            &["procedure dev.lake RoleB"],
        ),
        (format!("copy t from 's3://b/x' iam_role '{A}' job create j auto on"), "copy job run j", &["job j RoleA"]),
        ("alter schema lake rename to pond".into(), "select * from pond.t", &["schema dev.pond RoleB"]),
        ("select 1".into(), "select * from lake.t", &["schema dev.lake RoleB"]),
        (
            "create view unseen as select mask(a) from t".into(),
            "select * from unseen",
            &["view dev.public.mask unknown"],
        ),
        ("create table c as select * from lake.t".into(), "select * from c", &[]),
        ("create view plain as select 1".into(), "select * from plain", &[]),
        ("alter schema other rename to others".into(), "select * from others.t", &[]),
        ("alter schema spectrum owner to bob".into(), "select * from bob.t", &[]),
    ];
    for (made, then, want) in rows {
        sent(&gate, made);
        assert_eq!(sent(&gate, then).0, *want, "{made}; {then}");
    }
}

#[test]
fn a_message_may_use_what_it_makes() {
    let schema = format!("create external schema now from data catalog database 'd' iam_role '{A}'");
    for (text, want) in [
        (format!("{schema}; select * from now.t"), "schema dev.now RoleA"),
        (
            "create view a as select * from lake.t; create view b as select * from a; select * from b".to_owned(),
            "view dev.lake RoleB",
        ),
    ] {
        assert!(sent(&gate(), &text).0.contains(&want.to_owned()), "{text}");
    }
    assert_eq!(sent(&gate(), &format!("{schema};")).0, [""; 0]);
}

/// A reading that began before the transaction was over says nothing of it, and a policy that comes into force forgets nothing.
#[test]
fn a_reading_after_it_takes_its_place() {
    let gate = gate();
    let number = sent(&gate, "create view v as select * from lake.t").1;
    let is_known = || !sent(&gate, "select * from v").0.is_empty();
    gate.forget(&gate.settled());
    assert!(is_known());
    gate.replace(policy(StoredMode::Observe, &[]));
    assert!(is_known());
    let before = gate.policy();
    gate.replace(policy(StoredMode::Observe, &[]).continuing(&before));
    assert_eq!(gate.policy().generation(), before.generation(), "it says the same");
    sent(&gate, "create view other as select * from lake.t");
    let behind = policy(StoredMode::Observe, &[]).continuing(&before);
    gate.replace(behind);
    assert!(gate.policy().generation() > before.generation(), "by it nothing was known of the other view");
    gate.settle(&[number]);
    assert!(is_known());
    gate.forget(&gate.settled());
    assert!(!is_known());
}

/// Nothing is followed where nobody looks, or before the catalogue was read.
#[test]
fn without_a_catalogue_nothing_is_followed() {
    let off =
        Gate::new(policy(StoredMode::Off, &[]), CacheSettings { capacity: 1, ttl: Duration::from_mins(1) }, |_| ());
    let unread = Policy::new(Parts::without_facts());
    let unread = Gate::new(unread, CacheSettings { capacity: 1, ttl: Duration::from_mins(1) }, |_| ());
    for gate in [off, unread] {
        let made = format!("create external schema fresh from data catalog database 'd' iam_role '{A}'");
        assert_eq!((sent(&gate, &made).1, sent(&gate, "select * from fresh.t").0), (0, Vec::new()));
    }
}

/// What nothing stored has a part in outlives a reading that finds something else stored.
#[test]
fn the_cache_keeps_what_no_stored_name_has_a_part_in() {
    let gate = gate();
    let copy = format!("copy t from 's3://b/x' iam_role '{A}'");
    let into = format!("copy other.t from 's3://b/x' iam_role '{A}'");
    let reads = format!("unload ('select * from lake.t') to 's3://b/x' iam_role '{A}'");
    let paths = || [&copy, &into, &reads].map(|sql| judge(&gate, sql).1);
    assert_eq!(paths(), [DecisionPath::Cold; 3]);
    assert_eq!(paths(), [DecisionPath::Cached; 3]);
    let mut draft = CatalogDraft::default();
    draft.enter("dev");
    let name = ObjectName::bare(Some("dev"), "other");
    let from = LearnedFrom::View(SystemView::SvvExternalSchemas);
    draft.add(StoredObject::new(ObjectKind::ExternalSchema, name, from).with_iam_role(A));
    let before = gate.policy();
    let moved = stored(StoredMode::Observe).with_catalog(Arc::new(draft.finish()));
    gate.replace(before.with_stored(moved).continuing(&before));
    let (verdict, path) = judge(&gate, &copy);
    let verdict = verdict.unwrap();
    assert_eq!(path, DecisionPath::Cached);
    assert_eq!(
        (verdict.generation, verdict.policy_version.as_str()),
        (gate.policy().generation(), gate.policy().version())
    );
    assert_eq!(
        [&into, &reads].map(|sql| judge(&gate, sql).1),
        [DecisionPath::Cold; 2],
        "another name, and one that is gone"
    );
    gate.replace(gate.policy().with_severity(Code::Rg104, Severity::Reject));
    assert_eq!(judge(&gate, &copy).1, DecisionPath::Cold, "another policy");
}
