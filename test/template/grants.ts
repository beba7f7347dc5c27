/** Grants that no journey used: each is either listed here with its reason, or one too many. */
import type { RoleReport } from './iam.ts';

interface Waiver {
  /** Part of the role's name. */
  readonly role: string;
  /** The beginning of `action on resource`. */
  readonly grant: string;
  readonly reason: string;
}

export const WAIVED: readonly Waiver[] = [];

/** `role: action on resource` of every grant that is used in none of `reports` and not waived. */
export function idleGrants(
  reports: readonly Readonly<Record<string, RoleReport>>[],
  waived: readonly Waiver[] = WAIVED,
): readonly string[] {
  const roles = new Set(reports.flatMap((report) => Object.keys(report)));
  return [...roles].flatMap((role) => {
    const all = reports.flatMap((report) => report[role] ?? []);
    const grants = new Set(all.flatMap(({ granted }) => granted));
    const used = (grant: string): boolean =>
      all.some(({ granted, unused }) => granted.includes(grant) && !unused.includes(grant));
    return [...grants]
      .filter((grant) => !used(grant))
      .filter(
        (grant) => !waived.some((one) => role.includes(one.role) && grant.startsWith(one.grant)),
      )
      .map((grant) => `${role}: ${grant}`);
  });
}
