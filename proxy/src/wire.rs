//! The PostgreSQL wire: start-up, frames, the relay, and how a message is refused or annotated. Bytes are relayed as
//! they come; only `Query`, `Parse`, `Bind` and `Close` bodies are read. Knows nothing of policy or IAM.

pub mod answer;
pub mod close;
pub mod frame;
pub mod function_call;
pub mod message;
pub mod relay;
pub mod startup;
