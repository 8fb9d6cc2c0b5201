//! Policies of organisations over accounts. The file is the gate's own, since no one command of AWS writes it:
//! `{"accounts": {"<id>": {"org_id": "o-...", "scps": [{"level": "root", "policies": [...]}], "rcps": [...]}}}`.
//! An account that is listed without `scps` or `rcps` is bound by none.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::{
    Membership,
    page::{FactsError, Page},
};
use crate::{
    chain::AccountId,
    iam::policy::document::{Document, DocumentKind},
};

/// What such a file holds.
pub(crate) const SOURCE: &str = "service control policies by account";

const ADVICE: &str = r#"write {"accounts": {"123456789012": {"org_id": "o-example", "scps": [{"level": "root", "policies": []}], "rcps": []}}}"#;

/// Adds the accounts of one file.
pub(crate) fn add(found: &mut HashMap<AccountId, Membership>, page: &Page) -> Result<(), FactsError> {
    let accounts = page.value.get("accounts").and_then(Json::as_object);
    for (id, value) in accounts.ok_or_else(|| page.error("top level", "accounts", ADVICE))? {
        let place = format!("accounts.{id}");
        let account = AccountId::parse(id).ok_or_else(|| page.error(&place, "an account of twelve digits", ADVICE))?;
        let fields = value.as_object().ok_or_else(|| page.error(&place, "an object", ADVICE))?;
        if let Some(key) = fields.keys().find(|key| !matches!(key.as_str(), "org_id" | "scps" | "rcps")) {
            return Err(page.error(&format!("{place}.{key}"), "org_id, scps or rcps", ADVICE));
        }
        let membership = Membership {
            organisation: fields.get("org_id").and_then(Json::as_str).map(str::to_owned),
            service_control: levels(
                page,
                value,
                &place,
                ("scps", "service control policy", DocumentKind::Permissions),
            )?,
            resource_control: levels(
                page,
                value,
                &place,
                ("rcps", "resource control policy", DocumentKind::ResourceControl),
            )?,
        };
        if found.insert(account, membership).is_some() {
            return Err(page.error(&place, "each account once", "list the account in one file only"));
        }
    }
    Ok(())
}

fn levels(
    page: &Page,
    membership: &Json,
    place: &str,
    (key, label, kind): (&str, &str, DocumentKind),
) -> Result<Vec<Vec<Document>>, FactsError> {
    let mut found = Vec::new();
    for level in page.list(membership, key, place)? {
        let name = page.text(level, "level", &format!("{place}.{key}"))?;
        let place = format!("{place}.{key} (level {name})");
        let mut documents = Vec::new();
        for (number, policy) in (1..).zip(page.list(level, "policies", &place)?) {
            let label = format!("{label} {number} at level {name}");
            documents
                .push(Document::read(label, kind, policy).map_err(|why| page.error(&place, "a policy document", why))?);
        }
        found.push(documents);
    }
    Ok(found)
}
