//! Records of the audit as events of the Open Cybersecurity Schema Framework 1.3. Pure. `docs/audit.md` has the table.

use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The version of the schema.
const OCSF_VERSION: &str = "1.3.0";

const APPLICATION_LIFECYCLE: u64 = 6002;
const AUTHENTICATION: u64 = 3002;
const ENTITY_MANAGEMENT: u64 = 3004;
const DATASTORE_ACTIVITY: u64 = 6005;

/// Severities and statuses by their numbers there.
mod ids {
    pub(super) const INFORMATIONAL: u64 = 1;
    pub(super) const MEDIUM: u64 = 3;
    pub(super) const HIGH: u64 = 4;
    pub(super) const SUCCESS: u64 = 1;
    pub(super) const FAILURE: u64 = 2;
    /// Of an action, and of a disposition.
    pub(super) const ALLOWED: u64 = 1;
    pub(super) const DENIED: u64 = 2;
    pub(super) const BLOCKED: u64 = 2;
    pub(super) const DETECTED: u64 = 15;
    pub(super) const LOGGED: u64 = 17;
    pub(super) const RELATIONAL: u64 = 1;
}

/// What an event is and how grave.
struct Kind {
    class: u64,
    activity: u64,
    severity: u64,
    status: u64,
}

/// The event of a line of the audit. `None` of what the log tells of itself (its files and checkpoints), and of what is no record.
#[must_use]
pub fn event(line: &[u8]) -> Option<Value> {
    let record: Map<String, Value> = serde_json::from_slice(line).ok()?;
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = kind(&record)?;
    let logged: Timestamp = text("time").parse().ok()?;
    let time = text("ran_at").parse().unwrap_or(logged);
    let mut event = json!({
        "class_uid": kind.class,
        "category_uid": kind.class / 1000,
        "activity_id": kind.activity,
        "type_uid": kind.class * 100 + kind.activity,
        "severity_id": kind.severity,
        "status_id": kind.status,
        "time": time.as_millisecond(),
        "count": record.get("count").cloned().unwrap_or(1.into()),
        "metadata": {
            "version": OCSF_VERSION,
            "product": { "name": "rolegate", "vendor_name": "rolegate" },
            "uid": text("id"),
            "sequence": record.get("seq"),
            "log_name": text("log"),
            "logged_time": logged.as_millisecond(),
            "profiles": profiles(&kind),
        },
        "unmapped": record,
    });
    match kind.class {
        _ if text("event") == "unseen" => extend(&mut event, &unseen(&record)),
        DATASTORE_ACTIVITY => extend(&mut event, &datastore(&record)),
        AUTHENTICATION => extend(&mut event, &session(&record)),
        ENTITY_MANAGEMENT => extend(&mut event, &entity(&record)),
        _ => extend(
            &mut event,
            &json!({ "app": { "name": "rolegate", "vendor_name": "rolegate", "version": text("version") } }),
        ),
    }
    Some(event)
}

/// The extensions of the class that the event uses: what was done about it, where something was.
fn profiles(kind: &Kind) -> &'static [&'static str] {
    if kind.class == DATASTORE_ACTIVITY { &["security_control"] } else { &[] }
}

fn extend(event: &mut Value, fields: &Value) {
    if let (Some(event), Some(fields)) = (event.as_object_mut(), fields.as_object()) {
        event.extend(fields.clone());
    }
}

