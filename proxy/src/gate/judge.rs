//! Judging a message: chain syntax, attachment, every hop, then the rules. All findings are collected.

use jiff::Timestamp;

use crate::chain::{Chain, RoleArn};
use crate::gate::codes::{Code, Severity};
use crate::gate::finding::Finding;
use crate::gate::policy::{Catalog, Iam, Policy};
use crate::gate::principal::Principal;
use crate::gate::verdict::{Action, HopResult, JudgedHop, JudgedStatement, JudgedUse, Verdict};
use crate::iam::{self, Caller, Cause, Outcome, Refusal, Step};
use crate::rules::{self, RuleRequest, TargetFacts};
use crate::sql::{Analysis, Clause, Fault, FaultKind, Method, RoleUse, Statement, StatementKind, Target};

impl Policy {
    /// Judges what reading `text` found. `now` is what conditions and rules take for the time.
    #[must_use]
    pub fn judge(&self, text: &[u8], analysis: Analysis, principal: &Principal, now: Timestamp) -> Verdict {
        let mut judge = Judge {
            policy: self,
            principal,
            now,
            length: text.len(),
            depends_on_time: false,
            unknown_roles: Vec::new(),
        };
        let statements: Vec<_> = analysis.statements.into_iter().map(|statement| judge.statement(statement)).collect();
        let enforced = statements.iter().map(|statement| statement.action).max().unwrap_or(Action::Forward);
        let action = self.mode().action(enforced);
        Verdict {
            action,
            enforced,
            statements,
            unknown_roles: judge.unknown_roles,
            depends_on_time: judge.depends_on_time,
            policy_version: self.version().to_owned(),
            generation: self.generation(),
        }
    }
}

struct Judge<'a> {
    policy: &'a Policy,
    principal: &'a Principal,
    now: Timestamp,
    length: usize,
    depends_on_time: bool,
    unknown_roles: Vec<RoleArn>,
}

