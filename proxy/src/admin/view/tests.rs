//! Views of judged statements: which fit a filter, how refusals are grouped and handed on, what a graph holds, what a stream says.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::admin::view::events::{StreamCursor, StreamEnd, batch, ended, opened};
use crate::admin::view::export::{MAX_CASES, cases, csv};
use crate::admin::view::filter::DecisionFilter;
use crate::admin::view::graph::GrowingGraph;
use crate::admin::view::graph::model::{EdgeKind, EdgeVerdict, GraphView, NodeKind};
use crate::admin::view::refusals::{GroupedBy, RefusalView, RefusalsView, grouped};
use crate::gate::codes::{Code, Severity};
use crate::gate::enforcement::Mode;
use crate::gate::judge_alone;
use crate::gate::modes::Modes;
use crate::gate::policy::{Parts, Policy};
use crate::gate::principal::{Attributes, Principal};
use crate::gate::verdict::{HopResult, JudgedHop};
use crate::observe::audit::{AuditRecord, Circumstances};
use crate::observe::recent::{RecentBatch, RecentDecision, RecentEvent, RecentOutcome};
use crate::observe::values::StatementOutcome;
use crate::rules::RuleSet;

const A: &str = "arn:aws:iam::111122223333:role/A";
const B: &str = "arn:aws:iam::444455556666:role/team/B";

