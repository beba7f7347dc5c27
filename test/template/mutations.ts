/**
 * Faults, planted one at a time in a copy of the assembly, each with the code it must be caught by.
 * They prove the proof: a runtime that passes a broken template says nothing of a whole one.
 */
import type { Mutation } from './mutation.ts';
import { FUNCTIONS } from './mutations-functions.ts';
import { HTTP } from './mutations-http.ts';
import { INGRESS } from './mutations-ingress.ts';
import { JOB_FAULTS } from './mutations-jobs.ts';
import { LOGS } from './mutations-logs.ts';
import { RIGHTS } from './mutations-rights.ts';
import { API, LANGUAGE, TABLES } from './mutations-wiring.ts';

export const MUTATIONS: readonly Mutation[] = [
  ...API,
  ...INGRESS,
  ...JOB_FAULTS,
  ...LOGS,
  ...TABLES,
  ...LANGUAGE,
  ...RIGHTS,
  ...FUNCTIONS,
  ...HTTP,
];
