//! The lines of a compiled text, found again in the template that it was compiled from.

use std::collections::HashMap;

use crate::sql::position::Position;

/// For each line of a compiled text, the line of the template's file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct CompiledLines {
    lines: Vec<Option<FoundLine>>,
    first_line: usize,
}

/// A line of the template.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct FoundLine {
    /// Counted from 0 within the template.
    number: usize,
    /// By how many characters less, and by how many more, it is indented. `None`: it says something else, in Jinja.
    indents: Option<(usize, usize)>,
}

impl CompiledLines {
    /// Pairs the lines of a compiled text with those of its template, which stands in its file from `first_line` on. A line that stands
    /// as often in both is the same; lines between two that were found belong together when there are as many of them.
    pub(super) fn of(compiled: &str, template: &str, first_line: usize) -> Self {
        let (ours, theirs): (Vec<&str>, Vec<&str>) = (compiled.split('\n').collect(), template.split('\n').collect());
        let mut lines = alike(&ours, &theirs);
        between(&mut lines, theirs.len());
        Self { lines, first_line }
    }

    /// The place in the file of a place in the compiled text; the template's first line, and `false`, where it has none.
    pub(super) fn place(&self, within: Position) -> (Position, bool) {
        let index = within.line.saturating_sub(1);
        let Some(found) = self.lines.get(index).copied().flatten() else {
            return (Position { line: self.first_line, column: 1 }, false);
        };
        let line = self.first_line.saturating_add(found.number);
        let column = found.indents.map_or(1, |(less, more)| within.column.saturating_add(more).saturating_sub(less));
        (Position { line, column: column.max(1) }, true)
    }
}

fn indent(line: &str) -> usize {
    line.chars().take_while(|letter| letter.is_whitespace()).count()
}

/// Where each line stands, by what it says.
fn places<'t>(lines: &[&'t str]) -> HashMap<&'t str, Vec<usize>> {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (number, line) in lines.iter().enumerate().filter(|(_number, line)| !line.trim().is_empty()) {
        places.entry(line.trim()).or_default().push(number);
    }
    places
}

fn alike(ours: &[&str], theirs: &[&str]) -> Vec<Option<FoundLine>> {
    let (by_text, of_template) = (places(ours), places(theirs));
    let mut lines = vec![None; ours.len()];
    for (text, numbers) in by_text {
        let same = of_template.get(text).filter(|same| same.len() == numbers.len());
        for (our, their) in numbers.into_iter().zip(same.into_iter().flatten()) {
            let indents = ours.get(our).zip(theirs.get(*their)).map(|(our, their)| (indent(our), indent(their)));
            if let Some(line) = lines.get_mut(our) {
                *line = Some(FoundLine { number: *their, indents });
            }
        }
    }
    lines
}

/// Fills gaps that are as long on both sides; before the first and behind the last line that was found, too.
fn between(lines: &mut [Option<FoundLine>], template: usize) {
    let mut known: Vec<(usize, usize)> = Vec::new();
    for (our, found) in lines.iter().enumerate() {
        if let Some(found) = found
            && known.last().is_none_or(|(_our, before)| *before < found.number)
        {
            known.push((our, found.number));
        }
    }
    let ends = [(lines.len(), template)];
    let mut from = (0, 0);
    for (our, their) in known.into_iter().chain(ends) {
        if our.checked_sub(from.0) == their.checked_sub(from.1) {
            for (line, number) in lines.iter_mut().take(our).skip(from.0).zip(from.1..) {
                line.get_or_insert(FoundLine { number, indents: None });
            }
        }
        from = (our.saturating_add(1), their.saturating_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "{{ config(x=1) }}\n\nselect a\n  from {{ ref('b') }}\n{% for i in [1, 2] %}\n  union all select {{ i }}\n{% endfor %}\n;\ncopy {{ this }}\n  from 's3://{{ var('x') }}/'\n  iam_role 'r'";
    const COMPILED: &str = "\n\nselect a\nfrom \"b\"\n\n  union all select 1\n\n  union all select 2\n\n;\ncopy \"t\"\n  from 's3://in/'\niam_role 'r'";

    /// (line and column of the compiled text, line and column of the file, whether the line was found)
    #[test]
    fn lines_are_found_again() {
        let lines = CompiledLines::of(COMPILED, TEMPLATE, 11);
        for (line, column, expected) in [
            (3, 8, (13, 8, true)),
            (10, 1, (18, 1, true)),
            (11, 6, (19, 1, true)),
            (12, 8, (20, 1, true)),
            (13, 10, (21, 12, true)),
            (6, 3, (11, 1, false)),
            (8, 3, (11, 1, false)),
            (99, 3, (11, 1, false)),
        ] {
            let (place, is_found) = lines.place(Position { line, column });
            assert_eq!((place.line, place.column, is_found), expected, "{line}:{column}");
        }
    }

    /// What stands more often in one than in the other is not guessed at.
    #[test]
    fn a_line_that_is_repeated_is_not_guessed() {
        let lines = CompiledLines::of("x\na\na\ny", "x\n{% for %}\na\n{% endfor %}\ny", 1);
        let found = |line| lines.place(Position { line, column: 1 });
        assert_eq!((found(2).1, found(3).1), (false, false));
        assert_eq!((found(1).0.line, found(4).0.line), (1, 5));
    }
}
