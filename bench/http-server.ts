/** Boot files over HTTP alone, serving one file from memory: the program whose CPU time `bench/http.ts` reads. */
import { readFileSync } from 'node:fs';
import express from 'express';
import { sha256Of } from '../server/edges/digest.ts';
import { realClock } from '../server/edges/real-clock.ts';
import { bootFilesRouter } from '../server/http/boot-files.ts';
import { contentInMemory } from '../server/ports/artefacts.ts';

const [address = '', file = ''] = process.argv.slice(2);
const whole = readFileSync(file);
const content = contentInMemory(sha256Of(whole), whole);
const quiet = (): void => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: console.error };
const files = { open: () => Promise.resolve({ is: 'file', content, ended: quiet } as const) };
express()
  .use(bootFilesRouter({ files, clock: realClock, log }))
  .listen(8080, address);
process.once('SIGTERM', () => process.exit());
