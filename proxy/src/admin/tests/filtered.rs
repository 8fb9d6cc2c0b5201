//! Filters hold for graph and refusals as they do for decisions; stored credentials count as those that statements name.

use super::*;
use crate::catalog::Via;
use crate::gate::stored::JudgedStored;

const A: &str = "arn:aws:iam::111122223333:role/A";
const B: &str = "arn:aws:iam::444455556666:role/B";

/// Two statements that go on in shadow mode, one of them a would-be refusal, and one that uses what the cluster stores.
async fn company() -> World {
    let world = World::new(Mode::Shadow, RecentLimits { decisions: 100, bytes: 1024 * 1024 }).await;
    world.judge("etl", &format!("copy t from 's3://lake/raw/x' iam_role '{A},{B}'"));
    world.judge("bi", &malformed("swamp"));
    let used = JudgedStored {
        via: Via::View,
        object: "spectrum".to_owned(),
        through: vec!["public.sales".to_owned()],
        method: "chain",
        roles: vec![A.to_owned(), B.to_owned()],
        certain: false,
    };
    let plain = judged(&world.policy, "analyst", &format!("copy t from 's3://x/y' iam_role '{A}'")).remove(0);
    let record = AuditRecord { id: world.recent.next_id(), role_uses: Vec::new(), stored_uses: vec![used], ..plain };
    world.recent.hear(&AuditEvent::Verdict(Arc::new(record)));
    world
}

async fn count(world: &World, filter: &str) -> (u64, usize) {
    let graph = world.json(&format!("/api/v1/graph?{filter}")).await;
    let decisions = world.json(&format!("/api/v1/decisions?{filter}")).await;
    let found = decisions["items"].as_array().unwrap().len();
    assert_eq!(graph["decisions"], found, "graph and list mean the same by {filter}");
    (graph["decisions"].as_u64().unwrap(), graph["edges"].as_array().unwrap().len())
}

#[tokio::test]
async fn the_graph_takes_every_filter_of_decisions() {
    let world = company().await;
    for (filter, statements, edges) in [
        ("gate=g", 3, 6),
        ("gate=h", 0, 0),
        ("user=etl", 1, 3),
        ("user=bi", 1, 2),
        ("group=etl", 0, 0),
        ("code=RG101", 1, 2),
        ("kind=copy", 3, 6),
        ("verdict=would_be_refused", 1, 2),
        ("would_be=forward", 2, 4),
        ("action=reject", 0, 0),
        ("application=psql", 0, 0),
        ("rule=none", 0, 0),
        ("bucket=lake", 1, 3),
        (&format!("role={B}"), 2, 4),
        (&format!("chain={A},{B}"), 2, 4),
        ("user=etl&bucket=swamp", 0, 0),
        ("at=stored:spectrum", 1, 2),
        ("at=bucket:s3://lake/raw/", 1, 3),
        ("at=role:444455556666/B", 2, 4),
        ("at=cluster:g", 2, 5),
        ("at=stores%20stored:spectrum%20-%3E%20role:111122223333/A", 1, 2),
        ("at=reach%20role:444455556666/B%20-%3E%20bucket:s3://lake/raw/", 1, 3),
        ("at=nothing", 0, 0),
    ] {
        assert_eq!(count(&world, filter).await, (statements, edges), "{filter}");
    }
    for path in ["/api/v1/graph?code=RG999", "/api/v1/refusals?verdict=bad", "/api/v1/refusals?usr=etl"] {
        let answer = world.ask(&format!("GET {path}")).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn refusals_take_the_same_filters_in_every_form() {
    let world = company().await;
    world.judge("bi", &malformed("lake"));
    for (filter, total) in [("", 2), ("&bucket=lake", 1), ("&user=bi", 2), ("&user=etl", 0), ("&code=RG301", 0)] {
        let refusals = world.json(&format!("/api/v1/refusals?view=would_be{filter}")).await;
        assert_eq!(refusals["total"], total, "{filter}");
        let cases = world.ask(&format!("GET /api/v1/refusals?view=would_be&format=cases{filter}")).await;
        assert_eq!(cases.matches("\n[[case]]\n").count(), total, "{filter}: {cases}");
        let table = world.ask(&format!("GET /api/v1/refusals?view=would_be&by=user&format=csv{filter}")).await;
        let rows = table.split("\r\n\r\n").nth(1).unwrap().lines().count();
        assert_eq!(rows, 1 + usize::from(total > 0), "{filter}: {table}");
    }
    let group = &world.json("/api/v1/refusals?view=would_be").await["groups"][0];
    assert_eq!(group["let_through"], serde_json::json!({ "shadow": 2, "exception": 0, "break_glass": 0 }));
}

#[tokio::test]
async fn a_stored_chain_is_told_with_what_it_is_used_by() {
    let world = company().await;
    let found = world.json("/api/v1/decisions?user=analyst").await;
    let used = &found["items"][0]["stored_uses"][0];
    assert_eq!(
        *used,
        serde_json::json!({
            "via": "view", "object": "spectrum", "through": ["public.sales"], "method": "chain",
            "roles": [A, B], "chain": format!("{A},{B}"), "certain": false,
        })
    );
    let graph = world.json("/api/v1/graph?user=analyst").await;
    let mut edges: Vec<_> =
        graph["edges"].as_array().unwrap().iter().map(|edge| (edge["id"].as_str().unwrap(), &edge["uses"])).collect();
    edges.sort_by_key(|(id, _)| *id);
    assert_eq!(
        edges,
        [
            ("hop role:111122223333/A -> role:444455556666/B", &1.into()),
            ("stores stored:spectrum -> role:111122223333/A", &1.into()),
        ]
    );
}

#[tokio::test]
async fn what_passed_by_is_told_as_text() {
    let world = World::usual().await;
    let told = world.json("/api/v1/coverage").await;
    let gate = &told["gates"][0];
    assert_eq!((&gate["unseen"], &gate["statements"][0]["user"]), (&1.into(), &HOSTILE.into()));
    assert_eq!(world.json("/api/v1/coverage?gate=h").await["gates"], Json::Array(Vec::new()));
}
