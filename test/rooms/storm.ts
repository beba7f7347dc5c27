/**
 * `npm run test:storm`: 5,000 members of 100 rooms are cut at one moment, and come back through a
 * gateway that takes 500 connections a second, while messages go on. Every one must be back within
 * 30 s and have heard every message of its room, in order, once. Members are stompjs with
 * `examples/resume.ts` and its pauses as they stand. Each of the two processes needs 5,100 file
 * descriptors (Node takes what the hard limit allows).
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Ear, ear, type Person, person } from './person.ts';

const MEMBERS = 5_000;
const ROOMS = 100;
/** Below the gateway's quota, so that the crowd gathers without a storm of its own. */
const GATHERED_PER_SECOND = 400;
const BACK_SECONDS_MAX = 30;
/** One message to each room in so many ms. */
const ROUND_MILLISECONDS = 2_000;

interface Member {
  readonly one: Person;
  readonly room: number;
  readonly heard: Ear;
}

const child = fork(fileURLToPath(new URL('storm-server.ts', import.meta.url)));
const [port] = await once(child, 'message');
const url = `ws://127.0.0.1:${port}/ws`;
const published: string[][] = Array.from({ length: ROOMS }, () => []);
const members = await gather();
console.log(`${members.length} members are there`);
const writer = person(url);
await writer.connected();
const talk = talking(writer);
const cut = await cutAll(child);
const began = performance.now();
const within = await Promise.race([
  Promise.all(members.map(({ heard }) => heard.back(1))).then(() => true),
  pause(4 * BACK_SECONDS_MAX * 1000).then(() => false),
]);
const seconds = (performance.now() - began) / 1000;
await talk.end();
const whole = await allHeard();
report();
child.disconnect();
process.exit(process.exitCode ?? 0);

async function gather(): Promise<readonly Member[]> {
  const all: Promise<Member>[] = [];
  for (let index = 0; index < MEMBERS; index++) {
    const room = index % ROOMS;
    const one = person(url, { pauses: {} });
    all.push(ear(one, `/room/storm-${room}`).then((heard) => ({ one, room, heard })));
    if ((index + 1) % (GATHERED_PER_SECOND / 10) === 0) await pause(100);
  }
  return Promise.all(all);
}

/** Messages to all rooms in turn, before, during and after the storm. */
function talking({ rooms }: Person) {
  let talks = true;
  const receipts: Promise<void>[] = [];
  const done = (async () => {
    for (let n = 0; talks; n++) {
      const room = n % ROOMS;
      const body = String(n);
      published[room]?.push(body);
      receipts.push(rooms.publish(`/room/storm-${room}`, body));
      await pause(ROUND_MILLISECONDS / ROOMS);
    }
  })();
  return {
    async end() {
      talks = false;
      await done;
      await Promise.all(receipts);
    },
  };
}

async function cutAll(server: ChildProcess): Promise<number> {
  await pause(ROUND_MILLISECONDS);
  server.send('cut');
  const [connections] = await once(server, 'message');
  return connections;
}

/** How many have heard exactly what was published in their room. */
async function allHeard(): Promise<number> {
  const patience = pause(10_000);
  const each = members.map(async ({ room, heard }) => {
    const wanted = published[room] ?? [];
    await Promise.race([heard.heard(wanted.length), patience]);
    return heard.bodies.join() === wanted.join();
  });
  return (await Promise.all(each)).filter(Boolean).length;
}

function report(): void {
  const messages = published.reduce((sum, room) => sum + room.length, 0);
  const recovered = members.filter(({ heard }) => heard.resumed.every(Boolean)).length;
  const checks: readonly (readonly [string, boolean])[] = [
    [`all ${cut} connections were cut at once`, cut === MEMBERS + 1],
    [
      `back in ${seconds.toFixed(1)} s (≤ ${BACK_SECONDS_MAX})`,
      within && seconds <= BACK_SECONDS_MAX,
    ],
    [`${recovered} of ${MEMBERS} recovered:true`, recovered === MEMBERS],
    [`${whole} of ${MEMBERS} heard all of ${messages} messages, in order, once`, whole === MEMBERS],
  ];
  for (const [what, holds] of checks) console.log(`${holds ? 'ok  ' : 'FAIL'}  ${what}`);
  const failed = checks.filter(([, holds]) => !holds).length;
  console.log(`${checks.length - failed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