/// Bob may not, whatever he does; what carol does is annotated.
const RULES: &str = "@id(\"all\") permit (principal, action, resource);
    @id(\"no-bob\") @reason(\"bob has left\") forbid (principal == Rolegate::User::\"bob\", action, resource);
    @id(\"carol\") @severity(\"annotate\") forbid (principal == Rolegate::User::\"carol\", action, resource);";

fn policy(mode: Mode) -> Policy {
    let rules = RuleSet::from_text(std::path::Path::new("r.cedar"), RULES.to_owned()).unwrap();
    let groups = [("etl".to_owned(), vec!["bob".to_owned()])].into();
    Policy::new(Parts { rules: Arc::new(rules), groups, modes: Modes::all(mode), ..Parts::without_facts() })
}

/// The first statement of a text, judged.
fn record(mode: Mode, user: &str, text: &str) -> AuditRecord {
    let principal = Principal::new(Attributes {
        database: "dev".to_owned(),
        application: format!("app-{user}"),
        ..Attributes::of_login(user)
    });
    let policy = policy(mode);
    let verdict = judge_alone(&policy, text.as_bytes(), &principal, Timestamp::UNIX_EPOCH).unwrap();
    let supposed = Circumstances::supposed("g", &principal, text.as_bytes());
    let circumstances = Circumstances { cluster: Some("warehouse"), session: 1, ..supposed };
    AuditRecord::of(&circumstances, &verdict, &verdict.statements[0])
}

fn at(second: i64, record: AuditRecord) -> RecentDecision {
    let id = format!("id-{second}").into();
    let record = Arc::new(AuditRecord { id: Some(id), ..record });
    let number = u64::try_from(second).unwrap();
    RecentDecision { number, time: Timestamp::from_second(second).unwrap(), record, outcome: None, runs: 0 }
}

fn copy(chain: &str, bucket: &str) -> String {
    format!("copy t from 's3://{bucket}/raw/x' iam_role '{chain}'")
}

/// A refused COPY of bob's at a second.
fn refused(second: i64) -> RecentDecision {
    at(second, record(Mode::Enforce, "bob", &copy(A, "lake")))
}

fn filter(query: Json) -> DecisionFilter {
    serde_json::from_value(query).unwrap()
}

/// (filter, whether bob's refused COPY through two roles fits, whether carol's UNLOAD by the keyword does)
#[test]
fn filters() {
    let bob = record(Mode::Enforce, "bob", &copy(&format!("{A},{B}"), "lake"));
    let carol = record(Mode::Enforce, "carol", "unload ('select 1') to 's3://out/x' iam_role default");
    let rows = [
        (json!({}), true, true),
        (json!({"gate": "g"}), true, true),
        (json!({"gate": "h"}), false, false),
        (json!({"user": "bob"}), true, false),
        (json!({"user": "Bob"}), false, false),
        (json!({"group": "etl"}), true, false),
        (json!({"group": "night"}), false, false),
        (json!({"application": "app-carol"}), false, true),
        (json!({"application": "app"}), false, false),
        (json!({"kind": "copy"}), true, false),
        (json!({"kind": "unload"}), false, true),
        (json!({"action": "reject"}), true, false),
        (json!({"action": "annotate"}), false, true),
        (json!({"would_be": "reject"}), true, false),
        (json!({"verdict": "refused"}), true, false),
        (json!({"verdict": "would_be_refused"}), false, false),
        (json!({"code": "RG301"}), true, true),
        (json!({"code": "RG101"}), false, false),
        (json!({"rule": "no-bob"}), true, false),
        (json!({"rule": "all"}), true, true),
        (json!({"rule": "no"}), false, false),
        (json!({"chain": format!("{A},{B}")}), true, false),
        (json!({"chain": A}), false, false),
        (json!({"chain": "default"}), false, true),
        (json!({"role": A}), true, false),
        (json!({"role": B}), true, false),
        (json!({"role": "111122223333/A"}), true, false),
        (json!({"role": "444455556666/B"}), true, false),
        (json!({"role": "B"}), false, false),
        (json!({"bucket": "lake"}), true, false),
        (json!({"bucket": "out"}), false, true),
        (json!({"bucket": "lak"}), false, false),
        (json!({"user": "bob", "kind": "copy", "bucket": "lake"}), true, false),
        (json!({"user": "bob", "kind": "unload"}), false, false),
    ];
    for (query, of_bob, of_carol) in rows {
        let filter = filter(query.clone());
        assert_eq!((filter.fits(&bob), filter.fits(&carol)), (of_bob, of_carol), "{query}");
    }
    let acting = AuditRecord { user: "etl".to_owned(), login_user: "bob".to_owned(), ..bob };
    for (user, want) in [("etl", true), ("bob", true), ("carol", false)] {
        assert_eq!(filter(json!({ "user": user })).fits(&acting), want, "who acts or who logged in: {user}");
    }
}

/// What is known of hops fits by the roles of both ends, where the clause names none itself.
#[test]
fn a_role_of_a_hop_fits() {
    let mut one = record(Mode::Enforce, "carol", "unload ('select 1') to 's3://out/x' iam_role default");
    let hop = |source: &str, target: &str| JudgedHop {
        source: source.to_owned(),
        target: target.to_owned(),
        result: HopResult::Allowed,
        at: 0,
    };
    one.hops = vec![hop("cluster", "1/A"), hop("1/A", "2/B")];
    for (role, want) in [("1/A", true), ("2/B", true), ("cluster", true), ("3/C", false)] {
        assert_eq!(filter(json!({ "role": role })).fits(&one), want, "{role}");
    }
}

fn refusals(by: GroupedBy, view: RefusalView, decisions: Vec<RecentDecision>, buckets: usize) -> RefusalsView {
    let period = (Timestamp::from_second(0).ok(), Timestamp::from_second(100).unwrap());
    grouped(decisions.into_iter(), (by, view), period, buckets)
}

fn keys(view: &RefusalsView) -> Vec<(&str, u64)> {
    view.groups.iter().map(|group| (group.key.as_str(), group.count)).collect()
}

/// (grouped by, keys and counts)
#[test]
fn refusals_in_groups() {
    let malformed = |user: &str| record(Mode::Enforce, user, &copy("no role", "lake"));
    let two = format!("{A},{B}");
    let all = || {
        vec![
            at(90, malformed("bob")),
            at(80, record(Mode::Enforce, "bob", &copy(A, "lake"))),
            at(70, malformed("etl")),
            at(60, record(Mode::Enforce, "bob", &copy(&two, "lake"))),
            at(50, record(Mode::Enforce, "carol", &copy(A, "lake"))),
            at(40, record(Mode::Enforce, "etl", &copy(A, "lake"))),
        ]
    };
    let rows: &[(GroupedBy, &[(&str, u64)])] = &[
        (GroupedBy::User, &[("bob", 3), ("etl", 1)]),
        (GroupedBy::Application, &[("app-bob", 3), ("app-etl", 1)]),
        (GroupedBy::Chain, &[("no role", 2), (A, 1), (&two, 1)]),
    ];
    for (by, want) in rows {
        let view = refusals(*by, RefusalView::Refused, all(), 10);
        assert_eq!(keys(&view), *want, "{by:?}");
        assert_eq!((view.total, view.left_out), (4, 0), "annotated and allowed statements are none");
    }
    let by_code = refusals(GroupedBy::Code, RefusalView::Refused, all(), 10);
    let count = |code: &str| by_code.groups.iter().find(|group| group.key == code).map(|group| group.count);
    assert_eq!((count("RG101"), count("RG101").is_some()), (Some(2), true));
    let by_rule = refusals(GroupedBy::Rule, RefusalView::Refused, all(), 10);
    let of_rule = |key: &str| by_rule.groups.iter().find(|group| group.key == key).map(|group| group.count);
    assert!(of_rule("no-bob").is_some_and(|count| count >= 2) && of_rule("carol").is_none(), "{:?}", keys(&by_rule));
    assert_eq!(of_rule(""), Some(1), "what no rule forbids counts under none");
    assert_eq!(refusals(GroupedBy::User, RefusalView::WouldBe, all(), 10).total, 0);
}

#[test]
fn refusals_that_are_only_recorded() {
    let shadow = vec![
        at(20, record(Mode::Shadow, "bob", &copy(A, "lake"))),
        at(10, record(Mode::Shadow, "carol", &copy(A, "lake"))),
    ];
    assert_eq!(refusals(GroupedBy::User, RefusalView::Refused, shadow.clone(), 10).total, 0);
    assert_eq!(keys(&refusals(GroupedBy::User, RefusalView::WouldBe, shadow, 10)), [("bob", 1)]);
}

/// The newest of a group is its example; first and last, users and the trend are of all of them.
#[test]
fn a_group_of_refusals() {
    let view = refusals(
        GroupedBy::Code,
        RefusalView::Refused,
        vec![refused(99), refused(55), refused(50), refused(9), refused(0)],
        10,
    );
    assert_eq!((view.bucket_seconds, view.groups.len(), view.total), (10.0, 1, 5));
    let group = &view.groups[0];
    assert_eq!((group.key.as_str(), group.count, group.users, group.example.as_str()), ("RG301", 5, 1, "id-99"));
    assert_eq!((group.first_seen.as_second(), group.last_seen.as_second()), (0, 99));
    assert_eq!(group.trend, [2, 0, 0, 0, 0, 2, 0, 0, 0, 1]);
    assert!(group.message.as_deref().is_some_and(|message| message.contains("bob has left")), "{:?}", group.message);
}

/// (since and until, buckets, when it was refused, the length of a bucket, in which)
#[test]
fn buckets_of_a_trend() {
    for (since, until, buckets, when, seconds, place) in [
        (Some(0), 100, 10, 100, 10.0, 9),
        (Some(0), 100, 10, 89, 10.0, 8),
        (Some(0), 100, 10, 90, 10.0, 9),
        (Some(50), 100, 10, 0, 5.0, 0),
        (Some(0), 3, 10, 3, 1.0, 3),
        (None, 100, 10, 100, 1.0, 0),
        (Some(100), 100, 10, 100, 1.0, 0),
        (Some(200), 100, 10, 100, 1.0, 0),
        (Some(0), 100, 1, 100, 100.0, 0),
    ] {
        let time = |second: i64| Timestamp::from_second(second).unwrap();
        let period = (since.map(time), time(until));
        let view = grouped([refused(when)].into_iter(), (GroupedBy::User, RefusalView::Refused), period, buckets);
        let found = view.groups[0].trend.iter().position(|count| *count == 1);
        assert_eq!((view.bucket_seconds, found), (seconds, Some(place)), "{since:?} {until} {buckets} {when}");
    }
}

#[test]
fn groups_are_bounded_and_the_rest_is_counted() {
    let one = record(Mode::Enforce, "bob", &copy(A, "lake"));
    let of = |number: i64| at(number, AuditRecord { user: format!("u{number:04}"), ..one.clone() });
    let view = refusals(GroupedBy::User, RefusalView::Refused, (0..503).map(of).collect(), 10);
    assert_eq!((view.groups.len(), view.left_out, view.total), (500, 3, 503));
    assert_eq!((view.groups[0].key.as_str(), view.groups[499].key.as_str()), ("u0000", "u0499"));
}

/// A table has a head, a line for each group, and nothing that a spreadsheet runs.
#[test]
fn refusals_as_a_table() {
    let view = refusals(
        GroupedBy::User,
        RefusalView::Refused,
        vec![at(
            7,
            AuditRecord { user: "=cmd(),\"x\"\r\n".to_owned(), ..record(Mode::Enforce, "bob", &copy(A, "lake")) },
        )],
        10,
    );
    let text = csv(&view);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let rows: Vec<Vec<String>> = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    assert_eq!(rows[0], ["key", "count", "first_seen", "last_seen", "users", "message", "hint", "example"]);
    let message = view.groups[0].message.clone().unwrap();
    let hint = view.groups[0].hint.clone().unwrap_or_default();
    assert_eq!(
        rows[1],
        [
            "'=cmd(),\"x\"\r\n",
            "1",
            "1970-01-01T00:00:07Z",
            "1970-01-01T00:00:07Z",
            "1",
            message.as_str(),
            hint.as_str(),
            "id-7"
        ]
    );
    assert_eq!(rows.len(), 2);
}

/// The cases of a file: what stands behind `=` in a line is as JSON has it.
fn case_rows(text: &str) -> Vec<Json> {
    let (mut rows, mut head) = (Vec::new(), serde_json::Map::new());
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line == "[[case]]" {
            rows.push(json!({}));
            continue;
        }
        let (key, value) = line.split_once(" = ").unwrap();
        let fields = rows.last_mut().and_then(Json::as_object_mut).unwrap_or(&mut head);
        assert!(fields.insert(key.to_owned(), serde_json::from_str(value).unwrap()).is_none(), "{line}");
    }
    assert_eq!(Json::from(head), json!({"config": "rolegate.toml"}));
    rows
}

#[test]
fn refusals_as_cases() {
    let text = cases(vec![refused(20)].into_iter());
    let rows = case_rows(&text);
    assert_eq!(
        rows,
        [
            json!({"name": "1: copy of bob", "user": "bob", "groups": ["etl"], "database": "dev", "application": "app-bob",
            "time": "1970-01-01T00:00:20Z", "sql": copy(A, "lake"), "verdict": "reject", "codes": ["RG301"]})
        ]
    );
    assert!(!text.contains("left out"), "{text}");
    assert_eq!(case_rows(&cases(std::iter::empty())), Vec::<Json>::new());
}

/// What a client chose stays within its string.
#[test]
fn a_case_is_no_toml_of_the_clients() {
    let hostile = "x\"\n[[case]]\nname = \"y\\".to_owned();
    let one = AuditRecord {
        user: hostile.clone(),
        application: hostile.clone(),
        tls_subject: Some(hostile.clone()),
        groups: vec![hostile.clone()],
        ..record(Mode::Enforce, "bob", &copy(A, "lake"))
    };
    let rows = case_rows(&cases([at(1, one)].into_iter()));
    assert_eq!((rows.len(), &rows[0]["user"], &rows[0]["application"]), (1, &json!(hostile), &json!(hostile)));
    assert_eq!((&rows[0]["tls_subject"], &rows[0]["groups"]), (&json!(hostile), &json!([hostile])));
}

/// (what is changed of a refusal, the comment, how many cases)
#[test]
fn what_cannot_be_a_case_is_counted() {
    type Change = fn(&mut AuditRecord);
    let rows: &[(Change, Option<&str>, usize)] = &[
        (|_| {}, None, 1),
        (
            |record| record.truncated = true,
            Some("# 1 statements are left out, since they were cut or hold a masked secret."),
            0,
        ),
        (
            |record| record.statement = format!("x {}", crate::sql::MASK),
            Some("# 1 statements are left out, since they were cut or hold a masked secret."),
            0,
        ),
        (
            |record| record.findings.clear(),
            Some("# 1 statements are left out, since they were refused for another statement of their message."),
            0,
        ),
        (
            |record| record.findings.iter_mut().for_each(|finding| finding.severity = Severity::Annotate),
            Some("# 1 statements are left out, since they were refused for another statement of their message."),
            0,
        ),
    ];
    for (place, (change, comment, count)) in rows.iter().enumerate() {
        let mut one = record(Mode::Enforce, "bob", &copy(A, "lake"));
        change(&mut one);
        let text = cases([at(1, one)].into_iter());
        assert_eq!(case_rows(&text).len(), *count, "row {place}");
        assert_eq!(text.lines().find(|line| line.contains("left out")), *comment, "row {place}");
    }
}

/// A text of a user is one case, however often it was refused, and is never counted as left out.
#[test]
fn cases_are_bounded_and_repeats_are_none() {
    let one = record(Mode::Enforce, "bob", &copy(A, "lake"));
    let of = |number: usize| AuditRecord { statement: format!("copy t{number}"), ..one.clone() };
    let twice = cases([at(2, of(0)), at(1, of(0)), at(0, AuditRecord { user: "dan".to_owned(), ..of(0) })].into_iter());
    assert_eq!((case_rows(&twice).len(), twice.contains("left out")), (2, false));
    let many = (0..MAX_CASES).chain([0, 1, MAX_CASES, MAX_CASES + 1]).map(|number| at(0, of(number)));
    let text = cases(many);
    assert_eq!(text.matches("[[case]]").count(), MAX_CASES);
    let told = text.lines().find(|line| line.contains("left out"));
    assert_eq!(told, Some("# 2 statements are left out, since they are beyond the limit of a file."));
}

fn cursor(place: u64) -> StreamCursor {
    StreamCursor { started_at: Timestamp::from_microsecond(1_000_007).unwrap(), place }
}

/// (what a reader brings back, its place; none: it begins anew)
#[test]
fn cursors() {
    assert_eq!(cursor(5).to_string(), "1000007-5");
    for (text, want) in [
        ("1000007-5", Some(5)),
        ("1000007-0", Some(0)),
        ("1000007-9", Some(9)),
        ("1000007-10", None),
        ("1000008-5", None),
        ("1000007-", None),
        ("-5", None),
        ("1000007", None),
        ("1000007-5-5", None),
        ("1000007--5", None),
        ("01000007-5", None),
        ("", None),
    ] {
        assert_eq!(StreamCursor::parse(text, cursor(9)).map(|cursor| cursor.place), want, "{text:?}");
    }
}

fn events(batch_of: &RecentBatch, query: Json) -> (u64, String) {
    let (next, text) = batch(batch_of, &filter(query), cursor(3));
    assert_eq!(next.started_at, cursor(3).started_at);
    (next.place, String::from_utf8(text).unwrap())
}

#[test]
fn a_stream_says_what_fits() {
    let outcome = RecentOutcome {
        time: Timestamp::UNIX_EPOCH,
        outcome: StatementOutcome::Completed,
        rows: Some(2),
        error: None,
        seconds: 0.5,
    };
    let went = RecentDecision { outcome: Some(Arc::new(outcome)), ..refused(1) };
    let of = |lost| RecentBatch {
        lost,
        events: vec![RecentEvent::Judged(refused(1)), RecentEvent::Went(went.clone()), RecentEvent::Went(refused(2))],
        next: 6,
    };
    let names = |text: &str| {
        text.lines().filter_map(|line| line.strip_prefix("event: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let (next, text) = events(&of(0), json!({}));
    assert_eq!(
        (next, names(&text)),
        (6, vec!["decision".to_owned(), "outcome".to_owned()]),
        "an outcome that is none is not told"
    );
    assert_eq!(text.matches("id: 1000007-6\n").count(), 2, "{text}");
    let (next, text) = events(&of(4), json!({"user": "nobody"}));
    assert_eq!(
        (next, text.as_str()),
        (6, "event: lost\nid: 1000007-6\ndata: {\"count\":4}\n\n"),
        "what was lost is told to everybody"
    );
    assert_eq!(events(&of(0), json!({"user": "nobody"})), (6, String::new()), "the cursor goes on");
    assert_eq!(
        String::from_utf8(opened(cursor(3))).unwrap(),
        "event: open\nid: 1000007-3\ndata: {\"started_at\":\"1970-01-01T00:00:01.000007Z\",\"cursor\":\"1000007-3\"}\n\n"
    );
    assert_eq!(String::from_utf8(ended(StreamEnd::Drain)).unwrap(), "event: end\ndata: {\"reason\":\"drain\"}\n\n");
}

/// A name with line breaks makes no event of its own.
#[test]
fn an_event_is_one_line_of_data() {
    let hostile = AuditRecord {
        user: "x\n\nevent: end\ndata: {}\r\n".to_owned(),
        ..record(Mode::Enforce, "bob", &copy(A, "lake"))
    };
    let (_, text) =
        events(&RecentBatch { lost: 0, events: vec![RecentEvent::Judged(at(1, hostile))], next: 4 }, json!({}));
    let lines: Vec<&str> = text.split(['\n', '\r']).collect();
    assert_eq!(lines.len(), 5, "{text:?}");
    assert!(lines[0] == "event: decision" && lines[2].starts_with("data: {") && lines[3].is_empty(), "{text:?}");
}

fn graph(decisions: &[RecentDecision], most: usize) -> GraphView {
    let mut growing = GrowingGraph::default();
    for decision in decisions {
        growing.add(decision);
    }
    growing.finish((Some("g".to_owned()), Timestamp::from_second(100).unwrap()), most, None, (Vec::new(), false))
}

/// (text of a statement of etl's, its edges: kind, from, to)
#[test]
fn the_steps_of_a_statement() {
    let two = format!("{A},{B}");
    let (a, b) = ("role:111122223333/A", "role:444455556666/B");
    let cluster = "cluster:warehouse";
    let rows: Vec<(String, Vec<(EdgeKind, &str, &str)>)> = vec![
        (copy(A, "lake"), vec![(EdgeKind::Attachment, cluster, a), (EdgeKind::Reach, a, "bucket:s3://lake/raw/")]),
        (
            copy(&two, "lake"),
            vec![
                (EdgeKind::Attachment, cluster, a),
                (EdgeKind::Hop, a, b),
                (EdgeKind::Reach, b, "bucket:s3://lake/raw/"),
            ],
        ),
        (
            format!("copy t from 's3://lake' iam_role '{A}'"),
            vec![(EdgeKind::Attachment, cluster, a), (EdgeKind::Reach, a, "bucket:s3://lake/")],
        ),
        (
            format!("copy t from 's3://lake/x.csv' iam_role '{A}'"),
            vec![(EdgeKind::Attachment, cluster, a), (EdgeKind::Reach, a, "bucket:s3://lake/")],
        ),
        (
            copy("no role", "lake"),
            vec![
                (EdgeKind::Attachment, cluster, "literal:no role"),
                (EdgeKind::Reach, "literal:no role", "bucket:s3://lake/raw/"),
            ],
        ),
    ];
    for (text, want) in rows {
        let view = graph(&[at(1, record(Mode::Enforce, "etl", &text))], 100);
        let mut edges: Vec<(EdgeKind, &str, &str)> =
            view.edges.iter().map(|edge| (edge.kind, edge.from.as_str(), edge.to.as_str())).collect();
        edges.sort();
        let mut want = want;
        want.sort();
        assert_eq!(edges, want, "{text}");
        assert!(view.edges.iter().all(|edge| edge.uses == 1 && edge.users[0].name == "etl"), "{text}");
    }
}

/// An edge is as grave as the gravest of its uses, and counts each as it stood.
#[test]
fn edges_add_up() {
    let view = graph(
        &[
            at(30, record(Mode::Enforce, "etl", &copy(A, "lake"))),
            at(10, record(Mode::Enforce, "bob", &copy(A, "lake"))),
            at(20, record(Mode::Shadow, "bob", &copy(A, "lake"))),
            at(40, record(Mode::Enforce, "etl", &copy(A, "lake"))),
        ],
        100,
    );
    assert_eq!(
        (view.decisions, view.since.map(Timestamp::as_second), view.nodes.len(), view.edges.len()),
        (4, Some(10), 3, 2)
    );
    for edge in &view.edges {
        let counts = edge.counts;
        assert_eq!(
            (counts.allowed, counts.would_be_refused, counts.refused, counts.undecided),
            (2, 1, 1, 0),
            "{}",
            edge.id
        );
        assert_eq!((edge.verdict, edge.uses, edge.users_left_out), (EdgeVerdict::Refused, 4, 0));
        assert_eq!(
            (edge.first_seen.map(Timestamp::as_second), edge.last_seen.map(Timestamp::as_second)),
            (Some(10), Some(40))
        );
        let users: Vec<(&str, u64)> = edge.users.iter().map(|user| (user.name.as_str(), user.uses)).collect();
        assert_eq!(users, [("bob", 2), ("etl", 2)]);
    }
    let node = |kind| view.nodes.iter().find(|node| node.kind == kind).unwrap();
    assert_eq!((node(NodeKind::Role).uses, node(NodeKind::Role).arn.as_deref()), (4, Some(A)));
    assert_eq!(
        (node(NodeKind::Role).account.as_deref(), node(NodeKind::Role).name.as_str(), node(NodeKind::Role).known),
        (Some("111122223333"), "A", None)
    );
    assert_eq!(view.nodes[0].kind, NodeKind::Cluster, "where everything begins stands first");
}

/// Users beyond ten are counted, and so are those beyond what is remembered, each once.
#[test]
fn users_of_an_edge_are_bounded() {
    let one = record(Mode::Enforce, "etl", &copy(A, "lake"));
    let of = |number: i64| at(number, AuditRecord { user: format!("u{number:04}"), ..one.clone() });
    for (users, left_out) in [(10, 0), (11, 1), (1_000, 990), (1_003, 993)] {
        let decisions: Vec<RecentDecision> = (0..users).chain(0..users).map(of).collect();
        let view = graph(&decisions, 100);
        let edge = &view.edges[0];
        assert_eq!(
            (edge.users.len(), edge.users_left_out, edge.uses),
            (10, left_out, u64::try_from(users).unwrap() * 2),
            "{users}"
        );
    }
}

/// The least used nodes go, their edges with them, and both are told.
#[test]
fn a_graph_has_a_bound() {
    let mut decisions = vec![at(1, record(Mode::Enforce, "etl", &copy(A, "rare")))];
    decisions.extend((2..5).map(|second| at(second, record(Mode::Enforce, "etl", &copy(A, "often")))));
    let whole = graph(&decisions, 4);
    assert_eq!((whole.nodes.len(), whole.edges.len(), whole.left_out.nodes, whole.left_out.edges), (4, 3, 0, 0));
    let cut = graph(&decisions, 3);
    assert_eq!((cut.nodes.len(), cut.edges.len(), cut.left_out.nodes, cut.left_out.edges), (3, 2, 1, 1));
    assert!(!cut.nodes.iter().any(|node| node.id.contains("rare")), "{:?}", cut.nodes);
    let none = graph(&decisions, 0);
    assert_eq!((none.nodes.len(), none.edges.len(), none.left_out.nodes, none.left_out.edges), (0, 0, 4, 3));
}

/// Codes of a step are those of its own finding.
#[test]
fn codes_stand_at_their_step() {
    let view = graph(&[refused(1)], 100);
    let codes = |kind| view.edges.iter().find(|edge| edge.kind == kind).unwrap().codes.clone();
    assert_eq!(
        (codes(EdgeKind::Attachment), codes(EdgeKind::Reach)),
        (Vec::new(), vec![Code::Rg301.as_str().to_owned()])
    );
}
