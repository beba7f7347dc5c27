import type { Writable } from 'node:stream';
import type { StreamingRuntime } from '../../lambda/function-url.ts';
import type { Tell } from './environment.ts';

export const awslambda: StreamingRuntime;
export function isStreaming(handler: unknown): boolean;
export function responseStream(tell: Tell): Writable;
