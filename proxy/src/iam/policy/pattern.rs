//! Texts of policies that are compared: wildcards, policy variables, and ARNs field by field.
//! Sources: IAM User Guide, "IAM JSON policy elements: Resource", "... Variables and tags", "... Condition operators".

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
    str::Chars,
};

use super::{
    context::{KeyValue, RequestContext},
    truth::Truth,
};

/// One place of a pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PatternToken {
    /// This character.
    Literal(char),
    /// `?`: any one character.
    One,
    /// `*`: any characters, or none.
    Run,
}

/// A place of a text that may hold variables.
#[derive(Clone, Debug)]
pub(crate) enum PatternPart {
    Fixed(PatternToken),
    Variable { key: String, default: Option<String> },
}

/// How a text is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PatternRules {
    /// `*` and `?` are wildcards.
    pub(crate) wildcards: bool,
    /// `${...}` is a variable: only in documents of version 2012-10-17.
    pub(crate) variables: bool,
}

/// A text with wildcards and variables, read once. Facts hold many thousands, so the common form is a small one.
#[derive(Clone, Debug)]
pub(crate) enum Template {
    /// Without a variable.
    Fixed(Box<[PatternToken]>),
    /// With at least one.
    Variable(Box<[PatternPart]>),
}

/// What a template says for one request.
#[derive(Debug)]
pub(crate) enum Resolved<'a> {
    /// Its tokens; what came from a variable is literal text.
    Tokens(Cow<'a, [PatternToken]>),
    /// A variable has no value: nothing matches.
    NoValue,
    /// A variable's value is not known.
    Unknown,
}

impl Template {
    pub(crate) fn read(text: &str, reading: PatternRules) -> Self {
        Self::of(&read_parts(text, reading))
    }

    fn of(parts: &[PatternPart]) -> Self {
        let fixed: Option<Box<[PatternToken]>> = parts.iter().map(PatternPart::token).collect();
        fixed.map_or_else(|| Self::Variable(parts.into()), Self::Fixed)
    }

    /// Its tokens, `None` in the place of a variable.
    fn tokens(&self) -> impl Iterator<Item = Option<PatternToken>> {
        let (fixed, parts): (&[PatternToken], &[PatternPart]) = match self {
            Self::Fixed(tokens) => (tokens, &[]),
            Self::Variable(parts) => (&[], parts),
        };
        fixed.iter().copied().map(Some).chain(parts.iter().map(PatternPart::token))
    }

    pub(crate) fn has_variables(&self) -> bool {
        matches!(self, Self::Variable(_))
    }

    pub(crate) fn has_wildcards(&self) -> bool {
        self.tokens().any(is_wildcard)
    }

    fn is_only_runs(&self) -> bool {
        self.tokens().next().is_some() && self.tokens().all(|token| token == Some(PatternToken::Run))
    }

    pub(crate) fn resolve(&self, context: &RequestContext) -> Resolved<'_> {
        let parts = match self {
            Self::Fixed(tokens) => return Resolved::Tokens(Cow::Borrowed(tokens)),
            Self::Variable(parts) => parts,
        };
        let mut tokens = Vec::with_capacity(parts.len());
        for part in parts {
            let (key, default) = match part {
                PatternPart::Fixed(token) => {
                    tokens.push(*token);
                    continue;
                }
                PatternPart::Variable { key, default } => (key, default),
            };
            match (context.value(key), default) {
                // Whether a default stands in for a value that is there and empty is not documented.
                (KeyValue::One(text), Some(_)) if text.is_empty() => return Resolved::Unknown,
                (KeyValue::One(text), None) if text.is_empty() => return Resolved::NoValue,
                (KeyValue::One(text), _) | (KeyValue::Absent, Some(text)) => {
                    tokens.extend(text.chars().map(PatternToken::Literal));
                }
                (KeyValue::Unknown | KeyValue::Begins(_), _) => return Resolved::Unknown,
                (KeyValue::Absent | KeyValue::Many(_), _) => return Resolved::NoValue,
            }
        }
        Resolved::Tokens(Cow::Owned(tokens))
    }

    /// Compares the whole text, case counts.
    pub(crate) fn matches(&self, text: &str, context: &RequestContext) -> Truth {
        match self.resolve(context) {
            Resolved::Tokens(tokens) => glob(&tokens, text).into(),
            Resolved::NoValue => Truth::False,
            Resolved::Unknown => Truth::Unknown,
        }
    }

    /// Whether a variable in it has several values, or one with a wildcard that the pattern might take for one. How a negated
    /// operator compares these is not documented.
    pub(crate) fn is_delicate(&self, context: &RequestContext) -> bool {
        let Self::Variable(parts) = self else { return false };
        parts.iter().any(|part| match part {
            PatternPart::Fixed(_) => false,
            PatternPart::Variable { key, .. } => match context.value(key) {
                KeyValue::Many(_) => true,
                KeyValue::One(text) => text.contains(['*', '?']),
                KeyValue::Absent | KeyValue::Unknown | KeyValue::Begins(_) => false,
            },
        })
    }

    /// Compares a text of which only the beginning is known, case counts.
    pub(crate) fn matches_beginning(&self, beginning: &str, context: &RequestContext) -> Truth {
        match self.resolve(context) {
            Resolved::Tokens(tokens) => glob_beginning(&tokens, beginning),
            Resolved::NoValue => Truth::False,
            Resolved::Unknown => Truth::Unknown,
        }
    }

    /// Compares the whole text, case does not count.
    pub(crate) fn matches_ignoring_case(&self, text: &str, context: &RequestContext) -> Truth {
        match self.resolve(context) {
            Resolved::Tokens(tokens) => {
                let lower = tokens.iter().flat_map(|token| match token {
                    PatternToken::Literal(character) => {
                        character.to_lowercase().map(PatternToken::Literal).collect::<Vec<_>>()
                    }
                    other => vec![*other],
                });
                glob(&lower.collect::<Vec<_>>(), &text.to_lowercase()).into()
            }
            Resolved::NoValue => Truth::False,
            Resolved::Unknown => Truth::Unknown,
        }
    }
}

