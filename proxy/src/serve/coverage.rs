//! Looks again and again for statements that the cluster ran and that did not pass a gate: each is counted and recorded once.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use crate::config::{CatalogSection, Config, CoverageSection, GateSection};
use crate::coverage::{CoverageQuery, CoverageReport, CoverageStanding, Margins, UnseenRow, compare};
use crate::history::{HistoryInput, expand};
use crate::observe::Metrics;
use crate::observe::audit::AuditEvent;
use crate::observe::audit::event::UnseenEvent;
use crate::observe::values::{AttemptResult, Fetched};
use crate::serve::cluster_history::{self, ClusterHistoryError};
use crate::serve::gates::Gates;
use crate::session::service::Service;
use crate::sql::StatementKind;

/// How long the cluster may take to write its history, and other replicas their audit: a look goes back as far beyond the last one.
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// How long before the statements the sessions may have begun of which the audit is read.
const SESSIONS_BEFORE: Duration = Duration::from_hours(24);

/// Statements that were told of and are not told of again.
const MAX_TOLD: usize = 100_000;

/// Starts looking, for every gate that is to. Must be called within a runtime.
pub(super) fn start(gates: &Arc<Gates>, metrics: &Metrics, config: &Config) {
    for gate in &config.gate {
        if let (Some(coverage), Some(catalog), Some(service)) =
            (&gate.coverage, &gate.catalog, gates.service(&gate.name))
        {
            let own = config.audit.is_file().then(|| PathBuf::from(format!("{}*", config.audit.path)));
            let audit = own.into_iter().chain(coverage.audit.iter().cloned()).collect();
            let look = Look { gate: gate.clone(), coverage: coverage.clone(), catalog: catalog.clone(), audit };
            service.coverage.store(Some(Arc::default()));
            drop(tokio::spawn(again_and_again(look, Arc::clone(service), metrics.clone())));
        }
    }
}

/// What a look needs.
struct Look {
    gate: GateSection,
    coverage: CoverageSection,
    catalog: CatalogSection,
    /// Files and patterns.
    audit: Vec<PathBuf>,
}

/// Looks once an interval, for as long as the gate runs.
async fn again_and_again(look: Look, service: Arc<Service>, metrics: Metrics) {
    let mut since = Timestamp::now();
    let mut told = Told::default();
    loop {
        tokio::time::sleep(look.coverage.interval.get()).await;
        let (began, from) = (Instant::now(), since.saturating_sub(LATE).unwrap_or(since));
        let next = Timestamp::now();
        let looked = look.once(&service, from).await;
        metrics.facts_fetched(Fetched::History, AttemptResult::of(looked.is_ok()), began.elapsed());
        match looked {
            Ok((report, notes)) => {
                since = next;
                let new = told.tell(&service, &report, &notes);
                stand(&service, |standing| standing.after(&report, told.notes.clone(), (from, next), &new));
            }
            Err(error) => {
                warn!(gate = %service.name, %error, "what did not pass the gate cannot be told");
                stand(&service, |standing| standing.broken_off(error.to_string()));
            }
        }
    }
}

/// Shows how it stands now.
fn stand(service: &Service, change: impl FnOnce(&CoverageStanding) -> CoverageStanding) {
    let old = service.coverage.load_full().unwrap_or_default();
    service.coverage.store(Some(Arc::new(change(&old))));
}

impl Look {
    async fn once(
        &self,
        service: &Service,
        since: Timestamp,
    ) -> Result<(CoverageReport, Vec<String>), ClusterHistoryError> {
        let backend = service.settings.load_full().backend.clone();
        let rows = cluster_history::read(&backend, &self.catalog, since).await?;
        let comparison = CoverageQuery {
            dialect: self.gate.dialect,
            gate: Some(self.gate.name.clone()),
            margins: Margins {
                clocks: SignedDuration::try_from(self.coverage.clocks.get()).unwrap_or(SignedDuration::MAX),
                assumed: SignedDuration::ZERO,
                since: Some(since),
            },
        };
        let mut inputs = rows.inputs();
        let audit = self.audit.clone();
        // Files are read on a thread that nobody waits for.
        let compared = tokio::task::spawn_blocking(move || {
            inputs.extend(files(&audit));
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().map_err(std::io::Error::other)?;
            pool.install(|| compare(&comparison, inputs))
        });
        let (report, _problems) = compared.await.map_err(std::io::Error::other).flatten()?;
        Ok((report, rows.notes))
    }
}

