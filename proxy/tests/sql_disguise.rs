//! Carriers in disguise: whatever case, blanks, comments, quoting, escapes, joins, neighbours and bodies they are written
//! with, the roles found are those that were put in, or the text is refused. `ROLEGATE_PROPERTY_CASES` sets how many.

#![expect(clippy::print_stdout, reason = "a test says what is wrong by failing")]

use rolegate::sql::{Dialect, FaultKind, Method, Reading, read};

/// A small generator, so that a case is its number: splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }

    fn one_in(&mut self, chance: u64) -> bool {
        self.below(chance) == 0
    }

    fn pick<'t>(&mut self, choices: &[&'t str]) -> &'t str {
        let place = usize::try_from(self.below(u64::try_from(choices.len()).unwrap_or(1))).unwrap_or(0);
        choices.get(place).copied().unwrap_or_default()
    }
}

/// Blank between two tokens: whitespace and comments, some of which hold decoys.
fn blank(dice: &mut Dice) -> String {
    let mut text = dice.pick(&[" ", "\n", "\t", "\r\n", "\x0c", "  "]).to_owned();
    while dice.one_in(3) {
        text.push_str(dice.pick(&[
            "/* iam_role 'arn:aws:iam::999999999999:role/Decoy' */",
            "/* a /* b */ iam_role 'arn:aws:iam::999999999999:role/Decoy' */",
            "/***/",
            "/* ' */",
            "-- iam_role 'arn:aws:iam::999999999999:role/Decoy'\n",
            "-- '\r",
            "--\u{2028} $$ \n",
            " ",
        ]));
    }
    text
}

fn keyword(dice: &mut Dice, word: &str) -> String {
    word.chars().map(|letter| if dice.one_in(2) { letter.to_ascii_uppercase() } else { letter }).collect()
}

/// A literal in one of its spellings, and whether it is a disguise that must be refused in a credential.
fn literal(dice: &mut Dice, text: &str) -> (String, bool) {
    match dice.below(8) {
        0 => (format!("$${text}$$"), false),
        1 => (format!("$Tag_1${text}$Tag_1$"), false),
        2 => {
            let octal = text.bytes().fold(String::new(), |octal, byte| octal + &format!("\\{byte:03o}"));
            (format!("'{octal}'"), true)
        }
        3 => (format!("'\\{text}'"), true),
        4 => {
            let middle = text.len() / 2;
            let (left, right) = (text.get(..middle).unwrap_or_default(), text.get(middle..).unwrap_or_default());
            let join = dice.pick(&["\n", " \r\n ", " -- ' \n", "\t--\r"]);
            (format!("'{left}'{join}'{right}'"), true)
        }
        _ => (format!("'{text}'"), false),
    }
}

fn chain(dice: &mut Dice) -> String {
    let count = dice.below(4).saturating_add(1);
    let roles = (0..count)
        .map(|_| format!("arn:aws:iam::{:012}:role/path/R{}", dice.below(1_000_000_000_000), dice.below(100)));
    roles.collect::<Vec<_>>().join(",")
}

struct Made {
    text: String,
    chains: Vec<String>,
    disguised: bool,
}

