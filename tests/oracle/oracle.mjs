// Generates hops with a fixed seed, has them judged by a published IAM evaluator and by rolegate, and lists every difference with the
// reason that rolegate is right. A difference without a reason fails the run.
//   node oracle.mjs VERDICTS [COUNT] [SEED]     VERDICTS: the example program iam_verdicts
// The evaluator (@cloud-copilot/iam-simulate) is installed beside this file's runner and is no part of this project.

import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import process from 'node:process'

const require = createRequire(`${process.cwd()}/package.json`)
const { runSimulation } = require('@cloud-copilot/iam-simulate')

const [program, count = '6000', seed = '20260101'] = process.argv.slice(2)

// xorshift: the same hops for the same seed, everywhere.
let state = BigInt(seed) | 1n
function roll(limit) {
  state ^= (state << 13n) & 0xffffffffffffffffn
  state ^= state >> 7n
  state ^= (state << 17n) & 0xffffffffffffffffn
  return Number((state >> 20n) % BigInt(limit))
}
const pick = (...list) => list[roll(list.length)]
const chance = (percent) => roll(100) < percent
const some = (most, make) => Array.from({ length: 1 + roll(most) }, make)

const HOME = '111122223333'
const AWAY = '210987654321'
const role = (account, name) => `arn:aws:iam::${account}:role/${name}`
const ETL = `arn:aws:redshift:us-east-1:${HOME}:dbuser:analytics/etl_user`

function context(source, target) {
  const account = source.split(':')[4]
  return {
    'aws:PrincipalArn': source,
    'aws:PrincipalAccount': account,
    'aws:PrincipalType': 'AssumedRole',
    'aws:userid': 'AROAEXAMPLEROLEAAAAAA:RedshiftIamRoleSession',
    'aws:PrincipalIsAWSService': 'false',
    'aws:SecureTransport': 'true',
    'aws:CurrentTime': '2026-11-23T12:00:00Z',
    'aws:EpochTime': '1795435200',
    'aws:ResourceAccount': target.split(':')[4],
    'sts:RoleSessionName': 'RedshiftIamRoleSession',
    'sts:ExternalId': ETL,
    'aws:PrincipalOrgID': 'o-a1b2c3d4e5',
    'aws:PrincipalTag/team': 'data',
  }
}

function condition() {
  const not = chance(30) ? 'Not' : ''
  const ifExists = chance(20) ? 'IfExists' : ''
  const variable = pick('${aws:PrincipalAccount}', '${aws:PrincipalTag/team}', '${aws:PrincipalTag/none}', '${aws:username}')
  return pick(
    () => ({ [`String${not}Equals${ifExists}`]: { 'sts:ExternalId': pick(ETL, 'other', [ETL, 'x']) } }),
    () => ({ [`String${not}Like${ifExists}`]: { 'sts:ExternalId': pick('*/etl_user', '*analyst', `${ETL}?`) } }),
    () => ({ [`StringEqualsIgnoreCase`]: { 'aws:PrincipalTag/team': pick('DATA', 'other') } }),
    () => ({ [`String${not}Equals`]: { 'aws:PrincipalTag/team': pick('data', variable, 'x') } }),
    () => ({ [`String${not}Equals${ifExists}`]: { 'aws:PrincipalTag/none': pick('data', 'x') } }),
    () => ({ [`Arn${not}Like${ifExists}`]: { 'aws:PrincipalArn': pick(role(HOME, 'Role*'), role('*', 'RoleA'), role(HOME, 'Other')) } }),
    () => ({ [`Arn${not}Equals`]: { 'aws:PrincipalArn': pick(role(HOME, 'RoleA'), role('${aws:PrincipalAccount}', 'RoleA')) } }),
    () => ({ Bool: { 'aws:SecureTransport': pick('true', 'false', true) } }),
    () => ({ [`Bool${ifExists}`]: { 'aws:MultiFactorAuthPresent': pick('true', 'false') } }),
    () => ({ [pick('DateLessThan', 'DateGreaterThan')]: { 'aws:CurrentTime': pick('2026-06-01T00:00:00Z', '2027-01-01T00:00:00Z', '1795000000') } }),
    () => ({ [pick('NumericLessThan', 'NumericGreaterThanEquals')]: { 'aws:EpochTime': pick('1795435200', '1', '1900000000') } }),
    () => ({ [`String${not}Equals`]: { 'aws:PrincipalOrgID': pick('o-a1b2c3d4e5', 'o-other') } }),
    () => ({ Null: { [pick('aws:PrincipalTag/none', 'sts:ExternalId')]: pick('true', 'false') } }),
    () => ({ [pick('ForAnyValue:StringEquals', 'ForAllValues:StringEquals')]: { 'aws:TagKeys': pick('a', ['a', 'b']) } }),
    () => ({ StringEquals: { 'aws:PrincipalAccount': pick(HOME, AWAY) } }),
  )()
}

