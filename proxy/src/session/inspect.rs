//! The inspector of a session's statements: has them judged and tells the state machine. What takes long is done off the worker, and a
//! session that sends much gives way to the others.

mod long;
pub(super) mod reports;

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use crate::gate::DecisionPath;
use crate::gate::enforcement::Action;
use crate::gate::verdict::JudgedStatement;
use crate::observe::audit::NotRecorded;
use crate::session::inspect::long::{Look, MAX_INLINE_BYTES, MAX_PARSED_INLINE_BYTES, Prejudged, copied};
use crate::session::inspect::reports::{
    excess_report, fresh_nonce, function_call_report, not_kept_report, report, unrecorded_report,
};
use crate::session::notes::SessionNotes;
use crate::session::outcomes::{Carrier, ToldStatement};
use crate::session::record::{self, Decided, Told};
use crate::session::registry::LiveSession;
use crate::session::service::{Service, Settings};
use crate::session::statements::{Binding, Statements, VerdictFor, VerdictMaker, earlier};
use crate::session::stored::{self, RecordedUses};
use crate::sql::watch::BoundFault;
use crate::sql::{FaultKind, Glance, StatementKind, Watch, quoting};
use crate::wire::answer::{Nonce, Rejection, Report, sqlstate};
use crate::wire::function_call::FunctionCalls;
use crate::wire::relay::{Inspector, Ruling, Standing};

/// A session gives way to the others after so many judged statements.
const JUDGED_AT_ONCE: u32 = 8;

/// Rules on the statements of one session.
#[derive(Debug)]
pub(crate) struct StatementInspector<'a> {
    notes: &'a SessionNotes,
    service: &'a Arc<Service>,
    /// Where others see how many were judged and refused.
    listed: &'a LiveSession,
    settings: &'a Settings,
    statements: &'a RefCell<Statements>,
    judged: u32,
    refused: Cell<u32>,
    /// Uses of stored credentials that were recorded.
    uses: RefCell<RecordedUses>,
}

/// The text of a `Query` or `Parse`.
#[derive(Clone, Copy)]
struct StatementMessage<'a> {
    name: Option<&'a [u8]>,
    text: &'a [u8],
    standing: Standing,
}

impl<'a> StatementInspector<'a> {
    /// The inspector of one session.
    #[must_use]
    pub(crate) fn new(
        notes: &'a SessionNotes,
        (service, listed): (&'a Arc<Service>, &'a LiveSession),
        settings: &'a Settings,
        statements: &'a RefCell<Statements>,
    ) -> Self {
        let uses = RefCell::default();
        Self { notes, service, listed, settings, statements, judged: 0, refused: Cell::new(0), uses }
    }

    /// How many statements were judged so far, and how many of them refused.
    #[must_use]
    pub(crate) fn counts(&self) -> (u32, u32) {
        (self.judged, self.refused.get())
    }

    fn count_refused(&self) {
        self.refused.set(self.refused.get().wrapping_add(1));
        self.listed.set_counts(self.counts());
    }

    /// An ordinary statement, which may take the place of a watched one of its name.
    fn plain(&mut self, message: StatementMessage<'_>, began: Instant) -> Ruling {
        let mut statements = self.statements.borrow_mut();
        statements.passed();
        if let (Some(name), true) = (message.name, statements.watches_prepared()) {
            statements.replace(name, message.standing.number);
        }
        self.service.metrics.plain_statement(message.text.len(), began.elapsed());
        Ruling::Forward
    }

    /// Rules on a text that the server may read otherwise than the gate: a finding of its own beside what the gate reads.
    async fn unreadable(&mut self, message: StatementMessage<'_>, began: Instant) -> Ruling {
        let (principal, policy) = (self.statements.borrow().current().clone(), self.service.gate.policy());
        let enforcer = policy.enforcer_for(self.statements.borrow().only_user(), Timestamp::now());
        let verdict = Arc::new(enforcer.judge_unreadable(message.text));
        let decided = Decided { path: DecisionPath::Cold, took: began.elapsed() };
        let (remark, _told) = self.ruling(&VerdictFor { verdict, principal }, message.text, decided).await;
        if matches!(remark, Ruling::Refuse(_)) {
            return remark;
        }
        match self.readable(message, began).await {
            Ruling::Forward => remark,
            other => other,
        }
    }

