//! sqlparser's tree over our own tokens: which of a statement's names are relations and functions, and which it has seen as anything else.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Ident, ObjectName as TreeName, Query, SetExpr, Statement as TreeStatement, TableFactor, Visit, Visitor, With,
};
use sqlparser::dialect::RedshiftSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token as ParserToken, TokenWithSpan};

use crate::sql::references::pieces::place;

/// Tokens of a statement that is parsed. A longer one counts by its tokens alone.
pub const MAX_PARSED_TOKENS: usize = 4_096;

/// Queries and expressions within each other that are parsed.
pub const MAX_TREE_DEPTH: usize = 128;

/// The stack on which a tree is made, walked over and let go: one that leans to one side is as deep as it has tokens, and it is let go
/// by recursion, which the parser's own protection does not cover. Only what is used of it takes memory.
const STACK_BYTES: usize = 32 * 1024 * 1024;

/// What is parsed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Grammar {
    /// A query.
    Query,
    /// A statement that changes data.
    Change,
    /// An expression: the call of a procedure.
    Expression,
}

/// What a name of a table is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RelationKind {
    /// A table or view.
    Stored,
    /// Of one part, and a CTE of this name hides what is stored.
    Hidden,
    /// Its first part is the name of another table of the statement too, so that it may be a path into a column of that.
    Doubtful,
}

/// What the tree says of the places of names.
#[derive(Debug, Default)]
pub(super) struct TreeNames {
    /// By the place of the first token.
    pub relations: HashMap<usize, RelationKind>,
    /// By the place of the first token.
    pub functions: HashSet<usize>,
    /// Where the first parts of columns stand.
    pub columns: HashSet<usize>,
    /// Every place that the tree holds as a name.
    pub seen: HashSet<usize>,
    /// A part of the tree holds names without their places.
    pub is_partial: bool,
}

/// What the tree of some tokens says of names; `None`: they are not parsed to their end.
pub(super) fn read(pieces: Vec<TokenWithSpan>, grammar: Grammar) -> Option<TreeNames> {
    (pieces.len() <= MAX_PARSED_TOKENS).then(|| stacker::grow(STACK_BYTES, || parse(pieces, grammar)))?
}

fn parse(pieces: Vec<TokenWithSpan>, grammar: Grammar) -> Option<TreeNames> {
    let dialect = RedshiftSqlDialect {};
    let parser = Parser::new(&dialect).with_recursion_limit(MAX_TREE_DEPTH);
    let mut parser = parser.with_tokens_with_locations(pieces);
    let mut walk = TreeWalk::default();
    let end = |parser: &Parser<'_>| parser.peek_token().token == ParserToken::EOF;
    let _walked = match grammar {
        Grammar::Query => parser.parse_query().ok().filter(|_| end(&parser))?.visit(&mut walk),
        Grammar::Change => {
            let change = parser.parse_statement().ok().filter(|_| end(&parser))?;
            if !is_change(&change) {
                return None;
            }
            change.visit(&mut walk)
        }
        Grammar::Expression => parser.parse_expr().ok().filter(|_| end(&parser))?.visit(&mut walk),
    };
    Some(walk.finish())
}

const fn is_change(statement: &TreeStatement) -> bool {
    matches!(
        statement,
        TreeStatement::Insert(_) | TreeStatement::Update(_) | TreeStatement::Delete(_) | TreeStatement::Merge(_)
    )
}

/// The CTEs of a query.
#[derive(Debug)]
struct CteScope {
    /// Their names, and the addresses of their queries.
    ctes: Vec<(String, usize)>,
    is_recursive: bool,
    /// How many are known where the walk is: in the query of one of them those before it.
    known: usize,
}

/// A walk over a tree.
#[derive(Debug, Default)]
struct TreeWalk {
    names: TreeNames,
    scopes: Vec<CteScope>,
    /// Relations of several parts, with the first.
    qualified: Vec<(usize, String)>,
    /// Names by which the statement calls its tables, and the places of those.
    called: HashMap<String, HashSet<usize>>,
    /// Places of relations with arguments.
    with_arguments: HashSet<usize>,
}

impl TreeWalk {
    fn finish(mut self) -> TreeNames {
        for (place, first) in self.qualified {
            if self.called.get(&first).is_some_and(|places| places.iter().any(|other| *other != place)) {
                self.names.relations.insert(place, RelationKind::Doubtful);
            }
        }
        self.names
    }

