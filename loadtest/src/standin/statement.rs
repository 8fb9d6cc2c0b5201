//! What a statement is to the stand-in: something of Redshift's own, or SQL for SQLite.

use rolegate::sql::lexer::{Escapes, Lexer, Token, TokenKind};
use rolegate::sql::literal;

use crate::standin::catalog::changes::{self, Change};
use crate::standin::database::Failure;

/// How a statement proves that it may read or write.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Authorization {
    /// The literal of `IAM_ROLE`, or of `aws_iam_role` in CREDENTIALS.
    Chain(String),
    /// The cluster's default role.
    Default,
    /// Keys, the caller's identity, or nothing: not checked here.
    Unchecked,
}

/// One statement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Statement {
    /// BEGIN.
    Begin,
    /// COMMIT.
    Commit,
    /// ROLLBACK.
    Rollback,
    /// Accepted and without effect.
    Accepted {
        /// Its command tag.
        tag: String,
        /// The roles that it names.
        authorizations: Vec<Authorization>,
    },
    /// SHOW MODEL.
    ShowModel {
        /// Its schema.
        schema: String,
        /// Its name; ALL for a list.
        name: String,
    },
    /// SHOW.
    Show {
        /// The parameter.
        name: String,
    },
    /// UNLOAD.
    Unload {
        /// The query.
        query: String,
        /// Where to.
        to: String,
        /// In two slices.
        parallel: bool,
        /// By which right.
        authorization: Authorization,
    },
    /// COPY.
    Copy {
        /// The table.
        table: String,
        /// The column list, as SQL.
        columns: String,
        /// Where from.
        from: String,
        /// Between two fields.
        delimiter: String,
        /// By which right.
        authorization: Authorization,
    },
    /// SQL for SQLite.
    Sql {
        /// Its text.
        text: String,
        /// Its command tag; rows are counted behind it.
        tag: String,
    },
}

/// First words of the statements that the stand-in knows.
const VERBS: [&str; 35] = [
    "abort",
    "alter",
    "analyze",
    "begin",
    "call",
    "close",
    "comment",
    "commit",
    "copy",
    "create",
    "deallocate",
    "declare",
    "delete",
    "discard",
    "drop",
    "end",
    "execute",
    "explain",
    "fetch",
    "grant",
    "insert",
    "lock",
    "prepare",
    "reset",
    "revoke",
    "rollback",
    "select",
    "set",
    "show",
    "start",
    "truncate",
    "unload",
    "update",
    "use",
    "with",
];

/// A statement with its text and what it changes in the catalogue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Told {
    /// What it is.
    pub statement: Statement,
    /// Its text.
    pub text: String,
    /// What it changes in the catalogue.
    pub changes: Vec<Change>,
}

/// The statements of a text. As in Redshift, all of it is parsed before any of it runs.
///
/// # Errors
/// A syntax error, in PostgreSQL's words.
pub fn read(text: &str) -> Result<Vec<Told>, Failure> {
    let mut lexer = Lexer::new(text.as_bytes(), Escapes::Always);
    let tokens: Vec<Token> = lexer.by_ref().collect();
    if lexer.trouble().is_some() {
        return Err(Failure { code: "42601", message: "unterminated quoted string".to_owned() });
    }
    let is_end = |token: &Token| token.kind == TokenKind::Symbol(b';');
    // Comments around a statement are kept with it, as the history keeps them.
    let mut before = 0_usize;
    let mut told = Vec::new();
    for tokens in tokens.split_inclusive(is_end) {
        let start = before;
        before = tokens.last().map_or(before, |token| token.end);
        let tokens = tokens.split_last().filter(|(last, _)| is_end(last)).map_or(tokens, |(_, rest)| rest);
        let Some(last) = tokens.last() else { continue };
        let is_last = !text.get(last.end..).unwrap_or_default().contains(';');
        let end = if is_last { text.len() } else { last.end };
        let kept = text.get(start..end).unwrap_or_default().trim().to_owned();
        let read = Text { text, tokens };
        told.push(Told { statement: read.statement()?, text: kept, changes: changes::of(read) });
    }
    Ok(told)
}

