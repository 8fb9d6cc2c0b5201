//! `/api/v1/sessions`: the sessions that are open.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::admin::api::asked::QueryOf;
use crate::admin::api::decisions::limit;
use crate::admin::reply::{ApiProblem, json, off_thread};
use crate::admin::state::AdminState;
use crate::admin::view::sessions::SessionView;
use crate::admin::view::words;
use crate::observe::values::SessionState;

const PAGE: (usize, usize) = (100, 500);

/// Which sessions.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SessionQuery {
    /// The gate.
    gate: Option<String>,
    /// The database user, or the user who logged in.
    user: Option<String>,
    /// What the session does.
    #[param(schema_with = words::session_state)]
    state: Option<SessionState>,
    /// `next` of the page before.
    after: Option<u64>,
    /// The most entries; 100 when not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// Open sessions, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sessions)]
pub(super) struct SessionPage {
    items: Vec<SessionView>,
    /// How many fit, on all pages.
    total: usize,
    /// What to hand over as `after` for the page after this one; none after the last.
    next: Option<u64>,
}

/// The sessions that are open, the oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/sessions",
    operation_id = "sessions",
    params(SessionQuery),
    responses((status = 200, body = SessionPage), (status = 400, body = ApiProblem))
)]
pub(super) async fn list(
    State(state): State<AdminState>,
    QueryOf(query): QueryOf<SessionQuery>,
) -> Result<Response, ApiProblem> {
    let limit = limit(query.limit, PAGE)?;
    off_thread(move || json(&page(state.source.sessions(), &query, limit))).await
}

fn page(mut sessions: Vec<SessionView>, query: &SessionQuery, limit: usize) -> SessionPage {
    let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
    sessions.retain(|session| {
        is(&query.gate, &session.gate)
            && (is(&query.user, &session.user) || is(&query.user, &session.login_user))
            && query.state.is_none_or(|state| state == session.state)
    });
    sessions.sort_by_key(|session| session.session);
    let total = sessions.len();
    sessions.retain(|session| query.after.is_none_or(|after| session.session > after));
    let has_more = sessions.len() > limit;
    sessions.truncate(limit);
    let next = sessions.last().map(|session| session.session).filter(|_| has_more);
    SessionPage { items: sessions, total, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(number: u64, user: &str, state: SessionState) -> SessionView {
        SessionView {
            gate: "g".to_owned(),
            session: number,
            user: user.to_owned(),
            login_user: format!("IAM:{user}"),
            database: String::new(),
            application: String::new(),
            client_address: None,
            client_port: None,
            backend_pid: None,
            tls_subject: None,
            since: jiff::Timestamp::UNIX_EPOCH,
            state,
            judged: 0,
            refused: 0,
        }
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_repetition() {
        let all: Vec<_> = [5, 1, 4, 2, 3].map(|number| session(number, "etl", SessionState::Idle)).to_vec();
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let page = page(all.clone(), &SessionQuery { after, ..SessionQuery::default() }, 2);
            assert_eq!(page.total, 5);
            seen.extend(page.items.iter().map(|session| session.session));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn filters() {
        let all = vec![session(1, "etl", SessionState::Idle), session(2, "bi", SessionState::Active)];
        let found = |query: SessionQuery| -> Vec<u64> {
            page(all.clone(), &query, 9).items.iter().map(|session| session.session).collect()
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(found(SessionQuery { user: some("bi"), ..SessionQuery::default() }), [2]);
        assert_eq!(found(SessionQuery { user: some("IAM:etl"), ..SessionQuery::default() }), [1]);
        assert_eq!(found(SessionQuery { gate: some("h"), ..SessionQuery::default() }), [0_u64; 0]);
        assert_eq!(found(SessionQuery { state: Some(SessionState::Active), ..SessionQuery::default() }), [2]);
    }
}
