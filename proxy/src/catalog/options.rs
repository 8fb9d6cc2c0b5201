//! What the options of external schemas and the parameters of identity providers say of credentials. Source: `SVV_EXTERNAL_SCHEMAS`,
//! `SVV_IDENTITY_PROVIDERS`, Amazon Redshift Database Developer Guide. Keys come in either case; the text may be no JSON at all.

use serde_json::{Map, Value as Json};

use crate::catalog::credential::{StoredCredential, StoredRole};
use crate::sql::Clause;

/// The options of an external schema: its credentials, and what is told of it beside them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct SchemaOptions {
    pub roles: Vec<StoredRole>,
    /// The ARN of the secret with which a federated database is entered.
    pub secret: Option<String>,
}

/// Kinds of external schemas that need no role: a local database, a datashare, a system table.
const WITHOUT_ROLE: [i64; 3] = [4, 5, 6];

/// What the options of a schema of this kind say. `None` for options that are not shown.
#[must_use]
pub(super) fn of_schema(kind: Option<i64>, options: Option<&str>) -> SchemaOptions {
    let needs_role = !kind.is_some_and(|kind| WITHOUT_ROLE.contains(&kind));
    let unknown =
        |reason: &str| SchemaOptions { roles: vec![StoredRole::iam(StoredCredential::unknown(reason))], secret: None };
    let Some(text) = options.filter(|text| !text.trim().is_empty()) else {
        return if needs_role { unknown("its options are not shown") } else { SchemaOptions::default() };
    };
    let Ok(Json::Object(options)) = serde_json::from_str(text) else {
        return unknown("its options are no JSON object");
    };
    let roles = roles(&options);
    let secret = value(&options, "secret_arn").and_then(Json::as_str).map(str::to_owned);
    if roles.is_empty() && needs_role {
        return SchemaOptions {
            secret,
            ..unknown("its options name no role, and how default and SESSION stand there is not documented")
        };
    }
    SchemaOptions { roles, secret }
}

/// The same of a column of `width` characters, which may be cut.
#[must_use]
pub(super) fn of_cut_options(text: Option<&str>, width: usize) -> Vec<StoredRole> {
    match text {
        Some(text) if text.chars().count() >= width => {
            let begins: String = text.chars().take(width).collect();
            vec![StoredRole::iam(StoredCredential::Cut(begins.into()))]
        }
        text => of_schema(None, text).roles,
    }
}

/// The credentials of an identity provider's parameters. Their text may hold what is left of a secret and is never shown.
#[must_use]
pub(super) fn of_provider(parameters: Option<&str>) -> Vec<StoredRole> {
    let Some(text) = parameters.filter(|text| !text.trim().is_empty()) else {
        return vec![StoredRole::iam(StoredCredential::unknown("its parameters are not shown"))];
    };
    let holds_secret = text.to_ascii_lowercase().contains("client_secret");
    let secret = holds_secret.then_some(StoredRole { clause: Clause::Keys, credential: StoredCredential::Keys });
    let roles = match serde_json::from_str(text) {
        Ok(Json::Object(parameters)) => roles(&parameters),
        _ => match loose_role(text) {
            Some(role) => vec![StoredRole::iam(StoredCredential::of_text(role))],
            // A blanked secret leaves no JSON; providers with a secret of their own have no role.
            None if holds_secret => Vec::new(),
            None => vec![StoredRole::iam(StoredCredential::unknown("its parameters are no JSON object"))],
        },
    };
    roles.into_iter().chain(secret).collect()
}

/// The value of `iam_role` in what is almost JSON.
fn loose_role(text: &str) -> Option<&str> {
    let at = text.to_ascii_lowercase().find("\"iam_role\"")?;
    let after = text.get(at..)?.get("\"iam_role\"".len()..)?;
    let value = after.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    value.split_once('"').map(|(role, _)| role)
}

fn value<'o>(options: &'o Map<String, Json>, key: &str) -> Option<&'o Json> {
    options.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
}

