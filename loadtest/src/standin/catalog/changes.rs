//! What a statement changes in the catalogue.

use crate::standin::statement::Text;

/// One change: SQL over the tables behind the views, with values for `?1`, `?2`, ...; `:owner` stands for the session's user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// The SQL.
    pub sql: &'static str,
    /// The values.
    pub values: Vec<String>,
}

fn change<const N: usize>(sql: &'static str, values: [&str; N]) -> Change {
    Change { sql, values: values.map(str::to_owned).to_vec() }
}

/// What a statement changes; nothing for most.
#[must_use]
pub fn of(text: Text<'_>) -> Vec<Change> {
    let Some((words, at)) = opening(text) else { return Vec::new() };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["create", "external", "schema"] => external_schema(text, at),
        ["create", "external", "function"] => function(text, at),
        ["create", "model"] | ["create", "external", "model"] => model(text, at),
        ["create", "procedure"] => procedure(text, at),
        ["create", "view"] => view(text, at),
        ["create", "schema"] => schema(text, at),
        ["create", "user"] => user(text, at),
        ["create", "group"] => group(text, at),
        ["create", "role"] => {
            vec![change("insert or ignore into role_row (role_name) values (?1)", [&text.name(at).1])]
        }
        ["create", "identity", "provider"] => provider(text, at),
        ["alter", "external", "schema"] => altered_schema(text, at),
        ["alter", "schema"] => renamed_schema(text, at),
        ["alter", "group"] => altered_group(text, at),
        ["grant" | "revoke", "role"] => granted_role(text, at),
        ["grant" | "revoke", "assumerole"] => assumerole(text, at),
        ["drop", kind] => dropped(text, kind, at),
        ["copy", ..] => job(text),
        _ => Vec::new(),
    }
}

/// The words that say what a statement is, and the place behind them and behind IF NOT EXISTS.
fn opening(text: Text<'_>) -> Option<(Vec<String>, usize)> {
    let mut words = vec![text.word(0)];
    let mut at = 1_usize;
    if text.word(at) == "or" {
        at = at.saturating_add(2);
    }
    let many: usize = match (text.word(at).as_str(), text.word(at.saturating_add(1)).as_str()) {
        ("external", "schema" | "function" | "model") | ("identity", "provider") => 2,
        ("external" | "materialized", _) => return None,
        _ => 1,
    };
    for _ in 0..many {
        words.push(text.word(at));
        at = at.saturating_add(1);
    }
    while ["if", "not", "exists"].contains(&text.word(at).as_str()) {
        at = at.saturating_add(1);
    }
    Some((words, at))
}

fn external_schema(text: Text<'_>, at: usize) -> Vec<Change> {
    let name = text.name(at).1;
    let source = text.find("from").map(|from| text.word(from.saturating_add(1))).unwrap_or_default();
    // Source: SVV_EXTERNAL_SCHEMAS, Amazon Redshift Database Developer Guide.
    let kind = match source.as_str() {
        "hive" => "2",
        "postgres" => "3",
        "redshift" => "5",
        "mysql" => "8",
        "kinesis" => "9",
        "msk" | "kafka" => "10",
        _ => "1",
    };
    let mut options = serde_json::Map::new();
    for key in ["region", "iam_role", "catalog_role", "secret_arn", "uri", "schema", "authentication_arn"] {
        let value = text.option(key).or_else(|| text.is_default(key).then(|| "default".to_owned()));
        if let Some(value) = value {
            options.insert(key.to_uppercase(), value.into());
        }
    }
    let options = serde_json::Value::Object(options).to_string();
    let insert =
        "insert into schema_row (nspname, nspowner, eskind, esdbname, esoptions) values (?1, :owner, ?2, ?3, ?4)
         on conflict (nspname) do nothing";
    vec![change(insert, [&name, kind, &text.option("database").unwrap_or_default(), &options])]
}

