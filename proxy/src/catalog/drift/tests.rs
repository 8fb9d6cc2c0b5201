use std::time::Instant;

use super::*;
use crate::catalog::{CatalogDraft, ObjectName, PassedChange, ViewState};
use crate::sql::{Dialect, Reading, Target, read};

const A: &str = "arn:aws:iam::123456789012:role/RoleA";
const B: &str = "arn:aws:iam::123456789012:role/RoleB";

/// A catalogue of these objects; of the kinds of views that are named here not everything is known.
fn catalog(objects: Vec<StoredObject>, lacking: &[SystemView]) -> Catalog {
    let mut draft = CatalogDraft::default();
    draft.enter("dev");
    for object in objects {
        draft.add(object);
    }
    for view in SystemView::VARIANTS {
        let read = ViewState::Read { rows: 1 };
        draft.note(*view, Some("dev"), if lacking.contains(view) { read.lacking("not all of it") } else { read });
    }
    draft.finish()
}

fn object(kind: ObjectKind, name: &str, roles: &[StoredCredential]) -> StoredObject {
    let view = LearnedFrom::View(SystemView::SvvExternalSchemas);
    let object = StoredObject::new(kind, ObjectName::bare(Some("dev"), name), view);
    object.keeping(roles.iter().cloned().map(StoredRole::iam))
}

fn chain(text: &str) -> StoredCredential {
    StoredCredential::of_text(text)
}

fn schema(name: &str, role: &str) -> StoredObject {
    object(ObjectKind::ExternalSchema, name, &[chain(role)])
}

/// What statements that passed do.
fn passed(texts: &[String]) -> PassedChanges {
    let mut passed = PassedChanges::default();
    for text in texts {
        let analysis = match read(text.as_bytes(), Dialect::Redshift) {
            Reading::Analysed(analysis) => analysis,
            Reading::Plain => crate::sql::Analysis::default(),
        };
        let uses = analysis.statements.iter().flat_map(|one| &one.role_uses);
        let uses: Vec<_> = uses.map(|used| (used.span.start, used.clause, &used.method)).collect();
        passed.add(PassedChange::of(text.as_bytes(), &uses, "dev"), Instant::now());
    }
    passed
}

fn told(drifts: &[Drift]) -> Vec<String> {
    let told = |one: &Drift| format!("{} {} {} {:?} {:?}", one.change, one.kind, one.name, one.before, one.after);
    drifts.iter().map(told).collect()
}

/// What two readings, one after the other, show, where these statements passed.
fn between(before: Vec<StoredObject>, texts: &[String], after: Vec<StoredObject>) -> Vec<String> {
    let (mut baseline, mut passed) = (Baseline::default(), passed(texts));
    let now = Instant::now();
    assert!(baseline.compare("c", &catalog(before, &[]), &mut passed, now).is_empty(), "the first reading");
    let drifts = baseline.compare("c", &catalog(after.clone(), &[]), &mut passed, now);
    assert!(baseline.compare("c", &catalog(after, &[]), &mut passed, now).is_empty(), "a change is told once");
    told(&drifts)
}

#[test]
fn what_no_statement_explains_is_told() {
    let rows = [
        ("nothing", vec![schema("s", A)], vec![schema("s", A)], ""),
        ("new", vec![], vec![schema("s", A)], &*format!("appeared external_schema dev.s [] [\"{A}\"]")),
        ("gone", vec![schema("s", A)], vec![], &format!("gone external_schema dev.s [\"{A}\"] []")),
        (
            "another role",
            vec![schema("s", A)],
            vec![schema("s", B)],
            &format!("changed external_schema dev.s [\"{A}\"] [\"{B}\"]"),
        ),
        ("case does not count", vec![schema("S", A)], vec![schema("s", A)], ""),
        (
            "what is not shown any more says nothing",
            vec![schema("s", A)],
            vec![object(ObjectKind::ExternalSchema, "s", &[StoredCredential::unknown("its options are not shown")])],
            "",
        ),
        (
            "the same function on another Lambda",
            vec![StoredObject {
                target: Some(Target::Lambda("a".to_owned())),
                ..object(ObjectKind::ExternalFunction, "f", &[chain(A)])
            }],
            vec![StoredObject {
                target: Some(Target::Lambda("b".to_owned())),
                ..object(ObjectKind::ExternalFunction, "f", &[chain(A)])
            }],
            &format!("changed external_function dev.f [\"{A}\"] [\"{A}\"]"),
        ),
        (
            "a chain that is cut off in one of the readings",
            vec![object(ObjectKind::CopyJob, "j", &[chain(A)])],
            vec![object(ObjectKind::CopyJob, "j", &[StoredCredential::Cut("arn:aws:iam::123456789012:role/".into())])],
            "",
        ),
        (
            "another chain that is cut off",
            vec![object(ObjectKind::CopyJob, "j", &[chain(A)])],
            vec![object(ObjectKind::CopyJob, "j", &[StoredCredential::Cut("arn:aws:iam::999999999999".into())])],
            &format!("changed copy_job dev.j [\"{A}\"] [\"cut\"]"),
        ),
        ("a schema that keeps no role", vec![], vec![object(ObjectKind::ExternalSchema, "s", &[])], ""),
        (
            "a schema that may be one of tables",
            vec![],
            vec![StoredObject {
                from: LearnedFrom::View(SystemView::PgNamespace),
                ..object(ObjectKind::ExternalSchema, "s", &[StoredCredential::unknown("whose is it")])
            }],
            "",
        ),
        (
            "a grant",
            vec![],
            vec![object(ObjectKind::AssumeroleGrant, "anna", &[chain(A)])],
            &format!("appeared assumerole_grant dev.anna [] [\"{A}\"]"),
        ),
    ];
    for (what, before, after, want) in rows {
        assert_eq!(between(before, &[], after).join(";"), want, "{what}");
    }
}

