//! Connection logs: which application and address a session has at a time.
//!
//! Source: Amazon Redshift Database Developer Guide, `STL_CONNECTION_LOG`; Management Guide, "Database audit logging".

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::history::record::{StatementRecord, timestamp};
use crate::history::table::TableRow;

/// Something that happened to a connection.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ConnectionEvent {
    /// What happened, in the log's own words.
    pub event: String,
    /// When it happened.
    pub time: Timestamp,
    /// The process that serves it.
    pub session: String,
    /// The database.
    pub database: String,
    /// The user.
    pub user: String,
    /// `application_name`.
    pub application: String,
    /// The client's address, as written.
    pub address: String,
    /// The client's port, as written.
    pub port: String,
}

impl ConnectionEvent {
    /// The event of a row of `STL_CONNECTION_LOG` or `SYS_CONNECTION_LOG`.
    #[must_use]
    pub fn of_row(row: &TableRow<'_>) -> Option<Self> {
        let text = |known: &Option<Cow<'_, str>>| known.as_deref().unwrap_or_default().trim().to_owned();
        Some(Self {
            event: text(&row.event),
            time: row.time.as_deref().and_then(timestamp)?,
            session: text(&row.session),
            database: text(&row.database),
            user: text(&row.user),
            application: text(&row.application),
            address: text(&row.address),
            port: text(&row.port),
        })
    }

    /// The event of a line of a log file: fields joined by bars, in the order of `STL_CONNECTION_LOG`.
    #[must_use]
    pub fn of_line(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let [event, time, address, port, session, database, user, ..] = fields.as_slice() else { return None };
        // The fifteenth names the application in files of the older form, in which nothing stands behind it, and of the newer.
        let application = fields.get(15).copied().unwrap_or_default();
        session.parse::<u64>().ok()?;
        Some(Self {
            event: (*event).to_owned(),
            time: timestamp(time)?,
            session: (*session).to_owned(),
            database: (*database).to_owned(),
            user: (*user).to_owned(),
            application: application.to_owned(),
            address: (*address).to_owned(),
            port: (*port).to_owned(),
        })
    }

    /// The address alone: `::ffff:10.1.2.3` is the IPv4 address in it, `[local]` is none.
    #[must_use]
    pub fn client_address(&self) -> Option<&str> {
        let address = self.address.strip_prefix("::ffff:").unwrap_or(&self.address);
        address.parse::<std::net::IpAddr>().ok().map(|_| address)
    }
}

/// What is known of the session that a process serves now.
#[derive(Clone, Debug, Default)]
pub struct OpenSession {
    session: String,
    user: String,
    application: Option<String>,
    address: Option<String>,
}

impl OpenSession {
    /// Takes an event of a process; events come by process and time.
    pub fn event(&mut self, event: &ConnectionEvent) {
        let is_other = self.session != event.session;
        if is_other || matches!(event.event.as_str(), "authenticated" | "initiating session") {
            let goes_on = !is_other && self.user == event.user && event.event == "initiating session";
            if !goes_on {
                *self = Self { session: event.session.clone(), user: event.user.clone(), ..Self::default() };
            }
        }
        if event.event == "disconnecting session" {
            *self = Self::default();
            return;
        }
        if !event.application.is_empty() {
            self.application = Some(event.application.clone());
        }
        if let Some(address) = event.client_address() {
            self.address = Some(address.to_owned());
        }
    }

    /// Adds what a record of the same process does not know itself.
    pub fn complete(&self, record: &mut StatementRecord<'_>) {
        let is_same = record.session.as_deref() == Some(self.session.as_str());
        if !is_same || record.user.as_deref().is_some_and(|user| user != self.user) {
            return;
        }
        let fill = |known: &mut Option<Cow<'_, str>>, value: Option<&String>| {
            if known.is_none() {
                *known = value.map(|text| Cow::Owned(text.clone()));
            }
        };
        fill(&mut record.user, Some(&self.user).filter(|user| !user.is_empty()));
        fill(&mut record.application, self.application.as_ref());
        fill(&mut record.client_address, self.address.as_ref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::record::RecordKind;

    fn event(line: &str) -> ConnectionEvent {
        ConnectionEvent::of_line(line).unwrap()
    }

    #[test]
    fn lines() {
        let old = event(
            "authenticated |Mon, 21 May 2018 01:38:01:601|::ffff:127.0.0.1 |32828 |15523|dev |rdsdb |password |0| | |0| | | |",
        );
        assert_eq!((old.event.as_str(), old.session.as_str(), old.user.as_str()), ("authenticated", "15523", "rdsdb"));
        assert_eq!((old.client_address(), old.application.as_str()), (Some("127.0.0.1"), ""));
        let new = event(
            "set application_name |Sun, 01 Jan 2023 01:05:07:124|[local] |123142412 |12324|testdb |testuser |test |12312|TLSv1.2 |TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 |0| | | |JDBC-1.2.54.1082 |Linux 5.4.0-1086-aws amd64 |Amazon Redshift JDBC Driver 1.2.54.1082 |none |0|02d54c77-8302-4ae6-8e83",
        );
        assert_eq!((new.client_address(), new.application.as_str()), (None, "JDBC-1.2.54.1082"));
        for line in [
            "",
            "a|b",
            "authenticated |yesterday|x|1|2|dev|u|",
            "authenticated |Mon, 21 May 2018 01:38:01:601|x|1|pid|dev|u|",
        ] {
            assert_eq!(ConnectionEvent::of_line(line), None, "{line}");
        }
    }

    #[test]
    fn a_record_gets_what_its_session_has_at_the_time() {
        let line = |event: &str, user: &str, application: &str| {
            ConnectionEvent::of_line(&format!(
                "{event} |Sun, 01 Jan 2023 01:05:07:124|10.0.0.9 |1 |7|dev |{user} |x |0| | |0| | | |{application} |"
            ))
            .unwrap()
        };
        let seen = |session: &OpenSession, user: Option<&str>| {
            let mut record = StatementRecord::new("x", 1, RecordKind::StlQuery, "");
            record.session = Some("7".into());
            record.user = user.map(|user| user.to_owned().into());
            session.complete(&mut record);
            (record.user.unwrap_or_default().into_owned(), record.application.unwrap_or_default().into_owned())
        };
        let mut session = OpenSession::default();
        session.event(&line("initiating session", "etl", ""));
        session.event(&line("set application_name", "etl", "dbt"));
        assert_eq!(seen(&session, None), ("etl".into(), "dbt".into()));
        assert_eq!(seen(&session, Some("etl")), ("etl".into(), "dbt".into()));
        assert_eq!(
            seen(&session, Some("other")),
            ("other".into(), String::new()),
            "the process serves another user now"
        );
        session.event(&line("disconnecting session", "etl", "dbt"));
        assert_eq!(seen(&session, None), (String::new(), String::new()));
        session.event(&line("authenticated", "bob", ""));
        assert_eq!(seen(&session, None), ("bob".into(), String::new()));
    }
}
