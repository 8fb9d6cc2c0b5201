//! A message that may carry credentials: split into statements, each read by its grammar.

use std::ops::Range;

use crate::sql::carriers;
use crate::sql::clauses::shown;
use crate::sql::context::{Context, Place};
use crate::sql::cursor::{Cursor, Misfit};
use crate::sql::data::Data;
use crate::sql::fault::FaultKind;
use crate::sql::grants;
use crate::sql::lexer::{Lexer, Token, TokenKind, Trouble};
use crate::sql::model::{Dialect, Statement, StatementKind};
use crate::sql::outline::Outline;
use crate::sql::procedures;
use crate::sql::quoting;
use crate::sql::settings;
use crate::sql::signs::{holds_sign, names_role};
use crate::sql::statement::StatementBuilder;
use crate::sql::words::{Verb, defines, is_one_of, is_query, verb};

/// Statements of one message of which there is something to say. A message with more is refused.
pub const MAX_STATEMENTS: usize = 1_000;

/// The statements of `text` that are to be judged.
#[must_use]
pub fn analyse(text: &[u8], context: Context<'_>) -> Vec<Statement> {
    let mut lexer = Lexer::starting_at(text, 0, context.rules);
    let mut message = Message { text, context, found: Vec::new(), stray: None, named: false };
    let mut outline = Outline::default();
    for token in lexer.by_ref() {
        if splits(text, token, context.place) {
            message.statement(&outline);
            outline = Outline::default();
            if message.found.len() >= MAX_STATEMENTS {
                let detail = format!("more than {MAX_STATEMENTS} statements with credentials in one message");
                message.unreadable(token.start..token.end, detail);
                return message.found;
            }
        } else {
            outline.add(text, token);
        }
    }
    context.notes.doubts.set(context.notes.doubts.get().or(lexer.doubts()));
    match lexer.trouble() {
        None => message.statement(&outline),
        Some((trouble, at)) => {
            message.named |= outline.named;
            message.trouble(trouble, at);
        }
    }
    message.whole(&lexer);
    message.found
}

/// Whether a statement ends at a token. In PL/pgSQL one also does before some words, and after them another begins.
fn splits(text: &[u8], token: Token, place: Place) -> bool {
    let word = text.get(token.start..token.end).unwrap_or_default();
    let is_control = || is_one_of(word, &["begin", "then", "else", "loop", "declare"]);
    token.kind == TokenKind::Symbol(b';') || (place == Place::Body && token.kind == TokenKind::Word && is_control())
}

/// EXPLAIN, PREPARE and DECLARE take queries. Whether another statement stands in one, which is told.
fn wrapped(cursor: &mut Cursor<'_>, builder: &mut StatementBuilder) -> Result<bool, Misfit> {
    if cursor.accept(&["explain"]) {
        while cursor.accept(&["analyze"]) || cursor.accept(&["verbose"]) || cursor.group()?.is_some() {}
    } else {
        while !(cursor.accept(&["as"]) || cursor.accept(&["for"])) && cursor.take().is_some() {}
    }
    let carries = ["call", "copy", "unload"].iter().any(|word| cursor.sees(word));
    if carries {
        builder.add_misfit(cursor.misfit("expected a query"));
    }
    Ok(carries)
}

/// Whether a statement begins with the word of one that moves data with credentials.
fn is_carrier(words: &[&[u8]]) -> bool {
    words.first().is_some_and(|first| is_one_of(first, &["copy", "unload"]))
}

/// A message that is being read.
#[derive(Debug)]
struct Message<'t> {
    text: &'t [u8],
    context: Context<'t>,
    found: Vec<Statement>,
    /// A statement that the server will not know.
    stray: Option<Range<usize>>,
    named: bool,
}

