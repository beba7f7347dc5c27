import { startBroker } from '../../local/broker.ts';
import { QUESTIONS } from './questions.ts';
import { page, verify } from './verify.ts';

test('every question but the slow has an answer, and here it is what was supposed', async () => {
  const broker = await startBroker({ port: 0, memory: true });
  try {
    const url = `ws://127.0.0.1:${broker.port}/ws`;
    const findings = await verify(url, { slow: false, print: () => undefined });
    expect(findings).toHaveLength(QUESTIONS.filter(({ slow }) => !slow).length);
    const found = findings.map((finding) => finding.found).join('\n');
    expect(found).not.toContain('no answer');
    expect(found).toContain('came back unchanged');
    expect(found.match(/1000 of 1000 came, 0 behind a later one/g)).toHaveLength(2);
    expect(found).toContain('119 KB: 121856 octets came');
    expect(found).toContain('129 KB: ERROR frame-too-large');
    expect(found).toContain('33 KB: 1009');
    expect(page(url, findings, '2026-11-24').split('\n').length).toBeGreaterThan(findings.length);
  } finally {
    await broker.close();
  }
}, 60_000);