    /// Rules on a text by what the gate reads.
    async fn readable(&mut self, message: StatementMessage<'_>, began: Instant) -> Ruling {
        if message.text.len() > MAX_INLINE_BYTES {
            return self.judge_long(message, began).await;
        }
        let current = self.statements.borrow().current().clone();
        match VerdictMaker::judge(&self.service.gate, message.text, &current) {
            (None, _) => self.plain(message, began),
            (Some(verdict), path) => self.rule(message, VerdictFor { verdict, principal: current }, path, began).await,
        }
    }

    /// Rules on a long text. Looking through it takes a while even where nothing is to be judged.
    async fn long(&mut self, message: StatementMessage<'_>, began: Instant) -> Ruling {
        let StatementMessage { text, standing, .. } = message;
        let look = Look::of(self.service, text, standing).await;
        // Asked after the look: what the backend has said meanwhile counts.
        let is_unreadable = look.depends_on_encoding || self.statements.borrow().is_misread(text);
        match () {
            () if standing.is_behind && (is_unreadable || !look.is_plain || look.may_change) => Ruling::Wait,
            () if is_unreadable => self.unreadable(message, began).await,
            () if look.is_plain => self.plain(message, began),
            () => self.judge_long(message, began).await,
        }
    }

    /// Rules on a long text in which something may be to judge.
    async fn judge_long(&mut self, message: StatementMessage<'_>, began: Instant) -> Ruling {
        let current = self.statements.borrow().current().clone();
        let ruled = long::judged(self.service, message.text, vec![current]).await;
        match ruled.into_iter().next() {
            None => self.plain(message, began),
            Some(first) => self.rule(message, first, DecisionPath::Cold, began).await,
        }
    }

    /// Rules on a statement of which something was judged.
    async fn rule(
        &mut self,
        message: StatementMessage<'_>,
        first: VerdictFor,
        path: DecisionPath,
        began: Instant,
    ) -> Ruling {
        self.judged = self.judged.wrapping_add(1);
        self.listed.set_counts(self.counts());
        if path == DecisionPath::Cold || self.judged.is_multiple_of(JUDGED_AT_ONCE) {
            tokio::task::yield_now().await;
        }
        let ruled = self.gravest(message.text, first).await;
        let decided = Decided { path, took: began.elapsed() };
        let bytes = message.text.len();
        let count = |id: Option<&Arc<str>>| self.service.metrics.decision(path, decided.took, bytes, id);
        if ruled.verdict.action == Action::Reject {
            let (ruling, told) = self.ruling(&ruled, message.text, decided).await;
            self.stored(&ruled, message.text, decided).await;
            count(told.first().and_then(|statement| statement.id.as_ref()));
            return ruling;
        }
        if self.service.audit.refuses() && ruled.verdict.statements.iter().any(JudgedStatement::is_told) {
            count(None);
            self.service.metrics.statement(StatementKind::None, Action::Reject);
            return self.unrecorded();
        }
        let StatementMessage { name, text, standing } = message;
        let noted = self.statements.borrow_mut().forward(name, standing, text, &ruled.verdict);
        self.notes.learn(self.service, &ruled.verdict);
        let counts_when_bound = match noted {
            Ok(counts_when_bound) => counts_when_bound,
            Err(excess) => {
                count(None);
                return Ruling::Refuse(self.refuse(excess_report(excess)));
            }
        };
        if !counts_when_bound {
            self.stored(&ruled, text, decided).await;
        }
        let (ruling, told) = self.ruling(&ruled, text, decided).await;
        count(told.first().and_then(|statement| statement.id.as_ref()));
        if !matches!(ruling, Ruling::Refuse(_)) {
            self.follow(name, standing, &told);
        }
        // Once more: what the backend has said meanwhile may have cleared it, and nothing is waited for after this.
        self.statements.borrow_mut().request(&ruled.verdict);
        ruling
    }

