//! Facts from AWS: from the configuration to a running [`Live`], and from there into the gates.

use std::io;
use std::sync::Arc;

use serde_json::Value as Json;
use tokio::runtime::Runtime;

use crate::chain::AccountId;
use crate::config::Config;
use crate::iam::{AccountPages, Facts, FetchError, Live};
use crate::observe::Metrics;
use crate::observe::values::{AttemptResult, Fetched};
use crate::serve::error::BuildError;
use crate::serve::gates::Gates;

#[cfg(feature = "aws")]
mod from_config {
    use std::sync::Arc;

    use crate::chain::AccountId;
    use crate::config::{AwsSection, Config};
    use crate::iam::aws::{AccountAccess, Aws};
    use crate::iam::{Live, LiveSettings, Observer};
    use crate::serve::error::BuildError;

    /// What `[facts.aws]` says, ready to be fetched; nothing is asked of AWS yet.
    pub(super) async fn live(config: &Config, observer: Observer) -> Result<Option<Arc<Live>>, BuildError> {
        let Some(section) = &config.facts.aws else { return Ok(None) };
        let source = Aws::new(accounts(section)).await;
        let settings = LiveSettings {
            accounts: accounts(section).map(|(id, _access)| id).collect(),
            refresh: section.refresh.get(),
            max_stale: section.max_stale.get(),
            deadline: section.lookup_timeout.get(),
            absent_for: section.absent_for.get(),
        };
        Ok(Some(Live::new(Arc::new(source), settings, observer)))
    }

    pub(super) fn accounts(section: &AwsSection) -> impl Iterator<Item = (AccountId, AccountAccess)> + '_ {
        section.account.iter().filter_map(|account| {
            let access = AccountAccess {
                profile: account.profile.clone(),
                role_arn: account.role_arn.clone(),
                external_id: account.external_id.clone(),
                regions: account.regions.clone(),
                serverless: account.serverless,
            };
            AccountId::parse(&account.id).map(|id| (id, access))
        })
    }
}

#[cfg(not(feature = "aws"))]
mod from_config {
    use std::sync::Arc;

    use crate::config::Config;
    use crate::iam::{Live, Observer};
    use crate::serve::error::BuildError;

    #[expect(clippy::unused_async, reason = "the same signature as with the AWS source")]
    pub(super) async fn live(config: &Config, _observer: Observer) -> Result<Option<Arc<Live>>, BuildError> {
        match config.facts.aws {
            None => Ok(None),
            Some(_) => Err(BuildError::NoAws { path: config.source().to_owned() }),
        }
    }
}

/// The live facts of a configuration, read once. Accounts that could not be read are tried again later.
pub(super) async fn start(config: &Config, metrics: &Metrics) -> Result<Option<Arc<Live>>, BuildError> {
    let metrics = metrics.clone();
    let observer =
        Box::new(move |_what, is_good, took| metrics.facts_fetched(Fetched::Aws, AttemptResult::of(is_good), took));
    let live = from_config::live(config, observer).await?;
    if let Some(live) = &live
        && let Err(errors) = live.fetch_all().await
    {
        for error in errors {
            tracing::error!(%error, "IAM facts could not be fetched; chains of this account are unknown until they are");
        }
    }
    Ok(live)
}

/// Whether the organisation is read too, and with the credentials of which account.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OrganisationPull {
    /// It is not read.
    Nothing,
    /// With those of the first account.
    AsFirst,
    /// With those of this account.
    As(AccountId),
}

/// What AWS tells: roles and clusters of every account, and an organisation where it is asked for.
pub(super) struct PulledFacts {
    pub(super) accounts: Vec<AccountPages>,
    pub(super) organisation: Option<Json>,
}

/// Asks AWS for everything; for the organisation with the credentials of the account that is named, or of the first.
pub(super) fn told(config: &Config, organisation: OrganisationPull) -> Result<Option<PulledFacts>, BuildError> {
    let failed = |message| BuildError::Aws { path: config.source().to_owned(), message };
    let Some((runtime, live)) = connected(config)? else { return Ok(None) };
    let all = async {
        let accounts = live.pages().await?;
        let organisation = match organisation {
            OrganisationPull::Nothing => None,
            OrganisationPull::AsFirst => Some(live.organisation(None).await?),
            OrganisationPull::As(account) => Some(live.organisation(Some(account)).await?),
        };
        Ok(PulledFacts { accounts, organisation })
    };
    let told = runtime.block_on(all);
    told.map(Some).map_err(|error: FetchError| failed(error.to_string()))
}

/// The live facts of a configuration for a command that runs once: all of them, or an error.
pub(super) fn fetched(config: &Config) -> Result<Option<Arc<Live>>, BuildError> {
    let failed = |message| BuildError::Aws { path: config.source().to_owned(), message };
    let Some((runtime, live)) = connected(config)? else { return Ok(None) };
    runtime
        .block_on(live.fetch_all())
        .map_err(|errors| failed(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))?;
    Ok(Some(live))
}

/// A source that can be asked, and the runtime in which it is.
fn connected(config: &Config) -> Result<Option<(Runtime, Arc<Live>)>, BuildError> {
    let failed = |error: io::Error| BuildError::Aws { path: config.source().to_owned(), message: error.to_string() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let live = runtime.block_on(from_config::live(config, Box::new(|_what, _is_good, _took| ())))?;
    Ok(live.map(|live| (runtime, live)))
}

/// Puts facts in force in the gates whenever they change.
pub(super) fn connect(live: &Arc<Live>, gates: &Arc<Gates>) {
    let (follower, gates) = (Arc::downgrade(live), Arc::clone(gates));
    live.on_change(move || {
        if let Some(live) = follower.upgrade() {
            put_in_force(&Arc::new(live.facts()), &gates);
        }
    });
}

fn put_in_force(facts: &Arc<Facts>, gates: &Gates) {
    for service in gates.services() {
        gates.exchange(service, |policy| policy.with_facts(facts));
    }
}
