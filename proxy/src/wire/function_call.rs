//! The FunctionCall message (`F`), by which a client runs a function of the server without any SQL text.

/// How a FunctionCall is handled. Source: PostgreSQL documentation, "Function Call".
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FunctionCalls {
    /// It is refused like a statement: nothing in it could be judged.
    Refuse,
    /// It is relayed, as libpq's large objects need.
    Relay,
}