fn altered_schema(text: Text<'_>, at: usize) -> Vec<Change> {
    let name = text.name(at).1;
    let role = text.option("iam_role").or_else(|| text.is_default("iam_role").then(|| "default".to_owned()));
    let set = "update schema_row set esoptions = json_set(esoptions, '$.IAM_ROLE', ?2) where nspname = ?1";
    role.map(|role| vec![change(set, [&name, &role])]).unwrap_or_default()
}

fn schema(text: Text<'_>, at: usize) -> Vec<Change> {
    vec![change("insert or ignore into schema_row (nspname, nspowner) values (?1, :owner)", [&text.name(at).1])]
}

fn renamed_schema(text: Text<'_>, at: usize) -> Vec<Change> {
    let old = text.name(at).1;
    let new = text.find("to").map(|to| text.name(to.saturating_add(1)).1).unwrap_or_default();
    match text.word(at.saturating_add(1)).as_str() {
        "rename" => vec![change("update schema_row set nspname = ?2 where nspname = ?1", [&old, &new])],
        "owner" => {
            let set = "update schema_row set nspowner = (select usesysid from user_row where usename = ?2) where nspname = ?1";
            vec![change(set, [&old, &new])]
        }
        _ => Vec::new(),
    }
}

const FUNCTION: &str = "insert into proc_row (proname, pronamespace, proowner, prolang, prosrc, prokind)
     values (?1, ?2, :owner, ?3, ?4, ?5) on conflict (proname, pronamespace) do update set prosrc = excluded.prosrc,
     prolang = excluded.prolang, prokind = excluded.prokind";

fn function(text: Text<'_>, at: usize) -> Vec<Change> {
    let (schema, name) = text.name(at);
    vec![change(FUNCTION, [&name, &schema, "11", &text.option("lambda").unwrap_or_default(), "f"])]
}

fn procedure(text: Text<'_>, at: usize) -> Vec<Change> {
    let (schema, name) = text.name(at);
    let body = text.last_literal("as").unwrap_or_default();
    vec![change(FUNCTION, [&name, &schema, "10", &body, "p"])]
}

fn model(text: Text<'_>, at: usize) -> Vec<Change> {
    let (schema, name) = text.name(at);
    let function = text.find("function").map(|word| text.name(word.saturating_add(1)));
    let role = text.option("iam_role").or_else(|| text.is_default("iam_role").then(|| "default".to_owned()));
    let insert =
        "insert into model_row values (?1, ?2, :owner, ?3, ?4) on conflict (schema_name, model_name) do nothing";
    let called = function.as_ref().map(|(_, name)| name.clone()).unwrap_or_default();
    let mut changes = vec![change(insert, [&schema, &name, &called, &role.unwrap_or_default()])];
    changes.extend(function.map(|(schema, name)| change(FUNCTION, [&name, &schema, "12", "", "f"])));
    changes
}

fn view(text: Text<'_>, at: usize) -> Vec<Change> {
    let (schema, name) = text.name(at);
    let whole = text.whole();
    // A view that is bound late keeps its text, any other the query alone.
    let is_late = whole.to_ascii_lowercase().contains("no schema binding");
    let query = text.find("as").and_then(|place| text.from(place.saturating_add(1))).unwrap_or_default();
    let definition = if is_late { whole } else { query };
    let insert = "insert into view_row (schemaname, viewname, viewowner, definition, query)
         values (?1, ?2, (select usename from user_row where usesysid = :owner), ?3, ?4)
         on conflict (schemaname, viewname) do update set definition = excluded.definition, query = excluded.query";
    let end = query.to_ascii_lowercase().rfind("with no schema binding").unwrap_or(query.len());
    vec![change(insert, [&schema, &name, definition, query.get(..end).unwrap_or(query).trim()])]
}

fn user(text: Text<'_>, at: usize) -> Vec<Change> {
    let insert = "insert or ignore into user_row values ((select max(usesysid) + 1 from user_row), ?1, 0)";
    vec![change(insert, [&text.name(at).1])]
}

const MEMBER: &str = "insert or ignore into group_member values (?1, ?2)";