impl PatternPart {
    fn token(&self) -> Option<PatternToken> {
        match self {
            Self::Fixed(token) => Some(*token),
            Self::Variable { .. } => None,
        }
    }
}

fn is_wildcard(token: Option<PatternToken>) -> bool {
    matches!(token, Some(PatternToken::One | PatternToken::Run))
}

fn read_parts(text: &str, reading: PatternRules) -> Vec<PatternPart> {
    let mut parts = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if reading.variables
            && let Some((part, after)) = read_variable(rest)
        {
            parts.push(part);
            rest = after;
            continue;
        }
        parts.push(PatternPart::Fixed(match first {
            '*' if reading.wildcards => PatternToken::Run,
            '?' if reading.wildcards => PatternToken::One,
            other => PatternToken::Literal(other),
        }));
        rest = rest.strip_prefix(first).unwrap_or_default();
    }
    parts
}

/// Reads `${key}`, `${key, 'default'}`, `${*}`, `${?}` or `${$}` at the start of a text. What is not closed is plain text.
fn read_variable(text: &str) -> Option<(PatternPart, &str)> {
    let (inside, after) = text.strip_prefix("${")?.split_once('}')?;
    let part = match inside {
        "*" => PatternPart::Fixed(PatternToken::Literal('*')),
        "?" => PatternPart::Fixed(PatternToken::Literal('?')),
        "$" => PatternPart::Fixed(PatternToken::Literal('$')),
        _ => {
            let (key, default) = match inside.split_once(',') {
                Some((key, default)) => {
                    (key, default.trim().strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')))
                }
                None => (inside, None),
            };
            PatternPart::Variable { key: key.trim().to_lowercase(), default: default.map(str::to_owned) }
        }
    };
    Some((part, after))
}

/// Matches a whole text against a pattern with wildcards and without variables.
pub(crate) fn matches_glob(pattern: &str, text: &str) -> bool {
    let template = Template::read(pattern, PatternRules { wildcards: true, variables: false });
    matches!(template, Template::Fixed(tokens) if glob(&tokens, text))
}

/// Matches a whole text against tokens.
fn glob(pattern: &[PatternToken], text: &str) -> bool {
    let mut pattern = pattern;
    let mut text = text.chars();
    let mut retry: Option<(&[PatternToken], Chars<'_>)> = None;
    loop {
        match pattern.split_first() {
            Some((PatternToken::Run, rest)) => {
                retry = Some((rest, text.clone()));
                pattern = rest;
                continue;
            }
            Some((token, rest)) => {
                let mut ahead = text.clone();
                match ahead.next() {
                    // A later start of the last run leaves less text, which cannot help.
                    None => return false,
                    Some(character) if *token == PatternToken::One || *token == PatternToken::Literal(character) => {
                        (pattern, text) = (rest, ahead);
                        continue;
                    }
                    Some(_) => {}
                }
            }
            None if text.as_str().is_empty() => return true,
            None => {}
        }
        let Some((rest, from)) = retry.as_mut() else { return false };
        if from.next().is_none() {
            return false;
        }
        (pattern, text) = (rest, from.clone());
    }
}

/// Matches tokens against every text that begins so: true when all match, false when none does.
fn glob_beginning(pattern: &[PatternToken], beginning: &str) -> Truth {
    let mut reached = vec![pattern];
    for character in beginning.chars() {
        let mut next: Vec<&[PatternToken]> = Vec::new();
        for rest in reached.iter().flat_map(|rest| behind_runs(rest)) {
            match rest.split_first() {
                Some((PatternToken::Run, _)) => next.push(rest),
                Some((token, after)) if *token == PatternToken::One || *token == PatternToken::Literal(character) => {
                    next.push(after);
                }
                _ => {}
            }
        }
        next.sort_unstable_by_key(|rest| rest.len());
        next.dedup_by_key(|rest| rest.len());
        reached = next;
    }
    let takes_any_end =
        |rest: &&[PatternToken]| rest.iter().all(|token| *token == PatternToken::Run) && !rest.is_empty();
    if reached.iter().any(takes_any_end) {
        Truth::True
    } else if reached.is_empty() {
        Truth::False
    } else {
        Truth::Unknown
    }
}

/// The places that a match can be at without taking a character: this one, and those behind runs that it starts with.
fn behind_runs(pattern: &[PatternToken]) -> Vec<&[PatternToken]> {
    let mut places = vec![pattern];
    let mut rest = pattern;
    while let Some((PatternToken::Run, after)) = rest.split_first() {
        places.push(after);
        rest = after;
    }
    places
}

/// The number of fields of an ARN: `arn:partition:service:region:account:resource`.
const ARN_FIELDS: usize = 6;

/// A pattern for ARNs, split at colons outside of variables.
#[derive(Clone, Debug)]
pub(crate) struct ArnPattern {
    fields: Box<[Template]>,
    whole: Template,
}

impl fmt::Display for ArnPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.whole.tokens().try_for_each(|token| match token {
            Some(PatternToken::Literal(character)) => formatter.write_char(character),
            Some(PatternToken::One) => formatter.write_char('?'),
            Some(PatternToken::Run) => formatter.write_char('*'),
            None => formatter.write_str("${...}"),
        })
    }
}

