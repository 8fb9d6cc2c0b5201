//! What the cluster makes of the judged statements of a session: told of what is sent and answered, it says how each went. Pure.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::catalog::MadeObject;
use crate::observe::values::StatementOutcome;
use crate::sql::StatementKind;
use crate::wire::relay::{Answered, Number, Reached};

/// Statements that are followed at one time; of those above nothing is told.
const MAX_PENDING: usize = 1024;

/// A judged statement that goes to the cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ToldStatement {
    /// The id of its audit record.
    pub id: Option<Arc<str>>,
    /// What it is.
    pub kind: StatementKind,
    /// Its chains, where only the cluster can vouch for them.
    pub chains: Vec<String>,
    /// What it stores, where the cluster does not show that in full.
    pub made: Option<MadeObject>,
}

/// Which message carries or runs them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Carrier {
    /// A `Query`: all of them are run.
    Query,
    /// A `Parse`: nothing is run, but it may fail.
    Parse,
    /// A `Bind`, whose portal is run by a message after it.
    Bind,
}

/// A message on its way.
#[derive(Debug)]
struct Pending {
    number: Number,
    carrier: Carrier,
    told: Arc<[ToldStatement]>,
    at: Instant,
    /// What completions within it said of rows.
    rows: Vec<Option<u64>>,
}

/// How a message went.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Settled {
    /// What the audit and the metrics are told of its statements.
    pub told: Arc<[ToldStatement]>,
    /// What the cluster made of them.
    pub outcome: StatementOutcome,
    /// The rows that it tells of, where one statement was run.
    pub rows: Option<u64>,
    /// The error's SQLSTATE.
    pub sqlstate: Option<String>,
    /// From sending the message.
    pub took: Duration,
}

/// The judged statements that the cluster has not answered.
#[derive(Debug, Default)]
pub(crate) struct Outcomes(VecDeque<Pending>);

impl Outcomes {
    /// Whether no answer matters.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A message of this number is sent.
    pub(crate) fn sent(&mut self, carrier: Carrier, number: Number, told: Arc<[ToldStatement]>, now: Instant) {
        if !told.is_empty() && self.0.len() < MAX_PENDING {
            self.0.push_back(Pending { number, carrier, told, at: now, rows: Vec::new() });
        }
    }

    /// The cluster has answered, and come so far with it.
    pub(crate) fn hear(&mut self, answered: Answered<'_>, reached: Reached, now: Instant) -> Vec<Settled> {
        match answered {
            Answered::Complete(tag) => self.complete(rows_of(tag), reached, now).into_iter().collect(),
            Answered::Error(sqlstate) => self.fail(sqlstate, reached, now),
            Answered::Ready => self.ready(reached, now),
        }
    }

    /// The session is over: what was not answered is lost.
    pub(crate) fn end(&mut self, now: Instant) -> Vec<Settled> {
        let run = self.0.drain(..).filter(|pending| pending.carrier != Carrier::Parse);
        run.map(|pending| settled(pending, StatementOutcome::Lost, None, now)).collect()
    }

    fn complete(&mut self, rows: Option<u64>, reached: Reached, now: Instant) -> Option<Settled> {
        let is_it = |pending: &Pending| pending.number < reached.answered && pending.carrier != Carrier::Parse;
        let place = self.0.iter().position(is_it)?;
        let pending = self.0.get_mut(place)?;
        pending.rows.push(rows);
        if pending.carrier == Carrier::Query {
            return None;
        }
        self.0.remove(place).map(|pending| settled(pending, StatementOutcome::Completed, None, now))
    }

    fn fail(&mut self, sqlstate: &[u8], reached: Reached, now: Instant) -> Vec<Settled> {
        let failed = reached.answered.saturating_sub(1);
        let is_exact = self.0.iter().any(|pending| pending.number == failed);
        let mut has_failed = false;
        let (mut told, mut left) = (Vec::new(), VecDeque::new());
        for pending in self.0.drain(..) {
            let is_run_by_portal = pending.carrier == Carrier::Bind && pending.number < reached.answered;
            if pending.number == failed || (is_run_by_portal && !is_exact && !has_failed) {
                has_failed = true;
                let sqlstate = (!sqlstate.is_empty()).then(|| String::from_utf8_lossy(sqlstate).into_owned());
                told.push(settled(pending, StatementOutcome::Failed, sqlstate, now));
            } else if pending.number >= reached.skipped.max(reached.answered) {
                left.push_back(pending);
            } else if pending.number >= reached.answered && pending.carrier != Carrier::Parse {
                told.push(settled(pending, StatementOutcome::Skipped, None, now));
            }
        }
        self.0 = left;
        told
    }

    fn ready(&mut self, reached: Reached, now: Instant) -> Vec<Settled> {
        let (mut told, mut left) = (Vec::new(), VecDeque::new());
        for pending in self.0.drain(..) {
            match pending.carrier {
                _ if pending.number >= reached.answered => left.push_back(pending),
                Carrier::Query => told.push(settled(pending, StatementOutcome::Completed, None, now)),
                // Prepared, or bound and never run.
                Carrier::Parse | Carrier::Bind => {}
            }
        }
        self.0 = left;
        told
    }
}