    /// The gravest verdict over everybody whom the session may be acting as.
    async fn gravest(&self, text: &[u8], mut first: VerdictFor) -> VerdictFor {
        let gate = &self.service.gate;
        if let Some(live) = self.service.live.as_ref().filter(|_| !first.verdict.unknown_roles.is_empty()) {
            live.look_up(&first.verdict.unknown_roles).await;
            if let (Some(verdict), _) = VerdictMaker::judge(gate, text, &first.principal) {
                first.verdict = verdict;
            }
        }
        if text.len() <= MAX_INLINE_BYTES {
            return self.statements.borrow().gravest(gate, text, first);
        }
        let users = self.statements.borrow().users(&first.verdict);
        let ruled = if users.is_anybody() {
            Vec::new()
        } else {
            long::judged(self.service, text, users.known().to_vec()).await
        };
        self.statements.borrow().gravest(&Prejudged { gate, ruled }, text, first)
    }

    /// Statements go to the server: their outcome is told.
    fn follow(&self, name: Option<&[u8]>, standing: Standing, told: &Arc<[ToldStatement]>) {
        let carrier = if name.is_some() { Carrier::Parse } else { Carrier::Query };
        if let Some(name) = name {
            self.statements.borrow_mut().tell(name, told);
        }
        self.notes.outcomes.borrow_mut().sent(carrier, standing.number, Arc::clone(told), Instant::now());
    }

    /// Counts the stored credentials that a message uses, and records them where that is asked for. Nothing is waited for.
    async fn stored(&self, ruled: &VerdictFor, text: &[u8], decided: Decided) {
        if !ruled.verdict.uses_stored() {
            return;
        }
        let (service, numbers) = (self.service, self.notes.numbers());
        let recorded = stored::count(service, ruled, &mut self.uses.borrow_mut());
        if recorded.is_empty() {
            return;
        }
        let events = if text.len() <= MAX_INLINE_BYTES {
            stored::events(service, numbers, ruled, text, (decided, &recorded))
        } else {
            let (service, ruled, text) = (Arc::clone(service), ruled.clone(), copied(text).await);
            let made = tokio::task::spawn_blocking(move || {
                stored::events(&service, numbers, &ruled, &text, (decided, &recorded))
            });
            made.await.unwrap_or_default()
        };
        for event in events {
            self.service.tell(event);
        }
    }

    /// What a verdict means for its message, and what is told of its statements.
    async fn ruling(&self, ruled: &VerdictFor, text: &[u8], decided: Decided) -> (Ruling, Arc<[ToldStatement]>) {
        let nonce = match ruled.verdict.action {
            Action::Reject => Some(fresh_nonce()),
            Action::Forward | Action::Annotate => None,
        };
        let Ok(told) = self.record(ruled, text, decided, nonce.clone()).await else {
            return (self.unrecorded(), Arc::from([]));
        };
        let verdict = &ruled.verdict;
        let ruling = match (verdict.action, nonce) {
            (Action::Reject, Some(nonce)) => {
                self.count_refused();
                let report = report(sqlstate::INSUFFICIENT_PRIVILEGE, verdict.refusal(text));
                Ruling::Refuse(Rejection { nonce, report })
            }
            (Action::Annotate, _) => {
                let annotations = self.settings.annotations_under(verdict.mode);
                Ruling::Annotate {
                    comment: annotations.comment.then(|| verdict.comment()),
                    warning: annotations.notice.then(|| report(sqlstate::WARNING, verdict.warning())),
                }
            }
            (Action::Forward | Action::Reject, _) => Ruling::Forward,
        };
        (ruling, told)
    }

