// Hops whose policies interact: each kind of policy is absent, silent, allows, or denies, in every combination with the others, with
// conditions that hold or do not, plain or by variables, and both relations of the accounts.

import { dice } from './dice.mjs'

const HOME = '111122223333'
const AWAY = '210987654321'
const SESSION = 'RedshiftIamRoleSession'
const USER = `arn:aws:redshift:us-east-1:${HOME}:dbuser:analytics/etl_user`
const role = (account, name) => `arn:aws:iam::${account}:role/${name}`
const document = (...statements) => ({ Version: '2012-10-17', Statement: statements })
const everything = document({ Effect: 'Allow', Action: '*', Resource: '*' })

/** Conditions that hold for every hop of this file, and such that do not. */
const HOLD = [
  { StringEquals: { 'sts:ExternalId': USER } },
  { StringLike: { 'sts:ExternalId': ['*:dbuser:*/analyst', '*:dbuser:*/etl_user'] } },
  { StringEquals: { 'aws:PrincipalTag/team': '${aws:ResourceTag/team}' } },
  { StringEquals: { 'aws:PrincipalOrgID': 'o-a1b2c3d4e5', 'aws:PrincipalTag/unit': 'north' } },
  { 'ForAnyValue:StringLike': { 'aws:PrincipalOrgPaths': 'o-a1b2c3d4e5/r-ab12/*' } },
  { ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:role/Role?' } },
  { StringNotEquals: { 'aws:PrincipalTag/unit': ['south', 'west'] } },
  { StringNotEqualsIfExists: { 'aws:PrincipalTag/none': 'x' } },
  { Null: { 'aws:SourceArn': 'true', 'aws:PrincipalTag/team': 'false' } },
  { Bool: { 'aws:SecureTransport': 'true' }, DateLessThan: { 'aws:CurrentTime': '2027-01-01T00:00:00Z' } },
  { BoolIfExists: { 'aws:MultiFactorAuthPresent': 'true' } },
  { NumericGreaterThan: { 'aws:EpochTime': '1700000000' } },
  { StringEqualsIgnoreCase: { 'aws:PrincipalTag/unit': 'NORTH' } },
  { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a'] } },
]
const FAIL = [
  { StringEquals: { 'sts:ExternalId': USER.replace('etl_user', 'analyst') } },
  { StringEquals: { 'aws:PrincipalTag/team': '${aws:PrincipalTag/unit}' } },
  { StringEquals: { 'aws:PrincipalOrgID': 'o-a1b2c3d4e5', 'aws:PrincipalTag/unit': 'south' } },
  { 'ForAnyValue:StringLike': { 'aws:PrincipalOrgPaths': 'o-a1b2c3d4e5/r-zz99/*' } },
  { ArnEquals: { 'aws:PrincipalArn': role('*', 'Other') } },
  { StringNotLike: { 'aws:PrincipalTag/unit': 'n*' } },
  { StringEquals: { 'aws:PrincipalTag/none': 'x' } },
  { Bool: { 'aws:MultiFactorAuthPresent': 'true' } },
  { Null: { 'aws:SourceArn': 'false' } },
  { DateGreaterThan: { 'aws:CurrentTime': '2027-01-01T00:00:00Z' } },
  { 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['a', 'b'] } },
  { ArnLike: { 'aws:SourceArn': '*' } },
]

export function interactions(seed) {
  const { pick, chance } = dice(seed)
  const holding = () => pick(...HOLD)
  const failing = () => pick(...FAIL)
  const merged = (...conditions) => ({ Condition: Object.assign({}, ...conditions) })
  const under = (kind) => ({
    none: () => ({}),
    holds: () => merged(holding()),
    'holds twice': () => merged(holding(), holding()),
    fails: () => merged(failing()),
    'fails in part': () => merged(holding(), failing()),
  })[kind]()
  const condition = () => under(pick('none', 'none', 'none', 'holds', 'holds', 'holds twice', 'fails', 'fails in part'))

  const resource = (target) => pick(target, target, '*', [role(AWAY, 'X'), target], `${target.slice(0, -4)}*`, `arn:aws:iam::${target.split(':')[4]}:role/Role\${aws:PrincipalTag/letter}`)
  const other = (target) => pick(role(AWAY, 'Nobody'), `${target}/deeper`, `arn:aws:iam::${target.split(':')[4]}:user/*`, `arn:aws:iam::${target.split(':')[4]}:role/Role\${aws:PrincipalTag/none}`)
  const grant = (target) => pick(
    () => ({ Effect: 'Allow', Action: pick('sts:AssumeRole', 'sts:*', '*'), Resource: resource(target), ...condition() }),
    () => ({ Effect: 'Allow', NotAction: ['iam:*', 's3:*'], Resource: resource(target), ...condition() }),
    () => ({ Effect: 'Allow', Action: 'sts:AssumeRole', NotResource: role(AWAY, 'Nobody'), ...condition() }),
  )()
  const silent = (target) => pick(
    () => ({ Effect: 'Allow', Action: 's3:*', Resource: '*' }),
    () => ({ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: other(target) }),
    () => ({ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: resource(target), ...under(pick('fails', 'fails in part')) }),
  )()
  const deny = (target) => pick(
    () => ({ Effect: 'Deny', Action: 'sts:AssumeRole', Resource: resource(target), ...condition() }),
    () => ({ Effect: 'Deny', NotAction: pick('sts:*', ['iam:*', 's3:*']), Resource: '*', ...condition() }),
    () => ({ Effect: 'Deny', Action: 'sts:*', NotResource: pick(target, other(target)), ...condition() }),
  )()
  /** A policy of permissions: one that allows, one that is silent, one that also denies. */
  const permissions = (target) => document(...pick(
    () => [grant(target)],
    () => [grant(target)],
    () => [silent(target), grant(target)],
    () => [silent(target)],
    () => [grant(target), deny(target)],
  )())

  function principal(source) {
    const account = source.split(':')[4]
    return pick(
      { AWS: source }, { AWS: source }, { AWS: account }, { AWS: `arn:aws:iam::${account}:root` }, '*', { AWS: '*' },
      { AWS: `arn:aws:sts::${account}:assumed-role/RoleA/${SESSION}` }, { AWS: [role(account, 'Other'), source] },
      { AWS: role(account, 'Other') }, { AWS: `arn:aws:sts::${account}:assumed-role/RoleA/another` }, { AWS: '999988887777' },
      { Service: 'redshift.amazonaws.com' }, { AWS: source, Service: 'redshift.amazonaws.com' },
    )
  }
  function trust(source) {
    const allow = () => ({ Effect: 'Allow', Principal: principal(source), Action: 'sts:AssumeRole', ...condition() })
    const refuse = () => ({ Effect: 'Deny', Principal: principal(source), Action: pick('sts:AssumeRole', '*'), ...condition() })
    return document(...pick(() => [allow()], () => [allow()], () => [allow(), allow()], () => [allow(), refuse()])())
  }
  const level = (number, ...policies) => ({ level: `level${number}`, policies })
  const serviceControl = (target) => pick(
    () => undefined,
    () => [level(0, everything), level(1, everything)],
    () => [level(0, everything), level(1, permissions(target))],
    () => [level(0, everything, document(deny(target))), level(1, everything)],
    () => [level(0, document({ Effect: 'Allow', NotAction: pick('iam:*', 'sts:*'), Resource: '*' }))],
  )()
  const resourceControl = () => pick(
    () => undefined,
    () => undefined,
    () => [level(0, document({ Effect: 'Deny', Principal: '*', Action: pick('sts:AssumeRole', 'sts:*', 's3:*'), Resource: '*', ...condition() }))],
    () => [level(0, document({ Effect: 'Deny', Principal: '*', Action: 'sts:AssumeRole', Resource: '*',
      Condition: { StringNotEqualsIfExists: { 'aws:PrincipalOrgID': pick('o-a1b2c3d4e5', 'o-other') }, BoolIfExists: { 'aws:PrincipalIsAWSService': 'false' } } }))],
  )()

  return (number) => {
    const source = role(HOME, 'RoleA')
    const target = role(pick(HOME, AWAY), 'RoleB')
    const made = {
      id: `interaction-${number}`,
      hop: 'role',
      source_role_arn: source,
      source_role_id: 'AROAEXAMPLEROLEAAAAAA',
      source_session_name: SESSION,
      source_identity_policies: pick(() => [], () => [permissions(target)], () => [permissions(target)], () => [permissions(target), permissions(target)])(),
      source_permission_boundary: chance(35) ? permissions(target) : undefined,
      scps: serviceControl(target),
      rcps: resourceControl(),
      target_role_arn: target,
      target_trust_policy: trust(source),
      context: {
        'aws:PrincipalArn': source,
        'aws:PrincipalAccount': HOME,
        'aws:PrincipalType': 'AssumedRole',
        'aws:userid': `AROAEXAMPLEROLEAAAAAA:${SESSION}`,
        'aws:PrincipalIsAWSService': 'false',
        'aws:PrincipalOrgID': 'o-a1b2c3d4e5',
        'aws:PrincipalOrgPaths': ['o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/'],
        'aws:PrincipalTag/team': 'data',
        'aws:PrincipalTag/unit': 'north',
        'aws:PrincipalTag/letter': 'B',
        'aws:ResourceTag/team': 'data',
        'aws:ResourceAccount': target.split(':')[4],
        'aws:SecureTransport': 'true',
        'aws:CurrentTime': '2026-11-23T12:00:00Z',
        'aws:EpochTime': '1795435200',
        'sts:RoleSessionName': SESSION,
        'sts:ExternalId': USER,
      },
      expected: 'denied',
      expected_strict: 'denied',
      determined: true,
    }
    return JSON.parse(JSON.stringify(made))
  }
}
