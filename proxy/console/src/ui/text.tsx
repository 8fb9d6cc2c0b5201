/** Text of others: never markup, each piece kept from reordering its neighbours. */

import { pieces, visible } from "../text/visible";
import { roleOf, shortName } from "../text/format";

/** A text that a client or a cluster chose. With `lines`, its line feeds stay. */
export function Text({ of, lines = false }: { of: string; lines?: boolean }) {
  return (
    <bdi dir="ltr">
      {pieces(of, lines).map((piece, index) =>
        piece.mark === undefined ? piece.text : (
          <span key={index} class="hidden-character" title={piece.mark}>{piece.text}</span>
        ),
      )}
    </bdi>
  );
}

/** A name that may be empty. */
export function Name({ of }: { of: string | null | undefined }) {
  return of ? <Text of={of} /> : <span class="none">none</span>;
}

/** A role by its last name; the hover has the ARN. */
export function Role({ arn }: { arn: string }) {
  const role = roleOf(arn);
  return (
    <span title={visible(arn)}>
      <Text of={shortName(arn)} />
      {role && <span class="account"> <Text of={role.account} /></span>}
    </span>
  );
}

/** A chain by the last names of its roles. */
export function Chain({ roles, method }: { roles: readonly string[]; method: string }) {
  if (roles.length === 0) return <span class="none"><Text of={method.replaceAll("_", " ")} /></span>;
  return (
    <span class="chain" title={visible(roles.join(", "))}>
      {roles.map((arn, index) => (
        <span key={index}>
          {index > 0 && <span class="arrow" aria-label="then"> → </span>}
          <Text of={shortName(arn)} />
        </span>
      ))}
    </span>
  );
}
