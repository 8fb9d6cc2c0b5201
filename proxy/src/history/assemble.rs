//! Rows of the tables of texts, sorted by their keys, become records again: head rows give user and time, pieces the text.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::history::hidden::is_hidden;
use crate::history::pieces::{JoinedText, Piece, join, unescape};
use crate::history::problem::{HistoryProblem, ProblemKind};
use crate::history::record::{RecordKind, StatementRecord};
use crate::history::shape::kind_of;
use crate::history::sorter::{Item, Sorted, key};
use crate::history::table::{TableRow, View};
use crate::sql::lexer::{Escapes, Lexer};

/// Pieces of one statement beyond this are handed on as one that is not whole: no statement has as many.
const MAX_STATEMENT_BYTES: usize = 40 * 1024 * 1024;

/// The characters that `STL_QUERY` and `SYS_QUERY_HISTORY` hold of a text.
const HEAD_TEXT: usize = 4000;

/// A row that waits for the others of its statement.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Waiting<'a> {
    #[serde(borrow)]
    record: StatementRecord<'a>,
    /// `None`: the row of `STL_QUERY` or `SYS_QUERY_HISTORY`.
    sequence: Option<i64>,
}

/// The sorted form of a row: what belongs together has keys that begin alike. `Err`: what the row lacks.
///
/// # Errors
/// Names the column that is missing or is no number.
pub fn item(row: TableRow<'_>, view: View, source: &str, line: u64) -> Result<Item, String> {
    let number = |name: &str, value: &Option<Cow<'_, str>>| {
        let text = value.as_deref().ok_or_else(|| format!("has no {name}"))?;
        text.trim().parse::<i64>().map_err(|_| format!("its {name} is not a number: {text:?}"))
    };
    let kind = kind_of(view).ok_or("holds no text")?;
    let is_head = matches!(view, View::SysQueryHistory | View::StlQuery);
    let sequence = if is_head { None } else { Some(number("sequence", &row.sequence)?) };
    let key = match view {
        View::SysQueryHistory | View::SysQueryText => key(&[b"sys", &ordered(number("query_id", &row.query_id)?)]),
        View::StlQuery | View::StlQuerytext => key(&[b"stl", &ordered(number("query", &row.query)?)]),
        _ => key(&[
            b"text",
            &ordered(number("pid", &row.session)?),
            &ordered(number("xid", &row.transaction)?),
            row.time.as_deref().unwrap_or_default().trim().as_bytes(),
        ]),
    };
    let text = row.query_text.or(row.querytxt).or(row.text).ok_or("has no text")?;
    let trimmed = |known: Option<Cow<'_, str>>| {
        known.map(|text| Cow::Owned(text.trim().to_owned())).filter(|text: &Cow<'static, str>| !text.is_empty())
    };
    let mut record = StatementRecord::new(source.to_owned(), line, kind, text.into_owned());
    record.user_id = row.user_id.as_deref().and_then(|text| text.trim().parse().ok());
    record.outcome = trimmed(row.status).or_else(|| aborted(row.aborted.as_deref()));
    record.time = trimmed(row.time);
    record.user = trimmed(row.user);
    record.database = trimmed(row.database);
    record.application = trimmed(row.application);
    record.client_address = trimmed(row.address);
    record.session = trimmed(row.session);
    record.transaction = trimmed(row.transaction);
    let value = serde_json::to_vec(&Waiting { record, sequence }).map_err(|error| error.to_string())?;
    Ok((key, value))
}

fn aborted(value: Option<&str>) -> Option<Cow<'static, str>> {
    match value?.trim() {
        "0" => Some("success".into()),
        "1" => Some("aborted".into()),
        _ => None,
    }
}

