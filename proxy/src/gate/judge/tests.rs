//! What needs no facts: every fault of a text has its code, and nothing else is found.

mod leniency;
mod made;
mod stored;

use std::collections::BTreeMap;

use crate::gate::codes::{Code, Severity};
use crate::gate::enforcement::{Action, Mode};
use crate::gate::judge_alone;
use crate::gate::modes::Modes;
use crate::gate::policy::{ClusterGroups, Parts, Policy};
use crate::gate::principal::{Attributes, Principal};
use crate::gate::verdict::Verdict;

const ROLE: &str = "arn:aws:iam::123456789012:role/A";

fn judge(parts: Parts, sql: &str) -> Option<Verdict> {
    let nobody = Principal::new(Attributes::default());
    judge_alone(&Policy::new(parts), sql.as_bytes(), &nobody, jiff::Timestamp::UNIX_EPOCH)
}

/// (statement, codes, what enforcement does)
#[test]
fn faults_of_a_text() {
    let rows = [
        (format!("copy t from 's3://b' iam_role '{ROLE}'"), &[][..], Action::Forward),
        (format!("copy t from 's3://b' iam_role '{ROLE}, {ROLE}'"), &[Code::Rg101], Action::Reject),
        (format!("copy t from 's3://b' iam_role '\\x{ROLE}'"), &[Code::Rg101, Code::Rg102], Action::Reject),
        (format!("copy t from 's3://b' iam_role '{ROLE}' iam_role default"), &[Code::Rg103], Action::Reject),
        ("copy t from 's3://b' access_key_id 'k' secret_access_key 's'".to_owned(), &[Code::Rg104], Action::Annotate),
        ("with x as (select 1) copy t from 's3://b' iam_role default".to_owned(), &[Code::Rg105], Action::Reject),
        (
            "create procedure p(r text) as $$ begin execute 'copy ' || r; end $$ language plpgsql".to_owned(),
            &[Code::Rg106],
            Action::Reject,
        ),
        (format!("call p('{ROLE}')"), &[Code::Rg107], Action::Reject),
        ("copy t from 's3://b'".to_owned(), &[Code::Rg108], Action::Annotate),
        ("set client_encoding to 'SJIS'".to_owned(), &[Code::Rg109], Action::Reject),
        (format!("revoke assumerole on '{ROLE}' from u for copy"), &[], Action::Forward),
    ];
    for (sql, codes, would_be) in rows {
        let verdict = judge(Parts::without_facts(), &sql).unwrap();
        assert_eq!((verdict.codes().as_slice(), verdict.would_be), (codes, would_be), "{sql}");
        for finding in verdict.findings() {
            assert!(finding.at <= sql.len() && finding.decided && finding.hop.is_none(), "{sql}: {finding:?}");
        }
    }
    assert_eq!(judge(Parts::without_facts(), "select 'iam'"), None);
}

#[test]
fn severities_of_the_policy_apply_and_what_is_allowed_is_still_found() {
    let severities = BTreeMap::from([(Code::Rg101, Severity::Allow), (Code::Rg108, Severity::Reject)]);
    let parts = |mode| Parts { severities: severities.clone(), modes: Modes::all(mode), ..Parts::without_facts() };
    let allowed = judge(parts(Mode::Enforce), "copy t from 's3://b' iam_role 'x'").unwrap();
    assert_eq!((allowed.would_be, allowed.codes(), allowed.findings().len()), (Action::Forward, vec![], 1));
    let softened = judge(parts(Mode::Shadow), "copy t from 's3://b'").unwrap();
    assert_eq!((softened.would_be, softened.action, softened.mode), (Action::Reject, Action::Annotate, Mode::Shadow));
}

#[test]
fn without_rules_unknown_groups_refuse_nothing() {
    let parts = Parts { catalog: ClusterGroups::Unknown, ..Parts::without_facts() };
    let verdict = judge(parts, &format!("copy t from 's3://b' iam_role '{ROLE}'")).unwrap();
    assert_eq!(verdict.codes(), []);
}