/// One statement's tokens.
#[derive(Clone, Copy, Debug)]
pub struct Text<'t> {
    text: &'t str,
    tokens: &'t [Token],
}

impl<'t> Text<'t> {
    /// The name at a place, folded, and the schema that stands before it.
    #[must_use]
    pub fn name(&self, place: usize) -> (String, String) {
        let part = |place: usize| {
            let token = self.tokens.get(place)?;
            literal::identifier(self.text.as_bytes(), *token).or_else(|| self.literal(place))
        };
        let first = part(place).unwrap_or_default();
        let is_qualified =
            self.tokens.get(place.saturating_add(1)).is_some_and(|token| token.kind == TokenKind::Symbol(b'.'));
        match part(place.saturating_add(2)).filter(|_| is_qualified) {
            Some(name) => (first, name),
            None => ("public".to_owned(), first),
        }
    }

    /// Whether the keyword `default` stands behind a word.
    #[must_use]
    pub fn is_default(&self, word: &str) -> bool {
        self.find(word).is_some_and(|place| self.word(place.saturating_add(1)) == "default")
    }

    /// The last literal, if it stands behind a word.
    #[must_use]
    pub fn last_literal(&self, word: &str) -> Option<String> {
        let after = self.find(word)?;
        (after..self.tokens.len()).rev().find_map(|place| self.literal(place))
    }

