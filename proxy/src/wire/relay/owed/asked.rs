//! What messages from the frontend ask of the server.

use crate::wire::frame::kind;

/// What a message from the frontend asks of the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::wire::relay) enum Asked {
    /// The StartupMessage: to be let in, and the first ReadyForQuery.
    Startup,
    /// Parse, Bind, Describe, Execute or Close.
    Extended,
    /// Query or FunctionCall.
    Query,
    /// Sync.
    Sync,
    /// CopyDone or CopyFail: nothing but the end of COPY data.
    CopyEnd,
}

impl Asked {
    /// What a frontend message of this type asks; `None`: nothing that is answered.
    pub(in crate::wire::relay) fn by(frame_kind: u8) -> Option<Self> {
        match frame_kind {
            kind::PARSE | kind::BIND | kind::DESCRIBE | kind::EXECUTE | kind::CLOSE => Some(Self::Extended),
            kind::QUERY | kind::FUNCTION_CALL => Some(Self::Query),
            kind::SYNC => Some(Self::Sync),
            kind::COPY_DONE | kind::COPY_FAIL => Some(Self::CopyEnd),
            _ => None,
        }
    }

    pub(super) fn is_statement(self) -> bool {
        matches!(self, Self::Extended | Self::Query)
    }
}
