//! `[policy.severity]` and `[policy.mode_by_code]`: the codes that they may name.

use figment::value::Value;

use crate::config::error::Problem;
use crate::gate::codes::Code;

fn unknown(code: &str) -> String {
    let known: Vec<&str> = Code::ALL.iter().copied().map(Code::as_str).collect();
    format!("unknown finding code \"{code}\"; use one of {}", known.join(", "))
}

/// Refuses unknown codes while the key's own place is still known.
pub(super) fn check_codes(values: &Value) -> Result<(), Problem> {
    for section in ["severity", "mode_by_code"] {
        let Some(of) = values.find_ref(&format!("policy.{section}")).and_then(Value::as_dict) else { continue };
        if let Some(code) = of.keys().find(|code| code.parse::<Code>().is_err()) {
            return Err(Problem::at(&["policy", section, code], unknown(code)));
        }
    }
    Ok(())
}
