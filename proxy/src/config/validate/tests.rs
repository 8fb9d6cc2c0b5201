//! What a file may not say, section by section; and the values next to those, which it may.

use std::fs;

use crate::config::Config;

const GATE: &str =
    "[[gate]]\nname = \"demo\"\nlisten = \"127.0.0.1:5439\"\n[gate.upstream]\naddress = \"localhost:5440\"\n";

/// What loading a file says, without the file's name and the line.
fn said(text: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rolegate.toml");
    fs::write(&path, text).unwrap();
    let error = Config::load_with(&path, &[]).map(|_| ()).map_err(|error| error.to_string());
    error.map_err(|text| {
        let text = text.replace(&format!("{}: ", path.display()), "");
        text.split_once(": ")
            .filter(|(line, _)| line.starts_with("line "))
            .map_or(text.clone(), |(_, rest)| rest.to_owned())
    })
}

/// Rows of (lines before a gate, what is said; nothing: it loads).
fn assert_said(rows: &[(&str, Option<&str>)]) {
    for (lines, want) in rows {
        let found = said(&format!("{lines}{GATE}")).err();
        let is_as_wanted = match (&found, want) {
            (None, None) => true,
            (Some(found), Some(want)) => found.starts_with(want),
            _ => false,
        };
        assert!(is_as_wanted, "{lines}\nwanted {want:?}\nfound {found:?}");
    }
}

#[test]
fn sections_of_the_admin_address() {
    let rows: &[(&str, Option<&str>)] = &[
        ("[metrics]\nmax_series = 99\n", Some("metrics.max_series: 99 is out of range; write 100 to 1000000")),
        ("[metrics]\nmax_series = 100\n", None),
        ("[metrics]\nmax_series = 1000000\n", None),
        (
            "[metrics]\nmax_series = 1000001\n",
            Some("metrics.max_series: 1000001 is out of range; write 100 to 1000000"),
        ),
        ("[admin]\nrecent = 0\n", None),
        ("[admin]\nrecent = 1000000\n", None),
        ("[admin]\nrecent = 1000001\n", Some("admin.recent: 1000001 is out of range; write 0 to 1000000")),
        ("[admin]\nrecent_bytes = 1048576\n", None),
        (
            "[admin]\nrecent_bytes = 1048575\n",
            Some("admin.recent_bytes: 1048575 is too few; write 1048576 or more, or recent = 0"),
        ),
        ("[admin]\nreadiness = [\"backend\"]\n", None),
        (
            "[admin]\nreadiness = [\"facts\"]\n",
            Some("admin.readiness: \"facts\" has no effect without max_age of [facts]; set it, or remove the word"),
        ),
        ("[admin]\nreadiness = [\"facts\"]\n[facts]\nmax_age = \"1h\"\n", None),
        ("[admin]\nlisten = \"127.0.0.2:9439\"\n", None),
        ("[admin]\nlisten = \"[::1]:9439\"\n", None),
        ("[admin]\nlisten = \"0.0.0.0:9439\"\ninsecure = true\n", None),
        ("[admin]\nlisten = \"0.0.0.0:9439\"\ntoken_file = \"t\"\n", None),
        (
            "[admin]\nlisten = \"0.0.0.0:9439\"\n[admin.tls]\ncertificate = \"c\"\nkey = \"k\"\nclient_ca = \"ca\"\n",
            None,
        ),
        (
            "[admin]\nlisten = \"0.0.0.0:9439\"\n",
            Some(
                "admin.listen: 0.0.0.0:9439 can be reached from other machines, and nobody is asked who they are; set token_file, ",
            ),
        ),
        ("[admin]\nlisten = \"[::]:9439\"\n", Some("admin.listen: [::]:9439 can be reached from other machines")),
        (
            "[admin]\nlisten = \"0.0.0.0:9439\"\n[admin.tls]\ncertificate = \"c\"\nkey = \"k\"\n",
            Some("admin.listen: 0.0.0.0:9439 can be reached from other machines"),
        ),
    ];
    assert_said(rows);
}

