//! The thread that writes the audit: takes what is queued in batches, and sees to checkpoints, rotation and recovery.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use crate::observe::Metrics;
use crate::observe::audit::event::{
    AuditEvent, FileEvent, GapEvent, Queued, RetentionEvent, StartEvent, StartOf, StopEvent, WrittenBy,
};
use crate::observe::audit::fold::Fold;
use crate::observe::audit::log::{AuditLog, Begun};
use crate::observe::audit::queue::{Job, QueueState};
use crate::observe::audit::rotate::{age, compress_all, old_files};
use crate::observe::audit::settings::AuditSettings;

use crate::observe::values::NewAuditFile;

/// Records that are written in one piece.
const BATCH: usize = 512;

/// How often the writer looks after the file and what is due, with or without records.
const TICK: Duration = Duration::from_millis(400);

/// How often old files are looked over for what is too old.
const TIDY: Duration = Duration::from_mins(1);

/// An event, and who waits for it.
type Waiting = (Queued, Option<oneshot::Sender<()>>);

/// The audit cannot be written.
#[derive(Debug)]
struct Outage {
    since: Timestamp,
    reason: String,
    lost: u64,
}

/// Writes the audit.
#[derive(Debug)]
pub(super) struct Writer {
    log: AuditLog,
    /// How the log was found, until the record of the start is written.
    begun: Option<(StartOf, Option<String>)>,
    settings: AuditSettings,
    shared: Arc<QueueState>,
    metrics: Metrics,
    fold: Fold,
    trouble: Option<Outage>,
    /// Records since the last checkpoint.
    unsigned: u64,
    checkpointed: Instant,
    /// When the file was begun or found.
    file_since: Instant,
    tidied: Instant,
    ticked: Instant,
}

impl Writer {
    /// Opens the log, and writes nothing yet.
    pub(super) fn begin(settings: AuditSettings, shared: Arc<QueueState>, metrics: Metrics) -> io::Result<Self> {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
        let by = WrittenBy { host, instance: shared.prefix.clone() };
        let Begun { log, log_is, detail } = AuditLog::begin(&settings.destination, settings.sync, by)?;
        if log_is == StartOf::Unreadable {
            warn!(reason = detail.as_deref(), "the audit file holds no log that could go on; a new one begins in it");
        }
        let now = Instant::now();
        Ok(Self {
            fold: Fold::new(settings.fold_after, settings.fold_every),
            log,
            begun: Some((log_is, detail)),
            settings,
            shared,
            metrics,
            trouble: None,
            unsigned: 0,
            checkpointed: now,
            file_since: now,
            tidied: now,
            ticked: now,
        })
    }

    /// Writes the record of the start, before which there is no other.
    fn start(&mut self) {
        let Some((log_is, detail)) = self.begun.take() else { return };
        let start = StartEvent {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            gates: self.settings.gates.clone(),
            log_is,
            detail,
            subtrees: self.log.subtrees(),
            torn: self.log.torn.clone(),
        };
        self.write_own(AuditEvent::Start(Box::new(start)));
        self.tidy();
    }

