//! The roles that the body of a procedure names.

use crate::catalog::credential::{StoredCredential, StoredRole};
use crate::sql::{Clause, Dialect, Reading, read};

/// How many tags of dollar quotes are tried that the body might hold itself.
const MAX_TAGS: u16 = 1_000;

/// The roles of a body, as the grammar of CREATE PROCEDURE finds them. What it cannot tell is unknown: text that is put together while the
/// procedure runs may name any.
#[must_use]
pub(super) fn roles(body: &str) -> Vec<StoredRole> {
    let tag = (0..=MAX_TAGS).map(|number| format!("$rolegate{number}$")).find(|tag| !body.contains(tag.as_str()));
    let Some(tag) = tag else {
        let credential = StoredCredential::unknown("its text cannot be quoted");
        return vec![StoredRole { clause: Clause::Absent, credential }];
    };
    let text = format!("create procedure p() as {tag}{body}{tag} language plpgsql");
    let Reading::Analysed(analysis) = read(text.as_bytes(), Dialect::Redshift) else { return Vec::new() };
    let mut roles: Vec<StoredRole> = Vec::new();
    let mut add = |role: StoredRole| {
        if !roles.contains(&role) {
            roles.push(role);
        }
    };
    for statement in &analysis.statements {
        for used in &statement.role_uses {
            if let Some(credential) = StoredCredential::of_method(&used.method) {
                add(StoredRole { clause: used.clause, credential });
            }
        }
        if let Some(fault) = statement.faults.first() {
            add(StoredRole { clause: Clause::Absent, credential: StoredCredential::unknown(&fault.detail) });
        }
    }
    roles
}

#[cfg(test)]
mod tests {
    use super::roles;

    #[test]
    fn bodies() {
        let a = "arn:aws:iam::123456789012:role/RoleA";
        let rows: &[(String, &[&str])] = &[
            (
                format!(
                    "begin copy t from 's3://b/x' iam_role '{a}'; unload ('select 1') to 's3://b/y' iam_role default; end"
                ),
                &["chain", "default"],
            ),
            (format!("begin execute 'copy t from ''s3://b/x'' iam_role ''{a}'''; end"), &["chain"]),
            (
                format!("begin copy t from 's3://b/x' iam_role '{a}'; copy u from 's3://b/x' iam_role '{a}'; end"),
                &["chain"],
            ),
            ("begin execute 'copy t from ''s3://b/x'' iam_role ''' || r || ''''; end".to_owned(), &["unknown"]),
            ("begin insert into t values ('$rolegate0$'); end".to_owned(), &[]),
            ("begin null; end".to_owned(), &[]),
        ];
        for (body, want) in rows {
            let found: Vec<_> = roles(body).iter().map(|role| role.credential.as_str()).collect();
            assert_eq!(found, *want, "{body}");
        }
    }
}
