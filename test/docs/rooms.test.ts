/** The conversations that docs/protocol.md shows of rooms and presence, played against a broker. */
import { readFileSync } from 'node:fs';
import { makePolicies, parseRules } from '../../broker/rules.ts';
import { type Served, serve } from '../clients/served.ts';
import { shown, transcriptOf } from '../clients/transcript.ts';
import { client } from '../local/gateway.ts';

const page = readFileSync('docs/protocol.md', 'utf8');

function section(title: string): string {
  const from = page.indexOf(`\n## ${title}\n`);
  expect(from).toBeGreaterThan(0);
  return page.slice(from, page.indexOf('\n## ', from + 1));
}

let served: Served;

beforeEach(async () => {
  served = await serve();
});

afterEach(() => served.stop());

test.each(['Rooms', 'Presence'])('%s: the transcript plays as printed', async (title) => {
  const steps = transcriptOf(section(title));
  expect(steps.length).toBeGreaterThan(8);
  const { ws, texts } = await client(served.url);
  // In what is typed `…` stands for the epoch that was heard.
  let epoch = '…';
  for (const { type, line } of steps) {
    if (type === 'typed') ws.send(line.replace('…', epoch));
    else {
      const heard = await texts.next();
      expect(heard).toMatch(shown(line));
      epoch = /"position":"(\w+):/.exec(heard)?.[1] ?? epoch;
    }
  }
  ws.close();
});

test('Rooms: every request shown in the text is taken', async () => {
  const requests = [...section('Rooms').matchAll(/`(\{"[^`]+\})`/g)].map(([, text = '']) => text);
  expect(requests.length).toBeGreaterThan(0);
  const { ws, texts } = await client(served.url);
  for (const text of requests) {
    ws.send(JSON.stringify({ ...JSON.parse(text), receipt: 'taken' }));
    expect(JSON.parse(await texts.next())).toEqual({ command: 'RECEIPT', 'receipt-id': 'taken' });
  }
  ws.close();
});

test('Rules: the file shown is one', () => {
  const [, text = ''] = /```json\n([\s\S]+?)```/.exec(section('Rules')) ?? [];
  const { rules } = JSON.parse(text);
  expect(parseRules(rules)).toHaveLength(4);
  expect(() => makePolicies(parseRules(rules))).not.toThrow();
});
