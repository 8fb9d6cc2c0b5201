//! The condition keys of one call, filled in from the table of keys and the facts.

use super::{
    caller::{Caller, ExternalIdOn},
    identity::Identity,
    keys::{self, Fact, Presence},
};
use crate::{
    chain::{AccountId, RoleArn},
    iam::{
        facts::{Affiliation, Facts, Role},
        policy::context::{KeyValue, RequestContext, Unlisted},
    },
};

/// The session name that Redshift gives to the first role's session. Source: seen in an AWS error text, Database Developer Guide,
/// "External tables".
const SESSION_NAME: &str = "RedshiftIamRoleSession";

/// The two sides of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides<'a> {
    pub(super) facts: &'a Facts,
    pub(super) caller: &'a Caller<'a>,
    /// Under which name and ARN the service calls.
    pub(super) identity: &'a Identity,
    /// The role that calls; `None`: the service does.
    pub(super) source: Option<(&'a RoleArn, &'a Role)>,
    pub(super) target: (&'a RoleArn, &'a Role),
}

impl Sides<'_> {
    /// The context of the call.
    pub(super) fn context(&self) -> RequestContext {
        let mut context = RequestContext::new(Unlisted::ByPrefix);
        for (name, row) in keys::rows() {
            match if self.source.is_some() { row.role } else { row.service } {
                Presence::Absent => set(&mut context, name, KeyValue::Absent),
                Presence::Unknown => set(&mut context, name, KeyValue::Unknown),
                Presence::Is(fact) => self.state(&mut context, name, fact),
            }
        }
        self.caller.stated.fill(&mut context);
        context
    }

    fn state(&self, context: &mut RequestContext, name: &'static str, fact: Fact) {
        let tags = match fact {
            Fact::PrincipalTags => self.source.map(|(_, role)| role.tags.as_deref()),
            Fact::ResourceTags => Some(self.target.1.tags.as_deref()),
            _ => None,
        };
        let Some(tags) = tags else { return context.add(name, self.value(fact)) };
        context.set_family(name, if tags.is_some() { KeyValue::Absent } else { KeyValue::Unknown });
        for (key, value) in tags.unwrap_or_default() {
            context.set_text(&format!("{name}{key}"), &**value);
        }
    }

    fn value(&self, fact: Fact) -> KeyValue {
        let text = |text: &dyn ToString| KeyValue::One(text.to_string());
        let (caller, cluster) = (self.caller, self.caller.cluster);
        let source = self.source.map(|(arn, _)| arn);
        match fact {
            Fact::True => text(&"true"),
            Fact::False => text(&"false"),
            Fact::Now => text(&caller.now),
            Fact::EpochSeconds => text(&caller.now.as_second()),
            Fact::AssumedRole => text(&"AssumedRole"),
            Fact::PrincipalArn => KeyValue::known(source.map(RoleArn::as_str)),
            Fact::PrincipalAccount => KeyValue::known(source.map(|arn| arn.account().to_string())),
            Fact::PrincipalOrganisation => self.organisation(source.map(RoleArn::account)),
            Fact::PrincipalPath => self.path(source.map(RoleArn::account)),
            Fact::UserId => match self.source.and_then(|(_, role)| role.id.as_deref()) {
                Some(id) => KeyValue::Begins(format!("{id}:")),
                None => KeyValue::Unknown,
            },
            Fact::ServiceName => KeyValue::known(self.identity.names.first()),
            // A region that is not known leaves its name open.
            Fact::ServiceNames if !self.identity.knows_region() => KeyValue::Unknown,
            Fact::ServiceNames => KeyValue::Many(self.identity.names.clone()),
            Fact::ResourceAccount => text(&self.target.0.account()),
            Fact::ResourceOrganisation => self.organisation(Some(self.target.0.account())),
            Fact::ResourcePath => self.path(Some(self.target.0.account())),
            Fact::ClusterAccount => KeyValue::known(cluster.account().map(|account| account.to_string())),
            Fact::ClusterArn => KeyValue::known(self.identity.arn.clone()),
            Fact::ClusterOrganisation => self.organisation(cluster.account()),
            Fact::ClusterPath => self.path(cluster.account()),
            Fact::ExternalId => self.external_id(),
            Fact::SessionName => text(&SESSION_NAME),
            // Families of keys, which have no value of their own.
            Fact::PrincipalTags | Fact::ResourceTags => KeyValue::Unknown,
        }
    }

    fn organisation(&self, account: Option<AccountId>) -> KeyValue {
        match account.and_then(|account| self.facts.membership(account)).map(|membership| &membership.affiliation) {
            None | Some(Affiliation::NotGiven) => KeyValue::Unknown,
            Some(Affiliation::None) => KeyValue::Absent,
            Some(Affiliation::Organisation(id)) => KeyValue::One(id.clone()),
        }
    }

    fn path(&self, account: Option<AccountId>) -> KeyValue {
        let membership = account.and_then(|account| self.facts.membership(account));
        match membership.map(|membership| (&membership.affiliation, &membership.path)) {
            Some((Affiliation::None, _)) => KeyValue::Absent,
            Some((_, Some(path))) => KeyValue::Many(vec![path.clone()]),
            _ => KeyValue::Unknown,
        }
    }

    fn external_id(&self) -> KeyValue {
        let caller = self.caller;
        match (self.source.is_some(), caller.external_id_on) {
            (true, ExternalIdOn::FirstOnly) => KeyValue::Absent,
            (true, ExternalIdOn::Unknown) => KeyValue::Unknown,
            _ => match caller.external_id {
                Some(text) => KeyValue::One(text.to_owned()),
                None => KeyValue::known(caller.cluster.database_user_arn(caller.database_user)),
            },
        }
    }
}

fn set(context: &mut RequestContext, name: &'static str, value: KeyValue) {
    if name.ends_with('/') {
        context.set_family(name, value);
    } else {
        context.add(name, value);
    }
}
