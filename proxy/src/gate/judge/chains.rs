//! A chain against the IAM facts: the attachment, then every hop.

use crate::chain::{Chain, RoleArn};
use crate::gate::codes::Code;
use crate::gate::finding::Finding;
use crate::gate::judge::context::JudgeContext;
use crate::gate::policy::Iam;
use crate::gate::principal::{Principal, database_user};
use crate::gate::verdict::{HopResult, JudgedHop};
use crate::iam::{self, Caller, Cause, ClusterError, Outcome, Refusal, Step};

/// What the facts say of a chain.
#[derive(Default)]
pub(super) struct Steps {
    pub(super) hops: Vec<JudgedHop>,
    pub(super) findings: Vec<Finding>,
    pub(super) unknown_roles: Vec<RoleArn>,
    pub(super) depends_on_time: bool,
}

/// Judges the chain whose literal starts at byte `at`. Without facts there is nothing to say about it.
pub(super) fn judge_chain(context: &JudgeContext<'_>, chain: &Chain, at: usize) -> Steps {
    let mut steps = Steps::default();
    let Some(iam) = context.policy.iam() else { return steps };
    let cluster = match iam.facts.find_cluster(&iam.cluster) {
        Ok(cluster) => cluster,
        Err(error) => {
            steps.findings.push(unknown_cluster(context, iam, &error, at));
            return steps;
        }
    };
    steps.unknown_roles = chain.roles().iter().filter(|role| !iam.facts.knows(role)).cloned().collect();
    let caller = Caller { now: context.now, ..iam.caller(cluster, acting_login(context.principal), None) };
    if let Some(first) = chain.roles().first() {
        let hop = JudgedHop { source: "cluster".to_owned(), target: short(first), result: HopResult::Allowed, at };
        steps.add(context, (chain, 0, at), hop, iam::attachment(&iam.facts, chain.roles(), &caller));
    }
    for (number, source, target) in chain.hops() {
        let hop = JudgedHop { source: short(source), target: short(target), result: HopResult::Allowed, at };
        steps.add(context, (chain, number, at), hop, iam::hop(&iam.facts, source, target, number, &caller));
    }
    steps
}

impl Steps {
    /// Adds a step of a chain: its number, 0 for the attachment, and the byte at which the chain's literal starts.
    fn add(&mut self, context: &JudgeContext<'_>, of: (&Chain, usize, usize), hop: JudgedHop, step: Step) {
        let (chain, number, at) = of;
        self.depends_on_time |= step.depends_on_time;
        let (result, refusal) = match step.outcome {
            Outcome::Allowed => (HopResult::Allowed, None),
            Outcome::Denied(refusal) => (HopResult::Denied, Some(refusal)),
            Outcome::Unknown(refusal) => (HopResult::Unknown, Some(refusal)),
        };
        self.hops.push(JudgedHop { result, ..hop });
        let Some(Refusal { cause, message, evidence, remedy, .. }) = refusal else { return };
        let step_name = if number == 0 { "attachment (hop 0)".to_owned() } else { format!("hop {number}") };
        let finding = context
            .finding(code(cause), at)
            .message(message)
            .detail(format!("chain {chain}; {step_name}: {evidence}"))
            .hint(remedy);
        let decided = result != HopResult::Unknown;
        self.findings.push(Finding { hop: Some(number), decided, ..finding });
    }
}

/// The login of the user for whom a role is assumed; the user's own name after SET SESSION AUTHORIZATION.
fn acting_login(principal: &Principal) -> &str {
    let login = principal.login_user.as_str();
    if database_user(login) == principal.user { login } else { &principal.user }
}

/// `account/name`, as the metrics show roles.
fn short(role: &RoleArn) -> String {
    format!("{}/{}", role.account(), role.name())
}

const fn code(cause: Cause) -> Code {
    match cause {
        Cause::NotAttached => Code::Rg201,
        Cause::NoPermission => Code::Rg202,
        Cause::NotTrusted => Code::Rg203,
        Cause::ExplicitDeny => Code::Rg204,
        Cause::Condition => Code::Rg205,
        Cause::UnknownRole => Code::Rg206,
        Cause::Undecided => Code::Rg207,
    }
}

/// The role that the keyword `default` stands for, as a chain. Rules see it, reports the keyword: which role it stands for can
/// change without the statement. `None`: there are no facts.
///
/// # Errors
/// What is wrong with a statement that would assume it: none is set, or the facts do not say which.
pub(super) fn default_chain(context: &JudgeContext<'_>, at: usize) -> Result<Option<Chain>, Box<Finding>> {
    let Some(iam) = context.policy.iam() else { return Ok(None) };
    let cluster = iam.facts.find_cluster(&iam.cluster).map_err(|error| unknown_cluster(context, iam, &error, at))?;
    let role = iam::default_role(cluster).map_err(|refusal| {
        let Refusal { cause, message, evidence, remedy, .. } = *refusal;
        let finding = context.finding(code(cause), at).message(message).detail(evidence).hint(remedy);
        Finding { hop: Some(0), decided: cause != Cause::UnknownRole, ..finding }
    })?;
    Ok(Chain::parse(role.as_str()).ok())
}

fn unknown_cluster(context: &JudgeContext<'_>, iam: &Iam, error: &ClusterError, at: usize) -> Finding {
    let message = format!("no attachment can be checked: cluster \"{}\" {error}", iam.cluster);
    Finding { decided: false, ..context.finding(Code::Rg206, at).message(message) }
}
