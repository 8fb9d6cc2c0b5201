//! `[policy.severity]`: the codes that it may name.

use figment::value::Value;

use crate::config::error::Problem;
use crate::gate::codes::Code;

fn unknown(code: &str) -> String {
    let known: Vec<&str> = Code::ALL.iter().copied().map(Code::as_str).collect();
    format!("unknown finding code \"{code}\"; use one of {}", known.join(", "))
}

/// Refuses unknown codes while the key's own place is still known.
pub(super) fn check_codes(values: &Value) -> Result<(), Problem> {
    let Some(severities) = values.find_ref("policy.severity").and_then(Value::as_dict) else { return Ok(()) };
    match severities.keys().find(|code| code.parse::<Code>().is_err()) {
        Some(code) => Err(Problem::at(&["policy", "severity", code], unknown(code))),
        None => Ok(()),
    }
}
