//! What passed the gate, by its audit: sessions, each with the statements that went through it.

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use crate::coverage::carrier::RoleCarrier;
use crate::history::GateNews;

/// A statement that the gate sent on.
#[derive(Clone, Debug)]
pub(crate) struct SentStatement {
    pub(crate) time: Timestamp,
    pub(crate) whole: u64,
    pub(crate) head: u64,
    pub(crate) truncated: bool,
    /// A statement of the cluster's history is it.
    pub(crate) is_found: bool,
}

impl SentStatement {
    /// Whether its text is that of a statement of the cluster's history.
    #[must_use]
    pub(crate) const fn is_same_text(&self, carrier: &RoleCarrier) -> bool {
        self.whole == carrier.whole || ((self.truncated || carrier.truncated) && self.head == carrier.head)
    }
}

/// A session of the gate.
#[derive(Clone, Debug, Default)]
pub(crate) struct PassedSession {
    pub(crate) user: String,
    /// The process that serves it in the cluster.
    pub(crate) backend_pid: Option<String>,
    /// Where the gate connected from.
    pub(crate) address: Option<(IpAddr, u16)>,
    /// When its user was let in, as far as the audit tells.
    pub(crate) begin: Option<Timestamp>,
    pub(crate) end: Option<Timestamp>,
    pub(crate) statements: Vec<SentStatement>,
}

impl PassedSession {
    /// Whether it was open at a time, give or take `margin`.
    #[must_use]
    pub(crate) fn is_open(&self, time: Timestamp, margin: SignedDuration) -> bool {
        let begun = self.begin.is_none_or(|begin| begin.saturating_sub(margin).is_ok_and(|begin| begin <= time));
        begun && self.end.is_none_or(|end| end.saturating_add(margin).is_ok_and(|end| time <= end))
    }
}

/// The gate's side, while it is read.
#[derive(Debug, Default)]
pub(crate) struct GateSide {
    /// Of the gate of this name alone.
    gate: Option<String>,
    news: Vec<GateNews>,
    carriers: Vec<RoleCarrier>,
    first: Option<Timestamp>,
    lost: u64,
}

/// The gate's side.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    pub(crate) sessions: Vec<PassedSession>,
    /// The first that the audit tells.
    pub(crate) first: Option<Timestamp>,
    /// Records that the audit says are missing.
    pub(crate) lost: u64,
    /// When roles were used, by role.
    pub(crate) roles: HashMap<String, Vec<Timestamp>>,
}

impl GateSide {
    /// The side of one gate, or of all whose audit is read.
    #[must_use]
    pub(crate) fn new(gate: Option<&str>) -> Self {
        Self { gate: gate.map(str::to_owned), ..Self::default() }
    }

    fn is_ours(&self, gate: Option<&str>) -> bool {
        self.gate.as_deref().is_none_or(|ours| gate.is_none_or(|gate| gate == ours))
    }

    fn at(&mut self, time: Option<Timestamp>) {
        self.first = self.first.into_iter().chain(time).min();
    }

    /// Takes what the audit tells beside statements.
    pub(crate) fn news(&mut self, news: GateNews) {
        self.at(news.time);
        self.lost = self.lost.saturating_add(news.lost.unwrap_or(0));
        if self.is_ours(news.gate.as_deref()) && matches!(news.event.as_str(), "login" | "session_end") {
            self.news.push(news);
        }
    }

    /// Takes a statement of the audit. One that was refused has not run.
    pub(crate) fn carrier(&mut self, carrier: RoleCarrier) {
        self.at(carrier.time);
        if self.is_ours(carrier.gate.as_deref()) && carrier.outcome.as_deref() != Some("reject") {
            self.carriers.push(carrier);
        }
    }

    /// Puts sessions and statements together. Times within one audit differ by no more than `margin` from the order of its records.
    #[must_use]
    pub(crate) fn finish(mut self, margin: SignedDuration) -> Passed {
        self.news.sort_by_key(|news| news.time);
        let mut building = Building { margin, ..Building::default() };
        for news in std::mem::take(&mut self.news) {
            building.news(news);
        }
        let mut roles: HashMap<String, Vec<Timestamp>> = HashMap::new();
        self.carriers.sort_by_key(|carrier| carrier.time);
        for carrier in self.carriers {
            let Some(time) = carrier.time else { continue };
            for role in &carrier.roles {
                roles.entry(role.clone()).or_default().push(time);
            }
            building.statement(carrier, time);
        }
        Passed { sessions: building.sessions, first: self.first, lost: self.lost, roles }
    }
}

/// Sessions by gate and number. A number is unique within a process only, so process and time tell apart.
type ByNumber = HashMap<(String, String), Vec<usize>>;

#[derive(Debug, Default)]
struct Building {
    margin: SignedDuration,
    sessions: Vec<PassedSession>,
    by_number: ByNumber,
}

impl Building {
    fn find(&self, key: &(String, String), pid: Option<&str>, fits: impl Fn(&PassedSession) -> bool) -> Option<usize> {
        let is_it = |place: &&usize| {
            self.sessions.get(**place).is_some_and(|session| {
                let known = session.backend_pid.as_deref();
                (known.is_none() || pid.is_none() || known == pid) && fits(session)
            })
        };
        self.by_number.get(key)?.iter().rev().find(is_it).copied()
    }

    fn add(&mut self, key: (String, String), session: PassedSession) -> usize {
        let place = self.sessions.len();
        self.sessions.push(session);
        self.by_number.entry(key).or_default().push(place);
        place
    }

    fn news(&mut self, news: GateNews) {
        let key = (news.gate.clone().unwrap_or_default(), news.session.clone().unwrap_or_default());
        let is_end = news.event == "session_end";
        let begin = match (news.time, news.lasted) {
            (Some(time), Some(lasted)) if is_end => time.checked_sub(lasted).ok(),
            (time, _) => time.filter(|_| !is_end),
        };
        let known = if is_end { self.find(&key, news.backend_pid.as_deref(), |it| it.end.is_none()) } else { None };
        let address = news.gate_address.as_deref().and_then(|text| text.parse().ok());
        let session = PassedSession {
            user: news.user.unwrap_or_default(),
            backend_pid: news.backend_pid,
            address: address.zip(news.gate_port),
            begin,
            end: news.time.filter(|_| is_end),
            statements: Vec::new(),
        };
        match known.and_then(|place| self.sessions.get_mut(place)) {
            Some(known) => known.end = session.end,
            None => {
                self.add(key, session);
            }
        }
    }

    fn statement(&mut self, carrier: RoleCarrier, time: Timestamp) {
        let RoleCarrier { gate, session, backend_pid, user, whole, head, truncated, .. } = carrier;
        let key = (gate.unwrap_or_default(), session.unwrap_or_default());
        let margin = self.margin;
        let place = self.find(&key, backend_pid.as_deref(), |session| session.is_open(time, margin));
        // The file with its login is not among those that are read.
        let place = place.unwrap_or_else(|| {
            let user = user.unwrap_or_default();
            self.add(key, PassedSession { user, backend_pid, ..PassedSession::default() })
        });
        if let Some(session) = self.sessions.get_mut(place) {
            session.statements.push(SentStatement { time, whole, head, truncated, is_found: false });
        }
    }
}
