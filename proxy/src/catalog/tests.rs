//! Names and what they use, over a small cluster.

use crate::catalog::Catalog;
use crate::catalog::{
    Casing, CatalogDraft, LearnedFrom, NameRef, NamedAs, ObjectKind, ObjectName, StoredCredential, StoredObject,
    StoredRole, SystemView, Via, ViewState,
};

const A: &str = "arn:aws:iam::123456789012:role/RoleA";
const B: &str = "arn:aws:iam::123456789012:role/RoleA,arn:aws:iam::210987654321:role/RoleB";

fn keeper(kind: ObjectKind, name: ObjectName, text: &str) -> StoredObject {
    let from = LearnedFrom::View(SystemView::SvvExternalSchemas);
    StoredObject::new(kind, name, from).keeping([StoredRole::iam(StoredCredential::of_text(text))])
}

fn reader(kind: ObjectKind, schema: &str, name: &str) -> StoredObject {
    StoredObject::new(kind, ObjectName::within(Some("dev"), schema, name), LearnedFrom::View(SystemView::PgViews))
}

fn draft() -> CatalogDraft {
    let mut draft = CatalogDraft::default();
    draft.enter("dev");
    draft.add_place("public");
    draft.add(keeper(ObjectKind::ExternalSchema, ObjectName::bare(Some("dev"), "spectrum"), B));
    draft.add(keeper(ObjectKind::ExternalSchema, ObjectName::bare(Some("dev"), "Mixed"), A));
    draft.add(StoredObject::new(
        ObjectKind::ExternalSchema,
        ObjectName::bare(Some("dev"), "local"),
        LearnedFrom::View(SystemView::SvvExternalSchemas),
    ));
    draft.add(keeper(ObjectKind::ExternalFunction, ObjectName::within(Some("dev"), "public", "mask"), A));
    let mut model = keeper(ObjectKind::Model, ObjectName::within(Some("dev"), "public", "churn"), A);
    model.called = Some(ObjectName::within(Some("dev"), "public", "predict_churn"));
    draft.add(model);
    draft.add(keeper(ObjectKind::CopyJob, ObjectName::bare(None, "nightly"), "default"));
    draft.close_places();
    draft
}

fn catalog() -> Catalog {
    let mut draft = draft();
    draft.add_reader(reader(ObjectKind::View, "public", "v1"), "select * from spectrum.sales");
    draft.add_reader(reader(ObjectKind::View, "public", "v2"), "select mask(a) from v1 join v3 on true");
    draft.add_reader(reader(ObjectKind::View, "public", "v3"), "select * from public.v2");
    draft.add_reader(reader(ObjectKind::View, "public", "plain"), "select * from public.t, local.t");
    draft.add_reader(reader(ObjectKind::View, "public", "broken"), "select * from t where a = 'x");
    draft.add_reader(reader(ObjectKind::Procedure, "public", "p"), "begin execute 'select * from v1'; call q(); end");
    draft.add_reader(
        StoredObject {
            roles: vec![StoredRole::iam(StoredCredential::of_text(A))],
            ..reader(ObjectKind::Procedure, "public", "q")
        },
        "begin copy t from 's3://b/x' iam_role 'x'; end",
    );
    draft.finish()
}

fn uses(catalog: &Catalog, named_as: NamedAs, name: &str, casing: Casing) -> Vec<String> {
    let parts: Vec<&str> = name.split('.').collect();
    let name = match parts.as_slice() {
        [database, schema, name] => NameRef { database: Some(database), schema: Some(schema), name },
        [schema, name] => NameRef { database: Some("dev"), schema: Some(schema), name },
        _ => NameRef { database: Some("dev"), schema: None, name },
    };
    let told = catalog.uses(named_as, name, casing).map(|used| {
        let credentials: Vec<_> = used.object.roles.iter().map(|role| role.credential.as_str()).collect();
        format!("{} {} {} {}", used.via, used.object.name, credentials.join("+"), used.through.len())
    });
    let mut told: Vec<_> = told.collect();
    told.sort();
    told
}

