//! A whole organisation, in the form of the organisation file (docs/facts.md). Sources: AWS Organizations API Reference,
//! `DescribeOrganization`, `ListRoots`, `ListOrganizationalUnitsForParent`, `ListAccountsForParent`, `ListPoliciesForTarget`,
//! `DescribePolicy`.

use std::collections::BTreeMap;

use aws_sdk_organizations::{
    Client,
    operation::{
        list_accounts_for_parent::ListAccountsForParentOutput,
        list_organizational_units_for_parent::ListOrganizationalUnitsForParentOutput,
        list_policies_for_target::ListPoliciesForTargetOutput, list_roots::ListRootsOutput,
    },
    types::{PolicyType, PolicyTypeStatus},
};
use serde_json::{Map, Value as Json, json};

use super::failed::failed;
use crate::{chain::AccountId, iam::live::source::FetchError};

/// The kinds of policies that bear on a chain, by their keys in the file.
const KINDS: [(&str, PolicyType); 2] =
    [("scps", PolicyType::ServiceControlPolicy), ("rcps", PolicyType::ResourceControlPolicy)];

/// Reads the organisation of an account, which must be its management account or a delegated administrator.
pub(super) async fn read(client: &Client, account: AccountId) -> Result<Json, FetchError> {
    let described = client.describe_organization().send().await;
    let described = described.map_err(failed(account, "organizations:DescribeOrganization"))?;
    let organisation = described.organization();
    let id = organisation.and_then(|it| it.id()).unwrap_or_default();
    let management = organisation.and_then(|it| it.master_account_id()).unwrap_or_default();
    let mut reader = Reader { client, account, policies: Map::new(), accounts: Map::new() };
    let mut units = Vec::new();
    let roots: Result<Vec<_>, _> = client.list_roots().into_paginator().send().try_collect().await;
    for root in roots.map_err(failed(account, "organizations:ListRoots"))?.iter().flat_map(ListRootsOutput::roots) {
        let is_on = |kind: &PolicyType| {
            root.policy_types()
                .iter()
                .any(|it| it.r#type() == Some(kind) && it.status() == Some(&PolicyTypeStatus::Enabled))
        };
        // Of a kind that is switched off nothing is attached, and nothing binds: that is known, so its list is empty and not left out.
        let kinds: Vec<_> = KINDS.iter().filter(|(_, kind)| is_on(kind)).cloned().collect();
        let root_id = root.id().unwrap_or_default().to_owned();
        let path = format!("{id}/{root_id}/");
        units.push(Unit { level: "root".to_owned(), id: root_id, path, above: no_levels(), kinds });
    }
    while let Some(unit) = units.pop() {
        units.extend(reader.unit(id, management, unit).await?);
    }
    Ok(json!({ "policies": reader.policies, "accounts": reader.accounts }))
}

/// The levels over an account or unit, by the key of their kind.
type Levels = BTreeMap<&'static str, Vec<Json>>;

/// No level of any kind.
fn no_levels() -> Levels {
    KINDS.iter().map(|(key, _)| (*key, Vec::new())).collect()
}

/// A root or an organisational unit that has not been read.
struct Unit {
    id: String,
    /// What the file calls its level.
    level: String,
    path: String,
    above: Levels,
    kinds: Vec<(&'static str, PolicyType)>,
}

struct Reader<'c> {
    client: &'c Client,
    account: AccountId,
    /// What is attached anywhere, by id.
    policies: Map<String, Json>,
    accounts: Map<String, Json>,
}

impl Reader<'_> {
    /// Reads a unit and its accounts; gives the units below it.
    async fn unit(&mut self, organisation: &str, management: &str, unit: Unit) -> Result<Vec<Unit>, FetchError> {
        let levels = self.with_level(&unit.above, &unit.kinds, &unit.id, &unit.level).await?;
        let accounts = self.client.list_accounts_for_parent().parent_id(&unit.id);
        let accounts: Result<Vec<_>, _> = accounts.into_paginator().send().try_collect().await;
        let accounts = accounts.map_err(failed(self.account, "organizations:ListAccountsForParent"))?;
        for account in accounts.iter().flat_map(ListAccountsForParentOutput::accounts) {
            let Some(id) = account.id() else { continue };
            let mut member = Map::new();
            member.insert("org_id".to_owned(), Json::from(organisation));
            member.insert("org_path".to_owned(), Json::from(unit.path.as_str()));
            if id == management {
                member.insert("management".to_owned(), Json::from(true));
            } else {
                for (key, levels) in self.with_level(&levels, &unit.kinds, id, id).await? {
                    member.insert(key.to_owned(), Json::from(levels));
                }
            }
            self.accounts.insert(id.to_owned(), Json::Object(member));
        }
        let mut below = Vec::new();
        let children = self.client.list_organizational_units_for_parent().parent_id(&unit.id);
        let children: Result<Vec<_>, _> = children.into_paginator().send().try_collect().await;
        let children = children.map_err(failed(self.account, "organizations:ListOrganizationalUnitsForParent"))?;
        for child in children.iter().flat_map(ListOrganizationalUnitsForParentOutput::organizational_units) {
            let id = child.id().unwrap_or_default().to_owned();
            let level = format!("{id} ({})", child.name().unwrap_or_default());
            let path = format!("{}{id}/", unit.path);
            below.push(Unit { id, level, path, above: levels.clone(), kinds: unit.kinds.clone() });
        }
        Ok(below)
    }

    /// The levels above, and one for what is attached to `target`.
    async fn with_level(
        &mut self,
        above: &Levels,
        kinds: &[(&'static str, PolicyType)],
        target: &str,
        name: &str,
    ) -> Result<Levels, FetchError> {
        let mut levels = above.clone();
        for (key, kind) in kinds {
            let attached = self.attached(target, kind).await?;
            levels.entry(*key).or_default().push(json!({ "level": name, "policies": attached }));
        }
        Ok(levels)
    }

    /// The ids of the policies of a kind that are attached to a target; reads those that were not met before.
    async fn attached(&mut self, target: &str, kind: &PolicyType) -> Result<Vec<String>, FetchError> {
        let listed = self.client.list_policies_for_target().target_id(target).filter(kind.clone());
        let listed: Result<Vec<_>, _> = listed.into_paginator().send().try_collect().await;
        let listed = listed.map_err(failed(self.account, "organizations:ListPoliciesForTarget"))?;
        let ids = listed.iter().flat_map(ListPoliciesForTargetOutput::policies).filter_map(|policy| policy.id());
        let found: Vec<String> = ids.map(str::to_owned).collect();
        for id in &found {
            if !self.policies.contains_key(id) {
                let read = self.client.describe_policy().policy_id(id).send().await;
                let read = read.map_err(failed(self.account, "organizations:DescribePolicy"))?;
                let policy = read.policy();
                let name = policy.and_then(|it| it.policy_summary()).and_then(|it| it.name());
                let content = policy.and_then(|it| it.content());
                self.policies.insert(id.clone(), json!({ "PolicySummary": { "Name": name }, "Content": content }));
            }
        }
        Ok(found)
    }
}
