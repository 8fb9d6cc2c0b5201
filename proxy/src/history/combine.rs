//! The same statement from two sources, or twice from one, is one record: with the fuller text.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use memchr::memmem;

use crate::history::assemble::ordered;
use crate::history::record::{RecordKind, StatementRecord};
use crate::history::sorter::{Item, Sorted};
use crate::sql::lexer::{Escapes, Lexer, Token, TokenKind};
use crate::sql::literal::decode;
use crate::sql::signs::holds_credential_word;
use crate::sql::words::is_credential;

/// How far two sources may be apart in the time of one statement: the gate's clock is not the cluster's, and logs cut to seconds.
const SAME_MOMENT: i64 = 5_000_000;

/// How many tokens a key is made of, so that a text that was cut meets the whole one.
const KEY_TOKENS: usize = 32;

/// What the gate sends in the place of a refused text.
const REFUSED: &[u8] = b"rolegate_refused_";

/// The sorted form of a record: equal statements stand together, in the order of their time.
///
/// # Errors
/// None of a record that was read.
pub fn item(record: &StatementRecord<'_>) -> std::io::Result<Item> {
    let refused = record.nonce.as_deref().map(|nonce| [REFUSED, nonce.as_bytes()].concat());
    let start = text_hash(refused.as_deref().unwrap_or(record.text.as_bytes()), KEY_TOKENS);
    let time = record.timestamp().map_or(0, Timestamp::as_microsecond);
    Ok(([start.to_be_bytes(), ordered(time)].concat(), serde_json::to_vec(record)?))
}

/// Texts within texts that are compared without their credentials: a procedure's body, and what it executes.
const MAX_WITHIN: u8 = 4;

/// A hash of a text's first tokens: comments, blanks, the case of words, final semicolons and the values of credentials are left out,
/// in which sources differ.
#[must_use]
pub fn text_hash(text: &[u8], limit: usize) -> u64 {
    let mut hash = DefaultHasher::new();
    hash_text(text, limit, MAX_WITHIN, &mut hash);
    hash.finish()
}

fn hash_text(text: &[u8], limit: usize, within: u8, hash: &mut DefaultHasher) {
    let mut follows_credential = false;
    let is_end = |token: &Token| token.kind == TokenKind::Symbol(b';');
    let tokens = Lexer::new(text, Escapes::Always).filter(|token| !is_end(token));
    for token in tokens.take(limit) {
        let bytes = text.get(token.start..token.end).unwrap_or_default();
        match token.kind {
            TokenKind::Word => {
                bytes.to_ascii_lowercase().hash(hash);
                follows_credential = is_credential(bytes) || (follows_credential && bytes.len() == 2);
            }
            TokenKind::Symbol(b'=') if follows_credential => {}
            kind if kind.is_literal() && follows_credential => follows_credential = false,
            kind if kind.is_literal() && within > 0 && holds_credential_word(bytes) => {
                let inner = decode(text, token).map(|literal| literal.bytes).unwrap_or_default();
                hash_text(&inner, limit, within.saturating_sub(1), hash);
            }
            _ => {
                bytes.hash(hash);
                follows_credential = false;
            }
        }
    }
}

/// A record that another may turn out to be the same as.
struct Candidate {
    record: StatementRecord<'static>,
    time: i64,
    whole: u64,
    /// The kinds that it was found in.
    kinds: Vec<RecordKind>,
}

