//! The inspector without a socket: what it rules, and that a long text holds up nobody.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::*;
use crate::gate::enforcement::Mode;
use crate::gate::modes::Modes;
use crate::gate::policy::Parts;
use crate::gate::principal::{Attributes, Principal};
use crate::session::service::tests::{service, settings};

const ALONE: Standing = Standing { number: 0, is_behind: false, is_in_segment: false };
const BEHIND: Standing = Standing { is_behind: true, ..ALONE };
const IN_SEGMENT: Standing = Standing { is_in_segment: true, ..ALONE };

/// A chain with a space in it.
const MALFORMED: &str =
    "copy t from 's3://b' iam_role 'arn:aws:iam::111122223333:role/A, arn:aws:iam::111122223333:role/B'";
const ROLE: &[u8] = b"arn:aws:iam::111122223333:role/A";

/// What a ruling comes to, in one word.
fn word(ruling: &Ruling) -> &'static str {
    match ruling {
        Ruling::Forward => "forward",
        Ruling::Annotate { .. } => "annotate",
        Ruling::Refuse(_) => "refuse",
        Ruling::Wait => "wait",
    }
}

/// One session of a gate.
struct Session {
    service: Arc<Service>,
    settings: Settings,
    statements: RefCell<Statements>,
    notes: SessionNotes,
    listed: LiveSession,
}

impl Session {
    fn new(mode: Mode) -> Self {
        let login = Principal::new(Attributes::of_login("etl"));
        let service = service(Parts { modes: Modes::all(mode), ..Parts::without_facts() }, settings());
        let state = service.metrics.session_opened(7).state().clone();
        Self {
            listed: LiveSession::new(login.clone(), None, state),
            service,
            settings: settings(),
            statements: RefCell::new(Statements::new(login, 1024 * 1024)),
            notes: SessionNotes::new(7, None),
        }
    }

    fn inspector(&self) -> StatementInspector<'_> {
        StatementInspector::new(&self.notes, (&self.service, &self.listed), &self.settings, &self.statements)
    }

    async fn rule(&self, text: &str, standing: Standing) -> &'static str {
        word(&self.inspector().statement(None, text.as_bytes(), standing).await)
    }
}

/// A text as long as a message may be, in which nothing is to be judged.
fn long() -> String {
    "select a, b, 'c' from t where d = 1.5 and e like '%f%' -- g\n".repeat(64 * 1024)
}

#[tokio::test]
async fn a_statement_is_ruled_on_by_what_it_holds_and_where_it_stands() {
    let rows = [
        ("select 1", ALONE, "forward"),
        ("select 1", BEHIND, "forward"),
        (MALFORMED, ALONE, "refuse"),
        (MALFORMED, BEHIND, "wait"),
        ("select 'é'", BEHIND, "forward"),
        ("select 'é iam_role'", ALONE, "forward"),
        ("select 'é iam_role'", BEHIND, "wait"),
        ("copy t from 's3://b' access_key_id 'k' secret_access_key 's'", ALONE, "annotate"),
    ];
    for (text, standing, want) in rows {
        assert_eq!(Session::new(Mode::Enforce).rule(text, standing).await, want, "{text} {standing:?}");
    }
}

#[tokio::test]
async fn a_long_statement_is_ruled_on_as_a_short_one() {
    let rows = [
        (long(), ALONE, "forward"),
        (long(), BEHIND, "forward"),
        (long(), IN_SEGMENT, "forward"),
        (format!("{};{MALFORMED}", long()), ALONE, "refuse"),
        (format!("{};{MALFORMED}", long()), BEHIND, "wait"),
        (format!("{} 'é iam_role'", long()), BEHIND, "wait"),
    ];
    for (text, standing, want) in rows {
        let end = text.lines().last().unwrap();
        assert_eq!(Session::new(Mode::Enforce).rule(&text, standing).await, want, "…{end} {standing:?}");
    }
}

#[tokio::test]
async fn a_text_that_the_server_may_read_otherwise_is_refused_short_or_long() {
    let session = Session::new(Mode::Enforce);
    session.statements.borrow_mut().encoding_reported("SJIS");
    for text in ["select 'é'".to_owned(), format!("{} 'é'", long())] {
        assert_eq!(session.rule(&text, ALONE).await, "refuse");
        assert_eq!(session.rule(&text, BEHIND).await, "wait");
    }
    assert_eq!(session.rule("select 1", ALONE).await, "forward", "ASCII reads the same in every encoding");
    assert_eq!(session.rule(&long(), ALONE).await, "forward");
}

/// Polls to the end on this thread; the longest time that one poll took, and how many there were.
async fn longest_poll<F: Future>(future: F) -> (F::Output, Duration, u32) {
    let mut future = pin!(future);
    let (mut longest, mut polls) = (Duration::ZERO, 0);
    let output = std::future::poll_fn(|context| {
        let began = Instant::now();
        let polled = future.as_mut().poll(context);
        (longest, polls) = (longest.max(began.elapsed()), polls + 1);
        polled
    });
    let output = output.await;
    (output, longest, polls)
}