fn kind(record: &Map<String, Value>) -> Option<Kind> {
    use ids::{FAILURE, HIGH, INFORMATIONAL, MEDIUM, SUCCESS};
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = |class, activity, severity, status| Some(Kind { class, activity, severity, status });
    match text("event") {
        "verdict" | "folded" | "break_glass" | "unseen" => {
            let activity = match text("kind") {
                "unload" => 1,
                "copy" => 5,
                created if created.starts_with("create_") => 6,
                _ => 4,
            };
            match text("action") {
                _ if matches!(text("event"), "break_glass" | "unseen") => {
                    kind(DATASTORE_ACTIVITY, activity, HIGH, SUCCESS)
                }
                "reject" => kind(DATASTORE_ACTIVITY, activity, HIGH, FAILURE),
                "annotate" => kind(DATASTORE_ACTIVITY, activity, MEDIUM, SUCCESS),
                _ => kind(DATASTORE_ACTIVITY, activity, INFORMATIONAL, SUCCESS),
            }
        }
        "drift" => kind(ENTITY_MANAGEMENT, drift_activity(text("change")), MEDIUM, SUCCESS),
        "login" => kind(AUTHENTICATION, 1, INFORMATIONAL, SUCCESS),
        "login_failed" => kind(AUTHENTICATION, 1, MEDIUM, FAILURE),
        "session_end" => kind(AUTHENTICATION, 2, INFORMATIONAL, SUCCESS),
        "start" => kind(APPLICATION_LIFECYCLE, 3, INFORMATIONAL, SUCCESS),
        "stop" => kind(APPLICATION_LIFECYCLE, 4, INFORMATIONAL, SUCCESS),
        "reload" if text("result") == "refused" => kind(APPLICATION_LIFECYCLE, 8, MEDIUM, FAILURE),
        "reload" => kind(APPLICATION_LIFECYCLE, 8, INFORMATIONAL, SUCCESS),
        "gap" => kind(APPLICATION_LIFECYCLE, 99, HIGH, FAILURE),
        _ => None,
    }
}

/// Create, update and delete of the class.
fn drift_activity(change: &str) -> u64 {
    match change {
        "appeared" => 1,
        "gone" => 4,
        _ => 3,
    }
}

/// Something that is stored in the cluster, with what it keeps. Who changed it is not known.
fn entity(record: &Map<String, Value>) -> Value {
    let field = |name: &str| record.get(name).cloned().unwrap_or_default();
    json!({
        "entity": { "name": field("name"), "type": field("kind"), "data": { "before": field("before"), "after": field("after") } },
        "message": format!("{} {} without a statement that passed the gate", field("kind").as_str().unwrap_or_default(), field("change").as_str().unwrap_or_default()),
    })
}

/// Who acts and where, of a session or a statement.
fn parties(record: &Map<String, Value>) -> Value {
    let field = |name: &str| record.get(name).cloned().unwrap_or_default();
    let source = match field("client_address") {
        Value::Null => json!({ "name": "unix socket" }),
        address => json!({ "ip": address }),
    };
    json!({
        "actor": { "user": { "name": field("user") }, "session": { "uid": field("session").to_string() }, "app_name": field("application") },
        "src_endpoint": source,
        "dst_endpoint": { "name": field("gate") },
    })
}

fn session(record: &Map<String, Value>) -> Value {
    let mut event = parties(record);
    extend(&mut event, &json!({ "user": { "name": record.get("user") } }));
    event
}

fn datastore(record: &Map<String, Value>) -> Value {
    let field = |name: &str| record.get(name).cloned().unwrap_or_default();
    let (action, disposition) = match field("action").as_str() {
        Some("reject") => (ids::DENIED, ids::BLOCKED),
        Some("annotate") => (ids::ALLOWED, ids::LOGGED),
        _ => (ids::ALLOWED, ids::ALLOWED),
    };
    let mut event = parties(record);
    extend(
        &mut event,
        &json!({
            "database": { "name": field("database"), "type_id": ids::RELATIONAL },
            "query_info": { "uid": field("id"), "query_string": field("statement") },
            "action_id": action,
            "disposition_id": disposition,
            "authorizations": [{ "decision": field("action"), "policy": { "uid": field("policy_version") } }],
        }),
    );
    if let Some(first) = field("findings").get(0) {
        extend(&mut event, &json!({ "status_code": first.get("code"), "message": first.get("message") }));
    }
    event
}

