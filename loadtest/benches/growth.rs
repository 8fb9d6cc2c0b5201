//! How a cold verdict grows: with the roles of a chain, with the rules in force, and with the statements of a message.
#![expect(clippy::unwrap_used, reason = "a bench that cannot start says so by failing")]
#![expect(missing_docs, reason = "criterion's macros make public items")]

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use rolegate::config::Config;
use rolegate::gate::judge_alone;
use rolegate::gate::policy::Policy;
use rolegate::gate::principal::{Attributes, Principal};
use rolegate::serve::build;
use rolegate_loadtest::accounts::{Size, chain, write};

const SIZE: Size = Size { accounts: 10, roles: 20 };

/// The policy of a small organisation, with so many rules that look alike and forbid nothing here.
fn policy(rules: u32) -> Policy {
    let folder = tempfile::tempdir().unwrap();
    let files = write(folder.path(), SIZE).unwrap();
    if rules > 0 {
        let mut text = "@id(\"permit-all\")\npermit (principal, action, resource);\n".to_owned();
        for number in 1..rules {
            writeln!(
                text,
                "@id(\"team{number}\")\n@reason(\"a rule\")\nforbid (principal in Rolegate::Group::\"team{number}\", action == Rolegate::Action::\"Copy\", resource)\n\
                 when {{ resource.leaves_cluster_account }};"
            )
            .unwrap();
        }
        fs::write(folder.path().join("rules.cedar"), text).unwrap();
        let config = fs::read_to_string(&files.config).unwrap();
        fs::write(&files.config, format!("[policy]\nrules = [\"rules.cedar\"]\n{config}")).unwrap();
    }
    let config = Config::load(&files.config).unwrap();
    build::policy(&config, config.gate.first().unwrap()).unwrap()
}

fn copy(roles: u64) -> String {
    format!("copy t from 's3://b/x' iam_role '{}';", chain(SIZE, roles))
}

/// Measures a verdict that must have no finding.
fn cold(criterion: &mut Criterion, group: &str, size: u64, policy: &Policy, text: &str) {
    let user = Principal::new(Attributes { user: "etl".to_owned(), ..Attributes::default() });
    let now = Timestamp::now();
    let judge = |text: &str| judge_alone(policy, text.as_bytes(), &user, now);
    assert_eq!(judge(text).unwrap().codes(), [], "{group}/{size}");
    criterion
        .benchmark_group(group)
        .bench_function(BenchmarkId::from_parameter(size), |bencher| bencher.iter(|| judge(black_box(text))));
}

fn growth(criterion: &mut Criterion) {
    let without_rules = policy(0);
    for roles in [1, 2, 4, 10] {
        cold(criterion, "roles of the chain", roles, &without_rules, &copy(roles));
    }
    for rules in [1, 10, 100, 1000] {
        cold(criterion, "rules", u64::from(rules), &policy(rules), &copy(2));
    }
    for statements in [1_u32, 10, 100] {
        let text = copy(2).repeat(usize::try_from(statements).unwrap());
        cold(criterion, "statements of the message", u64::from(statements), &without_rules, &text);
    }
}

criterion_group!(benches, growth);
criterion_main!(benches);
