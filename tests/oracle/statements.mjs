// Hops whose statements are made of random elements: what each element of one statement means.

import { dice } from './dice.mjs'

export function statements(seed) {
  const { pick, chance, some } = dice(seed)
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

  return hop
}
