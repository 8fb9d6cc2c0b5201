//! Explains calls that the known facts do not decide.

use super::{
    fact,
    outcome::{Cause, Refusal},
    remedy::{self, Beside},
    words,
};
use crate::iam::{
    evaluate::{Doubt, HopRequest, Levels, PolicyPlace},
    policy::{
        condition::Condition,
        document::{PolicyStatement, StatementEffect},
        truth::Truth,
    },
};

pub(super) fn refusal(request: &HopRequest<'_>, doubt: &Doubt<'_>) -> Refusal {
    match doubt {
        Doubt::MissingDocument(place) => missing_document(request, *place),
        Doubt::UnlistedAccount => unlisted(request),
        Doubt::Statement(place, statement) => open_statement(request, *place, statement),
        Doubt::Faulty(place, fault) => {
            let place = words::place(request, *place);
            Refusal {
                evidence: format!("{place} cannot be read: {fault}"),
                remedy: Some(format!("ask the owner of {place} to put it right, then read the facts again")),
                ..undecided(request)
            }
        }
        Doubt::Open => Refusal { evidence: "the policies leave it open".to_owned(), ..undecided(request) },
    }
}

fn undecided(request: &HopRequest<'_>) -> Refusal {
    Refusal {
        cause: Cause::Undecided,
        message: format!(
            "whether {} may assume role {} cannot be told from the known facts",
            words::caller(request),
            request.target
        ),
        evidence: String::new(),
        remedy: None,
        addition: None,
    }
}

/// The files do not tell which policies of the organisation bind a side of the call.
fn unlisted(request: &HopRequest<'_>) -> Refusal {
    let is_missing = |levels: Option<&Levels<'_>>| matches!(levels, Some(Levels::Unknown));
    let sides = [
        ("service", "scps", words::caller_account(request), is_missing(request.binding_service_control())),
        ("resource", "rcps", request.target.account(), is_missing(request.binding_resource_control())),
    ];
    let missing = sides.iter().filter(|(.., is_missing)| *is_missing);
    let (what, keys): (Vec<String>, Vec<String>) = missing
        .map(|(kind, key, account, _)| {
            (format!("which {kind} control policies bind account {account}"), format!("{key} of account {account}"))
        })
        .unzip();
    Refusal {
        evidence: format!("the files of facts.service_control do not tell {}", what.join(" and ")),
        remedy: Some(format!(
            "list the {} in a file of facts.service_control, [] where none is attached; rolegate iam pull --organization writes it",
            keys.join(" and the ")
        )),
        ..undecided(request)
    }
}

fn missing_document(request: &HopRequest<'_>, place: PolicyPlace<'_>) -> Refusal {
    let place = words::place(request, place);
    Refusal {
        evidence: format!("{place} is in force, and its document is not in the IAM facts"),
        remedy: Some(format!(
            "take the snapshot of account {} again without a filter, so that it holds that policy: aws iam \
             get-account-authorization-details",
            words::caller_account(request)
        )),
        ..undecided(request)
    }
}

/// A statement may apply or not: which facts would tell, or what AWS leaves open.
fn open_statement(request: &HopRequest<'_>, place: PolicyPlace<'_>, statement: &PolicyStatement) -> Refusal {
    let (where_it_is, name) = (words::place(request, place), words::statement(statement));
    if let Some(fault) = &statement.fault {
        return Refusal {
            evidence: format!("{where_it_is}, {name}: {fault}"),
            remedy: Some(format!("ask the owner of {where_it_is} to put {name} right, then read the facts again")),
            ..undecided(request)
        };
    }
    let is_open = |condition: &&Condition| condition.holds(request.context) == Truth::Unknown;
    let open: Vec<_> = statement.conditions.iter().filter(is_open).collect();
    if !open.is_empty() {
        return Refusal {
            evidence: format!("{where_it_is}, {name}: {}", words::conditions(request, &open)),
            remedy: Some(facts(request, &open, &where_it_is)),
            ..undecided(request)
        };
    }
    let proposal = match place {
        _ if statement.effect != StatementEffect::Allow => None,
        PolicyPlace::Trust => remedy::trust(request, Beside::One(statement)),
        PolicyPlace::Identity(_) => remedy::permission(request, Beside::One(statement)),
        _ => None,
    };
    let (remedy, addition) = proposal.map_or_else(
        || (format!("ask the owner of {where_it_is} whether {name} is meant for this call"), None),
        |(remedy, addition)| (remedy, Some(addition)),
    );
    Refusal {
        evidence: format!(
            "{where_it_is}, {name}: AWS leaves open whether its Principal, Action or Resource fits this call"
        ),
        remedy: Some(remedy),
        addition,
        ..undecided(request)
    }
}

fn facts(request: &HopRequest<'_>, open: &[&Condition], place: &str) -> String {
    let (readable, unreadable): (Vec<&Condition>, Vec<&Condition>) =
        open.iter().copied().partition(|condition| condition.is_readable());
    let mut facts: Vec<String> = readable.iter().map(|condition| fact::missing(request, condition)).collect();
    facts.dedup();
    let mut advice = Vec::new();
    if !facts.is_empty() {
        advice.push(format!("tell the gate {}", facts.join("; and ")));
    }
    for condition in unreadable {
        advice.push(format!(
            "ask the owner of {place} what {} {} means: IAM's pages do not say",
            condition.name, condition.key
        ));
    }
    advice.join("; ")
}
