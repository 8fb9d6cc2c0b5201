//! Who calls, and the Principal element of trust policies.
//! Source: IAM User Guide, "AWS JSON policy elements: Principal".

use serde_json::Value as Json;

use super::{pattern::matches_glob, truth::Truth};
use crate::chain::RoleArn;

/// Who calls `sts:AssumeRole`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CallingPrincipal<'a> {
    /// The Redshift service, under each of its names, in lower case; a `*` stands for a region that is not known.
    Service(&'a [String]),
    /// A session of a role.
    Session {
        /// The role.
        role: &'a RoleArn,
        /// The role's unique id, `AROA...`, where known.
        id: Option<&'a str>,
        /// The session's name, where known.
        session: Option<&'a str>,
    },
}

/// How closely a statement of a trust policy names the caller: one value for each way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named {
    /// By its session's ARN, by its service, or as anybody.
    pub(crate) directly: Truth,
    /// By its role.
    pub(crate) by_role: Truth,
    /// By its account, which leaves the choice to that account's own policies.
    pub(crate) by_account: Truth,
}

impl Named {
    pub(crate) const NOT: Self = Self { directly: Truth::False, by_role: Truth::False, by_account: Truth::False };

    /// The same value in each way.
    pub(crate) const fn each(truth: Truth) -> Self {
        Self { directly: truth, by_role: truth, by_account: truth }
    }

    /// Whether the caller is named in any way.
    pub(crate) fn at_all(self) -> Truth {
        self.directly | self.by_role | self.by_account
    }

    pub(crate) fn and(self, truth: Truth) -> Self {
        Self { directly: self.directly & truth, by_role: self.by_role & truth, by_account: self.by_account & truth }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            directly: self.directly | other.directly,
            by_role: self.by_role | other.by_role,
            by_account: self.by_account | other.by_account,
        }
    }
}

/// A Principal element.
#[derive(Clone, Debug)]
pub(crate) enum Principals {
    /// `"*"`
    Anybody,
    /// The texts under `AWS` and under `Service`. Other types name nobody of ours.
    Listed { accounts: Vec<String>, services: Vec<String> },
    /// `NotPrincipal`, or a shape that IAM refuses.
    Unreadable,
}

impl Principals {
    /// Reads a Principal element.
    pub(crate) fn read(element: &Json) -> Self {
        let types = match element {
            Json::String(text) if text == "*" => return Self::Anybody,
            Json::Object(types) => types,
            _ => return Self::Unreadable,
        };
        if types.is_empty() {
            return Self::Unreadable;
        }
        let (mut accounts, mut services) = (Vec::new(), Vec::new());
        for (kind, value) in types {
            let Some(texts) = texts(value).filter(|texts| !texts.is_empty()) else { return Self::Unreadable };
            match kind.as_str() {
                "AWS" => accounts = texts,
                "Service" => services = texts,
                "Federated" | "CanonicalUser" => {}
                _ => return Self::Unreadable,
            }
        }
        Self::Listed { accounts, services }
    }

    /// Whether it names everybody, and nobody in particular.
    pub(crate) fn is_anybody(&self) -> bool {
        match self {
            Self::Anybody => true,
            Self::Listed { accounts, .. } => accounts.iter().any(|text| text == "*"),
            Self::Unreadable => false,
        }
    }

    /// The texts under `AWS`, and under `Service`.
    pub(crate) fn texts(&self) -> (&[String], &[String]) {
        match self {
            Self::Listed { accounts, services } => (accounts, services),
            Self::Anybody | Self::Unreadable => (&[], &[]),
        }
    }

    /// The texts under `AWS`; `None`: it may name anybody.
    pub(crate) fn aws_texts(&self) -> Option<&[String]> {
        match self {
            Self::Listed { accounts, .. } if !accounts.iter().any(|text| text == "*") => Some(accounts),
            Self::Anybody | Self::Listed { .. } | Self::Unreadable => None,
        }
    }

