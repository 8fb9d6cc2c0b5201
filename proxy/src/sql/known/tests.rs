use super::*;
use crate::sql::lexer::Escapes;
use crate::sql::{Dialect, Glance, glance, is_plain};

const SCHEMA: NameCounts = NameCounts { before_dot: true, anywhere: false };
const VIEW: NameCounts = NameCounts { before_dot: false, anywhere: true };

fn known(schemas: &[&'static str], views: &[&'static str]) -> WatchedNames {
    let schemas = schemas.iter().map(|name| (*name, SCHEMA));
    WatchedNames::new(schemas.chain(views.iter().map(|name| (*name, VIEW)))).unwrap()
}

fn is_named(text: &str, names: &WatchedNames) -> bool {
    glance(text.as_bytes(), Dialect::Redshift, Some(names)) == Glance::Named
}

#[test]
fn schemas_count_before_a_dot() {
    let names = known(&["spectrum", "s", "ab", "ext", "odd \"one\"", "größe"], &[]);
    for text in [
        "select * from spectrum.t",
        "select * from SPECTRUM.t",
        "select * from dev.spectrum.t",
        "select * from \"Spectrum\".\"t\"",
        "select * from spectrum . t",
        "select * from spectrum/* a */./* b */t",
        "select * from spectrum -- a\n.t",
        "select * from\n\tspectrum\n\t.\n\tt",
        "select 1 from a, s.t",
        "select * from ab.t",
        "select * from (ext.t)",
        "select * from \"odd \"\"one\"\"\".t",
        "select * from größe.t",
        "table spectrum.t",
        "select a, b, c, d, e, f from t join spectrum.u on t.a = u.a",
        "insert into spectrum.t select 1",
    ] {
        assert!(is_named(text, &names), "{text}");
    }
    for text in [
        "select 1",
        "select spectrum from t",
        "select * from spectrums.t",
        "select * from my_spectrum.t",
        "select * from as.t, xs.t, aab.t, text.t",
        "select 'spectrum.t' from t",
        "select 1 -- from spectrum.t",
        "select /* spectrum.t */ 1 /* /* */ spectrum.t */",
        "select $$spectrum.t$$",
        "select s .5",
        "select * from \"spectrum.t\"",
        "select * from \"x spectrum\".t",
        "select * from GRÖßE.t",
    ] {
        assert!(!is_named(text, &names), "{text}");
    }
}

#[test]
fn other_names_count_wherever_they_stand() {
    let names = known(&["spectrum"], &["sales_view", "f", "My View!"]);
    for text in [
        "select * from sales_view",
        "select * from public.SALES_VIEW v",
        "select a, b, c, d, f(a) from t",
        "select * from \"sales_view\"",
        "select a, b, c, d from \"my view!\"",
    ] {
        assert!(is_named(text, &names), "{text}");
    }
    for text in ["select * from sales_views", "select 'f', ff(a), \"f f\", a, b, c from my, view"] {
        assert!(!is_named(text, &names), "{text}");
    }
}

#[test]
fn a_name_in_another_encoding_may_be_any_that_is_written_beyond_ascii() {
    let names = known(&["größe"], &[]);
    assert_eq!(glance(b"select * from gr\xf6\xdfe.t", Dialect::Redshift, Some(&names)), Glance::Named);
    assert_eq!(glance(b"select * from gr\xf6\xdfe.t", Dialect::Redshift, Some(&known(&["a"], &[]))), Glance::Plain);
}

/// The server cuts a name that is too long.
#[test]
fn a_name_that_is_cut_is_known() {
    let (long, accented) = ("a".repeat(127), format!("{}é", "b".repeat(125)));
    let names = WatchedNames::new([(long.as_str(), SCHEMA), (accented.as_str(), SCHEMA)]).unwrap();
    for (written, is_known) in
        [(long.clone(), true), (format!("{long}xyz"), true), ("a".repeat(126), false), (format!("{accented}xyz"), true)]
    {
        assert_eq!(is_named(&format!("select * from {written}.t"), &names), is_known, "{written}");
    }
}

#[test]
fn without_names_there_is_nothing_to_watch_for() {
    assert!(WatchedNames::new([]).is_none());
    let names = known(&["a"], &["b"]);
    assert_eq!((names.len(), names.is_empty()), (2, false));
}

/// What texts are put together from.
const PARTS: [&str; 30] = [
    " ",
    " ",
    "\n",
    ".",
    ".",
    ".",
    ",",
    "(",
    "\"",
    "\"\"",
    "'",
    "--",
    "/*",
    "*/",
    "$$",
    "$",
    "#",
    "1",
    "5",
    ".5",
    "e",
    "x",
    "U&",
    "spectrum",
    "Spectrum",
    "ab",
    "s",
    "v_sales",
    "a rather long stretch of words that fills a window and more than that ",
    "\u{e9}",
];

fn text(case: u64) -> String {
    let mut state = case.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut roll = |limit: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from((state >> 20) % limit).unwrap()
    };
    let count = roll(50);
    (0..count).map(|_| PARTS[roll(30)]).collect()
}

/// The twin walks over all tokens and compares names as they are.
fn twin(text: &str, schemas: &[&str], views: &[&str]) -> bool {
    let text = text.as_bytes();
    let mut before = None;
    Lexer::new(text, Escapes::Always).any(|token| {
        let name = literal::identifier(text, token).map(|name| name.to_ascii_lowercase());
        let is_in = |names: &[&str], name: &Option<String>| name.as_deref().is_some_and(|name| names.contains(&name));
        let met = is_in(views, &name) || token.kind == TokenKind::Symbol(b'.') && is_in(schemas, &before);
        before = name;
        met
    })
}

#[test]
fn the_pass_misses_no_name() {
    let (schemas, views) = (["spectrum", "s", "ab"], ["v_sales", "x"]);
    let (both, only_schemas) = (known(&schemas, &views), known(&schemas, &[]));
    let mut met = 0;
    for case in 0..60_000 {
        let text = text(case);
        if !is_plain(text.as_bytes(), Dialect::Redshift) {
            continue;
        }
        for (names, views) in [(&both, &views[..]), (&only_schemas, &[])] {
            let want = twin(&text, &schemas, views);
            let found = is_named(&text, names);
            // Other rules may find a name where the twin sees none.
            assert!(found || !want, "case {case}: {text:?}");
            met += u32::from(want);
        }
    }
    assert!(met > 10_000, "{met}");
}
