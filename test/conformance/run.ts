/** Runs rows side by side, those that measure time after all others, and reports in table order. */
import { RowFailure } from './client.ts';
import { type Row, runRow } from './row.ts';
import { RUN_WIDE, table } from './table.ts';
import type { Target } from './target.ts';

/** Rows wait on the server most of the time; more at once gains nothing on two cores. */
const ROWS_AT_ONCE = 12;
/** What FRM-99 quotes of the faults it collected. */
const FAULTS_QUOTED = 3;

export interface Result {
  readonly id: string;
  readonly title: string;
  /** Undefined: passed. */
  readonly fault: string | undefined;
}

export function select(only: readonly string[], target: Target): readonly Row[] {
  return table.filter(
    ({ id }) => wanted(id, only) && (id !== 'LIM-01' || target.oversizeKiB !== undefined),
  );
}

/** `ORD`, `ORD-01` and `ORD-01/1.2` all name that variant. */
export function wanted(id: string, only: readonly string[]): boolean {
  const names = [id, id.split('/')[0], id.split('-')[0]];
  return only.length === 0 || only.some((name) => names.includes(name));
}

/** Results in the order of the rows; FRM-99 last of all, over everything received. */
export async function runRows(rows: readonly Row[], target: Target): Promise<readonly Result[]> {
  const faults: string[] = [];
  const results = new Map<string, Result>();
  const runOne = async (row: Row): Promise<void> => {
    const blame = (fault: string) => faults.push(`${row.id}: ${fault}`);
    const fault = await runRow(row, target, blame).then(
      () => undefined,
      (cause: unknown) => (cause instanceof RowFailure ? cause.message : String(cause)),
    );
    results.set(row.id, { id: row.id, title: row.title, fault });
  };
  await pool(
    rows.filter((row) => row.needs !== 'timed'),
    runOne,
  );
  await Promise.all(rows.filter((row) => row.needs === 'timed').map(runOne));
  const judged = faults.length === 0 ? undefined : quote(faults);
  return [...rows.flatMap(({ id }) => results.get(id) ?? []), { ...RUN_WIDE, fault: judged }];
}

async function pool(rows: readonly Row[], runOne: (row: Row) => Promise<void>): Promise<void> {
  const waiting = rows[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    for (const row of waiting) await runOne(row);
  };
  await Promise.all(Array.from({ length: ROWS_AT_ONCE }, lane));
}

function quote(faults: readonly string[]): string {
  const more = faults.length > FAULTS_QUOTED ? `; ${faults.length} in all` : '';
  return faults.slice(0, FAULTS_QUOTED).join('; ') + more;
}
