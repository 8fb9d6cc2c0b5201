//! Credentials that the cluster shows nowhere, remembered from the statements that stored them and passed the gate. Bounded; kept in
//! memory alone, so that after a restart they are unknown until the object is made anew.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use crate::catalog::credential::StoredRole;
use crate::catalog::kind::ObjectKind;
use crate::catalog::passed::name;
use crate::sql::cursor::Cursor;
use crate::sql::lexer::{Escapes, Rules};
use crate::sql::literal;
use crate::sql::{Clause, Method, StatementKind};

/// The most objects that are remembered; the oldest give way.
const MAX_REMEMBERED: usize = 10_000;

/// Of which object: its kind, and database, schema and name in lower case. Names without a schema are those of any.
type Key = (ObjectKind, String, Option<String>, String);

/// What an object stores, as the statement that made it said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct MadeObject {
    key: Key,
    roles: Vec<StoredRole>,
    kind: StatementKind,
}

impl MadeObject {
    /// What a statement at `span` of `text` stores by its clauses, if it is of a kind that the cluster does not show in full.
    #[must_use]
    pub(crate) fn of<'m>(
        text: &[u8],
        (kind, span): (StatementKind, Range<usize>),
        uses: impl Iterator<Item = (Clause, &'m Method)>,
        database: &str,
    ) -> Option<Self> {
        let object = match kind {
            StatementKind::CreateExternalFunction => ObjectKind::ExternalFunction,
            StatementKind::CreateModel | StatementKind::CreateExternalModel => ObjectKind::Model,
            StatementKind::CopyJob => ObjectKind::CopyJob,
            StatementKind::CreateExternalSchema | StatementKind::AlterExternalSchema => ObjectKind::ExternalSchema,
            _ => return None,
        };
        let roles: Vec<StoredRole> =
            uses.filter_map(|(clause, method)| StoredRole::of_method(clause, method)).collect();
        let mut cursor = Cursor::new(text, span, Rules::with_escapes(Escapes::Always));
        let (schema, name) = if object == ObjectKind::CopyJob { (None, job(&mut cursor)?) } else { made(&mut cursor)? };
        let database = if object == ObjectKind::CopyJob { String::new() } else { database.to_ascii_lowercase() };
        (!roles.is_empty()).then_some(Self { key: (object, database, schema, name), roles, kind })
    }
}

/// The name of what CREATE or ALTER names.
fn made(cursor: &mut Cursor<'_>) -> Option<(Option<String>, String)> {
    while ["create", "alter", "or", "replace", "external", "schema", "function", "model", "if", "not", "exists"]
        .iter()
        .any(|word| cursor.accept(&[word]))
    {}
    let mut parts = name(cursor)?;
    let name = parts.pop()?;
    Some((parts.pop(), name))
}

/// The name of the job that a COPY makes.
fn job(cursor: &mut Cursor<'_>) -> Option<String> {
    while cursor.peek().is_some() {
        if cursor.accept(&["job", "create"]) {
            let token = cursor.take()?;
            return literal::identifier(cursor.text(), token).map(|name| name.to_ascii_lowercase());
        }
        cursor.take();
    }
    None
}

/// What is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remembered {
    objects: HashMap<Key, (Vec<StoredRole>, StatementKind)>,
    /// In the order in which they were last made.
    order: VecDeque<Key>,
}

