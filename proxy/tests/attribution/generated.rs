//! Statements over a random catalogue, made of parts of which each knows what it uses.

use std::collections::BTreeSet;

use rolegate::catalog::{CatalogDraft, ObjectKind, ObjectName};
use rolegate::gate::naming::Naming;

use crate::attribution::cluster::{keeper, policy, reader, role, told, verdict, within};

/// A simple generator: the cases are the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 20).unwrap() % sides
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }
}

/// Names, of which some are schemas, views and functions in each case.
const NAMES: [&str; 8] = ["ext", "lake", "s", "sales", "raw_data", "t", "items", "v"];

struct Cluster {
    schemas: Vec<&'static str>,
    views: Vec<&'static str>,
    functions: Vec<&'static str>,
}

/// A statement in the making, with what the twin says it uses.
struct Made<'c> {
    dice: Dice,
    cluster: &'c Cluster,
    uses: BTreeSet<String>,
    /// The CTEs that are known where the text goes on.
    ctes: Vec<&'static str>,
}

impl Made<'_> {
    /// A name in one of its spellings.
    fn spelled(&mut self, name: &str) -> String {
        match self.dice.roll(5) {
            0 => name.to_uppercase(),
            1 => format!("\"{name}\""),
            _ => name.to_owned(),
        }
    }

    fn dot(&mut self) -> &'static str {
        self.dice.one(&[".", ".", ".", " . ", "/* x.y */.", " -- ext.t\n."])
    }

    fn noise(&mut self) -> &'static str {
        self.dice.one(&["", " /* ext.t */", " -- from lake.t\n", "\n", "\t"])
    }

    fn relation(&mut self) -> String {
        let (schema, table) = (self.dice.one(&NAMES), self.dice.one(&NAMES));
        match self.dice.roll(4) {
            0 => {
                if self.cluster.views.contains(&table) && !self.ctes.contains(&table) {
                    self.uses.insert(format!("view dev.base through {table}"));
                }
                self.spelled(table)
            }
            1 => {
                if self.cluster.views.contains(&table) {
                    self.uses.insert(format!("view dev.base through {table}"));
                }
                format!("public{}{}", self.dot(), self.spelled(table))
            }
            kind => {
                if self.cluster.schemas.contains(&schema) {
                    self.uses.insert(format!("schema dev.{schema}"));
                }
                let database = if kind == 2 { format!("dev{}", self.dot()) } else { String::new() };
                let (name, dot, table) = (self.spelled(schema), self.dot(), self.spelled(table));
                format!("{database}{name}{dot}{table}")
            }
        }
    }

    /// An expression over the aliases `a0`, which are no names of the cluster, and over names that are aliases too.
    fn expression(&mut self, alias: &str, depth: usize) -> String {
        let column = self.dice.one(&NAMES);
        match self.dice.roll(6) {
            0 if depth > 0 => {
                format!("({} + {})", self.expression(alias, depth - 1), self.expression(alias, depth - 1))
            }
            1 => {
                let function = self.dice.one(&NAMES);
                if self.cluster.functions.contains(&function) {
                    self.uses.insert(format!("function dev.public.{function}"));
                }
                let (name, inner) = (self.spelled(function), self.expression(alias, 0));
                format!("{name}({inner})")
            }
            2 => "'from ext.t'".to_owned(),
            3 if depth > 0 => format!("(select max(b) from {})", self.query_from(depth - 1)),
            4 => format!("case when {alias}.{column} is null then 1 end"),
            _ => format!("{alias}.{column}"),
        }
    }

    /// `relation [alias] [join ...]`.
    fn query_from(&mut self, depth: usize) -> String {
        let first = self.source(depth);
        match self.dice.roll(4) {
            0 => {
                let second = self.source(depth);
                format!("{first} x join {second} y on x.a = y.a")
            }
            1 => {
                let second = self.source(depth);
                format!("{first} as x, {second} as y")
            }
            _ => format!("{first} as x"),
        }
    }

    fn source(&mut self, depth: usize) -> String {
        if depth > 0 && self.dice.roll(4) == 0 { format!("({})", self.query(depth - 1)) } else { self.relation() }
    }

    fn query(&mut self, depth: usize) -> String {
        let known = self.ctes.len();
        let mut with = String::new();
        if depth > 0 && self.dice.roll(3) == 0 {
            let name = self.dice.one(&NAMES);
            let inner = self.query(depth - 1);
            with = format!("with {name} as ({inner}) ");
            self.ctes.push(name);
        }
        let from = self.query_from(depth);
        let (noise, first, second) = (self.noise(), self.expression("x", depth), self.expression("x", depth));
        let mut text =
            format!("{with}select {first} as {}{noise} from {from} where {second} is not null", self.dice.one(&NAMES));
        if depth > 0 && self.dice.roll(4) == 0 {
            let word = self.dice.one(&["union all", "except", "intersect"]);
            let from = self.query_from(depth - 1);
            text = format!("{text} {word} select x.a from {from}");
        }
        self.ctes.truncate(known);
        text
    }

    fn statement(&mut self) -> String {
        let table = "made_up";
        match self.dice.roll(8) {
            0 => format!("insert into {table} {}", self.query(1)),
            1 => format!("create table {table} as {}", self.query(2)),
            2 => format!("explain {}", self.query(2)),
            3 => format!("delete from {table} where a in ({})", self.query(1)),
            4 => {
                let from = self.query_from(1);
                let value = self.expression("x", 1);
                format!("update {table} set a = {value} from {from}")
            }
            _ => self.query(3),
        }
    }
}

/// Makes a cluster and a statement; the gate and the twin agree on what it uses. How many uses there are.
pub(crate) fn check(case: u64) -> usize {
    let mut dice = Dice(case.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let some = |dice: &mut Dice| NAMES.into_iter().filter(|_| dice.roll(3) == 0).collect::<Vec<_>>();
    let cluster = Cluster { schemas: some(&mut dice), views: some(&mut dice), functions: some(&mut dice) };
    let mut draft = CatalogDraft::default();
    draft.enter("dev");
    draft.add_place("public");
    draft.add(keeper(ObjectKind::ExternalSchema, ObjectName::bare(Some("dev"), "base"), &role("Base")));
    for name in &cluster.schemas {
        draft.add(keeper(ObjectKind::ExternalSchema, ObjectName::bare(Some("dev"), name), &role(name)));
    }
    for name in &cluster.functions {
        draft.add(keeper(ObjectKind::ExternalFunction, within("public", name), &role(name)));
    }
    draft.close_places();
    for name in &cluster.views {
        draft.add_reader(reader(ObjectKind::View, "public", name), "select * from base.table_of_it");
    }
    let policy = policy(draft.finish());
    let mut made = Made { dice, cluster: &cluster, uses: BTreeSet::new(), ctes: Vec::new() };
    let text = made.statement();
    // Several views reach the same schema, which is told once.
    let want: BTreeSet<String> =
        made.uses.iter().map(|one| one.split(" through ").next().unwrap().to_owned()).collect();
    let verdict = verdict(&policy, &text, Naming::default());
    let found = told(verdict.as_ref());
    assert_eq!(
        found, want,
        "case {case}: schemas {:?}, views {:?}, functions {:?}\n{text}",
        cluster.schemas, cluster.views, cluster.functions
    );
    want.len()
}