#[test]
fn sections_of_the_gate() {
    let rows: &[(&str, Option<&str>)] = &[
        ("[audit]\ncheckpoint_records = 0\n", Some("audit.checkpoint_records: 0 is too few; write 1 or more")),
        ("[audit]\nfold_after = 0\n", Some("audit.fold_after: 0 is too few; write 1 or more")),
        ("[audit]\nrotate_bytes = 0\n", None),
        (
            "[audit]\nrotate_bytes = 1\n",
            Some("audit.rotate_bytes: 1 makes too many files; write 65536 or more, or 0 for one file"),
        ),
        ("[audit]\nrotate_bytes = 65535\n", Some("audit.rotate_bytes: 65535 makes too many files")),
        ("[audit]\nrotate_bytes = 65536\n", None),
        (
            "[audit]\ncheckpoint_every = \"0s\"\n",
            Some("audit.checkpoint_every: must be longer than zero; write a duration such as \"10s\""),
        ),
        ("[audit]\nfold_every = \"0s\"\n", Some("audit.fold_every: must be longer than zero")),
        ("[audit]\nrotate_every = \"0s\"\n", Some("audit.rotate_every: must be longer than zero")),
        ("[audit]\nkeep_for = \"0s\"\n", Some("audit.keep_for: must be longer than zero")),
        ("[audit]\nrotate_every = \"1ms\"\nkeep_for = \"1ms\"\n", None),
        (
            "[audit]\ncheckpoint_file = \"c\"\n",
            Some(
                "audit.checkpoint_file: is of no use unless checkpoints are signed; set signing_key or remove checkpoint_file",
            ),
        ),
        ("[audit]\ncheckpoint_file = \"c\"\nsigning_key = \"k\"\n", None),
        ("[log]\nlevel = \"WARN\"\n", None),
        ("[log]\nlevel = \"off\"\n", None),
        ("[log]\nlevel = \"rolegate=debug\"\n", None),
        (
            "[log]\nlevel = \"\"\n",
            Some("log.level: unknown level \"\"; use one of error, warn, info, debug, trace, off"),
        ),
        ("[runtime]\nworkers = 1\n", None),
        ("[runtime]\nworkers = 1024\n", None),
        (
            "[runtime]\nworkers = 1025\n",
            Some("runtime.workers: 1025 is out of range; write 1 to 1024, or leave it out for one a core"),
        ),
        ("[policy]\ntime_zone = \"Europe/Berlin\"\n", None),
        (
            "[policy]\ntime_zone = \"Mars\"\n",
            Some(
                "policy.time_zone: \"Mars\" is not a time zone; write a name of the IANA database, such as \"Europe/Berlin\"",
            ),
        ),
        ("[policy]\ntime_zone = \"\"\n", Some("policy.time_zone: \"\" is not a time zone")),
        (
            "[policy]\nbreak_glass = [\"ops\", \"\"]\n",
            Some("policy.break_glass: holds an empty name of a group; remove it"),
        ),
        ("[policy]\nbreak_glass = [\"ops\"]\n", None),
        ("[facts]\nmax_age = \"0s\"\n", Some("facts.max_age: must be longer than zero")),
        ("[facts]\ncontext = { \"aws:PrincipalArn\" = \"x\" }\n", Some("facts.context: ")),
    ];
    assert_said(rows);
}

