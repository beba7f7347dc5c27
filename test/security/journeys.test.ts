/** The guarded journeys of the template runtime, travelled at the broker of `npm start`. */
import { parseSecurity } from '../../broker/identity-settings.ts';
import { type Broker, startBroker } from '../../local/broker.ts';
import { GUARDED, ISSUER, SECRET } from '../template/guarded/settings.ts';
import { GUARDED_JOURNEYS } from '../template/journeys-guarded.ts';

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
const FOLDER = 'test/template/guarded';
let broker: Broker;

beforeAll(async () => {
  process.env['JOURNEYS_SECRET'] = SECRET;
  const { identity, ...rest } = GUARDED;
  const tokens = [{ algorithms: ['HS256'], secretVariable: 'JOURNEYS_SECRET', issuer: ISSUER }];
  const settings = { ...rest, identity: { ...identity, tokens, hook: `${FOLDER}/who.mjs` } };
  const module = `${FOLDER}/orders.mjs`;
  const security = {
    ...parseSecurity(new Map(Object.entries(settings))),
    applications: [
      { pattern: '/app/orders', events: ['message' as const], module },
      { pattern: '/room/attic', events: ['subscribe' as const], module },
    ],
  };
  broker = await startBroker({ port: 0, memory: true, log: SILENT, security });
});
afterAll(async () => {
  await broker.close();
  delete process.env['JOURNEYS_SECRET'];
});

test.each(GUARDED_JOURNEYS)('$name', async ({ run }) => {
  const at = `127.0.0.1:${broker.port}`;
  await run({ url: `ws://${at}/ws`, http: `http://${at}` });
});