/// What passed the gate by. The cluster's history may not tell who ran it, nor from where, and never in which database.
fn unseen(record: &Map<String, Value>) -> Value {
    let field = |name: &str| record.get(name).cloned().unwrap_or_default();
    let text = |name: &str| record.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let source = match text("client_address") {
        Some(address) if address.parse::<IpAddr>().is_ok() => json!({ "ip": address }),
        other => json!({ "name": other.unwrap_or("unknown") }),
    };
    let mut actor = json!({ "user": { "name": text("user").unwrap_or("unknown") } });
    if let Some(session) = text("backend_pid") {
        extend(&mut actor, &json!({ "session": { "uid": session } }));
    }
    if let Some(application) = text("application") {
        extend(&mut actor, &json!({ "app_name": application }));
    }
    json!({
        "actor": actor,
        "src_endpoint": source,
        "dst_endpoint": { "name": field("gate") },
        "database": { "uid": field("gate"), "type_id": ids::RELATIONAL },
        "query_info": { "uid": field("id"), "query_string": field("statement") },
        "action_id": ids::ALLOWED,
        "disposition_id": ids::DETECTED,
        "status_code": field("reason"),
        "message": "a statement with a role did not pass the gate",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(record: &Value) -> Option<Value> {
        event(record.to_string().as_bytes())
    }

    #[test]
    fn classes() {
        let rows = [
            (json!({"event": "verdict", "action": "reject", "kind": "unload"}), Some((600_501, 4, 2))),
            (json!({"event": "verdict", "action": "forward", "kind": "copy"}), Some((600_505, 1, 1))),
            (json!({"event": "folded", "action": "reject", "kind": "create_model"}), Some((600_506, 4, 2))),
            (json!({"event": "verdict", "action": "annotate", "kind": "call"}), Some((600_504, 3, 1))),
            (json!({"event": "outcome", "outcome": "failed", "error": "42501"}), None),
            (json!({"event": "drift", "change": "appeared"}), Some((300_401, 3, 1))),
            (json!({"event": "drift", "change": "changed"}), Some((300_403, 3, 1))),
            (json!({"event": "drift", "change": "gone"}), Some((300_404, 3, 1))),
            (json!({"event": "login"}), Some((300_201, 1, 1))),
            (json!({"event": "login_failed"}), Some((300_201, 3, 2))),
            (json!({"event": "session_end"}), Some((300_202, 1, 1))),
            (json!({"event": "reload", "result": "refused"}), Some((600_208, 3, 2))),
            (json!({"event": "gap"}), Some((600_299, 4, 2))),
            (json!({"event": "break_glass", "action": "annotate", "kind": "copy"}), Some((600_505, 4, 1))),
            (json!({"event": "unseen", "kind": "unload"}), Some((600_501, 4, 1))),
            (json!({"event": "checkpoint"}), None),
            (json!({"no": "record"}), None),
        ];
        for (mut record, want) in rows {
            record["time"] = "2026-11-28T01:02:03.456789Z".into();
            let found = of(&record).map(|event| {
                assert_eq!(event["time"], 1_795_827_723_456_i64);
                assert_eq!(event["category_uid"], event["class_uid"].as_u64().unwrap() / 1000);
                (
                    event["type_uid"].as_u64().unwrap(),
                    event["severity_id"].as_u64().unwrap(),
                    event["status_id"].as_u64().unwrap(),
                )
            });
            assert_eq!(found, want, "{record}");
        }
        assert_eq!(of(&json!({"event": "login", "time": "yesterday"})), None);
    }

    #[test]
    fn fields_of_a_verdict() {
        let record = json!({
            "event": "verdict", "time": "2026-11-28T01:02:03.456789Z", "id": "1f-7", "seq": 7, "log": "ab", "gate": "warehouse",
            "session": 3, "user": "etl", "database": "dev", "application": "psql", "client_address": "192.0.2.7", "kind": "copy",
            "action": "reject", "policy_version": "9c", "statement": "copy t", "findings": [{"code": "RG201", "message": "not attached"}],
        });
        let event = of(&record).unwrap();
        for (place, want) in [
            ("/metadata/uid", json!("1f-7")),
            ("/metadata/sequence", json!(7)),
            ("/actor/user/name", json!("etl")),
            ("/actor/session/uid", json!("3")),
            ("/src_endpoint/ip", json!("192.0.2.7")),
            ("/dst_endpoint/name", json!("warehouse")),
            ("/database/name", json!("dev")),
            ("/query_info/query_string", json!("copy t")),
            ("/disposition_id", json!(2)),
            ("/status_code", json!("RG201")),
            ("/message", json!("not attached")),
            ("/query_info/uid", json!("1f-7")),
            ("/action_id", json!(2)),
            ("/authorizations/0/policy/uid", json!("9c")),
            ("/unmapped", record.clone()),
        ] {
            assert_eq!(event.pointer(place), Some(&want), "{place}");
        }
    }

    #[test]
    fn fields_of_what_passed_the_gate_by() {
        let mut record = json!({
            "event": "unseen", "time": "2026-11-28T01:02:03.456789Z", "ran_at": "2026-11-28T00:00:00Z", "id": "1f-7",
            "gate": "warehouse", "user": "bi", "client_address": "192.0.2.7", "application": "editor", "backend_pid": "77",
            "kind": "copy", "reason": "other_connection", "statement": "copy t",
        });
        let event = of(&record).unwrap();
        for (place, want) in [
            ("/time", json!(1_795_824_000_000_i64)),
            ("/metadata/logged_time", json!(1_795_827_723_456_i64)),
            ("/actor/user/name", json!("bi")),
            ("/actor/session/uid", json!("77")),
            ("/actor/app_name", json!("editor")),
            ("/src_endpoint/ip", json!("192.0.2.7")),
            ("/database/uid", json!("warehouse")),
            ("/disposition_id", json!(15)),
            ("/status_code", json!("other_connection")),
        ] {
            assert_eq!(event.pointer(place), Some(&want), "{place}");
        }
        for name in ["user", "client_address", "application", "backend_pid", "ran_at"] {
            record[name] = Value::Null;
        }
        let event = of(&record).unwrap();
        assert_eq!(
            (&event["time"], &event["src_endpoint"]),
            (&event["metadata"]["logged_time"], &json!({ "name": "unknown" }))
        );
        assert_eq!(event["actor"], json!({ "user": { "name": "unknown" } }));
        record["client_address"] = "::ffff:x".into();
        assert_eq!(of(&record).unwrap()["src_endpoint"], json!({ "name": "::ffff:x" }));
    }

    /// The page names every kind of record, with its class where it has one.
    #[test]
    fn the_page_has_every_kind_of_record() {
        let schema: Value = serde_json::from_str(include_str!("../../../../docs/audit.schema.json")).unwrap();
        let page = include_str!("../../../../docs/audit.md").split("\n## OCSF\n").nth(1).unwrap();
        let rows: Vec<(&str, &str)> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once(" | "))
            .take_while(|(_, class)| !class.starts_with('`'))
            .collect();
        let consts = schema["$defs"]
            .as_object()
            .unwrap()
            .values()
            .filter_map(|kind| kind["properties"]["event"]["const"].as_str());
        let mut kinds = 0;
        for kind in consts {
            let named: Vec<_> =
                rows.iter().filter(|(names, _)| format!("`{names}").contains(&format!("`{kind}`"))).collect();
            let [(_, class)] = named.as_slice() else { panic!("{kind}: {named:?}") };
            let event = of(&json!({ "event": kind, "time": "2026-11-28T01:02:03.456789Z" }));
            let want = event.map_or_else(|| "none".to_owned(), |event| event["class_uid"].to_string());
            assert!(class.starts_with(&want), "{kind}: {class}, not {want}");
            kinds += 1;
        }
        assert_eq!(kinds, schema["oneOf"].as_array().unwrap().len());
    }
}
