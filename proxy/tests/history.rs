//! Every source of recorded statements gives the same statements.
#![expect(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rolegate::history::{
    History, HistoryCounts, HistoryProblem, ProblemKind, RecordKind, RecordReader, StatementRecord, expand,
};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/history").join(name)
}

#[derive(Default)]
struct Found {
    records: Vec<StatementRecord<'static>>,
    problems: Vec<HistoryProblem>,
}

impl RecordReader<Vec<StatementRecord<'static>>> for Found {
    fn part(&mut self, part: Vec<StatementRecord<'static>>) -> io::Result<()> {
        self.records.extend(part);
        Ok(())
    }

    fn problem(&mut self, problem: HistoryProblem) {
        self.problems.push(problem);
    }
}

fn read(paths: &[PathBuf]) -> (Found, HistoryCounts) {
    let inputs: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let mut found = Found::default();
    let fold =
        |part: &mut Vec<StatementRecord<'static>>, record: &StatementRecord<'_>| part.push(record.clone().into_owned());
    let counts = History::open(expand(&inputs).unwrap()).read(true, fold, &mut found).unwrap();
    let statements = u64::try_from(found.records.len()).unwrap();
    assert_eq!(counts.statements, statements);
    assert_eq!(counts.records, statements + counts.unreadable + counts.combined + counts.internal, "nothing is lost");
    (found, counts)
}

