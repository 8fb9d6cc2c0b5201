//! Whether the gaps of a text that is executed can only be what they stand for: whatever is put into them, the statement is the same.

use std::ops::Range;

use crate::sql::lexer::{Lexer, Rules, Token, TokenKind};
use crate::sql::literal;
use crate::sql::outline::Outline;
use crate::sql::quoting::ROUTINES;
use crate::sql::template::{Gap, TextTemplate};
use crate::sql::vocabulary::{MODIFIERS, Meaning, NAMING_VERBS, OTHER_VERBS, meaning};
use crate::sql::words::{Verb, is_one_of, is_same, made, setting, verb};

/// Texts that may be appended to one another in any order. Where there are more, nothing is known of the whole.
pub const MAX_APPENDED: usize = 64;

/// Whether every gap is a whole token, and stands where neither a statement nor a clause of credentials can begin.
#[must_use]
pub fn is_settled(template: &TextTemplate, rules: Rules) -> bool {
    walk(template, rules, false, is_settled_statement) && appends_settled(template, rules)
}

/// Walks over the tokens of a text and asks of each of its statements. A part of one may begin with a gap, and holds no `;`.
fn walk(template: &TextTemplate, rules: Rules, is_part: bool, asks: impl Fn(&[u8], &Outline, &Gaps) -> bool) -> bool {
    let text = template.text.as_slice();
    let mut lexer = Lexer::starting_at(text, 0, rules);
    let (mut outline, mut gaps, mut met) = (Outline::default(), Gaps::default(), 0_usize);
    for token in lexer.by_ref() {
        if token.kind == TokenKind::Symbol(b';') {
            if is_part || !asks(text, &outline, &gaps) {
                return false;
            }
            (outline, gaps) = (Outline::default(), Gaps::default());
            continue;
        }
        let gap = template.gap_at(token.start).filter(|(_, span)| span.end == token.end);
        if let Some((gap, span)) = gap {
            let is_first = outline.span().is_none();
            if (is_first && !is_part) || is_glued(text, span, *gap) {
                return false;
            }
            gaps.begins_with_name |= is_first && *gap == Gap::Name;
            met = met.saturating_add(1);
        } else {
            let Some(within) = numbers_within(template, token) else { return false };
            gaps.has_within |= within > 0;
            met = met.saturating_add(within);
        }
        gaps.add(text, token, gap.map(|(gap, _)| *gap));
        outline.add(text, token);
    }
    let is_whole = lexer.trouble().is_none() && lexer.nested_comment().is_none();
    is_whole && met == template.gaps.len() && asks(text, &outline, &gaps)
}

/// Numbers may also stand within a name, or within a string without escapes. Dates and what is below zero are cut there, so that no
/// word may be left that matters; `None`: one is.
fn numbers_within(template: &TextTemplate, token: Token) -> Option<usize> {
    let bytes = template.text.get(token.start..token.end).unwrap_or_default();
    let is_string = matches!(token.kind, TokenKind::Escaped | TokenKind::Plain) && !bytes.contains(&b'\\');
    let is_word = token.kind == TokenKind::Word;
    let from = template.gaps.partition_point(|(_, span)| span.start <= token.start);
    let within = template.gaps.iter().skip(from).take_while(|(_, span)| span.end <= token.end);
    let mut start = token.start;
    let mut count = 0_usize;
    for (_, span) in within.filter(|(gap, _)| *gap == Gap::Number && (is_word || is_string)) {
        let part = template.text.get(start..span.start).unwrap_or_default();
        if is_word && meaning(part).is_some() {
            return None;
        }
        (start, count) = (span.end, count.saturating_add(1));
    }
    let rest = template.text.get(start..token.end).unwrap_or_default();
    (count == 0 || !is_word || meaning(rest).is_none()).then_some(count)
}

/// Bytes that touch a gap and are no part of it, whatever it is.
const APART: &[u8] = b" \t\r\n\x0c(),;=<>";

/// Whether what touches a gap could make another token of it: `x''`, `"a""b"`, `u&""`, `--5`, `5.`.
fn is_glued(text: &[u8], span: &Range<usize>, gap: Gap) -> bool {
    let is_among =
        |byte: Option<&u8>, operators: &[u8]| byte.is_none_or(|byte| APART.contains(byte) || operators.contains(byte));
    let (before, behind): (&[u8], &[u8]) = match gap {
        Gap::Name => (b".+-*/%|:", b".+-*/%|:"),
        Gap::Literal => (b"+-*/%|:", b"+-*/%|:"),
        Gap::Number => (b"+*/%|", b"+-*/%|:"),
    };
    let first = span.start.checked_sub(1).and_then(|place| text.get(place));
    !(is_among(first, before) && is_among(text.get(span.end), behind))
}

