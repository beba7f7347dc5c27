/**
 * Who is in a room, for those who watch `/presence/room/x`. Joins and leaves are entries of the
 * room's log, so watchers hear them in one order with everything else; the member list is the
 * roster as of the `watch` entry. A member whose connection was lost stays for the grace period:
 * a reload is not a leave.
 */
import { type Destination, parseDestination } from './destination.ts';
import type { Ended, Membership, Message, Position } from './model.ts';
import { formatPosition } from './past.ts';
import type { Logs, Ports } from './ports.ts';
import type { Scene } from './scene.ts';

/** What `deliver` lends: the room, and the name of the change under way. */
interface Step {
  readonly destination: Destination;
  readonly scene: Scene;
  readonly ports: Ports;
  readonly logs: Logs;
  readonly mark: string;
}

export async function enterRoom(membership: Membership, step: Step): Promise<void> {
  const { destination, logs, mark } = step;
  const outcome = await logs.roster.enter(destination.canonical, membership, mark);
  const watchers = await step.scene.listeners(presenceOf(destination, step.ports));
  if (watchers.length === 0) return;
  await enroll(membership.connectionId, step);
  if (outcome === 'entered') announce('join', membership, watchers, step);
}

/** Tells of an entrance that was made, and perhaps not told. */
export async function recallRoom(membership: Membership, step: Step): Promise<void> {
  const { destination, logs, ports, mark } = step;
  const outcome = await logs.roster.recall(destination.canonical, membership, mark);
  if (outcome === 'present') return;
  const watchers = await step.scene.listeners(presenceOf(destination, ports));
  announce('join', membership, watchers, step);
}

export async function leaveRoom(membership: Membership, how: Ended, step: Step): Promise<void> {
  const { destination, logs, ports, mark } = step;
  if (how === 'left') {
    const outcome = await logs.roster.leave(destination.canonical, membership, mark);
    if (outcome === 'left') await announceLeave(membership, step);
    return;
  }
  await logs.roster.fade(destination.canonical, membership, mark);
  await logs.later.schedule(ports.limits.presenceGraceSeconds, {
    type: 'gone',
    room: destination.canonical,
    membership,
    mark,
  });
}

export async function goneFromRoom(
  membership: Membership,
  mark: string,
  step: Step,
): Promise<void> {
  const { destination, logs } = step;
  const outcome = await logs.roster.gone(destination.canonical, membership, mark);
  if (outcome === 'left') await announceLeave(membership, step);
}

/** A watcher begins: its answer, the member list in pages, and from here on every event. */
export async function showRoom(
  membership: Membership,
  receipt: string | undefined,
  position: Position,
  step: Step,
): Promise<void> {
  const { destination, scene, ports, logs, mark } = step;
  const presence = presenceOf(destination, ports);
  const { connectionId, subscriptionId, stamp } = membership;
  const watcher = await logs.held.enlist(connectionId, subscriptionId, stamp, presence);
  if (watcher === undefined) return;
  if (receipt !== undefined) {
    scene.answer(watcher, receipt, [['position', formatPosition(position)]]);
  }
  const pages: { readonly member: string; readonly sessions: readonly string[] }[][] = [];
  const most = ports.limits.presencePageMembers;
  for (let after: string | undefined; ; after = pages.at(-1)?.at(-1)?.member) {
    const page = await logs.roster.members(destination.canonical, after, most);
    pages.push([...page]);
    if (page.length < most) break;
  }
  const count = pages.reduce((sum, page) => sum + page.length, 0);
  for (const [index, members] of pages.entries()) {
    scene.tell([watcher], {
      id: `${mark}-${index}`,
      destination: presence.canonical,
      headers: [
        ['presence', 'members'],
        ['members', String(count)],
        ['page', `${index + 1}/${pages.length}`],
        ['content-type', 'application/json'],
      ],
      body: Buffer.from(JSON.stringify({ members })),
    });
  }
  for (const { connectionId: member } of scene.audience()) await enroll(member, step);
}

async function announceLeave(membership: Membership, step: Step): Promise<void> {
  const watchers = await step.scene.listeners(presenceOf(step.destination, step.ports));
  announce('leave', membership, watchers, step);
}

function announce(
  event: 'join' | 'leave',
  { member, session }: Membership,
  watchers: Parameters<Scene['tell']>[0],
  { destination, scene, ports, mark }: Step,
): void {
  if (watchers.length === 0) return;
  const message: Message = {
    id: mark,
    destination: presenceOf(destination, ports).canonical,
    headers: [
      ['presence', event],
      ['content-type', 'application/json'],
    ],
    body: Buffer.from(JSON.stringify({ [event]: { member, session } })),
  };
  scene.tell(watchers, message);
}

/** A room that is watched must notice members whose `$disconnect` was lost. */
async function enroll(connectionId: string, { ports, logs }: Step): Promise<void> {
  const { clock, limits } = ports;
  await logs.checks.enroll(connectionId, clock.now() + limits.livenessSeconds * 1000);
}

export function presenceOf(room: Destination, { limits }: Ports): Destination {
  return parseDestination(`/presence${room.canonical}`, limits);
}
