//! The options of a carrier: which of them name credentials, and what they hold.

use std::ops::Range;

use crate::sql::cursor::{Cursor, Misfit};
use crate::sql::draft::Draft;
use crate::sql::lexer::{Token, TokenKind};
use crate::sql::literal::Literal;
use crate::sql::model::{Clause, FaultKind, Method, Target};
use crate::sql::names_role;

/// Which clauses a carrier may have beside `IAM_ROLE`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Allowed {
    /// None.
    IamRole,
    /// `CATALOG_ROLE`.
    CatalogRole,
    /// `CREDENTIALS` and access keys. Source: "Authorization parameters" of COPY, Amazon Redshift Database Developer
    /// Guide.
    Credentials,
}

/// What walking over the options has met.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `JOB CREATE`.
    pub job: bool,
    /// What a word of the options says the role is used on.
    pub target: Option<Target>,
    keys: Option<Range<usize>>,
    key_words: Vec<&'static str>,
}

/// Walks over the options to the end of the statement. Options stand in any order; those that name no credentials are
/// not told apart, for the server knows them and they do not matter here.
///
/// # Errors
/// Something stands here that can be no option, or a credential clause has no value.
pub fn options(cursor: &mut Cursor<'_>, allowed: Allowed, draft: &mut Draft) -> Result<Options, Misfit> {
    let mut options = Options::default();
    while let Some(token) = cursor.peek() {
        match token.kind {
            TokenKind::Word => word(cursor, token, allowed, draft, &mut options)?,
            TokenKind::Quoted => quoted(cursor, token)?,
            TokenKind::Escaped | TokenKind::Plain | TokenKind::Dollar => stray_literal(cursor, draft)?,
            TokenKind::Number | TokenKind::Symbol(b'.' | b':' | b'+' | b'-' | b'=' | b'[' | b']') => {
                cursor.take();
            }
            TokenKind::Symbol(b'(') => {
                cursor.group()?;
            }
            TokenKind::Bits | TokenKind::Parameter | TokenKind::Symbol(_) => {
                return Err(cursor.misfit("expected an option"));
            }
        }
    }
    Ok(options)
}

fn word(
    cursor: &mut Cursor<'_>,
    token: Token,
    allowed: Allowed,
    draft: &mut Draft,
    options: &mut Options,
) -> Result<(), Misfit> {
    if cursor.accept(&["iam_role"]) {
        return role(cursor, Clause::IamRole, draft);
    }
    if allowed == Allowed::CatalogRole && cursor.accept(&["catalog_role"]) {
        return role(cursor, Clause::CatalogRole, draft);
    }
    if allowed == Allowed::Credentials {
        if cursor.accept(&["with", "credentials"]) || cursor.accept(&["credentials"]) {
            cursor.accept(&["as"]);
            return credentials(cursor, draft);
        }
        for name in ["access_key_id", "secret_access_key", "session_token"] {
            if cursor.accept(&[name]) {
                return key(cursor, name, draft, options);
            }
        }
        if cursor.sees(0, "token") && cursor.is_literal_after(1) {
            cursor.accept(&["token"]);
            return key(cursor, "session_token", draft, options);
        }
        if cursor.accept(&["job", "create"]) {
            options.job = true;
            return Ok(());
        }
    }
    if cursor.is_credential(token) || !cursor.bytes(token).is_ascii() {
        return Err(cursor.misfit("expected an option of this statement"));
    }
    cursor.take();
    target(cursor, token, draft, options);
    Ok(())
}

/// Words of options that say what the role is used on.
fn target(cursor: &mut Cursor<'_>, token: Token, draft: &mut Draft, options: &mut Options) {
    type Named = fn(String) -> Target;
    let named: Option<Named> = match cursor.bytes(token).to_ascii_lowercase().as_slice() {
        b"lambda" => Some(Target::Lambda),
        b"sagemaker" => Some(Target::SageMaker),
        b"database" => Some(Target::CatalogDatabase),
        b"secret_arn" => Some(Target::Secret),
        _ => None,
    };
    if let Some(named) = named
        && cursor.is_literal_after(0)
        && let Some((token, literal)) = cursor.literal()
    {
        draft.check_target(token, &literal);
        options.target.get_or_insert_with(|| named(literal.to_text()));
    }
}

/// A quoted identifier can be the name of a job, a column or a function, and never an option's word.
fn quoted(cursor: &mut Cursor<'_>, token: Token) -> Result<(), Misfit> {
    if cursor.is_credential(token) || cursor.is_literal_after(1) {
        return Err(cursor.misfit("expected an option"));
    }
    cursor.take();
    Ok(())
}

