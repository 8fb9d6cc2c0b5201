//! The two sides together: which statement of the cluster's history is one that the gate sent on.

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use crate::coverage::carrier::RoleCarrier;
use crate::coverage::cluster_side::{ClusterSide, Connections};
use crate::coverage::evidence::{Evidence, Unseen};
use crate::coverage::gate_side::{Passed, PassedSession};
use crate::coverage::report::{CoverageReport, UnseenRow};
use crate::history::trail::AssumedRole;

/// How far the two sides may be apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Margins {
    /// The gate's clock and the cluster's.
    pub(crate) clocks: SignedDuration,
    /// A role is assumed at most so long after a statement that uses it.
    pub(crate) assumed: SignedDuration,
    /// Only statements from then on are told of.
    pub(crate) since: Option<Timestamp>,
}

/// How long a statement may wait in the cluster, where nothing but its text tells what it is.
const QUEUED: SignedDuration = SignedDuration::from_secs(60);

/// What is known of a statement's session.
enum Link {
    Passed(usize, Evidence),
    Other,
    Unknown,
}

/// Matches both sides.
#[must_use]
pub(crate) fn match_up(passed: Passed, cluster: ClusterSide, margins: Margins) -> CoverageReport {
    let connections = Connections::of(cluster.events);
    let mut report = CoverageReport::default();
    let mut matcher = Matcher::new(passed, &connections, margins);
    matcher.gaps(&mut report);
    let is_asked = |time: Option<Timestamp>| margins.since.is_none_or(|since| time.is_none_or(|time| time >= since));
    for (carrier, reason) in cluster.unclear.into_iter().filter(|(carrier, _)| is_asked(carrier.time)) {
        report.cannot_tell(UnseenRow::of(&carrier, reason));
    }
    let mut carriers = cluster.carriers;
    carriers.retain(|carrier| is_asked(carrier.time));
    carriers.sort_by_key(|carrier| carrier.time);
    let mut left = Vec::new();
    for carrier in carriers {
        match matcher.by_session(&carrier) {
            Told::Seen(evidence) => report.seen(evidence),
            Told::Unseen(why) => report.unseen(UnseenRow::of(&carrier, why.as_str())),
            Told::CannotTell(reason) => report.cannot_tell(UnseenRow::of(&carrier, reason)),
            Told::Open(why) => left.push((carrier, why)),
        }
    }
    for (carrier, why) in left {
        if matcher.by_text(&carrier) {
            report.seen(Evidence::Text);
        } else {
            report.unseen(UnseenRow::of(&carrier, why.as_str()));
        }
    }
    let mut assumed = cluster.assumed;
    assumed.retain(|role| is_asked(Some(role.time)));
    assumed.sort_by_key(|role| role.time);
    for role in assumed.iter().filter(|role| !matcher.explains(role)) {
        report.unseen(UnseenRow::of_role(role, Unseen::AssumedRole.as_str()));
    }
    report
}

/// What is said of a statement.
enum Told {
    Seen(Evidence),
    Unseen(Unseen),
    CannotTell(&'static str),
    /// Its text may tell, once the statements whose sessions are known have theirs.
    Open(Unseen),
}

/// The statements of one text in one session, in the order in which they were sent; those before `next` were found.
#[derive(Debug, Default)]
struct SameTexts {
    numbers: Vec<usize>,
    next: usize,
}

struct Matcher<'c> {
    passed: Passed,
    connections: &'c Connections,
    margins: Margins,
    by_pid: HashMap<String, Vec<usize>>,
    by_address: HashMap<(IpAddr, u16), Vec<usize>>,
    in_session: HashMap<(usize, u64), SameTexts>,
    by_head: HashMap<u64, Vec<(usize, usize)>>,
    /// The log and the audit agree in an address at least once, so that it counts where they do not.
    addresses_agree: bool,
}

impl<'c> Matcher<'c> {
    fn new(passed: Passed, connections: &'c Connections, margins: Margins) -> Self {
        let (mut by_pid, mut by_address, mut by_head) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut in_session: HashMap<(usize, u64), SameTexts> = HashMap::new();
        for (place, session) in passed.sessions.iter().enumerate() {
            if let Some(pid) = &session.backend_pid {
                by_pid.entry(pid.clone()).or_insert_with(Vec::new).push(place);
            }
            if let Some(address) = session.address {
                by_address.entry(address).or_insert_with(Vec::new).push(place);
            }
            for (number, sent) in session.statements.iter().enumerate() {
                in_session.entry((place, sent.whole)).or_default().numbers.push(number);
                by_head.entry(sent.head).or_insert_with(Vec::new).push((place, number));
            }
        }
        let agrees = |from: Option<(IpAddr, u16)>| from.is_some_and(|from| by_address.contains_key(&from));
        let addresses_agree = connections.iter().any(|connection| agrees(connection.from));
        Self { passed, connections, margins, by_pid, by_address, in_session, by_head, addresses_agree }
    }

    fn gaps(&self, report: &mut CoverageReport) {
        if self.passed.first.is_none() {
            report.gap("no audit of the gate was read: nothing can be told to have passed it");
        }
        let is_told = |session: &PassedSession| session.begin.is_some() || session.end.is_some();
        if !self.passed.sessions.is_empty() && !self.passed.sessions.iter().any(is_told) {
            report.gap("the audit tells of no session, as with sessions = false in [audit]: when they began and ended is not known");
        }
        if self.passed.lost > 0 {
            report.gap(format!(
                "{} records of the audit are missing, as it says itself: what they told may be listed",
                self.passed.lost
            ));
        }
        if !self.connections.is_known() {
            report.gap(
                "the connection log was not read, which only superusers may: sessions are told by process and time, and where \
                 those are not known by text",
            );
        } else if !self.addresses_agree && self.passed.sessions.iter().any(|session| session.address.is_some()) {
            report.gap(
                "no connection of the log has an address and port of the gate, as behind address translation: sessions are told \
                 by process and time",
            );
        }
    }

