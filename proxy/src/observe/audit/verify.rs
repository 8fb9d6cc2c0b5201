//! Whether a log is whole. Pure: lines go in, in the order of the files, and what is wrong with them comes out. Memory does not
//! grow with the number of records.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use crate::observe::audit::chain::{Hash, LogTree, record_hash};
use crate::observe::audit::checkpoint::{self, PublicKey, SignedHead};
use crate::observe::audit::event::Torn;
use crate::observe::audit::line::ChainFields;

/// When a line's record was, in a text that sorts by time; `None` of what is no record.
#[must_use]
pub fn record_time(line: &[u8]) -> Option<String> {
    ChainFields::read(line).map(|fields| fields.time.to_owned())
}

/// The log and the number of a line's record, if its number or its id is `wanted`.
#[must_use]
pub fn record_number(line: &[u8], wanted: &str) -> Option<(String, u64)> {
    let fields = ChainFields::read(line)?;
    let is_wanted = fields.id == wanted || wanted.parse() == Ok(fields.seq);
    is_wanted.then(|| (fields.log.to_owned(), fields.seq))
}

/// A line of a file.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, serde::Serialize)]
pub struct LinePlace {
    /// The file's name as it was given.
    pub file: String,
    /// The number of the line, from 1.
    pub line: u64,
}

/// Something that is wrong, and where.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Defect {
    /// Where the fault stands.
    #[serde(flatten)]
    pub place: LinePlace,
    /// What is wrong there, in words.
    pub problem: String,
}

/// Records that the gate itself says it could not write.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct KnownGap {
    /// Where it says so.
    #[serde(flatten)]
    pub place: LinePlace,
    /// How many records the gate itself said it could not write.
    pub lost: u64,
}

/// What is known of one log.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct LogReport {
    /// Its name.
    pub log: String,
    /// The number of its first record here.
    pub first: u64,
    /// The number of its last record here.
    pub last: u64,
    /// Records before this number are vouched for by a key; `None` without a key.
    pub signed: Option<u64>,
}

/// What a verification found.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Verification {
    /// Records read.
    pub records: u64,
    /// When the first of them was.
    pub first: Option<String>,
    /// When the last of them was.
    pub last: Option<String>,
    /// What is wrong.
    pub problems: Vec<Defect>,
    /// Records that could not be written, by the gate's own word.
    pub gaps: Vec<KnownGap>,
    /// Each log.
    pub logs: Vec<LogReport>,
}

/// What a verification is told beside the lines.
#[derive(Debug, Default)]
pub struct Expectations {
    /// The key that signs the checkpoints.
    pub key: Option<PublicKey>,
    /// Checkpoints that were kept apart, and where each stands.
    pub checkpoints: Vec<(LinePlace, SignedHead)>,
    /// The files are a part of a log: what is before them is somewhere else.
    pub is_part: bool,
}

/// One log as far as it was read.
#[derive(Debug)]
struct ReadLog {
    first: u64,
    first_place: LinePlace,
    /// The number of the next record.
    next: u64,
    /// The hash of the last record's line, which is in the tree only when the next record has named it.
    last: Hash,
    last_place: LinePlace,
    /// The tree over all records but the last; `None` where that cannot be known.
    tree: Option<LogTree>,
    /// Records before this number are vouched for by the key.
    signed: u64,
}

/// Reads lines and finds what is wrong with them.
#[derive(Debug)]
pub struct LogReader {
    key: Option<PublicKey>,
    is_part: bool,
    apart: HashMap<String, BTreeMap<u64, Vec<(LinePlace, SignedHead)>>>,
    logs: BTreeMap<String, ReadLog>,
    /// Lines that are no records and nobody has owned up to.
    strange: Vec<(Torn, LinePlace, bool)>,
    /// Logs of which the records before a number are gone on purpose; all of them without one.
    retained: HashMap<String, Option<u64>>,
    found: Verification,
}

impl LogReader {
    /// Reads with these expectations.
    #[must_use]
    pub fn new(expectations: Expectations) -> Self {
        let mut apart: HashMap<String, BTreeMap<u64, Vec<_>>> = HashMap::new();
        for (place, head) in expectations.checkpoints {
            apart.entry(head.log.clone()).or_default().entry(head.size).or_default().push((place, head));
        }
        Self {
            key: expectations.key,
            is_part: expectations.is_part,
            apart,
            logs: BTreeMap::new(),
            strange: Vec::new(),
            retained: HashMap::new(),
            found: Verification {
                records: 0,
                first: None,
                last: None,
                problems: Vec::new(),
                gaps: Vec::new(),
                logs: Vec::new(),
            },
        }
    }

