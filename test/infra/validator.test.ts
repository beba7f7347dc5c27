/**
 * CloudFormation's own schemas and rules, which aws-cdk-lib carries and applies at every synth. Its
 * report is as empty when it did not run as when all is well: hence the planted finding.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { type Ingress, StompBroker } from '../../infra/stomp-broker.ts';
import { list, object } from './synthesized.ts';

const folder = mkdtempSync(join(tmpdir(), 'stompway-validator-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What the validator finds: `rule: message` of each violation. */
function findings(ingress: Ingress, spoil: (broker: StompBroker) => void = () => {}): string[] {
  const outdir = mkdtempSync(join(folder, 'out-'));
  const app = new App({ outdir, context: { 'aws:cdk:bundling-stacks': [] } });
  const broker = new StompBroker(new Stack(app, 'Test'), 'Broker', { ingress });
  spoil(broker);
  quietly(() => app.synth());
  const report: unknown = JSON.parse(readFileSync(join(outdir, 'validation-report.json'), 'utf8'));
  return list(object(report)['pluginReports'])
    .map(object)
    .flatMap((each) => list(each['violations']).map(object))
    .map(({ ruleName, description }) => `${ruleName}: ${description}`);
}

/** Findings go to the report and, once more, to the console. */
function quietly(run: () => void): void {
  const { error } = console;
  console.error = () => {};
  try {
    run();
  } finally {
    console.error = error;
  }
}

test.each<Ingress>(['fifo', 'direct'])(
  'CloudFormation finds no fault with %s ingress',
  (ingress) => {
    expect(findings(ingress)).toEqual([]);
  },
);

test('it did look: a planted fault is found', () => {
  const found = findings('fifo', ({ functions }) => {
    const { defaultChild } = functions.message.node;
    if (!(defaultChild instanceof CfnFunction)) throw new Error('no function to spoil');
    defaultChild.addPropertyOverride('Runtime', 'nodejs24');
    defaultChild.addPropertyOverride('MemorySizes', 512);
  });
  expect(found).toEqual([
    expect.stringMatching(/^F3002: MemorySizes: Additional properties are not allowed/),
    expect.stringMatching(/^W3030: Runtime: 'nodejs24' is not one of/),
  ]);
});
