//! `/api/v1/decisions/stream`: what is judged, as it happens. A reader keeps no events waiting: it has a cursor into what the gate keeps,
//! and whoever is too slow finds old events gone and is told how many.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use futures_core::Stream;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{sleep, timeout};

use crate::admin::api::asked::QueryOf;
use crate::admin::reply::{ApiProblem, guarded};
use crate::admin::state::AdminState;
use crate::admin::view::events::{StreamCursor, StreamEnd, batch, ended, opened};
use crate::admin::view::filter::DecisionFilter;
use crate::admin::view::status::Readiness;
use crate::observe::Recent;

/// A comment is sent after so long without an event, so that nobody on the way takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// A reader that takes nothing for so long is let go of.
const STALLED: Duration = Duration::from_mins(1);

const COMMENT: &[u8] = b": nothing new\n\n";

/// Events as they happen (server-sent events): `open` first, then `decision` with a `Decision`, `outcome` with an `OutcomeEvent`, `lost`
/// with the number of events that were too old when the reader was ready for them, and `end`. `id` of an event is a cursor for
/// `Last-Event-ID`.
#[utoipa::path(
    get,
    path = "/api/v1/decisions/stream",
    operation_id = "decision_stream",
    params(DecisionFilter),
    responses(
        (status = 200, body = String, content_type = "text/event-stream"),
        (status = 400, body = ApiProblem),
        (status = 429, body = ApiProblem),
    )
)]
pub(super) async fn stream(
    State(state): State<AdminState>,
    headers: HeaderMap,
    QueryOf(filter): QueryOf<DecisionFilter>,
) -> Result<Response, ApiProblem> {
    let place = Arc::clone(&state.streams).try_acquire_owned().map_err(|_none| ApiProblem::busy())?;
    let changes = state.recent.changes();
    let now = StreamCursor { started_at: state.started_at, place: *changes.borrow() };
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let from = last.and_then(|last| StreamCursor::parse(last, now)).unwrap_or(now);
    let (reader, events) = mpsc::channel(1);
    let follower = Follower {
        recent: state.recent.clone(),
        changes,
        readiness: state.readiness.clone(),
        reader,
        filter,
        _place: place,
    };
    tokio::spawn(follower.run(from));
    Ok(guarded("text/event-stream", Body::from_stream(Chunks(events))))
}

/// Chunks of a body that are made as they are taken.
struct Chunks(mpsc::Receiver<Bytes>);

impl Stream for Chunks {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(Ok))
    }
}

/// Hands events to one reader until it leaves, does not read, or the gates stop.
struct Follower {
    recent: Recent,
    changes: watch::Receiver<u64>,
    readiness: watch::Receiver<Readiness>,
    reader: mpsc::Sender<Bytes>,
    filter: DecisionFilter,
    /// Held while the stream goes on.
    _place: OwnedSemaphorePermit,
}

impl Follower {
    async fn run(mut self, mut cursor: StreamCursor) {
        let mut chunk = opened(cursor);
        while self.hand_over(chunk).await {
            chunk = loop {
                if *self.readiness.borrow() == Readiness::Draining {
                    self.hand_over(ended(StreamEnd::Drain)).await;
                    return;
                }
                self.changes.mark_unchanged();
                let (next, told) = batch(&self.recent.events_from(cursor.place), &self.filter, cursor);
                let has_moved = next != cursor;
                cursor = next;
                if !told.is_empty() {
                    break told;
                }
                if !has_moved {
                    match self.rest().await {
                        Rested::Changed => {}
                        Rested::Quiet => break COMMENT.to_vec(),
                        Rested::Gone => return,
                    }
                }
            };
        }
    }

    /// Waits until there is something to look at.
    async fn rest(&mut self) -> Rested {
        tokio::select! {
            changed = self.changes.changed() => if changed.is_ok() { Rested::Changed } else { Rested::Gone },
            changed = self.readiness.changed() => if changed.is_ok() { Rested::Changed } else { Rested::Gone },
            () = self.reader.closed() => Rested::Gone,
            () = sleep(HEARTBEAT) => Rested::Quiet,
        }
    }

    /// Whether the reader took it in time.
    async fn hand_over(&self, chunk: Vec<u8>) -> bool {
        matches!(timeout(STALLED, self.reader.send(chunk.into())).await, Ok(Ok(())))
    }
}

/// Why a rest is over.
enum Rested {
    Changed,
    Quiet,
    Gone,
}
