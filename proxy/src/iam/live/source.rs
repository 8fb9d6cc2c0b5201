//! The interface to where live facts come from.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use serde_json::Value as Json;

use crate::chain::{AccountId, RoleArn};

/// A fetch under way.
pub type Fetching<'a, T> = Pin<Box<dyn Future<Output = Result<T, FetchError>> + Send + 'a>>;

/// Why something could not be fetched: which call of which account, and what AWS or the network said.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("AWS account {account}: {call}: {message}")]
pub struct FetchError {
    /// The account.
    pub account: AccountId,
    /// The call, as `iam:GetRole`.
    pub call: &'static str,
    /// What went wrong.
    pub message: String,
}

/// AWS, or what stands in for it in a test. Pages have the shape of the command line's JSON output, so that what is fetched and
/// what is read from a snapshot take the same way.
pub trait FactsSource: fmt::Debug + Send + Sync + 'static {
    /// All roles of an account with their policies: pages of `aws iam get-account-authorization-details`.
    fn roles(&self, account: AccountId) -> Fetching<'_, Vec<Json>>;

    /// An account's clusters: pages of `aws redshift describe-clusters`, and objects with `workgroups` and `namespaces`.
    fn clusters(&self, account: AccountId) -> Fetching<'_, Vec<Json>>;

    /// One role with its policies, as such a page of roles; `None`: there is no such role.
    fn role<'a>(&'a self, role: &'a RoleArn) -> Fetching<'a, Option<Json>>;

    /// The organisation of an account, in the form of the organisation file.
    fn organisation(&self, account: AccountId) -> Fetching<'_, Json>;
}