    /// Counts and records a verdict. What is not refused goes on only when the audit has it, if that is asked for.
    async fn record(
        &self,
        ruled: &VerdictFor,
        text: &[u8],
        decided: Decided,
        nonce: Option<Nonce>,
    ) -> Result<Arc<[ToldStatement]>, NotRecorded> {
        let is_refused = ruled.verdict.action == Action::Reject;
        let numbers = self.notes.numbers();
        let Told { events, statements } = if text.len() <= MAX_INLINE_BYTES {
            let made = (decided, nonce.as_ref());
            record::told(self.service, numbers, (&ruled.principal, &ruled.verdict), text, made)
        } else {
            let (service, ruled, text) = (Arc::clone(self.service), ruled.clone(), copied(text).await);
            let made = tokio::task::spawn_blocking(move || {
                let made = (decided, nonce.as_ref());
                record::told(&service, numbers, (&ruled.principal, &ruled.verdict), &text, made)
            });
            made.await.map_err(|error| {
                tracing::error!(%error, "a verdict was not recorded");
                NotRecorded
            })?
        };
        if is_refused {
            for event in events {
                self.service.tell(event);
            }
        } else {
            self.service.require(events).await?;
        }
        Ok(statements.into())
    }

    /// What would go on cannot be recorded.
    fn unrecorded(&self) -> Ruling {
        self.count_refused();
        Ruling::Refuse(Rejection { nonce: fresh_nonce(), report: unrecorded_report() })
    }

    /// Judges again what a `Bind` runs, under the policy in force and for whom the session acts as now.
    async fn bind_again(&mut self, name: &[u8], texts: &[Arc<[u8]>]) -> Ruling {
        let generation = VerdictMaker::generation(&self.service.gate);
        let mut stands_until: Option<Timestamp> = None;
        let mut verdicts = Vec::new();
        for text in texts {
            let current = self.statements.borrow().current().clone();
            let first = if text.len() > MAX_INLINE_BYTES {
                long::judged(self.service, text, vec![current]).await.into_iter().next()
            } else {
                let (verdict, _) = VerdictMaker::judge(&self.service.gate, text, &current);
                verdict.map(|verdict| VerdictFor { verdict, principal: current })
            };
            let Some(first) = first else {
                verdicts.push(None);
                continue;
            };
            let ruled = self.gravest(text, first).await;
            if ruled.verdict.action == Action::Reject {
                self.stored(&ruled, text, Decided::ANEW).await;
                return self.ruling(&ruled, text, Decided::ANEW).await.0;
            }
            stands_until = earlier(stands_until, ruled.verdict.stands_until());
            verdicts.push(Some(ruled.verdict));
        }
        self.statements.borrow_mut().bound(name, generation, stands_until, &verdicts);
        Ruling::Forward
    }
}

