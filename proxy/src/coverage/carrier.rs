//! Statements of a history that use a role or could, each with what it is compared by.

use jiff::Timestamp;

use crate::history::combine::text_hash;
use crate::history::{RecordKind, StatementRecord};
use crate::sql::{self, Dialect, FaultKind, Method, Reading, Statement, StatementKind, mask_within};

/// Bytes of a text that a report shows.
const SHOWN_BYTES: usize = 512;

/// Tokens that a text which was cut is compared by, as far as it has them.
const HEAD_TOKENS: usize = 32;

/// First words of statements that can carry a role: one that is cut off or blanked may have done so.
const VERBS: [&str; 7] = ["alter", "copy", "create", "grant", "revoke", "unload", "call"];

/// A statement that carries a role or could.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RoleCarrier {
    /// When it began.
    pub(crate) time: Option<Timestamp>,
    /// Which record it is from.
    pub(crate) from: RecordKind,
    pub(crate) user: Option<String>,
    pub(crate) application: Option<String>,
    pub(crate) client_address: Option<String>,
    /// The process of the cluster; in the audit, the gate's number of the session.
    pub(crate) session: Option<String>,
    /// The process of the cluster, in the audit.
    pub(crate) backend_pid: Option<String>,
    /// The gate, in the audit.
    pub(crate) gate: Option<String>,
    pub(crate) kind: StatementKind,
    pub(crate) target: Option<String>,
    /// The text without what sources differ in: comments, blanks, the values of credentials.
    pub(crate) whole: u64,
    /// The same of its first tokens.
    pub(crate) head: u64,
    pub(crate) truncated: bool,
    /// What was done with it, in the audit.
    pub(crate) outcome: Option<String>,
    /// Its roles, in the audit.
    pub(crate) roles: Vec<String>,
    /// Its text, masked and cut.
    pub(crate) text: String,
}

/// What is to be said of a record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum CarrierReading {
    /// It carries no role.
    Plain,
    Carrier(Box<RoleCarrier>),
    /// It may carry one: its text is cut off, blanked or made up.
    Unclear(Box<RoleCarrier>, &'static str),
}

/// Reads the statements that name roles out of recorded texts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CarrierReader {
    /// The lexical rules of the cluster.
    pub(crate) dialect: Dialect,
}

impl CarrierReader {
    /// What a record is.
    #[must_use]
    pub(crate) fn read(self, record: &StatementRecord<'_>) -> CarrierReading {
        let text = record.text.as_bytes();
        let is_plain = sql::is_plain(text, self.dialect);
        let statement = if is_plain { None } else { self.statement(text) };
        let carrier = |kind| Box::new(carrier(record, statement.as_ref(), kind));
        if record.doubtful && !is_plain {
            return CarrierReading::Unclear(carrier(StatementKind::Unknown), "doubtful");
        }
        match &statement {
            Some(statement) => CarrierReading::Carrier(carrier(statement.kind)),
            None if !text.is_empty() && text.iter().all(|byte| *byte == b'*' || byte.is_ascii_whitespace()) => {
                CarrierReading::Unclear(carrier(StatementKind::Unknown), "hidden")
            }
            None if record.truncated && may_carry(text) => {
                CarrierReading::Unclear(carrier(StatementKind::Unknown), "truncated")
            }
            None => CarrierReading::Plain,
        }
    }

    /// The first statement of a text that the gate would have judged for its roles.
    fn statement(self, text: &[u8]) -> Option<Statement> {
        let Reading::Analysed(analysis) = sql::read(text, self.dialect) else { return None };
        let matters = |fault: FaultKind| !matches!(fault, FaultKind::Encoding | FaultKind::ComputedSetting);
        analysis
            .statements
            .into_iter()
            .find(|one| !one.role_uses.is_empty() || one.faults.iter().any(|fault| matters(fault.kind)))
    }
}

/// Whether a text begins like one that can carry a role.
fn may_carry(text: &[u8]) -> bool {
    use crate::sql::lexer::{Escapes, Lexer};
    let first = Lexer::new(text, Escapes::Always).next();
    let word = first.and_then(|token| text.get(token.start..token.end)).unwrap_or_default();
    VERBS.iter().any(|verb| word.eq_ignore_ascii_case(verb.as_bytes()))
}

