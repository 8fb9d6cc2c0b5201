//! The audit: one JSON line for each statement that carries credentials or is refused.

mod record;

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tracing::error;

use crate::observe::Metrics;
use crate::observe::escape::JsonEscaping;

pub use record::{AuditRecord, Circumstances};

/// Records that may wait to be written; more are dropped and counted, because no session waits for a disk.
const QUEUE_RECORDS: usize = 8192;

/// How long stopping may wait for the last records.
const LAST_RECORDS: Duration = Duration::from_secs(5);

enum Job {
    Record(Box<AuditRecord>),
    Reopen(SyncSender<io::Result<()>>),
    Stop(SyncSender<()>),
}

/// Where records go. Clones share one writer.
#[derive(Clone, Debug)]
pub struct Audit {
    /// `None`: nothing is recorded.
    jobs: Arc<ArcSwapOption<SyncSender<Job>>>,
    metrics: Metrics,
}

impl Audit {
    /// Opens `-` (standard output), `off`, or a file, which is appended to and readable by its owner only.
    ///
    /// # Errors
    /// The file cannot be opened, or no thread can be started.
    pub fn open(path: &str, metrics: Metrics) -> io::Result<Self> {
        let sink = match path {
            "off" => return Ok(Self { jobs: Arc::default(), metrics }),
            "-" => Sink::Stdout,
            file => Sink::File(PathBuf::from(file)),
        };
        let writer = sink.open()?;
        let (jobs, queue) = sync_channel(QUEUE_RECORDS);
        let counts = metrics.clone();
        thread::Builder::new()
            .name("rolegate-audit".to_owned())
            .spawn(move || write_all(&sink, writer, &queue, &counts))?;
        Ok(Self { jobs: Arc::new(ArcSwapOption::from_pointee(jobs)), metrics })
    }

    /// Queues a record. Never waits.
    pub fn record(&self, record: AuditRecord) {
        let jobs = self.jobs.load();
        let Some(jobs) = &*jobs else { return };
        match jobs.try_send(Job::Record(Box::new(record))) {
            Ok(()) => self.metrics.audit_queued(),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.metrics.audit_dropped(),
        }
    }

    /// Opens the file anew, after log rotation has moved it.
    ///
    /// # Errors
    /// The file cannot be opened; records go on to the old one.
    pub fn reopen(&self) -> io::Result<()> {
        let Some(jobs) = self.jobs.load_full() else { return Ok(()) };
        let (answer, answered) = sync_channel(1);
        let gone = || io::Error::other("the audit writer does not answer");
        jobs.try_send(Job::Reopen(answer)).map_err(|_full| gone())?;
        answered.recv_timeout(LAST_RECORDS).map_err(|_gone| gone())?
    }

    /// Writes what is queued, and returns when it is written or after five seconds.
    pub fn shutdown(&self) {
        if let Some(jobs) = self.jobs.load_full() {
            finish(&jobs);
        }
    }

    /// From now on records go where those of `other` go, for all clones; what is queued is still written to the old place.
    pub fn replace(&self, other: &Self) {
        if let Some(old) = self.jobs.swap(other.jobs.load_full()) {
            finish(&old);
        }
    }
}

/// Waits until everything queued is written, or for five seconds.
fn finish(jobs: &SyncSender<Job>) {
    let (answer, answered) = sync_channel(1);
    let asked = jobs.try_send(Job::Stop(answer)).is_ok();
    if !asked || answered.recv_timeout(LAST_RECORDS).is_err() {
        error!("the last audit records could not be written in time");
    }
}

enum Sink {
    Stdout,
    File(PathBuf),
}

impl Sink {
    fn open(&self) -> io::Result<Box<dyn Write + Send>> {
        match self {
            Self::Stdout => Ok(Box::new(io::stdout())),
            Self::File(path) => {
                let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
                Ok(Box::new(file))
            }
        }
    }
}

fn write_all(sink: &Sink, writer: Box<dyn Write + Send>, queue: &Receiver<Job>, metrics: &Metrics) {
    let mut writer = BufWriter::new(writer);
    // After a failure the file may end within a line, and the next record needs one of its own.
    let mut healthy = true;
    while let Ok(job) = queue.recv() {
        match job {
            Job::Record(record) => {
                metrics.audit_taken();
                match write(&mut writer, &record, healthy) {
                    Ok(()) => metrics.audit_written(),
                    Err(error) => {
                        metrics.audit_dropped();
                        if healthy {
                            error!(%error, "the audit cannot be written; records are dropped and counted");
                        }
                        // What the buffer still holds must not be written twice.
                        if let Ok(fresh) = sink.open() {
                            let (_old, _unwritten) = std::mem::replace(&mut writer, BufWriter::new(fresh)).into_parts();
                        }
                        healthy = false;
                        continue;
                    }
                }
                healthy = true;
            }
            Job::Reopen(answer) => {
                let reopened = sink.open().map(|fresh| writer = BufWriter::new(fresh));
                if answer.send(reopened).is_err() {
                    error!("nobody waits for the audit file to be reopened");
                }
            }
            Job::Stop(answer) => {
                if answer.send(()).is_err() {
                    error!("nobody waits for the last audit records");
                }
            }
        }
    }
}

fn write(writer: &mut impl Write, record: &AuditRecord, at_line_start: bool) -> io::Result<()> {
    if !at_line_start {
        writer.write_all(b"\n")?;
    }
    serde_json::to_writer(JsonEscaping(&mut *writer), record)?;
    writer.write_all(b"\n")?;
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::record::tests::record;
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn records_are_lines_of_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let audit = Audit::open(&path.to_string_lossy(), Metrics::new()).unwrap();
        audit.record(record("etl\n\"x\"", "select 'x'"));
        audit.shutdown();
        fs::rename(&path, folder.path().join("audit.1")).unwrap();
        audit.reopen().unwrap();
        audit.record(record("other", "select 'x'"));
        audit.shutdown();
        let first: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(folder.path().join("audit.1")).unwrap()).unwrap();
        let second: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(first["user"], "etl\n\"x\"");
        assert_eq!(second["user"], "other");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_full_disk_drops_and_counts() {
        let metrics = Metrics::new();
        let audit = Audit::open("/dev/full", metrics.clone()).unwrap();
        audit.record(record("etl", "select 'x'"));
        audit.shutdown();
        assert!(metrics.render().contains("rolegate_audit_dropped_total 1"), "{}", metrics.render());
    }
}