/// A carrier.
fn carrier(dice: &mut Dice) -> Made {
    let chain = chain(dice);
    let mut words: Vec<String> = Vec::new();
    let mut disguised = false;
    let kind = dice.below(15);
    let head: &[&str] = match kind {
        0 | 1 => &["copy", "venue", "(", "iam_role", ",", "credentials", ")", "from", "'s3://b/p'"],
        2 => &["copy", "\"ven'ue\"", "from", "'s3://b/*'", "csv", "null", "as", "'\\\\\\''", "delimiter", "','"],
        3 => &[
            "unload",
            "(",
            "'select ''iam_role'' from t where x = \\'y\\''",
            ")",
            "to",
            "$$s3://b/p$$",
            "parallel",
            "off",
        ],
        4 => {
            &["create", "external", "schema", "if", "not", "exists", "s", "from", "data", "catalog", "database", "'d'"]
        }
        5 => &[
            "create", "or", "replace", "external", "function", "f", "(", "varchar", ")", "returns", "varchar",
            "stable", "lambda", "'fn'",
        ],
        6 => &[
            "create",
            "model",
            "m",
            "from",
            "(",
            "select",
            "'iam_role'",
            "as",
            "iam_role",
            "from",
            "t",
            ")",
            "function",
            "fn",
        ],
        7 => &["alter", "external", "schema", "s"],
        8 => &["show", "databases", "from", "data", "catalog", "account", "'123456789012'"],
        9 => &["create", "database", "d", "from", "arn", "'arn:aws:glue:x'", "with", "data", "catalog", "schema", "s"],
        10 => &["create", "or", "replace", "library", "l", "language", "plpythonu", "from", "'s3://b/l.zip'"],
        11 => &["create", "external", "model", "m", "function", "f"],
        12 => &["alter", "identity", "provider", "i", "application_arn", "'arn:aws:sso::1:application/x'"],
        13 => &["alter", "user", "\"u'\"", "set", "global", "identity"],
        _ => &["grant", "assumerole", "on"],
    };
    words.extend(head.iter().map(|word| {
        if word.starts_with(|letter: char| letter.is_ascii_lowercase()) {
            keyword(dice, word)
        } else {
            (*word).to_owned()
        }
    }));
    if kind < 4 && dice.one_in(3) {
        if dice.one_in(2) {
            words.push(keyword(dice, "with"));
        }
        words.push(keyword(dice, "credentials"));
        if dice.one_in(2) {
            words.push(keyword(dice, "as"));
        }
        let (value, hides) = literal(dice, &format!("aws_iam_role={chain}"));
        words.push(value);
        disguised |= hides;
    } else {
        if kind < 14 {
            words.push(keyword(dice, "iam_role"));
        }
        let (value, hides) = literal(dice, &chain);
        words.push(value);
        disguised |= hides;
    }
    if kind == 14 {
        words.extend(["to", "\"a user\"", ",", "group", "g", "for", "all"].map(|word| keyword(dice, word)));
    }
    if kind < 2 && dice.one_in(2) {
        words.extend(["csv".to_owned(), "region".to_owned(), "'us-east-1'".to_owned()]);
    }
    let mut text = String::new();
    for word in words {
        text.push_str(&blank(dice));
        text.push_str(&word);
    }
    Made { text, chains: vec![chain], disguised }
}

/// A carrier among other statements, or in a procedure's body.
fn message(dice: &mut Dice) -> Made {
    let mut made = carrier(dice);
    // A comment within a comment is refused in a body: PL/pgSQL does not nest them.
    if dice.one_in(4) && !made.text.contains("/* a /*") {
        let before = dice.pick(&["begin", "declare x int; begin if x = 1 then", "begin for r in select 1 loop"]);
        let after = dice.pick(&["; end", "; null; end"]);
        made.text = format!("create procedure p() as $body${before} {}{after}$body$ language plpgsql", made.text);
    }
    if dice.one_in(2) {
        let before = dice.pick(&[
            "select 1",
            "select 'copy t from ''s3://x'' iam_role default'",
            "select $q$; copy t from 's3://x' iam_role default; $q$",
            "select '\\' ; copy t from '",
            "begin",
            "select x'\\', \"a'b\"",
            "insert into t (iam_role) values ('x')",
        ]);
        made.text = format!("{before};{}", made.text);
    }
    if dice.one_in(3) {
        let other = carrier(dice);
        made.text = format!("{};{}", made.text, other.text);
        made.chains.extend(other.chains);
        made.disguised |= other.disguised;
    }
    made
}

