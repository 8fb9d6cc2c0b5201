//! The graph of chains: who uses which roles on what, a column for each step.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use crate::replay::html::markup::escape;
use crate::replay::report::GroupRow;

/// Groups that the graph draws.
const MAX_GROUPS: usize = 40;

/// From one column to the next, and the width of a box.
const COLUMN: usize = 260;
const BOX: usize = 220;

/// From one box to the next.
const ROW: usize = 34;

/// Characters of a name that fit into a box.
const MAX_NAME: usize = 24;

/// A column, and the row in it.
type Place = (usize, usize);

#[derive(Default)]
struct Graph {
    /// The rows of each column's names.
    columns: Vec<BTreeMap<String, usize>>,
    /// Steps, and how grave the gravest statement is that takes them.
    edges: BTreeMap<(Place, Place), &'static str>,
}

pub(super) fn graph(page: &mut String, rows: &[GroupRow]) -> fmt::Result {
    let graph = Graph::of(rows.get(..MAX_GROUPS).unwrap_or(rows));
    let tallest = graph.columns.iter().map(BTreeMap::len).max().unwrap_or_default();
    if tallest == 0 {
        return Ok(());
    }
    let (width, height) = (graph.columns.len().saturating_mul(COLUMN), tallest.saturating_mul(ROW));
    writeln!(page, "<h2>Chains</h2>")?;
    if rows.len() > MAX_GROUPS {
        writeln!(page, "<p class=\"small\">The first {MAX_GROUPS} of {} groups.</p>", rows.len())?;
    }
    writeln!(
        page,
        "<div class=\"wide\"><svg class=\"graph\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"Users, their \
         roles and targets\">"
    )?;
    for ((from, to), class) in &graph.edges {
        let ((x, y), (to_x, to_y)) = (at(*from), at(*to));
        let start = x.saturating_add(BOX);
        let (near, far) = (start.saturating_add(20), to_x.saturating_sub(20));
        writeln!(page, "<path class=\"{class}\" d=\"M{start} {y} C{near} {y} {far} {to_y} {to_x} {to_y}\"/>")?;
    }
    for (column, names) in graph.columns.iter().enumerate() {
        names.iter().try_for_each(|(name, row)| node(page, name, (column, *row)))?;
    }
    writeln!(page, "</svg></div>")
}

fn at((column, row): Place) -> (usize, usize) {
    (column.saturating_mul(COLUMN), row.saturating_mul(ROW).saturating_add(ROW / 2))
}

fn node(page: &mut String, name: &str, place: Place) -> fmt::Result {
    let (x, y) = at(place);
    let label = label(name);
    let mut short: String = label.chars().take(MAX_NAME).collect();
    if short.len() < label.len() {
        short.push('\u{2026}');
    }
    writeln!(
        page,
        "<g><title>{}</title><rect x=\"{x}\" y=\"{}\" width=\"{BOX}\" height=\"26\" rx=\"4\"/><text x=\"{}\" y=\"{}\">{}</text></g>",
        escape(name),
        y.saturating_sub(13),
        x.saturating_add(8),
        y.saturating_add(5),
        escape(&short)
    )
}

impl Graph {
    fn of(rows: &[GroupRow]) -> Self {
        let longest = rows.iter().map(|row| steps(row).len()).max().unwrap_or_default();
        let mut graph = Self::default();
        for row in rows {
            let mut places: Vec<Place> =
                steps(row).into_iter().enumerate().map(|(column, name)| graph.place(column, name)).collect();
            // Targets stand in a column of their own, however long the chain is.
            places.extend(row.target.clone().map(|target| graph.place(longest, target)));
            for pair in places.windows(2) {
                if let [from, to] = pair {
                    let class = row.gravity();
                    let held = graph.edges.entry((*from, *to)).or_insert(class);
                    *held = graver(held, class);
                }
            }
        }
        graph
    }

    fn place(&mut self, column: usize, name: String) -> Place {
        while self.columns.len() <= column {
            self.columns.push(BTreeMap::new());
        }
        let row = self.columns.get_mut(column).map(|names| {
            let next = names.len();
            *names.entry(name).or_insert(next)
        });
        (column, row.unwrap_or_default())
    }
}

fn graver(one: &'static str, other: &'static str) -> &'static str {
    let grave = ["forward", "annotate", "excepted", "reject"];
    let place = |class: &str| grave.iter().position(|one| *one == class);
    if place(one) >= place(other) { one } else { other }
}

/// What a box shows of a name: of a role, its account and name.
fn label(name: &str) -> String {
    let account =
        name.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(3)).filter(|account| !account.is_empty());
    let last = name.rsplit('/').next().unwrap_or(name);
    account.map_or_else(|| name.to_owned(), |account| format!("{account}/{last}"))
}

/// The user and the roles of a group, from left to right.
fn steps(row: &GroupRow) -> Vec<String> {
    let user = if row.user.is_empty() { "somebody".to_owned() } else { row.user.clone() };
    [user].into_iter().chain(row.chain.split(',').filter(|role| !role.is_empty()).map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests;