    /// Reads one line, less its line feed; `is_ended`: it has one.
    pub fn line(&mut self, place: &LinePlace, line: &[u8], is_ended: bool) {
        if line.is_empty() {
            return;
        }
        let Some(fields) = ChainFields::read(line) else {
            self.strange.push((Torn::of(line), place.clone(), is_ended));
            return;
        };
        self.found.records = self.found.records.saturating_add(1);
        if self.found.first.as_deref().is_none_or(|first| fields.time < first) {
            self.found.first = Some(fields.time.to_owned());
        }
        if self.found.last.as_deref().is_none_or(|last| fields.time > last) {
            self.found.last = Some(fields.time.to_owned());
        }
        for torn in &fields.torn {
            if let Some(index) = self.strange.iter().position(|(strange, ..)| strange == torn) {
                self.strange.swap_remove(index);
            }
        }
        if let Some(lost) = fields.lost.filter(|lost| *lost > 0) {
            self.found.gaps.push(KnownGap { place: place.clone(), lost });
        }
        if let Some(log) = &fields.of_log {
            let gone = self.retained.entry(log.clone()).or_insert(Some(0));
            *gone = gone.zip(fields.removed_before).map(|(one, other)| one.max(other));
        }
        self.record(place, &fields, record_hash(line));
    }

    fn record(&mut self, place: &LinePlace, fields: &ChainFields<'_>, hash: Hash) {
        let Some(log) = self.logs.get_mut(fields.log) else {
            self.first(place, fields, hash);
            return;
        };
        if fields.seq < log.next {
            let problem = format!(
                "record {} stands after record {}: it was inserted, copied or moved",
                fields.seq,
                log.next.saturating_sub(1)
            );
            self.found.problems.push(Defect { place: place.clone(), problem });
            return;
        }
        let problems = log.follow(place, fields);
        log.next = fields.seq.saturating_add(1);
        log.last = hash;
        log.last_place = place.clone();
        self.found.problems.extend(problems);
        self.checkpoints(place, fields);
    }

    /// The first record of a log here.
    fn first(&mut self, place: &LinePlace, fields: &ChainFields<'_>, hash: Hash) {
        let tree = if fields.seq == 0 { Some(LogTree::default()) } else { fields.tree().and_then(Result::ok) };
        if fields.seq == 0 && fields.prev.is_some() {
            self.problem(place, "the first record of a log names one before it".to_owned());
        }
        let log = ReadLog {
            first: fields.seq,
            first_place: place.clone(),
            next: fields.seq.saturating_add(1),
            last: hash,
            last_place: place.clone(),
            tree,
            signed: 0,
        };
        self.logs.insert(fields.log.to_owned(), log);
        self.checkpoints(place, fields);
    }

    fn problem(&mut self, place: &LinePlace, problem: String) {
        self.found.problems.push(Defect { place: place.clone(), problem });
    }

    /// Compares the tree before a record with the checkpoint in it, and with those that were kept apart.
    fn checkpoints(&mut self, place: &LinePlace, fields: &ChainFields<'_>) {
        if let Some(text) = &fields.checkpoint {
            let signed = fields.signed || text.contains("\n\n");
            match checkpoint::parse(text, self.key.as_ref().filter(|_| signed)) {
                Err(error) => self.problem(place, format!("the checkpoint does not hold: {error}")),
                Ok(head) if head.size != fields.seq || head.log != fields.log => {
                    self.problem(place, "the checkpoint is that of another place".to_owned());
                }
                Ok(head) => self.compare(place, &head, fields.tree().and_then(Result::ok)),
            }
        }
        for (kept, head) in self.apart_at(fields.log, fields.seq) {
            self.compare(&kept, &head, None);
        }
    }

    fn apart_at(&self, log: &str, size: u64) -> Vec<(LinePlace, SignedHead)> {
        self.apart.get(log).and_then(|of_log| of_log.get(&size)).cloned().unwrap_or_default()
    }

    /// Compares a tree head with the tree. Where the tree is not known, one that has this head is taken up.
    fn compare(&mut self, place: &LinePlace, head: &SignedHead, named: Option<LogTree>) {
        let Some(log) = self.logs.get_mut(&head.log) else { return };
        let has_head = |tree: &LogTree| tree.root().is_ok_and(|root| root == head.root);
        let is_good = match &log.tree {
            Some(tree) => has_head(tree),
            None => named.as_ref().is_some_and(has_head),
        };
        // With one that is not good, what follows is compared from here on.
        let is_known = log.tree.is_some() || named.is_some();
        if let Some(named) = named.filter(has_head) {
            log.tree = Some(named);
        }
        if is_good {
            log.signed = if head.is_signed { head.size } else { log.signed };
        } else if is_known {
            let signed = log.signed;
            self.problem(
                place,
                format!("records {signed} to {} are not those of this checkpoint", head.size.saturating_sub(1)),
            );
        }
    }

