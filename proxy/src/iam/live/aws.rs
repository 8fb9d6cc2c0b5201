//! AWS itself as the source of facts: IAM, Redshift and Redshift Serverless through the AWS SDK, one set of credentials for each
//! account. What comes back is written as the command line would write it. Sources: IAM API Reference,
//! `GetAccountAuthorizationDetails`, `GetRole`; Redshift API Reference, `DescribeClusters`; Redshift Serverless API
//! Reference, `ListWorkgroups`, `ListNamespaces`.

mod failed;
mod json;
mod organisation;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_iam::types::EntityType;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder as HttpBuilder, tls};
use serde_json::{Value as Json, json};

use self::failed::failed;
use super::source::{FactsSource, FetchError, Fetching};
use crate::chain::{AccountId, RoleArn};

/// One try of one call, and all tries of it: an endpoint that hangs must not hold a fetch for ever.
const ATTEMPT: Duration = Duration::from_secs(10);
const OPERATION: Duration = Duration::from_mins(1);
const CONNECT: Duration = Duration::from_secs(3);

/// Tries of a call that is throttled; the SDK waits between them, longer each time.
const TRIES: u32 = 5;

/// How one account is reached.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccountAccess {
    /// A profile of the AWS configuration files; absent: the default credentials.
    pub profile: Option<String>,
    /// A role to assume, with those credentials, for reading the account.
    pub role_arn: Option<String>,
    /// The external id that the role demands.
    pub external_id: Option<String>,
    /// The regions whose clusters are read.
    pub regions: Vec<String>,
    /// Whether serverless workgroups are read too.
    pub serverless: bool,
}

/// Clients of one account.
#[derive(Debug)]
struct Clients {
    iam: aws_sdk_iam::Client,
    organizations: aws_sdk_organizations::Client,
    redshift: Vec<aws_sdk_redshift::Client>,
    serverless: Vec<aws_sdk_redshiftserverless::Client>,
}

/// The accounts of a configuration, ready to be asked.
#[derive(Debug)]
pub struct Aws {
    accounts: BTreeMap<AccountId, Clients>,
}

impl Aws {
    /// Prepares clients; nothing is asked of AWS before the first fetch.
    pub async fn new(accounts: impl IntoIterator<Item = (AccountId, AccountAccess)>) -> Self {
        let mut clients = BTreeMap::new();
        for (account, access) in accounts {
            clients.insert(account, connect(&access).await);
        }
        Self { accounts: clients }
    }

    fn clients(&self, account: AccountId) -> Result<&Clients, FetchError> {
        let message = "the account is not in [[facts.aws.account]]".to_owned();
        self.accounts.get(&account).ok_or(FetchError { account, call: "any", message })
    }
}

async fn connect(access: &AccountAccess) -> Clients {
    let regions: Vec<Region> = access.regions.iter().cloned().map(Region::new).collect();
    // IAM is global; its calls are signed for a region of the partition all the same.
    let first = regions.first().cloned().unwrap_or_else(|| Region::new("us-east-1"));
    let http = HttpBuilder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION);
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .region(first)
        .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
        .timeout_config(timeouts.build());
    if let Some(profile) = &access.profile {
        loader = loader.profile_name(profile);
    }
    let mut config = loader.load().await;
    if let Some(role) = &access.role_arn {
        let mut assume = aws_config::sts::AssumeRoleProvider::builder(role).session_name("rolegate").configure(&config);
        if let Some(external_id) = &access.external_id {
            assume = assume.external_id(external_id);
        }
        let provider = aws_sdk_iam::config::SharedCredentialsProvider::new(assume.build().await);
        config = SdkConfig::into_builder(config).credentials_provider(provider).build();
    }
    let in_region = |region: &Region| config.clone().into_builder().region(region.clone()).build();
    let serverless = if access.serverless { regions.as_slice() } else { &[] };
    Clients {
        iam: aws_sdk_iam::Client::new(&config),
        organizations: aws_sdk_organizations::Client::new(&config),
        redshift: regions.iter().map(|region| aws_sdk_redshift::Client::new(&in_region(region))).collect(),
        serverless: serverless
            .iter()
            .map(|region| aws_sdk_redshiftserverless::Client::new(&in_region(region)))
            .collect(),
    }
}

