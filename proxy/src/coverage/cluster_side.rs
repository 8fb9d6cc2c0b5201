//! What ran in the cluster, by its own history, and where its sessions came from, by its connection log.

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use crate::coverage::carrier::RoleCarrier;
use crate::history::connections::ConnectionEvent;
use crate::history::trail::AssumedRole;

/// How far the cluster's own records of one moment may be apart.
const CLUSTER_MARGIN: SignedDuration = SignedDuration::from_secs(1);

/// The cluster's side.
#[derive(Debug, Default)]
pub(crate) struct ClusterSide {
    pub(crate) carriers: Vec<RoleCarrier>,
    /// Statements of which it cannot be said whether they carry a role, and why.
    pub(crate) unclear: Vec<(RoleCarrier, &'static str)>,
    /// What the connection log tells.
    pub(crate) events: Vec<ConnectionEvent>,
    /// Roles that `CloudTrail` says the cluster's service has assumed.
    pub(crate) assumed: Vec<AssumedRole>,
}

/// A connection to the cluster.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// `None`: it was there when the log begins.
    pub(crate) begin: Option<Timestamp>,
    end: Option<Timestamp>,
    /// `None`: it comes from within the cluster, or the log does not tell.
    pub(crate) from: Option<(IpAddr, u16)>,
    user: String,
}

/// The connections of the log, by process.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    by_pid: HashMap<String, Vec<Connection>>,
}

impl Connections {
    /// Puts the events of a log together. A process may serve one session after another.
    #[must_use]
    pub(crate) fn of(mut events: Vec<ConnectionEvent>) -> Self {
        events.sort_by(|one, other| (&one.session, one.time).cmp(&(&other.session, other.time)));
        let mut connections = Self::default();
        for event in events {
            connections.event(event);
        }
        connections
    }

    fn event(&mut self, event: ConnectionEvent) {
        let from = event.client_address().and_then(|text| text.parse().ok()).zip(event.port.parse().ok());
        let is_start = matches!(event.event.as_str(), "authenticated" | "initiating session");
        let is_end = event.event == "disconnecting session" || event.event.starts_with("Terminating backend");
        let of_pid = self.by_pid.entry(event.session).or_default();
        let goes_on = |open: &Connection| {
            let is_same = open.from.is_none() || from.is_none() || open.from == from;
            open.end.is_none() && is_same && open.user == event.user
        };
        if let Some(open) = of_pid.last_mut().filter(|open| goes_on(open)) {
            open.from = open.from.or(from);
            open.end = is_end.then_some(event.time);
        } else {
            if let Some(last) = of_pid.last_mut().filter(|last| last.end.is_none()) {
                last.end = Some(event.time);
            }
            let begin = is_start.then_some(event.time);
            of_pid.push(Connection { begin, end: is_end.then_some(event.time), from, user: event.user });
        }
    }

    /// Whether there is a log.
    #[must_use]
    pub(crate) fn is_known(&self) -> bool {
        !self.by_pid.is_empty()
    }

    /// The connection that a process served at a time.
    #[must_use]
    pub(crate) fn find(&self, pid: &str, time: Timestamp) -> Option<&Connection> {
        let of_pid = self.by_pid.get(pid)?;
        let begun = |it: &Connection| {
            it.begin.is_none_or(|begin| begin.saturating_sub(CLUSTER_MARGIN).is_ok_and(|begin| begin <= time))
        };
        let open =
            |it: &Connection| it.end.is_none_or(|end| end.saturating_add(CLUSTER_MARGIN).is_ok_and(|end| time <= end));
        of_pid.iter().rev().find(|connection| begun(connection) && open(connection))
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.by_pid.values().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(what: &str, second: i64, port: &str, user: &str) -> ConnectionEvent {
        ConnectionEvent {
            event: what.to_owned(),
            time: Timestamp::from_second(second).unwrap(),
            session: "7".to_owned(),
            database: "dev".to_owned(),
            user: user.to_owned(),
            application: String::new(),
            address: "::ffff:10.0.0.9".to_owned(),
            port: port.to_owned(),
        }
    }

    #[test]
    fn a_process_serves_one_session_after_another() {
        let connections = Connections::of(vec![
            event("disconnecting session", 30, "5001", "a"),
            event("authenticated", 10, "5001", "a"),
            event("initiating session", 10, "5001", "a"),
            event("set application_name", 12, "5001", "a"),
            event("authenticated", 100, "5002", "a"),
            event("authenticated", 200, "5003", "b"),
        ]);
        let port = |second: i64| {
            let found = connections.find("7", Timestamp::from_second(second).unwrap());
            found.and_then(|connection| connection.from).map(|(_, port)| port)
        };
        for (second, want) in [
            (5, None),
            (10, Some(5001)),
            (29, Some(5001)),
            (50, None),
            (100, Some(5002)),
            (198, Some(5002)),
            (5000, Some(5003)),
        ] {
            assert_eq!(port(second), want, "{second}");
        }
        assert!(connections.find("8", Timestamp::from_second(100).unwrap()).is_none());
    }

    #[test]
    fn a_log_may_begin_in_the_middle() {
        let connections = Connections::of(vec![event("disconnecting session", 30, "5001", "a")]);
        assert!(connections.find("7", Timestamp::from_second(1).unwrap()).is_some());
        assert!(connections.find("7", Timestamp::from_second(40).unwrap()).is_none());
    }
}
