//! What a message makes that uses stored credentials, so that its name is known at once.

use std::collections::HashMap;
use std::sync::Arc;

use crate::catalog::{
    Casing, LearnedFrom, NameRef, NamedAs, NamedEntry, ObjectKind, ObjectName, StoredCredential, StoredObject,
    StoredRole, StoredUse, Via,
};
use crate::gate::codes::Code;
use crate::gate::judge::context::JudgeContext;
use crate::gate::judge::stored::MAX_STORED_USES;
use crate::gate::verdict::JudgedStatement;
use crate::sql::{Clause, NameChange, NamePart, NamedObject, StatementKind};

/// What the statements of a message use, by the byte at which each begins; `None` stands for what is not known.
pub(super) type UsedBy = HashMap<usize, Vec<Option<StoredUse>>>;

/// The objects that a message makes or renames, as far as naming them uses something.
pub(super) fn made(
    context: &JudgeContext<'_>,
    changes: &[(usize, NameChange)],
    used_by: &UsedBy,
    statements: &[JudgedStatement],
) -> Vec<NamedEntry> {
    let entry = |(start, change): &(usize, NameChange)| match change {
        NameChange::Made { object, name } => {
            let statement = statements.iter().find(|statement| statement.span.start == *start);
            let used = used_by.get(start).map(Vec::as_slice).unwrap_or_default();
            made_entry(context, (*object, name), used, statement)
        }
        NameChange::Renamed { object, name, to } => renamed_entry(context, (*object, name), to),
        NameChange::Dropped { .. } => None,
    };
    changes.iter().filter_map(entry).collect()
}

fn made_entry(
    context: &JudgeContext<'_>,
    (object, name): (NamedObject, &[NamePart]),
    found: &[Option<StoredUse>],
    statement: Option<&JudgedStatement>,
) -> Option<NamedEntry> {
    let (kind, name) = (kind_of(object, statement), object_name(context, object, name)?);
    let via = kind.via()?;
    let mut roles: Vec<StoredRole> = statement.map(own_roles).unwrap_or_default();
    if found.iter().any(Option::is_none) {
        let credential = StoredCredential::unknown("the statement that made it uses what is not known");
        roles.push(StoredRole { clause: Clause::Absent, credential });
    }
    let mut uses = Vec::new();
    if !roles.is_empty() {
        let from = LearnedFrom::Statement(statement?.kind);
        let object = Arc::new(StoredObject::new(kind, name.clone(), from).keeping(roles));
        uses.push(StoredUse { via, object, through: Arc::from([]) });
    }
    for one in found.iter().flatten().take(MAX_STORED_USES) {
        let through = [&name].into_iter().chain(&*one.through).cloned().collect();
        uses.push(StoredUse { via, object: Arc::clone(&one.object), through });
    }
    (!uses.is_empty()).then_some(NamedEntry { name, kind, uses })
}

/// The credentials that a statement itself names; text that it puts together when it runs may name any.
fn own_roles(statement: &JudgedStatement) -> Vec<StoredRole> {
    let named = statement.uses.iter().filter_map(|used| StoredRole::of_method(used.clause, &used.method));
    let is_open = statement.findings.iter().any(|finding| finding.code == Code::Rg106);
    let open = is_open.then(|| {
        let credential = StoredCredential::unknown("its text is put together at run time");
        StoredRole { clause: Clause::Absent, credential }
    });
    named.chain(open).collect()
}

/// What has another name uses what it used under the old one.
fn renamed_entry(
    context: &JudgeContext<'_>,
    (object, name): (NamedObject, &[NamePart]),
    to: &NamePart,
) -> Option<NamedEntry> {
    let old = object_name(context, object, name)?;
    let named = NameRef { database: old.database.as_deref(), schema: old.schema.as_deref(), name: &old.name };
    let named_as = match object {
        NamedObject::Schema => NamedAs::Schema,
        NamedObject::View => NamedAs::Relation,
        NamedObject::Function | NamedObject::Model => NamedAs::Function,
        NamedObject::Procedure => NamedAs::Procedure,
        NamedObject::Job => NamedAs::Job,
    };
    let new = ObjectName { name: to.text.as_str().into(), ..old.clone() };
    let kind = kind_of(object, None);
    // A table in an external schema is no object of its own.
    let is_its_own = |used: &&StoredUse| object == NamedObject::Schema || used.via != Via::Schema;
    let renamed = |used: &StoredUse| match used.through.split_first() {
        None => {
            let object = Arc::new(StoredObject { name: new.clone(), ..StoredObject::clone(&used.object) });
            StoredUse { object, ..used.clone() }
        }
        Some((_, others)) => StoredUse { through: [&new].into_iter().chain(others).cloned().collect(), ..used.clone() },
    };
    let stored = context.policy.stored();
    let uses: Vec<StoredUse> = stored.uses(named_as, named, Casing::Folded).filter(is_its_own).map(renamed).collect();
    (!uses.is_empty()).then_some(NamedEntry { name: new, kind, uses })
}

fn kind_of(object: NamedObject, statement: Option<&JudgedStatement>) -> ObjectKind {
    let is_external = statement.is_some_and(|statement| statement.kind == StatementKind::CreateExternalFunction);
    match object {
        NamedObject::Schema => ObjectKind::ExternalSchema,
        NamedObject::View => ObjectKind::View,
        NamedObject::Function if is_external => ObjectKind::ExternalFunction,
        NamedObject::Function => ObjectKind::Function,
        NamedObject::Procedure => ObjectKind::Procedure,
        NamedObject::Model => ObjectKind::Model,
        NamedObject::Job => ObjectKind::CopyJob,
    }
}

/// The name as the catalogue writes it. What it does not say, in which schema or database, may be any.
fn object_name(context: &JudgeContext<'_>, object: NamedObject, parts: &[NamePart]) -> Option<ObjectName> {
    let principal = context.principal;
    let database = match principal.naming.databases(&principal.database).as_slice() {
        [only] => *only,
        _ => None,
    };
    let texts: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
    match (object, texts.as_slice()) {
        (NamedObject::Job, [.., name]) => Some(ObjectName::bare(None, name)),
        (_, [name]) => Some(ObjectName::bare(database, name)),
        (NamedObject::Schema, [.., database, name]) => Some(ObjectName::bare(Some(database), name)),
        (_, [schema, name]) => Some(ObjectName::within(database, schema, name)),
        (_, [.., database, schema, name]) => Some(ObjectName::within(Some(database), schema, name)),
        (_, []) => None,
    }
}
