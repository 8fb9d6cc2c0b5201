//! The known names of a text, statement by statement.

use std::ops::Range;

use sqlparser::tokenizer::TokenWithSpan;

use crate::sql::known::WatchedNames;
use crate::sql::lexer::{Lexer, Rules, Token, TokenKind, Trouble};
use crate::sql::literal;
use crate::sql::references::chains::{ChainBuilder, NameChain};
use crate::sql::references::mention::{Mention, MentionedAs, StatementNames};
use crate::sql::references::pieces::{at, pieces, word};
use crate::sql::references::shape::{Elsewhere, StatementShape, Texts};
use crate::sql::references::tree::{self, Grammar, MAX_PARSED_TOKENS, RelationKind, TreeNames};
use crate::sql::words::{is_one_of, is_same};

/// Known names of one statement that are looked at.
const MAX_MET: usize = 16 * 1024;

/// Literals within literals that are read.
const MAX_TEXT_DEPTH: u8 = 4;

/// Tokens that say what a statement is, where not all are kept.
const HEAD_TOKENS: usize = 64;

/// Words behind which a relation stands.
const BEFORE_RELATION: [&str; 7] = ["from", "join", "into", "update", "using", "table", "only"];

/// The statements of a text in which a known name counts.
pub(super) fn statements(text: &[u8], rules: Rules, names: &WatchedNames) -> Vec<StatementNames> {
    let reader = NameReader { text, rules, names, depth: 0 };
    reader.statements()
}

/// A text that is read.
#[derive(Clone, Copy)]
struct NameReader<'t> {
    text: &'t [u8],
    rules: Rules,
    names: &'t WatchedNames,
    depth: u8,
}

/// A statement that is put together.
#[derive(Default)]
struct Gathered {
    span: Option<Range<usize>>,
    head: Vec<Token>,
    count: usize,
    builder: ChainBuilder,
    met: Vec<NameChain>,
    is_cut: bool,
}

impl Gathered {
    fn add(&mut self, text: &[u8], token: Token, names: &WatchedNames) {
        let start = self.span.as_ref().map_or(token.start, |span| span.start);
        self.span = Some(start..token.end);
        if self.head.len() < HEAD_TOKENS {
            self.head.push(token);
        }
        self.count = self.count.saturating_add(1);
        let met = self.builder.take(text, token, names);
        self.keep(met);
    }

    fn keep(&mut self, met: Option<NameChain>) {
        let Some(chain) = met else { return };
        if self.met.len() < MAX_MET {
            self.met.push(chain);
        } else {
            self.is_cut = true;
        }
    }
}

