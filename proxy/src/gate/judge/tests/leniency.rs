//! However many findings a statement has: each is carried out or let off by itself, and none is lost before that.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use crate::gate::codes::Code;
use crate::gate::enforcement::{Action, Mode};
use crate::gate::exception::Exception;
use crate::gate::finding::MAX_FINDINGS_ALIKE;
use crate::gate::judge_alone;
use crate::gate::modes::Modes;
use crate::gate::policy::{Parts, Policy};
use crate::gate::principal::{Attributes, Principal};
use crate::gate::verdict::Verdict;
use crate::rules::RuleSet;
use crate::sql::statement::MAX_ROLE_USES;

const A: &str = "arn:aws:iam::123456789012:role/A";
const B: &str = "arn:aws:iam::123456789012:role/B";
const FORBID: &str = "@id(\"no\") forbid (principal, action, resource);";

fn parts(rules: &str) -> Parts {
    let rules = format!("@id(\"all\") permit (principal, action, resource);\n{rules}");
    Parts { rules: Arc::new(RuleSet::from_text(Path::new("r.cedar"), rules).unwrap()), ..Parts::without_facts() }
}

/// For `etl`, about one chain.
fn exception(chain: &str, codes: &[Code], until: i64) -> Arc<Exception> {
    Arc::new(Exception {
        id: chain.to_owned(),
        users: vec!["etl".to_owned()],
        groups: Vec::new(),
        chains: vec![chain.to_owned()],
        codes: codes.to_vec(),
        until: at(until),
        owner: "data platform".to_owned(),
        ticket: "SEC-1".to_owned(),
        reason: None,
    })
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn judge(policy: &Policy, sql: &str) -> Verdict {
    let etl = Principal::new(Attributes::of_login("etl"));
    judge_alone(policy, sql.as_bytes(), &etl, Timestamp::UNIX_EPOCH).unwrap()
}

/// One statement that uses each of these chains.
fn procedure(chains: &[&str]) -> String {
    let copies: Vec<_> = chains.iter().map(|chain| format!("copy t from 's3://b' iam_role '{chain}'; ")).collect();
    let copies = copies.concat();
    format!("create procedure p() as $$ begin {copies}end $$ language plpgsql")
}

fn many(first: &'static str, last: &'static str) -> Vec<&'static str> {
    std::iter::repeat_n(first, MAX_FINDINGS_ALIKE).chain([last]).collect()
}

#[test]
fn an_exception_for_many_uses_of_a_chain_lets_no_other_chain_off() {
    let policy = Policy::new(Parts { exceptions: Arc::from([exception(A, &[], 1000)]), ..parts(FORBID) });
    for (chains, action) in [(many(A, A), Action::Annotate), (many(A, B), Action::Reject), (many(B, A), Action::Reject)]
    {
        let verdict = judge(&policy, &procedure(&chains));
        assert_eq!((verdict.would_be, verdict.action), (Action::Reject, action), "{chains:?}");
    }
}

#[test]
fn many_rules_in_shadow_hide_none_that_is_enforced() {
    let forbid = |id: usize, mode: &str| {
        format!("@id(\"no-{id:02}\") @mode(\"{mode}\") forbid (principal, action, resource);\n")
    };
    let last = MAX_FINDINGS_ALIKE;
    let shadow: String = (0..last).map(|id| forbid(id, "shadow")).collect();
    for mode in [Mode::Enforce, Mode::Shadow] {
        for (rule, action) in [(forbid(last, "shadow"), Action::Annotate), (forbid(last, "enforce"), Action::Reject)] {
            let policy = Policy::new(Parts { modes: Modes::all(mode), ..parts(&format!("{shadow}{rule}")) });
            let verdict = judge(&policy, &procedure(&[A]));
            assert_eq!((verdict.would_be, verdict.action), (Action::Reject, action), "{mode}");
            let again = policy.enforcer_for_anybody().judge_moved(&verdict);
            assert_eq!(again.action, action, "{mode}: what is carried out survives a second look");
        }
    }
}

#[test]
fn what_is_decided_looks_at_exceptions_and_modes_of_rules_but_not_at_the_gates() {
    let rule = |mode: &str| parts(&format!("@id(\"no\") {mode} forbid (principal, action, resource);"));
    let exceptions: Arc<[_]> = Arc::from([exception(A, &[], 1000)]);
    let excepted = |exceptions: &Arc<[_]>, parts| Parts { exceptions: Arc::clone(exceptions), ..parts };
    for (parts, decided, is_excepted) in [
        (rule(""), Action::Reject, false),
        (rule("@mode(\"enforce\")"), Action::Reject, false),
        (rule("@mode(\"shadow\")"), Action::Annotate, false),
        (rule("@severity(\"annotate\")"), Action::Annotate, false),
        (excepted(&exceptions, rule("")), Action::Annotate, true),
    ] {
        for mode in [Mode::Enforce, Mode::Shadow] {
            let policy = Policy::new(Parts { modes: Modes::all(mode), ..parts.clone() });
            let verdict = judge(&policy, &procedure(&[A]));
            assert_eq!((verdict.decided(), verdict.is_excepted()), (decided, is_excepted), "{mode}");
            let beside = judge(&policy, &procedure(&[A, B]));
            assert!(!beside.is_excepted(), "{mode}: another chain is refused");
        }
    }
}

