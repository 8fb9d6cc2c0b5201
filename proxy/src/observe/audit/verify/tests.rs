use super::*;
use crate::observe::audit::chain::LogHead;
use crate::observe::audit::checkpoint::{SigningKey, new_keys, write};
use crate::observe::audit::event::{AuditEvent, CheckpointEvent, GapEvent, Queued, StopEvent, WrittenBy, write_line};
use jiff::Timestamp;
use proptest::prelude::*;

/// A log as its writer would have it: a checkpoint after every fifth record.
struct Made {
    lines: Vec<Vec<u8>>,
    head: LogHead,
    key: SigningKey,
    public: PublicKey,
}

fn keys() -> (SigningKey, PublicKey) {
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = new_keys("gate.example.org/audit").unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name)
    };
    (SigningKey::read(&file("key", &private)).unwrap(), PublicKey::read(&file("pub", &public)).unwrap())
}

impl Made {
    fn new(records: usize) -> Self {
        let (key, public) = keys();
        let mut made = Self { lines: Vec::new(), head: LogHead::default(), key, public };
        for number in 0..records {
            made.push(&number.to_string(), AuditEvent::Stop(StopEvent {}));
        }
        made
    }

    fn push(&mut self, id: &str, event: AuditEvent) {
        let mut line = Vec::new();
        let queued = Queued { id: id.to_owned(), time: Timestamp::UNIX_EPOCH, event };
        write_line(&mut line, ("1f", &WrittenBy::default()), &self.head, &queued).unwrap();
        self.head.append(&line).unwrap();
        self.lines.push(line);
        if self.head.tree.size() % 6 == 5 {
            let (checkpoint, subtrees) = (self.note(), self.head.tree.hashes());
            self.push("c", AuditEvent::Checkpoint(Box::new(CheckpointEvent { checkpoint, signed: true, subtrees })));
        }
    }

    fn note(&self) -> String {
        write("1f", self.head.tree.size(), self.head.tree.root().unwrap(), Some(&self.key)).unwrap()
    }

    /// A checkpoint over everything, kept apart.
    fn apart(&self) -> (LinePlace, SignedHead) {
        let place = LinePlace { file: "apart".to_owned(), line: 1 };
        (place, checkpoint::parse(&self.note(), Some(&self.public)).unwrap())
    }

    fn verify(&self, lines: &[Vec<u8>]) -> Verification {
        let checkpoints = vec![self.apart()];
        read(lines, Expectations { key: Some(self.public.clone()), checkpoints, is_part: false })
    }
}

fn read(lines: &[Vec<u8>], expectations: Expectations) -> Verification {
    let mut reader = LogReader::new(expectations);
    for (line, number) in lines.iter().zip(1..) {
        reader.line(&LinePlace { file: "audit".to_owned(), line: number }, line, true);
    }
    reader.finish()
}

fn places(found: &Verification) -> Vec<(&str, u64)> {
    found.problems.iter().map(|defect| (defect.place.file.as_str(), defect.place.line)).collect()
}

#[test]
fn a_whole_log_is_whole() {
    for records in [1, 4, 5, 6, 40] {
        let made = Made::new(records);
        let found = made.verify(&made.lines);
        assert_eq!(found.problems, [], "{records}");
        assert_eq!(found.logs[0].signed, Some(made.head.tree.size()), "{records}");
    }
    let made = Made::new(40);
    let part = read(&made.lines[30..], Expectations { is_part: true, ..Expectations::default() });
    assert_eq!(part.problems, [], "a part of a log");
}

/// The place of each change is named, and nothing else is.
#[test]
fn where_a_change_is() {
    let made = Made::new(40);
    let number = 20;
    let with = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut lines = made.lines.clone();
        change(&mut lines);
        made.verify(&lines)
    };
    let changed = with(&|lines| lines[number].push(b' '));
    assert_eq!(places(&changed), [("audit", 21)], "{changed:?}");
    let removed = with(&|lines| drop(lines.remove(number)));
    assert_eq!(places(&removed), [("audit", 21)], "{removed:?}");
    let two = with(&|lines| drop(lines.drain(number..number + 2)));
    assert_eq!(places(&two)[0], ("audit", 21), "{two:?}");
    assert!(two.problems[0].problem.contains("records 20 to 21 are missing"), "{two:?}");
    assert_eq!(two.problems.len(), 1, "the next checkpoint names a tree to go on from: {two:?}");
    let doubled = with(&|lines| lines.insert(number, lines[number - 1].clone()));
    assert_eq!(places(&doubled), [("audit", 21)], "{doubled:?}");
    let strange = with(&|lines| lines.insert(number, b"{}".to_vec()));
    assert_eq!(places(&strange), [("audit", 21)], "{strange:?}");
    let swapped = with(&|lines| lines.swap(number, number + 1));
    assert_eq!(places(&swapped), [("audit", 21), ("audit", 22)], "{swapped:?}");
    let cut = with(&|lines| lines.truncate(number));
    assert_eq!(places(&cut), [("audit", 20)], "{cut:?}");
    assert!(cut.problems[0].problem.contains("records 20 to 47 are missing"), "{cut:?}");
    let gone = with(&|lines| lines.clear());
    assert_eq!(places(&gone), [("apart", 1)], "{gone:?}");
}

