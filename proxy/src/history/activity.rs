//! The cluster's user activity log: entries with a head, whose statements go on over lines.
//!
//! `'2015-03-31T20:00:08Z UTC [ db=amg user=bot pid=31260 userid=137 xid=834929 ]' LOG: select` and more lines.
//! Source: Amazon Redshift Management Guide, "Database audit logging". Line feeds are real here and nothing is escaped, so that a
//! text can hold what looks like a head: within an open literal or comment it is not believed.

use memchr::{memchr_iter, memmem, memrchr};

use crate::history::problem::{HistoryProblem, ProblemKind};
use crate::history::record::{RecordKind, StatementRecord};
use crate::sql::lexer::{Escapes, Lexer, Trouble};

const SEPARATOR: &[u8] = b" ]' LOG: ";

/// The head of an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct EntryHead<'a> {
    time: &'a str,
    database: &'a str,
    user: &'a str,
    pid: &'a str,
    user_id: &'a str,
    xid: &'a str,
    /// Where the statement starts.
    text: usize,
}

/// Where the last entry starts, if a head stands in these bytes after their first. What may be forged, since the text before it
/// is open, is no start.
#[must_use]
pub fn last_head(bytes: &[u8]) -> Option<usize> {
    let mut start = head_before(bytes, bytes.len())?;
    loop {
        let before = head_before(bytes, start.saturating_sub(1));
        let text = bytes.get(before.unwrap_or(0)..start)?;
        if !head(text).is_some_and(|head| is_open(text.get(head.text..).unwrap_or_default())) {
            return Some(start);
        }
        start = before?;
    }
}

/// The last head in front of a byte, the first line left out.
fn head_before(bytes: &[u8], mut end: usize) -> Option<usize> {
    while let Some(at) = memrchr(b'\n', bytes.get(..end)?) {
        let start = at.saturating_add(1);
        if bytes.get(start..).is_some_and(is_head) {
            return Some(start);
        }
        end = at;
    }
    None
}

/// Whether a line of these bytes is the head of an entry.
#[must_use]
pub fn has_head(bytes: &[u8]) -> bool {
    is_head(bytes) || head_before(bytes, bytes.len()).is_some()
}

fn is_head(line: &[u8]) -> bool {
    head(line).is_some()
}

/// Takes a head apart. Its parts are found from both ends, since a database or a user can have any name.
fn head(bytes: &[u8]) -> Option<EntryHead<'_>> {
    let blanks = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let line = bytes.get(blanks..)?.strip_prefix(b"'")?;
    if !line.first()?.is_ascii_digit() {
        return None;
    }
    let line_end = memchr::memchr(b'\n', line).unwrap_or(line.len());
    let close = memmem::find(line.get(..line_end)?, SEPARATOR.trim_ascii_end())?;
    let inside = std::str::from_utf8(line.get(..close)?).ok()?;
    let (time, rest) = inside.split_once("Z UTC [ db=")?;
    let (rest, xid) = rest.rsplit_once(" xid=")?;
    let (rest, user_id) = rest.rsplit_once(" userid=")?;
    let (rest, pid) = rest.rsplit_once(" pid=")?;
    let (database, user) = rest.split_once(" user=")?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_time = time.len() == 19 && time.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b':' | b'T'));
    let after = blanks.checked_add(1)?.checked_add(close)?.checked_add(SEPARATOR.trim_ascii_end().len())?;
    let text = if bytes.get(after) == Some(&b' ') { after.saturating_add(1) } else { after };
    let all = is_time && [pid, user_id, xid].into_iter().all(is_number);
    all.then_some(EntryHead { time, database, user, pid, user_id, xid, text })
}

/// What a block of a log holds.
#[derive(Debug)]
pub struct Entries<'a> {
    source: &'a str,
    bytes: &'a [u8],
    line: u64,
    /// The last entry may go on where the stream was cut off.
    is_cut: bool,
    was_open: bool,
}

impl<'a> Entries<'a> {
    /// The entries of these bytes, of which the first stands on that line.
    #[must_use]
    pub const fn new(source: &'a str, bytes: &'a [u8], line: u64, is_cut: bool) -> Self {
        Self { source, bytes, line, is_cut, was_open: false }
    }

    /// The bytes up to the next head.
    fn entry(&mut self) -> &'a [u8] {
        let is_end = |at: &usize| self.bytes.get(at.saturating_add(1)..).is_some_and(is_head);
        let end = memchr_iter(b'\n', self.bytes).find(is_end).map_or(self.bytes.len(), |at| at.saturating_add(1));
        let (entry, rest) = self.bytes.split_at_checked(end).unwrap_or((self.bytes, &[]));
        self.bytes = rest;
        entry
    }

    /// Hands over every entry, and what is wrong with each.
    pub fn read(mut self, mut record: impl FnMut(StatementRecord<'a>), mut problem: impl FnMut(HistoryProblem)) {
        while !self.bytes.is_empty() {
            let line = self.line;
            let entry = self.entry();
            self.line = line.saturating_add(u64::try_from(memchr_iter(b'\n', entry).count()).unwrap_or(0));
            let Some(head) = head(entry) else {
                if !entry.trim_ascii().is_empty() {
                    let what = "the rest of a statement whose entry starts in an earlier file";
                    problem(HistoryProblem::new(ProblemKind::Unreadable, self.source, line, what));
                }
                continue;
            };
            let text = entry.get(head.text..).unwrap_or_default().trim_ascii_end();
            let read = String::from_utf8_lossy(text);
            if matches!(read, std::borrow::Cow::Owned(_)) {
                let what = "bytes that are not UTF-8 were replaced";
                problem(HistoryProblem::new(ProblemKind::NotUtf8, self.source, line, what));
            }
            let mut found = StatementRecord::new(self.source, line, RecordKind::UserActivityLog, read);
            let is_last = self.bytes.is_empty();
            let is_open = is_open(text);
            if self.was_open {
                let what = "the entry before ends within a literal or comment, so this one may be part of it";
                problem(HistoryProblem::new(ProblemKind::Doubtful, self.source, line, what));
            }
            found.doubtful = self.was_open;
            found.truncated = (is_open && !is_last) || (is_last && self.is_cut);
            self.was_open = is_open;
            fill(&mut found, head);
            record(found);
        }
    }
}

