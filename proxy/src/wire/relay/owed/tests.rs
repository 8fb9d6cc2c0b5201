//! Traces as PostgreSQL 15 plays them, and a slow server of which the model must never think that it owes nothing too early, nor
//! that it owes something in the end.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

/// What a session has come to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// A ReadyForQuery is due.
    Owing,
    /// Extended messages run or ran, and no answer to a Sync of theirs is due.
    Open,
    /// All is answered, except perhaps a Sync that a failed COPY has or has not read.
    Rest,
    /// All is answered for certain.
    Settled,
    /// Nothing is known any more.
    Lost,
}

fn state(owed: &Owed) -> State {
    match () {
        () if owed.is_lost() => State::Lost,
        () if owed.is_settled() => State::Settled,
        () if owed.is_at_rest() => State::Rest,
        () if owed.owes_ready() => State::Owing,
        () => State::Open,
    }
}

/// Plays words such as `P` (from the frontend) and `<Z` (from the backend) after a start-up that is answered.
fn play(trace: &str) -> Owed {
    let mut owed = Owed::new();
    owed.hear(Answer::Ready);
    for word in trace.split_whitespace() {
        match word.as_bytes() {
            [b'<', kind] => drop(Answer::in_frame(*kind).map(|answer| owed.hear(answer))),
            [kind] => drop(Asked::by(*kind).map(|asked| owed.ask(asked))),
            other => panic!("{other:?}"),
        }
    }
    owed
}

#[test]
fn traces() {
    use State::{Lost, Open, Owing, Rest, Settled};
    let rows = [
        ("a query", "Q", Owing),
        ("answered", "Q <T <D <C <Z", Settled),
        ("one of two", "Q Q <C <Z", Owing),
        ("extended", "P B D E S <1 <2 <T <D <C", Owing),
        ("extended, answered", "P B D E S <1 <2 <T <D <C <Z", Settled),
        ("describe of a statement", "P D H <1 <t <T", Open),
        ("its Sync", "P D H <1 <t <n B E S <2 <C <Z", Settled),
        ("a cursor without Sync", "P B D H <1 <2 <T E H <D <s E H <D <C", Open),
        ("an error skips to Sync", "P B E S <E <Z", Settled),
        ("an error, with more behind the Sync", "P B E S Q <E <Z", Owing),
        ("all of that answered", "P B E S Q <E <Z <C <Z", Settled),
        ("nothing comes before Sync", "P B E <E", Open),
        ("a query in the skip state, sent before", "P Q S <E <Z", Settled),
        ("a query in the skip state, sent later", "P <E Q S <Z", Settled),
        ("a query and no Sync", "P Q <E", Open),
        ("an extended message, then a query", "P B E Q <1 <2 <C <C <Z", Settled),
        ("a function", "F <V <Z", Settled),
        ("a function in the skip state", "P F S <E <Z", Settled),
        ("an error in a query", "Q Q <E <Z <E <Z", Settled),
        ("simple COPY", "Q <G d d c <C <Z", Settled),
        ("simple COPY, sent at once", "Q d c Q <G <C <Z <C <Z", Settled),
        ("simple COPY that fails", "Q d c <G <E <Z", Settled),
        ("two COPYs in a query", "Q <G d c <C <G S d c <C <Z", Settled),
        ("extended COPY, Sync ignored", "P B E S <1 <2 <G d c S <C <Z", Settled),
        ("extended COPY, all sent at once", "P B E S d c S <1 <2 <G <C <Z", Settled),
        ("the same, with another behind", "P B E S d c P B E S <1 <2 <G <C <1 <2 <C <Z", Settled),
        ("extended COPY under way", "P B E S <1 <2 <G d", Open),
        ("extended COPY that never began", "P B E S d c S <1 <2 <E <Z <Z", Settled),
        ("extended COPY that fails, and its Sync", "P B E S <1 <2 <G d c S <E <Z", Rest),
        ("the same, and a query", "P B E S <1 <2 <G d c S <E <Z Q <T", Owing),
        ("the same, answered", "P B E S <1 <2 <G d c S <E <Z Q <T <C <Z", Settled),
        ("the same, failing", "P B E S <1 <2 <G d c S <E <Z Q <E <Z", Settled),
        ("extended COPY that failed before it read its Sync", "P B E S d c S <1 <2 <G <E <Z <Z", Settled),
        ("extended COPY that fails, and a pipeline behind it", "P B E S d c P B E S <1 <2 <G <E", Lost),
        ("sent when it has failed", "P B E S <1 <2 <G d <E P", Lost),
        ("simple COPY that fails, and a Sync in it", "Q S d c Q <G <E <Z", Owing),
        ("the same, the Sync answered", "Q S d c Q <G <E <Z <Z <C <Z", Settled),
        ("the same, the Sync not seen as one", "Q S d c Q <G <E <Z <C <Z", Settled),
        ("stray ends of COPY data", "c S <Z f Q c <C <Z", Settled),
        ("an error at Sync", "P B E S <1 <2 <C <E <Z", Settled),
        ("notices and parameters say nothing", "Q <N <S <A", Owing),
        ("a FATAL error while nothing is owed", "<E", Settled),
        ("more ReadyForQuery than asked for", "<Z <Z Q <C", Owing),
    ];
    for (name, trace, want) in rows {
        assert_eq!(state(&play(trace)), want, "{name}: {trace}");
    }
}

