//! The audit as a whole, in files.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::observe::Metrics;
use crate::observe::audit::record::tests::record;
use crate::observe::audit::verify::{Expectations, LinePlace, LogReader, Verification};
use crate::observe::audit::{Audit, AuditEvent, AuditSettings, Destination, OnFailure, Retention};

fn verdict(user: &str) -> AuditEvent {
    AuditEvent::Verdict(Arc::new(record(user, "select 'x'")))
}

fn settings(path: &Path) -> AuditSettings {
    AuditSettings { checkpoint_records: 7, ..AuditSettings::to(Destination::File(path.to_owned())) }
}

/// Opens an audit when the one before has let go of the file.
fn open(settings: AuditSettings) -> Audit {
    if let Destination::File(path) = &settings.destination {
        wait_until_free(path);
    }
    Audit::open(settings, Metrics::new()).unwrap()
}

/// A writer's thread ends a moment after its audit.
fn wait_until_free(path: &Path) {
    wait_for("the file", || !path.is_file() || File::open(path).unwrap().try_lock().is_ok());
}

/// The files of a log, the oldest first.
fn files(path: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> =
        fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names.rotate_left(1);
    names
}

fn verify(files: &[PathBuf]) -> Verification {
    let mut reader = LogReader::new(Expectations::default());
    for file in files {
        let text = fs::read(file).unwrap();
        for (line, number) in text.split_inclusive(|byte| *byte == b'\n').zip(1..) {
            let place = LinePlace { file: file.display().to_string(), line: number };
            let is_ended = line.ends_with(b"\n");
            reader.line(&place, line.strip_suffix(b"\n").unwrap_or(line), is_ended);
        }
    }
    reader.finish()
}

fn lines(path: &Path) -> Vec<serde_json::Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn events(path: &Path) -> Vec<String> {
    lines(path).iter().map(|line| line["event"].as_str().unwrap().to_owned()).collect()
}

fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_there() {
        assert!(began.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_process_that_never_came_to_its_start_leaves_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    for _ in 0..3 {
        wait_until_free(&path);
        let audit = Audit::opened(settings(&path), Metrics::new()).unwrap();
        audit.shutdown();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "");
    wait_until_free(&path);
    let audit = Audit::opened(settings(&path), Metrics::new()).unwrap();
    // Longer than the writer waits between looks at what is due.
    std::thread::sleep(Duration::from_millis(500));
    audit.start();
    audit.record(verdict("etl"));
    audit.start();
    audit.shutdown();
    drop(audit);
    assert_eq!(events(&path), ["start", "verdict", "stop", "checkpoint"]);
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    for line in lines(&path) {
        let id = line["id"].as_str().unwrap();
        assert_eq!((&line["host"], &line["instance"]), (&host.trim().into(), &id.get(..16).unwrap().into()), "{line}");
    }
    wait_until_free(&path);
    let audit = Audit::opened(settings(&path), Metrics::new()).unwrap();
    audit.record(verdict("etl"));
    audit.shutdown();
    assert_eq!(events(&path)[4..], ["start", "verdict", "stop", "checkpoint"], "no record stands before a start");
    assert!(verify(&files(&path)).problems.is_empty());
}

#[test]
fn records_are_lines_of_a_private_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let audit = open(settings(&path));
    audit.record(verdict("etl\n\"x\""));
    audit.shutdown();
    assert_eq!(events(&path), ["start", "verdict", "stop", "checkpoint"]);
    assert_eq!(lines(&path)[1]["user"], "etl\n\"x\"");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let found = verify(&[path]);
    assert_eq!((found.records, found.problems), (4, vec![]));
}