fn fill<'a>(record: &mut StatementRecord<'a>, head: EntryHead<'a>) {
    record.time = Some(head.time.into());
    record.user = Some(head.user.into());
    record.user_id = head.user_id.parse().ok();
    record.database = Some(head.database.into());
    record.session = Some(head.pid.into());
    record.transaction = Some(head.xid.into());
}

/// Whether a text ends within a literal, a quoted name or a comment.
fn is_open(text: &[u8]) -> bool {
    // None opens without one of these.
    if memchr::memchr3(b'\'', b'"', b'$', text).is_none() && memmem::find(text, b"/*").is_none() {
        return false;
    }
    let mut lexer = Lexer::new(text, Escapes::Always);
    lexer.by_ref().for_each(drop);
    matches!(lexer.trouble(), Some((Trouble::Unterminated, _)))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Found = (Vec<(u64, String, String, bool, bool)>, Vec<(u64, ProblemKind)>);

    fn read(text: &[u8], is_cut: bool) -> Found {
        let (mut records, mut problems) = (Vec::new(), Vec::new());
        Entries::new("log", text, 1, is_cut).read(
            |one| {
                records.push((
                    one.line,
                    one.user.unwrap_or_default().into_owned(),
                    one.text.into_owned(),
                    one.truncated,
                    one.doubtful,
                ));
            },
            |one| problems.push((one.line, one.kind)),
        );
        (records, problems)
    }

    fn entry(user: &str, text: &str) -> String {
        format!("'2026-01-02T03:04:05Z UTC [ db=dev user={user} pid=7 userid=100 xid=9 ]' LOG: {text}\n")
    }

    fn row(line: u64, user: &str, text: &str) -> (u64, String, String, bool, bool) {
        (line, user.to_owned(), text.to_owned(), false, false)
    }

    #[test]
    fn statements_go_on_over_lines() {
        let text =
            entry("a b", "select\n  1,\n 'x'") + " " + &entry("etl", "say LOG: twice LOG: x") + &entry("x pid=3", "");
        let (records, problems) = read(text.as_bytes(), false);
        let want = [row(1, "a b", "select\n  1,\n 'x'"), row(4, "etl", "say LOG: twice LOG: x"), row(5, "x pid=3", "")];
        assert_eq!((records.as_slice(), problems.as_slice()), (want.as_slice(), [].as_slice()));
    }

    #[test]
    fn the_start_of_a_file_can_belong_to_another() {
        let (records, problems) = read(format!("of a statement\nfrom before\n{}", entry("etl", "x")).as_bytes(), false);
        assert_eq!(records, [row(3, "etl", "x")]);
        assert_eq!(problems, [(1, ProblemKind::Unreadable)]);
    }

    #[test]
    fn a_forged_head_is_not_believed() {
        for open in ["select $$", "select 1 /*", "select \"a", "select 'x\\'"] {
            let forged = entry("admin", "copy t from 's3://b' iam_role 'arn:aws:iam::1:role/x'");
            let (records, problems) = read((entry("eve", open) + &forged + &entry("etl", "x")).as_bytes(), false);
            let (eve, admin) = (&records[0], &records[1]);
            assert!(eve.3 && !eve.4, "{open}: cut at the forged head");
            assert!(admin.1 == "admin" && admin.4, "{open}: {admin:?}");
            assert_eq!(problems.first(), Some(&(2, ProblemKind::Doubtful)), "{open}");
        }
        let (_, problems) = read((entry("etl", "select '/*' -- '") + &entry("etl", "x")).as_bytes(), false);
        assert_eq!(problems, [], "closed literals and line comments are no doubt");
    }

    #[test]
    fn what_was_cut_off_is_said() {
        let (records, _) = read((entry("etl", "x") + &entry("etl", "copy t fr")).as_bytes(), true);
        assert!(!records[0].3 && records[1].3);
    }

    #[test]
    fn bytes_beyond_utf8() {
        let mut text = entry("etl", "select 'x'").into_bytes();
        let at = text.len() - 3;
        text[at] = 0xff;
        let (records, problems) = read(&text, false);
        assert_eq!(records[0].2, "select '\u{fffd}'");
        assert_eq!(problems, [(1, ProblemKind::NotUtf8)]);
    }

    #[test]
    fn what_is_no_head() {
        for line in [
            "'2026-01-02T03:04:05Z UTC [ db=dev user=etl pid=x userid=1 xid=2 ]' LOG: x",
            "'2026-01-02T03:04:05Z UTC [ db=dev user=etl pid=1 userid=1 ]' LOG: x",
            "''2026-01-02T03:04:05Z UTC [ db=dev user=etl pid=1 userid=1 xid=2 ]' LOG: x",
            "2026-01-02T03:04:05Z UTC [ db=dev user=etl pid=1 userid=1 xid=2 ]' LOG: x",
            "'yesterday UTC [ db=dev user=etl pid=1 userid=1 xid=2 ]' LOG: x",
            "",
        ] {
            assert!(!is_head(line.as_bytes()), "{line}");
        }
    }
}
