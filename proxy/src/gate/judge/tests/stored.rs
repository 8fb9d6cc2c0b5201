//! Uses of stored credentials under rules: observed, enforced, and where the role is not known.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use crate::catalog::{CatalogDraft, LearnedFrom, ObjectKind, ObjectName, StoredObject, SystemView};
use crate::gate::codes::Code;
use crate::gate::enforcement::{Action, Mode};
use crate::gate::judge_alone;
use crate::gate::modes::Modes;
use crate::gate::policy::{Parts, Policy};
use crate::gate::principal::{Attributes, Principal};
use crate::gate::stored::{Stored, StoredMode};
use crate::gate::verdict::Verdict;
use crate::rules::RuleSet;

const PERMIT: &str = "@id(\"all\") permit (principal, action, resource);";
const NOT_B: &str = "@id(\"not-b\") forbid (principal in Rolegate::Group::\"analysts\", action in Rolegate::Action::\"uses\", resource) \
                     when { resource.names.contains(\"RoleB\") };";

pub(super) fn stored(mode: StoredMode) -> Stored {
    let mut draft = CatalogDraft::default();
    draft.enter("dev");
    let object = |kind, schema: Option<&str>, name| {
        let name = match schema {
            Some(schema) => ObjectName::within(Some("dev"), schema, name),
            None => ObjectName::bare(Some("dev"), name),
        };
        StoredObject::new(kind, name, LearnedFrom::View(SystemView::SvvExternalSchemas))
    };
    for (schema, role) in [("lake", "RoleB"), ("spectrum", "RoleA")] {
        let role = format!("arn:aws:iam::123456789012:role/{role}");
        draft.add(object(ObjectKind::ExternalSchema, None, schema).with_iam_role(&role));
    }
    draft.add(object(ObjectKind::ExternalFunction, Some("public"), "mask").with_iam_role(""));
    draft.close_places();
    Stored::new(mode, Arc::new(draft.finish()))
}

pub(super) fn policy(mode: StoredMode, rules: &[&str]) -> Policy {
    let rules = match rules {
        [] => RuleSet::none(),
        rules => RuleSet::from_text(Path::new("r.cedar"), rules.join("\n")).unwrap(),
    };
    Policy::new(Parts {
        stored: stored(mode),
        rules: Arc::new(rules),
        groups: [("analysts".to_owned(), vec!["ann".to_owned()])].into(),
        ..Parts::without_facts()
    })
}

fn judge(policy: &Policy, user: &str, sql: &str) -> Option<Verdict> {
    let login = Attributes { database: "dev".to_owned(), ..Attributes::of_login(user) };
    judge_alone(policy, sql.as_bytes(), &Principal::new(login), Timestamp::UNIX_EPOCH)
}

/// (rules, user, statement, what enforcement would do, the codes of its findings)
#[test]
fn rules_hold_for_queries() {
    use Action::{Forward, Reject};
    use Code::{Rg301, Rg302, Rg303};
    let deny_unknown = "@id(\"known\") forbid (principal, action, resource) when { resource.method == \"unknown\" };";
    let reads_alone = "@id(\"reads\") permit (principal, action in Rolegate::Action::\"reads\", resource);";
    let others = "@id(\"others\") forbid (principal == Rolegate::User::\"bob\", action, resource) when { resource.names.contains(\"X\") };";
    let copies = "@id(\"copies\") forbid (principal, action in Rolegate::Action::\"reads\", resource);";
    let rows: &[(&[&str], &str, &str, Action, &[Code])] = &[
        (&[], "ann", "select * from lake.t", Forward, &[]),
        (&[PERMIT, NOT_B], "ann", "select * from lake.t", Reject, &[Rg301]),
        (&[PERMIT, NOT_B], "etl", "select * from lake.t", Forward, &[]),
        (&[PERMIT, NOT_B], "ann", "select * from spectrum.t", Forward, &[]),
        (&[PERMIT, NOT_B], "ann", "select 1; insert into t select * from lake.t", Reject, &[Rg301]),
        (&[reads_alone], "ann", "select * from spectrum.t", Reject, &[Rg302]),
        (&[PERMIT, copies], "ann", "select * from spectrum.t", Forward, &[]),
        // Which role the function has is not known.
        (&[], "ann", "select mask(a) from t", Forward, &[]),
        (&[PERMIT], "ann", "select mask(a) from t", Forward, &[]),
        (&[PERMIT, NOT_B], "ann", "select mask(a) from t", Reject, &[Rg303]),
        (&[PERMIT, NOT_B], "etl", "select mask(a) from t", Forward, &[]),
        (&[PERMIT, others], "ann", "select mask(a) from t", Forward, &[]),
        (&[PERMIT, copies], "ann", "select mask(a) from t", Forward, &[]),
        (&[PERMIT, deny_unknown], "etl", "select mask(a) from t", Reject, &[Rg301, Rg303]),
    ];
    for (rules, user, sql, would_be, codes) in rows {
        for mode in [StoredMode::Observe, StoredMode::Enforce] {
            let verdict = judge(&policy(mode, rules), user, sql).unwrap();
            let action = if mode == StoredMode::Observe { Forward } else { *would_be };
            assert_eq!((verdict.would_be, verdict.action), (*would_be, action), "{mode} {rules:?} {user}: {sql}");
            assert_eq!(verdict.codes(), *codes, "{mode} {rules:?} {user}: {sql}");
            assert!(verdict.uses_stored(), "{sql}");
            assert_eq!(verdict.is_observed(), mode == StoredMode::Observe, "{mode} {sql}");
        }
    }
}