/// A number whose bytes order as it does.
#[must_use]
pub fn ordered(number: i64) -> [u8; 8] {
    (number.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

/// Hands over the records of sorted rows, and what is wrong with each.
///
/// # Errors
/// A temporary file cannot be read.
pub fn assemble(
    rows: Sorted,
    mut record: impl FnMut(StatementRecord<'static>) -> std::io::Result<()>,
    mut problem: impl FnMut(HistoryProblem),
) -> std::io::Result<()> {
    let mut group: Vec<Waiting<'static>> = Vec::new();
    let (mut group_key, mut held): (Vec<u8>, usize) = (Vec::new(), 0);
    for row in rows {
        let (key, value) = row?;
        if key != group_key || held > MAX_STATEMENT_BYTES {
            statements(std::mem::take(&mut group), &mut record, &mut problem)?;
            (group_key, held) = (key, 0);
        }
        held = held.saturating_add(value.len());
        let Waiting { record, sequence } = serde_json::from_slice::<Waiting<'_>>(&value)?;
        group.push(Waiting { record: record.into_owned(), sequence });
    }
    statements(group, &mut record, &mut problem)
}

/// The statements of rows with the same key.
fn statements(
    group: Vec<Waiting<'static>>,
    record: &mut impl FnMut(StatementRecord<'static>) -> std::io::Result<()>,
    problem: &mut impl FnMut(HistoryProblem),
) -> std::io::Result<()> {
    let (heads, mut rows): (Vec<Waiting<'_>>, Vec<Waiting<'_>>) =
        group.into_iter().partition(|row| row.sequence.is_none());
    let head = heads.into_iter().next().map(|head| head.record);
    rows.sort_by_key(|row| row.sequence);
    let kind = rows.first().map(|row| row.record.from);
    let pieces =
        rows.iter().map(|row| Piece { sequence: row.sequence.unwrap_or(0), text: row.record.text.to_string() });
    let pieces: Vec<Piece> = pieces.collect();
    let Some(first) = rows.into_iter().next() else {
        return match head {
            Some(head) => record(headed(head)),
            None => Ok(()),
        };
    };
    let (width, limit) = if kind == Some(RecordKind::SysQueryHistory) { (4000, None) } else { (200, Some(HEAD_TEXT)) };
    for JoinedText { text, trouble } in join(&pieces, width, limit) {
        let mut joined = first.record.clone();
        if let Some(head) = &head {
            complete(&mut joined, head);
        }
        if let Some(trouble) = trouble {
            problem(HistoryProblem::new(ProblemKind::Pieces, &joined.source, joined.line, trouble));
        }
        joined.truncated = trouble.is_some();
        joined.hidden = is_hidden(text.as_bytes());
        joined.text = text.into();
        record(joined)?;
    }
    Ok(())
}

/// Adds what the head row knows.
fn complete(record: &mut StatementRecord<'static>, head: &StatementRecord<'static>) {
    let fill = |known: &mut Option<Cow<'static, str>>, other: &Option<Cow<'static, str>>| {
        if known.is_none() {
            known.clone_from(other);
        }
    };
    fill(&mut record.time, &head.time);
    fill(&mut record.user, &head.user);
    fill(&mut record.database, &head.database);
    fill(&mut record.application, &head.application);
    fill(&mut record.client_address, &head.client_address);
    fill(&mut record.session, &head.session);
    fill(&mut record.transaction, &head.transaction);
    fill(&mut record.outcome, &head.outcome);
    record.user_id = record.user_id.or(head.user_id);
}

/// The record of a head row alone, whose text is cut to a length and may have lost its line feeds.
fn headed(mut head: StatementRecord<'static>) -> StatementRecord<'static> {
    let stored = head.text.trim_end().to_owned();
    let text = unescape(&stored).into_owned();
    let is_flattened = head.from == RecordKind::StlQuery && !text.contains('\n') && holds_line_comment(text.as_bytes());
    head.truncated = stored.chars().count() >= HEAD_TEXT || is_flattened;
    head.hidden = is_hidden(text.as_bytes());
    head.text = text.into();
    head
}

/// Whether `--` opens a comment: in a text without line feeds it swallows the rest, which did not when the text had them.
fn holds_line_comment(text: &[u8]) -> bool {
    if memchr::memmem::find(text, b"--").is_none() {
        return false;
    }
    let mut end = 0_usize;
    let mut lexer = Lexer::new(text, Escapes::Always);
    for token in lexer.by_ref() {
        if text.get(end..token.start).is_some_and(|gap| memchr::memmem::find(gap, b"--").is_some()) {
            return true;
        }
        end = token.end;
    }
    text.get(end..).is_some_and(|rest| memchr::memmem::find(rest, b"--").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::sorter::Sorter;

    fn assembled(rows: &[(View, &str)]) -> (Vec<(String, bool, bool)>, usize) {
        let mut sorter = Sorter::default();
        for (number, (view, row)) in (1_u64..).zip(rows) {
            let (key, value) = item(serde_json::from_str(row).unwrap(), *view, "x", number).unwrap();
            sorter.push(key, value).unwrap();
        }
        let (mut records, mut problems) = (Vec::new(), 0);
        let record = |one: StatementRecord<'static>| {
            let who = one.user.as_deref().unwrap_or("?").to_owned();
            records.push((
                format!("{who}@{}: {}", one.database.as_deref().unwrap_or("?"), one.text),
                one.truncated,
                one.hidden,
            ));
            Ok(())
        };
        assemble(sorter.finish().unwrap(), record, |_| problems += 1).unwrap();
        (records, problems)
    }

    #[test]
    fn pieces_meet_their_head() {
        let (records, problems) = assembled(&[
            (View::SysQueryText, r#"{"query_id":7,"sequence":1,"text":" 1"}"#),
            (View::SysQueryText, r#"{"query_id":8,"sequence":0,"text":"copy t from 's3://b' iam_role ''"}"#),
            (
                View::SysQueryHistory,
                r#"{"query_id":7,"query_text":"select","username":"etl   ","database_name":"dev"}"#,
            ),
            (View::SysQueryText, r#"{"query_id":7,"sequence":0,"text":"select\\n"}"#),
        ]);
        let padded = format!("etl@dev: select\n{} 1", " ".repeat(4000 - "select\\n".len()));
        assert_eq!(records, [(padded, false, false), ("?@?: copy t from 's3://b' iam_role ''".into(), false, true)]);
        assert_eq!(problems, 0);
    }

    #[test]
    fn a_head_alone_may_not_be_all() {
        let long = format!(r#"{{"query_id":7,"query_text":"{}"}}"#, "x".repeat(4000));
        let (records, _) = assembled(&[
            (View::SysQueryHistory, &long),
            (View::StlQuery, r#"{"query":1,"querytxt":"-- query12 SELECT i_item_id"}"#),
            (View::StlQuery, r#"{"query":2,"querytxt":"select '--' , 1 - - 2"}"#),
        ]);
        let cut: Vec<bool> = records.iter().map(|(_, truncated, _)| *truncated).collect();
        assert_eq!(cut, [true, false, true], "STL_QUERY sorts before SYS_QUERY_HISTORY: {records:?}");
    }

    #[test]
    fn rows_that_lack_something() {
        for (view, row, what) in [
            (View::SysQueryText, r#"{"sequence":1,"text":"x"}"#, "query_id"),
            (View::StlQuerytext, r#"{"query":"x","sequence":1,"text":"x"}"#, "query is not a number"),
            (View::StlStatementText, r#"{"pid":1,"xid":2,"sequence":null,"text":"x"}"#, "sequence"),
            (View::StlQuery, r#"{"query":1}"#, "text"),
        ] {
            let error = item(serde_json::from_str(row).unwrap(), view, "x", 1).unwrap_err();
            assert!(error.contains(what), "{row}: {error}");
        }
    }
}
