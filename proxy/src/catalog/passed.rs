//! What statements that the gate let pass do to what is stored, so that a change which a later reading shows is known to be theirs.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::time::{Duration, Instant};

use crate::catalog::credential::StoredRole;
use crate::catalog::kind::ObjectKind;
use crate::catalog::name::Casing;
use crate::sql::cursor::Cursor;
use crate::sql::lexer::{Escapes, Rules};
use crate::sql::literal;
use crate::sql::split;
use crate::sql::{Clause, Method};

/// The most changes that are remembered; the oldest give way.
const MAX_PASSED: usize = 10_000;
/// How long a change may take to show: a transaction may be open for long.
const SHOWS_WITHIN: Duration = Duration::from_hours(1);

/// What a statement does to something that is stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum PassedEffect {
    /// It keeps these credentials from then on, beside some that it may have kept before.
    Keeps(Vec<StoredRole>),
    /// It has another name, or is what another name stood for.
    Moves,
    /// It is no more.
    Goes,
}

/// What a statement that passed does to something that is stored. Names are in lower case: case is left out of account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PassedChange {
    kind: ObjectKind,
    /// Written, or that of the session.
    database: String,
    pub(super) schema: Option<String>,
    /// `None`: everything of the kind, in the schema where one is named.
    name: Option<String>,
    pub(super) effect: PassedEffect,
}

/// The credentials of a message: where each stands, in which clause, and what it is.
type Uses<'m> = [(usize, Clause, &'m Method)];

impl PassedChange {
    /// What the statements of a text do, from a session in this database.
    #[must_use]
    pub(crate) fn of(text: &[u8], uses: &Uses<'_>, database: &str) -> Vec<Self> {
        let mut reader = PassedReader { uses, database: database.to_ascii_lowercase(), changes: Vec::new() };
        for span in split::statements(text, RULES) {
            reader.statement(text, span);
        }
        reader.changes
    }

    /// Whether it is about the object of this kind and name, all in lower case.
    fn concerns(&self, database: Option<&str>, schema: Option<&str>, name: &str) -> bool {
        let may_be_same = |one, other| Casing::Exact.may_be_same(one, other);
        may_be_same(Some(&self.database), database)
            && match &self.name {
                Some(own) => own == name && may_be_same(self.schema.as_deref(), schema),
                None => self.schema.as_deref().is_none_or(|own| Some(own) == schema),
            }
    }
}

const RULES: Rules = Rules::with_escapes(Escapes::Always);

/// What is named behind CREATE, ALTER and DROP, and what it is to the catalogue. A model is a function too.
const OBJECTS: [(&[&str], ObjectKind); 7] = [
    (&["schema"], ObjectKind::ExternalSchema),
    (&["function"], ObjectKind::ExternalFunction),
    (&["procedure"], ObjectKind::Procedure),
    (&["model"], ObjectKind::Model),
    (&["identity", "provider"], ObjectKind::IdentityProvider),
    (&["database"], ObjectKind::Datashare),
    (&["user"], ObjectKind::AssumeroleGrant),
];

/// What goes with a schema.
const WITHIN_A_SCHEMA: [ObjectKind; 3] = [ObjectKind::ExternalFunction, ObjectKind::Procedure, ObjectKind::Model];

struct PassedReader<'m> {
    uses: &'m Uses<'m>,
    database: String,
    changes: Vec<PassedChange>,
}

