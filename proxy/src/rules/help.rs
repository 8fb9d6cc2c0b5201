//! What a rule that does not fit the schema may have meant. Cedar suggests some word however unlike it is, so words are weighed here.

use cedar_policy::{Schema, ValidationError};
use miette::Diagnostic;

use crate::rules::meant::nearest;

/// `; did you mean ...?`, `; ` and what Cedar has to say, or nothing.
pub(super) fn help(error: &ValidationError, schema: &Schema) -> String {
    let said = error.to_string();
    let meant = match error {
        ValidationError::UnrecognizedActionId(_) => quoted(&said, "action `").and_then(|wrong| action(wrong, schema)),
        ValidationError::UnrecognizedEntityType(_) => quoted(&said, "type `").and_then(|wrong| entity(wrong, schema)),
        ValidationError::UnsafeAttributeAccess(_) => {
            let wrong = quoted(&said, "attribute `").unwrap_or_default();
            let suggested = error.help().map(|help| help.to_string()).unwrap_or_default();
            quoted(&suggested, "mean `").filter(|word| nearest(wrong, [*word]).is_some()).map(str::to_owned)
        }
        _ => return error.help().map(|help| format!("; {help}")).unwrap_or_default(),
    };
    meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"))
}

/// What stands between `before` and the next backtick.
fn quoted<'t>(text: &'t str, before: &str) -> Option<&'t str> {
    text.split_once(before)?.1.split('`').next()
}

fn action(wrong: &str, schema: &Schema) -> Option<String> {
    let id = wrong.rsplit('"').nth(1).unwrap_or(wrong);
    let known: Vec<String> = schema.actions().map(|action| action.id().unescaped().to_owned()).collect();
    // A type of the right name in the wrong place: Action::"Copy" without its namespace.
    let is_known = known.iter().any(|action| action == id).then_some(id);
    let meant = is_known.or_else(|| nearest(id, known.iter().map(String::as_str)))?;
    Some(format!("Rolegate::Action::\"{meant}\""))
}

fn entity(wrong: &str, schema: &Schema) -> Option<String> {
    let known: Vec<String> = schema.entity_types().map(ToString::to_string).collect();
    let without_space = known.iter().find(|kind| kind.rsplit("::").next() == Some(wrong));
    let meant = without_space.map(String::as_str).or_else(|| nearest(wrong, known.iter().map(String::as_str)));
    meant.map(str::to_owned)
}