/// The files of the audit that may tell of sessions that are open now.
fn files(patterns: &[PathBuf]) -> Vec<HistoryInput> {
    let is_fresh = |input: &HistoryInput| {
        let HistoryInput::File(path, _) = input else { return false };
        let changed = std::fs::metadata(path).and_then(|metadata| metadata.modified());
        changed.is_ok_and(|time| age(time) < SESSIONS_BEFORE)
    };
    let each = patterns.iter().filter_map(|pattern| expand(&[pattern.display().to_string()]).ok());
    let mut files: Vec<HistoryInput> = each.flatten().filter(is_fresh).collect();
    files.sort_by_key(HistoryInput::name);
    files.dedup();
    files
}

fn age(time: SystemTime) -> Duration {
    time.elapsed().unwrap_or_default()
}

/// What was told before, the oldest first.
#[derive(Debug, Default)]
struct Told {
    known: HashSet<u64>,
    order: VecDeque<u64>,
    notes: Vec<String>,
}

impl Told {
    /// Counts and records what was not told of before, and gives it.
    fn tell(&mut self, service: &Service, report: &CoverageReport, notes: &[String]) -> Vec<UnseenRow> {
        let all: Vec<String> = report.gaps.iter().chain(notes).cloned().collect();
        if all != self.notes {
            for what in &all {
                info!(gate = %service.name, %what, "what coverage cannot tell");
            }
            self.notes = all;
        }
        let new: Vec<UnseenRow> = report.unseen.iter().filter(|row| self.is_new(row)).cloned().collect();
        for row in &new {
            let kind = row.kind.parse().unwrap_or(StatementKind::Unknown);
            service.metrics.unseen(kind);
            service.audit.record(AuditEvent::Unseen(Box::new(event(&service.name, kind, row.clone()))));
        }
        new
    }

    fn is_new(&mut self, row: &UnseenRow) -> bool {
        let mut hash = DefaultHasher::new();
        (row.time, &row.user, &row.session, row.kind, &row.text).hash(&mut hash);
        let hash = hash.finish();
        if !self.known.insert(hash) {
            return false;
        }
        self.order.push_back(hash);
        if self.order.len() > MAX_TOLD
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

fn event(gate: &str, kind: StatementKind, row: UnseenRow) -> UnseenEvent {
    UnseenEvent {
        gate: gate.to_owned(),
        ran_at: row.time,
        user: row.user,
        client_address: row.client_address,
        application: row.application,
        backend_pid: row.session,
        kind,
        target: row.target,
        reason: row.reason,
        statement: row.text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_told_once() {
        let row = |text: &str| UnseenRow {
            time: Some(Timestamp::UNIX_EPOCH),
            user: None,
            client_address: None,
            application: None,
            session: Some("7".to_owned()),
            kind: "copy",
            target: None,
            text: text.to_owned(),
            reason: "no_session",
        };
        let mut told = Told::default();
        assert!(told.is_new(&row("a")) && told.is_new(&row("b")) && !told.is_new(&row("a")));
        for number in 0..=MAX_TOLD {
            assert!(told.is_new(&row(&number.to_string())));
        }
        assert_eq!((told.known.len(), told.order.len()), (MAX_TOLD, MAX_TOLD));
        assert!(told.is_new(&row("a")), "what is long ago is forgotten");
    }

    #[test]
    fn files_of_the_audit_are_those_that_change() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["audit.jsonl", "audit.jsonl.1"] {
            std::fs::write(folder.path().join(name), "{}").unwrap();
        }
        let pattern = folder.path().join("audit.jsonl*");
        assert_eq!(files(&[pattern.clone(), pattern]).len(), 2);
        assert_eq!(files(&[folder.path().join("nothing")]), []);
    }
}