    /// How this element names the caller.
    pub(crate) fn name(&self, caller: CallingPrincipal<'_>) -> Named {
        let (accounts, services) = match self {
            Self::Anybody => return Named { directly: Truth::True, ..Named::NOT },
            Self::Unreadable => return Named::each(Truth::Unknown),
            Self::Listed { accounts, services } => (accounts, services),
        };
        match caller {
            CallingPrincipal::Service(names) => {
                let by_service = Truth::any(services.iter().map(|text| names_service(text, names)));
                // Whether "every AWS principal" takes services in is not documented.
                let by_star = Truth::from(accounts.iter().any(|text| text == "*")).doubted();
                Named { directly: by_service | by_star, ..Named::NOT }
            }
            CallingPrincipal::Session { role, id, session } => {
                let each = accounts.iter().map(|text| names_session(text, role, id, session));
                each.fold(Named::NOT, Named::or)
            }
        }
    }
}

fn names_service(text: &str, names: &[String]) -> Truth {
    // A name with a `*` is that of a region which is not known.
    let exact = Truth::from(names.iter().any(|name| name == text && !name.contains('*')));
    // Whether case counts, and whether the Chinese partition's own form is in use, is not documented.
    let form = text.strip_suffix(".cn").unwrap_or(text);
    let is_near = |name: &String| {
        if name.contains('*') {
            matches_glob(name, &form.to_ascii_lowercase())
        } else {
            name.eq_ignore_ascii_case(form)
        }
    };
    let nearly = Truth::from(names.iter().any(is_near));
    exact | nearly.doubted()
}

fn names_session(text: &str, role: &RoleArn, id: Option<&str>, session: Option<&str>) -> Named {
    let (partition, account, name) = (role.partition(), role.account(), role.name());
    if text == "*" {
        return Named { directly: Truth::True, ..Named::NOT };
    }
    if text == account.to_string() {
        return Named { by_account: Truth::True, ..Named::NOT };
    }
    // IAM shows the id of a role that is gone; the id of a living one should have been shown as its ARN.
    if id == Some(text) {
        return Named { by_role: Truth::Unknown, ..Named::NOT };
    }
    let mut fields = text.splitn(6, ':');
    let mut next = || fields.next().unwrap_or_default();
    if next() != "arn" || next() != partition {
        return Named::NOT;
    }
    let (service, region, owner, resource) = (next(), next(), next(), next());
    if !region.is_empty() || owner != account.to_string() {
        return Named::NOT;
    }
    match (service, resource.split_once('/')) {
        ("iam", None) if resource == "root" => Named { by_account: Truth::True, ..Named::NOT },
        ("iam", Some(("role", _))) if text == role.as_str() => Named { by_role: Truth::True, ..Named::NOT },
        // IAM shows path and case as they are, so this text is old or written by hand.
        ("iam", Some(("role", path_and_name))) => {
            let named = path_and_name.rsplit('/').next().unwrap_or_default();
            Named { by_role: Truth::from(named.eq_ignore_ascii_case(name)).doubted(), ..Named::NOT }
        }
        ("sts", Some(("assumed-role", named))) => {
            let (named, named_session) = named.split_once('/').unwrap_or((named, ""));
            let nearly = named.eq_ignore_ascii_case(name)
                && session.is_none_or(|session| session.eq_ignore_ascii_case(named_session));
            let exactly = named == name && session == Some(named_session);
            Named { directly: Truth::from(nearly).doubted() | Truth::from(exactly), ..Named::NOT }
        }
        _ => Named::NOT,
    }
}