impl NameReader<'_> {
    fn statements(self) -> Vec<StatementNames> {
        let mut lexer = Lexer::starting_at(self.text, 0, self.rules);
        let (mut found, mut gathered) = (Vec::new(), Gathered::default());
        for token in lexer.by_ref() {
            if token.kind == TokenKind::Symbol(b';') {
                found.extend(self.statement(std::mem::take(&mut gathered)));
            } else {
                gathered.add(self.text, token, self.names);
            }
        }
        match lexer.trouble() {
            // The server reads on in what is not read here.
            Some((Trouble::Hash, from)) => {
                gathered.is_cut = true;
                gathered.span = Some(gathered.span.map_or(from, |span| span.start)..self.text.len());
            }
            // The server refuses the text.
            Some((Trouble::Nul | Trouble::Unterminated, _)) => return found,
            None => {}
        }
        found.extend(self.statement(gathered));
        found
    }

    fn statement(self, mut gathered: Gathered) -> Option<StatementNames> {
        let span = gathered.span.clone()?;
        let last = gathered.builder.finish(self.text, self.names);
        gathered.keep(last);
        let is_long = gathered.count > MAX_PARSED_TOKENS;
        let may_hold_texts = gathered.head.first().is_some_and(|token| self.begins_texts(*token));
        if gathered.met.is_empty() && !may_hold_texts && !gathered.is_cut {
            return None;
        }
        let tokens = if is_long { gathered.head } else { self.tokens(&span) };
        let shape = if is_long {
            StatementShape::of_long(self.text, &tokens)
        } else {
            StatementShape::of_statement(self.text, &tokens)
        };
        let mut statement = StatementNames { span, is_cut: gathered.is_cut, ..StatementNames::default() };
        let tree = self.tree(&tokens, &shape, &gathered.met);
        for chain in &gathered.met {
            self.sort(chain, &tokens, (&shape, tree.as_ref()), &mut statement);
        }
        self.texts(&tokens, shape.texts, &mut statement);
        (!statement.is_empty()).then_some(statement)
    }

    /// Whether literals may be SQL in a statement that begins so.
    fn begins_texts(self, token: Token) -> bool {
        token.kind == TokenKind::Word && is_one_of(self.bytes(token), &["unload", "create", "do", "explain", "prepare"])
    }

    fn bytes(&self, token: Token) -> &[u8] {
        self.text.get(token.start..token.end).unwrap_or_default()
    }

    fn tokens(self, span: &Range<usize>) -> Vec<Token> {
        let text = self.text.get(..span.end).unwrap_or(self.text);
        Lexer::starting_at(text, span.start, self.rules).collect()
    }

    fn tree(self, tokens: &[Token], shape: &StatementShape, met: &[NameChain]) -> Option<TreeNames> {
        let (grammar, range) = shape.parsed.clone()?;
        if !met.iter().any(|chain| range.contains(&chain.place)) {
            return None;
        }
        let parsed = pieces(self.text, tokens.get(range.clone())?, range.start);
        tree::read(as_known(parsed, grammar), grammar)
    }

    /// Says what a name is.
    fn sort(
        self,
        chain: &NameChain,
        tokens: &[Token],
        (shape, tree): (&StatementShape, Option<&TreeNames>),
        statement: &mut StatementNames,
    ) {
        let place = Some(chain.place);
        let is_one = chain.len() == 1;
        if is_one && (shape.temporary == place || self.is_made_temporary(chain, tokens)) {
            return statement.hides.extend(chain.parts(self.text));
        }
        let Some((named_as, is_exact)) = self.kind(chain, tokens, shape, tree) else { return };
        let (parts, span) = (chain.parts(self.text), chain.span());
        let is_exact = is_exact && !parts.iter().any(|part| part.is_open);
        statement.add(Mention { named_as, parts, span, is_exact });
    }

    /// What a name stands for, and whether that is certain; `None`: it uses nothing.
    fn kind(
        self,
        chain: &NameChain,
        tokens: &[Token],
        shape: &StatementShape,
        tree: Option<&TreeNames>,
    ) -> Option<(MentionedAs, bool)> {
        let place = Some(chain.place);
        match &shape.parsed {
            _ if chain.place < shape.from => return None,
            _ if shape.procedure == place => return Some((MentionedAs::Procedure, true)),
            _ if shape.job == place => return Some((MentionedAs::Job, true)),
            _ if shape.prepared == place => return None,
            Some((_, range)) if range.contains(&chain.place) => {}
            _ => return self.elsewhere(chain, shape.elsewhere),
        }
        let Some(tree) = tree else { return Some((MentionedAs::Any, false)) };
        let is_query = shape.parsed.as_ref().is_some_and(|(grammar, _)| *grammar == Grammar::Query);
        if is_query && self.is_made(chain, tokens) {
            return self.elsewhere(chain, Elsewhere::Within);
        }
        match tree.relations.get(&chain.place) {
            Some(RelationKind::Stored) => return Some((MentionedAs::Relation, true)),
            Some(RelationKind::Doubtful) => return Some((MentionedAs::Relation, false)),
            Some(RelationKind::Hidden) => return None,
            None => {}
        }
        if tree.functions.contains(&chain.place) {
            return Some((MentionedAs::Function, true));
        }
        // A word of one part that the tree does not hold is a keyword or a type.
        let is_accounted = tree.seen.contains(&chain.place) || (!tree.is_partial && chain.len() == 1);
        let is_other =
            tree.columns.contains(&chain.place) || (is_accounted && !self.is_behind(chain, &BEFORE_RELATION));
        (!is_other).then_some((MentionedAs::Any, false))
    }

    fn elsewhere(self, chain: &NameChain, elsewhere: Elsewhere) -> Option<(MentionedAs, bool)> {
        match elsewhere {
            Elsewhere::Nothing => None,
            Elsewhere::Within => chain.is_within(self.text, self.names).then_some((MentionedAs::Within, true)),
            Elsewhere::Relation => Some((MentionedAs::Relation, true)),
            Elsewhere::Any if self.is_behind(chain, &["call"]) => Some((MentionedAs::Procedure, false)),
            Elsewhere::Any => Some((MentionedAs::Any, false)),
        }
    }

    fn is_behind(self, chain: &NameChain, words: &[&str]) -> bool {
        chain.before.is_some_and(|before| before.kind == TokenKind::Word && is_one_of(self.bytes(before), words))
    }

    /// Whether the words before a name, the last first, are these.
    fn follows(self, chain: &NameChain, tokens: &[Token], words: &[&str]) -> bool {
        let before = tokens.get(..chain.place).unwrap_or_default().iter().rev();
        let is = |(word, token): (&&str, &Token)| token.kind == TokenKind::Word && is_same(self.bytes(*token), word);
        words.len() <= chain.place && words.iter().zip(before).all(is)
    }

    /// `SELECT ... INTO TEMP name`.
    fn is_made_temporary(self, chain: &NameChain, tokens: &[Token]) -> bool {
        [&["temp", "into"][..], &["temporary", "into"], &["table", "temp", "into"], &["table", "temporary", "into"]]
            .iter()
            .any(|words| self.follows(chain, tokens, words))
    }

    /// `SELECT ... INTO name`.
    fn is_made(self, chain: &NameChain, tokens: &[Token]) -> bool {
        self.follows(chain, tokens, &["into"]) || self.follows(chain, tokens, &["table", "into"])
    }

    /// The names in literals that are SQL.
    fn texts(self, tokens: &[Token], texts: Texts, statement: &mut StatementNames) {
        match texts {
            Texts::Data => {}
            Texts::Statement(place) => {
                let Some(token) = tokens.get(place) else { return };
                for inner in self.inside(*token).map(Self::read_inside).unwrap_or_default() {
                    absorb(inner, token.start..token.end, statement);
                }
            }
            Texts::Body => {
                for token in tokens.iter().filter(|token| token.kind.is_literal()) {
                    self.body(*token, token.start..token.end, statement);
                }
            }
        }
    }

    /// What a literal reads; `None`: it stands too deep.
    fn inside(self, token: Token) -> Option<(Vec<u8>, Self)> {
        let literal = literal::decode(self.text, token)?;
        (self.depth < MAX_TEXT_DEPTH)
            .then(|| (literal.bytes.into_owned(), Self { depth: self.depth.saturating_add(1), ..self }))
    }

    fn read_inside((text, outer): (Vec<u8>, Self)) -> Vec<StatementNames> {
        NameReader { text: &text, rules: outer.rules, names: outer.names, depth: outer.depth }.statements()
    }

    /// The names in a body: its statements are not told apart from what controls them, so each counts, and so do those in its literals,
    /// which it may execute.
    fn body(self, token: Token, span: Range<usize>, statement: &mut StatementNames) {
        let Some((text, outer)) = self.inside(token) else {
            statement.is_cut = true;
            return;
        };
        let inner = NameReader { text: &text, rules: outer.rules, names: outer.names, depth: outer.depth };
        let mut builder = ChainBuilder::default();
        let keep = |met: Option<NameChain>, statement: &mut StatementNames| {
            let Some(chain) = met else { return };
            if let Some((named_as, is_exact)) = inner.elsewhere(&chain, Elsewhere::Any) {
                let mention = Mention { named_as, parts: chain.parts(&text), span: span.clone(), is_exact };
                statement.add(mention);
            }
        };
        for token in Lexer::starting_at(&text, 0, self.rules) {
            let met = builder.take(&text, token, self.names);
            keep(met, statement);
            if token.kind.is_literal() && inner.holds_name(token) {
                inner.body(token, span.clone(), statement);
            }
            if statement.is_cut {
                return;
            }
        }
        keep(builder.finish(&text, self.names), statement);
    }

    /// Whether a literal is worth a look: most in a body are short values.
    fn holds_name(self, token: Token) -> bool {
        literal::decode(self.text, token).is_some_and(|literal| self.names.stand_in(&literal.bytes, self.rules))
    }
}