#[test]
fn the_first_ready_answers_the_startup_and_no_statement() {
    let mut owed = Owed::new();
    assert!(owed.owes_ready() && !owed.is_at_rest());
    owed.ask(Asked::Query);
    owed.hear(Answer::Ready);
    assert_eq!(state(&owed), State::Owing, "the statement sent with the StartupMessage has not run");
    owed.hear(Answer::Completion);
    owed.hear(Answer::Ready);
    assert_eq!(state(&owed), State::Settled);
}

#[test]
fn segments() {
    let rows =
        [("", false), ("P", true), ("P S", false), ("P B E c", true), ("Q c", false), ("P H <1", true), ("P <E", true)];
    for (trace, want) in rows {
        assert_eq!(play(trace).is_in_segment(), want, "{trace}");
    }
}

/// What a statement is going to do.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Succeeds,
    Fails,
    /// It takes COPY data so many times.
    Copies(u8),
    /// It announces COPY and fails before it has read any.
    CopyFails,
}

/// A message of the frontend, and what comes of it.
#[derive(Clone, Copy, Debug)]
enum Message {
    Extended(Fate),
    Query(Fate),
    Sync,
    CopyData { is_bad: bool },
    CopyEnd { is_bad: bool },
}

impl Message {
    fn asks(self) -> Option<Asked> {
        match self {
            Self::Extended(_) => Some(Asked::Extended),
            Self::Query(_) => Some(Asked::Query),
            Self::Sync => Some(Asked::Sync),
            Self::CopyEnd { .. } => Some(Asked::CopyEnd),
            Self::CopyData { .. } => None,
        }
    }
}

/// The main loop of a server, one message at a time.
#[derive(Clone, Debug, Default)]
struct Server {
    is_skipping: bool,
    /// The statement that reads COPY data: whether it is an extended one, and how often it is still to read some.
    copying: Option<(bool, u8)>,
    is_closed: bool,
    /// Statements by whether they ran.
    ran: Vec<bool>,
}

impl Server {
    fn take(&mut self, message: Message) -> Vec<Answer> {
        let is_statement = message.asks().is_some_and(Asked::is_statement);
        if is_statement && self.copying.is_none() {
            self.ran.push(!self.is_skipping);
        }
        match (self.copying, message) {
            (Some((is_extended, left)), Message::CopyEnd { is_bad: false }) => self.end_copy(is_extended, left),
            (Some((is_extended, _)), Message::CopyEnd { .. } | Message::CopyData { is_bad: true }) => {
                self.copying = None;
                self.fail(is_extended)
            }
            (Some(_), Message::Extended(_) | Message::Query(_)) => {
                self.is_closed = true;
                Vec::new()
            }
            (None, Message::Sync) => {
                self.is_skipping = false;
                vec![Answer::Ready]
            }
            (None, Message::Extended(_) | Message::Query(_)) if self.is_skipping => Vec::new(),
            (Some(_), Message::Sync) | (_, Message::CopyData { .. } | Message::CopyEnd { .. }) => Vec::new(),
            (None, Message::Extended(fate)) => self.run(true, fate),
            (None, Message::Query(fate)) => self.run(false, fate),
        }
    }

    fn run(&mut self, is_extended: bool, fate: Fate) -> Vec<Answer> {
        match fate {
            Fate::Succeeds if is_extended => vec![Answer::Completion],
            Fate::Succeeds => vec![Answer::Completion, Answer::Completion, Answer::Ready],
            Fate::Fails => self.fail(is_extended),
            Fate::Copies(times) => {
                self.copying = Some((is_extended, if is_extended { 1 } else { times }));
                vec![Answer::CopyIn]
            }
            Fate::CopyFails => [vec![Answer::CopyIn], self.fail(is_extended)].concat(),
        }
    }

