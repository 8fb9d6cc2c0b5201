//! One reading of a cluster: whoever asks it hands in the rows, and gets a catalogue in the end. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::cells::Cells;
use crate::catalog::gathered::{AskedModel, Gathered};
use crate::catalog::model::Catalog;
use crate::catalog::people::People;
use crate::catalog::question::{QUESTIONS, Question, grants_of, show_model};
use crate::catalog::remembered::Remembered;
use crate::catalog::rows;
use crate::catalog::source::{SystemView, ViewState};

/// Models, and users, that are asked for one by one; of those beyond nothing is known.
const MAX_ASKED: usize = 1_000;

/// Rows of an answer.
type Rows = Vec<Vec<Option<String>>>;

/// A reading that goes on.
#[derive(Debug)]
pub(crate) struct ClusterReading {
    gathered: Gathered,
    states: BTreeMap<SystemView, ViewState>,
}

impl ClusterReading {
    /// Of this database, by this user, with what is remembered of statements.
    #[must_use]
    pub(crate) fn new(database: &str, user: &str, remembered: Arc<Remembered>) -> Self {
        Self { gathered: Gathered::new(database, user, remembered), states: BTreeMap::new() }
    }

    /// What is to be asked, in this order.
    #[must_use]
    pub(crate) const fn questions() -> &'static [Question] {
        &QUESTIONS
    }

    /// Rows of an answer to a question.
    pub(crate) fn take(&mut self, question: &Question, rows: &[Vec<Option<String>>]) {
        for row in rows {
            (question.take)(&mut self.gathered, Cells(row));
        }
    }

    /// How asking a question went in the end.
    pub(crate) fn ended(&mut self, view: SystemView, state: ViewState) {
        let state = match view {
            SystemView::SvvExternalSchemas => {
                let namespaces = self.states.get(&SystemView::PgNamespace).cloned();
                self.gathered.settle_schemas(&state, namespaces.as_ref())
            }
            SystemView::SvvUserGrants | SystemView::SvvRoleGrants if !self.gathered.sees_everything() => {
                state.lacking("others' roles are shown to superusers and with ACCESS SYSTEM TABLE alone")
            }
            SystemView::StvMlModelInfo | SystemView::SysCopyJob if !self.gathered.sees_everything() => {
                state.lacking("what belongs to other users is shown to superusers alone")
            }
            _ => state,
        };
        self.states.insert(view, state);
    }

    /// The models whose roles are to be asked for, each with its statement.
    #[must_use]
    pub(crate) fn models(&self) -> Vec<(AskedModel, String)> {
        let asked = self.gathered.models.iter().take(MAX_ASKED);
        asked.map(|model| (model.clone(), show_model(&model.schema, &model.name))).collect()
    }

    /// What SHOW MODEL answered; `None` where it was refused.
    pub(crate) fn take_model(&mut self, model: &AskedModel, rows: Option<&Rows>) {
        rows::shown_model(&mut self.gathered, model, rows.map(Vec::as_slice));
    }

    /// Statements that ask for the rights of every user to use roles.
    #[must_use]
    pub(crate) fn grants(&self) -> Vec<String> {
        self.gathered.people.users.keys().take(MAX_ASKED).map(|user| grants_of(user)).collect()
    }

    /// The rights of a user to use roles.
    pub(crate) fn take_grants(&mut self, rows: &Rows) {
        for row in rows {
            rows::assumerole(&mut self.gathered, Cells(row));
        }
    }

    /// Users, groups and roles so far.
    #[must_use]
    pub(crate) const fn people(&self) -> &People {
        &self.gathered.people
    }

    /// The catalogue of all that was handed in.
    #[must_use]
    pub(crate) fn finish(self) -> Catalog {
        let Self { mut gathered, mut states } = self;
        let unasked = gathered.models.split_off(gathered.models.len().min(MAX_ASKED));
        for model in &unasked {
            rows::shown_model(&mut gathered, model, None);
        }
        if !gathered.others.is_empty()
            && let Some(state) = states.get_mut(&SystemView::SvvRedshiftDatabases)
        {
            let names: Vec<_> = gathered.others.iter().take(5).map(String::as_str).collect();
            *state = state.lacking(&format!(
                "{} other databases are not read ({})",
                gathered.others.len(),
                names.join(", ")
            ));
        }
        let database = gathered.database.clone();
        gathered.draft.set_people(gathered.people);
        for (view, state) in states {
            gathered.draft.note(view, Some(&database), state);
        }
        gathered.draft.finish()
    }
}