/// (lines of an account, what is said)
#[test]
fn accounts_of_aws() {
    let account = "[[facts.aws.account]]\nid = \"123456789012\"\n";
    let named = "cluster = \"demo\"\n";
    let gate = GATE.replace("listen", &format!("{named}listen"));
    let twice = format!("{account}{account}");
    let rows: &[(&str, Option<&str>)] = &[
        (account, None),
        (&twice, Some("facts.aws.account: id \"123456789012\" appears twice; keep one section")),
        (
            "[[facts.aws.account]]\nid = \"12345678901\"\n",
            Some("facts.aws.account: id \"12345678901\" is not an account id; write its twelve digits in quotes"),
        ),
        (
            "[[facts.aws.account]]\nid = \"12345678901x\"\n",
            Some("facts.aws.account: id \"12345678901x\" is not an account id"),
        ),
        (
            "[[facts.aws.account]]\nid = \"123456789012\"\nrole_arn = \"Reader\"\n",
            Some("facts.aws.account: role_arn \"Reader\" of account 123456789012 is not a role ARN"),
        ),
        (
            "[[facts.aws.account]]\nid = \"123456789012\"\nrole_arn = \"arn:aws:iam::123456789012:role/R\"\nexternal_id = \"x\"\n",
            None,
        ),
        (
            "[[facts.aws.account]]\nid = \"123456789012\"\nserverless = true\n",
            Some("facts.aws.account: serverless of account 123456789012 has no effect without regions; name them"),
        ),
        ("[[facts.aws.account]]\nid = \"123456789012\"\nserverless = true\nregions = [\"us-east-1\"]\n", None),
        ("[facts.aws]\nrefresh = \"0s\"\n", Some("facts.aws.refresh: must be longer than zero")),
        ("[facts.aws]\nabsent_for = \"0s\"\n", Some("facts.aws.absent_for: must be longer than zero")),
        (
            "[facts.aws]\nrefresh = \"1h\"\nmax_stale = \"59m\"\n",
            Some(
                "facts.aws.max_stale: is shorter than refresh: facts would go stale between two readings; write a longer one",
            ),
        ),
        ("[facts.aws]\nrefresh = \"1h\"\nmax_stale = \"1h\"\n[[facts.aws.account]]\nid = \"123456789012\"\n", None),
    ];
    for (lines, want) in rows {
        let found = said(&format!("{lines}{gate}")).err();
        assert_eq!(found.is_some(), want.is_some(), "{lines}{found:?}");
        assert!(want.is_none_or(|want| found.as_ref().unwrap().starts_with(want)), "{lines}\n{found:?}");
    }
    assert!(
        said(&format!("{account}{GATE}"))
            .unwrap_err()
            .starts_with("gate[0].cluster: missing although [facts] has a source")
    );
}

/// (lines behind a gate's upstream, what is said)
#[test]
fn gates() {
    let catalog = "[gate.catalog]\nuser = \"u\"\ndatabase = \"d\"\n";
    let with_catalog = |lines: &str| format!("{catalog}{lines}");
    let rows: Vec<(String, Option<&str>)> = vec![
        ("tls = \"verify-ca\"\nca = \"ca.pem\"\n".into(), None),
        ("tls = \"disable\"\nca = \"ca.pem\"\n".into(), Some("gate[0].upstream.ca: has no effect unless tls is \"verify-ca\" or \"verify-full\"; change tls or remove ca")),
        ("server_name = \"10.0.0.7\"\n".into(), None),
        ("server_name = \"::1\"\n".into(), None),
        ("server_name = \"\"\n".into(), Some("gate[0].upstream.server_name: \"\" is not a host name; write the name without a port")),
        ("tls = \"require\"\nserver_name = \"a\"\n".into(), None),
        ("[gate.tls]\ncertificate = \"c\"\nkey = \"k\"\nclient_certificate_required = true\n".into(), Some("gate[0].tls.client_certificate_required: has no effect without client_ca; name the authorities of client certificates, or remove it")),
        ("[gate.tls]\ncertificate = \"c\"\nkey = \"k\"\nclient_ca = \"ca\"\nclient_certificate_required = true\n".into(), None),
        (catalog.into(), None),
        (with_catalog("refresh = \"0s\"\n"), Some("gate[0].catalog.refresh: must be longer than zero")),
        (with_catalog("timeout = \"0s\"\n"), Some("gate[0].catalog.timeout: must be longer than zero")),
        ("[gate.coverage]\ninterval = \"1m\"\naudit = [\"a\"]\n".into(), Some("gate[0].coverage.interval: has no effect without [gate.catalog], over which the cluster is asked")),
        (with_catalog("[gate.coverage]\naudit = [\"a\"]\ninterval = \"9999ms\"\n"), Some("gate[0].coverage.interval: must be at least 10s; the cluster's history and the audit are read each time")),
        (with_catalog("[gate.coverage]\naudit = [\"a\"]\ninterval = \"10s\"\n"), None),
        (with_catalog("[gate.coverage]\ninterval = \"1m\"\n"), Some("gate[0].coverage.audit: missing although [audit] writes to no file; name the files of the audit")),
        ("[gate.limits]\nmax_statement_bytes = 1023\n".into(), Some("gate[0].limits.max_statement_bytes: 1023 is out of range; write 1024 to 1073741824")),
        ("[gate.limits]\nmax_statement_bytes = 1024\n".into(), None),
        ("[gate.limits]\nmax_statement_bytes = 1073741824\n".into(), None),
        ("[gate.limits]\nmax_statement_bytes = 1073741825\n".into(), Some("gate[0].limits.max_statement_bytes: 1073741825 is out of range")),
        ("[gate.limits]\nmax_sessions_per_user = 0\n".into(), Some("gate[0].limits.max_sessions_per_user: must be at least 1: 0 would let nobody in")),
        ("[gate.limits]\nmax_sessions_per_address = 0\n".into(), Some("gate[0].limits.max_sessions_per_address: must be at least 1")),
        ("[gate.limits]\nmax_unauthenticated = 0\n".into(), Some("gate[0].limits.max_unauthenticated: must be at least 1")),
        ("[gate.limits]\nmax_cancels = 0\n".into(), Some("gate[0].limits.max_cancels: must be at least 1")),
        ("[gate.limits]\nmax_sessions = 1\nmax_sessions_per_user = 1\nmax_sessions_per_address = 1\nmax_unauthenticated = 1\nmax_cancels = 1\n".into(), None),
        ("[gate.limits]\nidle_timeout = \"0s\"\n".into(), Some("gate[0].limits.idle_timeout: must be longer than zero")),
        ("[gate.limits]\nsession_lifetime = \"0s\"\n".into(), Some("gate[0].limits.session_lifetime: must be longer than zero")),
        ("[gate.iam]\ncontext = { \"aws:PrincipalArn\" = \"x\" }\n".into(), Some("gate[0].iam.context: ")),
    ];
    for (lines, want) in rows {
        let found = said(&format!("{GATE}{lines}")).err();
        assert_eq!(found.is_some(), want.is_some(), "{lines}{found:?}");
        assert!(want.is_none_or(|want| found.as_ref().unwrap().starts_with(want)), "{lines}\n{found:?}");
    }
    let to_file = format!("[audit]\npath = \"a.jsonl\"\n{GATE}{catalog}[gate.coverage]\ninterval = \"1m\"\n");
    assert_eq!(said(&to_file), Ok(()), "the gate's own audit is read");
}

