//! Whatever is reloaded in whatever order: a verdict from the policy cache is the one that judging anew would give.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what is wrong by failing, and what it did")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use rolegate::gate::cache::CacheSettings;
use rolegate::gate::codes::{Code, Severity};
use rolegate::gate::enforcement::Mode;
use rolegate::gate::exception::Exception;
use rolegate::gate::modes::Modes;
use rolegate::gate::policy::{Iam, Parts, Policy};
use rolegate::gate::principal::{Attributes, Principal};
use rolegate::gate::{DecisionPath, Gate, judge_alone};
use rolegate::iam::{EvaluationMode, ExternalIdOn, Facts, Sources};
use rolegate::rules::RuleSet;
use rolegate::sql::Dialect;

const A: &str = "arn:aws:iam::123456789012:role/RoleA";
const B: &str = "arn:aws:iam::210987654321:role/RoleB";

/// Texts that are replaced in the demo's facts, one for each version of them.
const CHANGES: [(&str, &str); 4] = [
    ("", ""),
    ("\"AWS\": \"arn:aws:iam::123456789012:role/RoleA\"", "\"AWS\": \"arn:aws:iam::123456789012:role/Other\""),
    ("\"ApplyStatus\": \"in-sync\"", "\"ApplyStatus\": \"removing\""),
    ("\"sts:AssumeRole\"", "\"sts:TagSession\""),
];

const RULES: [&str; 4] = [
    "",
    "@id(\"all\") permit (principal, action, resource);",
    "@id(\"etl\") permit (principal in Rolegate::Group::\"etl\", action, resource);\n@id(\"odd\") @severity(\"annotate\") forbid (principal, action, resource) when { context.database == \"prod\" };",
    "@id(\"day\") permit (principal, action, resource) when { context.now < datetime(\"2026-06-01\") };",
];

/// Everything that a reload can exchange, made once.
struct World {
    facts: Vec<Arc<Facts>>,
    rules: Vec<Arc<RuleSet>>,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/demo");
        let facts = CHANGES.iter().enumerate().map(|(number, (from, to))| {
            let changed = |file: &str| -> PathBuf {
                let text = fs::read_to_string(demo.join(file)).unwrap();
                let path = folder.path().join(format!("{number}-{}", file.replace('/', "-")));
                fs::write(&path, if from.is_empty() { text } else { text.replace(from, to) }).unwrap();
                path
            };
            let iam = ["iam/123456789012.json", "iam/210987654321.json"].map(changed).to_vec();
            let sources = Sources { iam, clusters: vec![changed("clusters/demo.json")], service_control: Vec::new() };
            Arc::new(Facts::load(&sources).unwrap())
        });
        let facts = facts.collect();
        let rules = RULES.iter().enumerate().map(|(number, text)| {
            let path = folder.path().join(format!("{number}.cedar"));
            fs::write(&path, text).unwrap();
            Arc::new(if text.is_empty() { RuleSet::none() } else { RuleSet::load(&[path]).unwrap() })
        });
        let rules = rules.collect();
        Self { facts, rules, _folder: folder }
    }

    fn policy(&self, change: &Change) -> Policy {
        let groups = BTreeMap::from([("etl".to_owned(), vec![if change.groups { "etl" } else { "other" }.to_owned()])]);
        let severities = [(Code::Rg201, Severity::Annotate), (Code::Rg302, Severity::Allow)];
        Policy::new(Parts {
            gate: "demo".to_owned(),
            dialect: Dialect::Redshift,
            iam: Some(Iam {
                facts: Arc::clone(self.facts.get(change.facts).unwrap()),
                cluster: "demo".to_owned(),
                mode: if change.guide { EvaluationMode::Guide } else { EvaluationMode::Aws },
                external_id: if change.external_id { ExternalIdOn::Same } else { ExternalIdOn::FirstOnly },
                stated: Arc::default(),
            }),
            rules: Arc::clone(self.rules.get(change.rules).unwrap()),
            groups,
            catalog: rolegate::gate::policy::ClusterGroups::NotRead,
            stored: rolegate::gate::stored::Stored::none(),
            severities: if change.severities { BTreeMap::from(severities) } else { BTreeMap::new() },
            modes: Modes {
                base: if change.enforce { Mode::Enforce } else { Mode::Shadow },
                by_group: if change.by_group {
                    BTreeMap::from([("etl".to_owned(), Mode::Shadow)])
                } else {
                    BTreeMap::new()
                },
                ..Modes::default()
            },
            exceptions: if change.exceptions { exceptions() } else { Arc::from([]) },
            break_glass: if change.break_glass { vec!["etl".to_owned()] } else { Vec::new() },
        })
    }
}

