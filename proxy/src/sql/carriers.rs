//! The grammar of the carriers but for procedures and grants. Source: the statements' pages in the Amazon Redshift
//! Database Developer Guide.

use crate::sql::clauses::{Allowed, options};
use crate::sql::cursor::{Cursor, Misfit};
use crate::sql::lexer::TokenKind;
use crate::sql::model::{Dialect, StatementKind, Target};
use crate::sql::quoting;
use crate::sql::statement::StatementBuilder;

/// `COPY table [(columns)] FROM 'source' options`, and the COPY JOB statements. PostgreSQL's own forms, which move rows over the
/// session or to and from files of its server, have no place for credentials.
///
/// # Errors
/// The statement is none of these.
pub fn copy(cursor: &mut Cursor<'_>, dialect: Dialect, builder: &mut StatementBuilder) -> Result<(), Misfit> {
    cursor.require("copy")?;
    // A table may be called job.
    if cursor.sees("job")
        && !cursor.sees_next("from")
        && ["alter", "run", "list", "show", "drop"].iter().any(|word| cursor.sees_next(word))
    {
        builder.set_kind(StatementKind::CopyJob);
        return without_credentials(cursor);
    }
    if let Some(query) = cursor.group()? {
        builder.account(query);
    } else {
        cursor.name()?;
        // `COPY BINARY table`.
        if cursor.peek().is_some_and(|token| token.kind == TokenKind::Quoted) {
            cursor.name()?;
        }
        cursor.group()?;
    }
    if cursor.sees("to") || ["stdin", "stdout", "program"].iter().any(|word| cursor.sees_next(word)) {
        return without_credentials(cursor);
    }
    let is_certain = cursor.sees_literal();
    cursor.require("from").map_err(|misfit| Misfit { is_certain, ..misfit })?;
    let (token, source) = cursor.require_literal("a source")?;
    builder.check_target(token, &source);
    let options = options(cursor, Allowed::Credentials, builder)?;
    if options.job {
        builder.set_kind(StatementKind::CopyJob);
    }
    let target = Target::from_uri(&source.to_text());
    if dialect == Dialect::Redshift || matches!(target, Target::S3Uri(_)) {
        builder.check_presence();
    }
    builder.set_target(Some(&target));
    Ok(())
}

/// `UNLOAD ('query') TO 'destination' options`.
///
/// # Errors
/// The statement is not one.
pub fn unload(cursor: &mut Cursor<'_>, builder: &mut StatementBuilder) -> Result<(), Misfit> {
    cursor.require("unload")?;
    let expected = "expected the query as a string in parentheses";
    let query = if cursor.symbol(b'(') { cursor.literal() } else { None };
    let Some((query, _)) = query else { return Err(cursor.misfit(expected)) };
    if !cursor.symbol(b')') {
        return Err(Misfit { is_certain: true, ..cursor.misfit(expected) });
    }
    builder.account(query.start..query.end);
    cursor.require("to")?;
    let (token, destination) = cursor.require_literal("a destination")?;
    builder.check_target(token, &destination);
    options(cursor, Allowed::Credentials, builder)?;
    builder.check_presence();
    builder.set_target(Some(&Target::from_uri(&destination.to_text())));
    Ok(())
}

/// `SHOW DATABASES FROM DATA CATALOG ...`, its clauses in any order.
///
/// # Errors
/// The statement is another.
pub fn show_databases(cursor: &mut Cursor<'_>, builder: &mut StatementBuilder) -> Result<(), Misfit> {
    cursor.require("show")?;
    cursor.require("databases")?;
    builder.set_kind(StatementKind::ShowDatabases);
    options(cursor, Allowed::IamRole, builder)?;
    builder.check_methods();
    Ok(())
}