impl FactsSource for Aws {
    fn roles(&self, account: AccountId) -> Fetching<'_, Vec<Json>> {
        Box::pin(async move {
            let failed = failed(account, "iam:GetAccountAuthorizationDetails");
            let request = self.clients(account)?.iam.get_account_authorization_details();
            let request = request
                .filter(EntityType::Role)
                .filter(EntityType::LocalManagedPolicy)
                .filter(EntityType::AwsManagedPolicy);
            let mut pages = request.into_paginator().send();
            let mut found = Vec::new();
            while let Some(page) = pages.next().await {
                let page = page.map_err(&failed)?;
                found.push(json::details(page.role_detail_list(), page.policies()));
            }
            Ok(found)
        })
    }

    fn clusters(&self, account: AccountId) -> Fetching<'_, Vec<Json>> {
        Box::pin(async move {
            let clients = self.clients(account)?;
            let mut found = Vec::new();
            for client in &clients.redshift {
                let mut pages = client.describe_clusters().into_paginator().send();
                while let Some(page) = pages.next().await {
                    let page = page.map_err(failed(account, "redshift:DescribeClusters"))?;
                    found.push(json::clusters(page.clusters()));
                }
            }
            for client in &clients.serverless {
                let (mut workgroups, mut namespaces) = (Vec::new(), Vec::new());
                let mut pages = client.list_workgroups().into_paginator().send();
                while let Some(page) = pages.next().await {
                    let page = page.map_err(failed(account, "redshift-serverless:ListWorkgroups"))?;
                    workgroups.extend(page.workgroups().iter().map(json::workgroup));
                }
                let mut pages = client.list_namespaces().into_paginator().send();
                while let Some(page) = pages.next().await {
                    let page = page.map_err(failed(account, "redshift-serverless:ListNamespaces"))?;
                    namespaces.extend(page.namespaces().iter().map(json::namespace));
                }
                found.push(json!({ "workgroups": workgroups, "namespaces": namespaces }));
            }
            Ok(found)
        })
    }

    fn role<'a>(&'a self, role: &'a RoleArn) -> Fetching<'a, Option<Json>> {
        Box::pin(async move {
            let account = role.account();
            let iam = &self.clients(account)?.iam;
            let found = match iam.get_role().role_name(role.name()).send().await {
                Ok(found) => found,
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(aws_sdk_iam::operation::get_role::GetRoleError::is_no_such_entity_exception) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(failed(account, "iam:GetRole")(error)),
            };
            // Names are looked up without case and path; the ARN says which role it is.
            let Some(found) = found.role().filter(|found| found.arn() == role.as_str()) else { return Ok(None) };
            let mut inline = Vec::new();
            let mut pages = iam.list_role_policies().role_name(role.name()).into_paginator().items().send();
            while let Some(name) = pages.next().await {
                let name = name.map_err(failed(account, "iam:ListRolePolicies"))?;
                let policy = iam.get_role_policy().role_name(role.name()).policy_name(&name).send().await;
                let policy = policy.map_err(failed(account, "iam:GetRolePolicy"))?;
                inline.push(json::inline_policy(&name, policy.policy_document()));
            }
            let mut attached = Vec::new();
            let mut pages = iam.list_attached_role_policies().role_name(role.name()).into_paginator().items().send();
            while let Some(policy) = pages.next().await {
                let policy = policy.map_err(failed(account, "iam:ListAttachedRolePolicies"))?;
                attached.extend(policy.policy_arn().map(str::to_owned));
            }
            let boundary = found.permissions_boundary().and_then(|it| it.permissions_boundary_arn());
            let mut policies = Vec::new();
            for arn in attached.iter().map(String::as_str).chain(boundary) {
                policies.push(managed_policy(iam, account, arn).await?);
            }
            Ok(Some(json!({ "RoleDetailList": [json::role(found, &inline, &attached)], "Policies": policies })))
        })
    }

    fn organisation(&self, account: AccountId) -> Fetching<'_, Json> {
        Box::pin(async move { organisation::read(&self.clients(account)?.organizations, account).await })
    }
}

/// A managed policy in its default version.
async fn managed_policy(iam: &aws_sdk_iam::Client, account: AccountId, arn: &str) -> Result<Json, FetchError> {
    let policy = iam.get_policy().policy_arn(arn).send().await.map_err(failed(account, "iam:GetPolicy"))?;
    let version = policy.policy().and_then(|policy| policy.default_version_id()).unwrap_or_default();
    let document = iam.get_policy_version().policy_arn(arn).version_id(version).send().await;
    let document = document.map_err(failed(account, "iam:GetPolicyVersion"))?;
    let document = document.policy_version().and_then(|version| version.document());
    Ok(json::managed_policy(arn, version, document))
}
