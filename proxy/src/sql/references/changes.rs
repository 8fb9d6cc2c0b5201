//! What statements do to objects by their names: what they make, rename, drop or replace.

use std::ops::Range;

use crate::sql::cursor::Cursor;
use crate::sql::lexer::{Rules, Token, TokenKind};
use crate::sql::references::chains::part;
use crate::sql::references::mention::{NameChange, NamePart, NamedObject};
use crate::sql::split;

/// Words between CREATE or DROP and what is made or dropped.
const MODIFIERS: [&str; 4] = ["external", "materialized", "or", "replace"];

/// What statements make that others use by its name.
const OBJECTS: [(&str, NamedObject); 5] = [
    ("schema", NamedObject::Schema),
    ("view", NamedObject::View),
    ("function", NamedObject::Function),
    ("procedure", NamedObject::Procedure),
    ("model", NamedObject::Model),
];

/// The changes of a text, each with the byte at which its statement begins.
pub(in crate::sql) fn changes(text: &[u8], rules: Rules) -> Vec<(usize, NameChange)> {
    let of_statement = |span: Range<usize>| {
        let start = span.start;
        statement(&mut Cursor::new(text, span, rules)).into_iter().map(move |change| (start, change))
    };
    split::statements(text, rules).flat_map(of_statement).collect()
}

fn statement(cursor: &mut Cursor<'_>) -> Vec<NameChange> {
    match () {
        () if cursor.accept(&["create"]) => created(cursor),
        () if cursor.accept(&["alter"]) => altered(cursor).into_iter().collect(),
        () if cursor.accept(&["drop"]) => dropped(cursor),
        () if cursor.accept(&["copy"]) => job(cursor).into_iter().collect(),
        () => Vec::new(),
    }
}

fn created(cursor: &mut Cursor<'_>) -> Vec<NameChange> {
    let Some(object) = object(cursor, &OBJECTS) else { return Vec::new() };
    let Some(name) = name(cursor) else { return Vec::new() };
    let mut made = vec![NameChange::Made { object, name }];
    // Statements use a model by its function.
    if object == NamedObject::Model
        && past(cursor, &["function"])
        && let Some(name) = self::name(cursor)
    {
        made.push(NameChange::Made { object, name });
    }
    made
}

fn altered(cursor: &mut Cursor<'_>) -> Option<NameChange> {
    let is_external = cursor.sees("external");
    // ALTER TABLE renames a view, too.
    let object = object(cursor, &OBJECTS).or_else(|| object(cursor, &[("table", NamedObject::View)]))?;
    let name = name(cursor)?;
    if is_external {
        return Some(NameChange::Made { object, name });
    }
    let is_renamed = past(cursor, &["rename", "to"]);
    let to = Some(cursor).filter(|_| is_renamed).and_then(self::name)?.pop()?;
    Some(NameChange::Renamed { object, name, to })
}

fn dropped(cursor: &mut Cursor<'_>) -> Vec<NameChange> {
    let mut gone = Vec::new();
    if object(cursor, &OBJECTS).is_none() {
        return gone;
    }
    while let Some(name) = name(cursor) {
        gone.push(NameChange::Dropped { name });
        // Types of arguments stand behind the name of a function.
        if cursor.sees_symbol(b'(') && cursor.group().is_err() || !cursor.symbol(b',') {
            break;
        }
    }
    gone
}

/// `COPY ... JOB CREATE name`, `COPY JOB DROP name`.
fn job(cursor: &mut Cursor<'_>) -> Option<NameChange> {
    if cursor.accept(&["job", "drop"]) {
        return name(cursor).map(|name| NameChange::Dropped { name });
    }
    let is_made = past(cursor, &["job", "create"]);
    let name = Some(cursor).filter(|_| is_made).and_then(name)?;
    Some(NameChange::Made { object: NamedObject::Job, name })
}

