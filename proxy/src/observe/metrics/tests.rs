use super::*;
use crate::catalog::{DriftChange, ObjectKind, SystemView, Via};
use crate::chain::AccountId;
use crate::gate::DecisionPath;
use crate::gate::codes::{Code, Severity};
use crate::gate::enforcement::{Action, Mode};
use crate::gate::verdict::HopResult;
use crate::net::backend::BackendFailure;
use crate::observe::logging::LogFormat;
use crate::observe::values::{
    CancelResult, Direction, Holder, Leg, LimitKind, LoginResult, SessionEnd, SessionRefusal, SessionState,
    StatementOutcome,
};
use crate::sql::{Clause, Dialect, FaultKind, MethodKind, StatementKind};

/// Every value of a closed set is written alike by strum, serde and `as_str`, and reads back.
fn has_one_word_a_value<T>(label: fn(T) -> &'static str)
where
    T: VariantArray + Copy + PartialEq + std::fmt::Debug + std::fmt::Display + std::str::FromStr + serde::Serialize,
    T: serde::de::DeserializeOwned,
{
    for value in T::VARIANTS {
        let word = label(*value);
        assert_eq!(value.to_string(), word);
        assert_eq!(serde_json::to_value(value).unwrap(), word);
        assert!(word.parse::<T>().is_ok_and(|read| read == *value), "{word}");
        assert_eq!(serde_json::from_value::<T>(word.into()).unwrap(), *value);
    }
}

#[test]
fn closed_sets_have_one_word_a_value() {
    has_one_word_a_value(Code::as_str);
    has_one_word_a_value(Severity::as_str);
    has_one_word_a_value(Action::as_str);
    has_one_word_a_value(Mode::as_str);
    has_one_word_a_value(HopResult::as_str);
    has_one_word_a_value(DecisionPath::as_str);
    has_one_word_a_value(EvictionCause::as_str);
    has_one_word_a_value(BackendFailure::as_str);
    has_one_word_a_value(SessionEnd::as_str);
    has_one_word_a_value(SessionRefusal::as_str);
    has_one_word_a_value(CancelResult::as_str);
    has_one_word_a_value(Leg::as_str);
    has_one_word_a_value(AttemptResult::as_str);
    has_one_word_a_value(Reloaded::as_str);
    has_one_word_a_value(ReloadResult::as_str);
    has_one_word_a_value(CacheResult::as_str);
    has_one_word_a_value(Direction::as_str);
    has_one_word_a_value(Fetched::as_str);
    has_one_word_a_value(BoundedFamily::as_str);
    has_one_word_a_value(SessionState::as_str);
    has_one_word_a_value(LoginResult::as_str);
    has_one_word_a_value(LimitKind::as_str);
    has_one_word_a_value(Holder::as_str);
    has_one_word_a_value(StatementOutcome::as_str);
    has_one_word_a_value(LogLevel::as_str);
    has_one_word_a_value::<LogFormat>(Into::into);
    has_one_word_a_value(StatementKind::as_str);
    has_one_word_a_value(MethodKind::as_str);
    has_one_word_a_value(Clause::as_str);
    has_one_word_a_value(FaultKind::as_str);
    has_one_word_a_value(Dialect::as_str);
    has_one_word_a_value(Origin::as_str);
    has_one_word_a_value(ObjectKind::as_str);
    has_one_word_a_value(DriftChange::as_str);
    has_one_word_a_value(SystemView::as_str);
    has_one_word_a_value::<crate::iam::EvaluationMode>(Into::into);
    has_one_word_a_value::<crate::iam::ExternalIdOn>(Into::into);
    has_one_word_a_value::<crate::rules::RuleEffect>(Into::into);
    has_one_word_a_value::<crate::rules::RuleSeverity>(Into::into);
}

#[test]
fn closed_label_sets_start_at_zero() {
    let metrics = Metrics::new();
    let _gate = metrics.gate("g");
    let text = metrics.render();
    for line in [
        "rolegate_sessions_opened_total{gate=\"g\"} 0",
        "rolegate_sessions_closed_total{gate=\"g\",reason=\"drain\"} 0",
        "rolegate_sessions_refused_total{gate=\"g\",reason=\"limit_unauthenticated\"} 0",
        "rolegate_statements_total{gate=\"g\",kind=\"other\",verdict=\"reject\"} 0",
        "rolegate_statements_total{gate=\"g\",kind=\"alter_template\",verdict=\"annotate\"} 0",
        "rolegate_role_uses_total{gate=\"g\",kind=\"copy\",method=\"chain\",verdict=\"reject\"} 0",
        "rolegate_verdicts_total{action=\"annotate\",gate=\"g\",kind=\"copy\",mode=\"shadow\",would_be=\"reject\"} 0",
        "rolegate_findings_total{code=\"RG207\",gate=\"g\",severity=\"annotate\"} 0",
        "rolegate_upstream_errors_total{gate=\"g\",reason=\"no_tls\"} 0",
        "rolegate_tls_handshakes_total{gate=\"g\",result=\"failed\",side=\"backend\"} 0",
        "rolegate_cancels_total{gate=\"g\",result=\"refused\"} 0",
        "rolegate_policy_cache_evictions_total{cause=\"size\"} 0",
        "rolegate_facts_fetches_total{result=\"failed\",source=\"catalog\"} 0",
        "rolegate_audit_dropped_total 0",
        "rolegate_catalog_drift_total{change=\"gone\",gate=\"g\",kind=\"attached_role\"} 0",
        "rolegate_label_overflow_total{family=\"rolegate_chain_uses_total\"} 0",
        "rolegate_logins_total{gate=\"g\",result=\"password\"} 0",
        "rolegate_statement_outcomes_total{gate=\"g\",kind=\"copy\",outcome=\"failed\"} 0",
        "rolegate_statement_seconds_count{gate=\"g\",outcome=\"completed\"} 0",
        "rolegate_log_messages_total{level=\"error\"}",
        "rolegate_series_limit 5000",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    // Shadow mode refuses nothing, so there is no such series.
    assert!(!text.contains("action=\"reject\",gate=\"g\",kind=\"copy\",mode=\"shadow\""), "{text}");
}

/// Each account shows the time of its data; one that is no longer known shows nothing.
#[test]
fn ages_of_facts() {
    let metrics = Metrics::new();
    let account = |id| AccountId::parse(id).unwrap();
    let (one, two) = (account("123456789012"), account("210987654321"));
    metrics.facts_read(&[((Origin::File, one), 1.5e9), ((Origin::Aws, two), 1.6e9)].into());
    metrics.facts_read(&[((Origin::File, one), 1.7e9)].into());
    let text = metrics.render();
    let shown: Vec<_> = text.lines().filter(|line| line.starts_with("rolegate_facts_read_timestamp_seconds")).collect();
    assert_eq!(shown, ["rolegate_facts_read_timestamp_seconds{account=\"123456789012\",source=\"file\"} 1700000000"]);
}

fn forwarded(user: &str) -> JudgedLabels<'_> {
    JudgedLabels { user, kind: StatementKind::Copy, would_be: Action::Forward, action: Action::Forward, id: None }
}

#[test]
fn sessions_and_chains_are_counted() {
    let metrics = Metrics::new();
    let gate = metrics.gate("g");
    let mut guard = gate.session_opened(1);
    guard.state().set(SessionState::Idle);
    gate.measure_sessions();
    assert!(metrics.render().contains("rolegate_sessions{gate=\"g\",state=\"idle\"} 1"));
    assert_eq!(gate.sessions_open(), 1);
    guard.set_reason(SessionEnd::Client);
    drop(guard);
    assert_eq!(gate.sessions_open(), 0);
    gate.let_in("etl");
    let labels = JudgedLabels { would_be: Action::Reject, action: Action::Annotate, ..forwarded("etl") };
    gate.chain_use("1/A>2/B", 2, FactsSay::Known, Via::Statement, &labels);
    let text = metrics.render();
    assert!(text.contains("rolegate_sessions_closed_total{gate=\"g\",reason=\"client\"} 1"), "{text}");
    let labels = ["g", "1/A>2/B", "etl", "copy", "annotate", "reject", "statement"].map(str::to_owned);
    assert_eq!(metrics.chain_uses(), [(labels, 1)]);
}

#[test]
fn the_catalogue_is_shown_while_it_is_read() {
    let metrics = Metrics::new();
    let gate = metrics.gate("g");
    let shown = |text: &str| {
        text.lines().filter(|line| line.starts_with("rolegate_catalog_") && !line.contains("_total")).count()
    };
    assert_eq!(shown(&metrics.render()), 0, "nothing is shown of what is not read");
    gate.catalog_refresh(Some(Duration::from_mins(5)));
    gate.catalog_reading(AttemptResult::Ok);
    gate.catalog(1.5e9, |kind| usize::from(kind == ObjectKind::Model), |view| view == SystemView::PgViews);
    let text = metrics.render();
    for line in [
        "rolegate_catalog_refresh_seconds{gate=\"g\"} 300",
        "rolegate_catalog_read_timestamp_seconds{gate=\"g\"} 1500000000",
        "rolegate_catalog_readings_total{gate=\"g\",result=\"ok\"} 1",
        "rolegate_catalog_readings_total{gate=\"g\",result=\"failed\"} 0",
        "rolegate_catalog_objects{gate=\"g\",kind=\"model\"} 1",
        "rolegate_catalog_objects{gate=\"g\",kind=\"copy_job\"} 0",
        "rolegate_catalog_gap{gate=\"g\",view=\"pg_views\"} 1",
        "rolegate_catalog_gap{gate=\"g\",view=\"pg_get_iam_role_by_user\"} 0",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    gate.catalog_refresh(None);
    assert_eq!(shown(&metrics.render()), 0);
}

#[test]
fn one_policy_is_shown_for_a_gate() {
    let metrics = Metrics::new();
    let gate = metrics.gate("g");
    gate.policy_info("v1", Mode::Enforce);
    gate.policy_info("v2", Mode::Shadow);
    let text = metrics.render();
    assert!(!text.contains("v1") && text.contains("mode=\"shadow\",version=\"v2\""), "{text}");
}

/// The page, as families: name, type, labels.
fn families_of_the_page() -> Vec<(String, String, Vec<String>)> {
    let page = include_str!("../../../../docs/metrics.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, meaning] = cells[..] else { panic!("four columns: {row}") };
        assert!(meaning.ends_with('.'), "{row}");
        let labels = labels.split(", ").filter(|label| !label.is_empty()).map(str::to_owned).collect();
        (name.trim_matches('`').to_owned(), kind.to_owned(), labels)
    })
    .collect()
}

#[test]
fn the_page_and_the_code_name_the_same_families() {
    let bounded = BoundedFamily::VARIANTS.iter().map(|family| {
        let labels = family.labels().into_iter().map(str::to_owned).collect();
        (family.row().name.to_owned(), "counter".to_owned(), labels)
    });
    let process = [
        ("process_cpu_seconds_total", "counter"),
        ("process_open_fds", "gauge"),
        ("process_max_fds", "gauge"),
        ("process_virtual_memory_bytes", "gauge"),
        ("process_resident_memory_bytes", "gauge"),
        ("process_start_time_seconds", "gauge"),
        ("process_threads", "gauge"),
    ];
    let process = process.map(|(name, kind)| (name.to_owned(), kind.to_owned(), Vec::new()));
    let sorted = |all: &mut Vec<(String, String, Vec<String>)>| {
        for (_, _, labels) in all.iter_mut() {
            labels.sort_unstable();
        }
        all.sort_unstable();
    };
    let mut code: Vec<_> = Families::described().into_iter().chain(bounded).chain(process).collect();
    let mut page = families_of_the_page();
    sorted(&mut code);
    sorted(&mut page);
    for family in &code {
        assert!(page.contains(family), "docs/metrics.md lacks {family:?}");
    }
    for family in &page {
        assert!(code.contains(family), "no such family: {family:?}");
    }
    assert_eq!(page.len(), code.len(), "a family stands twice");
}

#[test]
fn names_follow_the_conventions() {
    for (name, kind, labels) in Families::described() {
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        assert!(name.starts_with("rolegate_") && !labels.contains(&"le".to_owned()), "{name}");
        for unit in ["_ms", "_milliseconds", "_kb", "_minutes"] {
            assert!(!name.contains(unit), "{name}");
        }
    }
}

#[test]
fn no_gap_between_classic_buckets_is_a_factor_of_ten_below_a_second() {
    let metrics = Metrics::new();
    let gate = metrics.gate("g");
    gate.decision(DecisionPath::Cold, Duration::from_micros(300), 10, None);
    let text = metrics.render();
    let bounds = text.lines().filter(|line| line.contains("decision_seconds_bucket") && line.contains("path=\"cold\""));
    let bounds: Vec<f64> =
        bounds.filter_map(|line| line.split("le=\"").nth(1)?.split('"').next()?.parse().ok()).collect();
    assert!(bounds.len() > 10);
    for pair in bounds.windows(2).filter(|pair| pair[1].is_finite()) {
        assert!(pair[1] / pair[0] < 2.6, "{pair:?}");
    }
}

/// 100,000 users, chains and hops that somebody made up, at a gate with facts and at one without.
#[test]
fn what_is_made_up_changes_nothing_of_what_was_seen() {
    let metrics = Metrics::new();
    let (gate, bare) = (metrics.gate("g"), metrics.gate("bare"));
    gate.let_in("etl");
    for role in 0..100 {
        let chain = format!("1/Known>2/Role{role}");
        gate.chain_use(&chain, 2, FactsSay::Known, Via::Statement, &forwarded("etl"));
        gate.hop(Some("1/Known"), Some(&format!("2/Role{role}")), HopResult::Allowed);
    }
    let before = metrics.render();
    for number in 0..100_000 {
        let (user, chain) = (format!("user{number}"), format!("1/Role{number}>2/Role{number}"));
        let refused = JudgedLabels { would_be: Action::Reject, action: Action::Reject, ..forwarded(&user) };
        gate.chain_use(&chain, 2, FactsSay::Unknown, Via::Statement, &refused);
        gate.refusals(Code::Rg206, 1, &[(chain.clone(), FactsSay::Unknown)], &[], &refused);
        gate.hop(None, None, HopResult::Unknown);
        bare.chain_use(&chain, 2, FactsSay::Nothing, Via::Statement, &refused);
    }
    let after = metrics.render();
    assert!(after.len() - before.len() < 100_000, "{}", after.len() - before.len());
    // An insider who is let in and knows every role of the facts.
    let insider = JudgedLabels { would_be: Action::Reject, action: Action::Reject, ..forwarded("etl") };
    for number in 0..100_000 {
        gate.chain_use(
            &format!("2/Role{}>2/Role{}", number % 313, number % 317),
            2,
            FactsSay::Known,
            Via::Statement,
            &insider,
        );
    }
    let after = metrics.render();
    assert!(after.len() - before.len() < 1_000_000, "{}", after.len() - before.len());
    let of_etl =
        |text: &str| text.lines().filter(|line| line.contains("1/Known")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(of_etl(&before).len(), 200);
    assert_eq!(of_etl(&before), of_etl(&after));
    assert!(
        after.contains(
            "chain=\"unknown\",gate=\"g\",kind=\"copy\",user=\"unknown\",verdict=\"reject\",via=\"statement\",would_be=\"reject\"} 100000"
        ),
        "{}",
        after.len()
    );
}

#[test]
fn certificates_that_are_configured_no_longer_have_no_series() {
    let metrics = Metrics::new();
    let gate = metrics.gate("g");
    let shown = || {
        let text = metrics.render();
        let lines = text.lines().filter(|line| line.starts_with("rolegate_tls_certificate_not_after"));
        lines.map(|line| line.split_once("name=").unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    gate.certificates([(Leg::Frontend, "a.crt", 1.0), (Leg::Backend, "authority", 2.0)].into_iter(), true);
    gate.server_certificate(3.0);
    assert_eq!(shown(), ["\"authority\"} 2", "\"server\"} 3", "\"a.crt\"} 1"]);
    gate.certificates([(Leg::Frontend, "b.crt", 4.0)].into_iter(), true);
    assert_eq!(shown(), ["\"server\"} 3", "\"b.crt\"} 4"]);
    gate.certificates(std::iter::empty(), false);
    assert_eq!(shown(), [""; 0]);
}

#[test]
fn exceptions_count_from_zero_for_as_long_as_they_are_configured() {
    let metrics = Metrics::new();
    let gate = metrics.gate("g");
    let shown = || {
        let text = metrics.render();
        let lines = text.lines().filter_map(|line| line.strip_prefix("rolegate_exception_uses_total{exception="));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    gate.exceptions(["A", "B"].into_iter());
    gate.exception_used("B");
    assert_eq!(shown(), ["\"A\",gate=\"g\"} 0", "\"B\",gate=\"g\"} 1"]);
    gate.exceptions(["B", "C"].into_iter());
    assert_eq!(shown(), ["\"B\",gate=\"g\"} 1", "\"C\",gate=\"g\"} 0"]);
}
