//! What speaks for a call: the statements that allow it, for those who want to know why it is allowed.

use super::words;
use crate::iam::{
    evaluate::HopRequest,
    policy::{condition::Condition, document::StatementEffect},
};

/// The statements that allow a call, or may do so, each with its document and the conditions that it asks for.
pub(crate) fn grants(request: &HopRequest<'_>) -> Vec<String> {
    let mut told = Vec::new();
    for (place, document) in request.policies() {
        let statements = document.map(|document| document.statements.as_slice()).unwrap_or_default();
        let allowing = statements.iter().filter(|statement| statement.effect == StatementEffect::Allow);
        for statement in allowing.filter(|statement| !request.applies(statement).at_all().is_false()) {
            let conditions: Vec<&Condition> = statement.conditions.iter().collect();
            let asked = match conditions.as_slice() {
                [] => String::new(),
                conditions => format!(" under {}", words::conditions(request, conditions)),
            };
            told.push(format!("{}: {} allows it{asked}", words::place(request, place), words::statement(statement)));
        }
    }
    told
}
