//! The cluster of the table: three external schemas, views of views, functions, a model, procedures and a job.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use rolegate::catalog::{Catalog, CatalogDraft, LearnedFrom, ObjectKind, ObjectName, StoredObject, SystemView};
use rolegate::gate::judge_alone;
use rolegate::gate::naming::Naming;
use rolegate::gate::policy::{Parts, Policy};
use rolegate::gate::principal::{Attributes, Principal};
use rolegate::gate::stored::{Stored, StoredMode};
use rolegate::gate::verdict::Verdict;

pub(crate) fn role(name: &str) -> String {
    format!("arn:aws:iam::123456789012:role/{name}")
}

pub(crate) fn keeper(kind: ObjectKind, name: ObjectName, credential: &str) -> StoredObject {
    let from = LearnedFrom::View(SystemView::SvvExternalSchemas);
    StoredObject::new(kind, name, from).with_iam_role(credential)
}

pub(crate) fn within(schema: &str, name: &str) -> ObjectName {
    ObjectName::within(Some("dev"), schema, name)
}

pub(crate) fn reader(kind: ObjectKind, schema: &str, name: &str) -> StoredObject {
    StoredObject::new(kind, within(schema, name), LearnedFrom::View(SystemView::PgViews))
}

fn catalog() -> Catalog {
    let mut draft = CatalogDraft::default();
    for database in ["dev", "sales"] {
        draft.enter(database);
    }
    for schema in ["public", "etl", "local"] {
        draft.add_place(schema);
    }
    let schema = |database: &str, name: &str| ObjectName::bare(Some(database), name);
    draft.add(keeper(ObjectKind::ExternalSchema, schema("dev", "spectrum"), &role("A")));
    draft.add(keeper(ObjectKind::ExternalSchema, schema("dev", "Lake"), &role("B")));
    draft.add(keeper(ObjectKind::ExternalSchema, schema("sales", "spectrum"), &role("S")));
    draft.add(keeper(ObjectKind::ExternalSchema, schema("dev", "odd \"one\""), &role("O")));
    draft.add(keeper(ObjectKind::ExternalSchema, schema("dev", "größe"), &role("G")));
    draft.add(keeper(ObjectKind::ExternalFunction, within("public", "mask"), &role("F")));
    draft.add(keeper(ObjectKind::ExternalFunction, within("etl", "score"), &role("E")));
    let mut model = keeper(ObjectKind::Model, within("public", "churn"), &role("M"));
    model.called = Some(within("public", "predict_churn"));
    draft.add(model);
    draft.add(keeper(ObjectKind::CopyJob, ObjectName::bare(None, "nightly"), &role("J")));
    draft.close_places();
    draft.add_reader(reader(ObjectKind::View, "public", "sales_view"), "select * from spectrum.sales");
    draft.add_reader(
        reader(ObjectKind::View, "public", "view_of_view"),
        "select a from sales_view join local.t on true",
    );
    draft.add_reader(reader(ObjectKind::View, "etl", "masked"), "select mask(a) from local.t");
    draft.add_reader(
        reader(ObjectKind::Procedure, "public", "load"),
        "begin insert into t select * from spectrum.sales; end",
    );
    draft.finish()
}

/// A policy without rules over a catalogue.
pub(crate) fn policy(catalog: Catalog) -> Policy {
    Policy::new(Parts { stored: Stored::new(StoredMode::Observe, Arc::new(catalog)), ..Parts::without_facts() })
}

pub(crate) fn verdict(policy: &Policy, text: &str, naming: Naming) -> Option<Verdict> {
    let login = Attributes { database: "dev".to_owned(), naming, ..Attributes::of_login("bob") };
    judge_alone(policy, text.as_bytes(), &Principal::new(login), Timestamp::UNIX_EPOCH)
}

/// What a verdict tells of stored uses: `via object`, with `?` where it is not certain.
pub(crate) fn told(verdict: Option<&Verdict>) -> BTreeSet<String> {
    let statements = verdict.iter().flat_map(|verdict| &verdict.statements);
    let stored = statements.flat_map(|statement| &statement.stored);
    stored.map(|one| format!("{} {}{}", one.via, one.object, if one.certain { "" } else { "?" })).collect()
}

/// What a statement uses of the cluster.
pub(crate) fn uses(text: &str, naming: Naming) -> BTreeSet<String> {
    thread_local! {
        static POLICY: Policy = policy(catalog());
    }
    POLICY.with(|policy| told(verdict(policy, text, naming).as_ref()))
}
