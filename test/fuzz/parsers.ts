/** Every parser, given what nobody should send: an answer or a BrokerError, and never long. */
import { parseDestination } from '../../broker/destination.ts';
import { BrokerError } from '../../broker/errors.ts';
import { parseSecurity } from '../../broker/identity-settings.ts';
import { LIMITS } from '../../broker/limits.ts';
import { allows, parsePermissions } from '../../broker/permission.ts';
import { parseRules } from '../../broker/rules.ts';
import { makeSelector } from '../../broker/selector.ts';
import { jsonDialect } from '../../protocol/json/dialect.ts';
import { chooseSubprotocol, makeDetect } from '../../protocol/negotiate.ts';
import { sockjsCarrier } from '../../protocol/sockjs/carrier.ts';
import { stompDialect } from '../../protocol/stomp/dialect.ts';
import { mutated, type Random } from './random.ts';
import { JSON_TEXTS, STOMP } from './seeds.ts';

const detect = makeDetect({ stomp: stompDialect, json: jsonDialect });
const SELECTORS = ["a = 1 AND (b LIKE 'x%' ESCAPE '!' OR c NOT IN ('a','b'))", '-a * 2 > b / 0'];
const DESTINATIONS = ['/topic/a.*.**', '/room/x', '/user/queue/x', '/exchange/a', '/topic/a/b'];
const GRANTS = [{ pattern: '/topic/**', actions: ['subscribe'] as const }];
const CONFIG = ['[{"pattern":"/room/{room}","actions":["publish"],"claims":{"a":"b"}}]'];

type Parser = readonly [name: string, parse: (random: Random) => void];

/** Settings are the operator's: they are refused by plain Errors. */
const settings = (parse: (json: unknown) => void) => (random: Random) => {
  let json: unknown;
  try {
    json = JSON.parse(mutated(random, CONFIG).toString());
  } catch {
    return;
  }
  try {
    parse(json);
  } catch (cause) {
    if (!(cause instanceof Error) || cause instanceof TypeError) throw cause;
  }
};

export const PARSERS: readonly Parser[] = [
  [
    'stomp',
    (random) =>
      void stompDialect.decode(
        mutated(random, STOMP),
        random.one([undefined, '1.0', '1.1', '1.2']),
      ),
  ],
  ['json', (random) => void jsonDialect.decode(mutated(random, JSON_TEXTS), '1.2')],
  ['sockjs', (random) => void sockjsCarrier.unwrap(mutated(random, JSON_TEXTS))],
  ['detect', (random) => void detect(mutated(random, [...STOMP, ...JSON_TEXTS]))],
  [
    'sub-protocol',
    (random) => void chooseSubprotocol(mutated(random, ['v12.stomp, bearer.x']).toString()),
  ],
  ['selector', (random) => void makeSelector(mutated(random, SELECTORS).toString())([['a', '1']])],
  [
    'destination',
    (random) => {
      const text = mutated(random, DESTINATIONS).toString();
      allows(GRANTS, 'subscribe', parseDestination(text, LIMITS));
    },
  ],
  ['rules', settings(parseRules)],
  ['permissions', settings(parsePermissions)],
  ['security', settings((json) => parseSecurity(new Map(Object.entries({ identity: json }))))],
];

/** How many went wrong; each is told once. */
export function fuzzParsers(random: Random, rounds: number, blame: (what: string) => void): void {
  for (let round = 0; round < rounds; round++) {
    const [name, parse] = random.one(PARSERS);
    const began = performance.now();
    try {
      parse(random);
    } catch (cause) {
      if (!(cause instanceof BrokerError)) blame(`parser ${name}: ${String(cause)}`);
    }
    const took = performance.now() - began;
    if (took > 500) blame(`parser ${name}: ${Math.round(took)} ms`);
  }
}