#[test]
fn a_log_goes_on_over_starts_rotation_and_moved_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    for round in 0..3 {
        let audit = open(AuditSettings { rotate_bytes: Some(20_000), compress: false, ..settings(&path) });
        for number in 0..40 {
            audit.record(verdict(&format!("{round} {number}")));
        }
        audit.shutdown();
        fs::rename(&path, folder.path().join(format!("audit.jsonl.moved{round}"))).unwrap();
        audit.reopen().unwrap();
        audit.record(verdict("after"));
        audit.shutdown();
    }
    let files = files(&path);
    assert!(files.len() > 4, "{files:?}");
    // Those that were moved by hand sort last: what counts is the time of the first record.
    let mut by_number = files.clone();
    by_number.sort_by_key(|file| lines(file)[0]["seq"].as_u64());
    let found = verify(&by_number);
    assert_eq!(found.problems, []);
    assert_eq!(found.logs.len(), 1, "one log: {found:?}");
    let verdicts: usize =
        files.iter().map(|file| events(file).iter().filter(|event| *event == "verdict").count()).sum();
    assert_eq!(verdicts, 3 * 41);
    assert!(!verify(&by_number[1..]).problems.is_empty(), "the first file is missing");
}

#[test]
fn a_removed_file_is_noticed_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let audit = open(settings(&path));
    fs::remove_file(&path).unwrap();
    let began = Instant::now();
    wait_for("the new file", || path.exists() && fs::read_to_string(&path).unwrap().ends_with("}\n"));
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    audit.record(verdict("etl"));
    audit.shutdown();
    assert_eq!(events(&path)[..3], ["file", "checkpoint", "verdict"]);
    assert_eq!(verify(&[path]).problems.len(), 1, "the records of the removed file are missing");
}

/// A kill between the two steps of a rotation: the old file is moved away, and the next is not in its place yet.
#[test]
fn a_log_goes_on_after_a_kill_within_a_rotation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let audit = open(AuditSettings { rotate_bytes: Some(4096), compress: false, ..settings(&path) });
    for number in 0..20 {
        audit.record(verdict(&number.to_string()));
    }
    audit.shutdown();
    drop(audit);
    let old = files(&path);
    assert!(old.len() > 1, "{old:?}");
    wait_until_free(&path);
    // The next file as it was before its second record, and before it had its path.
    let first = fs::read_to_string(&path).unwrap().split_inclusive('\n').next().unwrap().to_owned();
    fs::write(folder.path().join(format!(".audit.jsonl.{}.next", "0".repeat(16))), first).unwrap();
    fs::remove_file(&path).unwrap();
    open(AuditSettings { compress: false, ..settings(&path) }).shutdown();
    assert_eq!(events(&path)[..2], ["file", "start"]);
    assert_eq!(lines(&path)[1]["log_is"], "continued");
    let found = verify(&files(&path));
    assert_eq!((found.problems.as_slice(), found.logs.len()), ([].as_slice(), 1));
}

#[test]
fn a_torn_line_is_owned_up_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    open(settings(&path)).shutdown();
    for tail in ["{\"v\":1,\"log\":\"x", "half \u{e9}", "}"] {
        OpenOptions::new().append(true).open(&path).unwrap().write_all(tail.as_bytes()).unwrap();
        let torn = verify(std::slice::from_ref(&path));
        assert!(torn.problems[0].problem.contains("torn"), "{torn:?}");
        open(settings(&path)).shutdown();
        assert_eq!(verify(std::slice::from_ref(&path)).problems, [], "{tail}");
    }
    wait_until_free(&path);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    open(settings(&path)).shutdown();
    assert_eq!(verify(std::slice::from_ref(&path)).problems, [], "only the line feed was missing");
    wait_until_free(&path);
    fs::write(&path, [whole, b"{\"v\":1}\n".to_vec()].concat()).unwrap();
    open(settings(&path)).shutdown();
    assert_eq!(verify(&[path]).problems.len(), 1, "a line that nobody owns up to");
}

#[test]
fn two_processes_write_two_logs_into_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let first = open(settings(&path));
    let second = Audit::open(settings(&path), Metrics::new()).unwrap();
    for _ in 0..20 {
        first.record(verdict("first"));
        second.record(verdict("second"));
    }
    first.shutdown();
    second.shutdown();
    let found = verify(&[path]);
    assert_eq!((found.problems.len(), found.logs.len()), (0, 2), "{found:?}");
}