#[test]
fn a_log_that_is_written_anew_does_not_hold() {
    let mut made = Made::new(40);
    let (mut forged, other) = (Made::new(0), keys().0);
    for number in 0..40 {
        // Record 20 is another one, and all after it are bound to it.
        let id = if number == 20 { "forged".to_owned() } else { number.to_string() };
        forged.push(&id, AuditEvent::Stop(StopEvent {}));
    }
    let expected = || Expectations { key: Some(made.public.clone()), ..Expectations::default() };
    let by_a_stranger = read(&forged.lines, expected());
    assert!(by_a_stranger.problems[0].problem.contains("signature does not hold"), "{by_a_stranger:?}");
    // The real checkpoints stand in the forged log.
    let lines: Vec<Vec<u8>> = made
        .lines
        .iter()
        .zip(&forged.lines)
        .map(|(real, forged)| if real.windows(11).any(|part| part == b"\"checkpoint") { real } else { forged }.clone())
        .collect();
    let kept = read(&lines, expected());
    assert!(!kept.problems.is_empty() && kept.logs[0].signed < Some(24), "{kept:?}");
    assert_eq!(read(&forged.lines, Expectations::default()).problems, [], "without a key it cannot be known");
    assert!(!made.verify(&forged.lines).problems.is_empty());
    made.key = other;
}

#[test]
fn a_gap_that_the_gate_tells_of_is_no_change() {
    let mut made = Made::new(7);
    let fragment = b"{\"v\":1,\"lo";
    let gap = GapEvent {
        lost: 3,
        since: Timestamp::UNIX_EPOCH,
        reason: "the disk was full".to_owned(),
        torn: vec![Torn::of(fragment)],
    };
    made.push("gap", AuditEvent::Gap(Box::new(gap)));
    let at = made.lines.len() - 1;
    let mut lines = made.lines.clone();
    lines.insert(at, fragment.to_vec());
    let found = made.verify(&lines);
    assert_eq!((found.problems.len(), found.gaps[0].lost), (0, 3), "{found:?}");
    lines[at].push(b'x');
    assert_eq!(places(&made.verify(&lines)), [("audit", u64::try_from(at).unwrap() + 1)]);
    lines[at].pop();
    lines.insert(2, fragment.to_vec());
    assert_eq!(made.verify(&lines).problems.len(), 1, "the gate owns up to one of them");
}

#[derive(Clone, Debug)]
enum Change {
    Byte(prop::sample::Index, prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Double(prop::sample::Index, prop::sample::Index),
    Move(prop::sample::Index, prop::sample::Index),
    Cut(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (index(), index(), any::<u8>()).prop_map(|(line, at, byte)| Change::Byte(line, at, byte)),
        index().prop_map(Change::Remove),
        (index(), index()).prop_map(|(from, to)| Change::Double(from, to)),
        (index(), index()).prop_map(|(from, to)| Change::Move(from, to)),
        index().prop_map(Change::Cut),
        (index(), proptest::collection::vec(any::<u8>(), 1..50)).prop_map(|(at, line)| Change::Insert(at, line)),
    ]
}

fn apply(lines: &mut Vec<Vec<u8>>, change: &Change) {
    let count = lines.len();
    match change {
        Change::Byte(line, at, byte) => {
            let line = &mut lines[line.index(count)];
            let at = at.index(line.len());
            line[at] = *byte;
        }
        Change::Remove(at) => drop(lines.remove(at.index(count))),
        Change::Double(from, to) => lines.insert(to.index(count + 1), lines[from.index(count)].clone()),
        Change::Move(from, to) => {
            let line = lines.remove(from.index(count));
            lines.insert(to.index(count), line);
        }
        Change::Cut(at) => lines.truncate(at.index(count)),
        Change::Insert(at, line) => lines.insert(at.index(count + 1), line.clone()),
    }
    // A line feed within a line makes two of it.
    *lines = lines.iter().flat_map(|line| line.split(|byte| *byte == b'\n')).map(<[u8]>::to_vec).collect();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_change_is_found(records in 1_usize..40, change in change()) {
        let made = Made::new(records);
        let mut lines = made.lines.clone();
        apply(&mut lines, &change);
        let told = |lines: &[Vec<u8>]| lines.iter().filter(|line| !line.is_empty()).cloned().collect::<Vec<_>>();
        let found = made.verify(&lines);
        prop_assert_eq!(found.problems.is_empty(), told(&lines) == made.lines, "{:?}", found);
    }
}