impl Judge<'_> {
    fn statement(&mut self, statement: Statement) -> JudgedStatement {
        let mut judged = JudgedStatement {
            kind: statement.kind,
            span: statement.span,
            uses: Vec::new(),
            hops: Vec::new(),
            rule_hits: Vec::new(),
            findings: statement.faults.iter().map(|fault| self.fault(fault)).collect(),
            action: Action::Forward,
            effect: statement.effect,
            watch_parameters: statement.parameters_may_name_roles,
        };
        for role_use in statement.role_uses {
            self.role_use(role_use, &mut judged);
        }
        let gravest = judged.findings.iter().map(|finding| finding.severity).max();
        judged.action = gravest.map_or(Action::Forward, Action::from);
        judged
    }

    fn finding(&self, code: Code, message: String, at: usize) -> Finding {
        let severity = self.policy.severity(code);
        Finding { code, severity, message, detail: None, hint: None, hop: None, at: at.min(self.length) }
    }

    fn fault(&self, fault: &Fault) -> Finding {
        let (code, message, hint) = describe(fault.kind);
        let mut finding = self.finding(code, message.to_owned(), fault.span.start);
        finding.detail = Some(fault.detail.clone()).filter(|detail| !detail.is_empty());
        finding.hint = Some(hint.to_owned());
        finding
    }

    fn role_use(&mut self, role_use: RoleUse, judged: &mut JudgedStatement) {
        let chain = match &role_use.method {
            Method::Chain(text) => match Chain::parse(text) {
                Ok(chain) => Some(chain),
                Err(error) => {
                    let mut finding = self.finding(Code::Rg101, error.to_string(), role_use.span.start);
                    finding.detail = Some(format!("the literal reads {text:?}"));
                    finding.hint = Some(
                        "write full role ARNs, joined by commas without spaces, at most 10: \
                         'arn:aws:iam::<account>:role/<first>,arn:aws:iam::<account>:role/<next>'"
                            .to_owned(),
                    );
                    judged.findings.push(finding);
                    None
                }
            },
            _ => None,
        };
        let default = if role_use.method == Method::Default { self.default_role() } else { None };
        let assumed = chain.as_ref().or(default.as_ref());
        if let (Some(chain), Some(iam), true) = (assumed, self.policy.iam(), is_assumed(judged.kind, role_use.clause)) {
            self.chain(chain, iam, role_use.span.start, judged);
        }
        self.rules(&role_use, chain.as_ref(), judged);
        let roles = match &role_use.method {
            Method::Chain(text) => text.split(',').map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let RoleUse { clause, method, span, target } = role_use;
        judged.uses.push(JudgedUse { clause, method, roles, target, span });
    }

    /// The role that the keyword `default` stands for, where the facts tell. Rules and reports see the keyword: which role it
    /// stands for can change without the statement.
    fn default_role(&self) -> Option<Chain> {
        let iam = self.policy.iam()?;
        let role = iam.facts.cluster(&iam.cluster)?.default_role()?;
        Chain::parse(role.as_str()).ok()
    }

    /// Attachment and every hop.
    fn chain(&mut self, chain: &Chain, iam: &Iam, at: usize, judged: &mut JudgedStatement) {
        let Some(cluster) = iam.facts.cluster(&iam.cluster) else {
            let message =
                format!("cluster \"{}\" is not in the IAM facts, so no attachment can be checked", iam.cluster);
            judged.findings.push(self.finding(Code::Rg206, message, at));
            return;
        };
        let caller = Caller {
            cluster,
            database_user: &self.principal.user,
            external_id: None,
            external_id_on: iam.external_id,
            mode: iam.mode,
            now: self.now,
        };
        let unknown = chain.roles().iter().filter(|role| !iam.facts.knows(role));
        self.unknown_roles.extend(unknown.cloned());
        if let Some(first) = chain.roles().first() {
            let step = iam::attachment(&iam.facts, first, &caller);
            self.step("cluster".to_owned(), first, 0, step, at, chain, judged);
        }
        for (number, source, target) in chain.hops() {
            let step = iam::hop(&iam.facts, source, target, number, &caller);
            self.step(short(source), target, number, step, at, chain, judged);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one step is told apart by all of these, and they have one caller")]
    fn step(
        &mut self,
        source: String,
        target: &RoleArn,
        number: usize,
        step: Step,
        at: usize,
        chain: &Chain,
        judged: &mut JudgedStatement,
    ) {
        self.depends_on_time |= step.depends_on_time;
        let (result, refusal) = match step.outcome {
            Outcome::Allowed => (HopResult::Allowed, None),
            Outcome::Denied(refusal) => (HopResult::Denied, Some(refusal)),
            Outcome::Unknown(refusal) => (HopResult::Unknown, Some(refusal)),
        };
        judged.hops.push(JudgedHop { source, target: short(target), result });
        let Some(Refusal { cause, message, evidence, remedy }) = refusal else { return };
        let mut finding = self.finding(cause_code(cause), message, at);
        let step_name = if number == 0 { "attachment (hop 0)".to_owned() } else { format!("hop {number}") };
        finding.detail = Some(format!("chain {chain}; {step_name}: {evidence}"));
        finding.hint = remedy;
        finding.hop = Some(number);
        judged.findings.push(finding);
    }

    fn rules(&mut self, role_use: &RoleUse, chain: Option<&Chain>, judged: &mut JudgedStatement) {
        if self.principal.groups.is_none()
            && *self.policy.catalog() == Catalog::Unknown
            && !self.policy.parts.rules.is_empty()
        {
            let message = "the groups of the database users are not known yet, so no rule can permit it".to_owned();
            let mut finding = self.finding(Code::Rg302, message, role_use.span.start);
            finding.detail = Some("the cluster's catalogue was not read yet".to_owned());
            finding.hint = Some("try again; the gate's log says why [gate.catalog] cannot be read".to_owned());
            return judged.findings.push(finding);
        }
        let groups = self.principal.groups.clone().unwrap_or_else(|| self.policy.groups_of(&self.principal.user));
        let cluster = self.policy.iam().and_then(|iam| iam.facts.cluster(&iam.cluster));
        let request = RuleRequest {
            user: &self.principal.user,
            groups: &groups,
            database: &self.principal.database,
            application: &self.principal.application,
            client_address: self.principal.client_address,
            tls_subject: self.principal.tls_subject.as_deref(),
            tls_names: &self.principal.tls_names,
            now: self.now,
            gate: &self.policy.parts.gate,
            cluster: self.policy.iam().map_or("", |iam| &iam.cluster),
            cluster_account: cluster.and_then(iam::Cluster::account),
            kind: judged.kind.as_str(),
            method: role_use.method.as_str(),
            clause: role_use.clause.as_str(),
            roles: chain.map(Chain::roles).unwrap_or_default(),
            target: role_use.target.as_ref().map(target_facts),
        };
        let judgement = match self.policy.parts.rules.judge(&request) {
            Ok(judgement) => judgement,
            Err(error) => {
                let mut finding =
                    self.finding(Code::Rg301, "the rules cannot be evaluated".to_owned(), role_use.span.start);
                finding.detail = Some(error.to_string());
                judged.findings.push(finding);
                return;
            }
        };
        self.depends_on_time |= judgement.depends_on_time;
        for hit in judgement.hits {
            let forbids = hit.effect == rules::RuleEffect::Forbid;
            judged.rule_hits.push((hit.rule.clone(), hit.effect));
            if !forbids {
                continue;
            }
            let reason = hit.reason.unwrap_or_else(|| "an organisation rule forbids this use of a role".to_owned());
            let mut finding = self.finding(Code::Rg301, reason, role_use.span.start);
            if hit.severity == rules::RuleSeverity::Annotate {
                finding.severity = finding.severity.min(Severity::Annotate);
            }
            finding.detail = Some(self.circumstances(&hit.rule, chain, role_use));
            finding.hint = Some(format!("ask the owner of rule \"{}\"", hit.rule));
            judged.findings.push(finding);
        }
        if !judgement.permitted {
            let message = "no organisation rule permits this use of a role".to_owned();
            let mut finding = self.finding(Code::Rg302, message, role_use.span.start);
            finding.detail = Some(self.circumstances("", chain, role_use));
            finding.hint = Some("ask the owners of the rules to permit it".to_owned());
            judged.findings.push(finding);
        }
    }

    fn circumstances(&self, rule: &str, chain: Option<&Chain>, role_use: &RoleUse) -> String {
        let rule = if rule.is_empty() { String::new() } else { format!("rule \"{rule}\"; ") };
        let what = chain.map_or_else(|| role_use.method.as_str().to_owned(), |chain| format!("chain {chain}"));
        format!("{rule}user \"{}\", database \"{}\", {what}", self.principal.user, self.principal.database)
    }
}

/// Whether the role is assumed by the cluster on behalf of this statement: grants and grantees are only named.
fn is_assumed(kind: StatementKind, clause: Clause) -> bool {
    let named = matches!(clause, Clause::AssumeRole | Clause::Grantee);
    !named && kind != StatementKind::RevokeAssumerole
}

/// `account/name`, as the metrics show roles.
fn short(role: &RoleArn) -> String {
    format!("{}/{}", role.account(), role.name())
}

const fn cause_code(cause: Cause) -> Code {
    match cause {
        Cause::NotAttached => Code::Rg201,
        Cause::NoPermission => Code::Rg202,
        Cause::NotTrusted => Code::Rg203,
        Cause::ExplicitDeny => Code::Rg204,
        Cause::Condition => Code::Rg205,
        Cause::UnknownRole => Code::Rg206,
    }
}

/// Code, message and remedy of what the reading of SQL found.
const fn describe(kind: FaultKind) -> (Code, &'static str, &'static str) {
    match kind {
        FaultKind::Disguised => (
            Code::Rg102,
            "the credential literal is disguised by an escape, a join or unusual quoting",
            "write the credential as one plain literal in single quotes, without a backslash",
        ),
        FaultKind::SeveralMethods => (
            Code::Rg103,
            "the statement has more than one credential method or clause",
            "keep one of IAM_ROLE, CREDENTIALS or access keys, once",
        ),
        FaultKind::AccessKeys => (
            Code::Rg104,
            "the statement carries static access keys",
            "use IAM_ROLE with a role that is attached to the cluster",
        ),
        FaultKind::Unreadable => (
            Code::Rg105,
            "the statement names credentials but has no known shape",
            "write the statement as its page in the Amazon Redshift Database Developer Guide shows it",
        ),
        FaultKind::DynamicSql => (
            Code::Rg106,
            "the procedure runs dynamic SQL that can carry a role",
            "EXECUTE a literal, or write the COPY or UNLOAD into the body",
        ),
        FaultKind::CallArgument => (
            Code::Rg107,
            "an argument of CALL looks like a role ARN",
            "let the procedure hold its role itself, or allow RG107 in [policy.severity]",
        ),
        FaultKind::NoCredentials => (
            Code::Rg108,
            "the statement has no credential clause, so the caller's own identity would be used",
            "add IAM_ROLE, or allow RG108 in [policy.severity] where S3 Access Grants are in use",
        ),
        FaultKind::Encoding => {
            (Code::Rg109, "this client encoding could hide quotes from the gate", "use client_encoding UTF8")
        }
    }
}

fn target_facts(target: &Target) -> TargetFacts<'_> {
    let mut facts = TargetFacts::default();
    match target {
        Target::S3Uri(uri) => match uri.strip_prefix("s3://").map(|path| path.split_once('/').unwrap_or((path, ""))) {
            Some((bucket, prefix)) => (facts.bucket, facts.prefix) = (Some(bucket), Some(prefix)),
            None => facts.other = Some(uri),
        },
        Target::Lambda(function) | Target::SageMaker(function) => facts.function = Some(function),
        Target::CatalogDatabase(database) => facts.catalog_database = Some(database),
        Target::Secret(secret) => facts.secret = Some(secret),
        Target::Grantee(grantee) => facts.grantee = Some(grantee),
        Target::Other(other) => facts.other = Some(other),
    }
    facts
}