impl Remembered {
    /// A statement that makes an object has been carried out.
    pub(crate) fn made(&mut self, object: MadeObject) {
        let MadeObject { key, roles, kind } = object;
        if self.objects.insert(key.clone(), (roles, kind)).is_some() {
            self.order.retain(|known| *known != key);
        }
        self.order.push_back(key);
        while self.order.len() > MAX_REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.objects.remove(&oldest);
            }
        }
    }

    /// What an object stores, if the statement that made it was seen.
    #[must_use]
    pub(crate) fn of(
        &self,
        kind: ObjectKind,
        database: &str,
        schema: Option<&str>,
        name: &str,
    ) -> Option<&(Vec<StoredRole>, StatementKind)> {
        let database = if kind == ObjectKind::CopyJob { String::new() } else { database.to_ascii_lowercase() };
        let key = |schema: Option<String>| (kind, database.clone(), schema, name.to_ascii_lowercase());
        let exact = schema.and_then(|schema| self.objects.get(&key(Some(schema.to_ascii_lowercase()))));
        exact.or_else(|| self.objects.get(&key(None)))
    }

    /// Forgets what was remembered before a reading, `before`, and the cluster no longer has: an object of the same name that is made
    /// later is another.
    pub(crate) fn forget(&mut self, before: &Self, exists: impl Fn(ObjectKind, &str, Option<&str>, &str) -> bool) {
        self.objects.retain(|key, made| {
            let (kind, database, schema, name) = key;
            before.objects.get(key) != Some(made) || exists(*kind, database, schema.as_deref(), name)
        });
        let objects = &self.objects;
        self.order.retain(|key| objects.contains_key(key));
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_REMEMBERED, MadeObject, Remembered};
    use crate::catalog::ObjectKind;
    use crate::sql::{Dialect, Reading, read};

    const A: &str = "arn:aws:iam::123456789012:role/RoleA";

    fn objects(text: &str) -> Vec<MadeObject> {
        let Reading::Analysed(analysis) = read(text.as_bytes(), Dialect::Redshift) else { return Vec::new() };
        let made = |one: &crate::sql::Statement| {
            let uses = one.role_uses.iter().map(|used| (used.clause, &used.method));
            MadeObject::of(text.as_bytes(), (one.kind, one.span.clone()), uses, "Dev")
        };
        analysis.statements.iter().filter_map(made).collect()
    }

    #[test]
    fn what_statements_store() {
        let mut memory = Remembered::default();
        for text in [
            format!(
                "create or replace external function Lib.\"F x\"(int) returns int stable lambda 'l' iam_role '{A}'"
            ),
            format!("create model m from t target a function f iam_role '{A}' settings (s3_bucket 'b')"),
            format!("copy t from 's3://b/x' iam_role '{A}' job create nightly auto on; select 1"),
            "create external schema s from data catalog database 'd' iam_role default".to_owned(),
            format!("copy t from 's3://b/x' iam_role '{A}'"),
        ] {
            for object in objects(&text) {
                memory.made(object);
            }
        }
        let of =
            |kind, schema, name| memory.of(kind, "dev", schema, name).map(|(roles, _)| roles[0].credential.as_str());
        assert_eq!(of(ObjectKind::ExternalFunction, Some("lib"), "f X"), Some("chain"));
        assert_eq!(of(ObjectKind::ExternalFunction, Some("public"), "f x"), None);
        assert_eq!(
            of(ObjectKind::Model, Some("public"), "m"),
            Some("chain"),
            "an unqualified name may be of any schema"
        );
        assert_eq!(of(ObjectKind::CopyJob, None, "nightly"), Some("chain"));
        assert_eq!(of(ObjectKind::ExternalSchema, None, "S"), Some("default"));
        assert_eq!(memory.objects.len(), 4);
        let before = memory.clone();
        for object in
            objects(&format!("create external function late(int) returns int stable lambda 'l' iam_role '{A}'"))
        {
            memory.made(object);
        }
        memory.forget(&before, |kind, _, _, _| kind == ObjectKind::Model);
        assert_eq!(memory.objects.len(), 2, "what was made while the cluster was read is not forgotten");
    }

    #[test]
    fn memory_is_bounded() {
        let mut memory = Remembered::default();
        let template = objects(&format!("create model m0 from t function f iam_role '{A}'")).remove(0);
        for number in 0..MAX_REMEMBERED + 100 {
            let mut object = template.clone();
            object.key.3 = format!("m{number}");
            memory.made(object);
        }
        assert_eq!(memory.objects.len(), MAX_REMEMBERED);
        assert!(memory.of(ObjectKind::Model, "dev", None, "m0").is_none());
    }
}