/// Every key that holds a role, whatever its case; a key that stands twice counts twice.
fn roles(options: &Map<String, Json>) -> Vec<StoredRole> {
    let clauses = [("iam_role", Clause::IamRole), ("catalog_role", Clause::CatalogRole)];
    let found = options.iter().filter_map(|(name, value)| {
        let (_, clause) = clauses.iter().find(|(key, _)| name.eq_ignore_ascii_case(key))?;
        let credential = match value {
            Json::String(text) => StoredCredential::of_text(text),
            _ => StoredCredential::unknown("the role in its options is no text"),
        };
        Some(StoredRole { clause: *clause, credential })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::{of_cut_options, of_provider, of_schema};
    use crate::catalog::StoredRole;

    const A: &str = "arn:aws:iam::123456789012:role/RoleA";

    fn told(roles: &[StoredRole]) -> String {
        let words = roles.iter().map(|role| format!("{}={}", role.clause, role.credential.as_str()));
        let mut words: Vec<_> = words.collect();
        words.sort();
        words.join(" ")
    }

    #[test]
    fn options_of_schemas() {
        let rows: &[(Option<i64>, Option<String>, &str)] = &[
            (Some(1), Some(format!("{{\"IAM_ROLE\":\"{A}\"}}")), "iam_role=chain"),
            (Some(1), Some(format!("{{\"iam_role\":\"{A},{A}\",\"REGION\":\"x\"}}")), "iam_role=chain"),
            (
                Some(1),
                Some(format!("{{\"Iam_Role\":\"{A}\",\"CATALOG_ROLE\":\"{A}\"}}")),
                "catalog_role=chain iam_role=chain",
            ),
            (Some(1), Some("{\"IAM_ROLE\":\"default\"}".to_owned()), "iam_role=default"),
            (Some(1), Some("{\"IAM_ROLE\":\"SESSION\"}".to_owned()), "iam_role=session"),
            (Some(1), Some("{\"IAM_ROLE\":\"\"}".to_owned()), "iam_role=hidden"),
            (Some(1), Some("{\"IAM_ROLE\":7,\"PORT\":true}".to_owned()), "iam_role=unknown"),
            (Some(1), Some("{\"IAM_ROLE\":\"no role\"}".to_owned()), "iam_role=unknown"),
            (Some(1), Some("{}".to_owned()), "iam_role=unknown"),
            (Some(1), Some("IAM_ROLE=x".to_owned()), "iam_role=unknown"),
            (Some(1), Some("[1]".to_owned()), "iam_role=unknown"),
            (Some(1), None, "iam_role=unknown"),
            (Some(7), Some("{}".to_owned()), "iam_role=unknown"),
            (None, Some(" ".to_owned()), "iam_role=unknown"),
            (Some(4), None, ""),
            (Some(5), Some("{}".to_owned()), ""),
            (Some(5), Some(format!("{{\"IAM_ROLE\":\"{A}\"}}")), "iam_role=chain"),
        ];
        for (kind, options, want) in rows {
            assert_eq!(told(&of_schema(*kind, options.as_deref()).roles), *want, "{kind:?} {options:?}");
        }
        let federated = "{\"IAM_ROLE\":\"default\",\"SECRET_ARN\":\"arn:aws:secretsmanager:x\"}";
        assert_eq!(of_schema(Some(3), Some(federated)).secret.as_deref(), Some("arn:aws:secretsmanager:x"));
    }

    #[test]
    fn options_that_fill_their_column_are_cut() {
        let long = format!("{{\"IAM_ROLE\":\"{}", "x".repeat(300));
        assert_eq!(told(&of_cut_options(long.get(..256), 256)), "iam_role=cut");
        assert_eq!(told(&of_cut_options(Some(&format!("{{\"IAM_ROLE\":\"{A}\"}}")), 256)), "iam_role=chain");
        assert_eq!(told(&of_cut_options(None, 256)), "iam_role=unknown");
    }

    #[test]
    fn parameters_of_providers() {
        let identity_center = format!(
            "{{\"iam_role\":\"{A}\",\"instance_arn\":\"arn:aws:sso:::instance/x\",\"is_lakehouse_app\":\"true\"}}"
        );
        let azure = "{\"issuer\":\"https://x\", \"client_id\":\"871c010f\", \"client_secret\":, \"audience\":[\"a\"]}";
        let both = format!("{{\"IAM_ROLE\" : \"{A}\", \"client_secret\":, }}");
        for (parameters, want) in [
            (Some(identity_center.as_str()), "iam_role=chain"),
            (Some(azure), "access_keys=keys"),
            (Some(both.as_str()), "access_keys=keys iam_role=chain"),
            (Some("no json"), "iam_role=unknown"),
            (None, "iam_role=unknown"),
            (Some("{\"issuer\":\"x\"}"), ""),
        ] {
            assert_eq!(told(&of_provider(parameters)), want, "{parameters:?}");
        }
    }
}