fn group(text: Text<'_>, at: usize) -> Vec<Change> {
    let name = text.name(at).1;
    let mut changes = vec![change("insert or ignore into group_row (groname) values (?1)", [&name])];
    changes.extend(text.names_behind("user").iter().map(|user| change(MEMBER, [&name, user])));
    changes
}

fn altered_group(text: Text<'_>, at: usize) -> Vec<Change> {
    let name = text.name(at).1;
    let users = text.names_behind("user");
    let sql = match text.word(at.saturating_add(1)).as_str() {
        "add" => MEMBER,
        "drop" => "delete from group_member where groname = ?1 and usename = ?2",
        _ => return Vec::new(),
    };
    users.iter().map(|user| change(sql, [&name, user])).collect()
}

fn granted_role(text: Text<'_>, at: usize) -> Vec<Change> {
    let role = text.name(at).1;
    let Some(to) = text.find("to").or_else(|| text.find("from")).map(|to| to.saturating_add(1)) else {
        return Vec::new();
    };
    let is_role = text.word(to) == "role";
    let whom = text.name(if is_role { to.saturating_add(1) } else { to }).1;
    vec![match (text.word(0) == "grant", is_role) {
        // Whoever is granted a role receives it: `role_name` received `granted_role_name`.
        (true, true) => change("insert or ignore into role_role values (?2, ?1)", [&role, &whom]),
        (true, false) => change("insert or ignore into role_user values (?1, ?2)", [&role, &whom]),
        (false, true) => {
            change("delete from role_role where role_name = ?2 and granted_role_name = ?1", [&role, &whom])
        }
        (false, false) => change("delete from role_user where role_name = ?1 and user_name = ?2", [&role, &whom]),
    }]
}

fn assumerole(text: Text<'_>, at: usize) -> Vec<Change> {
    let role = text.option("on").unwrap_or_else(|| "default".to_owned());
    let whom = text.find("to").or_else(|| text.find("from")).map(|to| text.name(to.saturating_add(1)).1);
    let commands = text.names_behind("for").join("|").to_uppercase();
    let Some(whom) = whom.filter(|_| at > 0) else { return Vec::new() };
    vec![if text.word(0) == "grant" {
        change("insert into assumerole_row values (?1, ?2, ?3)", [&whom, &role, &commands])
    } else {
        change("delete from assumerole_row where username = ?1 and iam_role = ?2", [&whom, &role])
    }]
}

fn provider(text: Text<'_>, at: usize) -> Vec<Change> {
    let name = text.name(at).1;
    let kind = text.find("type").map(|word| text.name(word.saturating_add(1)).1).unwrap_or_default();
    let parameters = text.option("parameters").unwrap_or_else(|| {
        let role = text.option("iam_role").unwrap_or_default();
        format!("{{\"iam_role\":{}}}", serde_json::Value::from(role))
    });
    // The cluster blanks the secret, so that what is left is no JSON.
    let blanked = match parameters.split_once("\"client_secret\":") {
        Some((before, after)) => {
            let rest = after.trim_start().trim_start_matches('"').split_once('"').map_or("", |(_secret, rest)| rest);
            format!("{before}\"client_secret\":{rest}")
        }
        None => parameters,
    };
    let insert = "insert into provider_row (name, type, namespc, params, enabled) values (?1, ?2, ?3, ?4, 1) on conflict (name) do nothing";
    vec![change(insert, [&name, &kind, &text.option("namespace").unwrap_or_default(), &blanked])]
}

fn dropped(text: Text<'_>, kind: &str, at: usize) -> Vec<Change> {
    let (schema, name) = text.name(at);
    match kind {
        "schema" => vec![change("delete from schema_row where nspname = ?1", [&name])],
        "function" | "procedure" => {
            vec![change("delete from proc_row where proname = ?1 and pronamespace = ?2", [&name, &schema])]
        }
        "view" => vec![change("delete from view_row where viewname = ?1 and schemaname = ?2", [&name, &schema])],
        "model" => vec![
            change(
                "delete from proc_row where proname = (select function_name from model_row where model_name = ?1 and schema_name = ?2)",
                [&name, &schema],
            ),
            change("delete from model_row where model_name = ?1 and schema_name = ?2", [&name, &schema]),
        ],
        "group" => vec![
            change("delete from group_row where groname = ?1", [&name]),
            change("delete from group_member where groname = ?1", [&name]),
        ],
        "role" => vec![change("delete from role_row where role_name = ?1", [&name])],
        "user" => vec![change("delete from user_row where usename = ?1", [&name])],
        _ => Vec::new(),
    }
}