    fn session(&self, place: usize) -> Option<&PassedSession> {
        self.passed.sessions.get(place)
    }

    /// Which session of the gate a statement ran in.
    fn link(&self, carrier: &RoleCarrier, time: Timestamp) -> Link {
        let Some(pid) = carrier.session.as_deref() else { return Link::Unknown };
        let margin = self.margins.clocks;
        let is_open = |place: &&usize| self.session(**place).is_some_and(|session| session.is_open(time, margin));
        let connection = self.connections.find(pid, time);
        if let Some(connection) = connection.filter(|_| self.addresses_agree) {
            let Some(from) = connection.from else { return Link::Other };
            let candidates = self.by_address.get(&from).map(Vec::as_slice).unwrap_or_default();
            if let Some(place) = candidates.iter().rev().find(is_open) {
                return Link::Passed(*place, Evidence::Connection);
            }
        }
        // Audits of earlier gates do not tell the address.
        let counts = |place: &&usize| {
            let is_told = self.session(**place).is_some_and(|session| session.address.is_some());
            is_open(place)
                && !(is_told && connection.is_some() && self.addresses_agree)
                && self.is_user(**place, carrier)
        };
        match self.by_pid.get(pid).and_then(|places| places.iter().rev().find(counts)) {
            Some(place) => Link::Passed(*place, Evidence::Process),
            None if connection.is_some() && self.addresses_agree => Link::Other,
            None => Link::Unknown,
        }
    }

    /// Whether a statement may be one of the user who logged in: another one after SET SESSION AUTHORIZATION is a superuser's work.
    fn is_user(&self, place: usize, carrier: &RoleCarrier) -> bool {
        let name =
            |text: &str| text.strip_prefix("IAM:").or_else(|| text.strip_prefix("IAMR:")).unwrap_or(text).to_owned();
        let user = self.session(place).map(|session| session.user.as_str()).unwrap_or_default();
        user.is_empty() || carrier.user.as_deref().is_none_or(|other| name(other) == name(user))
    }

    fn by_session(&mut self, carrier: &RoleCarrier) -> Told {
        let Some(time) = carrier.time else { return Told::Open(Unseen::NoSession) };
        let margin = self.margins.clocks;
        let begins = self.passed.first.and_then(|first| first.checked_sub(margin).ok());
        if begins.is_none_or(|begins| time < begins) {
            return Told::CannotTell("before_audit");
        }
        let (place, evidence) = match self.link(carrier, time) {
            Link::Passed(place, evidence) => (place, evidence),
            Link::Other => return Told::Unseen(Unseen::OtherConnection),
            Link::Unknown => return Told::Open(Unseen::NoSession),
        };
        if self.find_in(place, carrier, time.saturating_add(margin).unwrap_or(time)) {
            return Told::Seen(evidence);
        }
        if evidence == Evidence::Process { Told::Open(Unseen::NotSent) } else { Told::Unseen(Unseen::NotSent) }
    }

    /// Whether the gate has sent this text in a session until then. What is prepared once may run often, so the last that was sent
    /// counts again when there is no further.
    fn find_in(&mut self, place: usize, carrier: &RoleCarrier, until: Timestamp) -> bool {
        let Some(session) = self.passed.sessions.get_mut(place) else { return false };
        if let Some(same) = self.in_session.get_mut(&(place, carrier.whole)) {
            let next = same.numbers.get(same.next).and_then(|number| session.statements.get_mut(*number));
            if let Some(sent) = next.filter(|sent| sent.time <= until) {
                sent.is_found = true;
                same.next = same.next.saturating_add(1);
                return true;
            }
            if same.next > 0 {
                return true;
            }
        }
        let cut = session.statements.iter_mut().find(|sent| sent.time <= until && sent.is_same_text(carrier));
        cut.map(|sent| sent.is_found = true).is_some()
    }

    /// Whether a statement that the gate sent at about that time for the same user, and that nothing else is, has the same text.
    fn by_text(&mut self, carrier: &RoleCarrier) -> bool {
        let candidates = self.by_head.get(&carrier.head).cloned().unwrap_or_default();
        let margin = self.margins.clocks;
        for (place, number) in candidates {
            if !self.is_user(place, carrier) {
                continue;
            }
            let session = self.passed.sessions.get_mut(place);
            let Some(sent) = session.and_then(|session| session.statements.get_mut(number)) else { continue };
            let is_near = carrier.time.is_none_or(|time| {
                let after = time.duration_since(sent.time);
                after >= -margin && after <= margin.saturating_add(QUEUED)
            });
            if !sent.is_found && is_near && sent.is_same_text(carrier) {
                sent.is_found = true;
                return true;
            }
        }
        false
    }

    /// Whether a statement that the gate has seen may be why a role was assumed.
    fn explains(&self, role: &AssumedRole) -> bool {
        let times = self.passed.roles.get(&role.role).map(Vec::as_slice).unwrap_or_default();
        times.iter().any(|time| {
            let after = role.time.duration_since(*time);
            after >= -self.margins.clocks && after <= self.margins.assumed
        })
    }
}
