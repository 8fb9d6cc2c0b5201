//! The circumstances of the grid: for each rule every combination of what it compares them with, and strangers. Pure.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::chain::AccountId;
use crate::rules::profile::Test;
use crate::survey::values::{RuleValues, STRANGER, product};

/// Combinations of one rule's values.
const MAX_COMBINATIONS: usize = 512;

/// Addresses of networks that nobody has; a rule that names one network still leaves a stranger. Source: RFC 5737.
const STRANGE_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
const STRANGE_ADDRESSES: [IpAddr; 2] = [STRANGE_ADDRESS, IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7))];

/// A Monday, at noon of which nothing happens.
const DAY: Date = date(2026, 1, 5);

/// A gate, and what rules see of it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct GateFacts {
    /// Its name.
    pub(crate) name: String,
    /// Its cluster.
    pub(crate) cluster: String,
    /// The cluster's account, where it is known.
    pub(crate) account: Option<AccountId>,
}

/// Where and when a statement is sent.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Surroundings {
    /// The gate that a request passes.
    pub(crate) gate: GateFacts,
    /// The database.
    pub(crate) database: String,
    /// `application_name`.
    pub(crate) application: String,
    /// The client's address.
    pub(crate) client_address: IpAddr,
    /// The subject of the client's certificate.
    pub(crate) tls_subject: Option<String>,
    /// The names of that certificate.
    pub(crate) tls_names: Vec<String>,
    /// The time at which rules are asked.
    pub(crate) now: Timestamp,
}

/// One thing that is other than usual.
#[derive(Clone, Debug)]
enum Change {
    Gate(GateFacts),
    Database(String),
    Application(String),
    Address(IpAddr),
    Certificate(Option<String>, Vec<String>),
    Time(Timestamp),
}

impl Surroundings {
    fn usual(gate: &GateFacts) -> Self {
        Self {
            gate: gate.clone(),
            database: STRANGER.to_owned(),
            application: STRANGER.to_owned(),
            client_address: STRANGE_ADDRESS,
            tls_subject: None,
            tls_names: Vec::new(),
            now: TimeZone::UTC.to_timestamp(DAY.at(12, 0, 0, 0)).unwrap_or_default(),
        }
    }

    fn with(mut self, change: Change) -> Self {
        match change {
            Change::Gate(gate) => self.gate = gate,
            Change::Database(name) => self.database = name,
            Change::Application(name) => self.application = name,
            Change::Address(address) => self.client_address = address,
            Change::Certificate(subject, names) => (self.tls_subject, self.tls_names) = (subject, names),
            Change::Time(now) => self.now = now,
        }
        self
    }

    /// How reports call it: what is other than usual.
    #[must_use]
    pub(crate) fn label(&self) -> String {
        let usual = Self::usual(&self.gate);
        let differing = [
            (self.database != usual.database, format!("database {}", self.database)),
            (self.application != usual.application, format!("application {}", self.application)),
            (self.client_address != usual.client_address, format!("address {}", self.client_address)),
            (
                self.tls_subject != usual.tls_subject,
                format!("certificate {}", self.tls_subject.as_deref().unwrap_or_default()),
            ),
            (self.now != usual.now, format!("at {}", self.now)),
        ];
        let words = differing.into_iter().filter(|(differs, _)| *differs).map(|(_, words)| words);
        std::iter::once(format!("gate {}", self.gate.name)).chain(words).collect::<Vec<_>>().join(", ")
    }
}

/// All circumstances that rules tell apart.
#[must_use]
pub(crate) fn circumstances(rules: &[RuleValues], gates: &[GateFacts], zones: &[TimeZone]) -> Vec<Surroundings> {
    let nowhere = GateFacts { name: STRANGER.to_owned(), cluster: STRANGER.to_owned(), account: None };
    let usual = Surroundings::usual(gates.first().unwrap_or(&nowhere));
    let mut all = vec![usual.clone()];
    for rule in rules {
        let lists = changes(rule, gates, &nowhere, zones);
        let changed = |changes: Vec<Change>| changes.into_iter().fold(usual.clone(), Surroundings::with);
        all.extend(product(&lists, MAX_COMBINATIONS).into_iter().map(changed));
    }
    all.sort();
    all.dedup();
    all
}