fn settled(pending: Pending, outcome: StatementOutcome, sqlstate: Option<String>, now: Instant) -> Settled {
    let rows = match (outcome, pending.rows.as_slice()) {
        (StatementOutcome::Completed, [rows]) => *rows,
        _ => None,
    };
    Settled { told: pending.told, outcome, rows, sqlstate, took: now.saturating_duration_since(pending.at) }
}

/// The number of rows at the end of a command tag, such as `COPY 12` or `INSERT 0 5`.
fn rows_of(tag: &[u8]) -> Option<u64> {
    std::str::from_utf8(tag).ok()?.trim_end_matches('\0').rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(id: &str) -> Arc<[ToldStatement]> {
        Arc::from([ToldStatement { id: Some(id.into()), kind: StatementKind::Copy, chains: Vec::new(), made: None }])
    }

    fn reached(answered: Number, skipped: Number) -> Reached {
        Reached { answered, skipped: skipped.max(answered), is_failure: skipped > 0 }
    }

    /// What is sent (number, how) and answered, and what is told: id, outcome, rows, SQLSTATE.
    #[test]
    fn outcomes_table() {
        use Carrier::{Bind, Parse, Query};
        type Heard<'a> = (Answered<'a>, Reached);
        type Row<'a> = (&'a str, Vec<(Carrier, Number)>, Vec<Heard<'a>>, &'a str);
        let done = |tag: &'static [u8], answered| (Answered::Complete(tag), reached(answered, 0));
        let ready = |answered| (Answered::Ready, reached(answered, 0));
        let failed = |answered, skipped| (Answered::Error(b"42501"), reached(answered, skipped));
        let rows: Vec<Row<'_>> = vec![
            ("a query", vec![(Query, 0)], vec![done(b"COPY 12\0", 1), ready(1)], "0 completed 12 -"),
            ("no rows in the tag", vec![(Query, 0)], vec![done(b"UNLOAD\0", 1), ready(1)], "0 completed - -"),
            (
                "two statements in one",
                vec![(Query, 0)],
                vec![done(b"COPY 1", 1), done(b"COPY 2", 1), ready(1)],
                "0 completed - -",
            ),
            ("a query that fails", vec![(Query, 3)], vec![failed(4, 4), ready(4)], "3 failed - 42501"),
            (
                "a query that fails with an error that is too long to be read",
                vec![(Query, 3)],
                vec![(Answered::Error(b""), reached(4, 4)), ready(4)],
                "3 failed - -",
            ),
            ("prepared, never run", vec![(Parse, 0)], vec![ready(1)], ""),
            ("prepared in vain", vec![(Parse, 0)], vec![failed(1, 3), ready(3)], "0 failed - 42501"),
            ("bound and run", vec![(Parse, 0), (Bind, 1)], vec![done(b"COPY 7\0", 3), ready(3)], "1 completed 7 -"),
            (
                "bound and run twice",
                vec![(Bind, 1), (Bind, 4)],
                vec![done(b"COPY 7", 3), done(b"COPY 8", 6), ready(6)],
                "1 completed 7 -,4 completed 8 -",
            ),
            (
                "run in vain, and one behind it",
                vec![(Bind, 1), (Bind, 3)],
                vec![failed(3, 5), ready(5)],
                "1 failed - 42501,3 skipped - -",
            ),
            ("bound, never run", vec![(Bind, 1)], vec![ready(2)], ""),
            ("another message fails", vec![(Query, 5)], vec![failed(3, 3), ready(3)], "5 lost - -"),
            ("the session ends", vec![(Query, 5), (Parse, 6)], vec![], "5 lost - -"),
        ];
        for (name, sent, heard, want) in rows {
            let (mut outcomes, now) = (Outcomes::default(), Instant::now());
            for (carrier, number) in sent {
                outcomes.sent(carrier, number, told(&number.to_string()), now);
            }
            let mut found: Vec<Settled> =
                heard.into_iter().flat_map(|(answered, reached)| outcomes.hear(answered, reached, now)).collect();
            found.extend(outcomes.end(now));
            let dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            let shown = found.into_iter().map(|settled| {
                let id = settled.told[0].id.clone().unwrap();
                let rows = dash(settled.rows.map(|rows| rows.to_string()));
                format!("{id} {} {rows} {}", settled.outcome, dash(settled.sqlstate))
            });
            assert_eq!(shown.collect::<Vec<_>>().join(","), want, "{name}");
            assert!(outcomes.is_empty(), "{name}");
        }
    }

    #[test]
    fn what_is_followed_is_run_by_portaled() {
        let (mut outcomes, now) = (Outcomes::default(), Instant::now());
        for number in 0..5000 {
            outcomes.sent(Carrier::Query, number, told("x"), now);
        }
        assert_eq!(outcomes.end(now).len(), MAX_PENDING);
    }
}