/// What a walk over a statement has met of its gaps.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "what was met in one pass, each on its own")]
struct Gaps {
    has_any: bool,
    has_name: bool,
    has_literal: bool,
    /// A number stands within a word or a string.
    has_within: bool,
    begins_with_name: bool,
    ends_with_name: bool,
    /// One stands before the word ON: what is granted may be the right to assume a role.
    is_before_on: bool,
    has_on: bool,
    /// One stands behind SET or RESET, where the name of a setting may be.
    is_set: bool,
    /// One stands elsewhere than in the name, the arguments or the owner of what ALTER FUNCTION alters.
    is_astray: bool,
    /// One is the name of a function with as many arguments as `set_config`.
    calls: bool,
    /// A string names a setting that matters: a gap may be the function that sets it.
    names_setting: bool,
    /// The first word of a carrier stands in it.
    has_verb: bool,
    /// The last two tokens, the last one behind.
    last: (Option<Token>, Option<Token>),
    /// The two before the name that the last one is part of.
    before: (Option<Token>, Option<Token>),
    /// For each parenthesis that is open and behind a gap, the commas in it.
    open: Vec<Option<usize>>,
}

/// Words behind which a name and a list in parentheses call no function in a query.
const BEFORE_LISTS: [&str; 10] =
    ["call", "copy", "exists", "function", "into", "procedure", "references", "table", "view", "with"];

impl Gaps {
    fn add(&mut self, text: &[u8], token: Token, gap: Option<Gap>) {
        let is_dot = |token: Option<Token>| token.is_some_and(|token| token.kind == TokenKind::Symbol(b'.'));
        if !is_dot(self.last.1) && !is_dot(Some(token)) && token.kind != TokenKind::Symbol(b'(') {
            self.before = self.last;
        }
        match gap {
            Some(gap) => self.gap(text, gap),
            None => self.other(text, token),
        }
        self.ends_with_name = gap == Some(Gap::Name);
        self.last = (self.last.1, Some(token));
    }

    fn gap(&mut self, text: &[u8], gap: Gap) {
        let is_behind = |words: &[&str]| is_any(text, self.before.1, words);
        let is_owner = is_behind(&["to"]) && is_any(text, self.before.0, &["owner"]);
        self.is_set |= is_behind(&["set", "reset", "session", "local"]);
        self.is_astray |= self.open.is_empty() && !is_behind(&ROUTINES) && !is_owner;
        self.is_before_on |= !self.has_on;
        self.has_any = true;
        self.has_name |= gap == Gap::Name;
        self.has_literal |= gap == Gap::Literal;
    }

    /// A token that is no gap.
    fn other(&mut self, text: &[u8], token: Token) {
        let word = text.get(token.start..token.end).unwrap_or_default();
        match token.kind {
            TokenKind::Word => {
                self.has_on |= is_same(word, "on");
                self.has_verb |= meaning(word) == Some(Meaning::Verb);
            }
            TokenKind::Symbol(b'(') => {
                let is_call = self.ends_with_name && !is_any(text, self.before.1, &BEFORE_LISTS);
                self.open.push(is_call.then_some(0));
            }
            TokenKind::Symbol(b',') => {
                if let Some(Some(commas)) = self.open.last_mut() {
                    *commas = commas.saturating_add(1);
                }
            }
            TokenKind::Symbol(b')') => self.calls |= self.open.pop() == Some(Some(2)),
            _ => {}
        }
        let constant = literal::decode(text, token);
        self.names_setting |= constant.is_some_and(|constant| setting(&constant.bytes).is_some());
    }

    /// Whether a gap may be `set_config`, which takes three arguments.
    fn may_set(&self) -> bool {
        self.names_setting || self.calls || self.open.iter().any(Option::is_some)
    }
}

fn is_any(text: &[u8], token: Option<Token>, words: &[&str]) -> bool {
    let word = token.filter(|token| token.kind == TokenKind::Word);
    let bytes = word.and_then(|word| text.get(word.start..word.end));
    bytes.is_some_and(|bytes| is_one_of(bytes, words))
}

/// Whether the gaps of a statement can only be what they stand for. A string in a carrier, a CALL or a SET would be a role, a
/// target or an encoding; a name behind GRANT, CREATE, ALTER or SHOW would say what the statement is.
fn is_settled_statement(text: &[u8], outline: &Outline, gaps: &Gaps) -> bool {
    let words = outline.words(text);
    let first = *words.first().unwrap_or(&b"".as_slice());
    let is_open = gaps.has_literal;
    let is = |verbs: &[&str]| is_one_of(first, verbs);
    let makes = is(&["create", "alter"]);
    if !(gaps.has_any || gaps.has_within) {
        return true;
    }
    if makes && !is_settled_object(&words, gaps) {
        return false;
    }
    match verb(&words) {
        _ if !gaps.has_any => true,
        _ if outline.sets || gaps.may_set() || outline.assumerole.is_some() || outline.named && is_open => false,
        _ if is(&["grant", "revoke"]) => !is_open && !gaps.is_before_on,
        _ if is(&["show"]) && words.len() < 2 => false,
        _ if makes && (made(&words).is_none() || gaps.is_set) => false,
        Verb::Naming => !(is(&["set", "reset"]) || is(&["call", "execute"]) && is_open),
        Verb::Known => !is_open,
        Verb::Unknown => false,
    }
}

