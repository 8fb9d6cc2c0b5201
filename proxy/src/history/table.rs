//! Exports of the cluster's system views, as CSV with a header or as JSON lines: rows by the names of their columns.
//!
//! Source of the columns: Amazon Redshift Database Developer Guide, the pages of the views.

use std::borrow::Cow;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::history::record::{Known, known};

/// Which view a table was exported from, as far as it matters.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum View {
    /// `SYS_QUERY_HISTORY`.
    SysQueryHistory,
    /// `SYS_QUERY_TEXT`.
    SysQueryText,
    /// `STL_QUERY`.
    StlQuery,
    /// `STL_QUERYTEXT`.
    StlQuerytext,
    /// `STL_DDLTEXT`, `STL_UTILITYTEXT` or `SVL_STATEMENTTEXT`.
    StlStatementText,
    /// `STL_CONNECTION_LOG` or `SYS_CONNECTION_LOG`.
    ConnectionLog,
    /// `SVV_USER_INFO`, `PG_USER` or another table of users' names and numbers.
    Users,
}

macro_rules! columns {
    ($($(#[$about:meta])* $field:ident: $($name:literal)|+;)+) => {
        /// The columns that are read, by what they hold in whichever view.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[expect(non_camel_case_types, reason = "each is the name of a field too")]
        pub enum Column {
            $($(#[$about])* $field,)+
        }

        impl Column {
            /// The column of that name; ASCII case does not count.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                const NAMES: &[(&str, Column)] = &[$($(($name, Column::$field),)+)+];
                let name = name.trim();
                NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, column)| *column)
            }
        }

        /// One row.
        #[derive(Clone, Debug, Default, Eq, PartialEq)]
        pub struct TableRow<'a> {
            $($(#[$about])* pub $field: Known<'a>,)+
        }

        impl<'a> TableRow<'a> {
            /// Sets the value of a column.
            pub fn set(&mut self, column: Column, value: Known<'a>) {
                match column {
                    $(Column::$field => self.$field = value,)+
                }
            }
        }
    };
}

columns! {
    /// The user's number.
    user_id: "userid" | "user_id" | "usesysid";
    /// The user's name.
    user: "username" | "user_name" | "usename";
    /// The query's number in SYS views.
    query_id: "query_id";
    /// The query's number in STL tables: another number.
    query: "query";
    /// The transaction.
    transaction: "transaction_id" | "xid";
    /// The process.
    session: "session_id" | "pid";
    /// The database.
    database: "database_name" | "database" | "dbname";
    /// When it was.
    time: "start_time" | "starttime" | "recordtime" | "record_time";
    /// The piece's place.
    sequence: "sequence";
    /// A piece of a text.
    text: "text";
    /// The text of `SYS_QUERY_HISTORY`.
    query_text: "query_text";
    /// The text of `STL_QUERY`.
    querytxt: "querytxt";
    /// How it ended.
    status: "status";
    /// 1 when it did not end well.
    aborted: "aborted";
    /// The application.
    application: "application_name";
    /// The client's address.
    address: "remote_host" | "remotehost";
    /// The client's port.
    port: "remote_port" | "remoteport";
    /// What happened to a connection.
    event: "event";
}

/// The view that has these columns.
#[must_use]
pub fn view(columns: &[Column]) -> Option<View> {
    let has = |all: &[Column]| all.iter().all(|column| columns.contains(column));
    [
        (View::SysQueryHistory, &[Column::query_text, Column::query_id][..]),
        (View::StlQuery, &[Column::querytxt, Column::query]),
        (View::SysQueryText, &[Column::text, Column::sequence, Column::query_id]),
        (View::StlQuerytext, &[Column::text, Column::sequence, Column::query]),
        (View::StlStatementText, &[Column::text, Column::sequence, Column::session, Column::transaction, Column::time]),
        (View::ConnectionLog, &[Column::event, Column::time, Column::session]),
        (View::Users, &[Column::user, Column::user_id]),
    ]
    .into_iter()
    .find_map(|(view, needed)| has(needed).then_some(view))
}

/// The separator and the columns of a header, if it is one.
#[must_use]
pub fn header(line: &str) -> Option<(u8, Vec<Option<Column>>, View)> {
    b",\t|;".iter().find_map(|delimiter| {
        let names = line.trim_end().split(char::from(*delimiter));
        let columns: Vec<Option<Column>> = names.map(|name| Column::named(name.trim().trim_matches('"'))).collect();
        let known: Vec<Column> = columns.iter().flatten().copied().collect();
        view(&known).map(|view| (*delimiter, columns, view))
    })
}

impl<'de: 'a, 'a> Deserialize<'de> for TableRow<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RowVisitor)
    }
}

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = TableRow<'de>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object with the columns of a system view")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut row = TableRow::default();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match Column::named(&name) {
                Some(column) => {
                    let Value(value) = map.next_value()?;
                    row.set(column, value);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(row)
    }
}

struct Value<'a>(Known<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        known(deserializer).map(Self)
    }
}

/// The columns of a JSON object.
#[must_use]
pub fn columns_of_json(line: &[u8]) -> Option<Vec<Column>> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line).ok()?;
    Some(object.keys().filter_map(|name| Column::named(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_told_by_their_columns() {
        for (line, want) in [
            (
                "user_id,query_id,transaction_id,session_id,database_name,query_type,status,start_time,query_text,username",
                View::SysQueryHistory,
            ),
            ("user_id|query_id|transaction_id|session_id|start_time|sequence|text", View::SysQueryText),
            ("USERID,QUERY,LABEL,XID,PID,DATABASE,QUERYTXT,STARTTIME,ENDTIME,ABORTED", View::StlQuery),
            ("userid\txid\tpid\tquery\tsequence\ttext", View::StlQuerytext),
            (
                "\"userid\",\"xid\",\"pid\",\"label\",\"starttime\",\"endtime\",\"sequence\",\"text\"",
                View::StlStatementText,
            ),
            ("userid,xid,pid,label,starttime,endtime,sequence,type,text", View::StlStatementText),
            ("event,recordtime,remotehost,remoteport,pid,dbname,username,application_name", View::ConnectionLog),
            ("usename,usesysid,usecreatedb", View::Users),
            ("user_name,user_id", View::Users),
        ] {
            assert_eq!(header(line).map(|(_, _, view)| view), Some(want), "{line}");
        }
        assert_eq!(header("a,b,c"), None);
        assert_eq!(header("select user_id, query_id from x"), None);
    }

    #[test]
    fn rows_of_json() {
        let row: TableRow<'_> =
            serde_json::from_str(r#"{"USERID":100,"text":"a\\nb","sequence":0,"more":[1],"pid":null}"#).unwrap();
        assert_eq!((row.user_id.as_deref(), row.text.as_deref(), row.session), (Some("100"), Some("a\\nb"), None));
    }
}
