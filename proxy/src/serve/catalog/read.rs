//! Asks a cluster for its catalogue: page after page, each view by the first form that the server knows.

use std::sync::Arc;

use crate::catalog::{Catalog, ClusterReading, Form, MAX_ROWS, Question, Remembered, SystemView, ViewState};
use crate::config::CatalogSection;
use crate::net::backend::Backend;
use crate::serve::service_connection::{ServiceConnection, ServiceError};

/// Reads the whole catalogue over one connection. What one view does not tell is part of the answer; users and groups must be told.
///
/// # Errors
/// The cluster cannot be asked at all, or not for users and groups.
pub(super) async fn read(
    backend: &Backend,
    settings: &CatalogSection,
    remembered: Arc<Remembered>,
) -> Result<Catalog, ServiceError> {
    let conversation = ServiceConnection::open(backend, settings).await?;
    let mut reading = ClusterReading::new(&settings.database, &settings.user, remembered);
    let read = read_all(&conversation, &mut reading).await;
    conversation.close().await;
    read?;
    Ok(reading.finish())
}

async fn read_all(conversation: &ServiceConnection, reading: &mut ClusterReading) -> Result<(), ServiceError> {
    for question in ClusterReading::questions() {
        let state = match pages(conversation, reading, question).await {
            Ok(state) => state,
            Err(error) if is_needed(question.view) || !error.is_an_answer() => return Err(error),
            Err(error) => lacking(&error),
        };
        reading.ended(question.view, state);
    }
    ask_models(conversation, reading).await?;
    ask_grants(conversation, reading).await
}

/// Rules name groups, so that a reading without them is none.
fn is_needed(view: SystemView) -> bool {
    matches!(view, SystemView::PgUser | SystemView::PgGroup)
}

fn lacking(error: &ServiceError) -> ViewState {
    let reason: Arc<str> = error.to_string().into();
    if error.is_about_what_is_not_there() { ViewState::Absent { reason } } else { ViewState::Unreadable { reason } }
}

/// Asks a question in the first form that the server knows.
async fn pages(
    conversation: &ServiceConnection,
    reading: &mut ClusterReading,
    question: &Question,
) -> Result<ViewState, ServiceError> {
    let (last, others) = match question.forms.split_last() {
        Some((last, others)) => (*last, others),
        None => return Ok(ViewState::Read { rows: 0 }),
    };
    for form in others {
        match in_form(conversation, reading, question, *form).await {
            Err(error) if error.is_an_answer() => {}
            other => return other,
        }
    }
    in_form(conversation, reading, question, last).await
}

async fn in_form(
    conversation: &ServiceConnection,
    reading: &mut ClusterReading,
    question: &Question,
    form: Form,
) -> Result<ViewState, ServiceError> {
    // Numbers of rows begin above: a negative one would be taken for a large oid, beyond which there is nothing.
    let (mut after, mut taken) = (0_i64, 0_usize);
    loop {
        let rows = match conversation.ask(&form.after(after)).await {
            Ok(rows) => rows,
            // What was taken stays, and is known not to be all.
            Err(error) if taken > 0 && error.is_an_answer() => {
                return Ok(ViewState::Partial { rows: taken, reason: error.to_string().into() });
            }
            Err(error) => return Err(error),
        };
        let left = MAX_ROWS.saturating_sub(taken);
        reading.take(question, rows.get(..rows.len().min(left)).unwrap_or_default());
        taken = taken.saturating_add(rows.len().min(left));
        if rows.len() > left {
            return Ok(ViewState::Partial { rows: taken, reason: format!("only {MAX_ROWS} rows are taken").into() });
        }
        let last = rows.last().and_then(|row| row.first()?.as_deref()?.trim().parse().ok());
        match (form.page(), last) {
            (Some(page), Some(last)) if rows.len() >= page && last > after => after = last,
            (Some(page), _) if rows.len() >= page => {
                let reason = "the rows of a page came without numbers in their order";
                return Ok(ViewState::Partial { rows: taken, reason: reason.into() });
            }
            _ => return Ok(ViewState::Read { rows: taken }),
        }
    }
}

/// The role of a model is shown to its owner alone, each by a statement of its own.
async fn ask_models(conversation: &ServiceConnection, reading: &mut ClusterReading) -> Result<(), ServiceError> {
    let models = reading.models();
    let mut refused = None;
    for (model, statement) in &models {
        match conversation.ask(statement).await {
            Ok(rows) => reading.take_model(model, Some(&rows)),
            Err(error) if error.is_an_answer() => {
                refused = Some(error.to_string());
                reading.take_model(model, None);
            }
            Err(error) => return Err(error),
        }
    }
    let read = ViewState::Read { rows: models.len() };
    reading.ended(SystemView::ShowModel, refused.map_or_else(|| read.clone(), |reason| read.lacking(&reason)));
    Ok(())
}

/// Who may use which role is told by a function that takes one user, and to superusers alone.
async fn ask_grants(conversation: &ServiceConnection, reading: &mut ClusterReading) -> Result<(), ServiceError> {
    let statements = reading.grants();
    let mut rows_taken = 0_usize;
    for statement in &statements {
        match conversation.ask(statement).await {
            Ok(rows) => {
                rows_taken = rows_taken.saturating_add(rows.len());
                reading.take_grants(&rows);
            }
            Err(error) if error.is_an_answer() => {
                reading.ended(SystemView::AssumeroleGrants, lacking(&error));
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
    let read = ViewState::Read { rows: rows_taken };
    let is_all = statements.len() == reading.people().users.len();
    reading.ended(
        SystemView::AssumeroleGrants,
        if is_all { read } else { read.lacking("there are too many users to ask for each") },
    );
    Ok(())
}
