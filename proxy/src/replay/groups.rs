//! Statements alike: what would become of them and why, whose they are and what they are about; counted, with one example. Pure.

use std::collections::BTreeSet;
use std::collections::hash_map::{Entry, HashMap};
use std::hash::Hash;

use jiff::Timestamp;

use crate::gate::codes::Code;
use crate::gate::enforcement::Action;
use crate::gate::finding::Finding;
use crate::gate::verdict::{JudgedStatement, JudgedUse, Verdict};
use crate::history::StatementRecord;
use crate::replay::let_off::LetOff;
use crate::sql::{StatementKind, Target, mask};

/// Groups beyond so many share one, so that memory is bounded whatever a history holds.
pub(crate) const MAX_GROUPS: usize = 50_000;

/// The longest text that is kept of an example.
const MAX_EXAMPLE_BYTES: usize = 64 * 1024;

/// Groups whose examples may be so long; the text of an example of a further group is cut to the other length.
const MAX_LONG_EXAMPLES: usize = 1_000;
const MAX_FURTHER_EXAMPLE_BYTES: usize = 4 * 1024;

/// Users, and applications, that a group names.
const MAX_NAMES: usize = 8;

/// What stands for groups that are too many.
pub(crate) const OTHERS: &str = "(others)";

/// Why a statement is refused or annotated.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Reason {
    /// The gravest finding's code.
    pub code: Code,
    /// The rule that forbids it.
    pub rule: Option<String>,
    /// The finding's message.
    pub message: String,
}

impl Reason {
    /// The reason in words, as a report shows it.
    #[must_use]
    pub(crate) fn words(&self) -> String {
        let rule = self.rule.as_ref().map(|rule| format!(" (rule \"{rule}\")")).unwrap_or_default();
        format!("{}: {}{rule}", self.code, self.message)
    }
}

/// What statements of a group have in common.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct GroupKey {
    /// What enforcement would do.
    pub would_be: Action,
    /// What lets it through all the same.
    pub let_off: LetOff,
    /// Why; nothing for what is merely counted.
    pub reason: Option<Reason>,
    /// The chain, or the word for another credential.
    pub chain: String,
    /// The database user, or the group when they are grouped so.
    pub who: String,
    /// What it is.
    pub kind: StatementKind,
    /// The bucket or other target.
    pub target: Option<String>,
}

impl GroupKey {
    /// Whether enforcement would refuse it, and nothing lets it off.
    #[must_use]
    pub(crate) fn is_refused(&self) -> bool {
        self.let_off.leaves_refused(self.would_be)
    }

    /// The same with nothing in its way.
    #[must_use]
    pub(crate) fn let_through(self) -> Self {
        Self { would_be: Action::Forward, let_off: LetOff::default(), reason: None, ..self }
    }
}

/// One statement of a group.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Example {
    /// Its text, secrets masked.
    pub text: String,
    /// All of its text is there.
    pub is_whole: bool,
    /// Where it was recorded.
    pub source: String,
    /// On which line of that.
    pub line: u64,
    /// Whose it was.
    pub user: String,
    /// In which database.
    pub database: String,
    /// By which application.
    pub application: String,
    /// The address from which the client came.
    pub client_address: Option<String>,
    /// When it was run.
    pub time: Option<Timestamp>,
    /// The codes of its verdict.
    pub codes: Vec<Code>,
}

impl Example {
    fn cut_to(mut self, bytes: usize) -> Self {
        if self.text.len() > bytes {
            self.text.truncate(self.text.floor_char_boundary(bytes));
            self.text.shrink_to_fit();
            self.is_whole = false;
        }
        self
    }
}

/// What is counted of statements alike.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct GroupCount {
    /// How many statements the group holds.
    pub count: u64,
    /// When the first of them was run.
    pub first_seen: Option<Timestamp>,
    /// When the last of them was run.
    pub last_seen: Option<Timestamp>,
    /// The applications that sent them; some, where there are many.
    pub applications: BTreeSet<String>,
    /// The users who sent them; some, where there are many.
    pub users: BTreeSet<String>,
    /// The first of them.
    pub example: Example,
}

impl GroupCount {
    /// Takes one more statement.
    pub(crate) fn add(&mut self, record: &StatementRecord<'_>, time: Option<Timestamp>) {
        self.count = self.count.saturating_add(record.count);
        self.see(time, time);
        keep(&mut self.applications, record.application.as_deref().unwrap_or_default());
        keep(&mut self.users, record.user.as_deref().unwrap_or_default());
    }