/// The value of an option that names no credentials.
fn stray_literal(cursor: &mut Cursor<'_>, draft: &mut Draft) -> Result<(), Misfit> {
    if let Some((token, literal)) = cursor.literal()
        && (names_role(&literal.bytes) || names_keys(&literal.bytes))
    {
        let detail = "a credential stands outside the clauses that the gate knows".to_owned();
        draft.fault(FaultKind::Unreadable, token.start..token.end, detail);
    }
    if cursor.is_literal_after(0) { Err(cursor.misfit("expected an option")) } else { Ok(()) }
}

/// The value of a clause that takes a role.
fn role(cursor: &mut Cursor<'_>, clause: Clause, draft: &mut Draft) -> Result<(), Misfit> {
    let place = cursor.place();
    if cursor.accept(&["default"]) {
        draft.role_use(clause, Method::Default, place);
    } else {
        let (token, literal) = cursor.expect_literal("DEFAULT, or a role")?;
        role_literal(token, &literal, clause, draft);
    }
    ended(cursor)
}

/// What follows a credential is another option or the end.
fn ended(cursor: &Cursor<'_>) -> Result<(), Misfit> {
    match cursor.peek() {
        None => Ok(()),
        Some(token) if token.kind == TokenKind::Word => Ok(()),
        Some(_) => Err(cursor.misfit("expected an option or the end after a credential")),
    }
}

/// A literal that stands for a role or a chain.
pub fn role_literal(token: Token, literal: &Literal<'_>, clause: Clause, draft: &mut Draft) {
    let span = token.start..token.end;
    draft.check_credential(&span, literal);
    if literal.bytes.as_ref() == b"SESSION" {
        return draft.role_use(clause, Method::Session, span);
    }
    if names_keys(&literal.bytes) {
        draft.fault(FaultKind::Unreadable, span.clone(), "access keys stand where a role is expected".to_owned());
        return draft.role_use(clause, Method::AccessKeys, span);
    }
    draft.role_use(clause, Method::Chain(literal.to_text()), span);
}

/// Whether a text holds what looks like an access key's name.
fn names_keys(bytes: &[u8]) -> bool {
    let lower = bytes.to_ascii_lowercase();
    ["access_key", "token=", "symmetric_key="]
        .iter()
        .any(|word| memchr::memmem::find(&lower, word.as_bytes()).is_some())
}

/// One of the clauses that make up an access key.
fn key(cursor: &mut Cursor<'_>, name: &'static str, draft: &mut Draft, options: &mut Options) -> Result<(), Misfit> {
    let (token, literal) = cursor.expect_literal("an access key")?;
    let span = token.start..token.end;
    draft.check_credential(&span, &literal);
    if options.key_words.contains(&name) {
        draft.fault(FaultKind::SeveralMethods, span.clone(), format!("{} stands twice", name.to_ascii_uppercase()));
    }
    options.key_words.push(name);
    if options.keys.is_none() {
        options.keys = Some(span.clone());
        draft.access_keys(Clause::Keys, span);
    }
    ended(cursor)
}

/// The value of CREDENTIALS: `;`-separated pairs, whose names are case-sensitive.
fn credentials(cursor: &mut Cursor<'_>, draft: &mut Draft) -> Result<(), Misfit> {
    let (token, literal) = cursor.expect_literal("credentials")?;
    let span = token.start..token.end;
    draft.check_credential(&span, &literal);
    let text = literal.to_text();
    let pairs = text.strip_suffix(';').unwrap_or(&text);
    let (mut seen, mut has_keys) = (Vec::new(), false);
    for pair in pairs.split(';') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "aws_iam_role" => draft.role_use(Clause::Credentials, Method::Chain(value.to_owned()), span.clone()),
            "aws_access_key_id" | "aws_secret_access_key" | "token" => has_keys = true,
            "master_symmetric_key" => {}
            _ => {
                let detail = "CREDENTIALS holds a name other than aws_iam_role, aws_access_key_id, aws_secret_access_key, \
                              token and master_symmetric_key";
                return Err(Misfit { span, detail: detail.to_owned() });
            }
        }
        if seen.contains(&name) {
            draft.fault(FaultKind::SeveralMethods, span.clone(), format!("{name} stands twice in CREDENTIALS"));
        }
        seen.push(name);
    }
    let has_role = seen.contains(&"aws_iam_role");
    if has_keys {
        draft.access_keys(Clause::Credentials, span.clone());
        if has_role {
            draft.fault(FaultKind::SeveralMethods, span, "CREDENTIALS holds a role and access keys".to_owned());
        }
    } else if !has_role {
        return Err(Misfit { span, detail: "CREDENTIALS holds neither a role nor access keys".to_owned() });
    }
    ended(cursor)
}
