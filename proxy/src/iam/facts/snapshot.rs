//! Account snapshots: the output of `aws iam get-account-authorization-details`.
//! Source: IAM API Reference, `GetAccountAuthorizationDetails`.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{
    Account, Origin, Role, RolePolicy,
    page::{FactsError, Page},
};
use crate::{
    chain::{AccountId, RoleArn},
    iam::policy::document::{Document, DocumentKind},
};

/// What the pages read so far hold.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    roles: HashMap<RoleArn, Found>,
    managed: HashMap<String, Arc<Document>>,
    accounts: Vec<AccountId>,
}

/// A role whose managed policies may stand on a later page.
#[derive(Debug)]
struct Found {
    id: Option<String>,
    tags: Vec<(String, String)>,
    trust: Document,
    inline: Vec<Arc<Document>>,
    attached: Vec<String>,
    boundary: Option<String>,
}

impl Snapshot {
    /// Adds one page.
    pub(crate) fn add(&mut self, page: &Page) -> Result<(), FactsError> {
        let value = &page.value;
        if value.get("RoleDetailList").is_none() && value.get("Policies").is_none() {
            return Err(page.error(
                "top level",
                "RoleDetailList and Policies",
                "write the file with: aws iam get-account-authorization-details",
            ));
        }
        if page.is_last && value.get("IsTruncated").and_then(Json::as_bool) == Some(true) {
            return Err(page.error(
                "IsTruncated",
                "the last page to be complete",
                "the snapshot is cut off: take it without --max-items, or add the pages that follow to this file",
            ));
        }
        for (number, policy) in page.list(value, "Policies", "")?.iter().enumerate() {
            self.add_policy(page, &format!("Policies[{number}]"), policy)?;
        }
        for (number, role) in page.list(value, "RoleDetailList", "")?.iter().enumerate() {
            self.add_role(page, &format!("RoleDetailList[{number}]"), role)?;
        }
        Ok(())
    }

    /// The accounts, managed policies put in their places.
    pub(crate) fn finish(self, origin: Origin) -> BTreeMap<AccountId, Account> {
        let Self { roles, managed, accounts } = self;
        let policy = |arn: String| match managed.get(&arn) {
            Some(document) => RolePolicy::Document(Arc::clone(document)),
            None => RolePolicy::Missing(arn),
        };
        let role = |found: Found| Role {
            id: found.id,
            tags: found.tags,
            trust: found.trust,
            policies: found
                .inline
                .into_iter()
                .map(RolePolicy::Document)
                .chain(found.attached.into_iter().map(policy))
                .collect(),
            boundary: found.boundary.map(policy),
        };
        let read_at = Timestamp::now();
        let empty = || Account { roles: HashMap::new(), is_complete: true, origin, read_at };
        let mut finished: BTreeMap<_, _> = accounts.into_iter().map(|account| (account, empty())).collect();
        for (arn, found) in roles {
            finished.entry(arn.account()).or_insert_with(empty).roles.insert(arn, Arc::new(role(found)));
        }
        finished
    }

    fn add_policy(&mut self, page: &Page, place: &str, policy: &Json) -> Result<(), FactsError> {
        let arn = page.text(policy, "Arn", place)?;
        self.accounts.extend(arn.split(':').nth(4).and_then(AccountId::parse));
        let default = policy.get("DefaultVersionId").and_then(Json::as_str);
        let versions = page.list(policy, "PolicyVersionList", place)?;
        let flagged = |version: &&Json| version.get("IsDefaultVersion").and_then(Json::as_bool) == Some(true);
        let named = |version: &&Json| default.is_some() && version.get("VersionId").and_then(Json::as_str) == default;
        let version = versions.iter().find(named).or_else(|| versions.iter().find(flagged));
        // Without the default version the policy is one whose document is missing.
        if let Some(document) = version.and_then(|version| version.get("Document")) {
            let document = read(page, place, format!("managed policy {arn}"), DocumentKind::Permissions, document)?;
            self.managed.insert(arn.to_owned(), Arc::new(document));
        }
        Ok(())
    }

    fn add_role(&mut self, page: &Page, place: &str, role: &Json) -> Result<(), FactsError> {
        let text = page.text(role, "Arn", place)?;
        let arn = RoleArn::parse(text)
            .map_err(|why| page.error(&format!("{place}.Arn"), "a role's ARN", format!("\"{text}\" {why}")))?;
        let place = format!("{place} (role {})", arn.name());
        let trust = role.get("AssumeRolePolicyDocument").ok_or_else(|| {
            page.error(&place, "AssumeRolePolicyDocument, the trust policy", "take the snapshot again with the command")
        })?;
        let mut inline = Vec::new();
        for policy in page.list(role, "RolePolicyList", &place)? {
            let name = page.text(policy, "PolicyName", &format!("{place}.RolePolicyList"))?;
            let document = policy.get("PolicyDocument").unwrap_or(&Json::Null);
            let label = format!("inline policy \"{name}\"");
            inline.push(Arc::new(read(page, &place, label, DocumentKind::Permissions, document)?));
        }
        let mut attached = Vec::new();
        for policy in page.list(role, "AttachedManagedPolicies", &place)? {
            attached.push(page.text(policy, "PolicyArn", &format!("{place}.AttachedManagedPolicies"))?.to_owned());
        }
        let boundary = role.get("PermissionsBoundary").filter(|boundary| !boundary.is_null()).map(|boundary| {
            page.text(boundary, "PermissionsBoundaryArn", &format!("{place}.PermissionsBoundary")).map(str::to_owned)
        });
        let mut tags = Vec::new();
        for tag in page.list(role, "Tags", &place)? {
            let field = |key| page.text(tag, key, &format!("{place}.Tags")).map(str::to_owned);
            tags.push((field("Key")?, field("Value")?));
        }
        let found = Found {
            id: role.get("RoleId").and_then(Json::as_str).map(str::to_owned),
            tags,
            trust: read(page, &place, "trust policy".to_owned(), DocumentKind::Trust, trust)?,
            inline,
            attached,
            boundary: boundary.transpose()?,
        };
        self.accounts.push(arn.account());
        if self.roles.insert(arn, found).is_some() {
            return Err(page.error(
                &place,
                "each role once",
                "the role was read before: keep one snapshot of each account",
            ));
        }
        Ok(())
    }
}

fn read(page: &Page, place: &str, label: String, kind: DocumentKind, value: &Json) -> Result<Document, FactsError> {
    let expected = format!("the policy document of the {label}");
    Document::read(label, kind, value).map_err(|why| page.error(place, expected, why))
}