impl Inspector for StatementInspector<'_> {
    async fn statement(&mut self, name: Option<&[u8]>, text: &[u8], standing: Standing) -> Ruling {
        let began = Instant::now();
        let message = StatementMessage { name, text, standing };
        // Boxed, since all but the ordinary statement is rare and would take room in every session.
        if text.len() > MAX_INLINE_BYTES || (text.len() > MAX_PARSED_INLINE_BYTES && self.is_named(text)) {
            return Box::pin(self.long(message, began)).await;
        }
        if self.statements.borrow().is_unreadable(text, standing) {
            return if standing.is_behind { Ruling::Wait } else { Box::pin(self.unreadable(message, began)).await };
        }
        let judged = VerdictMaker::judge(&self.service.gate, text, self.statements.borrow().current());
        match judged {
            (None, _) if Statements::may_change(text, standing) => Ruling::Wait,
            (None, _) => self.plain(message, began),
            (Some(verdict), _) if standing.is_behind && !verdict.is_observed() => Ruling::Wait,
            (Some(verdict), path) => {
                let principal = self.statements.borrow().current().clone();
                Box::pin(self.rule(message, VerdictFor { verdict, principal }, path, began)).await
            }
        }
    }

    fn watches_prepared(&self) -> bool {
        self.statements.borrow().watches_prepared()
    }

    async fn bind(&mut self, statement: &[u8], values: &[&[u8]], standing: Standing) -> Ruling {
        let (fault, binding) = {
            let statements = self.statements.borrow();
            if standing.is_behind && statements.watches(statement) {
                return Ruling::Wait;
            }
            (statements.fault(statement, values), statements.bind(&self.service.gate, statement))
        };
        let remark = match fault {
            Some((text, fault)) => self.bound(&text, fault).await,
            None => Ruling::Forward,
        };
        if matches!(remark, Ruling::Refuse(_)) {
            return remark;
        }
        let ruling = match binding {
            Binding::Forward | Binding::JudgeAgain(_)
                if self.service.audit.refuses() && self.statements.borrow().watches(statement) =>
            {
                self.unrecorded()
            }
            Binding::Forward => Ruling::Forward,
            Binding::JudgeAgain(texts) => self.bind_again(statement, &texts).await,
            Binding::NotKept => Ruling::Refuse(self.refuse(not_kept_report())),
        };
        if !matches!(ruling, Ruling::Refuse(_) | Ruling::Wait) {
            self.run(statement, standing).await;
            let told = self.statements.borrow().told(statement);
            self.notes.outcomes.borrow_mut().sent(Carrier::Bind, standing.number, told, Instant::now());
        }
        match ruling {
            Ruling::Forward => remark,
            other => other,
        }
    }

    fn close(&mut self, statement: &[u8], standing: Standing) {
        self.statements.borrow_mut().replace(statement, standing.number);
    }

    async fn function_call(&mut self, values: &[&[u8]]) -> Ruling {
        match self.settings.function_calls {
            FunctionCalls::Refuse => Ruling::Refuse(self.refuse(function_call_report())),
            FunctionCalls::Relay => match self.called(values) {
                Some(fault) => self.bound(b"", fault).await,
                None => Ruling::Forward,
            },
        }
    }

    fn refuse(&mut self, report: Report) -> Rejection {
        self.service.metrics.statement(StatementKind::None, Action::Reject);
        Rejection { nonce: fresh_nonce(), report }
    }
}

impl StatementInspector<'_> {
    /// What is wrong with the arguments of a function that is called by its number, as far as they and the session tell.
    fn called(&mut self, values: &[&[u8]]) -> Option<BoundFault> {
        let fault = Watch::of_function_call().judge(values);
        if fault.is_some() || !quoting::call_may_move_catalog(values) {
            return fault;
        }
        let mut statements = self.statements.borrow_mut();
        if statements.trusts_quoting() {
            return Some(BoundFault { kind: FaultKind::DynamicSql, detail: quoting::MOVED });
        }
        statements.catalog_moved();
        None
    }

    /// Whether a text is parsed for the names in it.
    fn is_named(&self, text: &[u8]) -> bool {
        self.service.gate.watches_names() && self.service.gate.glance(text) != Glance::Plain
    }

    /// What was prepared under a name is run: what it uses is counted.
    async fn run(&self, name: &[u8], standing: Standing) {
        let principal = self.statements.borrow().current().clone();
        let run = self.statements.borrow_mut().run(name, standing);
        for (verdict, text) in run {
            let ruled = VerdictFor { verdict, principal: principal.clone() };
            self.notes.learn(self.service, &ruled.verdict);
            self.stored(&ruled, text.as_deref().unwrap_or_default(), Decided::ANEW).await;
        }
    }

    /// What is handed to a statement or a function is at fault.
    async fn bound(&mut self, text: &[u8], fault: BoundFault) -> Ruling {
        let (principal, policy) = (self.statements.borrow().current().clone(), self.service.gate.policy());
        let enforcer = policy.enforcer_for(self.statements.borrow().only_user(), Timestamp::now());
        let verdict = Arc::new(enforcer.judge_bound(text, fault));
        self.ruling(&VerdictFor { verdict, principal }, text, Decided::ANEW).await.0
    }
}

#[cfg(test)]
mod tests;
