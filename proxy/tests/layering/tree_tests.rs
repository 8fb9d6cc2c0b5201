//! The reader of the layout sees every way in which Rust names something.

use crate::circles::{circles, edges};
use crate::tree::Tree;

fn tree(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::default();
    for (name, text) in files {
        tree.add((*name).to_owned(), (*text).to_owned());
    }
    tree
}

/// (what the row shows, code of the room `early`, whether it names the room `late`)
#[test]
fn a_name_of_another_room_is_seen_in_every_form() {
    let rows = [
        ("import", "use crate::late::Late;", true),
        ("group of rooms", "use crate::{early, late};", true),
        ("type of a group of rooms", "use crate::{early, late}; fn f() -> late::Late { early() }", true),
        ("nested group", "use crate::{early::{self}, late::{Late, part::{self, Part}}};", true),
        ("import of a part and its use", "use crate::late::part; fn f(_: part::Part) {}", true),
        ("two steps up", "mod inner { mod deep { use super::super::super::late::Late; } }", true),
        ("re-export", "pub use crate::late::part::Part;", true),
        ("path in code", "fn f() { crate::late::f(); }", true),
        ("path in a type", "struct S { field: Option<crate::late::Late> }", true),
        ("path in a macro", "fn f() { println!(\"{}\", crate::late::VALUE); }", true),
        ("path in an attribute", "#[derive(Debug, crate::late::Late)] struct S;", true),
        ("import in a function", "fn f() { use crate::late::Late as Other; }", true),
        ("import of all", "use crate::late::*; fn f() -> Late {}", true),
        ("a crate of the same name", "use ::late::Late; fn f() { other::late::f(); }", false),
        ("a comment and a string", "// crate::late::Late\nconst S: &str = \"crate::late::Late\";", false),
    ];
    for (what, code, want) in rows {
        let tree = tree(&[
            ("early.rs", code),
            ("late.rs", "pub mod part; pub struct Late; pub const VALUE: u8 = 0; pub fn f() {}"),
            ("late/part.rs", "pub struct Part;"),
            ("lib.rs", "mod early; mod late;"),
        ]);
        let early =
            tree.references.iter().filter(|reference| reference.module.first().is_some_and(|room| room == "early"));
        let is_named = early.into_iter().any(|reference| tree.room(reference).as_deref() == Some("late"));
        assert_eq!(is_named, want, "{what}");
    }
}

/// (what the row shows, text of a.rs, of b.rs, of lib.rs, whether a and b make a circle)
#[test]
fn circles_are_found_through_re_exports_and_not_through_tests() {
    let rows = [
        ("one way", "pub struct A;", "use crate::a::A;", "mod a; mod b;", false),
        ("both ways", "use crate::b::B; pub struct A;", "use crate::a::A; pub struct B;", "mod a; mod b;", true),
        (
            "over a re-export",
            "use crate::B; pub struct A;",
            "use super::A; pub struct B;",
            "pub use a::A; pub use b::B;",
            true,
        ),
        (
            "by a test alone",
            "pub struct A; #[cfg(test)] mod tests { use crate::b::B; }",
            "use crate::a::A; pub struct B;",
            "",
            false,
        ),
        ("by naming a module alone", "use crate::b; pub struct A;", "use crate::a::A; pub struct B;", "", false),
        ("showing it to others", "pub use crate::b::B; pub struct A;", "use crate::a::A; pub struct B;", "", false),
        ("showing and using it", "pub use crate::b::B; pub struct A(B);", "use crate::a::A; pub struct B;", "", true),
        ("by a path in code", "pub fn f() { crate::b::g(); }", "pub fn g() { super::a::f(); }", "", true),
    ];
    for (what, a, b, library, want) in rows {
        let tree = tree(&[("a.rs", a), ("b.rs", b), ("lib.rs", library)]);
        let found = circles(&edges(&tree));
        assert_eq!(found.iter().any(|circle| *circle == ["a.rs", "b.rs"]), want, "{what}: {found:?}");
    }
}

#[test]
fn functions_and_types_are_measured_without_their_tests() {
    let text = "struct Own;\npub struct A;\n\nimpl A {\n    /// Doc.\n    fn f(\n        &self,\n    ) {\n        g();\n    }\n}\n\n#[cfg(test)]\nmod tests {\n    struct T;\n    fn t() {}\n}\n";
    let tree = tree(&[("a.rs", text)]);
    assert_eq!(tree.files[0].functions, [("f".to_owned(), 6, 10)]);
    assert_eq!(tree.files[0].types, ["A"]);
    assert_eq!(tree.files[0].test_lines, [(13, 17)]);
}
