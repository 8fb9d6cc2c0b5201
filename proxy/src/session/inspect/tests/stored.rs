//! Uses of stored roles: counted when they are run, recorded as asked for, and nothing else while they are observed.

use super::*;
use crate::catalog::{Catalog, CatalogDraft, LearnedFrom, ObjectKind, ObjectName, StoredObject, SystemView};
use crate::gate::stored::{Stored, StoredMode};
use crate::rules::RuleSet;
use crate::session::statements::MAX_PREPARED;

const RULES: &str = "@id(\"all\") permit (principal, action, resource);\n\
                     @id(\"no\") forbid (principal, action in Rolegate::Action::\"uses\", resource) when { resource.names.contains(\"B\") };";

fn catalog(schemas: &[(&str, &str)]) -> Arc<Catalog> {
    let mut draft = CatalogDraft::default();
    draft.enter("dev");
    for (schema, role) in schemas {
        let from = LearnedFrom::View(SystemView::SvvExternalSchemas);
        let object = StoredObject::new(ObjectKind::ExternalSchema, ObjectName::bare(Some("dev"), schema), from);
        draft.add(object.with_iam_role(&format!("arn:aws:iam::123456789012:role/{role}")));
    }
    Arc::new(draft.finish())
}

fn session(mode: StoredMode) -> Session {
    let rules = RuleSet::from_text(std::path::Path::new("r.cedar"), RULES.to_owned()).unwrap();
    let stored = Stored::new(mode, catalog(&[("spectrum", "A"), ("lake", "B")]));
    let login = Principal::new(Attributes { database: "dev".to_owned(), ..Attributes::of_login("etl") });
    let service = service(Parts { stored, rules: Arc::new(rules), ..Parts::without_facts() }, settings());
    let state = service.metrics.session_opened(7).state().clone();
    Session {
        listed: LiveSession::new(login.clone(), None, state),
        service,
        settings: settings(),
        statements: RefCell::new(Statements::new(login, 1024 * 1024)),
        notes: SessionNotes::new(7, None),
    }
}

/// How often a chain was used: those that went on, and those that would not.
fn uses(session: &Session, chain: &str) -> (u64, u64) {
    let text = session.service.metrics.chain_uses();
    let of = |would_be: &str| {
        let is_it =
            |labels: &&([String; 7], u64)| labels.0[1] == chain && labels.0[5] == would_be && labels.0[6] == "schema";
        text.iter().filter(is_it).map(|(_, count)| count).sum()
    };
    (of("forward"), of("reject"))
}

#[tokio::test]
async fn a_query_is_counted_and_goes_on() {
    let session = session(StoredMode::Observe);
    assert_eq!(session.rule("select * from spectrum.t", ALONE).await, "forward");
    assert_eq!(session.rule("select * from lake.t", ALONE).await, "forward");
    assert_eq!(session.rule("select * from lake.t", BEHIND).await, "forward", "nothing is waited for");
    assert_eq!(session.rule("select spectrum.a from t spectrum", ALONE).await, "forward");
    assert_eq!(uses(&session, "123456789012/A"), (1, 0));
    assert_eq!(uses(&session, "123456789012/B"), (0, 2));
}

#[tokio::test]
async fn what_is_enforced_is_refused_and_waits() {
    let session = session(StoredMode::Enforce);
    assert_eq!(session.rule("select * from spectrum.t", ALONE).await, "forward");
    assert_eq!(session.rule("select * from lake.t", ALONE).await, "refuse");
    for text in ["select * from lake.t", "select * from spectrum.t"] {
        assert_eq!(session.rule(text, BEHIND).await, "wait", "{text}");
    }
    assert_eq!(session.rule("select lake.a from t lake", ALONE).await, "forward");
    assert_eq!((uses(&session, "123456789012/A"), uses(&session, "123456789012/B")), ((1, 0), (0, 1)));
}

#[tokio::test]
async fn what_is_prepared_is_counted_when_it_is_bound() {
    let session = session(StoredMode::Observe);
    let mut inspector = session.inspector();
    assert_eq!(word(&inspector.statement(Some(b"s"), b"select * from spectrum.t", ALONE).await), "forward");
    assert_eq!(uses(&session, "123456789012/A"), (0, 0));
    for count in 1..4 {
        assert_eq!(word(&inspector.bind(b"s", &[], BEHIND).await), "forward");
        assert_eq!(uses(&session, "123456789012/A"), (count, 0));
    }
    assert_eq!(word(&inspector.bind(b"other", &[], ALONE).await), "forward");
    assert_eq!(uses(&session, "123456789012/A"), (3, 0));
}

/// What was prepared under another catalogue is judged anew when it is bound.
#[tokio::test]
async fn another_catalogue_judges_anew() {
    let session = session(StoredMode::Enforce);
    let mut inspector = session.inspector();
    assert_eq!(word(&inspector.statement(Some(b"s"), b"select * from spectrum.t", ALONE).await), "forward");
    let policy = session.service.gate.policy();
    let moved = policy.stored().with_catalog(catalog(&[("spectrum", "B")]));
    session.service.gate.replace(policy.with_stored(moved));
    assert_eq!(word(&inspector.bind(b"s", &[], ALONE).await), "refuse");
    let gone = policy.stored().with_catalog(catalog(&[("other", "B")]));
    session.service.gate.replace(policy.with_stored(gone));
    assert_eq!(word(&inspector.bind(b"s", &[], ALONE).await), "forward");
    assert_eq!(uses(&session, "123456789012/A"), (0, 0));
}