#[test]
fn off_means_that_nobody_looks() {
    assert!(judge(&policy(StoredMode::Off, &[PERMIT, NOT_B]), "ann", "select * from lake.t").is_none());
}

/// What is observed is never carried out, and what is carried out has the modes of others.
#[test]
fn observing_makes_nothing_graver_and_enforcing_has_modes() {
    let annotating = NOT_B.replace("forbid", "@severity(\"annotate\") forbid");
    let rows = [
        (StoredMode::Observe, Mode::Enforce, NOT_B, Action::Reject, Action::Forward),
        (StoredMode::Observe, Mode::Shadow, NOT_B, Action::Reject, Action::Forward),
        (StoredMode::Enforce, Mode::Shadow, NOT_B, Action::Reject, Action::Annotate),
        (StoredMode::Enforce, Mode::Enforce, NOT_B, Action::Reject, Action::Reject),
        (StoredMode::Observe, Mode::Enforce, &annotating, Action::Annotate, Action::Forward),
        (StoredMode::Enforce, Mode::Enforce, &annotating, Action::Annotate, Action::Annotate),
    ];
    for (stored, mode, rule, would_be, action) in rows {
        let parts = Parts { modes: Modes::all(mode), ..policy(stored, &[PERMIT, rule]).parts };
        let verdict = judge(&Policy::new(parts), "ann", "select * from lake.t").unwrap();
        assert_eq!((verdict.would_be, verdict.action), (would_be, action), "{stored} {mode}");
    }
}

/// A clause of the statement itself is judged as ever, whatever becomes of stored uses.
#[test]
fn observing_lets_no_clause_off() {
    let forbid = "@id(\"none\") forbid (principal, action, resource);";
    let sql = "unload ('select * from lake.t') to 's3://b' iam_role 'arn:aws:iam::123456789012:role/RoleA'";
    let verdict = judge(&policy(StoredMode::Observe, &[PERMIT, forbid]), "ann", sql).unwrap();
    assert_eq!(verdict.action, Action::Reject);
    assert_eq!(verdict.statements.len(), 1, "one statement with a clause and a use");
    let statement = &verdict.statements[0];
    assert_eq!((statement.uses.len(), statement.stored.len()), (1, 1));
    assert!(statement.is_told() && !verdict.is_observed());
}

#[test]
fn whoever_may_be_anybody_is_refused_where_uses_are_enforced() {
    for (mode, action) in [(StoredMode::Observe, Action::Forward), (StoredMode::Enforce, Action::Reject)] {
        let policy = policy(mode, &[PERMIT]);
        let verdict = policy.judge_as_anybody(&judge(&policy, "ann", "select * from lake.t").unwrap());
        assert_eq!((verdict.would_be, verdict.action), (Action::Reject, action), "{mode}");
    }
}