fn job(text: Text<'_>) -> Vec<Change> {
    let Some(word) = text.find("job") else { return Vec::new() };
    let next = text.word(word.saturating_add(1));
    let name = text.name(word.saturating_add(2)).1;
    match next.as_str() {
        "create" => {
            let role = text.option("iam_role").or_else(|| text.is_default("iam_role").then(|| "default".to_owned()));
            let insert = "insert into job_row (job_name, owner, iam_role, job_text) values (?1, :owner, ?2, ?3) on conflict (job_name) do nothing";
            let told = super::blank::blanked(text.whole());
            vec![change(insert, [&name, &role.unwrap_or_default(), &told])]
        }
        "drop" => vec![change("delete from job_row where job_name = ?1", [&name])],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::standin::statement::read;

    fn changes(sql: &str) -> Vec<(String, Vec<String>)> {
        let told = read(sql).unwrap().remove(0);
        told.changes
            .into_iter()
            .map(|one| (one.sql.split_whitespace().take(3).collect::<Vec<_>>().join(" "), one.values))
            .collect()
    }

    #[test]
    fn what_is_stored() {
        let rows: &[(&str, &str, &[&str])] = &[
            (
                "create external schema if not exists \"My s\" from data catalog database 'd' iam_role 'a,b' catalog_role 'c'",
                "insert into schema_row",
                &["My s", "1", "d", "{\"IAM_ROLE\":\"a,b\",\"CATALOG_ROLE\":\"c\"}"],
            ),
            (
                "create or replace external function x.F(int) returns int lambda 'l' iam_role 'a'",
                "insert into proc_row",
                &["f", "x", "11", "l", "f"],
            ),
            (
                "create procedure p() as $$ begin end $$ language plpgsql",
                "insert into proc_row",
                &["p", "public", "10", " begin end ", "p"],
            ),
            ("create view v as select 1", "insert into view_row", &["public", "v", "select 1", "select 1"]),
            (
                "create view v as select * from s.t with no schema binding",
                "insert into view_row",
                &["public", "v", "create view v as select * from s.t with no schema binding", "select * from s.t"],
            ),
            (
                "copy t from 's3://b' iam_role 'a' job create j auto on",
                "insert into job_row",
                &["j", "a", "copy t from 's3://b' iam_role '' job create j auto on"],
            ),
            ("copy job drop j", "delete from job_row", &["j"]),
            ("alter external schema s iam_role 'z'", "update schema_row set", &["s", "z"]),
            ("alter schema s rename to t", "update schema_row set", &["s", "t"]),
            ("drop schema if exists s", "delete from schema_row", &["s"]),
            (
                "grant assumerole on 'a' to etl for copy, unload",
                "insert into assumerole_row",
                &["etl", "a", "COPY|UNLOAD"],
            ),
            ("grant role reads to role writes", "insert or ignore", &["reads", "writes"]),
            (
                "create identity provider z type azure namespace 'n' parameters '{\"client_secret\":\"x\",\"a\":1}'",
                "insert into provider_row",
                &["z", "azure", "n", "{\"client_secret\":,\"a\":1}"],
            ),
        ];
        for (sql, want, values) in rows {
            let found = changes(sql);
            assert_eq!(
                (found[0].0.as_str(), found[0].1.as_slice()),
                (*want, &values.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()[..]),
                "{sql}"
            );
        }
        for sql in [
            "select 1",
            "create table t (a int)",
            "copy t from 's3://b' iam_role 'a'",
            "create external table s.t (a int)",
        ] {
            assert!(changes(sql).is_empty(), "{sql}");
        }
    }
}