#[tokio::test]
async fn looking_through_a_long_text_holds_up_no_other_session() {
    let session = Session::new(Mode::Enforce);
    let text = long();
    let began = Instant::now();
    assert!(session.service.gate.is_plain(text.as_bytes()));
    let look = began.elapsed();
    for standing in [ALONE, BEHIND, IN_SEGMENT] {
        let mut inspector = session.inspector();
        let ruling = longest_poll(inspector.statement(Some(b"s"), text.as_bytes(), standing));
        let (ruling, longest, polls) = ruling.await;
        assert_eq!(word(&ruling), "forward");
        assert!(longest < look / 4 && polls > 10, "{polls} polls, one of {longest:?}; the look takes {look:?}");
    }
}

#[test]
fn an_ordinary_statement_is_ruled_on_at_once() {
    let session = Session::new(Mode::Enforce);
    let mut inspector = session.inspector();
    let ruling = pin!(inspector.statement(None, b"select 1", ALONE)).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(ruling, Poll::Ready(Ruling::Forward)), "{ruling:?}");
}

#[tokio::test]
async fn what_is_refused_is_counted_and_told_with_its_place() {
    let session = Session::new(Mode::Enforce);
    let mut inspector = session.inspector();
    assert_eq!(word(&inspector.statement(None, b"select 1", ALONE).await), "forward");
    assert_eq!(inspector.counts(), (0, 0), "an ordinary statement is not judged");
    let ruling = inspector.statement(None, MALFORMED.as_bytes(), ALONE).await;
    let Ruling::Refuse(Rejection { report, .. }) = ruling else { panic!("{ruling:?}") };
    assert_eq!((report.sqlstate, inspector.counts()), (sqlstate::INSUFFICIENT_PRIVILEGE, (1, 1)));
    assert!(report.message.contains("chain") && report.position.is_some(), "{report:?}");
}

#[tokio::test]
async fn shadow_mode_lets_through_without_a_word_when_it_is_told_to() {
    let session = Session::new(Mode::Shadow);
    let ruling = session.inspector().statement(None, MALFORMED.as_bytes(), ALONE).await;
    assert!(matches!(ruling, Ruling::Annotate { comment: None, warning: None }), "{ruling:?}");
}

#[tokio::test]
async fn what_a_parameter_may_not_be_depends_on_the_statement() {
    let session = Session::new(Mode::Enforce);
    let mut inspector = session.inspector();
    assert_eq!(word(&inspector.statement(Some(b"call"), b"call p($1)", ALONE).await), "forward");
    assert_eq!(word(&inspector.statement(Some(b"plain"), b"select $1", ALONE).await), "forward");
    let rows: [(&[u8], &[u8], Standing, &str); 5] = [
        (b"call", b"x", ALONE, "forward"),
        (b"call", ROLE, ALONE, "refuse"),
        (b"call", ROLE, BEHIND, "wait"),
        (b"plain", ROLE, ALONE, "forward"),
        (b"plain", ROLE, BEHIND, "forward"),
    ];
    for (name, value, standing, want) in rows {
        let ruling = inspector.bind(name, &[value], standing).await;
        assert_eq!(word(&ruling), want, "{} {standing:?}", String::from_utf8_lossy(name));
    }
    inspector.close(b"call", ALONE);
}

#[tokio::test]
async fn a_function_call_is_refused_or_read_as_a_call() {
    let mut session = Session::new(Mode::Enforce);
    assert_eq!(word(&session.inspector().function_call(&[b"x"]).await), "refuse");
    session.settings.function_calls = FunctionCalls::Relay;
    assert_eq!(word(&session.inspector().function_call(&[b"x"]).await), "forward");
    assert_eq!(word(&session.inspector().function_call(&[ROLE]).await), "refuse");
}

/// `set_config` that is called by its number moves the search path as a statement does.
#[tokio::test]
async fn a_function_call_that_moves_the_catalog_and_what_trusts_it_do_not_meet() {
    const TRUSTING: &[u8] =
        b"create procedure p(a text) as $$ begin execute 'drop table ' || quote_ident(a); end $$ language plpgsql";
    const MOVING: [&[u8]; 3] = [b"Search_Path", b"a, pg_catalog", b"f"];
    const STAYING: [&[u8]; 3] = [b"search_path", b"pg_catalog, a", b"f"];
    for (value, called, trusting) in [(MOVING, "refuse", "refuse"), (STAYING, "forward", "forward")] {
        let mut session = Session::new(Mode::Enforce);
        session.settings.function_calls = FunctionCalls::Relay;
        let mut inspector = session.inspector();
        assert_eq!(word(&inspector.function_call(&value).await), "forward");
        assert_eq!(word(&inspector.statement(None, TRUSTING, ALONE).await), trusting);
        let mut session = Session::new(Mode::Enforce);
        session.settings.function_calls = FunctionCalls::Relay;
        let mut inspector = session.inspector();
        assert_eq!(word(&inspector.statement(None, TRUSTING, ALONE).await), "forward");
        assert_eq!(word(&inspector.function_call(&value).await), called);
    }
}
mod stored;
