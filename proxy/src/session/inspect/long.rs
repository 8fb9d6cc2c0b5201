//! Long texts: they are looked through and judged off the worker, where they hold up no other session.

use std::sync::Arc;

use jiff::Timestamp;

use crate::gate::principal::Principal;
use crate::gate::verdict::Verdict;
use crate::gate::{DecisionPath, Gate};
use crate::session::service::Service;
use crate::session::statements::{Statements, VerdictFor, VerdictMaker};
use crate::wire::relay::Standing;

/// Texts beyond this are long.
pub(super) const MAX_INLINE_BYTES: usize = 64 * 1024;

/// Texts beyond this in which a known name stands are parsed off the worker.
pub(super) const MAX_PARSED_INLINE_BYTES: usize = 8 * 1024;

/// What is copied at once of a long text before others get their turn.
const COPIED_AT_ONCE: usize = 256 * 1024;

/// What looking through a long text tells, before anything is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) is_plain: bool,
    pub(super) may_change: bool,
    pub(super) depends_on_encoding: bool,
}

impl Look {
    /// Looks off the worker.
    pub(super) async fn of(service: &Arc<Service>, text: &[u8], standing: Standing) -> Self {
        let (service, text) = (Arc::clone(service), Arc::new(copied(text).await));
        off_worker(move || Self::at(&service.gate, &text, standing)).await
    }

    fn at(gate: &Gate, text: &[u8], standing: Standing) -> Self {
        Self {
            is_plain: VerdictMaker::is_plain(gate, text),
            may_change: Statements::may_change(text, standing),
            depends_on_encoding: Statements::depends_on_encoding(text, standing),
        }
    }
}

/// Verdicts that were made off the worker.
pub(super) struct Prejudged<'a> {
    pub(super) gate: &'a Gate,
    pub(super) ruled: Vec<VerdictFor>,
}

impl VerdictMaker for Prejudged<'_> {
    fn generation(&self) -> u64 {
        VerdictMaker::generation(self.gate)
    }

    fn is_observing(&self) -> bool {
        self.gate.is_observing()
    }

    fn is_plain(&self, text: &[u8]) -> bool {
        VerdictMaker::is_plain(self.gate, text)
    }

    fn judge(&self, text: &[u8], principal: &Principal) -> (Option<Arc<Verdict>>, DecisionPath) {
        let generation = self.generation();
        let is_it = |ruled: &&VerdictFor| ruled.principal == *principal && ruled.verdict.generation == generation;
        match self.ruled.iter().find(is_it) {
            Some(ruled) => (Some(Arc::clone(&ruled.verdict)), DecisionPath::Cold),
            None => VerdictMaker::judge(self.gate, text, principal),
        }
    }

    fn judge_as_anybody(&self, verdict: &Verdict) -> Verdict {
        VerdictMaker::judge_as_anybody(self.gate, verdict)
    }

    fn judge_moved(&self, verdict: &Verdict, of: Option<&Principal>) -> Verdict {
        VerdictMaker::judge_moved(self.gate, verdict, of)
    }

    fn now(&self) -> Timestamp {
        VerdictMaker::now(self.gate)
    }
}

/// The verdicts on a long text for these users.
pub(super) async fn judged(service: &Arc<Service>, text: &[u8], principals: Vec<Principal>) -> Vec<VerdictFor> {
    let (service, text) = (Arc::clone(service), Arc::new(copied(text).await));
    let rule = move |principal: &Principal| {
        let (verdict, _) = VerdictMaker::judge(&service.gate, &text, principal);
        verdict.map(|verdict| VerdictFor { verdict, principal: principal.clone() })
    };
    off_worker(move || principals.iter().filter_map(&rule).collect()).await
}

/// Does work on another thread. What breaks off there is done again here, and takes the session with it if it breaks off again: a text of
/// which nobody knows what is in it does not go on.
async fn off_worker<T: Send + 'static>(work: impl Fn() -> T + Clone + Send + 'static) -> T {
    tokio::task::spawn_blocking(work.clone()).await.unwrap_or_else(|_broken_off| work())
}

/// A copy of a long text for another thread, made piece by piece, so that other sessions of the worker get their turn.
pub(super) async fn copied(text: &[u8]) -> Vec<u8> {
    let mut copy = Vec::with_capacity(text.len());
    for piece in text.chunks(COPIED_AT_ONCE) {
        copy.extend_from_slice(piece);
        tokio::task::yield_now().await;
    }
    copy
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// So many times the work breaks off, and what becomes of it.
    #[tokio::test]
    async fn work_that_breaks_off_is_done_again_and_never_taken_for_nothing() {
        for (breaks, want) in [(0, Some(1)), (1, Some(2)), (2, None)] {
            let tries = Arc::new(AtomicUsize::new(0));
            let work = move || {
                let this = tries.fetch_add(1, Ordering::Relaxed) + 1;
                assert!(this > breaks, "broken off");
                this
            };
            let done = tokio::spawn(off_worker(work)).await.ok();
            assert_eq!(done, want, "{breaks}");
        }
    }

    #[tokio::test]
    async fn a_copy_is_the_text() {
        let text: Vec<u8> = (0..COPIED_AT_ONCE * 2 + 7).map(|at| u8::try_from(at % 251).unwrap()).collect();
        assert_eq!(copied(&text).await, text);
        assert!(copied(b"").await.is_empty());
    }
}