/// The statements of all sources, by number.
fn statements() -> BTreeMap<usize, String> {
    let text = fs::read_to_string(data("statements.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// As the cluster shows it.
fn hidden(text: &str) -> String {
    let Some((before, rest)) = text.split_once("'arn:") else { return text.to_owned() };
    let (_, after) = rest.split_once('\'').unwrap();
    format!("{before}''{after}")
}

/// (files, statements that come out, whether the source hides roles, whether it knows the application)
#[test]
fn the_same_statements_come_out_of_every_source() {
    let all = [1, 2, 3, 4, 5];
    let rows: &[(&[&str], &[usize], bool, bool)] = &[
        (&["audit.jsonl"], &[1, 4], false, true),
        (&["audit_with_events.jsonl"], &[1, 4], false, true),
        (&["records.jsonl"], &all, false, true),
        (&["user_activity.log"], &all, false, false),
        (&["user_activity.log", "connection.log"], &all, false, true),
        (&["sys_query_history.csv"], &all, true, false),
        (&["sys_query_history.csv", "sys_query_text.jsonl"], &all, true, false),
        (&["sys_query_text.jsonl", "svv_user_info.csv"], &all, true, false),
        (&["stl_querytext.csv", "stl_query.csv", "svv_user_info.csv"], &[1, 2, 3], true, false),
        (&["stl_ddltext.csv", "svv_user_info.csv"], &[4], true, false),
        (&["stl_utilitytext.csv", "svv_user_info.csv"], &[5], true, false),
        (&["svl_statementtext.csv", "svv_user_info.csv"], &all, true, false),
        (
            &[
                "svl_statementtext.csv",
                "stl_ddltext.csv",
                "stl_utilitytext.csv",
                "stl_query.csv",
                "stl_querytext.csv",
                "svv_user_info.csv",
            ],
            &all,
            true,
            false,
        ),
        (&["stl_query.csv", "stl_querytext.csv", "svv_user_info.csv", "connection.log"], &[1, 2, 3], true, true),
        (&["sys_query_history.csv", "user_activity.log"], &all, false, false),
        (
            &[
                "sys_query_history.csv",
                "svl_statementtext.csv",
                "svv_user_info.csv",
                "audit.jsonl",
                "user_activity.log",
                "connection.log",
            ],
            &all,
            false,
            true,
        ),
    ];
    let texts = statements();
    for (files, numbers, hides, knows_application) in rows {
        let paths: Vec<PathBuf> = files.iter().map(|name| data(name)).collect();
        let (found, _) = read(&paths);
        assert_eq!(found.problems, [], "{files:?}");
        let mut records: Vec<_> = found
            .records
            .iter()
            .map(|one| (one.text.as_ref(), one.user.as_deref(), one.hidden, one.truncated))
            .collect();
        records.sort_unstable();
        let mut want: Vec<_> = numbers
            .iter()
            .map(|number| {
                let text = &texts[number];
                let shown = if *hides { hidden(text) } else { text.clone() };
                let user = if [2, 5].contains(number) { "analyst" } else { "etl" };
                let is_hidden = shown != *text;
                (shown, user, is_hidden)
            })
            .collect();
        want.sort_unstable();
        let want: Vec<_> =
            want.iter().map(|(text, user, hidden)| (text.as_str(), Some(*user), *hidden, false)).collect();
        assert_eq!(records, want, "{files:?}");
        for record in &found.records {
            assert!(
                record.timestamp().is_some_and(|time| time.to_string().starts_with("2026-01-02T03:0")),
                "{files:?}: {record:?}"
            );
            let want = knows_application.then_some("10.0.0.9");
            assert_eq!(record.client_address.as_deref(), want, "{files:?}: {record:?}");
        }
    }
}

#[test]
fn records_that_are_combined_keep_what_each_source_knows() {
    let (found, counts) = read(&[data("audit.jsonl"), data("user_activity.log"), data("sys_query_history.csv")]);
    assert_eq!((counts.records, counts.combined, found.records.len()), (12, 7, 5));
    let copy = found.records.iter().find(|record| record.text.starts_with("copy")).unwrap();
    assert_eq!(copy.from, RecordKind::Audit);
    assert_eq!(
        (copy.application.as_deref(), copy.transaction.as_deref(), copy.user_id),
        (Some("dbt"), Some("8341"), Some(100))
    );
}

/// (what the row shows, name of the file, its bytes, problems and records)
#[test]
fn hostile_inputs_are_counted_and_said() {
    use ProblemKind::{CutOff, NotUtf8, Pieces, Unreadable};
    let line = |text: &str| format!("{{\"source\":\"x\",\"line\":1,\"from\":\"audit\",\"text\":\"{text}\"}}\n");
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let many: String = (0..3000).map(|number| line(&format!("select {number}"))).collect();
    let mut cut = gzip(many.as_bytes());
    cut.truncate(cut.len() - 2000);
    let long = line("a") + "{\"text\":\"" + &"x".repeat(70 * 1024 * 1024) + "\n" + &line("b");
    let big = line(&"x".repeat(16 * 1024 * 1024));
    let mut latin = (line("a") + &line("select 'e'")).into_bytes();
    let place = latin.len() - 5;
    latin[place] = 0xe9;
    let pieces = "query,sequence,text\n1,0,copy t \n1,2,x\n2,1,y\n3,0,select 1\n";
    let rows: Vec<(&str, Vec<u8>, Vec<(u64, ProblemKind)>, Option<usize>)> = vec![
        (
            "broken JSON",
            (line("a") + "{\"text\n\n[]\n" + &line("b")).into(),
            vec![(2, Unreadable), (4, Unreadable)],
            Some(2),
        ),
        ("a line of 70 MB", long.into(), vec![(2, Unreadable)], Some(2)),
        ("a text of 16 MB", big.into(), vec![], Some(1)),
        ("bytes that are no UTF-8", latin, vec![(2, NotUtf8)], Some(2)),
        ("a gzip cut off", cut, vec![], None),
        ("pieces out of order and missing", pieces.into(), vec![(2, Pieces), (4, Pieces)], Some(3)),
        (
            "quotes left open",
            "query,sequence,text\n1,0,\"select\n2,0,select 2\n".into(),
            vec![(2, Unreadable)],
            Some(1),
        ),
        (
            "fields missing",
            "query,sequence,text\n1,0\nx,0,a\n2,0,b\n".into(),
            vec![(2, Unreadable), (3, Unreadable)],
            Some(1),
        ),
        ("no history", "hello\n".into(), vec![(0, Unreadable)], Some(0)),
        ("nothing", Vec::new(), vec![], Some(0)),
        ("zeros", vec![0; 1000], vec![(0, Unreadable)], Some(0)),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (what, bytes, problems, count) in rows {
        let path = folder.path().join("input");
        fs::write(&path, bytes).unwrap();
        let (found, counts) = read(std::slice::from_ref(&path));
        let said: Vec<_> = found.problems.iter().map(|problem| (problem.line, problem.kind)).collect();
        if let Some(count) = count {
            assert_eq!((found.records.len(), said), (count, problems), "{what}");
        } else {
            assert!(found.records.len() > 100 && found.records.len() < 3000, "{what}");
            assert!(said.iter().any(|(_, kind)| *kind == CutOff), "{what}: {said:?}");
            assert!(counts.unreadable <= 1, "{what}");
        }
        assert!(found.problems.iter().all(|problem| problem.source == path.display().to_string()), "{what}");
    }
}

/// Inserts bytes behind the second line, which is one of data in every source.
fn with_line(text: &[u8], line: &[u8]) -> Vec<u8> {
    let mut ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let at = ends.nth(1).unwrap_or(text.len());
    let (before, after) = text.split_at(at);
    [before, line, b"\n", after].concat()
}

/// Each source on its own: a line that is none, one of 16 MB, a byte that is no UTF-8, a file and a compressed file that end in the
/// middle. What is wrong is counted and said, everything else comes out all the same, and nothing panics.
#[test]
fn every_source_survives_what_is_done_to_it() {
    // Of a log whose entries go on over lines, and of fields within quotes, every line can be a part.
    let goes_on = ["user_activity.log"];
    // One of each form.
    let at_length = ["audit.jsonl", "stl_querytext.csv", "user_activity.log"];
    let names = [
        "audit.jsonl",
        "audit_with_events.jsonl",
        "records.jsonl",
        "user_activity.log",
        "sys_query_history.csv",
        "sys_query_text.jsonl",
        "stl_query.csv",
        "stl_querytext.csv",
        "stl_ddltext.csv",
        "stl_utilitytext.csv",
        "svl_statementtext.csv",
        "connection.log",
    ];
    let folder = tempfile::tempdir().unwrap();
    let (path, users) = (folder.path().join("input"), data("svv_user_info.csv"));
    let read_bytes = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        read(&[path.clone(), users.clone()])
    };
    let texts = |found: &Found| {
        let mut texts: Vec<String> = found.records.iter().map(|record| record.text.to_string()).collect();
        texts.sort();
        texts
    };
    for name in names {
        let whole = fs::read(data(name)).unwrap();
        let (want, _) = read_bytes(&whole);
        assert!(want.problems.is_empty(), "{name}");
        let long = if at_length.contains(&name) { 16 * 1024 * 1024 } else { 300 * 1024 };
        for line in [b"\x01{\"broken\": [".to_vec(), vec![b'x'; long]] {
            let (found, counts) = read_bytes(&with_line(&whole, &line));
            if goes_on.contains(&name) {
                assert_eq!(found.records.len(), want.records.len(), "{name}");
                continue;
            }
            assert_eq!((texts(&found), counts.unreadable), (texts(&want), 1), "{name}: {:?}", found.problems);
            assert_eq!(
                found.problems.iter().map(|one| (one.line, one.kind)).collect::<Vec<_>>(),
                [(3, ProblemKind::Unreadable)],
                "{name}"
            );
        }
        if let Some(at) = memchr::memmem::find(&whole, b"select") {
            let mut bytes = whole.clone();
            bytes[at + 1] = 0xff;
            let (found, _) = read_bytes(&bytes);
            assert_eq!(found.records.len(), want.records.len(), "{name}");
            assert!(found.records.iter().any(|record| record.text.contains("s\u{fffd}lect")), "{name}");
            assert!(
                found.problems.iter().any(|one| one.kind == ProblemKind::NotUtf8 && one.line > 0),
                "{name}: {:?}",
                found.problems
            );
        }
        // Not compressed at all, so that half of it holds something.
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        encoder.write_all(&whole).unwrap();
        let packed = encoder.finish().unwrap();
        for part in [3, 8, 13] {
            let (found, _) = read_bytes(&whole[..whole.len() * part / 16]);
            assert!(found.records.len() <= want.records.len(), "{name}");
            let (found, _) = read_bytes(&packed[..packed.len() * part / 16]);
            let is_said = |one: &HistoryProblem| matches!(one.kind, ProblemKind::CutOff | ProblemKind::Unreadable);
            assert!(found.problems.iter().any(is_said), "{name} at {part}: {:?}", found.problems);
        }
    }
}

#[test]
fn the_order_does_not_depend_on_the_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.jsonl");
    let lines: Vec<String> = (0..40_000)
        .map(|number| format!("{{\"source\":\"x\",\"line\":{number},\"from\":\"audit\",\"text\":\"select {number} from a_table_of_some_length\"}}\n"))
        .collect();
    fs::write(&path, lines.concat()).unwrap();
    let numbers = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (found, _) = pool.install(|| read(std::slice::from_ref(&path)));
        found.records.iter().map(|record| record.line).collect::<Vec<_>>()
    };
    let one = numbers(1);
    assert!(one.is_sorted() && one.len() == 40_000);
    assert_eq!(one, numbers(7));
}