    /// The statement's own text.
    #[must_use]
    pub fn whole(&self) -> &'t str {
        self.from(0).unwrap_or_default()
    }

    /// Its text from a place on.
    #[must_use]
    pub fn from(&self, place: usize) -> Option<&'t str> {
        self.text.get(self.tokens.get(place)?.start..self.tokens.last()?.end)
    }

    /// The names behind a word, up to the next that is no name in a list.
    #[must_use]
    pub fn names_behind(&self, word: &str) -> Vec<String> {
        let Some(place) = self.find(word) else { return Vec::new() };
        let mut names = Vec::new();
        let mut at = place.saturating_add(1);
        while let Some(token) = self.tokens.get(at) {
            match literal::identifier(self.text.as_bytes(), *token) {
                Some(name) => names.push(name),
                None if token.kind == TokenKind::Symbol(b',') => {}
                None => break,
            }
            at = at.saturating_add(1);
        }
        names
    }

    fn raw(&self, token: Token) -> &str {
        self.text.get(token.start..token.end).unwrap_or_default()
    }

    /// The word at a place, in lower case.
    #[must_use]
    pub fn word(&self, place: usize) -> String {
        self.tokens.get(place).map(|token| self.raw(*token).to_ascii_lowercase()).unwrap_or_default()
    }

    /// The literal at a place.
    #[must_use]
    pub fn literal(&self, place: usize) -> Option<String> {
        let token = self.tokens.get(place)?;
        literal::decode(self.text.as_bytes(), *token).map(|literal| literal.to_text())
    }

    /// Where an unquoted word stands.
    #[must_use]
    pub fn find(&self, word: &str) -> Option<usize> {
        let is = |token: &Token| token.kind == TokenKind::Word && self.raw(*token).eq_ignore_ascii_case(word);
        self.tokens.iter().position(is)
    }

    /// The literal behind a word, with AS between them or not.
    #[must_use]
    pub fn option(&self, word: &str) -> Option<String> {
        let next = self.find(word)?.saturating_add(1);
        if self.word(next) == "as" { self.literal(next.saturating_add(1)) } else { self.literal(next) }
    }

    fn syntax_error(&self, place: usize) -> Failure {
        let message = self.tokens.get(place).map_or_else(
            || "syntax error at end of input".to_owned(),
            |token| format!("syntax error at or near \"{}\"", self.raw(*token)),
        );
        Failure { code: "42601", message }
    }

    fn statement(self) -> Result<Statement, Failure> {
        let verb = self.word(0);
        if !VERBS.contains(&verb.as_str()) {
            return Err(self.syntax_error(0));
        }
        let object = match self.word(1).as_str() {
            "or" => self.word(3),
            other => other.to_owned(),
        };
        let accepted = |tag: &str| Statement::Accepted { tag: tag.to_owned(), authorizations: self.authorizations() };
        Ok(match (verb.as_str(), object.as_str()) {
            ("begin" | "start", _) => Statement::Begin,
            ("commit" | "end", _) => Statement::Commit,
            ("rollback" | "abort", _) => Statement::Rollback,
            ("show", "model") => {
                let (schema, name) = self.name(2);
                Statement::ShowModel { schema, name }
            }
            ("show", _) => Statement::Show { name: self.word(1) },
            ("unload", _) => self.unload()?,
            ("copy", "job") if self.find("from").is_none() => accepted("COPY JOB"),
            ("copy", _) => self.copy()?,
            ("create" | "alter", "external") => {
                accepted(&format!("{} {}", verb, self.word(if self.word(1) == "or" { 4 } else { 2 })).to_uppercase())
            }
            (
                "create",
                "model" | "library" | "database" | "procedure" | "template" | "identity" | "user" | "group" | "role"
                | "schema" | "view",
            ) => accepted(&format!("CREATE {object}").to_uppercase()),
            ("drop", "schema" | "function" | "procedure" | "model" | "view" | "group" | "role" | "user") => {
                accepted(&format!("DROP {object}").to_uppercase())
            }
            ("alter", "user" | "identity" | "template" | "schema" | "group" | "role") => {
                accepted(&format!("ALTER {object}").to_uppercase())
            }
            (
                "set" | "reset" | "discard" | "grant" | "revoke" | "deallocate" | "comment" | "lock" | "call" | "use",
                _,
            ) => accepted(&verb.to_uppercase()),
            ("insert", _) => self.sql("INSERT"),
            ("create" | "drop" | "alter", _) => self.sql(&format!("{verb} {object}").to_uppercase()),
            _ => self.sql(&verb.to_uppercase()),
        })
    }

    /// A statement that SQLite runs as it is.
    fn sql(self, tag: &str) -> Statement {
        let end = self.tokens.last().map_or(0, |token| token.end);
        let start = self.tokens.first().map_or(0, |token| token.start);
        let text = self.text.get(start..end).unwrap_or_default();
        Statement::Sql { text: as_subquery(text), tag: tag.to_owned() }
    }

    fn authorizations(self) -> Vec<Authorization> {
        let mut found = Vec::new();
        for (place, token) in self.tokens.iter().enumerate().filter(|(_, token)| token.kind == TokenKind::Word) {
            let next = place.saturating_add(1);
            match self.raw(*token).to_ascii_lowercase().as_str() {
                "iam_role" | "catalog_role" => match self.literal(next) {
                    Some(literal) if literal != "SESSION" => found.push(Authorization::Chain(literal)),
                    None if self.word(next) == "default" => found.push(Authorization::Default),
                    _ => found.push(Authorization::Unchecked),
                },
                "credentials" => {
                    let literal = self.option("credentials").unwrap_or_default();
                    let role = literal.split(';').find_map(|pair| pair.strip_prefix("aws_iam_role="));
                    found.push(role.map_or(Authorization::Unchecked, |role| Authorization::Chain(role.to_owned())));
                }
                _ => {}
            }
        }
        found
    }

    fn authorization(self) -> Authorization {
        self.authorizations().into_iter().next().unwrap_or(Authorization::Unchecked)
    }

    fn unload(self) -> Result<Statement, Failure> {
        let query = self.literal(2).ok_or_else(|| self.syntax_error(2))?;
        let to = self.option("to").ok_or_else(|| self.syntax_error(4))?;
        let serial = self
            .find("parallel")
            .is_some_and(|place| ["off", "false"].contains(&self.word(place.saturating_add(1)).as_str()));
        Ok(Statement::Unload { query, to, parallel: !serial, authorization: self.authorization() })
    }

    fn copy(self) -> Result<Statement, Failure> {
        let from = self.find("from").ok_or_else(|| self.syntax_error(self.tokens.len()))?;
        let source = self.literal(from.saturating_add(1)).ok_or_else(|| self.syntax_error(from.saturating_add(1)))?;
        let open =
            self.tokens.iter().position(|token| token.kind == TokenKind::Symbol(b'(')).filter(|open| *open < from);
        let text = |first: usize, end: usize| {
            let tokens = self.tokens.get(first..end).unwrap_or_default();
            tokens.iter().map(|token| self.raw(*token)).collect::<String>()
        };
        let name = text(1, open.unwrap_or(from));
        Ok(Statement::Copy {
            table: name.rsplit('.').next().unwrap_or(&name).to_owned(),
            columns: open.map(|open| text(open, from)).unwrap_or_default(),
            from: source,
            delimiter: self.option("delimiter").unwrap_or_else(|| "|".to_owned()),
            authorization: self.authorization(),
        })
    }
}