/// The number of the gate at fault is told, and the first of two names and addresses.
#[test]
fn gates_beside_each_other() {
    let gate = |name: &str, listen: &str| GATE.replace("demo", name).replace("127.0.0.1:5439", listen);
    for (text, want) in [
        (gate("a", "127.0.0.1:1") + &gate("b", "127.0.0.1:2"), None),
        (gate("a", "127.0.0.1:1") + &gate("A", "127.0.0.1:2"), None),
        (gate("a", "127.0.0.1:1") + &gate("b", "127.0.0.2:1"), None),
        (
            gate("a", "127.0.0.1:1") + &gate("b", "127.0.0.1:2") + &gate("a", "127.0.0.1:3"),
            Some("gate[2].name: \"a\" is already the name of gate[0]; give each gate its own"),
        ),
        (
            gate("a", "127.0.0.1:1") + &gate("b", "127.0.0.1:2") + &gate("c", "127.0.0.1:2"),
            Some("gate[2].listen: 127.0.0.1:2 is already used by gate[1].listen; give each its own address or port"),
        ),
        (
            gate("a", "127.0.0.1:1") + &gate("b", "127.0.0.1:2").replace("b\"", "b c\""),
            Some("gate[1].name: \"b c\" cannot be a gate's name; use letters, digits, '.', '-' and '_'"),
        ),
        (
            gate("a", "127.0.0.1:1") + &gate("b", "127.0.0.1:2") + "server_name = \"x:1\"\n",
            Some("gate[1].upstream.server_name: \"x:1\" is not a host name"),
        ),
    ] {
        let found = said(&text).err();
        assert_eq!(found.is_some(), want.is_some(), "{text}{found:?}");
        assert!(want.is_none_or(|want| found.as_ref().unwrap().starts_with(want)), "{text}\n{found:?}");
    }
}
