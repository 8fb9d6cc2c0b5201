//! What an endpoint tells of its cluster. Source: Amazon Redshift Management Guide, "Connecting to Amazon Redshift", "Connecting to
//! Amazon Redshift Serverless".

use std::net::IpAddr;

/// The port of an endpoint that names none.
const PORT: &str = "5439";

/// A cluster's address, and what its name tells.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Endpoint {
    /// `host:port`.
    pub(super) address: String,
    /// The identifier of a cluster, or the name of a workgroup.
    pub(super) cluster: Option<String>,
    pub(super) region: Option<String>,
    pub(super) is_serverless: bool,
}

impl Endpoint {
    /// Reads `host`, `host:port`, or `host:port/database` as the console shows it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().trim_start_matches("jdbc:redshift://");
        let (address, _database) = text.split_once('/').unwrap_or((text, ""));
        let (host, given) = match address.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
            _ => (address, None),
        };
        let port = given.unwrap_or(PORT);
        let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
        if !is_port || !is_host(host, given.is_some()) {
            let example = "warehouse.abc123xyz789.us-east-1.redshift.amazonaws.com:5439";
            return Err(format!(
                "\"{text}\" is no endpoint: a host name with its domain, an address, or host:port is expected, such as {example}"
            ));
        }
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
        let address = format!("{host}:{port}");
        Ok(Self { address, ..told(&host.to_ascii_lowercase()) })
    }
}

/// Whether this can be a host: an address, or a name by the rules of DNS. A name of one part is one where a port stands with it.
fn is_host(host: &str, has_port: bool) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if address.parse::<IpAddr>().is_ok() || host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let is_label = |label: &str| {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len())
            && label.bytes().all(is_good)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels: Vec<&str> = host.strip_suffix('.').unwrap_or(host).split('.').collect();
    host.len() <= 253 && labels.iter().all(|label| is_label(label)) && (labels.len() > 1 || has_port)
}

/// `CLUSTER.HASH.REGION.redshift.amazonaws.com`, `WORKGROUP.ACCOUNT.REGION.redshift-serverless.amazonaws.com`.
fn told(host: &str) -> Endpoint {
    let parts: Vec<&str> = host.split('.').collect();
    let [name, _hash_or_account, region, service @ ("redshift" | "redshift-serverless"), "amazonaws", ..] =
        parts.as_slice()
    else {
        return Endpoint::default();
    };
    Endpoint {
        address: String::new(),
        cluster: Some((*name).to_owned()),
        region: Some((*region).to_owned()),
        is_serverless: *service == "redshift-serverless",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_endpoint_tells() {
        // (text, address, cluster, region, serverless)
        let rows = [
            (
                "warehouse.abc123xyz789.us-east-1.redshift.amazonaws.com:5439/dev",
                "warehouse.abc123xyz789.us-east-1.redshift.amazonaws.com:5439",
                Some("warehouse"),
                Some("us-east-1"),
                false,
            ),
            (
                "jdbc:redshift://wg.123456789012.eu-west-1.redshift-serverless.amazonaws.com:5440/x",
                "wg.123456789012.eu-west-1.redshift-serverless.amazonaws.com:5440",
                Some("wg"),
                Some("eu-west-1"),
                true,
            ),
            (
                "w.h.cn-north-1.redshift.amazonaws.com.cn",
                "w.h.cn-north-1.redshift.amazonaws.com.cn:5439",
                Some("w"),
                Some("cn-north-1"),
                false,
            ),
            ("db.example.:5440", "db.example.:5440", None, None, false),
            ("localhost:5440", "localhost:5440", None, None, false),
            ("db.example", "db.example:5439", None, None, false),
            ("[::1]:5440", "[::1]:5440", None, None, false),
            ("::1", "[::1]:5439", None, None, false),
            ("10.0.0.7", "10.0.0.7:5439", None, None, false),
            ("localhost", "localhost:5439", None, None, false),
            ("db:5440", "db:5440", None, None, false),
        ];
        for (text, address, cluster, region, is_serverless) in rows {
            let owned = |part: Option<&str>| part.map(str::to_owned);
            let want =
                Endpoint { address: address.to_owned(), cluster: owned(cluster), region: owned(region), is_serverless };
            assert_eq!(Endpoint::parse(text), Ok(want), "{text}");
        }
        let none = [
            "",
            ":5439",
            "host:",
            "host:0",
            "host:65536",
            "a b.c",
            "a\"b.c",
            "a\nb.c",
            "foo",
            "a..b",
            "a.b..",
            ".",
            "..",
            ".a.b",
            "-a.b",
            "a-.b",
            "http://a.b",
            "[x]:1",
            "?.b",
        ];
        for text in none {
            let said = Endpoint::parse(text).expect_err(text);
            assert!(said.contains("host:port is expected"), "{text:?}: {said}");
        }
    }
}
