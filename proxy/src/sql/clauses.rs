//! The options of a carrier: which of them name credentials, and what they hold.

use std::ops::Range;

use crate::sql::cursor::{Cursor, Misfit};
use crate::sql::fault::FaultKind;
use crate::sql::lexer::{Token, TokenKind};
use crate::sql::literal::Literal;
use crate::sql::mask::{mask, mask_within};
use crate::sql::model::{Clause, Method, Target};
use crate::sql::quoting;
use crate::sql::signs::{names_keys, names_role};
use crate::sql::statement::StatementBuilder;

/// Which clauses a carrier may have beside `IAM_ROLE`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Allowed {
    /// No other.
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
pub fn options(cursor: &mut Cursor<'_>, allowed: Allowed, builder: &mut StatementBuilder) -> Result<Options, Misfit> {
    let mut options = Options::default();
    while let Some(token) = cursor.peek() {
        match token.kind {
            TokenKind::Word => word(cursor, token, allowed, builder, &mut options)?,
            TokenKind::Quoted => quoted(cursor, token)?,
            TokenKind::Escaped | TokenKind::Plain | TokenKind::Dollar => stray_literal(cursor, builder)?,
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
    builder: &mut StatementBuilder,
    options: &mut Options,
) -> Result<(), Misfit> {
    if cursor.accept(&["iam_role"]) {
        return role(cursor, Clause::IamRole, builder);
    }
    if allowed == Allowed::CatalogRole && cursor.accept(&["catalog_role"]) {
        return role(cursor, Clause::CatalogRole, builder);
    }
    if allowed == Allowed::Credentials {
        if cursor.accept(&["with", "credentials"]) || cursor.accept(&["credentials"]) {
            cursor.accept(&["as"]);
            // Two pages of the guide print `CREDENTIALS IAM_ROLE '...'` for COPY from Amazon EMR.
            if cursor.accept(&["iam_role"]) {
                return role(cursor, Clause::IamRole, builder);
            }
            return credentials(cursor, builder);
        }
        for name in ["access_key_id", "secret_access_key", "session_token"] {
            if cursor.accept(&[name]) {
                return key(cursor, name, builder, options);
            }
        }
        if cursor.sees("token") && cursor.is_literal_after() {
            cursor.take();
            return key(cursor, "session_token", builder, options);
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
    if cursor.is_word(token, "function")
        && let Ok(name) = cursor.clone().name()
    {
        quoting::check_name(cursor, name, builder);
    }
    target(cursor, token, builder, options);
    Ok(())
}

/// Words of options that say what the role is used on.
fn target(cursor: &mut Cursor<'_>, token: Token, builder: &mut StatementBuilder, options: &mut Options) {
    type Named = fn(String) -> Target;
    let named: [(&str, Named); 4] = [
        ("lambda", Target::Lambda),
        ("sagemaker", Target::SageMaker),
        ("database", Target::CatalogDatabase),
        ("secret_arn", Target::Secret),
    ];
    if let Some((_, named)) = named.iter().find(|(word, _)| cursor.is_word(token, word))
        && cursor.sees_literal()
        && let Some((token, literal)) = cursor.literal()
    {
        builder.check_target(token, &literal);
        options.target.get_or_insert_with(|| named(literal.to_text()));
    }
}

/// A quoted identifier can be the name of a job, a column or a function, and never an option's word.
fn quoted(cursor: &mut Cursor<'_>, token: Token) -> Result<(), Misfit> {
    if cursor.is_credential(token) || cursor.is_literal_after() || cursor.sees_next("default") {
        return Err(cursor.misfit("expected an option"));
    }
    cursor.take();
    Ok(())
}

/// The value of an option that names no credentials.
fn stray_literal(cursor: &mut Cursor<'_>, builder: &mut StatementBuilder) -> Result<(), Misfit> {
    if let Some((token, literal)) = cursor.literal() {
        let span = token.start..token.end;
        builder.account(span.clone());
        if names_keys(&literal.bytes) {
            let detail = "access keys stand outside the clauses that the gate knows".to_owned();
            builder.add_fault(FaultKind::Unreadable, span, detail);
        } else if names_role(&literal.bytes) {
            let detail = format!("{} stands outside the clauses that the gate knows", shown(&literal));
            builder.add_fault(FaultKind::Unreadable, span, detail);
        }
    }
    if cursor.sees_literal() { Err(cursor.misfit("expected an option")) } else { Ok(()) }
}

/// Characters of a literal that a message shows.
const SHOWN_CHARACTERS: usize = 120;

/// Bytes of a literal that are looked at to show it.
const SHOWN_BYTES: usize = 1_024;

/// A literal that names a role, which is no secret, cut to a length that fits a message.
#[must_use]
pub fn shown(literal: &Literal<'_>) -> String {
    let text = mask_within(&literal.bytes, 0..SHOWN_BYTES);
    let cut: String = text.chars().take(SHOWN_CHARACTERS).collect();
    let is_cut = cut.len() < text.len() || literal.bytes.len() > SHOWN_BYTES;
    format!("the literal '{}{}'", cut.escape_debug(), if is_cut { "…" } else { "" })
}

/// The value of a clause that takes a role.
fn role(cursor: &mut Cursor<'_>, clause: Clause, builder: &mut StatementBuilder) -> Result<(), Misfit> {
    let place = cursor.place();
    if cursor.accept(&["default"]) {
        builder.add_role_use(clause, Method::Default, place);
    } else {
        let (token, literal) = cursor.require_literal("DEFAULT, or a role")?;
        role_literal(token, &literal, clause, builder);
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
pub fn role_literal(token: Token, literal: &Literal<'_>, clause: Clause, builder: &mut StatementBuilder) {
    let span = token.start..token.end;
    builder.check_credential(&span, literal);
    if literal.bytes.as_ref() == b"SESSION" {
        return builder.add_role_use(clause, Method::Session, span);
    }
    if names_keys(&literal.bytes) {
        builder.add_fault(FaultKind::Unreadable, span.clone(), "access keys stand where a role is expected".to_owned());
        return builder.add_role_use(clause, Method::AccessKeys, span);
    }
    builder.add_role_use(clause, Method::Chain(chain(&literal.to_text())), span);
}

/// The text of a chain, as it is recorded: what stands where a role should may be a secret.
fn chain(text: &str) -> String {
    let is_arns = text.split(',').all(|part| part.starts_with("arn:"));
    if is_arns { text.to_owned() } else { mask(text.as_bytes()) }
}

/// One of the clauses that make up an access key.
fn key(
    cursor: &mut Cursor<'_>,
    name: &'static str,
    builder: &mut StatementBuilder,
    options: &mut Options,
) -> Result<(), Misfit> {
    let (token, literal) = cursor.require_literal("an access key")?;
    let span = token.start..token.end;
    builder.check_credential(&span, &literal);
    if options.key_words.contains(&name) {
        let detail = format!("{} stands twice", name.to_ascii_uppercase());
        builder.add_fault(FaultKind::SeveralMethods, span.clone(), detail);
    } else {
        options.key_words.push(name);
    }
    if options.keys.is_none() {
        options.keys = Some(span.clone());
        builder.add_access_keys(Clause::Keys, span);
    } else {
        builder.account(span);
    }
    ended(cursor)
}

/// The names of the pairs that CREDENTIALS can hold.
const PAIRS: [&str; 5] =
    ["aws_iam_role", "aws_access_key_id", "aws_secret_access_key", "token", "master_symmetric_key"];

/// The value of CREDENTIALS: `;`-separated pairs, whose names are case-sensitive.
fn credentials(cursor: &mut Cursor<'_>, builder: &mut StatementBuilder) -> Result<(), Misfit> {
    let (token, literal) = cursor.require_literal("credentials")?;
    let span = token.start..token.end;
    builder.check_credential(&span, &literal);
    let text = literal.to_text();
    let misfit = |detail: &str| Err(Misfit::new(span.clone(), detail));
    if text.trim().is_empty() {
        return misfit("CREDENTIALS is empty");
    }
    let (mut seen, mut has_keys) = (Vec::new(), false);
    for pair in text.strip_suffix(';').unwrap_or(&text).split(';') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !PAIRS.contains(&name) {
            return misfit(&wrong_pair(name));
        }
        match name {
            "aws_iam_role" if !seen.contains(&name) => {
                builder.add_role_use(Clause::Credentials, Method::Chain(chain(value)), span.clone());
            }
            "aws_iam_role" | "master_symmetric_key" => {}
            _ => has_keys = true,
        }
        if seen.contains(&name) {
            let detail = format!("{name} stands twice in CREDENTIALS");
            builder.add_fault(FaultKind::SeveralMethods, span.clone(), detail);
        } else {
            seen.push(name);
        }
    }
    let has_role = seen.contains(&"aws_iam_role");
    if has_keys {
        builder.add_access_keys(Clause::Credentials, span.clone());
        if has_role {
            let detail = "CREDENTIALS holds a role and access keys".to_owned();
            builder.add_fault(FaultKind::SeveralMethods, span, detail);
        }
    } else if !has_role {
        return misfit("CREDENTIALS holds neither a role nor access keys");
    }
    ended(cursor)
}

/// Why the name of a pair is none, in words that do not show it: it may be a secret.
fn wrong_pair(name: &str) -> String {
    if name.contains("{{") {
        "CREDENTIALS holds a template's {{ }} that was not filled in".to_owned()
    } else if PAIRS.contains(&name.trim()) {
        "CREDENTIALS holds a blank or a line break beside the name of a pair; the pairs stand together, joined by ;"
            .to_owned()
    } else {
        format!("CREDENTIALS holds a name other than {}", PAIRS.join(", "))
    }
}