/// One text or a list of texts.
pub(crate) fn texts(value: &Json) -> Option<Vec<String>> {
    let text = |value: &Json| value.as_str().map(str::to_owned);
    match value {
        Json::Array(list) => list.iter().map(text).collect(),
        one => text(one).map(|text| vec![text]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn roles_sessions_and_accounts() {
        let role = RoleArn::parse("arn:aws:iam::111122223333:role/team/RoleA").unwrap();
        let caller = CallingPrincipal::Session { role: &role, id: Some("AROAX"), session: Some("s") };
        let (no, open, yes) = (Truth::False, Truth::Unknown, Truth::True);
        // (principal, named directly, by role, by account)
        let rows = [
            (json!("*"), yes, no, no),
            (json!({"AWS": "*"}), yes, no, no),
            (json!({"AWS": "111122223333"}), no, no, yes),
            (json!({"AWS": ["arn:aws:iam::111122223333:root", "999999999999"]}), no, no, yes),
            (json!({"AWS": "arn:aws-cn:iam::111122223333:root"}), no, no, no),
            (json!({"AWS": "arn:aws:iam::111122223333:role/team/RoleA"}), no, yes, no),
            (json!({"AWS": "arn:aws:iam::111122223333:role/RoleA"}), no, open, no),
            (json!({"AWS": "arn:aws:iam::111122223333:role/team/rolea"}), no, open, no),
            (json!({"AWS": "arn:aws:iam::111122223333:role/*"}), no, no, no),
            (json!({"AWS": "arn:aws:iam::111122223333:user/RoleA"}), no, no, no),
            (json!({"AWS": "arn:aws:sts::111122223333:assumed-role/RoleA/s"}), yes, no, no),
            (json!({"AWS": "arn:aws:sts::111122223333:assumed-role/RoleA/S"}), open, no, no),
            (json!({"AWS": "arn:aws:sts::111122223333:assumed-role/team/RoleA/s"}), no, no, no),
            (json!({"AWS": "AROAX"}), no, open, no),
            (json!({"AWS": "AROAGONE"}), no, no, no),
            (json!({"Service": "redshift.amazonaws.com"}), no, no, no),
            (json!({"Robot": "x"}), open, open, open),
            (json!({"AWS": []}), open, open, open),
            (json!({}), open, open, open),
            (json!("111122223333"), open, open, open),
        ];
        for (element, directly, by_role, by_account) in rows {
            let named = Principals::read(&element).name(caller);
            assert_eq!((named.directly, named.by_role, named.by_account), (directly, by_role, by_account), "{element}");
        }
    }

    #[test]
    fn services() {
        let names = ["redshift.amazonaws.com".to_owned(), "redshift.us-east-1.amazonaws.com".to_owned()];
        let rows = [
            (json!("*"), Truth::True),
            (json!({"AWS": "*"}), Truth::Unknown),
            (json!({"Service": ["ec2.amazonaws.com", "redshift.amazonaws.com"]}), Truth::True),
            (json!({"Service": "redshift.us-east-1.amazonaws.com"}), Truth::True),
            (json!({"Service": "redshift.eu-west-1.amazonaws.com"}), Truth::False),
            (json!({"Service": "Redshift.amazonaws.com"}), Truth::Unknown),
            (json!({"Service": "redshift.amazonaws.com.cn"}), Truth::Unknown),
            (json!({"Service": "*.amazonaws.com"}), Truth::False),
            (json!({"AWS": "redshift.amazonaws.com"}), Truth::False),
        ];
        for (element, want) in rows {
            assert_eq!(Principals::read(&element).name(CallingPrincipal::Service(&names)).at_all(), want, "{element}");
        }
        let anywhere = ["redshift.amazonaws.com".to_owned(), "redshift.*.amazonaws.com".to_owned()];
        for (text, want) in [
            ("redshift.amazonaws.com", Truth::True),
            ("redshift.us-east-1.amazonaws.com", Truth::Unknown),
            ("redshift.*.amazonaws.com", Truth::Unknown),
            ("redshift-serverless.us-east-1.amazonaws.com", Truth::False),
            ("ec2.us-east-1.amazonaws.com", Truth::False),
        ] {
            let found = Principals::read(&json!({"Service": text})).name(CallingPrincipal::Service(&anywhere));
            assert_eq!(found.at_all(), want, "{text} in a region that is not known");
        }
    }
}