/// SQLite has no functions that give rows under names of the caller's: `pg_get_iam_role_by_user('u') r(...)` becomes a query.
fn as_subquery(text: &str) -> String {
    let plain = text.to_owned();
    let Some((before, after)) = text.split_once("pg_get_iam_role_by_user(") else { return plain };
    let before = before.strip_suffix("pg_catalog.").unwrap_or(before);
    let Some((user, after)) = after.split_once(')') else { return plain };
    let Some((_columns, rest)) = after.split_once(')') else { return plain };
    format!("{before}(select username, iam_role, cmd from pg_catalog.assumerole_row where username = {user}){rest}")
}

#[cfg(test)]
mod tests {
    use super::{Authorization, Statement, read};
    use crate::standin::database::Failure;

    fn statements(text: &str) -> Result<Vec<Statement>, Failure> {
        read(text).map(|told| told.into_iter().map(|one| one.statement).collect())
    }

    #[test]
    fn texts_keep_their_comments() {
        let told = read("/* a */ select 1; -- b\nselect 2\n/* c */").unwrap();
        assert_eq!([told[0].text.as_str(), told[1].text.as_str()], ["/* a */ select 1", "-- b\nselect 2\n/* c */"]);
        let Statement::Sql { text, .. } = read(
            "select username, iam_role, cmd from pg_catalog.pg_get_iam_role_by_user('a') r(username text, iam_role text, cmd text)",
        )
        .unwrap()
        .remove(0)
        .statement
        else {
            panic!()
        };
        assert_eq!(
            text,
            "select username, iam_role, cmd from (select username, iam_role, cmd from pg_catalog.assumerole_row where username = 'a')"
        );
    }

    #[test]
    fn an_unknown_word_is_a_syntax_error() {
        let failure = statements("rolegate_refused_0123456789abcdef").unwrap_err();
        assert_eq!(failure.message, "syntax error at or near \"rolegate_refused_0123456789abcdef\"");
        assert_eq!(statements("select 1; bogus").unwrap_err().message, "syntax error at or near \"bogus\"");
    }

    #[test]
    fn roles_are_found() {
        let unload = "unload ($$select 1$$) to 's3://b/x_' with credentials as 'aws_iam_role=r1,r2' parallel off";
        let expected = Statement::Unload {
            query: "select 1".to_owned(),
            to: "s3://b/x_".to_owned(),
            parallel: false,
            authorization: Authorization::Chain("r1,r2".to_owned()),
        };
        assert_eq!(statements(unload).unwrap(), [expected]);
        let schema = "create external schema s from data catalog iam_role default catalog_role 'r' -- x";
        let expected = Statement::Accepted {
            tag: "CREATE SCHEMA".to_owned(),
            authorizations: vec![Authorization::Default, Authorization::Chain("r".to_owned())],
        };
        assert_eq!(statements(schema).unwrap(), [expected]);
    }

    #[test]
    fn copy_has_a_table_and_columns() {
        let copy = "copy public.venue (venueid, venuename) from 's3://b/p' iam_role 'r' delimiter ','";
        let Statement::Copy { table, columns, delimiter, .. } = statements(copy).unwrap().remove(0) else { panic!() };
        assert_eq!((table.as_str(), columns.as_str(), delimiter.as_str()), ("venue", "(venueid,venuename)", ","));
    }
}