    /// The query is that of a CTE: those behind it are not known in it.
    fn enter_cte(&mut self, query: &Query) {
        let address = address(query);
        for scope in &mut self.scopes {
            if let Some(number) = scope.ctes.iter().position(|(_, own)| *own == address)
                && !scope.is_recursive
            {
                scope.known = number;
            }
        }
    }

    fn leave_cte(&mut self, query: &Query) {
        let address = address(query);
        for scope in &mut self.scopes {
            if scope.ctes.iter().any(|(_, own)| *own == address) {
                scope.known = scope.ctes.len();
            }
        }
    }

    /// The table at a place is called so; `None`: it is no table of the cluster.
    fn call(&mut self, name: &Ident, place: Option<usize>) {
        self.called.entry(folded(name)).or_default().insert(place.unwrap_or(usize::MAX));
    }

    /// `TABLE name`, which is a query and no table to the parser.
    fn tables(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Table(table) => {
                let first = table.schema_name.as_ref().or(table.table_name.as_ref());
                let Some(place) = first.and_then(|first| place(first.span)) else {
                    self.names.is_partial = true;
                    return;
                };
                let is_hidden = table.schema_name.is_none() && first.is_some_and(|name| self.is_cte(&folded(name)));
                let kind = if is_hidden { RelationKind::Hidden } else { RelationKind::Stored };
                self.names.relations.insert(place, kind);
            }
            SetExpr::SetOperation { left, right, .. } => {
                self.tables(left);
                self.tables(right);
            }
            _ => {}
        }
    }

    fn is_cte(&self, name: &str) -> bool {
        let known = |scope: &CteScope| scope.ctes.iter().take(scope.known).any(|(own, _)| own == name);
        self.scopes.iter().any(known)
    }
}

fn address(query: &Query) -> usize {
    std::ptr::from_ref(query).addr()
}

fn scope(with: Option<&With>) -> CteScope {
    let tables = with.map(|with| with.cte_tables.as_slice()).unwrap_or_default();
    let ctes: Vec<(String, usize)> = tables.iter().map(|cte| (folded(&cte.alias.name), address(&cte.query))).collect();
    CteScope { is_recursive: with.is_some_and(|with| with.recursive), known: ctes.len(), ctes }
}

/// A name as the server compares it: where letters in quotes may or may not count, names that differ in them are not the same.
fn folded(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_ascii_lowercase() }
}

fn first(name: &TreeName) -> Option<&Ident> {
    name.0.first()?.as_ident()
}

impl Visitor for TreeWalk {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.enter_cte(query);
        self.scopes.push(scope(query.with.as_ref()));
        self.tables(&query.body);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.scopes.pop();
        self.leave_cte(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { name, alias, args, .. } => {
                if let Some(place) = first(name).and_then(|first| place(first.span))
                    && args.is_some()
                {
                    self.with_arguments.insert(place);
                }
                let called = alias.as_ref().map(|alias| &alias.name);
                let own = name.0.last().and_then(|last| last.as_ident());
                let at = first(name).and_then(|first| place(first.span));
                if let Some(name) = called.or(own) {
                    self.call(name, at);
                }
            }
            TableFactor::Function { name, .. } => {
                self.names.functions.extend(first(name).and_then(|first| place(first.span)));
            }
            TableFactor::Derived { alias: Some(alias), .. } => {
                self.call(&alias.name, None);
            }
            TableFactor::UnpivotExpr { value_alias, .. } => {
                self.call(value_alias, None);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &TreeName) -> ControlFlow<()> {
        let Some(name) = first(relation) else {
            self.names.is_partial = true;
            return ControlFlow::Continue(());
        };
        let Some(place) = place(name.span) else { return ControlFlow::Continue(()) };
        if self.with_arguments.contains(&place) {
            self.names.functions.insert(place);
            return ControlFlow::Continue(());
        }
        let is_hidden = relation.0.len() == 1 && self.is_cte(&folded(name));
        if relation.0.len() > 1 {
            self.qualified.push((place, folded(name)));
        }
        let kind = if is_hidden { RelationKind::Hidden } else { RelationKind::Stored };
        self.names.relations.insert(place, kind);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        match expression {
            Expr::Function(function) => {
                self.names.functions.extend(first(&function.name).and_then(|first| place(first.span)));
            }
            Expr::Identifier(name) => self.names.columns.extend(place(name.span)),
            Expr::CompoundIdentifier(names) => {
                self.names.columns.extend(names.first().and_then(|name| place(name.span)));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_ident(&mut self, name: &Ident) -> ControlFlow<()> {
        self.names.seen.extend(place(name.span));
        ControlFlow::Continue(())
    }
}