    /// Writes until nobody can send any more.
    pub(super) fn run(&mut self, queue: &Receiver<Job>) {
        loop {
            match queue.recv_timeout(TICK) {
                Ok(job) => self.take(job, queue),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Instant::now();
            if now.saturating_duration_since(self.ticked) >= TICK {
                self.ticked = now;
                self.tick(now);
            }
        }
    }

    /// Does a job, and the records that wait behind it.
    fn take(&mut self, first: Job, queue: &Receiver<Job>) {
        let mut batch = Vec::new();
        for job in std::iter::once(first).chain(queue.try_iter().take(BATCH)) {
            match job {
                Job::Start => self.start(),
                Job::Record(queued, answer) => {
                    self.shared.taken(&self.metrics);
                    match self.fold.take(*queued, Instant::now()) {
                        Some(queued) => batch.push((queued, answer)),
                        None => self.metrics.audit_folded(),
                    }
                }
                Job::Settings(settings) => {
                    self.write(std::mem::take(&mut batch));
                    self.fold.set(settings.fold_after, settings.fold_every);
                    self.log.set_synced(settings.sync);
                    self.settings = *settings;
                }
                Job::Reopen(answer) => {
                    self.write(std::mem::take(&mut batch));
                    tell(&answer, self.follow_file());
                }
                Job::Stop(answer) => {
                    self.write(std::mem::take(&mut batch));
                    self.stop();
                    tell(&answer, ());
                }
            }
        }
        self.write(batch);
    }

    /// What is due whether there are records or not.
    fn tick(&mut self, now: Instant) {
        if self.begun.is_some() {
            self.log.lock();
            return;
        }
        let folded = self.fold.over(now);
        self.write(folded.into_iter().map(|queued| (queued, None)).collect());
        self.log.lock();
        let is_due = now.saturating_duration_since(self.checkpointed) >= self.settings.checkpoint_every;
        if is_due && self.unsigned > 0 {
            self.checkpoint();
        }
        let age = now.saturating_duration_since(self.file_since);
        // What cannot be written now could not begin another file either.
        if self.trouble.is_none() && self.settings.rotate_every.is_some_and(|every| age >= every) {
            self.rotate();
        }
        if now.saturating_duration_since(self.tidied) >= TIDY {
            self.tidy();
        }
    }

    /// Writes events in one piece, if the audit can be written.
    fn write(&mut self, batch: Vec<Waiting>) {
        if batch.is_empty() && self.begun.is_some() {
            return;
        }
        self.start();
        if !self.is_writable() {
            return self.lose(batch.len());
        }
        if batch.is_empty() {
            return;
        }
        let count = batch.len();
        match self.log.append(batch.iter().map(|(queued, _)| queued)) {
            Ok(()) => self.written(batch, count),
            Err(failure) => {
                self.written(batch, failure.written);
                self.fail(&failure.error);
                self.lose(count.saturating_sub(failure.written));
            }
        }
        if self.unsigned >= self.settings.checkpoint_records {
            self.checkpoint();
        }
        if self.settings.rotate_bytes.is_some_and(|most| self.log.file_size() >= most) {
            self.rotate();
        }
    }

    /// The first `count` of these are written. Who waits for another one sees that nobody will answer.
    fn written(&mut self, batch: Vec<Waiting>, count: usize) {
        let number = u64::try_from(count).unwrap_or(u64::MAX);
        self.unsigned = self.unsigned.saturating_add(number);
        self.metrics.audit_written(number);
        if count > 0 {
            self.shared.wrote(&self.metrics);
        }
        for answer in batch.into_iter().take(count).filter_map(|(_, answer)| answer) {
            match answer.send(()) {
                // A session that waits no longer has ended.
                Ok(()) | Err(()) => {}
            }
        }
    }

    /// Writes an event of the audit's own.
    fn write_own(&mut self, event: AuditEvent) -> bool {
        let queued = self.shared.queued(event);
        let result = self.log.append([&queued]);
        match &result {
            Ok(()) => self.written(vec![(queued, None)], 1),
            Err(failure) => {
                self.fail(&failure.error);
                self.lose(1);
            }
        }
        result.is_ok()
    }

    /// Whether the log stands where it should and nothing is in the way. Tells of what was lost before anything else.
    fn is_writable(&mut self) -> bool {
        if let Err(error) = self.follow_file() {
            self.fail(&error);
            return false;
        }
        let dropped = self.shared.dropped.swap(0, Ordering::Relaxed);
        let trouble = self.trouble.take();
        if trouble.is_none() && dropped == 0 {
            return true;
        }
        let is_recovery = trouble.is_some();
        let trouble = trouble.unwrap_or_else(|| Outage {
            since: Timestamp::now(),
            reason: "the queue was full".to_owned(),
            lost: 0,
        });
        let lost = trouble.lost.saturating_add(dropped);
        let gap = GapEvent { lost, since: trouble.since, reason: trouble.reason.clone(), torn: self.log.torn.clone() };
        let queued = self.shared.queued(AuditEvent::Gap(Box::new(gap)));
        match self.log.append([&queued]) {
            Ok(()) => {
                self.written(vec![(queued, None)], 1);
                self.shared.failing.store(false, Ordering::Relaxed);
                self.metrics.audit_failing(false);
                if is_recovery {
                    info!(lost, "the audit can be written again");
                }
                true
            }
            Err(failure) => {
                self.trouble = is_recovery.then_some(trouble);
                self.fail(&failure.error);
                if let Some(trouble) = &mut self.trouble {
                    trouble.lost = lost;
                }
                false
            }
        }
    }

    /// The audit cannot be written, from now on or still.
    fn fail(&mut self, error: &io::Error) {
        self.shared.failing.store(true, Ordering::Relaxed);
        self.metrics.audit_failing(true);
        if self.trouble.is_none() {
            error!(%error, "the audit cannot be written; records are dropped and counted");
            self.trouble = Some(Outage { since: Timestamp::now(), reason: error.to_string(), lost: 0 });
        }
    }

    fn lose(&mut self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.metrics.audit_dropped(count);
        if let Some(trouble) = &mut self.trouble {
            trouble.lost = trouble.lost.saturating_add(count);
        }
    }

    /// Opens the file anew if it is another one, and says so in it.
    fn follow_file(&mut self) -> io::Result<()> {
        if let Some(reason) = self.log.follow_file()? {
            info!(%reason, "the audit goes on in another file");
            self.begin_file(reason, None);
        }
        Ok(())
    }

    /// Writes the first record of a file.
    fn begin_file(&mut self, reason: NewAuditFile, before: Option<String>) {
        let event = self.file_event(reason, before);
        let is_written = self.write_own(event);
        self.has_begun_file(reason, is_written);
    }

    fn file_event(&self, reason: NewAuditFile, before: Option<String>) -> AuditEvent {
        let (subtrees, torn) = (self.log.subtrees(), self.log.torn.clone());
        AuditEvent::File(Box::new(FileEvent { reason, before, subtrees, torn }))
    }

    fn has_begun_file(&mut self, reason: NewAuditFile, has_first: bool) {
        self.file_since = Instant::now();
        self.metrics.audit_file(reason);
        if has_first {
            self.checkpoint();
        }
    }

    fn rotate(&mut self) {
        let Some(old) = self.log.path_when_moved(Timestamp::now()) else { return };
        let before = old.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let first = self.shared.queued(self.file_event(NewAuditFile::Rotated, Some(before.clone())));
        match self.log.rotate(&old, &first) {
            Ok(true) => {
                self.written(vec![(first, None)], 1);
                self.has_begun_file(NewAuditFile::Rotated, true);
            }
            Ok(false) => self.begin_file(NewAuditFile::Rotated, Some(before)),
            Err(error) => return error!(%error, "the audit file cannot be rotated"),
        }
        self.tidy();
    }

    /// Writes a checkpoint, here and where it is kept apart.
    fn checkpoint(&mut self) {
        self.checkpointed = Instant::now();
        if self.trouble.is_some() {
            return;
        }
        let event = match self.log.checkpoint(self.settings.signing_key.as_ref()) {
            Ok(event) => event,
            Err(error) => return error!(%error, "the audit's checkpoint cannot be made"),
        };
        let note = match &event {
            AuditEvent::Checkpoint(checkpoint) => checkpoint.checkpoint.clone(),
            _ => return,
        };
        if self.write_own(event) {
            self.unsigned = 0;
            self.metrics.audit_checkpoint();
        }
        if let Some(path) = &self.settings.checkpoint_file
            && let Err(error) = append_note(path, &note)
        {
            error!(path = %path.display(), %error, "the audit's checkpoint cannot be written apart");
        }
    }

    /// Compresses old files, and removes those that are too many or too old.
    fn tidy(&mut self) {
        self.tidied = Instant::now();
        let Some(path) = self.log.file_path() else { return };
        if let Err(error) = self.remove_old(&path) {
            warn!(%error, "old audit files cannot be removed");
        }
        if self.settings.compress && old_files(&path).is_ok_and(|files| files.iter().any(|file| !file.is_compressed()))
        {
            let compress = move || {
                if let Err(error) = compress_all(&path) {
                    warn!(%error, "old audit files cannot be compressed");
                }
            };
            if let Err(error) = thread::Builder::new().name("rolegate-gzip".to_owned()).spawn(compress) {
                warn!(%error, "old audit files cannot be compressed");
            }
        }
    }

    fn remove_old(&mut self, path: &Path) -> io::Result<()> {
        let files = old_files(path)?;
        let now = SystemTime::now();
        let too_many = self.settings.retention.too_many(&files, |file| age(file, now));
        for (file, next) in files.iter().zip(files.iter().skip(1).map(Some).chain([None])).take(too_many) {
            std::fs::remove_file(&file.path)?;
            let removed_before = next.filter(|next| next.log == file.log).map(|next| next.first);
            let removed_before = removed_before.or_else(|| self.log.file_begins(&file.log));
            let (of_log, file) = (file.log.clone(), file.name());
            self.write_own(AuditEvent::Retention(Box::new(RetentionEvent { file, of_log, removed_before })));
        }
        Ok(())
    }

    /// Ends the log of this process in good order.
    fn stop(&mut self) {
        if self.begun.is_some() {
            return;
        }
        let folded = self.fold.all();
        self.write(folded.into_iter().map(|queued| (queued, None)).collect());
        if self.is_writable() && self.write_own(AuditEvent::Stop(StopEvent {})) {
            self.checkpoint();
        }
    }
}

fn tell<T>(answer: &SyncSender<T>, what: T) {
    if answer.send(what).is_err() {
        error!("nobody waits for the audit any more");
    }
}

fn append_note(path: &Path, note: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.write_all(note.as_bytes())
}
