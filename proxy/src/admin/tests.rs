//! The admin address over a socket: what each path answers, to whom, and what it does not say.

use std::time::Duration;

use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::*;
use crate::admin::view::catalog::CatalogDrift;
use crate::admin::view::coverage::{GateCoverage, UnseenStatement};
use crate::admin::view::facts::FactsView;
use crate::admin::view::sessions::SessionView;
use crate::admin::view::status::{AuditView, ConfigurationView, ExceptionView, GateView};
use crate::catalog::Catalog;
use crate::gate::enforcement::{Action, Mode};
use crate::gate::judge_alone;
use crate::gate::modes::Modes;
use crate::gate::policy::{Parts, Policy};
use crate::gate::principal::{Attributes, Principal};
use crate::observe::audit::event::OutcomeEvent;
use crate::observe::audit::{AuditEvent, AuditRecord, Circumstances};
use crate::observe::metrics::{FactsSay, JudgedLabels};
use crate::observe::recent::RecentLimits;
use crate::observe::values::{SessionState, StatementOutcome};
use crate::observe::{Metrics, Recent};
use crate::sql::StatementKind;

mod filtered;

/// A name that breaks out of whatever does not escape it.
const HOSTILE: &str = "=</script><img src=x onerror=alert(1)>\"'\r\n\u{2028}{{7*7}}";

/// Copies by a chain with a blank in it, which is refused.
fn malformed(bucket: &str) -> String {
    format!(
        "copy t from 's3://{bucket}/raw/x' iam_role 'arn:aws:iam::111122223333:role/A, arn:aws:iam::111122223333:role/B'"
    )
}

#[derive(Debug)]
struct Fixed {
    metrics: Metrics,
    policy: Arc<Policy>,
}

impl StatusSource for Fixed {
    fn measure(&self) {
        self.metrics.cache_entries(7);
    }

    fn facts(&self) -> FactsView {
        FactsView { version: Some("fixed".to_owned()), ..FactsView::default() }
    }

    fn checks(&self) -> Vec<Check> {
        vec![Check::of("audit", Some("it cannot be written".to_owned())), Check::of("facts", None)]
    }

    fn gates(&self) -> Vec<GateView> {
        Vec::new()
    }

    fn configuration(&self) -> ConfigurationView {
        let restart_pending = vec!["runtime.workers".to_owned()];
        ConfigurationView { applied_at: None, fault: None, restart_pending }
    }

    fn audit(&self) -> AuditView {
        AuditView::default()
    }

    fn exceptions(&self) -> Vec<ExceptionView> {
        Vec::new()
    }

    fn sessions(&self) -> Vec<SessionView> {
        vec![SessionView {
            gate: "g".to_owned(),
            session: 3,
            user: HOSTILE.to_owned(),
            login_user: HOSTILE.to_owned(),
            database: HOSTILE.to_owned(),
            application: HOSTILE.to_owned(),
            client_address: None,
            client_port: None,
            backend_pid: None,
            tls_subject: Some(HOSTILE.to_owned()),
            since: jiff::Timestamp::UNIX_EPOCH,
            state: SessionState::Idle,
            judged: 1,
            refused: 1,
        }]
    }

    fn catalogs(&self) -> Vec<(String, Arc<Catalog>)> {
        Vec::new()
    }

    fn drift(&self, _gate: &str) -> Vec<CatalogDrift> {
        Vec::new()
    }

    fn coverage(&self) -> Vec<GateCoverage> {
        vec![GateCoverage {
            gate: "g".to_owned(),
            available: true,
            reason: None,
            looked_at: None,
            since: None,
            seen: 3,
            cannot_tell: 0,
            unseen: 1,
            statements: vec![UnseenStatement {
                time: None,
                user: Some(HOSTILE.to_owned()),
                client_address: None,
                application: Some(HOSTILE.to_owned()),
                session: None,
                kind: "unload".to_owned(),
                target: None,
                statement: HOSTILE.to_owned(),
                reason: "no_session".to_owned(),
            }],
            gaps: Vec::new(),
            fault: None,
        }]
    }

    fn policies(&self) -> Vec<(String, Arc<Policy>)> {
        vec![("g".to_owned(), Arc::clone(&self.policy))]
    }
}

/// Checks that break off.
#[derive(Debug)]
struct Broken;

impl StatusSource for Broken {
    fn measure(&self) {}

    fn facts(&self) -> FactsView {
        FactsView::default()
    }

