// Has generated hops judged by a published IAM evaluator and by rolegate, and lists every difference with the reason that rolegate is
// right. A difference without a reason fails the run.
//   node oracle.mjs VERDICTS GENERATOR COUNT [SEED]     VERDICTS: the example program iam_verdicts; GENERATOR: statements or interactions
// The evaluator (@cloud-copilot/iam-simulate) is installed beside this file's runner and is no part of this project.

import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import process from 'node:process'
import { interactions } from './interactions.mjs'
import { statements } from './statements.mjs'

const require = createRequire(`${process.cwd()}/package.json`)
const { runSimulation } = require('@cloud-copilot/iam-simulate')

const [program, generator, count, seed = '20260101'] = process.argv.slice(2)
const hop = { statements, interactions }[generator](seed)

const HOME = '111122223333'
const AWAY = '210987654321'
const role = (account, name) => `arn:aws:iam::${account}:role/${name}`

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
  ['a negated operator matches when its variable has no value, a positive one does not; of NotResource the documents do not say it (Variables and tags)', replaced(/\$\{aws:(username|PrincipalTag\/none)\}/g, 'a value that nobody has')],
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
