import type { Answer, InvocationContext, Tell } from './environment.ts';

export type Handler = (event: unknown, context: unknown) => Promise<unknown>;

export function loadHandler(
  folder: string,
  handler: string,
  rewrite?: (file: string) => string,
): Promise<Handler>;

export function runHandler(
  handler: Handler,
  eventText: string,
  context: InvocationContext,
  tell?: Tell,
): Promise<Answer>;