    /// What was found, once all lines are read.
    #[must_use]
    pub fn finish(mut self) -> Verification {
        for (torn, place, is_ended) in std::mem::take(&mut self.strange) {
            let problem = if is_ended {
                "is no record of the audit".to_owned()
            } else {
                format!(
                    "is torn: {} bytes without an end; the gate that wrote it was killed or still writes",
                    torn.bytes
                )
            };
            self.found.problems.push(Defect { place, problem });
        }
        let names: Vec<String> = self.logs.keys().cloned().collect();
        for name in names {
            self.finish_log(&name);
        }
        self.missing_logs();
        self.found.problems.sort_by(|one, other| one.place.cmp(&other.place));
        self.found
    }

    fn finish_log(&mut self, name: &str) {
        let Some(log) = self.logs.get_mut(name) else { return };
        let (next, first, place) = (log.next, log.first, log.last_place.clone());
        // Nothing names the last record: it is taken as it stands.
        if let Some(tree) = &mut log.tree
            && tree.append(log.last).is_err()
        {
            log.tree = None;
        }
        let first_place = log.first_place.clone();
        for (kept, head) in self.apart_at(name, next) {
            self.compare(&kept, &head, None);
        }
        let last_apart = self.apart.get(name).and_then(|of_log| of_log.keys().next_back().copied()).unwrap_or(0);
        if last_apart > next {
            let problem = format!(
                "records {next} to {} are missing: a checkpoint kept apart covers them",
                last_apart.saturating_sub(1)
            );
            self.problem(&place, problem);
        }
        let retained = self.retained.get(name).copied().unwrap_or(Some(0));
        if first > 0 && !self.is_part && retained.is_some_and(|before| before < first) {
            self.problem(
                &first_place,
                format!("records 0 to {} of the log are in no file that was named", first.saturating_sub(1)),
            );
        }
        let signed = self.logs.get(name).map_or(0, |log| log.signed);
        if self.key.is_some() && signed <= first {
            self.problem(&place, format!("no checkpoint of log {name} is signed by the key"));
        }
        let signed = self.key.is_some().then_some(signed);
        self.found.logs.push(LogReport { log: name.to_owned(), first, last: next.saturating_sub(1), signed });
    }

    /// Logs of which there are checkpoints and nothing else.
    fn missing_logs(&mut self) {
        let missing: Vec<(LinePlace, SignedHead)> = self
            .apart
            .iter()
            .filter(|(name, _)| {
                !self.logs.contains_key(*name) && !self.is_part && self.retained.get(*name) != Some(&None)
            })
            .filter_map(|(_, of_log)| of_log.values().next_back()?.first().cloned())
            .collect();
        for (place, head) in missing {
            self.problem(&place, format!("all {} records of log {} are missing", head.size, head.log));
        }
    }
}

impl ReadLog {
    /// Takes the last record into the tree, as the next one names it, and says what is wrong between the two.
    fn follow(&mut self, place: &LinePlace, fields: &ChainFields<'_>) -> Vec<Defect> {
        let missing = fields.seq.saturating_sub(self.next);
        let named = fields.prev_hash();
        if missing == 0 {
            let changed = named != Some(self.last);
            // What the next record names is what stood here: checkpoints after it are good if all else is.
            self.append(named.unwrap_or(self.last));
            let problem = || {
                let number = self.next.saturating_sub(1);
                format!("record {number} is not the one that record {} names: one of them was changed", self.next)
            };
            return changed
                .then(|| Defect { place: self.last_place.clone(), problem: problem() })
                .into_iter()
                .collect();
        }
        self.append(self.last);
        match named {
            Some(only) if missing == 1 => self.append(only),
            _ => self.tree = None,
        }
        let last = fields.seq.saturating_sub(1);
        let problem = match missing {
            1 => format!("record {last} is missing before this one"),
            _ => format!("records {} to {last} are missing before this one", self.next),
        };
        vec![Defect { place: place.clone(), problem }]
    }

    fn append(&mut self, leaf: Hash) {
        if let Some(tree) = &mut self.tree
            && tree.append(leaf).is_err()
        {
            self.tree = None;
        }
    }
}
