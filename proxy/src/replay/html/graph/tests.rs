use super::*;
use crate::replay::let_off::LetOff;
use crate::replay::tests::{A, COPY, RULES, policy, record, replay, reported};

/// A row of this user, chain and target.
fn row(user: &str, chain: &str, target: Option<&str>) -> GroupRow {
    let row = reported(&replay(policy(RULES), None), &[record("bob", COPY)]).groups.remove(0);
    GroupRow { user: user.to_owned(), chain: chain.to_owned(), target: target.map(str::to_owned), ..row }
}

fn columns(rows: &[GroupRow]) -> Vec<Vec<String>> {
    let graph = Graph::of(rows);
    let names = |column: BTreeMap<String, usize>| {
        let mut names: Vec<(usize, String)> = column.into_iter().map(|(name, row)| (row, name)).collect();
        names.sort();
        names.into_iter().map(|(_, name)| name).collect()
    };
    graph.columns.into_iter().map(names).collect()
}

fn drawn(rows: &[GroupRow]) -> String {
    let mut page = String::new();
    graph(&mut page, rows).unwrap();
    page
}

/// (user, chain, steps)
#[test]
fn the_steps_of_a_group() {
    let rows: &[(&str, &str, &[&str])] = &[
        ("bob", A, &["bob", "123456789012/RoleA"]),
        ("bob", "arn:aws:iam::1:role/a/b/C,arn:aws:iam::2:role/D", &["bob", "1/C", "2/D"]),
        ("", A, &["somebody", "123456789012/RoleA"]),
        ("bob", "default", &["bob", "default"]),
        ("bob", "no role", &["bob", "no role"]),
        ("bob", "", &["bob"]),
        ("bob", "a,,b", &["bob", "a", "b"]),
        ("bob", "a:b:c:d:e", &["bob", "a:b:c:d:e"]),
    ];
    for (user, chain, want) in rows {
        let shown: Vec<String> = steps(&row(user, chain, None)).iter().map(|name| label(name)).collect();
        assert_eq!(shown, *want, "{user} {chain}");
    }
}

/// Targets share a column behind the longest chain; a name stands once in its column, in the order in which it came.
#[test]
fn columns_hold_each_name_once() {
    let rows = [
        row("bob", "x,y", Some("s3://b")),
        row("carol", "x", Some("s3://b")),
        row("bob", "z", Some("s3://a")),
        row("dan", "x", None),
    ];
    assert_eq!(columns(&rows), [vec!["bob", "carol", "dan"], vec!["x", "z"], vec!["y"], vec!["s3://b", "s3://a"]]);
    assert_eq!(columns(&[]), Vec::<Vec<String>>::new());
    assert_eq!(columns(&[row("bob", "", None)]), [["bob"]]);
}

/// A step is drawn once, as grave as the gravest statement that takes it.
#[test]
fn a_step_is_as_grave_as_the_gravest() {
    use crate::gate::enforcement::Action::{Annotate, Forward, Reject};
    let with = |would_be, exceptions: &[&str]| GroupRow {
        would_be,
        let_off: LetOff { exceptions: exceptions.iter().map(ToString::to_string).collect(), break_glass: None },
        ..row("bob", "x", None)
    };
    for (rows, want) in [
        (vec![with(Reject, &[])], "reject"),
        (vec![with(Forward, &[])], "forward"),
        (vec![with(Forward, &[]), with(Annotate, &[])], "annotate"),
        (vec![with(Annotate, &[]), with(Forward, &[])], "annotate"),
        (vec![with(Annotate, &[]), with(Reject, &["e"])], "excepted"),
        (vec![with(Reject, &["e"]), with(Annotate, &[])], "excepted"),
        (vec![with(Reject, &["e"]), with(Reject, &[])], "reject"),
        (vec![with(Reject, &[]), with(Reject, &["e"])], "reject"),
    ] {
        let graph = Graph::of(&rows);
        assert_eq!(graph.edges.values().copied().collect::<Vec<_>>(), [want]);
    }
}

/// Boxes stand in a grid, and a line leads from the right side of one to the left side of the next.
#[test]
fn boxes_and_lines() {
    let page = drawn(&[row("bob", "x", None), row("carol", "x", None)]);
    assert!(
        page.starts_with("<h2>Chains</h2>\n<div class=\"wide\"><svg class=\"graph\" width=\"520\" height=\"68\""),
        "{page}"
    );
    assert!(page.contains("d=\"M220 17 C240 17 240 17 260 17\"/>"), "{page}");
    assert!(page.contains("d=\"M220 51 C240 51 240 17 260 17\"/>"), "{page}");
    assert!(page.contains("<g><title>carol</title><rect x=\"0\" y=\"38\" width=\"220\" height=\"26\" rx=\"4\"/><text x=\"8\" y=\"56\">carol</text></g>"), "{page}");
    assert_eq!((page.matches("<path").count(), page.matches("<rect").count()), (2, 3));
    assert_eq!(drawn(&[]), "");
}

/// A long name is cut where it is shown, and whole where one points at it.
#[test]
fn long_names_are_cut() {
    for (length, is_cut) in [(MAX_NAME - 1, false), (MAX_NAME, false), (MAX_NAME + 1, true)] {
        let name = "\u{e9}".repeat(length);
        let page = drawn(&[row(&name, "", None)]);
        assert!(page.contains(&format!("<title>{name}</title>")), "{page}");
        let shown = if is_cut { format!("{}\u{2026}", "\u{e9}".repeat(MAX_NAME)) } else { name };
        assert!(page.contains(&format!(">{shown}</text>")), "{page}");
    }
}

#[test]
fn the_first_groups_are_drawn_and_that_is_said() {
    let rows = |count: usize| (0..count).map(|number| row(&format!("u{number:02}"), "x", None)).collect::<Vec<_>>();
    assert!(!drawn(&rows(MAX_GROUPS)).contains("The first"));
    let page = drawn(&rows(MAX_GROUPS + 1));
    assert!(
        page.contains("<p class=\"small\">The first 40 of 41 groups.</p>")
            && page.contains("<title>u39<")
            && !page.contains("<title>u40<"),
        "{page}"
    );
}

/// Roles of one name in different paths are different roles.
#[test]
fn paths_tell_roles_apart() {
    let rows = [row("bob", "arn:aws:iam::1:role/a/X", None), row("bob", "arn:aws:iam::1:role/b/X", None)];
    assert_eq!(Graph::of(&rows).edges.len(), 2, "{}", drawn(&rows));
}
