//! From where clients are connected to the cluster, and which of them cannot have come through a gate.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::cli::doctor::checkup::Checkup;
use crate::serve::service_connection::ServiceRow;
use crate::sql::Dialect;

/// As many addresses as are named.
const SHOWN: usize = 10;

/// The view that knows. Source: Amazon Redshift Database Developer Guide, `SYS_CONNECTION_LOG`: seven days, for superusers and those
/// whom they grant it; PostgreSQL documentation, `pg_stat_activity`: those who are connected now.
pub(super) const fn view(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Redshift => "sys_connection_log",
        Dialect::PostgreSql => "pg_stat_activity",
    }
}

/// Asks for address, user, and whether it is the asker itself.
pub(super) const fn query(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Redshift => {
            "select trim(remote_host), trim(user_name), max(case when session_id = pg_backend_pid() then 1 else 0 end) \
             from sys_connection_log where event = 'initiating session' and user_name <> 'rdsdb' group by 1, 2"
        }
        Dialect::PostgreSql => {
            "select host(client_addr), usename, max(case when pid = pg_backend_pid() then 1 else 0 end) \
             from pg_stat_activity where client_addr is not null group by 1, 2"
        }
    }
}

/// A user seen at an address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Seen {
    address: IpAddr,
    user: String,
    is_asker: bool,
}

impl Seen {
    /// Reads a row; `None` for what comes from within the cluster (`[local]`).
    pub(super) fn of(row: &ServiceRow) -> Option<Self> {
        let [Some(address), user, asker] = row.as_slice() else { return None };
        Some(Self {
            // An IPv4 address may be written as an IPv6 one: ::ffff:10.0.0.7.
            address: address.trim().parse::<IpAddr>().ok()?.to_canonical(),
            user: user.clone().unwrap_or_default(),
            is_asker: asker.as_deref() == Some("1"),
        })
    }
}

/// Says who came from elsewhere than the gate's addresses: its own, as the cluster sees it, and those of its replicas.
pub(super) fn told(gate: &str, seen: &[Seen], gate_addresses: &[IpNet]) -> Checkup {
    let own: Vec<IpAddr> = seen.iter().filter(|seen| seen.is_asker).map(|seen| seen.address).collect();
    if own.is_empty() && gate_addresses.is_empty() {
        let remedy = "give this machine's address, as the cluster sees it, with --gate-address";
        return Checkup::not_checked(
            "around",
            gate,
            "the cluster does not say from where this connection comes",
            remedy,
        );
    }
    let is_gate = |address: &IpAddr| own.contains(address) || gate_addresses.iter().any(|net| net.contains(address));
    let mut strangers: BTreeMap<IpAddr, Vec<&str>> = BTreeMap::new();
    for seen in seen.iter().filter(|seen| !is_gate(&seen.address)) {
        strangers.entry(seen.address).or_default().push(&seen.user);
    }
    if strangers.is_empty() {
        return Checkup::good("around", gate, "nobody was connected but from a gate");
    }
    let listed = strangers.iter().take(SHOWN).map(|(address, users)| format!("{address} ({})", users.join(", ")));
    let more = strangers.len().saturating_sub(SHOWN);
    let more = if more == 0 { String::new() } else { format!(", and {more} more") };
    let found = format!("clients came around the gate: {}{more}", listed.collect::<Vec<_>>().join(", "));
    let remedy = "let only the gates' security group into the cluster's, or name replicas with --gate-address";
    Checkup::warning("around", gate, found, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::checkup::Health;

    fn seen(address: &str, user: &str, asker: &str) -> Option<Seen> {
        Seen::of(&vec![Some(address.to_owned()), Some(user.to_owned()), Some(asker.to_owned())])
    }

    #[test]
    fn strangers_are_named_and_replicas_are_not() {
        let rows = [
            ("::ffff:10.0.0.7 ", "rolegate", "1"),
            ("10.0.0.7", "etl", "0"),
            ("10.0.1.9", "etl", "0"),
            ("10.0.9.9", "anna", "0"),
        ];
        let rows: Vec<Seen> = rows.iter().filter_map(|(address, user, asker)| seen(address, user, asker)).collect();
        let replicas: Vec<IpNet> = vec!["10.0.1.0/24".parse().unwrap()];
        let found = told("g", &rows, &replicas);
        assert_eq!(
            (found.health, found.found.as_str()),
            (Health::Warning, "clients came around the gate: 10.0.9.9 (anna)")
        );
        let found = told("g", &rows, &[]);
        assert_eq!(found.found, "clients came around the gate: 10.0.1.9 (etl), 10.0.9.9 (anna)");
        assert_eq!(told("g", &rows[..2], &[]).health, Health::Good);
        assert_eq!(told("g", &rows[1..], &[]).health, Health::NotChecked);
        assert_eq!(told("g", &[], &replicas).health, Health::Good);
        assert_eq!(seen("[local]", "rdsdb", "0"), None);
    }

    #[test]
    fn not_all_of_a_crowd_is_named() {
        let rows: Vec<Seen> = (1..=13).filter_map(|number| seen(&format!("10.9.0.{number}"), "u", "0")).collect();
        let found = told("g", &rows, &["10.0.0.1/32".parse().unwrap()]).found;
        assert!(found.ends_with("(u), and 3 more") && found.matches("(u)").count() == SHOWN, "{found}");
    }
}