fn carrier(record: &StatementRecord<'_>, statement: Option<&Statement>, kind: StatementKind) -> RoleCarrier {
    let known = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
    let text = record.text.as_bytes();
    let uses = statement.map(|statement| statement.role_uses.as_slice()).unwrap_or_default();
    let roles = uses.iter().filter_map(|it| match &it.method {
        Method::Chain(chain) => Some(chain.split(',').map(str::to_owned)),
        _ => None,
    });
    let is_audit = record.from == RecordKind::Audit;
    let shown = if is_audit { String::new() } else { mask_within(text, 0..SHOWN_BYTES) };
    RoleCarrier {
        time: record.timestamp(),
        from: record.from,
        user: known(&record.user),
        application: known(&record.application),
        client_address: known(&record.client_address),
        session: known(&record.session),
        backend_pid: known(&record.backend_pid),
        gate: known(&record.gate),
        kind,
        target: uses.iter().find_map(|it| it.target.as_ref()).map(crate::replay::groups::bucket),
        whole: text_hash(text, usize::MAX),
        head: text_hash(text, HEAD_TOKENS),
        truncated: record.truncated,
        outcome: known(&record.outcome),
        roles: if is_audit { roles.flatten().collect() } else { Vec::new() },
        text: shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_carrier() {
        let reader = CarrierReader { dialect: Dialect::Redshift };
        for (text, truncated, want) in [
            ("copy t from 's3://b' iam_role ''", false, Some("copy")),
            ("copy t from 's3://b' credentials ''", false, Some("copy")),
            ("unload ('select 1') to 's3://b' iam_role '***'", false, Some("unload")),
            (
                "create external schema s from data catalog database 'd' iam_role ''",
                false,
                Some("create_external_schema"),
            ),
            ("copy t from 's3://b'", false, Some("copy")),
            ("explain copy t from 's3://b' iam_role ''", false, Some("unknown")),
            ("select * from t", false, None),
            ("select '******'", false, None),
            ("set client_encoding to 'sjis'", false, None),
            ("unload ('select 1", true, Some("truncated")),
            ("select 'a", true, None),
            ("******", false, Some("hidden")),
        ] {
            let mut record = StatementRecord::new("x", 1, RecordKind::StlQuery, text);
            record.truncated = truncated;
            let found = match reader.read(&record) {
                CarrierReading::Plain => None,
                CarrierReading::Carrier(carrier) => Some(carrier.kind.as_str()),
                CarrierReading::Unclear(_, reason) => Some(reason),
            };
            assert_eq!(found, want, "{text}");
        }
    }

    #[test]
    fn texts_are_compared_as_the_cluster_blanks_them() {
        let reader = CarrierReader { dialect: Dialect::Redshift };
        let of = |text: &str| match reader.read(&StatementRecord::new("x", 1, RecordKind::StlQuery, text)) {
            CarrierReading::Carrier(carrier) => carrier.whole,
            other => panic!("{text}: {other:?}"),
        };
        let role = "arn:aws:iam::111122223333:role/A";
        let same = [
            format!("COPY t FROM 's3://b/x' IAM_ROLE '{role}' csv;"),
            "copy t\nfrom 's3://b/x' iam_role '' csv".to_owned(),
            format!(
                "/* dbt */ copy t from 's3://b/x' iam_role '{role}' csv\n/* rolegate verdict=annotate codes=RG301 */"
            ),
        ];
        assert!(same.iter().all(|text| of(text) == of(&same[0])));
        for other in ["copy t from 's3://b/y' iam_role '' csv", "copy t from 's3://b/x' iam_role '' json 'auto'"] {
            assert_ne!(of(other), of(&same[0]), "{other}");
        }
        let body =
            |role: &str| format!("create procedure p() as $$ begin copy t from 's3://b' iam_role '{role}'; end $$");
        assert_eq!(of(&body(role)), of(&body("")));
    }
}