/// Two that end in the middle of the year, at different months.
fn exceptions() -> Arc<[Arc<Exception>]> {
    let exception = |id: &str, user: &str, codes: &[Code], until: &str| {
        Arc::new(Exception {
            id: id.to_owned(),
            users: vec![user.to_owned()],
            groups: Vec::new(),
            chains: Vec::new(),
            codes: codes.to_vec(),
            until: until.parse().unwrap(),
            owner: "o".to_owned(),
            ticket: "t".to_owned(),
            reason: None,
        })
    };
    Arc::from([
        exception("one", "etl", &[Code::Rg203, Code::Rg201, Code::Rg302], "2026-04-01T00:00:00Z"),
        exception("two", "analyst", &[Code::Rg302], "2026-08-01T00:00:00Z"),
    ])
}

/// One reload.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch that a reload can turn")]
struct Change {
    facts: usize,
    rules: usize,
    groups: bool,
    severities: bool,
    guide: bool,
    external_id: bool,
    enforce: bool,
    by_group: bool,
    exceptions: bool,
    break_glass: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Reload(Change),
    /// A statement of a user in a database. The year goes on from step to step.
    Judge {
        statement: usize,
        user: usize,
        prod: bool,
    },
}

fn change() -> impl Strategy<Value = Change> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let lenient = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.2));
    (0..CHANGES.len(), 0..RULES.len(), flags, lenient).prop_map(
        |(facts, rules, (groups, severities, guide, external_id, enforce), (by_group, exceptions, break_glass))| {
            Change { facts, rules, groups, severities, guide, external_id, enforce, by_group, exceptions, break_glass }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let judge = (0..5_usize, 0..2_usize, any::<bool>()).prop_map(|(statement, user, prod)| Step::Judge {
        statement,
        user,
        prod,
    });
    prop_oneof![1 => change().prop_map(Step::Reload), 4 => judge]
}

fn statement(number: usize) -> String {
    match number {
        0 => format!("unload ('select 1') to 's3://companyb/x' iam_role '{A},{B}'"),
        1 => format!("copy venue from 's3://companyb/x' iam_role '{B}'"),
        2 => format!(
            "copy venue from 's3://b/x' iam_role '{A}'; create external schema s from data catalog iam_role '{A}'"
        ),
        3 => "copy venue from 's3://b/x' iam_role default".to_owned(),
        _ => "copy venue from 's3://b/x' access_key_id 'k' secret_access_key 's'".to_owned(),
    }
}

#[test]
fn a_cached_verdict_is_a_fresh_one() {
    let world = World::new();
    let start = Change {
        facts: 0,
        rules: 0,
        groups: true,
        severities: false,
        guide: true,
        external_id: true,
        enforce: true,
        by_group: false,
        exceptions: true,
        break_glass: false,
    };
    let (mut hits, mut excepted, mut ended) = (0_usize, 0_usize, 0_usize);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut runs = 0_usize;
    let tree = proptest::collection::vec(step(), 40);
    for _ in 0..64 {
        let steps = tree.new_tree(&mut runner).unwrap().current();
        let settings = CacheSettings { capacity: 1000, ttl: Duration::from_mins(5) };
        let gate = Gate::new(world.policy(&start), settings, |_cause| ());
        for (number_of_step, step) in steps.iter().enumerate() {
            match step {
                Step::Reload(change) => gate.replace(world.policy(change)),
                Step::Judge { statement: number, user, prod } => {
                    let month = 1 + number_of_step * 12 / steps.len();
                    let principal = Principal::new(Attributes {
                        user: ["etl", "analyst"].get(*user).copied().unwrap_or_default().to_owned(),
                        database: if *prod { "prod" } else { "dev" }.to_owned(),
                        ..Attributes::default()
                    });
                    let now: Timestamp = format!("2026-{month:02}-01T00:00:00Z").parse().unwrap();
                    let text = statement(*number);
                    let (cached, source) = gate.judge(text.as_bytes(), &principal, || now);
                    let fresh = judge_alone(&gate.policy(), text.as_bytes(), &principal, now);
                    assert_eq!(cached.as_deref(), fresh.as_ref(), "{step:?} of {steps:#?}");
                    hits += usize::from(source == DecisionPath::Cached);
                    let end = cached.as_ref().and_then(|verdict| verdict.holds_until);
                    excepted += usize::from(source == DecisionPath::Cached && end.is_some());
                    ended += usize::from(end.is_some_and(|end| end <= now));
                    runs += 1;
                }
            }
        }
    }
    println!("{runs} verdicts equal, {hits} of them from the cache");
    assert!(hits > 100, "the cache was used");
    assert!(excepted > 3, "{excepted} verdicts from the cache were owed to an exception");
    assert_eq!(ended, 0, "no verdict outlives its exception");
}
