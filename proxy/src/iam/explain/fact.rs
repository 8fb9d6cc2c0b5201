//! Which fact would decide a condition, and where the gate reads it.

use super::words;
use crate::iam::{
    evaluate::{EXTERNAL_ID, HopRequest},
    policy::condition::Condition,
};

/// What to tell the gate so that the condition can be decided.
pub(super) fn missing(request: &HopRequest<'_>, condition: &Condition) -> String {
    let caller = words::caller_account(request);
    let target = request.target.account();
    let organisation =
        |account, field| format!("{field} of account {account} in a file of facts.service_control ({})", condition.key);
    match condition.lookup() {
        EXTERNAL_ID => {
            "which external id Redshift sends: it depends on the cluster's identity (facts.clusters), on the \
                        characters of the user's name, and on external_id in [facts] or [gate.iam]"
                .to_owned()
        }
        "aws:principalorgid" => organisation(caller, "\"org_id\""),
        "aws:principalorgpaths" => organisation(caller, "\"org_id\" and \"org_path\""),
        "aws:resourceorgid" => organisation(target, "\"org_id\""),
        "aws:resourceorgpaths" => organisation(target, "\"org_id\" and \"org_path\""),
        "aws:sourceorgid" | "aws:sourceorgpaths" => {
            format!(
                "\"org_id\" and \"org_path\" of the cluster's account in a file of facts.service_control ({})",
                condition.key
            )
        }
        "aws:sourceaccount" | "aws:sourcearn" => {
            format!(
                "the cluster's account and region, by a whole description of it in facts.clusters ({})",
                condition.key
            )
        }
        "aws:userid" => format!("the unique id of the role and its session's name ({})", condition.key),
        key if key.starts_with("aws:principaltag/") => {
            format!(
                "the tags of {}, by a whole snapshot of account {caller} ({})",
                words::caller(request),
                condition.key
            )
        }
        key if key.starts_with("aws:resourcetag/") || key.starts_with("iam:resourcetag/") => {
            format!("the tags of role {}, by a whole snapshot of account {target} ({})", request.target, condition.key)
        }
        _ => format!(
            "\"{}\" in [facts.context], or in [gate.iam.context] for one gate, if it is the same for all calls",
            condition.key
        ),
    }
}
