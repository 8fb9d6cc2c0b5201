//! What a prepared statement's parameters can do once they have values.

use crate::sql::encoding::is_unsafe_encoding;
use crate::sql::model::FaultKind;
use crate::sql::signs::names_role;
use crate::sql::words::is_same;

/// What a parameter stands for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Role {
    /// An argument of CALL.
    CallArgument,
    /// The name of a setting whose value is looked at by itself.
    SettingName,
    /// The name of a setting whose value is computed.
    ComputedSetting,
    /// The value of `client_encoding`.
    Encoding,
    /// The value of the setting that another parameter names.
    SettingValue {
        /// `1` of `$1`.
        name: u16,
    },
}

/// A parameter to look at.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Watched {
    /// `1` of `$1`.
    pub number: u16,
    /// What it stands for.
    pub role: Role,
}

/// The parameters of a statement to look at when they are bound.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Watch {
    parameters: Vec<Watched>,
}

/// What is wrong with the values of a statement's parameters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BoundFault {
    /// What is wrong.
    pub kind: FaultKind,
    /// In words; never the value itself.
    pub detail: String,
}

impl Watch {
    /// Whether no parameter matters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty()
    }

    /// A parameter to look at.
    pub fn add(&mut self, number: u16, role: Role) {
        let watched = Watched { number, role };
        if !self.parameters.contains(&watched) {
            self.parameters.push(watched);
        }
    }

    /// Takes over what another statement of the message asks for.
    pub fn extend(&mut self, other: &Self) {
        for watched in &other.parameters {
            self.add(watched.number, watched.role);
        }
    }

    /// What is wrong with the values that a `Bind` hands over, if anything. `None` as a value is NULL. Text looks the same in
    /// both formats of the protocol, and what is no text names nothing that is looked for; so formats do not count.
    #[must_use]
    pub fn judge(&self, values: &[Option<&[u8]>]) -> Option<BoundFault> {
        let value = |number: u16| values.get(usize::from(number).checked_sub(1)?).copied().flatten();
        self.parameters.iter().find_map(|watched| {
            let (kind, detail) = wrong(watched.role, value(watched.number)?, value)?;
            Some(BoundFault { kind, detail: format!("parameter ${} {detail}", watched.number) })
        })
    }
}

/// What is wrong with the value of a parameter. `others` gives the values of the others.
fn wrong<'v>(role: Role, value: &[u8], others: impl Fn(u16) -> Option<&'v [u8]>) -> Option<(FaultKind, &'static str)> {
    let is = |value: &[u8], name: &str| is_same(value, name);
    let hides_quotes = |value: &[u8]| {
        let is_unsafe = is_unsafe_encoding(&String::from_utf8_lossy(value));
        is_unsafe.then_some((FaultKind::Encoding, "is a client encoding that could hide quotes"))
    };
    match role {
        Role::CallArgument => names_role(value).then_some((FaultKind::CallArgument, "looks like a role's ARN")),
        Role::ComputedSetting if is(value, "client_encoding") => {
            Some((FaultKind::ComputedSetting, "names client_encoding, whose value is computed"))
        }
        Role::SettingName | Role::ComputedSetting => is(value, "session_authorization")
            .then_some((FaultKind::Unreadable, "names session_authorization, whose user the gate cannot follow here")),
        Role::Encoding => hides_quotes(value),
        Role::SettingValue { name } => {
            others(name).filter(|name| is(name, "client_encoding")).and_then(|_name| hides_quotes(value))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Role, Watch};
    use crate::sql::model::FaultKind;

    fn judged(parameters: &[(u16, Role)], values: &[Option<&str>]) -> Option<FaultKind> {
        let mut watch = Watch::default();
        for (number, role) in parameters {
            watch.add(*number, *role);
        }
        let values: Vec<Option<&[u8]>> = values.iter().map(|value| value.map(str::as_bytes)).collect();
        watch.judge(&values).map(|fault| fault.kind)
    }

    #[test]
    fn values_are_judged_by_what_they_stand_for() {
        use Role::{CallArgument, ComputedSetting, Encoding, SettingName, SettingValue};
        let arn = Some("arn:aws:iam::1:role/x");
        assert_eq!(judged(&[(2, CallArgument)], &[None, arn]), Some(FaultKind::CallArgument));
        assert_eq!(judged(&[(1, CallArgument)], &[None, arn]), None);
        assert_eq!(judged(&[(3, CallArgument)], &[None, arn]), None);
        let set_config = [(1, SettingName), (2, SettingValue { name: 1 })];
        assert_eq!(judged(&set_config, &[Some("Client_Encoding"), Some("sjis")]), Some(FaultKind::Encoding));
        assert_eq!(judged(&set_config, &[Some("client_encoding"), Some("utf8")]), None);
        assert_eq!(judged(&set_config, &[Some("application_name"), Some("sjis")]), None);
        assert_eq!(judged(&set_config, &[Some("session_authorization"), Some("x")]), Some(FaultKind::Unreadable));
        assert_eq!(judged(&set_config, &[None, None]), None);
        assert_eq!(judged(&[(1, Encoding)], &[Some("GBK")]), Some(FaultKind::Encoding));
        let computed = [(1, ComputedSetting)];
        assert_eq!(judged(&computed, &[Some("client_encoding")]), Some(FaultKind::ComputedSetting));
        assert_eq!(judged(&computed, &[Some("session_authorization")]), Some(FaultKind::Unreadable));
        assert_eq!(judged(&computed, &[Some("app.user")]), None);
        // What one call sets does not hide what another does.
        let two = [(2, SettingName), (3, SettingValue { name: 2 }), (1, Encoding)];
        assert_eq!(judged(&two, &[Some("sjis"), Some("app.x"), Some("y")]), Some(FaultKind::Encoding));
    }
}