#[test]
fn names_and_what_they_use() {
    let catalog = catalog();
    let spectrum = "schema dev.spectrum chain 0";
    let rows: &[(NamedAs, &str, &[&str])] = &[
        (NamedAs::Relation, "spectrum.sales", &[spectrum]),
        (NamedAs::Relation, "SPECTRUM.x", &[spectrum]),
        (NamedAs::Relation, "dev.spectrum.sales", &[spectrum]),
        (NamedAs::Relation, "prod.spectrum.sales", &[]),
        (NamedAs::Relation, "public.spectrum", &[]),
        (NamedAs::Relation, "mixed.t", &["schema dev.\"Mixed\" chain 0"]),
        (NamedAs::Relation, "local.t", &[]),
        (NamedAs::Schema, "spectrum", &[spectrum]),
        (NamedAs::Function, "spectrum", &[]),
        (NamedAs::Function, "mask", &["function dev.public.mask chain 0"]),
        (NamedAs::Function, "public.MASK", &["function dev.public.mask chain 0"]),
        (NamedAs::Function, "other.mask", &[]),
        (NamedAs::Relation, "mask", &[]),
        (NamedAs::Function, "predict_churn", &["model dev.public.churn chain 0"]),
        (NamedAs::Any, "churn", &["model dev.public.churn chain 0"]),
        (NamedAs::Job, "nightly", &["job nightly default 0"]),
        (NamedAs::Relation, "v1", &["view dev.spectrum chain 1"]),
        (NamedAs::Relation, "v2", &["view dev.public.mask chain 1", "view dev.spectrum chain 2"]),
        (NamedAs::Relation, "public.v3", &["view dev.public.mask chain 2", "view dev.spectrum chain 3"]),
        (NamedAs::Relation, "plain", &[]),
        (NamedAs::Relation, "broken", &["view dev.public.broken unknown 0"]),
        (NamedAs::Procedure, "p", &["procedure dev.public.q chain 1", "procedure dev.spectrum chain 2"]),
        (NamedAs::Procedure, "public.q", &["procedure dev.public.q chain 0"]),
        (NamedAs::Any, "nothing", &[]),
    ];
    for (named_as, name, want) in rows {
        assert_eq!(uses(&catalog, *named_as, name, Casing::Folded), *want, "{named_as} {name}");
    }
    assert!(uses(&catalog, NamedAs::Relation, "mixed.t", Casing::Exact).is_empty());
    assert_eq!(uses(&catalog, NamedAs::Relation, "Mixed.t", Casing::Exact).len(), 1);
}

#[test]
fn a_matcher_is_given_every_name_that_uses_something() {
    let catalog = catalog();
    let mut names: Vec<_> = catalog.watched().map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["broken", "churn", "mask", "mixed", "nightly", "p", "predict_churn", "q", "spectrum", "v1", "v2", "v3"]
    );
    assert!(catalog.covers("DEV") && !catalog.covers("prod"));
    assert!(!catalog.objects().iter().any(|object| &*object.name.name == "plain"), "an ordinary view is not kept");
}

#[test]
fn the_same_is_equal_however_it_was_read() {
    let (one, other) = (catalog(), catalog());
    assert!(one == other && !one.version().is_empty());
    let mut changed = draft();
    changed.note(SystemView::PgViews, Some("dev"), ViewState::Unreadable { reason: "permission denied".into() });
    assert!(changed.finish() != draft().finish(), "what cannot be read is part of what is known");
    assert!(!Catalog::default().is_read() && draft().finish().is_read());
}

#[test]
fn what_could_not_be_read_is_a_gap() {
    let mut draft = draft();
    draft.note(SystemView::SvvExternalSchemas, Some("dev"), ViewState::Read { rows: 3 });
    assert_eq!(draft.clone().finish().gap(ObjectKind::ExternalSchema).as_deref(), Some("pg_namespace was not read"));
    draft.note(SystemView::PgNamespace, Some("dev"), ViewState::Read { rows: 3 });
    draft.note(SystemView::PgViews, Some("dev"), ViewState::Read { rows: 3 }.lacking("two are hidden"));
    let catalog = draft.finish();
    assert_eq!(catalog.gap(ObjectKind::ExternalSchema), None);
    assert_eq!(catalog.gap(ObjectKind::View).as_deref(), Some("pg_views of database dev: two are hidden"));
    assert!(Catalog::default().gap(ObjectKind::View).is_some());
}

#[test]
fn a_name_that_reaches_too_much_is_unknown_beyond() {
    let mut draft = CatalogDraft::default();
    draft.enter("dev");
    for number in 0..100 {
        draft.add(keeper(ObjectKind::ExternalSchema, ObjectName::bare(Some("dev"), &format!("s{number}")), A));
    }
    draft.close_places();
    let text: Vec<_> = (0..100).map(|number| format!("s{number}.t")).collect();
    draft.add_reader(reader(ObjectKind::View, "public", "all"), &format!("select 1 from {}", text.join(", ")));
    let catalog = draft.finish();
    let found = uses(&catalog, NamedAs::Relation, "all", Casing::Folded);
    assert!(
        found.len() <= 65 && found.contains(&"view dev.public.\"all\" unknown 0".to_owned())
            || found.contains(&"view dev.public.all unknown 0".to_owned()),
        "{found:?}"
    );
}

#[test]
fn names_are_told_as_they_would_be_written() {
    let name = ObjectName::within(Some("dev"), "My schema", "t\"x");
    assert_eq!(name.to_string(), "dev.\"My schema\".\"t\"\"x\"");
    assert_eq!(Via::Statement.as_str(), "statement");
}