const conditions = () => (chance(35) ? { Condition: Object.assign({}, ...some(2, condition)) } : {})
const version = () => pick('2012-10-17', '2012-10-17', '2012-10-17', '2008-10-17')
const action = () => pick('sts:AssumeRole', 'sts:*', '*', 'STS:assumerole', ['s3:*', 'sts:AssumeRole*'], 'sts:AssumeRoleWithSAML', 'sts:AssumeRole?', 's3:*')

function permission(target) {
  const resource = pick(target, target, '*', 'arn:aws:iam::*:role/*', `${target.slice(0, -1)}?`, role(AWAY, 'Nobody'), [target, role(AWAY, 'X')], role('${aws:PrincipalAccount}', 'RoleB'), `${target}/x`)
  const what = chance(10) ? { NotAction: pick('s3:*', 'sts:*', 'iam:*') } : { Action: action() }
  const where = chance(8) ? { NotResource: resource } : { Resource: resource }
  return { Effect: chance(12) ? 'Deny' : 'Allow', ...what, ...where, ...conditions() }
}
const policy = (target) => ({ Version: version(), Statement: some(2, () => permission(target)) })

function trust(source) {
  const account = source.split(':')[4]
  const session = `arn:aws:sts::${account}:assumed-role/${source.split('/').pop()}/RedshiftIamRoleSession`
  const principal = pick(
    { AWS: source }, { AWS: source }, { AWS: account }, { AWS: `arn:aws:iam::${account}:root` }, '*', { AWS: '*' }, { AWS: session },
    { AWS: role(account, 'Other') }, { Service: 'redshift.amazonaws.com' }, { AWS: [role(account, 'Other'), source] }, { AWS: '999988887777' },
    { AWS: 'AROAEXAMPLEDELETEDROLE' },
  )
  return { Effect: chance(12) ? 'Deny' : 'Allow', Principal: principal, Action: pick('sts:AssumeRole', 'sts:AssumeRole', 'sts:*', ['sts:AssumeRole', 'sts:TagSession'], 'sts:TagSession'), ...conditions() }
}

function hop(number) {
  const target = role(pick(HOME, AWAY, AWAY), 'RoleB')
  const source = role(HOME, 'RoleA')
  const made = {
    id: `generated-${number}`,
    hop: 'role',
    source_role_arn: source,
    source_role_id: 'AROAEXAMPLEROLEAAAAAA',
    source_session_name: 'RedshiftIamRoleSession',
    source_identity_policies: chance(10) ? [] : some(2, () => policy(target)),
    target_role_arn: target,
    target_trust_policy: { Version: version(), Statement: some(2, () => trust(source)) },
    context: context(source, target),
    expected: 'denied',
    expected_strict: 'denied',
    determined: true,
  }
  if (chance(20)) made.source_permission_boundary = policy(target)
  if (chance(10)) made.session_policy = policy(target)
  const levels = (percent) => (chance(percent) ? some(2, (_, level) => ({ level: `level${level}`, policies: [chance(70) ? { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } } : policy(target)] })) : undefined)
  made.scps = levels(25)
  if (chance(10)) made.rcps = [{ level: 'root', policies: [{ Version: '2012-10-17', Statement: [{ Effect: 'Deny', Principal: '*', Action: 'sts:AssumeRole', Resource: '*', ...conditions() }] }] }]
  return JSON.parse(JSON.stringify(made))
}

const named = (policies) => policies.map((one, place) => ({ name: `p${place}`, policy: one }))
const organisation = (levels) => (levels ?? []).map(({ level, policies }) => ({ orgIdentifier: level, policies: named(policies) }))

