//! The state machine against tables, and against a server that runs what it lets through: nobody may use a role who must not.

use std::collections::{BTreeSet, HashMap, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::gate::codes::{Code, Severity};
use crate::gate::enforcement::Mode;
use crate::gate::exception::Exception;
use crate::gate::finding::Finding;
use crate::gate::modes::Modes;
use crate::gate::policy::{Parts, Policy};
use crate::gate::principal::Attributes;
use crate::gate::verdict::{JudgedStatement, JudgedUse};
use crate::sql::watch::ParameterUse;
use crate::sql::{Clause, Method};

/// Reads words: `role` uses a role, `call` has parameters, `set:u` and `reset` change the user, `moves` the search path, `trusts` needs it as it was; anything else is not judged.
struct Words {
    policy: Policy,
    /// Who may use no role.
    forbidden: BTreeSet<&'static str>,
    judged: std::cell::Cell<usize>,
    second: std::cell::Cell<i64>,
}

impl Words {
    fn new(forbidden: &[&'static str]) -> Self {
        Self::under(Parts::without_facts(), forbidden)
    }

    fn under(parts: Parts, forbidden: &[&'static str]) -> Self {
        let forbidden = forbidden.iter().copied().collect();
        Self {
            policy: Policy::new(parts),
            forbidden,
            judged: std::cell::Cell::default(),
            second: std::cell::Cell::default(),
        }
    }

    fn statement(&self, word: &str, principal: &Principal) -> Option<JudgedStatement> {
        let mut statement = JudgedStatement::new(crate::sql::StatementKind::Copy, 0..0);
        match word {
            "role" => {
                let (clause, method) = (Clause::IamRole, Method::Default);
                statement.uses.push(JudgedUse { clause, method, roles: Vec::new(), target: None, span: 0..0 });
                if self.forbidden.contains(principal.user.as_str()) {
                    statement.findings.push(Finding::new(Code::Rg301, Severity::Reject, 0));
                }
            }
            "odd" => statement.findings.push(Finding::new(Code::Rg105, Severity::Reject, 0)),
            "call" => statement.watch.add(ParameterUse::CallArgument),
            "reset" => statement.effects.push(Effect::ResetSessionAuthorization),
            "moves" => statement.effects.push(Effect::MovesCatalog),
            "trusts" => statement.effects.push(Effect::TrustsQuoting),
            _ => statement.effects.push(Effect::SetSessionAuthorization(word.strip_prefix("set:")?.to_owned())),
        }
        Some(statement)
    }
}

impl VerdictMaker for Words {
    fn generation(&self) -> u64 {
        self.policy.generation()
    }

    fn is_observing(&self) -> bool {
        true
    }

    fn is_plain(&self, text: &[u8]) -> bool {
        self.judge(text, &login("x")).0.is_none()
    }

    fn judge(&self, text: &[u8], principal: &Principal) -> (Option<Arc<Verdict>>, DecisionPath) {
        self.judged.set(self.judged.get() + 1);
        let text = String::from_utf8_lossy(text).into_owned();
        let statements: Vec<_> = text.split(' ').filter_map(|word| self.statement(word, principal)).collect();
        let verdict = (!statements.is_empty())
            .then(|| Arc::new(Verdict::of(&self.policy.enforcer(principal, VerdictMaker::now(self)), statements)));
        (verdict, DecisionPath::Cold)
    }

    fn judge_as_anybody(&self, verdict: &Verdict) -> Verdict {
        self.policy.judge_as_anybody(verdict)
    }

    fn judge_moved(&self, verdict: &Verdict, of: Option<&Principal>) -> Verdict {
        self.policy.enforcer_for(of, VerdictMaker::now(self)).judge_moved(verdict)
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.second.get()).unwrap()
    }
}

fn login(user: &str) -> Principal {
    Principal::new(Attributes::of_login(user))
}

fn answered(number: Number) -> Reached {
    Reached { answered: number + 1, skipped: number + 1, is_failure: false }
}

/// One session before a judge, which sends its messages without waiting for any answer.
struct Session {
    statements: Statements,
    judge: Words,
    next: Number,
}

impl Session {
    fn new(forbidden: &[&'static str], max_prepared_bytes: usize) -> Self {
        Self { statements: Statements::new(login("a"), max_prepared_bytes), judge: Words::new(forbidden), next: 0 }
    }

    /// What becomes of a text.
    fn send(&mut self, name: Option<&str>, text: &str) -> Result<Action, Excess> {
        let number = self.next;
        self.next += 1;
        let name = name.map(str::as_bytes);
        let principal = self.statements.current().clone();
        let (Some(verdict), _) = self.judge.judge(text.as_bytes(), &principal) else {
            name.inspect(|name| self.statements.replace(name, number));
            return Ok(Action::Forward);
        };
        let ruled = self.statements.gravest(&self.judge, text.as_bytes(), VerdictFor { verdict, principal });
        if ruled.verdict.action < Action::Reject {
            let standing = Standing { number, is_behind: false, is_in_segment: false };
            self.statements.forward(name, standing, text.as_bytes(), &ruled.verdict)?;
        }
        Ok(ruled.verdict.action)
    }

    /// What becomes of a `Bind`.
    fn bind(&mut self, name: &str) -> &'static str {
        self.next += 1;
        if self.statements.fault(name.as_bytes(), &[b"arn:aws:iam::1:role/x"]).is_some() {
            return "names a role";
        }
        let mut stands_until = None;
        match self.statements.bind(&self.judge, name.as_bytes()) {
            Binding::Forward => "forward",
            Binding::NotKept => "not kept",
            Binding::JudgeAgain(texts) => {
                for text in texts {
                    let principal = self.statements.current().clone();
                    let Some(verdict) = self.judge.judge(&text, &principal).0 else { continue };
                    let ruled = self.statements.gravest(&self.judge, &text, VerdictFor { verdict, principal });
                    if ruled.verdict.action == Action::Reject {
                        return "refuse";
                    }
                    stands_until = earlier(stands_until, ruled.verdict.stands_until());
                }
                let generation = self.judge.generation();
                self.statements.bound(name.as_bytes(), generation, stands_until, &[]);
                "forward"
            }
        }
    }
}

#[test]
fn whom_a_statement_is_judged_for() {
    use Action::{Forward, Reject};
    // (what it shows, the messages before, what becomes of `role`; b may use no role)
    let rows: &[(&str, &[&str], Action)] = &[
        ("the one who logged in", &[], Forward),
        ("one whom the server reports", &["<b"], Reject),
        ("one who was asked for", &["set:b"], Reject),
        ("asked for and answered", &["set:b", "<settled"], Forward),
        ("asked for and reported back", &["set:b", "<b", "<settled", "reset", "<a", "<settled"], Forward),
        ("reported within a transaction, and before it", &["<b", "<settled", "set:a", "<a"], Reject),
        ("prepared and perhaps run", &["P:s:set:b", "<settled"], Reject),
        ("prepared, closed, and perhaps run before", &["P:s:set:b", "<settled", "C:s", "<0", "<1"], Reject),
        ("prepared, closed and settled", &["P:s:set:b", "<settled", "C:s", "<0", "<1", "<settled"], Forward),
        ("prepared, and its closing skipped", &["P:s:set:b", "<0", "<settled", "C:s", "<skip", "<settled"], Reject),
        ("one of nine", &["set:c", "set:d", "set:e", "set:f", "set:g", "set:h", "set:i", "set:j", "set:k"], Reject),
        ("one of eight", &["set:c", "set:d", "set:e", "set:f", "set:g", "set:h", "set:i", "set:j"], Forward),
    ];
    for (name, before, want) in rows {
        let mut session = Session::new(&["b"], 1000);
        for step in *before {
            match step.split_once([':', '<']) {
                Some(("P", rest)) => {
                    let (name, text) = rest.split_once(':').unwrap();
                    session.send(Some(name), text).unwrap();
                }
                Some(("C", name)) => {
                    session.statements.replace(name.as_bytes(), session.next);
                    session.next += 1;
                }
                Some(("", "settled")) => session.statements.settled(),
                Some(("", "skip")) => {
                    let reached = Reached { answered: session.next - 1, skipped: session.next, is_failure: false };
                    session.statements.reached(reached);
                }
                Some(("", number)) if number.parse::<u64>().is_ok() => {
                    session.statements.reached(answered(number.parse().unwrap()));
                }
                Some(("", user)) => session.statements.user_reported(user),
                _ => {
                    session.send(None, step).unwrap();
                }
            }
        }
        assert_eq!(session.send(None, "role").unwrap(), *want, "{name}");
    }
}

#[test]
fn what_moves_the_catalog_and_what_trusts_it_do_not_meet() {
    use Action::{Forward, Reject};
    // (messages of one session, what becomes of the last)
    for (messages, want) in [
        (&["moves"][..], Forward),
        (&["moves", "moves"], Forward),
        (&["trusts", "trusts", "role"], Forward),
        (&["moves", "trusts"], Reject),
        (&["trusts", "moves"], Reject),
        (&["trusts", "role", "set:a", "moves"], Reject),
        (&["trusts", "role"], Forward),
    ] {
        let mut session = Session::new(&[], 1_000);
        let (last, before) = messages.split_last().unwrap();
        for message in before {
            assert_eq!(session.send(None, message), Ok(Forward), "{messages:?}");
        }
        session.statements.settled();
        assert_eq!(session.send(None, last), Ok(want), "{messages:?}");
    }
    let mut session = Session::new(&[], 1_000);
    session.statements.catalog_moved();
    assert_eq!((session.send(None, "moves"), session.send(None, "trusts")), (Ok(Forward), Ok(Reject)));
}

#[test]
fn what_a_name_stands_for() {
    let mut session = Session::new(&[], 10);
    session.send(Some("s"), "role").unwrap();
    session.statements.reached(answered(0));
    assert_eq!(session.bind("s"), "forward");
    session.judge = Words::new(&["a"]);
    assert_eq!(session.bind("s"), "refuse", "under another policy");
    session.judge = Words::new(&["b"]);
    assert_eq!(session.bind("s"), "forward");
    session.statements.user_reported("b");
    assert_eq!(session.bind("s"), "refuse", "for another user");
    session.statements.replace(b"s", 10);
    assert_eq!(session.bind("s"), "refuse", "while the server has not replaced it");
    session.statements.reached(Reached { answered: 10, skipped: 11, is_failure: true });
    assert_eq!(session.bind("s"), "refuse", "it was skipped");
    session.statements.replace(b"s", 12);
    session.statements.reached(answered(12));
    assert_eq!(session.bind("s"), "forward");
    assert!(!session.statements.watches_prepared());
}

/// `a` is let off what `b` is not.
fn lenient() -> Vec<(&'static str, Parts)> {
    let groups = || std::collections::BTreeMap::from([("soft".to_owned(), vec!["a".to_owned()])]);
    let modes = Modes { by_group: [("soft".to_owned(), Mode::Shadow)].into(), ..Modes::default() };
    let exception = Exception {
        id: "SEC-1".to_owned(),
        users: vec!["a".to_owned()],
        groups: Vec::new(),
        chains: Vec::new(),
        codes: vec![Code::Rg301, Code::Rg105],
        until: Timestamp::from_second(1000).unwrap(),
        owner: "o".to_owned(),
        ticket: "t".to_owned(),
        reason: None,
    };
    let parts = || Parts { groups: groups(), ..Parts::without_facts() };
    vec![
        ("shadow", Parts { modes, ..parts() }),
        ("exception", Parts { exceptions: [Arc::new(exception)].into(), ..parts() }),
        ("break-glass", Parts { break_glass: vec!["soft".to_owned()], ..parts() }),
    ]
}

#[test]
fn nobody_is_let_off_what_holds_for_another() {
    for word in ["role", "odd"] {
        for (name, parts) in lenient() {
            let mut session = Session::new(&[], 1000);
            session.judge = Words::under(parts, &["a", "b"]);
            assert_eq!(session.send(None, word).unwrap(), Action::Annotate, "{name}: {word} of a");
            session.send(None, "set:b").unwrap();
            assert_eq!(session.send(None, word).unwrap(), Action::Reject, "{name}: {word} of a or b");
            session.statements.user_reported("b");
            session.statements.settled();
            assert_eq!(session.send(None, word).unwrap(), Action::Reject, "{name}: {word} of b");
            session.statements.user_reported("a");
            session.statements.settled();
            assert_eq!(session.send(None, word).unwrap(), Action::Annotate, "{name}: {word} of a again");
            for number in 0..9 {
                session.send(None, &format!("set:a{number}")).unwrap();
            }
            assert_eq!(session.send(None, word).unwrap(), Action::Reject, "{name}: {word} of anybody");
        }
    }
}

#[test]
fn what_was_prepared_under_an_exception_is_refused_when_it_ends() {
    let mut session = Session::new(&[], 1000);
    let (_, parts) = lenient().swap_remove(1);
    session.judge = Words::under(parts, &["a"]);
    session.send(Some("s"), "role").unwrap();
    session.statements.reached(answered(0));
    let judged = session.judge.judged.get();
    session.judge.second.set(999);
    assert_eq!(session.bind("s"), "forward");
    assert_eq!(session.judge.judged.get(), judged, "nothing has changed, so nothing is judged again");
    session.judge.second.set(1000);
    assert_eq!(session.bind("s"), "refuse");
}

#[test]
fn a_call_is_watched_for_what_is_bound_to_it() {
    let mut session = Session::new(&[], 0);
    session.send(Some("c"), "call").unwrap();
    assert_eq!(session.bind("c"), "names a role");
    assert_eq!(session.bind("d"), "forward");
}

#[test]
fn texts_beyond_the_limit_are_not_kept_and_must_be_prepared_again() {
    let mut session = Session::new(&["b"], 8);
    session.send(Some("one"), "role").unwrap();
    session.send(Some("two"), "role role").unwrap();
    assert_eq!((session.bind("one"), session.bind("two")), ("forward", "forward"));
    session.judge = Words::new(&["b"]);
    assert_eq!((session.bind("one"), session.bind("two")), ("forward", "not kept"));
    session.statements.replace(b"one", 10);
    session.statements.reached(answered(10));
    session.send(Some("three"), "role x").unwrap();
    session.judge = Words::new(&["b"]);
    assert_eq!(session.bind("three"), "forward", "there is room again");
}

#[test]
fn a_session_keeps_so_many_and_short_names() {
    let mut session = Session::new(&[], 100_000);
    for number in 0..MAX_PREPARED {
        session.send(Some(&number.to_string()), "role").unwrap();
    }
    assert_eq!(session.send(Some("x"), "role"), Err(Excess::Number));
    session.statements.replace(b"7", 5000);
    session.statements.reached(answered(5000));
    assert!(session.send(Some("x"), "role").is_ok());
    let mut session = Session::new(&[], 100_000);
    assert_eq!(session.send(Some(&"x".repeat(MAX_NAME_BYTES + 1)), "role"), Err(Excess::Name));
    assert!(!session.statements.watches_prepared());
    for length in [MAX_NAME_BYTES - 1, MAX_NAME_BYTES] {
        assert!(session.send(Some(&"x".repeat(length)), "role").is_ok());
    }
    for _ in 0..MAX_PREPARED * 2 {
        assert!(session.send(Some(""), "role").is_ok(), "one name takes the room of a few statements");
    }
    session.judge = Words::new(&[]);
    assert_eq!(session.bind(""), "not kept");
}

#[test]
fn a_name_stands_for_so_many_unanswered_statements() {
    // (how many are sent under one name, how many texts are judged anew when it is bound under another policy, what becomes of that)
    let rows = [(3, 3, "forward"), (4, 4, "forward"), (5, 0, "not kept"), (6, 0, "not kept")];
    for (sent, judged, want) in rows {
        let mut session = Session::new(&[], 100_000);
        for number in 0..sent {
            session.send(Some("s"), &format!("role role{number}")).unwrap();
        }
        session.judge = Words::new(&["b"]);
        assert_eq!((session.bind("s"), session.judge.judged.get()), (want, judged), "{sent} statements");
        // Any of them may be what the name stands for: the gravest counts.
        for grave in 0..sent {
            let mut session = Session::new(&[], 100_000);
            for number in 0..sent {
                session.send(Some("s"), if number == grave { "role" } else { "call" }).unwrap();
            }
            session.judge = Words::new(&["a"]);
            assert_ne!(session.bind("s"), "forward", "{grave} of {sent}");
        }
        // The server's answers make room again.
        session.statements.reached(answered(sent - 1));
        assert_eq!(session.bind("s"), "forward", "the last of {sent} alone");
    }
}

#[test]
fn work_is_linear_in_what_is_sent() {
    let mut session = Session::new(&[], 1000);
    for number in 0..64_600 {
        session.send(None, &format!("set:u{number}")).unwrap();
    }
    assert_eq!(session.judge.judged.get(), 64_600);
    assert_eq!(session.send(None, "role").unwrap(), Action::Reject, "nobody knows for whom");
    assert_eq!(session.judge.judged.get(), 64_601);
    session.statements.settled();
    assert_eq!(session.send(None, "role").unwrap(), Action::Forward);
}

#[test]
fn encodings() {
    let mut statements = Statements::new(login("a"), 0);
    let alone = Standing { number: 0, is_behind: false, is_in_segment: false };
    let behind = Standing { is_behind: true, ..alone };
    let in_segment = Standing { is_in_segment: true, ..alone };
    let odd = b"copy '\x81\\' iam_role";
    let plain = "select 'é' -- iam_role".as_bytes();
    assert!(!statements.is_unreadable(odd, alone) && statements.is_unreadable(odd, in_segment));
    assert!(!statements.is_unreadable(plain, in_segment) && !statements.is_unreadable(b"select 1", in_segment));
    assert!(Statements::may_change(plain, behind) && !Statements::may_change(plain, alone));
    assert!(!Statements::may_change("select 'é'".as_bytes(), behind), "no credential word");
    assert!(!Statements::may_change(b"select 'iam_role'", behind), "ASCII reads the same in all");
    statements.encoding_reported("SJIS");
    assert!(statements.is_unreadable(plain, alone) && !statements.is_unreadable(b"select 1", alone));
    statements.encoding_reported("UTF8");
    assert!(!statements.is_unreadable(plain, alone));
}

/// What a client does in the property test; names are `""` and `"s"`.
#[derive(Clone, Copy, Debug)]
enum Step {
    Query(&'static str),
    Parse(&'static str, &'static str),
    Run(&'static str),
    Close(&'static str),
    Sync,
    /// The server works through so many of the messages that it was sent.
    Serve(usize),
    /// Another policy, which forbids roles to these.
    Reload(&'static [&'static str]),
}

/// A message as the server gets it, with those to whom roles were forbidden when it was let through.
#[derive(Clone, Debug)]
struct Sent {
    step: Step,
    number: Number,
    is_refused: bool,
    forbidden: BTreeSet<&'static str>,
}

#[derive(Debug, Default)]
struct Backend {
    user: String,
    before_transaction: Option<String>,
    prepared: HashMap<&'static str, &'static str>,
    is_skipping: bool,
    is_failed: bool,
}

impl Backend {
    /// Whether the statement succeeds.
    fn run(&mut self, text: &str, forbidden: &BTreeSet<&'static str>) -> bool {
        for word in text.split(' ') {
            match word {
                "rollback" => {
                    self.user = self.before_transaction.take().unwrap_or_else(|| self.user.clone());
                    self.is_failed = false;
                }
                _ if self.is_failed => return false,
                "begin" => drop(self.before_transaction.get_or_insert_with(|| self.user.clone())),
                "fail" => return false,
                "role" => assert!(!forbidden.contains(self.user.as_str()), "{text} ran as {}", self.user),
                "reset" => "a".clone_into(&mut self.user),
                _ => self.user = word.strip_prefix("set:").unwrap_or(&self.user).to_owned(),
            }
        }
        true
    }

    fn fail(&mut self) {
        self.is_failed = self.before_transaction.is_some();
    }
}

/// Session, server, and what is under way between them. Nothing is answered before the server has worked through it.
struct World {
    session: Session,
    backend: Backend,
    to_backend: VecDeque<Sent>,
}

impl World {
    fn is_behind(&self) -> bool {
        self.to_backend.iter().any(|sent| matches!(sent.step, Step::Query(_) | Step::Sync))
    }

    /// What must wait waits.
    fn wait(&mut self) {
        while self.is_behind() {
            self.serve();
        }
    }

    fn send(&mut self, step: Step) {
        let number = self.session.next;
        let is_refused = match step {
            Step::Query(text) | Step::Parse(_, text) => {
                if self.session.judge.judge(text.as_bytes(), &login("a")).0.is_some() {
                    self.wait();
                }
                let name = if let Step::Parse(name, _) = step { Some(name) } else { None };
                self.session.send(name, text) != Ok(Action::Forward)
            }
            Step::Run(name) => {
                if self.session.statements.watches(name.as_bytes()) {
                    self.wait();
                }
                self.session.bind(name) != "forward"
            }
            Step::Close(name) => {
                self.session.statements.replace(name.as_bytes(), number);
                self.session.next += 1;
                false
            }
            _ => false,
        };
        let forbidden = self.session.judge.forbidden.clone();
        self.to_backend.push_back(Sent { step, number, is_refused, forbidden });
    }

    fn serve(&mut self) {
        let Some(sent) = self.to_backend.pop_front() else { return };
        let number = sent.number;
        let mut reached = answered(number);
        if matches!(sent.step, Step::Sync) {
            self.backend.is_skipping = false;
            return self.ready();
        }
        if self.backend.is_skipping {
            self.session.statements.reached(Reached { answered: number, skipped: number + 1, is_failure: false });
            return;
        }
        let is_done = !sent.is_refused && self.take(&sent);
        reached.is_failure = !is_done;
        if !is_done {
            self.backend.fail();
            self.backend.is_skipping = !matches!(sent.step, Step::Query(_));
        }
        self.session.statements.reached(reached);
        if matches!(sent.step, Step::Query(_)) {
            self.ready();
        }
    }

    fn take(&mut self, sent: &Sent) -> bool {
        match sent.step {
            Step::Query(text) => self.backend.run(text, &sent.forbidden),
            Step::Parse(name, _) if !name.is_empty() && self.backend.prepared.contains_key(name) => false,
            Step::Parse(name, text) => {
                self.backend.prepared.insert(name, text);
                true
            }
            Step::Run(name) => {
                let text = self.backend.prepared.get(name).copied();
                text.is_some_and(|text| self.backend.run(text, &sent.forbidden))
            }
            Step::Close(name) => {
                self.backend.prepared.remove(name);
                true
            }
            _ => true,
        }
    }

    /// ReadyForQuery, before which the server reports the user.
    fn ready(&mut self) {
        let user = self.backend.user.clone();
        self.session.statements.user_reported(&user);
        if self.to_backend.is_empty() && self.backend.before_transaction.is_none() {
            self.session.statements.settled();
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let text = || {
        prop::sample::select(vec![
            "role",
            "role",
            "role",
            "set:b",
            "set:c",
            "reset",
            "x",
            "begin",
            "rollback",
            "fail",
            "rollback role",
            "set:b role",
            "role fail",
        ])
    };
    let name = || prop::sample::select(vec!["", "s"]);
    prop_oneof![
        4 => text().prop_map(Step::Query),
        4 => (name(), text()).prop_map(|(name, text)| Step::Parse(name, text)),
        5 => name().prop_map(Step::Run),
        1 => name().prop_map(Step::Close),
        4 => Just(Step::Sync),
        3 => (0_usize..6).prop_map(Step::Serve),
        1 => prop::sample::select(vec![&["b"][..], &["c"], &["a"], &[], &["b", "c"]]).prop_map(Step::Reload),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn nobody_uses_a_role_who_must_not(
            forbidden in prop::sample::select(vec!["a", "b", "c"]),
            steps in prop::collection::vec(step(), 0..40),
        ) {
        let session = Session::new(&[forbidden], 20);
        let backend = Backend { user: "a".to_owned(), ..Backend::default() };
        let mut world = World { session, backend, to_backend: VecDeque::new() };
        for step in steps {
            match step {
                Step::Serve(count) => (0..count).for_each(|_| world.serve()),
                Step::Reload(forbidden) => world.session.judge = Words::new(forbidden),
                other => world.send(other),
            }
        }
        while !world.to_backend.is_empty() {
            world.serve();
        }
    }
}
