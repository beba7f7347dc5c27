/** The operator's own code on one machine: modules that export a function by default. */

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { listOf, optionalText } from '../broker/identity-settings.ts';
import { concerns, isPattern, parseTexts } from '../broker/permission.ts';
import type { Application, ApplicationRequest, Applications } from '../broker/ports.ts';
import { parseTime } from '../broker/rules.ts';
import { fieldsOf } from '../broker/settings.ts';

const EVENTS = ['message', 'connect', 'subscribe', 'publish'] as const;

/** As `stompway.json` has it. */
export interface ApplicationSettings {
  /** `/app/orders.create`, `/app/**`; of hooks any pattern. Without: every destination. */
  readonly pattern?: string;
  readonly events: readonly ApplicationRequest['event'][];
  readonly module: string;
  readonly timeoutSeconds?: number;
}

/** Throws an Error that names the key, in words for the operator. */
export function parseApplications(json: unknown): readonly ApplicationSettings[] {
  return listOf(json, 'applications').map((value, index) => {
    const name = `applications[${index}]`;
    const fields = fieldsOf(value, name, ['pattern', 'events', 'module', 'timeout']);
    const module = optionalText(fields, 'module', name);
    if (module === undefined) throw new Error(`${name}.module must name a file`);
    const pattern = optionalText(fields, 'pattern', name);
    if (pattern !== undefined && !isPattern(pattern)) {
      throw new Error(`${name}.pattern ${JSON.stringify(pattern)} is no pattern of destinations`);
    }
    const events = fields.get('events');
    const timeout = optionalText(fields, 'timeout', name);
    const milliseconds = timeout === undefined ? undefined : parseTime(timeout);
    if (timeout !== undefined && (milliseconds === undefined || milliseconds > 8_000)) {
      throw new Error(`${name}.timeout must be a time of at most 8s, "2s"`);
    }
    return {
      ...(pattern === undefined ? {} : { pattern }),
      events: events === undefined ? ['message'] : parseTexts(events, EVENTS, `${name}.events`),
      module,
      ...(milliseconds === undefined ? {} : { timeoutSeconds: milliseconds / 1000 }),
    };
  });
}

/** Loads every module. The first entry that fits an event and its destination counts. */
export async function openApplications(
  settings: readonly ApplicationSettings[],
): Promise<Applications | undefined> {
  if (settings.length === 0) return undefined;
  const all = await Promise.all(
    settings.map(async (one) => ({ ...one, application: await load(one.module) })),
  );
  return {
    find: (event, destination) =>
      all.find(
        ({ events, pattern }) =>
          events.includes(event) &&
          (pattern === undefined || (destination !== undefined && concerns(pattern, destination))),
      ),
  };
}

async function load(file: string): Promise<Application> {
  const { default: application } = await moduleOf(file);
  if (typeof application !== 'function') {
    throw new Error(`${file} must export a function by default`);
  }
  return async (request) => application(request);
}

async function moduleOf(file: string): Promise<{ readonly default?: unknown }> {
  try {
    return await import(pathToFileURL(resolve(file)).href);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`The application ${file} cannot be loaded: ${why}`, { cause });
  }
}