impl PassedReader<'_> {
    fn statement(&mut self, text: &[u8], span: Range<usize>) {
        let mut cursor = Cursor::new(text, span.clone(), RULES);
        let keeps = PassedEffect::Keeps(self.roles(&span));
        match () {
            () if cursor.accept(&["create"]) => {
                while cursor.accept(&["or"]) || cursor.accept(&["replace"]) {}
                self.named(&mut cursor, |_| keeps.clone());
            }
            () if cursor.accept(&["alter"]) => self.altered(&mut cursor, &keeps),
            () if cursor.accept(&["drop"]) => self.dropped(&mut cursor),
            () if cursor.accept(&["copy", "job", "drop"]) => self.job(&mut cursor, PassedEffect::Goes),
            () if cursor.accept(&["copy", "job", "alter"]) => self.job(&mut cursor, keeps),
            () if cursor.accept(&["copy"]) => {
                while cursor.peek().is_some() {
                    if cursor.accept(&["job", "create"]) {
                        return self.job(&mut cursor, keeps);
                    }
                    cursor.take();
                }
            }
            () if cursor.accept(&["grant", "assumerole"]) || cursor.accept(&["revoke", "assumerole"]) => {
                self.add(ObjectKind::AssumeroleGrant, Vec::new(), keeps);
            }
            () => {}
        }
    }

    /// The credentials of the statement that stands here.
    fn roles(&self, span: &Range<usize>) -> Vec<StoredRole> {
        let within = self.uses.iter().filter(|(at, _, _)| span.contains(at));
        within.filter_map(|(_, clause, method)| StoredRole::of_method(*clause, method)).collect()
    }

    /// Whatever is named here, each with what becomes of it.
    fn named(&mut self, cursor: &mut Cursor<'_>, effect: impl Fn(ObjectKind) -> PassedEffect) -> Option<ObjectKind> {
        cursor.accept(&["external"]);
        let (_, kind) = OBJECTS.into_iter().find(|(words, _)| cursor.accept(words))?;
        while ["if", "not", "exists"].iter().any(|word| cursor.accept(&[word])) {}
        loop {
            let Some(name) = name(cursor) else { return Some(kind) };
            self.add(kind, name, effect(kind));
            if cursor.group().is_err() || !cursor.symbol(b',') {
                return Some(kind);
            }
        }
    }

    fn altered(&mut self, cursor: &mut Cursor<'_>, keeps: &PassedEffect) {
        let before = self.changes.len();
        let Some(kind) = self.named(cursor, |_| keeps.clone()) else { return };
        let schema = self.changes.get(before).and_then(|change| change.schema.clone());
        while cursor.peek().is_some() {
            if cursor.accept(&["rename", "to"]) {
                for change in self.changes.iter_mut().skip(before) {
                    change.effect = PassedEffect::Moves;
                }
                if let Some(new) = name(cursor) {
                    let parts = schema.into_iter().chain(new);
                    self.add(kind, parts.collect(), PassedEffect::Moves);
                }
                return;
            }
            cursor.take();
        }
    }

    fn dropped(&mut self, cursor: &mut Cursor<'_>) {
        let before = self.changes.len();
        if self.named(cursor, |_| PassedEffect::Goes) != Some(ObjectKind::ExternalSchema) {
            return;
        }
        let schemas: Vec<_> = self.changes.iter().skip(before).filter_map(|change| change.name.clone()).collect();
        for (schema, kind) in schemas.iter().flat_map(|schema| WITHIN_A_SCHEMA.map(|kind| (schema, kind))) {
            let database = self.database.clone();
            let (schema, effect) = (Some(schema.clone()), PassedEffect::Goes);
            self.changes.push(PassedChange { kind, database, schema, name: None, effect });
        }
    }

    fn job(&mut self, cursor: &mut Cursor<'_>, effect: PassedEffect) {
        if let Some(name) = name(cursor) {
            self.add(ObjectKind::CopyJob, name, effect);
        }
    }

    fn add(&mut self, kind: ObjectKind, mut name: Vec<String>, effect: PassedEffect) {
        let own = name.pop();
        let (schema, database) = match kind {
            ObjectKind::ExternalSchema => (None, name.pop()),
            _ => (name.pop(), name.pop()),
        };
        let database = database.unwrap_or_else(|| self.database.clone());
        self.changes.push(PassedChange { kind, database, schema, name: own, effect });
    }
}

/// The parts of a name, in lower case.
pub(super) fn name(cursor: &mut Cursor<'_>) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    loop {
        let token = cursor.take()?;
        parts.push(literal::identifier(cursor.text(), token)?.to_ascii_lowercase());
        if !cursor.symbol(b'.') {
            return Some(parts);
        }
    }
}