    fn see(&mut self, first: Option<Timestamp>, last: Option<Timestamp>) {
        self.first_seen = [self.first_seen, first].into_iter().flatten().min();
        self.last_seen = self.last_seen.max(last);
    }

    /// Adds what a later part of the history holds.
    pub(crate) fn merge(&mut self, later: &Self) {
        self.count = self.count.saturating_add(later.count);
        self.see(later.first_seen, later.last_seen);
        later.applications.iter().for_each(|name| keep(&mut self.applications, name));
        later.users.iter().for_each(|name| keep(&mut self.users, name));
    }
}

/// Which names stay does not depend on the order in which they came: the first in order.
fn keep(names: &mut BTreeSet<String>, name: &str) {
    let is_late = names.len() >= MAX_NAMES && names.last().is_some_and(|last| name > last.as_str());
    if !name.is_empty() && !is_late && !names.contains(name) {
        names.insert(name.to_owned());
        if names.len() > MAX_NAMES {
            names.pop_last();
        }
    }
}

/// Groups by what they have in common.
#[derive(Clone, Debug)]
pub(crate) struct Groups<K>(pub HashMap<K, GroupCount>);

impl<K> Default for Groups<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

/// A key that can stand for all that are too many.
pub(crate) trait Shared: Eq + Hash + Ord {
    /// The same with its most various parts left out.
    fn shared(&mut self);
}

impl<K: Shared> Groups<K> {
    /// Counts a statement; `example` is asked for the first of a group.
    pub(crate) fn add(
        &mut self,
        mut key: K,
        record: &StatementRecord<'_>,
        time: Option<Timestamp>,
        example: impl FnOnce() -> Example,
    ) {
        self.make_room(&mut key);
        let longest = self.longest_example();
        match self.0.entry(key) {
            Entry::Occupied(mut group) => group.get_mut().add(record, time),
            Entry::Vacant(place) => {
                let example = example().cut_to(longest);
                place.insert(GroupCount { example, ..GroupCount::default() }).add(record, time);
            }
        }
    }

    /// Adds the groups of a later part.
    pub(crate) fn merge(&mut self, later: Self) {
        // In order, so that it does not depend on chance which are the first of too many.
        let mut later: Vec<(K, GroupCount)> = later.0.into_iter().collect();
        later.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (mut key, count) in later {
            self.make_room(&mut key);
            let longest = self.longest_example();
            match self.0.entry(key) {
                Entry::Occupied(mut group) => group.get_mut().merge(&count),
                Entry::Vacant(place) => {
                    let example = count.example.cut_to(longest);
                    place.insert(GroupCount { example, ..count });
                }
            }
        }
    }

    fn longest_example(&self) -> usize {
        if self.0.len() < MAX_LONG_EXAMPLES { MAX_EXAMPLE_BYTES } else { MAX_FURTHER_EXAMPLE_BYTES }
    }

    fn make_room(&self, key: &mut K) {
        if self.0.len() >= MAX_GROUPS && !self.0.contains_key(key) {
            key.shared();
        }
    }
}

impl Shared for GroupKey {
    fn shared(&mut self) {
        OTHERS.clone_into(&mut self.chain);
        OTHERS.clone_into(&mut self.who);
        self.target = None;
        if let Some(reason) = &mut self.reason {
            reason.message.clear();
            reason.rule = None;
        }
    }
}

/// The group of a verdict, by its gravest finding; `who` is whose it is.
#[must_use]
pub(crate) fn key_of(verdict: &Verdict, let_off: LetOff, who: String) -> GroupKey {
    let gravest = |statement: &JudgedStatement| statement.findings.iter().map(|finding| finding.severity).max();
    let Some(statement) = verdict.statements.iter().rev().max_by_key(|statement| gravest(statement)) else {
        return GroupKey {
            would_be: verdict.would_be,
            let_off,
            reason: None,
            chain: String::new(),
            who,
            kind: StatementKind::None,
            target: None,
        };
    };
    let finding = statement.findings.iter().rev().max_by_key(|finding| finding.severity);
    let finding = finding.filter(|_| verdict.would_be > Action::Forward);
    let at = finding.map(|finding| finding.at);
    let role_use = statement.uses.iter().find(|role_use| Some(role_use.span.start) == at).or(statement.uses.first());
    GroupKey {
        would_be: verdict.would_be,
        let_off,
        reason: finding.map(reason),
        chain: role_use.map(JudgedUse::credential).unwrap_or_default(),
        who,
        kind: statement.kind,
        target: role_use.and_then(|role_use| role_use.target.as_ref()).map(bucket),
    }
}