#[test]
fn what_passed_the_gate_explains_what_fits_it() {
    let create = |name: &str, role: &str| {
        format!("create external schema {name} from data catalog database 'd' iam_role '{role}'")
    };
    let s = |role: &str| vec![schema("s", role)];
    let job = |role: &str| vec![object(ObjectKind::CopyJob, "j", &[chain(role)])];
    let grant = |user: &str, role: &str| object(ObjectKind::AssumeroleGrant, user, &[chain(role)]);
    let rows: Vec<(Vec<String>, Vec<StoredObject>, Vec<StoredObject>, usize)> = vec![
        (vec![create("S", A)], vec![], s(A), 0),
        (vec![create("t", A)], vec![], s(A), 1),
        (vec![create("s", B)], vec![], s(A), 1),
        (vec![create("s", A), format!("alter external schema s iam_role '{B}'")], vec![], s(B), 0),
        // Beside the gate it was altered back.
        (vec![create("s", A)], vec![], s(B), 1),
        (vec!["drop schema s".to_owned()], s(A), vec![], 0),
        (vec!["drop schema t".to_owned()], s(A), vec![], 1),
        (vec!["drop schema s".to_owned(), create("s", B)], s(A), s(B), 0),
        (vec!["drop schema s".to_owned()], s(A), s(B), 1),
        (vec!["alter schema s rename to t".to_owned()], s(A), vec![schema("t", A)], 0),
        (vec![format!("copy t from 's3://b/x' iam_role '{A}' job create j auto on")], vec![], job(A), 0),
        (vec!["copy t from 's3://b/x' iam_role default job create j auto on".to_owned()], vec![], job(A), 0),
        (vec!["copy job drop j".to_owned()], job(A), vec![], 0),
        (
            vec![format!("grant assumerole on '{A}' to group g for copy")],
            vec![],
            vec![grant("anna", A), grant("bert", A)],
            0,
        ),
        (vec![format!("grant assumerole on '{B}' to anna for copy")], vec![], vec![grant("anna", A)], 1),
        (vec![format!("revoke assumerole on '{A}' from anna for copy")], vec![grant("anna", A)], vec![], 0),
        (vec!["drop user anna".to_owned()], vec![grant("anna", A)], vec![], 0),
        (vec![format!("copy t from 's3://b/x' iam_role '{A}'")], vec![], s(A), 1),
        (vec!["select 1".to_owned()], s(A), vec![], 1),
    ];
    for (texts, before, after, want) in rows {
        let found = between(before, &texts, after);
        assert_eq!(found.len(), want, "{texts:?} {found:?}");
    }
}

#[test]
fn what_cannot_be_read_is_neither_gone_nor_new() {
    let (mut baseline, mut passed, now) = (Baseline::default(), PassedChanges::default(), Instant::now());
    let view = [SystemView::SvvExternalSchemas];
    let mut look = |objects: Vec<StoredObject>, lacking: &[SystemView]| {
        told(&baseline.compare("c", &catalog(objects, lacking), &mut passed, now)).len()
    };
    assert_eq!(look(vec![schema("a", A)], &view), 0);
    assert_eq!(look(vec![schema("a", A), schema("b", A)], &[]), 0, "b may have been there before");
    assert_eq!(look(vec![schema("a", B)], &view), 1, "what shows is compared");
    assert_eq!(look(vec![schema("a", B), schema("b", A)], &[]), 0, "b was there all the time");
    assert_eq!(look(vec![schema("a", B)], &[]), 1, "b is gone");
    assert_eq!(look(vec![schema("a", B), schema("c", A)], &view), 1, "everything was read once: c is new");
}

#[test]
fn another_place_is_not_compared_with_this_one() {
    let (mut baseline, mut passed, now) = (Baseline::default(), PassedChanges::default(), Instant::now());
    assert!(baseline.compare("one", &catalog(vec![schema("s", A)], &[]), &mut passed, now).is_empty());
    assert!(baseline.compare("two", &catalog(vec![schema("t", A)], &[]), &mut passed, now).is_empty());
    assert_eq!(baseline.compare("two", &catalog(vec![], &[]), &mut passed, now).len(), 1);
}

#[test]
fn roles_of_a_cluster() {
    let roles = |cluster: &str, attached: Option<&[&str]>, default: Option<&str>| ClusterRoles {
        cluster: cluster.to_owned(),
        attached: attached.map(|roles| roles.iter().map(ToString::to_string).collect()),
        default: default.map(str::to_owned),
    };
    let mut known = roles("c", Some(&["a", "b"]), Some("a"));
    let mut look = |fresh| told(&known.compare(fresh)).join(";");
    assert_eq!(look(roles("c", Some(&["b", "a"]), Some("a"))), "");
    assert_eq!(look(roles("c", None, None)), "", "facts that do not say");
    assert_eq!(
        look(roles("c", Some(&["a", "d"]), Some("d"))),
        "appeared attached_role d [] [];gone attached_role b [] [];changed default_role default [\"a\"] [\"d\"]"
    );
    assert_eq!(look(roles("c", Some(&["a", "d"]), Some(""))), "changed default_role default [\"d\"] []");
    assert_eq!(look(roles("other", Some(&[]), None)), "", "another cluster");
    assert_eq!(look(roles("other", Some(&["x"]), Some("x"))), "appeared attached_role x [] []");
}
