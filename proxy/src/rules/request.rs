//! One credential clause as Cedar sees it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::str::FromStr;

use cedar_policy::{Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression, Schema};
use jiff::Timestamp;

use crate::chain::{AccountId, RoleArn};
use crate::rules::RulesError;

/// What is asked: who does what with which chain on what, and under which circumstances.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The database user.
    pub user: &'a str,
    /// The user's groups.
    pub groups: &'a [String],
    /// The database.
    pub database: &'a str,
    /// `application_name`.
    pub application: &'a str,
    /// Where the session comes from.
    pub client_address: Option<IpAddr>,
    /// The subject of the client's verified TLS certificate.
    pub tls_subject: Option<&'a str>,
    /// That certificate's subject alternative names.
    pub tls_names: &'a [String],
    /// The time.
    pub now: Timestamp,
    /// The gate's name.
    pub gate: &'a str,
    /// The cluster's name; empty when it is not known.
    pub cluster: &'a str,
    /// The cluster's account.
    pub cluster_account: Option<AccountId>,
    /// The statement's kind, in snake case.
    pub kind: &'a str,
    /// What the clause holds.
    pub method: &'a str,
    /// The clause.
    pub clause: &'a str,
    /// The chain.
    pub roles: &'a [RoleArn],
    /// What the chain is used on.
    pub target: Option<TargetFacts<'a>>,
}

/// What a chain is used on, as far as rules can name it.
#[derive(Clone, Copy, Debug, Default)]
pub struct TargetFacts<'a> {
    /// An S3 bucket.
    pub bucket: Option<&'a str>,
    /// The rest of the S3 URI.
    pub prefix: Option<&'a str>,
    /// A Lambda function or SageMaker endpoint.
    pub function: Option<&'a str>,
    /// A database of the data catalog.
    pub catalog_database: Option<&'a str>,
    /// A secret's ARN.
    pub secret: Option<&'a str>,
    /// Who is granted something.
    pub grantee: Option<&'a str>,
    /// Anything else.
    pub other: Option<&'a str>,
}

fn wrong(error: impl std::fmt::Display) -> RulesError {
    RulesError::Request(error.to_string())
}

/// The schema and what every request takes from it, made once.
#[derive(Clone, Debug)]
pub(super) struct Vocabulary {
    schema: Schema,
    user: EntityTypeName,
    group: EntityTypeName,
    action: EntityTypeName,
    chain: EntityUid,
}

impl Vocabulary {
    /// That of a schema.
    pub(super) fn new(schema: Schema) -> Result<Self, RulesError> {
        let kind = |name: &str| EntityTypeName::from_str(&format!("Rolegate::{name}")).map_err(wrong);
        let chain = uid(&kind("Chain")?, "chain");
        Ok(Self { user: kind("User")?, group: kind("Group")?, action: kind("Action")?, chain, schema })
    }
}

/// The entity of a type with any text for its name: names come from clients, so they are never parsed.
fn uid(kind: &EntityTypeName, name: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(name))
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

/// The action of a statement kind: `create_model` is `CreateModel`.
fn action(kind: &str) -> String {
    let capitalised = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    kind.split('_').map(capitalised).collect()
}

impl Request<'_> {
    /// The request and its entities.
    pub(super) fn to_cedar(self, words: &Vocabulary) -> Result<(cedar_policy::Request, Entities), RulesError> {
        let user = uid(&words.user, self.user);
        let groups: HashSet<EntityUid> = self.groups.iter().map(|group| uid(&words.group, group)).collect();
        let action = uid(&words.action, &action(self.kind));
        let mut entities: Vec<Entity> =
            groups.iter().map(|group| Entity::new_no_attrs(group.clone(), HashSet::new())).collect();
        entities.push(Entity::new_no_attrs(user.clone(), groups));
        entities.push(Entity::new(words.chain.clone(), self.attributes()?, HashSet::new()).map_err(wrong)?);
        let entities = Entities::from_entities(entities, Some(&words.schema)).map_err(wrong)?;
        let context = Context::from_pairs(self.circumstances()).map_err(wrong)?;
        let request = cedar_policy::Request::new(user, action, words.chain.clone(), context, Some(&words.schema)).map_err(wrong)?;
        Ok((request, entities))
    }

    fn attributes(&self) -> Result<HashMap<String, RestrictedExpression>, RulesError> {
        let accounts: BTreeSet<AccountId> = self.roles.iter().map(RoleArn::account).collect();
        let leaves = self.cluster_account.is_some_and(|own| accounts.iter().any(|account| *account != own));
        let length = i64::try_from(self.roles.len()).map_err(wrong)?;
        let set = |values: Vec<String>| RestrictedExpression::new_set(values.iter().map(|value| text(value)));
        let mut attributes = HashMap::from([
            ("method".to_owned(), text(self.method)),
            ("clause".to_owned(), text(self.clause)),
            ("roles".to_owned(), set(self.roles.iter().map(|role| role.as_str().to_owned()).collect())),
            ("accounts".to_owned(), set(accounts.iter().map(ToString::to_string).collect())),
            ("length".to_owned(), RestrictedExpression::new_long(length)),
            ("leaves_cluster_account".to_owned(), RestrictedExpression::new_bool(leaves)),
        ]);
        let target = self.target.unwrap_or_default();
        let last_account = self.roles.last().map(|role| role.account().to_string());
        let optional = [
            ("first_role", self.roles.first().map(RoleArn::as_str)),
            ("last_role", self.roles.last().map(RoleArn::as_str)),
            ("last_account", last_account.as_deref()),
            ("target_bucket", target.bucket),
            ("target_prefix", target.prefix),
            ("target_function", target.function),
            ("target_catalog_database", target.catalog_database),
            ("target_secret", target.secret),
            ("target_grantee", target.grantee),
            ("target_other", target.other),
        ];
        attributes.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), text(value?)))));
        Ok(attributes)
    }

    fn circumstances(&self) -> Vec<(String, RestrictedExpression)> {
        let now = self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let mut pairs = vec![
            ("database".to_owned(), text(self.database)),
            ("application".to_owned(), text(self.application)),
            ("gate".to_owned(), text(self.gate)),
            ("cluster".to_owned(), text(self.cluster)),
            ("now".to_owned(), RestrictedExpression::new_datetime(now)),
            ("tls_names".to_owned(), RestrictedExpression::new_set(self.tls_names.iter().map(|name| text(name)))),
        ];
        pairs.extend(self.tls_subject.map(|subject| ("tls_subject".to_owned(), text(subject))));
        pairs.extend(self.cluster_account.map(|account| ("cluster_account".to_owned(), text(&account.to_string()))));
        let address = self.client_address.map(|address| RestrictedExpression::new_ip(address.to_string()));
        pairs.extend(address.map(|address| ("client_address".to_owned(), address)));
        pairs
    }
}