async function theirs(made) {
  const account = made.source_role_arn.split(':')[4]
  const result = await runSimulation({
    request: {
      principal: `arn:aws:sts::${account}:assumed-role/RoleA/${made.source_session_name}`,
      action: 'sts:AssumeRole',
      resource: { resource: made.target_role_arn, accountId: made.target_role_arn.split(':')[4] },
      contextVariables: made.context,
    },
    sessionPolicy: made.session_policy,
    identityPolicies: named(made.source_identity_policies),
    serviceControlPolicies: organisation(made.scps),
    resourceControlPolicies: organisation(made.rcps),
    resourcePolicy: made.target_trust_policy,
    permissionBoundaryPolicies: made.source_permission_boundary && named([made.source_permission_boundary]),
  }, {})
  if (result.resultType === 'error') return `error ${JSON.stringify(result.errors)}`
  return result.overallResult === 'Allowed' ? 'allowed' : 'denied'
}

// Why the two may differ, each with what takes the matter out of a hop. A difference is explained when both agree once it is out, and
// by the fewest of them. Sources: the pages that proxy/src/iam names.
const replaced = (from, to) => (made) => JSON.parse(JSON.stringify(made).replace(from, to))
const without = (field) => (made) => ({ ...made, [field]: undefined })
const REASONS = [
  ['variables are literal text in documents of Version 2008-10-17 (Policy elements: Version)', replaced(/2008-10-17/g, '2012-10-17')],
  ['an ARN operator compares the fields between colons outside of variables (Policy elements: Variables and tags)', replaced(/(Arn(?:Not)?Equals":\{"aws:PrincipalArn":"arn:aws:iam::)\$\{aws:PrincipalAccount\}/g, `$1${HOME}`)],
  ['a variable before the fifth colon of a Resource is not where the documents allow one: cannot tell (Variables and tags)', replaced(/(Resource":\[?"arn:aws:iam::)\$\{aws:PrincipalAccount\}/g, `$1${HOME}`)],
  ['a whole number as a date is seconds since 1970 (Condition operators: Date)', replaced(/"1795000000"/g, '"2026-11-18T11:06:40Z"')],
  ['a negated operator matches when its variable has no value, a positive one does not (Variables and tags)', replaced(/\$\{aws:(username|PrincipalTag\/none)\}/g, 'a value that nobody has')],
  ['inside an account a session policy does not limit what the trust policy grants to the session itself or to everybody (Policy evaluation logic)', without('session_policy')],
  ['a principal that is a deleted role\'s id, or another form that matches no session, grants nothing (Policy elements: Principal)', replaced(/"AROAEXAMPLEDELETEDROLE"/g, `"${role(AWAY, 'Deleted')}"`)],
]

function oursOn(hops) {
  const judged = spawnSync(program, { input: hops.map((made) => JSON.stringify(made)).join('\n') + '\n', encoding: 'utf8', maxBuffer: 1 << 28 })
  if (judged.status !== 0) throw new Error(judged.stderr || `${program} failed`)
  return judged.stdout.trim().split('\n')
}

/** The fewest reasons, one or two, without which both evaluators agree. */
async function reasonsFor(made) {
  const agreesWithout = async (list) => {
    const plain = list.reduce((hop, [, takeOut]) => takeOut(hop), made)
    return JSON.stringify(plain) !== JSON.stringify(made) && (await theirs(plain)) === oursOn([plain])[0]
  }
  for (const one of REASONS) if (await agreesWithout([one])) return [one]
  for (const one of REASONS) for (const two of REASONS) if (one !== two && (await agreesWithout([one, two]))) return [one, two]
  return []
}

const hops = Array.from({ length: Number(count) }, (_, number) => hop(number))
const ours = oursOn(hops)
const tally = { agree: 0, allowed: 0 }
const explained = new Map()
const unexplained = []
for (const [place, made] of hops.entries()) {
  const their = await theirs(made)
  if (ours[place] === 'allowed') tally.allowed += 1
  if (their === ours[place]) { tally.agree += 1; continue }
  const reasons = (await reasonsFor(made)).map(([reason]) => reason).join('; and ')
  if (reasons) explained.set(reasons, [...(explained.get(reasons) ?? []), `${made.id}: ours ${ours[place]}, theirs ${their}`])
  else unexplained.push({ ours: ours[place], theirs: their, ...made })
}
console.log(`${tally.agree} of ${hops.length} hops agree (${tally.allowed} allowed), seed ${seed}`)
for (const [reason, cases] of explained) {
  console.log(`${cases.length} differ: ${reason}`)
  for (const line of cases) console.log(`    ${line}`)
}
for (const made of unexplained.slice(0, 10)) console.log(`UNEXPLAINED ${JSON.stringify(made)}`)
console.log(`${unexplained.length} differences without a reason`)
process.exit(unexplained.length ? 1 : 0)