#[test]
fn a_verdict_holds_until_the_first_of_all_its_exceptions_ends() {
    let exceptions = Arc::from([exception(A, &[], 2000), exception(B, &[], 1000)]);
    let policy = Policy::new(Parts { exceptions, ..parts(FORBID) });
    let verdict = judge(&policy, &procedure(&many(A, B)));
    assert_eq!((verdict.action, verdict.holds_until), (Action::Annotate, Some(at(1000))));
}

/// (body of a procedure, what is done with it)
#[test]
fn credentials_of_one_literal_are_told_apart() {
    let exceptions: Arc<[_]> = Arc::from([exception(A, &[], 1000), exception(A, &[Code::Rg106], 1000)]);
    let policy = Policy::new(Parts { exceptions, ..parts(FORBID) });
    let body = |chains: &[&str]| {
        let copies: Vec<_> =
            chains.iter().map(|chain| format!("copy t from ''s3://b'' iam_role ''{chain}''; ")).collect();
        let copies = copies.concat();
        format!("create procedure p() as 'begin {copies}end' language plpgsql")
    };
    for (chains, action) in [
        (&[A][..], Action::Annotate),
        (&[A, A], Action::Annotate),
        (&[B], Action::Reject),
        (&[A, B], Action::Reject),
        (&[B, A], Action::Reject),
    ] {
        let verdict = judge(&policy, &body(chains));
        assert_eq!((verdict.would_be, verdict.action), (Action::Reject, action), "{chains:?}");
    }
}

/// What reading tells of a text is bounded before anything is let off.
#[test]
fn many_faults_on_one_credential_hide_none_on_another() {
    let exceptions = Arc::from([exception(A, &[Code::Rg102], 1000)]);
    let policy = Policy::new(Parts { exceptions, ..parts("") });
    let joined = |chain: &str| chain.replace("role/", "role/'\n'");
    for (chains, action) in [
        (vec![A], Action::Annotate),
        (vec![A; MAX_FINDINGS_ALIKE], Action::Annotate),
        (vec![A, B], Action::Reject),
        (many(A, B), Action::Reject),
        (many(B, A), Action::Reject),
        // What is not told of one by one is nobody's.
        (many(A, A), Action::Reject),
    ] {
        let chains: Vec<String> = chains.into_iter().map(joined).collect();
        let verdict = judge(&policy, &procedure(&chains.iter().map(String::as_str).collect::<Vec<_>>()));
        assert_eq!((verdict.would_be, verdict.action), (Action::Reject, action), "{chains:?}");
    }
}

#[test]
fn clauses_beyond_the_limit_are_on_no_credential() {
    let exceptions = Arc::from([exception(A, &[Code::Rg105, Code::Rg106], 1000)]);
    let policy = Policy::new(Parts { exceptions, ..parts("") });
    let copy = |chain: &str| format!("copy t from ''s3://b'' iam_role ''{chain}''; ");
    let body = copy(A).repeat(MAX_ROLE_USES) + &copy(B);
    let verdict = judge(&policy, &format!("create procedure p() as 'begin {body}end' language plpgsql"));
    assert_eq!(verdict.action, Action::Reject);
}

#[test]
fn what_is_told_of_a_thousand_findings_is_bounded() {
    let policy = Policy::new(Parts { exceptions: Arc::from([exception(A, &[], 1000)]), ..parts(FORBID) });
    let chains: Vec<&str> = [A, B].into_iter().cycle().take(MAX_ROLE_USES).collect();
    let verdict = judge(&policy, &procedure(&chains));
    let of_rules = verdict.findings().into_iter().filter(|one| one.code == Code::Rg301).count();
    assert_eq!((verdict.action, of_rules), (Action::Reject, 2 * MAX_FINDINGS_ALIKE), "{:?}", verdict.codes());
    let more: Vec<_> = verdict.findings().into_iter().filter_map(|one| one.detail.clone()).collect();
    assert_eq!(more.iter().filter(|detail| detail.ends_with("484 more RG301 in the statement")).count(), 2);
}
