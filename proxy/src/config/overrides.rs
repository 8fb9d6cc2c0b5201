//! Overrides from the environment: `ROLEGATE__LOG__LEVEL=debug` is `level` of `[log]`. An entry of a list is addressed
//! by its number from 0: `ROLEGATE__GATE__0__UPSTREAM__ADDRESS`.

use std::convert::Infallible;
use std::env;

use figment::value::{Dict, Value};

use crate::config::error::Problem;

/// What the names of all overrides begin with.
const PREFIX: &str = "ROLEGATE__";

/// One variable that overrides a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Override {
    /// The variable's name.
    pub(super) variable: String,
    /// The key's path.
    pub(super) path: Vec<String>,
    /// The value as written: a bare word, a number, `true`, or a list such as `["a", "b"]`.
    text: String,
}

impl Override {
    /// The override that a variable makes; `None` if its name says that it makes none.
    pub(super) fn new(variable: &str, text: &str) -> Option<Self> {
        let parts: Vec<&str> = variable.strip_prefix(PREFIX)?.split("__").collect();
        let section: Vec<String> = parts.iter().take(2).map(|part| part.to_ascii_lowercase()).collect();
        let path = parts.into_iter().enumerate().map(|(place, part)| key(&section, place, part)).collect();
        Some(Self { variable: variable.to_owned(), path, text: text.to_owned() })
    }
}

/// Keys are lower case, except finding codes, and the names of groups and of condition keys, which are the user's own.
fn key(section: &[String], place: usize, part: &str) -> String {
    let section: Vec<&str> = section.iter().map(String::as_str).collect();
    match (section.as_slice(), place) {
        (["policy", "severity" | "mode_by_code"], 2) => part.to_ascii_uppercase(),
        (["policy", "groups" | "mode_by_group"] | ["facts", "context"], 2) => part.to_owned(),
        _ => part.to_ascii_lowercase(),
    }
}

/// The overrides of this process's environment, in the order of their names.
pub(super) fn from_environment() -> Vec<Override> {
    let mut overrides: Vec<Override> = env::vars_os()
        .filter_map(|(name, value)| Override::new(&name.into_string().ok()?, &value.to_string_lossy()))
        .collect();
    overrides.sort_by(|left, right| left.path.cmp(&right.path));
    overrides
}

/// Applies the overrides to the values of a file.
pub(super) fn apply(values: &mut Value, overrides: &[Override]) -> Result<(), Problem> {
    for one in overrides {
        let parsed: Result<Value, Infallible> = one.text.parse();
        let Ok(value) = parsed;
        set(values, &one.path, value).map_err(|what| Problem::new(one.path.clone(), what))?;
    }
    Ok(())
}

fn set(values: &mut Value, path: &[String], new: Value) -> Result<(), String> {
    let Some((key, rest)) = path.split_first() else {
        *values = new;
        return Ok(());
    };
    match values {
        Value::Dict(_, entries) => set(entries.entry(key.clone()).or_insert_with(|| Dict::new().into()), rest, new),
        Value::Array(_, entries) => {
            let count = entries.len();
            let entry = key.parse::<usize>().ok().and_then(|place| entries.get_mut(place));
            let noun = if count == 1 { "entry" } else { "entries" };
            let entry = entry.ok_or_else(|| format!("the list has {count} {noun}; number entries from 0"))?;
            set(entry, rest, new)
        }
        _ => Err(format!("\"{key}\" is below a key that is not a table; correct the variable's name")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let rows: &[(&str, Option<&[&str]>)] = &[
            ("ROLEGATE__LOG__LEVEL", Some(&["log", "level"])),
            ("ROLEGATE__POLICY__SEVERITY__rg104", Some(&["policy", "severity", "RG104"])),
            ("ROLEGATE__POLICY__GROUPS__Etl", Some(&["policy", "groups", "Etl"])),
            ("ROLEGATE__POLICY__MODE_BY_CODE__rg301", Some(&["policy", "mode_by_code", "RG301"])),
            ("ROLEGATE__POLICY__MODE_BY_GROUP__Etl", Some(&["policy", "mode_by_group", "Etl"])),
            ("rolegate__log__level", None),
            ("ROLEGATE__policy__groups__ETL", Some(&["policy", "groups", "ETL"])),
            ("ROLEGATE__FACTS__CONTEXT__aws:SourceVpc", Some(&["facts", "context", "aws:SourceVpc"])),
            ("ROLEGATE__FACTS__AWS__ACCOUNT__0__ID", Some(&["facts", "aws", "account", "0", "id"])),
            ("ROLEGATE__GATE__0__UPSTREAM__ADDRESS", Some(&["gate", "0", "upstream", "address"])),
            ("ROLEGATE_DEMO_DIR", None),
            ("PATH", None),
        ];
        for (name, want) in rows {
            let path = Override::new(name, "").map(|one| one.path);
            assert_eq!(path, want.map(|parts| parts.iter().map(ToString::to_string).collect()), "{name}");
        }
    }

    /// (variable, value, what the table holds then)
    #[test]
    fn values_are_put_where_they_belong() {
        let put = |name: &str, text: &str| {
            let log = Dict::from([("level".to_owned(), Value::from("info"))]);
            let gates = vec![Value::from(Dict::from([("name".to_owned(), Value::from("a"))]))];
            let mut values =
                Value::from(Dict::from([("log".to_owned(), log.into()), ("gate".to_owned(), gates.into())]));
            apply(&mut values, &[Override::new(name, text).unwrap()]).map(|()| serde_json::to_string(&values).unwrap())
        };
        let gate = r#""gate":[{"name":"a"}]"#;
        for (name, text, want) in [
            ("ROLEGATE__LOG__LEVEL", "debug", format!(r#"{{{gate},"log":{{"level":"debug"}}}}"#)),
            ("ROLEGATE__LOG__FORMAT", "json", format!(r#"{{{gate},"log":{{"format":"json","level":"info"}}}}"#)),
            (
                "ROLEGATE__RUNTIME__WORKERS",
                "4",
                format!(r#"{{{gate},"log":{{"level":"info"}},"runtime":{{"workers":4}}}}"#),
            ),
            (
                "ROLEGATE__POLICY__NOTICE",
                "true",
                format!(r#"{{{gate},"log":{{"level":"info"}},"policy":{{"notice":true}}}}"#),
            ),
            (
                "ROLEGATE__POLICY__GROUPS__Etl",
                "[\"a\", \"b\"]",
                format!(r#"{{{gate},"log":{{"level":"info"}},"policy":{{"groups":{{"Etl":["a","b"]}}}}}}"#),
            ),
            ("ROLEGATE__GATE__0__NAME", "b", r#"{"gate":[{"name":"b"}],"log":{"level":"info"}}"#.to_owned()),
            ("ROLEGATE__LOG", "x", format!(r#"{{{gate},"log":"x"}}"#)),
        ] {
            assert_eq!(put(name, text), Ok(want), "{name}={text}");
        }
        for (name, what) in [
            ("ROLEGATE__GATE__1__NAME", "the list has 1 entry; number entries from 0"),
            ("ROLEGATE__GATE__x__NAME", "the list has 1 entry; number entries from 0"),
            ("ROLEGATE__GATE__-1__NAME", "the list has 1 entry; number entries from 0"),
            ("ROLEGATE__LOG__LEVEL__X", "\"x\" is below a key that is not a table; correct the variable's name"),
        ] {
            assert_eq!(put(name, "x").unwrap_err().what, what, "{name}");
        }
    }
}