#[test]
fn carriers_in_disguise_are_seen_or_refused() {
    let cases: u64 =
        std::env::var("ROLEGATE_PROPERTY_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(20_000);
    let (mut refused, mut doubtful) = (0_u64, 0_u64);
    for case in 0..cases {
        let made = message(&mut Dice(case));
        let Reading::Analysed(analysis) = read(made.text.as_bytes(), Dialect::Redshift) else {
            panic!("case {case} is plain: {}", made.text);
        };
        let faults: Vec<FaultKind> =
            analysis.statements.iter().flat_map(|found| found.faults.iter().map(|fault| fault.kind)).collect();
        let uses = analysis.statements.into_iter().flat_map(|found| found.role_uses);
        let chains: Vec<String> =
            uses.filter_map(|found| if let Method::Chain(chain) = found.method { Some(chain) } else { None }).collect();
        // A server that ends comments at line feeds alone, or in which a backslash is no escape, may read something else.
        let is_doubtful = ["-- '\r", "--\r", "\\"].iter().any(|part| made.text.contains(part));
        if made.disguised || (is_doubtful && faults.contains(&FaultKind::Disguised)) {
            assert!(faults.contains(&FaultKind::Disguised), "case {case} passes in disguise: {}", made.text);
            refused = refused.saturating_add(1);
            doubtful = doubtful.saturating_add(u64::from(!made.disguised));
        } else {
            // Nor would it see a clause that such a comment swallows.
            let faults: Vec<_> =
                faults.into_iter().filter(|fault| !(is_doubtful && *fault == FaultKind::NoCredentials)).collect();
            assert_eq!(faults, [], "case {case} is refused: {}", made.text);
            assert_eq!(chains, made.chains, "case {case}: {}", made.text);
        }
    }
    println!(
        "{cases} generated messages, {refused} of them refused as disguised, {doubtful} for a doubtful rule alone"
    );
    assert!(doubtful < cases / 3, "{doubtful} of {cases} are refused for a rule in which servers may differ");
}

/// What reading a text finds, in short: the chains, and the faults.
fn found(text: &str, dialect: Dialect) -> (Vec<String>, Vec<FaultKind>) {
    let Reading::Analysed(analysis) = read(text.as_bytes(), dialect) else { return (Vec::new(), Vec::new()) };
    let faults = analysis.statements.iter().flat_map(|one| one.faults.iter().map(|fault| fault.kind)).collect();
    let uses = analysis.statements.into_iter().flat_map(|one| one.role_uses);
    (uses.filter_map(|one| if let Method::Chain(chain) = one.method { Some(chain) } else { None }).collect(), faults)
}

/// A text with strings that end elsewhere where a backslash is no escape.
fn with_backslashes(dice: &mut Dice) -> String {
    let mut text = message(dice).text;
    for _ in 0..dice.below(3) {
        let decoy = dice.pick(&[
            " null as '\\' iam_role $$arn:aws:iam::999999999999:role/Decoy$$ --' ",
            " null as '\\\\' ",
            " delimiter '\\t' ",
            "; select '\\''; copy t from ''s3://b'' iam_role default; --' ",
            "; select E'\\'', 'x' ",
            "; select 'a\\\\' ",
        ]);
        let ends: Vec<usize> = text.match_indices(';').map(|(at, _)| at).chain([text.len()]).collect();
        let place = usize::try_from(dice.below(u64::try_from(ends.len()).unwrap_or(1))).unwrap_or(0);
        text.insert_str(ends.get(place).copied().unwrap_or_default(), decoy);
    }
    text
}

/// Safety hangs on no setting of the server: what passes holds the same roles whether or not a backslash is an escape. What two
/// readings hold alike is told once.
#[test]
fn what_passes_is_the_same_under_both_readings() {
    let (mut passed, mut refused) = (0_u32, 0_u32);
    for case in 0..6_000 {
        let text = with_backslashes(&mut Dice(case));
        let [redshift, postgresql] = [Dialect::Redshift, Dialect::PostgreSql].map(|dialect| found(&text, dialect));
        let is_refused = |found: &(Vec<String>, Vec<FaultKind>)| {
            found.1.iter().any(|fault| !matches!(fault, FaultKind::NoCredentials | FaultKind::AccessKeys))
        };
        if is_refused(&redshift) || is_refused(&postgresql) {
            refused = refused.saturating_add(1);
        } else {
            assert_eq!(redshift.0, postgresql.0, "case {case}: {text}");
            passed = passed.saturating_add(1);
        }
        let Reading::Analysed(analysis) = read(text.as_bytes(), Dialect::Redshift) else { continue };
        let mut told = std::collections::HashSet::new();
        for one in &analysis.statements {
            assert!(told.insert((one.span.start, one.kind.as_str(), 0, "")), "case {case}: {one:?} stands twice");
            for fault in &one.faults {
                let is_new =
                    told.insert((one.span.start, fault.kind.as_str(), fault.span.start + 1, fault.detail.as_str()));
                assert!(is_new, "case {case}: {fault:?} is told twice");
            }
        }
    }
    assert!(passed > 500 && refused > 500, "{passed} passed, {refused} were refused");
}
