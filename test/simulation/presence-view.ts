/** What a watcher knows of a room: the list it was given, changed by every event since. */
export interface PresenceView {
  /** Undefined until all pages of the first list are there. */
  readonly members: ReadonlySet<string>;
}

interface Page {
  readonly members: readonly { readonly member: string }[];
}

type Event = { readonly [kind in 'join' | 'leave']?: { readonly member: string } };

export function view(
  before: PresenceView | undefined,
  headers: Readonly<Record<string, string>>,
  body: string,
): PresenceView {
  const members = new Set(before?.members);
  if (headers['presence'] === 'members') {
    const page: Page = JSON.parse(body);
    if (headers['page']?.startsWith('1/') === true) members.clear();
    for (const { member } of page.members) members.add(member);
  } else {
    const { join, leave }: Event = JSON.parse(body);
    if (join !== undefined) members.add(join.member);
    if (leave !== undefined) members.delete(leave.member);
  }
  return { members };
}
