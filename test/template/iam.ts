/**
 * IAM at run time: who may call what. Default is deny. Every allowed call is remembered with the
 * grant that allowed it, so that a grant nobody uses shows as clearly as one that is missing.
 */
import { TemplateFault } from './fault.ts';
import { assumable, covers, isManaged, type RequestKeys, type Statement } from './policy.ts';

export interface RoleReport {
  /** `action on resource` of every call that was allowed, sorted. */
  readonly used: readonly string[];
  /** `action on resource` of every grant of the policies, sorted. */
  readonly granted: readonly string[];
  /** The same of those that allowed nothing. */
  readonly unused: readonly string[];
  /** Calls that were refused, sorted. */
  readonly denied: readonly string[];
}

export interface Authority {
  addRole(name: string, trust: readonly Statement[]): void;
  grant(role: string, statements: readonly Statement[]): void;
  /** Statements of a resource policy, for every principal; Deny alone has an effect here. */
  guard(statements: readonly Statement[]): void;
  /** True if the role may; remembers either answer. */
  allows(role: string, action: string, resource: string): boolean;
  /** Throws unless the role exists and `service` may assume it. */
  assume(role: string, service: string, where: string): void;
  report(): Readonly<Record<string, RoleReport>>;
}

interface Role {
  readonly trust: readonly Statement[];
  readonly statements: Statement[];
  readonly used: Set<string>;
  readonly grantsUsed: Set<string>;
  readonly denied: Set<string>;
}

export function createAuthority(): Authority {
  const roles = new Map<string, Role>();
  const guards: Statement[] = [];
  const keys: RequestKeys = { 'aws:SecureTransport': 'true' };
  const known = (name: string, where: string): Role => {
    const role = roles.get(name);
    if (role === undefined) throw new TemplateFault('unknown-reference', where, `role ${name}`);
    return role;
  };
  return {
    addRole: (name, trust) => {
      roles.set(name, {
        trust,
        statements: [],
        used: new Set(),
        grantsUsed: new Set(),
        denied: new Set(),
      });
    },
    grant: (name, statements) => {
      known(name, name).statements.push(...statements);
    },
    guard: (statements) => {
      guards.push(...statements);
    },
    allows: (name, action, resource) => {
      const role = roles.get(name);
      if (role === undefined) return false;
      const hits = role.statements.flatMap((one) => {
        const hit = covers(one, action, resource, keys);
        return hit === undefined ? [] : [{ effect: one.effect, hit }];
      });
      const barred =
        hits.some(({ effect }) => effect === 'Deny') ||
        guards.some((one) => one.effect === 'Deny' && covers(one, action, resource, keys));
      if (barred || hits.length === 0) {
        role.denied.add(`${action} on ${resource}`);
        return false;
      }
      role.used.add(`${action} on ${resource}`);
      for (const { hit } of hits) role.grantsUsed.add(`${hit.action} on ${hit.resource}`);
      return true;
    },
    assume: (name, service, where) => {
      if (assumable(known(name, where).trust, service)) return;
      throw new TemplateFault('role-not-assumable', where, `${service} may not assume ${name}`);
    },
    report: () =>
      Object.fromEntries(
        [...roles].map(([name, role]) => {
          const grants = role.statements
            .filter((one) => one.effect === 'Allow' && !isManaged(one))
            .flatMap((one) =>
              one.actions.flatMap((action) =>
                one.resources.map((resource) => `${action} on ${resource}`),
              ),
            );
          const unused = grants.filter((grant) => !role.grantsUsed.has(grant));
          return [
            name,
            {
              used: [...role.used].sort(),
              granted: [...new Set(grants)].sort(),
              unused: [...new Set(unused)].sort(),
              denied: [...role.denied].sort(),
            },
          ];
        }),
      ),
  };
}