/// The statements that begin with CREATE or ALTER, from the name on.
///
/// # Errors
/// The statement has another shape.
pub fn create(cursor: &mut Cursor<'_>, kind: StatementKind, builder: &mut StatementBuilder) -> Result<(), Misfit> {
    match kind {
        StatementKind::CreateExternalSchema => {
            cursor.accept(&["if", "not", "exists"]);
            cursor.name()?;
            cursor.require("from")?;
            let found = options(cursor, Allowed::CatalogRole, builder)?;
            builder.set_target(found.target.as_ref());
        }
        StatementKind::CreateExternalFunction => {
            let name = cursor.name()?;
            quoting::check_name(cursor, name, builder);
            if cursor.group()?.is_none() {
                return Err(cursor.misfit("expected the argument types in parentheses"));
            }
            let found = options(cursor, Allowed::IamRole, builder)?;
            builder.set_target(found.target.as_ref());
        }
        StatementKind::CreateModel => {
            cursor.name()?;
            // The training data is a table, a query or a job's name; a query holds any literal.
            if cursor.accept(&["from"])
                && let Some(query) = cursor.group()?
            {
                builder.account(query);
            }
            let found = options(cursor, Allowed::IamRole, builder)?;
            builder.set_target(found.target.as_ref());
        }
        StatementKind::CreateLibrary => library(cursor, builder)?,
        // Templates hold no authorization. Source: CREATE TEMPLATE, ALTER TEMPLATE.
        StatementKind::CreateTemplate | StatementKind::AlterTemplate => without_credentials(cursor)?,
        _ => {
            cursor.name()?;
            let found = options(cursor, Allowed::IamRole, builder)?;
            builder.set_target(found.target.as_ref());
        }
    }
    builder.check_methods();
    Ok(())
}

fn library(cursor: &mut Cursor<'_>, builder: &mut StatementBuilder) -> Result<(), Misfit> {
    cursor.name()?;
    cursor.require("language")?;
    cursor.name()?;
    cursor.require("from")?;
    let (token, source) = cursor.require_literal("a source")?;
    builder.check_target(token, &source);
    options(cursor, Allowed::Credentials, builder)?;
    let target = Target::from_uri(&source.to_text());
    if matches!(target, Target::S3Uri(_)) {
        builder.check_presence();
    }
    builder.set_target(Some(&target));
    Ok(())
}

/// The rest of a statement that has no place for credentials.
fn without_credentials(cursor: &mut Cursor<'_>) -> Result<(), Misfit> {
    while let Some(token) = cursor.peek() {
        let misfit = cursor.is_credential(token).then(|| cursor.misfit("this statement has no place for credentials"));
        cursor.take();
        if let Some(misfit) = misfit.filter(|_| takes_value(cursor)) {
            return Err(misfit);
        }
    }
    Ok(())
}

/// Whether a value can follow: a word of credentials without one is a name.
fn takes_value(cursor: &Cursor<'_>) -> bool {
    let may_follow = ["to", "as", "default", "set"].iter().any(|word| cursor.sees(word));
    may_follow || cursor.sees_literal() || cursor.sees_symbol(b'=') || cursor.sees_symbol(b'(')
}

/// What a statement that begins with CREATE or ALTER makes, if that is a carrier; the cursor then stands behind the words
/// that say so.
pub fn object(cursor: &mut Cursor<'_>) -> Option<StatementKind> {
    let alters = cursor.accept(&["alter"]);
    if !alters {
        cursor.accept(&["create"]);
        cursor.accept(&["or", "replace"]);
    }
    let forms: &[(&[&str], StatementKind)] = if alters { &ALTERED } else { &CREATED };
    forms.iter().find(|(words, _)| cursor.accept(words)).map(|(_, kind)| *kind)
}

const ALTERED: [(&[&str], StatementKind); 5] = [
    (&["external", "schema"], StatementKind::AlterExternalSchema),
    (&["identity", "provider"], StatementKind::AlterIdentityProvider),
    (&["template"], StatementKind::AlterTemplate),
    (&["user"], StatementKind::AlterUser),
    (&["database"], StatementKind::CreateDatabase),
];

const CREATED: [(&[&str], StatementKind); 10] = [
    (&["external", "schema"], StatementKind::CreateExternalSchema),
    (&["external", "function"], StatementKind::CreateExternalFunction),
    (&["external", "model"], StatementKind::CreateExternalModel),
    (&["model"], StatementKind::CreateModel),
    (&["library"], StatementKind::CreateLibrary),
    (&["database"], StatementKind::CreateDatabase),
    (&["identity", "provider"], StatementKind::CreateIdentityProvider),
    (&["template"], StatementKind::CreateTemplate),
    (&["procedure"], StatementKind::CreateProcedure),
    (&["function"], StatementKind::CreateFunction),
];
