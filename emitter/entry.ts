/** The package's second entry, `stompway/emitter`: for the operator's own Lambdas and scripts. */
export { type EmitterOnAwsOptions, emitterOnAws } from './aws.ts';
export { Emitter } from './emitter.ts';
export { emitterByHttp } from './http.ts';
export type { RemoteSocket } from './operation.ts';
