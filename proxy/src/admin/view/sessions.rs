//! An open session, as `/api/v1/sessions` says it.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::view::words;
use crate::observe::values::SessionState;

/// An open session.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionView {
    pub gate: String,
    /// Unique within the process, and greater than those of the sessions before.
    pub session: u64,
    /// The database user.
    pub user: String,
    /// The user who logged in.
    pub login_user: String,
    pub database: String,
    /// `application_name` at the start.
    pub application: String,
    pub client_address: Option<String>,
    pub client_port: Option<u16>,
    /// The process that serves it in the cluster.
    pub backend_pid: Option<u32>,
    /// The subject of the client's certificate.
    pub tls_subject: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    #[schema(schema_with = words::session_state)]
    pub state: SessionState,
    /// Messages with statements that carried roles.
    pub judged: u32,
    /// Those of them that were refused.
    pub refused: u32,
}