    fn fail(&mut self, is_extended: bool) -> Vec<Answer> {
        self.is_skipping = is_extended;
        if is_extended { vec![Answer::Error] } else { vec![Answer::Error, Answer::Ready] }
    }

    fn end_copy(&mut self, is_extended: bool, left: u8) -> Vec<Answer> {
        if left > 1 {
            self.copying = Some((is_extended, left - 1));
            return vec![Answer::Completion, Answer::CopyIn];
        }
        self.copying = None;
        if is_extended { vec![Answer::Completion] } else { vec![Answer::Completion, Answer::Ready] }
    }
}

/// Frontend, gate and server, with what is under way between them.
#[derive(Debug)]
struct World {
    owed: Owed,
    server: Server,
    to_server: VecDeque<Message>,
    to_gate: VecDeque<Answer>,
    /// What the model says of each statement: whether it was answered.
    said: Vec<Option<bool>>,
}

impl World {
    fn new() -> Self {
        let to_gate = [Answer::Ready].into();
        Self { owed: Owed::new(), server: Server::default(), to_server: VecDeque::new(), to_gate, said: Vec::new() }
    }

    fn send(&mut self, message: Message) {
        if let Some(asked) = message.asks() {
            let number = self.owed.next();
            self.owed.ask(asked);
            if asked.is_statement() {
                self.said.push((number < self.owed.passed()).then_some(false));
            }
        }
        self.to_server.push_back(message);
    }

    fn serve(&mut self) {
        if let Some(message) = self.to_server.pop_front().filter(|_| !self.server.is_closed) {
            self.to_gate.extend(self.server.take(message));
        }
    }

    fn hear(&mut self) {
        if let Some(answer) = self.to_gate.pop_front() {
            let reached = self.owed.hear(answer);
            for (number, said) in (0..).zip(&mut self.said) {
                if said.is_none() && number < reached.skipped {
                    *said = Some(number < reached.answered);
                }
            }
        }
    }

    /// What the server is going to say, given no more than it was sent.
    fn outstanding(&self) -> Vec<Answer> {
        let (mut server, mut answers) = (self.server.clone(), Vec::from(self.to_gate.clone()));
        for message in &self.to_server {
            if !server.is_closed {
                answers.extend(server.take(*message));
            }
        }
        answers
    }

    fn check(&self) {
        if self.owed.is_lost() || self.server.is_closed {
            return;
        }
        let outstanding = self.outstanding();
        if self.owed.owes_nothing() {
            assert!(outstanding.iter().all(|answer| *answer == Answer::Ready), "{outstanding:?} {self:?}");
        }
        if self.owed.is_settled() {
            assert!(outstanding.is_empty(), "{outstanding:?} {self:?}");
        }
        if !self.owed.owes_ready() {
            let is_in_doubt = self.owed.doubtful > 0 || self.owed.copying.is_some();
            assert!(is_in_doubt || !outstanding.contains(&Answer::Ready), "{outstanding:?} {self:?}");
        }
    }

    fn finish(mut self) {
        while !self.to_server.is_empty() || !self.to_gate.is_empty() {
            self.serve();
            self.hear();
            self.check();
        }
        if self.owed.is_lost() || self.server.is_closed {
            return;
        }
        if self.server.copying.is_none() {
            assert!(self.owed.owes_nothing(), "{self:?}");
            let said: Vec<bool> = self.said.iter().map(|said| said.unwrap()).collect();
            assert_eq!(said, self.server.ran);
        }
    }
}

fn message() -> impl Strategy<Value = Message> {
    let fate = || {
        prop_oneof![
            8 => Just(Fate::Succeeds),
            2 => Just(Fate::Fails),
            1 => (1_u8..3).prop_map(Fate::Copies),
            1 => Just(Fate::CopyFails),
        ]
    };
    prop_oneof![
        6 => fate().prop_map(Message::Extended),
        3 => fate().prop_map(Message::Query),
        3 => Just(Message::Sync),
        2 => any::<bool>().prop_map(|is_bad| Message::CopyData { is_bad }),
        2 => any::<bool>().prop_map(|is_bad| Message::CopyEnd { is_bad }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees_with_a_server(sent in prop::collection::vec((message(), 0_u8..4, 0_u8..4), 0..25)) {
        let mut world = World::new();
        for (message, served, heard) in sent {
            world.send(message);
            world.check();
            for _ in 0..served {
                world.serve();
            }
            for _ in 0..heard {
                world.hear();
                world.check();
            }
        }
        world.finish();
    }
}