fn changes(rule: &RuleValues, gates: &[GateFacts], nowhere: &GateFacts, zones: &[TimeZone]) -> Vec<Vec<Change>> {
    let texts =
        |name: &str, change: fn(String) -> Change| rule.texts_and_stranger(name).into_iter().map(change).collect();
    let looks_at_gates = ["gate", "cluster", "cluster_account"].iter().any(|name| rule.looks_at(name));
    let all_gates = || gates.iter().chain([nowhere]).cloned().map(Change::Gate).collect();
    let lists: [Vec<Change>; 6] = [
        if looks_at_gates { all_gates() } else { Vec::new() },
        texts("database", Change::Database),
        texts("application", Change::Application),
        addresses(rule),
        certificates(rule),
        times(rule, zones).into_iter().map(Change::Time).collect(),
    ];
    lists.into_iter().filter(|list| !list.is_empty()).collect()
}

fn addresses(rule: &RuleValues) -> Vec<Change> {
    let within = |test: &Test| match test {
        Test::Range(range) => range.parse::<IpNet>().map(|net| net.addr()).or_else(|_| range.parse()).ok(),
        _ => None,
    };
    let found: Vec<IpAddr> = rule.attribute("client_address").filter_map(within).collect();
    let strangers = if found.is_empty() { Vec::new() } else { Vec::from(STRANGE_ADDRESSES) };
    found.into_iter().chain(strangers).map(Change::Address).collect()
}

fn certificates(rule: &RuleValues) -> Vec<Change> {
    if !rule.looks_at("tls_subject") && !rule.looks_at("tls_names") {
        return Vec::new();
    }
    let (subjects, names) = (rule.texts("tls_subject"), rule.texts("tls_names"));
    let subjects: Vec<String> = subjects.into_iter().chain([STRANGER.to_owned()]).collect();
    let all: Vec<String> = names.into_iter().collect();
    let with = |subject: &String| {
        [
            Change::Certificate(Some(subject.clone()), all.clone()),
            Change::Certificate(Some(subject.clone()), Vec::new()),
        ]
    };
    subjects.iter().flat_map(with).chain([Change::Certificate(None, Vec::new())]).collect()
}

/// Just before, at and after every time that a rule names; and the hours around those it names, on every day if it looks at weekdays: in a
/// usual week, and before and after each of those times.
fn times(rule: &RuleValues, zones: &[TimeZone]) -> Vec<Timestamp> {
    let around = |time: Timestamp| {
        [-1, 0, 1].map(|seconds| time.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(time))
    };
    let named = rule.attribute("now").filter_map(|test| match test {
        Test::Time(text) => instant(text),
        _ => None,
    });
    let named: Vec<Timestamp> = named.collect();
    let mut times: Vec<Timestamp> = named.iter().copied().flat_map(around).collect();
    let hours: Vec<i64> = rule
        .attribute("hour")
        .filter_map(|test| match test {
            Test::Number(hour) => Some([hour.saturating_sub(1), *hour, hour.saturating_add(1)]),
            _ => None,
        })
        .flatten()
        .collect();
    let looks_at_days = rule.attribute("weekday").next().is_some();
    if !hours.is_empty() || looks_at_days {
        let days = if looks_at_days { 0..7 } else { 0..1 };
        let hours = if hours.is_empty() { vec![12] } else { hours };
        for (day, zone) in days.flat_map(|day| zones.iter().map(move |zone| (day, zone))) {
            for week in weeks(&named) {
                times.extend(hours.iter().filter_map(|hour| local(week, day, *hour, zone)));
            }
        }
    }
    times
}

/// The first days of a usual week, and of one before and one after each time.
fn weeks(times: &[Timestamp]) -> Vec<Date> {
    let near = |time: &Timestamp| {
        let date = TimeZone::UTC.to_datetime(*time).date();
        [-9, 2].into_iter().filter_map(move |days| date.checked_add(jiff::Span::new().days(days)).ok())
    };
    [DAY].into_iter().chain(times.iter().flat_map(near)).collect()
}

fn local(first: Date, day: i8, hour: i64, zone: &TimeZone) -> Option<Timestamp> {
    let hour = i8::try_from(hour).ok().filter(|hour| (0..24).contains(hour))?;
    let date = first.checked_add(jiff::Span::new().days(day)).ok()?;
    zone.to_timestamp(date.at(hour, 0, 0, 0)).ok()
}

/// A time as Cedar writes it: a day, or a time with a zone.
fn instant(text: &str) -> Option<Timestamp> {
    let midnight = || TimeZone::UTC.to_timestamp(text.parse::<Date>().ok()?.at(0, 0, 0, 0)).ok();
    text.parse().ok().or_else(midnight)
}

#[cfg(test)]
mod tests;
