//! A configuration as a list of keys and values, so that two can be compared key by key.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value as Json;

use crate::config::Config;

/// A key of the effective configuration, such as `policy.cache.ttl` or, of one gate, `gate.limits.max_sessions`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct FlatKey {
    /// The gate's name, of a key below `[[gate]]`.
    pub gate: Option<String>,
    /// The key with its sections, joined by dots. A list is one value, whatever it holds.
    pub path: String,
}

impl fmt::Display for FlatKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.gate {
            None => formatter.write_str(&self.path),
            Some(gate) => write!(formatter, "{} of {gate}", self.path),
        }
    }
}

impl Config {
    /// Every key that is set, by the file or by its default, with its value. Gates go by their name, in whatever order they stand.
    #[must_use]
    pub fn flat(&self) -> BTreeMap<FlatKey, Json> {
        let mut keys = BTreeMap::new();
        // Names and values of every section are plain, so that this cannot fail.
        let Ok(Json::Object(sections)) = serde_json::to_value(self) else { return keys };
        for (name, section) in sections {
            match section {
                Json::Array(gates) if name == "gate" => {
                    for gate in gates {
                        let of = gate.get("name").and_then(Json::as_str).map(str::to_owned);
                        add(&mut keys, of.as_deref(), name.clone(), gate);
                    }
                }
                section => add(&mut keys, None, name, section),
            }
        }
        keys
    }
}

fn add(keys: &mut BTreeMap<FlatKey, Json>, gate: Option<&str>, path: String, value: Json) {
    match value {
        Json::Object(table) => {
            for (name, value) in table {
                add(keys, gate, format!("{path}.{name}"), value);
            }
        }
        value => {
            keys.insert(FlatKey { gate: gate.map(str::to_owned), path }, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    fn flat(text: &str) -> BTreeMap<String, Json> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rolegate.toml");
        fs::write(&path, text).unwrap();
        Config::load(&path).unwrap().flat().into_iter().map(|(key, value)| (key.to_string(), value)).collect()
    }

    fn gate(name: &str, port: u16) -> String {
        format!(
            "[[gate]]\nname = \"{name}\"\nlisten = \"127.0.0.1:{port}\"\n[gate.upstream]\naddress = \"localhost:5440\"\n"
        )
    }

    /// (key, value)
    #[test]
    fn every_key_has_a_line() {
        let keys = flat(&format!(
            "[policy.groups]\netl = [\"a\", \"b\"]\n[policy.severity]\nRG104 = \"reject\"\n{}{}",
            gate("one", 1),
            gate("two", 2)
        ));
        for (key, want) in [
            ("log.level", json!("info")),
            ("policy.cache.ttl", json!("5m")),
            ("policy.groups.etl", json!(["a", "b"])),
            ("policy.severity.RG104", json!("reject")),
            ("policy.rules", json!([])),
            ("gate.listen of one", json!("127.0.0.1:1")),
            ("gate.listen of two", json!("127.0.0.1:2")),
            ("gate.limits.max_sessions of two", json!(5000)),
            ("gate.upstream.tls of one", json!("verify-full")),
        ] {
            assert_eq!(keys.get(key), Some(&want), "{key}");
        }
        for absent in ["gate.tls of one", "runtime.workers", "gate", "gate.0", "policy.groups", "policy.exceptions"] {
            assert_eq!(keys.get(absent), None, "{absent}");
        }
    }

    #[test]
    fn the_order_of_gates_does_not_matter() {
        assert_eq!(flat(&(gate("one", 1) + &gate("two", 2))), flat(&(gate("two", 2) + &gate("one", 1))));
    }
}
