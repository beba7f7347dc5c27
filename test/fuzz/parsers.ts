/** Every parser, given what nobody should send: an answer or a BrokerError, and never long. */
import { authorization } from '../../broker/authenticate.ts';
import { parseDestination, parseTarget } from '../../broker/destination.ts';
import { BrokerError } from '../../broker/errors.ts';
import { grantsOf, parseSecurity } from '../../broker/identity-settings.ts';
import { LIMITS } from '../../broker/limits.ts';
import { allows, parsePermissions, resolveGrants } from '../../broker/permission.ts';
import { makePolicies, parseRules } from '../../broker/rules.ts';
import { makeSelector } from '../../broker/selector.ts';
import { engineioCarrier } from '../../protocol/engineio/carrier.ts';
import { readPayload } from '../../protocol/engineio/packet.ts';
import { readEngineRequest } from '../../protocol/engineio/request.ts';
import { jsonDialect } from '../../protocol/json/dialect.ts';
import { chooseSubprotocol, makeDetect } from '../../protocol/negotiate.ts';
import { socketioDialect } from '../../protocol/socketio/dialect.ts';
import { readSocketPacket } from '../../protocol/socketio/packet.ts';
import { sockjsCarrier } from '../../protocol/sockjs/carrier.ts';
import { placeOf } from '../../protocol/sockjs/paths.ts';
import { stompDialect } from '../../protocol/stomp/dialect.ts';
import { mutated, type Random } from './random.ts';
import * as seeds from './seeds.ts';

const detect = makeDetect({ stomp: stompDialect, json: jsonDialect });
const GRANTS = [{ pattern: '/topic/**', actions: ['subscribe'] as const }];

/** The collector's own threads count as well. */
const PARSE_MILLISECONDS_MAX = 500;

type Parser = readonly [name: string, parse: (random: Random) => void];

/** Settings are the operator's: they are refused by plain Errors. */
const settings = (texts: readonly string[], parse: (json: unknown) => void) => (random: Random) => {
  let json: unknown;
  try {
    json = JSON.parse(mutated(random, texts).toString());
  } catch {
    return;
  }
  try {
    parse(json);
  } catch (cause) {
    if (!(cause instanceof Error) || cause instanceof TypeError) throw cause;
    if (cause instanceof RangeError) throw cause;
  }
};

const text = (random: Random, texts: readonly string[]) => mutated(random, texts).toString();

export const PARSERS: readonly Parser[] = [
  [
    'stomp',
    (random) =>
      void stompDialect.decode(
        mutated(random, seeds.STOMP),
        random.one([undefined, '1.0', '1.1', '1.2']),
      ),
  ],
  ['json', (random) => void jsonDialect.decode(mutated(random, seeds.JSON_TEXTS), '1.2')],
  ['sockjs', (random) => void sockjsCarrier.unwrap(mutated(random, seeds.SOCKJS))],
  ['sockjs paths', (random) => void placeOf(text(random, seeds.PATHS).replace('/sockjs', ''))],
  ['engine.io', (random) => void engineioCarrier.unwrap(mutated(random, seeds.SOCKETIO))],
  ['engine.io payload', (random) => void readPayload(text(random, seeds.SOCKETIO))],
  [
    'engine.io request',
    (random) => {
      const query = new URLSearchParams(text(random, seeds.PATHS).split('?')[1] ?? '');
      readEngineRequest(query, random.one(['GET', 'POST', 'PUT']), random.chance(0.5));
    },
  ],
  [
    'socket.io',
    (random) => {
      const packets = seeds.SOCKETIO.map((one) => one.replace(/^4/, ''));
      readSocketPacket(text(random, packets));
      socketioDialect.decode(mutated(random, packets), random.one([undefined, '5']));
    },
  ],
  ['detect', (random) => void detect(mutated(random, [...seeds.STOMP, ...seeds.JSON_TEXTS]))],
  ['sub-protocol', (random) => void chooseSubprotocol(text(random, seeds.SUBPROTOCOLS))],
  ['authorization', (random) => void authorization(text(random, seeds.AUTHORIZATIONS))],
  ['selector', (random) => void makeSelector(text(random, seeds.SELECTORS))([['a', '1']])],
  [
    'destination',
    (random) => {
      const asked = text(random, seeds.DESTINATIONS);
      allows(GRANTS, 'subscribe', parseDestination(asked, LIMITS));
      parseTarget(asked, LIMITS);
    },
  ],
  ['rules', settings(seeds.RULES, (json) => void makePolicies(parseRules(json)))],
  [
    'permissions',
    settings(seeds.PERMISSIONS, (json) => {
      const claims = { sub: 'a', rooms: ['x', '*', 'a/b'] };
      resolveGrants(parsePermissions(json), { user: 'a', claims }, LIMITS);
    }),
  ],
  ['grants', settings(seeds.PERMISSIONS, (json) => void grantsOf(json))],
  [
    'security',
    settings(seeds.SECURITY, (json) => void parseSecurity(new Map(Object.entries(Object(json))))),
  ],
];

/** How many went wrong; each is told once. */
export function fuzzParsers(random: Random, rounds: number, blame: (what: string) => void): void {
  for (let round = 0; round < rounds; round++) {
    const [name, parse] = random.one(PARSERS);
    const before = process.cpuUsage();
    try {
      parse(random);
    } catch (cause) {
      if (!(cause instanceof BrokerError)) blame(`parser ${name}: ${String(cause)}`);
    }
    // Of CPU: on a busy machine a process may be stopped for seconds in the midst of anything.
    const { user, system } = process.cpuUsage(before);
    const took = (user + system) / 1000;
    if (took > PARSE_MILLISECONDS_MAX) blame(`parser ${name}: ${Math.round(took)} ms`);
  }
}