impl Message<'_> {
    fn statement(&mut self, outline: &Outline) {
        let Some(span) = outline.span() else { return };
        self.named |= outline.named;
        let cursor = Cursor::new(self.text, span.clone(), self.context.rules);
        let mut builder = StatementBuilder::new(StatementKind::Unknown, span);
        if outline.sets {
            settings::parameters(&cursor, &mut builder);
        }
        let read = self.read(outline, cursor.clone(), &mut builder);
        if cursor.sees("prepare") && builder.watch().sets() {
            // EXECUTE hands the values over, and not Bind.
            builder.add_unseen_setting(builder.span());
        }
        if let Err(misfit) = read {
            if misfit.is_certain && self.is_void() {
                return;
            }
            if outline.named || outline.names_role || builder.has_uses() || self.is_strict(builder.kind()) {
                builder.add_misfit(misfit);
            }
        }
        if outline.names_role && !builder.is_unreadable() && defines(&outline.words(self.text)) {
            self.account(cursor, outline, &mut builder);
        }
        self.found.extend(builder.finish());
    }

    /// Notes that no server takes the message, the body or a statement of it. Whether that ends the matter: under the backend's own
    /// rules it is refused all the same.
    fn is_void(&self) -> bool {
        let notes = self.context.notes;
        let void = if self.context.depth == 0 { &notes.is_void } else { &notes.has_void };
        void.set(true);
        self.context.is_other
    }

    /// Whether a statement of this kind that does not fit its grammar is refused without a word of credentials in it. PostgreSQL
    /// has a COPY and a CREATE DATABASE of its own, and options of ALTER USER are none of a carrier's.
    fn is_strict(&self, kind: StatementKind) -> bool {
        match kind {
            StatementKind::Unknown | StatementKind::None | StatementKind::AlterUser | StatementKind::GrantExternal => {
                false
            }
            StatementKind::Copy | StatementKind::CopyJob | StatementKind::CreateDatabase => {
                self.context.dialect == Dialect::Redshift
            }
            _ => true,
        }
    }

    fn read(
        &mut self,
        outline: &Outline,
        mut cursor: Cursor<'_>,
        builder: &mut StatementBuilder,
    ) -> Result<(), Misfit> {
        let words = outline.words(self.text);
        let first = if outline.is_in_parentheses { b"(" } else { *words.first().unwrap_or(&b"".as_slice()) };
        match first.to_ascii_lowercase().as_slice() {
            b"copy" => {
                builder.set_kind(StatementKind::Copy);
                carriers::copy(&mut cursor, self.context.dialect, builder)?;
                builder.check_methods();
                return Ok(());
            }
            b"unload" => {
                builder.set_kind(StatementKind::Unload);
                carriers::unload(&mut cursor, builder)?;
                builder.check_methods();
                return Ok(());
            }
            b"grant" | b"revoke" if outline.named => return grants::grant(&mut cursor, builder),
            b"show" if cursor.sees_next("databases") => return carriers::show_databases(&mut cursor, builder),
            b"create" | b"alter" => {
                if let Some(kind) = carriers::object(&mut cursor) {
                    builder.set_kind(kind);
                    return self.create(outline, cursor, kind, builder);
                }
                if quoting::ROUTINES.iter().any(|word| cursor.sees(word)) {
                    quoting::check_new_names(&mut cursor.clone(), builder);
                }
            }
            b"call" => {
                builder.set_kind(StatementKind::Call);
                procedures::call(&mut cursor.clone(), self.context, builder);
            }
            b"(" if is_carrier(&words) => builder.set_kind(StatementKind::Unload),
            b"set" | b"reset" | b"discard" => {
                builder.set_kind(StatementKind::Set);
                settings::session(&mut cursor.clone(), builder);
            }
            b"explain" | b"prepare" | b"declare" if wrapped(&mut cursor.clone(), builder)? => return Ok(()),
            b"execute" if self.context.place == Place::Message => procedures::execute(&mut cursor.clone(), builder),
            b"do" if self.context.place == Place::Message => {
                return procedures::anonymous(&mut cursor, self.context, builder);
            }
            _ => {}
        }
        if self.context.place == Place::Body && outline.executes {
            procedures::executes(cursor, self.context, builder);
        }
        self.other(outline, &words)
    }

    fn create(
        &self,
        outline: &Outline,
        mut cursor: Cursor<'_>,
        kind: StatementKind,
        builder: &mut StatementBuilder,
    ) -> Result<(), Misfit> {
        match kind {
            StatementKind::CreateProcedure => procedures::create(&mut cursor, self.context, builder),
            StatementKind::CreateFunction => procedures::create_function(&mut cursor, self.context, builder),
            // Statements that everybody runs, most of them without a role.
            StatementKind::CreateDatabase | StatementKind::AlterUser if !(outline.named || outline.names_role) => {
                Ok(())
            }
            _ => carriers::create(&mut cursor, kind, builder),
        }
    }

    /// A statement that is no carrier: credential words in it must be names.
    fn other(&mut self, outline: &Outline, words: &[&[u8]]) -> Result<(), Misfit> {
        let refuse = |span: &Range<usize>, detail: &str| Err(Misfit::new(span.clone(), detail));
        let unknown = "the gate knows no statement that carries credentials here";
        let Some(span) = outline.span() else { return Ok(()) };
        if let Some(place) = &outline.assumerole {
            return refuse(place, "ASSUMEROLE stands elsewhere than behind GRANT or REVOKE at the head of a statement");
        }
        let verb = match (self.context.place, outline.is_in_parentheses) {
            (Place::Body, _) => Verb::Naming,
            (Place::Message, false) => verb(words),
            (Place::Message, true) if is_query(words) => Verb::Naming,
            (Place::Message, true) if is_carrier(words) => {
                return refuse(&span, "a statement that carries credentials stands in parentheses");
            }
            (Place::Message, true) => Verb::Unknown,
        };
        if verb == Verb::Unknown {
            self.stray.get_or_insert(span.clone());
            if outline.named {
                return refuse(&span, unknown);
            }
        }
        match (verb, &outline.valued, &outline.assigned) {
            (_, Some(span), _) | (Verb::Known, None, Some(span)) => refuse(span, unknown),
            _ => Ok(()),
        }
    }

    /// Every literal that names a role is one of the clauses that were found, or stands where no clause can. One that is left over
    /// belongs to an option that the gate does not know.
    fn account(&self, mut cursor: Cursor<'_>, outline: &Outline, builder: &mut StatementBuilder) {
        let mut data = Data::of(&outline.words(self.text));
        while let Some(token) = cursor.peek() {
            let is_data = data.holds(&cursor, token);
            if !token.kind.is_literal() || is_data || builder.is_accounted(token.start) {
                cursor.take();
                continue;
            }
            if let Some((token, literal)) = cursor.literal()
                && names_role(&literal.bytes)
            {
                let detail = format!("{} stands where the gate knows of no clause for a role", shown(&literal));
                builder.add_fault(FaultKind::Unreadable, token.start..token.end, detail);
            }
        }
    }

    fn unreadable(&mut self, span: Range<usize>, detail: String) {
        let mut builder = StatementBuilder::new(StatementKind::Unknown, span.clone());
        builder.add_fault(FaultKind::Unreadable, span, detail);
        self.found.extend(builder.finish());
    }

    /// The tokens ended before the text did. What follows could be anything, and what came before may have been cut wrongly.
    fn trouble(&mut self, trouble: Trouble, at: usize) {
        if trouble == Trouble::Unterminated && self.is_void() {
            return;
        }
        let is_known = trouble == Trouble::Nul || self.named || !self.found.is_empty();
        if is_known || holds_sign(self.text) {
            self.unreadable(at..self.text.len(), trouble.as_str().to_owned());
        }
    }

    /// What concerns the text as a whole.
    fn whole(&mut self, lexer: &Lexer<'_>) {
        if self.context.place == Place::Body {
            for (at, what) in [
                (lexer.nested_comment(), "a comment within a comment"),
                (lexer.split_bits(), "a bit string with a backslash or a doubled quote"),
            ] {
                if let Some(at) = at {
                    let detail = format!("{what} ends elsewhere in PL/pgSQL than in SQL");
                    self.unreadable(at..at.saturating_add(2), detail);
                }
            }
        }
        let carries = self.named || self.found.iter().any(|statement| !statement.role_uses.is_empty());
        if let Some(stray) = self.stray.take().filter(|_| carries)
            && !self.found.iter().any(|statement| statement.span == stray)
        {
            // The server parses a message as a whole, so it would refuse all of it; a word that only the gate does not
            // know must not hide what follows it.
            let detail = "the message carries credentials, and the gate does not know this statement in it";
            self.unreadable(stray, detail.to_owned());
        }
        if let Err(error) = std::str::from_utf8(self.text)
            && (carries || holds_sign(self.text))
        {
            let at = error.valid_up_to();
            self.unreadable(at..at.saturating_add(1), "the text is not valid UTF-8".to_owned());
        }
    }
}
