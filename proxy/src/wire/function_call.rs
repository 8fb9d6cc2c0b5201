//! The FunctionCall message (`F`), by which a client runs a function of the server without any SQL text.

/// What becomes of a FunctionCall. Source: PostgreSQL documentation, "Function Call".
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FunctionCalls {
    /// It is refused as a statement is: nothing in it could be judged.
    Refuse,
    /// It goes on, as libpq's large objects need it.
    Relay,
}