/// Whether the gaps of CREATE or ALTER leave what it makes as it is. A gap could be the name of a function, its language or its body,
/// or the word behind which the name stands.
fn is_settled_object(words: &[&[u8]], gaps: &Gaps) -> bool {
    let mut others = words.iter().skip(1).skip_while(|word| is_one_of(word, &MODIFIERS));
    let Some(object) = others.next() else { return false };
    let is_external = is_same(object, "external");
    let object = if is_external { others.next() } else { Some(object) };
    let alters = words.first().is_some_and(|first| is_same(first, "alter"));
    match object {
        None => false,
        Some(object) if is_same(object, "model") => !gaps.has_name,
        Some(object) if is_one_of(object, &ROUTINES) && is_external => !gaps.has_name,
        Some(object) if is_one_of(object, &ROUTINES) => alters && !gaps.is_astray,
        Some(_) => true,
    }
}

/// First words of statements that stay what they are whatever is appended.
const LASTING: [&str; 12] = [
    "analyze", "alter", "create", "delete", "drop", "insert", "merge", "select", "truncate", "update", "values", "with",
];

/// Whether what may be appended to a text, in any order and any number of times, changes nothing of what the statement is: no token can
/// be made of two parts, and no part holds a word that matters or begins another statement.
fn appends_settled(template: &TextTemplate, rules: Rules) -> bool {
    let parts = &template.appended;
    if parts.is_empty() {
        return true;
    }
    let is_empty = template.text.iter().all(u8::is_ascii_whitespace);
    let is_base = |text: &[u8], outline: &Outline, gaps: &Gaps| {
        let words = outline.words(text);
        let lasts = words.first().is_some_and(|first| is_one_of(first, &LASTING)) && verb(&words) == Verb::Naming;
        (is_empty || lasts) && is_harmless(outline, gaps)
    };
    let is_part = |text: &[u8], outline: &Outline, gaps: &Gaps| {
        let words = outline.words(text);
        let begins = words.first().is_some_and(|first| {
            is_one_of(first, &OTHER_VERBS) || is_one_of(first, &NAMING_VERBS) && !is_one_of(first, &LASTING)
        });
        is_harmless(outline, gaps) && !(is_empty && (begins || gaps.begins_with_name))
    };
    parts.len() <= MAX_APPENDED
        && !is_commented(&template.text)
        && walk(template, rules, true, is_base)
        && parts.iter().all(|part| !is_commented(&part.text) && walk(part, rules, true, is_part))
        && parts.iter().all(|part| std::iter::once(template).chain(parts).all(|before| are_apart(before, part)))
        && !may_call(template, parts)
}

/// Whether no word of credentials or settings, and no word of a carrier, stands in a part of a statement.
fn is_harmless(outline: &Outline, gaps: &Gaps) -> bool {
    !(outline.named || outline.sets || outline.executes || gaps.has_verb || gaps.may_set())
}

/// A comment that one part opens would take others in.
fn is_commented(text: &[u8]) -> bool {
    text.windows(2).any(|pair| pair == b"--" || pair == b"/*")
}

/// Whether no token can be made of the end of one text and the start of another, unless it is a string of two strings.
fn are_apart(before: &TextTemplate, behind: &TextTemplate) -> bool {
    let is_apart = |byte: Option<&u8>| byte.is_none_or(|byte| APART.contains(byte));
    let ends = before.gaps.last().filter(|(_, span)| span.end == before.text.len());
    let begins = behind.gap_at(0);
    let are_strings = [ends, begins].iter().all(|gap| gap.is_some_and(|(gap, _)| *gap == Gap::Literal));
    are_strings || is_apart(before.text.last()) || is_apart(behind.text.first())
}

/// Whether a name at the end of one text and a list of arguments at the start of another may stand together.
fn may_call(base: &TextTemplate, parts: &[TextTemplate]) -> bool {
    let ends_with_name = |text: &TextTemplate| {
        let end = text.text.trim_ascii_end().len();
        text.gaps.last().is_some_and(|(gap, span)| *gap == Gap::Name && span.end == end)
    };
    let begins_list = |text: &TextTemplate| text.text.trim_ascii_start().first() == Some(&b'(');
    std::iter::once(base).chain(parts).any(ends_with_name) && parts.iter().any(begins_list)
}
