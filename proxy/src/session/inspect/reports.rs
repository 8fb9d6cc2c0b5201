//! What a client is told that is refused, as the wire carries it.

use jiff::Timestamp;

use crate::gate::wording::Wording;
use crate::session::statements::{Excess, MAX_NAME_BYTES, MAX_PREPARED};
use crate::wire::answer::{Nonce, Report, sqlstate};
use crate::wire::relay::nonce;

/// A nonce; should the random source fail, one that is unique by time, for a nonce guards nothing but its own match.
pub(super) fn fresh_nonce() -> Nonce {
    nonce().unwrap_or_else(|_error| {
        Nonce::new(Timestamp::now().as_nanosecond().to_be_bytes().last_chunk().copied().unwrap_or_default())
    })
}

/// The words of a verdict.
pub(in crate::session) fn report(sqlstate: &'static str, wording: Wording) -> Report {
    let Wording { message, detail, hint, position } = wording;
    Report { sqlstate, message, detail, hint, position }
}

pub(super) fn excess_report(excess: Excess) -> Report {
    match excess {
        Excess::Number => {
            let message = format!("the session keeps {MAX_PREPARED} prepared statements with roles and takes no more");
            Report::new(sqlstate::PROGRAM_LIMIT_EXCEEDED, message).hint("close prepared statements")
        }
        Excess::Name => {
            let message = format!("the name of a prepared statement with roles is longer than {MAX_NAME_BYTES} bytes");
            Report::new(sqlstate::PROGRAM_LIMIT_EXCEEDED, message).hint("use a shorter name")
        }
    }
}

/// The SQLSTATE is the one upon which drivers prepare a statement again.
pub(super) fn not_kept_report() -> Report {
    let message =
        "the policy or the session's user has changed since the statement was prepared, and its text was not kept";
    Report::new(sqlstate::INVALID_SQL_STATEMENT_NAME, message)
        .hint("prepare it again, or raise max_prepared_bytes of [gate.limits]")
}

pub(super) fn function_call_report() -> Report {
    Report::new(sqlstate::INSUFFICIENT_PRIVILEGE, "function calls outside SQL do not pass this gate")
        .hint("call the function in a SELECT, or set function_call = \"relay\" for this gate")
}

pub(super) fn unrecorded_report() -> Report {
    let message = "the audit cannot be written, and statements with roles are refused until it can be";
    Report::new(sqlstate::DISK_FULL, message).hint("the gate's log says why; try again later")
}
