/** What `npm run bench` found, as a table and as a picture for docs/benchmarks.md. */
import type { PeerName } from './manner.ts';
import { holds, type Row } from './measure.ts';

/** Where the table stands in docs/benchmarks.md. */
export const PART = 'printed by npm run bench -- --write: do not edit by hand';

export const PEER_TITLES: Readonly<Record<PeerName, string>> = {
  bare: 'bare `ws`',
  socketio: 'Socket.IO',
  memory: 'broker, `--memory`',
  lmdb: 'broker, LMDB',
  rabbitmq: 'RabbitMQ',
};

/** In the order of their columns. */
export const COLUMNS = ['bare', 'socketio', 'rabbitmq', 'memory', 'lmdb'] as const;

export function markdown(rows: readonly Row[]): string {
  const head = ['', 'unit', ...COLUMNS.map((name) => PEER_TITLES[name]), 'bars'];
  const lines = rows.map((row) => [
    row.label,
    row.unit,
    ...COLUMNS.map((name) => figure(row.medians[name])),
    verdicts(row).join(' · ') || '–',
  ]);
  return [head, head.map(() => '---'), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/** `0.36 of bare ws (≤ 0.4)`, and MISSED in words where it is. */
export function verdicts(row: Row): readonly string[] {
  const told = (ratio: number, of: string, most: number) =>
    `${ratio.toFixed(2)} of ${of} (≤ ${most}${ratio <= most ? '' : ', **MISSED**'})`;
  const against = row.bars.flatMap(({ of, most }) => {
    const ratio = row.ratios[of];
    return ratio === undefined ? [] : [told(ratio, PEER_TITLES[of], most)];
  });
  const { growth } = row;
  return growth === undefined
    ? against
    : [...against, told(growth.ratio, 'the row above', growth.most)];
}

export function met(rows: readonly Row[]): boolean {
  return rows.every(
    (row) =>
      row.bars.every((bar) => holds(row, bar) !== false) &&
      (row.growth === undefined || row.growth.ratio <= row.growth.most),
  );
}

function figure(value: number | undefined): string {
  if (value === undefined) return '–';
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(value >= 10 ? 1 : 2);
}

const COLOURS: Readonly<Record<PeerName, string>> = {
  bare: '#9aa0a6',
  socketio: '#c58af9',
  rabbitmq: '#f29900',
  memory: '#1a73e8',
  lmdb: '#8ab4f8',
};
const LEFT = 250;
const WIDTH = 760;
const BAR = 11;
const GAP = 14;
const TOP = 46;
/** Shares of bare `ws`, on a logarithmic axis: from a tenth to thirty times. */
const [LEAST, MOST] = [0.1, 30] as const;
const TICKS = [0.1, 0.3, 1, 3, 10, 30] as const;

/** Rows that have a bare `ws` beside them, each figure as a share of it. */
export function picture(rows: readonly Row[], caption: string): string {
  const shown = rows.filter(({ medians }) => medians.bare !== undefined);
  const parts: string[] = [];
  let y = TOP;
  for (const { label, medians } of shown) {
    const present = COLUMNS.filter((name) => medians[name] !== undefined && name !== 'bare');
    parts.push(text(LEFT - 8, y + (present.length * BAR) / 2 + 4, label, 'end'));
    for (const name of present) {
      const share = (medians[name] ?? 0) / (medians.bare ?? 1);
      const from = place(1);
      const to = place(share);
      const [x, width] = [Math.min(from, to), Math.max(1, Math.abs(to - from))];
      parts.push(
        `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 2}" fill="${COLOURS[name]}"/>`,
        text(Math.max(from, to) + 4, y + 8, `${share.toFixed(2)}`, 'start'),
      );
      y += BAR;
    }
    y += GAP;
  }
  const ticks = TICKS.map((tick) => {
    const x = place(tick).toFixed(1);
    const colour = tick === 1 ? '#5f6368' : '#dadce0';
    return `<line x1="${x}" y1="${TOP - 8}" x2="${x}" y2="${y - GAP}" stroke="${colour}"/>${text(place(tick), TOP - 12, `${tick}×`, 'middle')}`;
  });
  const legend = COLUMNS.filter((name) => name !== 'bare').map((name, at) => {
    const x = 12 + at * 150;
    return `<rect x="${x}" y="${y + 4}" width="10" height="10" fill="${COLOURS[name]}"/>${text(x + 15, y + 13, PEER_TITLES[name].replaceAll('`', ''), 'start')}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${LEFT + WIDTH}" height="${y + 26}" font-family="system-ui, sans-serif" font-size="11">`,
    `<title>${escaped(caption)}</title>`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    text(12, 16, caption, 'start'),
    ...ticks,
    ...parts,
    ...legend,
    '</svg>',
    '',
  ].join('\n');
}

function place(share: number): number {
  const clamped = Math.min(MOST, Math.max(LEAST, share));
  return LEFT + (Math.log(clamped / LEAST) / Math.log(MOST / LEAST)) * (WIDTH - 60);
}

function text(x: number, y: number, words: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="#3c4043">${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
