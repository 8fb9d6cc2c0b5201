//! Policies of organisations over accounts. The file is the gate's own, since no one command of AWS writes it; `docs/facts.md`
//! describes it and how it is made.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{error::FactsError, page::Page, unique};
use crate::{
    chain::AccountId,
    iam::{
        facts::membership::{Affiliation, ControlLevel, Membership},
        policy::document::{Document, DocumentKind, decode_text},
    },
};

/// What such a file holds.
pub(in crate::iam) const COMMAND: &str = "what docs/facts.md calls the organisation file";

const ADVICE: &str = r#"write {"accounts": {"123456789012": {"org_id": "o-example", "scps": [{"level": "root", "policies": [{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}]}], "rcps": []}}}; see docs/facts.md"#;

/// The keys of one account.
const KEYS: [&str; 5] = ["org_id", "org_path", "management", "scps", "rcps"];

/// What a page may hold beside its accounts.
const TOP: [&str; 3] = ["accounts", "policies", "captured_at"];

/// Adds the accounts of one page, whose data is as old as it says, or else as the file.
pub(in crate::iam) fn add(
    found: &mut HashMap<AccountId, Membership>,
    page: &Page,
    written_at: Timestamp,
) -> Result<(), FactsError> {
    let accounts = page.value.get("accounts").and_then(Json::as_object);
    let accounts = accounts.ok_or_else(|| page.error("top level", "accounts", ADVICE))?;
    let mut keys = page.value.as_object().into_iter().flat_map(|fields| fields.keys());
    if let Some(key) = keys.find(|key| !TOP.contains(&key.as_str())) {
        return Err(page.error(key, TOP.join(", "), ADVICE));
    }
    if page.value.get("policies").is_some_and(|policies| !policies.is_object()) {
        return Err(page.error("policies", "an object, each policy under its id", ADVICE));
    }
    let captured_at = page.captured_at()?.unwrap_or(written_at);
    let mut reader = OrganisationReader { page, captured_at, read: HashMap::new() };
    for (id, value) in accounts {
        let place = format!("accounts.{id}");
        let account = AccountId::parse(id).ok_or_else(|| page.error(&place, "an account of twelve digits", ADVICE))?;
        if found.insert(account, reader.membership(&place, value)?).is_some() {
            return Err(page.error(&place, "each account once", "list the account in one file only"));
        }
    }
    Ok(())
}

/// A policy, and what messages call it where it has a name.
type NamedPolicy = (Option<String>, Arc<Document>);

/// One page.
struct OrganisationReader<'p> {
    page: &'p Page,
    captured_at: Timestamp,
    /// Policies that levels name by id, each read once: by the key of their kind, and id.
    read: HashMap<(&'static str, &'p str), NamedPolicy>,
}

/// The key under which policies of a kind stand, what messages call one, and its grammar.
type Kind = (&'static str, &'static str, DocumentKind);

const SERVICE_CONTROL: Kind = ("scps", "service control policy", DocumentKind::Permissions);
const RESOURCE_CONTROL: Kind = ("rcps", "resource control policy", DocumentKind::ResourceControl);

