//! How far the client has got with logging in, and which of its messages may pass until it is done. Pure.

use crate::wire::answer::{Report, sqlstate};
use crate::wire::frame::kind;

/// A server asks for answers until it lets the client in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// It is the server's turn; the client may have sent some answers before they were asked for.
    Waiting {
        /// How many of them.
        ahead: u8,
    },
    /// The server has asked for an answer.
    Asked,
    /// The user is let in, and the session is being set up.
    LetIn,
    /// The first ReadyForQuery has come.
    Ready,
}

/// What to do with a message that comes before the first ReadyForQuery.
#[derive(Debug)]
pub(super) enum Admission {
    /// The message goes on as it is.
    Pass,
    /// It waits for the first ReadyForQuery, and so does everything behind it.
    Hold,
    /// The session ends, in the server's words.
    Cut(Report),
}

/// `AuthenticationOk` and `AuthenticationSASLFinal`: the only ones that ask for nothing. Source: PostgreSQL documentation, "Message
/// Formats".
const OK: u32 = 0;
const SASL_FINAL: u32 = 12;

impl Phase {
    /// Nothing but the StartupMessage has been sent.
    pub(super) const fn new() -> Self {
        Self::Waiting { ahead: 0 }
    }

    /// After an `Authentication…` message with this code.
    pub(super) fn after_authentication(self, code: u32) -> Self {
        match (code, self) {
            (OK, Self::Waiting { .. } | Self::Asked) => Self::LetIn,
            (SASL_FINAL, _) | (_, Self::LetIn | Self::Ready) => self,
            (_, Self::Waiting { ahead: ahead @ 1.. }) => Self::Waiting { ahead: ahead.saturating_sub(1) },
            (_, Self::Waiting { .. } | Self::Asked) => Self::Asked,
        }
    }

    /// After a message of the frontend.
    pub(super) fn after_sending(self, frame_kind: u8) -> Self {
        match self {
            Self::Asked if is_answer(frame_kind) => Self::Waiting { ahead: 0 },
            Self::Waiting { ahead } if is_answer(frame_kind) => Self::Waiting { ahead: ahead.saturating_add(1) },
            other => other,
        }
    }

    /// Whether a message of the frontend may pass.
    pub(super) fn admits(self, frame_kind: u8) -> Admission {
        // Redshift's drivers send a Flush behind each of their answers.
        if self == Self::Ready || is_answer(frame_kind) || matches!(frame_kind, kind::FLUSH | kind::TERMINATE) {
            Admission::Pass
        } else if self == Self::Asked {
            let message = format!("expected password response, got message type {frame_kind}");
            Admission::Cut(Report::new(sqlstate::PROTOCOL_VIOLATION, message))
        } else {
            Admission::Hold
        }
    }
}

/// A password or SASL response; a digest, as Redshift asks for it; an identity provider's token.
fn is_answer(frame_kind: u8) -> bool {
    matches!(frame_kind, kind::PASSWORD | kind::COPY_DATA | kind::TOKEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers are codes that the server sends, letters are messages of the frontend: what becomes of the last one.
    fn last(trace: &[u8]) -> String {
        let mut phase = Phase::new();
        let mut admission = Admission::Pass;
        for step in trace {
            if step.is_ascii_alphabetic() {
                admission = phase.admits(*step);
                phase = phase.after_sending(*step);
            } else {
                phase = phase.after_authentication(u32::from(*step));
            }
        }
        match admission {
            Admission::Cut(report) => report.message,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn before_the_first_ready() {
        let cut = "expected password response, got message type 81";
        let rows: &[(&str, &[u8], &str)] = &[
            ("a query at once", b"Q", "Hold"),
            ("where nothing is asked for", &[0, b'Q'], "Hold"),
            ("a password", &[5, b'p'], "Pass"),
            ("a digest and Redshift's Flush", &[13, b'd', b'H'], "Pass"),
            ("a token", &[14, b'i'], "Pass"),
            ("a query instead of a password", &[5, b'Q'], cut),
            ("a query behind the password", &[5, b'p', b'Q'], "Hold"),
            ("SASL", &[10, b'p', 11, b'p', 12, b'S'], "Hold"),
            ("a query within SASL", &[10, b'p', 11, b'Q'], cut),
            ("a password sent ahead, and a query", &[b'p', 3, b'Q'], "Hold"),
            ("one password ahead for two questions", &[b'p', 3, 3, b'Q'], cut),
            ("leaving", &[5, b'X'], "Pass"),
        ];
        for (name, trace, want) in rows {
            assert_eq!(last(trace), *want, "{name}");
        }
        assert!(matches!(Phase::Ready.admits(b'Q'), Admission::Pass));
        assert_eq!(Phase::new().after_authentication(0), Phase::LetIn);
    }
}
