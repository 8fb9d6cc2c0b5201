use super::*;
use crate::chain::AccountId;
use crate::gate::DecisionPath;
use crate::gate::codes::{Code, Severity};
use crate::gate::enforcement::{Action, Mode};
use crate::gate::verdict::HopResult;
use crate::net::backend::BackendFailure;
use crate::observe::logging::LogFormat;
use crate::observe::values::{CancelResult, Direction, Leg, SessionEnd, SessionRefusal};
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
    has_one_word_a_value(Outcome::as_str);
    has_one_word_a_value(Reloaded::as_str);
    has_one_word_a_value(ReloadResult::as_str);
    has_one_word_a_value(CacheResult::as_str);
    has_one_word_a_value(Direction::as_str);
    has_one_word_a_value(Fetched::as_str);
    has_one_word_a_value(BoundedLabel::as_str);
    has_one_word_a_value::<LogFormat>(Into::into);
    has_one_word_a_value(StatementKind::as_str);
    has_one_word_a_value(MethodKind::as_str);
    has_one_word_a_value(Clause::as_str);
    has_one_word_a_value(FaultKind::as_str);
    has_one_word_a_value(Dialect::as_str);
    has_one_word_a_value(Origin::as_str);
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
        "rolegate_label_overflow_total{label=\"chain\"} 0",
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

#[test]
fn sessions_and_chains_are_counted() {
    let metrics = Metrics::new();
    let gate = metrics.gate("g");
    let mut guard = gate.session_opened();
    assert_eq!(gate.sessions_open(), 1);
    guard.set_reason(SessionEnd::Client);
    drop(guard);
    assert_eq!(gate.sessions_open(), 0);
    gate.chain_use(&[("1", "A"), ("2", "B")], "etl", StatementKind::Copy, (Action::Reject, Action::Annotate));
    let text = metrics.render();
    assert!(text.contains("rolegate_sessions_closed_total{gate=\"g\",reason=\"client\"} 1"), "{text}");
    let labels = ["g", "1/A>2/B", "etl", "copy", "annotate", "reject"].map(str::to_owned);
    assert_eq!(metrics.chain_uses(), [(labels, 1)]);
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