fn reason(finding: &Finding) -> Reason {
    Reason { code: finding.code, rule: finding.rule.clone(), message: finding.message.clone() }
}

/// The bucket of a target in S3; any other as it is.
#[must_use]
pub(crate) fn bucket(target: &Target) -> String {
    let of = |bucket: &str| format!("s3://{}", mask(bucket.as_bytes()));
    target.bucket_and_path().map_or_else(|| target.to_string(), |(bucket, _)| of(bucket))
}

/// An example of a group.
#[must_use]
pub(crate) fn example(record: &StatementRecord<'_>, time: Option<Timestamp>, codes: Vec<Code>) -> Example {
    let text = |known: &Option<std::borrow::Cow<'_, str>>| known.as_deref().unwrap_or_default().to_owned();
    let example = Example {
        text: mask(record.text.as_bytes()),
        is_whole: true,
        source: record.source.as_ref().to_owned(),
        line: record.line,
        user: text(&record.user),
        database: text(&record.database),
        application: text(&record.application),
        client_address: record.client_address.as_deref().map(str::to_owned),
        time,
        codes,
    };
    example.cut_to(MAX_EXAMPLE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::RecordKind;

    /// However many groups there are: the first have long examples, the others short ones, in one part or several.
    #[test]
    fn examples_are_bounded() {
        let key = |number: usize| GroupKey {
            would_be: Action::Reject,
            let_off: LetOff::default(),
            reason: None,
            chain: format!("{number:05}"),
            who: "etl".into(),
            kind: StatementKind::Copy,
            target: None,
        };
        let record = StatementRecord::new("x", 1, RecordKind::Audit, "€".repeat(MAX_EXAMPLE_BYTES));
        let groups = |numbers: std::ops::Range<usize>| {
            let mut groups = Groups::default();
            for number in numbers {
                groups.add(key(number), &record, None, || Example {
                    text: "€".repeat(MAX_EXAMPLE_BYTES),
                    ..Example::default()
                });
            }
            groups
        };
        let whole = example(&record, None, Vec::new());
        assert!(!whole.is_whole && whole.text.len() <= MAX_EXAMPLE_BYTES && whole.text.capacity() <= MAX_EXAMPLE_BYTES);
        let mut merged = groups(0..MAX_LONG_EXAMPLES - 1);
        merged.merge(groups(MAX_LONG_EXAMPLES - 1..MAX_LONG_EXAMPLES + 2));
        for all in [groups(0..MAX_LONG_EXAMPLES + 2), merged] {
            let long = |number: usize| all.0[&key(number)].example.text.len() > MAX_FURTHER_EXAMPLE_BYTES;
            let near = [0, MAX_LONG_EXAMPLES - 1, MAX_LONG_EXAMPLES, MAX_LONG_EXAMPLES + 1];
            assert_eq!(near.map(long), [true, true, false, false]);
        }
    }

    #[test]
    fn buckets() {
        let s3 = |uri: &str| bucket(&Target::S3Uri(uri.to_owned()));
        assert_eq!((s3("s3://b/a/c"), s3("S3://b"), s3("s3://")), ("s3://b".into(), "s3://b".into(), "s3://".into()));
        assert_eq!(bucket(&Target::Lambda("f".into())), "lambda:f");
    }

    #[test]
    fn counts_are_the_same_in_one_part_or_several() {
        let record = |number: u64| {
            let mut record = StatementRecord::new("x", number, RecordKind::Audit, "t");
            record.user = Some(format!("user{}", number % 20).into());
            record
        };
        let key = |number: u64| GroupKey {
            would_be: Action::Reject,
            let_off: LetOff::default(),
            reason: None,
            chain: (number % 3).to_string(),
            who: "etl".into(),
            kind: StatementKind::Copy,
            target: None,
        };
        let counted = |parts: u64| {
            let mut all = Groups::default();
            for part in 0..parts {
                let mut groups = Groups::default();
                for number in (0..600).filter(|number| number * parts / 600 == part) {
                    let time = Timestamp::from_second(i64::try_from(number).unwrap()).ok();
                    let example = || Example { line: number, ..Example::default() };
                    groups.add(key(number), &record(number), time, example);
                }
                all.merge(groups);
            }
            let mut all: Vec<_> = all.0.into_iter().collect();
            all.sort_by(|(one, _), (other, _)| one.cmp(other));
            all
        };
        let one = counted(1);
        assert_eq!(
            one.iter().map(|(_, group)| (group.count, group.example.line)).collect::<Vec<_>>(),
            [(200, 0), (200, 1), (200, 2)]
        );
        assert_eq!(one, counted(7));
    }
}