    fn checks(&self) -> Vec<Check> {
        panic!("a check breaks off")
    }

    fn gates(&self) -> Vec<GateView> {
        Vec::new()
    }

    fn configuration(&self) -> ConfigurationView {
        ConfigurationView { applied_at: None, fault: None, restart_pending: Vec::new() }
    }

    fn audit(&self) -> AuditView {
        AuditView::default()
    }

    fn exceptions(&self) -> Vec<ExceptionView> {
        Vec::new()
    }

    fn sessions(&self) -> Vec<SessionView> {
        Vec::new()
    }

    fn catalogs(&self) -> Vec<(String, Arc<Catalog>)> {
        Vec::new()
    }

    fn drift(&self, _gate: &str) -> Vec<CatalogDrift> {
        Vec::new()
    }

    fn coverage(&self) -> Vec<GateCoverage> {
        Vec::new()
    }

    fn policies(&self) -> Vec<(String, Arc<Policy>)> {
        Vec::new()
    }
}

#[tokio::test]
async fn checks_that_break_off_are_no_readiness() {
    let (ready, recent) = (watch::channel(Readiness::Ready).1, Recent::new(RecentLimits { decisions: 0, bytes: 0 }));
    let state = AdminState::new(&Metrics::new(), (ready, &recent), Arc::new(Broken));
    let response = readyz(State(state), RawQuery(Some("verbose".to_owned()))).await;
    let (status, body) = (response.status(), axum::body::to_bytes(response.into_body(), 1024).await.unwrap());
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body, "[+] gates: ok\n[-] checks: they broke off; see the log\n");
}

/// A gate's admin address, on a runtime of its own.
struct World {
    policy: Arc<Policy>,
    recent: Recent,
    readiness: watch::Sender<Readiness>,
    address: std::net::SocketAddr,
}

impl World {
    async fn new(mode: Mode, limits: RecentLimits) -> Self {
        let metrics = Metrics::new();
        let gate = metrics.gate("g");
        let (kind, action) = (StatementKind::Copy, Action::Forward);
        let labels = JudgedLabels { user: "etl", kind, would_be: action, action, id: None };
        gate.chain_use("1/<script>", 1, FactsSay::Known, crate::catalog::Via::Statement, &labels);
        let policy = Arc::new(Policy::new(Parts { modes: Modes::all(mode), ..Parts::without_facts() }));
        let (readiness, ready) = watch::channel(Readiness::Ready);
        let recent = Recent::new(limits);
        let source = Fixed { metrics: metrics.clone(), policy: Arc::clone(&policy) };
        let state = AdminState::new(&metrics, (ready, &recent), Arc::new(source));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let address_of = AdminAddress { listener, tls: None, access: Access::default() };
        tokio::spawn(serve(address_of, state, std::future::pending()));
        Self { policy, recent, readiness, address }
    }

    async fn usual() -> Self {
        Self::new(Mode::Enforce, RecentLimits { decisions: 1_000, bytes: 16 * 1024 * 1024 }).await
    }

    /// Judges a text as a session would, and gives the id of its record.
    fn judge(&self, user: &str, text: &str) -> Arc<str> {
        let id = self.recent.next_id().unwrap();
        let record = AuditRecord { id: Some(Arc::clone(&id)), ..judged(&self.policy, user, text).remove(0) };
        self.recent.hear(&AuditEvent::Verdict(Arc::new(record)));
        id
    }

    fn went(&self, of: &str) {
        self.recent.hear(&AuditEvent::Outcome(Box::new(OutcomeEvent {
            gate: "g".to_owned(),
            session: 1,
            of: of.to_owned(),
            outcome: StatementOutcome::Completed,
            rows: Some(12),
            error: None,
            seconds: 0.5,
        })));
    }

    async fn raw(&self, request: &str) -> TcpStream {
        let mut client = TcpStream::connect(self.address).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        client
    }

