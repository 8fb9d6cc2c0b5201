//! The grammar of the carriers but for procedures and grants. Source: the statements' pages in the Amazon Redshift
//! Database Developer Guide.

use crate::sql::clauses::{Allowed, options};
use crate::sql::cursor::{Cursor, Misfit};
use crate::sql::draft::Draft;
use crate::sql::model::{Dialect, StatementKind, Target};

/// `COPY table [(columns)] FROM 'source' options`, and the COPY JOB statements.
///
/// # Errors
/// The statement is none of these.
pub fn copy(cursor: &mut Cursor<'_>, dialect: Dialect, draft: &mut Draft) -> Result<(), Misfit> {
    cursor.expect("copy")?;
    // A table may be called job.
    if cursor.sees(0, "job")
        && !cursor.sees(1, "from")
        && ["alter", "run", "list", "show", "drop"].iter().any(|word| cursor.sees(1, word))
    {
        draft.is(StatementKind::CopyJob);
        return without_credentials(cursor);
    }
    cursor.name()?;
    cursor.group()?;
    cursor.expect("from")?;
    let (token, source) = cursor.expect_literal("a source")?;
    draft.check_target(token, &source);
    let options = options(cursor, Allowed::Credentials, draft)?;
    if options.job {
        draft.is(StatementKind::CopyJob);
    }
    let target = Target::from_uri(source.to_text());
    if dialect == Dialect::Redshift || matches!(target, Target::S3Uri(_)) {
        draft.check_presence();
    }
    draft.aim(Some(&target));
    Ok(())
}

/// `UNLOAD ('query') TO 'destination' options`.
///
/// # Errors
/// The statement is not one.
pub fn unload(cursor: &mut Cursor<'_>, draft: &mut Draft) -> Result<(), Misfit> {
    cursor.expect("unload")?;
    let is_query = cursor.symbol(b'(') && cursor.literal().is_some() && cursor.symbol(b')');
    if !is_query {
        return Err(cursor.misfit("expected the query as a string in parentheses"));
    }
    cursor.expect("to")?;
    let (token, destination) = cursor.expect_literal("a destination")?;
    draft.check_target(token, &destination);
    options(cursor, Allowed::Credentials, draft)?;
    draft.check_presence();
    draft.aim(Some(&Target::from_uri(destination.to_text())));
    Ok(())
}

/// The statements that begin with CREATE.
///
/// # Errors
/// The statement has another shape.
pub fn create(cursor: &mut Cursor<'_>, kind: StatementKind, draft: &mut Draft) -> Result<(), Misfit> {
    match kind {
        StatementKind::CreateExternalSchema => {
            cursor.accept(&["if", "not", "exists"]);
            cursor.name()?;
            cursor.expect("from")?;
            let found = options(cursor, Allowed::CatalogRole, draft)?;
            draft.aim(found.target.as_ref());
        }
        StatementKind::CreateExternalFunction => {
            cursor.name()?;
            if !cursor.group()? {
                return Err(cursor.misfit("expected the argument types in parentheses"));
            }
            let found = options(cursor, Allowed::IamRole, draft)?;
            draft.aim(found.target.as_ref());
        }
        StatementKind::CreateLibrary => {
            cursor.name()?;
            cursor.expect("language")?;
            cursor.name()?;
            cursor.expect("from")?;
            let (token, source) = cursor.expect_literal("a source")?;
            draft.check_target(token, &source);
            options(cursor, Allowed::Credentials, draft)?;
            let target = Target::from_uri(source.to_text());
            if matches!(target, Target::S3Uri(_)) {
                draft.check_presence();
            }
            draft.aim(Some(&target));
        }
        // Templates hold no authorization. Source: CREATE TEMPLATE, ALTER TEMPLATE.
        StatementKind::CreateTemplate | StatementKind::AlterTemplate => without_credentials(cursor)?,
        _ => {
            cursor.name()?;
            let found = options(cursor, Allowed::IamRole, draft)?;
            draft.aim(found.target.as_ref());
        }
    }
    Ok(())
}

/// The rest of a statement that has no place for credentials.
fn without_credentials(cursor: &mut Cursor<'_>) -> Result<(), Misfit> {
    while let Some(token) = cursor.peek() {
        if cursor.is_credential(token) {
            return Err(cursor.misfit("this statement has no place for credentials"));
        }
        cursor.take();
    }
    Ok(())
}

/// What a statement that begins with CREATE or ALTER makes, if that is a carrier; the cursor then stands behind the words
/// that say so.
pub fn object(cursor: &mut Cursor<'_>) -> Option<StatementKind> {
    let alters = cursor.accept(&["alter"]);
    if !alters {
        cursor.accept(&["create"]);
        cursor.accept(&["or", "replace"]);
    }
    let forms: &[(&[&str], StatementKind)] = if alters {
        &[
            (&["external", "schema"], StatementKind::AlterExternalSchema),
            (&["identity", "provider"], StatementKind::AlterIdentityProvider),
            (&["template"], StatementKind::AlterTemplate),
            (&["user"], StatementKind::AlterUser),
            (&["database"], StatementKind::CreateDatabase),
        ]
    } else {
        &[
            (&["external", "schema"], StatementKind::CreateExternalSchema),
            (&["external", "function"], StatementKind::CreateExternalFunction),
            (&["external", "model"], StatementKind::CreateExternalModel),
            (&["model"], StatementKind::CreateModel),
            (&["library"], StatementKind::CreateLibrary),
            (&["database"], StatementKind::CreateDatabase),
            (&["identity", "provider"], StatementKind::CreateIdentityProvider),
            (&["template"], StatementKind::CreateTemplate),
            (&["procedure"], StatementKind::CreateProcedure),
        ]
    };
    forms.iter().find(|(words, _)| cursor.accept(words)).map(|(_, kind)| *kind)
}
