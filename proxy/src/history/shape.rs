//! What an input holds, told by its first bytes.

use serde::Deserialize;

use crate::history::activity;
use crate::history::block::Framing;
use crate::history::connections::ConnectionEvent;
use crate::history::record::RecordKind;
use crate::history::table::{Column, View, columns_of_json, header, view};
use crate::history::trail::is_trail;

/// How records stand in an input.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Shape {
    /// The gate's audit, as JSON lines.
    Audit,
    /// What `rolegate history` wrote.
    Records,
    /// Rows of a view, as JSON lines.
    JsonRows(View),
    /// Rows of a view, as CSV with this separator and these columns.
    Csv(u8, Vec<Option<Column>>, View),
    /// The user activity log.
    ActivityLog,
    /// The connection log.
    ConnectionLog,
    /// Files of `CloudTrail`, or events from them.
    CloudTrail,
    /// Nothing at all.
    Empty,
}

impl Shape {
    /// What a file of that name and these first bytes holds. `None`: nothing that is known.
    #[must_use]
    pub fn of(head: &[u8]) -> Option<Self> {
        let head = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head);
        if head.trim_ascii().is_empty() {
            return Some(Self::Empty);
        }
        if is_trail(head) {
            return Some(Self::CloudTrail);
        }
        if activity::has_head(head) {
            return Some(Self::ActivityLog);
        }
        let lines = || head.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        if let Some(shape) = lines().next().and_then(|line| std::str::from_utf8(line).ok()).and_then(csv) {
            return Some(shape);
        }
        // A broken line tells nothing; the first that can be read does.
        lines().take(1000).find_map(|line| json(line).or_else(|| connection_log(line)))
    }

    /// Where its records end.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        match self {
            Self::Csv(delimiter, ..) => Framing::Csv(*delimiter),
            Self::ActivityLog => Framing::Entries,
            Self::CloudTrail => Framing::Whole,
            _ => Framing::Lines,
        }
    }

    /// The view that its rows come from.
    #[must_use]
    pub const fn view(&self) -> Option<View> {
        match self {
            Self::JsonRows(view) | Self::Csv(_, _, view) => Some(*view),
            Self::ConnectionLog => Some(View::ConnectionLog),
            _ => None,
        }
    }

    /// Whether records come out of it.
    #[must_use]
    pub const fn holds_statements(&self) -> bool {
        !matches!(self, Self::Empty | Self::CloudTrail)
            && !matches!(self.view(), Some(View::ConnectionLog | View::Users))
    }

    /// Which kind of records come out of it, where there is one only.
    #[must_use]
    pub const fn kind(&self) -> Option<RecordKind> {
        match self {
            Self::Audit => Some(RecordKind::Audit),
            Self::ActivityLog => Some(RecordKind::UserActivityLog),
            Self::Csv(_, _, view) | Self::JsonRows(view) => kind_of(*view),
            _ => None,
        }
    }
}

/// Which kind of records the rows of a view become.
#[must_use]
pub const fn kind_of(view: View) -> Option<RecordKind> {
    match view {
        View::SysQueryHistory | View::SysQueryText => Some(RecordKind::SysQueryHistory),
        View::StlQuery | View::StlQuerytext => Some(RecordKind::StlQuery),
        View::StlStatementText => Some(RecordKind::StlStatementText),
        View::ConnectionLog | View::Users => None,
    }
}

fn csv(line: &str) -> Option<Shape> {
    header(line).map(|(delimiter, columns, view)| Shape::Csv(delimiter, columns, view))
}

#[derive(Deserialize)]
struct Signs {
    from: Option<RecordKind>,
    text: Option<serde::de::IgnoredAny>,
    gate: Option<serde::de::IgnoredAny>,
    statement: Option<serde::de::IgnoredAny>,
    v: Option<serde::de::IgnoredAny>,
    event: Option<serde::de::IgnoredAny>,
}

fn json(line: &[u8]) -> Option<Shape> {
    let line = line.trim_ascii();
    if !line.starts_with(b"{") {
        return None;
    }
    match serde_json::from_slice::<Signs>(line) {
        Ok(Signs { from: Some(_), text: Some(_), .. }) => return Some(Shape::Records),
        Ok(Signs { gate: Some(_), statement: Some(_), .. } | Signs { v: Some(_), event: Some(_), .. }) => {
            return Some(Shape::Audit);
        }
        Ok(_) | Err(_) => {}
    }
    view(&columns_of_json(line)?).map(Shape::JsonRows)
}

fn connection_log(line: &[u8]) -> Option<Shape> {
    let line = std::str::from_utf8(line).ok()?;
    ConnectionEvent::of_line(line).map(|_| Shape::ConnectionLog)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        for (head, want) in [
            ("", Some(Shape::Empty)),
            ("\u{feff}\n \n", Some(Shape::Empty)),
            (r#"{"time":"x","gate":"demo","session":1,"statement":"copy"}"#, Some(Shape::Audit)),
            ("{broken\n{\"v\":1,\"log\":\"a\",\"seq\":0,\"event\":\"start\"}", Some(Shape::Audit)),
            (r#"{"source":"a","line":1,"from":"audit","text":"x"}"#, Some(Shape::Records)),
            (r#"{"query_id":1,"query_text":"x","user_id":1}"#, Some(Shape::JsonRows(View::SysQueryHistory))),
            (
                "rest of one\n'2026-01-02T03:04:05Z UTC [ db=d user=u pid=1 userid=1 xid=2 ]' LOG: x",
                Some(Shape::ActivityLog),
            ),
            (
                "authenticated |Mon, 21 May 2018 01:38:01:601|::1 |32828 |15523|dev |rdsdb |password |0|",
                Some(Shape::ConnectionLog),
            ),
            ("{\n \"Records\": [", Some(Shape::CloudTrail)),
            ("select 1", None),
            ("{\"a\":1}", None),
        ] {
            assert_eq!(Shape::of(head.as_bytes()), want, "{head}");
        }
        assert!(matches!(Shape::of("\u{feff}usename,usesysid\n".as_bytes()), Some(Shape::Csv(b',', _, View::Users))));
    }
}