    async fn ask(&self, request: &str) -> String {
        let request = format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let mut answer = Vec::new();
        self.raw(&request).await.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// The JSON that a path answers with 200.
    async fn json(&self, path: &str) -> Json {
        let answer = self.ask(&format!("GET {path}")).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert!(answer.contains("cache-control: no-store"), "{path}: {answer}");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    async fn explain(&self, body: &str) -> (String, Json) {
        let length = body.len();
        let request = format!(
            "POST /api/v1/explain HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        let mut answer = String::new();
        self.raw(&request).await.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), serde_json::from_str(body).unwrap_or(Json::Null))
    }
}

/// The records of a text, one for each of its statements.
fn judged(policy: &Policy, user: &str, text: &str) -> Vec<AuditRecord> {
    let principal = Principal::new(Attributes {
        database: HOSTILE.to_owned(),
        application: HOSTILE.to_owned(),
        ..Attributes::of_login(user)
    });
    let verdict = judge_alone(policy, text.as_bytes(), &principal, jiff::Timestamp::now()).unwrap();
    let supposed = Circumstances::supposed("g", &principal, text.as_bytes());
    let circumstances = Circumstances { session: 1, ..supposed };
    verdict.statements.iter().map(|statement| AuditRecord::of(&circumstances, &verdict, statement)).collect()
}

/// Text, and for each statement what is marked in it, quotes left aside.
#[test]
fn credentials_are_marked_where_they_stand() {
    const ROLE: &str = "arn:aws:iam::111122223333:role/A";
    let policy = Policy::new(Parts::without_facts());
    let one = format!("copy t from 's3://b/x' iam_role '{ROLE}'");
    let secret = "p".repeat(60);
    let rows: Vec<(String, Vec<&[&str]>)> = vec![
        (one.clone(), vec![&[ROLE]]),
        (format!("  {one}; copy é from 's3://b/y' iam_role default; {one} ;"), vec![&[ROLE], &["default"], &[ROLE]]),
        (format!("copy /* é '{ROLE}' */ t from 's3://b/x' iam_role '{ROLE}' -- '{ROLE}'"), vec![&[ROLE]]),
        (format!("unload ('select 1 where password = ''{secret}''') to 's3://b/x' iam_role '{ROLE}'"), vec![&[ROLE]]),
        ("copy t from 's3://b/x' access_key_id 'k' secret_access_key 's'".to_owned(), vec![&[]]),
    ];
    for (text, want) in rows {
        let records = judged(&policy, "etl", &text);
        assert_eq!(records.len(), want.len(), "{text}");
        for (record, want) in records.iter().zip(want) {
            let pieces = crate::admin::view::segments::segments(record);
            let whole: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
            assert_eq!(whole, record.statement, "{text}");
            let credentials = pieces.iter().filter(|piece| piece.role_use.is_some());
            let marked: Vec<&str> = credentials.map(|piece| piece.text.trim_matches('\'')).collect();
            assert_eq!(marked, want, "{text}");
            let first = pieces.iter().position(|piece| piece.role_use.is_some()).unwrap_or_default();
            let before: String = pieces.iter().take(first).map(|piece| piece.text.as_str()).collect();
            assert!(first == 0 || before.trim_end_matches(['\'', ' ']).ends_with("iam_role"), "{text}: {before}");
        }
    }
}

#[tokio::test]
async fn pages() {
    let world = World::usual().await;
    world.readiness.send_replace(Readiness::Draining);
    let rows = [
        ("GET /healthz", "200 OK", "ok"),
        ("GET /readyz", "503 Service Unavailable", "draining: no new sessions\n"),
        (
            "GET /readyz?verbose",
            "503 Service Unavailable",
            "[-] draining: no new sessions\n[-] audit: it cannot be written\n[+] facts: ok\n",
        ),
        ("GET /metrics", "200 OK", "rolegate_sessions_opened_total{gate=\"g\"} 0"),
        ("GET /metrics", "200 OK", "rolegate_policy_cache_entries 7"),
        ("GET /api/v1/status", "200 OK", "\"standing\":\"draining\""),
        ("GET /api/v1/status", "200 OK", "\"restart_pending\":[\"runtime.workers\"]"),
        ("GET /api/v1/chains", "200 OK", "\"chain\":\"1/<script>\""),
        ("GET /api/v1/facts", "200 OK", "\"version\":\"fixed\""),
        ("GET /api/v1/catalog", "200 OK", "\"available\":false,\"reason\":\"no gate reads"),
        ("GET /api/v1/openapi.json", "200 OK", "\"/api/v1/decisions/{id}\""),
        ("GET /", "200 OK", "content-security-policy: default-src 'none'"),
        ("HEAD /", "200 OK", "cache-control: no-store"),
        ("POST /", "405 Method Not Allowed", ""),
        ("GET /assets/nothing.js", "404 Not Found", "no such page"),
        ("GET /assets/../Cargo.toml", "404 Not Found", "no such page"),
        ("GET /nothing", "404 Not Found", "no such page"),
        ("GET /api/v1/nothing", "404 Not Found", "no such page"),
        ("POST /metrics", "405 Method Not Allowed", ""),
        ("POST /api/v1/status", "405 Method Not Allowed", "not asked in this way"),
        ("GET /api/v1/explain", "405 Method Not Allowed", "not asked in this way"),
        ("GET /api/v1/decisions/nothing", "404 Not Found", "no statement of this id"),
        ("GET /api/v1/decisions?usr=etl", "400 Bad Request", "\"field\":\"usr\""),
        ("GET /api/v1/decisions?user=", "400 Bad Request", "\"field\":\"user\""),
        ("GET /api/v1/decisions?limit=0", "400 Bad Request", "\"field\":\"limit\""),
        ("GET /api/v1/decisions?code=RG999", "400 Bad Request", "error"),
        ("GET /api/v1/graph?unused=perhaps", "400 Bad Request", "error"),
        ("GET /api/v1/can-assume?from=x&to=y", "400 Bad Request", "\"field\":\"from\""),
        ("GET /api/v1/paths?to=arn:aws:iam::111122223333:role/A", "404 Not Found", "names no IAM facts"),
        ("GET /api/v1/paths?to=arn:aws:iam::111122223333:role/A&gate=h", "404 Not Found", "no gate of this name"),
    ];
    let under_another_name = world.ask("GET /metrics HTTP/1.1\r\nHost: evil.example\r\nX:").await;
    assert!(under_another_name.starts_with("HTTP/1.1 421"), "{under_another_name}");
    for (request, status, text) in rows {
        let answer = world.ask(request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(text), "{request}: {answer}");
    }
}

#[tokio::test]
async fn decisions_are_listed_page_by_page_and_joined_with_their_outcome() {
    let world = World::usual().await;
    let ids: Vec<_> = (0..5).map(|number| world.judge(&format!("user{number}"), &malformed("lake"))).collect();
    world.went(&ids[1]);
    let (mut seen, mut path) = (Vec::new(), "/api/v1/decisions?limit=2".to_owned());
    loop {
        let page = world.json(&path).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_u64() else { break };
        path = format!("/api/v1/decisions?limit=2&before={next}");
    }
    assert_eq!(seen, ids.iter().rev().map(ToString::to_string).collect::<Vec<_>>());
    let one = world.json(&format!("/api/v1/decisions/{}", ids[1])).await;
    assert_eq!((&one["outcome"]["outcome"], &one["outcome"]["rows"]), (&"completed".into(), &12.into()));
    assert_eq!((&one["verdict"], &one["findings"][0]["code"]), (&"refused".into(), &"RG101".into()));
    assert_eq!(one["database"], HOSTILE);
    let segments = one["segments"].as_array().unwrap();
    let whole: String = segments.iter().map(|segment| segment["text"].as_str().unwrap()).collect();
    assert_eq!(whole, malformed("lake"));
    let marked = segments.iter().find(|segment| segment["role_use"] == 0).unwrap();
    assert!(marked["text"].as_str().unwrap().contains("role/A, arn:aws:iam"), "{marked}");
    for (filter, count) in [
        ("user=user3", 1),
        ("user=nobody", 0),
        ("bucket=lake", 5),
        ("bucket=lak", 0),
        ("code=RG101", 5),
        ("code=RG301", 0),
        ("kind=copy&verdict=refused&would_be=reject&action=reject", 5),
        ("verdict=allowed", 0),
        ("role=111122223333/A", 5),
        ("gate=h", 0),
    ] {
        let found = world.json(&format!("/api/v1/decisions?{filter}")).await;
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{filter}");
    }
}

#[tokio::test]
async fn refusals_in_groups_as_a_table_and_as_cases() {
    let world = World::usual().await;
    for user in ["etl", "etl", "bi", HOSTILE] {
        world.judge(user, &malformed("lake"));
    }
    let by_user = world.json("/api/v1/refusals?by=user&buckets=3").await;
    assert_eq!((&by_user["total"], &by_user["groups"][0]["key"]), (&4.into(), &"etl".into()));
    assert_eq!(by_user["groups"][0]["trend"].as_array().unwrap().len(), 3);
    let trend = by_user["groups"][0]["trend"].as_array().unwrap().iter().filter_map(Json::as_u64).sum::<u64>();
    assert_eq!((trend, &by_user["groups"][0]["count"]), (2, &2.into()));
    assert_eq!(world.json("/api/v1/refusals?view=would_be").await["total"], 0);
    let table = world.ask("GET /api/v1/refusals?by=user&format=csv").await;
    assert!(table.contains("content-type: text/csv") && table.contains("\"'=</script>"), "{table}");
    let cases = world.ask("GET /api/v1/refusals?format=cases").await;
    assert_eq!(cases.matches("\n[[case]]\n").count(), 3, "each text of a user once: {cases}");
    assert!(cases.contains("codes = [\"RG101\"]") && cases.contains("verdict = \"reject\""), "{cases}");
}

#[tokio::test]
async fn the_graph_holds_what_was_used() {
    let world = World::new(Mode::Shadow, RecentLimits { decisions: 100, bytes: 1024 * 1024 }).await;
    let chain = "arn:aws:iam::111122223333:role/A,arn:aws:iam::444455556666:role/team/B";
    world.judge("etl", &format!("copy t from 's3://lake/raw/x' iam_role '{chain}'"));
    world.judge("bi", &format!("copy t from 's3://lake/raw/y' iam_role '{chain}'"));
    let graph = world.json("/api/v1/graph").await;
    let names = |of: &str, key: &str| -> Vec<String> {
        graph[of].as_array().unwrap().iter().map(|one| one[key].as_str().unwrap().to_owned()).collect()
    };
    let mut nodes = names("nodes", "id");
    nodes.sort();
    assert_eq!(nodes, ["bucket:s3://lake/raw/", "cluster:g", "role:111122223333/A", "role:444455556666/B"]);
    let mut edges = names("edges", "id");
    edges.sort();
    assert_eq!(
        edges,
        [
            "attachment cluster:g -> role:111122223333/A",
            "hop role:111122223333/A -> role:444455556666/B",
            "reach role:444455556666/B -> bucket:s3://lake/raw/",
        ]
    );
    assert!(graph["edges"].as_array().unwrap().iter().all(|edge| edge["uses"] == 2 && edge["users"][1]["uses"] == 1));
    let small = world.json("/api/v1/graph?nodes=2").await;
    assert_eq!((&small["left_out"]["nodes"], &small["left_out"]["edges"]), (&2.into(), &2.into()));
}

#[tokio::test]
async fn what_if_is_judged_and_nothing_is_kept() {
    let world = World::usual().await;
    let question = serde_json::json!({ "sql": malformed("lake"), "user": HOSTILE });
    let (status, answer) = world.explain(&question.to_string()).await;
    assert!(status.contains("200"), "{status}");
    assert_eq!((&answer["in_force"]["action"], &answer["shadow"]["action"]), (&"reject".into(), &"annotate".into()));
    assert_eq!(answer["shadow"]["would_be"], "reject");
    assert_eq!(answer["in_force"]["statements"][0]["findings"][0]["code"], "RG101");
    assert_eq!(answer["with_rules"], Json::Null);
    assert!(answer["in_force"]["client"]["message"].as_str().unwrap().starts_with("RG101: "));
    let chain = "copy t from 's3://b/x' iam_role 'arn:aws:iam::111122223333:role/A'";
    let rules = "@id(\"none\") forbid(principal, action, resource);";
    let question = serde_json::json!({ "sql": chain, "user": "etl", "rules": rules });
    let answer = world.explain(&question.to_string()).await.1;
    assert_eq!((&answer["in_force"]["action"], &answer["with_rules"]["action"]), (&"forward".into(), &"reject".into()));
    assert_eq!(answer["with_rules"]["statements"][0]["rules"][0]["id"], "none");
    let plain = world.explain("{\"sql\":\"select 1\"}").await.1;
    assert_eq!((&plain["in_force"]["is_plain"], &plain["in_force"]["action"]), (&true.into(), &"forward".into()));
    for (body, status) in [
        ("{\"sql\":\"select 1\",\"rules\":\"nonsense\"}".to_owned(), "422"),
        ("{}".to_owned(), "400"),
        ("[]".to_owned(), "400"),
        ("{\"sql\":1}".to_owned(), "400"),
        ("{\"sql\":\"x\",\"time\":\"yesterday\"}".to_owned(), "400"),
        ("{\"sql\":\"x\",\"more\":1}".to_owned(), "400"),
        ("{\"sql\":\"x\",\"gate\":\"h\"}".to_owned(), "404"),
        (format!("{{\"sql\":\"{}\"}}", "x".repeat(300 * 1024)), "413"),
    ] {
        let answer = world.explain(&body).await;
        assert!(answer.0.contains(status), "{status} {answer:?}");
    }
    assert_eq!(world.recent.census().judged, 0, "nothing is kept");
}

/// What a stream has sent until `enough`.
async fn read_until(client: &mut TcpStream, enough: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    let mut buffer = vec![0; 64 * 1024];
    while !enough(&text) {
        let read = tokio::time::timeout(Duration::from_secs(20), client.read(&mut buffer)).await.unwrap().unwrap();
        assert!(read > 0, "the stream ended: {text}");
        text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    text
}

#[tokio::test]
async fn a_stream_tells_what_happens_and_ends_with_the_gate() {
    let world = World::usual().await;
    let request = "GET /api/v1/decisions/stream?user=etl HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut client = world.raw(request).await;
    let opened = read_until(&mut client, |text| text.contains("event: open")).await;
    assert!(
        opened.contains("content-type: text/event-stream") && opened.contains("cache-control: no-store"),
        "{opened}"
    );
    world.judge("bi", &malformed("lake"));
    let id = world.judge("etl", &malformed("lake"));
    world.went(&id);
    let told = read_until(&mut client, |text| text.contains("event: outcome")).await;
    assert_eq!(told.matches("event: decision").count(), 1, "the filter holds: {told}");
    assert!(told.contains(&format!("\"of\":\"{id}\"")) && told.contains("\"rows\":12"), "{told}");
    world.readiness.send_replace(Readiness::Draining);
    let last = read_until(&mut client, |text| text.contains("event: end")).await;
    assert!(last.contains("\"reason\":\"drain\""), "{last}");
}

#[tokio::test]
async fn a_reader_that_is_too_slow_loses_old_events_and_is_told() {
    let world = World::new(Mode::Enforce, RecentLimits { decisions: 50, bytes: 16 * 1024 * 1024 }).await;
    let mut client = world.raw("GET /api/v1/decisions/stream HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    read_until(&mut client, |text| text.contains("event: open")).await;
    // All within one turn of the runtime: the follower hears of it when most are gone.
    for _ in 0..1_000 {
        world.judge("etl", &malformed("lake"));
    }
    let told = read_until(&mut client, |text| text.matches("event: decision").count() == 50).await;
    assert!(told.contains("event: lost") && told.contains("data: {\"count\":950}"), "{told}");
    let cursor = told.rsplit("id: ").next().unwrap().split('\n').next().unwrap().to_owned();
    drop(client);
    world.judge("bi", &malformed("lake"));
    let again = format!("GET /api/v1/decisions/stream HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: {cursor}\r\n\r\n");
    let mut client = world.raw(&again).await;
    let told = read_until(&mut client, |text| text.contains("event: decision")).await;
    assert!(told.contains("\"user\":\"bi\"") && !told.contains("event: lost"), "{told}");
}

#[tokio::test]
async fn streams_are_bounded_in_number_and_give_their_place_back() {
    let world = World::usual().await;
    let request = "GET /api/v1/decisions/stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut open = Vec::new();
    for _ in 0..16 {
        let mut client = world.raw(request).await;
        read_until(&mut client, |text| text.contains("event: open")).await;
        open.push(client);
    }
    let answer = world.ask("GET /api/v1/decisions/stream").await;
    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
    open.pop();
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut client = world.raw(request).await;
        let mut buffer = [0; 12];
        client.read_exact(&mut buffer).await.unwrap();
        if buffer.ends_with(b"200") {
            return;
        }
    }
    panic!("the place of a reader that has left was not given back");
}

#[tokio::test]
async fn nothing_is_kept_where_nothing_is_to_be() {
    let world = World::new(Mode::Enforce, RecentLimits { decisions: 0, bytes: 1024 }).await;
    assert!(world.recent.next_id().is_none());
    assert_eq!(world.json("/api/v1/decisions").await["items"], Json::Array(Vec::new()));
    let sources = world.json("/api/v1/graph").await;
    assert_eq!(
        (&sources["sources"][0]["source"], &sources["sources"][0]["available"]),
        (&"recent".into(), &false.into())
    );
}

#[tokio::test]
async fn sessions_say_what_clients_chose_as_text() {
    let world = World::usual().await;
    let page = world.json("/api/v1/sessions").await;
    assert_eq!((&page["total"], &page["items"][0]["user"]), (&1.into(), &HOSTILE.into()));
}