/// What is made, changed or dropped, if a statement may use it by its name. The name stands behind it.
fn object(cursor: &mut Cursor<'_>, objects: &[(&str, NamedObject)]) -> Option<NamedObject> {
    while MODIFIERS.iter().any(|word| cursor.accept(&[word])) {}
    let (_, object) = objects.iter().find(|(word, _)| cursor.accept(&[word]))?;
    while ["if", "not", "exists"].iter().any(|word| cursor.accept(&[word])) {}
    Some(*object)
}

fn name(cursor: &mut Cursor<'_>) -> Option<Vec<NamePart>> {
    let mut parts = Vec::new();
    loop {
        let is_name = |token: &Token| matches!(token.kind, TokenKind::Word | TokenKind::Quoted);
        let token = cursor.peek().filter(is_name)?;
        cursor.take();
        parts.push(part(cursor.text(), token, None));
        if !cursor.symbol(b'.') {
            return Some(parts);
        }
    }
}

/// Moves behind these words, wherever they stand outside of parentheses.
fn past(cursor: &mut Cursor<'_>, words: &[&str]) -> bool {
    while cursor.peek().is_some() {
        if cursor.accept(words) {
            return true;
        }
        if !(cursor.sees_symbol(b'(') && matches!(cursor.group(), Ok(Some(_)))) {
            cursor.take();
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::lexer::Escapes;

    fn read(text: &str) -> Vec<String> {
        let joined = |name: Vec<NamePart>| name.into_iter().map(|part| part.text).collect::<Vec<_>>().join(".");
        let shown = |(at, change): (usize, NameChange)| match change {
            NameChange::Made { object, name } => format!("{at} made {object} {}", joined(name)),
            NameChange::Renamed { object, name, to } => format!("{at} renamed {object} {} {}", joined(name), to.text),
            NameChange::Dropped { name } => format!("{at} dropped {}", joined(name)),
        };
        changes(text.as_bytes(), Rules::with_escapes(Escapes::Always)).into_iter().map(shown).collect()
    }

    #[test]
    fn what_statements_do_to_names() {
        let rows: &[(&str, &[&str])] = &[
            ("create external schema if not exists S from data catalog", &["0 made schema s"]),
            ("create or replace view a.V as select 1", &["0 made view a.v"]),
            ("create materialized view dev.a.\"V w\" as select 1", &["0 made view dev.a.V w"]),
            ("CREATE OR REPLACE PROCEDURE p(a int) as $$ begin end $$ language plpgsql", &["0 made procedure p"]),
            ("create external function a.f(int) returns int lambda 'l' iam_role default", &["0 made function a.f"]),
            (
                "create model m from (select function x) target a function lib.g iam_role default",
                &["0 made model m", "0 made model lib.g"],
            ),
            ("copy t from 's3://b' iam_role default job create j auto on", &["0 made job j"]),
            ("copy t (job, a) from 's3://b' iam_role default", &[]),
            ("alter schema a rename to b", &["0 renamed schema a b"]),
            ("alter table s.v rename to \"W\"", &["0 renamed view s.v W"]),
            ("alter function f(int, numeric(1, 2)) rename to g", &["0 renamed function f g"]),
            ("alter external schema s iam_role 'arn'", &["0 made schema s"]),
            ("alter schema a owner to b", &[]),
            ("alter table t rename column a to b", &[]),
            ("create table t as select * from s.u", &[]),
            ("drop table t", &[]),
            (
                "drop view if exists a, b.c cascade; drop function f(int), g",
                &["0 dropped a", "0 dropped b.c", "36 dropped f", "36 dropped g"],
            ),
            ("drop external schema", &[]),
            ("drop user bob", &[]),
            ("copy job drop j", &["0 dropped j"]),
            ("copy job run j", &[]),
            ("select 'create view v as select 1'", &[]),
            ("/* a */ create view v as select 1;", &["8 made view v"]),
        ];
        for (text, want) in rows {
            assert_eq!(read(text), *want, "{text}");
        }
    }
}