impl<'p> OrganisationReader<'p> {
    fn membership(&mut self, place: &str, value: &'p Json) -> Result<Membership, FactsError> {
        let page = self.page;
        let fields = value.as_object().ok_or_else(|| page.error(place, "an object", ADVICE))?;
        if let Some(key) = fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(page.error(&format!("{place}.{key}"), KEYS.join(", "), ADVICE));
        }
        let is_management = match fields.get("management") {
            None | Some(Json::Null) => false,
            Some(Json::Bool(value)) => *value,
            Some(_) => return Err(page.error(&format!("{place}.management"), "true or false", ADVICE)),
        };
        let path = match fields.get("org_path") {
            None | Some(Json::Null) => None,
            Some(Json::String(path)) if path.starts_with("o-") && path.ends_with('/') => Some(path.clone()),
            Some(_) => {
                let expected = "a path of the organisation, as \"o-example/r-ab12/ou-ab12-11111111/\"";
                return Err(page.error(&format!("{place}.org_path"), expected, ADVICE));
            }
        };
        let membership = Membership {
            affiliation: affiliation(page, place, fields.get("org_id"))?,
            path,
            is_management,
            service_control: self.levels(value, place, SERVICE_CONTROL)?,
            resource_control: self.levels(value, place, RESOURCE_CONTROL)?,
            captured_at: self.captured_at,
        };
        if membership.affiliation == Affiliation::None
            && !(membership.service_control.is_none() && membership.resource_control.is_none())
        {
            let advice = "an account outside of any organisation has no such policies: correct org_id, or leave scps and rcps out";
            return Err(page.error(place, "no scps and rcps beside \"org_id\": \"none\"", advice));
        }
        Ok(membership)
    }

    fn levels(
        &mut self,
        membership: &'p Json,
        place: &str,
        (key, label, kind): Kind,
    ) -> Result<Option<Vec<ControlLevel>>, FactsError> {
        let page = self.page;
        let Some(levels) = page.list_if_any(membership, key, place)? else { return Ok(None) };
        let mut found: Vec<ControlLevel> = Vec::new();
        for level in levels {
            let name = page.text(level, "level", &format!("{place}.{key}"))?;
            let place = format!("{place}.{key} (level {name})");
            if found.iter().any(|before| before.name == name) {
                return Err(page.error(&place, "each level once", "put all policies of a level into one list"));
            }
            let policies = page.list(level, "policies", &place)?;
            if policies.is_empty() && kind == DocumentKind::Permissions {
                let advice = "a level without a service control policy allows nothing, so every step of the account would be refused: \
                              list what is attached there, FullAWSAccess too, or leave the level out";
                return Err(page.error(&place, "at least one policy", advice));
            }
            let mut documents = Vec::new();
            for (number, policy) in (1..).zip(policies) {
                let (own_name, document) = self.policy(&place, (key, label, kind), policy)?;
                let label = own_name.map_or_else(|| format!("{label} {number}"), |name| format!("{label} \"{name}\""));
                documents.push((label, document));
            }
            found.push(ControlLevel { name: name.to_owned(), policies: documents });
        }
        Ok(Some(found))
    }

    /// A policy of a level: the document itself, in each of its forms, or the id under which the page holds it.
    fn policy(&mut self, place: &str, (key, _, kind): Kind, policy: &'p Json) -> Result<NamedPolicy, FactsError> {
        let Some(id) = policy.as_str().filter(|text| text.starts_with("p-")) else {
            return read(self.page, place, kind, policy);
        };
        if let Some(known) = self.read.get(&(key, id)) {
            return Ok(known.clone());
        }
        let held = self.page.value.get("policies").and_then(|policies| policies.get(id));
        let held = held.ok_or_else(|| self.page.error(place, format!("policy {id} under \"policies\""), ADVICE))?;
        let found = read(self.page, &format!("policies.{id}"), kind, held)?;
        self.read.insert((key, id), found.clone());
        Ok(found)
    }
}

/// A missing `org_id` is unknown; one that is present must be valid.
fn affiliation(page: &Page, place: &str, value: Option<&Json>) -> Result<Affiliation, FactsError> {
    match value {
        None | Some(Json::Null) => Ok(Affiliation::NotGiven),
        Some(Json::String(text)) if text == "none" => Ok(Affiliation::None),
        Some(Json::String(text)) if text.starts_with("o-") => Ok(Affiliation::Organisation(text.clone())),
        Some(other) => {
            let expected = "the organisation's id, as \"o-a1b2c3d4e5\", or \"none\" for an account outside of any";
            Err(page.error(&format!("{place}.org_id"), expected, format!("{other} is neither: correct it")))
        }
    }
}

/// A policy: its document, its document as a text, or the output of `aws organizations describe-policy` whole or in part.
fn read(page: &Page, place: &str, kind: DocumentKind, policy: &Json) -> Result<NamedPolicy, FactsError> {
    let failed = |why: String| page.error(place, "a policy document that IAM takes", format!("{why}; correct it"));
    let described = policy.get("Policy").unwrap_or(policy);
    let name = described.get("PolicySummary").and_then(|summary| summary.get("Name")).and_then(Json::as_str);
    let content = described.get("Content").unwrap_or(described);
    let parsed;
    let value = match content {
        Json::String(text) => {
            let text = decode_text(text).map_err(failed)?;
            unique::check(&text).map_err(failed)?;
            parsed = serde_json::from_str::<Json>(&text).map_err(|error| failed(error.to_string()))?;
            &parsed
        }
        value => value,
    };
    let document = Document::of(kind, value, value.to_string().chars().count());
    let faulty = document
        .statements
        .iter()
        .find_map(|statement| statement.fault.as_ref().map(|fault| format!("statement {}: {fault}", statement.number)));
    match document.fault.clone().or(faulty) {
        Some(fault) => Err(failed(fault)),
        None => Ok((name.map(str::to_owned), Arc::new(document))),
    }
}
