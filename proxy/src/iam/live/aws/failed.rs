//! What the SDK says when a call fails.

use std::error::Error;

use aws_sdk_iam::error::{DisplayErrorContext, SdkError};

use crate::{chain::AccountId, iam::live::source::FetchError};

/// Names account and call in whatever the SDK says.
pub(super) fn failed<E: Error + 'static, R: std::fmt::Debug + 'static>(
    account: AccountId,
    call: &'static str,
) -> impl Fn(SdkError<E, R>) -> FetchError {
    move |error| FetchError { account, call, message: DisplayErrorContext(&error).to_string() }
}
