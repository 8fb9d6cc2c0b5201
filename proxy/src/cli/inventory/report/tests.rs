use super::*;
use crate::catalog::{CatalogDraft, ObjectName, SystemView};
use crate::gate::policy::Parts;

const A: &str = "arn:aws:iam::123456789012:role/RoleA";
const B: &str = "arn:aws:iam::123456789012:role/RoleB";

fn policy() -> Policy {
    Policy::new(Parts::without_facts())
}

fn schema(name: &str, text: &str) -> StoredObject {
    let name = ObjectName::bare(Some("dev"), name);
    StoredObject::new(ObjectKind::ExternalSchema, name, LearnedFrom::View(SystemView::SvvExternalSchemas))
        .with_iam_role(text)
}

fn procedure(name: &str, text: Option<&str>) -> StoredObject {
    let name = ObjectName::within(Some("dev"), "public", name);
    let object = StoredObject::new(ObjectKind::Procedure, name, LearnedFrom::Facts);
    text.map_or(object.clone(), |text| object.with_iam_role(text))
}

fn view(name: &str) -> StoredObject {
    StoredObject::new(ObjectKind::View, ObjectName::within(Some("dev"), "public", name), LearnedFrom::Facts)
}

fn catalog(objects: Vec<StoredObject>, readers: Vec<(StoredObject, &str)>) -> Catalog {
    let mut draft = CatalogDraft::default();
    draft.enter("dev");
    for object in objects {
        draft.add(object);
    }
    for (reader, text) in readers {
        draft.add_reader(reader, text);
    }
    draft.finish()
}

fn reported(catalog: &Catalog, role: Option<&str>) -> InventoryReport {
    let (policy, role) = (policy(), role.map(|role| RoleArn::parse(role).unwrap()));
    InventoryReport::of(&InventorySubject { catalog, policy: &policy, usage: None, role: role.as_ref() })
}

/// (stored text, method, chain, whether there is a reason)
#[test]
fn credentials_of_an_object() {
    for (text, method, chain, has_reason) in [
        (A, "chain", Some(A), false),
        ("default", "default", None, false),
        ("SESSION", "session", None, false),
        ("", "hidden", None, true),
        ("no role", "unknown", None, true),
    ] {
        let report = reported(&catalog(vec![schema("lake", text)], Vec::new()), None);
        let row = &report.objects[0];
        assert_eq!((row.method, row.chain.as_deref(), row.reason.is_some()), (method, chain, has_reason), "{text}");
        assert_eq!(
            (row.kind, row.name.as_str(), row.database.as_deref(), row.schema.as_deref()),
            ("external_schema", "lake", Some("dev"), None)
        );
        assert_eq!(row.would_be.is_some(), !has_reason, "what is not known is not judged: {text}");
    }
}

#[test]
fn what_a_view_reads_is_named() {
    let catalog = catalog(
        vec![schema("lake", A), schema("other", B)],
        vec![(view("v"), "select * from lake.t join other.t using (id)")],
    );
    let report = reported(&catalog, None);
    let view = report.objects.iter().find(|row| row.kind == "view").unwrap();
    assert_eq!(view.reads, ["dev.lake", "dev.other"]);
    assert_eq!((view.clause, view.method, view.would_be), ("none", "none", None));
    assert!(report.objects.iter().filter(|row| row.kind != "view").all(|row| row.reads.is_empty()));
    assert!(report.role.is_none() && report.attached_unused.is_empty(), "no facts, no cluster");
}

/// (role, what breaks, what stays open, how many cannot be told)
#[test]
fn what_a_role_is_needed_for() {
    let pair = format!("{A},{B}");
    let catalog = catalog(
        vec![
            schema("lake", A),
            schema("far", &pair),
            schema("shut", ""),
            schema("mine", "default"),
            procedure("load", Some(B)),
        ],
        vec![
            (view("v_far"), "select * from far.t"),
            (view("v_lake"), "select * from lake.t"),
            (procedure("a_first", None), "begin call load(); end"),
        ],
    );
    let rows: &[(&str, &[&str], &[&str])] = &[
        (
            A,
            &["external_schema dev.far", "external_schema dev.lake", "view dev.public.v_far", "view dev.public.v_lake"],
            &["external_schema dev.far", "external_schema dev.lake"],
        ),
        (
            B,
            &[
                "external_schema dev.far",
                "procedure dev.public.a_first",
                "procedure dev.public.load",
                "view dev.public.v_far",
            ],
            &["external_schema dev.far", "procedure dev.public.load"],
        ),
        ("arn:aws:iam::123456789012:role/RoleC", &[], &[]),
    ];
    for (role, breaks, stays_open) in rows {
        let report = reported(&catalog, Some(role));
        let answer = report.role.unwrap();
        assert_eq!(
            (answer.role.as_str(), answer.attached, answer.default, answer.cannot_tell),
            (*role, false, false, 1)
        );
        assert_eq!(answer.breaks, *breaks, "{role}");
        assert_eq!(answer.stays_open, *stays_open, "{role}");
        assert!(
            report.objects.iter().all(|row| row.chain.as_deref().is_some_and(|chain| chain.contains(role))),
            "{role}"
        );
    }
}