/// What passed and no reading has shown yet.
#[derive(Debug, Default)]
pub(crate) struct PassedChanges {
    changes: HashMap<(ObjectKind, Option<String>), Vec<(Instant, PassedChange)>>,
    /// In the order in which they passed.
    order: VecDeque<(Instant, (ObjectKind, Option<String>))>,
}

impl PassedChanges {
    /// A message with these changes goes to the cluster.
    pub(crate) fn add(&mut self, changes: Vec<PassedChange>, now: Instant) {
        for change in changes {
            let key = (change.kind, change.name.clone());
            self.changes.entry(key.clone()).or_default().push((now, change));
            self.order.push_back((now, key));
        }
        self.forget(now);
    }

    /// Whether one that is about this object fits what became of it. It explains this once, and nothing that passed before it explains
    /// anything any more.
    pub(super) fn explains(
        &mut self,
        kind: ObjectKind,
        (database, schema, name): (Option<&str>, Option<&str>, &str),
        now: Instant,
        fits: impl Fn(&PassedEffect) -> bool,
    ) -> bool {
        self.forget(now);
        let own = self.changes.get_mut(&(kind, Some(name.to_owned())));
        if let Some(changes) = own
            && let Some(at) =
                changes.iter().rposition(|(_, change)| change.concerns(database, schema, name) && fits(&change.effect))
        {
            let mut place = 0_usize;
            changes.retain(|(_, change)| {
                let is_older = place <= at;
                place = place.saturating_add(1);
                !(is_older && change.concerns(database, schema, name))
            });
            return true;
        }
        let all = self.changes.get(&(kind, None)).into_iter().flatten();
        all.into_iter().any(|(_, change)| change.concerns(database, schema, name) && fits(&change.effect))
    }

