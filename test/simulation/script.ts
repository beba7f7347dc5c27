/** What the clients of a seed do: come, join, send, leave, break, quit, at random times. */
import { type Client, type ClientWorld, makeClient } from './client.ts';
import type { Faithful } from './faithful.ts';
import type { Letter } from './letters.ts';
import { seeded } from './random.ts';
import type { Worker } from './worker.ts';
import type { World } from './world.ts';

export interface Cast {
  readonly clients: readonly Client[];
  /** All destinations but presence. */
  readonly places: readonly string[];
  readonly watched: readonly string[];
  readonly workers: readonly Worker[];
  readonly faithful: readonly Faithful[];
  readonly queues: readonly string[];
  /** Faults have ended. */
  calm(): void;
}

export const ROOMS = ['/room/a', '/room/bb'];
export const TOPIC = '/topic/t';

/** Schedules everything; the scheduler then makes it happen. */
export function play(world: World, report: ClientWorld['report']): Cast {
  const { scheduler, weather } = world;
  const { random } = scheduler;
  const { plan } = weather;
  const rooms = ROOMS.slice(0, plan.rooms);
  const places = [...rooms, TOPIC];
  const watched = rooms.map((room) => `/presence${room}`);
  const clients = Array.from({ length: plan.clients }, (_, index) =>
    makeClient(
      {
        name: `c${index}`,
        language: random.chance(0.75) ? 'stomp' : 'json',
        hasty: plan.ingress === 'fifo' && random.chance(0.3),
      },
      { ...world, report },
    ),
  );
  for (const client of clients) {
    scheduler.after(2000 * random.next(), `${client.name} comes`, () => {
      for (const place of places) if (random.chance(0.6)) client.join(place);
      if (random.chance(0.3)) client.join(random.pick(watched));
      client.come();
    });
    breakNow(client, world);
  }
  vanishLast(clients, rooms, world);
  const letters = post(world);
  for (let count = 0; count < plan.actions; count++) {
    const client = random.pick(clients);
    scheduler.after(plan.seconds * 1000 * random.next(), `${client.name} acts`, () =>
      act(client, { world, places, watched, letters }),
    );
  }
  return {
    clients,
    places,
    watched,
    workers: [],
    faithful: [],
    queues: [],
    calm: () => undefined,
  };
}

interface Scene {
  readonly world: World;
  readonly places: readonly string[];
  readonly watched: readonly string[];
  readonly letters: (destination: string) => readonly Letter[];
}

function act(client: Client, { world, places, watched, letters }: Scene): void {
  const { random } = world.scheduler;
  const place = random.pick(places);
  const dice = random.next();
  const watch = random.chance(0.2) ? random.pick(watched) : place;
  if (dice < 0.6) {
    const split = world.weather.plan.ingress === 'fifo' && random.chance(0.1);
    client.send(letters(place), { split });
  } else if (dice < 0.75) client.join(watch);
  else if (dice < 0.85) client.leave(watch);
  else if (dice < 0.92) client.quit();
  else client.come();
}

/** Letters with a name each; some under a publish id, some not for oneself. */
function post({ scheduler: { random } }: World): Scene['letters'] {
  let count = 0;
  return (destination) => {
    const logged = destination.startsWith('/room/');
    return Array.from({ length: random.chance(0.7) ? 1 : random.between(2, 5) }, () => {
      const body = `b${++count}`;
      const receipt = random.chance(0.7);
      const publishId = logged && receipt && random.chance(0.3) ? { publishId: `p-${body}` } : {};
      return { destination, body, receipt, ...publishId, exceptSelf: logged && random.chance(0.1) };
    });
  };
}

/** Before the faults end, ms: short, so that few things are still sent to who is dead. */
const LAST_MILLISECONDS = 500;
/** Time to come and to subscribe. */
const BEFORE_MILLISECONDS = 3000;

/**
 * In a third of all seeds somebody in a room dies for good at the very end, while another watches.
 * Then nobody posts to the dead any more, and if its `$disconnect` is lost, only whoever asks the
 * gateway learns of it. Drawn apart: other seeds stay as they are.
 */
function vanishLast(clients: readonly Client[], rooms: readonly string[], world: World): void {
  const { scheduler, weather } = world;
  const { seed, seconds } = weather.plan;
  const random = seeded(seed ^ 0xdead);
  if (!random.chance(1 / 3)) return;
  const room = random.pick(rooms);
  const dying = random.pick(clients);
  const witness = random.pick(clients.filter((one) => one !== dying));
  const at = seconds * 1000 - LAST_MILLISECONDS * random.next();
  scheduler.after(at - BEFORE_MILLISECONDS, `${dying.name} and ${witness.name} meet`, () => {
    dying.join(room);
    witness.join(`/presence${room}`);
    for (const one of [dying, witness]) one.come();
  });
  scheduler.after(at, `${dying.name} vanishes`, () => {
    weather.tell(`${dying.name} is gone for good`);
    dying.vanish();
  });
}

/** Drawn every second, as long as faults fall. */
function breakNow(client: Client, world: World): void {
  const { scheduler, weather } = world;
  if (weather.isCalm) return;
  scheduler.after(1000, `${client.name} holds?`, () => {
    if (weather.falls('cut')) {
      weather.tell(`the network of ${client.name} breaks`);
      client.cut();
    }
    breakNow(client, world);
  });
}