/// Hands over sorted records, each statement once.
///
/// # Errors
/// A temporary file cannot be read, or `record` fails.
pub fn combine(
    records: Sorted,
    mut record: impl FnMut(StatementRecord<'static>) -> std::io::Result<()>,
) -> std::io::Result<u64> {
    let mut open: VecDeque<Candidate> = VecDeque::new();
    let (mut start, mut combined): (Vec<u8>, u64) = (Vec::new(), 0);
    for item in records {
        let (key, value) = item?;
        let next: StatementRecord<'_> = serde_json::from_slice(&value).map_err(std::io::Error::from)?;
        let next = candidate(next.into_owned());
        // The hash is the first half of a key.
        let is_other = key.get(..8) != start.get(..8);
        while let Some(first) = open.front()
            && (is_other || next.time.saturating_sub(first.time) > SAME_MOMENT)
        {
            if let Some(done) = open.pop_front() {
                record(done.record)?;
            }
        }
        start = key;
        match open.iter_mut().find(|known| is_same(known, &next)) {
            Some(known) => {
                merge(known, next);
                combined = combined.saturating_add(1);
            }
            None => open.push_back(next),
        }
    }
    open.into_iter().try_for_each(|last| record(last.record))?;
    Ok(combined)
}

fn candidate(record: StatementRecord<'static>) -> Candidate {
    let time = record.timestamp().map_or(0, Timestamp::as_microsecond);
    let whole = text_hash(record.text.as_bytes(), usize::MAX);
    Candidate { time, whole, kinds: vec![record.from], record }
}

fn is_same(known: &Candidate, next: &Candidate) -> bool {
    let (one, other) = (&known.record, &next.record);
    // What the cluster shows in the place of a refused text is the nonce of the audit's record.
    let is_refused = |record: &StatementRecord<'_>| record.text.as_bytes().starts_with(REFUSED);
    let same_text =
        known.whole == next.whole || one.truncated || other.truncated || is_refused(one) || is_refused(other);
    let agree =
        |one: &Option<Cow<'_, str>>, other: &Option<Cow<'_, str>>| one.is_none() || other.is_none() || one == other;
    let same_user = agree(&one.user, &other.user)
        && (one.user_id.is_none() || other.user_id.is_none() || one.user_id == other.user_id);
    // The gate numbers its sessions itself.
    let both_clusters = one.from.is_clusters() && other.from.is_clusters();
    let same_session =
        !both_clusters || (agree(&one.session, &other.session) && agree(&one.transaction, &other.transaction));
    let times_seen = known.kinds.iter().filter(|kind| **kind == other.from).count();
    let is_new_kind = times_seen == 0 || (times_seen == 1 && is_jdbc_double(one, other));
    same_text && same_user && same_session && is_new_kind
}

/// JDBC drivers make the activity log hold a statement twice: with its semicolon and without.
/// Source: aws/redshift-test-drive, `core/util/log_validation.py`.
fn is_jdbc_double(one: &StatementRecord<'_>, other: &StatementRecord<'_>) -> bool {
    let ends = |record: &StatementRecord<'_>| record.text.trim_end().ends_with(';');
    let is_log = |record: &StatementRecord<'_>| record.from == RecordKind::UserActivityLog;
    is_log(one)
        && is_log(other)
        && one.session == other.session
        && one.transaction == other.transaction
        && ends(one) != ends(other)
}

/// Keeps the fuller text, and of everything else what either knows.
fn merge(known: &mut Candidate, other: Candidate) {
    known.kinds.extend(other.kinds);
    let known = &mut known.record;
    let mut other = other.record;
    if rank(&other) > rank(known) {
        std::mem::swap(known, &mut other);
    }
    let fill = |known: &mut Option<Cow<'static, str>>, other: Option<Cow<'static, str>>| {
        if known.is_none() {
            *known = other;
        }
    };
    fill(&mut known.time, other.time);
    fill(&mut known.user, other.user);
    fill(&mut known.database, other.database);
    fill(&mut known.application, other.application);
    fill(&mut known.client_address, other.client_address);
    fill(&mut known.session, other.session);
    fill(&mut known.transaction, other.transaction);
    fill(&mut known.outcome, other.outcome);
    known.user_id = known.user_id.or(other.user_id);
}

/// How much of a statement a record shows.
fn rank(record: &StatementRecord<'_>) -> (bool, bool, bool, bool, usize) {
    let is_substitute = memmem::find(record.text.as_bytes(), REFUSED) == Some(0);
    let is_audit = record.from == RecordKind::Audit;
    (!is_substitute, !record.truncated, !record.hidden, is_audit && !record.doubtful, record.text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::sorter::Sorter;

    struct Row(RecordKind, &'static str, &'static str, &'static str, &'static str);

    fn combined(rows: &[Row]) -> Vec<String> {
        let mut sorter = Sorter::default();
        for Row(kind, time, user, session, text) in rows {
            let mut record = StatementRecord::new("x", 1, *kind, *text);
            record.time = Some(format!("2026-01-02T03:04:{time}Z").into());
            record.user = (!user.is_empty()).then(|| (*user).into());
            record.session = (!session.is_empty()).then(|| (*session).into());
            record.truncated = text.ends_with("...");
            record.hidden = text.contains("''");
            record.nonce = text.contains("refuse me").then(|| "4f".into());
            let (key, value) = item(&record).unwrap();
            sorter.push(key, value).unwrap();
        }
        let mut found = Vec::new();
        let count = combine(sorter.finish().unwrap(), |one| {
            found.push(format!("{} {}: {}", one.from, one.user.as_deref().unwrap_or("?"), one.text));
            Ok(())
        });
        assert_eq!(usize::try_from(count.unwrap()).unwrap() + found.len(), rows.len(), "nothing is lost");
        found.sort();
        found
    }

    const ROLE: &str = "copy t from 's3://b' iam_role 'arn:aws:iam::111122223333:role/A'";

    #[test]
    fn the_fuller_text_is_kept() {
        use RecordKind::{Audit, StlQuery, SysQueryHistory, UserActivityLog};
        let rows = [
            Row(UserActivityLog, "05", "etl", "7", "COPY t\nfrom 's3://b' IAM_ROLE '' ;"),
            Row(Audit, "05.9", "etl", "1", ROLE),
            Row(SysQueryHistory, "06.1", "etl", "7", "/* dbt */ copy t from 's3://b' iam_role ''"),
            Row(StlQuery, "06.1", "", "7", "copy t from 's3://b' iam_role ''"),
        ];
        assert_eq!(combined(&rows), [format!("audit etl: {ROLE}")]);
    }

    /// (what the row shows, records, how many are left)
    #[test]
    fn what_is_not_the_same() {
        use RecordKind::{Audit, StlQuery, UserActivityLog};
        let rows: &[(&str, &[Row], usize)] = &[
            ("another user", &[Row(Audit, "05", "a", "1", ROLE), Row(StlQuery, "05", "b", "7", ROLE)], 2),
            ("another time", &[Row(Audit, "05", "a", "1", ROLE), Row(StlQuery, "11", "a", "7", ROLE)], 2),
            (
                "another text",
                &[Row(Audit, "05", "a", "1", ROLE), Row(StlQuery, "05", "a", "7", "copy t from 's3://c' iam_role ''")],
                2,
            ),
            ("twice in one source", &[Row(Audit, "05", "a", "1", ROLE), Row(Audit, "05", "a", "1", ROLE)], 2),
            ("another session", &[Row(UserActivityLog, "05", "a", "6", ROLE), Row(StlQuery, "05", "a", "7", ROLE)], 2),
            (
                "two of each",
                &[
                    Row(Audit, "05", "a", "1", ROLE),
                    Row(Audit, "06", "a", "1", ROLE),
                    Row(StlQuery, "05", "a", "7", ROLE),
                    Row(StlQuery, "06", "a", "7", ROLE),
                ],
                2,
            ),
            (
                "a JDBC double",
                &[Row(UserActivityLog, "05", "a", "7", "select 1"), Row(UserActivityLog, "05", "a", "7", "select 1;")],
                1,
            ),
            (
                "two JDBC doubles",
                &[
                    Row(UserActivityLog, "05", "a", "7", "select 1"),
                    Row(UserActivityLog, "05", "a", "7", "select 1;"),
                    Row(UserActivityLog, "06", "a", "7", "select 1"),
                    Row(UserActivityLog, "06", "a", "7", "select 1;"),
                ],
                2,
            ),
            (
                "a refused text",
                &[Row(Audit, "05", "a", "1", "refuse me"), Row(StlQuery, "05", "a", "7", "rolegate_refused_4f")],
                1,
            ),
            (
                "another refused text",
                &[Row(Audit, "05", "a", "1", "refuse me"), Row(StlQuery, "05", "a", "7", "rolegate_refused_5f")],
                2,
            ),
        ];
        for (what, rows, want) in rows {
            assert_eq!(combined(rows).len(), *want, "{what}: {:?}", combined(rows));
        }
    }
}