/// Takes over what a statement in a literal uses.
fn absorb(inner: StatementNames, span: Range<usize>, statement: &mut StatementNames) {
    statement.is_cut |= inner.is_cut;
    for mention in inner.mentions {
        statement.add(Mention { span: span.clone(), ..mention });
    }
}

/// The tokens of a change as the parser knows it: Redshift lets the FROM of a DELETE be left out, and has MERGE remove duplicates.
fn as_known(mut tokens: Vec<TokenWithSpan>, grammar: Grammar) -> Vec<TokenWithSpan> {
    if grammar != Grammar::Change {
        return tokens;
    }
    let is = |token: Option<&TokenWithSpan>, name: &str| token.is_some_and(|token| token.token == word(name));
    let shown = |token: Option<&TokenWithSpan>| token.map(|token| token.token.to_string().to_ascii_lowercase());
    if shown(tokens.first()).as_deref() == Some("delete") && shown(tokens.get(1)).as_deref() != Some("from") {
        tokens.insert(1, at(word("FROM"), usize::MAX));
    }
    let last = tokens.len().saturating_sub(2);
    let ends = ["remove", "duplicates"].iter().enumerate().all(|(place, name)| {
        shown(tokens.get(last.saturating_add(place))).as_deref() == Some(name)
            || is(tokens.get(last.saturating_add(place)), name)
    });
    if ends {
        tokens.truncate(last);
    }
    tokens
}