#[test]
fn a_file_that_is_no_audit_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    fs::write(&path, "something else").unwrap();
    open(settings(&path)).shutdown();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("something else\n{"), "{text}");
    assert!(text.contains("\"log_is\":\"unreadable\""), "{text}");
}

#[test]
fn a_full_disk_drops_counts_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let metrics = Metrics::new();
    let audit = Audit::open(settings(&path), metrics.clone()).unwrap();
    let shows = |series: &str| metrics.render().lines().any(|line| line == series);
    audit.record(verdict("etl"));
    wait_for("two lost records", || shows("rolegate_audit_dropped_total 2"));
    assert!(shows("rolegate_audit_failing 1"));
    fs::remove_file(&path).unwrap();
    wait_for("recovery", || shows("rolegate_audit_failing 0"));
    audit.record(verdict("etl"));
    audit.shutdown();
    let gap = &lines(&path)[1];
    assert_eq!((&gap["event"], &gap["lost"]), (&"gap".into(), &2.into()), "{gap}");
    assert!(gap["reason"].as_str().unwrap().contains("No space left"), "{gap}");
    assert_eq!(verify(&[path]).problems, []);
}

#[test]
fn a_statement_waits_for_its_record_under_refuse_alone() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    for (on_failure, is_good) in [(OnFailure::Refuse, false), (OnFailure::Continue, true)] {
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let audit = open(AuditSettings { on_failure, ..settings(&path) });
        let require = |user| runtime.block_on(audit.require(vec![verdict(user), verdict(user)]));
        assert_eq!(require("early").is_ok(), is_good, "{on_failure}");
        wait_for("failure", || audit.refuses() != is_good);
        fs::remove_file(&path).unwrap();
        wait_for("recovery", || !audit.refuses() && path.exists());
        assert!(require("etl").is_ok(), "{on_failure}");
        if on_failure == OnFailure::Refuse {
            // No shutdown: what `require` has let go on is there. What it has not may be there too.
            assert_eq!(lines(&path).iter().filter(|line| line["user"] == "etl").count(), 2);
        }
        audit.shutdown();
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn old_files_go_and_the_log_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let retention = Retention { files: Some(2), age: None };
    let audit = open(AuditSettings { rotate_bytes: Some(8_000), compress: false, retention, ..settings(&path) });
    for number in 0..60 {
        audit.record(verdict(&number.to_string()));
        if number % 5 == 0 {
            // Files are told apart by the millisecond.
            audit.reopen().unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    audit.shutdown();
    let files = files(&path);
    assert_eq!(files.len(), 3, "{files:?}");
    let found = verify(&files);
    assert_eq!(found.problems, [], "the log says itself what was removed");
    assert!(found.logs[0].first > 0);
    assert!(!verify(&files[1..]).problems.is_empty(), "one more is missing");
}

#[test]
fn other_settings_and_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("audit.jsonl"), folder.path().join("other.jsonl"));
    let audit = open(settings(&path));
    let clone = audit.clone();
    for to in [&path, &other] {
        let fresh = AuditSettings { on_failure: OnFailure::Refuse, checkpoint_records: 1, ..settings(to) };
        audit.renew(audit.prepare(fresh).unwrap());
        clone.record(verdict("etl"));
    }
    assert!(audit.prepare(settings(&folder.path().join("no/file"))).is_err());
    clone.shutdown();
    assert_eq!(events(&path), ["start", "verdict", "checkpoint", "stop", "checkpoint"], "each record is signed");
    assert_eq!(events(&other), ["start", "verdict", "checkpoint", "stop", "checkpoint"]);
    assert_eq!(verify(&[path, other]).problems, []);
    clone.renew(clone.prepare(AuditSettings::to(Destination::Off)).unwrap());
    audit.record(verdict("nowhere"));
    assert!(!audit.refuses());
}