    fn forget(&mut self, now: Instant) {
        let is_over = |at: &Instant| now.saturating_duration_since(*at) > SHOWS_WITHIN;
        while let Some((at, _)) = self.order.front()
            && (is_over(at) || self.order.len() > MAX_PASSED)
            && let Some((at, key)) = self.order.pop_front()
        {
            if let Some(changes) = self.changes.get_mut(&key) {
                changes.retain(|(passed, _)| *passed > at);
                if changes.is_empty() {
                    self.changes.remove(&key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Dialect, Reading, read};

    const A: &str = "arn:aws:iam::123456789012:role/RoleA";

    fn changes(text: &str) -> Vec<String> {
        let analysis = match read(text.as_bytes(), Dialect::Redshift) {
            Reading::Analysed(analysis) => analysis,
            Reading::Plain => crate::sql::Analysis::default(),
        };
        let uses = analysis.statements.iter().flat_map(|one| &one.role_uses);
        let uses: Vec<_> = uses.map(|used| (used.span.start, used.clause, &used.method)).collect();
        let told = |change: PassedChange| {
            let name = [Some(change.database), change.schema, change.name].into_iter().flatten();
            let effect = match change.effect {
                PassedEffect::Keeps(roles) => {
                    format!("keeps {}", roles.iter().map(|role| role.credential.as_str()).collect::<Vec<_>>().join("+"))
                }
                PassedEffect::Moves => "moves".to_owned(),
                PassedEffect::Goes => "goes".to_owned(),
            };
            format!("{} {} {effect}", change.kind, name.collect::<Vec<_>>().join("."))
        };
        PassedChange::of(text.as_bytes(), &uses, "Dev").into_iter().map(told).collect()
    }

    #[test]
    fn what_statements_do() {
        let rows: &[(String, &[&str])] = &[
            (
                format!("create external schema if not exists \"S x\" from data catalog database 'd' iam_role '{A}'"),
                &["external_schema dev.s x keeps chain"],
            ),
            (
                format!(
                    "begin; create or replace external function Lib.f(int) returns int stable lambda 'l' iam_role '{A}'; commit"
                ),
                &["external_function dev.lib.f keeps chain"],
            ),
            (format!("create model m from t function f iam_role '{A}'"), &["model dev.m keeps chain"]),
            ("alter external schema s iam_role default".to_owned(), &["external_schema dev.s keeps default"]),
            ("alter schema a rename to b".to_owned(), &["external_schema dev.a moves", "external_schema dev.b moves"]),
            (
                "alter procedure p.q(int, int) rename to r".to_owned(),
                &["procedure dev.p.q moves", "procedure dev.p.r moves"],
            ),
            (
                "drop schema if exists a, other.b cascade".to_owned(),
                &[
                    "external_schema dev.a goes",
                    "external_schema other.b goes",
                    "external_function dev.a goes",
                    "procedure dev.a goes",
                    "model dev.a goes",
                    "external_function dev.b goes",
                    "procedure dev.b goes",
                    "model dev.b goes",
                ],
            ),
            ("drop function f(int, int)".to_owned(), &["external_function dev.f goes"]),
            ("drop identity provider p".to_owned(), &["identity_provider dev.p goes"]),
            ("drop user anna".to_owned(), &["assumerole_grant dev.anna goes"]),
            (
                format!("copy t from 's3://b/x' iam_role '{A}' job create Nightly auto on"),
                &["copy_job dev.nightly keeps chain"],
            ),
            ("copy job drop nightly".to_owned(), &["copy_job dev.nightly goes"]),
            (
                format!(
                    "create or replace procedure p() as $$ begin copy t from 's3://b/x' iam_role '{A}'; end $$ language plpgsql"
                ),
                &["procedure dev.p keeps chain"],
            ),
            (format!("grant assumerole on '{A}' to anna for copy"), &["assumerole_grant dev keeps chain"]),
            ("select 'drop schema s' -- drop schema s".to_owned(), &[]),
            ("drop table t; create table u (a int)".to_owned(), &[]),
            ("drop schema".to_owned(), &[]),
            (String::new(), &[]),
        ];
        for (text, want) in rows {
            assert_eq!(changes(text), *want, "{text}");
        }
    }

    fn passed(texts: &[&str], at: Instant) -> PassedChanges {
        let mut passed = PassedChanges::default();
        for text in texts {
            passed.add(PassedChange::of(text.as_bytes(), &[], "dev"), at);
        }
        passed
    }

    fn goes(effect: &PassedEffect) -> bool {
        *effect == PassedEffect::Goes
    }

    #[test]
    fn a_change_explains_once_and_for_an_hour() {
        let start = Instant::now();
        let mut memory = passed(&["drop schema s", "drop schema s"], start);
        let name = (Some("dev"), None, "s");
        let kind = ObjectKind::ExternalSchema;
        assert!(!memory.explains(kind, (Some("other"), None, "s"), start, goes), "another database");
        assert!(!memory.explains(ObjectKind::Model, name, start, goes), "another kind");
        assert!(!memory.explains(kind, name, start, |effect| *effect == PassedEffect::Moves), "something else");
        assert!(memory.explains(kind, name, start, goes));
        assert!(!memory.explains(kind, name, start, goes), "what passed before counts no more");
        let mut memory = passed(&["drop schema s"], start);
        let late = start + SHOWS_WITHIN + Duration::from_secs(1);
        assert!(!memory.explains(kind, name, late, goes) && memory.changes.is_empty());
    }

    #[test]
    fn what_goes_with_a_schema_is_explained_as_often_as_there_is_something_in_it() {
        let now = Instant::now();
        let mut memory = passed(&["drop schema lib cascade"], now);
        for name in ["f", "g"] {
            assert!(memory.explains(ObjectKind::ExternalFunction, (Some("dev"), Some("lib"), name), now, goes));
        }
        assert!(!memory.explains(ObjectKind::ExternalFunction, (Some("dev"), Some("public"), "f"), now, goes));
    }

    #[test]
    fn memory_is_bounded() {
        let now = Instant::now();
        let mut memory = PassedChanges::default();
        for (number, at) in (0..MAX_PASSED + 100).zip(0..) {
            let text = format!("drop model m{number}");
            memory.add(PassedChange::of(text.as_bytes(), &[], "dev"), now + Duration::from_millis(at));
        }
        assert_eq!((memory.order.len(), memory.changes.len()), (MAX_PASSED, MAX_PASSED));
        assert!(!memory.explains(ObjectKind::Model, (Some("dev"), None, "m0"), now, goes));
    }
}