/// What a message makes is known to the next one, until a reading that begins after its transaction; one that is refused makes nothing.
#[tokio::test]
async fn what_is_made_is_known_to_the_next_message() {
    let session = session(StoredMode::Enforce);
    let create =
        "create external schema fresh from data catalog database 'd' iam_role 'arn:aws:iam::123456789012:role/B'";
    let reads = "select * from fresh.t";
    assert_eq!(session.rule("create view v as select * from lake.t", ALONE).await, "refuse");
    assert_eq!(session.rule("select * from v", ALONE).await, "forward");
    assert_eq!((session.rule(create, ALONE).await, session.rule(reads, ALONE).await), ("forward", "refuse"));
    assert!(session.service.gate.settled().is_empty());
    session.notes.settled(&session.service);
    assert_eq!(session.rule(reads, ALONE).await, "refuse", "no reading has told of it");
    session.service.gate.forget(&session.service.gate.settled());
    assert_eq!(session.rule(reads, ALONE).await, "forward", "the reading has not found it");
    let mut inspector = session.inspector();
    assert_eq!(word(&inspector.statement(Some(b"c"), create.as_bytes(), ALONE).await), "forward");
    session.notes.settled(&session.service);
    session.service.gate.forget(&session.service.gate.settled());
    assert_eq!(word(&inspector.bind(b"c", &[], ALONE).await), "forward");
    assert_eq!(session.rule(reads, ALONE).await, "refuse", "it is made when it is run");
}

/// A change of what is stored has it read again, when it is there for others to see.
#[tokio::test]
async fn changes_have_the_catalogue_read_again() {
    let session = session(StoredMode::Observe);
    for (text, is_a_change) in [
        ("drop schema lake", true),
        ("drop schema other", false),
        ("alter schema lake rename to pond", true),
        ("create view v as select * from lake.t", true),
        ("select * from lake.t", false),
    ] {
        assert_eq!(session.rule(text, ALONE).await, "forward", "{text}");
        session.notes.settled(&session.service);
        let told = tokio::time::timeout(Duration::ZERO, session.service.stored_changed.notified()).await;
        assert_eq!(told.is_ok(), is_a_change, "{text}");
    }
}

/// However many statements a session prepares: what is observed alone is refused nothing, and takes no place from what is judged.
#[tokio::test]
async fn a_session_keeps_so_many_observed_statements() {
    let session = session(StoredMode::Observe);
    let mut inspector = session.inspector();
    for number in 0..MAX_PREPARED + 10 {
        let name = format!("s{number}");
        let ruling = inspector.statement(Some(name.as_bytes()), b"select * from spectrum.t", ALONE).await;
        assert_eq!(word(&ruling), "forward", "{number}");
    }
    let kept = u64::try_from(MAX_PREPARED / 2).unwrap();
    assert_eq!(uses(&session, "123456789012/A").0, kept + 10, "those beyond count at once");
    let copy = b"copy t from 's3://b' iam_role 'arn:aws:iam::123456789012:role/A'";
    assert_eq!(word(&inspector.statement(Some(b"copy"), copy, ALONE).await), "forward");
    let long = vec![b'n'; 2_000];
    assert_eq!(word(&inspector.statement(Some(&long), b"select * from spectrum.t", ALONE).await), "forward");
}

#[tokio::test]
async fn a_use_of_names_turns_what_names_stand_for() {
    let session = session(StoredMode::Enforce);
    session.statements.borrow_mut().settled();
    assert_eq!(session.rule("use other", ALONE).await, "forward");
    assert_eq!(session.rule("select * from lake.t", ALONE).await, "refuse", "it may not have come about");
    session.statements.borrow_mut().settled();
    let mut inspector = session.inspector();
    assert_eq!(word(&inspector.statement(None, b"use other", ALONE).await), "forward");
    session.statements.borrow_mut().settled();
    let naming = session.statements.borrow().current().naming.clone();
    assert!(naming.has_left && naming.used == ["other"], "{naming:?}");
}

#[tokio::test]
async fn long_texts_are_attributed_too() {
    for (bytes, want) in [(1_000, 1), (MAX_PARSED_INLINE_BYTES + 1, 1), (MAX_INLINE_BYTES + 1, 1)] {
        let session = session(StoredMode::Observe);
        let text = format!("select '{}' from spectrum.t", "x".repeat(bytes));
        assert_eq!(session.rule(&text, ALONE).await, "forward");
        assert_eq!(uses(&session, "123456789012/A").0, want, "{bytes}");
    }
}

#[test]
fn first_uses_are_told_once() {
    let session = session(StoredMode::Observe);
    let of = |text: &str, user: &str| {
        let principal = session.statements.borrow().current().with_user(user);
        let verdict = VerdictMaker::judge(&session.service.gate, text.as_bytes(), &principal).0.unwrap();
        VerdictFor { verdict, principal }
    };
    let mut recorded = RecordedUses::default();
    let mut is_first = |text: &str, user: &str| {
        let ruled = of(text, user);
        recorded.is_first(user, &ruled.verdict.statements[0])
    };
    assert!(is_first("select * from spectrum.t", "a"));
    assert!(!is_first("select 1, * from spectrum.u", "a"), "the same use");
    assert!(is_first("select * from spectrum.t", "b"));
    assert!(is_first("select * from spectrum.t, lake.t", "a"), "one of them is new");
}