impl ArnPattern {
    pub(crate) fn read(text: &str, variables: bool) -> Self {
        let parts = read_parts(text, PatternRules { wildcards: true, variables });
        let is_colon = |part: &PatternPart| matches!(part, PatternPart::Fixed(PatternToken::Literal(':')));
        let fields = parts.splitn(ARN_FIELDS, is_colon).map(Template::of).collect();
        Self { fields, whole: Template::of(&parts) }
    }

    /// For the condition operators `ArnEquals` and `ArnLike`, which are the same. `None` for a value that
    /// is no ARN. AWS leaves open what a pattern of fewer than six fields matches.
    pub(crate) fn matches(&self, text: &str, context: &RequestContext) -> Option<Truth> {
        let values: Vec<&str> = text.splitn(ARN_FIELDS, ':').collect();
        if values.len() < ARN_FIELDS || values.first() != Some(&"arn") {
            return None;
        }
        let by_field = Truth::all(self.fields.iter().zip(values).map(|(field, value)| field.matches(value, context)));
        let is_whole = self.fields.len() == ARN_FIELDS;
        Some(if is_whole { by_field } else { (by_field | self.whole.matches(text, context)).doubted() })
    }

    /// For a Resource element, against a role's ARN.
    pub(crate) fn matches_role(&self, role: &str, context: &RequestContext) -> Truth {
        if self.whole.is_only_runs() {
            return Truth::True;
        }
        let values = role.splitn(ARN_FIELDS, ':');
        let fields = self.fields.iter().zip(values).enumerate();
        let by_field = Truth::all(fields.map(|(place, (field, value))| resource_field(place, field, value, context)));
        if by_field.is_false() && !self.whole.has_variables() {
            // "*" at the end of a field may also stand for the next colon, says one page only.
            return self.whole.matches(role, context).doubted();
        }
        by_field
    }

    /// Whether it has the six fields of an ARN, or stands for everything.
    pub(crate) fn is_whole(&self) -> bool {
        self.fields.len() == ARN_FIELDS || self.whole.is_only_runs()
    }

    /// See [`Template::is_delicate`].
    pub(crate) fn is_delicate(&self, context: &RequestContext) -> bool {
        self.whole.is_delicate(context)
    }

    /// False when a variable in it has no value.
    pub(crate) fn has_value(&self, context: &RequestContext) -> bool {
        !matches!(self.whole.resolve(context), Resolved::NoValue)
    }
}

fn resource_field(place: usize, field: &Template, value: &str, context: &RequestContext) -> Truth {
    if place < 5 && field.has_variables() {
        return Truth::Unknown;
    }
    let exact = field.matches(value, context);
    match place {
        0 | 2 if field.has_wildcards() => exact.doubted(),
        0..=2 if exact.is_false() => field.matches_ignoring_case(value, context).doubted(),
        5 if !field.is_only_runs() && has_wildcard_type(field) => exact.doubted(),
        _ => exact,
    }
}

