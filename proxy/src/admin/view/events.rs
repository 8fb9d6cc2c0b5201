//! Events as a stream carries them. Pure.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::view::decision::{DecisionView, OutcomeView};
use crate::admin::view::filter::DecisionFilter;
use crate::observe::recent::{RecentBatch, RecentEvent};

/// A place between events: of this process, since others count from 0 too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::admin) struct StreamCursor {
    pub started_at: Timestamp,
    pub place: u64,
}

impl StreamCursor {
    /// A cursor that a reader brings back; `None`: it is of another process, or ahead of `now`.
    pub(in crate::admin) fn parse(text: &str, now: Self) -> Option<Self> {
        let (started_at, place) = text.split_once('-')?;
        let place = place.parse().ok().filter(|place| *place <= now.place)?;
        (started_at == now.started_at.as_microsecond().to_string()).then_some(Self { place, ..now })
    }
}

impl fmt::Display for StreamCursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.started_at.as_microsecond(), self.place)
    }
}

/// Why a stream ends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::admin) enum StreamEnd {
    /// The gates are being stopped.
    Drain,
}

/// The data of the event `open`.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct OpenEvent {
    /// When the process started: another one knows nothing of this one's statements.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    cursor: String,
}

/// The data of the event `outcome`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OutcomeEvent)]
pub(in crate::admin) struct OutcomeTold {
    /// The id of the statement.
    of: String,
    #[serde(flatten)]
    outcome: OutcomeView,
}

/// The data of the event `lost`.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct LostEvent {
    /// Events that the reader was too slow for, whether or not they would have fitted.
    count: u64,
}

/// The data of the event `end`.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct EndEvent {
    reason: StreamEnd,
}

/// The first event of a stream.
pub(in crate::admin) fn opened(cursor: StreamCursor) -> Vec<u8> {
    let data = OpenEvent { started_at: cursor.started_at, cursor: cursor.to_string() };
    let mut text = Vec::new();
    event(&mut text, "open", Some(cursor), &data);
    text
}

/// The last event of a stream.
pub(in crate::admin) fn ended(reason: StreamEnd) -> Vec<u8> {
    let mut text = Vec::new();
    event(&mut text, "end", None, &EndEvent { reason });
    text
}

/// Those events of a batch that fit, and the cursor behind the batch.
pub(in crate::admin) fn batch(
    batch: &RecentBatch,
    filter: &DecisionFilter,
    from: StreamCursor,
) -> (StreamCursor, Vec<u8>) {
    let (next, mut text) = (StreamCursor { place: batch.next, ..from }, Vec::new());
    if batch.lost > 0 {
        event(&mut text, "lost", Some(next), &LostEvent { count: batch.lost });
    }
    for told in &batch.events {
        match told {
            RecentEvent::Judged(decision) if filter.fits(&decision.record) => {
                event(&mut text, "decision", Some(next), &DecisionView::listed(decision));
            }
            RecentEvent::Went(decision) if filter.fits(&decision.record) => {
                let view = DecisionView::listed(decision);
                if let Some(outcome) = view.outcome {
                    event(&mut text, "outcome", Some(next), &OutcomeTold { of: view.id, outcome });
                }
            }
            _ => {}
        }
    }
    (next, text)
}

/// One event. JSON has no line breaks outside its escapes, so that data is one line.
fn event(text: &mut Vec<u8>, name: &str, id: Option<StreamCursor>, data: &impl Serialize) {
    let Ok(data) = serde_json::to_string(data) else { return };
    let id = id.map_or(String::new(), |id| format!("id: {id}\n"));
    text.extend_from_slice(format!("event: {name}\n{id}data: {data}\n\n").as_bytes());
}
