//! What only the cluster itself can tell, asked over the service connection: its clock, and from where others are connected.

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::cli::doctor::around::{self, Seen};
use crate::cli::doctor::checkup::Checkup;
use crate::config::{CatalogSection, GateSection};
use crate::net::backend::Backend;
use crate::serve::build;
use crate::serve::service_connection::{self, ServiceError, ServiceRow};
use crate::sql::Dialect;

/// How far two clocks may be apart: the cluster's has whole seconds, and AWS refuses requests that are five minutes off.
const WARN_SECONDS: i64 = 5;
const FAIL_SECONDS: i64 = 240;

const NO_CONNECTION: &str = "add [gate.catalog] with a database user of the gate's own";

/// Every question to the cluster of one gate.
pub(super) async fn all(gate: &GateSection, gate_addresses: &[IpNet]) -> Vec<Checkup> {
    let subject = gate.name.as_str();
    let Some(settings) = &gate.catalog else {
        return ["clock", "around"]
            .map(|check| Checkup::not_checked(check, subject, "no service connection", NO_CONNECTION))
            .to_vec();
    };
    // What is wrong with [gate.upstream] was told before.
    let Ok(backend) = build::backend(gate) else { return Vec::new() };
    let asked = Timestamp::now();
    let clock = service_connection::ask(&backend, settings, clock_query(gate.dialect)).await;
    let answered = Timestamp::now();
    let clock = match clock {
        Ok(rows) => clock_of(subject, &rows, asked, answered),
        Err(ServiceError::Refused(error))
            if error.as_db_error().is_none_or(|said| said.code().code().starts_with("28")) =>
        {
            let remedy = "check user, password_file and database of [gate.catalog]";
            return vec![Checkup::failed(
                "service connection",
                subject,
                ServiceError::Refused(error).to_string(),
                remedy,
            )];
        }
        Err(error @ ServiceError::Refused(_)) => {
            Checkup::not_checked("clock", subject, error.to_string(), "compare the clocks yourself")
        }
        Err(error) => {
            return vec![Checkup::failed("service connection", subject, error.to_string(), "see the checks above")];
        }
    };
    vec![clock, others(gate, &backend, settings, gate_addresses).await]
}

const fn clock_query(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Redshift => "select to_char(getdate(), 'YYYY-MM-DD HH24:MI:SS')",
        Dialect::PostgreSql => "select to_char(now() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')",
    }
}

/// How far the cluster's clock is from this machine's.
fn clock_of(subject: &str, rows: &[ServiceRow], asked: Timestamp, answered: Timestamp) -> Checkup {
    let shown = rows.first().and_then(|row| row.first()).cloned().flatten().unwrap_or_default();
    let Ok(time) = shown.parse::<DateTime>().and_then(|time| TimeZone::UTC.to_timestamp(time)) else {
        return Checkup::not_checked(
            "clock",
            subject,
            format!("the cluster says {shown:?}"),
            "compare the clocks yourself",
        );
    };
    let theirs = time.as_second();
    // Somewhere between question and answer, in whole seconds.
    let apart = (asked.as_second().saturating_sub(theirs)).max(theirs.saturating_sub(answered.as_second())).max(0);
    let found = format!("{apart} s apart from the cluster's");
    let remedy = "let chrony or systemd-timesyncd set the clock of this machine (169.254.169.123 is AWS's time server)";
    match apart {
        FAIL_SECONDS.. => Checkup::failed("clock", subject, found, remedy),
        WARN_SECONDS.. => Checkup::warning("clock", subject, found, remedy),
        _ => Checkup::good("clock", subject, found),
    }
}

/// Who is, or was lately, connected from an address that is not a gate's.
async fn others(gate: &GateSection, backend: &Backend, settings: &CatalogSection, gate_addresses: &[IpNet]) -> Checkup {
    let subject = gate.name.as_str();
    match service_connection::ask(backend, settings, around::query(gate.dialect)).await {
        Ok(rows) => around::told(subject, &rows.iter().filter_map(Seen::of).collect::<Vec<_>>(), gate_addresses),
        Err(error) => {
            let remedy =
                format!("let its user read it: grant select on {} to {}", around::view(gate.dialect), settings.user);
            Checkup::not_checked("around", subject, error.to_string(), remedy)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::checkup::Health;

    /// (the cluster's time, how it is)
    #[test]
    fn clocks() {
        let asked: Timestamp = "2026-11-28T10:00:00.9Z".parse().unwrap();
        let answered: Timestamp = "2026-11-28T10:00:02Z".parse().unwrap();
        for (shown, health) in [
            ("2026-11-28 10:00:01", Health::Good),
            ("2026-11-28 09:59:56", Health::Good),
            ("2026-11-28 09:59:50", Health::Warning),
            ("2026-11-28 10:00:12", Health::Warning),
            ("2026-11-28 10:05:00", Health::Failed),
            ("2026-11-28 09:00:00", Health::Failed),
            ("soon", Health::NotChecked),
        ] {
            assert_eq!(clock_of("g", &[vec![Some(shown.to_owned())]], asked, answered).health, health, "{shown}");
        }
        assert_eq!(clock_of("g", &[], asked, answered).health, Health::NotChecked);
    }
}