/// Whether a wildcard stands in the resource type, the part before the first slash.
fn has_wildcard_type(resource: &Template) -> bool {
    resource.tokens().take_while(|token| *token != Some(PatternToken::Literal('/'))).any(is_wildcard)
}

#[cfg(test)]
mod tests {
    use super::{super::context::Unlisted, *};

    fn context() -> RequestContext {
        let mut context = RequestContext::new(Unlisted::Absent);
        context.set_text("aws:PrincipalTag/team", "a*");
        context.set("aws:SourceIp", KeyValue::Unknown);
        context.set("aws:TagKeys", KeyValue::Many(vec!["x".to_owned()]));
        context
    }

    #[test]
    fn wildcards_and_variables() {
        let (no, open, yes) = (Truth::False, Truth::Unknown, Truth::True);
        let rows = [
            ("", "", yes),
            ("*", "", yes),
            ("a*c*e", "abcde", yes),
            ("a*c*e", "abcd", no),
            ("a?c", "aéc", yes),
            ("a?", "a", no),
            ("a.c", "abc", no),
            ("*aab", "aaaab", yes),
            ("${aws:PrincipalTag/TEAM}", "a*", yes),
            ("${aws:PrincipalTag/team}", "abc", no),
            ("${aws:PrincipalTag/x}*", "abc", no),
            ("${aws:PrincipalTag/x, 'd'}", "d", yes),
            ("${aws:SourceIp}", "d", open),
            ("${aws:TagKeys}", "x", no),
            ("${*}${?}${$}", "*?$", yes),
            ("${*}", "x", no),
            ("${aws:x", "${aws:x", yes),
        ];
        for (pattern, text, want) in rows {
            let template = Template::read(pattern, PatternRules { wildcards: true, variables: true });
            assert_eq!(template.matches(text, &context()), want, "{pattern} {text}");
        }
        let plain = Template::read("${*}", PatternRules { wildcards: false, variables: false });
        assert_eq!(plain.matches("${*}", &context()), yes, "old versions have no variables");
    }

    #[test]
    fn values_with_a_known_beginning() {
        let (no, open, yes) = (Truth::False, Truth::Unknown, Truth::True);
        for (pattern, want) in [
            ("AROAX:*", yes),
            ("*", yes),
            ("AROA*:*", yes),
            ("AROAX:s", open),
            ("A*s", open),
            ("AROAY:*", no),
            ("AROAX", no),
            ("", no),
        ] {
            let template = Template::read(pattern, PatternRules { wildcards: true, variables: true });
            assert_eq!(template.matches_beginning("AROAX:", &context()), want, "{pattern}");
        }
    }

    /// A key that is there and empty is null to AWS: nothing matches.
    #[test]
    fn empty_values() {
        let mut context = context();
        context.set_text("aws:PrincipalTag/empty", "");
        for (pattern, text, want) in [
            ("${aws:PrincipalTag/empty}", "", Truth::False),
            ("RoleB${aws:PrincipalTag/empty}", "RoleB", Truth::False),
            ("${aws:PrincipalTag/empty, 'd'}", "d", Truth::Unknown),
        ] {
            let template = Template::read(pattern, PatternRules { wildcards: true, variables: true });
            assert_eq!(template.matches(text, &context), want, "{pattern}");
        }
    }

    #[test]
    fn resources() {
        let (no, open, yes) = (Truth::False, Truth::Unknown, Truth::True);
        let rows = [
            ("*", yes),
            ("arn:aws:iam::210987654321:role/data/RoleB", yes),
            ("arn:aws:iam::210987654321:role/RoleB", no),
            ("arn:aws:iam::210987654321:role/*", yes),
            ("arn:aws:iam::210987654321:*", yes),
            ("arn:aws:iam::2109????4321:role/data?RoleB", yes),
            ("arn:aws:iam", yes),
            ("arn:*:iam::*:role/*", yes),
            ("arn:aws:iam:us-east-1:210987654321:role/*", no),
            ("arn:aws:iam::210987654321:user/*", no),
            ("RoleB", no),
            ("arn:aws:IAM::210987654321:role/data/RoleB", open),
            ("arn:aws:*::210987654321:role/data/RoleB", open),
            ("arn:aws:iam::210987654321:*/RoleB", open),
            ("arn:aws:iam::210987654321:role*", open),
            ("arn:aws:iam:*:role/data/RoleB", open),
            ("arn:aws:iam::${aws:PrincipalTag/team}:role/data/RoleB", open),
        ];
        for (pattern, want) in rows {
            let found =
                ArnPattern::read(pattern, true).matches_role("arn:aws:iam::210987654321:role/data/RoleB", &context());
            assert_eq!(found, want, "{pattern}");
        }
    }
}
